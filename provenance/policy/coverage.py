"""Coverage: which files a trusted statement binds, and which lie there unbound, ranked by what they could do.

This is our own result and takes no instruction from a signed statement: an ignored path is uncovered all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from provenance.artifacts.digest import compare
from provenance.artifacts.manifest import REPOSITORY_FILES, WEIGHT_SUFFIXES, FileEntry, Manifest, is_repository_file
from provenance.artifacts.names import brief, collisions
from provenance.bundles.oms import ModelSignature, named_as_here
from provenance.errors import Finding

if TYPE_CHECKING:
    from provenance.bundles.verifier import VerifiedStatement
    from provenance.lineage import LineageGraph
    from provenance.statements.artifact import Described

Risk = Literal["code", "template", "configuration", "weights", "other"]
RISKS: tuple[Risk, ...] = ("code", "template", "configuration", "weights", "other")
_ENDINGS: tuple[tuple[Risk, tuple[str, ...]], ...] = (
    ("code", (".py", ".pyc", ".pyd", ".pyw", ".pyz", ".so", ".dll", ".dylib", ".sh", ".bash", ".bat", ".cmd", ".ps1",
              ".js", ".mjs", ".cjs", ".ts", ".lua", ".rb", ".pl", ".r", ".jl", ".java", ".jar", ".class", ".wasm",
              ".node", ".ipynb", ".whl", ".egg", ".exe", ".msi", ".deb", ".rpm", ".pkl", ".pickle", ".joblib", ".dill",
              ".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")),
    ("template", (".jinja", ".jinja2", ".j2", "chat_template.json")),
    ("configuration", (".json", ".yaml", ".yml", ".toml", ".txt", ".model", ".cfg", ".ini")),
    ("weights", WEIGHT_SUFFIXES),
)
_COLLIDES = "file-name-collides"
# What is told of a file that is not covered; of a link, a device or a name, whoever found it tells.
_TOLD = {
    "file-not-covered": "no trusted signature covers this {risk} file",
    "file-ignored": "no trusted signature covers this {risk} file: a signer left it out",
    "file-empty": "no trusted signature covers this empty {risk} file: one over shards has no row for it",
    "file-weakly-covered": "only a digest of another kind than SHA-2 covers this {risk} file",
    "file-mismatch": "no trusted signature covers this {risk} file as it is: it differs from what was signed",
}


@dataclass(frozen=True)
class Uncovered:
    """A path that no trusted statement binds, what it could do, and the code that says why."""

    path: str
    risk: Risk
    code: str


@dataclass(frozen=True)
class Coverage:
    """What is bound and what is not; `left_out` are repository files that an admitted copy does without.

    `contradicting` names the files of statements that cover nothing because they contradict themselves.
    """

    covered: frozenset[str]
    uncovered: tuple[Uncovered, ...]
    left_out: tuple[str, ...]
    contradicting: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every file is bound, or is one that an admitted copy does without."""
        return bool(self.covered) and not self.uncovered

    @property
    def unsound(self) -> tuple[Uncovered, ...]:
        """What no signature can cover: it must go."""
        return tuple(row for row in self.uncovered if row.code not in _TOLD)

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
    producers = [s for s in graph.statements
                 if s.principal and "producer" in s.principal.roles and graph.may_vouch(s)]
    contradicting = tuple(s.file for s in producers if contradicts_itself(s, graph.views))
    bound = (_bound_by(s, graph) for s in producers if s.file not in contradicting)
    signatures = [named_as_here(s.claim, model) for s in producers if isinstance(s.claim, ModelSignature)]
    return replace(_coverage(model, frozenset().union(*bound), signatures), contradicting=contradicting)


def coverage_by(signature: ModelSignature, model: Manifest) -> Coverage:
    """What one model signature binds of the model in hand, by whatever hash it is over."""
    return _coverage(model, _as_signed(signature, model), [named_as_here(signature, model)])


def _coverage(model: Manifest, covered: frozenset[str], signatures: Sequence[ModelSignature]) -> Coverage:
    unsound = dict(_unsound(model))
    files = {entry.path: entry for entry in model.files}
    open_paths = {path for path in files if path not in covered} | unsound.keys()
    left_out = {path for path in open_paths if _may_be_left_out(path) and path not in unsound}
    rows = [Uncovered(path, risk_of(path), unsound.get(path) or _why(files[path], signatures))
            for path in open_paths - left_out]
    rows.sort(key=lambda row: (RISKS.index(row.risk), row.path))
    return Coverage(covered, tuple(rows), tuple(sorted(left_out)))


def _unsound(model: Manifest) -> Iterator[tuple[str, str]]:
    """What is never covered, whoever lists it: links, devices, names that are no names, and all that collide."""
    for finding in model.findings:
        if finding.severity == "error":
            yield finding.location, finding.code
    if any(finding.code == _COLLIDES for finding in model.findings):
        for group in collisions(entry.path for entry in model.files):
            yield from ((path, _COLLIDES) for path in group)


def _why(entry: FileEntry, signatures: Sequence[ModelSignature]) -> str:
    """Why a file is not covered, as far as the model signatures tell."""
    for signature in signatures:
        serialization, signed = signature.serialization, signature.resources.get(entry.path)
        if signed is not None:
            return "file-weakly-covered" if serialization.digests_in(entry) == signed else "file-mismatch"
        if entry.path.partition("/")[0] not in REPOSITORY_FILES and serialization.ignores(entry.path):
            return "file-ignored"
        if serialization.method == "shards" and not entry.size:
            return "file-empty"
    return "file-not-covered"


def _may_be_left_out(path: str) -> bool:
    """A repository file; of `.gitignore` and `.gitattributes` only the file, never a folder that has the name."""
    return is_repository_file(path) and ("/" not in path or path.startswith((".git/", ".github/")))


def _bound_by(statement: VerifiedStatement, graph: LineageGraph) -> frozenset[str]:
    claim = statement.claim
    if isinstance(claim, ModelSignature):
        return _as_signed(claim, graph.model) if claim.serialization.is_strong else frozenset()
    if _names_models(statement):
        return frozenset(entry.path for view in graph.views_named_by(statement) for entry in view.files)
    return frozenset()


def _as_signed(signature: ModelSignature, model: Manifest) -> frozenset[str]:
    signature, files = named_as_here(signature, model), model.by_path
    digests_in = signature.serialization.digests_in
    return frozenset(path for path, signed in signature.resources.items()
                     if path in files and digests_in(files[path]) == signed)


def _names_models(statement: VerifiedStatement) -> bool:
    # Not at the top: whoever checks a model signature does not wait for what the others are made of.
    from provenance.statements.release import Release
    from provenance.statements.step import MODEL_MAKING, Step

    claim = statement.claim
    return isinstance(claim, Release) or (isinstance(claim, Step) and claim.kind in MODEL_MAKING)


def contradicts_itself(statement: VerifiedStatement, views: Iterable[Manifest]) -> bool:
    """Whether a statement names a view of the model by one digest, and by another one something else.

    By `dirHash` and the rows of its files or its tensor tree, or a file by two digests.

    Readers of the one would take it for this model, and readers of the other for another.
    """
    if not _names_models(statement):
        return False
    from provenance.statements.artifact import described

    things = [thing for thing in described(statement.statement.subjects) if thing.files]
    views = tuple(views)
    return any(_misnames(statement, view) for view in views) or any(
        _contradicts(thing, view) for thing in things for view in views)


def _misnames(statement: VerifiedStatement, view: Manifest) -> bool:
    """Whether a component is a file of the model by sha256, and another one by a digest beside it."""
    from provenance.statements.release import Release

    rows = statement.claim.components if isinstance(statement.claim, Release) else ()
    known = {entry.sha256: entry.digest for entry in view.files if entry.others}
    return bool(known) and any(compare(row.thing.digest, known.get(row.thing.digest.get("sha256", ""), {}))
                               == "different" for row in rows)


def _contradicts(thing: Described, view: Manifest) -> bool:
    from provenance.statements.artifact import is_same

    same = {path for path, part in thing.files.items() if path in view.by_path
            and compare(part.digest, view.by_path[path].digest) == "equal"}
    if is_same(thing, view):
        weights = compare(thing.weights.digest, view.weights_digest or {}) if thing.weights else "equal"
        return len(same) != len(thing.files) or weights == "different"
    return bool(view.digest) and same == thing.files.keys() == view.by_path.keys()


def findings(result: Coverage) -> Iterable[Finding]:
    """What to tell of it; at most twenty files by name, so that the answer stays readable."""
    for file in result.contradicting:
        yield Finding("statement-contradicts-itself", "error", "its digests are not all those of the model that "
                      "its dirHash names; it covers nothing", file, "ask its signer for a new one")
    for row in result.uncovered[:20]:
        if row.code in _TOLD:
            yield Finding("file-not-covered", "error", _TOLD[row.code].format(risk=row.risk), row.path,
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
