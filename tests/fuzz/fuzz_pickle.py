"""The walk over a pickle: plain values and names come out, or a refusal; the same as an unpickler would build."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from typing import Any

from harness import fuzz
from writers import pickled, text

SEEDS = [
    b".", pickled(), b"\x80\4\x95\2\0\0\0\0\0\0\0}.", b"cos\nsystem\n(S'true'\ntR.",
    b"}q\0" + text("a") + b"h\0s.", b"]" * 50 + b"a" * 49 + b".", b"\x80\2}q\0(K\1K\2K\3K\4u.",
    b"(K\1K\2t\x85q\0h\0\x86.", b"\x82\1.", b"}r\xff\xff\xff\xff.", b"\x8c\5torch\x8c\7float32\x93.",
    b"ccollections\nOrderedDict\n)R}" + text("_metadata") + b"}sb.",
]


class Unpickler(pickle.Unpickler):
    """Python's own, for which every known name is the name alone."""

    def find_class(self, module: str, name: str) -> Any:
        if f"{module} {name}" == "collections OrderedDict":
            return OrderedDict
        raise pickle.UnpicklingError(name)


def one_input(data: bytes) -> None:
    """A pickle without names of PyTorch has one meaning."""
    from provenance.artifacts.containers.pickle_walk import walk
    from provenance.errors import ArtifactError

    try:
        ours = walk(data, "input")
    except ArtifactError:
        return
    try:
        theirs = Unpickler(io.BytesIO(data)).load()
    except Exception:  # noqa: BLE001 - an unpickler that refuses loads no other model
        return
    assert _told(ours) == _told(theirs), (ours, theirs)


def _told(value: Any, depth: int = 6) -> str:
    if isinstance(value, dict):
        inner = [f"{key}: {_told(item, depth - 1)}" for key, item in value.items()] if depth else []
        return f"{type(value).__name__}({', '.join(inner)})"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({', '.join(_told(item, depth - 1) for item in value) if depth else ''})"
    if value is OrderedDict or type(value).__name__ == "Global":
        return "name"
    return repr(value)


if __name__ == "__main__":
    fuzz(one_input, "provenance.artifacts.containers.pickle_walk")
