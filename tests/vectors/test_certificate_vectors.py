"""The golden bundles under certificates get the answers that stand beside them."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from provenance import resources
from provenance.bundles.trust import Trust, parse_trust
from provenance.bundles.verifier import Verifier
from provenance.errors import CODES

AS_OF = datetime(2026, 11, 23, 12, tzinfo=UTC)
FOLDER = resources._folder("attestations") / "vectors" / "certificates"
CASES = sorted(FOLDER.glob("*/*.expected.json"))


@pytest.fixture(scope="module")
def trust() -> Trust:
    return parse_trust((FOLDER / "trust.yaml").read_bytes(), "trust.yaml")


def answer_of(path: Path) -> Any:
    return json.loads(path.read_bytes())


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.removesuffix(".expected.json"))
def test_a_bundle_gets_the_answer_that_stands_beside_it(path: Path, trust: Trust) -> None:
    beside = answer_of(path)
    data = path.with_name(beside["file"]).read_bytes()
    found = Verifier(trust, AS_OF).examine(data, beside["file"])
    signer = found.principal.name if found.principal else None
    assert (found.status, found.code, signer) == (beside["status"], beside["code"], beside["signer"]), found.reason
    assert Verifier(None, AS_OF).examine(data, "x").status != "VALID"
    assert (beside["code"] in CODES) == (beside["status"] != "VALID")
    assert (path.parent.name == "valid") == (beside["status"] == "VALID")


def test_there_are_enough_of_every_kind() -> None:
    counted = Counter(answer_of(path)["status"] for path in CASES)
    assert counted["VALID"] >= 6
    assert counted["INVALID"] >= 18
    assert counted["UNSUPPORTED"] >= 6
    assert len({answer_of(path)["rule"] for path in CASES}) == len(CASES)
