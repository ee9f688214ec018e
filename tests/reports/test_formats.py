"""What every format says, in what order, and that it says it the same way each time."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from provenance import resources
from provenance.errors import UsageError
from provenance.reports import FORMATS, format_of, render, wording
from provenance.reports.text import render_text

Verdict = dict[str, Any]
READABLE = ("text", "md", "html")


def schema() -> dict[str, Any]:
    """The verdict's schema."""
    found: dict[str, Any] = json.loads(resources.read_text("schemas", "verdict.schema.json"))
    return found


def plain(report: str, format: str) -> str:  # noqa: A002
    """A report's words, without the markup of its format."""
    if format == "html":
        report = re.sub(r"<style>.*?</style>|<[^>]+>", " ", report, flags=re.DOTALL)
    report = re.sub(r"&(#34|quot);", '"', re.sub("&nbsp;|\u00a0", " ", report)).replace("&#39;", "'").replace("\\", "")
    return " ".join(re.sub(r"[*`>|]|<br>", " ", report).split())


def test_the_schemas_examples_follow_it() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    for example in schema()["examples"]:
        jsonschema.validate(example, schema(), jsonschema.Draft202012Validator)


def test_the_verdicts_of_these_tests_follow_the_schema(verdict: Verdict) -> None:
    jsonschema.validate(verdict, schema(), jsonschema.Draft202012Validator)


@pytest.mark.parametrize("change", [
    lambda verdict: verdict.update(extra=1),
    lambda verdict: verdict["model"].update(extra=1),
    lambda verdict: verdict.update(result="passed"),
    lambda verdict: verdict.pop("limits"),
    lambda verdict: verdict["requirements"][0].update(outcome="ok"),
    lambda verdict: verdict["ladder"]["rungs"].pop(),
    lambda verdict: verdict["policy"]["digest"].update(md5="0"),
])
def test_the_schema_refuses_what_the_contract_does_not_know(kjv: Verdict, change: Callable[[Verdict], Any]) -> None:
    change(kjv)
    assert not jsonschema.Draft202012Validator(schema()).is_valid(kjv)


@pytest.mark.parametrize("example", [0, 1])
@pytest.mark.parametrize("format", FORMATS)
def test_the_schemas_examples_can_be_rendered(example: int, format: str) -> None:  # noqa: A002
    assert render(schema()["examples"][example], format)


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_verdict_gives_the_same_bytes(verdict: Verdict, format: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: A002
    """Neither the order of members nor the environment has a say, and the verdict stays as it was."""
    before = copy.deepcopy(verdict)
    first = render(verdict, format)
    for name, value in {"COLUMNS": "40", "NO_COLOR": "1", "FORCE_COLOR": "1", "TERM": "dumb", "TZ": "Japan"}.items():
        monkeypatch.setenv(name, value)
    assert render(dict(reversed(verdict.items())), format) == first
    assert verdict == before
    assert first.endswith("\n")


@pytest.mark.parametrize("format", READABLE)
def test_the_decision_comes_first(verdict: Verdict, format: str) -> None:  # noqa: A002
    """Result, model, policy, rungs and counts, before the first requirement and the first limit."""
    words = plain(render(verdict, format), format)
    model, title = verdict["model"]["name"], verdict["requirements"][0]["title"]
    places = [words.index(part) for part in
              (wording.result(verdict).word, title, verdict["limits"][0])]
    assert places == sorted(places)
    head = words[: words.index(title)]
    assert model in head
    assert verdict["policy"]["id"] in head
    assert wording.label_of(verdict, verdict["ladder"]["shown"]) in head
    assert wording.label_of(verdict, verdict["ladder"]["declared"]) in head
    assert f"{len(verdict['requirements'])} requirements" in head


@pytest.mark.parametrize("format", READABLE)
def test_every_requirement_is_told_with_outcome_basis_voice_and_reason(verdict: Verdict, format: str) -> None:  # noqa: A002
    words = plain(render_text(verdict, width=400) if format == "text" else render(verdict, format), format)
    for row in verdict["requirements"]:
        assert row["id"] in words
        assert row["title"] in words
        assert str(wording.mark(row["outcome"])) in words
        assert wording.shown_by(row) in words
        for said in wording.open_items(row) or [row]:
            assert said["reason"] in words


@pytest.mark.parametrize("format", READABLE)
def test_a_time_in_the_past_is_told_before_anything_else(format: str) -> None:  # noqa: A002
    example = schema()["examples"][0] | {"asOf": "2026-01-02T03:04:05Z", "asOfInThePast": True}
    report = render(example, format)
    body = report[report.index("<body>"):] if format == "html" else report
    words = plain(body, format).removeprefix("Skip to the requirements ")
    assert words.startswith("Judged as of 2026-01-02T03:04:05Z, a time in the past")


@pytest.mark.parametrize("format", READABLE)
def test_of_an_informational_verdict_every_requirement_says_declared(minilm: Verdict, format: str) -> None:  # noqa: A002
    words = plain(render_text(minilm, width=400) if format == "text" else render(minilm, format), format)
    assert words.count("(declared only)") >= len(minilm["requirements"])
    assert "Not passed (declared only)" in words
    assert "Informational" in words


def test_an_informational_pass_is_not_told_as_a_pass(minilm: Verdict) -> None:
    assert wording.result(minilm | {"result": "pass", "passed": True}).key != "pass"


@pytest.mark.parametrize("format", READABLE)
def test_rejected_evidence_is_listed_with_its_reason(minilm: Verdict, format: str) -> None:  # noqa: A002
    words = plain(render_text(minilm, width=400) if format == "text" else render(minilm, format), format)
    for entry in minilm["evidence"]:
        for part in (entry["file"], entry["status"], entry["code"], entry["reason"]):
            assert part in words


@pytest.mark.parametrize("format", READABLE)
def test_open_points_next_step_coverage_and_limits_are_told(minilm: Verdict, format: str) -> None:  # noqa: A002
    words = plain(render_text(minilm, width=400) if format == "text" else render(minilm, format), format)
    parts = [*minilm["openPoints"], *minilm["limits"], *(step["remedy"] for step in minilm["next"]),
             *(row["path"] for row in minilm["coverage"]["uncovered"]), "0 of 5 files"]
    assert [part for part in parts if part not in words] == []


@pytest.mark.parametrize("format", ["text", "md", "html"])
def test_no_report_gives_a_percentage(verdict: Verdict, format: str) -> None:  # noqa: A002
    assert "%" not in plain(render(verdict, format), format)


def test_what_only_coverage_or_a_recall_holds_back_is_told(kjv: Verdict) -> None:
    kjv |= {"result": "undetermined", "passed": False}
    kjv["coverage"]["uncovered"] = [{"path": "x.py", "risk": "code", "code": "file-not-covered"}]
    kjv["findings"] = [{"code": "signer-revoked", "severity": "error", "message": "kjv-tiny is recalled",
                        "location": "", "hint": ""}]
    assert wording.why(kjv) == ["1 file of 10 covered by no trusted signature", "kjv-tiny is recalled"]


@pytest.mark.parametrize("format", READABLE)
def test_a_verdict_on_very_little_can_be_told_too(kjv: Verdict, format: str) -> None:  # noqa: A002
    """No weights, no digest, no trust file, no evidence, no lineage; an edge from nowhere."""
    kjv |= {"trust": None, "evidence": [], "findings": [], "passed": False, "result": "undetermined"}
    kjv["model"] |= {"digest": {}, "weights": None}
    kjv["lineage"] = {"nodes": [], "edges": [{"from": "n1", "to": "n2", "role": "", "strength": "weak"}], "gaps": []}
    jsonschema.validate(kjv, schema(), jsonschema.Draft202012Validator)
    assert "no weights in a container that was read" in plain(render(kjv, format), format)


def test_json_is_the_verdict_itself(verdict: Verdict) -> None:
    assert json.loads(render(verdict, "json")) == verdict


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_the_text_keeps_to_its_width(verdict: Verdict, width: int) -> None:
    assert max(len(line) for line in render_text(verdict, width=width).splitlines()) <= width


def test_colour_is_only_ever_an_addition(verdict: Verdict) -> None:
    colored = render_text(verdict, color=True)
    assert "\x1b[" in colored
    assert "\x1b" not in render_text(verdict)
    bare = re.sub(r"\x1b\[[0-9;]*m", "", colored)
    assert [line.rstrip() for line in bare.splitlines()] == render_text(verdict).splitlines()


def test_long_lists_are_cut_and_say_so(kjv: Verdict) -> None:
    """ART-24: 20,000 unlisted files are a bounded message, and no report grows over 5 MB."""
    rows = [{"path": f"extra/{number}.py", "risk": "code", "code": "file-not-covered"} for number in range(20_000)]
    kjv |= {"result": "undetermined", "passed": False}
    kjv["coverage"] |= {"complete": False, "uncovered": rows}
    message = "no trusted signature covers this file"
    kjv["findings"] = [{"code": "file-not-covered", "severity": "error", "message": message, "location": row["path"],
                        "hint": ""} for row in rows]
    for format in READABLE:  # noqa: A001
        report = render(kjv, format)
        assert "20,000 files of 20,009" in plain(report, format)
        assert re.search(r"and 19,[89]\d\d more", report)
        assert len(report) < 200_000


def test_the_format_of_a_file_is_its_suffix() -> None:
    assert [format_of(name) for name in ("a.html", "b/c.MD", "d.json")] == ["html", "md", "json"]


@pytest.mark.parametrize("name", ["report", "report.pdf", "html", "a.html.gz"])
def test_another_suffix_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        format_of(name)
    assert caught.value.code == "usage"
    assert ".html" in caught.value.hint


def test_another_format_is_a_usage_error(kjv: Verdict) -> None:
    with pytest.raises(UsageError) as caught:
        render(kjv, "pdf")
    assert caught.value.code == "usage"


@pytest.mark.parametrize("format", FORMATS)
def test_every_waiver_is_told_with_its_effect_approver_and_reason(waived: Verdict, format: str) -> None:  # noqa: A002
    page = " ".join(render(waived, format).split())
    words = ["waiver-none.sigstore.json", "lab is no approver in the trust file", "board", "releases again in January",
             "kept apart until then"]
    if format != "json":
        words += ["waives X-2 until 2027-01-31T00:00:00Z", "not needed for X-2", "counts for nothing"]
    assert [word for word in words if word not in page] == []
