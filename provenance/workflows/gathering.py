"""Gathering evidence about a model: which bundles there are, what the Verifier says of each, which lie in the model."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from provenance.artifacts.hashing import Wanted
from provenance.artifacts.sources.folder import FoundFile
from provenance.artifacts.tensors import BLAKE3_TREE, SHA256_TREE, Tree
from provenance.bundles.envelope import UnsupportedBundle
from provenance.bundles.oms import ModelSignature
from provenance.bundles.signed import read_signed
from provenance.bundles.store import MODEL_SIGNATURE_NAME, EvidenceFile, default_folder, in_order, read_evidence
from provenance.bundles.verifier import Examined, VerifiedStatement, Verifier
from provenance.errors import ProvenanceError
from provenance.statements.artifact import described
from provenance.statements.release import Release
from provenance.statements.step import MODEL_MAKING, Step

_BESIDE = ("sha384", "sha512")


@dataclass(frozen=True)
class Gathered:
    """Every bundle as the Verifier sees it; `inside` are paths in the model that are evidence and not model."""

    files: tuple[EvidenceFile, ...]
    examined: tuple[Examined, ...]
    inside: frozenset[str]

    @property
    def statements(self) -> tuple[VerifiedStatement, ...]:
        """Everything that was said, in whatever voice."""
        return tuple(result.verified for result in self.examined if result.verified)

    @property
    def trusted(self) -> tuple[VerifiedStatement, ...]:
        """The statements of VALID bundles whose signers the trust file lists."""
        return tuple(result.verified for result in self.examined
                     if result.verified and result.status == "VALID" and result.principal)

    @property
    def rejected(self) -> tuple[Examined, ...]:
        """The bundles that are no evidence, each with its reason: not VALID, or VALID and broken in what they say."""
        return tuple(result for result in self.examined if result.is_refused)


def gather(model: Path, evidence: Sequence[Path], verifier: Verifier) -> Gathered:
    """Examine the evidence (by default `MODEL.provenance/`, if it is there) and a `model.sig` in the model."""
    places = list(evidence) or [folder for folder in (default_folder(model),) if folder.is_dir()]
    signature = model / MODEL_SIGNATURE_NAME
    if signature.is_file() and not signature.is_symlink():
        places.append(signature)
    found = [(place, file) for place in places for file in read_evidence(place)]
    inside = {path for place, file in found for path in _path_in(model, place, file)}
    # A file of many pieces is evidence as a whole, or else what lies between them would be covered by nothing.
    inside -= {path for place, file in found if not _is_bundle(file) for path in _path_in(model, place, file)}
    files = tuple(in_order(file for _, file in found))
    return Gathered(files, tuple(examine(verifier, files)), frozenset(inside))


def examine(verifier: Verifier, files: Sequence[EvidenceFile]) -> list[Examined]:
    """What the Verifier says of files that are shown together, in their order; one that is too large is INVALID."""
    read = iter(verifier.examine_all((file.name, file.data, file.container_sha256)
                                     for file in files if file.data is not None))
    return verifier.delegated([_too_large(file) if file.data is None else next(read) for file in files], files)


def _too_large(file: EvidenceFile) -> Examined:
    digest = file.container_sha256 or file.sha256
    return Examined(file.name, digest, "INVALID", "document-too-large", "larger than any bundle may be")


def _path_in(model: Path, place: Path, file: EvidenceFile) -> list[str]:
    """The path in the model of what was read there as evidence."""
    root = model.resolve()
    path = (place if place.is_file() else place / (file.container or file.name)).resolve()
    return [path.relative_to(root).as_posix()] if path.is_relative_to(root) else []


def _is_bundle(file: EvidenceFile) -> bool:
    try:
        read_signed(file.data or b"", file.name)
    except UnsupportedBundle:
        return True
    except ProvenanceError:
        return False
    return True


def trees_named(statements: Sequence[VerifiedStatement], recalled: Iterable[str]) -> tuple[Tree, ...]:
    """Which tensor tree of a model is worth computing: the one that anybody speaks of, else its twin.

    Nothing is joined by the twin, which tells weights apart at a fraction of the cost.
    """
    named = any(identity.startswith(f"{SHA256_TREE}:") for identity in recalled) or any(
        SHA256_TREE in keys for statement in statements for keys in _members(statement)
    )
    return (SHA256_TREE,) if named else (BLAKE3_TREE,)


def wanted_by(statements: Sequence[VerifiedStatement], trees: tuple[Tree, ...], recalled: Iterable[str] = ()) -> Wanted:
    """What to compute of a model: sha256, these trees, what its trusted model signatures are over, and what is named.

    Every digest that is given must be right: with a wrong one beside it, a right sha256 would carry it. And one by
    which a file is recalled must be computed to be found.
    """
    signed = [s.claim.serialization.wanted for s in statements if s.principal and isinstance(s.claim, ModelSignature)]
    files = {"sha256", *(name for wanted in signed for name in wanted.files)}
    given = {name for s in statements if s.principal for digest in _given(s) for name in _BESIDE if name in digest}
    given |= {identity.partition(":")[0] for identity in recalled} & set(_BESIDE)
    shards = dict.fromkeys(sharding for wanted in signed for sharding in wanted.shards)
    wanted = Wanted.of((*files, *trees))
    return replace(wanted, files=tuple(dict.fromkeys((*wanted.files, *sorted(given)))), shards=tuple(shards))


def _given(statement: VerifiedStatement) -> Iterator[Container[str]]:
    """The DigestSets in which a statement speaks of the model and of its parts."""
    yield from (subject.digest for subject in statement.statement.subjects)
    if isinstance(statement.claim, Release):
        yield from (row.thing.digest for row in statement.claim.components)


def _members(statement: VerifiedStatement) -> Iterator[Container[str]]:
    """The names of the members of each object in a statement, but for those of a list of files."""
    yield from (subject.digest for subject in statement.statement.subjects)
    waiting: list[Any] = [] if isinstance(statement.claim, ModelSignature) else [statement.statement.predicate]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            yield value
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value


def worth_reading(statements: Sequence[VerifiedStatement]) -> Callable[[FoundFile], bool]:
    """Which files of a model are worth reading, given what is said of it.

    Where trusted statements list the model's files, one that none of them lists cannot come to pass, and one whose
    recorded size differs cannot be as it was signed: a sparse terabyte is refused by name and size alone.
    """
    sizes: dict[str, set[int]] = {}
    for statement in statements:
        claim = statement.claim
        if statement.principal is None:
            continue
        if isinstance(claim, ModelSignature):
            if claim.is_of_a_lone_file:
                return lambda _: True
            for path in claim.resources:
                size = claim.sizes.get(path)
                sizes.setdefault(path, set()).update(() if size is None else {size})
        elif isinstance(claim, Release) or (isinstance(claim, Step) and claim.kind in MODEL_MAKING):
            for thing in described(statement.statement.subjects):
                for path, part in thing.files.items():
                    size = part.annotations.get("size")
                    sizes.setdefault(path, set()).update({size} if isinstance(size, int) else ())
    return lambda file: not sizes or (file.path in sizes and (not sizes[file.path] or file.size in sizes[file.path]))
