"""Rightly signed OMS v1.0 statements that break the specification, or use what this version does not read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import statements
from artifacts import MODEL
from making import Case, Json, Maker, changed, drop, invalid, put, unsupported
from reference import h

SERIALIZATION = ("predicate", "serialization")
IGNORED = (*SERIALIZATION, "ignore_paths")
SHARDS = {"method": "shards", "hash_type": "sha256", "allow_symlinks": False, "shard_size": 1_000_000_000}


def cases(maker: Maker) -> Iterator[Case]:
    """All of them."""
    yield from _lists(maker)
    yield from _serializations(maker)
    yield from _names(maker)
    yield from _unread(maker)


def _rows() -> list[Json]:
    rows: list[Json] = statements.model_signature()["predicate"]["resources"]
    return rows


def _listing(rows: list[Json]) -> Json:
    """A signature over these resources, with the root that belongs to them."""
    root = hashlib.sha256(b"".join(bytes.fromhex(row["digest"]) for row in rows)).hexdigest()
    return changed(statements.model_signature(), put("predicate", "resources", to=rows),
                   put("subject", 0, "digest", "sha256", to=root))


def _lists(maker: Maker) -> Iterator[Case]:
    first, *rest = _rows()
    make, broken = statements.model_signature, "statement-invalid"
    twice = [first, first | {"digest": h(b"wrong").hex()}, *rest]
    two = [make()["subject"][0], {"name": "b", "digest": {"sha256": h().hex()}}]
    resource = ("predicate", "resources", 0)
    for name, value, code, rule in (
        ("unsorted", _listing([*rest, first]), broken, "resources are sorted by name (5.2.1)"),
        ("listed-twice", _listing(twice), broken, "a file is listed once"),
        ("no-resources", _listing([]), "schema-mismatch", "there is at least one resource (5.2.1)"),
        ("root", changed(make(), put("subject", 0, "digest", "sha256", to=h(b"other").hex())), broken,
         "the subject is the root over the resources (6.5.1)"),
        ("two-subjects", changed(make(), put("subject", to=two)), broken, "there is one subject (6.5)"),
        ("digest-short", changed(make(), put(*resource, "digest", to="ab")), broken, "digests have their full length"),
        ("algorithm-md5", changed(make(), put(*resource, "algorithm", to="md5")), "schema-mismatch",
         "MD5 is not registered (7)"),
        ("algorithm-mixed", changed(make(), put(*resource, "algorithm", to="blake2b")), broken,
         "one algorithm for all (7)"),
    ):
        yield f"oms-{name}", maker.bundle(value), invalid(code, rule, "lab")


def _serializations(maker: Maker) -> Iterator[Case]:
    broken, mismatch = "statement-invalid", "schema-mismatch"
    for name, change, code, rule in (
        ("ignore-glob", put(*IGNORED, to=["*.py"]), broken, "no globs (6.2.1)"),
        ("ignore-absolute", put(*IGNORED, to=["/etc"]), broken, "no absolute paths (6.2.1)"),
        ("ignore-parent", put(*IGNORED, to=["a/../.."]), broken, "no way out (6.2.1)"),
        ("ignore-everything", put(*IGNORED, to=["."]), broken, "a signature does not ignore the model"),
        ("shard-size-zero", put(*SERIALIZATION, to=SHARDS | {"shard_size": 0}), mismatch, "shards have a size (5.2.2)"),
        ("shard-size-without-shards", put(*SERIALIZATION, "shard_size", to=1 << 20), broken,
         "a shard size belongs to shards (5.2.2)"),
        ("serialization-extra", put(*SERIALIZATION, "recursive", to=True), mismatch, "there are no other fields"),
        ("without-allow-symlinks", drop(*SERIALIZATION, "allow_symlinks"), mismatch, "a word on links (5.2.2)"),
    ):
        yield f"oms-{name}", maker.bundle(changed(statements.model_signature(), change)), invalid(code, rule, "lab")


def _names(maker: Maker) -> Iterator[Case]:
    first, *rest = _rows()
    rule = "names are canonical, relative and mean one thing everywhere (6.1.2)"
    for name, path in (
        ("parent", "../outside.txt"), ("absolute", "/etc/hostname"), ("drive", "C:\\outside.txt"),
        ("unc", "\\\\host\\share\\x"), ("dot", "./README.md"), ("double-slash", "a//README.md"), ("reserved", "CON"),
        ("nul", "README\x00.md"), ("line-break", "README\n.md"), ("empty", ""),
    ):
        rows = sorted([*rest, first | {"name": path}], key=lambda row: str(row["name"]))
        yield f"oms-name-{name}", maker.bundle(_listing(rows)), \
            invalid("statement-invalid" if path else "schema-mismatch", rule, "lab")


def _unread(maker: Maker) -> Iterator[Case]:
    rows = [row | {"name": f"{row['name']}:0:{len(MODEL[row['name']])}"} for row in _rows()]
    value = changed(_listing(rows), put(*SERIALIZATION, to=SHARDS))
    yield "oms-shards", maker.bundle(value), unsupported("predicate-unknown", "shards are not read yet", "lab")
    rows = [row | {"algorithm": "blake2b", "digest": hashlib.blake2b(MODEL[row["name"]]).hexdigest()}
            for row in _rows()]
    value = changed(_listing(rows), put(*SERIALIZATION, "hash_type", to="blake2b"))
    yield "oms-blake2b", maker.bundle(value), unsupported("predicate-unknown", "only sha256 is read yet", "lab")
