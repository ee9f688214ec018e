"""A software bill of materials of a serving stack: SPDX 2 or CycloneDX JSON as the predicate of an in-toto statement.

Predicates `https://cyclonedx.org/bom` and `https://spdx.dev/Document`, each also with a version behind (`/v1.6`); the
subject is what the stack is installed from, an image for instance. Other tools write them, so nothing in one is certain
to be there: what is missing or is not text is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provenance.artifacts.digest import Identity, identities, problem_with
from provenance.errors import StatementError
from provenance.statements.licence_words import UNREADABLE, joined_licence, spdx_licence
from provenance.statements.statement import ResourceDescriptor, Statement

CYCLONEDX = "https://cyclonedx.org/bom"
SPDX = "https://spdx.dev/Document"
_MAX_DEPTH = 16  # of components inside components


@dataclass(frozen=True)
class Package:
    """One component of the stack: as the document names it, its version and licence ("": not stated), its digests."""

    name: str
    version: str
    license: str
    identities: frozenset[Identity]


@dataclass(frozen=True)
class Sbom:
    """The stack by digest, and its components."""

    subjects: tuple[ResourceDescriptor, ...]
    packages: tuple[Package, ...]

    @classmethod
    def from_statement(cls, statement: Statement, location: str) -> Sbom:
        """Parse; StatementError `schema-mismatch`, `predicate-unknown` for a version that is not read."""
        data = statement.predicate
        if is_sbom(statement.predicate_type, CYCLONEDX):
            if data.get("bomFormat") != "CycloneDX":
                raise _unread("bomFormat is not CycloneDX", location)
            return cls(statement.subjects, tuple(_cyclonedx(data.get("components", []), location, 0)))
        if not str(data.get("spdxVersion", "")).startswith("SPDX-2."):
            raise _unread("spdxVersion is not SPDX-2", location)
        return cls(statement.subjects, tuple(_spdx(data.get("packages", []), location)))


def is_sbom(predicate_type: str, *families: str) -> bool:
    """Whether a predicate type is one of these families, with or without a version behind it."""
    return any(predicate_type == one or predicate_type.startswith(f"{one}/v") for one in families or (CYCLONEDX, SPDX))


def _cyclonedx(rows: Any, location: str, depth: int) -> Iterator[Package]:
    if depth > _MAX_DEPTH:
        raise _broken("components are nested too deeply", location)
    for row in _rows(rows, location):
        hashes = {_text(item, "alg"): _text(item, "content") for item in _rows(row.get("hashes", []), location)}
        licence = joined_licence(_choice(item) for item in _rows(row.get("licenses", []), location))
        yield Package(_text(row, "name"), _text(row, "version"), licence or "", _identities(hashes))
        yield from _cyclonedx(row.get("components", []), location, depth + 1)


def _choice(row: Mapping[str, Any]) -> str:
    named = row.get("license")
    named = named if isinstance(named, dict) else {}
    return _text(row, "expression") or _text(named, "id") or _text(named, "name") or UNREADABLE


def _spdx(rows: Any, location: str) -> Iterator[Package]:
    for row in _rows(rows, location):
        sums = {_text(item, "algorithm"): _text(item, "checksumValue")
                for item in _rows(row.get("checksums", []), location)}
        licence = spdx_licence(row.get("licenseDeclared"), row.get("licenseConcluded"))
        yield Package(_text(row, "name"), _text(row, "versionInfo"), licence or "", _identities(sums))


def _identities(sums: Mapping[str, str]) -> frozenset[Identity]:
    digests = {name.lower().replace("-", ""): value.lower() for name, value in sums.items()}
    strong = {name: value for name, value in digests.items() if name in ("sha256", "sha384", "sha512")}
    return frozenset() if problem_with(strong) else identities(strong)


def _rows(value: Any, location: str) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _broken("a list of its parts is none", location)
    return value


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _broken(why: str, location: str) -> StatementError:
    return StatementError("schema-mismatch", f"not a bill of materials that can be read: {why}", location=location,
                          hint="ask the signer for CycloneDX or SPDX 2 JSON")


def _unread(why: str, location: str) -> StatementError:
    return StatementError("predicate-unknown", f"a bill of materials of a kind that is not read: {why}",
                          location=location, hint="CycloneDX and SPDX 2 are read, as JSON")
