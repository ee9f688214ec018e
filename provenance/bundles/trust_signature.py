"""The signature of a trust file: a bundle beside it (`trust.yaml.sigstore.json`), by a key that is handed in.

    {"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "trust.yaml", "digest": {"sha256"}}],
     "predicateType": "urn:open-provenance:trust:v0.1", "predicate": {"id", "version", "expires"}}

It says that this very file is the one that its keeper issued. It is evidence for nothing else.
"""

from __future__ import annotations

from pathlib import Path

from provenance.bundles.envelope import MAX_BUNDLE, parse_bundle, sha256
from provenance.bundles.keys import NamedKey, public_key, verifying_key
from provenance.bundles.signatures import made_by
from provenance.bundles.trust import parse_trust, timestamp
from provenance.errors import ProvenanceError, TrustError
from provenance.files import read_small
from provenance.statements.reader import validate
from provenance.statements.statement import URN, ResourceDescriptor, Statement

TRUST_SIGNATURE = URN + "trust:v0.1"
SUFFIX = ".sigstore.json"


def beside(path: Path) -> Path:
    """Where the signature of a trust file lies."""
    return path.with_name(path.name + SUFFIX)


def is_signed_unverified(path: Path, digest: str) -> bool | None:
    """Whether the bundle beside a trust file speaks of these bytes, whoever made it; None where there is none."""
    try:
        statement = Statement.from_bytes(parse_bundle(read_small(beside(path)), "").payload, "")
    except ProvenanceError as err:
        return None if err.code == "input-unreadable" else False
    return any(subject.digest.get("sha256") == digest for subject in statement.subjects)


def trust_statement(path: Path, data: bytes) -> Statement:
    """What the keeper of a trust file signs."""
    trust = parse_trust(data, str(path))
    predicate = {"id": trust.id, "version": trust.version, "expires": timestamp(trust.expires)}
    return Statement((ResourceDescriptor(path.name, {"sha256": sha256(data)}),), TRUST_SIGNATURE, predicate)


def require_signature(path: Path, data: bytes, key: Path) -> None:
    """Refuse a trust file that the key did not sign as it is; TrustError `trust-unsigned`."""
    bundle = beside(path)
    pem = read_small(key, "key", error=TrustError, hint="give the public key of whoever keeps the trust file")
    expected = public_key(pem, str(key))
    try:
        with bundle.open("rb") as file:
            envelope = parse_bundle(file.read(MAX_BUNDLE + 1), str(bundle))
        statement = _verified(envelope.payload, envelope.pae, envelope.signature, expected, str(bundle))
    except OSError as err:
        raise _unsigned(f"its signature cannot be read: {err.strerror}", bundle) from err
    except ProvenanceError as err:
        raise _unsigned(err.message, bundle) from err
    if statement.predicate_type != TRUST_SIGNATURE:
        raise _unsigned("the key signed something else", bundle)
    if [subject.digest.get("sha256") for subject in statement.subjects] != [sha256(data)]:
        raise _unsigned("the key signed another trust file", bundle)


def _verified(payload: bytes, pae: bytes, signature: bytes, key: NamedKey, location: str) -> Statement:
    if not made_by(verifying_key(key), signature, pae):
        raise ProvenanceError("signature-invalid", "the key did not make this signature")
    statement = Statement.from_bytes(payload, location)
    if statement.predicate_type == TRUST_SIGNATURE:
        validate(dict(statement.predicate), "trust-signature", location)
    return statement


def _unsigned(why: str, bundle: Path) -> TrustError:
    return TrustError("trust-unsigned", f"the trust file is not signed as it must be: {why}", location=str(bundle),
                      hint="get both files again from whoever keeps them; `provenance trust sign` writes the bundle")
