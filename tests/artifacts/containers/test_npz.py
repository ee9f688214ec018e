"""NumPy files: arrays are found where NumPy finds them; objects are never read."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.errors import ArtifactError

HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"
NAMES = {
    "bool": "BOOL", "complex64": "C64", **{f"float{bits}": f"F{bits}" for bits in (16, 32, 64)},
    **{f"{sign}int{bits}": f"{sign.upper() or 'I'}{bits}" for bits in (8, 16, 32, 64) for sign in ("", "u")},
}
STEADY = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def made(header: str, data: bytes = bytes(8), *, version: bytes = b"\1\0", claim: int | None = None) -> bytes:
    text = header.encode("latin-1")
    length = len(text) if claim is None else claim
    return b"\x93NUMPY" + version + struct.pack("<H" if version == b"\1\0" else "<I", length) + text + data


def rows(**arrays: Any) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """The arrays as safetensors would hold them."""
    return {name: (NAMES[array.dtype.name], array.shape, array.astype(array.dtype.newbyteorder("<")).tobytes("C"))
            for name, array in arrays.items()}


def test_arrays_in_every_order_have_the_root_of_the_same_safetensors(bench: Any) -> None:
    grid = np.arange(24, dtype="f4").reshape(2, 3, 4)
    arrays = {
        "plain": grid, "fortran": np.asfortranarray(grid), "turned": grid.T, "big": grid.astype(">f4"),
        "big fortran": np.asfortranarray(grid.astype(">f4")), "scalar": np.array(3, "i8"),
        "empty": np.zeros((0, 3), "f4"), "truth": np.array([True, False]), "half": np.arange(3, dtype=">f2"),
        "a/b.c": np.arange(3, dtype="u1"), "complex": np.array([1 + 2j, 3 - 4j], ">c8"),
        "flat fortran": np.asfortranarray(np.ones((1, 5), "f4")),
    }
    plan = bench.read("npz", npz(**arrays))
    assert {view.name for view in plan.gathered} == {"fortran", "turned", "big", "big fortran", "half", "complex"}
    assert bench.root("npz", npz(**arrays)) == bench.root("safetensors", bench.safetensors(rows(**arrays)))


@pytest.mark.parametrize("dtype", ["b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8"])
def test_every_dtype_lies_where_numpy_says(bench: Any, dtype: str) -> None:
    array = np.array([0, 1, 1, 0], dtype)
    for file in (npy(array), npz(x=array)):
        (info,) = bench.read("npz", file).infos
        assert np.array_equal(np.frombuffer(file[info.start : info.end], dtype), array)


def test_the_only_array_of_a_file_has_the_name_that_savez_gives_it(bench: Any) -> None:
    array, file = np.arange(3.0), io.BytesIO()
    np.savez(file, array)
    assert bench.root("npz", npy(array)) == bench.root("npz", file.getvalue())


def test_the_order_of_the_keys_and_the_quotes_do_not_matter(bench: Any) -> None:
    header = '{ "shape":(2,) ,"fortran_order" : False, "descr":"<f4"}\n'
    for version in (b"\1\0", b"\2\0", b"\3\0"):
        assert bench.read("npz", made(header, version=version)).infos[0].shape == (2,)


HEADERS = {
    "nothing": "",
    "a list": "[1]",
    "a missing key": "{'descr': '<f4', 'shape': (2,)}",
    "a key too many": "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': (1,)}",
    "a key twice": "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'shape': (2,)}",
    "a value of another type": "{'descr': '<f4', 'fortran_order': (1,), 'shape': (2,)}",
    "a call": "{'descr': '<f4', 'fortran_order': False, 'shape': (len('ab'),)}",
    "a number for a tuple": "{'descr': '<f4', 'fortran_order': False, 'shape': (2)}",
    "a lone comma": "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}",
    "a negative size": "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}",
    "an octal size": "{'descr': '<f4', 'fortran_order': False, 'shape': (02,)}",
    "a size of 2^63": "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}",
    "a size of a thousand digits": f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({'9' * 1000},)}}",
    "a product of 2^64": "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
    "a product that is zero at last": "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 0)}",
    "a hundred dimensions": f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({'1, ' * 100})}}",
    "another length": "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}",
    "no byte order": "{'descr': '|f4', 'fortran_order': False, 'shape': (2,)}",
    "something behind the end": HEADER + "x",
    "a second dict": HEADER + HEADER,
    "a letter that is no ASCII": HEADER + "ü",
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_flaw_of_the_header_is_refused(bench: Any, header: str) -> None:
    assert bench.refusal("npz", made(header)).code == "npz-invalid"


FILES = {
    "nothing": b"", "another file": b"7z\xbc\xaf\x27\x1c", "a mark alone": b"\x93NUMPY",
    "an unknown version": made(HEADER, version=b"\4\0"), "bytes behind the data": made(HEADER, bytes(9)),
    "data that are cut": made(HEADER, bytes(7)), "a header behind the end": made(HEADER, claim=0xFFFF),
    "a header of 4 GiB": made(HEADER, version=b"\2\0", claim=0xFFFFFFFF),
}


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_a_flaw_of_the_file_is_refused(bench: Any, data: bytes) -> None:
    assert bench.refusal("npz", data).code == "npz-invalid"


@pytest.mark.parametrize("descr", ["'<c16'", "'<U3'", "'<M8[ns]'", "'|V2'", "'=f4'", "'<f16'", "[('a', '<f4')]", "''"])
def test_an_array_without_a_name_for_its_dtype_is_unsupported(bench: Any, descr: str) -> None:
    """`|V2` is how bfloat16 arrives in NumPy: bytes that could be anything of two bytes."""
    header = HEADER.replace("'<f4'", descr)
    assert bench.refusal("npz", made(header)).code == "weights-unsupported"


def test_an_array_of_objects_is_a_pickle_and_is_not_read(bench: Any, tmp_path: Path) -> None:
    canary = tmp_path / "canary"

    class Payload:
        def __reduce__(self) -> Any:
            return canary.touch, ()

    file = io.BytesIO()
    np.savez(file, x=np.array([Payload()], object))
    assert bench.refusal("npz", file.getvalue()).code == "pickle-unsafe"
    assert not canary.exists()


def test_an_entry_that_is_no_array_is_a_finding(bench: Any) -> None:
    plan = bench.read("npz", bench.archive([("w.npy", npy(np.ones(2))), ("payload.py", b"print()")]))
    assert [finding.code for finding in plan.findings] == ["weights-hidden-bytes"]
    assert bench.read("npz", bench.archive([])).infos == ()


def test_what_numpy_reads_is_what_the_plan_says(bench: Any) -> None:
    """Any change of a byte is refused, or changes what NumPy reads in the same way, or NumPy refuses it."""
    seed = npz(a=np.arange(6, dtype="i4").reshape(2, 3), b=np.asfortranarray(np.ones((2, 2), "f4")))

    @STEADY
    @given(st.data())
    def holds(draw: st.DataObject) -> None:
        data = bytearray(seed)
        for _ in range(draw.draw(st.integers(1, 3))):
            data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
        file = bytes(data[: draw.draw(st.one_of(st.none(), st.integers(0, len(data))))])
        try:
            weights = bench.weights("npz", file)
        except ArtifactError:
            return
        try:
            with np.load(io.BytesIO(file), allow_pickle=False) as loaded:
                arrays = {name: loaded[name] for name in loaded.files}
        except Exception:  # noqa: BLE001 - NumPy may refuse what it likes, and does so in many ways
            return
        known = {name: array for name, array in arrays.items() if isinstance(array, np.ndarray)}
        assert weights.root == bench.root("safetensors", bench.safetensors(rows(**known)))

    holds()
