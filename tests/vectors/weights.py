"""The vectors of the tensor tree: files that are read and what comes out, files that are refused and by which code."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from reference import CHUNK, Tensor, b3, head, in_order, pretty, root, safetensors

FORMULA = "byte i of tensor k (both counted from 0, tensors as listed here) is (197 * i + 89 * (i // 256) + k) mod 256"
# Bits of one value; of those below 8, a tensor's bits are a whole number of bytes.
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64,
    "U64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}


def formula(size: int, k: int) -> bytes:
    """The bytes of tensor k by FORMULA, which repeats after 65,536 bytes."""
    block = bytes((197 * i + 89 * (i // 256) + k) % 256 for i in range(1 << 16))
    return (block * (size // len(block) + 1))[:size]


def files() -> Iterator[tuple[str, bytes]]:
    """Every file below `weights/`."""
    for name, content, expected in _read():
        yield from ((f"valid/{path}", data) for path, data in content.items())
        yield f"valid/{name}.json", pretty(expected)
    for name, data, code, flaw in _refused():
        yield f"invalid/{name}.safetensors", data
        yield f"invalid/{name}.json", pretty({"file": f"{name}.safetensors", "flaw": flaw, "code": code})


def _t(name: str, *values: float, shape: tuple[int, ...] | None = None) -> Tensor:
    return Tensor(name, "F32", (len(values),) if shape is None else shape, struct.pack(f"<{len(values)}f", *values))


BASE = (_t("b", 1, 2, 3, 4, 5, 6, shape=(2, 3)), _t("a", 0.5, -0.5))


def _expected(tensors: tuple[Tensor, ...], about: str, **more: Any) -> dict[str, Any]:
    rows = [
        {"name": t.name, "dtype": t.dtype, "shape": list(t.shape), "bytes": len(t.data),
         "chunks": -(-len(t.data) // CHUNK), "dataHead": t.data_head().hex(), "leaf": t.leaf().hex(),
         "dataHeadBlake3": t.data_head(b3).hex(), "leafBlake3": t.leaf(b3).hex()}
        for t in in_order(tensors)
    ]
    return {
        "description": about, **more, "count": len(tensors), "tensors": rows,
        "head": head([tensor.leaf() for tensor in in_order(tensors)]).hex(), "root": root(tensors).hex(),
        "headBlake3": head([tensor.leaf(b3) for tensor in in_order(tensors)], b3).hex(),
        "rootBlake3": root(tensors, b3).hex(),
    }


Vector = tuple[str, dict[str, bytes], dict[str, Any]]


def _one(name: str, tensors: tuple[Tensor, ...], about: str, **how: Any) -> Vector:
    content = {f"{name}.safetensors": safetensors(tensors, **how)}
    return name, content, _expected(tensors, about, files=list(content))


def _read() -> Iterator[Vector]:
    yield _one("base", BASE, "two tensors; the others differ from this one in one thing")
    yield _one("metadata", BASE, "as base, with metadata and a padded header: the same root",
               metadata={"format": "pt"}, padding=5)
    yield _one("order", BASE[::-1], "as base, in another order: the same root", header_order=["b", "a"])
    yield _one("renamed", (replace(BASE[0], name="c"), BASE[1]), "as base, a tensor renamed: another root, equal heads")
    changed = bytes([BASE[0].data[0] ^ 1]) + BASE[0].data[1:]
    yield _one("bit", (replace(BASE[0], data=changed), BASE[1]), "as base, one bit changed: another root")
    yield _one("dtype", (replace(BASE[0], dtype="I32"), BASE[1]), "as base, bytes read as another dtype: another root")
    yield _one("shape", (replace(BASE[0], shape=(3, 2)), BASE[1]), "as base, bytes in another shape: another root")
    yield _one("dtypes", tuple(_typed()), "one tensor of every dtype; those of 4 and 6 bits as they are packed")
    yield _one("scalar", (_t("scale", 1.5, shape=()),), "a tensor of rank 0: one value, no dimensions")
    empty = (_t("nothing", shape=(0,)), _t("none", shape=(3, 0, 2)), _t("some", 1), _t("last", shape=(0,)))
    yield _one("empty-tensors", empty, "tensors without values: their data head is H of nothing")
    yield _one("no-tensors", (), "no tensor at all: a root is defined, and this tool says that there are no weights")
    yield _one("names", tuple(_named()), "names sort by their bytes in UTF-8, which is not their order in UTF-16")
    for count in (1, 3, 5, 6, 7):
        tensors = tuple(_t(f"t{number}", number) for number in range(count))
        yield _one(f"count-{count}", tensors, f"the shape of the tree over {count} leaves")
    yield _sharded()
    yield from _by_formula()


def _typed() -> Iterator[Tensor]:
    for k, (dtype, bits) in enumerate(BITS.items()):
        yield Tensor(f"x.{dtype.lower()}", dtype, (2, 4), formula(bits, k))


def _named() -> Iterator[Tensor]:
    for k, name in enumerate(["", "a", "a.b", "aa", "B", "a/b", "a b", "é", "e\u0301", "\uff5e", "\U00010000", "\"\\"]):
        yield Tensor(name, "U8", (1,), bytes([k]))


def _sharded() -> Vector:
    content = {
        "shards/model-00001-of-00002.safetensors": safetensors(BASE[:1]),
        "shards/model-00002-of-00002.safetensors": safetensors(BASE[1:]),
        "shards/model.safetensors.index.json": json.dumps({
            "metadata": {"total_size": sum(len(tensor.data) for tensor in BASE)},
            "weight_map": {"b": "model-00001-of-00002.safetensors", "a": "model-00002-of-00002.safetensors"},
        }).encode() + b"\n",
    }
    return "shards", content, _expected(BASE, "as base, in two files: the same root", files=list(content))


def _by_formula() -> Iterator[Vector]:
    sizes = {"one-chunk": CHUNK, "one-byte-more": CHUNK + 1, "one-byte-less": CHUNK - 1, "two-chunks": 2 * CHUNK,
             "three-chunks": 3 * CHUNK - 7, "five-chunks": 4 * CHUNK + 12}
    tensors = tuple(Tensor(name, "U8", (size,), formula(size, k)) for k, (name, size) in enumerate(sizes.items()))
    rows = [{"name": name, "dtype": "U8", "shape": [size]} for name, size in sizes.items()]
    yield "chunks", {}, _expected(tensors, "tensors of several chunks; the bytes are given by a formula, not by a file",
                                  formula=FORMULA, listed=rows)


def _file(header: Any, data: bytes = b"", *, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def _entry(start: int = 0, end: int = 4, **changes: Any) -> dict[str, Any]:
    return {"dtype": "U8", "shape": [end - start], "data_offsets": [start, end]} | changes


DATA = b"\1\2\3\4"
GOOD = json.dumps({"t": _entry()}).encode()
INVALID, TRUNCATED = "safetensors-invalid", "safetensors-truncated"


def _refused() -> Iterator[tuple[str, bytes, str, str]]:
    """Name, bytes, code and flaw of each malformed file."""
    yield "empty-file", b"", TRUNCATED, "no bytes"
    yield "seven-bytes", bytes(7), TRUNCATED, "shorter than the length of a header"
    yield "header-over-limit", _file(b"{}", length=100_000_001), INVALID, "a header longer than 100,000,000 bytes"
    yield "header-length-huge", _file(b"{}", length=(1 << 64) - 1), INVALID, "a header length of 2^64-1"
    yield "header-cut", _file(GOOD, length=4096), TRUNCATED, "the header is longer than the file"
    yield "header-empty", _file(b""), INVALID, "a header of no bytes"
    yield "pickle", b"\x80\x04\x95\x1b\0\0\0\0\0\0\0" + b"\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.", INVALID, \
        "a pickle under the name of a safetensors file"
    for name, text, flaw in (
        ("not-json", b"{t: 1}", "not JSON"),
        ("not-utf8", GOOD.replace(b'"t"', b'"\xff"'), "a name that is not UTF-8"),
        ("utf16", GOOD.decode().encode("utf-16-le"), "UTF-16"),
        ("byte-order-mark", b"\xef\xbb\xbf" + GOOD, "a byte order mark before the brace"),
        ("leading-space", b" " + GOOD, "a space before the brace"),
        ("trailing-letter", GOOD + b"x", "a letter after the object"),
        ("trailing-nul", GOOD + b"\0", "a NUL after the object"),
        ("trailing-object", GOOD + b"{}", "a second object"),
        ("list", b"[]", "a list instead of an object"),
        ("lone-surrogate", GOOD.replace(b'"t"', b'"\\ud800"'), "a name with half a surrogate pair"),
        ("control-character", GOOD.replace(b'"t"', b'"\n"'), "a line break in a name that is not escaped"),
        ("duplicate-name", b'{"t":%b,"t":%b}' % ((json.dumps(_entry()).encode(),) * 2), "one name twice"),
        ("duplicate-escaped", b'{"t":%b,"\\u0074":%b}' % ((json.dumps(_entry()).encode(),) * 2),
         "one name twice, once with an escape"),
        ("duplicate-member", GOOD.replace(b'"shape"', b'"dtype": "I8", "shape"'), "one member of a tensor twice"),
        ("not-a-number", GOOD.replace(b"[4]", b"[NaN]"), "NaN as a dimension"),
        ("deep", b'{"t":' + b"[" * 1000 + b"]" * 1000 + b"}", "nested a thousand deep"),
        ("negative-zero", GOOD.replace(b"[0, 4]", b"[-0, 4]"), "-0 as an offset"),
    ):
        yield name, _file(text, DATA), INVALID, flaw
    for name, entry, flaw in (
        ("dtype-unknown", _entry(dtype="U7"), "a dtype that safetensors does not know"),
        ("dtype-lower-case", _entry(dtype="u8"), "a dtype in lower case"),
        ("dtype-list", _entry(dtype=["U8"]), "a list as dtype"),
        ("dtype-null", _entry(dtype=None), "null as dtype"),
        ("shape-negative", _entry(shape=[-4]), "a negative dimension"),
        ("shape-two-negatives", _entry(shape=[-2, -2]), "two negative dimensions, whose product fits"),
        ("shape-float", _entry(shape=[4.0]), "a dimension with a decimal point"),
        ("shape-boolean", _entry(shape=[True, 4]), "true as a dimension"),
        ("shape-string", _entry(shape=["4"]), "a string as dimension"),
        ("shape-number", _entry(shape=4), "a number as shape"),
        ("shape-huge", _entry(shape=[1 << 64]), "a dimension of 2^64"),
        ("shape-overflow", _entry(0, 0, shape=[1 << 61, 1 << 61, 0]), "dimensions whose product overflows on the way"),
        ("shape-wrong", _entry(shape=[5]), "offsets that do not fit shape and dtype"),
        ("bits-odd", _entry(0, 4, dtype="F4", shape=[7]), "values of four bits that do not fill their bytes"),
        ("offsets-reversed", _entry(shape=[4], data_offsets=[4, 0]), "offsets that run backwards"),
        ("offsets-three", _entry(data_offsets=[0, 4, 4]), "three offsets"),
        ("offsets-float", _entry(data_offsets=[0.0, 4]), "an offset with a decimal point"),
        ("offsets-negative", _entry(data_offsets=[-4, 0]), "a negative offset"),
        ("member-missing", {"dtype": "U8", "shape": [4]}, "no offsets"),
        ("member-unknown", _entry(stride=[1]), "a member that the format does not know"),
        ("entry-null", None, "null as a tensor"),
    ):
        yield name, _file({"t": entry}, DATA[: 0 if name == "shape-overflow" else 4]), INVALID, flaw
    for name, header, data, flaw in (
        ("overlap", {"a": _entry(0, 3), "b": _entry(2, 4)}, DATA, "two tensors that overlap"),
        ("overlap-same", {"a": _entry(), "b": _entry()}, DATA, "two tensors over the same bytes"),
        ("hole-before", {"t": _entry(1, 4)}, DATA, "a byte before the first tensor"),
        ("hole-between", {"a": _entry(0, 1), "b": _entry(2, 4)}, DATA, "a byte between two tensors"),
        ("hole-after", {"t": _entry(0, 3)}, DATA, "a byte after the last tensor"),
        ("data-alone", {}, DATA, "bytes that belong to no tensor"),
        ("metadata-number", {"__metadata__": {"epoch": 3}, "t": _entry()}, DATA, "a number in the metadata"),
        ("metadata-nested", {"__metadata__": {"a": {"b": "c"}}, "t": _entry()}, DATA, "an object in the metadata"),
        ("metadata-list", {"__metadata__": ["a"], "t": _entry()}, DATA, "a list as metadata"),
    ):
        yield name, _file(header, data), INVALID, flaw
    yield "data-cut", _file(GOOD, DATA[:3]), TRUNCATED, "one byte less than the header speaks of"
    yield "data-beyond", _file({"a": _entry(), "b": _entry(4, 1 << 40)}, DATA), TRUNCATED, "offsets beyond the end"
