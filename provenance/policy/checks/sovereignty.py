"""Family J: where data and computation are, what they cost in energy, who answers, and what works without a network.

What is stated as unknown is not known, and never passes, but for hardware and energy, of which J-3 asks no more. A
policy that names jurisdictions or operators takes none but those.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from provenance.bundles.verifier import VerifiedStatement
from provenance.lineage import Use, step_of
from provenance.policy.acts import Act
from provenance.policy.checks.base import (
    ANY,
    DESCRIBE,
    PUBLISH,
    RECOMPUTED,
    RECORD,
    Check,
    Context,
    Names,
    Parameter,
    nothing,
)
from provenance.policy.checks.stack import NO_STACK, bills
from provenance.policy.verdict import Item
from provenance.statements.dataset import Dataset, is_answer


def data_residency(context: Context) -> Sequence[Item]:
    """J-1: each dataset says where it is held, those of evaluation too, and each step where it processed its data."""
    allowed = context.parameters["jurisdictions"]
    steps = [*context.graph.steps, *context.graph.evaluations]
    uses = [*context.graph.data_uses, *(use for s in context.graph.evaluations for use in context.graph.data_of(s))]
    items = [item for use in uses for item in _held(context, use, allowed)]
    items += [_stated(context, statement, "jurisdiction", allowed) for statement in steps]
    return list(dict.fromkeys(items)) or nothing("no step says which data was used")


def _held(context: Context, use: Use, allowed: Sequence[str]) -> list[Item]:
    subject = f"dataset {use.thing.name}"
    told = [(s, s.claim) for s in context.accepted(context.graph.attested_by(use.identities))
            if isinstance(s.claim, Dataset)]
    if not told and context.graph.is_made_from_data(use):
        return []
    items = [_inside([s], subject, "residency", dataset.facts.get("residency"), allowed) for s, dataset in told]
    items = items or [Item.on([use.step], subject, "undetermined", "nobody accepted here says where it is held")]
    return [replace(item, thing=use.thing.whole.key) for item in items]


def compute_residency(context: Context) -> Sequence[Item]:
    """J-2: each training step says where and by whom it was run, and the release where inference may be."""
    jurisdictions, operators = context.parameters["jurisdictions"], context.parameters["operators"]
    items = []
    for statement in context.graph.steps_of("train", "fine-tune"):
        items.append(_stated(context, statement, "jurisdiction", jurisdictions))
        items.append(_stated(context, statement, "operator", operators))
    items = items or nothing("no training step is attested")
    places = list(context.told("inference"))
    for statement, rows in places:
        for row in rows:
            items.append(_inside([statement], "inference", "jurisdiction", row["jurisdiction"], jurisdictions, ANY))
            items.append(_inside([statement], "inference", "operator", row["operator"], operators, ANY))
    named = any(rows for _, rows in places)
    return items if named else [*items, *nothing("no accepted release says where the model may be run")]


def energy_and_hardware(context: Context) -> Sequence[Item]:
    """J-3: each training step states its hardware, accelerator hours and energy, or that they are unknown.

    Where the policy refuses that (`unknown: refused`), what is stated as unknown is not stated.
    """
    items, refused = [], context.parameters["unknown"] == "refused"
    for statement in context.graph.steps_of("train", "fine-tune"):
        subject, told = f"step {step_of(statement).name}", _declared(statement)
        missing = [name for name, value in (
            ("hardware", step_of(statement).internal.get("hardware") or told.get("hardware")),
            ("accelerator hours", told.get("acceleratorHours")), ("energy", told.get("energy")),
        ) if not value or (refused and not is_answer(value))]
        if not context.accepts(statement):
            items.append(Item.on([statement], subject, "undetermined", "its signer is not accepted here"))
        elif missing:
            items.append(Item.on([statement], subject, "undetermined", f"does not state: {', '.join(missing)}"))
        else:
            said = f"hardware is stated, accelerator hours {told['acceleratorHours']}, energy {told['energy']}"
            items.append(Item.on([statement], subject, "pass", said))
    return items or nothing("no training step is attested")


def indemnity(context: Context) -> Sequence[Item]:
    """J-4: the release states who indemnifies whom, or that nobody does."""
    items = [Item.on([statement], "", "pass" if is_answer(told) else "undetermined", f"indemnity: {told}")
             for statement, told in context.told("indemnity")]
    return items or nothing("no accepted release states an indemnity, or that there is none")


def at_hand(context: Context) -> Sequence[Item]:
    """J-5: weights, evidence and stack are at hand by recomputed digests, and nothing must be fetched to verify or run.

    The trust root is at hand where anything passes here: a voice is trusted by the trust file and by nothing else.
    """
    releases = context.releases
    if not releases:
        return nothing("no accepted release says what belongs to this model")
    items = []
    if context.model.weights and (context.coverage.complete or context.min_voice == "unsigned"):
        items.append(Item.on(releases, "weights", "pass", "every file is at hand, and was recomputed", "recomputed"))
    else:
        items.append(Item.on(releases, "weights", "undetermined", "not every file that is bound is at hand",
                             ways=((Act("files"),),)))
    items += [Item.on([s], s.file, "pass", "at hand, and its digest is the listed one", "recomputed")
              for s in context.listed()]
    stacks = list(bills(context))
    for statement, bill in stacks:
        loose = [package.name for package in bill.packages if not package.identities]
        if loose or not bill.packages:
            told = f"without a strong digest: {', '.join(loose[:3])}" if loose else "names no component"
            items.append(Item.on([statement], "stack", "undetermined", told))
        else:
            said = f"{len(bill.packages)} components, each by digest"
            items.append(Item.on([statement], "stack", "pass", said, "recomputed"))
    return items if stacks else [*items, *nothing(NO_STACK)]


def _declared(statement: VerifiedStatement) -> dict[str, Any]:
    """What whoever ran the step declared of it; a step of another recorder may hold anything there."""
    told = step_of(statement).internal.get("declared")
    return {name: value for name, value in told.items() if isinstance(value, str)} if isinstance(told, dict) else {}


def _stated(context: Context, statement: VerifiedStatement, fact: str, allowed: Sequence[str]) -> Item:
    subject = f"step {step_of(statement).name}"
    if not context.accepts(statement):
        return Item.on([statement], subject, "undetermined", "its signer is not accepted here")
    return _inside([statement], subject, fact, _declared(statement).get(fact), allowed)


def _inside(statements: Iterable[VerifiedStatement], subject: str, fact: str, value: str | None,
            allowed: Sequence[str], free: str = "") -> Item:
    """Whether a fact is stated, and is one of those that are allowed, where some are named."""
    if value is None or not is_answer(value):
        return Item.on(statements, subject, "undetermined", f"does not state its {fact}")
    if not allowed or value in allowed or value == free:
        return Item.on(statements, subject, "pass", f"{fact} {value}")
    return Item.on(statements, subject, "fail", f"{fact} {value}, not {', '.join(allowed)}")


_PLACES = {"jurisdictions": Names()}
_BOTH = ("data-supplier", "producer")
_SOURCE = "Sovereign deployment, rule of this project"
SOVEREIGNTY = (
    Check("J-1", "Where data is held and processed is stated", data_residency, _PLACES, uses_lineage=True, roles=_BOTH,
          asks_how_made=True, waivable=True, shown_by=("train", "dataset"), remedy=DESCRIBE,
          citation=f"{_SOURCE}: data residency"),
    Check("J-2", "Where training ran and inference may run is stated", compute_residency,
          {**_PLACES, "operators": Names()}, uses_lineage=True, asks_how_made=True, waivable=True,
          shown_by=("train", "release"), remedy=RECORD, citation=f"{_SOURCE}: compute residency"),
    Check("J-3", "Hardware, accelerator hours and energy are stated", energy_and_hardware,
          {"unknown": Parameter("accepted", ("accepted", "refused"))}, uses_lineage=True,
          asks_how_made=True, waivable=True, shown_by=("train",), remedy=RECORD,
          citation="AI Act, Annex XI, section 1, point 2(d) and (e): computational resources and energy"),
    Check("J-4", "An indemnity, or its absence, is stated", indemnity, waivable=True, remedy=PUBLISH,
          citation="EU model contractual clauses for AI procurement (MCC-AI, March 2025), Article 18"),
    Check("J-5", "Everything needed to verify and run is at hand", at_hand, uses_lineage=True, minimum=RECOMPUTED,
          shown_by=("stack", "release"), remedy=PUBLISH, citation=f"{_SOURCE}: nothing is fetched from a network"),
)
