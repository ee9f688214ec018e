"""Parquet and Arrow files: record batches of bounded size, validated before anything looks into them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from provenance.artifacts.dataset.arrow import arrow, check_readable, schema_of
from provenance.artifacts.dataset.batches import Batch, ColumnBatch
from provenance.artifacts.dataset.schema import Schema
from provenance.artifacts.dataset.shards import ShardFile
from provenance.errors import ArtifactError

BATCH_ROWS = 4096
BATCH_BYTES = 2 << 20
MAX_WHOLE = 32 << 20


class TypedFile:
    """An open Parquet or Arrow file: its schema, and its records under one."""

    def __init__(self, file: ShardFile) -> None:
        self._file = file
        with _strict(file):
            self._open: _Parquet | _ArrowFile = _OPENERS[file.place.container](file)

    def schema(self, columns: Collection[str] | None) -> Schema:
        """The schema that the file itself declares, or some columns of it."""
        with _strict(self._file):
            return schema_of(self._open.schema, columns)

    def batches(self, schema: Schema, *, partial: bool) -> Iterator[Batch]:
        """The records under the schema; ArtifactError `dataset-schema-mismatch`, `parquet-invalid`, `arrow-invalid`."""
        row = 0
        with _strict(self._file):
            check_readable(self._open.schema, schema, self._file.location, partial=partial)
            for batch in self._open.batches(schema):
                batch.validate(full=True)  # texts that are not UTF-8, offsets that lead out of the buffers
                for part in _parts(batch):
                    arrays = [part.column(part.schema.get_field_index(name)) for name in schema.names]
                    yield ColumnBatch(self._file.location, row, schema, arrays, part.num_rows)
                    row += part.num_rows


class _Parquet:
    """Reads page by page where the file is large: row groups may be larger than the memory.

    Page by page, Arrow takes as much memory as the header of a page claims before it finds that the page is not
    there: of a file of a kilobyte, two gigabytes. A small file is read by whole row groups, which costs no more than
    its size.
    """

    def __init__(self, file: ShardFile) -> None:
        import pyarrow.parquet

        self._parquet = pyarrow.parquet.ParquetFile(
            arrow().pa.PythonFile(file, mode="r"), pre_buffer=False, page_checksum_verification=True,
            buffer_size=1 << 20 if file.size > MAX_WHOLE else 0)
        self.schema = self._parquet.schema_arrow

    def batches(self, schema: Schema) -> Iterator[Any]:
        metadata = self._parquet.metadata
        # Not of its columns: where they contradict the schema, asking pyarrow for one ends the process.
        groups = (metadata.row_group(at) for at in range(metadata.num_row_groups))
        widest = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
        rows = min(BATCH_ROWS, max(1, BATCH_BYTES // max(widest, 1)))
        # `columns` speaks of paths into nested columns, where a name with a dot is something else.
        columns = None if any("." in name for name in self.schema.names) else list(schema.names)
        yield from self._parquet.iter_batches(batch_size=rows, columns=columns, use_threads=False)


class _ArrowFile:
    """An Arrow IPC file, or a stream as `datasets` caches it; each batch is read whole, as it was written."""

    def __init__(self, file: ShardFile) -> None:
        pa, self._file = arrow().pa, file
        magic = file.read(6)
        file.seek(0)
        self._is_stream = magic != b"ARROW1"
        source = pa.PythonFile(file, mode="r")
        self._reader = pa.ipc.open_stream(source) if self._is_stream else pa.ipc.open_file(source)
        self.schema = self._reader.schema

    def batches(self, _: Schema) -> Iterator[Any]:
        if self._is_stream:
            yield from self._reader
            # Where a stream is cut off between two batches, nothing else tells that there were more.
            if self._file.ran_out:
                raise ArtifactError("arrow-invalid", "the stream ends without its end mark, as if it were cut off",
                                    location=self._file.location, hint="fetch the file again, or close its writer")
            # A second stream behind the first would be records that nobody sees.
            if self._file.read(1):
                raise ArtifactError("arrow-invalid", "bytes follow the end of the stream", location=self._file.location,
                                    hint="write one stream to a file")
        else:
            yield from (self._reader.get_batch(at) for at in range(self._reader.num_record_batches))


_OPENERS: dict[str, Callable[[ShardFile], _Parquet | _ArrowFile]] = {"parquet": _Parquet, "arrow": _ArrowFile}


def _parts(batch: Any) -> Iterator[Any]:
    """A large batch in pieces, so that the work on one stays small."""
    rows = max(1, min(BATCH_ROWS, batch.num_rows * BATCH_BYTES // max(batch.nbytes, 1)))
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


@contextmanager
def _strict(file: ShardFile) -> Iterator[None]:
    """Whatever Arrow finds wrong with a file, as one error of ours; and errors of ours with the file's name."""
    pa = arrow().pa
    try:
        yield
    except ArtifactError as err:
        raise ArtifactError(err.code, err.message, location=err.location or file.location, hint=err.hint) from err
    except (pa.ArrowException, MemoryError, ValueError) as err:  # ValueError: names that are not UTF-8
        raise _invalid(file, err) from err
    except OSError as err:
        if err.errno is not None:  # the disk's, not Arrow's own
            raise
        raise _invalid(file, err) from err


def _invalid(file: ShardFile, err: Exception) -> ArtifactError:
    name = "a Parquet" if file.place.container == "parquet" else "an Arrow"
    reason = str(err).splitlines()[0] if str(err) else type(err).__name__
    return ArtifactError(f"{file.place.container}-invalid", f"not {name} file that can be read: {reason}",
                         location=file.location, hint="fetch the file again, or convert the data again")
