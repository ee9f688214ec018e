"""Sign a model (OMS v1.0), and check such a signature, or any other bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance.artifacts.crew import Progress
from provenance.artifacts.links import followed
from provenance.artifacts.manifest import Manifest, scan
from provenance.bundles.envelope import MAX_BUNDLE, sha256, sign
from provenance.bundles.oms import (
    ModelSignature,
    Serialization,
    judge,
    model_statement,
    problem_with_ignored,
    serialization_for,
)
from provenance.bundles.store import MODEL_SIGNATURE_NAME, default_folder
from provenance.bundles.trust import Trust, TrustSource, read_trust
from provenance.bundles.verifier import Examined
from provenance.errors import BundleError, Finding, UsageError
from provenance.files import write_whole
from provenance.workflows.handed_in import refuse_from_model
from provenance.workflows.one_signer import trust_in_key
from provenance.workflows.pieces import examine_pieces, read_pieces

if TYPE_CHECKING:
    from provenance.bundles.signers import AnySigner
    from provenance.bundles.sigstore.results import RootFacts
    from provenance.policy.coverage import Coverage


@dataclass(frozen=True)
class Signed:
    """A model signature that was written: where, its sha256, how many files it lists, and what is odd about them."""

    bundle: Path
    sha256: str
    files: int
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class BundleCheck:
    """What was found of one bundle, and, where a model was given, of the model held against it.

    `findings` and `verified` are what the specification says of the model; `coverage` is what the signature leaves out,
    by our own rule, and takes no instruction from it. `root` is the Sigstore trust root that was there to be asked,
    `trust` the trust file that was given, as of the time `as_of`.
    """

    examined: Examined
    as_of: datetime
    trust: Trust | None = None
    root: RootFacts | None = None
    findings: tuple[Finding, ...] = ()
    coverage: Coverage | None = None

    @property
    def serialization(self) -> Serialization | None:
        """How the model was signed; None where the bundle is no model signature."""
        claim = self.examined.verified.claim if self.examined.verified else None
        return claim.serialization if isinstance(claim, ModelSignature) else None

    @property
    def verified(self) -> bool:
        """Whether signature and, where it was asked for, model are as signed."""
        return self.examined.status == "VALID" and not any(f.severity == "error" for f in self.findings)


def sign_model(
    model: Path,
    *,
    signer: Callable[[], AnySigner],
    bundle: Path | None = None,
    serialization: Serialization | None = None,
    progress: Progress | None = None,
) -> Signed:
    """Write an OMS v1.0 signature of a model folder or file, by `oms.serialization_for` (files and sha256 by default).

    The bundle is `MODEL.provenance/model.sig` unless it is named; one inside the model is not part of what is signed.
    """
    target = bundle or default_folder(model) / MODEL_SIGNATURE_NAME
    chosen, inside = serialization or serialization_for(), _relative(target, model)
    if inside and not problem_with_ignored(inside):
        chosen = replace(chosen, ignored=tuple(sorted({*chosen.ignored, inside})))
    manifest = scan(model, exclude={inside} if inside else (), wanted=chosen.wanted, progress=progress,
                    may_be_read=lambda file: not chosen.ignores(file.path))
    manifest = _of_what_is_signed(manifest, chosen).require_sound()
    statement = model_statement(manifest, chosen)
    key = signer()
    data = sign(statement.to_bytes(), key)
    if len(data) > MAX_BUNDLE:
        raise BundleError("document-too-large", f"the signature would be larger than {MAX_BUNDLE} bytes, and nobody "
                          "would read it", location=str(target), hint="give a larger --shard-size, or sign fewer files")
    write_whole(target, data)
    return Signed(target, sha256(data), sum(chosen.lists(entry) for entry in manifest.files),
                  (*manifest.findings, *_less_known(key)))


def _less_known(signer: AnySigner) -> Iterator[Finding]:
    """What others cannot verify although it is right."""
    key = getattr(signer, "public_key", None)
    if key is not None and key.keytype == "ed25519":
        yield Finding("key-less-known", "warning", "an Ed25519 key signed; OMS v1.0 asks verifiers for ECDSA alone, "
                      "and model-signing takes nothing else", "the key", "`provenance keygen` makes one that all take")


def _of_what_is_signed(manifest: Manifest, serialization: Serialization) -> Manifest:
    """The manifest without what is left out; what is wrong there is nobody's concern.

    Names that are one name on other systems are two to the specification (6.1.2); the signer is told.
    """
    found = (finding for finding in manifest.findings if not serialization.ignores(finding.location))
    told = (replace(one, severity="warning") if one.code == "file-name-collides" else one for one in found)
    return replace(manifest, files=tuple(entry for entry in manifest.files if not serialization.ignores(entry.path)),
                   findings=tuple(told))


def verify_bundle(bundle: Path, **how: Any) -> BundleCheck:
    """What `verify_bundles` says of a file that holds one bundle; UsageError for one that holds several."""
    found = verify_bundles(bundle, **how)
    if len(found) > 1:
        raise UsageError("usage", f"{len(found)} pieces of evidence are in this file", location=str(bundle),
                         hint="`verify_bundles` judges each")
    return found[0]


def verify_bundles(
    bundle: Path,
    *,
    as_of: datetime,
    trust: Path | TrustSource | Trust | None = None,
    key: Path | None = None,
    model: Path | None = None,
    artifact: Path | None = None,
    ignored: Sequence[str] = (),
    unsigned: bool = False,
    progress: Progress | None = None,
) -> tuple[BundleCheck, ...]:
    """Check every bundle of a file against a trust file or a public key; at least one.

    A `Trust` that knows one signer otherwise than by key is made by `workflows.one_signer`. A single model signature
    can be held against a `model`, and a single bundle against an `artifact`, the file that it signs or speaks of.
    `ignored` are paths that need not be as signed beyond those that the signature names, and with `unsigned` no file
    needs to be listed (sections 6.2 and 8.5); neither changes what is said of coverage.
    """
    if (trust is None) == (key is None):
        raise UsageError("usage", "nothing says whose signature it should be", location=str(bundle),
                         hint="give --trust, --public-key, --certificate-authority, or --identity with --issuer")
    if trust is None:
        assert key is not None  # noqa: S101  one of the two is there
        trust = trust_in_key(key, as_of)
    if model is not None and not isinstance(trust, Trust):
        refuse_from_model(model, trust=trust)
    believed = trust if isinstance(trust, Trust) else read_trust(trust, as_of)
    files = read_pieces(bundle)
    if len(files) > 1 and (model or artifact):
        raise UsageError("usage", f"{len(files)} pieces of evidence are in this file", location=str(bundle),
                         hint="leave --model and --artifact out, or give a file with the one that is meant")
    root = believed.trust_root.facts if believed.trust_root else None
    named = None if isinstance(trust, Trust) else believed
    checks = tuple(BundleCheck(found, as_of, named, root) for found in examine_pieces(files, believed, as_of, artifact))
    if model is None or checks[0].examined.status != "VALID":
        return checks
    told = checks[0].examined.verified  # None for what is only shown, a verdict perhaps, which says nothing of files
    claim = told.claim if told else None
    if not isinstance(claim, ModelSignature):
        raise UsageError("usage", "the bundle is not a model signature", location=str(bundle),
                         hint="leave --model out, or use `provenance verify`")
    return (_held_against(checks[0], claim, bundle, model, ignored, unsigned, progress),)


def _held_against(check: BundleCheck, claim: ModelSignature, bundle: Path, model: Path, ignored: Sequence[str],
                  unsigned: bool, progress: Progress | None) -> BundleCheck:
    """A VALID model signature with the model beside it."""
    inside = _relative(bundle, model)
    serialization = claim.serialization
    manifest = scan(model, exclude={inside} if inside else (), wanted=serialization.wanted, progress=progress,
                    may_be_read=lambda file: serialization.allow_symlinks or claim.may_be(file.path, file.size))
    known = serialization_for(ignored=ignored).ignored if ignored else ()
    judged = replace(claim, serialization=replace(serialization, ignored=(*serialization.ignored, *known)))
    seen = followed(manifest, model) if serialization.allow_symlinks else manifest
    from provenance.policy.coverage import coverage_by  # not for a bundle alone

    return replace(check, findings=tuple(judge(judged, seen, unsigned=unsigned)),
                   coverage=coverage_by(claim, manifest))


def _relative(file: Path, folder: Path) -> str:
    place, root = file.resolve(), folder.resolve()
    return place.relative_to(root).as_posix() if root.is_dir() and place.is_relative_to(root) else ""
