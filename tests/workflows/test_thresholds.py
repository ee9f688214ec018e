"""Thresholds through the verbs: verify, admit and reproduce count principals, and less evidence never shows more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.artifacts.manifest import Manifest, scan
from provenance.bundles.envelope import parse_bundle, sha256, sign
from provenance.bundles.keys import load_signer
from provenance.bundles.store import EvidenceFile, read_evidence
from provenance.bundles.trust import Trust, read_trust
from provenance.bundles.verifier import Verifier
from provenance.policy.evaluate import Evaluation, Subject
from provenance.policy.policy import LADDER, load_policy, policy_ids
from provenance.statements.statement import ResourceDescriptor
from provenance.workflows.admit import admit
from provenance.workflows.gathering import examine
from provenance.workflows.reproduce import reproduce
from provenance.workflows.trust_file import keygen
from tests.world import NOW, TOP_RUNG, World

SECOND = "second"


def world_of_two(folder: Path, *, listed: bool = True) -> World:
    """The complete world, in which a second principal of the lab signs whatever the first does, and both are needed."""
    world = World.new(folder)
    keygen(world.folder / "second.key", "ed25519", None)
    second = world.principal(SECOND, party="Example Lab", roles=("producer",), subjects=("*",))
    world.believe(*(world.principal(name) for name in ("archive", "lab", "gate")), second)
    world.trust.write_text(world.trust.read_text() + "thresholds:\n"
                           "  - {role: producer, predicateTypes: ['*'], principals: 2}\n")
    world._settle()
    for name, draft in world.drafts.items():
        if draft.signer == "lab" and name != "release":
            countersign(world, name)
    if listed:  # the release stands on both signatures of every statement
        files = sorted(file for file in world.evidence.iterdir() if file != world.file("release"))
        stands_on = tuple(ResourceDescriptor(file.name, {"sha256": sha256(file.read_bytes())}) for file in files)
        statement = replace(world.release, evidence=stands_on).to_statement()
        world.file("release").write_bytes(sign(statement.to_bytes(), world.signers["lab"]))
    countersign(world, "release")
    return world


def countersign(world: World, name: str) -> None:
    """The second principal's signature of the same statement, beside the first."""
    payload = parse_bundle(world.file(name).read_bytes(), name).payload
    signer = load_signer(world.folder / "second.key", lambda: None)
    world.file(f"{name}-{SECOND}").write_bytes(sign(payload, signer))


def test_both_signatures_pass_every_policy(tmp_path: Path) -> None:
    document = world_of_two(tmp_path).verdict()
    assert document["passed"], document["openPoints"]
    assert document["ladder"]["shown"] == TOP_RUNG


@pytest.mark.parametrize("name", ["train", "model.sig", "release", "evaluate"])
@pytest.mark.parametrize("whose", ["", f"-{SECOND}"])
def test_without_one_of_the_two_signatures_nothing_passes(tmp_path: Path, name: str, whose: str) -> None:
    world = world_of_two(tmp_path)
    world.file(f"{name}{whose}").unlink()
    document = world.verdict()
    assert not document["passed"]
    left = next(row for row in document["evidence"] if row["status"] == "UNSUPPORTED")
    assert (left["code"], left["voice"]) == ("threshold-not-met", "unsigned")
    assert left["reason"] == "1 of the 2 principals that must sign it as producer did"
    assert left["signers"][0]["principal"] in ("lab", SECOND)


def test_admit_refuses_what_one_of_two_signed(tmp_path: Path) -> None:
    world = world_of_two(tmp_path)

    def admitted() -> bool:
        return admit(world.model, TOP_RUNG, evidence=(world.evidence,), trust=world.trust, now=NOW,
                     registry=tmp_path / "registry", signer=lambda: world.signers["gate"]).admitted

    world.file(f"release-{SECOND}").rename(tmp_path / "aside")
    assert not admitted()
    (tmp_path / "aside").rename(world.file(f"release-{SECOND}"))
    assert admitted()


def test_reproduce_asks_for_both(tmp_path: Path) -> None:
    world = world_of_two(tmp_path)

    def outcome() -> str:
        return reproduce(world.model, (world.evidence,), world.trust, as_of=NOW).outcome

    assert outcome() == "equal"
    for name in world.drafts:
        (world.evidence / world.file(f"{name}-{SECOND}").name).unlink(missing_ok=True)
    assert outcome() == "undetermined"


def test_two_signatures_of_one_step_are_one_step(tmp_path: Path) -> None:
    from provenance.workflows.reproducer.attested import from_producers, step_that_made

    world = world_of_two(tmp_path)
    files = read_evidence(world.evidence)
    found = examine(Verifier(read_trust(world.trust, NOW), NOW), files)
    statements = [item.verified for item in found if item.verified]
    step = step_that_made(from_producers(statements), scan(world.model), None)
    assert step.statement.subjects[0].name == "tiny"


# Less evidence never shows more, when what is heard depends on what else is shown

Shown = tuple[Manifest, Trust, tuple[EvidenceFile, ...]]


@cache
def shown(listed: bool) -> Shown:
    with TemporaryDirectory() as folder:
        world = world_of_two(Path(folder), listed=listed)
        return scan(world.model), read_trust(world.trust, NOW), tuple(read_evidence(world.evidence))


def answers(model: Manifest, trust: Trust, files: Iterable[EvidenceFile]) -> tuple[frozenset[str], int]:
    examined = examine(Verifier(trust, NOW), list(files))
    evaluation = Evaluation(Subject(model, tuple(item.verified for item in examined if item.verified), trust, NOW))
    passed = {name for name in policy_ids() if evaluation.outcome(evaluation.decide(load_policy(name))) == "pass"}
    return frozenset(passed), max((height for height, (name, _) in enumerate(LADDER, 1) if name in passed), default=0)


@settings(max_examples=60, deadline=None)
@given(st.booleans(), st.data())
def test_taking_evidence_away_shows_no_more(listed: bool, data: st.DataObject) -> None:
    model, trust, files = shown(listed)
    whole = data.draw(st.sets(st.sampled_from(range(len(files))), min_size=len(files) - 3))
    part = whole - data.draw(st.sets(st.sampled_from(sorted(whole)), min_size=1, max_size=3))
    before = answers(model, trust, (files[i] for i in sorted(whole)))
    after = answers(model, trust, (files[i] for i in sorted(part)))
    assert after[0] <= before[0]
    assert after[1] <= before[1]
