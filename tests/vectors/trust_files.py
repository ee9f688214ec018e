"""Trust files: good ones, and ones with a slip each, which no verifier uses."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from keys import Key
from making import Json, changed, drop, put
from reference import pretty

Change = Callable[[Any], object]
_OID_P256 = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")


def files(keys: dict[str, Key]) -> Iterator[tuple[str, bytes]]:
    """Every file below `trust/`."""
    for folder, cases in (("valid", _valid(keys)), ("invalid", _invalid(keys))):
        for name, data, code, rule in cases:
            yield f"{folder}/{name}.yaml", data
            yield f"{folder}/{name}.expected.json", pretty({
                "file": f"{name}.yaml", "code": code, "rule": rule, "sha256": hashlib.sha256(data).hexdigest()})


def _entry(name: str, key: Key, **more: Any) -> Json:
    return {"name": name, "party": name, "roles": ["producer"], "keys": [key.public_pem.decode()],
            "predicateTypes": ["*"], "subjects": {"names": ["*"]}, **more}


def _good(keys: dict[str, Key]) -> Json:
    return {
        "apiVersion": "open-provenance/v0.1", "kind": "Trust", "id": "urn:uuid:11111111-1111-4111-8111-111111111111",
        "version": 3, "expires": "2036-01-01T00:00:00Z",
        "principals": [_entry("lab", keys["lab"]), _entry("works", keys["works"], validUntil="2030-01-01T00:00:00Z")],
        "thresholds": [{"role": "producer", "predicateTypes": ["*"], "principals": 2}],
        "revoked": {"keys": ["0" * 64], "artifacts": ["dirHash:" + "0" * 64]},
    }


def _written(value: Json) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"  # JSON is YAML


def _valid(keys: dict[str, Key]) -> Iterator[tuple[str, bytes, str, str]]:
    good = _good(keys)
    yield "complete", _written(good), "", "everything that needs no certificate"
    bare = {key: good[key] for key in ("apiVersion", "kind", "version", "expires")} | {"principals": []}
    yield "nobody", _written(bare), "", "a trust file may believe nobody"
    twice = changed(_good(keys), put("principals", 0, "keys", to=[keys["lab"].public_pem.decode()] * 2))
    yield "key-twice", _written(twice), "", "one principal may list its key twice, and is one all the same"


def _invalid(keys: dict[str, Key]) -> Iterator[tuple[str, bytes, str, str]]:
    for name, rule, change in _changes(keys):
        yield name, _written(changed(_good(keys), change)), "trust-invalid", rule
    private = keys["lab"].private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    yield "private-key", private, "key-is-private", "a private key is refused, and not repeated"
    listed = changed(_good(keys), put("principals", 0, "keys", to=[private.decode()]))
    yield "private-key-listed", _written(listed), "key-is-private", "a private key in an entry is refused"
    both = keys["lab"].public_pem.decode() + keys["works"].public_pem.decode()
    two = changed(_good(keys), put("principals", 0, "keys", to=[both]))
    yield "two-keys-in-one", _written(two), "key-invalid", "one text is one key"
    yield "expired", _written(changed(_good(keys), put("expires", to="2026-11-23T12:00:00Z"))), "trust-expired", \
        "an expired trust file cannot know of a revocation"
    for name, text, rule in (
        ("member-twice", b"version: 1\nversion: 2\n", "no member twice"),
        ("alias", b"a: &x [1]\nb: *x\n", "no aliases"),
        ("tag", b"a: !!python/object:os.system x\n", "no tags"),
        ("merge", b"a: {<<: {b: 1}}\n", "no merges"),
        ("not-utf8", b"kind: \xff\n", "UTF-8"),
        ("two-documents", b"--- {}\n--- {}\n", "one document"),
    ):
        yield name, text, "yaml-invalid", rule


def _changes(keys: dict[str, Key]) -> Iterator[tuple[str, str, Change]]:
    pem = keys["works"].public_pem.decode()
    yield "key-of-two", "a key belongs to one principal", put("principals", 0, "keys", to=[pem])
    yield "key-of-two-encodings", "a key belongs to one principal, however it is encoded", \
        put("principals", 0, "keys", to=[_compressed(keys["works"])])
    yield "name-of-two", "a name belongs to one principal", put("principals", 1, "name", to="lab")
    yield "party-spelled-twice", "a party is spelled in one way", put("principals", 1, "party", to="LAB")
    yield "threshold-zero", "a threshold of nought demands nothing", put("thresholds", 0, "principals", to=0)
    yield "threshold-of-keys", "thresholds count principals", put("thresholds", 0, "keys", to=2)
    yield "threshold-role", "a threshold is of a role that there is", put("thresholds", 0, "role", to="owner")
    yield "role-unknown", "roles are from the closed list", put("principals", 0, "roles", to=["owner"])
    yield "scope-none", "an entry says of what it speaks", put("principals", 0, "subjects", to={})
    yield "scope-empty", "an empty name is a slip and never a wildcard", \
        put("principals", 0, "subjects", to={"names": [""]})
    yield "scope-weak-digest", "a scope by digest needs a strong one", \
        put("principals", 0, "subjects", to={"digests": ["md5:" + "0" * 32]})
    yield "types-none", "an entry says what it may sign", put("principals", 0, "predicateTypes", to=[])
    yield "no-key", "an entry says by what its signatures are known", drop("principals", 0, "keys")
    identity = {"identity": "a@example.org", "issuer": "https://issuer.example"}
    for name, rule, row in (
        ("identity-without-issuer", "an identity is vouched for by an issuer", {"identity": "a@example.org"}),
        ("identity-empty", "an empty identity is nobody", identity | {"identity": ""}),
        ("issuer-alone", "an issuer alone is everyone who has an account there", {"issuer": identity["issuer"]}),
        ("pattern-open", "a pattern says where it begins and ends",
         {"identityPattern": ".*@example.org", "issuer": identity["issuer"]}),
    ):
        yield name, rule, put("principals", 0, "identities", to=[row])
    yield "authority-without-name", "an authority is believed for one name", \
        put("principals", 0, "certificateAuthority", to={"pem": "-----BEGIN CERTIFICATE-----"})
    yield "authority-no-certificate", "an authority is one certificate", \
        put("principals", 0, "certificateAuthority", to={"pem": "-----BEGIN CERTIFICATE-----", "subject": "CN=a"})
    yield "revoked-misspelled", "a revocation that revokes nothing is an error", put("revoked", "keys", to=["lab"])
    yield "recalled-weak", "a recall names a strong digest", put("revoked", "artifacts", to=["md5:" + "0" * 32])
    yield "version-zero", "versions begin at 1", put("version", to=0)
    yield "version-text", "a version is a number", put("version", to="3")
    yield "expires-missing", "a trust file expires", drop("expires")
    yield "expires-no-time", "times are RFC 3339 in UTC", put("expires", to="2036-01-01")
    yield "window-no-time", "times are RFC 3339 in UTC", put("principals", 1, "validUntil", to="2030-13-01T00:00:00Z")
    yield "member-unknown", "a member that nobody knows is a slip", put("principals", 0, "role", to="producer")
    yield "kind", "it says that it is a trust file", put("kind", to="Policy")
    yield "root-pin-short", "a pinned trust root is named by its sha256", \
        put("trustedRoot", to={"file": "root.json", "sha256": "0"})


def _compressed(key: Key) -> str:
    """The same P-256 key with its point compressed: other bytes, and the same key."""
    point = key.private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    bits = b"\x03" + bytes([len(point) + 1]) + b"\x00" + point
    der = b"\x30" + bytes([len(_OID_P256) + len(bits)]) + _OID_P256 + bits
    return f"-----BEGIN PUBLIC KEY-----\n{base64.encodebytes(der).decode()}-----END PUBLIC KEY-----\n"
