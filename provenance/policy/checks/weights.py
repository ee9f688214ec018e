"""Family W: the weights themselves, their licence, and where they began."""

from __future__ import annotations

from collections.abc import Sequence

from provenance.artifacts.digest import Identity, identities
from provenance.artifacts.manifest import WEIGHT_SUFFIXES
from provenance.artifacts.names import brief
from provenance.bundles.oms import ModelSignature, compare_with
from provenance.bundles.verifier import VerifiedStatement
from provenance.lineage import Use, beginnings, step_of, uses
from provenance.policy import licences
from provenance.policy.acts import ANEW, Act, about
from provenance.policy.checks.base import (
    LICENSE,
    PUBLISH,
    RECOMPUTED,
    RECORD,
    SIGN,
    Check,
    Context,
    Parameter,
    Places,
    licence_item,
    nothing,
    outcome_of,
)
from provenance.policy.verdict import Item
from provenance.statements.artifact import described
from provenance.statements.release import Component, Release
from provenance.statements.statement import all_identities
from provenance.statements.step import CODE_ROLES, DATA_ROLES, MODEL_MAKING, MODEL_ROLES, ROLES, Step

_WEIGHTS = "model-parameters-final"
_PARAMETERS = (_WEIGHTS, "model-parameters-intermediate")


# What keeps weights from being known, or would run code where they are loaded: never passed, whoever signed it.
UNREADABLE = frozenset({
    "folder-has-no-weights", "gguf-invalid", "npz-invalid", "pickle-invalid", "pickle-unsafe", "weights-amplified",
    "weights-differ", "weights-too-many", "weights-unsupported", "zip-invalid",
})


def signed_weights(context: Context) -> Sequence[Item]:
    """W-1: the final weights are identified by digest and signed, and nothing unsigned lies beside them."""
    binding = context.accepted(s for s in context.graph.statements if _binds(context, s))
    # Counted only where it is accepted: a signer in another role can neither show these weights nor deny them.
    candidates = [s for s in context.accepted(context.graph.statements)
                  if s.principal and context.graph.may_vouch(s) and _could_be_about(context, s)]
    if candidates and not any(s.principal for s in binding):
        changed = [change.location for change in context.graph.changes[:3]]
        told = "the files in hand are not those that were signed" + (f", first {', '.join(changed)}" if changed else "")
        return [Item.on(candidates, "weights", "fail", told, "recomputed")]
    if problem := _unreadable(context):
        return [Item("weights", "undetermined", problem, ways=((Act("weights"),),))]
    if binding:
        if context.min_voice != "unsigned" and not context.coverage.complete:
            first = context.coverage.uncovered[0].path if context.coverage.uncovered else "the folder"
            told = f"not everything is covered, first {first}"
            return [Item.on(binding, "weights", "undetermined", told, "recomputed",
                            ways=((Act("files"),),) if context.coverage.unsound else ((Act("files"),), (ANEW,)))]
        signed = " and is as it was signed" if any(s.principal for s in binding) else ", and nobody signed it"
        return [Item.on(binding, "weights", "pass", f"every file was recomputed{signed}", "recomputed")]
    return nothing("no accepted statement identifies these weights", (Act("signature"),), (ANEW,))


def _unreadable(context: Context) -> str:
    bad = [finding for finding in context.model.findings if finding.code in UNREADABLE]
    if bad:
        return f"{bad[0].message} ({bad[0].location or context.model.name})"
    return "" if context.model.weights else "the weights cannot be read"


def _binds(context: Context, statement: VerifiedStatement) -> bool:
    claim = statement.claim
    if isinstance(claim, ModelSignature):
        return claim.serialization.is_strong and context.graph.may_vouch(statement) and any(
            not compare_with(claim, view) for view in context.graph.views)
    made_weights = isinstance(claim, Step) and claim.kind in MODEL_MAKING
    return (isinstance(claim, Release) or made_weights) and context.graph.is_about_model(statement)


def _could_be_about(context: Context, statement: VerifiedStatement) -> bool:
    if isinstance(statement.claim, ModelSignature):
        claim = statement.claim
        return claim.serialization.is_strong and bool(claim.resources.keys() & context.model.by_path.keys())
    return isinstance(statement.claim, Release) and any(
        thing.overlaps(context.model) for thing in described(statement.claim.subjects)
    )


def weights_licence(context: Context) -> Sequence[Item]:
    """W-2: the licence of the weights is open for weights."""
    rows = list(context.components(_WEIGHTS))
    items = [licence_item(s, c.thing.name or "weights", c.license, "weights") for s, c in rows]
    return [*items, *_unlicensed(context, rows)] or nothing("no accepted release states a licence for the weights")


def _unlicensed(context: Context, rows: Sequence[tuple[VerifiedStatement, Component]]) -> list[Item]:
    """Weight files of the model in hand for which no row speaks; a row without a digest speaks for all of them."""
    named = all_identities(component.thing for _, component in rows)
    if not rows or named & context.graph.model_identities or not all(c.thing.identities for _, c in rows):
        return []
    return [
        Item.on([s for s, _ in rows], entry.path, "undetermined", "no component states a licence for this weight file")
        for entry in context.model.weight_files
        if not identities({"sha256": entry.sha256}) & named
    ]


def no_use_restriction(context: Context) -> Sequence[Item]:
    """W-3: the licence of the weights restricts neither who may use them nor for what."""
    rows = list(context.components(_WEIGHTS))
    items = []
    for statement, component in rows:
        name = component.thing.name or "weights"
        read = licences.normalise(component.license)
        if read.expression is None:
            items.append(Item.on([statement], name, "undetermined", f"licence not known: {read.reason}"))
            continue
        openness = licences.use_in(read.expression, context.parameters["jurisdictions"])
        items.append(Item.on([statement], name, outcome_of(openness), openness.reason))
    return [*items, *_unlicensed(context, rows)] or nothing("no accepted release states a licence for the weights")


def free_of_charge(context: Context) -> Sequence[Item]:
    """W-4: the producer declares that the weights can be had free of charge and without a gate."""
    items = []
    for statement in context.releases:
        told = statement.claim.declarations.get("freeOfCharge") if isinstance(statement.claim, Release) else None
        if told is True:
            items.append(Item.on([statement], "", "pass", "declared free of charge"))
        elif told is False:
            items.append(Item.on([statement], "", "fail", "declared not to be free of charge"))
    return items or nothing("no accepted release declares that the weights are free of charge")


def base_models(context: Context) -> Sequence[Item]:
    """W-5: every base model is known by digest, and its release states a licence that is open for weights."""
    initial = initial_parameters(context)
    if any(item.outcome != "pass" for item in initial):
        return [item for item in initial if item.outcome != "pass"]
    if not context.graph.base_uses:
        makers = context.accepted(context.graph.model_steps)
        return [Item.on(makers, "", "not_applicable", "every step began from random parameters")]
    return [item for use in context.graph.base_uses for item in _base_model(context, use)]


def _base_model(context: Context, use: Use) -> list[Item]:
    """All that accepted releases say of its licence: one that is open does not outweigh one that is not."""
    if not use.identities:
        return [Item.on([use.step], use.thing.name, "undetermined", "named without a strong digest",
                        ways=(about(f"step {step_of(use.step).name}"),))]
    items = [
        licence_item(statement, use.thing.name, row.license, "weights",
                     ways=((Act("base-release", use.thing.name),),))
        for statement in context.accepted(context.graph.releases_of(use.identities))
        if isinstance(statement.claim, Release)
        for row in statement.claim.having(_WEIGHTS)
    ]
    if items:
        return items
    if step_of(use.step).kind == "convert" and _is_own(context, use):
        return [Item.on([use.step], use.thing.name, "pass", "converted from weights whose own steps are attested")]
    return [Item.on([use.step], use.thing.name, "undetermined", "no accepted release speaks of this base model",
                    ways=((Act("base-release", use.thing.name),),))]


def _is_own(context: Context, use: Use) -> bool:
    """Whether whoever used it made it too: the release of somebody else's model could have been taken away."""
    makers = context.accepted(context.graph.made_by(use.identities))
    return bool(makers) and {_party(maker) for maker in makers} == {_party(use.step)}


def _party(statement: VerifiedStatement) -> str | None:
    return statement.principal.party if statement.principal else None


def initial_parameters(context: Context) -> Sequence[Item]:
    """W-7: every step that made weights states where it began: random with its seed, or a base model by digest."""
    steps, known = context.graph.model_steps, _known_weights(context)
    items = [_initial(context, statement, known) for statement in steps]
    return items or nothing("no step says how the weights were made")


def _known_weights(context: Context) -> frozenset[Identity]:
    """Every file that a release of the graph publishes as weights."""
    return frozenset(identity for s in context.graph.statements if isinstance(s.claim, Release)
                     for row in s.claim.having(*_PARAMETERS) for identity in row.thing.identities)


def _holds_weights(context: Context, use: Use, known: frozenset[Identity]) -> bool:
    """Whether what a step used as something else is a model: else a base model could go in as a configuration.

    Data and code may have arrays beside them; in every other role, weights are weights by their name alone.
    """
    thing = use.thing
    named = use.role not in DATA_ROLES | CODE_ROLES and (
        thing.weights is not None or thing.name.lower().endswith(WEIGHT_SUFFIXES)
        or any(path.lower().endswith(WEIGHT_SUFFIXES) for path in thing.files))
    return named or context.graph.is_model(use) or not known.isdisjoint(
        use.identities | all_identities(thing.files.values()))


def _initial(context: Context, statement: VerifiedStatement, known: frozenset[Identity]) -> Item:
    step = step_of(statement)
    subject = f"step {step.name}"
    if not context.accepts(statement):
        return Item.on([statement], subject, "undetermined", "its signer is not accepted here")
    stated = step.initial_parameters or {}
    bases = beginnings(statement)
    hidden = [use for use in uses(statement, ROLES - MODEL_ROLES) if _holds_weights(context, use, known)]
    if hidden:
        told = f"used {brief(hidden[0].thing.name)} as {hidden[0].role}, which is a model"
        return Item.on([statement], subject, "undetermined", told)
    if bases and all(use.identities for use in bases) and stated.get("kind") != "random":
        names = ", ".join(use.thing.name for use in bases)
        return Item.on([statement], subject, "pass", f"began from {names}, known by digest")
    if stated.get("kind") == "random" and not bases:
        return Item.on([statement], subject, "pass", f"began from random parameters, seed {stated['seed']}")
    return Item.on([statement], subject, "undetermined", "does not say where its parameters began")


def checkpoints(context: Context) -> Sequence[Item]:
    """W-6: at least one intermediate checkpoint is there by digest, under a licence that is open for weights."""
    items = []
    for statement, component in context.components("model-parameters-intermediate"):
        name = component.thing.name or "checkpoint"
        if not component.thing.identities:
            items.append(Item.on([statement], name, "undetermined", "named without a strong digest"))
        elif component.thing.identities & context.graph.model_identities or _is_final(context, component):
            items.append(Item.on([statement], name, "undetermined", "these are the final weights"))
        else:
            items.append(licence_item(statement, name, component.license, "weights", context.parameters["license"]))
    return items or nothing("no accepted release names an intermediate checkpoint")


def _is_final(context: Context, component: Component) -> bool:
    finals = {identity for entry in context.model.weight_files for identity in identities({"sha256": entry.sha256})}
    return bool(component.thing.identities & finals)


_OSAID = "OSAID 1.0, Parameters"
WEIGHTS = (
    Check("W-1", "Final weights are identified by digest and signed", signed_weights, minimum=RECOMPUTED, remedy=SIGN,
          citation=f"{_OSAID}: the weights are made available"),
    Check("W-2", "The licence of the weights is open", weights_licence, remedy=LICENSE,
          citation=f"{_OSAID}: under OSI-approved terms"),
    Check("W-3", "The licence of the weights does not restrict use", no_use_restriction, {"jurisdictions": Places()},
          remedy=LICENSE, citation="OSAID 1.0: use for any purpose, without having to ask"),
    Check("W-4", "The weights can be had free of charge", free_of_charge, remedy=PUBLISH,
          citation="G7 Vision on AI Openness (Paris, 29 May 2026): released free of charge"),
    Check("W-5", "Base models are identified and their licences are open", base_models, uses_lineage=True,
          shown_by=("train",), remedy=RECORD,
          citation="OSAID 1.0: the definition holds for the system and its discrete elements"),
    Check("W-6", "An intermediate checkpoint is published", checkpoints,
          {"license": Parameter("open", ("stated", "open"))}, waivable=True, remedy=PUBLISH,
          citation="Model Openness Framework 1.0, section 6: Model Parameters (Intermediate)"),
    Check("W-7", "Every step that made weights states its initial parameters", initial_parameters, uses_lineage=True,
          asks_how_made=True, shown_by=("train",), remedy=RECORD,
          citation="OSAID 1.0, Code: the full specification of the training"),
)
