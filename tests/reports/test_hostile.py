"""The REP rows: whatever a stranger wrote into a verdict is shown in every format, and does nothing in any."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt

from provenance.reports import FORMATS, render
from provenance.reports.text import render_text

Poison = Callable[[str], dict[str, Any]]

PAYLOADS = {
    "rep-01-script": "<script>document.body.dataset.ran=1</script><img src=x onerror=alert(1)>",
    "rep-02-attribute": "\" onmouseover=\"alert(1)\" x='",
    "rep-03-template": "{{ 7*7 }}{% include '/etc/passwd' %}${7*7}#{7*7}",
    "rep-04-island": "</script></style></title></textarea><!--<script>",
    "rep-05-link": "javascript:alert(1) data:text/html,<script>alert(1)</script> [x](javascript:alert(1))",
    "rep-06-markdown": "# Passed\n\n| a |\n| --- |\n**x** ![x](https://evil.example/x.png) <b>x</b> @someone :tada:",
    "rep-08-terminal": "\x1b[2J\x1b]8;;https://evil.example\x1b\\x\x1b]8;;\x1b\\\x1b]52;c;eA==\x07\x1b]0;x\x07\x9b31m\x9d0;"
                       "x\x9c\r\b",
    "rep-09-rich": "[bold red]x[/] [link=https://evil.example]x[/link] :smile:",
    "rep-10-direction": "gnp.\u202efdp\u202c\u2066x\u2069\u200b\u200f\ufeff\u2028x\u2029",
    "rep-11-command": "::error file=x::forged\n::stop-commands::x\n ::add-mask::e\n##[error]x ##vso[task.setvariable]x",
    "rep-12-heredoc": "x\nEOF\nresult=pass\nghadelimiter_x\n",
    "rep-14-xml": "\x00\x01\x0b\x1f\ufffe\uffff ]]> &",
    "rep-15-entity": "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>&a;&amp;&lt;",
    "rep-16-marks": "p" + "\u0301" * 200,
    "rep-19-long": "x" * 100_000,
    "rep-20-spaces": "a " * 50_000,
    "rep-21-surrogate": "\ud800\udfff\U000e0001\ufdd0\U0010ffff\u0378",
}
UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff"
                    "\ud800-\udfff]")


@pytest.fixture(params=PAYLOADS)
def payload(request: pytest.FixtureRequest) -> str:
    return PAYLOADS[request.param]


class Structure(HTMLParser):
    """The elements of a page in order, and every attribute but those whose values are words."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(sorted(name for name, _ in attrs))))
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href")]

    def handle_endtag(self, tag: str) -> None:
        self.elements.append((f"/{tag}", ()))

    def handle_comment(self, data: str) -> None:
        self.elements.append(("!--", ()))


@pytest.mark.parametrize("format", FORMATS)
def test_a_payload_in_every_string_leaves_no_dangerous_sign(payload: str, poisoned: Poison, format: str) -> None:  # noqa: A002
    report = render(poisoned(payload), format)
    report.encode("utf-8")
    assert not UNSEEN.search(report)
    assert "##[" not in report
    assert not re.search(r"^\s*::", report, re.MULTILINE)
    assert not set(report.splitlines()) & {"EOF", "result=pass", "ghadelimiter_x"}


@pytest.mark.parametrize("format", ["text", "md", "html"])
def test_no_report_grows_over_five_megabytes(payload: str, poisoned: Poison, format: str) -> None:  # noqa: A002
    assert len(render(poisoned(payload), format).encode()) < 5_000_000


def test_no_payload_becomes_an_element_of_the_page(payload: str, poisoned: Poison) -> None:
    """The elements and attributes are those of a page on harmless words: no more, no fewer, no others."""
    page, harmless = Structure(render(poisoned(payload), "html")), Structure(render(poisoned("harmless"), "html"))
    assert page.elements == harmless.elements
    forbidden = {"script", "iframe", "object", "embed", "form", "img", "link", "base"}
    assert not {name for name, _ in page.elements} & forbidden
    assert not [name for _, names in page.elements for name in names if name.startswith("on")]
    assert [link for link in page.links if not link.startswith("#")] == []


def test_no_payload_becomes_markup_in_markdown(payload: str, poisoned: Poison) -> None:
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    page, harmless = (Structure(reader.render(render(poisoned(text), "md"))) for text in (payload, "harmless"))
    assert page.elements == harmless.elements
    assert page.links == []


def test_no_payload_breaks_the_picture(payload: str, poisoned: Poison) -> None:
    """The picture stays well-formed XML, which forbids control characters and noncharacters (REP-14)."""
    page = render(poisoned(payload), "html")
    picture = ET.fromstring(page[page.index("<svg"):page.index("</svg>") + 6])
    assert picture.tag.endswith("svg")


def test_no_payload_colours_or_moves_the_terminal(payload: str, poisoned: Poison) -> None:
    """In colour, the only escape sequences are our own colours."""
    report = render_text(poisoned(payload), color=True, width=80)
    assert not UNSEEN.search(re.sub(r"\x1b\[[0-9;]*m", "", report))
    assert "evil.example\x1b" not in report


def test_the_text_stays_readable(payload: str, poisoned: Poison) -> None:
    report = render_text(poisoned(payload), width=80)
    assert len(report.splitlines()) < 3_500
    assert max(map(len, report.splitlines())) <= 240  # marks that take no column count as signs


def test_json_tells_a_payload_whole(payload: str, poisoned: Poison) -> None:
    """Whole, as far as JSON can: two lone surrogates side by side are one character to every reader of it."""
    verdict = poisoned(payload)
    assert json.loads(render(verdict, "json")) == json.loads(json.dumps(verdict))


def test_only_a_plain_https_link_of_the_policy_becomes_a_link(kjv: dict[str, Any]) -> None:
    links = Structure(render(kjv, "html")).links
    assert [link for link in links if not link.startswith("#")] == [kjv["policy"]["source"]]
    for source in ("http://a.example", "https://a@b.example", "https://a.example/\"x", "javascript:alert(1)"):
        kjv["policy"]["source"] = source
        assert all(link.startswith("#") for link in Structure(render(kjv, "html")).links)
