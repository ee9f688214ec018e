"""PyTorch checkpoints: tensors are found without running anything, and what is more than tensors is refused by name."""

from __future__ import annotations

import io
import itertools
import pickle
import pickletools
import struct
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.artifacts.containers import pickle_walk
from provenance.artifacts.containers.pickle_walk import Global, PickledTensor, Storage
from provenance.artifacts.containers.torch_names import DTYPES, RAW, STORAGES
from provenance.errors import ArtifactError

SIX = struct.pack("<6f", *range(6))
TURNED = struct.pack("<6f", 0, 3, 1, 4, 2, 5)
Flaw = Callable[[Any], bytes]


def grid(bench: Any, *more: bytes, **changes: Any) -> bytes:
    """The tensor [[0, 1, 2], [3, 4, 5]] in storage 0."""
    parts = {"storage": bench.storage("0", 6), "shape": (2, 3), "strides": (3, 1), "offset": 0, **changes}
    where = (parts["storage"], parts["shape"], parts["strides"], parts["offset"])
    return bench.tensor(*where, *more)  # type: ignore[no-any-return]


def one(bench: Any, tensor: bytes, **changes: Any) -> bytes:
    """A checkpoint of one tensor named w."""
    return bench.checkpoint(bench.dict({"w": tensor}), {"0": SIX}, **changes)  # type: ignore[no-any-return]


def test_a_checkpoint_has_the_root_of_the_same_safetensors(bench: Any) -> None:
    """Plain, turned round, shifted and tied tensors, a parameter, a scalar, an empty and a typed tensor."""
    tensors = {
        "plain": grid(bench), "turned": grid(bench, shape=(3, 2), strides=(1, 3)),
        "row": grid(bench, shape=(3,), strides=(1,), offset=3), "tied": grid(bench),
        "wide": grid(bench, shape=(2, 3), strides=(0, 1)), "scalar": grid(bench, shape=(), strides=(), offset=4),
        "parameter": bench.call(bench.name("torch._utils", "_rebuild_parameter"),
                                bench.tuple(grid(bench), b"\x88", bench.hooks())),
        "empty": grid(bench, shape=(0, 3), strides=(3, 1)),
        "eight": bench.tensor(bench.storage("1", 3, "UntypedStorage", "torch.storage"), (3,), (1,), 0,
                              bench.name("torch", "float8_e4m3fn")),
        "whole": bench.tensor(bench.storage("2", 2, "LongStorage"), (2,), (1,), 0, b"N"),
    }
    data = bench.checkpoint(bench.dict(tensors, ordered=True), {"0": SIX, "1": b"abc", "2": bytes(16)})
    plan = bench.read("pytorch", data)
    assert {view.name for view in plan.gathered} == {"turned", "wide"}
    assert plan.findings == ()
    assert dict(plan.metadata) == {"version": "3", "byteorder": "little"}
    ranges = {info.name: (info.start, info.end) for info in plan.infos}
    assert ranges["plain"] == ranges["tied"] == ranges["parameter"]
    grid_row = ("F32", (2, 3), SIX)
    assert bench.root("pytorch", data) == bench.root("safetensors", bench.safetensors({
        "plain": grid_row, "turned": ("F32", (3, 2), TURNED), "row": ("F32", (3,), SIX[12:]), "tied": grid_row,
        "wide": ("F32", (2, 3), SIX[:12] * 2), "scalar": ("F32", (), SIX[16:20]), "parameter": grid_row,
        "empty": ("F32", (0, 3), b""), "eight": ("F8_E4M3", (3,), b"abc"), "whole": ("I64", (2,), bytes(16))}))


def test_a_big_endian_checkpoint_has_the_same_root(bench: Any) -> None:
    swapped = struct.pack(">6f", *range(6))
    data = bench.checkpoint(bench.dict({"w": grid(bench)}), {"0": swapped}, order="big")
    assert bench.root("pytorch", data) == bench.root("pytorch", one(bench, grid(bench)))
    number = bench.tensor(bench.storage("0", 4, "UntypedStorage", "torch.storage"), (2,), (1,), 0,
                          bench.name("torch", "uint16"))
    assert bench.refusal("pytorch", bench.checkpoint(bench.dict({"w": number}), {"0": b"abcd"}, order="big")).code == (
        "weights-unsupported")


def test_names_are_the_paths_of_keys(bench: Any) -> None:
    plain = b"](K\x01X\x01\x00\x00\x00aNe"  # [1, "a", None]
    versions = b"}" + bench.text("_metadata") + bench.dict({"": b"}"}, ordered=True) + b"sb"
    size = bench.call(bench.name("torch", "Size"), bench.tuple(bench.sizes((2, 3))))
    body = bench.dict({
        "state_dict": bench.dict({"a.w": grid(bench)}, ordered=True) + versions,
        "optimizer": bench.dict({0: bench.dict({"m": grid(bench), "step": b"G" + bytes(8)}),
                                 1: b"](" + grid(bench) + b"e"}),
        "epoch": b"K\x03", "plain": plain, "size": size, "dtype": bench.name("torch", "float16"),
    })
    plan = bench.read("pytorch", bench.checkpoint(body, {"0": SIX}))
    assert {info.name for info in plan.infos} == {"state_dict.a.w", "optimizer.0.m", "optimizer.1.0"}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_that_python_writes_is_read(bench: Any, protocol: int) -> None:
    """Protocol 4 has frames, short texts, its own memo, and globals from the stack."""
    call = b"\x8c\x0ctorch._utils\x8c\x12_rebuild_tensor_v2\x93\x94" + bench.tuple(
        bench.storage("0", 6), b"K\x00", bench.sizes((2, 3)), bench.sizes((3, 1)), b"\x89", bench.hooks()) + b"R"
    body = b"\x95" + bytes(8) + b"}\x94(\x8c\x01w" + call + b"u"
    data = bench.archive([("m/data.pkl", b"\x80" + bytes([protocol]) + body + b"."), ("m/data/0", SIX)])
    assert bench.root("pytorch", data) == bench.root("pytorch", one(bench, grid(bench)))


def global_call(module: str, name: str, *arguments: str) -> Flaw:
    return lambda b: b.dict({"w": b.call(b.name(module, name), b.tuple(*map(b.text, arguments)))})


UNSAFE: dict[str, Flaw] = {
    "a command": global_call("os", "system", "touch canary"),
    "a global that no list names (SER-33)": global_call("email.utils", "formatdate"),
    "code of PyTorch": global_call("torch", "load", "x"),
    "a module of PyTorch": lambda b: b.name("torch.nn.modules.linear", "Linear"),
    "a name that ends as a known one": lambda b: b.name("x torch", "FloatStorage"),
    "a name from the stack": lambda b: b.text("builtins") + b.text("eval") + b"\x93",
    "an escaped name, which only pickletools undoes": lambda b: b.name(r"torch\x2e_utils", "_rebuild_tensor_v2"),
    "a name that is no Unicode": lambda b: b.text("\ud800") + b.text("x") + b"\x93",
    "the extension registry (SER-38)": lambda b: b"\x82\x01",
    "a call of a storage": lambda b: b.call(b.name("torch", "FloatStorage"), b")"),
    "a call of a dtype": lambda b: b.call(b.name("torch", "float32"), b")"),
    "a call of a dict": lambda b: b.call(b"}", b")"),
    "a state for a tensor": lambda b: b.dict({"w": grid(b) + b"}b"}),
    "a state for a dict": lambda b: b"}}b",
    "an attribute of a state dict": lambda b: b.dict({}, ordered=True) + b.dict({"items": b"N"}) + b"b",
    "a state that is no dict": lambda b: b.dict({}, ordered=True) + b"Nb",
    "hooks": lambda b: b.dict({"w": b.call(b.name("torch._utils", "_rebuild_tensor_v2"), b.tuple(
        b.storage("0", 6), b.number(0), b.sizes((6,)), b.sizes((1,)), b"\x89", b.dict({"x": b"N"}, ordered=True)))}),
    "hooks that are no dict": lambda b: b.dict({"w": b.call(b.name("torch._utils", "_rebuild_parameter"), b.tuple(
        grid(b), b"\x89", b"N"))}),
}


@pytest.mark.parametrize("flaw", UNSAFE.values(), ids=UNSAFE)
def test_a_pickle_that_asks_for_more_than_tensors_is_refused(bench: Any, flaw: Flaw) -> None:
    assert bench.refusal("pytorch", bench.checkpoint(flaw(bench), {"0": SIX})).code == "pickle-unsafe"


UNDERSTOOD = {
    "PROTO", "FRAME", "STOP", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT",
    "BINUNICODE", "SHORT_BINUNICODE", "EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "MARK", "TUPLE", "TUPLE1", "TUPLE2",
    "TUPLE3", "APPEND", "APPENDS", "SETITEM", "SETITEMS", "BINPUT", "LONG_BINPUT", "MEMOIZE", "BINGET", "LONG_BINGET",
    "GLOBAL", "STACK_GLOBAL", "BINPERSID", "REDUCE", "BUILD",
}


@pytest.mark.parametrize("opcode", [code for code in pickletools.opcodes if code.name not in UNDERSTOOD],
                         ids=lambda code: code.name)
def test_every_other_opcode_is_refused_by_its_name(bench: Any, opcode: Any) -> None:
    """INST, OBJ, NEWOBJ, EXT1 and the rest; before their arguments are looked at."""
    error = bench.refusal("pytorch", bench.checkpoint(opcode.code.encode("latin-1"), {}))
    assert error.code == "pickle-unsafe"
    assert f"the opcode {opcode.name} " in error.message


def test_the_global_is_named_and_nothing_is_run(bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "canary_module.py").write_text("import pathlib\npathlib.Path(__file__).with_name('canary').touch()\n")
    monkeypatch.syspath_prepend(tmp_path)
    error = bench.refusal("pytorch", bench.checkpoint(global_call("canary_module", "x")(bench), {}))
    assert "canary_module.x" in error.message
    assert "canary_module" not in sys.modules
    assert not (tmp_path / "canary").exists()


DAMAGED: dict[str, Flaw] = {
    "no value": lambda b: b"",
    "two values": lambda b: b"}}",
    "an open mark": lambda b: b"}(",
    "no mark": lambda b: b"}u",
    "an opcode that does not exist": lambda b: b"\xff",
    "something behind the end": lambda b: b"}.}",
    "an unknown memo number": lambda b: b"h\x07",
    "nothing to remember": lambda b: b"q\x07",
    "too few for a tuple": lambda b: b"K\x01\x87",
    "a text behind the end": lambda b: b"X\xff\xff\xff\xff",
    "a text that is not UTF-8": lambda b: b"X\1\0\0\0\xff",
    "a global that is no text": lambda b: b"K\x01K\x02\x93",
    "a protocol of the future": lambda b: b"\x80\x06}",
    "an integer of 2^63": lambda b: b.dict({"w": b.number(2**63)}),
    "an item for a list that is none": lambda b: b"}Na",
    "an item for a dict that is none": lambda b: b"]NNs",
    "half an item": lambda b: b"}(Nu",
    "a key that is no text": lambda b: b"}NNs",
    "a key that is a truth value": lambda b: b"}\x88Ns",
    "a key twice": lambda b: b"}(" + (b.text("w") + grid(b)) * 2 + b"u",
    "an integer key and its spelling": lambda b: b"}(" + b.number(0) + grid(b) + b.text("0") + grid(b) + b"u",
    "arguments that are no tuple": lambda b: b.call(b.name("collections", "OrderedDict"), b"}"),
    "an OrderedDict with arguments": lambda b: b.call(b.name("collections", "OrderedDict"), b"]\x85"),
    "a size of texts": lambda b: b.call(b.name("torch", "Size"), b.tuple(b.tuple(b.text("a")))),
    "a parameter of nothing": lambda b: b.call(b.name("torch._utils", "_rebuild_parameter"), b"NNN\x87"),
    "a tensor of nothing": lambda b: b.call(b.name("torch._utils", "_rebuild_tensor_v2"), b")"),
    "a tensor without a storage": lambda b: b.dict({"w": grid(b, storage=b"N")}),
    "a typed tensor without a type": lambda b: b.dict({"w": grid(b, b.name("torch", "Size"))}),
    "a tensor of raw bytes": lambda b: b.dict({
        "w": grid(b, storage=b.storage("0", 24, "UntypedStorage", "torch.storage"))}),
    "a storage of another kind": lambda b: b.dict({"w": grid(b, storage=b.text("0") + b"Q")}),
    "a storage whose type is a function": lambda b: b.dict({"w": grid(b, storage=b.storage("0", 6, "Size"))}),
    "a storage of negative size": lambda b: b.dict({"w": grid(b, storage=b.storage("0", -6))}),
    "a storage that is not there": lambda b: b.dict({"w": grid(b, storage=b.storage("1", 6))}),
    "a storage outside": lambda b: b.dict({"w": grid(b, storage=b.storage("../data.pkl", 6))}),
    "a storage of another size": lambda b: b.dict({"w": grid(b, storage=b.storage("0", 7))}),
    "a storage of another type": lambda b: b.dict({"w": grid(b, storage=b.storage("0", 6, "DoubleStorage"))}),
    "a storage of two types": lambda b: b.dict({"w": grid(b), "v": grid(b, storage=b.storage("0", 6, "IntStorage"))}),
    "a size and strides of two ranks": lambda b: b.dict({"w": grid(b, strides=(1,))}),
    "a tensor beyond its storage": lambda b: b.dict({"w": grid(b, shape=(7,), strides=(1,))}),
    "strides beyond its storage": lambda b: b.dict({"w": grid(b, strides=(4, 1))}),
    "an offset beyond its storage": lambda b: b.dict({"w": grid(b, offset=1)}),
    "a negative offset": lambda b: b.dict({"w": grid(b, offset=-1)}),
    "a negative size": lambda b: b.dict({"w": grid(b, shape=(-2, 3))}),
    "a negative stride": lambda b: b.dict({"w": grid(b, strides=(-3, 1), offset=3)}),
    "sizes that multiply past 2^64": lambda b: b.dict({"w": grid(b, shape=(2**40, 2**40), strides=(0, 0))}),
    "sizes past 2^64, times zero": lambda b: b.dict({"w": grid(b, shape=(2**61, 2**61, 0), strides=(0, 0, 0))}),
    "a hundred dimensions": lambda b: b.dict({"w": grid(b, shape=(1,) * 100, strides=(1,) * 100)}),
    "dicts nested too deep": lambda b: (b"}" + b.text("a")) * 40 + b"}" + b"s" * 40,
    "a dict in itself": lambda b: b"}q\0" + b.text("a") + b"h\0s",
    "a list in itself": lambda b: b.dict({"a": b"]q\0h\0a"}),
}


@pytest.mark.parametrize("flaw", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_pickle_is_refused(bench: Any, flaw: Flaw) -> None:
    assert bench.refusal("pytorch", bench.checkpoint(flaw(bench), {"0": SIX})).code == "pickle-invalid"


UNSUPPORTED: dict[str, Flaw] = {
    "a tensor without a name": grid,
    "a list of tensors": lambda b: b"](" + grid(b) + b"e",
    "a storage among the tensors": lambda b: b.dict({"w": b.storage("0", 6)}),
    "complex numbers of 128 bits": lambda b: b.dict({"w": grid(b, storage=b.storage("0", 3, "ComplexDoubleStorage"))}),
    "a conjugated tensor": lambda b: b.dict({"w": grid(b, b.dict({"conj": b"\x88"}))}),
}


@pytest.mark.parametrize("flaw", UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_what_the_tree_has_no_name_for_is_unsupported(bench: Any, flaw: Flaw) -> None:
    assert bench.refusal("pytorch", bench.checkpoint(flaw(bench), {"0": SIX})).code == "weights-unsupported"


def test_two_paths_of_one_name_are_refused(bench: Any) -> None:
    body = bench.dict({"a": bench.dict({"b": grid(bench)}), "a.b": grid(bench)})
    assert bench.refusal("pytorch", bench.checkpoint(body, {"0": SIX})).code == "tensor-duplicate"


def test_a_name_that_is_no_unicode_is_refused(bench: Any) -> None:
    error = bench.refusal("pytorch", bench.checkpoint(bench.dict({"\ud800": grid(bench)}), {"0": SIX}))
    assert error.code == "tensor-name-odd"


def test_shared_parts_do_not_grow_without_end(bench: Any) -> None:
    """Thirty lists, each of twice the one before: two thousand million paths in three hundred bytes."""
    body = b"}" + bench.text("a") + b"(]q\0" + b"".join(b"](h%ch%ceq%c" % (n, n, n + 1) for n in range(28)) + b"ts"
    error = bench.refusal("pytorch", bench.checkpoint(body, {}))
    assert "grow without end" in error.message


def test_a_long_name_over_many_tensors_does_not_grow_without_end(bench: Any) -> None:
    items = b"".join(bench.number(n) + b"h\0" for n in range(2000))
    body = b"}" + bench.text("k" * 20_000) + b"}(" + bench.text("x") + grid(bench) + b"q\0" + items + b"us"
    error = bench.refusal("pytorch", bench.checkpoint(body, {"0": SIX}))
    assert "grow without end" in error.message


def test_an_expanded_tensor_larger_than_the_file_is_refused(bench: Any) -> None:
    error = bench.refusal("pytorch", one(bench, grid(bench, shape=(1 << 40,), strides=(0,))))
    assert error.code == "weights-amplified"


def test_the_number_of_opcodes_and_the_size_of_the_pickle_are_bounded(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pickle_walk, "MAX_OPCODES", 10)
    assert bench.refusal("pytorch", one(bench, grid(bench))).code == "pickle-invalid"
    monkeypatch.setattr("provenance.artifacts.containers.pytorch.MAX_PICKLE", 10)
    assert bench.refusal("pytorch", one(bench, grid(bench))).code == "zip-invalid"


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
    assert bench.refusal("pytorch", one(bench, grid(bench), prefix=b"\x80\x02}.")).code == "pickle-unsafe"


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
    assert bench.refusal("pytorch", one(bench, grid(bench), others=others)).code == code


def test_an_archive_that_is_no_checkpoint_is_refused(bench: Any) -> None:
    pickle = bench.pickle(b"}")
    keras = [("config.json", b"{}"), ("model.weights.h5", b"x")]
    assert bench.refusal("pytorch", bench.archive(keras)).code == "pickle-invalid"
    assert bench.refusal("pytorch", bench.archive([("data.pkl", pickle)])).code == "pickle-invalid"
    assert bench.refusal("pytorch", bench.archive([("a/data.pkl", pickle), ("b/x", b"")])).code == "pickle-invalid"
    assert bench.refusal("pytorch", bench.archive([("a/x", b"")])).code == "weights-unsupported"


def test_a_wrong_checksum_of_the_pickle_is_refused(bench: Any, member: Any) -> None:
    """SER-31: a scanner gave up where the loader went on."""
    wrong = member("m/data.pkl", bench.pickle(b"}"), local={"crc": 1}, central={"crc": 1})
    assert bench.refusal("pytorch", bench.archive([wrong])).code == "zip-invalid"


def test_what_no_tensor_uses_is_a_finding(bench: Any) -> None:
    for others in ({"data/9": b"payload"}, {"extra/x.py": b"payload"}):
        findings = bench.read("pytorch", one(bench, grid(bench), others=others)).findings
        assert [finding.code for finding in findings] == ["weights-hidden-bytes"]


def test_a_checkpoint_cut_anywhere_is_refused(bench: Any) -> None:
    data = one(bench, grid(bench))
    for end in range(len(data)):
        bench.refusal("pytorch", data[:end])


def seed(bench: Any) -> bytes:
    """The body of a pickle that uses most of what is understood."""
    versions = b"}" + bench.text("_metadata") + bench.dict({}, ordered=True) + b"sb"
    return bench.dict({  # type: ignore[no-any-return]
        "m": bench.dict({"w": grid(bench) + b"q\1", "t": b"h\1"}, ordered=True) + versions,
        "n": b"](K\1NG" + bytes(8) + b"e",
        "p": bench.call(bench.name("torch._utils", "_rebuild_parameter"),
                        bench.tuple(grid(bench), b"\x88", bench.hooks())),
    })


Changes = st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=4)
STEADY = settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_any_pickle_gives_a_plan_or_a_refusal(bench: Any) -> None:
    body = seed(bench)
    codes = {"pickle-unsafe", "pickle-invalid", "weights-unsupported", "tensor-duplicate", "tensor-name-odd",
             "weights-amplified"}

    @STEADY
    @given(Changes, st.integers(0, 1 << 16), st.binary(max_size=8))
    def holds(changes: list[tuple[int, int]], place: int, added: bytes) -> None:
        data = bytearray(body)
        for at, value in changes:
            data[at % len(data)] = value
        data[place % len(data) : place % len(data)] = added
        try:
            plan = bench.read("pytorch", bench.checkpoint(bytes(data), {"0": SIX}))
        except ArtifactError as err:
            assert err.code in codes  # noqa: PT017 - a refusal may be, and has a code
        else:
            assert {tensor.name for tensor in (*plan.infos, *plan.gathered)}

    holds()


def test_any_opcodes_give_a_value_or_a_refusal() -> None:
    known = sorted(code.code for code in pickletools.opcodes if code.name in UNDERSTOOD)
    part = st.one_of(st.sampled_from(known).map(lambda code: code.encode("latin-1")), st.binary(max_size=4))

    @STEADY
    @given(st.lists(part, max_size=40).map(b"".join))
    def holds(data: bytes) -> None:
        try:
            pickle_walk.walk(data + b".", "input")
        except ArtifactError as err:
            assert err.code in ("pickle-unsafe", "pickle-invalid", "weights-unsupported")  # noqa: PT017

    holds()


class Reference(pickle.Unpickler):
    """Python's own unpickler, for which the names of PyTorch stand for the same facts."""

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module} {name}"
        if full in CALLS:
            return CALLS[full]
        if full in STORAGES or full in DTYPES or full == RAW:
            return Global(full)
        raise pickle.UnpicklingError(full)

    def persistent_load(self, pid: Any) -> Any:
        word, kind, key, _, count = pid
        assert word == "storage"
        return Storage(key, STORAGES.get(kind.name, ""), count)


def first(data: Any, *_: Any) -> Any:
    return data


def view(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Any:
    return PickledTensor(storage, storage.dtype, offset, shape, strides)


CALLS = {"collections OrderedDict": OrderedDict, "torch Size": tuple, "torch._utils _rebuild_parameter": first,
         "torch._utils _rebuild_tensor_v2": view}


def spelled(value: Any, depth: int = 8) -> str:
    """A value in words, integer keys as the walker has them, to a depth that ends for values that hold themselves."""
    if depth and isinstance(value, dict):
        return f"dict({', '.join(f'{key}: {spelled(inner, depth - 1)}' for key, inner in value.items())})"
    if depth and isinstance(value, list | tuple):
        return f"{type(value).__name__}({', '.join(spelled(inner, depth - 1) for inner in value)})"
    if isinstance(value, Global):
        value = CALLS.get(value.name, value)
    return type(value).__name__ if isinstance(value, dict | list | tuple) else repr(value)


def pieces(data: bytes) -> list[bytes]:
    """A pickle cut into its opcodes."""
    starts = [at for _, _, at in pickletools.genops(data) if at is not None]
    return [data[start:end] for start, end in itertools.pairwise([*starts, len(data)])]


def test_what_is_accepted_is_what_python_reads(bench: Any) -> None:
    """Opcodes left out, doubled and exchanged: a pickle that passes here has the same meaning to an unpickler."""
    opcodes = pieces(bench.pickle(seed(bench)))
    extra = [b"K\0", b"K\1", b"h\0", b"h\1", b"q\0", b"(", b"t", b"e", b"a", b"s", b"u", b"]", b"}", b")", b"N",
             b"\x85", b"\x86", b"\x87", b"\x94", b"R", b"b", b"Q", b"\x89", bench.text("w"), bench.text("0")]
    compared = 0

    @settings(max_examples=1500, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.tuples(st.integers(0, len(opcodes) - 1), st.integers(0, 1),
                              st.sampled_from([*opcodes, *extra])), max_size=2))
    def holds(changes: list[tuple[int, int, bytes]]) -> None:
        nonlocal compared
        changed = list(opcodes)
        for at, length, new in changes:
            changed[at : at + length] = [new]
        data = b"".join(changed)
        try:
            ours = pickle_walk.walk(data, "input")
        except ArtifactError:
            return
        try:
            theirs = Reference(io.BytesIO(data)).load()
        except Exception:  # noqa: BLE001 - a loader that refuses loads no other model
            return
        assert spelled(ours) == spelled(theirs)
        compared += 1

    holds()
    assert compared


def test_any_archive_gives_a_plan_or_a_refusal(bench: Any) -> None:
    whole = one(bench, grid(bench))

    @STEADY
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
