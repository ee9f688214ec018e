"""A dataset is its records: containers, row groups, compression and file names are not in its root; order is."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pa = pytest.importorskip("pyarrow")
feather = pytest.importorskip("pyarrow.feather")
pq = pytest.importorskip("pyarrow.parquet")

from provenance.artifacts.dataset.arrow import schema_of  # noqa: E402
from provenance.artifacts.dataset.batches import ColumnBatch, Encoded  # noqa: E402
from provenance.artifacts.dataset.content import IN_FLIGHT, _in_order  # noqa: E402
from provenance.artifacts.dataset.encoding import decode_record  # noqa: E402
from provenance.artifacts.dataset.schema import Schema  # noqa: E402
from provenance.artifacts.dataset.values import to_json  # noqa: E402
from provenance.errors import ArtifactError  # noqa: E402
from provenance.workflows.dataset import Files, digest_dataset  # noqa: E402
from tests.artifacts.test_dataset_columns import LEAVES, TYPES, cells  # noqa: E402
from tests.vectors import dataset_reference as reference  # noqa: E402

TABLE = pa.table({
    "id": pa.array(range(100), pa.int32()),
    "text": pa.array([None if at % 7 == 0 else f"row {at}, \"quoted\"\nand broken" for at in range(100)]),
    "score": pa.array([None if at % 5 == 0 else at / 3 for at in range(100)], pa.float32()),
    "tags": pa.array([["a", None][: at % 3] for at in range(100)], pa.list_(pa.string())),
    "at": pa.array([at * 1_000_003 for at in range(100)], pa.timestamp("ms", "UTC")),
})
SCHEMA = schema_of(TABLE.schema)


def rows_of(table: Any) -> list[list[Any]]:
    return [list(row.values()) for row in table.to_pylist()]


def expected_root(table: Any, split: str = "train") -> str:
    return reference.root(schema_of(table.schema).to_dict(), {split: rows_of(table)})


def root(files: Files, schema: Schema | None = None, **more: Any) -> str:
    return digest_dataset(files, schema, **more).root


def plain_rows(table: Any) -> list[dict[str, Any]]:
    """The rows as JSON, by way of their encodings."""
    schema = schema_of(table.schema)
    columns = [[to_json(kind, decode_record(Schema(("a",), (kind,)), cell)[0]) for cell in cells(column, kind)]
               for kind, column in zip(schema.types, table.combine_chunks().to_batches()[0].columns, strict=True)]
    return [dict(zip(schema.names, row, strict=True)) for row in zip(*columns, strict=True)]


def write_parquet(table: Any, path: Path, **how: Any) -> None:
    pq.write_table(table, path, **how)


def write_file(table: Any, path: Path, rows: int = 1000) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)


def write_stream(table: Any, path: Path, rows: int = 1000) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)


def write_json(table: Any, path: Path) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in plain_rows(table)), encoding="utf-8")


def write_csv(table: Any, path: Path) -> None:
    def field(value: Any) -> str:
        text = value if isinstance(value, str) else json.dumps(value)
        return "" if value is None else '"' + text.replace('"', '""') + '"'

    lines = [",".join(field(value) for value in row.values()) for row in plain_rows(table)]
    path.write_bytes("\n".join([",".join(map(field, table.column_names)), *lines, ""]).encode())


WRITERS: dict[str, Callable[..., None]] = {
    "a.parquet": write_parquet, "a.arrow": write_stream, "b.arrow": write_file, "a.jsonl": write_json,
    "a.csv": write_csv,
}


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_rows_are_one_dataset_in_every_container(name: str, tmp_path: Path) -> None:
    WRITERS[name](TABLE, tmp_path / name)
    assert root(tmp_path / name, SCHEMA) == expected_root(TABLE)


TABLES = st.lists(st.one_of(st.sampled_from(LEAVES), TYPES), min_size=1, max_size=3)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(kinds=TABLES, data=st.data())
def test_any_table_is_one_dataset_in_every_container_that_can_hold_it(kinds: list[Any], data: st.DataObject,
                                                                      tmp_path: Path) -> None:
    count = data.draw(st.integers(1, 6))
    table = pa.table({f"c{at}": pa.array([data.draw(st.one_of(st.none(), values)) for _ in range(count)], kind)
                      for at, (kind, values) in enumerate(kinds)})
    wanted = expected_root(table)
    held = 0
    for name, write in WRITERS.items():
        try:
            write(table, tmp_path / name)
        except (pa.ArrowException, OSError):  # Parquet holds no list of views, and CSV no duration as text
            continue
        held += 1
        assert root(tmp_path / name, schema_of(table.schema)) == wanted, name
    assert held >= 3


@pytest.mark.parametrize("how", [{"row_group_size": 1}, {"row_group_size": 7}, {"compression": "zstd"},
                                 {"compression": None}, {"use_dictionary": False}, {"data_page_version": "2.0"},
                                 {"store_schema": False}, {"version": "2.4"}, {"write_page_checksum": True}])
def test_how_parquet_is_written_is_no_content(how: dict[str, Any], tmp_path: Path) -> None:
    write_parquet(TABLE, tmp_path / "a.parquet", **how)
    assert root(tmp_path / "a.parquet") == expected_root(TABLE)


@pytest.mark.parametrize("rows", [1, 3, 1000])
def test_batches_and_compression_of_arrow_files_are_no_content(rows: int, tmp_path: Path) -> None:
    write_file(TABLE, tmp_path / "a.arrow", rows)
    write_stream(TABLE, tmp_path / "b.arrow", rows)
    feather.write_feather(TABLE, tmp_path / "c.feather", compression="lz4")
    assert {root(path) for path in tmp_path.iterdir()} == {expected_root(TABLE)}


def test_rows_beyond_one_batch_are_in_their_order(tmp_path: Path) -> None:
    table = pa.table({"a": pa.array(range(20_001), pa.int64())})
    write_parquet(table, tmp_path / "a.parquet")
    write_stream(table, tmp_path / "a.arrow", rows=20_001)
    assert root(tmp_path / "a.parquet") == root(tmp_path / "a.arrow") == expected_root(table)


def test_lines_beyond_one_block_are_in_their_order(tmp_path: Path) -> None:
    rows = [{"a": f"{at} " + "x\n\"y\"" * 100} for at in range(4000)]
    table = pa.table({"a": [row["a"] for row in rows]})
    write_json(table, tmp_path / "a.jsonl")
    write_csv(table, tmp_path / "a.csv")
    schema = schema_of(table.schema)
    assert root(tmp_path / "a.jsonl", schema) == root(tmp_path / "a.csv", schema) == expected_root(table)


def zstandard(data: bytes) -> bytes:
    packed: bytes = pa.Codec("zstd").compress(data, asbytes=True)
    return packed


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
@pytest.mark.parametrize(("packing", "pack"), [(".gz", gzip.compress), (".zst", zstandard)])
def test_compression_is_no_content_and_a_broken_one_is_an_error(
    name: str, packing: str, pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    WRITERS[name](TABLE, tmp_path / name)
    text = (tmp_path / name).read_bytes()
    data, path = pack(text), tmp_path / f"{name}{packing}"
    for whole in (data, pack(text[:100]) + pack(text[100:])):
        path.write_bytes(whole)
        assert root(path, SCHEMA) == expected_root(TABLE)
    for broken in (b"", b"{}\n", data + b"junk", data[:-4], data[:-9], data[:40] + bytes([data[40] ^ 1]) + data[41:]):
        path.write_bytes(broken)
        refused(path, "input-unreadable", SCHEMA)


def test_order_of_records_is_content(tmp_path: Path) -> None:
    turned = TABLE.take(pa.array([1, 0, *range(2, 100)]))
    write_parquet(turned, tmp_path / "a.parquet")
    assert root(tmp_path / "a.parquet") == expected_root(turned) != expected_root(TABLE)


def test_columns_are_found_by_name_and_ordered_by_the_schema(tmp_path: Path) -> None:
    for name, write in WRITERS.items():
        write(TABLE.select(TABLE.column_names[::-1]), tmp_path / name)
        assert root(tmp_path / name, SCHEMA) == expected_root(TABLE)


def test_some_columns_of_a_file_are_a_dataset_of_their_own(tmp_path: Path) -> None:
    part = TABLE.select(["id", "score"])
    for name, write in WRITERS.items():
        write(TABLE, tmp_path / name)
        for schema in (SCHEMA, SCHEMA.select(["id", "score"])):
            assert root(tmp_path / name, schema, columns=["score", "id"]) == expected_root(part)
    assert root(tmp_path / "a.parquet", columns=["score", "id"]) == expected_root(part)
    refused(tmp_path / "a.parquet", "dataset-schema-mismatch", columns=["id", "none"])
    refused(tmp_path / "a.parquet", "dataset-schema-mismatch", SCHEMA, columns=["none"])


def test_an_unsupported_column_may_be_left_out(tmp_path: Path) -> None:
    interval = pa.array([None, None], pa.month_day_nano_interval())
    write_stream(pa.table({"a": [1, 2], "b": interval}), tmp_path / "a.arrow")
    refused(tmp_path / "a.arrow", "dataset-type-unsupported")
    assert root(tmp_path / "a.arrow", columns=["a"]) == expected_root(pa.table({"a": [1, 2]}))


@pytest.mark.parametrize(("stored", "value", "read", "wanted"), [
    (pa.int8(), 3, pa.int64(), 3), (pa.int64(), 3, pa.int8(), 3), (pa.uint64(), 3, pa.int16(), 3),
    (pa.float32(), 3, pa.float64(), 3.0), (pa.float16(), 3, pa.float32(), 3.0),
    (pa.timestamp("s"), 3, pa.timestamp("ns"), 3 * 10**9),
    (pa.timestamp("ns", "UTC"), 3 * 10**9, pa.timestamp("s", "Europe/Berlin"), 3),
    (pa.duration("s"), 3, pa.duration("ms"), 3000), (pa.time32("s"), 3, pa.time64("ns"), 3 * 10**9),
    (pa.decimal128(5, 0), 3, pa.decimal256(20, 2), 300),
    *((pa.null(), None, kind, None) for kind in (
        pa.list_(pa.int8()), pa.string(), pa.struct([("a", pa.int8())]), pa.map_(pa.string(), pa.int8()), pa.bool_(),
        pa.decimal128(5, 0), pa.int8(), pa.date32(), pa.float32(), pa.binary())),
])
def test_another_type_is_read_where_every_value_fits(stored: Any, value: Any, read: Any, wanted: Any,
                                                     tmp_path: Path) -> None:
    write_stream(pa.table({"a": pa.array([value, None], stored)}), tmp_path / "a.arrow")
    schema = schema_of(pa.schema([("a", read)]))
    assert root(tmp_path / "a.arrow", schema) == reference.root(schema.to_dict(), {"train": [[wanted], [None]]})


@pytest.mark.parametrize(("stored", "read"), [
    (pa.float64(), pa.float32()), (pa.int32(), pa.float64()), (pa.string(), pa.binary()), (pa.binary(), pa.string()),
    (pa.string(), pa.int8()), (pa.bool_(), pa.int8()), (pa.timestamp("s"), pa.timestamp("s", "UTC")),
    (pa.timestamp("s", "UTC"), pa.timestamp("s")), (pa.date32(), pa.timestamp("s")), (pa.list_(pa.int8()), pa.int8()),
    (pa.struct([("a", pa.int8())]), pa.struct([("b", pa.int8())])), (pa.list_(pa.string()), pa.list_(pa.int8())),
    (pa.struct([("a", pa.int8())]), pa.struct([("a", pa.int8()), ("b", pa.int8())])),
    (pa.map_(pa.string(), pa.int8()), pa.list_(pa.struct([("key", pa.string()), ("value", pa.int8())]))),
])
def test_a_type_that_could_change_values_is_a_mismatch(stored: Any, read: Any, tmp_path: Path) -> None:
    write_stream(pa.table({"a": pa.nulls(1, stored)}), tmp_path / "a.arrow")
    refused(tmp_path / "a.arrow", "dataset-schema-mismatch", schema_of(pa.schema([("a", read)])))


def refused(files: Files, code: str, schema: Schema | None = None, **more: Any) -> ArtifactError:
    with pytest.raises(ArtifactError) as caught:
        digest_dataset(files, schema, **more)
    assert caught.value.code == code, caught.value.message
    assert caught.value.hint
    return caught.value


def arrow_of(schema: Any, columns: Sequence[Any]) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.record_batch(columns, schema=schema))
    return sink.getvalue()


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    data = arrow_of(pa.schema([("a", pa.int8()), ("a", pa.int8())]), [pa.array([1], pa.int8())] * 2)
    (tmp_path / "a.arrow").write_bytes(data)
    refused(tmp_path / "a.arrow", "dataset-schema-invalid")
    schema = Schema.from_dict({"columns": [{"name": "a", "type": "int8"}]})
    refused(tmp_path / "a.arrow", "dataset-schema-mismatch", schema)


def test_a_text_that_is_not_utf8_is_refused_before_it_is_hashed(tmp_path: Path) -> None:
    offsets = pa.py_buffer((0).to_bytes(4, "little") + (1).to_bytes(4, "little"))
    bad = pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(b"\xff")])
    write_parquet(pa.table({"a": bad}), tmp_path / "a.parquet")
    (tmp_path / "a.arrow").write_bytes(arrow_of(pa.schema([("a", pa.string())]), [bad]))
    refused(tmp_path / "a.parquet", "parquet-invalid")
    refused(tmp_path / "a.arrow", "arrow-invalid")


def test_bytes_behind_a_stream_are_refused(tmp_path: Path) -> None:
    """Two streams in one file would be read as the first alone."""
    write_stream(TABLE, tmp_path / "a.arrow")
    data = (tmp_path / "a.arrow").read_bytes()
    (tmp_path / "a.arrow").write_bytes(data + data)
    refused(tmp_path / "a.arrow", "arrow-invalid")


def test_a_stream_that_is_cut_off_between_two_batches_is_refused(tmp_path: Path) -> None:
    """Its end mark alone tells that there were no more records."""
    write_stream(TABLE, tmp_path / "a.arrow", rows=10)
    data = (tmp_path / "a.arrow").read_bytes()
    (tmp_path / "a.arrow").write_bytes(data[:-8])
    assert "cut off" in refused(tmp_path / "a.arrow", "arrow-invalid").message
    (tmp_path / "a.arrow").write_bytes(data[:-8] + bytes(4))  # as it was marked before Arrow 0.15
    assert root(tmp_path / "a.arrow") == expected_root(TABLE)


def test_memory_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(_: object) -> Encoded:
        raise pa.ArrowMemoryError("malloc failed")

    write_parquet(TABLE, tmp_path / "a.parquet")
    monkeypatch.setattr(ColumnBatch, "encoded", exhausted)
    assert refused(tmp_path / "a.parquet", "document-too-large").location == "a.parquet"


@pytest.mark.parametrize(("size", "together"), [(1, 3), (IN_FLIGHT + 1, 1)])
def test_large_records_are_encoded_one_at_a_time(size: int, together: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is needed several times over while it is encoded."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    held, most = 0, 0

    class Part:
        def __init__(self) -> None:
            nonlocal held, most
            held += 1
            most = max(held, most)
            self.size = size

        def encoded(self) -> Encoded:
            return Encoded([], [], lambda _: b"")

    for _ in _in_order(Part() for _ in range(10)):
        held -= 1
    assert (held, most) == (0, together)


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "b.arrow"])
def test_a_damaged_file_is_read_or_refused_and_never_ends_the_process(name: str, tmp_path: Path) -> None:
    table = pa.table({"a": pa.array(["x", "y"]), "b": pa.array([[1], [2, 3]])})
    WRITERS[name](table, tmp_path / name)
    data = (tmp_path / name).read_bytes()
    for at in range(0, len(data), max(1, len(data) // 60)):
        for damaged in (data[:at], data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]):
            (tmp_path / name).write_bytes(damaged)
            with contextlib.suppress(ArtifactError):
                digest_dataset(tmp_path / name)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    write_parquet(TABLE, tmp_path / "a.parquet")

    def change(_: int) -> None:
        with (tmp_path / "a.parquet").open("ab") as file:
            file.write(b"x")

    refused(tmp_path / "a.parquet", "file-changed-while-read", progress=change)
