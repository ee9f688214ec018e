"""Verified loading into PyTorch: the same bytes, PyTorch's own types."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from provenance.errors import ProvenanceError
from provenance.integrations.torch import load_verified, open_verified
from tests.integrations.conftest import MANY, NOW, TINY, Lab, flip

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parts


def load(lab: Lab) -> dict[str, Any]:
    return load_verified(lab.model, lab.evidence, lab.trust, as_of=NOW)


def load_each(lab: Lab) -> dict[str, Any]:
    with open_verified(lab.model, lab.evidence, lab.trust, as_of=NOW) as weights:
        return {name: weights.get(name) for name in weights}


BOTH = pytest.mark.parametrize("loading", [load, load_each])


def content(tensor: Any) -> bytes:
    return bytes(tensor.contiguous().view(-1).view(torch.uint8).tolist()) if tensor.numel() else b""


@BOTH
@pytest.mark.parametrize("signed", ["tensors", "files"])
def test_every_tensor_is_returned_with_the_bytes_that_were_signed(lab: Lab, loading: Any, signed: str) -> None:
    lab.write({"model.safetensors": MANY})
    lab.attest() if signed == "tensors" else lab.sign_files()
    tensors = loading(lab)
    shapes = {name: list(tensor.shape) for name, tensor in tensors.items()}
    assert shapes == {name: list(shape) for name, (_, shape, _) in MANY.items()}
    assert {name: content(tensor) for name, tensor in tensors.items()} == {name: row[2] for name, row in MANY.items()}


@pytest.mark.parametrize(("dtype", "size", "expected"), [
    ("BF16", 2, "bfloat16"), ("F8_E4M3", 1, "float8_e4m3fn"), ("F8_E5M2", 1, "float8_e5m2"), ("F16", 2, "float16"),
    ("F64", 8, "float64"), ("C64", 8, "complex64"), ("U8", 1, "uint8"), ("I64", 8, "int64"), ("F4", 0.5, "uint8"),
])
def test_types_are_those_of_torch(lab: Lab, dtype: str, size: float, expected: str) -> None:
    lab.write({"model.safetensors": {"x": (dtype, [2, 2], bytes(int(4 * size)))}})
    lab.attest()
    assert load(lab)["x"].dtype == getattr(torch, expected)


def test_what_the_safetensors_package_reads_is_what_is_loaded(lab: Lab) -> None:
    pytest.importorskip("safetensors")
    from safetensors.torch import save_file

    values = {"w": torch.arange(12.0).reshape(3, 4), "h": torch.randn(5, 3).to(torch.bfloat16), "s": torch.tensor(3)}
    lab.model.mkdir()
    save_file(values, lab.model / "model.safetensors")
    lab.attest()
    for name, tensor in load(lab).items():
        assert tensor.dtype == values[name].dtype
        assert torch.equal(tensor, values[name])


@BOTH
def test_a_changed_bit_is_refused_with_the_name_of_its_tensor(lab: Lab, loading: Any) -> None:
    lab.write({"model.safetensors": TINY})
    lab.attest()
    flip(lab.model / "model.safetensors")
    with pytest.raises(ProvenanceError, match="tensor scalar differs") as caught:
        loading(lab)
    assert caught.value.code == "tensor-mismatch"


def test_a_type_that_torch_lacks_is_an_error(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.write({"model.safetensors": TINY})
    lab.attest()
    monkeypatch.delattr(torch, "int64")
    with pytest.raises(ProvenanceError) as caught:
        load(lab)
    assert caught.value.code == "weights-unsupported"


def test_without_torch_it_says_what_to_install(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ProvenanceError) as caught:
        load(lab)
    assert caught.value.code == "extra-missing"


def test_on_a_big_endian_machine_it_refuses(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "byteorder", "big")
    with pytest.raises(ProvenanceError) as caught:
        load(lab)
    assert caught.value.code == "platform-unsupported"
