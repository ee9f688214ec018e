"""However a licence is misspelt, what restricts is never called open, and one licence is never read as another."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.policy.licences import Kind, category, normalise
from provenance.statements.reader import parse_yaml

CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside the repository")
KINDS: tuple[Kind, ...] = ("code", "weights", "data", "document", "use")
# As cards, MOF files and indexes spell them: all of them restrict somebody, or leave it to a person.
RESTRICTED = (
    "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0", "cc-by-nd-4.0", "cc-by-nc-2.0", "CC BY-NC 4.0", "CC-BY-NC-ND",
    "Creative Commons Attribution-NonCommercial 4.0", "llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "llama4",
    "Llama 2 Community License Agreement", "Meta Llama 3 Community License", "LLaMA license agreement", "gemma",
    "Gemma Terms of Use", "openrail", "openrail++", "creativeml-openrail-m", "bigscience-openrail-m",
    "bigscience-bloom-rail-1.0", "bigcode-openrail-m", "BigCode OpenRAIL-M v1 license agreement",
    "deepfloyd-if-license", "DeepFloyd IF Research License Agreement", "fair-noncommercial-research-license",
    "apple-amlr", "apple-ascl",
    "intel-research", "tongyi-qianwen", "Qwen LICENSE", "DeepSeek License Agreement", "NVIDIA Open Model License",
    "Stability AI Community License", "Stability AI Non-Commercial Research Community License Agreement", "mrl",
    "OPT-IML 175B License Agreement", "Skywork Terms and Conditions", "BAAI Aquila Model License", "BUSL-1.1",
    "Business Source License 1.1", "h-research", "grok2-community", "Non-commercial license", "research-only",
    "Apache-2.0 and BigScience RAIL License v1.0", "Unknown (research purposes only)", "Elastic-2.0", "SSPL-1.0",
    "proprietary", "other", "unknown", "Various", "custom", "MIT License with Commons Clause", "Commons-Clause",
    "Apache 2.0, non-commercial", "modified-mit", "MIT (research use only)", "https://ai.meta.com/llama/license/",
    "https://creativecommons.org/licenses/by-nc/4.0/", "https://ai.google.dev/gemma/terms", "LICENSE.txt",
    "MIT (non-commercial)", "MIT OR proprietary", "cc-by-nc", "cc-by-sa-4.0 AND cc-by-nc-4.0", "LicenseRef-Apache-2.0",
    "CC-BY-NC-4.0 WITH LLVM-exception", "Apache-2.0 WITH restrictions", "(MIT AND (CC-BY-NC-4.0 OR LicenseRef-Qwen))",
    "Apache-2.0 (code), CC-BY-NC-4.0 (weights)", "MIT AND NOT commercial", "Llama 3.1 Community", "MIT\nnon-commercial",
    "https://opensource.org/licenses/MIT#non-commercial", "https://opensource.org/licenses/MIT?for research only",
    "https://opensource.org@evil.example/licenses/MIT", "M\u0406T", "Apache\u20112.0", "MIT\u200b", "\uff2dIT",
)
ONE_LICENCE = ("MIT", "Apache-2.0", "BSD-3-Clause", "CC-BY-4.0", "CC-BY-SA-4.0", "CC0-1.0", "CDLA-Permissive-2.0",
               "OpenMDW-1.0", "GPL-3.0-only", "ISC", "MPL-2.0", "ODbL-1.0", "ODC-By-1.0", "Unlicense")
CHANGES: tuple[Callable[[str], str], ...] = (
    str.lower, str.upper, str.title, str.swapcase,
    lambda text: text.replace("-", " "), lambda text: text.replace(" ", "-"), lambda text: text.replace("-", "_"),
    lambda text: text.replace(" ", ""), lambda text: text.replace("-", ""), lambda text: text.replace(".", ""),
    lambda text: text.replace(".0", ""), lambda text: text.replace("-", "\u2013"), lambda text: f" {text}\n",
    lambda text: f"{text} License", lambda text: f"{text} licence", lambda text: f"The {text} License",
    lambda text: f"license: {text}", lambda text: f"({text})", lambda text: f"\"{text}\"", lambda text: f"`{text}`",
    lambda text: f"{text}.", lambda text: f"{text},", lambda text: f"{text}*", lambda text: f"{text}+",
    lambda text: f"{text} (see LICENSE)", lambda text: f"LicenseRef-{text}", lambda text: f"spdx:{text}",
    lambda text: f"https://spdx.org/licenses/{text}", lambda text: f"https://spdx.org/licenses/{text}.html",
    lambda text: f"https://choosealicense.com/licenses/{text}/", lambda text: f"https://opensource.org/licenses/{text}",
    lambda text: f"[{text}](https://opensource.org/licenses/MIT)", lambda text: f"{text} AND MIT",
    lambda text: f"MIT AND {text}", lambda text: f"{text}, MIT", lambda text: f"{text} / Apache-2.0",
    lambda text: f"{text} and Apache 2.0", lambda text: f"{text}-like", lambda text: text.replace("i", "\u0456"),
    lambda text: re.sub(r"v?(\d)", r"v\1", text), lambda text: text.replace("License", "Lisence"),
)
MANGLED = st.lists(st.sampled_from(CHANGES), max_size=4)


def mangled(text: str, changes: list[Callable[[str], str]]) -> str:
    for change in changes:
        text = change(text)
    return text


def open_for(declared: object, **beside: str) -> list[str]:
    """The kinds for which what is declared is open; reading it must raise nothing."""
    read = normalise(declared, **beside)
    assert read.reason
    return [kind for kind in KINDS if category(read.expression, kind).status == "open"]


@pytest.mark.parametrize("declared", RESTRICTED)
def test_what_restricts_is_open_for_nothing(declared: str) -> None:
    for change in (lambda text: text, *CHANGES):
        assert open_for(change(declared)) == [], change(declared)
    assert open_for("other", name=declared) == []
    assert open_for("other", link=declared) == []
    assert open_for(["mit", declared]) == []


@settings(max_examples=500)
@given(st.sampled_from(RESTRICTED), MANGLED)
def test_what_restricts_is_open_for_nothing_however_it_is_misspelt(
    declared: str, changes: list[Callable[[str], str]]
) -> None:
    text = mangled(declared, changes)
    assert open_for(text) == []
    assert open_for("other", name=text) == []


@settings(max_examples=500)
@given(st.sampled_from(ONE_LICENCE), MANGLED)
def test_an_open_licence_is_never_read_as_another(licence: str, changes: list[Callable[[str], str]]) -> None:
    expression = normalise(mangled(licence, changes)).expression
    family = licence.removesuffix("-only")
    # A sum is one of what was written; `+` and families of versions are read as SPDX does.
    named = set(re.findall(r"[\w.-]+", expression or "")) - {"AND", "OR", "MIT", "Apache-2.0"}
    assert all(name.startswith((family, "LicenseRef-")) for name in named), expression


@needs_corpus
def test_no_restricted_record_of_the_corpus_is_open() -> None:
    """What says non-commercial, research or no derivatives, wherever it stands, is open for nothing."""
    says_so = re.compile(r"\bnc\b|non.?commercial|research.?only|\bnd\b|llama|gemma|rail\b", re.IGNORECASE)
    seen = 0
    for path in sorted(CORPUS.glob("records/*.json")):
        for declared in strings_under_licence(json.loads(path.read_text())):
            open_kinds = open_for(declared)
            seen += bool(says_so.search(declared))
            assert not (open_kinds and says_so.search(declared)), declared
    for path in sorted(CORPUS.glob("mof-config/*.yml")):
        for declared in strings_under_licence(parse_yaml(path.read_bytes(), path.name)):
            seen += bool(says_so.search(declared))
            assert not (open_for(declared) and says_so.search(declared)), declared
    assert seen > 100


def strings_under_licence(value: object, *, inside: bool = False) -> list[str]:
    """Every text below a member whose name speaks of a licence."""
    if isinstance(value, str):
        return [value] if inside else []
    if isinstance(value, dict):
        return [text for key, each in value.items()
                for text in strings_under_licence(each, inside=inside or "licen" in str(key).lower())]
    return [text for each in value for text in strings_under_licence(each, inside=inside)] if isinstance(
        value, list) else []
