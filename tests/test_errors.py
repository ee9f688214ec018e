"""What stands in a message: other people's words in quotes whose end is certain, values as their writers spell them."""

from __future__ import annotations

import json

import pytest

from provenance.errors import quoted, said


@pytest.mark.parametrize("text", ["Acme", "it's", 'a "b" c', 'ends in \\', "two\nlines", "Größe", ""])
def test_quoted_words_can_be_read_back_and_stay_on_one_line(text: str) -> None:
    assert json.loads(quoted(text)) == text
    assert "\n" not in quoted(text)


def test_quoted_words_are_shown_as_they_were_written() -> None:
    assert quoted("Größe, it's") == '"Größe, it\'s"'


@pytest.mark.parametrize(("value", "shown"), [
    (True, "true"), (None, "none"), (3, "3"), ("x y", "x y"), (["a", False], "a, false"), ([], "none"), ({}, "none"),
    ({"vllm": "any", "rules": {"W-1": "pass"}}, "vllm any, rules (W-1 pass)"),
])
def test_a_value_is_shown_as_its_writer_spells_it(value: object, shown: str) -> None:
    assert said(value) == shown
