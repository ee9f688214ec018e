"""Restoring the inputs of a recorded step into an empty folder, each at its recorded name, each checked on its copy.

A file is looked for at the same relative name under the given folders, and then by its digest anywhere beneath them.
What matters is the digest of the copy: a source that lies, or changes while it is read, is not taken.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from provenance.artifacts.crew import Crew, Progress
from provenance.artifacts.hashing import read_file
from provenance.artifacts.manifest import FileEntry, dir_hash
from provenance.artifacts.names import problem_with_name
from provenance.artifacts.sources.folder import FoundFile, listing, open_folder, opened
from provenance.errors import ArtifactError, RunError
from provenance.statements.artifact import Described, described
from provenance.statements.step import ROLES, Step
from provenance.workflows.phases import Total

# What is no file that could be put back: the machine's own state.
NOT_RESTORED = frozenset({"source-repository", "environment", "container"})
_SHOWN = 10


@dataclass(frozen=True)
class Wanted:
    """A file to restore: where it goes in the folder, its sha256, and its size where that was recorded."""

    path: str
    sha256: str
    size: int | None


def restore(
    step: Step, sources: Sequence[Path], work: Path, progress: Progress | None = None, total: Total | None = None
) -> None:
    """Put back every recorded input. RunError `input-missing` names what was not found."""
    finder = _Finder(sources, progress)
    wanted = sorted(set(_wanted(step)), key=lambda file: (file.path, file.sha256))
    _refuse_conflicts(wanted)
    if total is not None:
        total(sum(file.size or 0 for file in wanted))
    missing = [file.path for file in wanted if not finder.put(file, work / file.path)]
    if missing:
        shown = ", ".join(missing[:_SHOWN]) + (f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else "")
        raise RunError("input-missing", f"recorded inputs are not at hand: {shown}", location=step.name,
                       hint="give the folders that hold them; they are found by name or by digest")


def _wanted(step: Step) -> Iterator[Wanted]:
    for role in sorted(ROLES - NOT_RESTORED):
        for thing in described(step.with_role(role)):
            yield from _files_of(thing)


def _files_of(thing: Described) -> Iterator[Wanted]:
    parts = {f"{thing.name}/{path}": part for path, part in thing.files.items()} or {thing.name: thing.whole}
    for name, part in parts.items():
        size = part.annotations.get("size")
        digest = part.digest.get("sha256", "") if "dirHash" not in part.digest else ""
        if problem_with_name(name) or not digest:
            raise RunError("input-missing", "the statement does not say which file this input is", location=name,
                           hint="the step cannot be run again from its record")
        yield Wanted(name, digest, size if isinstance(size, int) else None)
    if thing.files:
        entries = [FileEntry(path, 0, part.digest["sha256"]) for path, part in thing.files.items()]
        if dir_hash(entries) != thing.whole.digest.get("dirHash"):
            raise RunError("input-missing", "the recorded files of this folder are not all of it", location=thing.name,
                           hint="the step cannot be run again from its record")


def _refuse_conflicts(wanted: Iterable[Wanted]) -> None:
    seen: dict[str, str] = {}
    for file in wanted:
        above = (parent.as_posix() for parent in PurePosixPath(file.path).parents)
        if seen.setdefault(file.path, file.sha256) != file.sha256 or any(path in seen for path in above):
            raise RunError("input-missing", "the statement gives one name to two different things", location=file.path,
                           hint="the step cannot be run again from its record")


@dataclass
class _Finder:
    """Looks for files beneath folders, and remembers the digests that it had to compute."""

    sources: Sequence[Path]
    progress: Progress | None
    _found: dict[Path, list[FoundFile]] = field(default_factory=dict)
    _digests: dict[tuple[Path, str], str] = field(default_factory=dict)

    def put(self, file: Wanted, target: Path) -> bool:
        """Copy the file to its place from wherever it is found."""
        if target.exists():  # the same file in a second role
            return True
        here = ((source, file.path) for source in self.sources if source.is_dir())
        return any(self._copy(root, path, file, target) for root, path in here) or any(
            self._copy(root, path, file, target) for root, path in self._by_digest(file)
        )

    def _by_digest(self, file: Wanted) -> Iterator[tuple[Path, str]]:
        for source in self.sources:
            for candidate in self._files(source):
                if file.size in (None, candidate.size) and self._digest(_root(source), candidate.path) == file.sha256:
                    yield _root(source), candidate.path

    def _files(self, source: Path) -> list[FoundFile]:
        if source not in self._found:
            if source.is_file():
                self._found[source] = [FoundFile(source.name, source.stat().st_size)]
            else:
                root = open_folder(source)
                try:
                    self._found[source] = listing(root).files
                finally:
                    os.close(root)
        return self._found[source]

    def _digest(self, root: Path, path: str) -> str:
        if (root, path) not in self._digests:
            self._digests[root, path] = _read(root, path, None, self.progress)
        return self._digests[root, path]

    def _copy(self, root: Path, path: str, file: Wanted, target: Path) -> bool:
        if _read(root, path, target, self.progress) == file.sha256:
            return True
        target.unlink(missing_ok=True)
        return False


def _root(source: Path) -> Path:
    return source.parent if source.is_file() else source


def _read(root: Path, path: str, target: Path | None, progress: Progress | None) -> str:
    """The sha256 of a file beneath a folder, copied on the way where there is a target; "" where it cannot be read."""
    folder = open_folder(root)
    try:
        with suppress(ArtifactError), opened(folder, path) as descriptor:
            if target is None:
                return read_file(descriptor, path, crew=Crew(progress)).sha256
            mode = 0o755 if os.fstat(descriptor).st_mode & 0o111 else 0o644
            with _new_file(target, mode) as copy:
                return read_file(descriptor, path, crew=Crew(progress), copy_to=copy).sha256
    finally:
        os.close(folder)
    return ""


@contextmanager
def _new_file(target: Path, mode: int) -> Iterator[int]:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    except OSError as err:
        raise RunError("output-unwritable", f"cannot restore an input: {err.strerror}", location=str(target),
                       hint="check the space in the folder for temporary files") from err
    try:
        yield descriptor
    finally:
        os.close(descriptor)
