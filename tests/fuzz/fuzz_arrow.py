"""Parquet and Arrow files: refused, or read as records that have one encoding."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from harness import fuzz


def _seeds() -> list[bytes]:
    import pyarrow as pa
    import pyarrow.parquet

    table = pa.table({
        "i": pa.array([1, None, 3], pa.int8()), "t": pa.array(["x", "", "é"]),
        "f": pa.array([0.5, None, -0.0], pa.float32()),
        "l": pa.array([[1], [], None], pa.list_(pa.int32())), "d": pa.array(["a", "b", "a"]).dictionary_encode(),
    })
    files = []
    for compression in ("none", "snappy"):
        parquet = io.BytesIO()
        pyarrow.parquet.write_table(table, parquet, compression=compression)
        files.append(parquet.getvalue())
    for opened in (pa.ipc.new_file, pa.ipc.new_stream):
        arrow = io.BytesIO()
        with opened(arrow, table.schema) as writer:
            writer.write_table(table)
        files.append(arrow.getvalue())
    return [b"", b"PAR1PAR1", b"ARROW1", *files]


SEEDS = _seeds()


def one_input(data: bytes) -> None:
    """Each record is as long as its encoding says, and is decoded to what was encoded."""
    from provenance.artifacts.dataset.containers import TypedFile
    from provenance.artifacts.dataset.encoding import decode_record, encode_record
    from provenance.artifacts.dataset.shards import ShardFile
    from provenance.artifacts.dataset.splits import Place
    from provenance.errors import ArtifactError

    name = "a.parquet" if data.startswith(b"PAR1") else "a.arrow"
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        shard = ShardFile(file.fileno(), Place(Path(), name))
        shard.seek(0)
        try:
            opened = TypedFile(shard)
            schema = opened.schema(None)
            encoded = [batch.encoded() for batch in opened.batches(schema, partial=False)]
        except ArtifactError:
            return
    for record in (part.record(at) for part in encoded for at in range(len(part.leaves))):
        assert encode_record(schema, decode_record(schema, record)) == record


if __name__ == "__main__":
    fuzz(one_input, "provenance.artifacts.dataset.containers", "provenance.artifacts.dataset.arrow")
