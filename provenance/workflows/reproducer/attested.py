"""What trusted producers attest of a model: the steps that made it, its releases, its OMS signatures.

A statement speaks of the model in hand when it fits it, in bytes or in tensors. Where none fits, the model has changed
since it was attested, and the statement that fits it least badly tells how.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from provenance.artifacts.digest import compare as compare_digests
from provenance.artifacts.manifest import Manifest
from provenance.bundles.oms import ModelSignature
from provenance.bundles.verifier import VerifiedStatement
from provenance.errors import RunError
from provenance.statements.artifact import Described, described
from provenance.statements.release import Release
from provenance.statements.statement import ResourceDescriptor
from provenance.statements.step import MODEL_MAKING, Step
from provenance.workflows.reproducer.comparing import OUTCOMES, Comparison, compare, compare_signature
from provenance.workflows.reproducer.report import Compared


def from_producers(statements: Iterable[VerifiedStatement]) -> list[VerifiedStatement]:
    """The statements of signers whom the trust file calls producers."""
    return [item for item in statements if item.principal and "producer" in item.principal.roles]


def about(statements: Iterable[VerifiedStatement], model: Manifest) -> tuple[Compared, ...]:
    """Each statement that speaks of the model, held against it, the best fitting first; empty where none does.

    Not those of signers who may not vouch for what bears its name.
    """
    here = ResourceDescriptor(model.name, model.digest)
    heard = (each for each in statements if each.principal is None or each.principal.may_vouch_for(here))
    return _choose([item for statement in heard for item in _compared(statement, model)])


def step_that_made(statements: Iterable[VerifiedStatement], model: Manifest, name: str | None) -> VerifiedStatement:
    """The one trusted step that made the model, by name or file where one is given.

    RunError `step-not-found` or `step-ambiguous`.
    """
    steps = [item for item in statements if isinstance(item.claim, Step) and name in (None, item.claim.name, item.file)]
    # Two signatures of one statement are one step.
    made = {item.statement.statement.to_bytes(): item.statement for item in about(steps, model)}
    if not made:
        raise RunError("step-not-found", "no trusted step of a producer says that it made this model",
                       location=name or model.name, hint="check --evidence, --trust and the step's name")
    if len(made) > 1:
        several = ", ".join(f"{_label(statement)} ({statement.file})" for statement in made.values())
        raise RunError("step-ambiguous", f"several trusted steps made this model: {several}",
                       location=name or model.name, hint="name one of them by its file")
    return next(iter(made.values()))


def subjects_of(thing: Described) -> tuple[ResourceDescriptor, ...]:
    """A thing and its weights, by name and digest."""
    parts = (thing.whole, thing.weights) if thing.weights else (thing.whole,)
    return tuple(ResourceDescriptor(part.name, part.digest) for part in parts)


def _compared(statement: VerifiedStatement, model: Manifest) -> Iterator[Compared]:
    claim, label = statement.claim, _label(statement)
    if isinstance(claim, ModelSignature):
        if claim.resources.keys() & model.by_path.keys():
            comparison = compare_signature(claim, model)
            named = ResourceDescriptor(claim.subjects[0].name, model.digest)
            yield Compared(statement, label, (named,) if comparison.outcome == "equal" else claim.subjects, comparison)
    elif isinstance(claim, Release) or (isinstance(claim, Step) and claim.kind in MODEL_MAKING):
        for thing in described(statement.statement.subjects):
            if model.is_file:
                yield from (Compared(statement, label, (part,), Comparison("equal", (), 1, 0))
                            for part in _parts_equal_to(model, thing))
            comparison = compare(thing, model)
            if comparison.outcome != "different" or thing.overlaps(model):
                yield Compared(statement, label, subjects_of(thing), comparison)


def _parts_equal_to(model: Manifest, thing: Described) -> Iterator[ResourceDescriptor]:
    """The file of an attested folder that is the one file in hand."""
    for part in thing.files.values():
        if compare_digests(part.digest, model.digest) == "equal":
            yield ResourceDescriptor(part.name, part.digest)


def _choose(found: Sequence[Compared]) -> tuple[Compared, ...]:
    ordered = sorted(found, key=_rank)
    fitting = tuple(item for item in ordered if item.comparison.outcome != "different")
    return fitting or tuple(ordered[:1])


def _rank(item: Compared) -> tuple[int, int, str]:
    comparison: Comparison = item.comparison
    return -OUTCOMES.index(comparison.outcome), len(comparison.differences), item.statement.file


def _label(statement: VerifiedStatement) -> str:
    claim = statement.claim
    if isinstance(claim, Step):
        return f"{claim.kind} step {claim.name}"
    return f"release {claim.name}" if isinstance(claim, Release) else "model signature"
