"""Bytes for the tests of floor 1: the reference implementation of `tests/vectors`, and folders to read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "vectors"))

Write = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Write:
    """Write a folder `model` of the given files, `{"a/b": b"..."}`, and give its path."""

    def write(files: dict[str, bytes], name: str = "model") -> Path:
        place = tmp_path / name
        place.mkdir(exist_ok=True)
        for path, data in files.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_bytes(data)
        return place

    return write
