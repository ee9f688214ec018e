"""Parquet whose pages claim more than there is: the claim costs nothing."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from provenance.artifacts.dataset import containers
from provenance.artifacts.dataset.shards import open_shard
from provenance.artifacts.dataset.splits import Place

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

READ = """
import resource, sys
from provenance.artifacts.dataset import containers
from provenance.artifacts.dataset.shards import open_shard
from provenance.artifacts.dataset.splits import Place
from pathlib import Path
from provenance.errors import ArtifactError
path = Path(sys.argv[1])
with open_shard(Place(path.parent, path.name)) as shard:
    try:
        opened = containers.TypedFile(shard)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(sum(len(batch.encoded().leaves) for batch in opened.batches(opened.schema(None), partial=False)), end=" ")
    except ArtifactError as err:
        print(err.code, end=" ")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
LONGEST = b"\xfe\xff\xff\xff\x0f"  # 2^31 - 1, as Thrift writes it


def one_column() -> bytes:
    file = io.BytesIO()
    parquet.write_table(pa.table({"i": pa.array([1, 2, 3], pa.int8())}), file, compression="none", use_dictionary=False)
    return file.getvalue()


def test_a_page_that_claims_two_gigabytes_takes_none_of_them(tmp_path: Path) -> None:
    """Found by fuzzing: 1,512 bytes took 1.4 GiB and twelve seconds. A page's header is type, size and stored size."""
    whole = one_column()
    header = whole[4:10]
    assert header[::2] == b"\x15\x15\x15"
    for claimed, expected in ((header, "3"), (header[:3] + LONGEST + b"\x15" + LONGEST, "parquet-invalid")):
        path = tmp_path / "data.parquet"
        path.write_bytes(whole[:4] + claimed + whole[10:])
        run = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
        told, memory = run.stdout.split()
        assert told == expected
        assert int(memory) < 100


def records(path: Path) -> int:
    with open_shard(Place(path.parent, path.name)) as shard:
        opened = containers.TypedFile(shard)
        return sum(len(batch.encoded().leaves) for batch in opened.batches(opened.schema(None), partial=False))


def test_a_large_file_is_read_page_by_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data.parquet"
    path.write_bytes(one_column())
    monkeypatch.setattr(containers, "MAX_WHOLE", 0)
    assert records(path) == 3
