"""JSON Lines and CSV are refused, or read as records that their encoding gives back."""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness import fuzz

SEEDS = [
    b'{"i":1,"t":"x","f":-0.0,"d":"1.50","at":"2026-11-23T20:15:00Z","l":[1,null],"m":[["a",1]],"s":{"a":"YQ=="}}\n',
    b'{"i":1,"i":1}\n', b'{"f":NaN}\n', b'{"i":128}\n\n{"t":"\\ud800"}', b"[" * 300,
    b'i,t,f,d,at,l,m,s\n1,"a ""b""\n",nan,0.5,,"[1]",[],"{""a"":null}"\n,,,,,,,\n', b'i,t,f,d,at,l,m,s\n"', b"\xff\n",
]
SCHEMA = {"columns": [
    {"name": "i", "type": "int8"}, {"name": "t", "type": "utf8"}, {"name": "f", "type": "float16"},
    {"name": "d", "type": "decimal", "precision": 3, "scale": 2},
    {"name": "at", "type": "timestamp", "unit": "s", "timezone": "UTC"},
    {"name": "l", "type": "list", "item": {"type": "uint8"}},
    {"name": "m", "type": "map", "key": {"type": "utf8"}, "value": {"type": "int8"}},
    {"name": "s", "type": "struct", "fields": [{"name": "a", "type": "binary"}]},
]}


def one_input(data: bytes) -> None:
    """Whatever is accepted has one encoding, from which the record and its JSON come back."""
    from provenance.artifacts.dataset.encoding import decode_record, encode_record
    from provenance.artifacts.dataset.proof import read_record
    from provenance.artifacts.dataset.schema import Schema
    from provenance.artifacts.dataset.shards import ShardFile
    from provenance.artifacts.dataset.splits import Place
    from provenance.artifacts.dataset.text_csv import csv_batches
    from provenance.artifacts.dataset.text_json import json_batches
    from provenance.artifacts.dataset.values import to_json
    from provenance.errors import ArtifactError

    schema = Schema.from_dict(SCHEMA)
    for name, batches in (("a.jsonl", json_batches), ("a.csv", csv_batches)):
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.flush()
            shard = ShardFile(file.fileno(), Place(Path(), name))
            shard.seek(0)
            try:
                encoded = [batch.encoded() for batch in batches(shard, schema, partial=False)]
            except ArtifactError:
                continue
        for record in (part.record(at) for part in encoded for at in range(len(part.leaves))):
            plain = decode_record(schema, record)
            values = {column: to_json(kind, value) for (column, kind), value in zip(schema, plain, strict=True)}
            assert encode_record(schema, read_record(schema, values, "")) == record


if __name__ == "__main__":
    fuzz(one_input, "provenance.artifacts.dataset.text_csv", "provenance.artifacts.dataset.text_json")
