"""Family L: what the AI Act asks of general-purpose models, and of the exemption for those that are open source.

Whether a text is adequate is for a person to say. What is decided here is that it is there, what its signer declares,
and, where a policy asks for it, what counsel found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from provenance.bundles.verifier import VerifiedStatement
from provenance.policy import assessments, licences
from provenance.policy.acts import Act
from provenance.policy.checks.base import ASSESS, PUBLISH, Check, Context, Parameter, nothing
from provenance.policy.verdict import Item
from provenance.statements.release import TEMPLATE_SECTIONS


def training_summary(context: Context) -> Sequence[Item]:
    """L-1: the summary of the training content is published, each section with its content or the reason for none."""
    items = []
    for statement, told in context.told("trainingSummary"):
        missing = [section for section in TEMPLATE_SECTIONS if not told["sections"].get(section)]
        if not told.get("uri"):
            items.append(Item.on([statement], "", "undetermined", "the summary has no address"))
        elif missing:
            said = f"the summary does not fill, and gives no reason for, {', '.join(missing)}"
            items.append(Item.on([statement], "", "undetermined", said))
        else:
            items.append(Item.on([statement], "", "pass", f"every section of the template is filled, {told['uri']}"))
    return items or nothing("no accepted release names a summary of the training content")


def copyright_policy(context: Context) -> Sequence[Item]:
    """L-2: a copyright policy is published, and says how reservations of text and data mining are complied with."""
    items = []
    for statement, told in context.told("copyrightPolicy"):
        missing = [part for part in ("uri", "textAndDataMining") if not told.get(part)]
        if missing:
            items.append(Item.on([statement], "", "undetermined", f"the copyright policy lacks {', '.join(missing)}"))
        else:
            items.append(Item.on([statement], "", "pass", f"a copyright policy is published, {told['uri']}"))
    return items or nothing("no accepted release names a copyright policy")


def no_monetisation(context: Context) -> Sequence[Item]:
    """L-3: the producer declares that the model is not monetised; counsel agrees, where the policy asks for counsel."""
    items = []
    for statement, told in context.told("noMonetisation"):
        declared = "declared not to be monetised" if told else "declared to be monetised"
        items.append(Item.on([statement], "", "pass" if told else "fail", declared))
    if not items:
        return nothing("no accepted release declares that the model is not monetised")
    counsel = context.parameters["opinion"] == "counsel"
    told = [statement for statement, _ in context.told("noMonetisation")]
    return items + (assessments.agreed("L-3", _for_counsel("L-3", told), context) if counsel else [])


def no_systemic_risk(context: Context) -> Sequence[Item]:
    """L-4: the training took no more computation than presumes systemic risk, and the producer declares none."""
    exponent = context.parameters["exponent"]
    items = []
    for statement, compute in context.told("trainingCompute"):
        over = compute > 10**exponent
        told = f"{compute:.3g} floating-point operations; above 10^{exponent} systemic risk is presumed"
        items.append(Item.on([statement], "computation", "fail" if over else "pass", told))
    items = items or nothing("no accepted release states the computation of the training")
    declared = [
        Item.on([statement], "declaration", "fail" if told else "pass",
                "declared to have systemic risk" if told else "declared to have none")
        for statement, told in context.told("systemicRisk")
    ]
    return items + (declared or nothing("no accepted release declares whether the model has systemic risk"))


def proportionate_terms(context: Context) -> Sequence[Item]:
    """L-5: where the licence excludes uses, counsel finds the terms proportionate; else there is nothing to judge."""
    items: list[Item] = []
    to_judge: list[VerifiedStatement] = []
    for statement, component in context.components("model-parameters-final"):
        name = component.thing.name or "weights"
        read = licences.normalise(component.license)
        openness = licences.category(read.expression, "use")
        if any(code.startswith("FOU") for code in openness.restrictions):
            to_judge.append(statement)
        elif openness.status == "open":
            items.append(Item.on([statement], name, "not_applicable", f"{openness.reason}: it excludes no use"))
        elif openness.status == "restricted":
            items.append(Item.on([statement], name, "fail", f"{openness.reason}: no terms of acceptable use"))
        else:
            items.append(Item.on([statement], name, "undetermined", openness.reason))
    items += [_for_counsel("L-5", to_judge)] if to_judge else []  # settled as in every row that asks a person
    return items or nothing("no accepted release states a licence for the weights")


def _for_counsel(requirement: str, told: Sequence[VerifiedStatement]) -> Item:
    """The question that a person must answer, about what these statements say."""
    open_item = Item.on(told, "counsel", "undetermined", "this is for a buyer's counsel or an assessor to judge")
    return replace(open_item, ways=((Act("assessment", requirement),),))


_GUIDELINES = "AI Act guidelines C(2025) 5045 final"
LAW = (
    Check("L-1", "The training-content summary is published", training_summary, remedy=PUBLISH,
          citation="AI Act, Article 53(1)(d), and the Commission's template of 24 July 2025"),
    Check("L-2", "The copyright policy is published", copyright_policy, remedy=PUBLISH,
          citation="AI Act, Article 53(1)(c)"),
    Check("L-3", "The model is not monetised", no_monetisation,
          {"opinion": Parameter("producer", ("producer", "counsel"))}, remedy=PUBLISH,
          citation=f"{_GUIDELINES}, paragraphs 85 to 88"),
    Check("L-4", "The model has no systemic risk", no_systemic_risk, {"exponent": Parameter(25)}, remedy=PUBLISH,
          citation="AI Act, Article 51"),
    Check("L-5", "Terms of acceptable use are proportionate", proportionate_terms,
          roles=("assessor", "buyer", "producer"), remedy=ASSESS, citation=f"{_GUIDELINES}, paragraph 84"),
)
