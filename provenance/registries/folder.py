"""A registry that is a folder: admitted models by content address, each whole or not there.

    REGISTRY/
      <dirHash>/            one admitted model
        model/              the bytes that were judged
        evidence/           the bundles that were judged
        verdict.json        the verdict document
        verdict.sigstore.json   the signed verification summary
        verdicts/           later verdicts about the same bytes, by the sha256 of the signed summary
      .staging-<random>/    an admission that is going on, or the leavings of one that was killed
      .staging-<random>.lock

An admission is staged beside the others, synced, and renamed: a reader sees all of it or nothing. A leaving that
nobody holds the lock of is cleared by the next admission.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from provenance.artifacts.hashing import FILES
from provenance.artifacts.manifest import dir_hash, scan
from provenance.errors import ArtifactError, RegistryError
from provenance.files import sync_folder, write_whole

_STAGING = ".staging-"
_LOCK = ".lock"


@dataclass(frozen=True)
class Staging:
    """A private folder inside the registry, on its way to become an entry."""

    folder: Path

    @property
    def model(self) -> Path:
        """Where the model's bytes go."""
        return self.folder / "model"

    def write(self, name: str, data: bytes) -> None:
        """Write one file of the entry, synced."""
        write_whole(self.folder / name, data, replace=False)

    def remove_from_model(self, path: str) -> None:
        """Leave one file out of the copy."""
        (self.model / path).unlink(missing_ok=True)


@contextmanager
def staging(registry: Path) -> Iterator[Staging]:
    """A staging folder that is gone at the end, unless it was admitted; RegistryError `output-unwritable`."""
    created = not registry.exists()
    try:
        registry.mkdir(parents=True, exist_ok=True)
        _clear_leavings(registry)
        folder = registry / f"{_STAGING}{secrets.token_hex(8)}"
        # The lock comes before the folder and lies beside it: a staging folder without one is always a leaving.
        lock = os.open(_lock_of(folder), os.O_CREAT | os.O_RDWR | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder.mkdir(mode=0o755)
        (folder / "model").mkdir()
    except OSError as err:
        hint = "check its permissions and the space that is left"
        if isinstance(err, FileExistsError | NotADirectoryError):
            hint = "name a folder; one that is not there yet is made"
        raise RegistryError("output-unwritable", f"cannot write to the registry: {err.strerror}",
                            location=str(registry), hint=hint) from err
    try:
        yield Staging(folder)
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)
        _lock_of(folder).unlink(missing_ok=True)
        if created:
            with suppress(OSError):  # refused into a registry that was not there: leave nothing behind
                registry.rmdir()


def admit(stage: Staging, address: str) -> tuple[Path, bool]:
    """Turn a staging folder into the entry of this content address: where it is, and whether it is new.

    An entry that is there already has the same bytes, because the address is their digest; it is left as it is.
    """
    entry = stage.folder.parent / address
    try:
        for folder, _, _ in os.walk(stage.folder, topdown=False):
            sync_folder(Path(folder))
        stage.folder.rename(entry)
    except OSError as err:
        if entry.is_dir() and not entry.is_symlink():
            return _confirmed(entry, stage), False
        raise RegistryError("output-unwritable", f"cannot admit into the registry: {err.strerror}", location=str(entry),
                            hint="check its permissions and the space that is left") from err
    sync_folder(entry.parent)
    return entry, True


def _confirmed(entry: Path, stage: Staging) -> Path:
    """An entry that was there before, after its bytes were read again; the new verdict is put beside its first one."""
    try:
        links = sorted(path.name for path in entry.iterdir() if path.is_symlink())
        model = scan(entry / "model", wanted=FILES).require_sound()
    except ArtifactError as err:
        raise _damaged(entry, err.message) from err
    except OSError as err:
        raise _damaged(entry, f"it cannot be read: {err.strerror}") from err
    if links:  # through one the bytes would change afterwards, or the verdict be written somewhere else
        raise _damaged(entry, f"{links[0]} is a link")
    if dir_hash(model.files) != entry.name:
        raise _damaged(entry, "its bytes are not those of its address")
    shared = next((finding for finding in model.findings if finding.code == "file-hard-linked"), None)
    if shared is not None:
        raise _damaged(entry, f"{shared.location} is a file of somebody else's too, who could change it")
    summary = (stage.folder / "verdict.sigstore.json").read_bytes()
    name = hashlib.sha256(summary).hexdigest()
    write_whole(entry / "verdicts" / f"{name}.sigstore.json", summary)
    write_whole(entry / "verdicts" / f"{name}.json", (stage.folder / "verdict.json").read_bytes())
    return entry


def _damaged(entry: Path, why: str) -> RegistryError:
    return RegistryError("registry-damaged", f"the registry holds this entry, and it is damaged: {why}",
                         location=str(entry), hint="move it away, find out what changed it, and admit again")


def entries(registry: Path) -> list[str]:
    """The content addresses of everything that was admitted, sorted."""
    return sorted(path.name for path in registry.iterdir() if path.is_dir() and not path.name.startswith("."))


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + _LOCK)


def _clear_leavings(registry: Path) -> None:
    for lock_file in registry.glob(f"{_STAGING}*{_LOCK}"):
        folder = lock_file.with_name(lock_file.name.removesuffix(_LOCK))
        try:
            lock = os.open(lock_file, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            continue  # being made or removed by another admission
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
            lock_file.unlink(missing_ok=True)
        except BlockingIOError:
            continue  # another admission is at work in it
        finally:
            os.close(lock)
