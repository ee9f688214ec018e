"""What a bundle may be found by: the digests of its subjects and its predicate type, as it says itself, unverified.

The subjects of an in-toto link are what it made. Facts decide where to look and nothing else. What is found is verified
as if it had been handed in.
"""

from __future__ import annotations

import binascii
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from provenance.artifacts.digest import normalise
from provenance.bundles.envelope import MAX_BUNDLE
from provenance.errors import ProvenanceError
from provenance.statements.intoto import read_payload
from provenance.statements.reader import parse_json, to_json


@dataclass(frozen=True)
class Facts:
    """Subjects as `algorithm:hex`, every digest of each of them, and the predicate type ("": none can be told)."""

    predicate_type: str = ""
    subjects: frozenset[str] = frozenset()

    def match(self, subjects: Collection[str], predicate_type: str) -> bool:
        """Whether a bundle with these facts is asked for; no subjects, or no type, ask for any."""
        return (not subjects or not self.subjects.isdisjoint(subjects)) and predicate_type in ("", self.predicate_type)


def facts_unverified(data: bytes) -> Facts:
    """The facts of one bundle, envelope or metablock; of what cannot be read, none."""
    payload = payload_unverified(data)
    try:
        statement = parse_json(payload, "") if payload is not None else None
        if isinstance(statement, dict) and "_type" in statement and "predicateType" not in statement:
            statement = _as_statement(payload or b"")
    except ProvenanceError:
        return Facts()
    if not isinstance(statement, dict):
        return Facts()
    kind, subjects = statement.get("predicateType"), statement.get("subject")
    found = frozenset(
        f"{algorithm}:{value}" for subject in (subjects if isinstance(subjects, list) else ())
        for algorithm, value in normalise(_digest(subject)).items()
    )
    return Facts(kind if isinstance(kind, str) and _is_text(kind) else "", frozenset(filter(_is_text, found)))


def _as_statement(legacy: bytes) -> dict[str, Any]:
    """A link or layout from before attestations in the form of a statement."""
    told = read_payload(legacy, "")
    return {"predicateType": told.predicate_type, "subject": [subject.to_dict() for subject in told.subjects]}


def _digest(subject: Any) -> dict[str, str]:
    digest = subject.get("digest") if isinstance(subject, dict) else None
    return {key: value for key, value in digest.items() if isinstance(value, str)} if isinstance(digest, dict) else {}


def _is_text(value: str) -> bool:
    """Whether a database can hold it, and it is worth it: no digest and no type URI is as long as that."""
    return len(value) <= 1000 and "\0" not in value


def payload_unverified(data: bytes) -> bytes | None:
    """What a bundle, an envelope, a metablock or a PEP 740 attestation carries, whoever signed it; None for nothing."""
    try:
        document = parse_json(data, "", limit=MAX_BUNDLE)
        if isinstance(document.get("signed"), dict):
            return to_json(document["signed"])
        envelope = document.get("dsseEnvelope", document)
        text = envelope["payload"] if "payload" in envelope else document["envelope"]["statement"]
        return binascii.a2b_base64(text.replace("-", "+").replace("_", "/"))
    except (ProvenanceError, AttributeError, KeyError, TypeError, ValueError):
        return None
