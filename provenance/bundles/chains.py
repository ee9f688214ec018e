"""Certificates of one's own authority: from a signer's certificate up to one that the trust file holds.

Path building is cryptography's (`x509.verification`: signatures, names, validity, basic constraints and path lengths,
name constraints; authorities with RSA from 2048 bits or ECDSA on the NIST curves, no MD5 and no SHA-1). Its stock
policies are a web client's; the rules for signing code are these, each with a test of one flaw:

1. The signer's certificate has the key usage digitalSignature and not keyCertSign: an authority does not sign models.
   That its basic constraints say `CA` is let pass, because the reference implementation's own test certificates do.
2. It has the extended key usage codeSigning; anyExtendedKeyUsage is not that.
3. Every certificate above it has basic constraints `CA` and the key usage keyCertSign, and, where it limits extended
   usages, has codeSigning or anyExtendedKeyUsage among them.
4. No certificate has a critical extension that is not known here: UNSUPPORTED, because it could forbid anything.
5. Every certificate of the path was valid at every proven time of the signature. Where nobody proves a time, it is
   valid at the time of the verdict (OMS v1.0, section 8.2); a time that the signer claims counts for nothing.
6. The signer has the subject, or the subject alternative name, that the trust file demands, exactly.

Revocation lists and OCSP are not asked: verifying is offline. `revoked` in the trust file is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from provenance.bundles.envelope import UnsupportedBundle
from provenance.errors import BundleError, TrustError

if TYPE_CHECKING:
    from provenance.bundles.authority import CertificateAuthority

# What cryptography checks, or what says nothing about whether a signature counts.
_KNOWN = frozenset({
    "2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.31", "2.5.29.32", "2.5.29.35", "2.5.29.37",
    "1.3.6.1.5.5.7.1.1",
})


@dataclass(frozen=True)
class Certified:
    """Whom these authorities certify under this subject (RFC 4514), or this alternative name.

    Without either, everyone whom they certify for code signing: a trust file demands a name.
    """

    certificates: tuple[Any, ...]
    subject: str = ""
    subject_alt_name: str = ""

    @classmethod
    def from_pem(cls, pem: bytes, location: str, *, subject: str = "",
                 subject_alt_name: str = "") -> Certified:
        """From one or more certificates; TrustError `key-is-private` or `trust-invalid`."""
        from cryptography import x509

        if b"PRIVATE KEY-----" in pem:
            raise TrustError("key-is-private", "this is a private key", location=location,
                             hint="keep it secret, and give the certificate of the authority")
        try:
            found = x509.load_pem_x509_certificates(pem)
            for certificate in found:
                # Parsed lazily, and could raise anywhere later.
                _ = certificate.extensions, certificate.public_key(), certificate.subject, certificate.issuer
        except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, x509.InvalidVersion) as err:
            raise TrustError("trust-invalid", "not a certificate authority's certificates in PEM", location=location,
                             hint="give the certificate of the root, or of an authority below it") from err
        return cls(tuple(found), subject, subject_alt_name)

    @classmethod
    def of(cls, authority: CertificateAuthority) -> Certified:
        """As an entry of a trust file says it."""
        from cryptography import x509

        return cls((x509.load_der_x509_certificate(authority.der),), authority.subject, authority.subject_alt_name)

    @property
    def ders(self) -> tuple[bytes, ...]:
        """The certificates as they are written."""
        from cryptography.hazmat.primitives.serialization import Encoding

        return tuple(certificate.public_bytes(Encoding.DER) for certificate in self.certificates)

    @property
    def anyone(self) -> Certified:
        """The same authorities, without a name."""
        return Certified(self.certificates)

    def name_of(self, leaf: Any) -> str:
        """The name under which the trust file knows this signer, or nothing; with no name demanded, the subject."""
        subject: str = leaf.subject.rfc4514_string()
        if self.subject_alt_name:
            return self.subject_alt_name if self.subject_alt_name in _alternative_names(leaf) else ""
        return subject if self.subject in ("", subject) else ""

    def __str__(self) -> str:
        return self.subject_alt_name or self.subject or "anyone whom the authority certifies"


@dataclass(frozen=True)
class CheckedChain:
    """A path that holds: the signer's name, the subject of the authority at its end, and the path, signer first."""

    name: str
    authority: str
    path: tuple[Any, ...]


def check_leaf(leaf: Any) -> None:
    """Rules 1 and 2; BundleError `certificate-invalid`."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    usage = extension_of(leaf, x509.KeyUsage)
    if usage is None or not usage.digital_signature or usage.key_cert_sign:
        raise _invalid("the signer's certificate is not for digital signatures, or is an authority's")  # 1
    extended = extension_of(leaf, x509.ExtendedKeyUsage)
    if extended is None or ExtendedKeyUsageOID.CODE_SIGNING not in extended:
        raise _invalid("the signer's certificate is not for code signing")  # 2


def check_chain(chain: Sequence[Any], authority: Certified, moments: Sequence[datetime]) -> CheckedChain:
    """Rules 1 to 6 for the certificates of a bundle, the signer's first.

    BundleError `certificate-invalid`, `certificate-outside-validity` or `identity-mismatch`; UnsupportedBundle
    `signature-unknown-signer` for a chain that does not even name the authority, and `bundle-kind-unsupported`.
    """
    leaf, *between = chain
    refuse_strangers(chain, authority)
    for certificate in (*chain, *authority.certificates):
        _refuse_unknown(certificate)  # 4
    check_leaf(leaf)
    for moment in moments:
        if not leaf.not_valid_before_utc <= moment <= leaf.not_valid_after_utc:
            raise BundleError("certificate-outside-validity", "the signer's certificate is not valid at "
                              f"{moment.isoformat()}, the time that counts", hint="the signer must sign again")
    paths = [_path(leaf, between, authority, moment) for moment in moments]  # 3, 5
    if not (name := authority.name_of(leaf)):
        raise BundleError("identity-mismatch", f"signed by {leaf.subject.rfc4514_string()[:200]}, not by {authority}",
                          hint="get the bundle of the signer that was asked for")  # 6
    return CheckedChain(name, paths[0][-1].subject.rfc4514_string(), paths[0])


def refuse_strangers(chain: Sequence[Any], authority: Certified) -> None:
    """UnsupportedBundle `signature-unknown-signer` unless a certificate of the chain is said to be by the authority."""
    known = {certificate.subject for certificate in authority.certificates}
    if not any(certificate.issuer in known or certificate in authority.certificates for certificate in chain):
        raise UnsupportedBundle("signature-unknown-signer", "certified by an authority that is not trusted here",
                                hint="give the certificate of the signer's authority")


def _refuse_unknown(certificate: Any) -> None:
    for extension in certificate.extensions:
        if extension.critical and extension.oid.dotted_string not in _KNOWN:
            raise UnsupportedBundle("bundle-kind-unsupported", "a certificate has the critical extension "
                                    f"{extension.oid.dotted_string}, which is not known here",
                                    hint="a newer version may read it")


def _path(leaf: Any, between: Sequence[Any], authority: Certified, moment: datetime) -> tuple[Any, ...]:
    from cryptography import x509
    from cryptography.x509 import verification as paths

    above = (
        paths.ExtensionPolicy.permit_all()
        .require_present(x509.BasicConstraints, paths.Criticality.AGNOSTIC, None)
        .require_present(x509.KeyUsage, paths.Criticality.AGNOSTIC, _may_certify)
        .may_be_present(x509.ExtendedKeyUsage, paths.Criticality.AGNOSTIC, _may_certify_code)
    )
    builder = paths.PolicyBuilder().store(paths.Store(list(authority.certificates))).time(moment)
    # What the signer's own certificate must say was looked at before, with words of its own.
    builder = builder.extension_policies(ca_policy=above, ee_policy=paths.ExtensionPolicy.permit_all())
    try:
        return tuple(builder.build_client_verifier().verify(leaf, list(between)).chain)
    except (paths.VerificationError, ValueError, x509.UnsupportedGeneralNameType) as err:
        refuse_edwards((*between, *authority.certificates))
        raise _invalid(f"it has no path to the authority: {str(err)[:200]}") from err


def refuse_edwards(authorities: Iterable[Any]) -> None:
    """UnsupportedBundle where an authority has a key on an Edwards curve: cryptography builds no path through it.

    The signer's own certificate may have one; its key is not asked for anything while the path is built.
    """
    from cryptography.hazmat.primitives.asymmetric import ed448, ed25519

    if any(isinstance(certificate.public_key(), ed25519.Ed25519PublicKey | ed448.Ed448PublicKey)
           for certificate in authorities):
        raise UnsupportedBundle("bundle-kind-unsupported", "an authority with an Ed25519 or Ed448 key is not checked",
                                hint="authorities with ECDSA and RSA keys are")


def _may_certify(_: Any, __: Any, usage: Any) -> None:
    if not usage.key_cert_sign:
        raise ValueError("a certificate of the path may not certify")


def _may_certify_code(_: Any, __: Any, extended: Any) -> None:
    from cryptography.x509.oid import ExtendedKeyUsageOID as Usage

    if extended is not None and not {Usage.CODE_SIGNING, Usage.ANY_EXTENDED_KEY_USAGE} & set(extended):
        raise ValueError("a certificate of the path may not certify for code signing")


def _alternative_names(leaf: Any) -> set[str]:
    from cryptography import x509

    kinds = (x509.RFC822Name, x509.UniformResourceIdentifier, x509.DNSName)
    names = extension_of(leaf, x509.SubjectAlternativeName) or ()
    return {name.value for name in names if isinstance(name, kinds)}


def extension_of(certificate: Any, kind: Any) -> Any:
    """The value of an extension, or None."""
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _invalid(why: str) -> BundleError:
    return BundleError("certificate-invalid", f"the certificate chain is refused: {why}",
                       hint="the signer must sign again, under certificates for code signing")
