"""Any URL of fsspec (`s3://`, `gs://`, `memory://`, `file://` ...): listed, and streamed by ranged reads.

Each file is read once, in blocks, on as many threads as there are cores; memory is a few blocks, whatever the size. A
file that is another one at the end than at the beginning, by what the store says of it, is an error. What the store
calls a checksum is not believed: the bytes are hashed here. `ranged.py` reads headers first, and then less than all.

Only `memory://` and `file://` are read without `online`. URLs that chain one file system to another are refused: the
last part of the chain could be anywhere. No message names a user, a password or a query: what signs a request stands
there.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

from provenance.artifacts.crew import Crew, Progress, in_threads
from provenance.artifacts.hashing import FILES_AND_TENSORS, FileRead, Wanted
from provenance.artifacts.manifest import is_index, manifest_of
from provenance.artifacts.names import brief, collisions, problem_with_name
from provenance.artifacts.sources.collecting import Collected, Total
from provenance.artifacts.sources.folder import FoundFile, Listing
from provenance.artifacts.sources.streamed import read_blocks
from provenance.errors import ArtifactError, Finding, UsageError

_log = logging.getLogger(__name__)
BLOCK = 8 << 20
_HERE = ("memory", "file")
# What stores say of a file that changes when the file does.
_FACTS = ("size", "ETag", "etag", "LastModified", "last_modified", "mtime", "created", "ino", "VersionId",
          "version_id", "generation", "md5Hash", "content_md5")
_USER = re.compile(r"(?<=://)[^/?#\s]*@")
_PASSWORD = re.compile(r"://[^/?#\s]*:[^/?#\s]*@")
_QUERY = re.compile(r"\?(?=\S)[^\s'\"]*")


def without_secrets(text: str) -> str:
    """The text with no user, password or query in any address."""
    return _QUERY.sub("", _USER.sub("", text))


@dataclass
class Fetched:
    """How many bytes of files came over so far."""

    bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, size: int) -> None:
        """Count the bytes of one range."""
        with self._lock:
            self.bytes += size


@dataclass(frozen=True)
class Store:
    """A file system of fsspec and a path in it. Errors of any kind become ArtifactError: each backend has its own.

    Whatever the file system remembers of a listing is forgotten before it is asked: a file that was replaced since
    would look unchanged. Not where `is_fixed`: a commit stays what it is. `how` is handed on to each read of a range.
    """

    system: Any
    path: str
    url: str
    how: Mapping[str, Any] = field(default_factory=dict)
    is_fixed: bool = False
    fetched: Fetched = field(default_factory=Fetched)

    @classmethod
    def of(cls, url: str, *, online: bool, options: Mapping[str, Any] | None) -> Store:
        """The store of a URL; nothing is asked of it yet."""
        scheme, sign, _ = url.partition("://")
        if not sign or not scheme or "::" in url:
            raise UsageError("usage", "not a URL of one file system", location=brief(without_secrets(url)),
                             hint="write scheme://path")
        shown = without_secrets(url)
        if _PASSWORD.search(url):  # whoever lists the processes of this machine has read it already
            raise UsageError("usage", "an address with a password in it", location=shown,
                             hint="put it where the store's client looks: its environment or configuration")
        if scheme not in _HERE and not online:
            raise ArtifactError("network-not-allowed", "the source is on a network", location=shown,
                                hint="--online allows it")
        try:
            from fsspec.core import url_to_fs

            system, path = url_to_fs(url, **(options or {}))
        except ImportError as err:
            raise ArtifactError("extra-missing", f"reading {scheme}:// needs a library: {brief(str(err))}",
                                location=shown, hint="pip install 'open-provenance[remote]', and what the "
                                "message names (s3fs for s3://)") from err
        except Exception as err:  # see the class
            raise _unreachable(err, shown) from err
        return cls(system, str(path), shown)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return without_secrets(self.path).rstrip("/").rpartition("/")[2]

    def _forget(self) -> None:
        if not self.is_fixed:
            self.system.invalidate_cache()

    def info(self, path: str) -> dict[str, Any]:
        """What the store says of one file now."""
        try:
            self._forget()
            return dict(self.system.info(path))
        except FileNotFoundError as err:
            raise ArtifactError("path-not-found", "there is nothing at this address", location=self.url,
                                hint="check the address") from err
        except Exception as err:  # see the class
            raise _unreachable(err, self.url) from err

    def find(self) -> dict[str, dict[str, Any]]:
        """What the store says of everything below the path now."""
        try:
            self._forget()
            return dict(self.system.find(self.path, detail=True))
        except Exception as err:  # see the class
            raise _unreachable(err, self.url) from err

    def read(self, path: str, start: int, end: int, location: str) -> bytes:
        """The bytes of a range that lies in the file; ArtifactError where it gives others."""
        try:
            data = self.system.cat_file(path, start=start, end=end, **self.how)
        except Exception as err:  # see the class
            raise _unreachable(err, location) from err
        self.fetched.add(len(data))
        _log.debug("%s: bytes %d to %d", location, start, end)
        if not isinstance(data, bytes) or len(data) != end - start:
            raise ArtifactError("file-changed-while-read", "the store gave other bytes than the range that was asked "
                                "for", location=location, hint="run the command again")
        return data


def scan_remote(
    url: str, *, online: bool = False, wanted: Wanted = FILES_AND_TENSORS, options: Mapping[str, Any] | None = None,
    progress: Progress | None = None, total: Total | None = None, block: int = BLOCK,
) -> Collected:
    """Read a file, or everything below a path, once. `options` go to the file system (endpoint, credentials)."""
    store = Store.of(url, online=online, options=options)
    infos, found, is_file = listed(store)
    if total is not None:
        total(sum(file.size for file in found.files))

    def work(file: FoundFile, crew: Crew) -> FileRead:
        return read_whole(store, file, infos[file.path], wanted, crew, block=block)

    reads = in_threads(work, found.files, progress)
    return Collected(manifest_of(store.name, found, reads, wanted, is_file=is_file),
                     sum(read.taken for read in reads))


def listed(store: Store) -> tuple[dict[str, dict[str, Any]], Listing, bool]:
    """What the store says of each file, what is to be read of them, and whether the artefact is one file."""
    status = store.info(store.path)
    is_file = status.get("type") == "file"
    infos = {store.name: status} if is_file else _below(store)
    found = _listing(infos)
    if not found.files and not found.findings:
        raise ArtifactError("folder-empty", "there is no file below this address", location=store.url,
                            hint="give the address that holds the model")
    return infos, found, is_file


def _below(store: Store) -> dict[str, dict[str, Any]]:
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


def read_whole(
    store: Store, file: FoundFile, info: Mapping[str, Any], wanted: Wanted, crew: Crew, *, block: int = BLOCK,
    begun: bytes = b"",
) -> FileRead:
    """Read one file to its end; `begun` is what was read of its beginning before."""
    path = str(info["name"])
    try:
        blocks = chain([begun] if begun else [], _blocks(store, path, file, block, len(begun)))
        read = read_blocks(blocks, file.size, file.path, wanted, keep=is_index(file), crew=crew)
        refuse_change(info, store.info(path), file.path)
    except ArtifactError as err:
        return FileRead(file.size, problem=err)
    return read


def _blocks(store: Store, path: str, file: FoundFile, block: int, begin: int) -> Iterator[bytes]:
    for start in range(begin, file.size, block):
        yield store.read(path, start, min(start + block, file.size), file.path)


def refuse_change(before: Mapping[str, Any], after: Mapping[str, Any], location: str) -> None:
    """ArtifactError where a store says something else of a file than before."""
    # A listing may say less than the question for one file: only what both say is compared.
    if any(not _agree(before[fact], after[fact]) for fact in _FACTS if fact in before and fact in after):
        raise ArtifactError("file-changed-while-read", "the file changed while it was read", location=location,
                            hint="stop what writes to it and run the command again")


def _agree(before: Any, after: Any) -> bool:
    """Whether two answers say one thing: some stores spell it otherwise in a listing than for one file."""
    if isinstance(before, str) and isinstance(after, str):
        return before.strip('"') == after.strip('"')
    first, second = (fact.timestamp() if isinstance(fact, datetime) else fact for fact in (before, after))
    if first == second or not isinstance(first, float) or not isinstance(second, float):
        return bool(first == second)
    # A header of HTTP has whole seconds, and a listing may have more.
    return int(first) == int(second) and (first.is_integer() or second.is_integer())


def _unreachable(err: Exception, location: str) -> ArtifactError:
    told = brief(without_secrets(str(err))) or type(err).__name__
    return ArtifactError("source-unreachable", f"the store cannot be read: {told}", location=location,
                         hint="check the address, the network and the credentials")
