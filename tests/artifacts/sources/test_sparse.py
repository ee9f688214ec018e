"""A file that is mostly a hole is refused before it is read; one that was written is read, holes and all."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from provenance.artifacts.manifest import scan
from provenance.artifacts.sources import folder
from provenance.artifacts.sources.archive import unpacked
from provenance.artifacts.sources.collecting import collect_path
from provenance.errors import ArtifactError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="holes as Linux tells of them")


def hollow(path: Path, size: int, *written: tuple[int, bytes]) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
        for at, data in written:
            file.seek(at)
            file.write(data)
    return path


@pytest.mark.parametrize("written", [(), ((0, b"x"),), ((1 << 39, b"x" * 9999), ((1 << 40) - 1, b"y"))],
                         ids=["nothing in it", "a byte in front", "some in the middle"])
def test_a_terabyte_of_nothing_is_a_finding_and_its_digest_is_not_made(
    tmp_path: Path, written: tuple[tuple[int, bytes], ...]
) -> None:
    hollow(tmp_path / "model.bin", 1 << 40, *written)
    for manifest in (scan(tmp_path), collect_path(tmp_path).manifest, scan(tmp_path / "model.bin")):
        assert [(finding.code, finding.severity) for finding in manifest.findings] == [("file-sparse", "error")]
        assert manifest.digest == {}


def test_an_archive_that_is_a_hole_is_not_unpacked(tmp_path: Path) -> None:
    """To its end, a tar of zeros is an empty tar."""
    with pytest.raises(ArtifactError) as caught, unpacked(hollow(tmp_path / "model.tar", 1 << 40)):
        pass
    assert caught.value.code == "file-sparse"


def test_a_hole_in_a_file_that_was_written_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "FREE_HOLE", 1 << 20)
    hollow(tmp_path / "model.bin", 4 << 20, *((at << 19, bytes(65_536)) for at in range(8)))
    hollow(tmp_path / "small.bin", 1 << 20)
    assert all(entry.sha256 for entry in scan(tmp_path).files)


def test_where_the_ranges_of_the_data_are_not_told_the_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "FREE_HOLE", 1 << 20)
    hollow(tmp_path / "model.bin", 4 << 20)
    seek = os.lseek

    def refusing(descriptor: int, position: int, how: int) -> int:
        if how == os.SEEK_DATA:
            raise OSError(22, "Invalid argument")
        return seek(descriptor, position, how)

    monkeypatch.setattr(os, "lseek", refusing)
    assert scan(tmp_path).files[0].sha256
