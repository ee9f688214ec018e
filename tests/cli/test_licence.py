"""`provenance licence`, as a user types it, and that its explanation says what the policies decide by."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from provenance.policy import licences
from provenance.statements.reader import deviations
from provenance.workflows.licence import KINDS, explain
from tests.cli.conftest import Run

MIT_TEXT = Path(__file__).resolve().parents[2] / "LICENSE"


@pytest.mark.parametrize(
    ("declared", "expression", "how"),
    [
        ("apache-2.0 or MIT", "Apache-2.0 OR MIT", "expression"),
        ("llama3.2", "LicenseRef-Llama-3.2", "spelling"),
        ("The Apache License, Version 2.0", "Apache-2.0", "spelling"),
        ("https://choosealicense.com/licenses/mit/", "MIT", "address"),
        ("https://choosealicense.com/licenses/undefined/", None, "unknown"),
        ("license", None, "unknown"), ("", None, "unknown"), ("openrail", None, "unknown"), ("MIT OR", None, "unknown"),
        ("\x1b[31mMIT", None, "unknown"), ("M" * 5000, None, "unknown"),
    ],
)
def test_an_explanation_says_what_was_read_and_how_and_follows_its_schema(
    declared: str, expression: str | None, how: str
) -> None:
    found = explain(declared)
    assert (found["expression"], found["how"]) == (expression, how)
    assert deviations(found, "licence") == []
    assert found["known"] == (expression is not None)
    if expression is None:
        assert {row["status"] for row in found["kinds"]} == {found["use"]["status"]} == {"undetermined"}
        assert found["unknown"]


@pytest.mark.parametrize("declared", ["MIT", "CC-BY-4.0", "ODbL-1.0", "llama3.1", "MIT AND CC-BY-NC-4.0",
                                      "GPL-2.0-only WITH Classpath-exception-2.0", "LicenseRef-theirs", "BUSL-1.1"])
def test_an_explanation_says_of_each_kind_what_a_policy_decides_by(declared: str) -> None:
    found = explain(declared)
    for row in found["kinds"]:
        asked = licences.category(found["expression"], row["kind"])
        assert (row["status"], row["reason"]) == (asked.status, asked.reason)
    assert [row["kind"] for row in found["kinds"]] == list(KINDS)


def test_a_choice_takes_the_best_and_a_sum_the_worst_and_each_part_is_told() -> None:
    choice, both = (explain(f"MIT {word} CC-BY-NC-4.0", kinds=("code",))["kinds"][0] for word in ("OR", "AND"))
    assert (choice["operator"], choice["status"]) == ("OR", "open")
    assert (both["operator"], both["status"]) == ("AND", "restricted")
    assert [part["status"] for part in both["parts"]] == ["open", "restricted"]


def test_an_exception_is_named_and_takes_nothing_away() -> None:
    found = explain("GPL-2.0 WITH Classpath-exception-2.0")
    assert found["exceptions"] == ["Classpath-exception-2.0"]
    assert "GPL-2.0 is deprecated" in found["reason"]


def test_a_licence_is_asked_for_where_it_is_to_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    told = licences.Openness("restricted", ("GEO",), "withheld", ("EU",))
    monkeypatch.setattr(licences, "category", lambda expression, kind: told)
    assert [explain("MIT", jurisdictions=places)["use"]["status"] for places in ([], ["de"], ["US"])] == [
        "restricted", "restricted", "open"]


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("LicenseRef-theirs", "what LicenseRef-theirs says"),
        ("Adobe-Glyph", "its terms were not read"),
        ("bigscience-openrail-m", "for a person to judge"),
        ("nonsense", "which licence it is"),
    ],
)
def test_what_is_not_known_is_listed(declared: str, told: str) -> None:
    assert any(told in line for line in explain(declared)["unknown"])


def test_nothing_is_listed_as_not_known_of_a_licence_that_is() -> None:
    assert explain("Apache-2.0")["unknown"] == explain("CC-BY-4.0")["unknown"] == []


# --- as a user types it ---------------------------------------------------------------------------------------------


def test_an_unknown_licence_is_explained_and_no_error(run: Run) -> None:
    ran = run("licence", "something of ours")
    assert ran.code == 0
    assert ran.out.startswith("something of ours: unknown\n")
    assert "Not known:" in ran.out


def test_the_facts_are_told_with_their_basis(run: Run) -> None:
    ran = run("licence", "llama3.2", "--kind", "weights", "--jurisdiction", "DE")
    assert ran.code == 0
    assert all(word in ran.out for word in ("MAU", "withheld in    EU", "basis ", "as weights", "use in DE"))
    assert "as code" not in ran.out


def test_a_file_and_standard_input_are_whole_texts(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "LICENSE").write_bytes(MIT_TEXT.read_bytes())
    assert run("licence", "./LICENSE", "--format", "json").json["how"] == "text"
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "short").write_text("apache-2.0\n")
    assert run("licence", "texts/short", "--format", "json").json["expression"] == "Apache-2.0"
    with_clause = MIT_TEXT.read_bytes() + b"\nYou may not sell it.\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(with_clause)))
    ran = run("licence", "-", "--format", "json")
    assert (ran.code, ran.json["expression"]) == (0, None)


def test_words_with_a_slash_and_addresses_are_no_files(run: Run) -> None:
    assert run("licence", "MIT/X11", "--format", "json").json["declared"] == "MIT/X11"
    assert run("licence", "https://opensource.org/licenses/MIT", "--format", "json").json["expression"] == "MIT"


def test_other_is_what_the_card_names(run: Run) -> None:
    ran = run("licence", "other", "--name", "apache-2.0", "--format", "json")
    assert (ran.json["expression"], ran.json["how"]) == ("Apache-2.0", "name")
    both = run("licence", "other", "--name", "mit", "--link", "https://www.apache.org/licenses/LICENSE-2.0")
    assert both.out.startswith("other: unknown\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("./nowhere",), "input-unreadable"), (("MIT", "--jurisdiction", "Germany"), "usage"),
        (("MIT", "--jurisdiction", "UK"), "usage"),
        (("MIT", "--name", "apache-2.0"), "usage"), (("./long",), "input-unreadable"),
    ],
)
def test_a_question_that_cannot_be_asked_is_said(run: Run, tmp_path: Path, words: tuple[str, ...], code: str) -> None:
    (tmp_path / "long").write_bytes(b"x" * ((1 << 20) + 1))
    ran = run("licence", *words)
    assert (ran.code, f"[{code}]" in ran.err) == (2, True)


def test_a_licence_cannot_speak_to_a_terminal(run: Run, tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(b"\x1b]0;owned\x07\xff::error::\n")
    said: Any = run("licence", "./odd").out
    assert "\x1b" not in said
    assert "\n::error" not in said
