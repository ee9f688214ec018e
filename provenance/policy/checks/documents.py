"""Family K: the documents: model card, data cards, report or paper, evaluation results, and usage information."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from provenance.artifacts.digest import Identity
from provenance.bundles.verifier import VerifiedStatement
from provenance.lineage import step_of
from provenance.policy.acts import ANEW, Act
from provenance.policy.checks.base import PUBLISH, Check, Context, Parameter, licence_item, nothing
from provenance.policy.verdict import Item
from provenance.statements.release import Component, Release
from provenance.statements.statement import all_identities

USAGE = ("modalities", "capabilities", "limitations", "integration")


def model_card(context: Context) -> Sequence[Item]:
    """K-1: the model card is there by digest, under an open licence for documents."""
    items = [_document(*row) for row in context.components("model-card")]
    return items or nothing("no accepted release names a model card")


def data_cards(context: Context) -> Sequence[Item]:
    """K-2: each dataset that the release lists has a data card, by digest and under an open licence.

    A card speaks of the datasets that it names (`annotations.describes`), and of all of them where it names none.
    """
    items = []
    for release in context.releases:
        if not isinstance(release.claim, Release) or not release.claim.datasets:
            continue
        cards = release.claim.having("data-card")
        items += [_document(release, card) for card in cards]
        named = {name for card in cards for name in _describes(card)}
        if not any("describes" not in card.thing.annotations for card in cards):
            items += [Item.on([release], f"dataset {dataset.name}", "undetermined", "no data card speaks of it",
                              ways=((ANEW,),), thing=dataset.key)
                      for dataset in release.claim.datasets if dataset.name not in named]
    return items or nothing("no accepted release lists datasets that a data card could describe")


def _describes(card: Component) -> list[str]:
    named = card.thing.annotations.get("describes")
    return [name for name in named if isinstance(name, str)] if isinstance(named, list) else []


def report(context: Context) -> Sequence[Item]:
    """K-3: a technical report or a research paper is there by digest, under an open licence; the best one counts."""
    kinds = ("research-paper",) if context.parameters["document"] == "paper" else ("technical-report", "research-paper")
    items = [_document(*row) for row in context.components(*kinds)]
    shown = [item for item in items if item.outcome == "pass"]
    return shown or items or nothing(f"no accepted release names a {' or a '.join(kinds)}")


def evaluation_results(context: Context) -> Sequence[Item]:
    """K-4: the published evaluation results are what an attested evaluation of these very weights gave."""
    items = []
    given: dict[Identity, list[VerifiedStatement]] = defaultdict(list)
    for statement in context.accepted(context.graph.evaluations):
        for identity in all_identities(step_of(statement).outputs):
            given[identity].append(statement)
    for release, component in context.components("evaluation-results"):
        makers = [statement for identity in component.thing.identities for statement in given.get(identity, ())]
        name = component.thing.name or "evaluation results"
        if not makers:
            told = "no accepted evaluation of these weights gave this"
            items.append(Item.on([release], name, "undetermined", told, ways=((Act("evaluate"), ANEW),)))
        else:
            item = licence_item(release, name, component.license, "document", context.parameters["license"])
            items.append(Item.on([release, *makers], name, item.outcome, f"given by an evaluation, {item.reason}",
                                 ways=((ANEW,),)))
    return items or nothing("no accepted release names evaluation results")


def usage(context: Context) -> Sequence[Item]:
    """K-5: the release says what whoever uses the model must know: modalities, capabilities, limits, integration."""
    items = []
    for statement, told in context.told("usage"):
        missing = [part for part in USAGE if not told.get(part)]
        if missing:
            items.append(Item.on([statement], "", "undetermined", f"does not say: {', '.join(missing)}"))
        else:
            items.append(Item.on([statement], "", "pass", f"{', '.join(USAGE)} are stated"))
    return items or nothing("no accepted release says how the model is used")


def _document(release: VerifiedStatement, component: Component) -> Item:
    name = component.thing.name or component.component
    if not component.thing.identities:
        return Item.on([release], name, "undetermined", "named without a strong digest")
    return licence_item(release, name, component.license, "document")


_MOF = "Model Openness Framework 1.0, section 6"
DOCUMENTS = (
    Check("K-1", "A model card is published", model_card, remedy=PUBLISH, waivable=True,
          citation=f"{_MOF}: Model Card"),
    Check("K-2", "Every dataset has a data card", data_cards, remedy=PUBLISH, waivable=True,
          citation=f"{_MOF}: Data Card"),
    Check("K-3", "A technical report or a research paper is published", report,
          {"document": Parameter("report-or-paper", ("report-or-paper", "paper"))}, remedy=PUBLISH, waivable=True,
          citation=f"{_MOF}: Technical Report, Research Paper"),
    Check("K-4", "Evaluation results are those of these weights", evaluation_results,
          {"license": Parameter("stated", ("stated", "open"))}, uses_lineage=True, shown_by=("evaluate", "release"),
          remedy=PUBLISH, waivable=True, citation=f"{_MOF}: Evaluation Results"),
    Check("K-5", "Usage information is stated", usage, remedy=PUBLISH, waivable=True,
          citation="AI Act guidelines C(2025) 5045 final, paragraphs 90 and 91: information on usage"),
)
