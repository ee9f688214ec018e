"""Predicates that are read, held to their schema and shown, and are never evidence for a requirement of ours.

Verdicts and properties that others state (VSA, SVR, SCAI), test results, traces and references, and publish
attestations of registries, which repeat who uploaded a file. A subject of theirs may be named by what is no digest
(`gce_image_id`): nothing is joined by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provenance.statements.statement import Statement

VERIFICATION_SUMMARY = "https://slsa.dev/verification_summary/v1"
# Predicate type -> its schema; "" where members may be anything, or absent.
SHOWN: Mapping[str, str] = {
    VERIFICATION_SUMMARY: "verification-summary",
    "https://conforma.dev/verification_summary/v1": "",
    "https://in-toto.io/attestation/svr/v0.2": "svr",
    "https://in-toto.io/attestation/svr/v0.1": "",
    "https://in-toto.io/attestation/scai/v0.3": "scai",
    "https://in-toto.io/attestation/scai/attribute-report/v0.2": "scai",
    "https://docs.pypi.org/attestations/publish/v1": "",
    "https://github.com/npm/attestation/tree/main/specs/publish/v0.1": "",
    "https://in-toto.io/attestation/reference/v0.1": "",
    "https://in-toto.io/attestation/release/v0.1": "",
    "https://in-toto.io/attestation/runtime-trace/v0.1": "",
    "https://in-toto.io/attestation/test-result/v0.1": "",
}
_VERDICTS = {name for name in SHOWN if "verification_summary" in name or "/svr/" in name}


def check_shown(statement: Statement, location: str) -> str:
    """Why it is no evidence, in words; StatementError `schema-mismatch` where it breaks its schema."""
    from provenance.statements.reader import validate

    if schema := SHOWN[statement.predicate_type]:
        validate(statement.predicate, schema, location)
    what = "a verdict is output" if statement.predicate_type in _VERDICTS else "it is shown"
    return f"{what}, never evidence here"
