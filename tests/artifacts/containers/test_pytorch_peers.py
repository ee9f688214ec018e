"""PyTorch itself: what it saves is read, and where it loads a file it loads what the plan says. Skipped without it."""

from __future__ import annotations

import io
import random
import warnings
from pathlib import Path
from typing import Any

import pytest

from provenance.artifacts.containers.pickle_walk import OPCODES
from provenance.errors import ArtifactError

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.parts, pytest.mark.peers]

NAMES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32",
    "int16": "I16", "int8": "I8", "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64", "bool": "BOOL",
    "complex64": "C64", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0",
    "float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e5m2fnuz": "F8_E5M2FNUZ",
}


def saved(state: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    torch.save(state, file, **options)
    return file.getvalue()


def rows(state: dict[str, Any]) -> dict[str, Any]:
    """The tensors as safetensors would hold them."""
    return {name: (NAMES[str(tensor.dtype).removeprefix("torch.")], tuple(tensor.shape),
                   bytes(tensor.detach().contiguous().reshape(-1).view(torch.uint8).tolist()))
            for name, tensor in state.items()}


def varied() -> dict[str, Any]:
    grid = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    return {
        "plain": grid, "turned": grid.permute(2, 0, 1), "part": grid[1:, :, 1:3], "tied": grid,
        "expanded": grid[0, 0].expand(5, 4), "parameter": torch.nn.Parameter(grid[0]), "scalar": torch.tensor(7),
        "empty": torch.zeros(0, 3), "stepped": torch.arange(10)[::3],
        **{name: torch.tensor([0, 1, 2]).to(getattr(torch, name)) for name in NAMES},
    }


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_saved_state_has_the_root_of_the_same_safetensors(bench: Any, protocol: int) -> None:
    state = varied()
    data = saved(state, pickle_protocol=protocol)
    assert bench.read("pytorch", data).findings == ()
    assert bench.root("pytorch", data) == bench.root("safetensors", bench.safetensors(rows(state)))


def test_a_module_is_read_by_its_state_dict(bench: Any) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    data = saved(module.state_dict())
    assert bench.root("pytorch", data) == bench.root("safetensors", bench.safetensors(rows(module.state_dict())))


def test_a_training_checkpoint_is_read_with_the_state_of_its_optimizer(bench: Any) -> None:
    module = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(module.parameters())
    module(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    data = saved({"model": module.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "lr": 1e-4})
    names = {info.name for info in bench.read("pytorch", data).infos}
    assert {"model.weight", "model.bias", "optimizer.state.0.exp_avg", "optimizer.state.1.step"} <= names


def test_a_whole_module_and_the_old_layout_are_refused(bench: Any) -> None:
    assert bench.refusal("pytorch", saved(torch.nn.Linear(1, 1))).code == "pickle-unsafe"
    old = saved({"w": torch.ones(1)}, _use_new_zipfile_serialization=False)
    assert bench.refusal("pytorch", old).code == "pickle-unsafe"


def test_quantised_sparse_and_conjugated_tensors_are_refused(bench: Any) -> None:
    conjugated = saved({"w": torch.ones(2, dtype=torch.complex64).conj()})
    assert bench.refusal("pytorch", conjugated).code == "weights-unsupported"
    assert bench.refusal("pytorch", saved({"w": torch.eye(2).to_sparse()})).code == "pickle-unsafe"


def test_a_program_is_refused(bench: Any) -> None:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), file)
    assert bench.refusal("pytorch", file.getvalue()).code == "pickle-unsafe"


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """The tensors of a loaded checkpoint, by the paths of their keys."""
    if isinstance(value, torch.Tensor):
        return {path: value}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    return {name: tensor for key, inner in items
            for name, tensor in flat(inner, f"{path}.{key}" if path else str(key)).items()}


def loaded(data: bytes) -> dict[str, Any] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return flat(torch.load(io.BytesIO(data), weights_only=True, map_location="cpu"))
    except Exception:  # noqa: BLE001 - PyTorch may refuse what it likes, and does so in many ways
        return None


@pytest.mark.slow
def test_where_pytorch_loads_a_changed_checkpoint_it_loads_what_the_plan_says(bench: Any) -> None:
    """Both readers are given the same damaged pickles: whatever passes here is not another model there."""
    chance = random.Random(3)
    grid = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    data = saved({"a": grid, "b": {"t": grid.t(), "u": torch.tensor([1, 2], dtype=torch.uint16)},
                  "c": torch.arange(3), "d": [torch.tensor(1.0), 2, "x"]})
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in files if name.endswith("/data.pkl"))
    whole, compared = files[name], 0
    codes = [ord(code) for code in OPCODES]
    for _ in range(1500):
        changed = bytearray(whole)
        for _ in range(chance.randint(1, 2)):
            at = chance.randrange(len(changed))
            changed[at : at + 1] = chance.choice([
                bytes([chance.randrange(8)]), bytes([chance.choice(codes)]), b"", bytes([changed[at] ^ 1]),
                bytes(whole[chance.randrange(len(whole)) :][:2])])
        files[name] = bytes(changed)
        file = bench.archive(files.items())
        try:
            root = bench.root("pytorch", file)
        except ArtifactError:
            continue
        tensors = loaded(file)
        if tensors is not None:
            assert root == bench.root("safetensors", bench.safetensors(rows(tensors)))
            compared += 1
    assert compared > 20


def test_a_checkpoint_that_pytorch_would_run_is_not_run(bench: Any, tmp_path: Path) -> None:
    canary = tmp_path / "canary"

    class Payload:
        def __reduce__(self) -> Any:
            return canary.touch, ()

    assert bench.refusal("pytorch", saved({"w": torch.ones(1), "x": Payload()})).code == "pickle-unsafe"
    assert not canary.exists()
