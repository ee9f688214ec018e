"""Walks the pickle of a PyTorch checkpoint, opcode by opcode; nothing is imported, called or run.

What an opcode means is told by `pickletools` of the standard library, which only describes. The walker understands
what describes tensors: plain values, dicts, lists and tuples, the memo, `collections.OrderedDict`, `torch.Size`,
dtypes, and the functions with which PyTorch puts a tensor together from a storage. Any other global, opcode or call
is an ArtifactError `pickle-unsafe` that names it. There is no list of bad names: such lists lose.

The cost is bounded by the length of the pickle: an opcode adds at most one value, and no value is copied. What its
values take in memory is counted as they are made, because one byte can make a dict of sixty-four.
"""

from __future__ import annotations

import io
import pickletools
import struct
import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Never

from provenance.artifacts.containers.plan import WeightFile, are_sizes, too_many
from provenance.artifacts.containers.torch_names import DTYPES, RAW, STORAGES, UNNAMED
from provenance.artifacts.names import brief
from provenance.errors import ArtifactError

MAX_PICKLE = 32 << 20
MAX_OPCODES = 1 << 22  # a tensor takes about thirty
MAX_MEMORY = 88 << 20  # what all values take that were ever made; of what `torch.save` writes, some 60,000 tensors
MAX_TEXT = 1 << 20  # in memory a byte of it may take four
_STEP, _MARK, _MEMO, _ITEM = 8, 64, 9, 96  # an opcode (its place on the stack), a mark, an entry of the memo, of a dict
MAX_INTEGER = 1 << 63
OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}
_TENSOR, _TYPED_TENSOR = "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor_v3"
_PARAMETER, _SIZE, _ORDERED = "torch._utils _rebuild_parameter", "torch Size", "collections OrderedDict"
_KNOWN = {_TENSOR, _TYPED_TENSOR, _PARAMETER, _SIZE, _ORDERED, RAW, *STORAGES, *DTYPES}
_HINT = "ask its publisher for safetensors; do not load this file"


@dataclass(frozen=True, slots=True)
class Global:
    """A name that the pickle speaks of, `module name`; it stays a name."""

    name: str


@dataclass(frozen=True, slots=True)
class Storage:
    """A persistent id: the entry `data/KEY` of the archive, as `count` elements of a dtype; "" for raw bytes."""

    key: str
    dtype: str
    count: int


@dataclass(frozen=True, slots=True)
class PickledTensor:
    """A view of a storage; offset and strides count elements of `dtype`."""

    storage: Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def walk(data: bytes, location: str) -> Any:
    """What the pickle describes: dicts with string keys, lists, tuples, plain values, Global, Storage, PickledTensor.

    Integer keys are spelled in decimal. Values may contain themselves. ArtifactError `pickle-unsafe`,
    `pickle-invalid` (damaged), `weights-too-many` or `weights-unsupported` (tensors that the tensor tree has no name
    for).
    """
    walker = _Walker(data, location)
    try:
        return walker.run()
    except (IndexError, KeyError, ValueError, struct.error) as err:
        # Fewer values on the stack than an opcode takes, an unknown memo number, an argument cut off or not text.
        # The walker reads values as plain data, so that no other kind of error can come from the file.
        raise walker.damaged(f"it is damaged at byte {walker.at}") from err


class _Walker:
    """The stack machine of `pickle`, without its functions."""

    def __init__(self, data: bytes, location: str) -> None:
        self._stream, self._location, self.at = io.BytesIO(data), location, 0
        self._length, self._memory = len(data), 0
        self._stack, self._marked, self._memo = list[Any](), list[list[Any]](), list[Any]()
        self._do: dict[str, Callable[[Any], None]] = {
            "PROTO": self._protocol, "FRAME": self._nothing,
            "NONE": self._constant(None), "NEWTRUE": self._constant(True), "NEWFALSE": self._constant(False),  # noqa: FBT003
            "BININT": self._push, "BININT1": self._push, "BININT2": self._push, "LONG1": self._integer,
            "BINFLOAT": self._push, "BINUNICODE": self._push, "SHORT_BINUNICODE": self._push,
            "EMPTY_DICT": lambda _: self._push({}), "EMPTY_LIST": lambda _: self._push([]),
            "EMPTY_TUPLE": self._constant(()), "MARK": self._mark,
            "TUPLE": self._tuple, "TUPLE1": self._short_tuple(1), "TUPLE2": self._short_tuple(2),
            "TUPLE3": self._short_tuple(3), "APPEND": self._append, "APPENDS": self._appends,
            "SETITEM": self._set_item, "SETITEMS": self._set_items,
            "BINPUT": self._put, "LONG_BINPUT": self._put, "MEMOIZE": lambda _: self._put(len(self._memo)),
            "BINGET": self._get, "LONG_BINGET": self._get,
            "GLOBAL": self._global, "STACK_GLOBAL": self._stack_global,
            "BINPERSID": self._persistent, "REDUCE": self._reduce, "BUILD": self._build,
        }
        self._calls: dict[str, Callable[..., Any]] = {
            _TENSOR: self._tensor, _TYPED_TENSOR: self._typed_tensor, _PARAMETER: self._parameter,
            _SIZE: self._size, _ORDERED: self._ordered,
        }

    def run(self) -> Any:
        for _ in range(MAX_OPCODES):
            self.at = self._stream.tell()
            opcode = OPCODES[self._stream.read(1).decode("latin-1")]
            if opcode.name == "STOP":
                return self._result()
            if opcode.name not in self._do:  # before its argument is looked at
                self._unsafe(f"the opcode {opcode.name}")
            self._count(_STEP)
            if opcode.name == "BINUNICODE":
                self._check_length()
            # The reader of GLOBAL undoes escapes, which the unpicklers do not.
            known = opcode.arg if opcode.name != "GLOBAL" else None
            self._do[opcode.name](known.reader(self._stream) if known is not None else None)
        raise self._too_many(f"a pickle of {MAX_OPCODES} opcodes")

    def damaged(self, why: str) -> ArtifactError:
        return ArtifactError("pickle-invalid", f"not a sound pickle: {why}", location=self._location,
                             hint="fetch the file again, or ask its publisher for safetensors")

    def _too_many(self, what: str) -> ArtifactError:
        return too_many(WeightFile(-1, self._length, self._location), what)

    def _count(self, size: int) -> None:
        self._memory += size
        if self._memory > MAX_MEMORY:
            raise self._too_many(f"a pickle whose values take {MAX_MEMORY} bytes")

    def _check_length(self) -> None:
        """Look at the length of a text before it is read and decoded."""
        length = struct.unpack("<I", self._stream.read(4))[0]
        self._stream.seek(-4, io.SEEK_CUR)
        if length > MAX_TEXT and length < self._length:
            raise self._too_many(f"a text of {MAX_TEXT} bytes")

    def _unsafe(self, what: str) -> Never:
        raise ArtifactError("pickle-unsafe", f"its pickle uses {what} at byte {self.at}, which is no part of a tensor",
                            location=self._location, hint=_HINT)

    def _unsupported(self, what: str) -> Never:
        raise ArtifactError("weights-unsupported", f"its pickle holds {what}, which the tensor tree has no name for",
                            location=self._location, hint="publish the weights as safetensors too")

    def _expect(self, holds: bool, what: str) -> None:
        if not holds:
            raise self.damaged(f"{what} at byte {self.at} is not put together as PyTorch does it")

    def _result(self) -> Any:
        self._expect(len(self._stack) == 1 and not self._marked, "its end")
        # What follows the end is read by nobody and found by some.
        self._expect(self._stream.tell() == self._length, "its end")
        return self._stack.pop()

    # Values. `_push` takes strings and numbers as pickletools read them.

    def _push(self, value: Any) -> None:
        self._count(sys.getsizeof(value))
        self._stack.append(value)

    def _constant(self, value: Any) -> Callable[[Any], None]:
        return lambda _: self._stack.append(value)

    def _nothing(self, _: Any) -> None:
        """A frame is a hint about buffers; it changes nothing."""

    def _protocol(self, version: int) -> None:
        self._expect(version <= 5, "the protocol")

    def _integer(self, value: int) -> None:
        self._expect(abs(value) < MAX_INTEGER, "an integer")
        self._push(value)

    def _mark(self, _: Any) -> None:
        self._count(_MARK)
        self._marked.append(self._stack)
        self._stack = []

    def _since_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._marked.pop()
        return items

    def _tuple(self, _: Any) -> None:
        items = self._since_mark()
        self._push(tuple(items))

    def _short_tuple(self, length: int) -> Callable[[Any], None]:
        def build(_: Any) -> None:
            self._expect(len(self._stack) >= length, "a tuple")
            items = tuple(self._stack[-length:])
            del self._stack[-length:]
            self._push(items)
        return build

    def _append(self, _: Any) -> None:
        self._extend([self._stack.pop()])

    def _appends(self, _: Any) -> None:
        self._extend(self._since_mark())

    def _extend(self, items: list[Any]) -> None:
        self._expect(isinstance(self._stack[-1], list), "a list")
        self._stack[-1].extend(items)

    def _set_item(self, _: Any) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._update([key, value])

    def _set_items(self, _: Any) -> None:
        self._update(self._since_mark())

    def _update(self, items: list[Any]) -> None:
        target = self._stack[-1]
        self._expect(isinstance(target, dict) and len(items) % 2 == 0, "a dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            # In decimal, an integer key has a hash that cannot be chosen; 0 and "0" would give one name.
            name = str(key) if type(key) is int else key
            self._expect(type(name) is str and name not in target, "a key of a dict")
            self._count(_ITEM)
            target[name] = value

    def _put(self, number: int) -> None:
        # Picklers number what they remember from 0; a number out of order would make a table of four billion.
        self._expect(number <= len(self._memo), "a memo number")
        self._count(_MEMO)
        self._memo[number : number + 1] = [self._stack[-1]]

    def _get(self, number: int) -> None:
        self._stack.append(self._memo[number])

    # Names and what may be done with them.

    def _global(self, _: Any) -> None:
        module, name = self._stream.readline(), self._stream.readline()
        self._expect(module.endswith(b"\n") and name.endswith(b"\n"), "a global")
        self._named(f"{module[:-1].decode('ascii')} {name[:-1].decode('ascii')}")

    def _named(self, name: str) -> None:
        if name in UNNAMED:
            self._unsupported(name.replace(" ", "."))
        if name not in _KNOWN:
            shown = name.encode("utf-8", "backslashreplace").decode().replace(" ", ".")
            self._unsafe(f"the global {brief(shown)}")
        self._push(Global(name))

    def _stack_global(self, _: Any) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._expect(type(name) is str and type(module) is str, "a global")
        self._named(f"{module} {name}")

    def _persistent(self, _: Any) -> None:
        match self._stack.pop():
            case ("storage", Global(kind), str(key), str(), int(count)) if kind == RAW or kind in STORAGES:
                self._expect(are_sizes((count,)), "a storage")
                self._push(Storage(key, STORAGES.get(kind, ""), count))
            case _:
                self._expect(False, "a persistent id")  # noqa: FBT003

    def _reduce(self, _: Any) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        call = self._calls.get(function.name) if isinstance(function, Global) else None
        if call is None:
            shown = function.name.replace(" ", ".") if isinstance(function, Global) else "a value"
            self._unsafe(f"a call of {shown}")
        self._expect(isinstance(arguments, tuple), "a call")
        self._push(call(arguments))

    def _build(self, _: Any) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        # A state dict carries the versions of its modules as an attribute. Any other attribute, of anything, could
        # take the place of a method.
        if not isinstance(target, OrderedDict) or not isinstance(state, dict) or set(state) - {"_metadata"}:
            self._unsafe("the opcode BUILD on more than a state dict")

    def _ordered(self, arguments: tuple[Any, ...]) -> OrderedDict[str, Any]:
        self._expect(not arguments, "an OrderedDict")
        return OrderedDict()

    def _size(self, arguments: tuple[Any, ...]) -> tuple[int, ...]:
        self._expect(len(arguments) == 1 and are_sizes(arguments[0]), "a size")
        return arguments[0]  # type: ignore[no-any-return]

    def _tensor(self, arguments: tuple[Any, ...]) -> PickledTensor:
        self._expect(len(arguments) in (6, 7) and isinstance(arguments[0], Storage), "a tensor")
        return self._view(arguments[:6], arguments[0].dtype, arguments[6:])

    def _typed_tensor(self, arguments: tuple[Any, ...]) -> PickledTensor:
        self._expect(len(arguments) in (7, 8) and isinstance(arguments[6], Global), "a tensor")
        return self._view(arguments[:6], DTYPES.get(arguments[6].name, ""), arguments[7:])

    def _view(self, arguments: tuple[Any, ...], dtype: str, metadata: tuple[Any, ...]) -> PickledTensor:
        storage, offset, shape, strides, gradient, hooks = arguments
        self._expect(isinstance(storage, Storage) and dtype != "", "a tensor")
        self._expect(are_sizes((offset,)) and are_sizes(shape) and are_sizes(strides), "a tensor")
        self._expect(len(shape) == len(strides) and isinstance(gradient, bool), "a tensor")
        self._no_hooks(hooks)
        if any(value is not None and value != {} for value in metadata):  # bits that conjugate or negate
            self._unsupported("a conjugated or negated tensor")
        return PickledTensor(storage, dtype, offset, shape, strides)

    def _parameter(self, arguments: tuple[Any, ...]) -> PickledTensor:
        self._expect(len(arguments) == 3 and isinstance(arguments[0], PickledTensor), "a parameter")
        self._no_hooks(arguments[2])
        return arguments[0]  # type: ignore[no-any-return]

    def _no_hooks(self, hooks: Any) -> None:
        if not isinstance(hooks, OrderedDict) or hooks:
            self._unsafe("hooks of a tensor")
