"""Lint: what in a trust file is over, can never match, overlaps, or lets somebody speak of too much.

A trust file with such an entry is read all the same; each is more often a slip than what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations

from provenance.bundles.keys import every_name
from provenance.bundles.trust import Principal, Threshold, Trust, timestamp
from provenance.bundles.verifier import Verifier
from provenance.errors import Finding, ProvenanceError
from provenance.statements.sbom import is_sbom
from provenance.statements.shown import VERIFICATION_SUMMARY
from provenance.statements.statement import ResourceDescriptor, Statement

SOON = timedelta(days=30)
_SUPPLIERS = frozenset({"producer", "data-supplier"})
_ESCAPED = re.compile(r"\\.|\[(?:\\.|[^\]\\])+\]")


def lint_trust(trust: Trust, as_of: datetime) -> list[Finding]:
    """Everything that is worth another look, in the order of the file."""
    found = [*_expiry("the trust file", trust.expires, as_of)]
    for principal in trust.principals:
        found += [*_over(principal, as_of), *_unmatched(trust, principal), *_wide(principal), *_repeated(principal)]
    found += [finding for threshold in trust.thresholds for finding in _unmet(trust, threshold)]
    return [*found, *_overlapping(trust)]


def _expiry(what: str, end: datetime, as_of: datetime, location: str = "") -> Iterator[Finding]:
    if end <= as_of + SOON:
        told = "expired at" if end <= as_of else "expires soon, at"
        yield Finding("trust-entry-expired", "error" if end <= as_of else "warning", f"{what} {told} {timestamp(end)}",
                      location, "get or write a newer one")


def _over(principal: Principal, as_of: datetime) -> Iterator[Finding]:
    if principal.valid_until is not None:
        yield from _expiry(principal.name, principal.valid_until, as_of, principal.name)
    if principal.authority is not None:
        yield from _expiry(f"the certificate authority of {principal.name}", principal.authority.expires, as_of,
                           principal.name)


def _unmatched(trust: Trust, principal: Principal) -> Iterator[Finding]:
    start, end = principal.valid_from, principal.valid_until
    if start is not None and end is not None and end < start:
        yield _never(f"the window of {principal.name} ends before it begins", principal.name, "correct the times")
    for key in principal.keys:
        if not trust.revoked_keys.isdisjoint(every_name(key)):
            yield _never(f"the key {key.keyid} is revoked", principal.name, "take it out of the entry")
    for own in principal.identities:
        if getattr(own, "identity", None) in trust.revoked_identities:
            yield _never(f"the identity {own} is revoked", principal.name, "take it out of the entry")
    for kind in principal.predicate_types:
        if kind != "*" and not _is_read(kind):
            yield _never(f"no predicate type {kind} is read here", principal.name, "check its spelling")


def _never(message: str, location: str, hint: str) -> Finding:
    return Finding("trust-entry-unmatched", "warning", message, location, hint)


def _is_read(kind: str) -> bool:
    """Whether the verifier knows the type: it says `predicate-unknown` of no other, or of its versions."""
    if is_sbom(kind):
        return True
    try:
        Verifier(None, datetime.now(UTC)).declare(Statement((ResourceDescriptor(),), kind, {}), "", "")
    except ProvenanceError as err:
        return err.code != "predicate-unknown" or kind == VERIFICATION_SUMMARY
    return True


def _unmet(trust: Trust, threshold: Threshold) -> Iterator[Finding]:
    named = ", ".join(threshold.predicate_types)
    for kind in threshold.predicate_types:
        able = [one for one in trust.principals
                if threshold.role in one.roles and (kind == "*" or {"*", kind} & set(one.predicate_types))]
        if len(able) < threshold.principals:
            yield _never(f"{threshold.principals} principals must sign {kind} as {threshold.role}, and {len(able)} may",
                         f"thresholds: {threshold.role}", "add principals, or ask for fewer")
    if threshold.principals == 1:
        yield _never(f"one principal always signs {named}, so the threshold asks for nothing",
                     f"thresholds: {threshold.role}", "ask for two, or leave it out")


def _wide(principal: Principal) -> Iterator[Finding]:
    def wide(message: str, hint: str) -> Finding:
        return Finding("trust-entry-wide", "warning", message, principal.name, hint)

    if "*" in principal.predicate_types:
        yield wide(f"{principal.name} may sign statements of every type", "name the types")
    if "*" in principal.subject_names:
        yield wide(f"{principal.name} may speak of every subject", "name the subjects, or a prefix of their names")
    for own in principal.identities:
        pattern = getattr(own, "pattern", "")
        if "." in _ESCAPED.sub("", pattern):
            # `.` also stands for a slash, and for any other character where a dot of a host name was meant.
            yield wide(f"in the pattern {pattern} a . stands for any character",
                       r"write \. for a dot and [^/]+ for a name")


def _repeated(principal: Principal) -> Iterator[Finding]:
    for one, other in combinations(principal.subject_names, 2):
        if _within(one, other) or _within(other, one):
            yield Finding("trust-entry-overlap", "warning", f"the scopes {one} and {other} of {principal.name} overlap",
                          principal.name, "keep the wider one")


def _within(name: str, scope: str) -> bool:
    """Whether everything that one scope covers is in the other."""
    if scope.endswith("*"):
        return name.removesuffix("*").startswith(scope[:-1])
    return not name.endswith("*") and (name == scope or name.startswith(scope + "/"))


def _overlapping(trust: Trust) -> Iterator[Finding]:
    """Two parties that may supply the same thing: neither needs the other, so the weaker of them decides."""
    for one, other in combinations(trust.principals, 2):
        roles = sorted(_SUPPLIERS & set(one.roles) & set(other.roles))
        if not roles or one.party == other.party or not _share_types(one, other) or not _share_subjects(one, other):
            continue
        if not any(threshold.principals > 1 and threshold.role in roles for threshold in trust.thresholds):
            told = f"{one.name} and {other.name}, of two parties, may both speak as {roles[0]} of the same things"
            yield Finding("trust-entry-overlap", "warning", told, one.name,
                          "narrow their subjects, or demand both by a threshold")


def _share_types(one: Principal, other: Principal) -> bool:
    mine, theirs = set(one.predicate_types), set(other.predicate_types)
    return "*" in mine | theirs or bool(mine & theirs)


def _share_subjects(one: Principal, other: Principal) -> bool:
    return bool(one.subject_digests & other.subject_digests) or any(
        _within(a, b) or _within(b, a) for a, b in _pairs(one.subject_names, other.subject_names)
    )


def _pairs(one: Iterable[str], other: Iterable[str]) -> Iterator[tuple[str, str]]:
    return ((a, b) for a in one for b in other)
