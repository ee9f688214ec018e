"""Which container a file's name promises, and the reader that plans where its tensors lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from provenance.artifacts.containers.plan import Plan

Container = Literal["safetensors", "pytorch", "numpy", "gguf"]
CONTAINERS: tuple[Container, ...] = ("safetensors", "pytorch", "numpy", "gguf")  # the first is taken for the model
_ENDINGS: dict[str, Container] = {
    "safetensors": "safetensors",
    "bin": "pytorch", "pt": "pytorch", "pth": "pytorch", "ckpt": "pytorch",
    "npz": "numpy", "npy": "numpy",
    "gguf": "gguf",
}


def container_of(path: str) -> Container | None:
    """The kind of container that a file's name says; None where it is not one whose tensors are read."""
    stem, _, ending = path.rpartition(".")
    return None if stem == "" or stem.endswith("/") else _ENDINGS.get(ending.lower())


def planner(container: Container) -> Callable[[int, int, str], Plan]:
    """The reader of a container; imported when it is needed, because a verdict over safetensors needs no other."""
    from provenance.artifacts.containers import safetensors

    if container == "safetensors":
        return safetensors.plan
    from provenance.artifacts.containers import gguf, npz, pytorch

    return {"pytorch": pytorch.plan, "numpy": npz.plan, "gguf": gguf.plan}[container]
