"""The three patterns in which real models differ from what they are called, as `verify` and `inventory` tell them.

    everything released, weights under a RAIL licence    not open, by any definition that asks for a licence
    MOF Class III, and the data closed                   a class, and not open source
    MOF Class I on declarations                          the top rung only where each data set shows its own licence
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provenance.mof_file import COMPONENTS
from provenance.policy.policy import LADDER
from provenance.workflows.inventory import inventory
from tests.world import NOW, TOP_RUNG, World

CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside the repository")
OPEN_SOURCE, EXEMPTION = "g7-2026-open-source-ai", "eu-gpai-oss-exemption"
POLICIES = ("mof-1.0", "open-weights", "osaid-1.0", OPEN_SOURCE, TOP_RUNG, EXEMPTION)
LEAST = ("Model architecture", "Model parameters (Final)", "Technical report", "Evaluation results", "Model card",
         "Data card")


def listed(*paths: Path, trust: Path | None = None) -> list[dict[str, Any]]:
    return [dict(row) for row in inventory(paths, POLICIES, trust=trust, now=NOW).models]


def of_world(world: World) -> dict[str, Any]:
    """The row of a signed world, in which a verdict is the one that `verify` gives."""
    world.sign()
    (row,) = listed(world.model, trust=world.trust)
    for policy in POLICIES[1:]:
        verdict = world.verdict(policy)
        assert row["verdicts"][policy]["shown"] == verdict["result"]
    return row


def declared(row: dict[str, Any]) -> dict[str, str]:
    return {policy: verdict["declared"] for policy, verdict in row["verdicts"].items()}


def blockers(row: dict[str, Any], policy: str) -> dict[str, str]:
    return {each["requirement"]: each["outcome"] for each in row["blockers"] if each["towards"] == policy}


def mof_file(path: Path, licences: dict[str, str]) -> Path:
    """A configuration file with these components under these licences."""
    rows = "".join(f"    - {{name: {name}, license: {licence}}}\n" for name, licence in licences.items())
    path.write_text(f"release:\n  name: {path.stem}\n  components:\n{rows}")
    return path


# --- everything under a RAIL licence --------------------------------------------------------------------------


def test_all_that_there_is_under_a_rail_licence_is_not_open(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.license("model-parameters-final", "bigcode-openrail-m")
    row = of_world(world)
    shown = {policy: verdict["shown"] for policy, verdict in row["verdicts"].items()}
    assert shown == {"mof-1.0": "fail", "open-weights": "fail", "osaid-1.0": "fail", OPEN_SOURCE: "fail",
                     TOP_RUNG: "fail", EXEMPTION: "undetermined"}
    assert row["mof_class"] == 0
    assert row["rung_shown"] == row["rung_declared"] == LADDER[0][0]  # weights available
    assert blockers(row, "osaid-1.0")["W-2"] == "fail"
    assert "W-3" in blockers(row, EXEMPTION)  # whether the terms are proportionate is for a person


@needs_corpus
@pytest.mark.parametrize("card", ["bigcode__starcoder.md", "HuggingFaceH4__starchat-alpha.md"])
def test_the_card_of_a_model_under_a_rail_licence_declares_nothing_open(card: str) -> None:
    (row,) = listed(CORPUS / "model-cards" / card)
    for policy in ("open-weights", "osaid-1.0", OPEN_SOURCE, TOP_RUNG):
        assert blockers(row, policy)["W-2"] == "fail"
        assert declared(row)[policy] == "fail"
    assert declared(row)[EXEMPTION] == "undetermined"
    assert (row["mof_class"], row["rung_declared"], row["rung_shown"]) == (0, None, None)


# --- a class, and closed data ---------------------------------------------------------------------------------


def test_class_iii_without_data_is_not_open_source(tmp_path: Path) -> None:
    (row,) = listed(mof_file(tmp_path / "tiny.yml", dict.fromkeys(LEAST, "Apache-2.0")))
    assert row["mof_class"] == 3
    assert declared(row)["osaid-1.0"] == declared(row)[OPEN_SOURCE] == "undetermined"
    assert {"D-1", "D-2"} <= blockers(row, "osaid-1.0").keys()


def test_class_iii_on_evidence_without_the_data_is_not_open_source(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.unsay("dataset-raw", "prepare", "dataset-corpus")
    for component in COMPONENTS:
        if component.name not in LEAST and component.id != "inference-code":
            world.withhold(component.id)
    row = of_world(world)
    assert row["verdicts"]["osaid-1.0"]["shown"] == row["verdicts"][OPEN_SOURCE]["shown"] == "undetermined"
    assert row["rung_shown"] not in (OPEN_SOURCE, TOP_RUNG)


@needs_corpus
def test_every_class_iii_record_of_the_corpus_with_closed_data_is_not_open_source() -> None:
    rows = [row for row in listed(CORPUS / "mof-config") if row["mof_class"] == 3]
    assert len(rows) > 5
    for row in rows:
        assert declared(row)["osaid-1.0"] == declared(row)[OPEN_SOURCE] == "undetermined"
        assert {"D-1", "D-2"} <= blockers(row, "osaid-1.0").keys()


# --- the top rung ---------------------------------------------------------------------------------------------


def test_the_top_rung_needs_a_licence_of_each_data_set_and_the_release_lends_it_none(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    assert of_world(world)["rung_shown"] == TOP_RUNG
    world.state("dataset-corpus", license=None)
    assert {row.license for row in world.release.components if row.component == "datasets"} == {"Apache-2.0"}
    row = of_world(world)
    assert row["rung_shown"] == OPEN_SOURCE
    assert blockers(row, TOP_RUNG)["D-6"] == "undetermined"


@pytest.mark.parametrize("licence", ["cc-by-nc-4.0", "other", "unknown"])
def test_one_data_set_that_is_not_open_keeps_a_model_from_the_top_rung(tmp_path: Path, licence: str) -> None:
    world = World.new(tmp_path)
    world.state("dataset-raw", license=licence)
    assert of_world(world)["rung_shown"] != TOP_RUNG


@needs_corpus
@pytest.mark.parametrize("pattern", ["Pythia-*.yml", "OLMo-*.yml"])
def test_class_i_on_declarations_leaves_the_top_rung_open(pattern: str) -> None:
    rows = [row for row in listed(*CORPUS.glob(f"mof-config/{pattern}")) if row["mof_class"] == 1]
    assert rows
    for row in rows:
        assert declared(row)["mof-1.0"] == "pass"
        assert declared(row)[TOP_RUNG] == "undetermined"
        assert blockers(row, TOP_RUNG)["D-6"] == "undetermined"
        assert (row["rung_shown"], row["rung_declared"]) == (None, None)
