"""NumPy files: what is accepted has the arrays that NumPy finds, or NumPy refuses it."""

from __future__ import annotations

import io
import warnings

from harness import fuzz
from writers import array, check_plan, zipped

SEEDS = [
    b"", array(), array(">f2", "(3,)", bytes(6)), array("|b1", "()", b"\1"), array("<f4", fortran=True),
    array("|O", "(1,)", b"cos\nsystem\n."), array("<f4", "(18446744073709551616,)", b""), array("[('a', '<f4')]"),
    zipped({"w.npy": array(), "b.npy": array("<i8", "(1,)", bytes(8))}), zipped({"w.npy": array()}, packed=True),
    zipped({"w.npy": array(), "notes.txt": b"x"}),
]


def one_input(data: bytes) -> None:
    """Names and shapes are NumPy's."""
    import numpy as np

    from provenance.artifacts.containers import npz as reader

    found = check_plan(reader.plan, data)
    if found is None:
        return
    ours = {tensor.name: tensor.shape for tensor in (*found.infos, *found.gathered)}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = np.load(io.BytesIO(data), allow_pickle=False)
            theirs = ({"arr_0": loaded.shape} if isinstance(loaded, np.ndarray)
                      else {name: loaded[name].shape for name in loaded.files if isinstance(loaded[name], np.ndarray)})
    except Exception:  # noqa: BLE001 - what NumPy does not load is no other model
        return
    assert ours == theirs, (ours, theirs)


if __name__ == "__main__":
    fuzz(one_input, "provenance.artifacts.containers.npz")
