"""Sign a model (OMS v1.0), check such a signature, and look into a bundle without believing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance.artifacts.crew import Progress
from provenance.artifacts.hashing import FILES
from provenance.artifacts.manifest import scan
from provenance.bundles.envelope import sha256, sign
from provenance.bundles.keys import public_key
from provenance.bundles.oms import ModelSignature, compare_with, model_statement
from provenance.bundles.signed import read_signed
from provenance.bundles.store import MODEL_SIGNATURE_NAME, default_folder
from provenance.bundles.trust import Principal, Trust, read_trust
from provenance.bundles.unpacking import unpacked
from provenance.bundles.verifier import Examined, Verifier
from provenance.errors import ArtifactError, Finding, UsageError
from provenance.statements.reader import parse_json

if TYPE_CHECKING:
    from securesystemslib.signer import Signer


@dataclass(frozen=True)
class Signed:
    """A model signature that was written: where, its sha256, and how many files it lists."""

    bundle: Path
    sha256: str
    files: int


@dataclass(frozen=True)
class BundleCheck:
    """What was found of one bundle, and, where a model was given, of the model held against it."""

    examined: Examined
    findings: tuple[Finding, ...] = ()

    @property
    def verified(self) -> bool:
        """Whether signature and, where it was asked for, model are as signed."""
        return self.examined.status == "VALID" and not any(f.severity == "error" for f in self.findings)


def sign_model(
    model: Path, *, signer: Callable[[], Signer], bundle: Path | None = None, progress: Progress | None = None
) -> Signed:
    """Write an OMS v1.0 signature of a model folder or file (files, sha256).

    The bundle is `MODEL.provenance/model.sig` unless it is named; one inside the model is not part of what is signed.
    """
    from provenance.files import write_whole

    target = bundle or default_folder(model) / MODEL_SIGNATURE_NAME
    inside = _relative(target, model)
    manifest = scan(model, exclude={inside} if inside else (), wanted=FILES, progress=progress).require_sound()
    statement = model_statement(manifest)
    if not statement.predicate["resources"]:
        raise ArtifactError("folder-empty", "there is nothing to sign", location=str(model),
                            hint="OMS leaves .git and the like out")
    data = sign(statement.to_bytes(), signer())
    write_whole(target, data)
    return Signed(target, sha256(data), len(statement.predicate["resources"]))


def verify_bundle(
    bundle: Path,
    *,
    as_of: datetime,
    trust: Path | None = None,
    key: Path | None = None,
    model: Path | None = None,
    progress: Progress | None = None,
) -> BundleCheck:
    """Check one bundle against a trust file or a public key, and, for a model signature, the model against it."""
    if (trust is None) == (key is None):
        raise UsageError("usage", "give either a trust file or a public key", location="--trust, --public-key",
                         hint="a signature is only as good as the key that it is held against")
    believed = read_trust(trust, as_of) if trust is not None else _only(key, as_of)
    examined = Verifier(believed, as_of).examine(_one_piece(bundle), bundle.name)
    if model is None or examined.verified is None or examined.status != "VALID":
        return BundleCheck(examined)
    claim = examined.verified.claim
    if not isinstance(claim, ModelSignature):
        raise UsageError("usage", "the bundle is not a model signature", location=str(bundle),
                         hint="leave --model out, or use `provenance verify`")
    inside = _relative(bundle, model)
    manifest = scan(model, exclude={inside} if inside else (), wanted=FILES, progress=progress)
    problems = [finding for finding in manifest.findings if finding.severity == "error"]
    return BundleCheck(examined, (*problems, *compare_with(claim, manifest)))


def inspect_bundle(bundle: Path) -> dict[str, Any]:
    """What a bundle says, unverified: envelope, statement and key hint (`schemas/inspection.schema.json`)."""
    data = _read(bundle)
    signed = read_signed(data, bundle.name)
    statement: Mapping[str, Any] = parse_json(signed.payload, bundle.name)
    return {
        "schemaVersion": "0.1", "kind": "Inspection", "verified": False, "file": bundle.name, "sha256": sha256(data),
        "payloadType": signed.payload_type, "keyHint": signed.hint, "statement": statement,
    }


def _one_piece(bundle: Path) -> bytes:
    """The bytes of the one piece of evidence in a file."""
    data = _read(bundle)
    found = unpacked(data, bundle.name)
    if len(found) > 1:
        raise UsageError("usage", f"{len(found)} pieces of evidence are in this file", location=str(bundle),
                         hint="give it to `provenance verify --evidence`, which judges each")
    return found[0][1]


def _only(key: Path | None, as_of: datetime) -> Trust:
    """A trust that knows one key and lets it speak of everything."""
    assert key is not None  # noqa: S101  the caller has one of the two
    pem = _read(key)
    anyone = Principal(key.name, "", ("producer",), (public_key(pem, str(key)),), ("*",), ("*",))
    return Trust(sha256(pem), 1, as_of, (anyone,))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise ArtifactError("input-unreadable", f"cannot read the file: {err.strerror}", location=str(path),
                            hint="check the path") from err


def _relative(file: Path, folder: Path) -> str:
    place, root = file.resolve(), folder.resolve()
    return place.relative_to(root).as_posix() if root.is_dir() and place.is_relative_to(root) else ""
