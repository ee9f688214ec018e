"""Every predicate that this tool writes: what is written is read back, and its schema is asked both ways."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from provenance import resources
from provenance.errors import StatementError
from provenance.statements.dataset import DATASET, DESCRIBED, Dataset
from provenance.statements.release import COMPONENTS, RELEASE, Component, Release
from provenance.statements.reproduction import MEANING, REPRODUCTION, Reproduction
from provenance.statements.statement import ResourceDescriptor, Statement
from provenance.statements.step import KINDS, ROLES, SLSA_PROVENANCE_V1, Step, build_type
from provenance.statements.verification_summary import VERIFICATION_SUMMARY, VerificationSummary

THING = ResourceDescriptor("m", {"dirHash": "a" * 64})
FILE = ResourceDescriptor("f", {"sha256": "b" * 64})
FACTS: dict[str, Any] = {
    "name": "tales", "source": {"uri": "https://example.org", "obtained": "downloaded"}, "selection": "all",
    "labelling": "none", "processing": ["none"], "license": "CC0-1.0", "availability": {"class": "open"},
}
STEP = Step(
    "train", "train", ("python", "train.py"), (THING,), (replace(FILE, annotations={"role": "training-data"}),),
    "2026-11-23T12:00:00Z", "2026-11-23T12:01:00Z", "urn:uuid:1", {"kind": "random", "seed": 1}, {"threads": {}},
    (FILE,),
)
RELEASED = Release(
    (THING,), "m", "1.0", "ACME", "2026-11-23T12:00:00Z", (Component("training-code", FILE, "MIT"),), (FILE,), (FILE,),
    (THING,), {"freeOfCharge": True},
)
SUMMARY = VerificationSummary(
    (THING,), "2026-11-23T12:00:00Z", "urn:open-provenance:model:m", "urn:open-provenance:policy:p",
    {"sha256": "c" * 64}, passed=True, levels=["urn:open-provenance:policy:p"],
    inputs=[{"uri": "urn:x", "digest": {"sha256": "d" * 64}}], tool_version="0.1.0",
)
REPRODUCED = Reproduction((THING,), {
    "mode": "checksums", "outcome": "equal", "meaning": MEANING["equal"], "compared": {"files": 1, "tensors": 0},
    "differences": [], "evidence": [], "startedOn": "2026-11-23T12:00:00Z", "finishedOn": "2026-11-23T12:00:00Z",
})
WRITTEN: dict[str, Any] = {
    DATASET: Dataset((THING,), FACTS), SLSA_PROVENANCE_V1: STEP, RELEASE: RELEASED, REPRODUCTION: REPRODUCED,
    VERIFICATION_SUMMARY: SUMMARY,
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_what_is_written_is_read_back_through_the_signed_bytes(kind: str) -> None:
    claim = WRITTEN[kind]
    statement = Statement.from_bytes(claim.to_statement().to_bytes(), "input")
    assert statement.predicate_type == kind
    assert statement.subjects == (THING,)
    again = type(claim).from_statement(statement, "input")
    assert again.to_statement().to_bytes() == claim.to_statement().to_bytes()


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_predicate_of_nothing_is_refused(kind: str) -> None:
    with pytest.raises(StatementError) as caught:
        type(WRITTEN[kind]).from_statement(Statement((THING,), kind, {}), "input")
    assert caught.value.code in ("schema-mismatch", "predicate-unknown")
    assert caught.value.location == "input"


@pytest.mark.parametrize("make", [
    lambda: Dataset((THING,), {"licence": "MIT"}).to_statement(),
    lambda: replace(RELEASED, components=(Component("weights", FILE),)).to_statement(),
    lambda: Reproduction((THING,), {"mode": "guess"}).to_statement(),
    lambda: replace(SUMMARY, levels=[""]).to_statement(),
])
def test_what_its_schema_refuses_is_not_written(make: Callable[[], Statement]) -> None:
    with pytest.raises(StatementError) as caught:
        make()
    assert caught.value.code == "schema-mismatch"


# Datasets


def test_a_dataset_tells_name_licence_and_availability() -> None:
    dataset = Dataset((THING,), FACTS)
    assert (dataset.name, dataset.license, dict(dataset.availability)) == ("tales", "CC0-1.0", {"class": "open"})
    bare = Dataset((THING,), {"name": "x"})
    assert (bare.license, dict(bare.availability)) == (None, {})


def test_what_the_data_information_lacks_is_listed() -> None:
    assert Dataset((THING,), FACTS).undescribed() == []
    assert Dataset((THING,), {"name": "x"}).undescribed() == list(DESCRIBED)
    partly = {**FACTS, "source": {"uri": "https://example.org"}, "processing": []}
    assert Dataset((THING,), partly).undescribed() == ["obtaining", "processing"]


# Steps


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_step_has_its_build_type(kind: Any) -> None:
    statement = replace(STEP, kind=kind).to_statement()
    assert build_type(kind) == f"urn:open-provenance:step:{kind}:v0.1"
    assert statement.predicate["buildDefinition"]["buildType"] == build_type(kind)
    assert Step.from_statement(statement, "input").kind == kind


@pytest.mark.parametrize("build", [
    "https://example.org/build/v1", build_type("train") + "1", build_type("cook"), None, 7, []])
def test_another_build_type_is_unknown_and_not_wrong(build: Any) -> None:
    predicate = {"buildDefinition": {"buildType": build}, "runDetails": {}}
    with pytest.raises(StatementError) as caught:
        Step.from_statement(Statement((THING,), SLSA_PROVENANCE_V1, predicate), "input")
    assert caught.value.code == "predicate-unknown"


def test_inputs_are_found_by_role() -> None:
    assert STEP.with_role("training-data", "source") == STEP.inputs
    assert STEP.with_role("source") == ()


def test_silence_about_initial_parameters_stays_silence() -> None:
    silent = replace(STEP, initial_parameters=None)
    assert Step.from_statement(silent.to_statement(), "input").initial_parameters is None


# Releases


def test_components_are_found_by_kind() -> None:
    assert RELEASED.having("training-code", "datasets") == RELEASED.components
    assert RELEASED.having("datasets") == ()


def test_optional_parts_of_a_release_are_left_out() -> None:
    statement = Release((THING,), "m").to_statement()
    assert statement.predicate == {"name": "m", "components": [], "evidence": [], "datasets": [], "baseModels": [],
                                   "declarations": {}}
    assert Release.from_statement(statement, "input") == Release((THING,), "m")


def test_a_component_without_a_licence_has_none() -> None:
    written = Component("datasets", FILE).to_dict()
    assert written == {"component": "datasets", "name": "f", "digest": {"sha256": "b" * 64}}


# Verification summaries


def test_summaries_of_other_verifiers_are_read() -> None:
    """Of the shape that is found in the wild: no digest of the policy, levels of its own, no time."""
    predicate = {
        "verifier": {"id": "https://example.org/verifier/v0.1"}, "verificationResult": "FAILED",
        "verifiedLevels": ["EXAMPLE_L1", "SLSA_BUILD_LEVEL_2"], "resourceUri": "image://x",
        "policy": {"uri": "file:/p"},
        "dependencyLevels": {"SLSA_BUILD_LEVEL_2": 3}, "unknown": {"a": 1},
    }
    found = VerificationSummary.from_statement(Statement((THING,), VERIFICATION_SUMMARY, predicate), "input")
    assert (found.passed, found.policy_uri, dict(found.policy_digest), found.tool_version) == (False, "file:/p", {}, "")


# Schemas and classes say the same


def schema(name: str) -> Any:
    return json.loads(resources.read_text("schemas", f"{name}.schema.json"))


def test_the_closed_lists_of_schemas_and_classes_agree() -> None:
    release = schema("release")["properties"]["components"]["items"]["properties"]["component"]["enum"]
    components = schema("components")["properties"]["components"]["items"]["properties"]["component"]["enum"]
    assert release == components == list(COMPONENTS)
    step = schema("step")["properties"]["buildDefinition"]["properties"]
    annotations = step["resolvedDependencies"]["items"]["properties"]["annotations"]
    assert set(annotations["properties"]["role"]["enum"]) == ROLES
    assert f"({'|'.join(KINDS)})" in step["buildType"]["pattern"]
    assert schema("reproduction")["properties"]["outcome"]["enum"] == list(MEANING)
