"""Evidence that others write gets the answers that stand beside it, piece by piece."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from provenance import resources
from provenance.bundles.store import EvidenceFile, pieces
from provenance.bundles.trust import Trust, parse_trust
from provenance.bundles.verifier import Examined, Verifier
from provenance.errors import CODES

AS_OF = datetime(2026, 11, 23, 12, tzinfo=UTC)
FOLDER = "vectors/evidence/"
NAMES = [name.removeprefix(FOLDER) for name in resources.names("attestations")
         if name.startswith(FOLDER) and not name.endswith(".expected.json")]


def read(name: str) -> bytes:
    return resources.read_bytes("attestations", FOLDER + name)


def expected(name: str) -> Any:
    return json.loads(read(f"{name}.expected.json"))


def examined(name: str, trust: Trust | None) -> list[Examined]:
    verifier, files = Verifier(trust, AS_OF), pieces(name, read(name))
    return verifier.delegated([verifier.examine(file.data or b"", file.name) for file in files], files)


@pytest.fixture(scope="module")
def trust() -> Trust:
    return parse_trust(resources.read_bytes("attestations", "vectors/bundles/trust.yaml"), "trust.yaml")


@pytest.mark.parametrize("name", NAMES)
def test_a_file_gets_the_answers_that_stand_beside_it(name: str, trust: Trust) -> None:
    found = [{"name": item.file, "status": item.status, "code": item.code,
              "signer": item.principal.name if item.principal else None} for item in examined(name, trust)]
    assert found == expected(name)["pieces"], [item.reason for item in examined(name, trust)]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_believed_without_trust(name: str) -> None:
    for item in examined(name, None):
        assert item.status != "VALID"
        assert item.verified is None or item.verified.voice == "unsigned"
        assert 0 < len(item.reason) < 500
        assert item.code in CODES


@pytest.mark.parametrize("name", [name for name in NAMES for piece in expected(name)["pieces"]
                                  if (piece["status"], piece["code"]) in (("VALID", "schema-mismatch"),
                                                                          ("VALID", "statement-invalid"))])
def test_a_broken_predicate_of_others_is_signed_and_says_nothing(name: str, trust: Trust) -> None:
    (signed,), (unsigned,) = examined(name, trust), examined(name, None)
    assert signed.is_refused
    assert "evidence of nothing" in signed.reason
    assert signed.verified is None
    assert unsigned.verified is None
    assert (unsigned.status, unsigned.code) == ("UNSUPPORTED", "signature-unknown-signer")
    assert "evidence of nothing" in unsigned.reason


def test_there_are_enough_of_every_kind_and_each_says_its_rule() -> None:
    answers = [piece for name in NAMES for piece in expected(name)["pieces"]]
    assert sum(piece["status"] == "VALID" for piece in answers) >= 25
    assert sum(piece["status"] == "INVALID" for piece in answers) >= 40
    assert sum(piece["status"] == "VALID" and piece["code"] != "" for piece in answers) >= 10
    assert sum(piece["status"] == "UNSUPPORTED" for piece in answers) >= 8
    assert len({expected(name)["rule"] for name in NAMES}) >= 60


def test_a_layout_vouches_only_where_all_of_it_holds(trust: Trust) -> None:
    """Each link alone is a stranger's, and no link has more of a voice with the layout taken away."""
    for name in [name for name in NAMES if name.startswith("pipeline") and name.endswith(".jsonl")]:
        files = [file for file in pieces(name, read(name)) if b'"layout"' not in file.data]  # type: ignore[operator]
        verifier = Verifier(trust, AS_OF)
        alone = verifier.examine(files[-1].data or b"", files[-1].name)
        assert alone.status == "UNSUPPORTED"
        assert verifier.delegated([alone], [EvidenceFile(name, files[-1].data)]) == [alone]
