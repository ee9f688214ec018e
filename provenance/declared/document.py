"""What a declared document comes to: datasets, components and edges, and every line of it with its basis and voice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from provenance.artifacts.digest import HEX_LENGTHS, problem_with
from provenance.artifacts.names import brief
from provenance.errors import Finding, StatementError, said
from provenance.statements.dataset import Dataset

MAX_THINGS = 100_000
MAX_TEXT = 4_000
_HASHES = {"SHA-256": "sha256", "SHA256": "sha256", "SHA-384": "sha384", "SHA384": "sha384", "SHA-512": "sha512",
           "SHA512": "sha512", "MD5": "md5", "SHA-1": "sha1", "SHA1": "sha1"}


@dataclass(frozen=True)
class Component:
    """One part of a bill of materials; `kind` is the document's own word, `license` what it says in one expression."""

    name: str
    version: str = ""
    kind: str = ""
    license: str | None = None
    purl: str = ""
    digest: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Edge:
    """`target` was made with `source`, says somebody; weak unless the bytes were at hand and read again."""

    source: str
    target: str
    role: str
    digest: Mapping[str, str] = field(default_factory=dict)
    strength: Literal["weak", "file"] = "weak"

    @property
    def basis(self) -> Literal["stated", "recomputed"]:
        """Whether the digest was derived from bytes."""
        return "recomputed" if self.strength == "file" else "stated"


@dataclass(frozen=True)
class Line:
    """One thing that is declared. The voice is `unsigned`, whatever the document says of itself."""

    subject: str
    what: str
    value: str
    basis: Literal["stated", "recomputed"] = "stated"
    voice: Literal["unsigned"] = "unsigned"

    def to_dict(self) -> dict[str, str]:
        """As `schemas/declared.schema.json` spells it."""
        return {"subject": self.subject, "what": self.what, "value": self.value, "basis": self.basis,
                "voice": self.voice}


@dataclass(frozen=True)
class Declared:
    """One document: its format, and everything that it declares."""

    file: str
    sha256: str
    format: str
    datasets: tuple[Dataset, ...] = ()
    components: tuple[Component, ...] = ()
    edges: tuple[Edge, ...] = ()
    findings: tuple[Finding, ...] = ()

    def lines(self) -> Iterator[Line]:
        """Every line, in the order of the document."""
        for dataset in self.datasets:
            yield from _of_dataset(dataset)
        for part in self.components:
            yield from _of_component(part)
        for edge in self.edges:
            named = f"{edge.source} ({spelled(edge.digest)})" if edge.digest else f"{edge.source} (no digest)"
            yield Line(edge.target, f"made with {edge.role}, {edge.strength}", named, edge.basis)


def _of_dataset(dataset: Dataset) -> Iterator[Line]:
    subject = f"dataset {dataset.name}"
    for name, value in _flat(dataset.facts):
        if name != "name":
            yield Line(subject, name, value)
    for part in dataset.subjects:
        yield Line(subject, "file", f"{part.name} ({spelled(part.digest)})")


def _flat(facts: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        elif isinstance(value, list | tuple):
            yield f"{before}{name}", "; ".join(map(said, value))
        else:
            yield f"{before}{name}", said(value)


def _of_component(part: Component) -> Iterator[Line]:
    subject = f"{part.kind or 'component'} {part.name}"
    for what, value in (("version", part.version), ("licence", part.license or ""), ("purl", part.purl),
                        ("digest", spelled(part.digest))):
        yield Line(subject, what, value or "not stated")


def spelled(digest: Mapping[str, str]) -> str:
    """`md5:...` for each of a set, the weak ones named for what they are."""
    return ", ".join(f"{name}:{value}" for name, value in sorted(digest.items()))


class Told:
    """Collects what is to be told of one document while it is read, and bounds how much of it is read."""

    def __init__(self, location: str) -> None:
        self.location = location
        self.findings: list[Finding] = []
        self._things = 0

    def tell(self, message: str, hint: str, code: str = "schema-mismatch") -> None:
        """Something that is not as the format has it; a document full of it is told of once for each hundred."""
        if len(self.findings) < 100:
            self.findings.append(Finding(code, "warning", message, self.location, hint))

    def count(self) -> None:
        """One thing more; StatementError `document-too-large`."""
        self._things += 1
        if self._things > MAX_THINGS:
            raise StatementError("document-too-large", f"it declares more than {MAX_THINGS} things",
                                 location=self.location, hint="split the document")

    def mappings(self, value: object, what: str) -> Iterator[Mapping[str, Any]]:
        """The mappings of a list; what is none is told, and left out."""
        for item in as_list(value):
            self.count()
            if isinstance(item, dict):
                yield item
            else:
                self.tell(f"{what} is not an object, and is not read", "see the format's specification")

    def text(self, part: Mapping[str, Any], key: str, what: str) -> str:
        """A text, cut where it is endless; what is none is told, and is not read."""
        value = part.get(key)
        if isinstance(value, str):
            return cut(value)
        if value is not None:
            self.tell(f"{key} of {brief(what)} is not text, and is not read", "write it as text")
        return ""

    def digest(self, algorithm: object, value: object, what: str) -> dict[str, str]:
        """One digest as a set, empty where it is none: the placeholder of a format is no digest."""
        name = _HASHES.get(str(algorithm).upper(), "")
        if not name or not isinstance(value, str):
            return {}
        digest = {name: value.lower() if len(value) == HEX_LENGTHS[name] else value}
        if problem := problem_with(digest):
            self.tell(f"{name} of {brief(what)} is no digest: {problem}", "give the digest of the file, or none")
            return {}
        return digest


_SPACES = re.compile(r"\s+")


def cut(text: str) -> str:
    """A text of the document in one line, without an end that nobody reads."""
    flat = _SPACES.sub(" ", text[: 2 * MAX_TEXT]).strip()
    return flat if len(flat) <= MAX_TEXT else f"{flat[:MAX_TEXT]}… (cut)"


def as_list(value: object) -> list[Any]:
    """A value that may stand alone or in a list, as formats of JSON-LD have it."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def texts(value: object) -> list[str]:
    """The texts of a value that may stand alone or in a list; whatever else is there is left out."""
    return [cut(item) for item in as_list(value) if isinstance(item, str) and item.strip()]


def facts_of(**parts: Any) -> dict[str, Any]:
    """The facts that are there: what is empty is not stated."""
    found = {name: facts_of(**value) if isinstance(value, dict) else value for name, value in parts.items()}
    return {name: value for name, value in found.items() if value}


def unsupported(why: str, location: str, hint: str) -> StatementError:
    """The error of a document of a kind or version that is not read."""
    return StatementError("declared-unsupported", why, location=location, hint=hint)
