"""From one entry to everything that is known of it: its bytes, the statements about them, and what they are asked.

A configuration file and a card by itself stand in for a model whose bytes are not at hand: what they declare is put
into the form of a release of the file itself, unsigned. Requirements that recompute something from weights stay open.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from provenance import cards
from provenance.artifacts.crew import Progress
from provenance.artifacts.manifest import FileEntry, Manifest, scan
from provenance.bundles.trust import Trust
from provenance.bundles.verifier import Examined, VerifiedStatement, Verifier
from provenance.errors import ArtifactError, Finding, ProvenanceError
from provenance.mof_file import MofFile, is_mof, mof_file
from provenance.policy import licences
from provenance.policy.evaluate import Evaluation, Subject
from provenance.statements.artifact import describe
from provenance.statements.reader import MAX_YAML, parse_yaml
from provenance.workflows.gathering import gather, trees_named, wanted_by, worth_reading
from provenance.workflows.stocktaking.entries import MOF_SUFFIXES
from provenance.workflows.stocktaking.entry import Entry
from provenance.workflows.stocktaking.hub_cache import scan_snapshot

MAX_CARD = 16 << 20


@dataclass(frozen=True)
class Known:
    """What is known of one entry; `mof` is its MOF configuration file, where there is one."""

    name: str
    evaluation: Evaluation
    mof: MofFile | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class OtherDocument:
    """What was found and is meant for something else; it is told, and no row."""

    reason: str


def read(entry: Entry, trust: Trust | None, as_of: datetime, progress: Progress | None = None) -> Known | OtherDocument:
    """Everything that is known of an entry; ProvenanceError where it cannot be read."""
    if entry.error is not None:
        raise entry.error
    if entry.kind == "hub-other":
        return OtherDocument("a data set or space in a Hub cache")
    verifier = Verifier(trust, as_of)
    if entry.kind == "mof-file":
        return _mof_file(entry, verifier)
    return _card(entry, verifier) if entry.kind == "card" else _model(entry, verifier, progress)


def _mof_file(entry: Entry, verifier: Verifier) -> Known | OtherDocument:
    data = _bytes(entry.path, MAX_YAML)
    document = parse_yaml(data, entry.path.name)
    if isinstance(document, dict) and not is_mof(document) and not entry.named:
        return OtherDocument("YAML of another kind: it has neither `framework` nor `release`")
    file = mof_file(document, entry.path.name)
    digest = hashlib.sha256(data).hexdigest()
    stands_in = Manifest(entry.path.name, (FileEntry(entry.path.name, len(data), digest),), is_file=True)
    declared = verifier.declare(file.to_release(describe(stands_in)).to_statement(), entry.path.name, digest)
    evaluation = Evaluation(Subject(stands_in, (declared,), verifier.trust, verifier.as_of))
    return Known(file.name or entry.name, evaluation, file, file.findings)


def _card(entry: Entry, verifier: Verifier) -> Known | OtherDocument:
    data = _bytes(entry.path, MAX_CARD)
    row = FileEntry(cards.CARD, len(data), hashlib.sha256(data).hexdigest())
    stands_in = Manifest(entry.name, (row,), is_file=True, contents={cards.CARD: data})
    declared, findings = _declarations(stands_in, verifier)
    for finding in findings:  # of a folder a finding, of a card by itself the end
        raise ArtifactError(finding.code, finding.message, location=finding.location, hint=finding.hint)
    about = cards.is_about(cards.front_matter_of(stands_in))
    if about == "data" and entry.named:
        raise ArtifactError("schema-mismatch", "the card of a data set, and not of a model", location=entry.path.name,
                            hint="name the cards of models")
    if about != "model" and not entry.named:
        return OtherDocument("the card of a data set" if about else "Markdown with a header that is no card's")
    return Known(entry.name, Evaluation(Subject(stands_in, tuple(declared), verifier.trust, verifier.as_of)), None, ())


def _model(entry: Entry, verifier: Verifier, progress: Progress | None) -> Known | OtherDocument:
    gathered = gather(entry.path, (), verifier)
    recalled = verifier.trust.recalled if verifier.trust else frozenset[str]()
    wanted = wanted_by(gathered.statements, trees_named(gathered.statements, recalled), recalled)
    if entry.kind == "hub-snapshot":
        model = scan_snapshot(entry.path, wanted=wanted, keep=_is_worth_keeping, progress=progress)
    else:
        worth = worth_reading(gathered.statements)
        model = scan(entry.path, exclude=gathered.inside, wanted=wanted, may_be_read=worth, keep=_is_worth_keeping,
                     progress=progress)
    if not entry.named and not model.weight_files and cards.is_about(cards.front_matter_of(model)) == "data":
        return OtherDocument("a data set with its card")
    declared, findings = _declarations(model, verifier)
    file, more = _mof_file_of(model)
    subject = Subject(model, (*gathered.statements, *declared), verifier.trust, verifier.as_of)
    told = (*model.findings, *findings, *more, *_rejected(gathered.rejected))
    return Known(entry.name, Evaluation(subject), file, told)


def _rejected(rejected: Iterable[Examined]) -> Iterator[Finding]:
    for result in rejected:
        yield Finding(result.code or "bundle-invalid", "warning", result.reason, result.file, "")


def _declarations(model: Manifest, verifier: Verifier) -> tuple[list[VerifiedStatement], list[Finding]]:
    licence, name, link = cards.declared_licence(cards.front_matter_of(model))
    meant = licences.normalise(licence, name=name, link=link)
    free = licences.category(meant.expression, "weights").status == "open"
    return cards.declarations(model, verifier, meant.expression or meant.declared or None, free=free)


def _is_worth_keeping(path: str) -> bool:
    return cards.is_card(path) or ("/" not in path and path.lower().endswith(MOF_SUFFIXES))


def _mof_file_of(model: Manifest) -> tuple[MofFile | None, list[Finding]]:
    """The MOF configuration file at the top of a model folder, the first by name, and what is wrong with others."""
    found: list[MofFile] = []
    findings: list[Finding] = []
    for path, content in sorted(model.contents.items()):
        if not path.lower().endswith(MOF_SUFFIXES):
            continue
        try:
            document = parse_yaml(content, path)
            if is_mof(document):
                found.append(mof_file(document, path))
                findings += found[-1].findings if len(found) == 1 else [_second(path)]
        except ProvenanceError as err:
            findings.append(Finding(err.code, "warning", err.message, err.location, err.hint))
    return (found[0] if found else None), findings


def _second(path: str) -> Finding:
    return Finding("schema-mismatch", "warning", "a second MOF configuration file, which is not read", path, "keep one")


def _bytes(path: Path, limit: int) -> bytes:
    """The bytes of a file, one more than the limit at most: whoever parses them refuses that."""
    try:
        if not path.is_file():  # opening a pipe would wait for ever
            raise ArtifactError("file-special", "not a regular file", location=path.name, hint="name a file")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as err:
        raise ArtifactError("input-unreadable", f"cannot be read: {err.strerror}", location=path.name,
                            hint="check its permissions") from err
    if len(data) > limit:
        raise ArtifactError("document-too-large", f"more than {limit} bytes", location=path.name)
    return data
