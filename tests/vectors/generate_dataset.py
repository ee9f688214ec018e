"""Make the golden vectors in `attestations/vectors/dataset`; with `--check`, only compare: 1 where one differs.

Nothing here imports `provenance`: the vectors say what `attestations/dataset-tree.md` says.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dataset_reference as reference
from bad_datasets import SCHEMAS, Json, bad_files, bad_proofs, bad_schemas, column, kind

VECTORS = Path(__file__).resolve().parents[2] / "attestations" / "vectors" / "dataset"


def pretty(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


TEXT, INT = kind("utf8"), kind("int32")
# Type, and JSON values of it.
VALUES: list[tuple[Json, list[Any]]] = [
    (kind("null"), [None]),
    (kind("bool"), [None, False, True]),
    *((kind(f"int{bits}"), [None, 0, 1, -1, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1]) for bits in (8, 16, 32, 64)),
    *((kind(f"uint{bits}"), [None, 0, 1, 2**bits - 1]) for bits in (8, 16, 32, 64)),
    (kind("float16"), [None, 0.0, -0.0, 1.5, 0.1, 65504.0, 6e-8, "NaN", "Infinity", "-Infinity"]),
    (kind("float32"), [None, 0.0, -0.0, 1.5, 0.1, 3.4028234663852886e38, 1e-45, "NaN", "Infinity", "-Infinity"]),
    (kind("float64"), [None, 0.0, -0.0, 1.5, 0.1, 1.7976931348623157e308, 5e-324, "NaN", "Infinity", "-Infinity"]),
    (kind("decimal", precision=5, scale=2), [None, "0.00", "1.50", "-1.50", "999.99", "-999.99", "-0.01"]),
    (kind("decimal", precision=3, scale=-2), [None, "0", "100", "-99900"]),
    (kind("decimal", precision=76, scale=0), [str(10**76 - 1), str(1 - 10**76)]),
    (kind("utf8"), [None, "", "a", "é", "e\u0301", "\U00010000", "a\u0000b", "null"]),
    (kind("binary"), [None, "", "AA==", "YQ==", "/wD/"]),
    (kind("date"), [None, "1970-01-01", "1969-12-31", "2026-11-23", "0001-01-01", "9999-12-31", 2932897]),
    (kind("time", unit="s"), [None, "00:00:00", "23:59:59"]),
    (kind("time", unit="ms"), ["20:15:00.250"]),
    (kind("time", unit="us"), ["20:15:00.250001"]),
    (kind("time", unit="ns"), [72900250000000]),
    (kind("timestamp", unit="s"), [None, "1970-01-01T00:00:00", "1969-12-31T23:59:59", "2026-11-23T20:15:00"]),
    (kind("timestamp", unit="ms"), ["2026-11-23T20:15:00.250"]),
    (kind("timestamp", unit="us", timezone="UTC"), ["2026-11-23T20:15:00.250001Z", "1969-12-31T23:59:59.999999Z"]),
    (kind("timestamp", unit="ns", timezone="Europe/Berlin"), [1, -1]),
    (kind("duration", unit="ms"), [None, 0, 1, -1, 9223372036854775807]),
    (kind("list", item=TEXT), [None, [], [None], [""], ["a", None, "b"]]),
    (kind("list", item=kind("list", item=INT)), [[], [[]], [None], [[1], [], [2, 3]], [[1, 2], [3]]]),
    (kind("map", key=TEXT, value=INT), [None, [], [["a", 1]], [["b", 2], ["a", None]], [["a", 1], ["a", 2]]]),
    (kind("struct", fields=[column("a", "int32"), column("b", "utf8")]),
     [None, {"a": None, "b": None}, {"a": 1, "b": ""}]),
    (kind("list", item=kind("struct", fields=[column("a", "int8")])), [[{"a": 1}, None, {"a": None}]]),
]

SCHEMA: Json = {"columns": [column("title", "utf8"), column("words", "int32"), column("score", "float32")]}
ROWS: list[Json] = [
    {"title": "The Fox", "words": 120, "score": 0.5},
    {"title": "The Crow, \"the wise\"", "words": None, "score": -0.0},
    {"title": "", "words": 95, "score": None},
    {"title": "The Hare\nand the Tortoise", "words": -1, "score": 1e-3},
    {"title": "Der Löwe", "words": 2147483647, "score": 3.5},
]


def row(schema: Json, record: Json) -> list[Any]:
    return [reference.of_json(part, record[part["name"]]) for part in schema["columns"]]


def expected(about: str, splits: dict[str, list[Json]], schema: Json = SCHEMA, **more: Any) -> Json:
    rows = {name: [row(schema, record) for record in records] for name, records in splits.items()}
    return {
        "description": about, **more, "schema": schema,
        "schemaDigest": reference.h(b"\x12", reference.spelt(schema)).hex(),
        "splits": [
            {"name": name, "records": splits[name],
             "leaves": [reference.leaf(schema, each).hex() for each in rows[name]],
             "head": reference.mth([reference.leaf(schema, each) for each in rows[name]]).hex(),
             "digest": reference.split(schema, rows[name]).hex(),
             "columns": [reference.column(schema, at, rows[name]) for at in range(len(schema["columns"]))]}
            for name in sorted(splits, key=str.encode)
        ],
        "root": reference.root(schema, rows),
    }


def trees() -> Iterator[tuple[str, Json]]:
    example = {"columns": [column("title", "utf8"), column("words", "int32")]}
    tales = [{"title": "The Fox", "words": 120}, {"title": "The Crow", "words": None},
             {"title": "The Hare", "words": 95}]
    yield "example", expected("the example of attestations/dataset-tree.md", {"train": tales}, example)
    three = {"train": ROWS[:3]}
    yield "tales", expected("five records, also as JSON Lines and as CSV", {"train": ROWS},
                            files=["tales.jsonl", "tales.csv"])
    yield "three", expected("three records; the others differ from this one in one thing", three)
    yield "order", expected("as three, two records exchanged: another root", {"train": [ROWS[1], ROWS[0], ROWS[2]]})
    null = [*ROWS[:2], {**ROWS[2], "title": None}]
    yield "null", expected("as three, null instead of the empty text: another root", {"train": null})
    zero = [ROWS[0], {**ROWS[1], "score": 0.0}, ROWS[2]]
    yield "zero", expected("as three, zero without its sign: another root", {"train": zero})
    wider = copy.deepcopy(SCHEMA)
    wider["columns"][1]["type"] = "int64"
    yield "wider", expected("as three, under a schema with a wider integer: another root", three, wider)
    swapped = {"columns": [SCHEMA["columns"][1], SCHEMA["columns"][0], SCHEMA["columns"][2]]}
    yield "swapped", expected("as three, under a schema with columns exchanged: another root, equal columns", three,
                              swapped)
    yield "split-renamed", expected("as three, the split renamed: another root, equal split digest", {"test": ROWS[:3]})
    yield "splits", expected("three splits, one of them empty; they sort by the bytes of their names",
                             {"ä": ROWS[3:], "train": ROWS[:3], "Test": []})
    for count in (1, 2, 4, 7, 8):
        records = [{"title": str(number), "words": number, "score": None} for number in range(count)]
        yield f"count-{count}", expected(f"the shape of the tree over {count} records", {"train": records})
    every = {"columns": [{"name": f"c{at}", **each} for at, (each, _) in enumerate(VALUES)]}
    rows = [{f"c{at}": values[min(turn, len(values) - 1)] for at, (_, values) in enumerate(VALUES)}
            for turn in range(3)]
    yield "types", expected("a column of every type", {"train": rows}, every)


def csv(records: list[Json]) -> bytes:
    def field(value: Any) -> str:
        if value is None:
            return ""
        return '"' + value.replace('"', '""') + '"' if isinstance(value, str) else str(value)

    rows = [",".join(field(value) for value in record.values()) for record in records]
    return "\r\n".join(["title,words,score", *rows, ""]).encode()


def proof(splits: dict[str, list[Json]], name: str, at: int) -> Json:
    rows = {key: [row(SCHEMA, record) for record in records] for key, records in splits.items()}
    names = sorted(splits, key=str.encode)
    leaves = [reference.leaf(SCHEMA, each) for each in rows[name]]
    split_leaves = [reference.h(b"\x13", reference.u64(len(key.encode())), key.encode(),
                                reference.split(SCHEMA, rows[key])) for key in names]
    return {
        "schemaVersion": "0.1", "kind": "DatasetProof",
        "dataset": {"digest": {"datasetTree": reference.root(SCHEMA, rows)}, "splits": len(names)},
        "schema": SCHEMA,
        "split": {"name": name, "index": names.index(name), "records": len(leaves),
                  "path": [step.hex() for step in reference.audit_path(names.index(name), split_leaves)]},
        "record": {"row": at, "values": splits[name][at],
                   "path": [step.hex() for step in reference.audit_path(at, leaves)]},
    }


def files() -> Iterator[tuple[str, bytes]]:
    """Every file below `dataset/`."""
    cases = [{"type": each, "value": value, "encoding": reference.cell(each, reference.of_json(each, value)).hex()}
             for each, values in VALUES for value in values]
    yield "valid/encodings.json", pretty({"description": "values, and the bytes that encode them", "cases": cases})
    yield from ((f"valid/{name}.json", pretty(value)) for name, value in trees())
    yield "valid/tales.jsonl", b"".join(json.dumps(record).encode() + b"\n" for record in ROWS)
    yield "valid/tales.csv", csv(ROWS)
    for name, at in (("train", 0), ("train", 4), ("test", 1)):
        yield f"valid/{name}-{at}.proof.json", pretty(proof({"train": ROWS, "test": ROWS[:2]}, name, at))
    yield "valid/only.proof.json", pretty(proof({"train": ROWS[:1]}, "train", 0))
    yield from ((f"schemas/{name}.json", pretty(schema)) for name, schema in SCHEMAS.items())
    good = proof({"train": ROWS, "test": ROWS[:2]}, "train", 2)
    for name, value, flaw in bad_proofs(good):
        yield from _invalid(f"proof-{name}", f"{name}.proof.json", pretty(value), "dataset-proof-invalid", flaw)
    for name, data, schema, code, flaw in bad_files():
        file = name if "." in name else f"{name}.jsonl"
        yield from _invalid(name.partition(".")[0], file, data, code, flaw, schema=schema)
    for name, value, flaw in bad_schemas():
        yield from _invalid(f"schema-{name}", f"{name}.schema.json", pretty(value), "dataset-schema-invalid", flaw)


def _invalid(name: str, file: str, data: bytes, code: str, flaw: str, schema: str = "") -> Iterator[tuple[str, bytes]]:
    under = {"schema": f"schemas/{schema}.json"} if schema else {}
    yield f"invalid/{file}", data
    yield f"invalid/{name}.json", pretty({"file": file, "flaw": flaw, "code": code, **under})


def main(arguments: list[str]) -> int:
    """Write or check."""
    made = dict(files())
    there = {path.relative_to(VECTORS).as_posix() for path in VECTORS.rglob("*") if path.is_file()}
    stale = [name for name, data in made.items() if name not in there or (VECTORS / name).read_bytes() != data]
    left = sorted(there - made.keys())
    if "--check" in arguments:
        print("".join([f"differs: {name}\n" for name in stale] + [f"not made here: {name}\n" for name in left]), end="")
        return int(bool(stale or left))
    for name in stale:
        (VECTORS / name).parent.mkdir(parents=True, exist_ok=True)
        (VECTORS / name).write_bytes(made[name])
    for name in left:
        (VECTORS / name).unlink()
    print(f"{len(made)} files, {len(stale)} written, {len(left)} removed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
