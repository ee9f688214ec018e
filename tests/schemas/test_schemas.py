"""Schemas are sound, their examples follow them, and what the program prints follows its schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from provenance import resources
from provenance.bundles.verifier import Verifier
from provenance.cli import main
from provenance.workflows.digest import digest, digest_document
from provenance.workflows.inspect_bundle import inspect_bundle

NAMES = [name for name in resources.names("schemas") if name.endswith(".schema.json")]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
VECTORS = resources._folder("attestations") / "vectors"


def schema(name: str) -> Any:
    return json.loads(resources.read_text("schemas", name))


def follows(document: Any, name: str) -> None:
    jsonschema.Draft202012Validator(schema(name)).validate(document)


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_one_and_says_what_it_is_for(name: str) -> None:
    found = schema(name)
    jsonschema.Draft202012Validator.check_schema(found)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert found["$id"] == f"urn:open-provenance:schema:{name.removesuffix('.schema.json')}:v0.1"
    assert found["title"]
    assert found["description"]


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_of_a_schema_follow_it(name: str) -> None:
    assert schema(name)["examples"]
    for example in schema(name)["examples"]:
        follows(example, name)


def parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for key, child in value.items():
            if key not in ("examples", "enum", "const"):
                yield from parts(child)
    elif isinstance(value, list):
        for child in value:
            yield from parts(child)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_required_is_described(name: str) -> None:
    """A name in `required` that `properties` does not have is a slip of the pen."""
    for part in parts(schema(name)):
        if isinstance(part.get("properties"), dict) and isinstance(part.get("required"), list):
            assert set(part["required"]) <= part["properties"].keys()


@pytest.mark.parametrize("name", [
    "assessment", "waiver", "digest", "output", "release", "reproduction", "step", "trust", "verification-summary"])
def test_a_pattern_of_times_and_digests_ends_where_the_text_ends_and_its_digits_are_ascii(name: str) -> None:
    """Python lets `$` match before a final newline, and `\\d` match the digits of every script."""
    document = schema(f"{name}.schema.json")
    patterns = [part["pattern"] for part in parts(document) if isinstance(part.get("pattern"), str)]
    exact = [pattern for pattern in patterns if "[0-9" in pattern]
    assert exact
    assert [pattern for pattern in exact if not pattern.endswith(r"$(?!\n)")] == []
    assert [pattern for pattern in patterns if "\\d" in pattern] == []


def test_the_table_names_every_schema_once_with_classes_that_exist() -> None:
    table = resources.read_text("schemas", "README.md")
    rows = re.findall(r"^\| `([a-z-]+\.schema\.json)` \| (.*?) \| (.*?) \| (.*?) \|$", table, re.MULTILINE)
    assert sorted(row[0] for row in rows) == sorted(NAMES)
    for _, _, python, _ in rows:
        for dotted in re.findall(r"`([a-z_.A-Z]+)`", python):
            exists(dotted)


def exists(dotted: str) -> None:
    """`statements.dataset.Dataset` is a class in a module of the package, or a module."""
    package = Path(resources.__file__).parent
    module, _, last = dotted.rpartition(".")
    if last[:1].isupper():
        source = package / (module.replace(".", "/") + ".py")
        assert re.search(rf"^class {last}\b", source.read_text(), re.MULTILINE), dotted
    else:
        base = package / dotted.replace(".", "/")
        assert base.with_suffix(".py").is_file() or base.is_dir(), dotted


@pytest.mark.parametrize(("name", "kind"), [
    ("dataset", "urn:open-provenance:dataset:v0.1"), ("release", "urn:open-provenance:release:v0.1"),
    ("reproduction", "urn:open-provenance:reproduction:v0.1"), ("step", "https://slsa.dev/provenance/v1"),
    ("model-signature", "https://model_signing/signature/v1.0"),
    ("verification-summary", "https://slsa.dev/verification_summary/v1"),
])
def test_the_golden_predicates_follow_their_schemas(name: str, kind: str) -> None:
    found = inspect_bundle(VECTORS / "bundles" / "valid" / f"{name}.ed25519.sigstore.json")
    assert found["statement"]["predicateType"] == kind
    follows(found["statement"]["predicate"], f"{name}.schema.json")
    assert f"`{kind}`" in resources.read_text("schemas", "README.md")


def test_a_digest_follows_its_schema(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "x\u202ey").write_text("x")  # with a warning
    tiny = VECTORS / "artifacts" / "tiny"
    for path in (tiny, tiny / "model.safetensors", tmp_path / "plain"):
        follows(json.loads(json.dumps(digest_document(digest(path)))), "digest.schema.json")


def test_an_inspection_follows_its_schema() -> None:
    found = [*(VECTORS / "bundles" / "valid").glob("*.json"), *(VECTORS / "evidence").iterdir(),
             *(VECTORS / "certificates" / "valid").glob("*.json")]
    inspected = [inspect_bundle(path) for path in sorted(found)
                 if not path.name.startswith("bad-") and ".expected." not in path.name]
    for document in inspected:
        follows(document, "inspection.schema.json")
    assert {document["kind"] for document in inspected} == {"Inspection", "Inspections"}


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Type a command in an empty folder and read what it prints as JSON."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROVENANCE_KEY_PASSPHRASE", "secret")

    def run(*arguments: str) -> Any:
        with pytest.raises(SystemExit):
            main([*arguments, "--format", "json"])
        return json.loads(capsys.readouterr().out)

    return run


def test_the_answers_of_commands_follow_their_definitions(typed: Any, tmp_path: Path) -> None:
    """One user's afternoon: every kind of short document is printed once, and validated."""
    tiny, text = str(VECTORS / "artifacts" / "tiny"), str(VECTORS / "artifacts" / "tales.jsonl")
    two = str(VECTORS / "bundles" / "invalid" / "signatures-two.sigstore.json")
    (tmp_path / "components.yaml").write_text(
        "name: tiny\nversion: '1'\nproducer: ACME\ncomponents: [{component: datasets, name: tales}]\n")
    answers = [
        typed("keygen", "acme.key"),
        typed("trust", "init", "trust.yaml"),
        typed("trust", "add", "trust.yaml", "--name", "acme", "--party", "ACME", "--role", "producer", "--public-key",
              "acme.key.pub", "--subject", "*", "--valid-until", "2030-01-01T00:00:00Z"),
        typed("trust", "show", "trust.yaml"),
        typed("trust", "add", "trust.yaml", "--name", "ci", "--party", "ACME", "--role", "gate", "--subject", "*",
              "--identity", "a@b.example", "--issuer", "https://issuer.example"),
        typed("sign", tiny, "--key", "acme.key", "--bundle", "model.sig"),
        typed("bundle", "verify", "model.sig", "--trust", "trust.yaml", "--model", tiny),
        typed("bundle", "verify", "model.sig", "--public-key", "acme.key.pub", "--model", "components.yaml"),
        typed("bundle", "verify", two, "--trust", "trust.yaml"),
        typed("bundle", "verify", str(VECTORS / "evidence" / "lines.intoto.jsonl"), "--trust", "trust.yaml"),
        typed("attest", "dataset", text, "--key", "acme.key", "--bundle", "d.sigstore.json"),
        typed("attest", "release", tiny, "--components", "components.yaml", "--key", "acme.key", "--bundle", "r.json"),
        typed("trust", "revoke", "trust.yaml", "--artifact", "sha256:" + "a" * 64),
        typed("trust", "lint", "trust.yaml"), typed("trust", "sign", "trust.yaml", "--key", "acme.key"),
        typed("store", "add", str(tmp_path), "model.sig", "d.sigstore.json"),
        typed("store", "find", str(tmp_path), "--model", tiny), typed("store", "made-from", str(tmp_path), text),
        typed("export", "in-toto", "--evidence", str(VECTORS / "bundles/valid/step.ed25519.sigstore.json"), "--trust",
              str(VECTORS / "bundles" / "trust.yaml"), "--key", "acme.key", "--output", "links"),
        typed("policy", "list"), typed("policy", "show", "osaid-1.0"), typed("policy", "lint", "osaid-1.0"),
        typed("policy", "explain", "osaid-1.0"), typed("policy", "diff", "osaid-1.0", "open-weights"),
        typed("policy", "test", "osaid-1.0"),
        typed("digest", "nowhere"), typed("policy", "show", "nothing"), typed("digest"),
    ]
    for answer in answers:
        follows(answer, "output.schema.json")
    kinds = {answer["kind"] for answer in answers}
    assert kinds == {rule["$ref"].rpartition("/")[2] for rule in schema("output.schema.json")["oneOf"]} - {"Recorded"}


def test_every_definition_of_an_answer_is_of_a_kind_that_some_command_prints() -> None:
    cli = Path(resources.__file__).parent / "cli"
    printed = set(re.findall(r'"kind": "([A-Za-z]+)"', "".join(path.read_text() for path in cli.glob("*.py"))))
    defined = {rule["$ref"].rpartition("/")[2] for rule in schema("output.schema.json")["oneOf"]}
    assert defined <= printed


def test_an_unknown_signer_and_a_refusal_are_told_by_one_document() -> None:
    """`bundle verify` prints what the Verifier says, whatever that is."""
    statuses = {Verifier(None, NOW).examine(path.read_bytes(), path.name).status
                for path in (VECTORS / "bundles" / "invalid").glob("*.sigstore.json")}
    assert statuses == {"INVALID", "UNSUPPORTED"}
