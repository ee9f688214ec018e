"""Family D: every dataset that any step on the way to the model used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from provenance.artifacts.digest import Identity
from provenance.bundles.verifier import VerifiedStatement
from provenance.lineage import Use, step_of
from provenance.policy import licences
from provenance.policy.acts import ANEW, Kind, about
from provenance.policy.checks.base import (
    DESCRIBE,
    EVALUATE,
    PUBLISH,
    RECOMPUTED,
    Check,
    Context,
    Parameter,
    nothing,
    outcome_of,
)
from provenance.policy.verdict import Item, Outcome
from provenance.statements.dataset import Dataset, is_answer
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
        return Item.on([use.step], subject, "undetermined", "used without a strong digest", "recomputed",
                       ways=(about(f"step {step_of(use.step).name}"),), thing=use.thing.whole.key)
    known = use.identities | all_identities(s for d in context.graph.attested_by(use.identities)
                                            for s in d.statement.subjects)
    if known & listed:
        return Item.on([use.step, *releases], subject, "pass", "stands in the release's list", "recomputed",
                       thing=use.thing.whole.key)
    if context.graph.is_made_from_data(use):
        told = "made by an attested step from data that is asked for in turn"
        return Item.on([use.step], subject, "pass", told, "recomputed", thing=use.thing.whole.key)
    return Item.on([use.step], subject, "undetermined", "used, and not in the release's list of datasets", "recomputed",
                   ways=((ANEW,),), thing=use.thing.whole.key)


def _each_dataset(context: Context, judge: Callable[[VerifiedStatement, Dataset], Item]) -> list[Item]:
    """One item for each dataset that is the beginning of a chain, and for each other one that is attested."""
    return list(dict.fromkeys(_judged(context, judge))) or nothing("no step says which data was used")


def _judged(context: Context, judge: Callable[[VerifiedStatement, Dataset], Item]) -> Iterator[Item]:
    found: dict[str, Item] = {}  # a statement is judged once, however many steps used the dataset
    seen = set[tuple[str, str]]()
    for use in context.graph.data_uses:
        thing = use.thing.whole.key
        statements = context.accepted(context.graph.attested_by(use.identities))
        for statement in statements:
            if isinstance(statement.claim, Dataset) and (statement.sha256, thing) not in seen:
                seen.add((statement.sha256, thing))
                if statement.sha256 not in found:
                    found[statement.sha256] = judge(statement, statement.claim)
                yield replace(found[statement.sha256], thing=thing)
        # Data that a step made from no data at all has nothing behind it that could be described in its place.
        if not statements and not context.graph.is_made_from_data(use):
            yield Item.on([use.step], f"dataset {use.thing.name}", "undetermined", "nobody accepted here describes it",
                          thing=thing)


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
        if kind == "unshareable" and context.parameters["unshareable"] == "refused":
            return _item(statement, dataset, "fail", "cannot be shared")
        wanted = "reason" if kind == "unshareable" else "locator"
        if not stated.get(wanted):
            return _item(statement, dataset, "undetermined", f"{kind}, without a {wanted}")
        return _item(statement, dataset, "pass", f"{kind}, {stated[wanted]}")

    return _each_dataset(context, judge)


def licensed(context: Context) -> Sequence[Item]:
    """D-4: the licence of each dataset is known (`stated`), restricts no use (`unrestricted`), or is open (`open`).

    Every dataset must meet it, so that the most restrictive one decides.
    """
    wanted = context.parameters["license"]

    def judge(statement: VerifiedStatement, dataset: Dataset) -> Item:
        read = licences.normalise(dataset.license)
        if read.expression is None or not read.known:
            return _item(statement, dataset, "undetermined", f"licence not known: {read.reason}")
        if wanted == "stated":
            return _item(statement, dataset, "pass", f"licence {read.expression} is stated")
        openness = licences.category(read.expression, "data" if wanted == "open" else "use")
        return _item(statement, dataset, outcome_of(openness), openness.reason)

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


def evaluation_data(context: Context) -> Sequence[Item]:
    """D-7: each evaluation of these weights names by digest the data on which it evaluated them."""
    items = []
    for statement in context.graph.evaluations:
        subject = f"step {step_of(statement).name}"
        used = [use for use in context.graph.data_of(statement) if use.role == "evaluation-data"]
        if not context.accepts(statement):
            items.append(Item.on([statement], subject, "undetermined", "its signer is not accepted here"))
        elif not used or not all(use.identities for use in used):
            told = "names no evaluation data, or some of it without a strong digest"
            items.append(Item.on([statement], subject, "undetermined", told))
        else:
            named = ", ".join(use.thing.name for use in used)
            items.append(Item.on([statement], subject, "pass", f"evaluated on {named}"))
    return items or nothing("no evaluation of these weights is attested")


def standard_fields(context: Context) -> Sequence[Item]:
    """D-8: each dataset states every field of the Data Provenance Standards; `none` is an answer, `unknown` is not."""

    def judge(statement: VerifiedStatement, dataset: Dataset) -> Item:
        missing = dataset.unstated()
        if missing:
            more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
            return _item(statement, dataset, "undetermined", f"does not state: {', '.join(missing[:5])}{more}")
        return _item(statement, dataset, "pass", "states every field of the Data Provenance Standards")

    return _each_dataset(context, judge)


def unknown_provenance(context: Context) -> Sequence[Item]:
    """D-9: the producer lists the data whose provenance is not known, and so does that of each base model.

    An empty list is an answer. Data of which nobody says anything must stand in one of them.
    """
    items, listed = [], set[str]()
    for releases in context.spoken_for():
        lists = {s: s.claim.declarations.get("unknownProvenance") for s in releases if isinstance(s.claim, Release)}
        told = [statement for statement, names in lists.items() if names is not None]
        names = {name for statement in told for name in lists[statement] or ()}
        listed |= names
        said = f"lists {len(names)} sources whose provenance is not known"
        open_ = Item.on(releases, "", "undetermined", "does not list the data whose provenance is not known")
        items.append(Item.on(told, "", "pass", said) if told else open_)
    for use in context.graph.data_uses:
        known = context.graph.attested_by(use.identities) or context.graph.is_made_from_data(use)
        if not known and use.thing.name not in listed:
            said = "nobody describes it, and it is not listed as of unknown provenance"
            subject = f"dataset {use.thing.name}"
            items.append(Item.on([use.step], subject, "undetermined", said, ways=((ANEW,), about(subject)),
                                 thing=use.thing.whole.key))
    return items if context.releases else nothing("no accepted release lists data whose provenance is not known")


def personal_data(context: Context) -> Sequence[Item]:
    """D-10: each dataset says whether personal data is in it, and on which consent or other ground."""

    def judge(statement: VerifiedStatement, dataset: Dataset) -> Item:
        stated = dataset.facts.get("personalData")
        if not is_answer(stated):
            return _item(statement, dataset, "undetermined", "does not say whether personal data is in it")
        return _item(statement, dataset, "pass", f"personal data: {stated}")

    return _each_dataset(context, judge)


def _item(statement: VerifiedStatement, dataset: Dataset, outcome: Outcome, reason: str) -> Item:
    return Item.on([statement], f"dataset {dataset.name}", outcome, reason)


_BOTH = ("data-supplier", "producer")
_DESCRIBED: tuple[Kind, ...] = ("train", "dataset")
_OSAID = "OSAID 1.0, Data Information"
_DPS = "Data & Trust Alliance, Data Provenance Standards 1.0.0"
DATA = (
    Check("D-1", "Every dataset that was used is listed", closure, uses_lineage=True, asks_how_made=True,
          minimum=RECOMPUTED, shown_by=_DESCRIBED, remedy=DESCRIBE, citation=f"{_OSAID}: all data used for training"),
    Check("D-2", "Every dataset is described", information, uses_lineage=True, asks_how_made=True, roles=_BOTH,
          shown_by=_DESCRIBED, remedy=DESCRIBE,
          citation=f"{_OSAID}: provenance, scope, obtaining, selection, labelling, processing"),
    Check("D-3", "Every dataset says whether it can be had", availability,
          {"unshareable": Parameter("described", ("described", "refused"))}, uses_lineage=True, asks_how_made=True,
          roles=_BOTH, shown_by=_DESCRIBED, remedy=DESCRIBE,
          citation=f"{_OSAID}: where data can be had; unshareable data is described"),
    Check("D-4", "The licence of every dataset is known", licensed,
          {"license": Parameter("stated", ("stated", "unrestricted", "open"))}, uses_lineage=True, asks_how_made=True,
          roles=_BOTH, waivable=True, shown_by=_DESCRIBED, remedy=DESCRIBE, citation=f"{_DPS}, Use: licence to use"),
    Check("D-5", "The list of datasets is declared complete", list_complete, uses_lineage=True, asks_how_made=True,
          remedy=PUBLISH, citation=f"{_OSAID}: the complete description of all data"),
    Check("D-6", "Every dataset is open data", open_data, uses_lineage=True, asks_how_made=True, roles=_BOTH,
          shown_by=_DESCRIBED, remedy=DESCRIBE,
          citation="G7 Vision on AI Openness (Paris, 29 May 2026), Open Source AI with Open Data"),
    Check("D-7", "The evaluation data is identified", evaluation_data, uses_lineage=True, waivable=True,
          shown_by=("evaluate",), remedy=EVALUATE, citation="Model Openness Framework 1.0, section 6: Evaluation Data"),
    Check("D-8", "Every dataset states the fields of the Data Provenance Standards", standard_fields,
          uses_lineage=True, asks_how_made=True, roles=_BOTH, waivable=True, shown_by=_DESCRIBED, remedy=DESCRIBE,
          citation=f"{_DPS}: Source, Provenance and Use"),
    Check("D-9", "Data of unknown provenance is listed", unknown_provenance, uses_lineage=True, asks_how_made=True,
          waivable=True, remedy=PUBLISH, citation="NIST SP 800-218A, PW.3.2: document which data lacks provenance"),
    Check("D-10", "Every dataset says whether personal data is in it", personal_data, uses_lineage=True,
          asks_how_made=True, roles=("data-supplier",), waivable=True, shown_by=_DESCRIBED, remedy=DESCRIBE,
          citation=f"{_DPS}, Use: consent documentation, privacy enhancing technologies"),
)
