"""The page itself: self-contained, accessible, and complete on paper."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest

from provenance.reports import render

Verdict = dict[str, Any]
VOID = {"meta", "br", "rect", "path", "polygon"}
TEMPLATES = files("provenance.reports") / "templates"


class Page(HTMLParser):
    """A page's elements, checked for balance as they come."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of this name."""
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def page(verdict: Verdict) -> Page:
    return Page(render(verdict, "html"))


def test_every_element_is_closed(page: Page) -> None:
    assert page.open == []


def test_nothing_is_loaded_and_nothing_runs(page: Page, verdict: Verdict) -> None:
    policy = [meta["content"] or "" for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy[0].startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert {name for name, _ in page.elements} & {"script", "link", "img", "iframe", "object"} == set()
    assert not re.search(r"url\(|@import|@font-face", render(verdict, "html"))


def test_ids_are_unique_and_every_inner_link_arrives(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {(link["href"] or "").removeprefix("#") for link in page.all("a") if (link["href"] or "").startswith("#")}
    named = {name for _, attributes in page.elements for name in (attributes.get("aria-labelledby") or "").split()}
    assert targets | named <= set(ids)


def test_a_reader_of_the_screen_finds_landmarks_headings_and_table_headers(page: Page) -> None:
    names = [name for name, _ in page.elements]
    assert page.all("html") == [{"lang": "en"}]
    assert [names.count(landmark) for landmark in ("header", "main", "nav", "footer", "h1")] == [1, 1, 1, 1, 1]
    levels = [int(name[1]) for name in names if re.fullmatch("h[1-6]", name)]
    assert all(below - above <= 1 for above, below in pairwise(levels))
    assert all(attributes.get("scope") in ("col", "row") for attributes in page.all("th"))
    assert page.all("svg")[0]["role"] == "img"


def test_evidence_leads_to_the_annex_with_full_digests(kjv: Verdict) -> None:
    text = render(kjv, "html")
    page = Page(text)
    for number, entry in enumerate(kjv["evidence"], start=1):
        assert f"<code>{entry['sha256']}</code>" in text
        assert {"id": f"evidence-{number}", "class": "bundle"} in page.all("article")
    assert {"class": "digest", "href": "#evidence-5"} in page.all("a")


def test_the_page_tells_how_to_come_to_the_verdict_again(kjv: Verdict) -> None:
    text = render(kjv, "html")
    assert (f"provenance verify MODEL --policy {kjv['policy']['id']} --evidence DIR --trust trust.yaml"
            f" --as-of {kjv['asOf']}</code>") in text
    for part in ("provenance bundle inspect FILE", "provenance digest MODEL", kjv["trust"]["digest"]["sha256"],
                 kjv["policy"]["digest"]["sha256"], kjv["model"]["digest"]["dirHash"], "Network used"):
        assert part in text


def test_the_ladder_marks_the_rung_shown_and_the_rung_declared(minilm: Verdict, kjv: Verdict) -> None:
    declared = render(minilm, "html")
    assert declared.count('class="rung claimed"') == 2
    assert "Rung shown" not in declared
    assert declared.count("Rung declared</span>") == 1
    shown = render(kjv, "html")
    assert shown.count('class="rung reached"') == 4
    assert shown.count("Rung shown</span>") == 1


def test_autoescape_is_on_and_no_template_switches_it_off() -> None:
    for template in TEMPLATES.iterdir():
        text = template.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe|autoescape|Markup", text), template.name


def palettes() -> dict[str, dict[str, str]]:
    """The custom properties of the three looks, each on top of the light one."""
    css = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root\{(.*?)\}", css, re.DOTALL)
    found = [dict(re.findall(r"--([a-z-]+):(#[0-9a-f]{3,6})\b", block)) for block in blocks]
    return {"light": found[0], "dark": found[0] | found[1], "paper": found[0] | found[2]}


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2.2."""
    digits = colour[1:] if len(colour) == 7 else "".join(sign * 2 for sign in colour[1:])
    parts = [int(digits[place:place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("look", ["light", "dark", "paper"])
def test_every_text_colour_has_the_contrast_of_level_aa(look: str) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1, on each ground that text stands on."""
    colours = palettes()[look]
    low = []
    for ink in ("ink", "muted", "pass", "fail", "undetermined", "other", "link"):
        for ground in ("paper", "card", "tint"):
            bright, dark = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
            if (bright + 0.05) / (dark + 0.05) < 4.5:
                low.append((ink, ground))
    assert low == []
