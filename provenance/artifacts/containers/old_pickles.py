"""Pickles that have no mark to know them by: protocols 0 and 1, and any stream that leaves its mark out.

They look like text, so they are told from it by what an unpickler would do: opcodes are followed with their stack and
memo, and nothing is run. Text ends within some opcodes, for want of an operand or of a callable. What is a pickle but
imports and calls nothing is plain data, and not told.
"""

from __future__ import annotations

import os
import pickletools
import re

_FAR = 16 << 20  # where what still reads as a pickle is called one, however much data its author put before the call
_MANY = 100_000  # opcodes, likewise
_PART = 1 << 10
_NAME = re.compile(r"[^\W\d][\w.]*")  # of a module, or of what is in it
_SIZED = {pickletools.TAKEN_FROM_ARGUMENT1: 1, pickletools.TAKEN_FROM_ARGUMENT4: 4,
          pickletools.TAKEN_FROM_ARGUMENT4U: 4, pickletools.TAKEN_FROM_ARGUMENT8U: 8}
_OPCODES = {ord(opcode.code): opcode for opcode in pickletools.opcodes}
_DATA, _TUPLE, _CALLABLE, _MARK = "data", "tuple", "callable", "mark"
_MADE = {"TUPLE": _TUPLE, "EMPTY_TUPLE": _TUPLE, "TUPLE1": _TUPLE, "TUPLE2": _TUPLE, "TUPLE3": _TUPLE,
         "GLOBAL": _CALLABLE, "STACK_GLOBAL": _CALLABLE, "EXT1": _CALLABLE, "EXT2": _CALLABLE, "EXT4": _CALLABLE}
_IMPORTS = ("GLOBAL", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4")


class _NoPickleError(Exception):
    """An unpickler would stop here, before it called anything."""


class _Far(Exception):  # noqa: N818  not an error: the answer is yes
    """It still reads as a pickle where nobody looks any further."""


def would_call(descriptor: int, head: bytes) -> bool:
    """Whether to unpickle this open file would import or call something; `head` are its first bytes."""
    if not head or head[0] not in _OPCODES:
        return False
    try:
        return _Walk(descriptor, head).calls()
    except _NoPickleError:
        return False
    except _Far:
        return True


class _Walk:
    """An unpickler that does nothing."""

    def __init__(self, descriptor: int, head: bytes) -> None:
        self._descriptor, self._part, self._start, self._at = descriptor, head, 0, 0
        self._stack, self._memo = list[str](), dict[int, str]()

    def calls(self) -> bool:
        imported = False
        for _ in range(_MANY):
            opcode = _OPCODES.get(self._take(1)[0])
            if opcode is None:
                raise _NoPickleError
            argument = self._argument(opcode)
            name = opcode.name
            if name == "STOP":  # a list of words may read as an import and a dot; nothing follows the dot of a pickle
                return imported and bool(self._stack) and not self._more()
            if name == "INST" and _MARK in self._stack:
                return True
            if name in ("REDUCE", "NEWOBJ") and self._stack[-2:] == [_CALLABLE, _TUPLE]:
                return True
            if name == "NEWOBJ_EX" and self._stack[-3:-1] == [_CALLABLE, _TUPLE]:
                return True
            if name == "BUILD" and self._stack[-2:-1] == [_CALLABLE]:
                return True
            if name == "OBJ" and _CALLABLE in self._since_mark()[:1]:
                return True
            if name in ("INST", "REDUCE", "NEWOBJ", "NEWOBJ_EX", "BUILD", "OBJ"):
                raise _NoPickleError
            imported = imported or name in _IMPORTS
            self._do(opcode, argument)
        raise _Far

    def _do(self, opcode: pickletools.OpcodeInfo, argument: bytes) -> None:
        name, stack = opcode.name, self._stack
        if name == "MARK":
            stack.append(_MARK)
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            known = self._memo.get(_index(name, argument))
            if known is None:
                raise _NoPickleError
            stack.append(known)
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self._memo[len(self._memo) if name == "MEMOIZE" else _index(name, argument)] = self._top()
        elif name == "DUP":
            stack.append(self._top())
        elif name in ("POP", "POP_MARK"):
            if not stack:
                raise _NoPickleError
            del stack[-1 if name == "POP" else -len(self._since_mark()) - 1 :]
        else:
            if pickletools.markobject in opcode.stack_before:
                del stack[-len(self._since_mark()) - 1 :]
                needed = opcode.stack_before.index(pickletools.markobject)
            else:
                needed = len(opcode.stack_before)
            if needed > len(stack) or _MARK in stack[len(stack) - needed :]:
                raise _NoPickleError
            del stack[len(stack) - needed :]
            stack += [_MADE.get(name, _DATA)] * len(opcode.stack_after)

    def _top(self) -> str:
        if not self._stack or self._stack[-1] == _MARK:
            raise _NoPickleError
        return self._stack[-1]

    def _since_mark(self) -> list[str]:
        for place in range(len(self._stack) - 1, -1, -1):
            if self._stack[place] == _MARK:
                return self._stack[place + 1 :]
        raise _NoPickleError

    def _argument(self, opcode: pickletools.OpcodeInfo) -> bytes:
        """Its argument where that counts; the data of strings is passed over."""
        if opcode.arg is None:
            return b""
        if opcode.name in ("GLOBAL", "INST"):
            for _ in range(2):
                if not _NAME.fullmatch(self._line().decode("utf-8", "replace")):
                    raise _NoPickleError
            return b""
        size = opcode.arg.n
        if size == pickletools.UP_TO_NEWLINE:
            return self._line()
        if size >= 0:
            return self._take(size)
        length = int.from_bytes(self._take(_SIZED[size]), "little")
        if self._at + length > os.fstat(self._descriptor).st_size:
            raise _NoPickleError
        self._at += length
        return b""

    def _line(self) -> bytes:
        """What stands before the next end of line, or the beginning of it."""
        found = b""
        while self._more():
            part = self._part[self._at - self._start :]
            line, end, _ = part.partition(b"\n")
            found = found or line
            self._at += len(line) + len(end)
            if end:
                return found
        raise _NoPickleError

    def _take(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            if not self._more():
                raise _NoPickleError
            place = self._at - self._start
            part = self._part[place : place + size - len(found)]
            found += part
            self._at += len(part)
        return found

    def _more(self) -> bool:
        """Whether there is a byte at this place; the part of the file that holds it is in memory then."""
        if self._at > _FAR:
            raise _Far
        if not self._start <= self._at < self._start + len(self._part):
            self._part, self._start = os.pread(self._descriptor, 64 * _PART, self._at), self._at
        return bool(self._part)


def _index(name: str, argument: bytes) -> int:
    if name not in ("GET", "PUT"):
        return int.from_bytes(argument, "little")
    try:
        return int(argument)  # as unpicklers read it: `+1` and `1_0` are numbers to them too
    except ValueError as err:
        raise _NoPickleError from err
