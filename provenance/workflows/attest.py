"""Attest: signed statements about a dataset, and about a release and everything that it stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance.artifacts.crew import Progress
from provenance.artifacts.hashing import EVERYTHING_SIGNED, FILES
from provenance.artifacts.manifest import scan
from provenance.bundles.envelope import sha256, sign
from provenance.bundles.signed import read_signed
from provenance.bundles.store import default_folder, read_evidence
from provenance.bundles.trust import timestamp
from provenance.errors import ArtifactError, ProvenanceError, StatementError
from provenance.files import read_small, write_whole
from provenance.statements.artifact import describe, described
from provenance.statements.assessment import ASSESSMENT
from provenance.statements.dataset import DATASET, Dataset
from provenance.statements.intoto import LAYOUT, read_payload
from provenance.statements.reader import parse_yaml, validate
from provenance.statements.release import Component, Release
from provenance.statements.shown import SHOWN
from provenance.statements.statement import ResourceDescriptor, Statement, descriptors
from provenance.statements.step import MODEL_ROLES, SLSA_PROVENANCE_V1, is_ours
from provenance.statements.waiver import WAIVER

if TYPE_CHECKING:
    from provenance.bundles.signers import AnySigner


@dataclass(frozen=True)
class Attested:
    """A bundle that was written: where, its sha256, and what it speaks of."""

    bundle: Path
    sha256: str
    statement: Statement


def attest_dataset(
    path: Path,
    facts: Mapping[str, Any],
    *,
    signer: Callable[[], AnySigner],
    bundle: Path | None = None,
    progress: Progress | None = None,
) -> Attested:
    """Sign what is stated about a dataset (`schemas/dataset.schema.json`) together with the digests of its bytes.

    The bundle is `PATH.provenance/dataset.sigstore.json` unless named. StatementError `schema-mismatch`.
    """
    dataset_facts = dict(facts)
    validate(dataset_facts, "dataset", str(path))
    manifest = scan(path, wanted=FILES, progress=progress).require_sound()
    dataset = Dataset(describe(manifest), dataset_facts)
    return written(dataset.to_statement(), signer, bundle or default_folder(path) / "dataset.sigstore.json")


def read_facts(path: Path) -> dict[str, Any]:
    """A YAML file of facts as a mapping; StatementError `input-unreadable` or `yaml-invalid`."""
    facts = parse_yaml(read_small(path, error=StatementError), str(path))
    if not isinstance(facts, dict):
        raise StatementError("schema-mismatch", "not a mapping", location=str(path), hint="write `name: value` lines")
    return facts


def attest_release(
    model: Path,
    components: Path,
    *,
    signer: Callable[[], AnySigner],
    now: datetime,
    evidence: Sequence[Path] = (),
    bundle: Path | None = None,
    progress: Progress | None = None,
) -> Attested:
    """Sign a release: the model, its components by digest and licence, and every bundle that it stands on.

    `components` is YAML (`schemas/components.schema.json`); its paths are relative to it. Datasets and base models are
    taken from the evidence, which defaults to `MODEL.provenance/`; there the bundle is written unless it is named.
    """
    facts = read_facts(components)
    validate(facts, "components", str(components))
    target = bundle or default_folder(model) / "release.sigstore.json"
    manifest = scan(model, wanted=EVERYTHING_SIGNED, progress=progress).require_sound()
    found = [item for item in listed(evidence, model) if item.descriptor.name != target.name]
    release = Release(
        describe(manifest, facts["name"]), facts["name"], facts["version"], facts["producer"], timestamp(now),
        tuple(_components(facts["components"], components.parent)),
        tuple(item.descriptor for item in found),
        tuple(_unique(thing for item in found for thing in item.datasets())),
        tuple(_unique(thing for item in found for thing in item.base_models())),
        facts.get("declarations", {}),
    )
    return written(release.to_statement(), signer, target)


def listed(evidence: Sequence[Path], subject: Path) -> list[Listed]:
    """The bundles (by default of `SUBJECT.provenance/`) that a release or a judgement can stand on.

    What people found, and what they waived, is said of a release, and so is none of it.
    """
    folders = list(evidence) or [folder for folder in (default_folder(subject),) if folder.is_dir()]
    found = [Listed(file.name, file.data) for folder in folders for file in read_evidence(folder)
             if file.data is not None]
    return [item for item in found if item.is_evidence]


class Listed:
    """A bundle that a release stands on; read, not verified: who signs the release answers for the list."""

    def __init__(self, name: str, data: bytes) -> None:
        self.descriptor = ResourceDescriptor(name, {"sha256": sha256(data)})
        try:
            self._statement: Statement | None = read_payload(read_signed(data, name).payload, name)
        except ProvenanceError:
            self._statement = None

    @property
    def is_evidence(self) -> bool:
        """Whether a release can stand on it; what only lends a voice, or is only shown, is missed by nobody."""
        return self._statement is None or self._statement.predicate_type not in {*SHOWN, LAYOUT, ASSESSMENT, WAIVER}

    def datasets(self) -> Iterator[ResourceDescriptor]:
        """The datasets that it describes."""
        if self._statement is not None and self._statement.predicate_type == DATASET:
            for thing in described(self._statement.subjects):
                yield ResourceDescriptor(thing.name, thing.whole.digest)

    def base_models(self) -> Iterator[ResourceDescriptor]:
        """The models that the step in it began with."""
        if self._statement is None or self._statement.predicate_type != SLSA_PROVENANCE_V1 \
                or not is_ours(self._statement):
            return
        inputs = self._statement.predicate.get("buildDefinition", {}).get("resolvedDependencies", [])
        for thing in described(item for item in descriptors(inputs, self.descriptor.name) if item.role in MODEL_ROLES):
            if thing.whole.role == "base-model":
                yield ResourceDescriptor(thing.name, thing.whole.digest)


def _components(rows: Sequence[Mapping[str, Any]], base: Path) -> Iterator[Component]:
    for row in rows:
        name, uri = row.get("name", row.get("path", "")), row.get("uri", "")
        digest: dict[str, str] = {}
        if "path" in row:
            try:
                digest = scan(base / row["path"], wanted=FILES).require_sound().digest
            except ArtifactError as err:
                raise ArtifactError(err.code, f"component {row['component']}: {err.message}",
                                    location=err.location or row["path"], hint=err.hint) from err
        notes = {"describes": row["describes"]} if "describes" in row else {}
        yield Component(row["component"], ResourceDescriptor(name, digest, uri, annotations=notes), row.get("license"))


def _unique(things: Iterator[ResourceDescriptor]) -> Iterator[ResourceDescriptor]:
    seen: dict[tuple[tuple[str, str], ...], ResourceDescriptor] = {}
    for thing in things:
        seen.setdefault(tuple(sorted(thing.digest.items())), thing)
    yield from seen.values()


def written(statement: Statement, signer: Callable[[], AnySigner], bundle: Path | Callable[[str], Path]) -> Attested:
    """Sign a statement and write its bundle, whole or not at all; `bundle` may name it by the sha256 of its bytes."""
    data = sign(statement.to_bytes(), signer())
    digest = sha256(data)
    target = bundle if isinstance(bundle, Path) else bundle(digest)
    write_whole(target, data)
    return Attested(target, digest, statement)


