"""What the workers of a cluster do: functions of this house, run by Dask.

Nothing distributed is written here. `scan_on` reads one file or folder: work is cut by bytes, never by file, small
files together, and, where nothing but tensor trees is asked for, a large file in parts. `each_on` runs a function of a
higher floor on many items. Every worker must see the files under the same path and have the same version of this tool.
Whoever runs the scheduler can run code here and there, as Dask's own documentation says: it is trusted like this
machine.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from provenance import __version__
from provenance.artifacts.blocks import Block, ChunkDigests, blocks
from provenance.artifacts.containers.kinds import container_of, planner
from provenance.artifacts.containers.plan import Plan, WeightFile
from provenance.artifacts.crew import Crew, Progress
from provenance.artifacts.hashing import FILES_AND_TENSORS, FileRead, Wanted
from provenance.artifacts.manifest import Manifest, Reader, manifest_of, opened_for
from provenance.artifacts.names import brief
from provenance.artifacts.sources.beneath import Beneath
from provenance.artifacts.sources.folder import FoundFile, open_folder
from provenance.artifacts.tensors import CHUNK, Tree
from provenance.artifacts.tensors_in_file import TensorsInFile
from provenance.errors import ArtifactError

TASK = 512 << 20  # bytes; small tasks cost more to hand out than to do
FILES = 5000  # in a task
_TIMEOUT = 10  # seconds to wait for the scheduler
_ALONE = 60  # seconds without any worker after which nobody is expected to come back


def scan_on(
    scheduler: str, path: Path, *, wanted: Wanted = FILES_AND_TENSORS, progress: Progress | None = None,
    total: Callable[[int], None] | None = None,
) -> Manifest:
    """What `scan` gives for a file or folder, read by the workers of a scheduler such as `tcp://10.0.0.1:8786`.

    ArtifactError `cluster-unusable` where there is no such scheduler, no worker (any more), or another version of this
    tool.
    """
    path = Path(os.path.realpath(path))
    root, found, is_file = opened_for(path)
    place = path.parent if is_file else path
    try:
        if total is not None:
            total(sum(file.size for file in found.files))
        with _client(scheduler) as client, Beneath(root) as beneath:
            reads = _Round(client, str(place), beneath, wanted, progress or (lambda _: None)).read(found.files)
    finally:
        os.close(root)
    if not found.files and not found.findings:
        raise ArtifactError("folder-empty", "the folder holds no file", location=str(path),
                            hint="give the folder that holds the model")
    return manifest_of(path.name, found, reads, wanted, is_file=is_file)


def each_on(scheduler: str, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Each item with what `function` gives for it on a worker, in the order in which they are done.

    Where a worker failed, that is an ArtifactError `cluster-unusable`, and the other items go on. The same is raised
    where there is no such scheduler, no worker (any more), or another version of this tool. What is returned must
    pickle.
    """
    with _client(scheduler) as client:
        futures = client.map(function, items, pure=False)
        by_key = dict(zip((future.key for future in futures), items, strict=True))
        # Results come along with the news of them: one request for each would cost more than a small model.
        for future, answer in _as_done(client, futures, scheduler, with_results=True, raise_errors=False):
            if future.status == "finished":
                yield by_key[future.key], answer
                continue
            err = answer[1] if isinstance(answer, tuple) else answer
            failed = _unusable(f"a worker failed: {brief(str(err)) or type(err).__name__}", scheduler)
            if client.status != "running":
                raise failed
            yield by_key[future.key], failed


def refuse_network(scheduler: str, *, online: bool) -> None:
    """ArtifactError `network-not-allowed` for a scheduler on another machine, unless that is allowed."""
    if not online and not is_here(scheduler):
        raise ArtifactError("network-not-allowed", "the scheduler is on a network", location=scheduler,
                            hint="--online allows it")


def is_here(scheduler: str) -> bool:
    """Whether a scheduler's address is one of this machine alone."""
    host = scheduler.partition("://")[2] or scheduler
    return host.rpartition(":")[0] in ("127.0.0.1", "localhost", "[::1]")


@contextmanager
def _client(scheduler: str) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError as err:
        raise ArtifactError("extra-missing", "reading on a cluster needs Dask", location="distributed",
                            hint="pip install 'open-provenance[dask]'") from err
    try:
        client = Client(scheduler, timeout=_TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as err:
        raise _unusable(f"the scheduler does not answer: {brief(str(err))}", scheduler) from err
    try:
        versions = set(client.run(version).values())
        if versions != {__version__}:
            told = f"its workers have {', '.join(sorted(versions))}" if versions else "it has no workers"
            raise _unusable(f"{told}; this is {__version__}", scheduler)
        yield client
    finally:
        client.close()


def _as_done(client: Any, futures: Sequence[Any], location: str, **options: Any) -> Iterator[Any]:
    """Futures as they are done; ArtifactError `cluster-unusable` where no worker is left, which Dask waits for."""
    from distributed import as_completed

    done = as_completed(futures, loop=client.loop, **options)
    asked = seen = time.monotonic()
    while not done.is_empty():
        if done.has_ready():
            yield next(done)
            continue
        with done.thread_condition:
            done.thread_condition.wait(timeout=0.1)  # as Dask itself does
        now = time.monotonic()
        if now - asked < 1:
            continue
        asked = now
        if _has_workers(client):
            seen = now
        elif now - seen >= _ALONE:
            raise _unusable(f"no worker was there for {_ALONE} seconds", location)


def _has_workers(client: Any) -> bool:
    try:
        return bool(client.nthreads())
    except OSError:  # the scheduler does not answer either
        return False


def version() -> str:
    """The version of this tool, as a worker has it."""
    return __version__


def _unusable(why: str, scheduler: str) -> ArtifactError:
    return ArtifactError("cluster-unusable", why, location=brief(scheduler),
                         hint="check the address, and install the same version of open-provenance on every worker")


@dataclass(frozen=True)
class WholeFiles:
    """A task: files that a worker reads whole."""

    root: str
    files: tuple[FoundFile, ...]
    wanted: Wanted

    @property
    def paths(self) -> list[str]:
        """The files that it is about."""
        return [file.path for file in self.files]

    @property
    def size(self) -> int:
        """How many bytes there are to read."""
        return sum(file.size for file in self.files)

    def run(self) -> list[FileRead]:
        """Read them; this is called by a worker."""
        root = open_folder(Path(self.root))
        try:
            with Beneath(root) as beneath:
                reader = Reader(beneath, self.wanted)
                return [reader.read(file, Crew()) for file in self.files]
        finally:
            os.close(root)


@dataclass(frozen=True)
class PartOfFile:
    """A task: some blocks of one file, which must still be as it was when its header was read."""

    root: str
    path: str
    facts: tuple[int, int]
    ranges: tuple[tuple[int, int], ...]
    blocks: tuple[Block, ...]
    trees: tuple[Tree, ...]

    @property
    def paths(self) -> list[str]:
        """The file that it is about."""
        return [self.path]

    @property
    def size(self) -> int:
        """How many bytes there are to read."""
        return sum(block.end - block.start for block in self.blocks)

    def run(self) -> list[list[list[bytes]]]:
        """The digests of the chunks of each block; this is called by a worker."""
        digests, buffer, root = ChunkDigests(self.ranges, self.trees), memoryview(bytearray(CHUNK)), None
        try:
            root = open_folder(Path(self.root))
            with Beneath(root) as beneath, beneath.opened(self.path) as descriptor:
                if _facts(descriptor) != self.facts:
                    raise ArtifactError("file-changed-while-read", "a worker sees another file", location=self.path,
                                        hint="check that every worker sees the same files")
                file = WeightFile(descriptor, self.facts[0], self.path)
                for block in self.blocks:
                    view = buffer[: block.end - block.start]
                    file.read_into(view, block.start)
                    digests.take(block, view)
        finally:
            if root is not None:
                os.close(root)
        return [digests.of(block) for block in self.blocks]


Task = WholeFiles | PartOfFile


def run(task: Task) -> Any:
    """What a worker does."""
    return task.run()


def _facts(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_size, status.st_mtime_ns


@dataclass(frozen=True)
class _Weights:
    """A file of which only the tensors are read, opened for as long as that takes."""

    file: WeightFile
    facts: tuple[int, int]
    plan: Plan
    tensors: TensorsInFile

    def parts(self, root: str, trees: tuple[Tree, ...]) -> Iterator[PartOfFile]:
        """The tasks that it is cut into."""
        every = blocks(self.tensors.ranges)
        while batch := tuple(islice(every, TASK // CHUNK)):
            yield PartOfFile(root, self.file.location, self.facts, tuple(self.tensors.ranges), batch, trees)

    def read(self) -> FileRead:
        """What the workers gave, put together; what lies apart in the file is read here."""
        try:
            return FileRead(self.file.size, tensors=self.tensors.found(), findings=self.plan.findings)
        except ArtifactError as err:
            return FileRead(self.file.size, problem=err)


@dataclass(frozen=True)
class _Round:
    """One reading of the files of a folder by a cluster."""

    client: Any
    root: str
    beneath: Beneath
    wanted: Wanted
    progress: Progress

    def read(self, files: Sequence[FoundFile]) -> list[FileRead]:
        """Every file, in the order in which they are given."""
        reads, weights, whole = dict[str, FileRead](), dict[str, _Weights](), list[FoundFile]()
        with ExitStack() as stack:
            for file in files:
                if self.wanted.files or container_of(file.path) is None:
                    whole.append(file)
                    continue
                try:
                    weights[file.path] = self._planned(file, stack.enter_context(self.beneath.opened(file.path)))
                except ArtifactError as err:
                    reads[file.path] = FileRead(file.size, problem=err)
            tasks: list[Task] = [
                *self._whole(whole),
                *(part for one in weights.values() for part in one.parts(self.root, self.wanted.trees)),
            ]
            for task, answer in self._done(tasks):
                if isinstance(answer, ArtifactError):
                    reads |= {file: FileRead(0, problem=answer) for file in task.paths}
                elif isinstance(task, WholeFiles):
                    reads |= dict(zip(task.paths, answer, strict=True))
                else:
                    for block, found in zip(task.blocks, answer, strict=True):
                        weights[task.path].tensors.digests.put(block, found)
            for path, one in weights.items():
                reads.setdefault(path, one.read())
        return [reads[file.path] for file in files]

    def _planned(self, file: FoundFile, descriptor: int) -> _Weights:
        container = container_of(file.path)
        assert container is not None  # noqa: S101  the caller looked
        facts = _facts(descriptor)
        open_file = WeightFile(descriptor, facts[0], file.path)
        plan = planner(container)(descriptor, facts[0], file.path)
        return _Weights(open_file, facts, plan, TensorsInFile(open_file, plan, self.wanted.trees))

    def _whole(self, files: Iterable[FoundFile]) -> Iterator[WholeFiles]:
        """Files in tasks of about as many bytes, the largest by themselves."""
        task, size = list[FoundFile](), 0
        for file in sorted(files, key=lambda file: -file.size):
            if task and (size + file.size > TASK or len(task) == FILES):
                yield WholeFiles(self.root, tuple(task), self.wanted)
                task, size = [], 0
            task.append(file)
            size += file.size
        if task:
            yield WholeFiles(self.root, tuple(task), self.wanted)

    def _done(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Any]]:
        """Each task with what a worker answered: an ArtifactError where its files were not what they should be."""
        futures = self.client.map(run, tasks, pure=False)
        by_key = dict(zip((future.key for future in futures), tasks, strict=True))
        for future in _as_done(self.client, futures, self.root):
            task = by_key[future.key]
            try:
                answer = future.result()
            except ArtifactError as err:
                answer = err
            except Exception as err:  # of a worker that died, or of Dask itself
                raise _unusable(f"a worker failed: {brief(str(err)) or type(err).__name__}", self.root) from err
            self.progress(task.size)
            yield task, answer
