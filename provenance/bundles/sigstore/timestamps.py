"""RFC 3161 timestamps over the signature, by the timestamp authorities of the trust root.

A timestamp by an authority that the root does not list proves nothing and is set aside, whatever certificates it
brings along; one over another signature does not belong into the bundle, whoever made it. One that names an authority
of the root must hold, under that authority's own chain and window: another authority's window is not borrowed.
"""

from __future__ import annotations

import hashlib
from typing import Any

from provenance.bundles.sigstore.results import ProvenTime
from provenance.bundles.sigstore.roots import Authority, TrustRoot
from provenance.errors import BundleError

_HASHES = ("sha256", "sha384", "sha512")


def check_timestamp(token: bytes, signature: bytes, root: TrustRoot) -> ProvenTime | str:
    """The time that a timestamp proves, or why it was set aside; BundleError `timestamp-invalid`."""
    from rfc3161_client import decode_timestamp_response

    try:  # what it gives back is parsed when it is asked for
        response: Any = decode_timestamp_response(token)
        signers = [(signer.issuer, signer.serial_number) for signer in response.signed_data.signer_infos]
        moment = response.tst_info.gen_time
        stamped: bytes = response.tst_info.message_imprint.message
    except (KeyError, ValueError) as err:  # KeyError: a name with an attribute of a type that ASN.1 has not
        raise _invalid("it is not an RFC 3161 response in DER") from err
    if len(signers) != 1:
        raise _invalid("it must have one signer")
    if stamped not in [hashlib.new(name, signature).digest() for name in _HASHES]:
        raise _invalid("it is over something else than the signature")  # whoever made it
    (issuer, serial) = signers[0]
    clocks = [clock for clock in root.clocks
              if (clock.certificates[0].issuer, clock.certificates[0].serial_number) == (issuer, serial)]
    if not clocks:
        return f"a timestamp by {issuer.rfc4514_string()[:100]}, whom the trust root does not list"
    reasons = [_objection(response, signature, clock) for clock in clocks]
    clock = next((clock for clock, reason in zip(clocks, reasons, strict=True) if not reason), None)
    if clock is None:
        raise _invalid(reasons[0])
    return ProvenTime(moment, "timestamp", clock.url)


def _objection(response: Any, signature: bytes, clock: Authority) -> str:
    """Why this authority's chain does not carry the timestamp, or nothing."""
    from rfc3161_client import VerificationError, VerifierBuilder

    leaf, *others = clock.certificates
    builder = VerifierBuilder(tsa_certificate=leaf, intermediates=others[:-1], roots=others[-1:] or [leaf])
    try:
        builder.build().verify_message(response, signature)
    except (VerificationError, ValueError) as err:
        return str(err)[:200]
    if response.tst_info.gen_time not in clock.window:
        return "the authority was not in use at its time"
    return ""


def _invalid(why: str) -> BundleError:
    return BundleError("timestamp-invalid", f"a timestamp does not hold: {why}", hint="the signer must sign again")
