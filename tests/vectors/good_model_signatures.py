"""OMS v1.0 statements and bundles that are taken: every method and hash, and what other releases and writers wrote."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import oms
import statements
from artifacts import MODEL
from making import Case, Json, Maker, changed, drop, put, valid
from reference import compact

SERIALIZATION = ("predicate", "serialization")
HINT = ("verificationMaterial", "publicKey")
KEYID = ("dsseEnvelope", "signatures", 0, "keyid")


def cases(maker: Maker) -> Iterator[Case]:
    """All of them."""
    for name, value, rule in (*_serializations(), *_spellings(), *_legacy()):
        yield f"model-signature-{name}", maker.bundle(value), valid(rule, "lab")
    yield from _envelopes(maker)


def _serializations() -> Iterator[tuple[str, Json, str]]:
    for algorithm in ("sha256", "blake2b", "blake3"):
        if algorithm != "sha256":
            yield algorithm, oms.statement(MODEL, algorithm=algorithm), f"whole files by {algorithm} (6.3.1, 7)"
        yield f"shards-{algorithm}", oms.statement(MODEL, algorithm=algorithm, shard_size=64), \
            f"shards by {algorithm}, the last of a file shorter (6.3.2)"
    colons = {"ab:0:9": b"colons and numbers", "b": b"b"}
    yield "shards-colons", oms.statement(colons, shard_size=8), \
        "the last two numbers of a name are the range, whatever stands before them (6.3.2)"
    yield "files-colons", oms.statement(colons), "whole files may be named like shards (6.1.2)"
    yield "shards-lone-file", oms.statement({"model.bin": b"0123456789"}, "model.bin", shard_size=4), \
        "a model that is one file has its name (6.1.2)"
    size = put(*SERIALIZATION, "shard_size", to=64.0)
    yield "shard-size-decimal", changed(oms.statement(MODEL, shard_size=64), size), \
        "a shard size may be written 64.0, as the reference implementation does"
    shards = oms.rows({"w": bytes(300)}, shard_size=20)
    in_turn = sorted(shards, key=lambda row: int(row["name"].split(":")[1]))
    named = oms.statement(MODEL, shard_size=64)
    for row in named["predicate"]["resources"]:
        row["algorithm"] = "sha256-sharded-64"
    yield "shards-algorithm", named, "an algorithm may be named as the reference implementation names it under shards"
    yield "shards-in-turn", oms.statement({}, shard_size=20, listed=in_turn), \
        "shards may be sorted by where they begin, as the reference implementation does"


def _spellings() -> Iterator[tuple[str, Json, str]]:
    files = {"a/z.bin": b"z", "a.txt": b"a"}  # by code points, a.txt comes first
    by_parts = sorted(oms.rows(files), key=lambda row: row["name"].split("/"))
    yield "sorted-by-parts", oms.statement({}, listed=by_parts), \
        "names may be sorted part by part, as the reference implementation does"
    place = (*SERIALIZATION, "ignore_paths")
    make = statements.model_signature
    yield "ignoring", changed(make(), put(*place, to=[".git", "notes", "logs/run.txt"])), \
        "a signature may say what it leaves out"
    yield "without-ignore", changed(make(), drop(*place)), "ignore_paths may be absent (11.1)"
    yield "links", changed(make(), put(*SERIALIZATION, "allow_symlinks", to=True)), \
        "a signature may say that links were followed (6.1.1)"
    yield "subject-model", changed(make(), put("subject", 0, "name", to="model")), \
        "the name of the subject says nothing (6.5)"
    yield "lone-file-dot", oms.statement({".": b"0123456789"}, "model.bin", ignored=None), \
        "releases before 1.0.1 named a model that is one file by a dot"
    extra = put("predicate", "resources", 0, "annotations", to={"any": 1})
    yield "resource-extra", changed(make(), extra), "what is not known of a resource is let through (5.2.1)"
    yield "case", oms.statement({"Model.bin": b"1", "model.bin": b"2"}), "names are told apart by case (6.1.2)"
    yield "minor-version", changed(make(), put("predicateType", to="https://model_signing/signature/v1.1")), \
        "a minor version that says nothing new is read"


def _legacy() -> Iterator[tuple[str, Json, str]]:
    yield "digests", oms.digests_v0_1(MODEL), "release 0.2.0: the files are the subjects (11)"
    yield "shard-digests", oms.digests_v0_1(MODEL, shard_size=64), "an early release: the shards are the subjects"
    yield "digest-of-digests", oms.digest_of_digests_v0_1(MODEL), "an early release: the subject is the root"
    yield "digest-of-shard-digests", oms.digest_of_digests_v0_1(MODEL, shard_size=64), \
        "an early release: the subject is the root over shards"


def _envelopes(maker: Maker) -> Iterator[Case]:
    payload, pem = compact(statements.model_signature()), maker.keys["lab"].public_pem
    raw = {"rawBytes": base64.b64encode(pem).decode(), "keyDetails": "PKIX_ED25519"}
    for name, changes, rule in (
        ("raw-bytes", [put(*HINT, to=raw), put(*KEYID, to=None)],
         "releases before 1.1.0 put the key itself in place of a hint (11.2)"),
        ("keyid-null", [put(*KEYID, to=None)], "keyid may be null (4.1)"),
        ("keyid-empty", [put(*KEYID, to="")], "keyid may be empty (4.1)"),
        ("keyid-absent", [drop(*KEYID)], "keyid may be absent (4.1)"),
        ("no-log-entries", [drop("verificationMaterial", "tlogEntries")], "tlogEntries may be absent by key (4.1)"),
    ):
        yield f"model-signature-{name}", compact(changed(maker.envelope(payload), *changes)) + b"\n", valid(rule, "lab")
    for who in ("curve-384", "curve-521"):
        yield f"model-signature-{who}", maker.bundle(payload, who), valid("every required curve (4.2)", who)
    old = compact(oms.digests_v0_1(MODEL))
    signed = maker.envelope(old, "works")
    signature = base64.b64encode(maker.keys["works"].sign(oms.pae_0_2(old))).decode()
    yield "model-signature-release-0.2.0", \
        compact(changed(signed, put("dsseEnvelope", "signatures", 0, "sig", to=signature))) + b"\n", \
        valid("release 0.2.0 signed an encoding of its own (11)", "works")
