"""PyTorch checkpoints: tensors are found without running anything, and what is more than tensors is refused by name."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.artifacts.containers import pickle_walk
from provenance.errors import ArtifactError

TURNED = struct.pack("<6f", 0, 3, 1, 4, 2, 5)
Flaw = Callable[[Any], bytes]


def test_a_checkpoint_has_the_root_of_the_same_safetensors(bench: Any) -> None:
    """Plain, turned round, shifted and tied tensors, a parameter, a scalar, an empty and a typed tensor."""
    tensors = {
        "plain": bench.grid(), "turned": bench.grid(shape=(3, 2), strides=(1, 3)),
        "row": bench.grid(shape=(3,), strides=(1,), offset=3), "tied": bench.grid(),
        "wide": bench.grid(shape=(2, 3), strides=(0, 1)), "scalar": bench.grid(shape=(), strides=(), offset=4),
        "parameter": bench.call(bench.name("torch._utils", "_rebuild_parameter"),
                                bench.tuple(bench.grid(), b"\x88", bench.hooks())),
        "empty": bench.grid(shape=(0, 3), strides=(3, 1)),
        "eight": bench.tensor(bench.storage("1", 3, "UntypedStorage", "torch.storage"), (3,), (1,), 0,
                              bench.name("torch", "float8_e4m3fn")),
        "whole": bench.tensor(bench.storage("2", 2, "LongStorage"), (2,), (1,), 0, b"N"),
    }
    data = bench.checkpoint(bench.dict(tensors, ordered=True), {"0": bench.six, "1": b"abc", "2": bytes(16)})
    plan = bench.read("pytorch", data)
    assert {view.name for view in plan.gathered} == {"turned", "wide"}
    assert plan.findings == ()
    assert dict(plan.metadata) == {"version": "3", "byteorder": "little"}
    ranges = {info.name: (info.start, info.end) for info in plan.infos}
    assert ranges["plain"] == ranges["tied"] == ranges["parameter"]
    grid_row = ("F32", (2, 3), bench.six)
    assert bench.root("pytorch", data) == bench.root("safetensors", bench.safetensors({
        "plain": grid_row, "turned": ("F32", (3, 2), TURNED), "row": ("F32", (3,), bench.six[12:]), "tied": grid_row,
        "wide": ("F32", (2, 3), bench.six[:12] * 2), "scalar": ("F32", (), bench.six[16:20]), "parameter": grid_row,
        "empty": ("F32", (0, 3), b""), "eight": ("F8_E4M3", (3,), b"abc"), "whole": ("I64", (2,), bytes(16))}))


def test_a_big_endian_checkpoint_has_the_same_root(bench: Any) -> None:
    swapped = struct.pack(">6f", *range(6))
    data = bench.checkpoint(bench.dict({"w": bench.grid()}), {"0": swapped}, order="big")
    assert bench.root("pytorch", data) == bench.root("pytorch", bench.one(bench.grid()))
    number = bench.tensor(bench.storage("0", 4, "UntypedStorage", "torch.storage"), (2,), (1,), 0,
                          bench.name("torch", "uint16"))
    assert bench.refusal("pytorch", bench.checkpoint(bench.dict({"w": number}), {"0": b"abcd"}, order="big")).code == (
        "weights-unsupported")


def test_names_are_the_paths_of_keys(bench: Any) -> None:
    plain = b"](K\x01X\x01\x00\x00\x00aNe"  # [1, "a", None]
    versions = b"}" + bench.text("_metadata") + bench.dict({"": b"}"}, ordered=True) + b"sb"
    size = bench.call(bench.name("torch", "Size"), bench.tuple(bench.sizes((2, 3))))
    body = bench.dict({
        "state_dict": bench.dict({"a.w": bench.grid()}, ordered=True) + versions,
        "optimizer": bench.dict({0: bench.dict({"m": bench.grid(), "step": b"G" + bytes(8)}),
                                 1: b"](" + bench.grid() + b"e"}),
        "epoch": b"K\x03", "plain": plain, "size": size, "dtype": bench.name("torch", "float16"),
    })
    plan = bench.read("pytorch", bench.checkpoint(body, {"0": bench.six}))
    assert {info.name for info in plan.infos} == {"state_dict.a.w", "optimizer.0.m", "optimizer.1.0"}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_that_python_writes_is_read(bench: Any, protocol: int) -> None:
    """Protocol 4 has frames, short texts, its own memo, and globals from the stack."""
    call = b"\x8c\x0ctorch._utils\x8c\x12_rebuild_tensor_v2\x93\x94" + bench.tuple(
        bench.storage("0", 6), b"K\x00", bench.sizes((2, 3)), bench.sizes((3, 1)), b"\x89", bench.hooks()) + b"R"
    body = b"\x95" + bytes(8) + b"}\x94(\x8c\x01w" + call + b"u"
    data = bench.archive([("m/data.pkl", b"\x80" + bytes([protocol]) + body + b"."), ("m/data/0", bench.six)])
    assert bench.root("pytorch", data) == bench.root("pytorch", bench.one(bench.grid()))


UNSUPPORTED: dict[str, Flaw] = {
    "a tensor without a name": lambda b: b.grid(),
    "a list of tensors": lambda b: b"](" + b.grid() + b"e",
    "a storage among the tensors": lambda b: b.dict({"w": b.storage("0", 6)}),
    "complex numbers of 128 bits": lambda b: b.dict({"w": b.grid(storage=b.storage("0", 3, "ComplexDoubleStorage"))}),
    "a conjugated tensor": lambda b: b.dict({"w": b.grid(b.dict({"conj": b"\x88"}))}),
}


@pytest.mark.parametrize("flaw", UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_what_the_tree_has_no_name_for_is_unsupported(bench: Any, flaw: Flaw) -> None:
    assert bench.refusal("pytorch", bench.checkpoint(flaw(bench), {"0": bench.six})).code == "weights-unsupported"


def test_two_paths_of_one_name_are_refused(bench: Any) -> None:
    body = bench.dict({"a": bench.dict({"b": bench.grid()}), "a.b": bench.grid()})
    assert bench.refusal("pytorch", bench.checkpoint(body, {"0": bench.six})).code == "tensor-duplicate"


def test_a_name_that_is_no_unicode_is_refused(bench: Any) -> None:
    error = bench.refusal("pytorch", bench.checkpoint(bench.dict({"\ud800": bench.grid()}), {"0": bench.six}))
    assert error.code == "tensor-name-odd"


def test_shared_parts_do_not_grow_without_end(bench: Any) -> None:
    """Thirty lists, each of twice the one before: two thousand million paths in three hundred bytes."""
    body = b"}" + bench.text("a") + b"(]q\0" + b"".join(b"](h%ch%ceq%c" % (n, n, n + 1) for n in range(28)) + b"ts"
    error = bench.refusal("pytorch", bench.checkpoint(body, {}))
    assert "grow without end" in error.message


def test_a_long_name_over_many_tensors_does_not_grow_without_end(bench: Any) -> None:
    items = b"".join(bench.number(n) + b"h\0" for n in range(2000))
    body = b"}" + bench.text("k" * 20_000) + b"}(" + bench.text("x") + bench.grid() + b"q\0" + items + b"us"
    error = bench.refusal("pytorch", bench.checkpoint(body, {"0": bench.six}))
    assert "grow without end" in error.message


def test_an_expanded_tensor_larger_than_the_file_is_refused(bench: Any) -> None:
    error = bench.refusal("pytorch", bench.one(bench.grid(shape=(1 << 40,), strides=(0,))))
    assert error.code == "weights-amplified"


def test_the_opcodes_and_the_length_of_the_pickle_are_bounded(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle_walk, "MAX_OPCODES", 10)
    assert bench.refusal("pytorch", bench.one(bench.grid())).code == "weights-too-many"
    monkeypatch.setattr("provenance.artifacts.containers.pytorch.MAX_PICKLE", 10)
    assert bench.refusal("pytorch", bench.one(bench.grid())).code == "weights-too-many"


def test_the_tensors_that_a_pickle_leads_to_are_counted(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One tensor under many names costs two bytes a name, and a kilobyte of memory."""
    monkeypatch.setattr("provenance.artifacts.containers.pytorch.MAX_TENSORS", 3)
    for count, refused in ((2, False), (3, True)):
        data = bench.one(bench.grid() + b"q\0" + b"".join(bench.text(str(n)) + b"h\0" for n in range(count)))
        if refused:
            assert bench.refusal("pytorch", data).code == "weights-too-many"
        else:
            assert len(bench.read("pytorch", data).infos) == 3


# The archive.


KINDS = {
    "a bare pickle of protocol 0 (SER-28)": (b"cos\nsystem\n(S'true'\ntR.", "pickle-unsafe"),
    "a bare pickle of protocol 2": (b"\x80\x02}.", "pickle-unsafe"),
    "the layout before 1.6": (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "pickle-unsafe"),
    "the tar layout": (b"sys_info".ljust(257, b"\0") + b"ustar" + bytes(250), "weights-unsupported"),
    "a 7z archive (SER-39)": (b"7z\xbc\xaf\x27\x1c" + bytes(40), "weights-unsupported"),
    "nothing": (b"", "weights-unsupported"),
}


@pytest.mark.parametrize(("data", "code"), KINDS.values(), ids=KINDS)
def test_another_kind_of_file_is_refused(bench: Any, data: bytes, code: str) -> None:
    assert bench.refusal("pytorch", data).code == code


def test_a_pickle_with_an_archive_behind_it_is_refused(bench: Any) -> None:
    """PyTorch looks at the first bytes and runs the pickle; scanners look at the end and see the archive."""
    assert bench.refusal("pytorch", bench.one(bench.grid(), prefix=b"\x80\x02}.")).code == "pickle-unsafe"


MEMBERS = {
    "a program (SER-43)": ({"code/__torch__.py": b"x"}, "pickle-unsafe"),
    "a program in capitals": ({"CODE/x.py": b"x"}, "pickle-unsafe"),
    "constants": ({"constants.pkl": b"\x80\x02)."}, "pickle-unsafe"),
    "names that differ in case": ({"DATA.PKL": b"\x80\x02}."}, "pickle-invalid"),
    "another byte order": ({"byteorder": b"middle"}, "pickle-invalid"),
    "a version that is no text": ({"version": b"\xff"}, "pickle-invalid"),
    "a version of a kilobyte": ({"version": b"3" * 1000}, "zip-invalid"),
}


@pytest.mark.parametrize(("others", "code"), MEMBERS.values(), ids=MEMBERS)
def test_a_flaw_among_the_entries_is_refused(bench: Any, others: dict[str, bytes], code: str) -> None:
    assert bench.refusal("pytorch", bench.one(bench.grid(), others=others)).code == code


def test_an_archive_that_is_no_checkpoint_is_refused(bench: Any) -> None:
    pickle = bench.pickle(b"}")
    for files in (
        [("config.json", b"{}"), ("model.weights.h5", b"x")], [("data.pkl", pickle)], [("a/x", b"")],
        [("a/data.pkl", pickle), ("b/x", b"")],
    ):
        assert bench.refusal("pytorch", bench.archive(files)).code == "weights-unsupported"


def test_a_wrong_checksum_of_the_pickle_is_refused(bench: Any, member: Any) -> None:
    """SER-31: a scanner gave up where the loader went on."""
    wrong = member("m/data.pkl", bench.pickle(b"}"), local={"crc": 1}, central={"crc": 1})
    assert bench.refusal("pytorch", bench.archive([wrong])).code == "zip-invalid"


def test_what_no_tensor_uses_is_a_finding(bench: Any) -> None:
    for others in ({"data/9": b"payload"}, {"extra/x.py": b"payload"}):
        findings = bench.read("pytorch", bench.one(bench.grid(), others=others)).findings
        assert [finding.code for finding in findings] == ["weights-hidden-bytes"]


def test_a_checkpoint_cut_anywhere_is_refused(bench: Any) -> None:
    data = bench.one(bench.grid())
    for end in range(len(data)):
        bench.refusal("pytorch", data[:end])


Changes = st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=4)


def test_any_archive_gives_a_plan_or_a_refusal(bench: Any) -> None:
    whole = bench.one(bench.grid())

    @settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(Changes)
    def holds(changes: list[tuple[int, int]]) -> None:
        data = bytearray(whole)
        for at, value in changes:
            data[at % len(data)] = value
        try:
            plan = bench.read("pytorch", bytes(data))
        except ArtifactError:
            return
        assert all(0 <= info.start <= info.end <= len(data) for info in plan.infos)

    holds()
