"""The index of a sharded model, beside one shard: a manifest with findings, and nothing read outside the folder."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from harness import fuzz

SHARD = (b'8\0\0\0\0\0\0\0{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}      x')
NAME = "model.safetensors.index.json"
SEEDS = [
    b"", b"{}", b"[]", b'{"weight_map":[]}', b'{"weight_map":{"t":1}}',
    b'{"weight_map":{"t":"a","t":"model.safetensors"}}',
    *(json.dumps({"metadata": {"total_size": 1}, "weight_map": {"t": place}}).encode()
      for place in ("model.safetensors", "../outside", "/etc/hostname", "a\0", "\ud800", "", ".", "x" * 5000)),
]


def one_input(data: bytes) -> None:
    """Weights only where the index names the one shard that is there."""
    from provenance.artifacts.manifest import scan
    from provenance.errors import CODES

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model.safetensors").write_bytes(SHARD)
        (folder / NAME).write_bytes(data)
        found = scan(folder)
    assert len(found.files) == 2
    assert all(finding.code in CODES for finding in found.findings)
    if found.weights is not None:
        assert set(json.loads(data)["weight_map"].values()) <= {"model.safetensors"}


if __name__ == "__main__":
    fuzz(one_input, "provenance.artifacts.manifest")
