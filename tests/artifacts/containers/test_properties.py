"""What holds of every reader: files of the real libraries have the root of the definition, and damage changes nothing.

A damaged file is refused with a code, or read as the library of its format reads it. Where that library refuses, it
loads no other model, and nothing is compared.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from provenance.artifacts.containers.plan import FREE_BYTES, MAX_AMPLIFICATION
from provenance.artifacts.manifest import scan
from provenance.errors import CODES, ArtifactError
from tests.vectors.reference import Tensor, root

Arrays = Mapping[str, "np.ndarray[Any, Any]"]
Rows = dict[str, tuple[tuple[int, ...], bytes]]
CALM = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
NAMES = {
    "bool": "BOOL", "complex64": "C64", **{f"float{bits}": f"F{bits}" for bits in (16, 32, 64)},
    **{f"{sign}int{bits}": f"{sign.upper() or 'I'}{bits}" for bits in (8, 16, 32, 64) for sign in ("", "u")},
}
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=8)
SHAPES = arrays_of.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


def any_arrays(kinds: str, names: st.SearchStrategy[str] = TEXT, orders: str = "CF") -> st.SearchStrategy[Arrays]:
    """Arrays of these dtypes, in C and in Fortran order."""
    dtype = st.sampled_from(kinds.split()).map(np.dtype)
    one = st.builds(lambda array, order: np.array(array, order=order),
                    dtype.flatmap(lambda kind: arrays_of.arrays(kind, SHAPES)), st.sampled_from(orders))
    return st.dictionaries(names, one, min_size=1, max_size=4)


def defined(arrays: Arrays) -> str:
    """The root of these arrays by the definition."""
    return root([Tensor(name, NAMES[array.dtype.name], array.shape,
                        array.astype(array.dtype.newbyteorder("<")).tobytes("C"))
                 for name, array in arrays.items()]).hex()


def found(folder: Path, name: str, data: bytes) -> str:
    """The root that a pass over the file gives."""
    (folder / name).write_bytes(data)
    weights = scan(folder / name).require_sound().weights
    assert weights is not None
    return weights.root


def npz(arrays: Arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def gguf_file(folder: Path, arrays: Arrays) -> bytes:
    gguf = pytest.importorskip("gguf")
    writer = gguf.GGUFWriter(folder / "theirs.gguf", "llama")
    writer.add_license("mit")
    for name, array in arrays.items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return (folder / "theirs.gguf").read_bytes()


def checkpoint(arrays: Arrays) -> bytes:
    torch = pytest.importorskip("torch")
    file = io.BytesIO()
    torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, file)
    return file.getvalue()


# Whatever the real libraries write.


@CALM
@given(any_arrays("? <i1 <u1 <i2 >i2 <u4 <i8 >f2 <f4 >f4 <f8 >c8"))
def test_what_numpy_saves_has_the_root_of_the_definition(tmp_path: Path, arrays: Arrays) -> None:
    named = {name: array for name, array in arrays.items() if name != "file" and not name.endswith(".npy")}
    if named:
        assert found(tmp_path, "model.npz", npz(named)) == defined(named)


@CALM
@given(any_arrays("? <i1 <u2 <i4 <i8 <f2 <f4 <f8", orders="C"))
def test_what_safetensors_saves_has_the_root_of_the_definition(tmp_path: Path, arrays: Arrays) -> None:
    named = {name: array for name, array in arrays.items() if name != "__metadata__"}
    if named:
        assert found(tmp_path, "model.safetensors", save(dict(named))) == defined(named)


@pytest.mark.peers
@CALM
@given(any_arrays("<i1 <i2 <i4 <i8 <f2 <f4 <f8", TEXT.filter(bool), orders="C"))
def test_what_the_gguf_package_saves_has_the_root_of_the_definition(tmp_path: Path, arrays: Arrays) -> None:
    pytest.importorskip("gguf")
    ranked = {name: array for name, array in arrays.items() if array.ndim}
    if ranked:
        assert found(tmp_path, "model.gguf", gguf_file(tmp_path, ranked)) == defined(ranked)


@pytest.mark.parts
@pytest.mark.peers
@CALM
@given(any_arrays("? <i1 <u1 <i2 <i4 <i8 <f2 <f4 <f8 <c8"))
def test_what_pytorch_saves_has_the_root_of_the_definition(tmp_path: Path, arrays: Arrays) -> None:
    pytest.importorskip("torch")
    assert found(tmp_path, "model.pt", checkpoint(arrays)) == defined(arrays)


# Damage.

PLACE = st.integers(0, 1 << 20)
CHANGES = st.lists(st.tuples(st.sampled_from(["flip", "cut", "splice", "double", "zero"]), PLACE, PLACE, PLACE),
                   min_size=1, max_size=2)
Change = tuple[str, int, int, int]


def damaged(data: bytes, changes: list[Change]) -> bytes:
    """The file with bits flipped, its end cut off, one part put in place of another, or a part written twice."""
    whole = bytearray(data)
    for kind, first, second, third in changes:
        start, length = first % max(len(whole), 1), 1 + second % 64
        if kind == "flip" and whole:
            whole[start] ^= 1 << third % 8
        elif kind == "cut":
            del whole[start:]
        elif kind == "splice":
            source = third % max(len(whole), 1)
            whole[start : start + length] = whole[source : source + length]
        elif kind == "double":
            whole[start:start] = whole[start : start + length]
        else:
            whole[start : start + length] = bytes(len(whole[start : start + length]))
    return bytes(whole)


Load = Callable[[bytes], Rows]
GRID = np.arange(6, dtype="<f4").reshape(2, 3)
SEED: Arrays = {"grid": GRID, "turned": GRID.T, "one": np.array([7], "<i8"), "none": np.zeros((0, 3), "<f4")}
PLAIN: Arrays = {name: np.ascontiguousarray(array) for name, array in SEED.items()}


def agrees(bench: Any, kind: str, data: bytes, load: Load) -> bool:
    """Whether both read it; then they read the same. AssertionError for anything but a plan in the file or a code."""
    try:
        tensors = bench.weights(kind, data).tensors
    except ArtifactError as err:
        assert err.code in CODES  # noqa: PT017 - a refusal may be, and has a code
        return False
    if kind != "safetensors":  # whose tensors never overlap
        plan = bench.read(kind, data)
        places = {(info.start, info.end) for info in plan.infos}
        work = sum(end - start for start, end in places) + sum(view.size for view in plan.gathered)
        assert work <= FREE_BYTES + MAX_AMPLIFICATION * len(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = load(data)
    except Exception:  # noqa: BLE001 - the libraries refuse in many ways
        return False
    assert {tensor.name: (tensor.shape, tensor.head) for tensor in tensors} == {
        name: (shape, Tensor(name, "", shape, content).data_head().hex()) for name, (shape, content) in theirs.items()}
    return True


def numpy_rows(data: bytes) -> Rows:
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return {name: (array.shape, array.astype(array.dtype.newbyteorder("<")).tobytes("C"))
                for name, array in arrays.items()}


def safetensors_rows(data: bytes) -> Rows:
    try:
        return {name: (tuple(told["shape"]), bytes(told["data"])) for name, told in deserialize(data)}
    except SafetensorError as err:
        raise ValueError from err


def test_a_damaged_archive_of_arrays_is_refused_or_read_as_numpy_reads_it(bench: Any) -> None:
    whole, both = npz(SEED), 0

    @settings(CALM, max_examples=600)
    @given(CHANGES)
    def holds(changes: list[Change]) -> None:
        nonlocal both
        both += agrees(bench, "npz", damaged(whole, changes), numpy_rows)

    holds()
    assert agrees(bench, "npz", whole, numpy_rows)
    assert both


def test_a_damaged_array_is_refused_or_read_as_numpy_reads_it(bench: Any) -> None:
    file = io.BytesIO()
    np.save(file, np.asfortranarray(GRID))
    whole, both = file.getvalue(), 0

    def load(data: bytes) -> Rows:
        array = np.load(io.BytesIO(data), allow_pickle=False)
        return {"arr_0": (array.shape, array.astype(array.dtype.newbyteorder("<")).tobytes("C"))}

    @settings(CALM, max_examples=600)
    @given(CHANGES)
    def holds(changes: list[Change]) -> None:
        nonlocal both
        both += agrees(bench, "npz", damaged(whole, changes), load)

    holds()
    assert agrees(bench, "npz", whole, load)
    assert both


def test_a_damaged_safetensors_file_is_refused_or_read_as_safetensors_reads_it(bench: Any) -> None:
    whole, both = save(dict(PLAIN), {"format": "np"}), 0

    @settings(CALM, max_examples=600)
    @given(CHANGES)
    def holds(changes: list[Change]) -> None:
        nonlocal both
        both += agrees(bench, "safetensors", damaged(whole, changes), safetensors_rows)

    holds()
    assert agrees(bench, "safetensors", whole, safetensors_rows)
    assert both


@pytest.mark.peers
def test_a_damaged_gguf_file_is_refused_or_read_as_the_gguf_package_reads_it(bench: Any, tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    whole, both = gguf_file(tmp_path, {name: array for name, array in PLAIN.items() if array.size}), 0

    def load(data: bytes) -> Rows:
        path = tmp_path / "damaged.gguf"
        path.write_bytes(data)
        return {tensor.name: (tuple(int(size) for size in reversed(tensor.shape)), tensor.data.tobytes())
                for tensor in gguf.GGUFReader(path).tensors}

    @settings(CALM, max_examples=600)
    @given(CHANGES)
    def holds(changes: list[Change]) -> None:
        nonlocal both
        both += agrees(bench, "gguf", damaged(whole, changes), load)

    holds()
    assert agrees(bench, "gguf", whole, load)
    assert both


@pytest.mark.parts
@pytest.mark.peers
def test_a_damaged_checkpoint_is_refused_or_read_as_pytorch_reads_it(bench: Any) -> None:
    torch = pytest.importorskip("torch")
    file, both = io.BytesIO(), 0
    grid = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    torch.save({"grid": grid, "turned": grid.t(), "one": torch.tensor([7]), "none": torch.zeros(0, 3)}, file)
    whole = file.getvalue()

    def load(data: bytes) -> Rows:
        tensors = torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
        return {name: (tuple(tensor.shape), bytes(tensor.contiguous().reshape(-1).view(torch.uint8).tolist()))
                for name, tensor in tensors.items()}

    @settings(CALM, max_examples=600)
    @given(CHANGES)
    def holds(changes: list[Change]) -> None:
        nonlocal both
        both += agrees(bench, "pytorch", damaged(whole, changes), load)

    holds()
    assert agrees(bench, "pytorch", whole, load)
    assert both
