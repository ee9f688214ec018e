"""Scattered tensors put together: the bytes that an element-by-element reading gives, whatever fits into memory."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

from provenance.artifacts.containers import gathering
from provenance.artifacts.containers.gathering import gathered_heads
from provenance.artifacts.containers.plan import Strided, WeightFile
from provenance.artifacts.tensors import TREES
from provenance.errors import ArtifactError


def heads(path: Path, data: bytes, view: Strided) -> dict[Any, str]:
    path.write_bytes(data)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return gathered_heads(WeightFile(descriptor, len(data), "x.npz"), view, TREES)
    finally:
        os.close(descriptor)


def expected(array: Any) -> dict[str, str]:
    made = reference.Tensor("t", "U8", array.shape, np.ascontiguousarray(array).tobytes())
    return {"tensorTree": made.data_head().hex(), "tensorTreeBlake3": made.data_head(reference.b3).hex()}


def view_of(array: Any, base: Any, *, swap: int = 1) -> Strided:
    offset = (array.__array_interface__["data"][0] - base.__array_interface__["data"][0]) // base.itemsize
    strides = tuple(stride // base.itemsize for stride in array.strides)
    return Strided("t", "U8", array.shape, 0, base.nbytes, offset, strides, base.itemsize, swap)


@st.composite
def views(draw: st.DrawFn) -> tuple[Any, Any]:
    """An array in another order than its storage's, and the storage."""
    shape = draw(st.lists(st.integers(1, 7), min_size=1, max_size=4))
    base = np.arange(int(np.prod(shape)), dtype=draw(st.sampled_from(["<u2", "<u4", "<u8"]))).reshape(shape)
    array = base.transpose(draw(st.permutations(range(len(shape)))))
    cut = tuple(slice(draw(st.integers(0, size - 1)), None, draw(st.integers(1, 3))) for size in array.shape)
    return array[cut], base


@given(views(), st.integers(1, 400))
def test_whatever_the_order_and_however_little_fits_into_memory(made: tuple[Any, Any], part: int) -> None:
    array, base = made
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(gathering, "PART", max(part, base.itemsize))
        assert heads(Path(folder) / "x", base.tobytes(), view_of(array, base)) == expected(array)


@pytest.mark.parametrize(("dtype", "swap"), [(">u2", 2), (">f4", 4), (">f8", 8), (">c8", 4)])
def test_big_endian_values_are_turned_round(tmp_path: Path, dtype: str, swap: int) -> None:
    base = np.arange(300_000).astype(dtype)
    found = heads(tmp_path / "x", base.tobytes(), view_of(base, base, swap=swap))
    assert found == expected(base.astype("<" + dtype[1:]))


def test_a_scalar_and_an_expanded_value(tmp_path: Path) -> None:
    base = np.array([7, 9], dtype="<u4")
    scalar = Strided("t", "U32", (), 0, 8, 1, (), 4, 1)
    assert heads(tmp_path / "x", base.tobytes(), scalar) == expected(base[1])
    expanded = Strided("t", "U32", (1000, 700), 0, 8, 1, (0, 0), 4, 1)
    assert heads(tmp_path / "x", base.tobytes(), expanded) == expected(np.full((1000, 700), 9, dtype="<u4"))


def test_memory_stays_a_few_parts_however_large_the_tensor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest array and the largest piece of the file that are ever held."""
    monkeypatch.setattr(gathering, "PART", 1 << 16)
    base = np.arange(1 << 19, dtype="<u4").reshape(1 << 9, 1 << 10)
    read, empty, largest = WeightFile.read, np.empty, [0]

    def watched_read(self: WeightFile, position: int, length: int) -> bytes:
        largest[0] = max(largest[0], length)
        return read(self, position, length)

    def watched_empty(shape: Any, dtype: Any) -> Any:
        found = empty(shape, dtype)
        largest[0] = max(largest[0], found.nbytes)
        return found

    monkeypatch.setattr(WeightFile, "read", watched_read)
    monkeypatch.setattr(np, "empty", watched_empty)
    assert heads(tmp_path / "x", base.tobytes(), view_of(base.T, base)) == expected(base.T)
    assert 0 < largest[0] <= 1 << 16


def test_what_is_too_large_to_be_turned_round_is_not_supported(tmp_path: Path) -> None:
    view = Strided("t", "U8", (1 << 16, 1 << 15), 0, 8, 0, (0, 0), 1)
    with pytest.raises(ArtifactError) as caught:
        heads(tmp_path / "x", bytes(8), view)
    assert caught.value.code == "weights-unsupported"
