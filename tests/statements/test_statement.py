"""in-toto Statement v1: parsed from the bytes that were signed, and identified by strong digests alone.

What is refused, and by which code, is in the golden vectors (tests/vectors); here is what they do not say.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import StatementError
from provenance.statements.statement import (
    STATEMENT_V1,
    ResourceDescriptor,
    Statement,
    all_identities,
    descriptors,
)

A, B = "a" * 64, "b" * 64
TYPE = "https://example.org/x/v1"


def parse(**members: Any) -> Statement:
    document = {"_type": STATEMENT_V1, "subject": [{"name": "m", "digest": {"sha256": A}}], "predicateType": TYPE,
                "predicate": {}, **members}
    return Statement.from_bytes(json.dumps(document).encode(), "input")


NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
ALGORITHMS = st.sampled_from(["sha256", "dirHash", "tensorTree"])
DESCRIPTORS = st.builds(
    ResourceDescriptor, NAMES, st.dictionaries(ALGORITHMS, st.sampled_from([A, B]), min_size=1), NAMES, NAMES,
    st.dictionaries(NAMES, st.integers(0, 9) | NAMES, max_size=2))


@given(st.lists(DESCRIPTORS, min_size=1, max_size=4, unique_by=lambda subject: subject.name),
       st.dictionaries(NAMES, st.integers(0, 9) | NAMES, max_size=3))
def test_a_statement_is_read_back_as_it_was_written(
    subjects: list[ResourceDescriptor], predicate: dict[str, Any]
) -> None:
    statement = Statement(tuple(subjects), TYPE, predicate)
    assert Statement.from_bytes(statement.to_bytes(), "input") == statement


def test_the_same_statement_has_the_same_bytes() -> None:
    subject = ResourceDescriptor("m", {"sha256": A}, annotations={"b": 1, "a": 2})
    one = Statement((subject,), TYPE, {"y": 1, "x": 2}).to_bytes()
    other = Statement((subject,), TYPE, {"x": 2, "y": 1}).to_bytes()
    assert one == other
    assert json.loads(one) == {
        "_type": STATEMENT_V1, "predicateType": TYPE, "predicate": {"x": 2, "y": 1},
        "subject": [{"name": "m", "digest": {"sha256": A}, "annotations": {"a": 2, "b": 1}}],
    }


def test_empty_fields_of_a_descriptor_are_left_out() -> None:
    assert ResourceDescriptor().to_dict() == {}
    full = ResourceDescriptor("n", {"sha256": A}, "u", "m/t", {"role": "source"})
    assert full.to_dict() == {"name": "n", "digest": {"sha256": A}, "uri": "u", "mediaType": "m/t",
                              "annotations": {"role": "source"}}
    assert full.role == "source"
    assert ResourceDescriptor.from_dict(full.to_dict(), "input") == full


@pytest.mark.parametrize("data", [
    None, [], "x", {"name": 1}, {"uri": 1}, {"mediaType": []}, {"digest": []}, {"digest": {"sha256": None}},
    {"digest": {"sha256": A.upper()}}, {"annotations": []}, {"annotations": None}, {"Name": "x"}, {"DIGEST": {}},
])
def test_a_descriptor_that_is_none_is_refused(data: Any) -> None:
    with pytest.raises(StatementError) as caught:
        ResourceDescriptor.from_dict(data, "input")
    assert caught.value.code in ("statement-invalid", "member-case-variant")
    assert caught.value.location == "input"


def test_members_that_nobody_knows_are_let_through() -> None:
    assert parse(extra=1).predicate_type == TYPE
    subject = {"name": "m", "digest": {"sha256": A}, "content": "aGk=", "extra": 1}
    assert parse(subject=[subject]).subjects[0].name == "m"


def test_every_subject_needs_an_identity_of_its_own() -> None:
    with pytest.raises(StatementError) as caught:
        parse(subject=[{"name": "m", "digest": {"sha256": A}}, {"name": "n", "digest": {"md5": "0" * 32}}])
    assert caught.value.code == "statement-weak-digest"


def test_one_name_cannot_have_two_digests_when_written_or_read() -> None:
    two = (ResourceDescriptor("m", {"sha256": A}), ResourceDescriptor("m", {"sha256": B}))
    with pytest.raises(StatementError, match="two subjects named m"):
        Statement(two, TYPE, {}).to_bytes()
    with pytest.raises(StatementError, match="two subjects named m"):
        parse(subject=[subject.to_dict() for subject in two])


@pytest.mark.parametrize("subjects", [
    [("m", {"sha256": A}), ("m", {"sha256": A})],
    [("m", {"dirHash": A}), ("m", {"tensorTree": B})],
    [("_", {"sha256": A}), ("_", {"sha256": B})],
    [("", {"sha256": A}), ("", {"sha256": B})],
])
def test_repetitions_other_kinds_and_names_without_meaning_are_no_contradiction(subjects: list[Any]) -> None:
    parsed = parse(subject=[{"name": name, "digest": digest} for name, digest in subjects])
    assert len(parsed.subjects) == 2


def test_lists_of_descriptors_inside_a_predicate() -> None:
    assert descriptors(None, "input") == ()
    found = descriptors([{"name": "a", "digest": {"sha256": A}}, {"uri": "u"}], "input")
    assert [item.name for item in found] == ["a", ""]
    assert {str(identity) for identity in all_identities(found)} == {f"sha256:{A}"}
    with pytest.raises(StatementError, match="not a list"):
        descriptors({"name": "a"}, "input")


def test_a_hundred_thousand_subjects_are_read_in_time() -> None:
    rows = [{"name": f"m/{number}", "digest": {"sha256": A}} for number in range(100_000)]
    assert len(parse(subject=rows).subjects) == 100_000
