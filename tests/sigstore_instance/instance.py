"""All services of one instance, and what a client is given to find and to trust them."""

from __future__ import annotations

import threading
from typing import Any

from tests.sigstore_instance.authority import START, listed
from tests.sigstore_instance.ct import CertificateLog
from tests.sigstore_instance.encoding import b64, canonical, rfc3339, spki
from tests.sigstore_instance.fulcio import Fulcio
from tests.sigstore_instance.oidc import Issuer
from tests.sigstore_instance.rekor import RekorV1, RekorV2
from tests.sigstore_instance.tsa import TimestampAuthority

_ROOT = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
_SERVICES = "application/vnd.dev.sigstore.signingconfig.v0.2+json"
_CONFIG = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"


class Instance:
    """A Sigstore instance that says of itself that it is at `url`. `lock` is for whoever serves it in threads.

    `failing` has what a path answers (status, content type, body) in place of its service.
    """

    def __init__(self, url: str, organization: str = "sigstore.test") -> None:
        self.url = url
        self.lock = threading.Lock()
        self.failing: dict[str, tuple[int, str, bytes]] = {}
        self.oidc = Issuer(url)
        self.ct = CertificateLog(url)
        self.fulcio = Fulcio(self.oidc, self.ct, organization)
        self.rekor1, self.rekor2 = RekorV1(url), RekorV2(url)
        self.tsa = TimestampAuthority(organization)

    def trusted_root(self) -> dict[str, Any]:
        """The keys of every log, authority and clock. Tests change the copy that they get."""
        return {
            "mediaType": _ROOT,
            "tlogs": [
                _log(self.rekor1.url, self.rekor1.log.tree.log_id, self.rekor1.key, "PKIX_ECDSA_P256_SHA_256"),
                _log(self.rekor2.url, self.rekor2.log.tree.log_id, self.rekor2.key, "PKIX_ED25519"),
            ],
            "certificateAuthorities": [listed(self.fulcio.authority.chain, self.url)],
            "ctlogs": [_log(self.ct.url, self.ct.log_id, self.ct.key, "PKIX_ECDSA_P256_SHA_256")],
            "timestampAuthorities": [
                listed([self.tsa.certificate, *self.tsa.root.chain], f"{self.url}/api/v1/timestamp")],
        }

    def signing_config(self) -> dict[str, Any]:
        """Where the services are."""
        return {
            "mediaType": _SERVICES,
            "caUrls": [_service(self.url, 1)],
            "oidcUrls": [_service(self.url, 1)],
            "rekorTlogUrls": [_service(self.rekor1.url, 1), _service(self.rekor2.url, 2)],
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaUrls": [_service(f"{self.url}/api/v1/timestamp", 1)],
            "tsaConfig": {"selector": "ANY"},
        }

    def trust_config(self) -> bytes:
        """Trust root and signing config in one document, as `sigstore --trust-config` and we read it."""
        return canonical({"mediaType": _CONFIG, "trustedRoot": self.trusted_root(),
                          "signingConfig": self.signing_config()})


def _log(url: str, log_id: bytes, key: Any, details: str) -> dict[str, Any]:
    return {"baseUrl": url, "hashAlgorithm": "SHA2_256", "logId": {"keyId": b64(log_id)},
            "publicKey": {"rawBytes": b64(spki(key)), "keyDetails": details, "validFor": {"start": rfc3339(START)}}}


def _service(url: str, version: int) -> dict[str, Any]:
    return {"url": url, "majorApiVersion": version, "operator": "test", "validFor": {"start": rfc3339(START)}}
