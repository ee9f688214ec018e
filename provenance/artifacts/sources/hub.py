"""`hf://org/name[@revision]`: a snapshot in the local Hugging Face cache, held against the Hub's own digests.

    models--org--name/refs/main            the commit that a branch or tag meant when it was fetched
    models--org--name/snapshots/COMMIT/    the files, each a link to
    models--org--name/blobs/OID            the bytes, under the digest that the Hub recorded: the sha256 of a file in
                                           LFS, the git blob SHA-1 of any other

Links are followed by name, never by the system: a link of a snapshot leads to a regular file in `blobs/` of the same
repository, or it is refused. What was hashed is compared with the name of the blob. Nothing touches a network unless
`online` is true; then `huggingface_hub` fetches the snapshot first, and what was hashed is compared with what the Hub
says of the commit itself: a cache can be made to lie, by a link to another blob. A snapshot that somebody fetched in
part is read as it is without `online`: what the repository holds beside it, the cache does not know. `hub_headed` keeps
nothing: it reads the Hub itself, headers first.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance.artifacts.crew import Progress
from provenance.artifacts.hashing import FILES_AND_TENSORS, FileRead, Wanted
from provenance.artifacts.manifest import Manifest
from provenance.artifacts.names import brief, collisions, problem_with_name
from provenance.artifacts.sources.collecting import Collected, Collection, Total, collect
from provenance.artifacts.sources.folder import FoundFile, Listing, open_folder, opened
from provenance.errors import ArtifactError, Finding, UsageError

if TYPE_CHECKING:
    from provenance.artifacts.cache import DigestCache
    from provenance.artifacts.sources.ranged import Headed

PREFIX = "hf://"
_ADDRESS = re.compile(r"(?:(datasets)/)?((?:[\w.-]+/)?[\w.-]+)(?:@(.+))?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_OID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# By the length of a blob's name: what it is the digest of. That of git is compared, and identifies nothing by itself.
_NAMED_BY = {0: "", 40: "gitBlob", 64: "sha256"}


@dataclass(frozen=True)
class HubAddress:
    """A repository of the Hub and a branch, tag or commit of it; `kind` is `model` or `dataset`."""

    repository: str
    revision: str = "main"
    kind: str = "model"

    @classmethod
    def parse(cls, uri: str) -> HubAddress:
        """Read `hf://[datasets/]org/name[@revision]`; UsageError where it is none."""
        found = _ADDRESS.fullmatch(uri.removeprefix(PREFIX))
        if not uri.startswith(PREFIX) or found is None or {".", ".."} & set(found[2].split("/")):
            raise _usage(uri)
        revision = found[3] or "main"
        if problem_with_name(revision):
            raise _usage(uri)
        return cls(found[2], revision, "dataset" if found[1] else "model")

    def __str__(self) -> str:
        return f"{PREFIX}{'datasets/' if self.kind == 'dataset' else ''}{self.repository}@{self.revision}"

    @property
    def folder(self) -> str:
        """The name of its folder in the cache."""
        return "--".join([f"{self.kind}s", *self.repository.split("/")])


@dataclass(frozen=True)
class HubSnapshot:
    """A snapshot that was read: which commit the revision meant, and its files by their names in the repository."""

    address: HubAddress
    commit: str
    collected: Collected

    @property
    def manifest(self) -> Manifest:
        """The files and weights of the snapshot."""
        return self.collected.manifest


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where `huggingface_hub` keeps its cache: HF_HUB_CACHE, else `hub` in HF_HOME, else in the user's cache."""
    base = environment.get("XDG_CACHE_HOME") or "~/.cache"
    home = environment.get("HF_HOME") or f"{base}/huggingface"
    place = environment.get("HF_HUB_CACHE") or environment.get("HUGGINGFACE_HUB_CACHE") or f"{home}/hub"
    return Path(os.path.expandvars(place)).expanduser()


def scan_hub(
    uri: str, *, online: bool = False, wanted: Wanted = FILES_AND_TENSORS, cache: DigestCache | None = None,
    progress: Progress | None = None, total: Total | None = None,
) -> HubSnapshot:
    """Read a snapshot once; ArtifactError `hub-not-cached` where the cache does not hold it.

    A file that is not what its name in the cache says, or online not what the Hub says, is an error finding
    `hub-digest-mismatch`.
    """
    address = HubAddress.parse(uri)
    if online:
        _fetch(address)
    place, commit = held_snapshot(address)
    root = open_folder(place)
    try:
        found, blobs = _snapshot(place, commit)
        oids = {path: _oid_of(blob) for path, blob in blobs.items()}
        if online:
            recorded = _oids_of(address, commit)
            found.findings += _unlike(oids.keys(), recorded.keys())
            oids |= {path: recorded[path] for path in oids.keys() & recorded.keys()}
        what = Collection(
            address.repository.rpartition("/")[2], found, lambda file: opened(root, blobs[file.path]), wanted=wanted,
            needed=lambda file: _NAMED_BY[len(oids[file.path])],
            examine=lambda file, read: _compared(file, read, oids[file.path]))
        return HubSnapshot(address, commit, collect(what, cache=cache, progress=progress, total=total))
    finally:
        os.close(root)


def held_snapshot(address: HubAddress) -> tuple[Path, str]:
    """The folder of a repository in the cache, and the commit that a revision means there; its snapshot is held.

    ArtifactError `hub-not-cached` where it is not.
    """
    place = Path(os.path.realpath(cache_folder())) / address.folder
    commit = _commit_of(place, address)
    if not (place / "snapshots" / commit).is_dir():
        raise _not_cached(address, f"it does not hold the snapshot {commit}")
    return place, commit


@contextmanager
def snapshot_opener(uri: str, commit: str) -> Iterator[Callable[[str], AbstractContextManager[int]]]:
    """What opens a file of a snapshot in the cache by its name in the repository."""
    place = Path(os.path.realpath(cache_folder())) / HubAddress.parse(uri).folder
    root = open_folder(place)
    try:
        yield lambda path: opened(root, _blob_of(place, f"snapshots/{commit}/{path}"))
    finally:
        os.close(root)


def hub_headed(uri: str) -> Headed:
    """A repository on the Hub with the headers of its weights, at the commit that the revision means now.

    What is then read to its end is held against the Hub's own digests, as in a snapshot. This is the network.
    """
    from provenance.artifacts.sources.ranged import headed
    from provenance.artifacts.sources.remote import Store

    address = HubAddress.parse(uri)
    library = _library(address)
    try:
        system = library.HfFileSystem(skip_instance_cache=True)
        commit = str(library.HfApi().repo_info(address.repository, repo_type=address.kind,
                                               revision=address.revision).sha)
    except Exception as err:  # its HTTP library, the system and itself each have errors of their own
        raise _not_given(address, err) from err
    if not _COMMIT.fullmatch(commit) or commit != (address.revision if _COMMIT.fullmatch(address.revision) else commit):
        raise ArtifactError("hub-digest-mismatch", f"the Hub answers with the commit {brief(commit)}",
                            location=str(address), hint="ask again; if it stays so, the Hub is broken or lies")
    place = f"{'datasets/' if address.kind == 'dataset' else ''}{address.repository}@{commit}"
    # A buffered file would read ahead: more than was asked for, and uncounted.
    store = Store(system, place, str(address), {"cache_type": "none"}, is_fixed=True)
    return headed(store, address.repository.rpartition("/")[2], needed=lambda info: _NAMED_BY[len(_recorded(info))],
                  examine=lambda file, info, read: _compared(file, read, _recorded(info)))


def _recorded(info: Mapping[str, Any]) -> str:
    """The digest that the Hub recorded for a file: the sha256 of one in LFS, the git blob SHA-1 of any other."""
    lfs = info.get("lfs")
    oid = lfs.get("sha256") if isinstance(lfs, Mapping) else info.get("blob_id")
    return oid if isinstance(oid, str) and _OID.fullmatch(oid) else ""


def _oids_of(address: HubAddress, commit: str) -> dict[str, str]:
    """What the Hub says of each file of a commit."""
    library = _library(address)
    try:
        listed = library.HfApi().repo_info(address.repository, repo_type=address.kind, revision=commit,
                                           files_metadata=True).siblings
        return {str(row.rfilename): _recorded({"lfs": row.lfs and {"sha256": row.lfs.sha256}, "blob_id": row.blob_id})
                for row in listed or ()}
    except Exception as err:  # its HTTP library, the system and itself each have errors of their own
        raise _not_given(address, err) from err


def _unlike(held: Iterable[str], listed: Iterable[str]) -> list[Finding]:
    """A snapshot that has other files than its commit."""
    here, there = set(held), set(listed)
    rows = [(path, "the Hub lists it, and the snapshot does not hold it") for path in there - here]
    rows += [(path, "the Hub lists no such file in this commit") for path in here - there]
    return [Finding("hub-digest-mismatch", "error", why, path, "delete the snapshot, and fetch it again")
            for path, why in sorted(rows)]


def _fetch(address: HubAddress) -> None:
    library = _library(address)
    try:
        library.snapshot_download(address.repository, repo_type=address.kind, revision=address.revision,
                                  cache_dir=cache_folder())
    except Exception as err:  # its HTTP library, the system and itself each have errors of their own
        raise _not_given(address, err) from err


def _library(address: HubAddress) -> Any:
    # Read when the library is imported: it tells the Hub which tools run it, unless it is asked not to.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import huggingface_hub
    except ImportError as err:
        raise ArtifactError("extra-missing", "fetching from the Hub needs huggingface_hub", location=str(address),
                            hint="pip install 'open-provenance[hub]'") from err
    return huggingface_hub


def _not_given(address: HubAddress, err: Exception) -> ArtifactError:
    return ArtifactError("source-unreachable", f"the Hub did not give it: {brief(str(err))}", location=str(address),
                         hint="check the name, the network and HF_TOKEN")


def _commit_of(place: Path, address: HubAddress) -> str:
    if _COMMIT.fullmatch(address.revision):
        return address.revision
    try:
        with (place / "refs" / address.revision).open("rb") as file:
            commit = file.read(64).decode("ascii", "replace").strip()
    except OSError as err:
        raise _not_cached(address, "it does not know the revision") from err
    if not _COMMIT.fullmatch(commit):
        raise _not_cached(address, "what it holds for the revision is not a commit")
    return commit


def _snapshot(place: Path, commit: str) -> tuple[Listing, dict[str, str]]:
    """The files of a snapshot, and where in the repository's folder the bytes of each lie."""
    found, blobs = Listing(), dict[str, str]()
    top = f"snapshots/{commit}"
    for folder, folders, names in os.walk(place / top, onerror=_unlisted):
        inside = Path(folder).relative_to(place / top).as_posix()
        # What `walk` calls a folder may be a link to one: it is not entered, and is looked at like a file.
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted([*names, *links]):
            path = name if inside == "." else f"{inside}/{name}"
            try:
                blobs[path] = _blob_of(place, f"{top}/{path}")
                found.files.append(FoundFile(path, (place / blobs[path]).lstat().st_size))
            except ArtifactError as err:
                found.findings.append(Finding(err.code, "error", err.message, err.location, err.hint))
            except OSError as err:
                found.findings.append(Finding("input-unreadable", "error", f"cannot be read: {err.strerror}", path,
                                              "fetch the snapshot again"))
    found.files.sort(key=lambda file: file.path.encode("utf-8"))
    for group in collisions(file.path for file in found.files):
        found.findings.append(Finding("file-name-collides", "error", "these names are one name on other systems: "
                                      + " and ".join(group), group[0], "rename one of them"))
    return found, blobs


def _unlisted(err: OSError) -> None:
    raise ArtifactError("input-unreadable", f"cannot list the snapshot: {err.strerror}", location=str(err.filename),
                        hint="check its permissions") from err


def _blob_of(place: Path, path: str) -> str:
    """Where the bytes of a snapshot's entry lie, relative to the folder of the repository."""
    shown = os.fsencode(path.split("/", 2)[2]).decode("utf-8", "backslashreplace")
    if problem := problem_with_name(path.split("/", 2)[2]):
        raise ArtifactError("file-name-invalid", f"a name {problem}", location=shown, hint="rename it")
    mode = (place / path).lstat().st_mode
    if stat.S_ISREG(mode):
        return path  # a system without links: the snapshot holds the bytes itself
    if not stat.S_ISLNK(mode):
        raise ArtifactError("file-special", "a device, pipe or socket", location=shown, hint="fetch it again")
    target = os.path.normpath(place / Path(path).parent / os.readlink(place / path))  # noqa: PTH115  its text
    oid = Path(target).name
    if target != str(place / "blobs" / oid) or not _OID.fullmatch(oid):
        raise ArtifactError("hub-link-outside", "a link that does not lead to a blob of its repository",
                            location=shown, hint="delete the snapshot and fetch it again")
    return f"blobs/{oid}"


def _oid_of(blob: str) -> str:
    return blob.removeprefix("blobs/") if blob.startswith("blobs/") else ""


def _compared(file: FoundFile, read: FileRead, oid: str) -> Finding | None:
    """What there is to say of a file whose bytes were hashed and whose blob has this name."""
    if not oid:
        return Finding("hub-digest-unchecked", "warning", "not held against a digest of the Hub: the snapshot holds "
                       "the file itself", file.path, "fetch it again on a system with symbolic links")
    actual = read.sha256 if len(oid) == 64 else dict(read.others).get("gitBlob", "")
    if actual == oid:
        return None
    return Finding("hub-digest-mismatch", "error", f"its bytes have the digest {actual}, and the Hub recorded {oid}",
                   file.path, "delete the snapshot and its blobs, and fetch it again")


def _not_cached(address: HubAddress, why: str) -> ArtifactError:
    return ArtifactError("hub-not-cached", f"not in the cache of Hugging Face: {why}", location=str(address),
                         hint="--online fetches it; HF_HOME names another cache")


def _usage(uri: str) -> UsageError:
    return UsageError("usage", "not the address of a repository on the Hub", location=brief(uri),
                      hint="write hf://org/name or hf://org/name@revision")
