"""A small model to put into every kind of place, and what reading it as a folder gives."""

from __future__ import annotations

import json

import pytest

from tests.world import safetensors


@pytest.fixture
def files() -> dict[str, bytes]:
    """A model of two shards with their index, and files beside them."""
    shards = {"model-1.safetensors": {"a": [1.0, 2.0]}, "model-2.safetensors": {"b": [3.0] * 4000}}
    places = {name: shard for shard, tensors in shards.items() for name in tensors}
    index = json.dumps({"metadata": {}, "weight_map": places}).encode()
    return {
        "config.json": b'{"layers": 1}\n', "empty.txt": b"", "sub/notes.md": b"# notes\n",
        "model.safetensors.index.json": index, **{name: safetensors(tensors) for name, tensors in shards.items()},
    }
