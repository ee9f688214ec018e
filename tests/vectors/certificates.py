"""Bundles under certificates of one's own authority: good ones, and ones with a single flaw in a certificate or name.

Everything is made again byte for byte: the keys are stored, ECDSA signs as RFC 6979 says, serial numbers are counted.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import statements
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage
from cryptography.x509.oid import NameOID
from making import Answer, Json, invalid, unsupported, valid
from reference import MEDIA_TYPE, PAYLOAD_TYPE, b64, compact, pae, pretty

DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
START, END, BEFORE, AFTER = (datetime(year, 1, 1, tzinfo=UTC) for year in (2025, 2035, 2026, 2027))
KINDS: dict[str, Callable[[], Any]] = {
    **{name: functools.partial(ec.generate_private_key, ec.SECP256R1())
       for name in ("root", "authority", "signer", "stranger")},
    "signer-384": functools.partial(ec.generate_private_key, ec.SECP384R1()),
    "other-curve": functools.partial(ec.generate_private_key, ec.SECP256K1()),
    "weak": functools.partial(rsa.generate_private_key, 65537, 1024),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "rsa": functools.partial(rsa.generate_private_key, 65537, 2048),
}
SIGNER, URI = "CN=signer,O=Example Lab", "https://example.org/works"
_CA: Json = {"ca": True, "usage": ("key_cert_sign", "crl_sign"), "usages": (), "names": ()}
_USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
           "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
_CODE = "certificate-invalid"


def load(folder: Path) -> dict[str, Any]:
    """The keys; those that are missing are made and written first."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in KINDS.items():
        if not (folder / f"{name}.pem").exists():
            (folder / f"{name}.pem").write_bytes(make().private_bytes(
                PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return {name: serialization.load_pem_private_key((folder / f"{name}.pem").read_bytes(), None) for name in KINDS}


@dataclass
class Chain:
    """Root, authority and signer, each as it should be but for what is said; `keys` are of other kinds where named."""

    known: dict[str, Any]
    root: Json = field(default_factory=dict)
    authority: Json = field(default_factory=dict)
    signer: Json = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def key(self, name: str) -> Any:
        return self.known[self.keys.get(name, name)]

    @property
    def certificates(self) -> list[x509.Certificate]:
        """The signer's own first, the root last."""
        root, authority = self.key("root"), self.key("authority")
        return [
            _certificate(3, "signer", self.key("signer"), "authority", authority, self.signer),
            _certificate(2, "authority", authority, "root", root, {**_CA, **self.authority}),
            _certificate(1, "root", root, "root", root, {**_CA, **self.root}),
        ]

    def bundle(self) -> Json:
        """A dataset statement that the signer signed; the root stays out."""
        payload = compact(statements.dataset())
        chain = [{"rawBytes": b64(item.public_bytes(DER))} for item in self.certificates[:2]]
        signature = b64(signed_by(self.key("signer"), pae(PAYLOAD_TYPE, payload)))
        return {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {"x509CertificateChain": {"certificates": chain}, "tlogEntries": []},
            "dsseEnvelope": {"payload": b64(payload), "payloadType": PAYLOAD_TYPE, "signatures": [{"sig": signature}]},
        }


def _certificate(serial: int, name: str, key: Any, issuer: str, issuer_key: Any, how: Json) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder().subject_name(_name(how.get("name", name))).issuer_name(_name(issuer))
        .public_key(key.public_key()).serial_number(serial)
        .not_valid_before(how.get("start", START)).not_valid_after(how.get("end", END))
    )
    if (ca := how.get("ca", False)) is not None:
        length = how.get("length") if ca else None
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=length), critical=True)
    if (usage := how.get("usage", ("digital_signature",))) is not None:
        builder = builder.add_extension(x509.KeyUsage(**{one: one in usage for one in _USAGES}), critical=True)
    if usages := how.get("usages", (Usage.CODE_SIGNING,)):
        critical = how.get("usages-critical", False)
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(usages)), critical=critical)
    if names := how.get("names", (URI,)):
        uris = [x509.UniformResourceIdentifier(uri) for uri in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(uris), critical=False)
    if unknown := how.get("unknown"):
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(unknown), b"\x05\x00")
        builder = builder.add_extension(extension, critical=True)
    if isinstance(issuer_key, ed25519.Ed25519PrivateKey):
        return builder.sign(issuer_key, None)
    if how.get("sha1"):
        return _with_sha1(builder.sign(issuer_key, hashes.SHA256()), issuer_key)
    deterministic = isinstance(issuer_key, ec.EllipticCurvePrivateKey) or None
    return builder.sign(issuer_key, hashes.SHA256(), ecdsa_deterministic=deterministic)


def _with_sha1(certificate: x509.Certificate, issuer_key: Any) -> x509.Certificate:
    """The same certificate signed with SHA-1, which cryptography does not offer: names of equal length are replaced."""
    sha256, sha1 = bytes.fromhex("06092a864886f70d01010b"), bytes.fromhex("06092a864886f70d010105")
    body = certificate.tbs_certificate_bytes.replace(sha256, sha1)
    signature = issuer_key.sign(body, padding.PKCS1v15(), hashes.SHA1())
    whole = certificate.public_bytes(DER).replace(certificate.tbs_certificate_bytes, body).replace(sha256, sha1)
    return x509.load_der_x509_certificate(whole.replace(certificate.signature, signature))


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example Lab"),
                      x509.NameAttribute(NameOID.COMMON_NAME, common)])


def chain_of(key: Any, above: Any, name: str, **flaw: Any) -> tuple[x509.Certificate, ...]:
    """The certificate of a clock of this name, and the one above it; what is otherwise than it should be is said."""
    how = {"usages": (Usage.TIME_STAMPING,), "names": (), "usages-critical": True, **flaw}
    issuer = how.get("issuer", "clocks")
    return (_certificate(how.get("serial", 5), name, key, issuer, above, how),
            _certificate(4, issuer, above, issuer, above, _CA))


def ecdsa(key: Any, data: bytes) -> bytes:
    """A deterministic signature with the hash of the curve."""
    kind = hashes.SHA384() if key.curve.key_size == 384 else hashes.SHA256()
    signature: bytes = key.sign(data, ec.ECDSA(kind, deterministic_signing=True))
    return signature


def signed_by(key: Any, data: bytes) -> bytes:
    """A signature that is made again byte for byte, by whatever kind of key."""
    return key.sign(data) if isinstance(key, ed25519.Ed25519PrivateKey) else ecdsa(key, data)


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below `certificates/`."""
    known = load(folder)
    yield from ((f"keys/{name}.pem", (folder / f"{name}.pem").read_bytes()) for name in KINDS)
    yield "trust.yaml", _trust(Chain(known))
    for name, bundle, answer in (*_valid(known), *_invalid(known)):
        place = f"{'valid' if answer.status == 'VALID' else 'invalid'}/{name}"
        yield f"{place}.sigstore.json", compact(bundle) + b"\n"
        yield f"{place}.expected.json", pretty({
            "file": f"{name}.sigstore.json", "rule": answer.rule, "status": answer.status, "code": answer.code,
            "signer": answer.signer})


def _trust(chain: Chain) -> bytes:
    """The root vouches for one signer by subject, and for another by alternative name."""
    pem = chain.certificates[2].public_bytes(PEM).decode()
    lines = ["apiVersion: open-provenance/v0.1", "kind: Trust", "version: 1", "expires: 2036-01-01T00:00:00Z",
             "principals:"]
    for name, party, by in (("lab", "Example Lab", f'subject: "{SIGNER}"'),
                            ("works", "Example Works", f'subjectAltName: "{URI}"')):
        lines += [f"  - name: {name}", f"    party: {party}", "    roles: [data-supplier]", "    certificateAuthority:",
                  f"      {by}", "      pem: |", *(f"        {line}" for line in pem.splitlines()),
                  '    predicateTypes: ["*"]', '    subjects: {names: ["*"]}']
    return ("\n".join(lines) + "\n").encode()


def _valid(known: dict[str, Any]) -> Iterator[tuple[str, Json, Answer]]:
    for name, chain, rule, who in (
        ("chain", Chain(known), "a chain to the authority, under the subject", "lab"),
        ("curve-384", Chain(known, keys={"signer": "signer-384"}), "a signer on P-384", "lab"),
        ("ed25519", Chain(known, keys={"signer": "ed25519"}), "a signer with an Ed25519 key", "lab"),
        ("rsa-authority", Chain(known, keys={"authority": "rsa"}), "an authority with an RSA key of 2048 bits", "lab"),
        ("alternative-name", Chain(known, signer={"name": "elsewhere"}), "under the alternative name", "works"),
        ("leaf-says-ca", Chain(known, signer={"ca": True}),
         "a signer that says CA and may not certify, as the reference implementation's own tests have", "lab"),
        ("authority-for-code", Chain(known, authority={"usages": (Usage.CODE_SIGNING,)}),
         "an authority that is limited to code signing", "lab"),
        ("authority-for-anything", Chain(known, authority={"usages": (Usage.ANY_EXTENDED_KEY_USAGE,)}),
         "an authority that says that it is for anything", "lab"),
    ):
        yield name, chain.bundle(), valid(rule, who)


# One flaw each: what is wrong with which certificate, or with whose key, and the rule.
_FLAWS: dict[str, tuple[Json, Answer]] = {
    "leaf-usage-missing": ({"signer": {"usage": None}}, invalid(_CODE, "a signer has a key usage")),
    "leaf-usage-other": ({"signer": {"usage": ("key_agreement",)}}, invalid(_CODE, "which is digitalSignature")),
    "leaf-may-certify": ({"signer": {"ca": True, "usage": ("digital_signature", "key_cert_sign")}},
                         invalid(_CODE, "an authority does not sign models")),
    "leaf-for-servers": ({"signer": {"usages": (Usage.SERVER_AUTH,)}}, invalid(_CODE, "a signer is for code signing")),
    "leaf-for-timestamps": ({"signer": {"usages": (Usage.TIME_STAMPING,)}}, invalid(_CODE, "not for timestamps")),
    "leaf-for-anything": ({"signer": {"usages": (Usage.ANY_EXTENDED_KEY_USAGE,)}},
                          invalid(_CODE, "code signing is shown, not included in anything")),
    "leaf-for-nothing": ({"signer": {"usages": ()}}, invalid(_CODE, "a signer says what it is for")),
    "leaf-expired": ({"signer": {"end": BEFORE}}, invalid(
        "certificate-outside-validity", "the signer's certificate is valid at the time of the verdict")),
    "leaf-not-yet": ({"signer": {"start": AFTER}}, invalid(
        "certificate-outside-validity", "the signer's certificate is valid already")),
    "authority-expired": ({"authority": {"end": BEFORE}}, invalid(_CODE, "and so is every other of the path")),
    "authority-is-none": ({"authority": {"ca": False}}, invalid(_CODE, "only an authority certifies")),
    "authority-silent": ({"authority": {"ca": None}}, invalid(_CODE, "an authority says that it is one")),
    "authority-may-not-certify": ({"authority": {"usage": ("digital_signature",)}},
                                  invalid(_CODE, "an authority has the key usage keyCertSign")),
    "authority-for-servers": ({"authority": {"usages": (Usage.SERVER_AUTH,)}},
                              invalid(_CODE, "an authority for servers certifies no signers")),
    "authority-weak": ({"keys": {"authority": "weak"}}, invalid(_CODE, "RSA has 2048 bits or more")),
    "authority-curve": ({"keys": {"authority": "other-curve"}}, invalid(_CODE, "curves are NIST's")),
    "authority-ed25519": ({"keys": {"authority": "ed25519"}}, unsupported(
        "bundle-kind-unsupported", "an authority with an Ed25519 key is not checked")),
    "leaf-sha1": ({"keys": {"authority": "rsa"}, "signer": {"sha1": True}}, invalid(
        _CODE, "no certificate is signed with SHA-1")),
    "root-of-another-key": ({"keys": {"root": "stranger"}}, invalid(
        _CODE, "a root of the same name and another key is another root")),
    "leaf-unknown-critical": ({"signer": {"unknown": "1.2.3.4"}}, unsupported(
        "bundle-kind-unsupported", "a critical extension that is not known could forbid anything")),
    "authority-unknown-critical": ({"authority": {"unknown": "1.2.3.4"}}, unsupported(
        "bundle-kind-unsupported", "in whichever certificate it is")),
    "name-of-nobody": ({"signer": {"name": "elsewhere", "names": ()}}, unsupported(
        "signature-unknown-signer", "whom the authority certifies under another name is nobody")),
    "name-longer": ({"signer": {"name": "signer2", "names": (URI + "/x",)}}, unsupported(
        "signature-unknown-signer", "names are compared whole")),
    "name-of-another-case": ({"signer": {"name": "Signer", "names": (URI.upper(),)}}, unsupported(
        "signature-unknown-signer", "and case counts")),
}


def _invalid(known: dict[str, Any]) -> Iterator[tuple[str, Json, Answer]]:
    for name, (flaw, answer) in _FLAWS.items():
        yield name, Chain(known, **flaw).bundle(), answer
    good, stranger = Chain(known), Chain(known, keys={"signer": "stranger"})
    certificates = ("verificationMaterial", "x509CertificateChain")
    for name, change, answer in (
        ("chain-with-a-gap", lambda chain: chain.pop(), unsupported(
            "signature-unknown-signer", "the bundle brings every certificate below the authority")),
        ("chain-empty", lambda chain: chain.clear(), invalid("bundle-invalid", "a chain has a certificate")),
        ("chain-of-another-signer", lambda chain: chain.__setitem__(0, stranger.bundle()[certificates[0]][
            certificates[1]]["certificates"][0]), invalid("signature-invalid", "the first certificate's key signed")),
        ("chain-not-der", lambda chain: chain.__setitem__(0, {"rawBytes": b64(b"DER")}), invalid(
            _CODE, "a certificate is one in DER")),
        ("chain-too-long", lambda chain: chain.extend(chain[1:] * 16), invalid(
            "bundle-invalid", "a chain has sixteen certificates at most")),
    ):
        bundle = good.bundle()
        change(bundle[certificates[0]][certificates[1]]["certificates"])
        yield name, bundle, answer
    bundle = good.bundle()
    bundle["dsseEnvelope"]["payload"] = b64(compact(statements.dataset()) + b" ")
    yield "payload-changed", bundle, invalid("signature-invalid", "a certificate does not make up for a signature")
