"""The walk over a pickle: what is more than tensors is refused by its name, and what passes is what Python reads."""

from __future__ import annotations

import io
import itertools
import pickle
import pickletools
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

Flaw = Callable[[Any], bytes]


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
    "a state for a tensor": lambda b: b.dict({"w": b.grid() + b"}b"}),
    "a state for a dict": lambda b: b"}}b",
    "an attribute of a state dict": lambda b: b.dict({}, ordered=True) + b.dict({"items": b"N"}) + b"b",
    "a state that is no dict": lambda b: b.dict({}, ordered=True) + b"Nb",
    "hooks": lambda b: b.dict({"w": b.call(b.name("torch._utils", "_rebuild_tensor_v2"), b.tuple(
        b.storage("0", 6), b.number(0), b.sizes((6,)), b.sizes((1,)), b"\x89", b.dict({"x": b"N"}, ordered=True)))}),
    "hooks that are no dict": lambda b: b.dict({"w": b.call(b.name("torch._utils", "_rebuild_parameter"), b.tuple(
        b.grid(), b"\x89", b"N"))}),
}


@pytest.mark.parametrize("flaw", UNSAFE.values(), ids=UNSAFE)
def test_a_pickle_that_asks_for_more_than_tensors_is_refused(bench: Any, flaw: Flaw) -> None:
    assert bench.refusal("pytorch", bench.checkpoint(flaw(bench), {"0": bench.six})).code == "pickle-unsafe"


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
    "nothing to remember": lambda b: b"q\0",
    "a memo number out of order": lambda b: b"}q\1",
    "a memo number of 2^32 - 1": lambda b: b"}r\xff\xff\xff\xff",
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
    "a key twice": lambda b: b"}(" + (b.text("w") + b.grid()) * 2 + b"u",
    "an integer key and its spelling": lambda b: b"}(" + b.number(0) + b.grid() + b.text("0") + b.grid() + b"u",
    "arguments that are no tuple": lambda b: b.call(b.name("collections", "OrderedDict"), b"}"),
    "an OrderedDict with arguments": lambda b: b.call(b.name("collections", "OrderedDict"), b"]\x85"),
    "a size of texts": lambda b: b.call(b.name("torch", "Size"), b.tuple(b.tuple(b.text("a")))),
    "a parameter of nothing": lambda b: b.call(b.name("torch._utils", "_rebuild_parameter"), b"NNN\x87"),
    "a tensor of nothing": lambda b: b.call(b.name("torch._utils", "_rebuild_tensor_v2"), b")"),
    "a tensor without a storage": lambda b: b.dict({"w": b.grid(storage=b"N")}),
    "a typed tensor without a type": lambda b: b.dict({"w": b.grid(b.name("torch", "Size"))}),
    "a tensor of raw bytes": lambda b: b.dict({
        "w": b.grid(storage=b.storage("0", 24, "UntypedStorage", "torch.storage"))}),
    "a storage of another kind": lambda b: b.dict({"w": b.grid(storage=b.text("0") + b"Q")}),
    "a storage whose type is a function": lambda b: b.dict({"w": b.grid(storage=b.storage("0", 6, "Size"))}),
    "a storage of negative size": lambda b: b.dict({"w": b.grid(storage=b.storage("0", -6))}),
    "a storage that is not there": lambda b: b.dict({"w": b.grid(storage=b.storage("1", 6))}),
    "a storage outside": lambda b: b.dict({"w": b.grid(storage=b.storage("../data.pkl", 6))}),
    "a storage of another size": lambda b: b.dict({"w": b.grid(storage=b.storage("0", 7))}),
    "a storage of another type": lambda b: b.dict({"w": b.grid(storage=b.storage("0", 6, "DoubleStorage"))}),
    "a storage of two types": lambda b: b.dict({"w": b.grid(), "v": b.grid(storage=b.storage("0", 6, "IntStorage"))}),
    "a size and strides of two ranks": lambda b: b.dict({"w": b.grid(strides=(1,))}),
    "a tensor beyond its storage": lambda b: b.dict({"w": b.grid(shape=(7,), strides=(1,))}),
    "strides beyond its storage": lambda b: b.dict({"w": b.grid(strides=(4, 1))}),
    "an offset beyond its storage": lambda b: b.dict({"w": b.grid(offset=1)}),
    "a negative offset": lambda b: b.dict({"w": b.grid(offset=-1)}),
    "a negative size": lambda b: b.dict({"w": b.grid(shape=(-2, 3))}),
    "a negative stride": lambda b: b.dict({"w": b.grid(strides=(-3, 1), offset=3)}),
    "sizes that multiply past 2^64": lambda b: b.dict({"w": b.grid(shape=(2**40, 2**40), strides=(0, 0))}),
    "sizes past 2^64, times zero": lambda b: b.dict({"w": b.grid(shape=(2**61, 2**61, 0), strides=(0, 0, 0))}),
    "a hundred dimensions": lambda b: b.dict({"w": b.grid(shape=(1,) * 100, strides=(1,) * 100)}),
    "dicts nested too deep": lambda b: (b"}" + b.text("a")) * 40 + b"}" + b"s" * 40,
    "a dict in itself": lambda b: b"}q\0" + b.text("a") + b"h\0s",
    "a list in itself": lambda b: b.dict({"a": b"]q\0h\0a"}),
}


@pytest.mark.parametrize("flaw", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_pickle_is_refused(bench: Any, flaw: Flaw) -> None:
    assert bench.refusal("pytorch", bench.checkpoint(flaw(bench), {"0": bench.six})).code == "pickle-invalid"


def seed(bench: Any) -> bytes:
    """The body of a pickle that uses most of what is understood."""
    versions = b"}" + bench.text("_metadata") + bench.dict({}, ordered=True) + b"sb"
    return bench.dict({  # type: ignore[no-any-return]
        "m": bench.dict({"w": bench.grid() + b"q\0", "t": b"h\0"}, ordered=True) + versions,
        "n": b"](K\1NG" + bytes(8) + b"e",
        "p": bench.call(bench.name("torch._utils", "_rebuild_parameter"),
                        bench.tuple(bench.grid(), b"\x88", bench.hooks())),
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
            plan = bench.read("pytorch", bench.checkpoint(bytes(data), {"0": bench.six}))
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
