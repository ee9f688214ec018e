"""Policies are read strictly: what cannot be used is an error with a stable code, and never a weaker policy."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from provenance import resources
from provenance.errors import ProvenanceError
from provenance.policy.checks import CATALOGUE
from provenance.policy.policy import LADDER, lint, load_policy, policy_ids
from tests.world import World

ROW = {
    "id": "D-2",
    "title": "Every dataset is described",
    "source": "our rules, section 1",
    "minBasis": "stated",
    "minVoice": "trusted",
    "roles": ["producer"],
    "remedy": "describe it",
}


def document(*rows: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    metadata = {"id": "ours", "version": "1.0.0", "title": "Ours", "source": "our rules"}
    return {"apiVersion": "open-provenance/v0.1", "kind": "Policy", "metadata": metadata,
            "requirements": list(rows or [ROW]), **more}


def write(path: Path, policy: Any) -> str:
    """Every JSON document is a YAML document."""
    path.write_text(json.dumps(policy), encoding="utf-8")
    return str(path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ours.yaml"


def refused(argument: str) -> ProvenanceError:
    """Why a policy cannot be used, which is what `lint` tells first."""
    err = missing(argument, load_policy)
    assert [(finding.code, finding.severity, finding.message) for finding in lint(argument)] == [
        (err.code, "error", err.message)
    ]
    return err


def missing(argument: str, asked: Callable[[str], object] = lint) -> ProvenanceError:
    """The error of whoever asks for a policy; `lint` has one where there is no such policy."""
    with pytest.raises(ProvenanceError) as raised:
        asked(argument)
    assert raised.value.location
    assert raised.value.hint
    return raised.value


# --- what is shipped ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", policy_ids())
def test_a_policy_that_is_shipped_can_be_used(name: str) -> None:
    assert lint(name) == ()
    policy = load_policy(name)
    assert policy.id == name
    asked = [row.id for row in policy.requirements]
    assert [name for name in asked if name in CATALOGUE] == [name for name in CATALOGUE if name in asked]
    assert {"X-1", "X-2", "W-1"} <= set(asked)
    assert bool(policy.score) == (not any(row.severity == "mandatory" for row in policy.requirements))
    assert all(row.min_voice == "trusted" for row in policy.requirements)


def test_each_rung_of_the_ladder_asks_what_the_one_below_asks_and_more() -> None:
    rungs = [{row.id for row in load_policy(name).requirements} for name, _ in LADDER]
    assert all(lower <= higher for lower, higher in pairwise(rungs))
    assert rungs[0] < rungs[-1]
    rows = [row for name, _ in LADDER for row in load_policy(name).requirements if row.id == "C-1"]
    assert [row.parameters["license"] for row in rows] == ["stated", "open", "open", "open"]


def test_a_policy_has_the_same_digest_every_time() -> None:
    digests = {name: load_policy(name).digest for name in policy_ids()}
    assert digests == {name: load_policy(name).digest for name in policy_ids()}
    assert len(set(digests.values())) == len(digests)


# --- where a policy comes from --------------------------------------------------------------------------------------


def test_a_name_is_a_shipped_policy_and_never_a_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(file.with_name("osaid-1.0"), document())
    write(file.with_name("osaid-1.0.yml"), document())
    monkeypatch.chdir(file.parent)
    assert load_policy("osaid-1.0").title == "OSI Open Source AI Definition 1.0"
    assert missing("osaid-1.0.yml").code == missing("osaid-1.0.yml", load_policy).code == "policy-not-found"


def test_a_file_is_taken_by_its_path_or_its_ending(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(file, document())
    monkeypatch.chdir(file.parent)
    assert load_policy("ours.yaml").id == load_policy("./ours.yaml").id == "ours"


def test_an_unknown_policy_names_the_nearest() -> None:
    err = missing("osaid-1.1")
    assert (err.code, err.hint) == ("policy-not-found", "did you mean osaid-1.0?")


def test_a_policy_like_no_other_names_the_command_that_lists_them() -> None:
    assert missing("xxxxxxxx").hint == "`provenance policy list` names them"


def test_a_file_that_is_not_there_is_an_error(file: Path) -> None:
    assert missing(str(file)).code == missing(str(file), load_policy).code == "policy-not-found"


# --- what is written in it ------------------------------------------------------------------------------------------


def test_an_unknown_requirement_names_the_nearest(file: Path) -> None:
    err = refused(write(file, document({**ROW, "id": "D-22"})))
    assert (err.code, err.hint) == ("requirement-unknown", "did you mean D-2?")


def test_a_requirement_like_no_other_names_all(file: Path) -> None:
    err = refused(write(file, document({**ROW, "id": "Z-00000000"})))
    assert (err.code, err.hint) == ("requirement-unknown", f"it has {', '.join(CATALOGUE)}")


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (document({**ROW, "minVoize": "trusted"}), "did you mean minVoice?"),
        (document(requirement=[ROW]), "did you mean requirements?"),
        (document(waivers=[]), "has no field waivers"),
    ],
)
def test_an_unknown_field_names_the_nearest(file: Path, policy: Any, told: str) -> None:
    err = refused(write(file, policy))
    assert err.code == "policy-invalid"
    assert told in err.message


def test_an_unknown_parameter_names_the_nearest(file: Path) -> None:
    err = refused(write(file, document({**ROW, "id": "X-3", "parameters": {"maxAgeDay": 30}})))
    assert (err.code, err.hint) == ("policy-invalid", "did you mean maxAgeDays?")


def test_a_parameter_of_a_requirement_that_takes_none_says_so(file: Path) -> None:
    err = refused(write(file, document({**ROW, "parameters": {"strictness": 1}})))
    assert (err.code, err.hint) == ("policy-invalid", "D-2 takes none")


@pytest.mark.parametrize("value", [0, -1, 1.5, True, None, "30", "", [], {"$gt": 0}])
def test_a_number_that_is_none_is_refused(file: Path, value: Any) -> None:
    err = refused(write(file, document({**ROW, "id": "X-3", "parameters": {"maxAgeDays": value}})))
    assert err.code == "policy-invalid"
    assert "positive whole number" in err.message


@pytest.mark.parametrize("value", ["Open", "any", "", None, 1])
def test_a_choice_that_is_none_is_refused(file: Path, value: Any) -> None:
    err = refused(write(file, document({**ROW, "id": "C-1", "parameters": {"license": value}})))
    assert err.code == "policy-invalid"
    assert "must be one of stated, open" in err.message


@pytest.mark.parametrize(
    "change",
    [
        {"requirements": []},
        {"requirements": None},
        {"requirements": {"D-2": {}}},
        {"requirements": [{**ROW, "roles": []}]},
        {"requirements": [{**ROW, "roles": ["Producer"]}]},
        {"requirements": [{**ROW, "roles": ["producer", "producer"]}]},
        {"requirements": [{**ROW, "minVoice": "none"}]},
        {"requirements": [{**ROW, "minVoice": "Trusted"}]},
        {"requirements": [{**ROW, "minBasis": "guessed"}]},
        {"requirements": [{**ROW, "id": "d-2"}]},
        {"requirements": [{**ROW, "remedy": ""}]},
        {"requirements": [{key: value for key, value in ROW.items() if key != "minVoice"}]},
        {"requirements": [{key: value for key, value in ROW.items() if key != "minBasis"}]},
        {"requirements": [{key: value for key, value in ROW.items() if key != "roles"}]},
        {"requirements": [ROW, ROW]},
        {"apiVersion": "open-provenance/v9"},
        {"kind": "policy"},
        {"extends": "../osaid-1.0"},
        {"extends": "/etc/passwd"},
        {"extends": ["osaid-1.0"]},
    ],
)
def test_a_policy_that_asks_for_nothing_or_for_what_is_not_is_refused(file: Path, change: Mapping[str, Any]) -> None:
    """LIN-14, LIN-15, LIN-18: no requirements, no signers, one requirement twice."""
    assert refused(write(file, {**document(), **change})).code == "policy-invalid"


@pytest.mark.parametrize("text", ["", "[]", "null", "D-2", "--- \n...\n--- \n{}\n"])
def test_what_is_no_policy_at_all_is_refused(file: Path, text: str) -> None:
    file.write_text(text)
    assert refused(str(file)).code in ("policy-invalid", "yaml-invalid")


@pytest.mark.parametrize(
    "text",
    [
        "kind: Policy\nkind: Policy\n",
        "kind: !!python/object/apply:os.system [id]\n",
        "kind: &a [x]\nmetadata: *a\n",
        "kind: [\n",
    ],
)
def test_duplicate_keys_tags_and_aliases_are_refused(file: Path, text: str) -> None:
    file.write_text(text)
    err = refused(str(file))
    assert err.code == "yaml-invalid"
    assert str(file) in err.location


# --- a policy that extends another ----------------------------------------------------------------------------------

CHILD = {"id": "X-3", "title": "Fresh", "source": "ours", "remedy": "renew", "minBasis": "stated",
         "minVoice": "trusted", "roles": ["producer"]}


def test_a_child_has_the_rows_of_its_parent_and_its_own(file: Path) -> None:
    policy = load_policy(write(file, document(extends="supply-chain-baseline")))
    parent = load_policy("supply-chain-baseline")
    assert {row.id for row in policy.requirements} == {"D-2"} | {row.id for row in parent.requirements}
    assert policy.digest != parent.digest


@pytest.mark.parametrize(
    "change",
    [
        {"parameters": {"maxAgeDays": 30}},
        {"minVoice": "independent"},
        {"minBasis": "recomputed"},
        {"roles": ["producer"]},
    ],
)
def test_a_child_may_tighten(file: Path, change: Mapping[str, Any]) -> None:
    policy = load_policy(write(file, document({**CHILD, **change}, extends="supply-chain-baseline")))
    row = next(row for row in policy.requirements if row.id == "X-3")
    given = {"maxAgeDays": 365, "deadline": "", **change.get("parameters", {})}
    assert (row.title, row.parameters) == ("Fresh", given)


@pytest.mark.parametrize(
    "row",
    [
        {**CHILD, "parameters": {"maxAgeDays": 366}},
        {**CHILD, "minVoice": "unsigned"},
        {**CHILD, "roles": ["producer", "gate"]},
        {**CHILD, "id": "W-1", "minBasis": "stated"},
        {**CHILD, "id": "W-1", "minBasis": "recomputed", "roles": ["gate"]},
    ],
)
def test_a_child_may_not_loosen(file: Path, row: Mapping[str, Any]) -> None:
    err = refused(write(file, document(row, extends="supply-chain-baseline")))
    assert err.code == "policy-invalid"
    assert f"{row['id']} is looser" in err.message


def test_a_child_may_not_loosen_by_leaving_a_parameter_to_its_default(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = document({**CHILD, "parameters": {"maxAgeDays": 30}})
    ship(monkeypatch, file, {"strict": strict})
    assert "X-3 is looser" in refused(write(file, document(CHILD, extends="strict"))).message


def test_an_unknown_parent_names_the_nearest(file: Path) -> None:
    err = refused(write(file, document(extends="osaid-1.1")))
    assert (err.code, err.hint) == ("policy-not-found", "did you mean osaid-1.0?")


def ship(monkeypatch: pytest.MonkeyPatch, file: Path, policies: Mapping[str, Any]) -> None:
    """Let these be the policies that are shipped."""
    texts = {}
    for name, policy in policies.items():
        path = file.with_name(f"{name}.yaml")
        write(path, {**policy, "metadata": {**policy["metadata"], "id": name}})
        texts[path.name] = path.read_text()
        path.unlink()
    monkeypatch.setattr(resources, "names", lambda kind: tuple(sorted(texts)))
    shipped = {"policies": texts.__getitem__}
    monkeypatch.setattr(resources, "read_text", lambda kind, name: shipped.get(kind, partial(READ, kind))(name))


READ = resources.read_text


@pytest.mark.parametrize("length", [1, 2, 3])
def test_policies_that_extend_each_other_in_a_circle_are_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    circle = {f"p{i}": document(extends=f"p{(i + 1) % length}") for i in range(length)}
    ship(monkeypatch, file, circle)
    err = refused("p0")
    assert err.code == "policy-invalid"
    assert "extends itself" in err.message
    assert refused(write(file, document(extends="p0"))).code == "policy-invalid"


def test_a_file_may_not_take_the_name_of_what_it_extends(file: Path) -> None:
    policy = document(extends="osaid-1.0")
    policy["metadata"]["id"] = "osaid-1.0"
    assert "extends itself" in refused(write(file, policy)).message


# --- the digest of a policy -----------------------------------------------------------------------------------------


def test_the_digest_is_that_of_what_is_asked(file: Path) -> None:
    digests = [
        load_policy(write(file, document(*rows, **more))).digest
        for rows, more in (
            ([ROW], {}),
            ([{**ROW, "minVoice": "unsigned"}], {}),
            ([{**CHILD, "parameters": {"maxAgeDays": 30}}], {}),
            ([CHILD], {}),
            ([ROW], {"extends": "osaid-1.0"}),
        )
    ]
    assert len(set(digests)) == len(digests)


def test_a_default_that_is_written_out_asks_the_same(file: Path) -> None:
    silent = load_policy(write(file, document(CHILD)))
    spoken = load_policy(write(file, document({**CHILD, "parameters": {"maxAgeDays": 365}})))
    assert silent.requirements == spoken.requirements
    assert silent.digest == spoken.digest


# --- how strong the evidence must be --------------------------------------------------------------------------------


def assessed(world: World, file: Path, **assessor: Any) -> str:
    """What D-2 says where only assessors in an independent voice count, and an assessor describes both datasets."""
    world.believe(
        *(world.principal(name) for name in ("archive", "lab")),
        world.principal("gate", roles=("assessor",), subjects=("*",), predicate_types=("*",), **assessor),
    )
    world.say("assessed-raw", world.dataset("tales.txt"), "gate")
    world.say("assessed-corpus", world.dataset("corpus"), "gate")
    return write(file, document({**ROW, "minVoice": "independent", "roles": ["assessor"]}))


def test_an_independent_voice_can_be_asked_for(world: World, file: Path) -> None:
    policy = assessed(world, file)
    assert world.asked("D-2", policy)["outcome"] == "pass"
    assert world.asked("D-2", policy)["voice"] == "independent"


def test_a_producer_is_not_independent_in_another_role(world: World, file: Path) -> None:
    policy = assessed(world, file, party="Example Lab")
    assert world.outcome("D-2", policy) == "undetermined"
    world.lose("train", "model.sig", "release", "evaluate")
    assert world.outcome("D-2", policy) == "undetermined"


def test_a_trusted_voice_is_not_enough_where_an_independent_one_is_asked_for(world: World, file: Path) -> None:
    policy = write(file, document({**ROW, "minVoice": "independent", "roles": ["data-supplier", "producer"]}))
    assert world.outcome("D-2", policy) == "undetermined"


def test_what_rests_on_a_producers_word_too_is_not_independent(world: World, file: Path) -> None:
    """An assessor lists the datasets, and it is still the producer's step that says which of them were used."""
    assessed(world, file)
    world.say("assessed", world.release, "gate")
    row = {**ROW, "id": "D-1", "minVoice": "independent", "roles": ["assessor"]}
    asked = world.asked("D-1", write(file, document(row)))
    assert asked["outcome"] == "undetermined"
    assert "but no independent voice says so" in asked["reason"]


def test_a_role_that_is_not_asked_for_is_not_heard(world: World, file: Path) -> None:
    policy = write(file, document({**ROW, "roles": ["assessor"]}))
    assert world.outcome("D-2", policy) == "undetermined"


def test_what_is_only_stated_is_not_recomputed(world: World, file: Path) -> None:
    policy = write(file, document({**ROW, "minBasis": "recomputed", "roles": ["data-supplier", "producer"]}))
    asked = world.asked("D-2", policy)
    assert asked["outcome"] == "undetermined"
    assert "but it is not recomputed" in asked["reason"]


def test_a_policy_in_which_nothing_passes_is_not_passed(world: World, file: Path) -> None:
    """W-5 alone, of a model without a base: it does not apply, and that shows nothing."""
    verdict = world.verdict(write(file, document({**ROW, "id": "W-5"})))
    assert verdict["counts"]["notApplicable"] == 1
    assert (verdict["result"], verdict["passed"]) == ("undetermined", False)
