"""The two ways to load, all at once and tensor by tensor, so that a test can ask both the same question."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from provenance.errors import ProvenanceError
from provenance.integrations.lazy import VerifiedWeights
from provenance.integrations.safetensors import load_verified, open_verified
from tests.integrations.conftest import MANY, NOW, TINY, Lab, Tensors

SHARDS: dict[str, Tensors] = {
    "model-1.safetensors": {"large": MANY["large"], "odd": MANY["odd"]}, "sub/model-2.safetensors": TINY,
}


def load(lab: Lab, path: Path | None = None, bundle: Path | None = None, **options: Any) -> dict[str, Any]:
    return load_verified(path or lab.model, bundle or lab.evidence, lab.trust, as_of=NOW, **options)


def load_each(lab: Lab, path: Path | None = None, bundle: Path | None = None, **options: Any) -> dict[str, Any]:
    with opened(lab, path, bundle, **options) as weights:
        return {name: weights.get(name) for name in weights.keys()}  # noqa: SIM118  the method is what is tested


def opened(lab: Lab, path: Path | None = None, bundle: Path | None = None, **options: Any) -> VerifiedWeights[Any]:
    return open_verified(path or lab.model, bundle or lab.evidence, lab.trust, as_of=NOW, **options)


BOTH = pytest.mark.parametrize("loading", [load, load_each])


def refused(code: str, loading: Any, *arguments: Any, **options: Any) -> ProvenanceError:
    with pytest.raises(ProvenanceError) as caught:
        loading(*arguments, **options)
    assert caught.value.code == code, (caught.value.code, caught.value.message)
    assert caught.value.hint
    return caught.value


def contents(arrays: dict[str, Any]) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in arrays.items()}


def flip_in_place(path: Path, place: int = -1) -> None:
    with path.open("r+b") as file:
        file.seek(place, os.SEEK_END if place < 0 else os.SEEK_SET)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def write_in_place(path: Path, data: bytes) -> None:
    with path.open("r+b") as file:
        file.write(data)
