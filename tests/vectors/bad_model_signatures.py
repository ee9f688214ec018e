"""Rightly signed model signatures that break OMS v1.0, or say what this version does not read."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

import oms
import statements
from artifacts import MODEL
from making import Case, Json, Maker, changed, drop, invalid, put, unsupported
from reference import compact, h

SERIALIZATION = ("predicate", "serialization")
IGNORED = (*SERIALIZATION, "ignore_paths")
SHARDS = {"method": "shards", "hash_type": "sha256", "allow_symlinks": False, "shard_size": 1_000_000_000}


def cases(maker: Maker) -> Iterator[Case]:
    """All of them."""
    yield from _lists(maker)
    yield from _serializations(maker)
    yield from _names(maker)
    yield from _shards(maker)
    yield from _hashes(maker)
    yield from _others(maker)


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


def _shards(maker: Maker) -> Iterator[Case]:
    """One file of ten bytes in shards of four, wrongly cut."""
    data, cut = bytes(range(10)), "shards follow each other from the first byte to the last (6.3.2)"
    named = "a shard is named PATH:START:END (6.3.2)"
    for name, ranges, rule in (
        ("gap", [(0, 4), (8, 10)], cut), ("overlap", [(0, 4), (2, 6), (6, 10)], cut), ("late", [(4, 8), (8, 10)], cut),
        ("long", [(0, 4), (4, 10)], cut), ("short", [(0, 2), (2, 6), (6, 10)], cut), ("empty", [(0, 4), (4, 4)], cut),
        ("backwards", [(0, 4), (8, 4)], cut),
    ):
        yield _cut(maker, name, [(f"w:{start}:{end}", data[start:end]) for start, end in ranges], rule)
    for name, odd in (("unnamed", "w"), ("one-number", "w:4"), ("zeros", "w:00:4"), ("sign", "w:+0:4"),
                      ("digits", "w:0:\u0664"), ("spaces", "w:0:4 ")):
        yield _cut(maker, f"name-{name}", [(odd, data[:4])], named)
    yield _cut(maker, "name-parent", [("../w:0:4", data[:4])], "paths of shards are held to 6.1.2")
    yield _cut(maker, "listed-twice", [("w:0:4", data[:4]), ("w:0:4", data[4:8])], "a shard is listed once")
    yield _cut(maker, "unsorted", [("w:4:8", data[4:8]), ("w:0:4", data[:4])], "shards are sorted (6.4)", ordered=False)
    other = oms.statement({"w": data}, shard_size=4)
    for row in other["predicate"]["resources"]:
        row["algorithm"] = "sha256-sharded-5"
    yield "oms-shards-algorithm", maker.bundle(other), \
        invalid("statement-invalid", "an algorithm of shards of another size (7)", "lab")
    without = changed(oms.statement({"w": data}, shard_size=4), drop(*SERIALIZATION, "shard_size"))
    yield "oms-shards-without-size", maker.bundle(without), \
        invalid("schema-mismatch", "shards have a size (5.2.2)", "lab")
    half = changed(oms.statement({"w": data}, shard_size=4), put(*SERIALIZATION, "shard_size", to=4.5))
    yield "oms-shards-half-a-byte", maker.bundle(half), invalid("schema-mismatch", "a size is a whole number", "lab")


def _cut(maker: Maker, name: str, pieces: list[tuple[str, bytes]], rule: str, *, ordered: bool = True) -> Case:
    pieces = sorted(pieces, key=lambda piece: piece[0]) if ordered else pieces
    rows = [{"name": name, "algorithm": "sha256", "digest": h(data).hex()} for name, data in pieces]
    return f"oms-shards-{name}", maker.bundle(oms.statement({}, shard_size=4, listed=rows)), \
        invalid("statement-invalid", rule, "lab")


def _hashes(maker: Maker) -> Iterator[Case]:
    broken = "statement-invalid"
    long = oms.statement(MODEL, algorithm="blake2b")
    short = changed(long, put("predicate", "resources", 0, "digest", to="ab" * 32))
    yield "oms-blake2b-short", maker.bundle(short), invalid(broken, "blake2b has 512 bits (7)", "lab")
    other = changed(oms.statement(MODEL, algorithm="blake3"), put(*SERIALIZATION, "hash_type", to="sha256"))
    yield "oms-hash-type-other", maker.bundle(other), \
        invalid(broken, "resources are by the signature's hash (7)", "lab")
    hash_type = put(*SERIALIZATION, "hash_type", to="sha1")
    yield "oms-hash-type-sha1", maker.bundle(changed(statements.model_signature(), hash_type)), \
        invalid("schema-mismatch", "SHA-1 is not registered (7)", "lab")
    method = put(*SERIALIZATION, "method", to="tree")
    yield "oms-method", maker.bundle(changed(statements.model_signature(), method)), \
        invalid("schema-mismatch", "there are two methods (5.2.2)", "lab")
    claimed = put("subject", 0, "digest", "dirHash", to=h(b"another folder").hex())
    yield "oms-dirhash", maker.bundle(changed(statements.model_signature(), claimed)), \
        invalid(broken, "a digest that binds names is over the list", "lab")
    yield "oms-ignore-empty", maker.bundle(changed(statements.model_signature(), put(*IGNORED, to=[""]))), \
        invalid("schema-mismatch", "an ignored path is a path", "lab")


def _others(maker: Maker) -> Iterator[Case]:
    """Later versions and early releases."""
    kind, unread = "predicateType", "predicate-unknown"
    extra = changed(statements.model_signature(), put(kind, to="https://model_signing/signature/v1.1"),
                    put(*SERIALIZATION, "chunking", to="rolling"))
    yield "oms-minor-version-extra", maker.bundle(extra), \
        unsupported(unread, "a later version may say what is not known here", "lab")
    major = changed(statements.model_signature(), put(kind, to="https://model_signing/signature/v2.0"))
    yield "oms-major-version", maker.bundle(major), unsupported(unread, "another major version is not read", "lab")
    single = oms.digest_of_digests_v0_1(MODEL) | {kind: "https://model_signing/Digest/v0.1",
                                                  "predicate": {"actual_hash_algorithm": "dfs-sha256"}}
    yield "oms-legacy-digest", maker.bundle(single), \
        unsupported(unread, "an early release: one digest by a method that is not computed here", "lab")
    algorithm = ("subject", 0, "annotations", "actual_hash_algorithm")
    every = [put("subject", place, *algorithm[2:], to="file-blake3") for place in range(len(MODEL))]
    yield "oms-legacy-blake3", maker.bundle(changed(oms.digests_v0_1(MODEL), *every)), \
        unsupported(unread, "an early release: another hash under the name of sha256", "lab")
    for name, value, rule in (
        ("mixed", changed(oms.digests_v0_1(MODEL), put(*algorithm, to="file-blake2b")), "one algorithm for all"),
        ("twice", changed(oms.digests_v0_1(MODEL), put("subject", 1, "name", to="README.md"),
                          put("subject", 1, "digest", to=oms.digests_v0_1(MODEL)["subject"][0]["digest"])),
         "a file is listed once"),
        ("parent", changed(oms.digests_v0_1(MODEL), put("subject", 0, "name", to="../README.md")), "names stay inside"),
        ("root", changed(oms.digest_of_digests_v0_1(MODEL),
                         put("subject", 0, "digest", "sha256", to=h(b"other").hex())), "the subject is the root"),
        ("list-missing", changed(oms.digest_of_digests_v0_1(MODEL), drop("predicate", "files")), "there is a list"),
    ):
        yield f"oms-legacy-{name}", maker.bundle(value), invalid("statement-invalid", rule, "lab")
    old = compact(statements.model_signature())
    signature = base64.b64encode(maker.keys["works"].sign(oms.pae_0_2(old))).decode()
    present = changed(maker.envelope(old, "works"), put("dsseEnvelope", "signatures", 0, "sig", to=signature))
    yield "oms-legacy-encoding", compact(present), \
        invalid("signature-invalid", "the encoding of release 0.2.0 is for its statements alone")
