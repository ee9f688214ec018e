"""The index of a sharded model is bounded by what it makes of its bytes, and so is what is said of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provenance.artifacts import manifest as module
from provenance.artifacts.manifest import scan

INDEX = "model.safetensors.index.json"


def codes(folder: Path) -> list[str]:
    return [finding.code for finding in scan(folder).findings]


def test_an_index_of_too_many_parts_is_refused_before_it_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixteen megabytes of the smallest entries, or of empty lists, take half a gigabyte once parsed."""
    monkeypatch.setattr(module, "MAX_INDEXED", 10)
    for content in (b'{"weight_map":{%s}}' % b",".join(b'"%d":"x"' % number for number in range(12)),
                    b"[" + b"[]," * 11 + b"[]]"):
        (tmp_path / INDEX).write_bytes(content)
        assert "document-too-large" in codes(tmp_path)


def test_of_a_thousand_missing_shards_twenty_are_named(tmp_path: Path) -> None:
    places = {f"t{number}": f"{number:04}.safetensors" for number in range(1000)}
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": places}))
    missing = [finding for finding in scan(tmp_path).findings if finding.code == "shard-missing"]
    assert len(missing) == 21
    assert "and 980 more" in missing[0].message
