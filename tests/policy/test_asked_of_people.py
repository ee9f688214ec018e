"""Rows that a person answers: what counts is who found it, in which role, of which release, and until when.

The statements are made in memory, with the fields that an assessment documents, in the name of principals of a trust
file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from provenance.bundles.trust import Principal
from provenance.bundles.verifier import _SEAL, VerifiedStatement
from provenance.policy.evaluate import Evaluation, Subject
from provenance.policy.policy import load_policy
from provenance.statements.assessment import ASSESSMENT, SCALES, Assessment
from provenance.statements.release import Release
from provenance.statements.statement import ResourceDescriptor, Statement
from tests.policy.test_requirements import asking
from tests.world import FAILED, NOW, OPEN, PASSED, World

RAIL = "bigscience-openrail-m"


@dataclass(frozen=True)
class Opinion:
    """What a person found, and the circumstances that must hold for it to count."""

    finding: str = "adequate"
    requirement: str = "L-5"
    valid_until: str = "2027-11-23T00:00:00Z"
    roles: tuple[str, ...] = ("assessor",)
    signed: bool = True
    of_this_model: bool = True
    of_this_release: bool = True


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World.new(tmp_path)
    world.license("model-parameters-final", RAIL)
    return world


def outcome(world: World, policy: str, *opinions: Opinion) -> str:
    """What a policy of one row says of the world when these persons have spoken too."""
    subject = world.evaluation().subject
    said = tuple(_said(world, subject, opinion, number) for number, opinion in enumerate(opinions))
    evaluation = Evaluation(Subject(subject.model, (*subject.statements, *said), subject.trust, NOW))
    [decision] = evaluation.decide(load_policy(policy))
    return decision.outcome


def _said(world: World, subject: Subject, opinion: Opinion, number: int) -> VerifiedStatement:
    release = next(s for s in subject.statements if isinstance(s.claim, Release))
    seen = release.sha256 if opinion.of_this_release else "0" * 64
    about = world.described("tiny") if opinion.of_this_model else (ResourceDescriptor("x", {"dirHash": "0" * 64}),)
    lab = next(s.principal for s in subject.statements if s.principal and s.principal.name == "lab")
    person: Principal | None = replace(lab, name="judge", party="Judges", roles=opinion.roles)
    scale = next(scale for scale, findings in SCALES.items() if opinion.finding in findings)
    claim = Assessment(about, scale, opinion.finding, "read it", "reading",
                       (ResourceDescriptor("release", {"sha256": seen}),), "2026-11-23T11:00:00Z",
                       opinion.valid_until, opinion.requirement)
    return VerifiedStatement(_SEAL, Statement(about, ASSESSMENT, {}), claim, f"opinion-{number}", f"{number:064x}",
                             person if opinion.signed else None)


@pytest.mark.parametrize(
    ("opinion", "expected"),
    [
        (Opinion(), PASSED),
        (Opinion("yes"), PASSED),
        (Opinion(roles=("buyer",)), PASSED),
        (Opinion("inadequate"), FAILED),
        (Opinion("no"), FAILED),
        (Opinion("partly-adequate"), OPEN),
        (Opinion("cannot-tell"), OPEN),
        (Opinion(requirement="D-2"), OPEN),
        (Opinion(valid_until="2026-11-23T12:00:00Z"), OPEN),
        (Opinion(valid_until="2027-13-01T00:00:00Z"), OPEN),
        (Opinion(roles=("producer",)), OPEN),
        (Opinion(roles=("data-supplier", "gate")), OPEN),
        (Opinion(signed=False), OPEN),
        (Opinion(of_this_model=False), OPEN),
        (Opinion(of_this_release=False), OPEN),
    ],
    ids=str,
)
def test_terms_that_exclude_uses_are_what_a_person_finds_them_to_be(
    world: World, opinion: Opinion, expected: str
) -> None:
    assert outcome(world, asking("L-5"), opinion) == expected


def test_of_two_persons_who_differ_the_one_who_objects_is_heard(world: World) -> None:
    assert outcome(world, asking("L-5"), Opinion(), Opinion("inadequate")) == FAILED


def test_counsel_agrees_with_a_producer_or_does_not(world: World) -> None:
    policy = asking("L-3", opinion="counsel")
    assert outcome(world, policy) == OPEN
    assert outcome(world, policy, Opinion(requirement="L-3")) == PASSED
    assert outcome(world, policy, Opinion("no", requirement="L-3")) == FAILED


def test_counsel_cannot_stand_in_for_a_producer_who_is_silent(world: World) -> None:
    world.declare(noMonetisation=None)
    assert outcome(world, asking("L-3", opinion="counsel"), Opinion(requirement="L-3")) == OPEN


def test_the_exemption_needs_a_person_where_the_licence_excludes_uses(world: World) -> None:
    assert world.outcome("L-5", "eu-gpai-oss-exemption") == OPEN
    assert world.outcome("W-3", "eu-gpai-oss-exemption") == OPEN
