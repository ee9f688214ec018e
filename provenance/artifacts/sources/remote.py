"""Any URL of fsspec (`s3://`, `gs://`, `memory://`, `file://` ...): listed, and streamed by ranged reads.

Each file is read once, in blocks, on as many threads as there are cores; memory is a few blocks, whatever the size. A
file that is another one at the end than at the beginning, by what the store says of it, is an error. What the store
calls a checksum is not believed: the bytes are hashed here.

Only `memory://` and `file://` are read without `online`. URLs that chain one file system to another are refused: the
last part of the chain could be anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from provenance.artifacts.containers.safetensors import header_length, parse_header
from provenance.artifacts.crew import Crew, Progress, in_threads
from provenance.artifacts.hashing import FILES_AND_TENSORS, FileRead, Wanted
from provenance.artifacts.manifest import is_index, manifest_of
from provenance.artifacts.names import brief, collisions, problem_with_name
from provenance.artifacts.sources.collecting import Collected, Total
from provenance.artifacts.sources.folder import FoundFile, Listing
from provenance.artifacts.sources.streamed import read_blocks
from provenance.artifacts.tensors import TensorInfo
from provenance.errors import ArtifactError, Finding, UsageError

BLOCK = 8 << 20
_HERE = ("memory", "file")
# What stores say of a file that changes when the file does.
_FACTS = ("size", "ETag", "etag", "LastModified", "last_modified", "mtime", "created", "ino", "VersionId",
          "version_id", "generation", "md5Hash", "content_md5")


@dataclass(frozen=True)
class _Store:
    """A file system of fsspec and a path in it. Errors of any kind become ArtifactError: each backend has its own."""

    system: Any
    path: str
    url: str

    @classmethod
    def of(cls, url: str, *, online: bool, options: Mapping[str, Any] | None) -> _Store:
        scheme, sign, _ = url.partition("://")
        if not sign or not scheme or "::" in url:
            raise UsageError("usage", "not a URL of one file system", location=brief(url), hint="write scheme://path")
        if scheme not in _HERE and not online:
            raise ArtifactError("network-not-allowed", "the source is on a network", location=url,
                                hint="--online allows it")
        try:
            from fsspec.core import url_to_fs

            system, path = url_to_fs(url, **(options or {}))
        except ImportError as err:
            raise ArtifactError("extra-missing", f"reading {scheme}:// needs a library: {brief(str(err))}",
                                location=url, hint="pip install 'open-provenance[remote]'") from err
        except Exception as err:  # see the class
            raise _unreachable(err, url) from err
        return cls(system, str(path), url)

    def info(self, path: str) -> dict[str, Any]:
        try:
            return dict(self.system.info(path))
        except FileNotFoundError as err:
            raise ArtifactError("path-not-found", "there is nothing at this address", location=self.url,
                                hint="check the address") from err
        except Exception as err:  # see the class
            raise _unreachable(err, self.url) from err

    def find(self) -> dict[str, dict[str, Any]]:
        try:
            return dict(self.system.find(self.path, detail=True))
        except Exception as err:  # see the class
            raise _unreachable(err, self.url) from err

    def read(self, path: str, start: int, end: int, location: str) -> bytes:
        """The bytes of a range that lies in the file; ArtifactError where it gives others."""
        try:
            data = self.system.cat_file(path, start=start, end=end)
        except Exception as err:  # see the class
            raise _unreachable(err, location) from err
        if not isinstance(data, bytes) or len(data) != end - start:
            raise ArtifactError("file-changed-while-read", "the store gave other bytes than the range that was asked "
                                "for", location=location, hint="run the command again")
        return data


def scan_remote(
    url: str, *, online: bool = False, wanted: Wanted = FILES_AND_TENSORS, options: Mapping[str, Any] | None = None,
    progress: Progress | None = None, total: Total | None = None, block: int = BLOCK,
) -> Collected:
    """Read a file, or everything below a path, once. `options` go to the file system (endpoint, credentials)."""
    store = _Store.of(url, online=online, options=options)
    status = store.info(store.path)
    is_file = status.get("type") == "file"
    name = store.path.rstrip("/").rpartition("/")[2]
    infos = {name: status} if is_file else _below(store)
    found = _listing(infos)
    if not found.files and not found.findings:
        raise ArtifactError("folder-empty", "there is no file below this address", location=url,
                            hint="give the address that holds the model")
    if total is not None:
        total(sum(file.size for file in found.files))

    def work(file: FoundFile, crew: Crew) -> FileRead:
        return _read(store, file, infos[file.path], wanted, crew, block)

    reads = in_threads(work, found.files, progress)
    return Collected(manifest_of(name, found, reads, wanted, is_file=is_file), sum(read.taken for read in reads))


def remote_header(
    url: str, *, online: bool = False, options: Mapping[str, Any] | None = None
) -> tuple[TensorInfo, ...]:
    """The tensors that a remote safetensors file describes, by reading its header alone: names, types, places.

    Nothing of this is verified: the values were not read.
    """
    store = _Store.of(url, online=online, options=options)
    size = _size(store.info(store.path), url)
    prefix = store.read(store.path, 0, min(8, size), url)
    end = 8 + header_length(prefix, size, url)
    return tuple(parse_header(prefix + store.read(store.path, 8, end, url), size, url))


def _below(store: _Store) -> dict[str, dict[str, Any]]:
    """What `find` lists, by path relative to where it began; the marks that stand for empty folders are left out."""
    root = store.path.rstrip("/") + "/"
    listed = store.find()
    return {name.removeprefix(root): info for name, info in listed.items()
            if info.get("type") != "directory" and not (name.endswith("/") and not info.get("size"))}


def _listing(infos: Mapping[str, Mapping[str, Any]]) -> Listing:
    found = Listing()
    for path, info in infos.items():
        if problem := problem_with_name(path):
            shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            found.findings.append(Finding("file-name-invalid", "error", f"a name {problem}", shown, "rename it"))
        elif info.get("islink"):
            found.findings.append(Finding("file-is-symlink", "error", "a symbolic link", path,
                                          "put a copy of the file in its place"))
        elif info.get("type") != "file":
            found.findings.append(Finding("file-special", "error", "not a regular file", path, "remove it"))
        else:
            found.files.append(FoundFile(path, _size(info, path)))
    found.files.sort(key=lambda file: file.path.encode("utf-8"))
    for group in collisions(file.path for file in found.files):
        found.findings.append(Finding("file-name-collides", "error", "these names are one name on other systems: "
                                      + " and ".join(group), group[0], "rename one of them"))
    return found


def _size(info: Mapping[str, Any], location: str) -> int:
    size = info.get("size")
    if type(size) is not int or size < 0:
        raise ArtifactError("source-unreachable", "the store does not say how large the file is", location=location,
                            hint="fetch it to a folder first")
    return size


def _read(
    store: _Store, file: FoundFile, info: Mapping[str, Any], wanted: Wanted, crew: Crew, block: int
) -> FileRead:
    path = str(info["name"])
    try:
        blocks = _blocks(store, path, file, block)
        read = read_blocks(blocks, file.size, file.path, wanted, keep=is_index(file), crew=crew)
        _refuse_change(info, store.info(path), file.path)
    except ArtifactError as err:
        return FileRead(file.size, problem=err)
    return read


def _blocks(store: _Store, path: str, file: FoundFile, block: int) -> Iterator[bytes]:
    for start in range(0, file.size, block):
        yield store.read(path, start, min(start + block, file.size), file.path)


def _refuse_change(before: Mapping[str, Any], after: Mapping[str, Any], location: str) -> None:
    # A listing may say less than the question for one file: only what both say is compared.
    if any(_plain(before[fact]) != _plain(after[fact]) for fact in _FACTS if fact in before and fact in after):
        raise ArtifactError("file-changed-while-read", "the file changed while it was read", location=location,
                            hint="stop what writes to it and run the command again")


def _plain(fact: Any) -> Any:
    """A time as a number: some stores spell it so in a listing, and not in the answer for one file."""
    return fact.timestamp() if isinstance(fact, datetime) else fact


def _unreachable(err: Exception, location: str) -> ArtifactError:
    told = brief(str(err)) or type(err).__name__
    return ArtifactError("source-unreachable", f"the store cannot be read: {told}", location=location,
                         hint="check the address, the network and the credentials")
