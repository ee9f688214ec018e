"""What `attest release` writes is what the requirements read: a components file can say all that policies ask for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provenance.errors import StatementError
from provenance.policy.policy import load_policy
from provenance.workflows.attest import Attested, attest_release
from tests.world import COMPONENTS, DECLARATIONS, NOW, PASSABLE, World


def attested(world: World, **changes: Any) -> Attested:
    """The release of the complete world, as the command writes it from a components file."""
    rows = [{"component": kind, "path": path, "license": "Apache-2.0"} for kind, path in COMPONENTS]
    facts = {"name": "tiny", "version": "1.0", "producer": "Example Lab", "components": rows,
             "declarations": DECLARATIONS, **changes}
    world.sign()
    world.file("release").unlink()
    file = world.write("components.yaml", json.dumps(facts))
    return attest_release(world.model, file, signer=lambda: world.signers["lab"], now=NOW, evidence=[world.evidence],
                          bundle=world.file("release"))


def test_a_release_that_the_command_writes_passes_every_policy_that_asks_no_person(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    attested(world)
    evaluation = world.evaluation()
    outcomes = {name: evaluation.outcome(evaluation.decide(load_policy(name))) for name in PASSABLE}
    assert outcomes == dict.fromkeys(PASSABLE, "pass")


@pytest.mark.parametrize(("datasets", "outcome"), [(["tales.txt", "corpus"], "pass"), (["corpus"], "undetermined")])
def test_a_data_card_names_the_datasets_that_it_describes(tmp_path: Path, datasets: list[str], outcome: str) -> None:
    world = World.new(tmp_path)
    rows = [{"component": kind, "path": path, "license": "Apache-2.0",
             **({"describes": datasets} if kind == "data-card" else {})} for kind, path in COMPONENTS]
    attested(world, components=rows)
    assert world.outcome("K-2", "mof-1.0-class-iii") == outcome


@pytest.mark.parametrize(
    "declarations",
    [
        {"noMonetization": True},
        {"trainingCompute": -1},
        {"trainingCompute": 1e300},
        {"trainingCompute": True},
        {"unknownProvenance": "none"},
        {"usage": {"capability": "all"}},
        {"trainingSummary": {"uri": "https://example.org"}},
        {"trainingSummary": {"sections": {"9.9": "none"}}},
        {"inference": [{"jurisdiction": "EU"}]},
        {"indemnity": ""},
    ],
)
def test_a_declaration_that_is_misspelt_or_of_another_type_is_refused(
    tmp_path: Path, declarations: dict[str, Any]
) -> None:
    with pytest.raises(StatementError) as raised:
        attested(World.new(tmp_path), declarations=declarations)
    assert raised.value.code == "schema-mismatch"
