"""GGUF: tensors are found in C order; a header is never believed beyond the file."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.artifacts.containers.gguf_types import TENSORS, VALUES
from provenance.errors import ArtifactError

STRING, ARRAY = 8, 9
F32, Q4_K = 0, 12
TWO = struct.pack("<2f", 1, 2)


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


def u64(value: int) -> bytes:
    return struct.pack("<Q", value)


def whole(bench: Any) -> bytes:
    """A file with a value of every kind and three tensors."""
    pairs = [
        bench.gguf_pair("general.architecture", STRING, bench.gguf_text("llama")),
        bench.gguf_pair("general.alignment", 4, u32(64)),
        bench.gguf_pair("use", 7, b"\1"), bench.gguf_pair("not", 7, b"\0"),
        bench.gguf_pair("epsilon", 6, struct.pack("<f", 0.5)), bench.gguf_pair("below", 11, struct.pack("<q", -3)),
        bench.gguf_pair("tokens", ARRAY, u32(STRING) + u64(2) + bench.gguf_text("a") + bench.gguf_text(b"\xff")),
        bench.gguf_pair("scores", ARRAY, u32(6) + u64(3) + bytes(12)),
    ]
    rows = [bench.gguf_row("w", (2, 3), F32, 0), bench.gguf_row("q", (256, 2), Q4_K, 64),
            bench.gguf_row("b", (), 30, 384)]
    data = bytes(range(24)) + bytes(40) + bytes(288) + bytes(32) + b"\1\2"
    return bench.gguf(pairs, rows, data, alignment=64)


def test_tensors_and_metadata_are_told(bench: Any) -> None:
    data = whole(bench)
    plan = bench.read("gguf", data)
    first = plan.infos[0].start
    assert [(i.name, i.dtype, i.shape, i.start - first, i.end - first) for i in plan.infos] == [
        ("w", "F32", (3, 2), 0, 24), ("q", "Q4_K", (2, 256), 64, 352), ("b", "BF16", (), 384, 386)]
    assert first % 64 == 0
    assert dict(plan.metadata) == {
        "GGUF.version": "3", "general.architecture": "llama", "general.alignment": "64", "use": "true", "not": "false",
        "epsilon": "0.5", "below": "-3", "tokens": "2 x STRING", "scores": "3 x FLOAT32"}
    assert plan.findings == ()


def test_an_unquantised_tensor_has_the_leaf_that_it_has_in_safetensors(bench: Any) -> None:
    file = bench.gguf([], [bench.gguf_row("w", (2, 1), F32, 0)], TWO, version=2)
    assert bench.root("gguf", file) == bench.root("safetensors", bench.safetensors({"w": ("F32", (1, 2), TWO)}))


def codes(plan: Any) -> list[str]:
    return [finding.code for finding in plan.findings]


def test_bytes_behind_the_tensors_are_a_finding(bench: Any) -> None:
    row = bench.gguf_row("w", (2,), F32, 0)
    archive = bench.archive([("payload.py", b"print()")])
    assert bench.read("gguf", bench.gguf([], [row], TWO + bytes(24))).findings == ()
    assert codes(bench.read("gguf", bench.gguf([], [row], TWO + archive))) == ["file-polyglot", "weights-hidden-bytes"]
    apart = bench.gguf([], [row, bench.gguf_row("v", (2,), F32, 96)], TWO + bytes(88) + TWO)
    assert bench.read("gguf", apart).findings[0].code == "weights-hidden-bytes"


def test_padding_that_is_not_zero_is_a_finding(bench: Any) -> None:
    """With an alignment of 65,536 there is room for a program between two tensors."""
    pair = bench.gguf_pair("general.alignment", 4, u32(1 << 16))
    rows = [bench.gguf_row("w", (2,), F32, 0), bench.gguf_row("v", (2,), F32, 1 << 16)]
    for padding, expected in ((bytes(65_528), []), (b"#!/bin/sh\n".ljust(65_528, b"\0"), ["weights-hidden-bytes"])):
        data = bench.gguf([pair], rows, TWO + padding + TWO, alignment=1 << 16)
        assert codes(bench.read("gguf", data)) == expected


def test_a_tensor_that_is_an_archive_is_a_finding(bench: Any) -> None:
    """A valid GGUF whose last tensor is a zip: what opens it from behind finds other files (as SER-26)."""
    archive = bench.archive([("data.pkl", b"cos\nsystem\n.")])
    row = bench.gguf_row("w", (len(archive),), 24, 0)
    assert codes(bench.read("gguf", bench.gguf([], [row], archive))) == ["file-polyglot"]


@pytest.mark.parametrize(("text", "severity"), [
    ("{% for m in messages %}{{ m.content }}{% endfor %}", "info"),
    ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "warning"),
    ("x" * ((1 << 20) + 1), "warning"),
], ids=["ordinary", "reaches Python (SER-62)", "too long to be looked at"])
def test_a_chat_template_is_a_finding_and_is_not_rendered(bench: Any, text: str, severity: str) -> None:
    for key in ("tokenizer.chat_template", "tokenizer.chat_template.tool_use"):
        plan = bench.read("gguf", bench.gguf([bench.gguf_pair(key, STRING, bench.gguf_text(text))], [], b""))
        assert [(finding.code, finding.severity) for finding in plan.findings] == [("weights-hold-template", severity)]


def test_a_licence_in_the_file_is_a_finding_that_names_it(bench: Any) -> None:
    pair = bench.gguf_pair("general.license", STRING, bench.gguf_text("cc-by-nc-4.0"))
    finding = bench.read("gguf", bench.gguf([pair], [], b"")).findings[0]
    assert (finding.code, finding.severity) == ("weights-state-licence", "info")
    assert "general.license is cc-by-nc-4.0" in finding.message


Flaw = Callable[[Any], bytes]


def header(bench: Any, *parts: bytes, tensors: int = 0, pairs: int = 0, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, pairs) + b"".join(parts) + bytes(64)


def row(bench: Any, *dims: int, kind: int = F32, offset: int = 0, data: bytes = TWO) -> bytes:
    return bench.gguf([], [bench.gguf_row("w", dims, kind, offset)], data)  # type: ignore[no-any-return]


FLAWS: dict[str, Flaw] = {
    "nothing": lambda b: b"",
    "another mark": lambda b: b"GGML" + bytes(40),
    "a string of 2^64 - 1 bytes (SER-54)": lambda b: header(b, u64(2**64 - 1), pairs=1),
    "a string behind the end": lambda b: header(b, u64(1000), pairs=1),
    "a key of 64 KiB": lambda b: header(b, b.gguf_pair("k" * 65_536, 0, b"\0"), pairs=1),
    "a key that is not UTF-8": lambda b: header(b, b.gguf_pair(b"\xff", 0, b"\0"), pairs=1),
    "a text that is not UTF-8": lambda b: header(b, b.gguf_pair("k", STRING, b.gguf_text(b"\xff")), pairs=1),
    "a key twice (SER-61)": lambda b: header(b, *[b.gguf_pair("general.license", 0, b"\0")] * 2, pairs=2),
    "an unknown type of value": lambda b: header(b, b.gguf_pair("k", 13, b"\0"), pairs=1),
    "a truth value of 2": lambda b: header(b, b.gguf_pair("k", 7, b"\2"), pairs=1),
    "2^64 - 1 pairs": lambda b: header(b, pairs=2**64 - 1),
    "2^64 - 1 tensors": lambda b: header(b, tensors=2**64 - 1),
    "an array of 2^63 numbers": lambda b: header(b, b.gguf_pair("k", ARRAY, u32(12) + u64(2**63)), pairs=1),
    "an array of 2^63 strings": lambda b: header(b, b.gguf_pair("k", ARRAY, u32(8) + u64(2**63)), pairs=1),
    "an array of arrays": lambda b: header(b, b.gguf_pair("k", ARRAY, u32(9) + u64(1) + u32(0) + u64(0)), pairs=1),
    "2^31 dimensions (SER-57)": lambda b: header(b, b.gguf_text("w"), u32(2**31), tensors=1),
    "five dimensions": lambda b: row(b, 1, 1, 1, 1, 2),
    "dimensions that multiply past 2^64 (SER-58)": lambda b: row(b, 2**32, 2**32 + 1),
    "dimensions that multiply past 2^64, times zero": lambda b: row(b, 2**40, 2**40, 0),
    "an offset behind the end (SER-59)": lambda b: row(b, 2, offset=1 << 20),
    "an offset of 2^64 - 32": lambda b: row(b, 2, offset=2**64 - 32),
    "an offset between alignments": lambda b: row(b, 1, offset=4),
    "data that are cut": lambda b: row(b, 2, data=TWO[:-1]),
    "rows that are no whole blocks": lambda b: row(b, 128, 2, kind=Q4_K, data=bytes(144)),
    "blocks of a scalar": lambda b: row(b, kind=Q4_K, data=bytes(144)),
    "tensors that overlap": lambda b: b.gguf([], [b.gguf_row("a", (16,), F32, 0), b.gguf_row("b", (8,), F32, 32)],
                                             bytes(64)),
    "an alignment of zero": lambda b: header(b, b.gguf_pair("general.alignment", 4, u32(0)), pairs=1),
    "an alignment of 48": lambda b: header(b, b.gguf_pair("general.alignment", 4, u32(48)), pairs=1),
    "an alignment that hides a payload": lambda b: header(
        b, b.gguf_pair("general.alignment", 4, u32(1 << 30)), pairs=1),
    "an alignment that is a text": lambda b: header(
        b, b.gguf_pair("general.alignment", STRING, b.gguf_text("64")), pairs=1),
}


@pytest.mark.parametrize("flaw", FLAWS.values(), ids=FLAWS)
def test_a_flaw_is_refused(bench: Any, flaw: Flaw) -> None:
    assert bench.refusal("gguf", flaw(bench)).code == "gguf-invalid"


def test_a_name_twice_is_refused(bench: Any) -> None:
    rows = [bench.gguf_row("w", (2,), F32, 0), bench.gguf_row("w", (2,), F32, 32)]
    assert bench.refusal("gguf", bench.gguf([], rows, TWO + bytes(24) + TWO)).code == "tensor-duplicate"


@pytest.mark.parametrize("version", [1, 4, 0x03000000])
def test_another_version_and_another_byte_order_are_unsupported(bench: Any, version: int) -> None:
    assert bench.refusal("gguf", header(bench, version=version)).code == "weights-unsupported"


def test_an_unknown_type_of_tensor_is_unsupported(bench: Any) -> None:
    """Types 4 and 5 were withdrawn; a new one has a size that is not known."""
    for kind in (4, 9, 99):
        assert bench.refusal("gguf", row(bench, 2, kind=kind)).code == "weights-unsupported"


def test_a_header_longer_than_the_limit_is_refused(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provenance.artifacts.containers.gguf.MAX_HEADER", 40)
    assert bench.refusal("gguf", whole(bench)).code == "gguf-invalid"


def test_a_header_longer_than_the_window_is_read(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = bench.read("gguf", whole(bench))
    monkeypatch.setattr("provenance.artifacts.containers.gguf._WINDOW", 5)
    assert bench.read("gguf", whole(bench)) == before


@pytest.mark.parametrize(("bound", "value"), [("MAX_PAIRS", 7), ("MAX_TENSORS", 2), ("MAX_KEPT", 64)])
def test_more_than_there_is_memory_for_is_refused(
    bench: Any, monkeypatch: pytest.MonkeyPatch, bound: str, value: int
) -> None:
    monkeypatch.setattr(f"provenance.artifacts.containers.gguf.{bound}", value)
    assert bench.refusal("gguf", whole(bench)).code == "weights-too-many"


def test_a_long_text_is_checked_and_not_kept(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole tokenizer may stand in one; its characters may lie across two windows."""
    monkeypatch.setattr("provenance.artifacts.containers.gguf.MAX_TEXT", 8)
    monkeypatch.setattr("provenance.artifacts.containers.gguf._WINDOW", 5)
    text, key = "\u00fc\U0001f600" * 5, bench.gguf_text("k")
    sound = key + u32(STRING) + bench.gguf_text(text)
    assert bench.read("gguf", header(bench, sound, pairs=1)).metadata["k"] == "30 bytes of text"
    for flaw in (text.encode()[:-1], text.encode()[:12] + b"\xff" + text.encode()[12:]):
        assert bench.refusal("gguf", header(bench, key + u32(STRING) + bench.gguf_text(flaw), pairs=1)).code == (
            "gguf-invalid")


def test_a_file_cut_anywhere_is_refused(bench: Any) -> None:
    data = whole(bench)
    for end in range(len(data)):
        assert bench.refusal("gguf", data[:end]).code == "gguf-invalid"


def test_any_bytes_give_a_plan_inside_the_file_or_a_refusal(bench: Any) -> None:
    seed = whole(bench)

    @settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.tuples(st.integers(0, len(seed) - 1), st.integers(0, 255)), max_size=4))
    def holds(changes: list[tuple[int, int]]) -> None:
        data = bytearray(seed)
        for at, value in changes:
            data[at] = value
        try:
            plan = bench.read("gguf", bytes(data))
        except ArtifactError:
            return
        assert all(0 <= info.start <= info.end <= len(data) for info in plan.infos)

    holds()


@pytest.mark.peers
def test_the_sizes_of_blocks_are_those_of_the_gguf_package() -> None:
    constants = pytest.importorskip("gguf.constants")
    theirs = {int(kind): (kind.name, *size) for kind, size in constants.GGML_QUANT_SIZES.items()}
    # Never in a file; the package and ggml disagree about its size.
    assert {kind: row for kind, row in theirs.items() if row[0] != "Q8_1"} == TENSORS
    names = {int(kind): kind.name for kind in constants.GGUFValueType if kind.name not in ("STRING", "ARRAY")}
    assert names == {kind: name for kind, (name, _) in VALUES.items()}


@pytest.mark.peers
def test_a_file_of_the_gguf_package_is_read_as_it_reads_it(bench: Any, tmp_path: Any) -> None:
    gguf = pytest.importorskip("gguf")
    numpy = pytest.importorskip("numpy")
    path = tmp_path / "theirs.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_license("apache-2.0")
    writer.add_token_list(["a", "b"])
    writer.add_tensor("w", numpy.arange(6, dtype="f4").reshape(2, 3))
    writer.add_tensor("h", numpy.ones((4,), "f2"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    data = path.read_bytes()
    plan = bench.read("gguf", data)
    theirs = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    assert plan.metadata["general.license"] == "apache-2.0"
    assert {info.name for info in plan.infos} == set(theirs)
    for info in plan.infos:
        assert info.start == theirs[info.name].data_offset
        assert data[info.start : info.end] == theirs[info.name].data.tobytes()
