"""The golden vectors are what their generator makes, and this tool gives the answers that stand beside them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from provenance import resources
from provenance.artifacts.hashing import FILES
from provenance.artifacts.manifest import scan
from provenance.bundles.envelope import parse_bundle
from provenance.bundles.oms import ModelSignature, compare_with
from provenance.bundles.trust import Trust, TrustSource, parse_trust, read_trust
from provenance.bundles.verifier import Verifier
from provenance.errors import CODES, ProvenanceError
from provenance.statements.artifact import describe, described, differences, is_same

AS_OF = datetime(2026, 11, 23, 12, tzinfo=UTC)
BUNDLES = "vectors/bundles/"
EXPECTED = [name.removeprefix(BUNDLES) for name in resources.names("attestations")
            if name.startswith((BUNDLES + "valid/", BUNDLES + "invalid/")) and name.endswith(".expected.json")]
TOGETHER = [name.removeprefix(BUNDLES) for name in resources.names("attestations")
            if name.startswith(BUNDLES + "together/") and name.endswith(".expected.json")]
TRUST_FILES = [name for name in resources.names("attestations")
               if name.startswith(("vectors/trust/valid/", "vectors/trust/invalid/"))
               and name.endswith(".expected.json")]
SIGNED_TRUST = [name for name in resources.names("attestations")
                if name.startswith("vectors/trust/signed/") and name.endswith(".expected.json")]
ARTIFACTS = resources._folder("attestations") / "vectors" / "artifacts"


def read(name: str) -> bytes:
    return resources.read_bytes("attestations", BUNDLES + name)


def expected(name: str) -> Any:
    return json.loads(read(name))


@pytest.fixture(scope="module")
def trust() -> Trust:
    return parse_trust(read("trust.yaml"), "trust.yaml")


def test_the_vectors_are_what_the_generator_makes() -> None:
    """Byte for byte, signatures included: it imports nothing of `provenance`, and its keys are stored."""
    script = Path(__file__).parent / "generate.py"
    ran = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_the_generator_and_the_package_are_two_implementations() -> None:
    sources = [path for path in Path(__file__).parent.glob("*.py") if not path.name.startswith("test_")]
    assert len(sources) > 8
    assert [path.name for path in sources if re.search(r"^\s*(from|import) provenance", path.read_text(), re.M)] == []


def test_there_are_enough_of_every_kind() -> None:
    counted = Counter(expected(name)["status"] for name in EXPECTED)
    assert counted["VALID"] >= 24
    assert counted["INVALID"] >= 120
    assert counted["UNSUPPORTED"] >= 15


def test_each_predicate_is_signed_by_both_kinds_of_key() -> None:
    kinds = {Path(name).name.removesuffix(".expected.json") for name in EXPECTED if name.startswith("valid/")}
    predicates = ("dataset", "step", "release", "reproduction", "assessment", "waiver",
                  "model-signature", "verification-summary")
    assert {f"{predicate}.{key}" for predicate in predicates for key in ("ed25519", "ecdsa-p256")} <= kinds


def test_every_expectation_has_its_file_and_a_known_code() -> None:
    for name in EXPECTED:
        beside = expected(name)
        assert read(name.rpartition("/")[0] + "/" + beside["file"])
        assert (beside["code"] in CODES) == (beside["status"] != "VALID")
        assert name.startswith("valid/") == (beside["status"] == "VALID")
    assert len({json.dumps(expected(name)["rule"]) for name in EXPECTED}) > 80


@pytest.mark.parametrize("name", EXPECTED)
def test_a_bundle_gets_the_answer_that_stands_beside_it(name: str, trust: Trust) -> None:
    beside = expected(name)
    found = Verifier(trust, AS_OF).examine(read(f"{name.rpartition('/')[0]}/{beside['file']}"), beside["file"])
    signer = found.principal.name if found.principal else None
    assert (found.status, found.code, signer) == (beside["status"], beside["code"], beside["signer"]), found.reason
    if found.status != "VALID":
        assert found.verified is None or found.verified.voice == "unsigned"
        assert found.reason
        assert len(found.reason) < 500


@pytest.mark.parametrize("name", TOGETHER)
def test_bundles_that_are_shown_together_get_the_answers_that_stand_beside_them(name: str, trust: Trust) -> None:
    rows = expected(name)["bundles"]
    shown = [(row["file"], read(f"together/{row['file']}")) for row in rows]
    for order in (shown, shown[::-1]):
        found = {item.file: item for item in Verifier(trust, AS_OF).examine_all(order)}
        for row in rows:
            item = found[row["file"]]
            assert (item.status, item.code) == (row["status"], row["code"]), item.reason
            voice = "trusted" if row["status"] == "VALID" else "unsigned"
            assert item.verified is None or item.verified.voice == voice


@pytest.mark.parametrize("name", TRUST_FILES)
def test_a_trust_file_gets_the_answer_that_stands_beside_it(name: str) -> None:
    beside = json.loads(resources.read_bytes("attestations", name))
    path = resources._folder("attestations") / name.rpartition("/")[0] / beside["file"]
    assert ("/valid/" in name) == (beside["code"] == "")
    if not beside["code"]:
        assert read_trust(path, AS_OF).digest == beside["sha256"]
        return
    with pytest.raises(ProvenanceError) as caught:
        read_trust(path, AS_OF)
    assert caught.value.code == beside["code"], caught.value.message
    assert "PRIVATE" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("name", SIGNED_TRUST)
def test_a_signed_trust_file_gets_the_answer_that_stands_beside_it(name: str) -> None:
    beside = json.loads(resources.read_bytes("attestations", name))
    folder = resources._folder("attestations") / "vectors"
    source = TrustSource(folder / "trust" / "signed" / beside["file"], key=folder / "keys" / f"{beside['key']}.pub.pem")
    if not beside["code"]:
        assert read_trust(source, AS_OF).version == 3
        return
    with pytest.raises(ProvenanceError) as caught:
        read_trust(source, AS_OF)
    assert caught.value.code == beside["code"]


def test_there_is_a_trust_file_for_every_rule() -> None:
    rules = [json.loads(resources.read_bytes("attestations", name))["rule"] for name in TRUST_FILES]
    assert len(rules) >= 40


@pytest.mark.parametrize("name", [name for name in EXPECTED if name.startswith("invalid/")])
def test_a_flawed_bundle_is_never_valid_without_trust_either(name: str) -> None:
    found = Verifier(None, AS_OF).examine(read(f"invalid/{expected(name)['file']}"), "x")
    assert found.status != "VALID"


def subjects_of(name: str) -> Any:
    payload = parse_bundle(read(f"valid/{name}.ed25519.sigstore.json"), name).payload
    return json.loads(payload)["subject"]


@pytest.mark.parametrize("name", ["step", "release", "reproduction"])
def test_the_signed_statements_speak_of_the_model_beside_them(name: str) -> None:
    manifest = scan(ARTIFACTS / "tiny").require_sound()
    assert subjects_of(name) == [item.to_dict() for item in describe(manifest)]


def test_the_signed_dataset_is_the_text_beside_it() -> None:
    text = scan(ARTIFACTS / "tales.jsonl", wanted=FILES)
    assert subjects_of("dataset") == [item.to_dict() for item in describe(text)]


def test_the_model_signature_fits_the_model_beside_it(trust: Trust) -> None:
    found = Verifier(trust, AS_OF).examine(read("valid/model-signature.ed25519.sigstore.json"), "model.sig")
    assert found.verified is not None
    assert isinstance(found.verified.claim, ModelSignature)
    assert compare_with(found.verified.claim, scan(ARTIFACTS / "tiny")) == []


def test_a_verified_step_is_joined_to_the_model_beside_it(trust: Trust) -> None:
    found = Verifier(trust, AS_OF).examine(read("valid/step.ecdsa-p256.sigstore.json"), "x")
    assert found.verified is not None
    manifest = scan(ARTIFACTS / "tiny")
    (thing,) = described(found.verified.statement.subjects)
    assert is_same(thing, manifest)
    assert differences(thing, manifest) == []


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_the_reference_implementation_of_oms_accepts_the_model_signature() -> None:
    verifying = pytest.importorskip("model_signing.verifying", exc_type=ImportError)
    keys, bundles = ARTIFACTS.parent / "keys", ARTIFACTS.parent / "bundles" / "valid"
    config = verifying.Config().use_elliptic_key_verifier(public_key=keys / "works.pub.pem")
    config.verify(ARTIFACTS / "tiny", bundles / "model-signature.ecdsa-p256.sigstore.json")


@pytest.mark.peers
def test_in_totos_implementation_of_dsse_accepts_every_valid_envelope(trust: Trust) -> None:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey

    keys = [SSlibKey(key.keyid, key.keytype, key.scheme, dict(key.keyval))
            for principal in trust.principals for key in principal.keys]
    # It takes a keyid for more than a hint, and only one alphabet of base64.
    left_out = {"base64-url", "hint-absent", "hint-misleading", "hint-unknown", "model-signature-keyid-absent",
                "model-signature-keyid-empty", "model-signature-keyid-null", "model-signature-raw-bytes",
                "model-signature-release-0.2.0"}
    for name in EXPECTED:
        beside = expected(name)
        if beside["status"] == "VALID" and beside["file"].removesuffix(".sigstore.json") not in left_out:
            envelope = json.loads(read(f"valid/{beside['file']}"))["dsseEnvelope"]
            assert Envelope.from_dict(envelope).verify(keys, 1)
