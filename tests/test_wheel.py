"""The wheel is whole: installed alone in a clean environment, it imports and finds its own data files.

Needs the package index, as `pip install` itself does; everything else in the suite runs offline.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from provenance import __version__, resources

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow

IMPORT_EVERYTHING = """
import importlib, pkgutil, provenance
print(provenance.__file__)
for module in pkgutil.walk_packages(provenance.__path__, "provenance."):
    if module.name != "provenance.__main__":
        importlib.import_module(module.name)
        print(module.name)
"""

READ_EVERYTHING = """
import hashlib, json
from provenance import resources
print(json.dumps({kind: {name: hashlib.sha256(resources.read_bytes(kind, name)).hexdigest()
                         for name in resources.names(kind)} for kind in resources.KINDS}))
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command away from the checkout and give back what it printed."""
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith(("PYTHON", "COVERAGE", "COV_", "VIRTUAL_ENV"))}
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
        "--wheel-dir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a clean virtual environment with the wheel and what it declares, nothing else."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder / "venv", with_pip=True)
    interpreter = folder / "venv" / "bin" / "python"
    run(interpreter, "-m", "pip", "install", "--quiet", wheel, cwd=folder)
    return interpreter


def checkout_modules() -> set[str]:
    """The dotted names of all modules of the checkout."""
    paths = [path.relative_to(ROOT).with_suffix("") for path in (ROOT / "provenance").rglob("*.py")]
    names = {".".join(path.parts).removesuffix(".__init__") for path in paths}
    return names - {"provenance", "provenance.__main__"}


def test_the_wheel_holds_the_package_its_data_and_its_licence_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    info = f"open_provenance-{__version__}.dist-info/"
    assert [name for name in names if not name.startswith(("provenance/", info))] == []
    assert {f"{info}licenses/LICENSE", f"{info}entry_points.txt", "provenance/py.typed"} <= set(names)
    assert [name for name in names if name.endswith(".pyc")] == []


def test_every_module_imports_with_what_the_wheel_declares(python: Path, tmp_path: Path) -> None:
    package, *modules = run(python, "-c", IMPORT_EVERYTHING, cwd=tmp_path).splitlines()
    assert ROOT not in Path(package).parents
    assert set(modules) == checkout_modules()


def test_the_wheel_carries_every_data_file_byte_for_byte(python: Path, tmp_path: Path) -> None:
    installed = json.loads(run(python, "-c", READ_EVERYTHING, cwd=tmp_path))
    here = {kind: {name: hashlib.sha256(resources.read_bytes(kind, name)).hexdigest()
                   for name in resources.names(kind)} for kind in resources.KINDS}
    assert installed == here
    assert "verdict.schema.json" in installed["schemas"]
    assert "osaid-1.0.yaml" in installed["policies"]
    assert any(name.startswith("vectors/") for name in installed["attestations"])
    assert "kjv-model/train.py" in installed["examples"]


def test_the_command_runs_from_the_wheel(python: Path, tmp_path: Path) -> None:
    assert __version__ in run(python.parent / "provenance", "--version", cwd=tmp_path)
    assert __version__ in run(python, "-m", "provenance", "--version", cwd=tmp_path)
    assert "osaid-1.0" in run(python.parent / "provenance", "policy", "list", cwd=tmp_path)
