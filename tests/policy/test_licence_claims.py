"""Who says under which licence a model stands, and whether they agree (POL-18)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.world import World

MIT = """MIT License

Copyright (c) 2026 Example Lab

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
NON_COMMERCIAL = "You may use these weights for research. Any commercial use is forbidden.\n"


def differing(tmp_path: Path, licence: str, **files: str) -> set[str]:
    """The files that do not say what the release says, in a model that is signed with them in it."""
    world = World.new(tmp_path)
    for name, content in files.items():
        world.write(f"tiny/{name.replace('_', '.')}", content)
    world.license("model-parameters-final", licence)
    world.say("model.sig", world.signature())
    world.change("release", subjects=world.described("tiny"))
    world.change("train", outputs=world.described("tiny"))
    world.unsay("evaluate")
    verdict = world.verdict("g7-2026-open-weights")
    return {row["location"] for row in verdict["findings"] if row["code"] == "licence-claims-differ"}


CARD = "---\nlicense: {}\n---\n"


@pytest.mark.parametrize(("licence", "text"), [
    ("MIT", NON_COMMERCIAL), ("MIT", MIT + NON_COMMERCIAL), ("Apache-2.0", MIT), ("LicenseRef-Ours", MIT),
])
def test_a_text_that_is_not_the_licence_that_is_stated_is_told(tmp_path: Path, licence: str, text: str) -> None:
    assert differing(tmp_path, licence, LICENSE_txt=text, README_md=CARD.format(licence)) == {"LICENSE.txt"}


@pytest.mark.parametrize(("licence", "text"), [
    ("MIT", MIT), ("Apache-2.0 OR MIT", MIT), ("LicenseRef-Ours", NON_COMMERCIAL),
])
def test_a_text_that_may_be_the_licence_that_is_stated_is_not_told(tmp_path: Path, licence: str, text: str) -> None:
    assert differing(tmp_path, licence, COPYING=text, README_md=CARD.format(licence)) == set()


def test_a_card_under_another_licence_than_the_release_is_told(tmp_path: Path) -> None:
    assert differing(tmp_path, "MIT", README_md=CARD.format("cc-by-nc-4.0")) == {"README.md"}
