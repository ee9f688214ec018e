"""The signing certificate: whose it is, whether the trust root's authority issued it, and whether a log saw it.

A Fulcio certificate lives for minutes. It is therefore judged at the proven times of the signature, never at the
time of the verification.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from provenance.bundles.chains import extension_of, refuse_edwards
from provenance.bundles.envelope import UnsupportedBundle
from provenance.bundles.signatures import made_by
from provenance.bundles.sigstore.roots import Authority, TrustRoot
from provenance.errors import BundleError

_OTHER_NAME = "1.3.6.1.4.1.57264.1.7"
_ISSUER = "1.3.6.1.4.1.57264.1.1"  # raw text; deprecated, but older certificates have nothing else
_ISSUER_V2 = "1.3.6.1.4.1.57264.1.8"  # a DER UTF8String
_UTF8_STRING = 0x0C


def load(der: bytes) -> Any:
    """The certificate with its extensions parsed; BundleError `certificate-invalid`."""
    from cryptography import x509

    try:
        certificate = x509.load_der_x509_certificate(der)
        # All of these are parsed lazily, and could raise anywhere later.
        _ = (certificate.extensions, certificate.public_key(), certificate.subject, certificate.issuer,
             certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, x509.InvalidVersion) as err:
        raise _invalid(f"it cannot be parsed: {str(err)[:100]}") from err
    except _unsupported() as err:
        raise UnsupportedBundle("bundle-kind-unsupported", f"a certificate of a kind not known here: {str(err)[:100]}",
                                hint="a newer version may read it") from err
    return certificate


def _unsupported() -> type[Exception]:
    from cryptography.exceptions import UnsupportedAlgorithm

    return UnsupportedAlgorithm


def check_profile(certificate: Any) -> None:
    """A leaf that may sign code and nothing of the other kind: not a server's certificate, not an authority's."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    constraints = extension_of(certificate, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise _invalid("it is an authority's")
    usage = extension_of(certificate, x509.KeyUsage)
    if usage is None or not usage.digital_signature or usage.key_cert_sign:
        raise _invalid("it is not for digital signatures")
    extended = extension_of(certificate, x509.ExtendedKeyUsage)
    if extended is None or ExtendedKeyUsageOID.CODE_SIGNING not in extended:
        raise _invalid("it is not for code signing")


def identity_of(certificate: Any) -> tuple[str, str]:
    """The one subject alternative name and the issuer that vouched for it."""
    from cryptography import x509

    names = list(extension_of(certificate, x509.SubjectAlternativeName) or ())
    if len(names) != 1:
        # With two names, a policy that pins one of them would accept whoever holds the other.
        raise UnsupportedBundle("bundle-kind-unsupported", f"the certificate has {len(names)} names; Fulcio gives one",
                                hint="ask the signer for a certificate of one name")
    name = names[0]
    if found := name_of(name):
        return found, issuer_of(certificate)
    raise UnsupportedBundle("bundle-kind-unsupported", f"the certificate's name is a {type(name).__name__}",
                            hint="e-mail addresses, URIs and Sigstore's own names are read")


def name_of(name: Any) -> str:
    """A subject alternative name of one of Fulcio's kinds; nothing for one of another kind."""
    from cryptography import x509

    if isinstance(name, (x509.RFC822Name, x509.UniformResourceIdentifier)):
        return name.value
    is_other = isinstance(name, x509.OtherName) and name.type_id.dotted_string == _OTHER_NAME
    return _utf8_string(name.value) if is_other else ""


def issuer_of(certificate: Any) -> str:
    """Who vouched for the identity in a certificate of Fulcio; BundleError where that is not one."""
    from cryptography import x509

    raw = {extension.oid.dotted_string: extension.value.value for extension in certificate.extensions
           if isinstance(extension.value, x509.UnrecognizedExtension)}
    try:
        issuers = {raw[_ISSUER].decode("utf-8")} if _ISSUER in raw else set()
    except UnicodeDecodeError as err:
        raise _invalid("its issuer is not UTF-8") from err
    if _ISSUER_V2 in raw:
        issuers.add(_utf8_string(raw[_ISSUER_V2]))
    if len(issuers) != 1 or "" in issuers:
        # Two encodings of one claim: a reader of the one and a reader of the other must see the same issuer.
        raise _invalid("it names two issuers" if len(issuers) > 1 else "it names no issuer")
    return issuers.pop()


def _utf8_string(der: bytes) -> str:
    """A DER UTF8String of less than 64 KiB, without anything after it."""
    size, start = -1, 2
    if len(der) >= 2 and der[0] == _UTF8_STRING:
        lengths = der[1] - 0x80
        if lengths < 0:
            size = der[1]
        elif lengths in (1, 2) and len(der) >= 2 + lengths:
            size, start = int.from_bytes(der[2:2 + lengths]), 2 + lengths
    if len(der) - start != size:
        raise _invalid("a name in it is not a DER UTF8String")
    try:
        return der[start:].decode("utf-8")
    except UnicodeDecodeError as err:
        raise _invalid("a name in it is not UTF-8") from err


def check_issued(certificate: Any, root: TrustRoot) -> None:
    """Some authority of the root signed it, at whatever time.

    The certificate of an instance that the root does not know is UNSUPPORTED; one that only claims to be of an
    authority of the root is INVALID.
    """
    named = [issuer for authority in root.authorities for issuer in authority.certificates
             if issuer.subject == certificate.issuer]
    if not named:
        raise UnsupportedBundle(
            "trust-root-unknown", f"issued by {certificate.issuer.rfc4514_string()[:100]}, whom the trust root "
            f"{root.facts.name} does not list", hint="give the trust root of the instance that issued it")
    if not any(_issued_by(certificate, issuer) for issuer in named):
        raise _invalid("the authority that it names in the trust root did not issue it")


def _issued_by(certificate: Any, issuer: Any) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, TypeError, UnsupportedAlgorithm, ValueError):
        return False
    return True


def check_chain(certificate: Any, root: TrustRoot, moments: Sequence[datetime]) -> Any:
    """Build the chain at every proven time; the issuing certificate. BundleError `certificate-*`."""
    for moment in moments:
        if not certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc:
            raise BundleError("certificate-outside-validity", f"the certificate was not valid at {moment.isoformat()}, "
                              "a proven time of the signature", hint="the signer must sign again")
    reasons = ["the trust root has no authority"]
    for authority in root.authorities:
        issuer, reason = _chain(certificate, authority, moments)
        if issuer is not None:
            return issuer
        reasons.append(reason)
    refuse_edwards(issuer for authority in root.authorities for issuer in authority.certificates)
    raise _invalid(f"it has no chain to the trust root: {reasons[-1]}")


def _chain(certificate: Any, authority: Authority, moments: Sequence[datetime]) -> tuple[Any, str]:
    from cryptography import x509
    from cryptography.x509.verification import Store, VerificationError

    if not all(moment in authority.window for moment in moments):
        return None, "the authority was not in use at a proven time of the signature"
    issuer = None
    for moment in moments:
        try:
            issuer = _verifier(Store(list(authority.certificates)), moment).verify(certificate, []).chain[1]
        except (VerificationError, ValueError, x509.UnsupportedGeneralNameType) as err:
            return None, str(err)[:200]
    return issuer, "no time"


def _verifier(store: Any, moment: datetime) -> Any:
    from cryptography.x509 import ExtendedKeyUsage
    from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder

    # The defaults are a web client's and ask for its key usage; `check_profile` asks for Sigstore's.
    policies = [policy.may_be_present(ExtendedKeyUsage, Criticality.NON_CRITICAL, None)
                for policy in (ExtensionPolicy.webpki_defaults_ca(), ExtensionPolicy.webpki_defaults_ee())]
    builder = PolicyBuilder().store(store).time(moment)
    return builder.extension_policies(ca_policy=policies[0], ee_policy=policies[1]).build_client_verifier()


def check_sct(certificate: Any, issuer: Any, root: TrustRoot) -> None:
    """The one signed certificate timestamp (RFC 6962 section 3.2): without it, nobody would see a certificate issued
    behind the owner's back. An instance without certificate logs gives none, and none is asked for.
    """
    from cryptography import x509

    stamps = list(extension_of(certificate, x509.PrecertificateSignedCertificateTimestamps) or ())
    if not stamps and not root.ct_logs:
        return
    if not stamps:
        raise _sct("it is in no certificate log")
    if len(stamps) > 1:
        raise UnsupportedBundle("bundle-kind-unsupported", "the certificate holds more than one log timestamp",
                                hint="Fulcio embeds one")
    stamp = stamps[0]
    log = root.ct_log(stamp.log_id)
    if log is None or log.key is None:
        raise UnsupportedBundle("trust-root-unknown", f"the certificate's log {stamp.log_id.hex()[:16]} is not one "
                                f"that the trust root {root.facts.name} lists", hint="get a newer trust root")
    data = _signed_by_log(stamp, certificate, issuer)
    if not made_by(log.key, stamp.signature, data):
        raise _sct("the log did not make it")
    if _utc(stamp.timestamp) not in log.window:
        raise _sct("the log was not in use at its time")


def _signed_by_log(stamp: Any, certificate: Any, issuer: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization

    spki = issuer.public_key().public_bytes(serialization.Encoding.DER,
                                            serialization.PublicFormat.SubjectPublicKeyInfo)
    body: bytes = certificate.tbs_precertificate_bytes
    millis = (_utc(stamp.timestamp) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    extensions: bytes = stamp.extension_bytes
    head: bytes = struct.pack(">BBQH", stamp.version.value, 0, millis, 1) + sha256(spki).digest()
    return head + len(body).to_bytes(3) + body + len(extensions).to_bytes(2) + extensions


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def _sct(why: str) -> BundleError:
    return BundleError("sct-invalid", f"the certificate's log timestamp (SCT) does not hold: {why}",
                       hint="the signer must sign again")


def _invalid(why: str) -> BundleError:
    return BundleError("certificate-invalid", f"the signing certificate is refused: {why}",
                       hint="the signer must sign again")
