"""Families A and C: architecture, code, configuration and environment, bound to the steps that used them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from provenance.artifacts.digest import Identity
from provenance.bundles.verifier import VerifiedStatement
from provenance.lineage import step_of, uses
from provenance.policy.acts import ANEW
from provenance.policy.checks.base import (
    EVALUATE,
    PREPARE,
    PUBLISH,
    RECORD,
    Check,
    Context,
    Parameter,
    licence_item,
    nothing,
)
from provenance.policy.verdict import Item, combine
from provenance.statements.artifact import Described
from provenance.statements.release import Component, Release
from provenance.statements.step import CODE_ROLES, PINNING_ROLES

# The components of the Model Openness Framework that are code.
CODE_COMPONENTS = ("model-architecture", "training-code", "inference-code", "evaluation-code",
                   "supporting-libraries-and-tools", "data-preprocessing-code")
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
    published = _published(context)
    items = [_code_of_step(context, kind, statement, published) for statement in steps]
    return items or nothing(f"no {what} is attested")


_Published = Mapping[Identity, Sequence[tuple[VerifiedStatement, Component]]]


def _published(context: Context) -> _Published:
    """All code that accepted releases of the model, and of the models behind it, publish: by what it is known."""
    found: dict[Identity, list[tuple[VerifiedStatement, Component]]] = defaultdict(list)
    for statement in context.lineage_releases:
        if isinstance(statement.claim, Release):
            for component in statement.claim.having(*CODE_COMPONENTS):
                for identity in component.thing.identities:
                    found[identity].append((statement, component))
    return found


def _code_of_step(context: Context, kind: str, statement: VerifiedStatement, published: _Published) -> Item:
    """All code that the step used is published, some of it as this kind; a part would not be the source."""
    step = step_of(statement)
    subject = f"step {step.name}"
    if not context.accepts(statement):
        return Item.on([statement], subject, "undetermined", "its signer is not accepted here")
    code = uses(statement, CODE_ROLES)
    if not code or not all(use.identities for use in code):
        return Item.on([statement], subject, "undetermined", "names no code, or some of it without a strong digest")
    rows = {use.thing.name: _rows_of(use.thing, published) for use in {use.identities: use for use in code}.values()}
    secret = sorted(name for name, found in rows.items() if not found)
    if secret:
        return Item.on([statement], subject, "undetermined", f"used {', '.join(secret[:3])}, which is not published",
                       ways=((ANEW,),))
    components = [row for found in rows.values() for row in found]
    if not any(component.component == kind for _, component in components):
        return Item.on([statement], subject, "undetermined", f"nothing that it used is published as {kind}",
                       ways=((ANEW,),))
    # Once for each release and licence: evidence that repeats itself must not cost the square of its length.
    distinct = {(release.sha256, component.license): (release, component) for release, component in components}
    judged = [licence_item(release, subject, component.license, "code") for release, component in distinct.values()]
    outcome = combine([item.outcome for item in judged])
    reasons = dict.fromkeys(item.reason for item in judged if item.outcome == outcome)
    told = f"used {', '.join(rows)}: {'; '.join(reasons)}"
    return Item.on([statement, *(release for release, _ in distinct.values())], subject, outcome, told,
                   ways=((ANEW,),))


def _rows_of(thing: Described, published: _Published) -> list[tuple[VerifiedStatement, Component]]:
    """The components that publish a thing: as a whole, or a folder file by file; nothing where a file is missing."""
    whole = [row for identity in thing.whole.identities for row in published.get(identity, ())]
    if whole:
        return whole
    files = [[row for i in file.identities for row in published.get(i, ())] for file in thing.files.values()]
    return [row for found in files for row in found] if all(files) else []


def training_configuration(context: Context) -> Sequence[Item]:
    """C-5: each training step records its command, and its producer declares the configuration complete."""
    declared = context.declared("trainingConfigurationComplete")
    complete = bool(declared) and all(told for _, told in declared)
    items = []
    for statement in context.graph.steps_of("train", "fine-tune"):
        step = step_of(statement)
        subject = f"step {step.name}"
        if not context.accepts(statement):
            items.append(Item.on([statement], subject, "undetermined", "its signer is not accepted here"))
        elif not complete:
            items.append(Item.on([statement], subject, "undetermined", "nobody declares its configuration complete",
                                 ways=((ANEW,),)))
        else:
            releases = [release for told, _ in declared for release in told]
            items.append(Item.on([statement, *releases], subject, "pass", "command recorded and declared complete"))
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


_BOTH = ("data-supplier", "producer")
_OSAID = "OSAID 1.0, Code"
CODE = (
    Check("A-1", "The architecture is published", architecture, remedy=PUBLISH,
          citation=f"{_OSAID}: the model's architecture"),
    Check("C-1", "Inference code is published", inference_code, _LICENSE, remedy=PUBLISH,
          citation=f"{_OSAID}: the source to run the system"),
    Check("C-2", "Training code is published and is what the training used", training_code, uses_lineage=True,
          asks_how_made=True, shown_by=("train", "release"), remedy=RECORD,
          citation=f"{_OSAID}: the complete source to train the system"),
    Check("C-3", "Data preparation code is published and is what the data steps used", preprocessing_code,
          uses_lineage=True, asks_how_made=True, roles=_BOTH, shown_by=("train", "prepare", "release"), remedy=PREPARE,
          citation=f"{_OSAID}: how data was processed and filtered"),
    Check("C-4", "Evaluation code is published and is what evaluated the weights", evaluation_code, uses_lineage=True,
          shown_by=("evaluate", "release"), remedy=EVALUATE, citation=f"{_OSAID}: code for validation and testing"),
    Check("C-5", "The training configuration is recorded", training_configuration, uses_lineage=True,
          asks_how_made=True, shown_by=("train", "release"), remedy=RECORD,
          citation=f"{_OSAID}: arguments and settings used"),
    Check("C-6", "The environment of every step is pinned", pinned_environment, uses_lineage=True, roles=_BOTH,
          waivable=True, shown_by=("train",), remedy=RECORD,
          citation="NIST SP 800-218A, PS.3.2: provenance of every component"),
)
