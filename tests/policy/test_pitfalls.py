"""Pitfalls of real cards and licence strings: none of them is read as more than it says."""

from __future__ import annotations

from typing import Any

import pytest

from provenance.policy import licences
from provenance.statements.dataset import is_answer
from tests.world import World

KINDS: tuple[licences.Kind, ...] = ("code", "weights", "data", "document", "use")


def declared(world: World, card: str) -> dict[str, dict[str, Any]]:
    """What osaid-1.0 says of a model with nothing but its card: each row by its id."""
    world.unsay(*list(world.drafts))
    world.write("tiny/README.md", card)
    verdict = world.verdict("osaid-1.0")
    assert not verdict["passed"]
    assert verdict["ladder"]["shown"] is None
    return {row["id"]: row for row in verdict["requirements"]}


def statuses(text: object, **more: str) -> set[str]:
    return {licences.category(licences.normalise(text, **more).expression, kind).status for kind in KINDS}


# --- licence strings ------------------------------------------------------------------------------------------------


def test_bsl_is_boost_and_business_source_is_another() -> None:
    assert licences.normalise("bsl-1.0").expression == "BSL-1.0"
    assert licences.facts("BSL-1.0").osi_approved
    for text in ("BUSL-1.1", "Business Source License 1.1"):
        assert licences.normalise(text).expression == "BUSL-1.1"
    assert statuses("BUSL-1.1") == {"restricted"}


@pytest.mark.parametrize("family", ["bsd", "cc", "gpl", "lgpl", "gfdl", "openrail"])
def test_a_family_is_no_licence(family: str) -> None:
    assert licences.normalise(family).expression is None
    assert statuses(family) == {"undetermined"}


def test_other_is_nothing_without_a_name_or_a_link() -> None:
    assert statuses("other") == {"undetermined"}
    assert licences.normalise("other", name="apache-2.0").expression == "Apache-2.0"


def test_one_licence_does_not_fit_every_kind_of_thing() -> None:
    assert licences.category("CC-BY-4.0", "data").status == "open"
    assert licences.category("CC-BY-4.0", "code").status == "undetermined"
    assert licences.category("ODbL-1.0", "weights").status == "undetermined"


@pytest.mark.parametrize("text", ["https://choosealicense.com/licenses/undefined/", "license", "unknown", None, ""])
def test_what_names_no_licence_is_unknown(text: object) -> None:
    assert licences.normalise(text).expression is None


@pytest.mark.parametrize("key", ["bigscience-openrail-m", "bigscience-bloom-rail-1.0", "bigcode-openrail-m"])
def test_a_responsible_use_licence_is_never_open_and_its_use_is_for_a_person_to_judge(key: str) -> None:
    assert "open" not in statuses(key)
    assert licences.category(licences.normalise(key).expression, "use").status == "undetermined"


@pytest.mark.parametrize("key", ["llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "llama4"])
def test_a_threshold_of_users_is_a_restriction(key: str) -> None:
    assert statuses(key) == {"restricted"}


def test_what_is_withheld_in_the_union_is_withheld_in_its_members() -> None:
    for key in ("llama3.2", "llama4"):
        assert "GEO" in licences.facts(licences.normalise(key).expression or "").restrictions
        assert licences.use_in(licences.normalise(key).expression, ["DE"]).status == "restricted"


def test_a_later_version_of_a_licence_is_no_earlier_one() -> None:
    assert licences.normalise("openmdw-1.0").expression != licences.normalise("openmdw-1.1").expression
    assert not licences.facts("OpenMDW-1.0").osi_approved


# --- cards ----------------------------------------------------------------------------------------------------------

NO_LICENCE = {
    "no licence": "---\nbase_model: openai/gpt-oss-20b\n---\n",
    "the template's misspelling": "---\nlicence: license\n---\n",
    "a misspelling of the key": "---\nlicence: apache-2.0\n---\n",
    "other, and nothing more": "---\nlicense: other\n---\n",
    "a list that does not say which applies to what": "---\nlicense: [mit, llama3.1]\n---\n",
}


@pytest.mark.parametrize("card", NO_LICENCE.values(), ids=NO_LICENCE)
def test_a_card_that_names_no_licence_declares_none(world: World, card: str) -> None:
    rows = declared(world, card)
    assert rows["W-2"]["outcome"] == "undetermined"
    assert rows["W-2"]["declares"] == ""


def test_a_card_that_names_its_licence_in_another_field_declares_it(world: World) -> None:
    assert "Apache-2.0" in declared(world, "---\nlicense: other\nlicense_name: apache-2.0\n---\n")["W-2"]["declares"]


DERIVED = {
    "another licence than its base": "---\nlicense: mit\nbase_model: Qwen/Qwen2.5-14B-Instruct\n---\n",
    "a weaker licence than its base": "---\nlicense: eupl-1.2\nbase_model: mistralai/Mistral-7B-v0.1\n---\n",
    "its name says 120b, its base 20b": "---\nlicense: apache-2.0\nbase_model: openai/gpt-oss-20b\n---\n# oss-120b\n",
    "a merge without a base": "---\nlicense: apache-2.0\ntags: [merge, mergekit]\n---\n",
    "a derivative of Llama without a base": "---\nlicense: apache-2.0\n---\n# Typhoon, on Llama 3\n",
    "a base that is named twice": "---\nlicense: mit\nbase_model: [a/b, c/d]\nbase_model_relation: merge\n---\n",
}


@pytest.mark.parametrize("card", DERIVED.values(), ids=DERIVED)
def test_a_card_never_says_where_weights_came_from(world: World, card: str) -> None:
    """A name is no digest, and silence is not "from nothing": neither declared nor shown, whatever the licence says."""
    rows = declared(world, card)
    for name in ("W-5", "W-7"):
        assert (rows[name]["outcome"], rows[name]["declares"]) == ("undetermined", "")


@pytest.mark.parametrize("licence", ["unknown", "other", None, "Unspecified"])
def test_a_dataset_whose_licence_is_unknown_is_neither_licensed_nor_open(world: World, licence: str | None) -> None:
    world.state("dataset-raw", license=licence)
    for policy, requirement in (("data-provenance-baseline", "D-4"), ("osai-eu-2026", "D-6")):
        assert world.outcome(requirement, policy) == "undetermined"


def test_unknown_is_no_answer() -> None:
    assert not is_answer("Unknown")
    assert is_answer("none")
