"""Names of files: portable, or refused with the reason."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.artifacts import names
from provenance.artifacts.names import (
    brief,
    collisions,
    is_deceptive,
    is_odd_label,
    problem_with_name,
    problem_with_names,
)

GOOD = [
    "model.safetensors", "a/b/c.txt", ".gitattributes", ".hidden/x", "-dash first", "it's \"quoted\" 100%.txt",
    "ünïcödé",
    "模型.bin", "a b", "console.txt", "nullable", "com0", "auxiliary/x", "x" * 255, "ab:c", "~", "...a",
]
BAD = {
    "": "is empty",
    "a\nb": "control characters", "a\x1b[31mb": "control characters", "a\0": "control characters",
    "a\x7f": "control characters", "a\x85": "control characters",
    "/etc/hostname": "is absolute", "C:\\outside.txt": "is absolute", "c:outside": "is absolute",
    "\\\\host\\share\\x": "is absolute", "a\\b": "is absolute", "//host/x": "is absolute",
    "../outside.txt": "leaves the folder", "a/../b": "leaves the folder", "./x.txt": "shortest form",
    "a//b": "shortest form", "a/": "shortest form", ".": "shortest form", "..": "leaves the folder",
    "CON": "reserved on Windows", "con.txt": "reserved", "a/nul": "reserved", "LPT1.log": "reserved",
    "com¹": "reserved", "CONIN$": "reserved", "aux .txt": "reserved",
    "x" * 256: "more than 255 bytes", "é" * 128: "more than 255 bytes",
    "/".join("a" * 65): "nested deeper than 64",
    "caf\udce9": "not valid UTF-8",
}


@pytest.mark.parametrize("name", GOOD)
def test_a_portable_name_is_used(name: str) -> None:
    assert problem_with_name(name) == ""


@pytest.mark.parametrize(("name", "reason"), BAD.items())
def test_another_name_is_refused_and_the_reason_told(name: str, reason: str) -> None:
    assert reason in problem_with_name(name)


@given(st.text(max_size=40))
def test_no_accepted_name_leaves_its_folder(name: str) -> None:
    if not problem_with_name(name):
        parts = name.split("/")
        assert all(part not in ("", ".", "..") for part in parts)
        assert not any(unicodedata.category(char) == "Cc" for char in name)
        name.encode("utf-8")


@pytest.mark.parametrize("name", ["a\u202egpj.exe", "a\u200bb", "a\u2028b", "\ufeffa", "a\u00adb", "a\U000e0041"])
def test_invisible_characters_deceive(name: str) -> None:
    assert is_deceptive(name)
    assert not problem_with_name(name)


def test_plain_names_do_not_deceive() -> None:
    assert not any(map(is_deceptive, GOOD))


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../b", "\x1b[2J", "a\0", "a\u202eb", "x" * 1025])
def test_a_tensor_name_that_could_mislead_is_odd(name: str) -> None:
    assert is_odd_label(name)


@pytest.mark.parametrize("name", ["", "encoder.layer.0.weight", "a/b/kernel:0", "aux.0.weight", "x y", "..."])
def test_a_usual_tensor_name_is_not_odd(name: str) -> None:
    assert not is_odd_label(name)


@pytest.mark.parametrize("group", [
    ("A.txt", "a.txt"), ("caf\u00e9", "cafe\u0301"), ("straße", "STRASSE"), ("K", "\u212a"), ("x", "x."), ("x", "x "),
    ("d/x", "d./x"), ("\u1fb3", "\u03b1\u0345"),
])
def test_names_that_are_one_name_elsewhere_collide(group: tuple[str, str]) -> None:
    assert collisions([*group, "other"]) == [tuple(sorted(group))]


def test_names_that_stay_apart_do_not_collide() -> None:
    assert collisions(GOOD) == []


@given(st.lists(st.text(max_size=5), unique=True, max_size=6))
def test_collisions_do_not_depend_on_the_order(names: list[str]) -> None:
    assert collisions(names) == collisions(reversed(names))


# The quick way for plain names, held against the rules one by one

ODD = st.sampled_from([
    *"aZ09_-+. /\\:$~\x00\x1f\x7f\x85", "con", "PRN", "aux", "nul", "com1", "LPT9", "com0", "conin$", "..", "./", "é",
    "e\u0301", "\u017f", "\u212a", "ß", "¹", "\u202e", "\u2028", "\ud800", "x" * 254,
])
NAMES_OF_PARTS = st.lists(ODD, max_size=9).map("".join)


@given(st.one_of(NAMES_OF_PARTS, st.text(max_size=20), st.integers(1, 70).map(lambda depth: "/".join("a" * depth))))
def test_a_plain_name_breaks_none_of_the_rules_that_are_not_asked(name: str) -> None:
    if names._PLAIN.fullmatch(name):
        assert names._broken_rule(name) == ""
        assert not any(unicodedata.category(char) in {"Cf", "Zl", "Zp", "Cc"} for char in name)


@pytest.mark.parametrize("name", [
    "model-00001-of-00004.safetensors", ".gitattributes", "a/b/c.txt", "console.txt", "nullable", "con_x", "com10",
    "auxiliary/x", "x" * 254, "." + "x" * 254, "/".join("a" * 64),
])
def test_usual_names_are_plain(name: str) -> None:
    assert names._PLAIN.fullmatch(name)


@pytest.mark.parametrize("name", BAD)
def test_no_bad_name_is_plain(name: str) -> None:
    assert not names._PLAIN.fullmatch(name)


@given(st.lists(st.one_of(NAMES_OF_PARTS, st.text(max_size=4)), max_size=8))
def test_names_collide_by_the_words_of_unicode(given_names: list[str]) -> None:
    """Canonical caseless matching (D145), with each part as Windows keeps it."""
    def key(name: str) -> str:
        folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())
        return "/".join(part.rstrip(" .") for part in folded.split("/"))

    together: dict[str, list[str]] = {}
    for name in given_names:
        together.setdefault(key(name), []).append(name)
    assert collisions(given_names) == sorted(tuple(sorted(group)) for group in together.values() if len(group) > 1)


def test_the_category_of_controls_is_two_ranges_and_ascii_hides_nothing() -> None:
    every = list(map(chr, range(0x110000)))
    controls = {char for char in every if unicodedata.category(char) == "Cc"}
    assert controls == {char for char in every if names._CONTROL.search(char)}
    assert not any(unicodedata.category(chr(code)) in {"Cf", "Zl", "Zp"} for code in range(128))


def test_a_long_name_is_cut_in_messages() -> None:
    assert brief("x" * 120) == "x" * 120
    assert brief("x" * 1_000_000) == "x" * 100 + "… (1000000 characters)"


HARD = ("a", ".a", "..a", "a.", ".", "..", "", "a//b", "/a", "a/", "con", "CON.txt", "x/nul", "x/nul.a", "com1", "com0",
        "conf", "x/lpt9/y", "a" * 127, "a" * 128, "a/" * 64 + "a", "x" * 256, "a:b", "é", "\u212a" * 100)


@given(st.lists(st.one_of(st.text(), st.from_regex(r"\A[a-z./: CON1-]{0,12}\Z"), st.sampled_from(HARD)), max_size=4))
def test_a_list_has_the_problem_of_its_first_name_that_has_one(names: list[str]) -> None:
    assert problem_with_names(names) == next(filter(None, map(problem_with_name, names)), "")
