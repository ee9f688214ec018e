"""What can go wrong, and what was seen: errors, findings and the one registry of their codes.

    ProvenanceError            the tool could not do its job (exit code 2)
    ├── UsageError             the call itself is wrong
    ├── ArtifactError          a model, dataset or file cannot be read as what it is said to be
    ├── StatementError         a document is not the statement, or the YAML, that it should be
    ├── BundleError            an envelope or bundle cannot be made
    ├── TrustError             a key or a trust file cannot be used
    ├── PolicyError            a policy cannot be used
    ├── RegistryError          a registry cannot be written or read
    └── RunError               a command could not be recorded or run again

An exception means that the tool could not do its job; a `Finding` says what it saw doing it.
Both carry a stable code from `CODES`, a location and a hint: what happened, where, what to do next.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]

CODES: dict[str, str] = {
    # the call
    "usage": "the command line or the arguments of a function are wrong",
    "output-unwritable": "an output cannot be written",
    "input-unreadable": "a file cannot be read",
    "demo-input-missing": "the demo's input is not installed",
    "internal": "a defect of this tool",
    # artefacts
    "path-not-found": "there is nothing at this path",
    "folder-empty": "the folder holds no regular file",
    "folder-has-no-weights": "no file of the folder holds weights in a known container",
    "file-changed-while-read": "a file changed while its bytes were read",
    "file-hard-linked": "a file has other names, through which it can be changed",
    "file-polyglot": "a weight file that is also a file of another kind",
    "file-holds-code": "files of a model are code, which loading it may run",
    "file-sparse": "a file claims far more bytes than were ever written to it",
    "file-special": "a device, pipe or socket lies in the folder",
    "file-is-symlink": "a symbolic link lies in the folder",
    "file-name-invalid": "a name is not UTF-8, holds control characters or is not portable",
    "file-name-collides": "two names are equal under case folding or Unicode normalisation",
    "path-too-deep": "a path is longer or deeper than the file system allows",
    "archive-invalid": "a zip or tar archive is damaged, or holds what cannot be unpacked safely",
    "archive-not-asked": "an archive is looked into only where that is asked for",
    "archive-too-large": "an archive would unpack to more than its size makes believable, or than there is room for",
    "arrow-invalid": "an Arrow file or stream is damaged or is none",
    "cluster-unusable": "a cluster cannot be reached, has no workers, or has another version of this tool",
    "cache-unusable": "the digest cache is damaged, locked or not the user's own; the files were read instead",
    "csv-invalid": "a CSV file breaks RFC 4180, or a record has another number of fields than the header",
    "dataset-empty": "a dataset without a record",
    "dataset-layout": "which files make which split of a dataset cannot be told",
    "dataset-media-outside": "an image or sound of a dataset lies outside the file that names it",
    "dataset-proof-invalid": "a proof does not lead from its record to the root of the dataset",
    "dataset-row-missing": "the dataset has no such split or record",
    "dataset-schema-invalid": "not a schema of a dataset",
    "dataset-schema-mismatch": "a file has other columns or types than the schema",
    "dataset-schema-missing": "a container without types is to be read, and no schema says which they are",
    "dataset-type-unsupported": "a column's type has no canonical encoding",
    "dataset-value-invalid": "a value is not of its column's type",
    "store-unusable": "a store of bundles, or its index, cannot be opened, read or written",
    "extra-missing": "a library of an optional extra is not installed",
    "gguf-invalid": "a GGUF file breaks the format",
    "hub-digest-mismatch": "a file of the Hugging Face cache is not the one that the Hub recorded under its name",
    "hub-digest-unchecked": "a file of the Hugging Face cache has no recorded digest to hold it against",
    "hub-link-outside": "a link of the Hugging Face cache leads out of it",
    "hub-not-cached": "the Hugging Face cache does not hold this repository or revision",
    "index-mismatch": "an index and its shards disagree about a tensor",
    "network-not-allowed": "the source is on a network, which was not allowed",
    "npz-invalid": "a .npz or .npy file breaks the format",
    "oci-digest-mismatch": "an OCI registry served other bytes than the digest that it was asked for",
    "oci-invalid": "an OCI manifest is not one of a model that can be read",
    "parquet-invalid": "a Parquet file is damaged or is none",
    "pickle-invalid": "the pickle of a checkpoint is damaged, or disagrees with the file that it is in",
    "pickle-unsafe": "a pickle asks for more than the construction of tensors, and would have to be run",
    "safetensors-invalid": "a safetensors file breaks the format",
    "safetensors-truncated": "a safetensors file is shorter than its header says",
    "shard-missing": "an index names a shard that is not there",
    "source-unreachable": "a remote source cannot be listed or read",
    "tensor-duplicate": "one tensor name occurs in two shards",
    "tensor-name-odd": "a tensor's name could mislead whoever shows it or makes a path of it",
    "weights-amplified": "the tensors of a file are many times larger than the file",
    "weights-hidden-bytes": "a weight container holds bytes that belong to nothing that it describes",
    "weights-differ": "one folder holds different weights in different containers",
    "weights-elsewhere": "one folder holds the same weights in different containers",
    "weights-hold-template": "a weight file holds a chat template, which is a program",
    "weights-state-licence": "a weight file states a licence in its own metadata",
    "weights-too-many": "a weight file has more tensors, or more text about them, than is read of one file",
    "weights-unsupported": "a weight container that this version does not read",
    "zip-invalid": "an archive of weights breaks the format, or reads differently from its two ends",
    # documents
    "document-too-large": "a document is larger than the limit",
    "document-too-deep": "a document is nested deeper than the limit",
    "json-invalid": "not strict JSON in UTF-8",
    "yaml-invalid": "not YAML 1.2, or uses tags, aliases, merges or duplicate keys",
    "schema-mismatch": "a document does not follow its schema",
    "schema-version": "a document is of a version of its schema that is not read here",
    "verdict-contradicts-itself": "a verdict says two things that cannot both be so",
    "member-case-variant": "a member differs from a known one only in case",
    "statement-invalid": "not an in-toto Statement v1",
    "statement-weak-digest": "a subject has no digest of SHA-2 strength",
    "predicate-unknown": "a predicate type that this version does not know",
    "declared-read": "a declared document was read; it is unsigned",
    "declared-unsupported": "a declared document of a kind or version that is not read",
    # signatures, bundles
    "bundle-invalid": "not a Sigstore bundle",
    "bundle-media-type": "a bundle media type that this version does not know",
    "bundle-signature-count": "a bundle must hold exactly one signature, an envelope one or a few",
    "bundle-kind-unsupported": "verification material that this version does not check",
    "base64-invalid": "not strict base64",
    "payload-type": "the payload type is not an in-toto statement's",
    "signature-invalid": "no trusted key made this signature",
    "signature-unknown-signer": "the signature is by a key that the trust file does not list",
    "signer-not-in-scope": "the signer may not speak of this predicate type or subject",
    "signer-outside-window": "the signer's validity window does not include the time",
    "artifact-recalled": "the trust file recalls this artefact",
    "signer-revoked": "the key, bundle or artefact is revoked in the trust file",
    "subject-mismatch": "the statement speaks of another artefact",
    "key-invalid": "not a key of a supported kind",
    "key-less-known": "a key of a kind that other tools do not verify with",
    "key-passphrase": "the passphrase of a private key is missing or wrong",
    "key-is-private": "a private key stands where a public key belongs",
    "artifact-mismatch": "a bundle signs another file",
    "certificate-invalid": "a signing certificate breaks its profile, or has no chain to the trust root",
    "certificate-outside-validity": "a certificate was not valid at a proven time of the signature",
    "identity-mismatch": "the signature is by another identity or issuer than was asked for",
    "identity-token-invalid": "an identity token cannot be used to sign",
    "log-entry-mismatch": "a log entry is about another signature",
    "log-entry-missing": "the signature is in no transparency log",
    "log-entry-unsupported": "a log entry of a kind that this version does not check",
    "log-promise-invalid": "a log's promise (signed entry timestamp) is missing or wrong",
    "log-proof-invalid": "a log's inclusion proof or checkpoint is missing or wrong",
    "sct-invalid": "a certificate's log timestamp (SCT) is missing or wrong",
    "signer-unavailable": "a token, a key service or a timestamp authority cannot be used to sign",
    "signing-failed": "a Sigstore instance did not sign",
    "signing-time-future": "a signature is said to be made after the time of the verdict",
    "signing-time-unproven": "no log and no timestamp authority proves when a signature was made",
    "timestamp-invalid": "an RFC 3161 timestamp by a trusted authority does not hold",
    "trust-root-invalid": "a Sigstore trust root or trust config cannot be used",
    "trust-root-unknown": "an authority or log that the trust root does not list",
    "verifiers-disagree": "sigstore-python does not confirm what was verified here",
    # trust
    "trust-invalid": "the trust file cannot be used",
    "trust-expired": "the trust file has expired",
    "trust-rollback": "the trust file is not the newest one that was seen",
    "trust-unsigned": "the trust file is not signed by the key that must have signed it",
    "trust-entry-expired": "an entry of a trust file has expired, or soon will have",
    "trust-entry-overlap": "two entries of a trust file say the same, or speak for two parties in one matter",
    "trust-entry-unmatched": "an entry of a trust file that can never match anything",
    "trust-entry-wide": "an entry of a trust file lets somebody speak of more than was likely meant",
    "threshold-not-met": "fewer principals signed a statement than the trust file demands",
    # policies and verdicts
    "policy-not-found": "there is no policy of this name",
    "policy-invalid": "the policy cannot be used",
    "policy-cases-missing": "a policy has no cases to test it with",
    "policy-cases-invalid": "the cases of a policy cannot be used",
    "policy-not-in-force": "the policy is not in force yet, or has expired",
    "requirement-unknown": "the catalogue, the policy or the verdict has no such requirement",
    "requirement-not-waivable": "the policy does not let this requirement be waived",
    "as-of-in-the-future": "the verdict was asked for as of a time in the future",
    "as-of-in-the-past": "the verdict was asked for as of a time in the past",
    # registries
    "registry-damaged": "an entry of the registry is not what its address says",
    # lineage and coverage
    "assessment-without-effect": "an assessment by a trusted signer that counts for nothing here",
    "evidence-none": "no evidence was found",
    "evidence-unlisted": "a trusted statement that the release does not stand on",
    "evidence-missing": "a bundle that the release lists is not there",
    "layout-not-met": "the links beside an in-toto layout do not meet it",
    "evidence-conflict": "two trusted statements disagree",
    "lineage-claimed-twice": "several steps say that they made one thing",
    "lineage-gap": "an input that nobody attests",
    "lineage-cycle": "a step depends on its own output",
    "lineage-tensors-only": "a step is joined to what it made by tensors alone",
    "lineage-time": "times run backwards",
    "file-not-covered": "no trusted signature covers this file",
    "file-mismatch": "a file differs from what was signed",
    "file-ignored": "a file that the signer of a model signature left out",
    "file-empty": "an empty file, which a model signature over shards has no row for",
    "file-weakly-covered": "a file that is signed by nothing but a digest of another kind than SHA-2",
    "statement-contradicts-itself": "the digests that a statement gives for one thing are those of several",
    "file-missing": "a signed file is not there",
    "tensor-mismatch": "a tensor differs from what was signed",
    "tensor-missing": "a signed tensor is not there",
    "tensor-not-covered": "no trusted signature covers this tensor",
    "licence-claims-differ": "a card, a licence's text and a release do not agree on the licence of the weights",
    "subject-named-otherwise": "a signer calls this model by a name of its own scope, which it does not have here",
    "left-out": "a repository file that is left out of an admitted copy",
    # recording and running again
    "command-failed": "a recorded command failed when it was run again",
    "command-not-found": "the program of a command cannot be started",
    "command-redacted": "a secret was taken out of a recorded command, which cannot run without it",
    "export-incomplete": "a step cannot be said in another format without leaving something out",
    "execution-not-allowed": "running a recorded command was not allowed",
    "input-changed": "an input changed while the command ran",
    "input-missing": "an input that a step recorded is not at hand",
    "output-missing": "the command did not make an output",
    "output-unchanged": "an output was there before the command, which did not write it",
    "platform-unsupported": "this system cannot give what the command promises",
    "reproduction-undetermined": "nothing was compared, so there is nothing to state",
    "sandbox-unavailable": "neither bubblewrap nor user namespaces can be used here",
    "step-ambiguous": "several trusted steps answer the description",
    "step-not-found": "no trusted step answers the description",
}


def quoted(text: str) -> str:
    """Somebody's own words in a sentence: in the quotes and with the escapes of JSON, so that their end is certain."""
    return json.dumps(text, ensure_ascii=False)


def said(value: Any) -> str:
    """A value of a document in a sentence, as its writer spells it: `true` and never `True`, a text without quotes."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} ({said(inner)})" if isinstance(inner, Mapping) else f"{name} {said(inner)}"
                         for name, inner in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(said, value)) or "none"
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


class ProvenanceError(Exception):
    """The tool could not do its job: a code of `CODES`, a sentence, where, and what to do next."""

    def __init__(self, code: str, message: str, *, location: str = "", hint: str = "") -> None:
        CODES[code]  # an unregistered code is a defect, found by the first test that reaches it
        super().__init__(message)
        self.code, self.message, self.location, self.hint = code, message, location, hint

    def __reduce__(self) -> tuple[Any, ...]:
        """As it is sent from one process to another."""
        return partial(type(self), self.code, self.message, location=self.location, hint=self.hint), ()


class UsageError(ProvenanceError):
    """The call itself is wrong."""


class ArtifactError(ProvenanceError):
    """A model, dataset or file cannot be read as what it is said to be."""


class StatementError(ProvenanceError):
    """A document is not the statement, or the YAML, that it should be."""


class BundleError(ProvenanceError):
    """An envelope or bundle cannot be made."""


class TrustError(ProvenanceError):
    """A key or a trust file cannot be used."""


class PolicyError(ProvenanceError):
    """A policy cannot be used."""


class RegistryError(ProvenanceError):
    """A registry cannot be written or read."""


class RunError(ProvenanceError):
    """A command could not be recorded or run again."""


@dataclass(frozen=True, order=True)
class Finding:
    """Something seen while working; it never stops the work, and is never dropped."""

    code: str
    severity: Severity
    message: str
    location: str = ""
    hint: str = ""

    def __post_init__(self) -> None:
        CODES[self.code]

    def to_dict(self) -> dict[str, str]:
        """The finding as the verdict document spells it."""
        return {"code": self.code, "severity": self.severity, "message": self.message,
                "location": self.location, "hint": self.hint}
