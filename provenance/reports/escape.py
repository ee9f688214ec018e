r"""One escape function for each sink: what a stranger wrote is shown, and does nothing.

A verdict quotes strings from model cards, file names and statements. On their way out they can redraw a terminal
(CWE-150), run in a browser (CWE-79), command a CI runner (CVE-2020-15228) or reverse their own reading
(CVE-2021-42574). Each sink has its function here, and each string passes through exactly one of them:

| sink     | function                     | what it does                                                     |
|----------|------------------------------|------------------------------------------------------------------|
| terminal | `printable`                  | visible replacements, cut to a readable length                   |
| HTML     | `printable`, then autoescape | the same, and Jinja2 escapes the markup                          |
| Markdown | `markdown`, `markdown_code`  | `printable`, and every sign that Markdown or GitHub reads        |
| JSON     | `json_text`                  | the same characters as `\uXXXX`: nothing is lost, nothing is cut |

`printable_tree` applies `printable` to a whole document, keys too, and `guard_lines` is the last look at a text
before it leaves: no line of it is a workflow command, wherever wrapping put the line break.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LONGEST_WORD = 96  # longer than any digest in use but SHA-512, which reports show shortened or in their annex
LONGEST_TEXT = 1200

# Controls; what is invisible or turns the direction of reading; surrogates; what is no character at all.
# The ranges stand here, and not the categories of `unicodedata`, which differ between versions of Python.
_UNSEEN = (
    "\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufdd0-\ufdef\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000))
)
_MARKS = "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
# More than three marks on one letter paint over the lines above and below, such as the one with the result.
_HIDDEN = re.compile(f"[{_UNSEEN}]|(?<=[{_MARKS}]{{3}})[{_MARKS}]")
_UNSEEN_SIGN = re.compile(f"[{_UNSEEN}]")
_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_LONG_WORD = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")

# The older of GitHub's two command forms, `##[error]`, is recognised anywhere in a line.
_OLD_COMMAND = re.compile(r"##\[")
_COMMAND_LINE = re.compile(r"^([ \t]*):(?=:)", re.MULTILINE)

_MARKDOWN_SIGNS = re.compile(r"[\\`*_\[\]<>|~&$#!]")
# A colon that begins a link, an emoji (`:white_check_mark:` would be a forged mark) or a command, but not the one
# in a time of day; a mention; a host.
_MARKDOWN_LINKS = re.compile(r":(?!\d\d(?:\D|$))(?=[\w:/+-])|@|(?<=[wW]{3})\.")
_MARKDOWN_START = re.compile(r"^([-+=]|\d+(?=[.)](?:\s|$)))")


def printable(text: str, *, longest: int = LONGEST_TEXT, words: bool = True) -> str:
    r"""The text in visible characters on one line: ESC is `\x1b`, U+202E is `\u202e`; the overlong is cut.

    Without `words` only the whole is: of who signed, a part is not enough.
    """
    return _OLD_COMMAND.sub(r"##\\x5b", _HIDDEN.sub(_visible, shortened(text, longest, words=words)))


def shortened(text: str, longest: int = LONGEST_TEXT, *, words: bool = True) -> str:
    """The text with every overlong word, and then the whole, cut in the middle; the full length is stated."""
    text = _LONG_WORD.sub(lambda word: _cut(word[0], LONGEST_WORD), text) if words else text
    return _cut(text, longest) if len(text) > longest else text


def _cut(text: str, longest: int) -> str:
    tail = longest // 4
    return f"{text[: longest // 2]} [... {len(text):,} characters ...] {text[-tail:]}"


def _visible(found: re.Match[str]) -> str:
    sign = found[0]
    number = ord(sign)
    width = "x02" if number < 0x100 else "u04" if number < 0x10000 else "U08"
    return _NAMED.get(sign, f"\\{width[0]}{number:{width[1:]}x}")


def printable_tree(value: Any) -> Any:
    """A copy of a JSON-like document in which every string, keys too, is printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {printable(str(key)): printable_tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [printable_tree(item) for item in value]
    return value


def markdown(text: str) -> str:
    """The text as Markdown that reads as the text itself: no markup, link, mention, emoji, picture or HTML."""
    text = _MARKDOWN_SIGNS.sub(r"\\\g<0>", printable(text).strip())
    text = _MARKDOWN_LINKS.sub(lambda sign: f"&#{ord(sign[0])};", text)
    return _MARKDOWN_START.sub(lambda sign: _entity_end(sign[0]), text)


def _entity_end(start: str) -> str:
    return f"{start[:-1]}&#{ord(start[-1])};"


def markdown_code(text: str) -> str:
    """The text as a code span, also inside a table; a backtick or pipe in it is shown as its number."""
    inside = printable(text).replace("`", r"\x60").replace("|", r"\x7c").strip()
    return f"`{inside}`" if inside else ""


def json_text(document: str) -> str:
    r"""A JSON document in which dangerous characters stand as `\uXXXX`; its value stays the same.

    Such characters can only stand inside strings. `</` and `<!` are escaped too, so that the document may be put
    into a page's `<script>` element, and the bracket of `##[`.
    """
    document = _UNSEEN_SIGN.sub(_json_escape, document)
    return re.sub(r"<(?=[/!])", r"\\u003c", document).replace("##[", r"##\u005b")


def _json_escape(found: re.Match[str]) -> str:
    if found[0] == "\n":  # between members; inside a string it is escaped already
        return "\n"
    data = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{data[i]:02x}{data[i + 1]:02x}" for i in range(0, len(data), 2))


def guard_lines(text: str, colon: str = r"\x3a") -> str:
    """The finished text without a line that begins like a workflow command (`::error ...`)."""
    return _COMMAND_LINE.sub(lambda start: start[1] + colon, text)
