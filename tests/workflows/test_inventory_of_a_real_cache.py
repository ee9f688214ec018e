"""A cache that `huggingface_hub` itself has filled, from a small Hub on this machine, is listed as it lies there."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.artifacts.sources.hub import cache_folder
from provenance.workflows.inventory import inventory
from tests.artifacts.sources.hub_server import COMMIT, serving
from tests.world import NOW, World

constants = pytest.importorskip("huggingface_hub.constants")
huggingface_hub = pytest.importorskip("huggingface_hub")


def test_what_the_library_fetched_is_a_row_by_its_place_and_by_its_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World.new(tmp_path)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    with serving() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE",
                            hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}")
        hub.files = {file.name: file.read_bytes() for file in world.model.iterdir()}
        huggingface_hub.snapshot_download("org/name", cache_dir=cache_folder())
    (tmp_path / "ids.txt").write_text("org/name\n")
    by_place, by_id = inventory([cache_folder(), tmp_path / "ids.txt"], ["mof-1.0"], now=NOW).models
    assert (by_place["name"], by_place["kind"], by_place["revision"]) == ("org/name", "hub-snapshot", COMMIT)
    assert by_place["path"] == f"{tmp_path}/cache/models--org--name/snapshots/{COMMIT}"
    assert {**by_id, "path": by_place["path"]} == by_place
    assert by_id["path"] == "hf://org/name@main"
    assert (by_place["rung_declared"], by_place["findings"], by_place["error"]) == ("g7-2026-open-weights", [], None)
