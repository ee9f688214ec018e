"""MOF 1.0 evaluated a second time, by a plain reading of the tool's rules, on configuration files that nobody wrote.

`Plain` knows nothing of this project: it takes the parsed document, and a short table of facts of its own. What it says
and what the project says must be the same on every file, however odd; an unknown component is the one thing in which
the project differs from the tool on purpose, and `Plain` differs with it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from provenance.mof_file import read_mof_file
from provenance.policy.mof import PROFILES, Profile, evaluate, offers_of_file

CODE, DATA, DOCUMENT = "code", "data", "document"
TABLE = {  # name: (type, class, required)
    "Model architecture": (CODE, 3, True), "Model parameters (Final)": (DATA, 3, True),
    "Technical report": (DOCUMENT, 3, True), "Evaluation results": (DOCUMENT, 3, True),
    "Model card": (DOCUMENT, 3, True), "Data card": (DOCUMENT, 3, True), "Sample model outputs": (DOCUMENT, 3, False),
    "Training code": (CODE, 2, True), "Inference code": (CODE, 2, True), "Evaluation code": (CODE, 2, True),
    "Evaluation data": (DATA, 2, True), "Supporting libraries and tools": (CODE, 2, False),
    "Research paper": (DOCUMENT, 1, True), "Datasets": (DATA, 1, True), "Data preprocessing code": (CODE, 1, True),
    "Model parameters (Intermediate)": (DATA, 1, True), "Model metadata": (DATA, 1, False),
}
OPEN = {  # open licence: the kinds for which it was made
    "MIT": {CODE}, "Apache-2.0": {CODE, DOCUMENT}, "BSD-3-Clause": set(), "GPL-3.0-only": set(), "GPL-3.0": set(),
    "CC-BY-4.0": {DOCUMENT}, "CC0-1.0": {DOCUMENT}, "CDLA-Permissive-2.0": {DATA}, "ODC-PDDL-1.0": set(),
    "ODbL-1.0": set(), "OpenMDW-1.0": {CODE, DATA, DOCUMENT}, "AGPL-3.0-or-later": set(), "CC-BY-SA-4.0": {DOCUMENT},
}
CLOSED = ["PDDL-1.0", "C-UDA-1.0", "CC-BY-NC-4.0", "CC-BY-NC-ND-4.0", "OpenRAIL", "bigscience-openrail-m", "mit",
          " MIT", "MIT ", "MIT License", "apache-2.0", "Apache 2.0", "BSD-3", "Llama 2 Community License Agreement",
          "other", "Unlicensed", "Undisclosed", "no", "null", "true", "2.0", "MIT OR Apache-2.0", "CC-BY-4.0\n"]
NONE = ["unlicensed", ""]


class Plain:
    """The rules one after the other, as the reference tells them."""

    def __init__(self, document: dict[str, Any], strict: bool) -> None:
        release = document["release"]
        self.globally = release.get("license")
        self.strict = strict
        self.included = set()
        for row in release.get("components") or []:
            if isinstance(row, dict) and row.get("name") in TABLE and self.counts(row):
                self.included.add(row["name"])

    def licence_of(self, row: dict[str, Any]) -> Any:
        """Its own, else that of its type, else that of the distribution, else none."""
        if row.get("license") is not None:
            return None if row["license"] in ("unlicensed", "", [], {}, False, 0) else row["license"]
        for scope in (TABLE[row["name"]][0], "distribution"):
            entry = self.globally.get(scope) if isinstance(self.globally, dict) else None
            if isinstance(entry, dict) and entry.get("name"):
                return None if entry["name"] == "unlicensed" else entry["name"]
        return None

    def counts(self, row: dict[str, Any]) -> bool:
        licence = self.licence_of(row)
        if not isinstance(licence, str) or licence not in OPEN:
            return False
        return not self.strict or TABLE[row["name"]][0] in OPEN[licence]

    def progress(self) -> dict[str, float]:
        found, reached = {}, True
        paper_for_report = "Technical report" not in self.included and "Research paper" in self.included
        for mof_class in (3, 2, 1):
            needed = {name for name, (_, its, required) in TABLE.items() if required and its >= mof_class}
            if paper_for_report:
                needed = (needed - {"Technical report"}) | {"Research paper"}
            share = len(needed & self.included) / len(needed)
            found[str(mof_class)] = round(100 * share, 4) if reached else 0.0
            reached = reached and share == 1
        return found

    def best(self) -> int:
        progress = self.progress()
        return next((mof_class for mof_class in (1, 2, 3) if progress[str(mof_class)] == 100), 0)


TEXT = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=20)
LICENCE: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([*OPEN, *NONE]), st.sampled_from(CLOSED), TEXT,
    st.sampled_from([None, [], {}, False, True, 0, 7, 2.5, ["MIT"], {"name": "MIT"}]))
NAMES = st.sampled_from([*OPEN, *CLOSED, *NONE])
SCOPE: st.SearchStrategy[Any] = st.one_of(
    st.fixed_dictionaries({"name": NAMES}, optional={"path": TEXT}),
    st.sampled_from([None, {}, {"path": "LICENSE"}, "MIT", [], {"name": None}, {"name": ""}]))
GLOBALLY: st.SearchStrategy[Any] = st.one_of(
    st.just({"distribution": {"name": "MIT", "path": "LICENSE"}}), st.sampled_from([None, [], {}, "", "MIT"]),
    st.dictionaries(st.sampled_from(["distribution", CODE, DATA, DOCUMENT, "weights"]), SCOPE, max_size=4))
UNKNOWN = st.sampled_from(["Datasets ", "datasets", "Model Card", "Training data", "", "Weights", 7, None])


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A file that is nearly complete, with a few things missing or said otherwise, in any order."""
    left_out = draw(st.sets(st.sampled_from(list(TABLE)), max_size=draw(st.sampled_from([0, 1, 2, 6, 17]))))
    changed = draw(st.dictionaries(st.sampled_from(list(TABLE)), LICENCE, max_size=4))
    rows: list[Any] = [{"name": name, **({"license": changed[name]} if name in changed else {})}
                       for name in TABLE if name not in left_out]
    rows += [{"name": name, "license": "MIT"} for name in draw(st.lists(UNKNOWN, max_size=2))]
    rows = draw(st.permutations(rows))
    for row in rows:
        row |= draw(st.sampled_from([{}, {"component_path": ""}, {"description": "x: y", "license_path": ["a", 1]}]))
    release: dict[str, Any] = {"license": draw(GLOBALLY), "components": rows}
    release |= draw(st.sampled_from([{}, {"name": "tiny"}, {"name": None, "version": 7.5, "type": []}]))
    return {**draw(st.sampled_from([{}, {"framework": {"name": "x", "version": 1.0}}])), "release": release}


def yaml_of(document: dict[str, Any]) -> bytes:
    """JSON is YAML."""
    return json.dumps(document, ensure_ascii=True).encode()


@settings(max_examples=150)
@given(documents(), st.sampled_from(PROFILES))
@example({"release": {"license": {"distribution": {"name": "OpenMDW-1.0"}}, "components": [
    {"name": name} for name in TABLE]}}, "type-strict")
@example({"release": {"license": {"distribution": {"name": "MIT"}}, "components": [
    {"name": name} for name in TABLE if name != "Technical report"]}}, "mot-compat")
@example({"release": {"license": {DOCUMENT: {"name": "unlicensed"}, "distribution": {"name": "MIT"}}, "components": [
    {"name": name} for name in TABLE]}}, "mot-compat")
def test_a_plain_reading_of_the_rules_gives_the_same_class_and_progress(
    document: dict[str, Any], profile: Profile
) -> None:
    found = evaluate(offers_of_file(read_mof_file(yaml_of(document), "x.yml")), profile)
    plain = Plain(document, profile == "type-strict")
    assert (found.best, found.progress) == (plain.best(), plain.progress())
    assert {each.component.name for each in found.components if each.outcome == "pass"} == plain.included


WRITTEN = """\
framework:
  name: 'Model Openness Framework'
  version: '1.0'
  date: '2024-12-15'
release:
  name: Tiny
  version: 7B
  date: 2024-10-03
  license: {  }
  huggingface: https://huggingface.co/org/tiny?a=1#b
  components:
    -
      name: 'Model card'
      description: "It's: well commented \\u2014 \\/ #1"
      license: MIT
      component_path: { 0: https://example.org/x }
"""


@pytest.mark.parametrize("change", [
    lambda text: text,
    lambda text: "\ufeff" + text,
    lambda text: text.replace("\n", "\r\n"),
    lambda text: "---\n" + text + "...\n",
    lambda text: "# a comment\n\n" + text.rstrip("\n"),
    lambda text: text.replace("license: MIT", "license: \"MIT\"   # ours"),
    lambda text: text.replace("license: MIT", "license: >-\n        MIT"),
    lambda text: text.replace("    -\n      name", "    - name"),
    lambda text: text.replace("version: 7B", "version: 1_000"),
    lambda text: text.replace("version: 7B", "version: 2024-10-03T12:00:00Z"),
    lambda text: text.replace("name: Tiny", "name: \U0001f600 \u6a21\u578b\u00a0\u200b"),
    lambda text: text.replace("name: Tiny", "name: 'no'"),
    lambda text: text.replace("name: Tiny", "name: no"),
    lambda text: text.replace("name: Tiny", "name: ~"),
    lambda text: text.replace("name: Tiny", "name: 1e3"),
    lambda text: text.replace("license: {  }", "license: []"),
    lambda text: text.replace("license: {  }", "license:"),
    lambda text: text.replace("'2024-12-15'", "2024-12-15"),
    lambda text: text.replace("'1.0'", "1.0"),
], ids=range(19))
def test_however_a_file_is_written_it_says_the_same(change: Any) -> None:
    file = read_mof_file(change(WRITTEN).encode(), "x.yml")
    (row,) = file.effective()
    assert (row.component.name, row.license, row.source) == ("Model card", "MIT", "component")
