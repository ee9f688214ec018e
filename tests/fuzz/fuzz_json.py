"""The strict JSON reader refuses, or reads what every other reader reads."""

from __future__ import annotations

import json

from harness import fuzz

SEEDS = [
    b"{}", b'{"a":[1,-2.5e3,null,true,"\\u00e9"]}', b'{"a":1,"a":2}', b"[NaN]", b"\xef\xbb\xbf{}",
    b'"\\ud800"', b"[" * 300, b"1" * 30, b"1e999",
]


def one_input(data: bytes) -> None:
    """What is accepted means the same to Python's own reader, which accepts more."""
    from provenance.errors import StatementError
    from provenance.statements.reader import parse_json

    try:
        value = parse_json(data, "input")
    except StatementError:
        return
    assert json.loads(data) == value


if __name__ == "__main__":
    fuzz(one_input, "provenance.statements.reader")
