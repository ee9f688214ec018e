"""The layout of a zip archive: what passes is the same archive to Python's own reader, which starts from behind."""

from __future__ import annotations

import io
import zipfile

from harness import fuzz
from writers import as_file, zipped

SEEDS = [
    b"", zipped({}), zipped({"a": b"1"}), zipped({"a/b.npy": b"12345678", "c": b""}),
    zipped({"a": b"1" * 99}, packed=True), zipped({"a": b"1"}) + b"x", b"x" + zipped({"a": b"1"}),
    zipped({"a": b"1"}) + zipped({"b": b"2"}),
]


def one_input(data: bytes) -> None:
    """The same names, and each entry's bytes where Python finds them."""
    from provenance.artifacts.containers.plan import WeightFile
    from provenance.artifacts.containers.zip_layout import read_layout
    from provenance.errors import ArtifactError

    with as_file(data) as (descriptor, size):
        try:
            entries = read_layout(WeightFile(descriptor, size, "input")).entries
        except ArtifactError:
            return
    at = 0
    for entry in sorted(entries.values(), key=lambda entry: entry.start):
        assert at <= entry.start <= entry.end <= size
        at = entry.end
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert [info.orig_filename for info in archive.infolist()] == list(entries)
        for info in archive.infolist():
            entry = entries[info.orig_filename]
            assert (info.CRC, info.compress_size) == (entry.crc, entry.size)
            if not entry.method:
                try:
                    content = archive.read(info)
                except (zipfile.BadZipFile, NotImplementedError, EOFError):
                    continue
                assert content == data[entry.start : entry.end]


if __name__ == "__main__":
    fuzz(one_input, "provenance.artifacts.containers.zip_layout")
