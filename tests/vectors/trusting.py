"""The trust file of the signed vectors, and the good bundles that it refuses."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import statements
import thresholds
from making import AS_OF, Case, Maker, about, changed, invalid, put, unsupported
from reference import compact, h, pretty
from statements import DATASET

BY_DIGEST = h(b"by digest").hex()


@dataclass(frozen=True)
class Entry:
    """One principal of the trust file."""

    name: str
    party: str
    roles: Sequence[str]
    types: Sequence[str] = ("*",)
    subjects: Mapping[str, Sequence[str]] = field(default_factory=lambda: {"names": ["*"]})
    window: Mapping[str, str] = field(default_factory=dict)
    keys: Sequence[str] = ()  # its own name unless it has several


ENTRIES = (
    Entry("lab", "Example Lab", ["producer", "gate"]),
    Entry("works", "Example Works", ["data-supplier", "reproducer"]),
    Entry("former", "Example Lab", ["producer"]),
    Entry("early", "Example Lab", ["producer"], window={"validUntil": "2026-06-30T00:00:00Z"}),
    Entry("late", "Example Lab", ["producer"], window={"validFrom": "2027-01-01T00:00:00Z"}),
    Entry("narrow", "Example Works", ["data-supplier"], [DATASET],
          {"names": ["tales.jsonl"], "digests": [f"sha256:{BY_DIGEST}"]}),
    Entry("curve-384", "Example Lab", ["producer"]),
    Entry("curve-521", "Example Lab", ["producer"]),
    Entry("first", "Example Audit", [thresholds.ROLE], keys=["first", "spare"]),
    Entry("second", "Example Audit", [thresholds.ROLE]),
)


def trust_file(maker: Maker) -> bytes:
    """Who is believed, about what, until when."""
    lines = ["apiVersion: open-provenance/v0.1", "kind: Trust", "version: 1", "expires: 2036-01-01T00:00:00Z"]
    lines.append("principals:")
    for entry in ENTRIES:
        lines += [f"  - name: {entry.name}", f"    party: {entry.party}", f"    roles: {_flow(entry.roles)}"]
        lines.append("    keys:")
        for name in entry.keys or [entry.name]:
            lines += ["      - |", *(f"        {line}" for line in maker.keys[name].public_pem.decode().splitlines())]
        lines += [f"    predicateTypes: {_flow(entry.types)}", "    subjects:"]
        lines += [f"      {kind}: {_flow(items)}" for kind, items in entry.subjects.items()]
        lines += [f"    {key}: {value}" for key, value in entry.window.items()]
    lines += thresholds.DEMAND.splitlines()
    revoked = (_revoked_bundle(maker), _revoked_statement())
    lines += ["revoked:", "  keys:", f"    - {maker.keys['former'].keyid}", "  bundles:"]
    lines += [f"    - {hashlib.sha256(data).hexdigest()}" for data in revoked]
    return ("\n".join(lines) + "\n").encode()


def _flow(items: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{item}"' for item in items) + "]"


def _revoked_bundle(maker: Maker) -> bytes:
    return maker.bundle(about("revoked by the digest of its file"))


def _revoked_statement() -> bytes:
    return compact(about("revoked by the digest of its statement"))


def cases(maker: Maker) -> Iterator[Case]:
    """Good signatures by those who may not speak here, or not of this, or not now."""
    revoked, window, scope = "signer-revoked", "signer-outside-window", "signer-not-in-scope"
    good = statements.dataset()
    yield "trust-key-revoked", maker.bundle(good, "former"), invalid(revoked, "a revoked key has no voice", "former")
    yield "trust-bundle-revoked", _revoked_bundle(maker), \
        invalid(revoked, "a bundle is revoked by the digest of its file")
    yield "trust-statement-revoked", pretty(maker.envelope(_revoked_statement())), \
        invalid(revoked, "a statement is revoked by its own digest, however the file around it is written")
    yield "trust-window-over", maker.bundle(good, "early"), invalid(window, f"ended before {AS_OF}", "early")
    yield "trust-window-ahead", maker.bundle(good, "late"), invalid(window, f"begins after {AS_OF}", "late")
    yield "trust-scope-type", maker.bundle(statements.release(), "narrow"), \
        invalid(scope, "a principal speaks in the predicate types of its entry", "narrow")
    other = changed(statements.dataset(), put("subject", 0, "name", to="tales.jsonl.gz"))
    yield "trust-scope-subject", maker.bundle(other, "narrow"), \
        invalid(scope, "a scope without * is a whole name, or the folder of one", "narrow")
    poems = {"name": "poems.jsonl", "digest": {"sha256": h(b"poems").hex()}}
    two = changed(statements.dataset(), lambda value: value["subject"].append(poems))
    yield "trust-scope-one-of-two", maker.bundle(two, "narrow"), invalid(scope, "every subject is in scope", "narrow")
    yield "trust-threshold", maker.bundle(good, "first"), \
        unsupported("threshold-not-met", "one of the two principals whom a threshold demands", "first")
    yield "trust-summary-unknown-key", maker.bundle(statements.summary(), "stranger"), \
        unsupported("signature-unknown-signer", "a verdict by nobody known is nothing to anybody")
