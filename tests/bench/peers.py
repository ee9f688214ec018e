"""How each peer is called, and what it needs around it. None of them leaves the machine or reads a user's settings."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from workloads import HERE, Place, run

HUB_MODELS = ("A", "D")
DVC_MODELS = ("A", "D")


def model_signing(place: Place, name: str) -> list[str]:
    """The verification of a signature over a model (sha256 of files), with its defaults."""
    return [place.program("model_signing"), "verify", "key", "--public_key", str(place.public_key),
            "--signature", str(place.signature(name)), str(place.model(name))]


def in_toto_run(place: Place, things: Iterable[Path]) -> list[str]:
    """A signed link that lists the sha256 of every file of these."""
    return [place.program("in-toto-run"), "--step-name", "bench", "--signing-key", str(place.private_key),
            "--materials", *map(str, things), "--metadata-directory", str(place.root), "--no-command"]


def hf_cache_verify(place: Place, name: str) -> list[str]:
    """Every file of a folder against what the Hub, here `hub.py`, says of it."""
    return [place.program("hf"), "cache", "verify", f"bench/{name}", "--local-dir", str(place.model(name))]


def dvc_add(place: Place, name: str) -> list[str]:
    """The md5 of every file, and the list of them; `--no-commit` leaves out the copy into its cache."""
    return [place.program("dvc"), "--cd", str(_dvc(place)), "add", "--quiet", "--no-commit", name]


def dvc_memory(place: Place, name: str) -> tuple[Path, ...]:
    """What it remembers of digests; without that it has to read the files."""
    return _dvc(place) / "state", _dvc(place) / ".dvc" / "tmp", _dvc(place) / f"{name}.dvc"


def in_sequence(*lines: Sequence[str]) -> list[str]:
    """One process that runs commands one after the other, and ends with the first that fails."""
    return ["sh", "-c", " && ".join(map(shlex.join, lines))]


def environment(place: Place, hub: str) -> dict[str, str]:
    """Where they keep their own things, which Hub they ask, and that they tell nobody."""
    return {
        "DVC_NO_ANALYTICS": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
        "HF_ENDPOINT": hub, "HF_HOME": str(place.root / "hf"), "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1", "NO_PROXY": "127.0.0.1",
    }


def make_dvc(place: Place, names: set[str]) -> None:
    """A scratch repository with the models in it, as links to the same bytes."""
    repository = _dvc(place)
    repository.mkdir()
    run(["git", "init", "--quiet", str(repository)])
    dvc = [place.program("dvc"), "--cd", str(repository)]
    run([*dvc, "init", "--quiet"])
    for option, value in {"core.analytics": "false", "core.check_update": "false",
                          "core.site_cache_dir": str(repository / "state")}.items():
        run([*dvc, "config", option, value])
    for name in names.intersection(DVC_MODELS):
        for file in map(Path, place.files(name)):
            target = repository / name / file.relative_to(place.model(name))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(file)


@contextmanager
def hub_beside(place: Place, names: set[str]) -> Iterator[str]:
    """The address of a Hub that knows these models; it ends with the block."""
    models = [str(place.model(name)) for name in sorted(names.intersection(HUB_MODELS))]
    process = subprocess.Popen([sys.executable, str(HERE / "hub.py"), *models], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def _dvc(place: Place) -> Path:
    return place.root / "dvc"
