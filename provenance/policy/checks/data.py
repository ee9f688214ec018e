"""Family D: every dataset that any step on the way to the model used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from provenance.artifacts.digest import Identity
from provenance.bundles.verifier import VerifiedStatement
from provenance.lineage import Use, step_of
from provenance.policy import licences
from provenance.policy.checks.base import Check, Context, nothing, outcome_of
from provenance.policy.verdict import Item, Outcome
from provenance.statements.dataset import Dataset
from provenance.statements.release import Release
from provenance.statements.statement import all_identities


def closure(context: Context) -> Sequence[Item]:
    """D-1: every dataset that any step used stands in the release's list, or was made from datasets that do.

    What a base model was made from stands in the list of its own release.
    """
    releases = context.lineage_releases
    listed = all_identities(d for s in releases if isinstance(s.claim, Release) for d in s.claim.datasets)
    silent = [Item.on([s], f"step {step_of(s).name}", "undetermined", "names no data that it used", "recomputed")
              for s in context.graph.silent_about_data]
    items = silent + [_listed(context, use, listed, releases) for use in context.graph.data_uses]
    return items or nothing("no step says which data was used")


def _listed(context: Context, use: Use, listed: frozenset[Identity], releases: Sequence[VerifiedStatement]) -> Item:
    subject = f"dataset {use.thing.name}"
    if not use.identities:
        return Item.on([use.step], subject, "undetermined", "used without a strong digest", "recomputed")
    known = use.identities | all_identities(s for d in context.graph.attested_by(use.identities)
                                            for s in d.statement.subjects)
    if known & listed:
        return Item.on([use.step, *releases], subject, "pass", "stands in the release's list", "recomputed")
    if context.graph.is_made_from_data(use):
        told = "made by an attested step from data that is asked for in turn"
        return Item.on([use.step], subject, "pass", told, "recomputed")
    return Item.on([use.step], subject, "undetermined", "used, and not in the release's list of datasets", "recomputed")


def _each_dataset(context: Context, judge: Callable[[VerifiedStatement, Dataset], Item]) -> list[Item]:
    """One item for each dataset that is the beginning of a chain, and for each other one that is attested."""
    return list(dict.fromkeys(_judged(context, judge))) or nothing("no step says which data was used")


def _judged(context: Context, judge: Callable[[VerifiedStatement, Dataset], Item]) -> Iterator[Item]:
    seen = set[str]()  # a statement is judged once, however many steps used the dataset
    for use in context.graph.data_uses:
        statements = context.accepted(context.graph.attested_by(use.identities))
        for statement in statements:
            if isinstance(statement.claim, Dataset) and statement.sha256 not in seen:
                seen.add(statement.sha256)
                yield judge(statement, statement.claim)
        # Data that a step made from no data at all has nothing behind it that could be described in its place.
        if not statements and not context.graph.is_made_from_data(use):
            yield Item.on([use.step], f"dataset {use.thing.name}", "undetermined", "nobody accepted here describes it")


def information(context: Context) -> Sequence[Item]:
    """D-2: each dataset is described: source, obtaining, selection, labelling and processing."""

    def judge(statement: VerifiedStatement, dataset: Dataset) -> Item:
        missing = dataset.undescribed()
        if missing:
            return _item(statement, dataset, "undetermined", f"does not say: {', '.join(missing)}")
        return _item(statement, dataset, "pass", "source, obtaining, selection, labelling and processing are described")

    return _each_dataset(context, judge)


def availability(context: Context) -> Sequence[Item]:
    """D-3: each dataset says whether it can be had and where, or for which reason it cannot be shared."""

    def judge(statement: VerifiedStatement, dataset: Dataset) -> Item:
        stated = dataset.availability
        kind = stated.get("class")
        if kind is None:
            return _item(statement, dataset, "undetermined", "does not say whether it can be had")
        wanted = "reason" if kind == "unshareable" else "locator"
        if not stated.get(wanted):
            return _item(statement, dataset, "undetermined", f"{kind}, without a {wanted}")
        return _item(statement, dataset, "pass", f"{kind}, {stated[wanted]}")

    return _each_dataset(context, judge)


def list_complete(context: Context) -> Sequence[Item]:
    """D-5: the producer declares that the list of datasets is complete, and so does that of each base model."""
    answers: dict[bool | None, tuple[Outcome, str]] = {
        True: ("pass", "the list of datasets is declared complete"),
        False: ("fail", "the list of datasets is declared incomplete"),
        None: ("undetermined", "nobody accepted here declares the list of datasets complete"),
    }
    items = [Item.on(releases, "", *answers[told]) for releases, told in context.declared("datasetListComplete")]
    return items or nothing("nobody accepted here declares the list of datasets complete")


def open_data(context: Context) -> Sequence[Item]:
    """D-6: each dataset itself can be had by anyone, under open terms."""

    def judge(statement: VerifiedStatement, dataset: Dataset) -> Item:
        kind = dataset.availability.get("class")
        if kind is None:
            return _item(statement, dataset, "undetermined", "does not say whether it can be had")
        if kind != "open":
            return _item(statement, dataset, "fail", f"its availability is {kind}, not open")
        read = licences.normalise(dataset.license)
        if read.expression is None:
            return _item(statement, dataset, "undetermined", f"licence not known: {read.reason}")
        openness = licences.category(read.expression, "data")
        return _item(statement, dataset, outcome_of(openness), f"can be had by anyone, and {openness.reason}")

    return _each_dataset(context, judge)


def _item(statement: VerifiedStatement, dataset: Dataset, outcome: Outcome, reason: str) -> Item:
    return Item.on([statement], f"dataset {dataset.name}", outcome, reason)


DATA = (
    Check("D-1", "Every dataset that was used is listed", closure, uses_lineage=True, asks_how_made=True),
    Check("D-2", "Every dataset is described", information, uses_lineage=True, asks_how_made=True),
    Check("D-3", "Every dataset says whether it can be had", availability, uses_lineage=True, asks_how_made=True),
    Check("D-5", "The list of datasets is declared complete", list_complete, asks_how_made=True),
    Check("D-6", "Every dataset is open data", open_data, uses_lineage=True, asks_how_made=True),
)
