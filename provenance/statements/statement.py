"""in-toto Statement v1 (`spec/v1/statement.md`), and v0.1 to read: subjects, a predicate type, and a predicate.

    {"_type": "https://in-toto.io/Statement/v1", "subject": [{"name", "digest"}...], "predicateType", "predicate"}

A statement is parsed from the very bytes that were signed, once, and never written back from the parsed form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from provenance.artifacts.digest import Identity, identities, kind_of, problem_with
from provenance.artifacts.names import brief
from provenance.errors import StatementError
from provenance.statements.reader import parse_json, refuse_case_variants, to_json
from provenance.statements.shown import SHOWN

STATEMENT_V1 = "https://in-toto.io/Statement/v1"
STATEMENT_V01 = "https://in-toto.io/Statement/v0.1"  # older builders write it; its members are those of v1
WITNESS_COLLECTION = "https://witness.testifysec.com/attestation-collection/v0.1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
URN = "urn:open-provenance:"
# What is only shown, and Witness, which names commits and users beside the files that it found.
_NAMED_ANYHOW = frozenset({*SHOWN, WITNESS_COLLECTION})
_MEMBERS = frozenset({"_type", "subject", "predicateType", "predicate"})
_DESCRIPTOR = frozenset({"name", "uri", "digest", "content", "downloadLocation", "mediaType", "annotations"})


@dataclass(frozen=True)
class ResourceDescriptor:
    """in-toto ResourceDescriptor (`spec/v1/resource_descriptor.md`): a thing by name and digests."""

    name: str = ""
    digest: Mapping[str, str] = field(default_factory=dict)
    uri: str = ""
    media_type: str = ""
    annotations: Mapping[str, Any] = field(default_factory=dict)

    @property
    def identities(self) -> frozenset[Identity]:
        """The strong identities that its digests give."""
        return identities(self.digest)

    @property
    def key(self) -> str:
        """What tells it from other things: its strong digest, or its name where it has none."""
        return next(map(str, self.identities), self.name)

    @property
    def role(self) -> str:
        """What the thing is to the step that names it (`annotations.role`), or ""."""
        return str(self.annotations.get("role", ""))

    def to_dict(self) -> dict[str, Any]:
        """As the specification spells it, without empty fields."""
        fields = {"name": self.name, "uri": self.uri, "digest": dict(self.digest), "mediaType": self.media_type,
                  "annotations": dict(self.annotations)}
        return {key: value for key, value in fields.items() if value}

    @classmethod
    def from_dict(cls, data: Any, location: str) -> ResourceDescriptor:
        """Parse one; StatementError `statement-invalid`."""
        if not isinstance(data, dict):
            raise _invalid("a resource descriptor is not an object", location)
        refuse_case_variants(data, _DESCRIPTOR, location)
        digest, annotations = data.get("digest", {}), data.get("annotations", {})
        texts = [data.get(key, "") for key in ("name", "uri", "mediaType")]
        if not isinstance(digest, dict) or not all(isinstance(value, str) for value in digest.values()):
            raise _invalid("a digest is not a map of strings", location)
        if not isinstance(annotations, dict) or not all(isinstance(text, str) for text in texts):
            raise _invalid("a resource descriptor has a field of the wrong type", location)
        if problem := problem_with(digest):
            raise _invalid(f"a digest is malformed: {problem}", location)
        return cls(texts[0], digest, texts[1], texts[2], annotations)


@dataclass(frozen=True)
class Statement:
    """One claim: `predicate` (type `predicate_type`) holds of every one of the `subjects`."""

    subjects: tuple[ResourceDescriptor, ...]
    predicate_type: str
    predicate: Mapping[str, Any]

    def to_bytes(self) -> bytes:
        """The JSON that is to be signed; StatementError `statement-invalid` for subjects that cannot be told apart."""
        _refuse_ambiguous(self.subjects, self.predicate_type)
        return to_json({
            "_type": STATEMENT_V1,
            "subject": [subject.to_dict() for subject in self.subjects],
            "predicateType": self.predicate_type,
            "predicate": self.predicate,
        })

    @classmethod
    def from_bytes(cls, payload: bytes, location: str) -> Statement:
        """Parse what was signed; StatementError `json-invalid`, `statement-invalid` or `statement-weak-digest`."""
        return cls.from_value(parse_json(payload, location), location)

    @classmethod
    def from_value(cls, data: Any, location: str) -> Statement:
        """The same from what was signed, read as JSON already."""
        if not isinstance(data, dict):
            raise _invalid("not an object", location)
        refuse_case_variants(data, _MEMBERS, location)
        if data.get("_type") not in (STATEMENT_V1, STATEMENT_V01):
            raise _invalid(f"its _type is not {STATEMENT_V1}", location)
        kind, predicate, subjects = data.get("predicateType"), data.get("predicate"), data.get("subject")
        if predicate is None and kind in SHOWN:
            predicate = {}  # a publish attestation says all in its type and subject
        if not isinstance(kind, str) or not kind or not isinstance(predicate, dict):
            raise _invalid("it has no predicate", location)
        if not isinstance(subjects, list) or not subjects:
            raise _invalid("it has no subject", location)
        parsed = tuple(ResourceDescriptor.from_dict(subject, location) for subject in subjects)
        if kind not in _NAMED_ANYHOW and not all(subject.identities for subject in parsed):
            raise StatementError("statement-weak-digest", "a subject has no digest of SHA-2 strength",
                                 location=location,
                                 hint="the signer must name what was digested by sha256, dirHash or tensorTree")
        _refuse_ambiguous(parsed, location)
        return cls(parsed, kind, predicate)


def _refuse_ambiguous(subjects: Iterable[ResourceDescriptor], location: str) -> None:
    # With one name for two digests of one kind, readers differ in which of them counts: the first or the last.
    seen: dict[tuple[str, str], Mapping[str, str]] = {}
    for subject in subjects:
        key = (subject.name, kind_of(subject.digest))
        if subject.name not in ("", "_") and seen.setdefault(key, subject.digest) != subject.digest:
            raise _invalid(f"two subjects named {brief(subject.name)} have different digests", location)


def descriptors(data: Any, location: str) -> tuple[ResourceDescriptor, ...]:
    """A list of resource descriptors inside a predicate; absent is empty."""
    if data is None:
        return ()
    if not isinstance(data, list):
        raise _invalid("a list of resource descriptors is not a list", location)
    return tuple(ResourceDescriptor.from_dict(item, location) for item in data)


def all_identities(items: Iterable[ResourceDescriptor]) -> frozenset[Identity]:
    """The strong identities of all of them together."""
    return frozenset(identity for item in items for identity in item.identities)


def _invalid(why: str, location: str) -> StatementError:
    return StatementError("statement-invalid", f"not an in-toto statement: {why}", location=location,
                          hint="ask the signer for an in-toto Statement v1")
