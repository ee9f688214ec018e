"""The reader of safetensors headers: tensors that tile the file exactly, or a refusal."""

from __future__ import annotations

import json
import struct

from harness import fuzz


def _seed(entries: object, data: int) -> bytes:
    header = json.dumps(entries).encode()
    return struct.pack("<Q", len(header)) + header + bytes(data)


SEEDS = [
    b"", bytes(8), struct.pack("<Q", 1 << 60) + b"{}",
    _seed({}, 0),
    _seed({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, 8),
    _seed({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, 7),
    _seed({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},
           "b": {"dtype": "U8", "shape": [4], "data_offsets": [2, 6]}}, 6),
    _seed({"__metadata__": {"format": "pt"}, "s": {"dtype": "BF16", "shape": [], "data_offsets": [0, 2]}}, 2),
]


def one_input(data: bytes) -> None:
    """What is accepted leaves no byte of the file outside a tensor, and none in two."""
    from provenance.artifacts.containers.safetensors import header_length, parse_header
    from provenance.errors import ArtifactError

    try:
        length = header_length(data[:8], len(data), "input")
        tensors = parse_header(data[: 8 + length], len(data), "input")
    except ArtifactError:
        return
    at = 8 + length
    for tensor in sorted(tensors, key=lambda tensor: (tensor.start, tensor.end)):
        assert tensor.start == at
        at = tensor.end
    assert at == len(data)


if __name__ == "__main__":
    fuzz(one_input, "provenance.artifacts.containers.safetensors")
