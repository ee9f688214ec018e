"""DigestSets: when two of them name the same thing, and when neither names anything."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.artifacts.digest import Identity, compare, every_strong, identities, kind_of, normalise, problem_with

A, B = hashlib.sha256(b"a").hexdigest(), hashlib.sha256(b"b").hexdigest()
SHA1, MD5 = A[:40], A[:32]
SHA512 = hashlib.sha512(b"a").hexdigest()


@pytest.mark.parametrize(("digests", "kind"), [
    ({"sha256": A}, "file"), ({"dirHash": A}, "folder"), ({"dirHash1": A}, "folder"),
    ({"dirHash": A, "sha256": B}, "folder"),
    ({"tensorTree": A}, "weights"), ({"tensorTree": A, "sha256": B}, "weights"),
    ({"gitCommit": SHA1}, "source"), ({"gitCommit": SHA1, "gitTree": SHA1}, "source"),
    ({"gitCommit": SHA1, "sha256": A}, "file"), ({}, "file"),
])
def test_a_set_speaks_of_one_kind_of_thing(digests: dict[str, str], kind: str) -> None:
    assert kind_of(digests) == kind


@pytest.mark.parametrize("digests", [
    {}, {"md5": MD5}, {"sha1": SHA1}, {"md5": MD5, "sha1": SHA1}, {"blake3": A}, {"gitCommit": SHA1}, {"gitTree": A},
    {"sha224": A[:56]}, {"SHA256": A}, {"sha512_256": A},
])
def test_weak_and_unknown_algorithms_identify_nothing(digests: dict[str, str]) -> None:
    assert identities(digests) == frozenset()


def test_the_oms_root_beside_a_dirhash_identifies_nothing() -> None:
    """It binds no names, so a folder with other names would have the same identity."""
    assert identities({"dirHash": A, "sha256": B}) == {Identity("folder", "dirHash", A)}


def test_the_oms_root_is_enough_to_speak_against_a_folder() -> None:
    root = Identity("folder", "sha256", B)
    assert every_strong({"dirHash": A, "sha256": B}) == {Identity("folder", "dirHash", A), root}


def test_one_value_under_two_kinds_is_two_identities() -> None:
    values = [identities({name: A}) for name in ("sha256", "dirHash", "tensorTree")]
    assert len(frozenset().union(*values)) == 3


def test_an_identity_is_written_as_algorithm_and_hex() -> None:
    assert [str(identity) for identity in identities({"dirHash1": A})] == [f"dirHash:{A}"]


@pytest.mark.parametrize(("claimed", "actual", "match"), [
    ({"sha256": A}, {"sha256": A}, "equal"),
    ({"sha256": A}, {"sha256": B}, "different"),
    ({"sha256": A, "sha512": SHA512}, {"sha256": A}, "equal"),
    ({"sha1": SHA1, "sha256": B}, {"sha1": SHA1, "sha256": A}, "different"),  # right SHA-1, wrong SHA-256
    ({"sha256": A, "sha512": "0" * 128}, {"sha256": A, "sha512": SHA512}, "different"),  # the stronger one is wrong
    ({"sha1": SHA1}, {"sha1": SHA1, "sha256": A}, "incomparable"),
    ({"md5": MD5}, {"md5": MD5}, "incomparable"),
    ({"blake3": A}, {"blake3": A}, "incomparable"),
    ({"blake3": A}, {"blake3": B}, "different"),
    ({"sha512": SHA512}, {"sha256": A}, "incomparable"),
    ({}, {"sha256": A}, "incomparable"),
    ({}, {}, "incomparable"),
    ({"dirHash": A, "sha256": B}, {"dirHash": A, "sha256": B}, "equal"),
    ({"dirHash": A, "sha256": A}, {"dirHash": A, "sha256": B}, "different"),
    ({"sha256": B}, {"dirHash": A, "sha256": B}, "incomparable"),  # the OMS root alone, against a folder
    ({"dirHash1": A}, {"dirHash": A, "sha256": B}, "equal"),
    ({"tensorTree": A}, {"tensorTree": A}, "equal"),
    ({"tensorTree": A}, {"sha256": A}, "incomparable"),
    ({"gitCommit": SHA1}, {"gitCommit": SHA1}, "incomparable"),
    ({"gitCommit": SHA1, "sha256": A}, {"sha256": A}, "equal"),
])
def test_two_sets_match_when_everything_that_both_give_does(
    claimed: dict[str, str], actual: dict[str, str], match: str
) -> None:
    assert compare(claimed, actual) == match
    assert compare(actual, claimed) == match


SETS = st.dictionaries(st.sampled_from(["sha256", "sha512", "sha1", "md5", "dirHash", "tensorTree", "gitCommit"]),
                       st.sampled_from([A, B]), max_size=4)


@given(SETS, SETS)
def test_equal_sets_share_an_identity(claimed: dict[str, str], actual: dict[str, str]) -> None:
    """Unless they agree only in a digest that is not the first of one of them: a join takes that one alone."""
    if compare(claimed, actual) == "equal" and ("sha256" in claimed) == ("sha256" in actual):
        assert identities(claimed) & identities(actual)


@given(SETS, SETS)
def test_comparing_leaves_the_sets_as_they_were(claimed: dict[str, str], actual: dict[str, str]) -> None:
    before = dict(claimed), dict(actual)
    compare(claimed, actual)
    assert (claimed, actual) == before


def test_the_older_name_of_dirhash_is_read_and_the_callers_mapping_left_alone() -> None:
    digests = {"dirHash1": A}
    assert normalise(digests) == {"dirHash": A}
    assert digests == {"dirHash1": A}


@pytest.mark.parametrize(("digests", "problem"), [
    ({"sha256": A}, ""), ({"sha512": SHA512, "md5": MD5}, ""), ({"unheard-of": "anything"}, ""), ({}, ""),
    ({"dirHash": A, "dirHash1": A}, ""),
    ({"sha256": A.upper()}, "sha256 must be 64 lower-case hexadecimal characters"),
    ({"sha256": A[:-1]}, "sha256 must be 64"), ({"sha256": A[:-1] + "g"}, "sha256 must be 64"),
    ({"sha256": A + "\n"}, "sha256 must be 64"), ({"sha256": A[:-1] + "\n"}, "sha256 must be 64"),
    ({"sha256": ""}, "sha256 must be 64"), ({"dirHash1": "abc"}, "dirHash1 must be 64"),
    ({"unheard-of": ""}, "unheard-of is empty"),
    ({"dirHash": A, "dirHash1": B}, "two names of one digest, differ"),
])
def test_a_malformed_set_is_told_in_words(digests: dict[str, str], problem: str) -> None:
    told = problem_with(digests)
    assert told.startswith(problem) or problem in told
    assert bool(told) == bool(problem)
