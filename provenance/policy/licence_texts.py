"""Whole licence texts: which licence is this, if it is exactly one of a few and nothing else?

The text is brought into a form in which wrapping, punctuation, bullets, titles, copyright lines and the names
that a licence leaves to be filled in do not count; its sha256 is then looked up. There is no threshold: one
sentence more, such as a Commons Clause, or one word less gives another digest and no answer.
"""

from __future__ import annotations

import hashlib
import re

__all__ = ["is_known_text", "match_text"]

_LONGEST = 100_000  # characters; CC-BY-4.0, the longest here, has 19,000
_DIGESTS = {
    "602556cb49dcc20b0835a09d976d5053c0d581a8ce1af13d8ba04878bb3e34e5": "MIT",
    "217da0747cec63a2e734185db11cbaa819bcd9e5b83cd12f812128fffe66e26a": "ISC",
    "312ea33736a8c485e221afd61fb0daddefb5517d78cb2d80a94cb23bf274bf84": "BSD-2-Clause",
    "8403a35ce9fc298cc5cfdf4409fcc23cdd773c206bcb9ed6e71a26a589c9eb7c": "BSD-3-Clause",
    "72083b058d325a216c948b17cd4a94aebe681e1c5b51a7106e6d5cb106b15480": "Apache-2.0",  # with the appendix
    "03879208f1e2fa6aaf0facb5ba6c54995463447e37078fbb73a1b8963cf9ea82": "Apache-2.0",  # without it
    "4b7bf538613ad74324b8d88607299656873ed7b49b6f3b5b38c9e913571e248c": "Apache-2.0",  # nor "END OF TERMS"
    "51c4bf27767d074bdefc84db7420b4c55e27827dac6d8de3ef0d37b2042fb6fa": "CC0-1.0",
    "32b1509f4844ef819c87275ab563572c774ab61caee1570462ae452402e2156c": "CC-BY-4.0",
}

_BULLET = re.compile(r"^[ \t]*(?:[0-9a-z][.)]|\([0-9a-z]\)|[-*])[ \t]+", re.MULTILINE)
_COPYRIGHT = re.compile(
    r"^[^\w\n]*(?:portions )?"
    r"(?:copyright[ \t]*(?:\(c\)|\u00a9|[\d\[<{]|by\b|the\b)|(?:\(c\)|\u00a9)[ \t]*\d).{0,200}$",
    re.MULTILINE,
)
# A line that begins like a copyright notice and goes on to speak of terms is part of the text.
_TERMS = re.compile(
    r"commerc|research|permi|prohibit|restrict|licen[cs]|clause|sell|\b(?:use|used|only|not|may|must|except)\b"
)
_RESERVED = re.compile(r"\ball rights reserved\b")
_TITLE = re.compile(r"^(?:the )?(?:mit|isc|(?:new |modified |simplified )?bsd(?: [23] clause)?) licen[cs]e "
                    r"(?:(?:mit|isc) )?(?=permission|redistribution)")
# What a text leaves open, and spellings of one thing that are in use.
_FILLED_IN = (
    (re.compile(r"\bhttps\b"), "http"),
    (re.compile(r"\bcopyright (?:holders?|owners?)\b"), "copyright holder"),
    (re.compile(r"\bneither the names? of (?:(?!may|must|not|use)\w+ ){1,10}?nor the names of "
                r"(?:its|any|their) contributors\b"),
     "neither the name of the copyright holder nor the names of its contributors"),
)


def match_text(text: str) -> str | None:
    """The SPDX id of the licence of which this is the whole text, or None; conservative, and never raises."""
    return None if len(text) > _LONGEST else _DIGESTS.get(_digest(text))


def is_known_text(licence: str) -> bool:
    """Whether the whole text of this licence would be recognised."""
    return licence in _DIGESTS.values()


def _digest(text: str) -> str:
    """The sha256 of the words of a text, in the form of the module's docstring."""
    lowered = _COPYRIGHT.sub(lambda line: line[0] if _TERMS.search(line[0]) else "", text.lower())
    # Letters of every script are words: a clause in Chinese is one sentence more.
    words = " ".join(re.findall(r"[^\W_]+", _RESERVED.sub("", _BULLET.sub("", lowered))))
    words = _TITLE.sub("", words)
    for pattern, standard in _FILLED_IN:
        words = pattern.sub(standard, words)
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()
