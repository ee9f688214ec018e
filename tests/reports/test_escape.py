"""What each escape function promises, for every string there is."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from provenance.reports import escape

ANY = st.text(st.characters(exclude_categories=[]), max_size=60)  # surrogates too


@given(ANY)
def test_printable_text_is_one_line_without_controls_and_can_be_encoded(text: str) -> None:
    shown = escape.printable(text)
    assert not any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in shown)
    shown.encode("utf-8")


@given(ANY)
def test_printable_text_stays_as_it_is(text: str) -> None:
    """A string that passes a sink twice by mistake is not garbled."""
    once = escape.printable(text)
    assert escape.printable(once) == once


@pytest.mark.parametrize(("text", "shown"), [
    ("plain, with ümlaut and 日本語", "plain, with ümlaut and 日本語"),
    ("\x1b[2J\x07", r"\x1b[2J\x07"),
    ("\x9b31m", r"\x9b31m"),
    ("a\nb\tc\rd", r"a\nb\tc\rd"),
    ("exe.\u202etxt", r"exe.\u202etxt"),
    ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
    ("\U000e0041tag", r"\U000e0041tag"),
    ("\ud800\uffff\U0001ffff", r"\ud800\uffff\U0001ffff"),
    ("\u2028\u2066", r"\u2028\u2066"),
    ("##[error]", r"##\x5berror]"),
    ("e\u0301", "e\u0301"),
])
def test_what_cannot_be_seen_is_shown(text: str, shown: str) -> None:
    assert escape.printable(text) == shown


def test_marks_cannot_be_piled_up_to_paint_over_other_lines() -> None:
    assert escape.printable("a" + "\u0301" * 50).count("\u0301") == 3


def test_a_long_word_is_cut_in_the_middle_and_its_length_told() -> None:
    shown = escape.printable("A" + "x" * 99_998 + "B")
    assert shown.startswith("Axx")
    assert shown.endswith("xxB")
    assert "100,000 characters" in shown
    assert len(shown) < 200


def test_a_digest_is_never_cut() -> None:
    assert escape.printable("a" * 64) == "a" * 64


def test_a_long_text_is_cut_too() -> None:
    shown = escape.printable("word " * 20_000)
    assert "100,000 characters" in shown
    assert len(shown) < escape.LONGEST_TEXT


def test_a_tree_is_printable_in_its_keys_and_keeps_what_is_not_text() -> None:
    tree = {"a\x1b": ["\u202e", 1, None, True, ("\n",)]}
    assert escape.printable_tree(tree) == {r"a\x1b": [r"\u202e", 1, None, True, [r"\n"]]}
    assert tree == {"a\x1b": ["\u202e", 1, None, True, ("\n",)]}


@given(ANY)
def test_markdown_reads_as_the_text_itself(text: str) -> None:
    """Neither in a paragraph nor in a list item does a value become markup."""
    rendered = MarkdownIt("commonmark").render(f"- {escape.markdown(text)}x")
    assert re.findall(r"<[^>]*>", rendered) == ["<ul>", "<li>", "</li>", "</ul>"]


@pytest.mark.parametrize("text", [
    "# x", "- x", "1. x", "> x", "*x*", "_x_", "`x`", "[x](http://x)", "![x](http://x)", "<b>x</b>", "~~x~~", "$x$",
    "https://evil.example", "www.evil.example", "@someone", "user@evil.example", ":white_check_mark:", "&lt;", "|",
    "#1",
])
def test_markdown_of_github_is_off_too(text: str) -> None:
    """Links, mentions, emoji, issue numbers and formulas: no sign that starts one is left bare."""
    shown = escape.markdown(text)
    assert not re.search(r"(?<!\\)[*_`\[<>|~$@](?!\w+;)|(?<!&)(?<!\\)#|://|www\.|(?<![\\\w&]):\w", shown)


def test_a_code_span_cannot_be_left() -> None:
    assert escape.markdown_code("a`b|c\x1b") == r"`a\x60b\x7cc\x1b`"
    assert escape.markdown_code("") == ""


@given(st.dictionaries(ANY, ANY, max_size=3))
def test_json_keeps_its_value_and_shows_no_dangerous_character(value: dict[str, str]) -> None:
    document = escape.json_text(json.dumps(value, ensure_ascii=False, indent=2))
    assert json.loads(document) == json.loads(json.dumps(value))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028\ud800-\udfff]|</|<!|##\[", document)


@pytest.mark.parametrize(("text", "guarded"), [
    ("::error::x", r"\x3a:error::x"), ("a\n  ::set-output x", "a\n  \\x3a:set-output x"), ("a ::b", "a ::b"),
    (":a", ":a"),
])
def test_no_line_is_a_workflow_command(text: str, guarded: str) -> None:
    assert escape.guard_lines(text) == guarded
