"""A manifest: everything that one pass over a file or folder tells about it.

Two digests name a folder, and they stand together in one DigestSet: `dirHash` (in-toto, binds names) over all
regular files less the named signature and evidence files, and under `sha256` the OMS v1.0 root (section 6.5.1,
binds no names and is never used alone).
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from provenance.artifacts.containers.kinds import CONTAINERS, Container, container_of
from provenance.artifacts.crew import Crew, Progress, in_threads
from provenance.artifacts.digest import DigestSet
from provenance.artifacts.disguised import disguised
from provenance.artifacts.documents import examined, is_configuration, too_large
from provenance.artifacts.hashing import FILES_AND_TENSORS, FileRead, Wanted, read_file
from provenance.artifacts.names import brief, collisions, is_odd_label
from provenance.artifacts.shards import Sharding
from provenance.artifacts.sources.beneath import Beneath
from provenance.artifacts.sources.folder import FoundFile, Listing, listing, lone_file, open_folder, refuse_hole
from provenance.artifacts.tensors import Weights
from provenance.errors import ArtifactError, Finding, RegistryError, Severity

# OMS v1.0 section 6.2: left out of a model signature, matched at the top of the folder only.
REPOSITORY_FILES = (".git", ".gitattributes", ".github", ".gitignore")
WEIGHT_SUFFIXES = (
    ".safetensors", ".gguf", ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".npz", ".npy", ".onnx", ".h5", ".keras",
    ".msgpack", ".tflite", ".mlmodel", ".pb", ".jit", ".pickle", ".joblib", ".dill", ".pdparams", ".nemo", ".mar",
)
INDEX_SUFFIX = ".safetensors.index.json"
MAX_INDEXED = 250_000  # parts of an index; parsed, each takes some hundred times two bytes
MAX_KEPT = 16 << 20


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One regular file: path relative to the folder, size in bytes, sha256 in hex ("" when it was not read).

    `others` has the digests by other algorithms, as pairs of name and hex, where they were asked for, and `shards`
    those of its ranges (see `FileRead`).
    """

    path: str
    size: int
    sha256: str
    others: tuple[tuple[str, str], ...] = ()
    shards: tuple[tuple[Sharding, str], ...] = ()

    @property
    def digest(self) -> dict[str, str]:
        """The DigestSet of the file; empty where it was not read."""
        return ({"sha256": self.sha256} if self.sha256 else {}) | dict(self.others)


@dataclass(frozen=True)
class Manifest:
    """A file or folder by its bytes. `files` is sorted by the bytes of the paths.

    `is_file` marks an artefact that is one file rather than a folder; `weights` is None when no tensors could be
    read, and the findings say why. `contents` holds the small documents whose bytes were asked to be kept.
    """

    name: str
    files: tuple[FileEntry, ...]
    is_file: bool = False
    weights: Weights | None = None
    findings: tuple[Finding, ...] = ()
    contents: Mapping[str, bytes] = field(default_factory=dict)

    @cached_property
    def by_path(self) -> dict[str, FileEntry]:
        """The files by their paths."""
        return {entry.path: entry for entry in self.files}

    @cached_property
    def digest(self) -> dict[str, str]:
        """The DigestSet that names the artefact: of a file its digests, of a folder `dirHash` and the OMS root.

        Empty, and so equal to nothing, where a file was not read.
        """
        if self.is_file:
            return self.files[0].digest
        if not all(entry.sha256 for entry in self.files):
            return {}
        return {"dirHash": dir_hash(self.files), "sha256": oms_root(self.files)}

    @property
    def weights_digest(self) -> DigestSet | None:
        """The DigestSet of the weights, or None."""
        return self.weights.digest if self.weights else None

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(entry.size for entry in self.files)

    @property
    def weight_files(self) -> tuple[FileEntry, ...]:
        """The files whose names say that they hold weights, in whatever container."""
        return tuple(entry for entry in self.files if entry.path.lower().endswith(WEIGHT_SUFFIXES))

    def without_repository_files(self) -> Manifest:
        """The same folder as it looks without what a hosting site adds at its top."""
        return replace(self, files=tuple(entry for entry in self.files if not is_repository_file(entry.path)))

    def require_sound(self) -> Manifest:
        """Itself; ArtifactError with the first finding that makes its digests incomplete."""
        for finding in self.findings:
            if finding.severity == "error":
                raise ArtifactError(finding.code, finding.message, location=finding.location, hint=finding.hint)
        return self


def is_repository_file(path: str) -> bool:
    """Whether OMS v1.0 leaves this path out by default."""
    return path.split("/", 1)[0] in REPOSITORY_FILES


def dir_hash(files: Iterable[FileEntry]) -> str:
    """in-toto `dirHash`: sha256 over the lines `<sha256>  <path>`, sorted by the bytes of the paths."""
    return dir_hash_of((entry.path, entry.sha256) for entry in files)


def dir_hash_of(rows: Iterable[tuple[str, str]]) -> str:
    """The same over pairs of path and sha256."""
    whole = hashlib.sha256()
    for path, digest in sorted((path.encode("utf-8"), digest) for path, digest in rows):
        whole.update(digest.encode("ascii") + b"  " + path + b"\n")
    return whole.hexdigest()


def oms_root(files: Iterable[FileEntry]) -> str:
    """The OMS v1.0 root (section 6.5.1) over the files that OMS signs: no names, no separation of domains."""
    rows = sorted((entry.path, entry.sha256) for entry in files if not is_repository_file(entry.path))
    return root_of(digest for _, digest in rows)


def root_of(digests: Iterable[str]) -> str:
    """The OMS v1.0 root over the digests of files that are in the order of their names."""
    return hashlib.sha256(b"".join(map(bytes.fromhex, digests))).hexdigest()


def scan(
    path: Path,
    *,
    exclude: Collection[str] = (),
    wanted: Wanted = FILES_AND_TENSORS,
    progress: Progress | None = None,
    total: Callable[[int], None] | None = None,
    may_be_read: Callable[[FoundFile], bool] = lambda _: True,
    keep: Callable[[str], bool] = lambda _: False,
    copy_into: Path | None = None,
) -> Manifest:
    """Read a file or a folder once and tell everything about it.

    `exclude` holds paths relative to the folder (signatures and evidence that lie in it); a file for which
    `may_be_read` is false is listed and not read; the bytes of a file up to 16 MiB for which `keep` is true are
    kept. With `copy_into` every byte that is hashed is also written beneath that folder. ArtifactError when there
    is nothing at the path, or nothing in it.
    """
    path = Path(os.path.realpath(path))
    root, found, is_file = opened_for(path)
    try:
        found.files = [file for file in found.files if file.path not in exclude]
        if not found.files and not any(finding.severity == "error" for finding in found.findings):
            raise ArtifactError("folder-empty", "the folder holds no file", location=str(path),
                                hint="give the folder that holds the model")
        if total is not None:
            total(sum(file.size for file in found.files if may_be_read(file)))
        with Beneath(root) as beneath:
            reader = Reader(beneath, wanted, may_be_read, keep, copy_into)
            reads = in_threads(reader.read, found.files, progress, size=lambda file: file.size)
    finally:
        os.close(root)
    return manifest_of(path.name, found, reads, wanted, is_file=is_file)


def opened_for(path: Path) -> tuple[int, Listing, bool]:
    """A descriptor to read from, what is to be read beneath it, and whether the artefact is one file."""
    try:
        status = path.stat()
    except OSError as err:
        code = "path-not-found" if isinstance(err, FileNotFoundError) else "input-unreadable"
        raise ArtifactError(code, f"cannot read it: {err.strerror}", location=str(path), hint="check the path") from err
    if stat.S_ISREG(status.st_mode):
        return open_folder(path.parent), lone_file(path, status), True
    if not stat.S_ISDIR(status.st_mode):
        raise ArtifactError("file-special", "neither a regular file nor a folder", location=str(path),
                            hint="give a model folder or a file")
    root = open_folder(path)
    try:
        return root, listing(root), False
    except BaseException:
        os.close(root)
        raise


@dataclass(frozen=True)
class Reader:
    """Reads the files of a folder, each as `scan` says."""

    beneath: Beneath
    wanted: Wanted
    may_be_read: Callable[[FoundFile], bool] = lambda _: True
    keep: Callable[[str], bool] = lambda _: False
    copy_into: Path | None = None

    def read(self, file: FoundFile, crew: Crew) -> FileRead:
        """Read one file; what went wrong with it is in what is returned."""
        if not self.may_be_read(file):
            return FileRead(file.size)
        kept = is_index(file) or (file.size <= MAX_KEPT and self.keep(file.path))
        looked_at = is_configuration(file.path, file.size)
        try:
            descriptor = self.beneath.open(file.path)
            try:
                refuse_hole(descriptor, file)
                seen = first_look(descriptor, file)
                if self.copy_into is None:
                    read = read_file(descriptor, file.path, self.wanted, keep=kept or looked_at, crew=crew)
                else:
                    with _new_file(self.copy_into, file.path) as target:
                        read = read_file(descriptor, file.path, self.wanted, keep=kept or looked_at, copy_to=target,
                                         crew=crew)
            finally:
                os.close(descriptor)
            read = examined(read, file.path, keep=kept) if looked_at else read
            return also_found(read, seen)
        except ArtifactError as err:
            return FileRead(file.size, problem=err)
        except OSError as err:
            unreadable = ArtifactError("input-unreadable", f"cannot read the file: {err.strerror}", location=file.path)
            return FileRead(file.size, problem=unreadable)


def first_look(descriptor: int, file: FoundFile) -> tuple[Finding, ...]:
    """What an open file is by its first bytes and its size, however its digests become known."""
    if is_repository_file(file.path):
        return ()
    return *disguised(descriptor, file.path), *too_large(file.path, file.size)


def also_found(read: FileRead, seen: tuple[Finding, ...]) -> FileRead:
    """The same read with these findings too."""
    return replace(read, findings=(*read.findings, *seen)) if seen else read


def is_index(file: FoundFile) -> bool:
    """Whether the file is an index of shards, whose content a manifest needs."""
    return file.path.endswith(INDEX_SUFFIX) and file.size <= MAX_KEPT


@contextmanager
def _new_file(folder: Path, path: str) -> Iterator[int]:
    """The descriptor of a new file beneath the folder, synced and closed at the end."""
    try:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(folder / path, flags, 0o644)
    except OSError as err:
        raise RegistryError("output-unwritable", f"cannot write the copy: {err.strerror}", location=path,
                            hint="check permissions and the space that is left") from err
    try:
        yield descriptor
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def manifest_of(
    name: str, found: Listing, reads: list[FileRead], wanted: Wanted, *, is_file: bool = False
) -> Manifest:
    """The manifest of what a pass over the listed files gave, in their order."""
    findings = list(found.findings)
    findings += [
        Finding(read.problem.code, _gravity(read), read.problem.message, read.problem.location, read.problem.hint)
        for read in reads
        if read.problem is not None
    ]
    entries = tuple(FileEntry(file.path, read.size, read.sha256, read.others, read.shards)
                    for file, read in zip(found.files, reads, strict=True))
    contents = {file.path: read.content for file, read in zip(found.files, reads, strict=True)
                if read.content is not None}
    manifest = Manifest(name, entries, is_file, findings=tuple(findings), contents=contents)
    if not wanted.trees:
        return manifest
    by_path = {file.path: read for file, read in zip(found.files, reads, strict=True)}
    weights, more = _weights(manifest, by_path, wanted)
    return replace(manifest, weights=weights, findings=tuple(sorted([*findings, *more])))


def _gravity(read: FileRead) -> Severity:
    """A file that was not read, or a broken safetensors file, is an error.

    What another name says is a guess (`.bin` may be anything): its digest holds, and a policy decides what it is worth.
    """
    container = container_of(read.problem.location) if read.problem else None
    return "warning" if (read.sha256 or read.others) and container not in (None, "safetensors") else "error"


def _weights(
    manifest: Manifest, reads: Mapping[str, FileRead], wanted: Wanted
) -> tuple[Weights | None, list[Finding]]:
    findings = [
        Finding("weights-unsupported", "warning", "weights in a container whose tensors are not read", entry.path,
                "publish them as safetensors too")
        for entry in manifest.weight_files
        if container_of(entry.path) is None
    ]
    kinds = {path: container_of(path) for path in reads}
    present = set(kinds.values())
    # One model is often published in several containers: the first of these is the model, the others are compared.
    container = next((kind for kind in CONTAINERS if kind in present), None)
    shards = {path: read for path, read in reads.items() if kinds[path] == container is not None}
    findings += [finding for read in reads.values() for finding in read.findings]
    indexes = [path for path in reads if path.endswith(INDEX_SUFFIX)]
    for path in sorted(path for path in indexes if path in manifest.contents or reads[path].size > MAX_KEPT):
        findings += _index_findings(path, manifest, shards)
    incomplete = any(finding.severity == "error" for finding in findings)
    if incomplete or any(read.tensors is None for read in shards.values()):
        return None, findings
    try:
        weights = Weights.of((tensor for read in shards.values() for tensor in read.tensors or ()), wanted.trees)
    except ArtifactError as err:
        # Components of a pipeline may each have a tensor of one name: files and folder are known all the same.
        return None, [*findings, Finding(err.code, "warning", err.message, err.location, err.hint)]
    # Without tensors there is nothing to know it by: all empty files would be one and the same model.
    if not weights.tensors:
        return None, findings or [Finding("folder-has-no-weights", "info", "no file here holds weights")]
    return weights, [*findings, *_oddities(shards), *_equal_names(weights), *_others(weights, container, reads)]


def _others(weights: Weights, container: Container | None, reads: Mapping[str, FileRead]) -> Iterator[Finding]:
    """Whether the same folder holds the same weights in other containers too."""
    for kind in CONTAINERS:
        files = {path: read for path, read in reads.items() if container_of(path) == kind != container}
        tensors = [tensor for read in files.values() for tensor in read.tensors or ()]
        if not files or kind == "gguf" or any(read.tensors is None for read in files.values()):
            continue
        first = min(files)
        distinct = len({tensor.name for tensor in tensors}) == len(tensors)
        if distinct and Weights.of(tensors, weights.trees).digest == weights.digest:
            yield Finding("weights-elsewhere", "info", f"the same weights as in {container}, tensor by tensor", first)
        else:
            yield Finding("weights-differ", "warning", f"other tensors than in {container}", first,
                          f"load the {container} files, or ask the producer which of them are the model")


def _oddities(shards: Mapping[str, FileRead]) -> Iterator[Finding]:
    for path, read in shards.items():
        if read.is_archive:
            yield Finding("file-polyglot", "warning", "a safetensors file that opens as a zip archive too", path,
                          "convert the weights again, and load them with nothing but safetensors")
        odd = [tensor.name for tensor in read.tensors or () if is_odd_label(tensor.name)]
        if odd:
            yield Finding("tensor-name-odd", "warning", f"{len(odd)} tensors have names that could mislead, such as "
                          f"{brief(odd[0])}", path, "treat the names as text, never as paths")


def _equal_names(weights: Weights) -> Iterator[Finding]:
    """Tensors whose names are one name where case or the form of an accent does not count."""
    for group in collisions(tensor.name for tensor in weights.tensors)[:1]:
        yield Finding("tensor-name-odd", "warning", "tensors whose names some readers take for one: "
                      f"{' and '.join(map(brief, group[:2]))}", hint="treat the names as bytes")


def _index_findings(index: str, manifest: Manifest, shards: Mapping[str, FileRead]) -> Iterator[Finding]:
    """Whether every shard that an index names is there, and holds the tensors that the index puts into it."""
    content = manifest.contents.get(index)
    if content is None or content.count(b",") > MAX_INDEXED:
        yield Finding("document-too-large", "error", f"an index of more than {MAX_KEPT} bytes or {MAX_INDEXED} tensors",
                      index, "save the model again, in larger shards")
        return
    places = _weight_map(content)
    if places is None:
        yield Finding("json-invalid", "error", "not an index of safetensors shards", index, "write it again")
        return
    folder = index.rpartition("/")[0]
    paths = {place: f"{folder}/{place}" if folder else place for place in places.values()}
    missing = sorted(place for place, path in paths.items() if path not in manifest.by_path)
    for place in missing[:20]:
        yield Finding("shard-missing", "error", f"the index names {brief(place)}, which is not there", index,
                      "fetch the missing file")
    if len(missing) > 20:
        yield Finding("shard-missing", "error", f"and {len(missing) - 20} more files are not there", index)
    held = {path: {tensor.name for tensor in read.tensors or ()} for path, read in shards.items()}
    astray = [name for name, place in places.items() if name not in held.get(paths[place], {name})]
    if astray:
        yield Finding("index-mismatch", "warning", f"the index puts {len(astray)} tensors, such as {brief(astray[0])}, "
                      "into files that do not hold them", index, "save the model again")


def _weight_map(content: bytes) -> dict[str, str] | None:
    """The shard of each tensor by an index; None where it is not one."""
    import jiter

    try:
        document = jiter.from_json(content, catch_duplicate_keys=True)
    except ValueError:
        return None
    places = document.get("weight_map") if isinstance(document, dict) else None
    if not isinstance(places, dict) or not all(isinstance(place, str) for place in places.values()):
        return None
    return places
