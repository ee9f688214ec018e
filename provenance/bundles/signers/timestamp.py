"""A timestamp authority's word (RFC 3161) that a signature was there at a time.

Whether the authority is to be believed is for whoever verifies to say, with a trust root of theirs. Here it is made
sure that the answer is one to this question: about this signature, and not an old one (nonce).
"""

from __future__ import annotations

import hashlib
import urllib.request
from typing import Any

from provenance.errors import BundleError, TrustError

_MAX_ANSWER = 1 << 20
_TIMEOUT = 30
_GRANTED = (0, 1)  # the second: with modifications, which are looked at below


def request_timestamp(url: str, signature: bytes) -> bytes:
    """The response of the authority at this URL; BundleError `signer-unavailable`, TrustError `extra-missing`."""
    try:
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, decode_timestamp_response
    except ImportError as err:
        raise TrustError("extra-missing", "timestamps need a library that is not installed", location=url,
                         hint="pip install 'open-provenance[sigstore]'") from err

    request: Any = TimestampRequestBuilder().data(signature).hash_algorithm(HashAlgorithm.SHA256).build()
    token = _ask(url, request.as_bytes())
    try:  # what it gives back is parsed when it is asked for
        response: Any = decode_timestamp_response(token)
        said = (response.status in _GRANTED, response.tst_info.nonce, response.tst_info.message_imprint.message)
    except (KeyError, ValueError) as err:
        raise _unavailable(url, "it did not answer with a timestamp") from err
    if said != (True, request.nonce, hashlib.sha256(signature).digest()):
        raise _unavailable(url, "its answer is not about this signature")
    return token


def _ask(url: str, query: bytes) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise TrustError("usage", "a timestamp authority has an address that begins with http:// or https://",
                         location=url, hint="give the URL of an RFC 3161 service")
    request = urllib.request.Request(url, query, {"Content-Type": "application/timestamp-query"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310  said above
            token: bytes = answer.read(_MAX_ANSWER + 1)
    except (OSError, ValueError) as err:
        raise _unavailable(url, str(err)[:200]) from err
    if len(token) > _MAX_ANSWER:
        raise _unavailable(url, "its answer is too large")
    return token


def _unavailable(url: str, why: str) -> BundleError:
    return BundleError("signer-unavailable", f"the timestamp authority did not stamp the signature: {why}",
                       location=url, hint="check the address and the network, or sign without a timestamp")
