"""A tiny model and a text by their bytes, as floor 1 sees them."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from provenance.artifacts.manifest import Manifest, scan

HEADER = json.dumps({
    "a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]},
    "b": {"dtype": "U8", "shape": [1], "data_offsets": [2, 3]},
}).encode()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with a configuration and two tensors."""
    place = tmp_path / "tiny"
    (place / "sub").mkdir(parents=True)
    (place / "sub" / "config.json").write_text("{}")
    (place / "model.safetensors").write_bytes(struct.pack("<Q", len(HEADER)) + HEADER + b"\1\2\3")
    return place


@pytest.fixture
def manifest(model: Path) -> Manifest:
    """The model as it was read."""
    return scan(model)


@pytest.fixture
def text(tmp_path: Path) -> Manifest:
    """One file, as it was read."""
    (tmp_path / "tales.jsonl").write_text('{"text": "x"}\n')
    return scan(tmp_path / "tales.jsonl")
