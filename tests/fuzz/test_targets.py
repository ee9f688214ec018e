"""The fuzz targets hold on their seeds and on random bytes, so that `make fuzz` starts from green."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

HERE = Path(__file__).resolve().parent
NAMES = sorted(path.stem for path in HERE.glob("fuzz_*.py"))


@pytest.fixture(params=NAMES)
def target(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """One target, imported as `make fuzz` does: from its own folder."""
    monkeypatch.syspath_prepend(HERE)
    return importlib.import_module(request.param)


def test_a_target_holds_on_its_seeds(target: ModuleType) -> None:
    for seed in target.SEEDS:
        target.one_input(seed)


def test_a_target_holds_on_seeds_cut_at_every_place(target: ModuleType) -> None:
    for seed in target.SEEDS:
        for end in range(min(len(seed), 400)):
            target.one_input(seed[:end])


def test_a_target_holds_on_any_bytes(target: ModuleType) -> None:
    @given(st.binary(max_size=200))
    def holds(data: bytes) -> None:
        target.one_input(data)

    holds()
