"""A snapshot of a Hub cache at any place as a manifest, with the bytes of its card.

`artifacts/sources/hub.py` reads what the user's own cache holds under an address and keeps no content; an inventory is
pointed at a cache that lies anywhere, and needs the card. Links are treated as there: each is followed one step, to a
file in `blobs/` of its own repository, and any other is an error of the model. The names of blobs are digests that a
download claimed: of files in LFS they are compared, and never believed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from provenance.artifacts.crew import Crew, Progress, in_threads
from provenance.artifacts.hashing import FileRead, Wanted, read_file
from provenance.artifacts.manifest import MAX_KEPT, Manifest, is_index, manifest_of
from provenance.artifacts.names import collisions, problem_with_name
from provenance.artifacts.sources.folder import FoundFile, Listing, open_folder, opened, shown
from provenance.errors import ArtifactError, Finding

_SHA256 = re.compile(r"[0-9a-f]{64}")


def scan_snapshot(
    snapshot: Path, *, wanted: Wanted, keep: Callable[[str], bool], progress: Progress | None = None
) -> Manifest:
    """Read every file of a snapshot once; the bytes of those for which `keep` is true are kept.

    ArtifactError `folder-empty` where it holds no file. What `scan` tells of a folder, this tells of a snapshot.
    """
    root = Path(os.path.realpath(snapshot))
    found, places = Listing(), dict[str, Path]()
    for path, place in _walk(root, root, found.findings):
        places[path] = place
        found.files.append(FoundFile(path, place.lstat().st_size))
    if not found.files and not found.findings:
        raise ArtifactError("folder-empty", "the snapshot holds no file", location=shown(os.fspath(snapshot)),
                            hint="fetch the model again")
    found.files.sort(key=lambda file: file.path.encode("utf-8"))
    for group in collisions(places):
        told = f"these names are one name on other systems: {' and '.join(group)}"
        found.findings.append(Finding("file-name-collides", "error", told, group[0], "rename one of them"))

    def read(file: FoundFile, crew: Crew) -> FileRead:
        kept = is_index(file) or (file.size <= MAX_KEPT and keep(file.path))
        return _read(places[file.path], file, wanted, kept, crew)

    reads = in_threads(read, found.files, progress, size=lambda file: file.size)
    for file, done in zip(found.files, reads, strict=True):
        found.findings += _compared(file, done, places[file.path])
    return manifest_of(root.name, found, reads, wanted)


def _walk(root: Path, folder: Path, findings: list[Finding]) -> Iterator[tuple[str, Path]]:
    """The files of a snapshot by their names in the repository, and where the bytes of each lie."""
    with os.scandir(folder) as listing:
        children = sorted(listing, key=lambda child: child.name)
    for child in children:
        path, here = Path(child.path).relative_to(root).as_posix(), Path(child.path)
        if problem := problem_with_name(path):
            findings.append(Finding("file-name-invalid", "error", f"a name {problem}", shown(path), "rename it"))
        elif child.is_dir(follow_symlinks=False):
            yield from _walk(root, here, findings)
        elif not child.is_symlink():
            yield path, here
        elif blob := _blob(root, here):
            yield path, blob
        else:
            told = "a link that does not lead to a blob of its repository"
            findings.append(Finding("hub-link-outside", "error", told, path, "delete the snapshot and fetch it again"))


def _blob(root: Path, link: Path) -> Path | None:
    """The blob that a link of a snapshot means, by its text; None where it leads elsewhere, or to another link."""
    target = Path(os.path.normpath(link.parent / os.readlink(link)))  # noqa: PTH115  its text, not where it ends
    blobs = root.parent.parent / "blobs"
    return target if target.parent == blobs and target.is_file() and not target.is_symlink() else None


def _read(place: Path, file: FoundFile, wanted: Wanted, kept: bool, crew: Crew) -> FileRead:
    try:
        root = open_folder(place.parent)
        try:
            with opened(root, place.name) as descriptor:
                return read_file(descriptor, file.path, wanted, keep=kept, crew=crew)
        finally:
            os.close(root)
    except ArtifactError as err:
        return FileRead(file.size, problem=err)
    except OSError as err:
        problem = ArtifactError("input-unreadable", f"cannot read the file: {err.strerror}", location=file.path)
        return FileRead(file.size, problem=problem)


def _compared(file: FoundFile, read: FileRead, place: Path) -> Iterator[Finding]:
    if read.sha256 and _SHA256.fullmatch(place.name) and place.name != read.sha256:
        told = f"its bytes have the digest {read.sha256}, and the Hub recorded {place.name}"
        yield Finding("hub-digest-mismatch", "error", told, file.path, "delete the snapshot and fetch it again")
