"""OMS bundles of past releases of the reference implementation, and the specification's own vectors and schemas."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from provenance.artifacts.manifest import scan
from provenance.bundles.envelope import Envelope
from provenance.bundles.oms import is_signed_as_by_release_0_2, judge, read_signature, serialization_for
from provenance.statements.statement import Statement
from provenance.workflows.sign import BundleCheck, sign_model, verify_bundle

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SHARED = Path(__file__).resolve().parents[3] / "shared" / "vectors"
OMS, SPEC = SHARED / "oms-model-transparency", SHARED / "oms-spec"
KEY = OMS / "keys" / "certificate" / "signing-key-pub.pem"
WHO = {"identity": "stefanb@us.ibm.com", "issuer": "https://sigstore.verify.ibm.com/oauth2"}

pytestmark = pytest.mark.skipif(not (OMS.is_dir() and SPEC.is_dir()), reason="the vectors of OMS are not here")


def folders(kind: str) -> list[str]:
    return sorted(path.name for path in OMS.glob(f"v*-{kind}")) if OMS.is_dir() else []


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[str], Path]:
    """A folder of the vectors that may be changed."""

    def copy(name: str) -> Path:
        shutil.copytree(OMS / name, tmp_path / name)
        for path in (tmp_path / name, *(tmp_path / name).iterdir()):
            path.chmod(0o755)
        return tmp_path / name

    return copy


def trusting(tmp_path: Path, **who: str) -> Path:
    """A trust file that lets one identity of the production instance say everything."""
    entry = {"name": "signer", "party": "Signer", "roles": ["producer"], "identities": [WHO | who],
             "predicateTypes": ["*"], "subjects": {"names": ["*"]}}
    document = {"apiVersion": "open-provenance/v0.1", "kind": "Trust", "version": 1, "expires": "2036-01-01T00:00:00Z",
                "principals": [entry]}
    (tmp_path / "trust.yaml").write_text(json.dumps(document), encoding="utf-8")
    return tmp_path / "trust.yaml"


def check(place: Path, **how: Any) -> BundleCheck:
    """By what each README says: `ignore-me` is not signed; the first releases signed one file by key."""
    lone = place.name in ("v0.3.1-elliptic-key", "v1.0.0-elliptic-key")
    model = place / "signme-1" if lone else place
    return verify_bundle(place / "model.sig", as_of=NOW, model=model, ignored=["ignore-me"], **how)


def codes(found: BundleCheck) -> list[tuple[str, str]]:
    return sorted((finding.code, finding.location) for finding in found.findings)


@pytest.mark.parametrize("name", folders("elliptic-key"))
def test_a_release_that_signed_by_key_is_read(name: str, copied: Callable[[str], Path], holder: Any) -> None:
    place = copied(name)
    found = check(place, key=KEY)
    assert found.verified, (found.examined.reason, found.findings)
    (place / "signme-1").write_bytes(b"other")
    assert codes(check(place, key=KEY)) == [("file-mismatch", "signme-1")]
    other = place.parent / "other.pub"
    other.write_bytes(holder("other", "ecdsa-p256").public)
    assert not check(place, key=other).verified


def test_only_what_a_release_says_that_it_left_out_may_be_there() -> None:
    """v1.1.0 says it, v1.0.1 does not; coverage names the file all the same."""
    for version, findings, code in (("v1.0.1", [("file-not-covered", "ignore-me")], "file-not-covered"),
                                    ("v1.1.0", [], "file-ignored")):
        place = OMS / f"{version}-elliptic-key"
        found = verify_bundle(place / "model.sig", as_of=NOW, key=KEY, model=place)
        assert codes(found) == findings
        assert found.coverage is not None
        assert [(row.code, row.path) for row in found.coverage.uncovered] == [(code, "ignore-me")]


@pytest.mark.parametrize("name", folders("sigstore"))
def test_a_release_that_signed_with_the_production_instance_is_read_offline(
    name: str, copied: Callable[[str], Path], tmp_path: Path
) -> None:
    pytest.importorskip("sigstore")
    place, trust = copied(name), trusting(tmp_path)
    found = check(place, trust=trust)
    assert found.verified, (found.examined.reason, found.findings)
    (place / "signme-2").unlink()
    (place / "run.py").write_bytes(b"")
    assert codes(check(place, trust=trust)) == [("file-missing", "signme-2"), ("file-not-covered", "run.py")]
    for other in ({"identity": "stefanb@us.ibm.co"}, {"issuer": "https://accounts.google.com"}):
        assert check(place, trust=trusting(tmp_path, **other)).examined.status != "VALID"


@pytest.mark.parametrize("name", folders("certificate"))
def test_what_a_release_signed_by_certificate_is_read(name: str) -> None:
    """Whether the certificate is to be believed is another question: here its key is."""
    bundle = json.loads((OMS / name / "model.sig").read_bytes())
    chain = bundle["verificationMaterial"]["x509CertificateChain"]["certificates"]
    key = x509.load_der_x509_certificate(base64.b64decode(chain[0]["rawBytes"])).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"])
    signature = base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"])
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    envelope = Envelope(payload, bundle["dsseEnvelope"]["payloadType"], signature, "")
    old = name.startswith("v0.2.0")
    assert is_signed_as_by_release_0_2(payload, signature, pem) == old
    assert not is_signed_as_by_release_0_2(payload + b" ", signature, pem)
    assert is_signed(key, envelope) != old
    signed = read_signature(Statement.from_bytes(payload, name), name)
    manifest = scan(OMS / name, exclude={"model.sig", "ignore-me"})
    assert judge(signed, manifest) == []
    assert [found.location for found in judge(signed, scan(OMS / name, exclude={"model.sig", "ignore-me", "signme-2"}))
            ] == ["signme-2"]


def is_signed(key: ec.EllipticCurvePublicKey, envelope: Envelope) -> bool:
    strength = hashes.SHA384() if key.key_size == 384 else hashes.SHA256()
    try:
        key.verify(envelope.signature, envelope.pae, ec.ECDSA(strength))
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize("name", folders("certificate") + folders("sigstore"))
def test_what_is_not_signed_by_key_is_never_valid_by_key(name: str) -> None:
    assert verify_bundle(OMS / name / "model.sig", as_of=NOW, key=KEY).examined.status in ("UNSUPPORTED", "INVALID")


# The specification's own


def bundles(folder: str) -> list[Path]:
    return sorted((SPEC / "test-vectors" / "v1.0" / folder).glob("*.bundle.json"))


def test_the_valid_vectors_of_the_specification_are_valid(tmp_path: Path) -> None:
    pytest.importorskip("sigstore")
    known = {path.name.partition(".")[0]: path for path in bundles("valid")}
    assert verify_bundle(known.pop("key"), as_of=NOW, key=KEY).verified
    assert verify_bundle(known.pop("sigstore"), as_of=NOW, trust=trusting(tmp_path)).verified
    assert known.keys() == {"certificate"}


@pytest.mark.parametrize("path", bundles("invalid"), ids=lambda path: path.name)
def test_the_invalid_vectors_of_the_specification_are_invalid(path: Path, tmp_path: Path) -> None:
    pytest.importorskip("sigstore")
    assert verify_bundle(path, as_of=NOW, trust=trusting(tmp_path)).examined.status == "INVALID"
    assert verify_bundle(path, as_of=NOW, key=KEY).examined.status != "VALID"


@pytest.mark.parametrize("path", bundles("invalid-payload"), ids=lambda path: path.name)
def test_another_predicate_is_no_model_signature(path: Path) -> None:
    assert verify_bundle(path, as_of=NOW, key=KEY).examined.status != "VALID"


@pytest.mark.parametrize("method", ["files", "shards"])
@pytest.mark.parametrize("name", ["sha256", "blake2b", "blake3"])
def test_what_we_sign_follows_the_schemas_of_the_specification(method: Any, name: Any, tmp_path: Path,
                                                               holder: Any) -> None:
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    schemas = [json.loads(path.read_bytes()) for path in sorted((SPEC / "schemas" / "v1.0").glob("*.json"))]
    known: Any = Registry().with_resources((schema["$id"], Resource.from_contents(schema)) for schema in schemas)
    bundle = sign_model(KEY.parent, signer=lambda: holder("lab").signer, bundle=tmp_path / "model.sig",
                        serialization=serialization_for(method, name)).bundle
    document = json.loads(bundle.read_bytes())
    statement = json.loads(base64.b64decode(document["dsseEnvelope"]["payload"]))
    for schema, value in (("bundle", document), ("statement", statement), ("predicate", statement["predicate"])):
        reference = {"$ref": f"https://model_signing/{schema}/v1.0/schema"}
        Draft202012Validator(reference, registry=known).validate(value)
