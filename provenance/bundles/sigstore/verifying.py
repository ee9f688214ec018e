"""The verification of one bundle, step by step; `verify` is the one door.

1. Read the bundle strictly (`reading.py`).
2. The signature, by the leaf certificate's key or by the key that was handed in, over the exact bytes.
3. Every log entry is about this very signature (`entries.py`).
4. The certificate: for code signing, of one name, and issued by an authority of the trust root (`certificates.py`).
5. Every log entry is in its log: inclusion proof, checkpoint, promise (`logs.py`). At least one, where the instance
   has a log; a key alone needs none.
6. Every timestamp by an authority of the trust root holds (`timestamps.py`).
7. For a certificate, at least one log or clock proves a time. No proven time lies in the future.
8. At every proven time the logs were in use, and the certificate's chain was valid; its log timestamp (SCT) holds.
9. The signer is the one that was asked for (`identity.py`).
10. sigstore-python agrees, wherever it has a judgement (`peer.py`).

A certificate of one's own authority takes another way from step 4 on (`_by_authority`): the chain that the bundle
brings is held against that authority (`bundles/chains.py`), and no log has to know it.

What contradicts itself is found before what a trust root does not know, so that a broken bundle is INVALID whatever
the root; what only the root does not know is UNSUPPORTED. Nothing is fetched, and nothing is remembered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, BinaryIO

from provenance.bundles.chains import Certified, check_chain, refuse_strangers
from provenance.bundles.envelope import Envelope, UnsupportedBundle
from provenance.bundles.keys import public_pem
from provenance.bundles.oms.legacy import is_signed_as_by_release_0_2
from provenance.bundles.signatures import key_fingerprint, key_name, made_by, made_over
from provenance.bundles.sigstore import certificates, entries, logs, peer
from provenance.bundles.sigstore.identity import ExpectedSigner, PublicKey
from provenance.bundles.sigstore.reading import MessageSignature, SigstoreBundle, broken, read_unverified
from provenance.bundles.sigstore.results import BundleVerification, ProvenTime
from provenance.bundles.sigstore.roots import TrustRoot
from provenance.bundles.sigstore.timestamps import check_timestamp
from provenance.errors import BundleError, ProvenanceError, TrustError

_SKEW = timedelta(minutes=5)  # the clocks of a log and of whoever verifies right after signing differ a little
_ALGORITHMS = ("sha256", "sha384", "sha512")


@dataclass(frozen=True)
class SignedFile:
    """A file that a bundle signs directly: its digests, and its bytes where a key needs those (Ed25519)."""

    digests: Mapping[str, bytes]
    content: bytes | None = None

    @classmethod
    def of(cls, content: bytes) -> SignedFile:
        """From the bytes of the file."""
        return cls({name: hashlib.new(name, content).digest() for name in _ALGORITHMS}, content)

    @classmethod
    def read(cls, file: BinaryIO) -> SignedFile:
        """From an open file, whose bytes are not kept."""
        digests = {name: hashlib.new(name) for name in _ALGORITHMS}
        while block := file.read(1 << 20):
            for digest in digests.values():
                digest.update(block)
        return cls({name: digest.digest() for name, digest in digests.items()})


def verify(data: bytes, root: TrustRoot | None, *, signer: ExpectedSigner, as_of: datetime,
           artifact: SignedFile | None = None, location: str = "the bundle") -> BundleVerification:
    """The answer for one bundle; never raises for what is in it.

    `root` may be None for a `PublicKey` or a `Certified`: a bundle with log entries is then UNSUPPORTED, and
    so is one whose timestamps would be needed.
    `as_of` is the time of the verdict: proven times after it are refused. `artifact` is for bundles that sign a file
    directly; without it, what they sign is known by the digest in them alone. A DSSE payload comes back in the
    result, with its type: comparing its subjects with an artefact is the business of whoever reads the statement.
    """
    facts = root.facts if root else None
    try:
        return _verify(read_unverified(data, location), root, signer, as_of, artifact, location)  # 1
    except UnsupportedBundle as err:
        return BundleVerification("UNSUPPORTED", facts, err.code, err.message)
    except TrustError:
        raise  # what was handed in to verify with cannot be used: not a word about the bundle
    except ProvenanceError as err:
        return BundleVerification("INVALID", facts, err.code, err.message)


def _verify(bundle: SigstoreBundle, root: TrustRoot | None, signer: ExpectedSigner, as_of: datetime,
            artifact: SignedFile | None, location: str) -> BundleVerification:
    if bundle.is_chain and not isinstance(signer, Certified):
        raise _another_method(bundle, root)
    certificate, key = _verifier(bundle, signer)
    digests = _check_signature(bundle, key, artifact)  # 2
    claim = entries.EntrySubject(digests, _der(certificate, key))
    for entry in bundle.entries:
        entries.check_subject(entry, bundle, claim)  # 3
    found = BundleVerification("VALID", root.facts if root else None, keyid=key_name(key),
                               fingerprint=key_fingerprint(key), **_what(bundle, digests))
    if isinstance(signer, Certified):
        return _by_authority(bundle, signer, root, found, as_of, location)
    if root is None:
        if certificate is not None or bundle.entries or bundle.timestamps:
            raise UnsupportedBundle("trust-root-unknown", "no trust root was given to check it with", location=location,
                                    hint="give the trust root of its Sigstore instance")
        return found
    if certificate is not None:
        certificates.check_profile(certificate)  # 4
        identity, issuer = certificates.identity_of(certificate)
        certificates.check_issued(certificate, root)
        found = replace(found, identity=identity, issuer=issuer)
    found, counted = _check_times(bundle, root, found, as_of, location)
    if certificate is None:
        return found
    moments = [time.moment for time in found.times]
    authority = certificates.check_chain(certificate, root, moments)  # 8
    certificates.check_sct(certificate, authority, root)
    if isinstance(signer, (PublicKey, Certified)) or not signer.accepts(found.identity, found.issuer):  # 9
        return replace(found, status="INVALID", code="identity-mismatch", payload=None, message_digest="",
                       reason=f"signed by {found.identity} (issuer {found.issuer}), not by {signer}")
    if not peer.can_judge(bundle, key, root, found.times):
        return found
    peer.confirm(bundle, certificate, root, counted, digests.get("sha256"))  # 10
    return replace(found, confirmed=True)


def _verifier(bundle: SigstoreBundle, signer: ExpectedSigner) -> tuple[Any, Any]:
    """The leaf certificate, or None, and the key that must have made the signature."""
    if bundle.leaf is None and not isinstance(signer, PublicKey):
        raise UnsupportedBundle("signature-unknown-signer", "signed by a key, not under an identity",
                                hint="give the public key of the signer")
    if bundle.leaf is not None:
        if isinstance(signer, PublicKey):
            raise BundleError("identity-mismatch", "signed under a certificate, not by the key that was given",
                              hint="give the identity and the issuer that it must be signed by")
        certificate = certificates.load(bundle.leaf)
        return certificate, certificate.public_key()
    assert isinstance(signer, PublicKey)  # noqa: S101  said above; for the type checker
    return None, _load_key(signer)


def _another_method(bundle: SigstoreBundle, root: TrustRoot | None) -> UnsupportedBundle:
    """A chain in a bundle v0.3 is of an authority of one's own, whom nobody asked for; an instance writes none."""
    try:
        if root is not None and bundle.leaf is not None:
            certificates.check_issued(certificates.load(bundle.leaf), root)
            return UnsupportedBundle("bundle-kind-unsupported", "a certificate of a Sigstore instance in a chain",
                                     hint="a bundle v0.3 holds such a certificate alone")
    except BundleError:
        pass
    return UnsupportedBundle("signature-unknown-signer", "signed under a certificate authority of one's own",
                             hint="verify it with the certificates of that authority")


def _by_authority(bundle: SigstoreBundle, authority: Certified, root: TrustRoot | None,
                  found: BundleVerification, as_of: datetime, location: str) -> BundleVerification:
    """Steps 4 to 9 for a certificate of one's own authority: at the proven times or, without any, as of the verdict."""
    chain = [certificates.load(der) for der in bundle.certificates]
    refuse_strangers(chain, authority)
    if root is not None:
        found, _ = _check_times(bundle, root, found, as_of, location, logged=False)
    elif bundle.entries:
        raise UnsupportedBundle("trust-root-unknown", "no trust root was given to check its log entries with",
                                location=location, hint="give the trust root of its Sigstore instance")
    else:
        found = replace(found, set_aside=("a timestamp: no trust root was given to check it with",) * bool(
            bundle.timestamps))
    try:
        checked = check_chain(chain, authority, [time.moment for time in found.times] or [as_of])
    except UnsupportedBundle:
        raise
    except BundleError as err:
        if err.code == "certificate-outside-validity" and found.set_aside:
            # Somebody says that it was signed in time, and nobody here knows them.
            raise UnsupportedBundle("trust-root-unknown", f"{err.message}, and its only proof of another is "
                                    f"{found.set_aside[0]}", location=location,
                                    hint="give a trust root that lists the timestamp authority") from err
        raise
    return replace(found, identity=checked.name, issuer=checked.authority)


def _load_key(signer: PublicKey) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        return load_pem_public_key(signer.pem)
    except (ValueError, UnsupportedAlgorithm) as err:
        raise TrustError("key-invalid", "not a public key in PEM", location="the key",
                         hint="give a PEM SubjectPublicKeyInfo") from err


def _der(certificate: Any, key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if certificate is not None:
        return bytes(certificate.public_bytes(Encoding.DER))
    return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _check_signature(bundle: SigstoreBundle, key: Any, artifact: SignedFile | None) -> Mapping[str, bytes]:
    """Refuse a wrong signature; the digests of a file that is signed directly."""
    if isinstance(bundle.content, Envelope):
        if not made_by(key, bundle.signature, bundle.content.pae) and not _made_by_release_0_2(bundle, key):
            raise _wrong_signature()
        return {}
    digests = _digests(bundle.content, artifact)
    if artifact is not None and artifact.content is not None:
        if not made_by(key, bundle.signature, artifact.content):
            if bundle.content.algorithm == "sha512" and "Ed25519" in type(key).__name__:
                # Sigstore names the digest so where a key signs it as Ed25519ph (RFC 8032), which is another signature.
                raise UnsupportedBundle("bundle-kind-unsupported", "no Ed25519 signature over the file; one over its "
                                        "digest (Ed25519ph) is not checked", hint="ask for another kind of signature")
            raise _wrong_signature()
        return digests
    if not any(made_over(key, bundle.signature, name, digest) for name, digest in digests.items()):
        raise _wrong_signature()
    return digests


def _made_by_release_0_2(bundle: SigstoreBundle, key: Any) -> bool:
    """Whether a chain of one's own signed as the reference implementation of model signing did in its first release."""
    if not bundle.is_chain or not isinstance(bundle.content, Envelope):
        return False
    return is_signed_as_by_release_0_2(bundle.content.payload, bundle.signature, public_pem(key).decode("ascii"))


def _digests(message: MessageSignature, artifact: SignedFile | None) -> Mapping[str, bytes]:
    """What is known of the file, which must be what the bundle claims of it."""
    if artifact is None and not message.algorithm:
        raise UnsupportedBundle("bundle-kind-unsupported", "a signature over a file that was not given",
                                hint="give the file")
    if artifact is None:
        if len(message.digest) != hashlib.new(message.algorithm).digest_size:
            raise broken("its message digest is of another length than its kind", "the bundle")
        return {message.algorithm: message.digest}
    if message.algorithm and message.algorithm not in artifact.digests:
        raise UnsupportedBundle("bundle-kind-unsupported", f"the bundle holds a {message.algorithm} of the file",
                                hint="give the file itself rather than another digest of it")
    if message.algorithm and message.digest != artifact.digests[message.algorithm]:
        raise BundleError("artifact-mismatch", "the bundle signs another file", hint="get the bundle of this file")
    return artifact.digests


def _wrong_signature() -> BundleError:
    return BundleError("signature-invalid", "its key did not make this signature",
                       hint="get the bundle again from its signer")


def _what(bundle: SigstoreBundle, digests: Mapping[str, bytes]) -> dict[str, Any]:
    if isinstance(bundle.content, Envelope):
        return {"payload": bundle.content.payload, "payload_type": bundle.content.payload_type}
    name, digest = next(iter(digests.items()))
    return {"message_digest": f"{name}:{digest.hex()}"}


def _check_times(bundle: SigstoreBundle, root: TrustRoot, found: BundleVerification, as_of: datetime,
                 location: str, *, logged: bool = True) -> tuple[BundleVerification, tuple[bytes, ...]]:
    """Steps 5 to 7: the result with entries and times, and the timestamps that counted."""
    keyless = logged and bundle.leaf is not None
    if keyless and root.logs and not bundle.entries:
        raise BundleError("log-entry-missing", "it is in no transparency log", location=location,
                          hint="the signer must sign again")
    checked = [logs.check_entry(entry, bundle, root) for entry in bundle.entries]  # 5
    stamps = [check_timestamp(token, bundle.signature, root) for token in bundle.timestamps]  # 6
    times = [time for _, time in checked if time] + [time for time in stamps if isinstance(time, ProvenTime)]
    if keyless and not times:
        raise _no_time(stamps, location)
    if any(time.moment > as_of + _SKEW for time in times):  # 7
        raise BundleError("signing-time-future", "it is said to be signed after the time of this verdict",
                          location=location, hint="check the clock, and the time that was asked for")
    for entry in bundle.entries:
        logs.check_use(entry, root, [time.moment for time in times])
    counted = tuple(token for token, stamp in zip(bundle.timestamps, stamps, strict=True) if not isinstance(stamp, str))
    found = replace(found, times=tuple(sorted(times)), entries=tuple(entry for entry, _ in checked),
                    set_aside=tuple(stamp for stamp in stamps if isinstance(stamp, str)))
    return found, counted


def _no_time(stamps: list[ProvenTime | str], location: str) -> ProvenanceError:
    if stamps:
        return UnsupportedBundle("trust-root-unknown", f"its only time is {stamps[0]}", location=location,
                                 hint="give the trust root of the instance that signed it")
    return BundleError("signing-time-unproven", "no log and no clock proves when it was signed", location=location,
                       hint="the signer must sign again, with a timestamp")
