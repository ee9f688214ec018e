"""Make the golden vectors in `attestations/vectors/sigstore`: model signatures under identities of a test instance.

The instance is the one in `tests/sigstore_instance`, signing on a day in 2026, with keys that nobody keeps: run again,
this makes other bytes, and the same answers. Nothing here imports `provenance`.
"""

from __future__ import annotations

import base64
import copy
import json
import shutil
import sys
import types
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.x509.oid import ExtendedKeyUsageOID

ROOT = Path(__file__).resolve().parents[2]
# Of all folders called `tests` the one of this checkout: an installed distribution may bring another.
sys.modules["tests"] = types.ModuleType("tests")
sys.modules["tests"].__path__ = [str(ROOT / "tests")]

from making import Answer, Json, changed, drop, invalid, put, unsupported, valid  # noqa: E402
from reference import compact, pretty  # noqa: E402

from tests.sigstore_instance.encoding import sha256  # noqa: E402
from tests.sigstore_instance.instance import Instance  # noqa: E402
from tests.sigstore_instance.keyless import Keyless  # noqa: E402

VECTORS = ROOT / "attestations" / "vectors"
URL, WHO = "https://sigstore.example", "https://ci.example/train.yml@refs/heads/main"
AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATE = AT + timedelta(hours=1)  # a certificate lives for ten minutes
MATERIAL = "verificationMaterial"
ENTRY = (MATERIAL, "tlogEntries", 0)


def payload() -> bytes:
    """The statement of the golden model signature by key."""
    bundle = json.loads((VECTORS / "bundles" / "valid" / "model-signature.ed25519.sigstore.json").read_bytes())
    return base64.b64decode(bundle["dsseEnvelope"]["payload"])


class Signing:
    """One instance, and a stranger with the same names."""

    def __init__(self) -> None:
        self.ours, self.strangers, self.payload = Instance(URL), Instance(URL), payload()

    def bundle(self, instance: Instance | None = None, **how: Any) -> Json:
        return Keyless(instance or self.ours, **{"signed_at": AT, **how}).sign(self.payload)

    def changed(self, *changes: Any, **how: Any) -> Json:
        return changed(self.bundle(**how), *changes)

    def valid(self) -> Iterator[tuple[str, Json, Answer]]:
        for name, how, rule in (
            ("log-v1", {}, "a certificate and an entry of the older log, which proves the time"),
            ("log-v1-digest", {"kind": "hashedrekord"}, "the entry may be of the digest of what was signed"),
            ("log-v1-timestamp", {"stamped_at": (AT,)}, "a clock may say the time too"),
            ("log-v2", {"rekor": 2}, "the newer log proves no time, a clock does"),
            ("log-v2-digest", {"rekor": 2, "kind": "hashedrekord"}, "the newer log, by digest"),
            ("chain-of-v0.2", {"version": "0.2"}, "before v0.3 a chain of one certificate stood for it"),
        ):
            yield name, self.bundle(**how), valid(rule, "lab")

    def invalid(self) -> Iterator[tuple[str, Json, Answer]]:
        other = self.bundle()
        stamp = self.bundle(self.strangers, rekor=2)[MATERIAL]["timestampVerificationData"]
        flipped = copy.deepcopy(other["dsseEnvelope"]["signatures"])
        entries = other[MATERIAL]["tlogEntries"]
        yield from (
            ("no-log-entry", self.bundle(rekor=0), invalid("log-entry-missing", "a log has it, once at least")),
            ("no-certificate", self.changed(drop(MATERIAL, "certificate")), invalid(
                "bundle-invalid", "a certificate says who signed")),
            ("key-beside-certificate", self.changed(put(MATERIAL, "publicKey", to={"hint": "lab"})), invalid(
                "bundle-invalid", "one thing says who signed")),
            ("entry-of-another-bundle", self.changed(put(MATERIAL, "tlogEntries", to=entries)), invalid(
                "log-entry-mismatch", "the entry is about this signature")),
            ("entry-without-proof", self.changed(drop(*ENTRY, "inclusionProof")), invalid(
                "log-proof-invalid", "an entry of v0.3 is proven to be in the log")),
            ("entry-proven-otherwise", self.changed(put(*ENTRY, "inclusionProof", "rootHash", to="A" * 43 + "=")),
             invalid("log-proof-invalid", "the proof leads to the root that the log signed")),
            ("log-of-another-instance", self.with_strangers_entry(), unsupported(
                "trust-root-unknown", "the trust root lists the log")),
            ("signature-of-another", self.changed(put("dsseEnvelope", "signatures", to=flipped)), invalid(
                "signature-invalid", "the certificate's key signed")),
            ("payload-changed", self.changed(put("dsseEnvelope", "payload", to=base64.b64encode(
                self.payload + b" ").decode())), invalid("signature-invalid", "what was signed is what is there")),
            ("logged-late", self.bundle(logged_at=LATE), invalid(
                "certificate-outside-validity", "the certificate was valid when the log took it")),
            ("stamped-late", self.bundle(rekor=2, stamped_at=(LATE,)), invalid(
                "certificate-outside-validity", "and when the clock saw it")),
            ("no-time", self.bundle(rekor=2, stamped_at=()), invalid(
                "signing-time-unproven", "with the newer log a clock says when")),
            ("stamp-of-another-bundle", self.changed(put(MATERIAL, "timestampVerificationData", to=stamp), rekor=2),
             invalid("timestamp-invalid", "a timestamp is over the signature, whoever made it")),
            ("certificate-not-logged", self.bundle(certificate={"log": None}), invalid(
                "sct-invalid", "a certificate log has the certificate")),
            ("certificate-for-servers", self.bundle(certificate={"usage": [ExtendedKeyUsageOID.SERVER_AUTH]}), invalid(
                "certificate-invalid", "the certificate is for code signing")),
            ("certificate-of-another-instance", self.bundle(self.strangers), invalid(
                "certificate-invalid", "the trust root lists the authority")),
            ("identity-of-another", self.bundle(claims={"sub": WHO + "x"}), unsupported(
                "signature-unknown-signer", "identities are compared whole")),
            ("issuer-of-another", self.bundle(claims={"iss": URL + "/other"}), unsupported(
                "signature-unknown-signer", "and so are issuers")),
        )

    def with_strangers_entry(self) -> Json:
        """What was certified here, logged elsewhere: the same signer tells two logs."""
        signer = Keyless(self.ours, signed_at=AT)
        bundle = signer.sign(self.payload)
        signer.instance = self.strangers
        elsewhere = signer.log_envelope(bundle["dsseEnvelope"], "application/vnd.in-toto+json", self.payload)
        return changed(bundle, put(MATERIAL, "tlogEntries", to=[elsewhere]))


def files() -> Iterator[tuple[str, bytes]]:
    """Every file below `sigstore/`."""
    signing = Signing()
    root = pretty(signing.ours.trusted_root())
    yield "trusted_root.json", root
    yield "trust.yaml", f"""\
apiVersion: open-provenance/v0.1
kind: Trust
version: 1
expires: 2036-01-01T00:00:00Z
principals:
  - name: lab
    party: Example Lab
    roles: [producer]
    identities:
      - identity: {WHO}
        issuer: {URL}
    predicateTypes: ["https://model_signing/signature/v1.0"]
    subjects: {{names: ["*"]}}
trustedRoot:
  file: trusted_root.json
  sha256: {sha256(root).hex()}
""".encode()
    for name, bundle, answer in (*signing.valid(), *signing.invalid()):
        place = f"{'valid' if answer.status == 'VALID' else 'invalid'}/{name}"
        yield f"{place}.sigstore.json", compact(bundle) + b"\n"
        yield f"{place}.expected.json", pretty({
            "file": f"{name}.sigstore.json", "rule": answer.rule, "status": answer.status, "code": answer.code,
            "signer": answer.signer})


if __name__ == "__main__":
    made = dict(files())
    shutil.rmtree(VECTORS / "sigstore", ignore_errors=True)
    for name, data in made.items():
        (VECTORS / "sigstore" / name).parent.mkdir(parents=True, exist_ok=True)
        (VECTORS / "sigstore" / name).write_bytes(data)
    print(f"{len(made)} files written")
