"""What every test shares: no network, steady property tests, and the programs of `make test-parts`."""

from __future__ import annotations

import os
import shutil
import socket
from typing import Any

import pytest
from hypothesis import settings

# A deadline per example fails on a busy machine and finds nothing; Hypothesis' own profile for CI has none.
settings.register_profile("steady", deadline=None)
if "CI" not in os.environ:
    settings.load_profile("steady")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that leaves the machine fails: everything that guards trust runs offline."""
    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            pytest.fail(f"a test reached for the network: {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_here)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; skips where there is none. Its tests are marked `parts`."""
    return _program("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def bubblewrap() -> str:
    """The path of bubblewrap; skips where there is none. Its tests are marked `parts`."""
    return _program("bwrap")


def _program(*names: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"needs {names[0]}")
    return found
