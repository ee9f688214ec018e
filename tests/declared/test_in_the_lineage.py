"""What a lock file, a tracker's run or a bill of materials says of a pipeline is drawn: weak, and nobody's word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from provenance import resources
from provenance.reports.html import render_html
from provenance.reports.markdown import render_markdown
from provenance.reports.picture import drawing
from provenance.workflows.declared import MOST_LINES
from provenance.workflows.verify import verify
from tests.declared import documents as made
from tests.world import NOW, TOP_RUNG, World

SCHEMA = Draft202012Validator(json.loads(resources.read_text("schemas", "verdict.schema.json")))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.new(tmp_path)


def judged(world: World, *documents: Path, policy: str = TOP_RUNG) -> dict[str, Any]:
    done = verify(world.model, policy, evidence=(world.evidence,), trust=world.trust, as_of=NOW, now=NOW,
                  documents=documents)
    SCHEMA.validate(done.document)
    return dict(done.document)


def drawn(verdict: dict[str, Any]) -> set[tuple[str, str, str, str]]:
    """Each edge as who, in which role, to whom, and how firmly."""
    label = {node["id"]: f"{node['kind']} {node['label']}" for node in verdict["lineage"]["nodes"]}
    return {(label[e["from"]], e["role"], label[e["to"]], e["strength"]) for e in verdict["lineage"]["edges"]}


def lock(world: World) -> Path:
    return world.write("dvc.lock", made.LOCK % ("a" * 32, "b" * 32))


def run(world: World) -> Path:
    return world.write("run.json", json.dumps(made.mlflow()))


def test_a_lock_file_and_a_run_are_weak_edges_of_nobody(world: World) -> None:
    plain, told = judged(world), judged(world, lock(world), run(world))
    assert drawn(told) - drawn(plain) == {
        ("file tales.txt", "a dependency", "step train", "weak"),
        ("file corpus", "a dependency", "step train", "weak"),
        ("step train", "the output of a stage", "file model.bin", "weak"),
        ("file model.bin", "declared in dvc.lock", "model tiny", "weak"),
        ("dataset tales", "data (training)", "step swift-owl", "weak"),
        ("source train.py", "source", "step swift-owl", "weak"),
        ("step swift-owl", "run", "weights m-1", "weak"),
        ("weights m-1", "declared in run.json", "model tiny", "weak"),
    }
    before = {node["id"] for node in plain["lineage"]["nodes"]}
    more = [node for node in told["lineage"]["nodes"] if node["id"] not in before]
    assert {(node["state"], *node["signers"]) for node in more} == {("declared",)}
    digests = {node["label"]: node["digest"] for node in more}
    assert (digests["model.bin"], digests["tales.txt"]) == (f"md5:{'b' * 32}", f"md5:{'a' * 32}")
    assert digests["train.py"] == f"gitCommit:{'c' * 40}"


@pytest.mark.parametrize("policy", [TOP_RUNG, "supply-chain-baseline"])
def test_they_show_nothing_and_take_nothing_away(world: World, policy: str) -> None:
    lost = {part: value for part, value in judged(world, policy=policy).items()
            if part not in ("lineage", "findings", "declared")}
    with_them = judged(world, lock(world), run(world), policy=policy)
    assert {part: with_them[part] for part in lost} == lost
    world.lose("train")
    assert judged(world, lock(world), run(world), policy=policy)["result"] == "undetermined"


def test_of_a_model_without_evidence_they_are_the_whole_picture(world: World) -> None:
    world.lose(*world.drafts)
    verdict = judged(world, lock(world))
    assert verdict["informational"]
    assert "no attested step says how these weights were made" in verdict["lineage"]["gaps"]
    assert ("step train", "the output of a stage", "file model.bin", "weak") in drawn(verdict)
    assert not isinstance(drawing(verdict["lineage"]), str)


def test_every_line_of_every_format_says_basis_and_voice(world: World) -> None:
    for name, document in {"c.json": made.croissant(), "bom.json": made.cyclonedx(), "s2.json": made.spdx2(),
                           "s3.json": made.spdx3()}.items():
        world.write(name, json.dumps(document))
    world.write("card.md", made.CARD)
    names = ("c.json", "bom.json", "s2.json", "s3.json", "card.md")
    verdict = judged(world, *(world.folder / name for name in names))
    assert [told["file"] for told in verdict["declared"]] == list(names)
    lines = [line for told in verdict["declared"] for line in told["lines"]]
    assert {(line["basis"], line["voice"]) for line in lines} == {("stated", "unsigned")}
    markdown, page = render_markdown(verdict), render_html(verdict)
    assert markdown.count("stated, unsigned") == page.count("stated, unsigned") == len(lines)
    assert ("dataset tales", "training data", "weights tiny", "weak") in drawn(verdict)


def test_a_long_document_is_cut_and_says_by_how_much(world: World) -> None:
    rows = [{"type": "library", "name": f"part-{number}"} for number in range(MOST_LINES)]
    document = world.write("bom.json", json.dumps(made.cyclonedx(components=rows)))
    [told] = judged(world, document)["declared"]
    assert (len(told["lines"]), told["more"]) == (MOST_LINES, 3 * MOST_LINES + 4)


def test_what_a_hostile_document_says_stays_text(world: World) -> None:
    evil = "<script>alert(1)</script>\x1b[31m|::error::"
    verdict = judged(world, world.write("c.json", json.dumps(made.croissant(name=evil))))
    page, markdown = render_html(verdict), render_markdown(verdict)
    assert "<script" not in page
    assert "\x1b" not in page + markdown
    assert "<script" not in markdown.replace("\\<", "")
