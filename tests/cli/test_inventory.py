"""`provenance inventory`, as a user types it: many models in, one table out, whatever a stranger wrote into them."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from provenance import resources
from provenance.reports.inventory import INVENTORY_FORMATS, csv_cell
from tests.cli.conftest import Run

MOF = """framework: {{name: Model Openness Framework, version: '1.0'}}
release:
  name: {name}
  license: {{distribution: {{name: Apache-2.0}}}}
  components:
    - {{name: Model architecture}}
    - {{name: Model parameters (Final)}}
    - {{name: Technical report}}
    - {{name: Evaluation results}}
    - {{name: Model card}}
    - {{name: Data card{data_card}}}
"""
UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff"
                    "\ud800-\udfff]")
HOSTILE = {
    "script": "<script>document.body.dataset.ran=1</script><img src=x onerror=alert(1)>",
    "attribute": "\" onmouseover=\"alert(1)\" x='",
    "template": "{{ 7*7 }}{% include '/etc/passwd' %}",
    "style": "</style><script>1</script>",
    "terminal": "\x1b[2J\x1b]0;x\x07\x9b31m\r\b",
    "rich": "[bold red]x[/] [link=https://evil.example]x[/link] :smile:",
    "direction": "gnp.\u202efdp\u202c\u2066x\u2069\u200b\ufeff\u2028x",
    "command": "::error file=x::forged\n::stop-commands::x\n##[error]x",
    "formula": "=HYPERLINK(\"https://evil.example\",\"x\")",
    "formula-at": "@SUM(1+1)*cmd|' /C calc'!A0",
    "formula-tab": "\t=1+1",
    "formula-space": "  -1+1",
    "separator": "a\";\"=1+1\n\"=2\",=3",
    "marks": "p" + "\u0301" * 200,
    "long": "x" * 30_000,
    "surrogate": "x\U000e0001\ufdd0",
}


def record(name: str = "tiny", data_card: str = "") -> str:
    return MOF.format(name=json.dumps(name), data_card=data_card)


@pytest.fixture
def models(tmp_path: Path, model: Path) -> Path:
    """A folder with a model, two configuration files and one that is torn."""
    folder = tmp_path / "models"
    folder.mkdir()
    model.rename(folder / "tiny")
    (folder / "a.yml").write_text(record("a"))
    (folder / "b.yml").write_text(record("b", ", license: unlicensed"))
    (folder / "torn.yml").write_text("release: {")
    return folder


def test_a_folder_of_models_is_a_table(run: Run, models: Path) -> None:
    ran = run("inventory", "models", "--policy", "mof-1.0", "--format", "json")
    assert ran.code == 0
    rows = {row["path"]: row for row in ran.json["models"]}
    assert [(path, row["mof_class"]) for path, row in rows.items()] == [
        ("models/a.yml", 3), ("models/b.yml", 0), ("models/tiny", 0), ("models/torn.yml", 0)]
    assert rows["models/torn.yml"]["error"]["code"] == "yaml-invalid"
    assert rows["models/tiny"]["rung_declared"] == "g7-2026-open-weights"
    assert rows["models/b.yml"]["next"]["steps"] == ["Put under open licences: Data card"]
    Draft202012Validator(json.loads(resources.read_text("schemas", "inventory.schema.json"))).validate(ran.json)


def test_every_line_says_that_it_is_only_declared(run: Run, models: Path) -> None:
    text = run("inventory", "models", "--policy", "mof-1.0").out
    assert "3 of 3 rest on declarations that nobody signed" in text
    assert "Class III" in text
    lines = csv.DictReader(io.StringIO(run("inventory", "models", "--policy", "mof-1.0", "--format", "csv").out))
    told = {row["path"]: (row["rests_on"], row["verdict mof-1.0"], row["error"]) for row in lines}
    assert told == {
        "models/a.yml": ("declared only", "? undetermined, declares pass", ""),
        "models/b.yml": ("declared only", "? undetermined", ""),
        "models/tiny": ("declared only", "? undetermined", ""),
        "models/torn.yml": ("not read", "? undetermined", "yaml-invalid"),
    }


def test_a_signed_model_stands_beside_declared_ones(run: Run, released: Path) -> None:
    (released.parent / "a.yml").write_text(record("a"))
    policy = "g7-2026-open-weights"
    ran = run("inventory", "model", "a.yml", "--policy", policy, "--trust", "trust.yaml", "--format", "json")
    rows = {row["path"]: row for row in ran.json["models"]}
    assert rows["model"]["verdicts"][policy]["passed"] is True
    assert (rows["model"]["rung_shown"], rows["model"]["voice"]) == (policy, "trusted")
    assert rows["a.yml"]["verdicts"][policy]["passed"] is False
    assert ran.json["counts"]["rungs"][policy] == {"shown": 1, "declared": 1}
    text = run("inventory", "model", "a.yml", "--trust", "trust.yaml").out
    assert "signed evidence" in text
    assert "shown: Open Weights AI" in " ".join(text.split())


def test_a_list_of_ids_is_a_table_of_what_is_at_hand(
    run: Run, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "a" * 40
    place = models.parent / "hub" / "models--org--tiny"
    for number, file in enumerate((models / "tiny").iterdir()):
        (place / "blobs").mkdir(parents=True, exist_ok=True)
        (place / "snapshots" / commit).mkdir(parents=True, exist_ok=True)
        (place / "blobs" / f"{number:040x}").write_bytes(file.read_bytes())
        (place / "snapshots" / commit / file.name).symlink_to(f"../../blobs/{number:040x}")
    monkeypatch.setenv("HF_HUB_CACHE", str(place.parent))
    Path("ids.txt").write_text(f"# ours\norg/tiny@{commit}\norg/gone@v1\n./models/a.yml\n")
    ran = run("inventory", "ids.txt", "hf://org/none", "--format", "json")
    assert ran.code == 0
    assert {row["path"]: row["error"] and row["error"]["code"] for row in ran.json["models"]} == {
        f"hf://org/tiny@{commit}": None, "hf://org/gone@v1": "hub-not-cached", "hf://org/none": "hub-not-cached",
        "models/a.yml": None}
    assert run("inventory", "org/tiny").code == 2  # a path that is not there; the hint says how to name an id
    assert "hf://org/name" in run("inventory", "org/tiny").err


@pytest.mark.parametrize("scheduler", ["tcp://10.0.0.1:8786", "scheduler.example:8786"])
def test_a_scheduler_on_another_machine_is_asked_for_by_name(run: Run, models: Path, scheduler: str) -> None:
    ran = run("inventory", "models", "--scheduler", scheduler)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Error [network-not-allowed]")


def test_verify_passes_nothing_by_a_mof_policy(run: Run, models: Path) -> None:
    assert run("verify", "models/a.yml", "--policy", "mof-1.0").code == 2
    assert run("verify", "models/tiny", "--policy", "mof-1.0").code == 2


@pytest.mark.parametrize("arguments", [
    ("inventory",), ("inventory", "none"), ("inventory", "models", "--policy", "none"),
    ("inventory", "models", "--profile", "loose"), ("inventory", "models", "--format", "xml"),
    ("inventory", "models", "--trust", "none.yaml"), ("inventory", "models", "--resume", "models"),
    ("inventory", "models", "--resume", "models/a.yml"), ("inventory", "empty"),
])
def test_a_question_that_cannot_be_asked_ends_with_two(run: Run, models: Path, arguments: tuple[str, ...]) -> None:
    (models.parent / "empty").mkdir()
    ran = run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Error [")


@pytest.mark.parametrize("format", INVENTORY_FORMATS)
def test_the_table_can_be_written(run: Run, models: Path, format: str) -> None:  # noqa: A002
    printed = run("inventory", "models", "--as-of", "2026-11-23T12:00:00Z", "--format", format).out
    assert run("inventory", "models", "--as-of", "2026-11-23T12:00:00Z", "--format", format, "--output", "t").out == ""
    assert Path("t").read_text() == printed


def test_an_inventory_goes_on_where_it_was(run: Run, models: Path) -> None:
    first = run("inventory", "models", "--resume", "state.jsonl", "--format", "json").json
    state = Path("state.jsonl").read_bytes()
    assert len(state.splitlines()) == 4  # the question and three rows; of the torn file nothing is kept
    second = run("inventory", "models", "--resume", "state.jsonl", "--format", "json").json
    assert [row["taken_over"] for row in second["models"]] == [True, True, True, False]
    assert [{**row, "taken_over": False} for row in second["models"]] == first["models"]
    assert second["asOf"] == first["asOf"]
    assert Path("state.jsonl").read_bytes() == state


def test_the_page_filters_without_a_script(run: Run, models: Path) -> None:
    page = run("inventory", "models", "--policy", "mof-1.0", "--format", "html").out
    assert "<script" not in page
    assert "default-src 'none'" in page
    options = re.findall(r'<input type="radio" name="(g\d+)" id="(g\d+-\w+)"', page)
    rules = set(re.findall(r"body:has\(#(g\d+-\d+):checked\) tbody tr:not\(\.(g\d+-\d+)\)\{display:none\}", page))
    assert {(option, option) for _, option in options if not option.endswith("all")} == rules
    classes = re.findall(r'<tr role="row" class="([^"]+)">', page)
    groups = {name for name, _ in options}
    assert len(classes) == 4
    assert all({mark.partition("-")[0] for mark in row.split()} == groups for row in classes)
    for mark, label, count in re.findall(r'id="(g\d+-\d+)"> ([^<(]+) \((\d+)\)', page):
        assert sum(mark in row.split() for row in classes) == int(count), label


class Structure(HTMLParser):
    """The elements of a page with the names of their attributes; links apart."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(sorted(name for name, _ in attrs))))
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


def poisoned(folder: Path, text: str) -> None:
    """A model folder, a card and a configuration file that say this in every place where they may say something."""
    folder.mkdir(exist_ok=True)
    key = text[:100]  # YAML has no longer ones
    (folder / "a.yml").write_text(quoted({
        "framework": {"name": text, "version": text},
        "release": {"name": text, "version": text, "producer": text, "license": {key: text, "code": {"name": text}},
                    key: text, "components": [{"name": "Model card", "license": text, key: text}, {"name": text}]},
    }))
    (folder / "b.yml").write_text(quoted({"release": text}))
    (folder / "c.yml").write_text(f"release: {quoted(text)[:-1]}")
    (folder / "m").mkdir(exist_ok=True)
    (folder / "m" / "README.md").write_text(f"---\nlicense: {quoted(text)}\ndatasets: [{quoted(text)}]\n---\n")


def quoted(value: Any) -> str:
    """JSON that is YAML too: escaped, but without pairs of surrogates."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(json.dumps(sign)[1:-1] if "\x7f" <= sign <= "\uffff" else sign for sign in text)


@pytest.mark.parametrize("format", INVENTORY_FORMATS)
@pytest.mark.parametrize("payload", HOSTILE)
def test_a_payload_in_every_place_leaves_no_dangerous_sign(run: Run, payload: str, format: str) -> None:  # noqa: A002
    poisoned(Path("models"), HOSTILE[payload])
    report = run("inventory", "models", "--policy", "mof-1.0", "--policy", "osaid-1.0", "--format", format).out
    assert not UNSEEN.search(report)
    assert "##[" not in report
    assert not re.search(r"^\s*::", report, re.MULTILINE)
    assert len(report) < 2_000_000


@pytest.mark.parametrize("payload", HOSTILE)
def test_no_payload_becomes_an_element_of_the_page(run: Run, payload: str) -> None:
    def structure(text: str) -> Structure:
        poisoned(Path("models"), text)
        return Structure(run("inventory", "models", "--policy", "osaid-1.0", "--format", "html").out)

    page, harmless = structure(HOSTILE[payload]), structure("harmless words")
    assert page.elements == harmless.elements
    assert not {tag for tag, _ in page.elements} & {"script", "iframe", "object", "form", "img", "link", "base"}
    assert not [name for _, names in page.elements for name in names if name.startswith("on")]
    assert [link for link in page.links if not link.startswith("#")] == []


@pytest.mark.parametrize("payload", HOSTILE)
def test_no_cell_of_the_spreadsheet_is_a_formula(run: Run, payload: str) -> None:
    poisoned(Path("models"), HOSTILE[payload])
    table = run("inventory", "models", "--policy", "mof-1.0", "--policy", "osaid-1.0", "--format", "csv").out
    rows = list(csv.reader(io.StringIO(table), strict=True))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert len(rows) == 5
    assert [cell for row in rows for cell in row if cell.lstrip()[:1] in set("=+-@|%")] == []


def test_json_tells_a_payload_whole(run: Run) -> None:
    poisoned(Path("models"), HOSTILE["direction"])
    assert run("inventory", "models", "--format", "json").json["models"][0]["name"] == HOSTILE["direction"]


@pytest.mark.parametrize("name", ["=cmd|' !A0.yml", "a\nb::error::.yml", "\x1b[2J.yml", "<b>.yml", "-x.yml",
                                  b"\xff\xfe.yml".decode("utf-8", "surrogateescape")])
@pytest.mark.parametrize("format", INVENTORY_FORMATS)
def test_a_hostile_file_name_is_shown_and_does_nothing(run: Run, name: str, format: str) -> None:  # noqa: A002
    Path("models").mkdir()
    Path("models", name).write_text(record())
    ran = run("inventory", "./models", "--format", format)
    assert ran.code == 0
    assert not UNSEEN.search(ran.out)
    assert not re.search(r"^\s*::", ran.out, re.MULTILINE)
    assert "<b>" not in ran.out or format != "html"


@pytest.mark.parametrize("payload", HOSTILE)
@pytest.mark.parametrize("format", INVENTORY_FORMATS)
def test_a_hostile_id_is_shown_and_does_nothing(run: Run, payload: str, format: str) -> None:  # noqa: A002
    text = HOSTILE[payload].replace("\n", " ")
    Path("ids.txt").write_text(f"hf://{text}\n{text}\n# {text}\n")
    ran = run("inventory", "ids.txt", "--format", format)
    assert ran.code == 0
    assert not UNSEEN.search(ran.out)
    assert "##[" not in ran.out
    assert format != "html" or not {tag for tag, _ in Structure(ran.out).elements} & {"script", "img", "b"}
    assert format != "csv" or not [cell for row in csv.reader(io.StringIO(ran.out)) for cell in row
                                   if cell.lstrip()[:1] in set("=+-@|%")]


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "|x", "%x", "\t=1", " =1", "\uff1d1", "\r=1"])
def test_what_begins_like_a_formula_begins_with_an_apostrophe_or_a_visible_sign(cell: str) -> None:
    assert csv_cell(cell)[0] in ("'", "\\")


def test_what_is_no_formula_stays_as_it_is() -> None:
    assert csv_cell("models/a-b=c.yml") == "models/a-b=c.yml"
    assert csv_cell("") == ""


def test_progress_is_drawn_on_a_terminal_only(run: Run, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("inventory", "models").err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    seen: list[Any] = []
    monkeypatch.setattr("rich.progress.Progress.advance", lambda self, task, count: seen.append(count))
    run("inventory", "models")
    assert seen == [1, 1, 1, 1]
    run("inventory", "models", "-q", "-v")
    assert seen == [1, 1, 1, 1]


CLICKING = """<!doctype html><meta charset="utf-8"><body>
<iframe width="360" height="700" frameborder="0" srcdoc="{page}"></iframe>
<script>
addEventListener('load', () => setTimeout(() => {{
  const page = document.querySelector('iframe').contentDocument;
  const seen = () => [...page.querySelectorAll('tbody tr')].filter(row => row.getClientRects().length).length;
  const wide = page.documentElement.scrollWidth;
  const counts = [...page.querySelectorAll('input')].map(input => {{
    page.querySelectorAll('input[id$=all]').forEach(all => all.checked = true);
    input.checked = true;
    return input.id + ':' + seen();
  }});
  document.body.dataset.seen = counts.join(' ');
  document.body.dataset.wide = wide;
  document.querySelector('iframe').remove();
}}, 500));
</script></body>"""


@pytest.mark.parts
def test_in_a_browser_a_filter_leaves_its_rows_and_the_page_fits_a_telephone(
    run: Run, models: Path, chromium: str, tmp_path: Path
) -> None:
    page = run("inventory", "models", "--policy", "mof-1.0", "--policy", "osaid-1.0", "--format", "html").out
    wrapper = tmp_path / "wrapper.html"
    wrapper.write_text(CLICKING.format(page=html.escape(page)), encoding="utf-8")
    done = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=3000",
         f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", wrapper.as_uri()],
        capture_output=True, text=True, timeout=120, check=True)
    measured = dict(re.findall(r'data-(\w+)="([^"]*)"', done.stdout))
    expected = {name: int(count) for name, count in re.findall(r'id="(g\d+-\d+)"> [^<(]+ \((\d+)\)', page)}
    expected |= dict.fromkeys(re.findall(r'id="(g\d+-all)"', page), 4)
    seen = dict(each.split(":") for each in measured["seen"].split())
    assert {name: int(count) for name, count in seen.items()} == expected
    assert measured["wide"] == "360"
