"""PyTorch checkpoints: the whole file, and a pickle in a sound archive, so that the fuzzer need not learn checksums."""

from __future__ import annotations

from harness import fuzz
from writers import check_plan, checkpoint, pickled, zipped

SEEDS = [
    b"", pickled(), checkpoint(pickled()), zipped({"m/data.pkl": pickled()}, packed=True),
    zipped({"m/data.pkl": pickled(), "m/code/x.py": b"", "m/constants.pkl": b""}), b"PK\3\4" + bytes(40),
    pickled().replace(b"K\2K\3\x86", b"K\xffK\xff\x86"), pickled().replace(b"K\6tQ", b"J\xff\xff\xff\xfftQ"),
]


def one_input(data: bytes) -> None:
    """Tensors that lie in their storages."""
    from provenance.artifacts.containers import pytorch as reader

    check_plan(reader.plan, data)
    if len(data) < 4096:
        check_plan(reader.plan, checkpoint(data))


if __name__ == "__main__":
    fuzz(one_input, "provenance.artifacts.containers.pytorch", "provenance.artifacts.containers.pickle_walk")
