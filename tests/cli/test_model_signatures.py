"""Signing and verifying a model by every method and hash, and what a signature leaves out, as a user sees it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from provenance import resources
from tests.cli.conftest import Run

OUTPUT = Draft202012Validator(json.loads(resources.read_text("schemas", "output.schema.json")))
CHECK = ("bundle", "verify", "model.provenance/model.sig", "--public-key", "lab.key.pub", "--model", "model")


@pytest.fixture
def place(run: Run, tmp_path: Path) -> Path:
    """A model beside a key, with things in it that a signature may leave out."""
    files = {"config.json": b"{}", "w.bin": bytes(300), "empty": b"", "logs/run.py": b"x", ".gitattributes": b"g"}
    for name, data in files.items():
        (tmp_path / "model" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "model" / name).write_bytes(data)
    run("keygen", "lab.key", "--no-passphrase")
    return tmp_path / "model"


def checked(run: Run, *more: str) -> Any:
    ran = run(*CHECK, *more, "--format", "json")
    OUTPUT.validate(ran.json)
    return ran.json


@pytest.mark.parametrize("name", ["sha256", "blake2b", "blake3"])
@pytest.mark.parametrize("cut", [(), ("--method", "shards"), ("--method", "shards", "--shard-size", "64")])
def test_a_model_is_signed_and_verified_by_every_method_and_hash(
    run: Run, place: Path, name: str, cut: tuple[str, ...]
) -> None:
    signed = run("sign", "model", "--key", "lab.key", "--hash", name, *cut, "--format", "json")
    assert signed.code == 0
    OUTPUT.validate(signed.json)
    assert signed.json["files"] == (3 if cut else 4)
    found = checked(run)
    assert found["verified"]
    size = (64 if len(cut) == 4 else 1_000_000_000) if cut else None
    assert found["serialization"] == {
        "method": "shards" if cut else "files", "hash": name, "shardSize": size, "allowSymlinks": False,
        "ignorePaths": [".git", ".gitattributes", ".github", ".gitignore"]}
    uncovered = [{"path": "empty", "risk": "other", "code": "file-empty"}] if cut else []
    assert found["coverage"] == {"complete": not cut, "covered": 3 if cut else 4, "uncovered": uncovered,
                                 "leftOut": [".gitattributes"]}
    (place / "w.bin").write_bytes(bytes(299) + b"x")
    assert [row["code"] for row in checked(run)["findings"]] == ["file-mismatch"]


def test_what_a_signature_covers_is_told_in_words(run: Run, place: Path) -> None:
    run("sign", "model", "--key", "lab.key", "--method", "shards", "--shard-size", "64", "--ignore-path", "logs")
    ran = run(*CHECK)
    assert ran.code == 0
    assert ran.out.splitlines()[-5:] == [
        "signed   shards of 64 bytes by sha256",
        "model    as it was signed",
        "coverage INCOMPLETE: 2 files covered, 2 not, 1 left out",
        "  code: logs/run.py [file-ignored]",
        "  other: empty [file-empty]",
    ]


def test_what_is_complete_is_told_as_that(run: Run, place: Path) -> None:
    run("sign", "model", "--key", "lab.key")
    assert run(*CHECK).out.splitlines()[-1] == "coverage complete: 4 files covered, 0 not, 1 left out"


def test_a_changed_configuration_that_is_ignored_verifies_and_is_not_covered(run: Run, place: Path) -> None:
    """By its specification the signature holds; nobody must take that for a word about the file."""
    run("sign", "model", "--key", "lab.key", "--ignore-path", "config.json")
    (place / "config.json").write_text('{"trust_remote_code": true}')
    found = checked(run)
    assert found["verified"]
    assert found["coverage"]["uncovered"] == [{"path": "config.json", "risk": "configuration", "code": "file-ignored"}]


def test_files_that_are_not_listed_fail_unless_they_are_let_through(run: Run, place: Path) -> None:
    run("sign", "model", "--key", "lab.key")
    (place / "run.sh").write_text("x")
    row = {"path": "run.sh", "risk": "code", "code": "file-not-covered"}
    assert (run(*CHECK).code, run(*CHECK, "--ignore-unsigned-files").code) == (1, 0)
    assert run(*CHECK, "--ignore-path", "run.sh").code == 0
    assert run(*CHECK, "--ignore-path", "run").code == 1
    for more in ((), ("--ignore-unsigned-files",), ("--ignore-path", "run.sh")):
        assert checked(run, *more)["coverage"]["uncovered"] == [row]


def test_without_a_model_nothing_is_said_of_coverage(run: Run, place: Path) -> None:
    run("sign", "model", "--key", "lab.key")
    ran = run(*CHECK[:-2], "--format", "json")
    assert (ran.code, ran.json["coverage"]) == (0, None)
    assert ran.json["serialization"]["method"] == "files"


def test_a_bundle_inside_the_model_says_that_it_is_left_out(run: Run, place: Path) -> None:
    assert run("sign", "model", "--key", "lab.key", "--bundle", "model/model.sig").code == 0
    inside = ("bundle", "verify", "model/model.sig", *CHECK[3:])
    ran = run(*inside, "--format", "json")
    assert ran.json["coverage"]["complete"]
    assert "model.sig" in ran.json["serialization"]["ignorePaths"]


def test_names_that_are_one_name_elsewhere_are_signed_and_told(run: Run, place: Path) -> None:
    (place / "W.bin").write_bytes(b"2")
    if (place / "w.bin").read_bytes() == b"2":
        pytest.skip("this file system takes both names for one")
    ran = run("sign", "model", "--key", "lab.key")
    assert ran.code == 0
    assert ran.out.startswith("warning: W.bin: these names are one name on other systems")
    found = checked(run)
    assert found["verified"]
    assert [row["code"] for row in found["coverage"]["uncovered"]] == ["file-name-collides"] * 2


@pytest.mark.parametrize(("options", "told"), [
    (("--shard-size", "64"), "--method shards"), (("--ignore-path", "*.py"), "--ignore-path"),
    (("--ignore-path", "/etc"), "--ignore-path"), (("--ignore-path", "../x"), "--ignore-path"),
    (("--ignore-path", ""), "--ignore-path"), (("--hash", "md5"), "--hash"), (("--method", "tree"), "--method"),
    (("--method", "shards", "--shard-size", "0"), "--shard-size"),
])
def test_what_the_specification_does_not_allow_is_not_signed(
    run: Run, place: Path, options: tuple[str, ...], told: str
) -> None:
    ran = run("sign", "model", "--key", "lab.key", *options)
    assert ran.code == 2
    assert told in ran.err
    assert not place.with_name("model.provenance").exists()


def test_a_signature_that_nobody_would_read_is_not_written(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provenance.workflows.sign.MAX_BUNDLE", 500)
    ran = run("sign", "model", "--key", "lab.key", "--method", "shards", "--shard-size", "1")
    assert (ran.code, "[document-too-large]" in ran.err) == (2, True)
    assert not place.with_name("model.provenance").exists()


def test_what_cannot_be_as_it_was_signed_is_not_read(run: Run, place: Path) -> None:
    """A sparse terabyte in place of a listed file, or beside it, is refused by its name and size."""
    run("sign", "model", "--key", "lab.key", "--method", "shards")
    for name in ("w.bin", "more.bin"):
        with (place / name).open("wb") as file:
            file.truncate(1 << 40)
    assert sorted((row["code"], row["location"]) for row in checked(run)["findings"]) == [
        ("file-mismatch", "w.bin"), ("file-not-covered", "more.bin")]
