"""Verified loading: whose word counts, and about what."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provenance.bundles.envelope import MAX_BUNDLE
from provenance.errors import ProvenanceError
from provenance.integrations.safetensors import load_verified
from tests.integrations.conftest import TINY, Lab
from tests.integrations.loading import (
    load,
    refused,
)


class TestWhoIsBelieved:
    """Only a trusted producer's statements about weights count, and only while nothing revokes them."""

    def test_a_stranger(self, lab: Lab) -> None:
        lab.write({"model.safetensors": TINY})
        lab.add("stranger", "producer", trusted=False)
        lab.attest(key="stranger")
        assert "does not list" in refused("signature-unknown-signer", load, lab).message

    def test_somebody_who_is_no_producer(self, lab: Lab) -> None:
        lab.write({"model.safetensors": TINY})
        lab.add("supplier", "data-supplier")
        lab.attest(key="supplier")
        refused("evidence-none", load, lab)

    def test_a_broken_signature(self, lab: Lab) -> None:
        lab.write({"model.safetensors": TINY})
        bundle = lab.attest()
        document = json.loads(bundle.read_text())
        signature = document["dsseEnvelope"]["signatures"][0]
        signature["sig"] = ("A" if signature["sig"][0] != "A" else "B") + signature["sig"][1:]
        bundle.write_text(json.dumps(document))
        refused("signature-invalid", load, lab)

    def test_an_evaluation_of_the_model_says_nothing_of_its_weights(self, lab: Lab) -> None:
        lab.write({"model.safetensors": TINY})
        lab.attest(kind="evaluate")
        refused("evidence-none", load, lab)

    def test_an_empty_folder(self, lab: Lab) -> None:
        lab.write({"model.safetensors": TINY})
        lab.evidence.mkdir()
        refused("evidence-none", load, lab)
        refused("path-not-found", load, lab, bundle=lab.root / "nowhere")

    def test_recalled_weights(self, lab: Lab) -> None:
        lab.write({"model.safetensors": TINY})
        statement = json.loads(_payload(lab.attest()))
        root = next(s["digest"]["tensorTree"] for s in statement["subject"] if "tensorTree" in s["digest"])
        lab.revoke(artifacts=[f"tensorTree:{root}"])
        assert "recalls" in refused("signer-revoked", load, lab).message

    def test_a_recalled_file(self, lab: Lab) -> None:
        path = lab.write({"model.safetensors": TINY}) / "model.safetensors"
        lab.sign_files()
        lab.revoke(artifacts=[f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"])
        refused("signer-revoked", load, lab)

    def test_a_revoked_bundle(self, lab: Lab) -> None:
        lab.write({"model.safetensors": TINY})
        lab.revoke(bundles=[hashlib.sha256(lab.attest().read_bytes()).hexdigest()])
        refused("signer-revoked", load, lab)

    def test_a_bundle_that_is_larger_than_any(self, lab: Lab) -> None:
        lab.write({"model.safetensors": TINY})
        lab.evidence.mkdir()
        with (lab.evidence / "train.sigstore.json").open("wb") as file:
            file.truncate(MAX_BUNDLE + 1)
        refused("document-too-large", load, lab)

    def test_an_expired_trust_file(self, lab: Lab) -> None:
        lab.write({"model.safetensors": TINY})
        lab.attest()
        late = datetime(2031, 1, 1, tzinfo=UTC)
        with pytest.raises(ProvenanceError) as caught:
            load_verified(str(lab.model), str(lab.evidence), str(lab.trust), as_of=late)
        assert caught.value.code == "trust-expired"

    def test_by_default_it_is_now(self, lab: Lab) -> None:
        lab.write({"model.safetensors": TINY})
        lab.attest()
        assert set(load_verified(str(lab.model), str(lab.evidence), str(lab.trust))) == set(TINY)


def _payload(bundle: Path) -> bytes:
    import base64

    return base64.b64decode(json.loads(bundle.read_bytes())["dsseEnvelope"]["payload"])
