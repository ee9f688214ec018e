"""Real bundles of other projects: VALID under the identity that signed them, INVALID under any other.

They are read where they lie, beside the checkout; without them these tests are skipped.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from provenance.bundles.sigstore import CertificateIdentity, TrustRoot
from provenance.bundles.sigstore.pep740 import bundle_of
from provenance.errors import ProvenanceError
from tests.sigstore_instance.fixtures import check

VECTORS = Path(__file__).resolve().parents[2].parent / "shared" / "vectors"
IBM = CertificateIdentity("stefanb@us.ibm.com", "https://sigstore.verify.ibm.com/oauth2")
GENERATOR = CertificateIdentity("https://github.com/slsa-framework/slsa-github-generator/.github/workflows/"
                     "generator_generic_slsa3.yml@refs/tags/v2.1.0", "https://token.actions.githubusercontent.com")
WILLIAM = CertificateIdentity("william@yossarian.net", "https://github.com/login/oauth")
BUNDLES = {"oms-model-transparency/*-sigstore/model.sig": IBM, "slsa-verifier/gha_generic-v2.1.0/*.jsonl": GENERATOR}
FOUND = [(path, who) for pattern, who in BUNDLES.items() for path in sorted(VECTORS.glob(pattern))]
PYPI = sorted((VECTORS / "pypi-attestations").glob("rfc8785-*.whl.*"))


@pytest.mark.skipif(not FOUND, reason="the bundles are not here")
@pytest.mark.parametrize(("path", "who"), FOUND or [(VECTORS, IBM)],
                         ids=[f"{path.parent.name}/{path.name}" for path, _ in FOUND] or ["none"])
def test_a_production_bundle(path: Path, who: CertificateIdentity) -> None:
    root, data = TrustRoot.embedded(), path.read_bytes()
    result = check(data, root, signer=who)
    assert (result.status, result.confirmed) == ("VALID", True), result.reason
    assert result.signing_time is not None
    assert result.signing_time.source == "log"
    for other in (dataclasses.replace(who, identity="a@example.org"), dataclasses.replace(who, issuer="https://x")):
        assert check(data, root, signer=other).code == "identity-mismatch"
    assert check(data, TrustRoot.embedded("staging"), signer=who).status == "INVALID"


@pytest.mark.skipif(not PYPI, reason="the attestations are not here")
@pytest.mark.parametrize("path", PYPI or [VECTORS], ids=lambda path: path.suffix)
def test_an_attestation_of_pypi_is_valid_under_the_instance_that_signed_it(path: Path) -> None:
    data = path.read_bytes()
    data = data if path.suffix == ".sigstore" else bundle_of(data, path.name)
    result = check(data, TrustRoot.embedded("staging"), signer=WILLIAM)
    assert (result.status, result.confirmed) == ("VALID", True), result.reason
    assert check(data, TrustRoot.embedded(), signer=WILLIAM).status == "INVALID"


@pytest.mark.parametrize(("change", "code"), [
    ({"version": 2}, "bundle-media-type"), ({"more": 1}, "bundle-invalid"), ({"envelope": []}, "bundle-invalid"),
    ({"verification_material": {}}, "bundle-invalid"),
])
def test_what_is_no_attestation_is_refused(change: dict[str, object], code: str) -> None:
    good = {"version": 1, "verification_material": {"certificate": "", "transparency_entries": []},
            "envelope": {"statement": "", "signature": ""}}
    assert check(bundle_of(json.dumps(good).encode(), "x"), None).status == "INVALID"
    with pytest.raises(ProvenanceError) as refused:
        bundle_of(json.dumps(good | change).encode(), "x")
    assert refused.value.code == code
