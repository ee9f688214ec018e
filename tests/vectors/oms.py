"""OMS v1.0 and what its releases wrote before, from the specification alone: statements over files given as bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from blake3 import blake3

TYPE = "https://model_signing/signature/v1.0"
V1 = "https://in-toto.io/Statement/v1"
DEFAULTS = [".git", ".gitattributes", ".github", ".gitignore"]
Files = Mapping[str, bytes]
Json = dict[str, Any]


def digest(algorithm: str, data: bytes) -> str:
    """Section 7."""
    return blake3(data).hexdigest() if algorithm == "blake3" else hashlib.new(algorithm, data).hexdigest()


def rows(files: Files, algorithm: str = "sha256", shard_size: int = 0) -> list[Json]:
    """Sections 6.3 and 6.4: a row a file, or a row a shard; sorted by name."""
    pieces = dict(files)
    if shard_size:
        pieces = {f"{path}:{at}:{min(at + shard_size, len(data))}": data[at : at + shard_size]
                  for path, data in files.items() for at in range(0, len(data), shard_size)}
    return [{"name": name, "algorithm": algorithm, "digest": digest(algorithm, data)}
            for name, data in sorted(pieces.items())]


def root(listed: Sequence[Json]) -> str:
    """Section 6.5.1."""
    return hashlib.sha256(b"".join(bytes.fromhex(row["digest"]) for row in listed)).hexdigest()


def statement(
    files: Files, name: str = "tiny", *, algorithm: str = "sha256", shard_size: int = 0,
    ignored: Sequence[str] | None = (), links: bool = False, listed: list[Json] | None = None,
) -> Json:
    """Section 6.6; `ignored` beside the defaults (None: no word of any), `listed` in place of the files' own rows."""
    listed = rows(files, algorithm, shard_size) if listed is None else listed
    size = {"shard_size": shard_size} if shard_size else {}
    left_out = {} if ignored is None else {"ignore_paths": sorted({*DEFAULTS, *ignored})}
    serialization = {"method": "shards" if shard_size else "files", "hash_type": algorithm, **size,
                     "allow_symlinks": links, **left_out}
    return {"_type": V1, "subject": [{"name": name, "digest": {"sha256": root(listed)}}], "predicateType": TYPE,
            "predicate": {"resources": listed, "serialization": serialization}}


def digests_v0_1(files: Files, *, shard_size: int = 0) -> Json:
    """Release 0.2.0: the files, or their shards, are the subjects."""
    actual = {"actual_hash_algorithm": f"file-sha256-{shard_size}" if shard_size else "file-sha256"}
    subjects = [{"name": row["name"], "digest": {"sha256": row["digest"]}, "annotations": dict(actual)}
                for row in rows(files, shard_size=shard_size)]
    kind = "ShardDigests" if shard_size else "Digests"
    return {"_type": V1, "subject": subjects, "predicateType": f"https://model_signing/{kind}/v0.1",
            "predicate": {"unused": "Unused, just passed due to API requirements"}}


def digest_of_digests_v0_1(files: Files, *, shard_size: int = 0) -> Json:
    """Before 0.2.0: the predicate lists the files, or their shards, and the subject is the root."""
    kind, member, actual = ("DigestOfShardDigests", "shards", f"file-sha256-{shard_size}") if shard_size else (
        "DigestOfDigests", "files", "file-sha256")
    listed = [row | {"algorithm": actual} for row in rows(files, shard_size=shard_size)]
    return {"_type": V1, "subject": [{"name": ".", "digest": {"sha256": root(listed)}}],
            "predicateType": f"https://model_signing/{kind}/v0.1", "predicate": {member: listed}}


def pae_0_2(payload: bytes) -> bytes:
    """What release 0.2.0 signed: it put the bytes, as Python prints them, into a text."""
    kind = "application/vnd.in-toto+json"
    return f"DSSEV1 {len(kind)} {kind} {len(payload)} {payload!r}".encode()
