"""From a dataset forward: every model that a store says was made from it, however far on, and nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.bundles.stores.folder import FolderStore
from provenance.errors import ProvenanceError
from provenance.statements.step import Step
from provenance.workflows.keeping import keep
from provenance.workflows.recalling import made_from, thing_asked_for
from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.new(tmp_path)


def found(world: World, *things: str) -> list[tuple[str, str, int]]:
    """What was made from things of the world, as kind, name and distance."""
    world._settle()
    (world.folder / "store").mkdir(exist_ok=True)
    store = FolderStore(world.folder / "store")
    keep(store, [world.evidence])
    asked = frozenset().union(*(thing_asked_for(str(world.folder / thing) if ":" not in thing else thing)
                                for thing in things))
    made = made_from(store, asked)
    store.close()
    return [(each.kind, each.name, each.away) for each in made]


def test_from_a_text_to_the_model_and_how_it_was_evaluated(world: World) -> None:
    world.change("release", datasets=())
    told = [("data", "corpus", 1), ("evaluation", "results.json", 2), ("model", "tiny", 2)]
    assert found(world, "tales.txt") == told


def test_from_data_through_a_base_model_to_what_was_tuned_from_it(world: World) -> None:
    world.hang_on_base()
    world.explain_base()
    world.write("old.txt", "old\n")
    world.change("train-base", inputs=world.inputs(training_data="old.txt", source="train.py"))
    models = [row for row in found(world, "old.txt") if row[0] == "model"]
    assert models == [("model", "base", 1), ("model", "tiny", 2)]


def test_code_and_one_file_of_a_dataset_lead_on_too(world: World) -> None:
    assert ("model", "tiny", 1) in found(world, "network.py")
    assert ("model", "tiny", 1) in found(world, "corpus/part-0.txt")


def test_a_release_that_lists_data_is_enough(world: World) -> None:
    world.unsay("train", "prepare", "evaluate")
    assert ("model", "tiny", 1) in found(world, "tales.txt")


def test_a_dataset_statement_joins_the_names_of_one_dataset(world: World) -> None:
    world.write("mirror.txt", "mirrored\n")
    same = world.drafts["dataset-raw"].claim
    world.say("mirror", replace(same, subjects=(*same.subjects, *world.described("mirror.txt"))), "stranger")
    assert "tiny" in {name for _, name, _ in found(world, "mirror.txt")}


@pytest.mark.parametrize("others", [{}, {"sha256": "0" * 64}])
def test_a_dataset_is_found_by_any_digest_that_a_step_names(world: World, others: dict[str, str]) -> None:
    """Else naming it by another digest, or by a wrong one first, would hide it from whoever recalls it."""
    strong = hashlib.sha512((world.folder / "tales.txt").read_bytes()).hexdigest()
    prepare = world.drafts["prepare"].claim
    assert isinstance(prepare, Step)
    world.change("prepare", inputs=tuple(
        replace(item, digest={**others, "sha512": strong}) if item.role == "raw-data" else item
        for item in prepare.inputs))
    world.change("release", datasets=())
    world.unsay("dataset-raw")
    assert ("data", "corpus", 1) in found(world, "tales.txt")
    assert ("data", "corpus", 1) in found(world, f"sha512:{strong}")


def test_a_folder_is_found_by_the_root_that_stands_beside_its_dirhash(world: World) -> None:
    world.change("release", datasets=())
    root = world.listing("corpus").digest["sha256"]
    assert ("model", "tiny", 1) in found(world, f"sha256:{root}")


def test_a_cycle_ends(world: World) -> None:
    world.change("prepare", inputs=world.inputs(raw_data="tales.txt", model="tiny", source="prepare.py"))
    assert ("data", "corpus", 1) in found(world, "tiny")


def test_what_nothing_was_made_from_leads_nowhere(world: World) -> None:
    assert found(world, "paper.md") == []
    assert found(world, "sha256:" + "0" * 64) == []


@pytest.mark.parametrize("text", ["nowhere", "md5:" + "0" * 32, "sha256:zz", "gitCommit:" + "0" * 40, ":"])
def test_what_identifies_nothing_cannot_be_asked_for(text: str) -> None:
    with pytest.raises(ProvenanceError) as raised:
        thing_asked_for(text)
    assert raised.value.code == "usage"
