"""Family D: every dataset that any step on the way to the model used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from provenance.bundles.verifier import VerifiedStatement
from provenance.lineage import Use
from provenance.policy import licences
from provenance.policy.checks.base import Check, Context, nothing, outcome_of
from provenance.policy.verdict import Item, Outcome
from provenance.statements.dataset import Dataset
from provenance.statements.release import Release
from provenance.statements.statement import all_identities


def closure(context: Context) -> Sequence[Item]:
    """D-1: every dataset that any step used stands in the release's list, or was made from datasets that do."""
    listed = frozenset().union(*(
        all_identities(s.claim.datasets) for s in context.releases if isinstance(s.claim, Release)
    ), frozenset())  # fmt: skip
    return [_listed(context, use, listed) for use in _uses(context)] or nothing("no step says which data was used")


def _listed(context: Context, use: Use, listed: frozenset[object]) -> Item:
    subject = f"dataset {use.thing.name}"
    if not use.identities:
        return Item.on([use.step], subject, "undetermined", "used without a strong digest", "recomputed")
    known = use.identities | all_identities(s for d in context.graph.attested_by(use.identities)
                                            for s in d.statement.subjects)  # fmt: skip
    if known & listed:
        return Item.on([use.step, *context.releases], subject, "pass", "stands in the release's list", "recomputed")
    if context.graph.made_by(use.identities):
        return Item.on([use.step], subject, "pass", "made by an attested step from data that is asked for in turn", "recomputed")
    return Item.on([use.step], subject, "undetermined", "used, and not in the release's list of datasets", "recomputed")


def _uses(context: Context) -> tuple[Use, ...]:
    return context.graph.data_uses


def _each_dataset(context: Context, judge: Callable[[VerifiedStatement, Dataset], Item]) -> list[Item]:
    """One item for each dataset that is the beginning of a chain, and for each other one that is attested."""
    return list(dict.fromkeys(_judged(context, judge))) or nothing("no step says which data was used")


def _judged(context: Context, judge: Callable[[VerifiedStatement, Dataset], Item]) -> Iterator[Item]:
    for use in _uses(context):
        statements = context.accepted(context.graph.attested_by(use.identities))
        for statement in statements:
            if isinstance(statement.claim, Dataset):
                yield judge(statement, statement.claim)
        if not statements and not context.graph.made_by(use.identities):
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
    """D-5: the producer declares that the list of datasets is complete."""
    items = []
    for statement in context.releases:
        told = statement.claim.declarations.get("datasetListComplete") if isinstance(statement.claim, Release) else None
        if told is True:
            items.append(Item.on([statement], "", "pass", "the list of datasets is declared complete"))
        elif told is False:
            items.append(Item.on([statement], "", "fail", "the list of datasets is declared incomplete"))
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
    Check("D-1", "Every dataset that was used is listed", closure, uses_lineage=True),
    Check("D-2", "Every dataset is described", information, uses_lineage=True),
    Check("D-3", "Every dataset says whether it can be had", availability, uses_lineage=True),
    Check("D-5", "The list of datasets is declared complete", list_complete),
    Check("D-6", "Every dataset is open data", open_data, uses_lineage=True),
)
