"""What releases of the reference implementation before 0.3 signed (section 11), read and never written.

    Digests, ShardDigests                  the subjects are the files, or their shards
    DigestOfDigests, DigestOfShardDigests  the predicate lists them, the subject is the root over their digests
    Digest                                 one digest over a folder by a method of its own, which is not computed here

The algorithm of a digest stands beside it as `file-sha256`, or `file-sha256-SIZE` for shards of that many bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from provenance.bundles.oms.resources import Rows, broken, by_parts, by_parts_and_ranges, require_root
from provenance.bundles.oms.signature import ModelSignature, Serialization
from provenance.errors import StatementError
from provenance.statements.statement import PAYLOAD_TYPE, Statement

_TYPE = "https://model_signing/{}/v0.1"
_BY_SUBJECT = {_TYPE.format("Digests"), _TYPE.format("ShardDigests")}
_BY_LIST = {_TYPE.format("DigestOfDigests"): "files", _TYPE.format("DigestOfShardDigests"): "shards"}
LEGACY = frozenset({*_BY_SUBJECT, *_BY_LIST, _TYPE.format("Digest")})
_MARK = b"https://model_signing/Digests/v0.1"  # what release 0.2.0 wrote
_ALGORITHM = re.compile(r"file-([a-z0-9]+)(?:-([1-9][0-9]{0,18}))?", re.ASCII)
_Row = tuple[str, str, str]  # name, digest, algorithm


def legacy_pae(payload: bytes) -> bytes:
    """What release 0.2.0 signed in place of DSSE's encoding: a spelling of the name of its own, and Python's of bytes.

    Nothing else is spelled so, and no two payloads are spelled alike: it says as much as DSSE's does.
    """
    return b"DSSEV1 %d %b %d %b" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), repr(payload).encode())


def is_signed_as_by_release_0_2(payload: bytes, signature: bytes, public_pem: str) -> bool:
    """Whether this key signed a statement of its time so: ECDSA with SHA-256, on whatever curve.

    A key that is not given as PEM is of a kind which that release did not have.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    is_possible = _MARK in payload and public_pem.startswith("-----BEGIN ")
    key = load_pem_public_key(public_pem.encode()) if is_possible else None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        key.verify(signature, legacy_pae(payload), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def read_legacy(statement: Statement, location: str) -> ModelSignature:
    """What such a statement signs; StatementError `statement-invalid` or `predicate-unknown`."""
    kind = statement.predicate_type
    if kind in _BY_SUBJECT:
        rows = [(one.name, one.digest.get("sha256", ""), one.annotations.get("actual_hash_algorithm", "file-sha256"))
                for one in statement.subjects]
    elif kind in _BY_LIST:
        rows = _listed(statement.predicate.get(_BY_LIST[kind]), location)
    else:
        raise _unread("one digest over a folder, by a method of its own", location)
    listed = Rows({name: digest for name, digest, _ in rows}, len(rows), location)
    serialization = _serialization(rows, "shards" if "Shard" in kind else "files", location)
    listed.require_order(by_parts_and_ranges if serialization.method == "shards" else by_parts)
    root = listed.root(serialization.hex_length)
    if kind in _BY_LIST:
        require_root(statement.subjects, root, location)
    return listed.signature(statement.subjects, serialization)


def _listed(rows: Any, location: str) -> list[_Row]:
    if not isinstance(rows, list) or not rows or not all(isinstance(row, Mapping) for row in rows):
        raise broken("its predicate lists nothing", location)
    found = [(row.get("name"), row.get("digest"), row.get("algorithm")) for row in rows]
    if not all(isinstance(part, str) for row in found for part in row):
        raise broken("a row lacks its name, digest or algorithm", location)
    return found


def _serialization(rows: Sequence[_Row], method: str, location: str) -> Serialization:
    named = {algorithm for _, _, algorithm in rows}
    parts = _ALGORITHM.fullmatch(str(next(iter(named))))
    if len(named) != 1 or parts is None:
        raise broken("its digests are not by one algorithm", location)
    if parts[1] != "sha256" or (method == "shards") != (parts[2] is not None):
        raise _unread(f"digests by {parts[0]}", location)
    return Serialization(method, "sha256", int(parts[2] or 0))  # type: ignore[arg-type]


def _unread(what: str, location: str) -> StatementError:
    return StatementError("predicate-unknown", f"a model signature of an old release: {what}", location=location,
                          hint="sign it again with a present release")
