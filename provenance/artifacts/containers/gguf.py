"""GGUF files, versions 2 and 3: where their tensors lie, and what their metadata say.

The order of the bytes: mark, version, counts; key-value pairs; tensor descriptions; padding; tensors, each at a
multiple of `general.alignment`. The `gguf` package maps the whole file and believes its counts, so the header is
read here. A GGUF has a root of its own: converters rename and permute tensors. Quantised types have GGML's names;
F32, F16, BF16 and the integers have safetensors' names, so that equal data heads are found.
Specification: ggml's docs/gguf.md.
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from provenance.artifacts.containers.gguf_types import ALIGNMENT_TYPE, ARRAY, BOOL, STRING, TENSORS, VALUES
from provenance.artifacts.containers.plan import MAX_TENSORS, Plan, WeightFile, byte_length, make_plan, too_many
from provenance.artifacts.containers.zip_layout import hidden_bytes, polyglot
from provenance.artifacts.names import brief
from provenance.artifacts.tensors import TensorInfo
from provenance.errors import ArtifactError, Finding

MAX_HEADER = 100_000_000  # the bound of safetensors; a tokenizer of 256,000 entries takes a tenth of it
MAX_KEY = 65_535  # the specification's
MAX_DIMENSIONS = 4  # ggml's
MAX_PAIRS = 65_536  # models have some dozens
MAX_TEXT = 1 << 20  # a longer one, such as a whole tokenizer, is checked and not kept
MAX_KEPT = 16 << 20  # bytes of all keys, texts and names that are kept; in memory a byte may take four
MAX_ALIGNMENT = 1 << 16
_ALIGNMENT = "general.alignment"
_WINDOW = 1 << 20
_CUT = " bytes of text"
_TEMPLATE = "tokenizer.chat_template"
_LICENCES = ("general.license", "general.license.name", "general.license.link")


def plan(descriptor: int, size: int, location: str) -> Plan:
    """Where the tensors lie, in C order.

    `metadata` has every pair as text; of an array, and of a text beyond MAX_TEXT, only how long it is. ArtifactError
    `gguf-invalid`; `weights-too-many`; `weights-unsupported` for another version, a big-endian file or an unknown
    tensor type.
    """
    file = WeightFile(descriptor, size, location)
    cursor = _Cursor(file)
    tensor_count, pair_count = _counts(cursor)
    pairs = _pairs(cursor, pair_count)
    rows = [_row(cursor) for _ in range(tensor_count)]
    alignment = _alignment(cursor, pairs)
    first = -(-cursor.at // alignment) * alignment
    infos = [row.placed(cursor, first, alignment) for row in rows]
    findings = [*_claims(file, pairs), *polyglot(file, "GGUF")]
    if hidden := _hidden(cursor, infos, alignment):
        findings.append(hidden_bytes(file, hidden))
    metadata = {**{key: value.text for key, value in pairs.items()}, "GGUF.version": str(cursor.version)}
    return make_plan(file, infos, metadata, findings)


@dataclass
class _Cursor:
    """A place in the header, read in windows of a mebibyte; whatever is claimed, it never leaves the file."""

    file: WeightFile
    at: int = 0
    version: int = 0
    kept: int = 0
    _window: bytes = field(default=b"", repr=False)
    _window_at: int = 0

    def take(self, length: int) -> bytes:
        """The next bytes; ArtifactError where the file, or the longest header, ends before them."""
        self._reach(length)
        start = self.at - self._window_at
        if start + length > len(self._window):
            self._window_at, start = self.at, 0
            self._window = self.file.read(self.at, min(max(length, _WINDOW), self.file.size - self.at))
        self.at += length
        return self._window[start : start + length]

    def skip(self, length: int) -> None:
        """Go on without reading."""
        self._reach(length)
        self.at += length

    def number(self, form: str = "<Q") -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def string(self, limit: int = MAX_TEXT) -> str:
        """The next string, which is kept: a key, a name, or a text of ordinary length."""
        length = self.number()
        if length > limit:
            raise self.invalid(f"it claims a string of {length} bytes")
        return self._kept(length)

    def text(self) -> str:
        """The next string; of one longer than MAX_TEXT only its length, in words."""
        length = self.number()
        if length <= MAX_TEXT:
            return self._kept(length)
        self._reach(length)
        decoder = codecs.getincrementaldecoder("utf-8")()
        with self._decoding():
            for left in range(length, 0, -_WINDOW):
                decoder.decode(self.take(min(left, _WINDOW)), left <= _WINDOW)
        return f"{length}{_CUT}"

    def _kept(self, length: int) -> str:
        self.kept += length
        if self.kept > MAX_KEPT:
            raise too_many(self.file, f"{MAX_KEPT} bytes of keys, texts and names")
        with self._decoding():
            return self.take(length).decode("utf-8")

    @contextmanager
    def _decoding(self) -> Iterator[None]:
        try:
            yield
        except UnicodeDecodeError as err:
            raise self.invalid("it holds a string that is not UTF-8") from err

    def require(self, count: int, least: int, what: str) -> None:
        """Refuse a count of things that the rest of the file cannot hold, before a loop believes it."""
        if count * least > self.file.size - self.at:
            raise self.invalid(f"it claims {count} {what}")

    def _reach(self, length: int) -> None:
        if self.at + length > self.file.size:
            raise self.invalid("its header goes on behind the end of the file")
        if self.at + length > MAX_HEADER:
            raise self.invalid(f"its header is longer than {MAX_HEADER} bytes")

    def invalid(self, why: str) -> ArtifactError:
        return ArtifactError("gguf-invalid", f"not a sound GGUF file: {why}", location=self.file.location,
                             hint="fetch the file again, or convert the model again")

    def unsupported(self, what: str) -> ArtifactError:
        return ArtifactError("weights-unsupported", f"a GGUF file {what}", location=self.file.location,
                             hint="convert the model again with a current llama.cpp")


@dataclass(frozen=True, slots=True)
class _Value:
    kind: int
    text: str


def _counts(cursor: _Cursor) -> tuple[int, int]:
    if cursor.file.size < 24 or cursor.take(4) != b"GGUF":
        raise cursor.invalid("it does not start as one")
    version = cursor.number("<I")
    if version not in (2, 3):
        swapped = version & 0xFFFF == 0
        raise cursor.unsupported("of a big-endian machine" if swapped else f"of version {version}")
    cursor.version = version
    tensors, pairs = cursor.number(), cursor.number()
    cursor.require(pairs, 8 + 4 + 1, "pairs of metadata")
    cursor.require(tensors, 8 + 4 + 4 + 8, "tensors")
    if pairs > MAX_PAIRS:
        raise too_many(cursor.file, f"{MAX_PAIRS} pairs of metadata")
    if tensors > MAX_TENSORS:
        raise too_many(cursor.file, f"{MAX_TENSORS} tensors")
    return tensors, pairs


def _pairs(cursor: _Cursor, count: int) -> dict[str, _Value]:
    pairs: dict[str, _Value] = {}
    for _ in range(count):
        key = cursor.string(MAX_KEY)
        if key in pairs:  # readers keep the first, or the last
            raise cursor.invalid(f"its key {brief(key)} occurs twice")
        kind = cursor.number("<I")
        pairs[key] = _Value(kind, _text(cursor, kind))
    return pairs


def _text(cursor: _Cursor, kind: int) -> str:
    if kind == STRING:
        return cursor.text()
    if kind == ARRAY:
        return _skipped_array(cursor)
    if kind not in VALUES:
        raise cursor.invalid(f"it holds a value of the unknown type {kind}")
    value = cursor.number(VALUES[kind][1])
    if kind != BOOL:
        return str(value)
    if value > 1:
        raise cursor.invalid("it holds a truth value that is neither true nor false")
    return "true" if value else "false"


def _skipped_array(cursor: _Cursor) -> str:
    kind, count = cursor.number("<I"), cursor.number()
    if kind == STRING:
        cursor.require(count, 8, "strings")
        for _ in range(count):
            cursor.skip(cursor.number())
        return f"{count} x STRING"
    if kind not in VALUES:  # arrays of arrays too: llama.cpp refuses them, and they could nest without end
        raise cursor.invalid(f"it holds an array of the type {kind}")
    name, form = VALUES[kind]
    cursor.skip(count * struct.calcsize(form))
    return f"{count} x {name}"


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int

    def placed(self, cursor: _Cursor, first: int, alignment: int) -> TensorInfo:
        """The tensor as a range of the file; ArtifactError where it is not in it."""
        if self.kind not in TENSORS:
            raise cursor.unsupported(f"with tensors of the unknown type {self.kind}")
        dtype, block, block_bytes = TENSORS[self.kind]
        # ggml cuts rows, the fastest dimension, into blocks.
        if (self.shape[-1] if self.shape else 1) % block:
            raise cursor.invalid(f"its tensor {brief(self.name)} has rows that are not whole blocks")
        blocks = (*self.shape[:-1], self.shape[-1] // block) if self.shape else ()
        # The count of values must fit too: CVE-2025-53630 is a product that overflowed.
        size = byte_length(blocks, block_bytes) if byte_length(self.shape, 1) is not None else None
        start = first + self.offset
        if size is None or start + size > cursor.file.size:
            raise cursor.invalid(f"its tensor {brief(self.name)} reaches beyond the end of the file")
        if self.offset % alignment:
            raise cursor.invalid(f"its tensor {brief(self.name)} is not aligned")
        return TensorInfo(self.name, dtype, self.shape, start, start + size)


def _row(cursor: _Cursor) -> _Row:
    name = cursor.string(MAX_KEY)
    dimensions = cursor.number("<I")
    if dimensions > MAX_DIMENSIONS:
        raise cursor.invalid(f"its tensor {brief(name)} claims {dimensions} dimensions")
    *shape, kind, offset = struct.unpack(f"<{dimensions}QIQ", cursor.take(8 * dimensions + 12))
    return _Row(name, tuple(reversed(shape)), kind, offset)  # GGML's order is the reverse


def _alignment(cursor: _Cursor, pairs: dict[str, _Value]) -> int:
    value = pairs.get(_ALIGNMENT, _Value(ALIGNMENT_TYPE, "32"))
    alignment = int(value.text) if value.kind == ALIGNMENT_TYPE else 0
    if not 8 <= alignment <= MAX_ALIGNMENT or alignment & (alignment - 1):
        raise cursor.invalid("its alignment is not a power of two from 8 to 65536")
    return alignment


def _hidden(cursor: _Cursor, infos: Sequence[TensorInfo], alignment: int) -> int:
    """How many bytes belong to no tensor and are no padding; ArtifactError where two tensors share bytes."""
    return sum(end - start for start, end in _gaps(cursor, infos)
               if end - start >= alignment or cursor.file.read(start, end - start).count(0) < end - start)


def _gaps(cursor: _Cursor, infos: Sequence[TensorInfo]) -> Iterator[tuple[int, int]]:
    at = cursor.at
    for info in sorted((info for info in infos if info.end > info.start), key=lambda info: info.start):
        if info.start < at:
            raise cursor.invalid(f"its tensor {brief(info.name)} overlaps another")
        yield at, info.start
        at = info.end
    yield at, cursor.file.size


def _claims(file: WeightFile, pairs: Mapping[str, _Value]) -> Iterator[Finding]:
    """What the metadata say and bring along that nobody looks for in a weight file.

    A template is never rendered here (CVE-2024-34359, CVE-2026-5760: rendering one ran what it held). Names with two
    underscores are how a template leaves its data; ordinary ones have none, and other ways out there are.
    """
    templates = [value.text for key, value in pairs.items() if key == _TEMPLATE or key.startswith(f"{_TEMPLATE}.")]
    if templates:
        reaches = any("__" in text or text.endswith(_CUT) for text in templates)
        what = "a chat template with names of Python's own" if reaches else "a chat template"
        yield Finding("weights-hold-template", "warning" if reaches else "info",
                      f"{what} in its metadata: a program that applications run", file.location,
                      "read it before use, and render it in a sandbox only")
    told = [f"{key} is {brief(pairs[key].text)}" for key in _LICENCES if key in pairs]
    if told:
        yield Finding("weights-state-licence", "info", f"its metadata: {', '.join(told)}", file.location,
                      "compare it with the model card and with what is signed")
