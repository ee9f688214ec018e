"""The bundles in one file, each examined by itself or together, for whoever has a file and not a folder of evidence."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.bundles.envelope import MAX_BUNDLE
from provenance.bundles.store import EvidenceFile, pieces
from provenance.bundles.trust import Trust, timestamp
from provenance.bundles.verifier import Examined, Verifier
from provenance.errors import ArtifactError, UsageError
from provenance.files import read_small
from provenance.workflows.one_signer import held_to

if TYPE_CHECKING:
    from provenance.bundles.sigstore import SignedFile

_MAX_CONTENT = 1 << 30  # of a file whose bytes themselves are signed (Ed25519) rather than a digest of them


def read_pieces(path: Path) -> list[EvidenceFile]:
    """Every bundle of a file, at least one; one that is larger than any bundle may be is not kept in memory."""
    data = read_small(path, most=MAX_BUNDLE)
    if len(data) > MAX_BUNDLE:
        return [EvidenceFile(path.name, None, container_sha256=_sha256_of(path))]
    return pieces(path.name, data)


def _sha256_of(path: Path) -> str:
    if not path.is_file():  # /dev/zero has no end
        raise ArtifactError("document-too-large", f"larger than {MAX_BUNDLE} bytes, which no bundle may be",
                            location=str(path), hint="give a bundle")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def examine_pieces(files: Sequence[EvidenceFile], trust: Trust, as_of: datetime,
                   artifact: Path | None = None) -> list[Examined]:
    """The Verifier's answers; where one signer was asked for, a signature by another is INVALID.

    `artifact` is the file that a single bundle signs directly, rather than a statement about it.
    """
    verifier = Verifier(trust, as_of)
    if artifact is not None and files[0].data is not None:
        found = [_signed_directly(files[0], trust, as_of, artifact)]
    elif len(files) > 1 or files[0].data is None:
        from provenance.workflows.gathering import examine  # not for a bundle alone, which most are

        found = examine(verifier, files)  # together: a threshold counts several signers, a layout speaks of its links
    else:
        found = [verifier.examine(file.data or b"", file.name) for file in files]
    return [held_to(trust, said, file.data or b"") for said, file in zip(found, files, strict=True)]


def _signed_directly(file: EvidenceFile, trust: Trust, as_of: datetime, artifact: Path) -> Examined:
    """What is to be said of a signature over this very file."""
    from provenance.bundles.certified import verify_signed_file

    if not trust.is_asked_for:
        raise UsageError("usage", "a trust file says who may make which statements, and a signature over a file makes "
                         "none", location="--artifact", hint="give --public-key, --identity or --certificate-authority")
    result, principal = verify_signed_file(file.data or b"", trust, as_of, _read(artifact), file.name)
    if result.payload is not None:
        raise UsageError("usage", "the bundle signs a statement rather than a file", location="--artifact",
                         hint="leave it out; a model is given with --model")
    name = f"{result.identity} (issuer {result.issuer})" if result.identity else result.keyid
    if not result.verified:
        return Examined(file.name, file.sha256, result.status, result.code, result.reason, keyid=name)
    time = result.signing_time
    proven = (timestamp(time.moment), time.source) if time else None
    if principal is None:
        return Examined(file.name, file.sha256, "UNSUPPORTED", "signature-unknown-signer",
                        "signed by somebody else", keyid=name)
    return Examined(file.name, file.sha256, "VALID", keyid=name, principal=principal, proven=proven)


def _read(artifact: Path) -> SignedFile:
    """The digests of a file, and its bytes unless it is very large."""
    from provenance.bundles.sigstore import SignedFile

    try:
        if artifact.stat().st_size <= _MAX_CONTENT:
            return SignedFile.of(artifact.read_bytes())
        with artifact.open("rb") as file:
            return SignedFile.read(file)
    except OSError as err:
        raise ArtifactError("input-unreadable", f"cannot read the file: {err.strerror}", location=str(artifact),
                            hint="check the path") from err
