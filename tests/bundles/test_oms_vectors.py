"""The golden models: what signing them gives, and how they compare with a signature, are the answers beside them."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from provenance import resources
from provenance.bundles.envelope import parse_bundle
from provenance.bundles.oms import serialization_for
from provenance.bundles.signers.key import load_signer
from provenance.errors import CODES, ProvenanceError
from provenance.workflows.sign import BundleCheck, sign_model, verify_bundle

AS_OF = datetime(2026, 11, 23, 12, tzinfo=UTC)
VECTORS = resources._folder("attestations") / "vectors"
SIGN = sorted(path.stem for path in (VECTORS / "oms" / "sign").glob("*.json"))
VERIFY = sorted(path.stem for path in (VECTORS / "oms" / "verify").glob("*.json"))


def case(name: str) -> Any:
    return json.loads((VECTORS / "oms" / f"{name}.json").read_text(encoding="utf-8"))


def model_of(document: Any, folder: Path) -> Path:
    """The model on disk."""
    root = folder / ("lone" if document["alone"] else document["name"])
    root.mkdir()
    for path, text in document["files"].items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    for path, target in document.get("links", {}).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(target)
    for name, text in document.get("hexFiles", {}).items():
        (root / os.fsdecode(bytes.fromhex(name))).write_text(text, encoding="utf-8")
    if len(list(root.iterdir())) < len({path.partition("/")[0] for path in document["files"]}):
        pytest.skip("this file system takes two of the names for one")
    (folder / "outside.json").write_text("{}\n", encoding="utf-8")
    return root / document["name"] if document["alone"] else root


def place_of(options: Any, model: Path, folder: Path) -> Path:
    """Where the bundle lies: inside the model where the case says so."""
    return model / options["bundle"] if "bundle" in options else folder / "signature.sig"


def sign(document: Any, folder: Path) -> Path:
    options, model = document["options"], model_of(document["model"], folder)
    chosen = serialization_for(options.get("method", "files"), options.get("hash", "sha256"),
                               shard_size=options.get("shardSize"), ignored=options.get("ignorePaths", ()))
    return sign_model(model, signer=lambda: load_signer(VECTORS / "keys" / "lab.pem", lambda: None),
                      bundle=place_of(options, model, folder), serialization=chosen).bundle


@pytest.mark.parametrize("name", SIGN)
def test_a_model_is_signed_as_stands_beside_it(name: str, tmp_path: Path) -> None:
    document = case(f"sign/{name}")
    expected = document["expected"]
    if "code" in expected:
        with pytest.raises(ProvenanceError) as caught:
            sign(document, tmp_path)
        assert caught.value.code == expected["code"]
        return
    bundle = sign(document, tmp_path)
    assert json.loads(parse_bundle(bundle.read_bytes(), name).payload) == expected["statement"]
    root = tmp_path / ("lone" if document["model"]["alone"] else "")
    check = verify_bundle(bundle, as_of=AS_OF, key=VECTORS / "keys" / "lab.pub.pem",
                          model=root / document["model"]["name"])
    assert check.verified, check.findings


def verify(document: Any, folder: Path) -> BundleCheck:
    options, model = document["options"], model_of(document["model"], folder)
    place = place_of(options, model, folder)
    place.write_text(json.dumps(document["bundle"]), encoding="utf-8")
    return verify_bundle(place, as_of=AS_OF, trust=VECTORS / "bundles" / "trust.yaml", model=model,
                         ignored=options.get("ignorePaths", ()), unsigned=options.get("ignoreUnsigned", False))


@pytest.mark.parametrize("name", VERIFY)
def test_a_model_is_judged_as_stands_beside_it(name: str, tmp_path: Path) -> None:
    document = case(f"verify/{name}")
    expected, check = document["expected"], verify(document, tmp_path)
    assert check.examined.status == expected["status"], check.examined.reason
    assert sorted([found.code, found.location] for found in check.findings if found.severity == "error") == \
        sorted(expected["findings"])
    assert check.verified == expected["verified"]
    assert check.coverage is not None
    coverage = check.coverage.to_dict()
    uncovered = [[row["code"], row["risk"], row["path"]] for row in coverage["uncovered"]]
    assert uncovered == expected["coverage"]["uncovered"]
    assert coverage["leftOut"] == expected["coverage"]["leftOut"]
    assert coverage["complete"] == expected["coverage"]["complete"]
    assert {row["code"] for row in coverage["uncovered"]} <= CODES.keys()


# The page's table of clauses

PAGE = (resources._folder("attestations") / "model-signature.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([0-9.]+) \| (.+?) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
# Every section of the specification that says MUST.
CLAUSES = {"4", "4.1", "4.2", "5.1", "5.2", "5.2.1", "5.2.2", "6.1", "6.1.1", "6.1.2", "6.2", "6.2.1", "6.3.1", "6.3.2",
           "6.4", "6.5", "6.5.1", "6.7", "7", "8.1", "8.2", "8.3", "8.4", "8.5", "11.1", "11.2"}


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def is_there(name: str) -> bool:
    """`sign/...` and `verify/...` below `oms`, `valid/...` and `invalid/...` below `bundles`; else where it says."""
    below = {"sign": "oms", "verify": "oms", "valid": "bundles", "invalid": "bundles"}
    place = VECTORS / below.get(name.partition("/")[0], "") / name
    return place.with_name(f"{place.name}.json").is_file() or place.with_name(f"{place.name}.sigstore.json").is_file()


def test_every_clause_of_the_specification_has_a_row() -> None:
    assert {clause for clause, *_ in ROWS} == CLAUSES


@pytest.mark.parametrize("row", ROWS, ids=[f"{clause} {rule[:40]}" for clause, rule, *_ in ROWS])
def test_a_clause_is_proven_by_what_it_takes_and_what_it_refuses(row: tuple[str, str, str, str]) -> None:
    _, rule, taken, refused = row
    assert named(taken), rule
    assert named(refused) or refused == "nothing to refuse", rule
    assert [name for name in named(taken) + named(refused) if not is_there(name)] == []
    for name in named(taken):
        assert is_taken(name), name
    for name in named(refused):
        assert not is_taken(name), name


def is_taken(name: str) -> bool:
    kind, _, rest = name.partition("/")
    if kind not in ("sign", "verify"):
        return "valid" in name.split("/")
    expected = case(f"{kind}/{rest}")["expected"]
    return "statement" in expected if kind == "sign" else bool(expected["verified"])


def test_every_model_is_named_in_the_table() -> None:
    known = {name for _, _, taken, refused in ROWS for name in named(taken) + named(refused)}
    assert {f"sign/{name}" for name in SIGN} | {f"verify/{name}" for name in VERIFY} <= known
