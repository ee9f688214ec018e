"""A zip or tar of a model: never opened unless that is asked for, then unpacked where it can do no harm.

    1. a zip must read the same from both of its ends (`containers.zip_layout`); a tar is plain, or packed by gzip or
       bzip2 (xz lets its author choose how much memory is taken); a tar has no headers that are meant for all members,
       but for a comment
    2. only regular files and folders, never links, devices or sparse files; names as `names.problem_with_name` has
       them; no name twice, and none that is equal to another on some system
    3. no more bytes come out than a multiple of what went in, and than there is room for; a tar's own headers are
       bounded too
    4. into a new folder that only this user can enter, each file created by name for the first time

Nothing of an archive but names and bytes is taken over: no owners, modes or times.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from provenance.artifacts.containers.plan import WeightFile
from provenance.artifacts.containers.zip_layout import read_layout
from provenance.artifacts.crew import Progress
from provenance.artifacts.hashing import FILES_AND_TENSORS, Wanted
from provenance.artifacts.manifest import scan
from provenance.artifacts.names import brief, collisions, problem_with_name
from provenance.artifacts.sources.collecting import Collected, Total
from provenance.artifacts.sources.folder import FoundFile, refuse_hole
from provenance.errors import ArtifactError, RegistryError

if TYPE_CHECKING:
    import tarfile
    import zipfile

ZIP_SUFFIXES = (".zip",)
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2")
UNREAD_SUFFIXES = (".tar.xz", ".txz", ".tar.zst", ".7z", ".rar")
MAX_MEMBERS = 100_000
MAX_HEADER = 1 << 20  # of a tar member: names of a kilobyte and a few attributes
# Deflate packs at most 1,032 to 1; weights and text that people publish stay far below a hundred.
MAX_RATIO = 100
FREE_BYTES = 64 << 20
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Limits:
    """How much may come out of an archive: bytes in all, whatever its size, and bytes for each byte of it."""

    total: int | None = None  # None: what there is room for
    ratio: int = MAX_RATIO
    members: int = MAX_MEMBERS


def is_archive(path: Path) -> bool:
    """Whether the name is one of an archive. Checkpoints that are zip files inside (`.pt`, `.npz`) are none."""
    return path.name.lower().endswith((*ZIP_SUFFIXES, *TAR_SUFFIXES, *UNREAD_SUFFIXES))


def refuse_archive(path: Path) -> None:
    """ArtifactError `archive-not-asked` where the path is an archive."""
    if is_archive(path) and path.is_file():
        raise ArtifactError("archive-not-asked", "an archive; what is in it is not looked at unasked",
                            location=str(path), hint="--extract looks into it, --no-extract takes it as one file")


def scan_archive(
    path: Path, *, wanted: Wanted = FILES_AND_TENSORS, limits: Limits | None = None, progress: Progress | None = None,
    total: Total | None = None,
) -> Collected:
    """Unpack an archive into a private folder, read what came out once, and remove it again.

    The manifest has the name of the archive without its ending.
    """
    with unpacked(path, limits or Limits()) as folder:
        manifest = replace(scan(folder, wanted=wanted, progress=progress, total=total), name=_stem(path))
    return Collected(manifest, manifest.size)


@contextmanager
def unpacked(path: Path, limits: Limits | None = None) -> Iterator[Path]:
    """The private folder of what is in an archive, removed at the end; ArtifactError says why it is refused."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except OSError as err:
        code = "path-not-found" if isinstance(err, FileNotFoundError) else "input-unreadable"
        raise ArtifactError(code, f"cannot read it: {err.strerror}", location=str(path), hint="check the path") from err
    with os.fdopen(descriptor, "rb") as file, tempfile.TemporaryDirectory(prefix="open-provenance-") as name:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ArtifactError("file-special", "not a regular file", location=str(path), hint="give a zip or tar file")
        refuse_hole(descriptor, FoundFile(path.name, status.st_size))
        target = _Target(Path(name), path.name, status.st_size, limits or Limits())
        if path.name.lower().endswith(ZIP_SUFFIXES):
            read_layout(WeightFile(descriptor, status.st_size, path.name))
            _unpack_zip(file, target)
        elif path.name.lower().endswith(TAR_SUFFIXES):
            _unpack_tar(file, target)
        else:
            raise ArtifactError("archive-invalid", "an archive of a kind that is not read", location=path.name,
                                hint="unpack it yourself, and give the folder")
        yield target.folder


@dataclass
class _Target:
    """The folder that is filled, and what it may still take."""

    folder: Path
    location: str
    packed: int
    limits: Limits
    names: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    members: int = 0
    written: int = 0

    def begin(self, name: str, size: int, *, is_folder: bool) -> None:
        """Count the next member, and check its size."""
        self.members += 1  # and not the names: a folder may be named again and again
        if self.members > self.limits.members:
            raise self.too_many()
        if size < 0 or (is_folder and size):
            raise self.invalid(f"{brief(name)} has a size that it cannot have")

    def admit(self, name: str, *, is_folder: bool) -> None:
        """Check the name of a member, before anything is made of it."""
        if problem := problem_with_name(name):
            shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            raise self.invalid(f"a name {problem}: {brief(shown)}")
        if name in self.names and not (is_folder and name in self.folders):
            raise self.invalid(f"it holds {brief(name)} twice")
        self.names.add(name)
        if is_folder:
            self.folders.add(name)

    def take(self, name: str, source: IO[bytes]) -> None:
        """Write one file, which is new."""
        place = self.folder / name
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
            with os.fdopen(os.open(place, flags, 0o600), "wb") as file:
                while block := source.read(_BLOCK):
                    self.count(len(block))
                    file.write(block)
        except (FileExistsError, NotADirectoryError) as err:
            raise self.invalid(f"{brief(name)} is in the way of another name") from err
        except OSError as err:
            if err.errno is None:  # from the unpacking: a checksum, a damaged stream
                raise self.invalid(str(err)) from err
            raise RegistryError("output-unwritable", f"cannot unpack it: {err.strerror}", location=str(self.folder),
                                hint="check the space that is left, or set TMPDIR") from err

    def count(self, size: int) -> None:
        """Account for bytes that come out."""
        self.written += size
        if self.written > FREE_BYTES + self.limits.ratio * self.packed:
            raise self.too_large(f"it unpacks to more than {self.limits.ratio} times its size")
        if self.limits.total is not None and self.written > self.limits.total:
            raise self.too_large(f"it unpacks to more than {self.limits.total} bytes")

    def announce(self, size: int) -> None:
        """Refuse early what could not be held anyway."""
        if size > shutil.disk_usage(self.folder).free:
            raise self.too_large(f"it unpacks to {size} bytes, and there is no room for them")

    def finish(self) -> None:
        """What can only be said of all names together."""
        for group in collisions(self.names):
            raise self.invalid(f"these names are one name on other systems: {' and '.join(map(brief, group))}")

    def too_many(self) -> ArtifactError:
        return self.too_large(f"more than {self.limits.members} files and folders")

    def invalid(self, why: str) -> ArtifactError:
        return ArtifactError("archive-invalid", f"not unpacked: {why}", location=self.location,
                             hint="ask for the model as a folder")

    def too_large(self, why: str) -> ArtifactError:
        return ArtifactError("archive-too-large", f"not unpacked: {why}", location=self.location,
                             hint="unpack it yourself if you trust it, and give the folder")


def _unpack_zip(file: IO[bytes], target: _Target) -> None:
    import zipfile
    import zlib

    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if len(members) > target.limits.members:
                raise target.too_many()
            target.announce(sum(member.file_size for member in members))
            for member in members:
                _check_zip_member(member, target)
                if not member.is_dir():
                    with archive.open(member) as source:
                        target.take(member.filename, source)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as err:
        raise target.invalid(str(err)) from err
    target.finish()


def _check_zip_member(member: zipfile.ZipInfo, target: _Target) -> None:
    mode = member.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR) or (mode and stat.S_ISDIR(mode) != member.is_dir()):
        raise target.invalid(f"{brief(member.filename)} is neither a regular file nor a folder")
    if member.filename != member.orig_filename:  # what follows a NUL is cut off
        raise target.invalid(f"{brief(member.filename)} has another name too")
    target.begin(member.filename, member.file_size, is_folder=member.is_dir())
    target.admit(member.filename.removesuffix("/"), is_folder=member.is_dir())


def _unpack_tar(file: IO[bytes], target: _Target) -> None:
    import tarfile
    import zlib

    try:
        with _plain(file) as plain:
            reader: Any = _Measured(plain, target)
            archive = tarfile.open(fileobj=reader, mode="r:", encoding="utf-8", errors="surrogateescape")  # noqa: SIM115
            while (member := _next(archive, reader, target)) is not None:
                # Kept for lookups by name, which nobody makes here: without this, memory grows with the archive.
                archive.members = []  # type: ignore[attr-defined]
                _check_tar_member(member, target)
                if member.isreg() and (source := archive.extractfile(member)) is not None:
                    target.take(member.name, source)
            _check_tar_end(reader, archive.offset, target)
    except (tarfile.TarError, zlib.error, EOFError, UnicodeError, ValueError) as err:
        raise target.invalid(str(err) or type(err).__name__) from err
    except RecursionError as err:  # `tarfile` calls itself for each header that is about the next one
        raise target.invalid("headers that are about headers") from err
    except OSError as err:
        raise target.invalid(str(err)) from err
    target.finish()


def _next(archive: tarfile.TarFile, reader: _Measured, target: _Target) -> tarfile.TarInfo | None:
    """The next member. No more than a megabyte is read for it, however many headers it has."""
    reader.left = MAX_HEADER + _BLOCK
    member = archive.next()
    reader.left = None
    if set(archive.pax_headers) - {"comment"}:  # some readers heed them, some do not; they would add up, too
        raise target.invalid("it has headers that are meant for all members")
    return member


def _check_tar_end(reader: _Measured, offset: int, target: _Target) -> None:
    """Nothing but zeros, and some of them, behind the last member: `tarfile` takes a damaged header for the end."""
    reader.seek(offset)
    count = 0
    while block := reader.read(_BLOCK):
        count += len(block)
        if block.count(0) != len(block):
            raise target.invalid("it is damaged, or goes on behind its end")
    if count < 512:
        raise target.invalid("it was cut off")


def _check_tar_member(member: tarfile.TarInfo, target: _Target) -> None:
    if member.issparse() or not (member.isreg() or member.isdir()):
        raise target.invalid(f"{brief(member.name)} is neither a regular file nor a folder")
    target.begin(member.name, member.size, is_folder=member.isdir())
    target.announce(member.size)
    if not (member.isdir() and member.name == "."):  # what `tar -C folder -c .` begins with
        member.name = member.name.removeprefix("./")
        target.admit(member.name, is_folder=member.isdir())


@contextmanager
def _plain(file: IO[bytes]) -> Iterator[IO[bytes]]:
    """The tar in the file, unpacked as it is read. Its first bytes say how it is packed."""
    import bz2
    import gzip

    magic = file.read(3)
    file.seek(0)
    if magic[:2] == b"\x1f\x8b":
        with gzip.GzipFile(fileobj=file) as plain:
            yield plain  # type: ignore[misc]
    elif magic == b"BZh":
        with bz2.BZ2File(file) as plain_bz2:
            yield plain_bz2
    else:
        yield file


class _Measured:
    """A file as `tarfile` reads it: no header of a megabyte, and no skipping for ever.

    Without this a few kilobytes of gzip hold an extended header of ten gigabytes, which would be read at once.
    """

    def __init__(self, file: IO[bytes], target: _Target) -> None:
        self._file, self._target = file, target
        self.left: int | None = MAX_HEADER + _BLOCK  # bytes that may still be read for a header

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > (MAX_HEADER + _BLOCK if self.left is None else self.left):
            raise self._target.invalid("a header is longer than a megabyte")
        data = self._file.read(size)
        if self.left is not None:
            self.left -= len(data)
        self._check(self._file.tell())
        return data

    def seek(self, position: int, whence: int = 0) -> int:
        self._check(position if whence == 0 else 0)
        return self._file.seek(position, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()

    def _check(self, position: int) -> None:
        limits, packed = self._target.limits, self._target.packed
        if position > 2 * FREE_BYTES + 2 * limits.ratio * packed:  # twice: headers and padding count too
            raise self._target.too_large(f"it unpacks to more than {limits.ratio} times its size")


def _stem(path: Path) -> str:
    lower = path.name.lower()
    suffix = next(ending for ending in (*TAR_SUFFIXES[::-1], *ZIP_SUFFIXES) if lower.endswith(ending))
    return path.name[: -len(suffix)] or path.name
