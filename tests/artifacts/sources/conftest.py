"""A small model to put into every kind of place, and what reading it as a folder gives."""

from __future__ import annotations

import json
import struct

import pytest


def safetensors(tensors: dict[str, list[float]]) -> bytes:
    """A safetensors file of float32 vectors."""
    header, data = {}, b""
    for name, values in tensors.items():
        packed = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": [len(values)], "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    body = json.dumps(header).encode()
    return struct.pack("<Q", len(body)) + body + data


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
