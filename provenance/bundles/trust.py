"""The trust file: whom this verifier believes, as what, about what, and until when.

It is YAML (`schemas/trust.schema.json`), is always handed in, and is never discovered: a trust file that came with
the model would let the model vouch for itself. It has a version and expires. A role is only ever taken from here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance.bundles.keys import NamedKey, public_key
from provenance.errors import TrustError, quoted
from provenance.files import read_small
from provenance.statements.reader import parse_yaml, validate
from provenance.statements.statement import ResourceDescriptor

if TYPE_CHECKING:
    from provenance.bundles.authority import CertificateAuthority
    from provenance.bundles.sigstore.identity import CertificateIdentity, IdentityPattern
    from provenance.bundles.sigstore.roots import TrustRoot

ROLES = ("producer", "data-supplier", "assessor", "reproducer", "approver", "buyer", "gate")


@dataclass(frozen=True)
class Principal:
    """Someone who may be believed: its party (organisation), roles, keys, scopes and validity window (UTC)."""

    name: str
    party: str
    roles: tuple[str, ...]
    keys: tuple[NamedKey, ...]
    predicate_types: tuple[str, ...]
    subject_names: tuple[str, ...] = ()
    subject_digests: frozenset[str] = frozenset()
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    identities: tuple[CertificateIdentity | IdentityPattern, ...] = ()
    authority: CertificateAuthority | None = None
    names_of_others: tuple[str, ...] = ()

    def may_speak_as_of(self, moment: datetime) -> bool:
        """Whether the window includes the moment; a time that the signer claims never takes its place."""
        return (self.valid_from is None or self.valid_from <= moment) and (
            self.valid_until is None or moment <= self.valid_until
        )

    def may_speak_of(self, predicate_type: str, subjects: Iterable[ResourceDescriptor]) -> bool:
        """Whether predicate type and every one of the subjects are in scope."""
        if not {"*", predicate_type} & set(self.predicate_types):
            return False
        return all(self._covers(subject) for subject in subjects)

    def may_vouch_for(self, here: ResourceDescriptor) -> bool:
        """Whether an artefact that lies here under this name may be what the principal calls by a name of its own.

        The name in a statement is its signer's claim. A name that the trust file lets others speak of in the same role,
        and not this principal, is not taken from them by calling what bears it something else.
        """
        return self._covers(here) or not any(_matches(pattern, here.name) for pattern in self.names_of_others)

    def _covers(self, subject: ResourceDescriptor) -> bool:
        if self.subject_digests & {str(identity) for identity in subject.identities}:
            return True
        return any(_matches(pattern, subject.name) for pattern in self.subject_names)


def _matches(pattern: str, name: str) -> bool:
    # An empty pattern is a slip, never a wildcard (go-witness GHSA-g9jx).
    if not pattern:
        return False
    base = name.split("#", 1)[0]
    if pattern.endswith("*"):
        return base.startswith(pattern[:-1])
    return base == pattern or base.startswith(pattern + "/")


@dataclass(frozen=True)
class Threshold:
    """How many principals must sign one and the same statement, where a signer of it has the role."""

    role: str
    predicate_types: tuple[str, ...]
    principals: int

    def applies_to(self, principal: Principal, predicate_type: str) -> bool:
        """Whether a statement of this type by this principal falls under it."""
        return self.role in principal.roles and bool({"*", predicate_type} & set(self.predicate_types))


@dataclass(frozen=True)
class Trust:
    """A trust file as it was read; `digest` is the sha256 of its bytes.

    `id` names the file through all of its versions and wherever it lies; "" where it has none. `is_asked_for` says that
    it is no file but the one signer who was asked for: a signature by anybody else is then wrong, not merely unknown.
    """

    digest: str
    version: int
    expires: datetime
    principals: tuple[Principal, ...]
    revoked_keys: frozenset[str] = frozenset()
    revoked_bundles: frozenset[str] = frozenset()
    revoked_identities: frozenset[str] = frozenset()
    trust_root: TrustRoot | None = None
    recalled: frozenset[str] = field(default_factory=frozenset)
    thresholds: tuple[Threshold, ...] = ()
    id: str = ""
    is_asked_for: bool = False

    def shortfall(self, principal: Principal, predicate_type: str, signers: Iterable[Principal]) -> str:
        """Why a statement that these principals signed is not trusted yet, or "".

        Principals are counted by name, so that one with two keys is still one. More signers can only help.
        """
        by_name = {one.name: one for one in signers}
        for threshold in self.thresholds:
            signed = sum(threshold.role in one.roles for one in by_name.values())
            if threshold.applies_to(principal, predicate_type) and signed < threshold.principals:
                return f"{signed} of the {threshold.principals} principals that must sign it as {threshold.role} did"
        return ""

    @property
    def knows_certificates(self) -> bool:
        """Whether anybody is known by a certificate, or any instance that certifies."""
        return self.trust_root is not None or any(principal.authority for principal in self.principals)

    def holder_of(self, identity: str, issuer: str) -> Principal | None:
        """The principal who has this Sigstore identity, exactly or by an anchored pattern.

        Where the patterns of several reach it, nobody has it: the order of the file must not say who speaks.
        """
        holders = [p for p in self.principals if any(own.accepts(identity, issuer) for own in p.identities)]
        return holders[0] if len(holders) == 1 else None

    def candidates(self, hint: str) -> list[tuple[Principal, NamedKey]]:
        """Every trusted key, those that the hint names first; a hint is never proof (DSSE protocol)."""
        pairs = [(principal, key) for principal in self.principals for key in principal.keys]
        return sorted(pairs, key=lambda pair: pair[1].keyid != hint)


@dataclass(frozen=True)
class TrustSource:
    """Where a trust file is read from, and what it must live up to.

    `state` remembers the newest version that was seen; `key` is a public key that must have signed the file.
    """

    path: Path
    state: Path | None = None
    key: Path | None = None

    @classmethod
    def of(cls, given: Path | TrustSource) -> TrustSource:
        """A source from what was given: a plain path need live up to nothing."""
        return cls(given) if isinstance(given, Path) else given


def read_trust_file(path: Path) -> bytes:
    """The bytes of a trust file; TrustError `input-unreadable`."""
    return read_small(path, "trust file", error=TrustError, hint="check the path; `provenance trust init` writes one")


def read_trust(source: Path | TrustSource, as_of: datetime) -> Trust:
    """Read and check a trust file; TrustError `input-unreadable`, `trust-invalid` or `trust-expired`.

    A source that is signed, or has a state, is held against both (`trust-unsigned`, `trust-rollback`).
    """
    source = TrustSource.of(source)
    path = source.path
    data = read_trust_file(path)
    trust = parse_trust(data, str(path))
    if source.key is not None:
        from provenance.bundles.trust_signature import require_signature

        require_signature(path, data, source.key)
    if trust.expires <= as_of:
        raise TrustError("trust-expired", f"the trust file expired at {timestamp(trust.expires)}", location=str(path),
                         hint="get a newer one from whoever keeps it")
    if source.state is not None:  # last: a file that is refused for another reason is not the newest one that was seen
        from provenance.bundles.trust_state import remember

        remember(trust, source.state)
    return trust


def parse_trust(data: bytes, location: str) -> Trust:
    """A trust file from its bytes; ProvenanceError `yaml-invalid`, `trust-invalid`, `key-invalid`, `key-is-private`."""
    if b"PRIVATE KEY-----" in data:
        raise TrustError("key-is-private", "a private key stands where a trust file belongs", location=location,
                         hint="keep it secret, and give the trust file")
    document = parse_yaml(data, location)
    validate(document, "trust", location, TrustError, "trust-invalid")
    principals = tuple(_principal(item, location) for item in document["principals"])
    names = [principal.name for principal in principals]
    if len(set(names)) != len(names):
        raise TrustError("trust-invalid", "two principals have one name", location=location, hint="join them")
    _refuse_shared_keys(principals, location)
    _refuse_shared_identities(principals, location)
    _refuse_spellings(principals, location)
    principals = tuple(replace(one, names_of_others=_names_of_others(one, principals)) for one in principals)
    revoked: Mapping[str, list[str]] = document.get("revoked", {})
    return Trust(
        hashlib.sha256(data).hexdigest(), document["version"], parse_time(document["expires"], location), principals,
        frozenset(revoked.get("keys", ())), frozenset(revoked.get("bundles", ())),
        frozenset(revoked.get("identities", ())), _trust_root(document, principals, location),
        frozenset(revoked.get("artifacts", ())),
        tuple(Threshold(item["role"], tuple(item["predicateTypes"]), item["principals"])
              for item in document.get("thresholds", ())),
        document.get("id", ""),
    )


def _names_of_others(one: Principal, principals: Iterable[Principal]) -> tuple[str, ...]:
    """Of whom principals of other parties may speak in one of its roles."""
    roles = set(one.roles)
    others = (other for other in principals if other.party != one.party and roles & set(other.roles))
    return tuple(sorted({name for other in others for name in other.subject_names}))


def _trust_root(document: Mapping[str, Any], principals: tuple[Principal, ...], location: str) -> TrustRoot | None:
    """The Sigstore instance that the trust file names, or production's where it lists identities at all."""
    if "trustedRoot" not in document and not any(principal.identities for principal in principals):
        return None
    from provenance.bundles.sigstore.roots import TrustRoot

    named = document.get("trustedRoot", "production")
    if named in ("production", "staging"):
        return TrustRoot.embedded(named)
    if isinstance(named, str):
        return TrustRoot.from_file(Path(location).parent / named)
    root = TrustRoot.from_file(Path(location).parent / named["file"])
    if root.facts.digest != named["sha256"]:
        raise TrustError("trust-root-invalid", "the trust root is not the one that the trust file pins",
                         location=named["file"], hint="get both again from whoever keeps them")
    return root


def _identity(item: Mapping[str, str]) -> CertificateIdentity | IdentityPattern:
    from provenance.bundles.sigstore.identity import CertificateIdentity, IdentityPattern

    if "identityPattern" in item:
        return IdentityPattern(item["identityPattern"], item["issuer"])
    return CertificateIdentity(item["identity"], item["issuer"])


def _refuse_shared_keys(principals: tuple[Principal, ...], location: str) -> None:
    # One key under two names would be two voices: it could be producer and independent party at once.
    seen: dict[str, str] = {}
    for principal in principals:
        for key in principal.keys:
            if seen.setdefault(key.keyid, principal.name) != principal.name:
                raise TrustError("trust-invalid", f"{seen[key.keyid]} and {principal.name} share a key",
                                 location=location, hint="a key belongs to one principal")


def _refuse_shared_identities(principals: tuple[Principal, ...], location: str) -> None:
    # As with keys. A pattern must not reach into what is somebody else's by its exact name either: the one that is
    # listed first would speak for the other.
    patterns = [(principal.name, own) for principal in principals for own in principal.identities
                if hasattr(own, "pattern")]
    seen: dict[object, str] = {}
    for principal in principals:
        for own in (*principal.identities, *filter(None, [principal.authority])):
            exact = (getattr(own, "identity", ""), getattr(own, "issuer", ""))
            reaching = (name for name, other in patterns if all(exact) and other.accepts(*exact))
            for name in (seen.setdefault(own, principal.name), *reaching):
                if name != principal.name:
                    raise TrustError("trust-invalid", f"{name} and {principal.name} share an identity",
                                     location=location, hint="an identity belongs to one principal")


def _refuse_spellings(principals: tuple[Principal, ...], location: str) -> None:
    # Parties are compared as they are written: `ACME` would be independent of `Acme`.
    seen: dict[str, str] = {}
    for principal in principals:
        folded = " ".join(principal.party.casefold().split())
        if seen.setdefault(folded, principal.party) != principal.party:
            spellings = f"{quoted(seen[folded])} and {quoted(principal.party)}"
            raise TrustError("trust-invalid", f"one party is spelled {spellings}", location=location,
                             hint="spell an organisation in one way")


def _principal(item: Mapping[str, Any], location: str) -> Principal:
    subjects: Mapping[str, list[str]] = item["subjects"]
    return Principal(
        item["name"], item["party"], tuple(item["roles"]),
        tuple(public_key(pem.encode("ascii", "replace"), f"{location}: {item['name']}")
              for pem in item.get("keys", ())),
        tuple(item["predicateTypes"]), tuple(subjects.get("names", ())), frozenset(subjects.get("digests", ())),
        parse_time(item["validFrom"], location) if "validFrom" in item else None,
        parse_time(item["validUntil"], location) if "validUntil" in item else None,
        tuple(map(_identity, item.get("identities", ()))), _authority(item, location),
    )


def _authority(item: Mapping[str, Any], location: str) -> CertificateAuthority | None:
    if "certificateAuthority" not in item:
        return None
    from provenance.bundles.authority import certificate_authority

    return certificate_authority(item["certificateAuthority"], f"{location}: {item['name']}")


def parse_time(text: str, location: str) -> datetime:
    """An RFC 3339 time in UTC; TrustError `trust-invalid`."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as err:
        raise TrustError("trust-invalid", f"{text} is not a time", location=location,
                         hint="write it as 2026-11-23T12:00:00Z") from err


def timestamp(moment: datetime) -> str:
    """A time as every document of this tool spells it: RFC 3339, UTC, whole seconds."""
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
