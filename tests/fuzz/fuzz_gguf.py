"""GGUF: a header is read, or refused; a count is never believed beyond the file."""

from __future__ import annotations

import struct

from harness import fuzz
from writers import check_plan, gguf

SEEDS = [
    b"", gguf(), gguf()[:-1], gguf() + b"PK\5\6" + bytes(18), b"GGUF" + struct.pack("<IQQ", 3, 0, 0),
    b"GGUF" + struct.pack("<IQQ", 3, 1 << 63, 1 << 63), b"GGUF" + struct.pack("<IQQ", 2, 0, 1) + bytes(40),
]


def one_input(data: bytes) -> None:
    """Tensors that lie in the file, do not overlap and are aligned."""
    from provenance.artifacts.containers import gguf as reader

    found = check_plan(reader.plan, data)
    if found is not None:
        at = 0
        for info in sorted(found.infos, key=lambda info: (info.start, info.end)):
            assert info.start >= at or info.start == info.end
            at = max(at, info.end)


if __name__ == "__main__":
    fuzz(one_input, "provenance.artifacts.containers.gguf")
