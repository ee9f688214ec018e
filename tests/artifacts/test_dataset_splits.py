"""Which files make which split is told by their names or said by the caller, and never guessed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from provenance.artifacts.dataset.content import Content, read_content
from provenance.artifacts.dataset.schema import Schema
from provenance.artifacts.dataset.splits import layout_from, layout_of
from provenance.errors import ArtifactError
from provenance.workflows.dataset import Files, digest_dataset

SCHEMA = Schema.from_dict({"columns": [{"name": "a", "type": "int8"}]})


def folder(tmp_path: Path, *names: str) -> Path:
    """A folder of JSON Lines files with one record each: its number among the names."""
    for number, name in enumerate(names):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text(f'{{"a":{number}}}\n', encoding="utf-8")
    return tmp_path / "data"


def splits(path: Path) -> dict[str, list[str]]:
    return {name: [place.path for place in places] for name, places in layout_of(path).splits}


@pytest.mark.parametrize(("names", "found"), [
    (["train.jsonl"], {"train": ["train.jsonl"]}),
    (["b.csv", "a.parquet"], {"a": ["a.parquet"], "b": ["b.csv"]}),
    (["train-00001-of-00002.jsonl", "train-00000-of-00002.jsonl", "test.jsonl"],
     {"test": ["test.jsonl"], "train": ["train-00000-of-00002.jsonl", "train-00001-of-00002.jsonl"]}),
    (["data/train-00000-of-00001-0123456789abcdef.parquet"],
     {"train": ["data/train-00000-of-00001-0123456789abcdef.parquet"]}),
    (["train/data-00000-of-00001.arrow", "test/data-00000-of-00001.arrow", "train/state.json"],
     {"test": ["test/data-00000-of-00001.arrow"], "train": ["train/data-00000-of-00001.arrow"]}),
    (["data-00000-of-00001.arrow"], {"train": ["data-00000-of-00001.arrow"]}),
    (["train.jsonl.gz", "README.md"], {"train": ["train.jsonl.gz"]}),
    (["train.csv.zst", "test.parquet.zst"], {"train": ["train.csv.zst"]}),
])
def test_a_folder_names_its_splits(names: list[str], found: dict[str, list[str]], tmp_path: Path) -> None:
    assert splits(folder(tmp_path, *names)) == found


@pytest.mark.parametrize(("names", "code"), [
    (["train.jsonl", "train.csv"], "dataset-layout"),
    (["en/train.jsonl", "fr/train.jsonl"], "dataset-layout"),
    (["en/train-00000-of-00001.jsonl", "fr/train-00000-of-00001.jsonl"], "dataset-layout"),
    (["train.jsonl", "train-00000-of-00001.jsonl"], "dataset-layout"),
    (["README.md"], "dataset-layout"),
    (["train-00000-of-00003.jsonl", "train-00002-of-00003.jsonl"], "shard-missing"),
    (["train-00000-of-00002.jsonl", "train-00001-of-00003.jsonl"], "shard-missing"),
    (["train-00000-of-00001.jsonl", "train-00000-of-00001-0123456789abcdef.jsonl"], "shard-missing"),
])
def test_a_layout_that_cannot_be_told_is_refused(names: list[str], code: str, tmp_path: Path) -> None:
    refused(folder(tmp_path, *names), code)


def refused(files: Files, code: str, schema: Schema | None = SCHEMA) -> None:
    with pytest.raises(ArtifactError) as caught:
        digest_dataset(files, schema)
    assert caught.value.code == code
    assert caught.value.hint


def test_what_is_no_data_is_left_out_and_named(tmp_path: Path) -> None:
    content = read_content(layout_of(folder(tmp_path, "train.jsonl", "README.md", "a/x.json")), SCHEMA)[0]
    assert content.left_out == ("README.md", "a/x.json")
    assert content.records == 1


def content(files: Files) -> Content:
    return digest_dataset(files, SCHEMA)


def test_names_and_folders_of_files_are_no_content(tmp_path: Path) -> None:
    place = folder(tmp_path, "one.jsonl", "train.jsonl", "deep/er/data-00000-of-00001.jsonl")
    for path in place.rglob("*.jsonl"):
        path.write_text('{"a":1}\n', encoding="utf-8")
    roots = {content(path).root for path in place.rglob("*.jsonl")}
    assert roots == {content({"train": [place / "one.jsonl"]}).root}


def test_how_records_are_cut_into_shards_is_no_content(tmp_path: Path) -> None:
    place = folder(tmp_path, *(f"train-0000{at}-of-00004.jsonl" for at in range(4)))
    whole = tmp_path / "whole.jsonl"
    whole.write_text("".join(f'{{"a":{at}}}\n' for at in range(4)), encoding="utf-8")
    assert content(place).root == content(whole).root
    shards = content(place).splits[0].shards
    assert [shard.records for shard in shards] == [1, 1, 1, 1]
    assert [shard.size for shard in shards] == [8, 8, 8, 8]


def test_given_files_are_read_in_the_order_given(tmp_path: Path) -> None:
    place = folder(tmp_path, "a.jsonl", "b.jsonl")
    forth, back = ([place / name for name in names] for names in (("a.jsonl", "b.jsonl"), ("b.jsonl", "a.jsonl")))
    assert content({"s": forth}).root == content({"s": [place]}).root != content({"s": back}).root


def test_the_name_of_a_split_is_content_and_its_digest_is_not(tmp_path: Path) -> None:
    place = folder(tmp_path, "a.jsonl")
    one, two = (content({name: [place / "a.jsonl"]}) for name in ("one", "two"))
    assert one.root != two.root
    assert one.splits[0].digest == two.splits[0].digest


def test_a_split_may_be_empty_and_a_dataset_may_not(tmp_path: Path) -> None:
    place = folder(tmp_path, "train.jsonl", "test.jsonl")
    (place / "test.jsonl").write_text("")
    assert [split.records for split in content(place).splits] == [0, 1]
    (place / "train.jsonl").write_text("\n")
    refused(place, "dataset-empty")


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 256, "\ud800"])
def test_a_split_has_a_printable_name(name: str, tmp_path: Path) -> None:
    refused({name: [folder(tmp_path, "a.jsonl")]}, "dataset-layout")


def test_a_missing_or_unknown_file_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "none.jsonl", "path-not-found")
    refused({"train": [tmp_path / "none"]}, "path-not-found")
    (tmp_path / "data.txt").write_text("x")
    refused(tmp_path / "data.txt", "dataset-layout")


def test_links_and_pipes_are_refused_without_being_opened(tmp_path: Path) -> None:
    place = folder(tmp_path, "train.jsonl")
    (place / "test.jsonl").symlink_to("/etc/hostname")
    refused(place, "file-is-symlink")
    (place / "test.jsonl").unlink()
    os.mkfifo(place / "test.jsonl")
    refused(place, "file-special")
    refused(place / "test.jsonl", "file-special")


def test_shards_are_looked_for_in_what_the_caller_gives_too(tmp_path: Path) -> None:
    place = folder(tmp_path, "train-00000-of-00002.jsonl")
    refused({"train": [place]}, "shard-missing")
    assert layout_from({"train": [folder(tmp_path, "train-00001-of-00002.jsonl")]}).splits[0][0] == "train"
