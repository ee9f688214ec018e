"""Documents with one value swapped, one byte flipped or the end cut off, always the same ones.

The JSON within a document, payloads and the bodies of log entries, is opened and swapped in as well.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

_HUGE = "\ue000huge\ue000"  # stands for a number that JSON can spell and Python's writer cannot
VALUES: tuple[Any, ...] = (None, [], {}, "", 0, -1, True, _HUGE, "a" * 100_000, [[]], {"": {}}, "\u0000", 2**63)
Mutant = Callable[[], bytes]  # made when it is called for: of thousands only some are looked at
_WITHIN = ("payload", "canonicalizedBody", "statement")


def mutants(document: Any, values: tuple[Any, ...] = VALUES) -> Iterator[Mutant]:
    """Every value of the document, replaced by every one of these; every member left out."""
    for path in _paths(document):
        for value in values:
            yield partial(_written_with, document, path, value)
        if isinstance(path[-1], str):
            yield partial(_written_with, document, path, None, drop=True)


def damaged(data: bytes, every: int = 1) -> Iterator[Mutant]:
    """A bit flipped in, and the end cut off at, one byte in so many."""
    for place in range(0, len(data), every):
        yield partial(bytes, data[:place])
        yield partial(_flipped, data, place)


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ (1 << place % 8)]) + data[place + 1:]


def _written_with(document: Any, path: tuple[Any, ...], value: Any, *, drop: bool = False) -> bytes:
    return _written(_changed(document, path, value, drop=drop))


def _written(document: Any) -> bytes:
    return json.dumps(document).replace(json.dumps(_HUGE), "1e400").encode()


def _paths(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*above, key)
        yield from _paths(child, (*above, key))
        if key in _WITHIN and isinstance(child, str) and (inner := _opened(child)) is not None:
            yield from ((*above, key, _opened, *path) for path in _paths(inner))


def _opened(text: str) -> Any:
    """The JSON in base64; None where there is none."""
    try:
        return json.loads(base64.b64decode(text))
    except ValueError:
        return None


def _changed(document: Any, path: tuple[Any, ...], value: Any, *, drop: bool = False) -> Any:
    if _opened in path:
        place = path.index(_opened)
        inner = _changed(_opened(_at(document, path[:place])), path[place + 1:], value, drop=drop)
        return _changed(document, path[:place], base64.b64encode(_written(inner)).decode())
    changed = copy.deepcopy(document)
    holder = _at(changed, path[:-1])
    if drop:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return changed


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value
