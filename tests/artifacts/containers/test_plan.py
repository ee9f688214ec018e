"""What every plan promises, whatever the container."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from provenance.artifacts.containers import plan
from provenance.artifacts.containers.plan import (
    Strided,
    WeightFile,
    are_sizes,
    byte_length,
    c_strides,
    make_plan,
    swap_width,
)
from provenance.artifacts.tensors import TensorInfo
from provenance.errors import ArtifactError

FILE = WeightFile(-1, 1000, "file")


def info(name: str, start: int = 0, end: int = 4) -> TensorInfo:
    return TensorInfo(name, "U8", (end - start,), start, end)


def test_a_view_in_c_order_is_a_range_and_any_other_is_gathered() -> None:
    inside = Strided("a", "F32", (2, 3), 100, 200, 5, (3, 1), 4)
    turned = Strided("b", "F32", (2, 3), 100, 200, 5, (1, 2), 4)
    swapped = Strided("c", "F32", (2, 3), 100, 200, 0, (3, 1), 4, swap=4)
    plan = make_plan(FILE, [inside, turned, swapped], {}, [])
    assert plan.infos == (TensorInfo("a", "F32", (2, 3), 120, 144),)
    assert plan.gathered == (turned, swapped)


def test_the_stride_of_a_single_row_does_not_matter_nor_any_stride_of_nothing() -> None:
    single = Strided("a", "F32", (1, 3), 0, 12, 0, (77, 1), 4)
    empty = Strided("b", "F32", (0, 3), 50, 50, 9, (5, 5), 4)
    assert make_plan(FILE, [single, empty], {}, []).infos == (
        TensorInfo("a", "F32", (1, 3), 0, 12), TensorInfo("b", "F32", (0, 3), 50, 50))


@pytest.mark.parametrize(("names", "code"), [(("a", "a"), "tensor-duplicate"), (("\ud800",), "tensor-name-odd")])
def test_names_are_unique_and_text(names: tuple[str, ...], code: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        make_plan(FILE, map(info, names), {}, [])
    assert caught.value.code == code


def test_tied_tensors_are_free_and_endless_views_are_refused() -> None:
    small = WeightFile(-1, 1, "file")
    large = 64 << 20
    assert len(make_plan(small, [info(str(i), 0, large) for i in range(1000)], {}, []).infos) == 1000
    with pytest.raises(ArtifactError, match="16 times") as caught:
        make_plan(small, [info("a", 0, large), info("b", 1, large)], {}, [])
    assert caught.value.code == "weights-amplified"
    with pytest.raises(ArtifactError, match="16 times"):
        make_plan(small, [Strided("a", "U8", (1 << 40,), 0, 1, 0, (0,), 1)], {}, [])


def test_sizes_strides_and_lengths() -> None:
    assert c_strides((2, 3, 4)) == (12, 4, 1)
    assert c_strides(()) == ()
    assert byte_length((2, 3), 4) == 24
    assert byte_length((1 << 40, 0), 4) == 0
    assert byte_length((1 << 61, 0, 1 << 61), 1) is None
    assert are_sizes((0, 1))
    assert not any(map(are_sizes, [(True,), (-1,), (1.0,), [1], (1 << 62,), (1,) * 65]))
    assert [swap_width(dtype, big_endian=True) for dtype in ("U8", "F16", "F64", "C64")] == [1, 2, 8, 4]


def test_reading_keeps_the_position_also_where_there_is_no_pread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    for _ in range(2):
        with path.open("rb", buffering=0) as file:
            file.seek(2)
            assert WeightFile(file.fileno(), 10, "file").read(4, 3) == b"456"
            assert file.tell() == 2
        monkeypatch.delattr(os, "pread", raising=False)


def test_a_file_that_becomes_shorter_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123")
    with path.open("rb", buffering=0) as file, pytest.raises(ArtifactError) as caught:
        WeightFile(file.fileno(), 10, "file").read(2, 4)
    assert caught.value.code == "file-changed-while-read"


def test_more_tensors_or_dimensions_than_there_is_memory_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [info(str(number), 0, 0) for number in range(4)]
    deep = TensorInfo("x", "U8", (1,) * 9, 0, 1)
    monkeypatch.setattr(plan, "MAX_TENSORS", 3)
    monkeypatch.setattr(plan, "MAX_SIZES", 9)
    assert len(make_plan(FILE, names[:3], {}, []).infos) == 3
    assert make_plan(FILE, [deep], {}, []).infos == (deep,)
    for tensors in (names, [deep, names[0]]):
        with pytest.raises(ArtifactError) as caught:
            make_plan(FILE, tensors, {}, [])
        assert caught.value.code == "weights-too-many"
