"""A zip or tar that is unpacked: into its own folder, as files and folders of plain names, or refused."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from harness import fuzz
from writers import tarred, zipped

ENTRIES = {"m/config.json": b"{}", "m/w.bin": bytes(64)}
SEEDS = [
    b"", zipped(ENTRIES), zipped(ENTRIES, packed=True), zipped({"../x": b"1"}), zipped({"/x": b"1"}),
    zipped({"a": b"", "A": b""}), tarred(ENTRIES), tarred(ENTRIES, "w:gz"), tarred(ENTRIES, "w:bz2"),
    tarred({"../x": b"1"}), tarred({"a" * 300: b"1"}),
]


def one_input(data: bytes) -> None:
    """Taken as a zip and as a tar: nothing beside the folder, no links, no more bytes than the bound."""
    from provenance.artifacts.sources.archive import FREE_BYTES, MAX_RATIO, unpacked
    from provenance.errors import ArtifactError

    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for suffix in ("zip", "tar"):
            archive = place / f"model.{suffix}"
            archive.write_bytes(data)
            try:
                with unpacked(archive) as folder:
                    total = 0
                    for found in folder.rglob("*"):
                        status = os.lstat(found)
                        assert stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
                        assert status.st_mode & 0o077 == 0 or stat.S_ISDIR(status.st_mode)
                        total += status.st_size if stat.S_ISREG(status.st_mode) else 0
                    assert total <= FREE_BYTES + MAX_RATIO * len(data)
            except ArtifactError:
                pass
            archive.unlink()
        assert os.listdir(place) == []  # noqa: PTH208


if __name__ == "__main__":
    fuzz(one_input, "provenance.artifacts.sources.archive")
