"""The golden bundles under certificates and under identities get the answers that stand beside them."""

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
VECTORS = resources._folder("attestations") / "vectors"
CASES = [path for kind in ("certificates", "sigstore") for path in sorted((VECTORS / kind).glob("*/*.expected.json"))]


@pytest.fixture(scope="module")
def trusts() -> dict[str, Trust]:
    """The trust file of each folder, by the name of the folder."""
    return {kind: read_trust(VECTORS / kind / "trust.yaml", AS_OF) for kind in ("certificates", "sigstore")}


def answer_of(path: Path) -> Any:
    return json.loads(path.read_bytes())


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parts[-3]} {path.name.removesuffix('.expected.json')}")
def test_a_bundle_gets_the_answer_that_stands_beside_it(path: Path, trusts: dict[str, Trust]) -> None:
    beside = answer_of(path)
    data = path.with_name(beside["file"]).read_bytes()
    found = Verifier(trusts[path.parts[-3]], AS_OF).examine(data, beside["file"])
    signer = found.principal.name if found.principal else None
    assert (found.status, found.code, signer) == (beside["status"], beside["code"], beside["signer"]), found.reason
    assert Verifier(None, AS_OF).examine(data, "x").status != "VALID"
    assert (beside["code"] in CODES) == (beside["status"] != "VALID")
    assert (path.parent.name == "valid") == (beside["status"] == "VALID")


@pytest.mark.parametrize(("kind", "least"), [("certificates", (6, 18, 6)), ("sigstore", (6, 15, 3))])
def test_there_are_enough_of_every_kind(kind: str, least: tuple[int, int, int]) -> None:
    answers = [answer_of(path) for path in CASES if path.parts[-3] == kind]
    counted = Counter(answer["status"] for answer in answers)
    assert all(counted[status] >= few for status, few in zip(("VALID", "INVALID", "UNSUPPORTED"), least, strict=True))
    assert len({answer["rule"] for answer in answers}) == len(answers)


# Kinds of log entry for envelopes that sigstore-python does not read.
NOT_ITS_KINDS = {"log-v1-digest", "log-v2"}


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", sorted((VECTORS / "sigstore").glob("*/*.sigstore.json")),
                         ids=lambda path: path.name.removesuffix(".sigstore.json"))
def test_sigstore_python_says_the_same(path: Path) -> None:
    from sigstore.errors import Error, VerificationError
    from sigstore.models import Bundle, TrustedRoot
    from sigstore.verify import Verifier as Theirs
    from sigstore.verify import policy

    theirs = Theirs(trusted_root=TrustedRoot.from_file(str(VECTORS / "sigstore" / "trusted_root.json")))
    who = policy.Identity(identity="https://ci.example/train.yml@refs/heads/main", issuer="https://sigstore.example")
    try:
        theirs.verify_dsse(Bundle.from_json(path.read_text()), who)
        said = "valid"
    except VerificationError as err:
        said = "not its kind" if "Unsupported DSSE log entry type" in str(err) else "invalid"
    except Error:
        said = "invalid"
    name = path.name.removesuffix(".sigstore.json")
    assert said == ("not its kind" if name in NOT_ITS_KINDS else path.parent.name)
