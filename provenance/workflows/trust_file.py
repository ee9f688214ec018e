"""Keys and trust files: make a key pair, begin a trust file, add a principal to it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from provenance.bundles import keys
from provenance.bundles.oms import MODEL_SIGNATURE
from provenance.bundles.trust import Trust, parse_trust, timestamp
from provenance.errors import TrustError
from provenance.files import write_whole
from provenance.statements.assessment import ASSESSMENT
from provenance.statements.dataset import DATASET
from provenance.statements.reader import parse_yaml
from provenance.statements.release import RELEASE
from provenance.statements.reproduction import REPRODUCTION
from provenance.statements.step import SLSA_PROVENANCE_V1
from provenance.statements.verification_summary import VERIFICATION_SUMMARY
from provenance.statements.waiver import WAIVER

# What each role has reason to sign; `trust add --predicate-type` says otherwise.
USUAL_TYPES: dict[str, tuple[str, ...]] = {
    "producer": (MODEL_SIGNATURE, RELEASE, SLSA_PROVENANCE_V1, DATASET),
    "data-supplier": (DATASET, SLSA_PROVENANCE_V1),
    "assessor": (ASSESSMENT,),
    "reproducer": (REPRODUCTION,),
    "approver": (WAIVER,),
    "buyer": (ASSESSMENT,),
    "gate": (VERIFICATION_SUMMARY,),
}


@dataclass(frozen=True)
class KeyPair:
    """Where a key pair was written, and the name of the key."""

    private: Path
    public: Path
    keyid: str


@dataclass(frozen=True)
class NewPrincipal:
    """What is to be put into a trust file; `identities` are pairs of Sigstore identity and issuer, both exact."""

    name: str
    party: str
    roles: tuple[str, ...]
    public_keys: tuple[Path, ...]
    subjects: tuple[str, ...]
    predicate_types: tuple[str, ...] = ()
    valid_from: str | None = None
    valid_until: str | None = None
    identities: tuple[tuple[str, str], ...] = ()


def keygen(path: Path, kind: keys.KeyKind, passphrase: bytes | None) -> KeyPair:
    """Write `PATH` (private, PKCS#8, mode 0600) and `PATH.pub`; never overwrites either."""
    private, public = keys.generate(kind, passphrase)
    beside = path.with_name(path.name + ".pub")
    if beside.exists():
        raise TrustError("output-unwritable", "the file is there already", location=str(beside),
                         hint="choose another name")
    write_whole(path, private, mode=0o600, replace=False)
    write_whole(beside, public, replace=False)
    return KeyPair(path, beside, keys.keyid(public))


def init_trust(path: Path, expires: datetime) -> Trust:
    """Write an empty trust file of version 1; never overwrites one."""
    data = _to_yaml({"apiVersion": "open-provenance/v0.1", "kind": "Trust", "version": 1,
                     "expires": timestamp(expires), "principals": []})
    trust = parse_trust(data, str(path))
    write_whole(path, data, replace=False)
    return trust


def add_principal(path: Path, principal: NewPrincipal) -> Trust:
    """Add a principal and raise the version by one; the file is checked as a whole before it is written."""
    document = read_document(path)
    types = principal.predicate_types or tuple(
        dict.fromkeys(kind for role in principal.roles for kind in USUAL_TYPES.get(role, ()))
    )
    if not types:
        raise TrustError("usage", f"say what {principal.name} may sign: no predicate type is usual for its roles",
                         location="--predicate-type", hint="name a type URI")
    entry: dict[str, Any] = {"name": principal.name, "party": principal.party, "roles": list(principal.roles)}
    if principal.public_keys:
        entry["keys"] = [_public_pem(key) for key in principal.public_keys]
    if principal.identities:
        entry["identities"] = [{"identity": name, "issuer": issuer} for name, issuer in principal.identities]
    entry |= {"predicateTypes": list(types), "subjects": _subjects(principal.subjects)}
    if principal.valid_from:
        entry["validFrom"] = principal.valid_from
    if principal.valid_until:
        entry["validUntil"] = principal.valid_until
    updated = {**document, "version": document["version"] + 1, "principals": [*document["principals"], entry]}
    data = _to_yaml(updated)
    trust = parse_trust(data, str(path))
    write_whole(path, data)
    return trust


def read_document(path: Path) -> dict[str, Any]:
    """A trust file as it was written, after it was checked; TrustError where it cannot be used."""
    data = read_bytes(path)
    parse_trust(data, str(path))
    document: dict[str, Any] = parse_yaml(data, str(path))
    return document


def read_bytes(path: Path) -> bytes:
    """The bytes of a trust file; TrustError `input-unreadable`."""
    try:
        return path.read_bytes()
    except OSError as err:
        raise TrustError("input-unreadable", f"cannot read the trust file: {err.strerror}", location=str(path),
                         hint="`provenance trust init` writes one") from err


def _public_pem(path: Path) -> str:
    try:
        pem = path.read_bytes()
    except OSError as err:
        raise TrustError("input-unreadable", f"cannot read the key: {err.strerror}", location=str(path),
                         hint="give the .pub file of `provenance keygen`") from err
    keys.public_key(pem, str(path))
    return pem.decode("ascii")


def _subjects(scopes: Sequence[str]) -> dict[str, list[str]]:
    digests = [scope for scope in scopes if ":" in scope]
    names = [scope for scope in scopes if ":" not in scope]
    return {key: value for key, value in (("names", names), ("digests", digests)) if value}


def _to_yaml(document: Mapping[str, Any]) -> bytes:
    from ruamel.yaml import YAML
    from ruamel.yaml.scalarstring import LiteralScalarString

    def readable(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: readable(item) for key, item in value.items()}
        if isinstance(value, list):
            return [readable(item) for item in value]
        return LiteralScalarString(value) if isinstance(value, str) and "\n" in value else value

    yaml, out = YAML(), io.BytesIO()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(readable(dict(document)), out)
    return out.getvalue()
