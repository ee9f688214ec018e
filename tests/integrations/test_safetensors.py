"""Verified loading: what is returned is what was checked, with NumPy's own types."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from provenance.integrations import reading
from tests.integrations.conftest import MANY, TINY, Lab, floats, without_list
from tests.integrations.loading import (
    BOTH,
    SHARDS,
    contents,
    load,
    opened,
    refused,
)


@BOTH
@pytest.mark.parametrize("signed", ["tensors", "root", "files"])
def test_every_tensor_is_returned_with_the_bytes_that_were_signed(lab: Lab, loading: Any, signed: str) -> None:
    lab.write(SHARDS)
    if signed == "files":
        lab.sign_files()
    else:
        lab.attest(change=None if signed == "tensors" else without_list)
    arrays = loading(lab)
    assert contents(arrays) == {name: content for name, (_, _, content) in MANY.items()}
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    assert shapes == {name: list(shape) for name, (_, shape, _) in MANY.items()}


def test_what_the_safetensors_package_reads_is_what_is_loaded(lab: Lab) -> None:
    values = {"w": np.arange(12, dtype="f4").reshape(3, 4), "i": np.array(-5, dtype="i8"),
              "h": np.ones((2, 0), dtype="f2")}
    lab.model.mkdir()
    safetensors.numpy.save_file(values, lab.model / "model.safetensors")
    lab.attest()
    for name, array in load(lab).items():
        assert array.dtype == values[name].dtype
        np.testing.assert_array_equal(array, values[name])
        assert array.flags.writeable
        assert array.flags.owndata or array.base is not None


@BOTH
@pytest.mark.parametrize(("dtype", "kind", "size"), [
    ("BF16", "<u2", 2), ("F8_E4M3", "|u1", 1), ("F8_E8M0", "|u1", 1), ("BOOL", "|b1", 1), ("C64", "<c8", 8),
    ("F16", "<f2", 2), ("U64", "<u8", 8),
])
def test_what_numpy_has_no_type_for_comes_as_unsigned_integers_of_the_same_bits(
    lab: Lab, loading: Any, dtype: str, kind: str, size: int
) -> None:
    lab.write({"model.safetensors": {"x": (dtype, [2, 2], bytes(range(4 * size)) if dtype != "BOOL" else b"\0\1\1\0")}})
    lab.attest()
    array = loading(lab)["x"]
    assert (array.dtype.str, array.shape) == (kind, (2, 2))


def test_packed_floats_come_as_their_bytes_and_the_dtype_can_be_asked_for(lab: Lab) -> None:
    lab.write({"model.safetensors": {"x": ("F4", [2, 4], b"\x12\x34\x56\x78")}})
    lab.attest()
    with opened(lab) as weights:
        assert weights.dtype("x") == "F4"
        assert weights.get("x").tobytes() == b"\x12\x34\x56\x78"
        assert weights.get("x").shape == (4,)


def test_work_is_cut_into_pieces_of_large_tensors_and_of_many_small_ones(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {f"t{number}": floats(float(number)) for number in range(100)}
    lab.write({"model.safetensors": {**small, **MANY}})
    lab.attest()
    (lab.model / "elsewhere.txt").symlink_to(lab.trust)  # what is no weights does not matter here
    for size in (1 << 20, 1 << 21, 1 << 30):
        monkeypatch.setattr(reading, "A_TASK", size)
        assert contents(load(lab)) == {name: content for name, (_, _, content) in {**small, **MANY}.items()}


def test_where_there_is_no_preadv_the_bytes_are_the_same(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.write(SHARDS)
    lab.attest()
    expected = contents(load(lab))
    monkeypatch.delattr(os, "preadv")
    assert contents(load(lab)) == expected


def test_a_tensor_is_read_once(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.write(SHARDS)
    lab.attest()
    lab.sign_files()
    read: list[tuple[int, int]] = []
    preadv = os.preadv

    def counted(descriptor: int, views: Any, position: int) -> int:
        count = preadv(descriptor, views, position)
        read.append((position, count))
        return count

    monkeypatch.setattr(os, "preadv", counted)
    load(lab)
    assert sum(count for _, count in read) == sum(len(content) for _, _, content in MANY.values())


def test_without_numpy_it_says_what_to_install(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "numpy", None)
    assert "pip install" in refused("extra-missing", load, lab).hint


def test_an_array_that_cannot_be_made_is_an_error(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.write({"model.safetensors": TINY})
    lab.attest()

    def none_left(*_: Any, **__: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(np, "empty", none_left)
    refused("weights-unsupported", load, lab)
