"""Recorded steps as in-toto links: in-toto's own verifier accepts them under a layout, and so do we."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provenance.bundles.envelope import sign
from provenance.bundles.keys import in_toto_name
from provenance.bundles.signers.key import signing_key
from provenance.bundles.store import read_evidence
from provenance.bundles.trust import read_trust
from provenance.bundles.verifier import Verifier
from provenance.bundles.writing import sign_envelope, sign_metablock
from provenance.errors import ProvenanceError
from provenance.statements.intoto import LAYOUT
from provenance.statements.reader import to_json
from provenance.statements.step import OTHER, Step
from provenance.workflows.export import FORMS, Exported, export_links
from provenance.workflows.verify import verify
from tests.workflows.conftest import NOW

ALLOWED = ["corpus/*", "train.py"]


def key_of(pipeline: Any, name: str = "acme") -> Any:
    return signing_key((pipeline.root / f"{name}.pub").read_bytes(), name)


def export(pipeline: Any, form: Any = "metablock", *, key: str = "acme") -> list[Exported]:
    return export_links([pipeline.bundle.parent], pipeline.trust, pipeline.root / "links", signer=pipeline.signer(key),
                        as_of=NOW, form=form)


def layout(pipeline: Any, *functionaries: str, **changes: Any) -> dict[str, Any]:
    """A layout of the training step, as in-toto writes it."""
    keys = {}
    for name in functionaries or ("acme",):
        key = key_of(pipeline, name)
        known = in_toto_name(key)
        keys[known] = {"keyid": known, "keytype": key.keytype, "scheme": key.scheme, "keyval": dict(key.keyval)}
    step = {"_type": "step", "name": "train", "threshold": 1, "pubkeys": sorted(keys), "expected_command": [],
            "expected_materials": [*(["ALLOW", path] for path in ALLOWED), ["DISALLOW", "*"]],
            "expected_products": [["CREATE", "model/*"], ["DISALLOW", "*"]]}
    return {"_type": "layout", "expires": "2099-01-01T00:00:00Z", "readme": "", "keys": keys, "steps": [step | changes],
            "inspect": []}


@pytest.mark.parametrize("form", ["metablock", "envelope"])
def test_in_totos_own_verifier_accepts_an_exported_pipeline(pipeline: Any, form: str) -> None:
    from in_toto.exceptions import RuleVerificationError, ThresholdVerificationError
    from in_toto.models.layout import Layout
    from in_toto.models.metadata import Metablock
    from in_toto.verifylib import in_toto_verify

    pipeline.record()
    (link,) = export(pipeline, form)
    assert link.file.name == f"train.{in_toto_name(key_of(pipeline))[:8]}.link"
    metadata = Metablock(signed=Layout.read(layout(pipeline)))
    metadata.create_signature(pipeline.signer()())
    owner = {**key_of(pipeline).to_dict(), "keyid": key_of(pipeline).keyid}
    in_toto_verify(metadata, {owner["keyid"]: owner}, link_dir_path=str(link.file.parent))

    strict = Metablock(signed=Layout.read(layout(pipeline, expected_products=[["DISALLOW", "model/config.json"]])))
    strict.create_signature(pipeline.signer()())
    with pytest.raises(RuleVerificationError):
        in_toto_verify(strict, {owner["keyid"]: owner}, link_dir_path=str(link.file.parent))
    altered = link.file.read_bytes().replace(b"train.py", b"drain.py") if form == "metablock" else \
        link.file.read_bytes().replace(b'"payload":"e', b'"payload":"f')
    link.file.write_bytes(altered)
    with pytest.raises((ThresholdVerificationError, ValueError)):
        in_toto_verify(metadata, {owner["keyid"]: owner}, link_dir_path=str(link.file.parent))


@pytest.mark.parametrize("form", FORMS)
def test_an_exported_link_is_read_again_as_a_step_with_the_same_files(pipeline: Any, form: Any) -> None:
    pipeline.record()
    (link,) = export(pipeline, form)
    (file,) = read_evidence(link.file)
    found = Verifier(read_trust(pipeline.trust, NOW), NOW).examine(file.data or b"", file.name)
    assert found.status == "VALID", found.reason
    assert found.verified is not None
    step, recorded = found.verified.claim, pipeline.step()
    assert isinstance(step, Step)
    assert (step.name, step.kind, step.command) == ("train", OTHER, recorded.command)
    assert {item.name for item in step.inputs} >= {"corpus/text.txt", "train.py"}
    files = {item.name: item.digest["sha256"] for item in recorded.outputs if item.name.startswith("model/")}
    assert {item.name: item.digest["sha256"] for item in step.outputs if "sha256" in item.digest} == files
    assert (link.materials, link.products) == (len(step.inputs), len(files))
    whole = next(item for item in recorded.outputs if "dirHash" in item.digest)
    assert {"dirHash": whole.digest["dirHash"]} in [dict(item.digest) for item in step.outputs]


def test_only_what_a_trusted_signer_says_is_said_again(pipeline: Any) -> None:
    pipeline.add("eve", trusted=False)
    pipeline.record(key="eve")
    with pytest.raises(ProvenanceError) as refused:
        export(pipeline)
    assert refused.value.code == "evidence-none"
    assert not (pipeline.root / "links").exists()


def test_two_steps_of_one_name_are_not_one_link(pipeline: Any) -> None:
    pipeline.record()
    pipeline.record(outputs=(Path("model"),), bundle=pipeline.bundle.with_name("again.sigstore.json"))
    with pytest.raises(ProvenanceError) as refused:
        export(pipeline)
    assert refused.value.code == "step-ambiguous"


def test_a_step_whose_name_would_leave_the_folder_is_refused(pipeline: Any) -> None:
    pipeline.record()
    named = replace(pipeline.step(), name="../train")
    pipeline.bundle.write_bytes(sign(named.to_statement().to_bytes(), pipeline.signer()()))
    with pytest.raises(ProvenanceError) as refused:
        export(pipeline)
    assert refused.value.code == "export-incomplete"


def test_a_folder_without_its_files_is_refused(pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provenance.workflows.record._MOST_PARTS", 0)
    pipeline.record()
    with pytest.raises(ProvenanceError) as refused:
        export(pipeline)
    assert refused.value.code == "export-incomplete"


@pytest.fixture
def by_layout(pipeline: Any) -> Path:
    """Evidence of a pipeline in which nobody signs a statement: a layout by acme, a link by its functionary bob."""
    pipeline.record()
    pipeline.add("bob", trusted=False)
    export(pipeline, key="bob")
    folder: Path = pipeline.root / "links"
    (folder / "root.layout").write_bytes(sign_metablock(layout(pipeline, "bob"), pipeline.signer()()))
    return folder


def verdict(pipeline: Any, folder: Path) -> Any:
    found = verify(pipeline.model, "g7-2026-open-weights", evidence=[folder], trust=pipeline.trust, as_of=NOW, now=NOW)
    return json.loads(json.dumps(found.document))


def test_a_layout_makes_the_links_of_its_functionaries_steps_of_the_lineage(pipeline: Any, by_layout: Path) -> None:
    document = verdict(pipeline, by_layout)
    rows = {row["file"].split(".")[0]: row for row in document["evidence"]}
    assert (rows["root"]["status"], rows["root"]["code"]) == ("VALID", ""), rows["root"]
    assert "0 inspections were not run" in rows["root"]["reason"]
    assert (rows["train"]["status"], rows["train"]["voice"]) == ("VALID", "trusted"), rows["train"]
    assert rows["train"]["signers"][0]["principal"] == "acme"
    nodes = {(node["kind"], node["label"]): node for node in document["lineage"]["nodes"]}
    assert nodes["step", "train"]["state"] == "shown"
    assert ("file", "train.py") in nodes
    edge = next(edge for edge in document["lineage"]["edges"] if edge["role"] == "output")
    assert edge["strength"] == "name-bound"


def test_without_its_layout_the_same_link_is_nobodys(pipeline: Any, by_layout: Path) -> None:
    (by_layout / "root.layout").unlink()
    (row,) = verdict(pipeline, by_layout)["evidence"]
    assert (row["status"], row["code"], row["voice"]) == ("UNSUPPORTED", "signature-unknown-signer", "unsigned")


def test_no_inspection_is_run_and_no_file_is_looked_for(
    pipeline: Any, by_layout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """in-toto's verifier would run this command, in this folder, with the rights of whoever verifies."""
    (pipeline.root / "elsewhere").mkdir()
    monkeypatch.chdir(pipeline.root / "elsewhere")
    inspection = {"_type": "inspection", "name": "look", "run": ["touch", "ran"], "expected_materials": [],
                  "expected_products": []}
    made = sign_envelope(to_json(layout(pipeline, "bob") | {"inspect": [inspection]}), pipeline.signer()())
    (by_layout / "root.layout").write_bytes(made)
    rows = verdict(pipeline, by_layout)["evidence"]
    assert [row["status"] for row in rows] == ["VALID", "VALID"]
    assert "1 inspections were not run" in rows[0]["reason"]
    assert list((pipeline.root / "elsewhere").iterdir()) == []


def test_one_functionary_with_two_different_links_meets_nothing(pipeline: Any, by_layout: Path) -> None:
    link = next(by_layout.glob("train.*.link"))
    other = json.loads(link.read_bytes())["signed"]
    other["products"] = {"model/other": other["products"]["model/config.json"]}
    (by_layout / "second.link").write_bytes(sign_metablock(other, pipeline.signer("bob")()))
    rows = {row["file"]: row for row in verdict(pipeline, by_layout)["evidence"]}
    assert rows["root.layout"]["code"] == "layout-not-met"
    assert rows[link.name]["status"] == rows["second.link"]["status"] == "UNSUPPORTED"


@pytest.mark.parametrize("kind", ["rsa", "p384"])
def test_a_functionary_may_have_any_key_that_in_toto_knows(pipeline: Any, by_layout: Path, kind: str) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from securesystemslib.signer import CryptoSigner

    signer = CryptoSigner(rsa.generate_private_key(65537, 2048) if kind == "rsa"
                          else ec.generate_private_key(ec.SECP384R1()))
    link = next(by_layout.glob("train.*.link"))
    link.write_bytes(sign_metablock(json.loads(link.read_bytes())["signed"], signer))
    key = signer.public_key
    pipe = layout(pipeline, "bob", pubkeys=[key.keyid])
    pipe["keys"] = {key.keyid: {**key.to_dict(), "keyid": key.keyid}}
    (by_layout / "root.layout").write_bytes(sign_metablock(pipe, pipeline.signer()()))
    rows = verdict(pipeline, by_layout)["evidence"]
    assert [(row["status"], row["code"]) for row in rows] == [("VALID", "")] * 2, rows


def test_a_broken_copy_of_a_link_spoils_nothing(pipeline: Any, by_layout: Path) -> None:
    link = json.loads(next(by_layout.glob("train.*.link")).read_bytes())
    known = link["signatures"][0]["keyid"]
    for number, signature in enumerate(({"keyid": known, "sig": "00"}, {"keyid": known, "sig": "00" * 64})):
        (by_layout / f"copy{number}.link").write_text(json.dumps({**link, "signatures": [signature]}))
    gnupg = {"keyid": known, "signature": "00", "other_headers": "00"}
    (by_layout / "copy9.link").write_text(json.dumps({**link, "signatures": [gnupg, {"keyid": known, "sig": "00"}]}))
    rows = {row["file"]: row["status"] for row in verdict(pipeline, by_layout)["evidence"]}
    assert rows.pop("root.layout") == "VALID"
    assert sorted(rows.values()) == ["UNSUPPORTED"] * 3 + ["VALID"]


def test_a_layout_that_would_keep_the_verifier_busy_is_not_held(
    pipeline: Any, by_layout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provenance.bundles.layouts._MAX_WORK", 9)
    rows = {row["file"]: row for row in verdict(pipeline, by_layout)["evidence"]}
    assert rows["root.layout"]["code"] == "layout-not-met"
    assert "too many rules" in rows["root.layout"]["reason"]


def test_an_owner_lends_only_what_it_may_say(pipeline: Any, by_layout: Path) -> None:
    """The trust file lets it speak of layouts, and not of the model."""
    narrowed, count = re.subn(r"(predicateTypes:\s+- ).*", rf"\1{LAYOUT}", pipeline.trust.read_text())
    assert count == 1
    pipeline.trust.write_text(narrowed)
    rows = {row["file"].split(".")[0]: row for row in verdict(pipeline, by_layout)["evidence"]}
    assert (rows["root"]["status"], rows["root"]["code"]) == ("VALID", "")
    assert rows["train"]["status"] == "UNSUPPORTED"
    assert "may not speak of it" in rows["train"]["reason"]
