"""OpenSSF Model Signing (OMS) v1.0, exactly to the specification: what is signed, and what is in hand.

Predicate `https://model_signing/signature/v1.0`. Section numbers in this room are the specification's. Nothing of ours
is added to it. Its verdict and our coverage are two results: the signed serialization decides how the first is
computed, and is an instruction to nobody about the second.

    signature  what a model signature says     writing    the statement that is signed
    reading    a statement as a signature      legacy     predicates and signatures of releases before 0.3
    comparing  a model held against it
"""

from provenance.bundles.oms.comparing import compare_with, judge, named_as_here
from provenance.bundles.oms.legacy import LEGACY, is_signed_as_by_release_0_2, legacy_pae
from provenance.bundles.oms.reading import is_model_signature, problem_with_ignored, read_signature
from provenance.bundles.oms.signature import HASHES, METHODS, SHARD_SIZE, ModelSignature, Serialization
from provenance.bundles.oms.writing import MODEL_SIGNATURE, model_statement, serialization_for

__all__ = [
    "HASHES",
    "LEGACY",
    "METHODS",
    "MODEL_SIGNATURE",
    "SHARD_SIZE",
    "ModelSignature",
    "Serialization",
    "compare_with",
    "is_model_signature",
    "is_signed_as_by_release_0_2",
    "judge",
    "legacy_pae",
    "model_statement",
    "named_as_here",
    "problem_with_ignored",
    "read_signature",
    "serialization_for",
]
