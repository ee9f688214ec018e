"""Keyless signing against an instance on loopback, and whether sigstore-python and we accept each other's bundles."""

from __future__ import annotations

import json
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from provenance.bundles.sigstore import CertificateIdentity, SignedFile, sign_dsse
from provenance.bundles.sigstore.signing import compose_config, read_trust_config, sign_file
from provenance.errors import ProvenanceError
from tests.sigstore_instance import Instance, Keyless
from tests.sigstore_instance.fixtures import *  # noqa: F403  the instances
from tests.sigstore_instance.fixtures import STATEMENT, check, root_of

NAME = "https://ci.example/train.yml@refs/heads/main"
# Digests of ours, which sigstore-python's own Statement has no names for.
OURS = STATEMENT.replace(b'"sha256":', b'"dirHash":"' + b"cd" * 32 + b'","tensorTree":"' + b"ef" * 32 + b'","sha256":')


@pytest.fixture
def config(served: Instance, tmp_path: Path) -> Path:
    """The instance's client trust config, as a user has it in a file."""
    path = tmp_path / "trust_config.json"
    path.write_bytes(served.trust_config())
    return path


@pytest.mark.parametrize(("rekor", "kind"),
                         [(1, "dsse 0.0.1"), (2, "hashedrekord 0.0.2"), (None, "hashedrekord 0.0.2")])
def test_what_we_sign_is_valid_and_holds_the_very_bytes(rekor: Literal[1, 2] | None, kind: str, config: Path,
                                                       served: Instance) -> None:
    bundle = sign_dsse(OURS, config, served.oidc.token(), rekor=rekor)
    result = check(bundle, root_of(served), signer=CertificateIdentity(NAME, served.url))
    assert (result.status, result.payload, result.confirmed) == ("VALID", OURS, True)
    assert [entry.kind for entry in result.entries] == [kind]
    assert json.loads(bundle)["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"


def test_a_file_is_signed(served: Instance) -> None:
    bundle = sign_file(b"weights", served.trust_config(), served.oidc.token(email="a@example.org"))
    result = check(bundle, root_of(served), artifact=SignedFile.of(b"weights"))
    assert (result.status, result.identity) == ("VALID", "a@example.org")
    assert check(bundle, root_of(served), artifact=SignedFile.of(b"other")).code == "artifact-mismatch"


@pytest.mark.parametrize("how", [{}, {"rekor": 2, "kind": "hashedrekord"}], ids=["Rekor v1", "Rekor v2"])
def test_sigstore_python_reads_what_the_test_instance_signs(how: dict[str, Any], served: Instance) -> None:
    """The instance is no mirror of ours: an independent client reads it in the same way."""
    from sigstore.errors import VerificationError
    from sigstore.models import Bundle, ClientTrustConfig
    from sigstore.verify import Verifier, policy

    theirs = Verifier(trusted_root=ClientTrustConfig.from_json(served.trust_config().decode()).trusted_root)
    bundle = Bundle.from_json(json.dumps(Keyless(served, **how).sign(STATEMENT)))
    who = policy.Identity(identity=NAME, issuer=served.url)
    assert theirs.verify_dsse(bundle, who) == ("application/vnd.in-toto+json", STATEMENT)
    with pytest.raises(VerificationError):
        theirs.verify_dsse(bundle, policy.Identity(identity="another", issuer=served.url))


@pytest.mark.peers
def test_what_model_signing_signs_is_valid_and_the_other_way_round(served: Instance, config: Path,
                                                                   tmp_path: Path) -> None:
    import model_signing

    model, signature = tmp_path / "model", tmp_path / "model.sig"
    model.mkdir()
    (model / "weights").write_bytes(b"weights")
    signing = model_signing.signing.Config().use_sigstore_signer(
        identity_token=served.oidc.token(), trust_config=config)
    signing.sign(model, signature)
    result = check(signature.read_bytes(), root_of(served), signer=CertificateIdentity(NAME, served.url))
    assert (result.status, result.confirmed) == ("VALID", True)
    signature.write_bytes(sign_dsse(result.payload or b"", config, served.oidc.token()))
    verifying = model_signing.verifying.Config().use_sigstore_verifier(
        identity=NAME, oidc_issuer=served.url, trust_config=config)
    verifying.verify(model, signature)


def refusal(config: Path | None, token: str) -> str:
    with pytest.raises(ProvenanceError) as refused:
        sign_dsse(STATEMENT, config, token)
    assert token not in str(refused.value.message)
    return refused.value.code


def test_a_token_that_is_none_or_is_stale_or_is_forged_signs_nothing(config: Path, served: Instance) -> None:
    assert refusal(config, "not.a.token") == "identity-token-invalid"
    assert refusal(config, served.oidc.token(lifetime=timedelta(seconds=-60))) == "identity-token-invalid"
    assert refusal(config, Instance(served.url).oidc.token()) == "signing-failed"


def test_an_instance_that_cannot_be_reached_signs_nothing(instance: Instance, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    path = tmp_path / "trust_config.json"
    path.write_bytes(Instance(url).trust_config())
    assert refusal(path, instance.oidc.token()) == "signing-failed"


def test_a_config_that_is_none_signs_nothing(tmp_path: Path, instance: Instance) -> None:
    assert refusal(tmp_path / "none.json", instance.oidc.token()) == "input-unreadable"
    for text in ("", "[]", "{}", json.dumps(instance.trusted_root())):
        (tmp_path / "config.json").write_text(text)
        assert refusal(tmp_path / "config.json", instance.oidc.token()) == "trust-root-invalid"


def test_what_we_would_not_accept_is_not_handed_out(served: Instance, tmp_path: Path) -> None:
    """The services work, but the trust root knows another clock: the bundle would be nobody's evidence."""
    config = json.loads(served.trust_config())
    config["trustedRoot"]["timestampAuthorities"] = Instance(served.url).trusted_root()["timestampAuthorities"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert refusal(tmp_path / "config.json", served.oidc.token()) == "signing-failed"


def test_the_config_of_production_is_put_together_from_what_sigstore_python_brings(instance: Instance) -> None:
    config = json.loads(read_trust_config(None))
    assert config["trustedRoot"]["certificateAuthorities"][0]["uri"] == "https://fulcio.sigstore.dev"
    assert config["signingConfig"]["caUrls"]
    own = json.loads(compose_config("staging", root=json.dumps(instance.trusted_root()).encode()))
    assert own["trustedRoot"] == instance.trusted_root()
    assert "sigstage.dev" in own["signingConfig"]["caUrls"][0]["url"]
