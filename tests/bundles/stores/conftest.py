"""Stores of every kind: folder, SQLite through SQLAlchemy, and a real PostgreSQL where there is one."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from provenance.bundles.stores import BundleStore, open_store
from tests.bundles.stores.postgres import Postgres

Open = Callable[[], BundleStore]


def bundle(*subjects: str, kind: str = "https://example.org/x/v1", note: str = "") -> bytes:
    """What looks like a bundle about these subjects (`algorithm:hex`); nobody signed it."""
    named = [{"name": subject, "digest": dict([subject.split(":", 1)])} for subject in subjects]
    statement = {"_type": "https://in-toto.io/Statement/v1", "subject": named, "predicateType": kind,
                 "predicate": {"note": note}}
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    return json.dumps({"dsseEnvelope": {"payload": payload, "payloadType": "application/vnd.in-toto+json"}}).encode()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL of its own, started for these tests."""
    if not (shutil.which("initdb") and shutil.which("pg_ctl")):
        pytest.skip("PostgreSQL's initdb and pg_ctl are not here")
    pytest.importorskip("psycopg")
    server = Postgres.start(tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()


@pytest.fixture(params=["folder", "sqlite", pytest.param("postgres", marks=pytest.mark.parts)])
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """A function that opens one and the same store; every one that was opened is closed at the end."""
    opened: list[BundleStore] = []
    if request.param == "folder":
        (tmp_path / "store").mkdir()
        place = str(tmp_path / "store")
    else:
        pytest.importorskip("sqlalchemy")
        place = f"sqlite:///{tmp_path}/store.db" if request.param == "sqlite" else (
            request.getfixturevalue("postgres").new_database())

    def make() -> BundleStore:
        opened.append(open_store(place))
        return opened[-1]

    make.place = place  # type: ignore[attr-defined]
    yield make
    for store in opened:
        store.close()


def python(script: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Another process that runs a script with this copy of the package."""
    import sys

    environment: dict[str, Any] = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    return subprocess.Popen([sys.executable, "-c", script, *arguments], env=environment, stdout=subprocess.PIPE)
