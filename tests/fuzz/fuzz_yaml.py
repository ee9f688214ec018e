"""The YAML reader builds plain values, or refuses; no tag, alias or depth gets past it."""

from __future__ import annotations

from harness import fuzz

SEEDS = [
    b"", b"a: 1\nb: [x, {c: 2020-01-01}]\n", b"a: &x [1]\nb: *x\n", b"!!python/object:os.system x",
    b"a: 1\na: 2\n", b"[" * 300, b"%YAML 1.1\n---\nyes\n", b"a: \xff", b"? [1]\n: 2\n", b".nan",
    b"--- 1\n--- 2\n",
]
PLAIN = {dict, list, str, int, float, bool, type(None), tuple}  # a tuple is a list that stands as a key


def one_input(data: bytes) -> None:
    """Only plain types come out."""
    from provenance.errors import StatementError
    from provenance.statements.reader import parse_yaml

    try:
        waiting = [parse_yaml(data, "input")]
    except StatementError:
        return
    while waiting:
        value = waiting.pop()
        assert type(value) in PLAIN, type(value)
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple):
            waiting += value


if __name__ == "__main__":
    fuzz(one_input, "provenance.statements.reader")
