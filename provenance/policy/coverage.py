"""Coverage: which files a trusted statement binds, and which lie there unbound, ranked by what they could do.

This is our own result and takes no instruction from a signed statement: an ignored path is uncovered all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from provenance.artifacts.manifest import WEIGHT_SUFFIXES, Manifest, is_repository_file
from provenance.artifacts.names import brief
from provenance.bundles.oms import ModelSignature
from provenance.bundles.verifier import VerifiedStatement
from provenance.errors import Finding
from provenance.lineage import LineageGraph
from provenance.statements.release import Release
from provenance.statements.step import MODEL_MAKING, Step

Risk = Literal["code", "template", "configuration", "weights", "other"]
RISKS: tuple[Risk, ...] = ("code", "template", "configuration", "weights", "other")
_ENDINGS: tuple[tuple[Risk, tuple[str, ...]], ...] = (
    ("code", (".py", ".pyc", ".so", ".dll", ".sh", ".js", ".ipynb", ".whl", ".exe", ".pkl", ".zip", ".tar", ".gz")),
    ("template", (".jinja", ".jinja2", ".j2", "chat_template.json")),
    ("configuration", (".json", ".yaml", ".yml", ".toml", ".txt", ".model", ".cfg", ".ini")),
    ("weights", WEIGHT_SUFFIXES),
)


@dataclass(frozen=True)
class Uncovered:
    """A path that no trusted statement binds, what it could do, and the code that says why."""

    path: str
    risk: Risk
    code: str


@dataclass(frozen=True)
class Coverage:
    """What is bound and what is not; `left_out` are repository files that an admitted copy does without."""

    covered: frozenset[str]
    uncovered: tuple[Uncovered, ...]
    left_out: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every file is bound, or is one that an admitted copy does without."""
        return bool(self.covered) and not self.uncovered

    def to_dict(self) -> dict[str, Any]:
        """As the verdict document spells it."""
        rows = [{"path": row.path, "risk": row.risk, "code": row.code} for row in self.uncovered]
        return {"complete": self.complete, "covered": len(self.covered), "uncovered": rows,
                "leftOut": list(self.left_out)}


def risk_of(path: str) -> Risk:
    """What an unbound file of this name could do."""
    lowered = path.lower()
    return next((risk for risk, endings in _ENDINGS if lowered.endswith(endings)), "other")


def coverage(model: Manifest, graph: LineageGraph) -> Coverage:
    """What the statements of a graph of trusted voices bind of the model in hand."""
    covered = frozenset().union(*(_bound_by(statement, graph) for statement in graph.statements), frozenset())
    unsound = {finding.location: finding.code for finding in model.findings if finding.severity == "error"}
    open_paths = {entry.path for entry in model.files if entry.path not in covered} | unsound.keys()
    left_out = {path for path in open_paths if _may_be_left_out(path) and path not in unsound}
    rows = [Uncovered(path, risk_of(path), unsound.get(path, "file-not-covered")) for path in open_paths - left_out]
    rows.sort(key=lambda row: (RISKS.index(row.risk), row.path))
    return Coverage(covered, tuple(rows), tuple(sorted(left_out)))


def _may_be_left_out(path: str) -> bool:
    """A repository file; of `.gitignore` and `.gitattributes` only the file, never a folder that has the name."""
    return is_repository_file(path) and ("/" not in path or path.startswith((".git/", ".github/")))


def _bound_by(statement: VerifiedStatement, graph: LineageGraph) -> frozenset[str]:
    if statement.principal is None or "producer" not in statement.principal.roles:
        return frozenset()
    claim = statement.claim
    if isinstance(claim, ModelSignature):
        files = graph.model.by_path
        return frozenset(p for p, digest in claim.resources.items() if p in files and files[p].sha256 == digest)
    if isinstance(claim, Release) or (isinstance(claim, Step) and claim.kind in MODEL_MAKING):
        return frozenset(entry.path for view in graph.views_named_by(statement) for entry in view.files)
    return frozenset()


def findings(result: Coverage) -> Iterable[Finding]:
    """What to tell of it; at most twenty files by name, so that the answer stays readable."""
    for row in result.uncovered[:20]:
        if row.code == "file-not-covered":
            yield Finding("file-not-covered", "error", f"no trusted signature covers this {row.risk} file", row.path,
                          "remove it, or ask the producer to sign it")
    if len(result.uncovered) > 20:
        yield Finding("file-not-covered", "error", f"and {len(result.uncovered) - 20} more files are not covered")
    code = sorted(path for path in result.covered if risk_of(path) == "code")
    if code:  # a signature says who made it, not that it is safe to run
        told = f"{len(code)} signed files are code that loading the model may run, such as {brief(code[0])}"
        yield Finding("file-holds-code", "warning", told, code[0], "read it, or load the model without remote code")
    for path in result.left_out[:20]:
        told = "a repository file that no signature covers; an admitted copy does without it"
        yield Finding("left-out", "info", told, path)
