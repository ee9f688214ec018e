"""Keys and trust files: make a key pair, begin a trust file, change it, sign it.

Every change raises the version by one, is checked as a whole before it is written, and is whole or not there.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance.artifacts.digest import HEX_LENGTHS, problem_with
from provenance.bundles import keys
from provenance.bundles.envelope import sha256, sign
from provenance.bundles.oms import MODEL_SIGNATURE
from provenance.bundles.signers.key import KeyKind, generate
from provenance.bundles.store import pieces
from provenance.bundles.stores.facts import payload_unverified
from provenance.bundles.trust import Trust, parse_trust, read_trust_file, timestamp
from provenance.errors import TrustError
from provenance.files import one_at_a_time, read_small, write_whole
from provenance.statements.assessment import ASSESSMENT
from provenance.statements.dataset import DATASET
from provenance.statements.reader import parse_yaml
from provenance.statements.release import RELEASE
from provenance.statements.reproduction import REPRODUCTION
from provenance.statements.sbom import CYCLONEDX, SPDX
from provenance.statements.shown import VERIFICATION_SUMMARY
from provenance.statements.statement import Statement
from provenance.statements.step import SLSA_PROVENANCE_V1
from provenance.statements.waiver import WAIVER
from provenance.workflows.trust_yaml import round_trip, to_yaml

if TYPE_CHECKING:
    from provenance.bundles.signers import AnySigner

# What each role has reason to sign; `trust add --predicate-type` says otherwise.
USUAL_TYPES: dict[str, tuple[str, ...]] = {
    "producer": (MODEL_SIGNATURE, RELEASE, SLSA_PROVENANCE_V1, DATASET, CYCLONEDX, SPDX),
    "data-supplier": (DATASET, SLSA_PROVENANCE_V1),
    "assessor": (ASSESSMENT,),
    "reproducer": (REPRODUCTION,),
    "approver": (WAIVER,),
    "buyer": (ASSESSMENT,),
    "gate": (VERIFICATION_SUMMARY,),
}
_HEX = re.compile(r"[0-9a-f]{64}")


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
    authority: NewAuthority | None = None


@dataclass(frozen=True)
class NewAuthority:
    """A certificate authority, by the file of its certificate, and the one name for which it is believed."""

    certificate: Path
    name: str
    is_subject: bool


@dataclass(frozen=True)
class Revocations:
    """What is not to be believed any more: keys by id or file, bundles by sha256 or file, identities and artefacts."""

    keys: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()
    bundles: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()


def keygen(path: Path, kind: KeyKind, passphrase: bytes | None) -> KeyPair:
    """Write `PATH` (private, PKCS#8, mode 0600) and `PATH.pub`; never overwrites either."""
    private, public = generate(kind, passphrase)
    beside = path.with_name(path.name + ".pub")
    if beside.exists():
        raise TrustError("output-unwritable", "the file is there already", location=str(beside),
                         hint="choose another name")
    write_whole(path, private, mode=0o600, replace=False)
    write_whole(beside, public, replace=False)
    return KeyPair(path, beside, keys.keyid(public))


def init_trust(path: Path, expires: datetime) -> Trust:
    """Write an empty trust file of version 1 with an identity of its own; never overwrites one."""
    data = to_yaml({"apiVersion": "open-provenance/v0.1", "kind": "Trust", "id": uuid.uuid4().urn, "version": 1,
                     "expires": timestamp(expires), "principals": []})
    trust = parse_trust(data, str(path))
    write_whole(path, data, replace=False)
    return trust


def add_principal(path: Path, principal: NewPrincipal) -> Trust:
    """Add a principal, or another key, identity or authority of one, and raise the version by one.

    Of a principal that is there everything else has to be said as the file says it: a slip in its name must not give
    somebody's key to somebody else. The file is checked as a whole before it is written.
    """
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
    if principal.authority is not None:
        member = "subject" if principal.authority.is_subject else "subjectAltName"
        entry["certificateAuthority"] = {"pem": _text(principal.authority.certificate, "certificate"),
                                         member: principal.authority.name}
    entry |= {"predicateTypes": list(types), "subjects": _subjects(principal.subjects)}
    if principal.valid_from:
        entry["validFrom"] = principal.valid_from
    if principal.valid_until:
        entry["validUntil"] = principal.valid_until

    def change(document: Any) -> None:
        there = next((one for one in document["principals"] if one["name"] == principal.name), None)
        if there is None:
            document["principals"].append(entry)
        else:
            _join(there, entry, unsaid=() if principal.predicate_types else ("predicateTypes",), location=str(path))

    return _change(path, change)


def _join(there: Any, entry: dict[str, Any], *, unsaid: Sequence[str], location: str) -> None:
    """Put what a principal signs with to what it has."""
    known = ("keys", "identities", "certificateAuthority")
    differing = [member for member in entry
                 if member not in (*known, *unsaid) and _unordered(there.get(member)) != _unordered(entry[member])]
    if differing:
        raise TrustError("trust-invalid", f"there is a {there['name']} already, with other {differing[0]}",
                         location=location, hint="for another key of it, say the rest as the trust file says it; "
                                                 "another principal has another name")
    fresh = {kind: [one for one in entry.get(kind, ()) if one not in there.get(kind, ())] for kind in known[:2]}
    authority = entry.get("certificateAuthority")
    if (authority and "certificateAuthority" in there) or not (authority or any(fresh.values())):
        raise TrustError("trust-invalid", f"{there['name']} is known by that already, or by another authority",
                         location=location, hint="`provenance trust show` says by what")
    for kind, items in fresh.items():
        if items:
            there.setdefault(kind, []).extend(items)
    if authority:
        there["certificateAuthority"] = authority


def _unordered(value: Any) -> Any:
    """A value to compare: lists without their order."""
    if isinstance(value, dict):
        return {name: _unordered(item) for name, item in value.items()}
    return sorted(value) if isinstance(value, list) else value


def revoke_in(path: Path, revocations: Revocations) -> Trust:
    """Add to what is revoked and recalled, and raise the version by one, unless all of it is listed already."""
    lists = {"keys": [_keyid(key) for key in revocations.keys], "identities": list(revocations.identities),
             "bundles": [digest for bundle in revocations.bundles for digest in _bundle_digests(bundle)],
             "artifacts": [_artifact(artifact) for artifact in revocations.artifacts]}
    trust = parse_trust(read_trust_file(path), str(path))
    known = {"keys": trust.revoked_keys, "identities": trust.revoked_identities, "bundles": trust.revoked_bundles,
             "artifacts": trust.recalled}
    if all(known[kind].issuperset(items) for kind, items in lists.items()):
        return trust

    def change(document: Any) -> None:
        revoked = document.setdefault("revoked", {})
        for kind, items in lists.items():
            present = revoked.get(kind, [])
            fresh = [item for item in dict.fromkeys(items) if item not in present]
            if fresh and present:
                present.extend(fresh)
            elif fresh:
                revoked[kind] = fresh

    return _change(path, change)


def pin_root(path: Path, root: bytes) -> Trust:
    """Put a Sigstore trust root beside a trust file and pin it there; raises the version, unless it is pinned already.

    The root has its digest in its name: a crash between the two writes leaves a trust file that still finds its own.
    """
    from provenance.bundles.sigstore.roots import TrustRoot

    digest = sha256(root)
    pinned = {"file": f"trusted-root-{digest[:12]}.json", "sha256": digest}
    fetched = TrustRoot.from_bytes(root, pinned["file"])
    data = read_trust_file(path)
    trust, document = parse_trust(data, str(path)), parse_yaml(data, str(path))
    if document.get("trustedRoot") == pinned:
        return trust
    # Whoever serves an older root, which was signed once, would bring back a log or an authority that was given up.
    if trust.trust_root is not None and fetched.is_older_than(trust.trust_root):
        raise TrustError("trust-rollback", "the trust root is older than the one in use", location=str(path),
                         hint="try again later, or from another network")
    write_whole(path.with_name(pinned["file"]), root)
    return _change(path, lambda document: document.update({"trustedRoot": pinned}))


def sign_trust_file(path: Path, signer: Callable[[], AnySigner]) -> tuple[Path, str, Statement]:
    """Write the bundle that `--trust-key` asks for, beside a trust file: where, its sha256, and what it says."""
    from provenance.bundles.trust_signature import beside, trust_statement

    statement = trust_statement(path, read_trust_file(path))  # before the key is opened
    data = sign(statement.to_bytes(), signer())
    write_whole(beside(path), data)
    return beside(path), sha256(data), statement


def _change(path: Path, change: Callable[[Any], None]) -> Trust:
    """Change a trust file and raise its version; comments, order and quotes of what is there stay.

    The file is read by the strict reader before and after, so that nothing is written that it would not read, and
    nothing that it would read differently from what was meant.
    """
    with one_at_a_time(path.parent):
        before = read_trust_file(path)
        parse_trust(before, str(path))
        intended, written = parse_yaml(before, str(path)), round_trip().load(before.decode("utf-8"))
        for document in (intended, written):
            change(document)
            document["version"] += 1
        data = to_yaml(written)
        trust = parse_trust(data, str(path))
        if parse_yaml(data, str(path)) != intended:
            raise TrustError("trust-invalid", "the change cannot be written without changing something else",
                             location=str(path), hint="write it by hand")
        if read_trust_file(path) != before:
            raise TrustError("trust-invalid", "somebody else changed the trust file at the same time",
                             location=str(path), hint="look at it, and try again")
        write_whole(path, data)
    return trust


def _public_pem(path: Path) -> str:
    pem = _text(path, "key")
    keys.public_key(pem.encode("utf-8"), str(path))
    return pem


def _text(path: Path, what: str) -> str:
    data = read_small(path, what, error=TrustError, hint="check the path; `provenance keygen` writes a .pub file")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as err:
        raise TrustError("key-invalid", f"the {what} is not in PEM", location=str(path), hint="give it as PEM") from err


def _artifact(named: str) -> str:
    """A digest by which an artefact can be recalled; TrustError `usage`."""
    algorithm, _, value = named.partition(":")
    problem = problem_with({algorithm: value}) if value else "it is not ALGORITHM:HEX"
    if problem:
        raise TrustError("usage", f"not a digest of an artefact: {problem}", location=named,
                         hint="write sha256:HEX, dirHash:HEX or tensorTree:HEX, as `provenance digest` prints them")
    return named


def _keyid(named: str) -> str:
    """A key id as it is, or that of a public key file."""
    return named if _HEX.fullmatch(named) else keys.keyid(_text(Path(named), "key").encode("utf-8"))


def _bundle_digests(named: str) -> list[str]:
    """A digest as it is, or those of a file, of each bundle in it and of its statement, however that is written."""
    if _HEX.fullmatch(named):
        return [named]
    data = read_small(Path(named), "bundle", error=TrustError, hint="give the bundle, or its sha256")
    found = [piece.data or b"" for piece in pieces(Path(named).name, data)]
    payloads = [payload for piece in found if (payload := payload_unverified(piece)) is not None]
    return list(dict.fromkeys(map(sha256, (data, *found, *payloads))))


def _subjects(scopes: Sequence[str]) -> dict[str, list[str]]:
    digests = [scope for scope in scopes if scope.partition(":")[0] in HEX_LENGTHS]
    names = [scope for scope in scopes if scope not in digests]
    return {key: value for key, value in (("names", names), ("digests", digests)) if value}
