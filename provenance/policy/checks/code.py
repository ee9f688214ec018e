"""Families A and C: architecture, code, configuration and environment, bound to the steps that used them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from provenance.bundles.verifier import VerifiedStatement
from provenance.lineage import step_of, uses
from provenance.policy.checks.base import Check, Context, Parameter, licence_item, nothing
from provenance.policy.verdict import Item
from provenance.statements.release import Release
from provenance.statements.statement import all_identities
from provenance.statements.step import CODE_ROLES, PINNING_ROLES

_LICENSE = {"license": Parameter("open", ("stated", "open"))}


def architecture(context: Context) -> Sequence[Item]:
    """A-1: the architecture, as code or configuration, is there by digest and under an open source licence."""
    return _components(context, "the architecture", "model-architecture")


def inference_code(context: Context) -> Sequence[Item]:
    """C-1: code to run the model is there by digest, under a licence that is stated, or open where asked."""
    return _components(context, "inference code", "inference-code", context.parameters["license"])


def _components(context: Context, what: str, kind: str, wanted: str = "open") -> list[Item]:
    items = []
    for statement, component in context.components(kind):
        name = component.thing.name or what
        if not component.thing.identities:
            items.append(Item.on([statement], name, "undetermined", "named without a strong digest"))
        else:
            items.append(licence_item(statement, name, component.license, "code", wanted))
    return items or nothing(f"no accepted release names {what}")


def training_code(context: Context) -> Sequence[Item]:
    """C-2: the training code is published under an open source licence and is what the training steps used."""
    return _bound_code(context, "training-code", context.graph.steps_of("train", "fine-tune"), "training step")


def preprocessing_code(context: Context) -> Sequence[Item]:
    """C-3: the data preparation code is published under an open source licence and is what the data steps used."""
    return _bound_code(context, "data-preprocessing-code", context.graph.steps_of("prepare"), "data preparation step")


def evaluation_code(context: Context) -> Sequence[Item]:
    """C-4: the evaluation code is published under an open source licence and is what evaluated these weights."""
    return _bound_code(context, "evaluation-code", context.graph.evaluations, "evaluation step of these weights")


def _bound_code(context: Context, kind: str, steps: Iterable[VerifiedStatement], what: str) -> list[Item]:
    items = [_code_of_step(context, kind, statement) for statement in steps]
    return items or nothing(f"no {what} is attested")


def _code_of_step(context: Context, kind: str, statement: VerifiedStatement) -> Item:
    step = step_of(statement)
    subject = f"step {step.name}"
    if not context.accepts(statement):
        return Item.on([statement], subject, "undetermined", "its signer is not accepted here")
    used = all_identities(step.with_role(*CODE_ROLES))
    if not used:
        return Item.on([statement], subject, "undetermined", "names no code by a strong digest")
    for release, component in context.components(kind):
        if component.thing.identities & used:
            item = licence_item(release, subject, component.license, "code")
            return Item.on([statement, release], subject, item.outcome, f"used {component.thing.name}, {item.reason}")
    return Item.on([statement], subject, "undetermined", f"the code that it used is not published as {kind}")


def training_configuration(context: Context) -> Sequence[Item]:
    """C-5: each training step records its command and seeds, and the producer declares the configuration complete."""
    declared = [s for s in context.releases
                if isinstance(s.claim, Release) and s.claim.declarations.get("trainingConfigurationComplete") is True]  # fmt: skip
    items = []
    for statement in context.graph.steps_of("train", "fine-tune"):
        step = step_of(statement)
        subject = f"step {step.name}"
        if not context.accepts(statement):
            items.append(Item.on([statement], subject, "undetermined", "its signer is not accepted here"))
        elif not declared:
            items.append(Item.on([statement], subject, "undetermined", "nobody declares its configuration complete"))
        else:
            items.append(Item.on([statement, *declared], subject, "pass", "command recorded and declared complete"))
    return items or nothing("no training step is attested")


def pinned_environment(context: Context) -> Sequence[Item]:
    """C-6: each step pins its environment by the digest of a lock file, container or list of packages."""
    items = []
    for statement in context.graph.steps:
        step = step_of(statement)
        pins = [use.thing.name for use in uses(statement, PINNING_ROLES) if use.identities]
        if not context.accepts(statement):
            items.append(Item.on([statement], f"step {step.name}", "undetermined", "its signer is not accepted here"))
        elif pins:
            items.append(Item.on([statement], f"step {step.name}", "pass", f"pinned by {', '.join(pins)}"))
        else:
            items.append(Item.on([statement], f"step {step.name}", "undetermined", "does not pin its environment"))
    return items or nothing("no step is attested")


CODE = (
    Check("A-1", "The architecture is published", architecture),
    Check("C-1", "Inference code is published", inference_code, _LICENSE),
    Check("C-2", "Training code is published and is what the training used", training_code, uses_lineage=True),
    Check("C-3", "Data preparation code is published and is what the data steps used", preprocessing_code, uses_lineage=True),
    Check("C-4", "Evaluation code is published and is what evaluated the weights", evaluation_code, uses_lineage=True),
    Check("C-5", "The training configuration is recorded", training_configuration, uses_lineage=True),
    Check("C-6", "The environment of every step is pinned", pinned_environment, uses_lineage=True),
)
