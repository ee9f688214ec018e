"""`provenance store add|find|made-from`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.cli.common import EXISTING, Command, Shown, common_options
from provenance.errors import UsageError
from provenance.reports.escape import printable

if TYPE_CHECKING:
    from provenance.bundles.store import EvidenceFile
    from provenance.bundles.stores import BundleStore


@click.group()
def command() -> None:
    """Many bundles: keep them in a folder or a database, and find those that speak of a model.

    STORE is a folder, or the URL of a database (postgresql+psycopg://user@host/name; extra `store`).
    Nothing is verified here: what is found is evidence for `provenance verify`.
    """


def _with_store(function: Command, *, make: bool = False) -> Command:
    """STORE and `--index`, as an open store in `store`; with `make` a folder need not be there yet."""

    @click.argument("place", metavar="STORE")
    @click.option("--index", type=EXISTING, metavar="FILE", help="Where the index of a folder lies; beside it.")
    @wraps(function)
    def wrapped(*args: Any, place: str, index: Path | None, **kwargs: Any) -> Any:
        from contextlib import closing

        from provenance.bundles.stores import open_store

        with closing(open_store(place, index, make=make)) as store:
            return function(*args, store=store, **kwargs)

    return wrapped  # type: ignore[return-value]


@command.command()
@partial(_with_store, make=True)
@click.argument("paths", type=EXISTING, nargs=-1, required=True, metavar="PATH...")
@common_options
def add(store: BundleStore, paths: tuple[Path, ...], shown: Shown) -> None:
    """Put bundles, and folders of them, into STORE; each is kept once, by its sha256. A folder is made.

    \b
    Example:
      provenance store add ./evidence model.provenance
    """
    from provenance.workflows.keeping import keep

    shown.answer(*_told(keep(store, paths)))


@command.command()
@_with_store
@click.option("--model", type=EXISTING, metavar="PATH", help="Whatever speaks of this model, however far back.")
@click.option("--subject", "subjects", multiple=True, metavar="ALGORITHM:HEX", help="Whatever speaks of this.")
@click.option("--predicate-type", default="", metavar="URI", help="Only statements of this type.")
@click.option("--to", "folder", type=EXISTING, metavar="FOLDER", help="Write what is found there.")
@common_options
def find(
    store: BundleStore, model: Path | None, subjects: tuple[str, ...], predicate_type: str, folder: Path | None,
    shown: Shown,
) -> None:
    """Find bundles in STORE by what they say they speak of; unverified.

    \b
    Example:
      provenance store find ./evidence --model ./model --to ./model.provenance
      provenance verify ./model --policy osaid-1.0 --trust trust.yaml --evidence ./model.provenance
    """
    from provenance.workflows.keeping import evidence_about, identities_of, put_out

    if model is not None and (subjects or predicate_type):
        raise UsageError("usage", "a model is looked for with everything that speaks of it", location="--model",
                         hint="leave --subject and --predicate-type out")
    found = evidence_about(store, identities_of(model)) if model else store.find(subjects, predicate_type)
    if folder is not None:
        put_out(found, folder)
    shown.answer(*_told(found))


@command.command("made-from")
@_with_store
@click.argument("things", nargs=-1, required=True, metavar="THING...")
@common_options
def made_from(store: BundleStore, things: tuple[str, ...], shown: Shown) -> None:
    """List everything that bundles in STORE say was made from THING; unverified.

    THING is a file or folder, or a digest (sha256:HEX, dirHash:HEX, tensorTree:HEX): of a dataset, a file of one, code,
    or a model. What is made is followed on: a model that was fine-tuned from one that was trained on it is listed too.

    \b
    Example:
      provenance store made-from ./evidence ./corpus
    """
    from provenance.workflows.recalling import made_from, thing_asked_for

    found = made_from(store, frozenset().union(*map(thing_asked_for, things)))
    document = {"schemaVersion": "0.1", "kind": "MadeFrom", "verified": False, "asked": list(things),
                "made": [made.to_dict() for made in found]}
    shown.answer(document, lambda: "".join(
        f"{made.kind:<10} {printable(made.name)}  {printable(made.digest)}\n"
        f"  {made.away} {'statement' if made.away == 1 else 'statements'} away, says {printable(made.file)}\n"
        for made in found) + f"{len(found)} things, not verified\n")


def _told(files: list[EvidenceFile]) -> tuple[dict[str, Any], Callable[[], str]]:
    from provenance.bundles.stores.facts import facts_unverified

    rows = [{"file": file.name, "sha256": file.sha256, "predicateType": facts.predicate_type,
             "subjects": sorted(facts.subjects)[:20]}
            for file, facts in ((file, facts_unverified(file.data or b"")) for file in files)]
    document = {"schemaVersion": "0.1", "kind": "Bundles", "verified": False, "bundles": rows}
    return document, lambda: "".join(
        f"{row['sha256']}  {printable(str(row['file']))}\n  says  {printable(str(row['predicateType']) or 'nothing')}\n"
        for row in rows) + f"{len(rows)} bundles, not verified\n"
