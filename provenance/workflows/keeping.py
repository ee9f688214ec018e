"""Keeping evidence in a store, and taking out of it what speaks of a model, however far back.

What a store is asked for is decided by what bundles say of themselves, before anything is verified: it decides what is
shown to the Verifier, and nothing else. What is taken out is put into a folder, which is judged like any other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from provenance.artifacts.manifest import Manifest, scan
from provenance.bundles.store import BUNDLE_SUFFIXES, SUFFIX, EvidenceFile, in_order, read_evidence
from provenance.bundles.stores import BundleStore
from provenance.bundles.stores.facts import facts_unverified, payload_unverified
from provenance.bundles.verifier import VerifiedStatement, Verifier
from provenance.errors import ProvenanceError
from provenance.files import write_whole
from provenance.lineage import uses
from provenance.statements.intoto import LAYOUT, LEGACY_LINK, read_payload
from provenance.statements.release import Release
from provenance.statements.statement import ResourceDescriptor
from provenance.statements.step import DATA_ROLES, MODEL_ROLES, OTHER, Step


def keep(store: BundleStore, paths: Iterable[Path]) -> list[EvidenceFile]:
    """Put bundle files, and those of folders, into a store; what was put there, by name."""
    kept = [file for path in paths for file in read_evidence(path) if file.data is not None]
    for file in kept:
        store.add(file.data or b"")
    return in_order(kept)


def evidence_about(store: BundleStore, subjects: Collection[str]) -> list[EvidenceFile]:
    """Everything that speaks of the subjects, and of what they are said to be made from, and so on.

    What a release lists by sha256 is asked for by that alone, whatever it speaks of. Where in-toto links from before
    attestations are among it, so is every layout: it speaks of no file, and may lend those links a voice.
    """
    found: dict[str, EvidenceFile] = {}
    asked, waiting, listed = set[str](), set(subjects), set[str]()
    while waiting or listed:
        fetched = (store.get(digest) for digest in sorted(listed - found.keys()))
        files = [*store.find(waiting), *filter(None, fetched)] if waiting else list(filter(None, fetched))
        asked |= waiting
        waiting, listed = set(), set()
        for file in files:
            if file.sha256 not in found:
                found[file.sha256] = file
                more, stands_on = _leads_to(file)
                waiting |= more - asked
                listed |= stands_on - asked
                asked |= stands_on  # a bundle that is not there is asked for once
    if any(facts_unverified(file.data or b"").predicate_type == LEGACY_LINK for file in found.values()):
        found.update((file.sha256, file) for file in store.find(predicate_type=LAYOUT))
    return in_order(found.values())


def identities_of(model: Path) -> set[str]:
    """By what statements may speak of a model: as it lies there, without repository files, and by its weights."""
    manifest = scan(model)
    views: tuple[Manifest, ...] = (manifest, manifest.without_repository_files())
    sets = [view.digest for view in views if view.files] + [manifest.weights_digest or {}]
    return {f"{algorithm}:{value}" for digests in sets for algorithm, value in digests.items()}


def put_out(files: Sequence[EvidenceFile], folder: Path) -> None:
    """Write evidence into a folder, each file under its sha256 and of its kind; what lies there stays."""
    for file in files:
        kind = next((suffix for suffix in BUNDLE_SUFFIXES if file.name.endswith(suffix)), SUFFIX)
        write_whole(folder / f"{file.sha256}{kind}", file.data or b"")


def _leads_to(file: EvidenceFile) -> tuple[set[str], set[str]]:
    """The subjects that a bundle leads to, and the sha256 of the bundles that it lists."""
    statement = read_unverified(file)
    if statement is None:
        return set(), set()
    claim = statement.claim
    if isinstance(claim, Step) and claim.kind == OTHER:  # of other tools, whose inputs have no roles
        return _named(claim.inputs), set()
    if isinstance(claim, Step):
        things = [use.thing for use in uses(statement, DATA_ROLES | MODEL_ROLES)]
        return _named(part for thing in things for part in (thing.whole, thing.weights) if part), set()
    if isinstance(claim, Release):
        listed = {item.digest["sha256"] for item in claim.evidence if "sha256" in item.digest}
        return _named((*claim.datasets, *claim.base_models)), listed
    return set(), set()


def read_unverified(file: EvidenceFile) -> VerifiedStatement | None:
    """What a bundle says, in nobody's voice, whoever signed it; None where it cannot be read."""
    payload = payload_unverified(file.data or b"")
    try:
        statement = read_payload(payload, file.name) if payload is not None else None
        return Verifier(None, datetime.now(UTC)).declare(statement, file.name, file.sha256) if statement else None
    except ProvenanceError:
        return None


def _named(things: Iterable[ResourceDescriptor]) -> set[str]:
    return {f"{algorithm}:{value}" for thing in things for algorithm, value in thing.digest.items()}
