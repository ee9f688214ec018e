"""The golden bundles with timestamps get the answers that stand beside them."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from provenance import resources
from provenance.bundles.trust import Trust, read_trust
from provenance.bundles.verifier import Verifier
from provenance.errors import CODES

AS_OF = datetime(2026, 11, 23, 12, tzinfo=UTC)
FOLDER = resources._folder("attestations") / "vectors" / "timestamps"
CASES = sorted(FOLDER.glob("*/*.expected.json"))
pytest.importorskip("rfc3161_client")


@pytest.fixture(scope="module")
def trust() -> Trust:
    return read_trust(FOLDER / "trust.yaml", AS_OF)


def answer_of(path: Path) -> Any:
    return json.loads(path.read_bytes())


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.removesuffix(".expected.json"))
def test_a_bundle_gets_the_answer_that_stands_beside_it(path: Path, trust: Trust) -> None:
    beside = answer_of(path)
    data = path.with_name(beside["file"]).read_bytes()
    found = Verifier(trust, AS_OF).examine(data, beside["file"])
    signer = found.principal.name if found.principal else None
    assert (found.status, found.code, signer) == (beside["status"], beside["code"], beside["signer"]), found.reason
    assert (beside["code"] in CODES) == (beside["status"] != "VALID")
    assert (path.parent.name == "valid") == (beside["status"] == "VALID")


def test_a_time_is_proven_by_a_listed_clock_and_by_no_other(trust: Trust) -> None:
    for path in FOLDER.glob("valid/*.sigstore.json"):
        found = Verifier(trust, AS_OF).examine(path.read_bytes(), path.name)
        expected = None if "unknown-clock" in path.name else ("2025-06-01T00:00:00Z", "timestamp")
        assert found.proven == expected


@pytest.mark.parametrize("name", ["chain-expired", "key-window"])
def test_what_was_valid_by_its_time_is_not_without_it(name: str, trust: Trust) -> None:
    bundle = json.loads((FOLDER / "valid" / f"{name}.sigstore.json").read_bytes())
    assert Verifier(trust, AS_OF).examine(json.dumps(bundle).encode(), name).status == "VALID"
    del bundle["verificationMaterial"]["timestampVerificationData"]
    assert Verifier(trust, AS_OF).examine(json.dumps(bundle).encode(), name).status == "INVALID"


def test_there_are_enough_of_every_kind() -> None:
    counted = Counter(answer_of(path)["status"] for path in CASES)
    assert counted["VALID"] >= 6
    assert counted["INVALID"] >= 12
    assert len({answer_of(path)["rule"] for path in CASES}) == len(CASES)
