"""An inventory whose models the workers of a cluster read is the table that this machine makes, byte for byte."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from provenance.errors import ArtifactError
from provenance.reports.inventory import render_inventory
from provenance.workflows import inventory as workflow
from provenance.workflows.inventory import inventory
from provenance.workflows.stocktaking.entry import Entry
from tests.world import NOW, TOP_RUNG, World

distributed = pytest.importorskip("distributed")
pytestmark = [pytest.mark.parts, pytest.mark.filterwarnings("default")]  # Dask has warnings of its own

MOF = "release:\n  name: {name}\n  license: {{distribution: {{name: MIT}}}}\n  components: [{{name: Model card}}]\n"


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Two workers on this machine, in another working folder than this one."""
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as made:
        with distributed.Client(made) as client:
            client.run(os.chdir, "/")
        yield made.scheduler_address


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A signed model beside what else an inventory lists, named by relative paths."""
    world = World.new(tmp_path)
    world.sign()
    folder = tmp_path / "models"
    folder.mkdir()
    shutil.copytree(world.model, folder / "tiny")
    shutil.copytree(world.evidence, folder / "tiny.provenance")
    for name in ("a", "b", "c"):
        (folder / f"{name}.yml").write_text(MOF.format(name=name))
    (folder / "card.md").write_text("---\nlicense: mit\nlibrary_name: x\n---\n")
    (folder / "compose.yml").write_text("services: {}\n")
    (folder / "torn.yml").write_text("release: {")
    cache = tmp_path / "hub" / "models--org--empty"
    (cache / "blobs").mkdir(parents=True)
    (cache / "snapshots" / ("0" * 40)).mkdir(parents=True)
    (tmp_path / "ids.txt").write_text(f"org/empty@{'0' * 40}\norg/none\n")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    return world


PATHS = [Path("models"), Path("ids.txt"), Path("hub")]
POLICIES = ["mof-1.0", TOP_RUNG]


def test_the_table_is_the_one_of_this_machine_byte_for_byte(scheduler: str, models: World) -> None:
    told, totals = list[int](), list[int]()
    here = inventory(PATHS, POLICIES, trust=models.trust, now=NOW).document
    there = inventory(PATHS, POLICIES, trust=models.trust, now=NOW, scheduler=scheduler, progress=told.append,
                      total=totals.append).document
    for format in ("json", "csv", "html", "text"):  # noqa: A001
        assert render_inventory(there, format) == render_inventory(here, format)
    rows = {row["name"]: row for row in there["models"]}
    assert (rows["tiny"]["rung_shown"], rows["tiny"]["voice"]) == (TOP_RUNG, "trusted")
    assert {row["error"]["code"] for row in there["models"] if row["error"]} == {
        "yaml-invalid", "folder-empty", "hub-not-cached"}
    assert [row["path"] for row in there["skipped"]] == ["models/compose.yml"]
    assert (sum(told), totals) == (len(rows) + 2, [len(rows) + 2])  # the empty snapshot is there twice


def test_what_workers_finished_is_taken_over_here_and_the_other_way(scheduler: str, models: World) -> None:
    memory = Path("state.jsonl")
    inventory(PATHS[:1], POLICIES, trust=models.trust, now=NOW, resume=memory, scheduler=scheduler)
    here = inventory(PATHS[:1], POLICIES, trust=models.trust, now=NOW, resume=memory)
    assert [row["name"] for row in here.models if not row["taken_over"]] == ["torn"]
    Path("models", "b.yml").write_text(MOF.format(name="changed"))
    there = inventory(PATHS[:1], POLICIES, trust=models.trust, now=NOW, resume=memory, scheduler=scheduler)
    assert [row["name"] for row in there.models if not row["taken_over"]] == ["changed", "torn"]


def test_a_model_on_which_a_worker_fails_is_a_row_and_not_the_end_of_the_table(
    models: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def each_on(_: str, function: Callable[[Entry], Any], items: Sequence[Entry]) -> Iterator[tuple[Entry, Any]]:
        failed = ArtifactError("cluster-unusable", "a worker failed: no memory", location="x", hint="x")
        yield from ((item, failed if item.name == "b" else function(item)) for item in reversed(items))

    plain = inventory(PATHS[:1], POLICIES, now=NOW)
    monkeypatch.setattr(workflow, "each_on", each_on)
    found = inventory(PATHS[:1], POLICIES, now=NOW, scheduler="localhost:1")
    errors = {row["name"]: row["error"] and row["error"]["code"] for row in found.models}
    assert errors == {"a": None, "b": "cluster-unusable", "c": None, "card": None, "tiny": None, "torn": "yaml-invalid"}
    assert [row for row in found.models if row["name"] != "b"] == [row for row in plain.models if row["name"] != "b"]


@pytest.mark.parametrize(("address", "code"), [
    ("tcp://10.0.0.1:8786", "network-not-allowed"), ("nonsense://x", "network-not-allowed"),
    ("127.0.0.1:1", "cluster-unusable"),
])
def test_a_scheduler_that_is_not_there_is_an_error(
    models: World, address: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provenance.artifacts.cluster._TIMEOUT", 1)
    with pytest.raises(ArtifactError) as caught:
        inventory(PATHS, now=NOW, scheduler=address)
    assert caught.value.code == code
