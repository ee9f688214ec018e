"""The page in a real browser: no payload runs, and nothing sticks out of a telephone."""

from __future__ import annotations

import html
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provenance import resources
from provenance.reports import render
from provenance.reports.diff_page import render_diff

Verdict = dict[str, Any]
Poison = Callable[[str], Verdict]
Opener = Callable[..., dict[str, str]]

pytestmark = pytest.mark.parts

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
         "--virtual-time-budget=3000"]
RUNS = "parent.document.body.dataset.ran = (parent.document.body.dataset.ran || '') + ' '"
PAYLOAD = (f"</title></style></textarea><img src=x onerror=\"{RUNS}\"><svg onload=\"{RUNS}\"></svg>"
           f"<script>{RUNS}</script>")
# A page in a frame of its parent's origin: the parent can measure it, and a payload could reach the parent.
WRAPPER = """<!doctype html><meta charset="utf-8"><body>{frames}<script>
addEventListener('load', () => setTimeout(() => {{
  document.body.dataset.widths = [...document.querySelectorAll('iframe')]
    .map(frame => frame.contentDocument.documentElement.scrollWidth).join(' ');
  document.querySelectorAll('iframe').forEach(frame => frame.remove());
}}, 500));
</script></body>"""


@pytest.fixture
def open_pages(chromium: str, tmp_path: Path) -> Opener:
    """Opens pages in frames of a width, and gives what was measured: `widths`, and `ran` if a payload did."""

    def open_pages(*pages: str, width: int = 360) -> dict[str, str]:
        frame = '<iframe width="{}" height="700" frameborder="0" srcdoc="{}"></iframe>'
        frames = "".join(frame.format(width, html.escape(page)) for page in pages)
        wrapper = tmp_path / "wrapper.html"
        wrapper.write_text(WRAPPER.format(frames=frames), encoding="utf-8")
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        run = subprocess.run([chromium, *FLAGS, profile, "--dump-dom", wrapper.as_uri()],
                             capture_output=True, text=True, timeout=120, check=True)
        body = re.search(r"<body[^>]*>", run.stdout)
        assert body, run.stderr
        return dict(re.findall(r'data-(\w+)="([^"]*)"', body[0]))

    return open_pages


def without_csp(page: str) -> str:
    """The page without its policy, so that only the escaping stands between a payload and the reader."""
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    assert bare != page
    return bare


def test_a_payload_that_is_not_escaped_would_be_seen_to_run(open_pages: Opener) -> None:
    """The control of the next test."""
    assert "ran" in open_pages(f"<title>{PAYLOAD}")


def test_no_payload_runs_with_or_without_the_policy(open_pages: Opener, poisoned: Poison) -> None:
    page = render(poisoned(PAYLOAD), "html")
    measured = open_pages(page, without_csp(page))
    assert measured["widths"] == "360 360"
    assert "ran" not in measured


@pytest.mark.parametrize("width", [320, 360, 768, 1200])
def test_no_page_is_wider_than_its_window(open_pages: Opener, width: int, kjv: Verdict, minilm: Verdict,
                                          poisoned: Poison) -> None:
    pages = [render(verdict, "html") for verdict in (kjv, minilm, poisoned("x" * 5000), poisoned("W" * 90))]
    assert open_pages(*pages, width=width)["widths"].split() == [str(width)] * 4


def test_the_page_of_a_diff_runs_nothing_and_fits_its_window(open_pages: Opener) -> None:
    document = json.loads(resources.read_text("schemas", "diff.schema.json"))["examples"][0]
    document["metadata"][0] |= {"key": PAYLOAD, "second": [PAYLOAD, "W" * 5000]}
    document["weights"]["layers"][0]["name"] = document["weights"]["changed"][0]["before"]["name"] = PAYLOAD
    document["first"]["name"] = PAYLOAD
    document["files"]["different"] = [{"path": PAYLOAD, "fate": "differs", "first": None, "second": None}]
    page = render_diff(document, PAYLOAD)
    measured = open_pages(page, without_csp(page), width=320)
    assert measured["widths"] == "320 320"
    assert "ran" not in measured
