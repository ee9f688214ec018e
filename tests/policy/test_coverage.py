"""What model signatures cover for a policy, by whatever method and hash they are over, and why they do not."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provenance.artifacts.digest import HEX_LENGTHS
from provenance.artifacts.manifest import scan
from provenance.bundles.oms import Serialization, model_statement, serialization_for
from provenance.statements.release import Release
from provenance.statements.statement import ResourceDescriptor
from provenance.workflows.verify import verify
from tests.world import NOW, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world in which nothing but a model signature speaks of the model's files."""
    made = World.new(tmp_path)
    made.unsay("release", "train", "evaluate")
    return made


def sign(world: World, serialization: Serialization) -> None:
    """Sign the model by it, and nothing else."""
    manifest = scan(world.model, wanted=serialization.wanted)
    world.say("model.sig", model_statement(manifest, serialization))
    world.sign()


def uncovered(world: World) -> list[tuple[str, str]]:
    return [(row["code"], row["path"]) for row in world.verdict()["coverage"]["uncovered"]]


@pytest.mark.parametrize("size", [1 << 30, 100])
def test_a_signature_over_shards_covers_as_one_over_files(world: World, size: int) -> None:
    sign(world, serialization_for("shards", shard_size=size))
    assert uncovered(world) == []
    assert world.outcome("W-1") == "pass"
    weights = world.model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\xff")
    assert uncovered(world) == [("file-mismatch", "model.safetensors")]
    assert world.outcome("W-1") == "fail"


def test_an_empty_file_is_not_covered_by_shards(world: World) -> None:
    """It makes a package of a folder, and no signature over shards can list it."""
    world.write("tiny/__init__.py", "")
    sign(world, serialization_for("shards"))
    assert uncovered(world) == [("file-empty", "__init__.py")]
    assert world.outcome("W-1") == "undetermined"
    assert not world.verdict()["passed"]


@pytest.mark.parametrize("method", ["files", "shards"])
@pytest.mark.parametrize("name", ["blake2b", "blake3"])
def test_another_hash_than_sha256_covers_nothing_for_a_policy(world: World, method: Any, name: Any) -> None:
    """It neither passes, nor fails: what it shows, it shows by a digest that the policy does not take."""
    sign(world, serialization_for(method, name))
    assert {code for code, _ in uncovered(world)} == {"file-weakly-covered"}
    assert world.outcome("W-1") == "undetermined"
    world.write("tiny/config.json", "[]")
    assert ("file-mismatch", "config.json") in uncovered(world)


def test_a_path_that_the_signer_left_out_is_told_as_that(world: World) -> None:
    world.write("tiny/remote.py", "x")
    sign(world, serialization_for(ignored=["remote.py"]))
    assert uncovered(world) == [("file-ignored", "remote.py")]
    told = [row["message"] for row in world.verdict()["findings"] if row["location"] == "remote.py"]
    assert told == ["no trusted signature covers this code file: a signer left it out"]


@pytest.mark.parametrize(("one", "two"), [("A.json", "a.json"), ("é.py", "e\u0301.py"), ("x/B.py", "X/b.py")])
def test_all_names_that_are_one_elsewhere_are_named_though_each_is_signed(world: World, one: str, two: str) -> None:
    world.write(f"tiny/{one}", "1")
    world.write(f"tiny/{two}", "2")
    if len({(world.model / one).stat().st_ino, (world.model / two).stat().st_ino}) == 1:
        pytest.skip("this file system takes both names for one")
    sign(world, serialization_for())
    assert uncovered(world) == [("file-name-collides", path) for path in sorted((one, two))]


def test_a_lone_file_that_an_early_release_called_a_dot_is_covered(world: World) -> None:
    model = world.model / "model.safetensors"
    statement = model_statement(scan(model))
    row = {**statement.predicate["resources"][0], "name": "."}
    world.say("model.sig", replace(statement, predicate={**statement.predicate, "resources": [row]}))
    world.sign()
    done = verify(model, "g7-2026-weights-available", evidence=[world.evidence], trust=world.trust, as_of=NOW, now=NOW)
    assert done.document["coverage"] == {"complete": True, "covered": 1, "uncovered": [], "leftOut": []}


# A statement that contradicts its own dirHash


def release_of(world: World, subjects: tuple[ResourceDescriptor, ...]) -> None:
    """The whole world again, with other subjects of its release."""
    draft = world.drafts["release"].claim
    assert isinstance(draft, Release)
    world.change("release", subjects=subjects)
    world.sign()


def contradictions(world: World) -> list[str]:
    return [row["location"] for row in world.verdict()["findings"] if row["code"] == "statement-contradicts-itself"]


@pytest.fixture
def released(tmp_path: Path) -> World:
    made = World.new(tmp_path)
    made.unsay("model.sig")
    return made


def test_a_release_that_agrees_with_itself_is_not_flagged(released: World) -> None:
    released.sign()
    assert contradictions(released) == []
    assert released.verdict()["coverage"]["complete"]


def test_a_release_that_lists_another_file_than_its_dir_hash_is_flagged(released: World) -> None:
    """Who reads the dirHash takes it for this model; who reads the list finds another configuration."""
    subjects = tuple(replace(one, digest={"sha256": "0" * 64}) if one.name == "tiny/config.json" else one
                     for one in released.described("tiny"))
    release_of(released, subjects)
    assert contradictions(released) == [released.file("release").name]


def test_a_release_that_lists_this_model_under_another_dir_hash_is_flagged(released: World) -> None:
    subjects = tuple(replace(one, digest={"dirHash": "0" * 64}) if one.name == "tiny" else one
                     for one in released.described("tiny"))
    release_of(released, subjects)
    assert contradictions(released) == [released.file("release").name]


@pytest.mark.parametrize("name", ["sha384", "sha512"])
@pytest.mark.parametrize("part", ["tiny/config.json", "component"])
def test_a_file_by_a_right_sha256_and_another_wrong_digest_is_flagged(released: World, part: str, name: str) -> None:
    """ENV-31: who checks the stronger one would find another file."""
    release = released.drafts["release"].claim
    assert isinstance(release, Release)
    wrong = {name: "0" * HEX_LENGTHS[name]}
    if part == "component":
        rows = tuple(replace(row, thing=replace(row.thing, digest={**row.thing.digest, **wrong}))
                     for row in release.components)
        released.change("release", components=rows)
    else:
        release_of(released, tuple(replace(one, digest={**one.digest, **wrong}) if one.name == part else one
                                   for one in released.described("tiny")))
    assert contradictions(released) == [released.file("release").name]


def test_a_right_sha512_beside_a_right_sha256_is_not_flagged(released: World) -> None:
    right = hashlib.sha512((released.model / "config.json").read_bytes()).hexdigest()
    release_of(released, tuple(replace(one, digest={**one.digest, "sha512": right}) if one.name == "tiny/config.json"
                               else one for one in released.described("tiny")))
    assert contradictions(released) == []
    assert released.verdict()["coverage"]["complete"]


def test_a_release_that_gives_the_tensors_of_other_weights_is_flagged(released: World) -> None:
    release_of(released, tuple(replace(one, digest={"tensorTree": "0" * 64}) if one.name == "tiny#tensors" else one
                               for one in released.described("tiny")))
    assert contradictions(released) == [released.file("release").name]


def test_a_statement_that_contradicts_itself_covers_nothing(released: World) -> None:
    subjects = tuple(replace(one, digest={"sha256": "0" * 64}) if one.name == "tiny/config.json" else one
                     for one in released.described("tiny"))
    released.unsay("train", "evaluate")
    release_of(released, subjects)
    verdict = released.verdict("g7-2026-weights-available")
    assert not verdict["passed"]
    assert verdict["coverage"]["covered"] == 0
