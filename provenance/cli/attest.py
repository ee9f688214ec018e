"""`provenance attest dataset|release`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.cli.common import EXISTING, Shown, common_options, now, pairs
from provenance.cli.signer_options import signer_options
from provenance.reports.escape import printable

if TYPE_CHECKING:
    from provenance.bundles.signers import AnySigner
    from provenance.workflows.attest import Attested

_TEXTS = frozenset({
    "name", "version", "description", "selection", "labelling", "license", "licenseNotes", "period", "personalData",
    "residency", "source.uri", "source.publisher", "source.obtained", "availability.class", "availability.locator",
    "availability.reason",
})
_LISTS = frozenset({"processing", "languages", "modalities"})


@click.group()
def command() -> None:
    """Sign statements: about a dataset, or about a release and everything that it stands on."""


@command.command()
@click.argument("path", type=EXISTING)
@click.option("--facts", type=EXISTING, metavar="FILE", help="YAML with the facts (schemas/dataset.schema.json).")
@click.option("--set", "given", multiple=True, metavar="FIELD=VALUE",
              help="One fact, over those of the file: name, license, source.uri, availability.class ...")
@signer_options()
@click.option("--bundle", type=EXISTING, metavar="FILE", help="Where to write; PATH.provenance/dataset.sigstore.json.")
@common_options
def dataset(
    path: Path, facts: Path | None, given: tuple[str, ...], signer: Callable[[], AnySigner], bundle: Path | None,
    shown: Shown,
) -> None:
    """Sign what is stated about the dataset PATH, together with the digests of its bytes.

    \b
    Example:
      provenance attest dataset ./corpus --facts corpus.yaml --key data.key
      provenance attest dataset tales.jsonl --set name=tales --set license=CC0-1.0 --key data.key
    """
    from provenance.workflows.attest import attest_dataset, read_facts

    stated = _merged(read_facts(facts) if facts else {}, given)
    stated.setdefault("name", path.resolve().name)
    with shown.progress("Reading") as (progress, _):
        attested = attest_dataset(path, stated, signer=signer, bundle=bundle, progress=progress)
    answer(attested, shown)


@command.command()
@click.argument("model", type=EXISTING)
@click.option("--components", required=True, type=EXISTING, metavar="FILE",
              help="YAML: name, version, producer, components, declarations (schemas/components.schema.json).")
@click.option("--evidence", multiple=True, type=EXISTING, metavar="DIR", help="What it stands on; MODEL.provenance/.")
@signer_options()
@click.option("--bundle", type=EXISTING, metavar="FILE", help="Where to write; MODEL.provenance/release.sigstore.json.")
@common_options
def release(
    model: Path, components: Path, evidence: tuple[Path, ...], signer: Callable[[], AnySigner], bundle: Path | None,
    shown: Shown,
) -> None:
    """Sign the release of MODEL: its components by digest and licence, and every bundle that it stands on.

    \b
    Example:
      provenance attest release ./model --components components.yaml --key producer.key
    """
    from provenance.workflows.attest import attest_release

    with shown.progress("Reading") as (progress, _):
        attested = attest_release(model, components, signer=signer, now=now(), evidence=evidence,
                                  bundle=bundle, progress=progress)
    answer(attested, shown)


def _merged(facts: dict[str, Any], given: tuple[str, ...]) -> dict[str, Any]:
    merged = dict(facts)
    for field, value in pairs(given, "--set", _TEXTS | _LISTS | {"records"}):
        outer, _, inner = field.partition(".")
        if inner:
            merged[outer] = {**merged.get(outer, {}), inner: value}
        elif field in _LISTS:
            merged[field] = [*merged.get(field, []), value]
        else:
            merged[field] = int(value) if field == "records" and value.isdigit() else value
    return merged


def answer(attested: Attested, shown: Shown) -> None:
    """Say which statement was signed, and where it lies."""
    subject = attested.statement.subjects[0]
    document = {"schemaVersion": "0.1", "kind": "Attested", "bundle": str(attested.bundle), "sha256": attested.sha256,
                "predicateType": attested.statement.predicate_type,
                "subject": {"name": subject.name, "digest": dict(subject.digest)}}
    shown.answer(document, lambda: f"signed {printable(subject.name)} as {attested.statement.predicate_type}\n"
                                   f"bundle {printable(str(attested.bundle))}\nsha256 {attested.sha256}\n")
