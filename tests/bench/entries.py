"""Workload E in one process: build, sign, write, read and verify a statement of many files already hashed.

    python entries.py ours|theirs COUNT FOLDER

`theirs` goes through what model_signing's own commands call: payload, signer, signature file, verifier, comparison.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path


def names_and_digests(count: int) -> list[tuple[str, str]]:
    """The files: two hundred to a folder."""
    return [(f"part-{number // 200:04}/file-{number:06}.bin", hashlib.sha256(b"%d" % number).hexdigest())
            for number in range(count)]


def ours(count: int, folder: Path) -> None:
    from datetime import UTC, datetime

    from provenance.artifacts.manifest import FileEntry, Manifest
    from provenance.bundles.envelope import sign
    from provenance.bundles.oms import ModelSignature, compare_with, model_statement
    from provenance.bundles.signers.key import load_signer
    from provenance.bundles.trust import read_trust
    from provenance.bundles.verifier import Verifier

    manifest = Manifest("model", tuple(FileEntry(name, 1, digest) for name, digest in names_and_digests(count)))
    place, now = folder / "entries-ours.sig", datetime.now(UTC)
    place.write_bytes(sign(model_statement(manifest).to_bytes(), load_signer(folder / "key.pem", lambda: None)))
    examined = Verifier(read_trust(folder / "trust.yaml", now), now).examine(place.read_bytes(), place.name)
    assert examined.status == "VALID", examined.reason
    assert examined.verified is not None
    claim = examined.verified.claim
    assert isinstance(claim, ModelSignature)
    assert compare_with(claim, manifest) == []


def theirs(count: int, folder: Path) -> None:
    from pathlib import PurePosixPath

    from model_signing import manifest as manifests
    from model_signing._hashing import hashing
    from model_signing._signing import sign_ec_key, sign_sigstore_pb, signing

    kind = manifests.SerializationType.from_args(
        {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": []})
    items = [
        manifests.FileManifestItem(path=PurePosixPath(name), digest=hashing.Digest("sha256", bytes.fromhex(digest)))
        for name, digest in names_and_digests(count)
    ]
    manifest = manifests.Manifest("model", items, kind)
    place = folder / "entries-theirs.sig"
    sign_ec_key.Signer(folder / "key.pem").sign(signing.Payload(manifest)).write(place)
    read = sign_sigstore_pb.Signature.read(place)
    assert sign_ec_key.Verifier(folder / "key.pub.pem").verify(read) == manifest


if __name__ == "__main__":
    {"ours": ours, "theirs": theirs}[sys.argv[1]](int(sys.argv[2]), Path(sys.argv[3]))
