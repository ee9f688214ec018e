"""What a store hands out about a model is judged as if it had been handed in, and can raise nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.bundles.stores.folder import FolderStore
from provenance.workflows.keeping import evidence_about, identities_of, keep, put_out
from provenance.workflows.verify import verify
from tests.bundles.stores.conftest import bundle
from tests.world import NOW, TOP_RUNG, World


def passed(world: World, evidence: Path) -> bool:
    return verify(world.model, TOP_RUNG, evidence=(evidence,), trust=world.trust, as_of=NOW, now=NOW).passed


def store_of(world: World, *, noise: int = 0) -> FolderStore:
    (world.folder / "store").mkdir(exist_ok=True)
    store = FolderStore(world.folder / "store")
    keep(store, [world.evidence])
    for number in range(noise):
        store.add(bundle(f"sha256:{number:064x}"))
    return store


def test_everything_that_leads_to_a_model_is_taken_out_of_a_store_and_passes(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.hang_on_base()
    world.explain_base()
    world._settle()
    store = store_of(world, noise=30)
    found = evidence_about(store, identities_of(world.model))
    store.close()
    assert {file.sha256 for file in found} == {world.digest(name) for name in world.drafts}
    put_out(found, tmp_path / "taken")
    assert passed(world, tmp_path / "taken")


def test_without_a_release_the_lineage_is_followed_by_what_steps_used(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world._settle()
    world.file("release").unlink()
    store = store_of(world)
    found = evidence_about(store, identities_of(world.model))
    store.close()
    assert {file.sha256 for file in found} == {
        world.digest(name) for name in ("train", "model.sig", "prepare", "dataset-raw", "dataset-corpus")}


def test_what_speaks_of_other_things_stays_there(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    store = store_of(world)
    assert evidence_about(store, {"sha256:" + "a" * 64}) == []
    store.close()


def test_bundles_that_list_each_other_without_end_are_an_end(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.hang_on_base()
    world._settle()
    store = store_of(world)
    for _ in range(2):
        assert evidence_about(store, identities_of(world.folder / "base"))
    store.close()


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_whoever_edits_the_index_raises_nothing(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Rows are taken away, given to other bundles, and led astray: what is listed is found, or it is missed."""
    folder = tmp_path_factory.mktemp("edited")
    world = World.new(folder)
    spoilt = data.draw(st.sampled_from(["", "W-3", "W-7", "lost"]))
    if spoilt == "W-3":
        world.license("model-parameters-final", "CC-BY-NC-4.0")
    elif spoilt == "W-7":
        world.change("train", initial_parameters=None)
    world._settle()
    if spoilt == "lost":
        world.file("train").unlink()
    store = store_of(world)
    store.find()
    before = passed(world, world.evidence)
    database = sqlite3.connect(world.folder / "store.index.sqlite3", isolation_level=None)
    ids = [row[0] for row in database.execute("SELECT id FROM files")]
    for victim in data.draw(st.sets(st.sampled_from(ids), min_size=1)):
        edit = data.draw(st.sampled_from(["hide", "lead astray", "rename", "retype"]))
        other = data.draw(st.sampled_from(ids))
        if edit == "hide":
            database.execute("DELETE FROM subjects WHERE file = ?", (victim,))
        elif edit == "lead astray":
            database.execute("UPDATE OR IGNORE subjects SET file = ? WHERE file = ?", (other, victim))
        elif edit == "rename":
            database.execute("UPDATE files SET path = 'aa/none.sigstore.json' || ? WHERE id = ?", (victim, victim))
        else:
            database.execute("UPDATE files SET sha256 = ?, predicate_type = 'x' WHERE id = ?", ("0" * 64, victim))
    database.execute("UPDATE folders SET status = status")
    database.close()
    put_out(evidence_about(store, identities_of(world.model)), folder / "taken")
    store.close()
    (folder / "taken").mkdir(exist_ok=True)
    assert passed(world, folder / "taken") <= before
