"""What tests of policies share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A model that passes the highest rung, with all of its evidence."""
    return World.new(tmp_path)
