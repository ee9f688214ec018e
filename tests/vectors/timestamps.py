"""Bundles with RFC 3161 timestamps, by key and under certificates: good ones, and ones whose time proves nothing.

The trust file names its trust root, which lists two clocks: one in use, and one that was retired. A third has the name
and the serial number of the first and another key, and a fourth is in no trust root.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import certificates
from certificates import BEFORE, PEM, SIGNER, Chain
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage
from keys import Key
from making import Answer, Json, Maker, changed, invalid, put, unsupported, valid
from reference import b64, compact, pretty
from stamping import Clock
from statements import dataset

ROOT_TYPE = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
EARLY, LATE = datetime(2025, 6, 1, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC)
PRE, FUTURE = datetime(2024, 6, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
_TIME = "timestamp-invalid"


class Clocks:
    """The four clocks, and one whose certificate is not for timestamps."""

    def __init__(self, known: dict[str, Any]) -> None:
        above = known["root"]
        self.good = Clock.made(known["authority"], above, "clock")
        used = ("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z")
        self.retired = Clock.made(known["signer"], above, "retired clock", used, serial=6)
        self.forged = Clock.made(known["stranger"], known["stranger"], "clock")
        self.unknown = Clock.made(known["stranger"], known["stranger"], "nobody's clock", issuer="other clocks")
        self.careless = Clock.made(known["stranger"], above, "careless clock", serial=7,
                                   usages=(Usage.CODE_SIGNING,))

    @property
    def root(self) -> bytes:
        """The trust root: no log and no authority but clocks."""
        listed = [clock.listed() for clock in (self.good, self.retired, self.careless)]
        return pretty({"mediaType": ROOT_TYPE, "timestampAuthorities": listed})


def files(keys: dict[str, Key], folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below `timestamps/`."""
    known = certificates.load(folder)
    clocks, maker = Clocks(known), Maker(keys)
    yield "trusted_root.json", clocks.root
    yield "trust.yaml", _trust(maker, Chain(known), clocks.root)
    for name, bundle, answer in (*_by_key(maker, clocks), *_by_certificate(known, clocks)):
        place = f"{'valid' if answer.status == 'VALID' else 'invalid'}/{name}"
        yield f"{place}.sigstore.json", compact(bundle) + b"\n"
        yield f"{place}.expected.json", pretty({
            "file": f"{name}.sigstore.json", "rule": answer.rule, "status": answer.status, "code": answer.code,
            "signer": answer.signer})


def _trust(maker: Maker, chain: Chain, root: bytes) -> bytes:
    """`lab` and `early` by key, of whom the second might speak until the middle of 2026; `certified` by authority."""
    every: Json = {"party": "Example Lab", "roles": ["data-supplier"], "predicateTypes": ["*"],
                   "subjects": {"names": ["*"]}}
    pem = chain.certificates[2].public_bytes(PEM).decode()
    principals = [
        {"name": "lab", "keys": [maker.keys["lab"].public_pem.decode()], **every},
        {"name": "early", "keys": [maker.keys["early"].public_pem.decode()], "validUntil": "2026-06-30T00:00:00Z",
         **every},
        {"name": "certified", "certificateAuthority": {"subject": SIGNER, "pem": pem}, **every},
    ]
    return json.dumps({
        "apiVersion": "open-provenance/v0.1", "kind": "Trust", "version": 1, "expires": "2036-01-01T00:00:00Z",
        "trustedRoot": {"file": "trusted_root.json", "sha256": hashlib.sha256(root).hexdigest()},
        "principals": principals}, indent=1).encode() + b"\n"


def _by_key(maker: Maker, clocks: Clocks) -> Iterator[tuple[str, Json, Answer]]:
    def bundle(who: str) -> Json:
        return maker.envelope(compact(dataset()), who)

    def stamped(clock: Clock, moment: datetime, who: str = "lab") -> Json:
        return _with(bundle(who), clock.stamp(_signature(bundle(who)), moment))

    good = stamped(clocks.good, EARLY)
    (token,) = good["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
    yield from (
        ("key", good, valid("a timestamp over the signature proves when it was there", "lab")),
        ("key-two-clocks", _with(bundle("lab"), *(clock.stamp(_signature(bundle("lab")), EARLY)
                                                  for clock in (clocks.good, clocks.retired))),
         valid("two clocks may say it", "lab")),
        ("key-unknown-clock", stamped(clocks.unknown, EARLY),
         valid("a clock that the trust root does not list proves nothing and takes nothing", "lab")),
        ("key-window", stamped(clocks.good, EARLY, "early"),
         valid("a principal's window is held against the time that a clock proves", "early")),
        ("key-window-over", stamped(clocks.good, LATE, "early"),
         invalid("signer-outside-window", "signed after the window of its principal", "early")),
        ("key-window-unknown-clock", stamped(clocks.unknown, EARLY, "early"),
         invalid("signer-outside-window", "a time that nobody known proves widens no window", "early")),
        ("key-imprint", _with(bundle("lab"), clocks.good.stamp(b"another signature", EARLY)),
         invalid(_TIME, "a timestamp is over this very signature")),
        ("key-imprint-payload", _with(bundle("lab"), clocks.good.stamp(compact(dataset()), EARLY)),
         invalid(_TIME, "which is not the payload")),
        ("key-forged", stamped(clocks.forged, EARLY), invalid(_TIME, "a clock's name is not its signature")),
        ("key-clock-retired", stamped(clocks.retired, LATE), invalid(_TIME, "a retired clock proves nothing later")),
        ("key-clock-early", stamped(clocks.good, PRE), invalid(_TIME, "nor one that was not in use yet")),
        ("key-clock-for-code", stamped(clocks.careless, EARLY),
         invalid(_TIME, "a clock's certificate is for timestamps")),
        ("key-future", stamped(clocks.good, FUTURE),
         invalid("signing-time-future", "a signature was not made after the verdict")),
        ("key-refused", _with(bundle("lab"), clocks.good.stamp(_signature(bundle("lab")), EARLY, granted=False)),
         invalid(_TIME, "an answer that was not granted is none")),
        ("key-not-der", _with(bundle("lab"), b"a timestamp"), invalid(_TIME, "a timestamp is DER")),
        ("key-cut-short", _with(bundle("lab"), clocks.good.stamp(_signature(bundle("lab")), EARLY)[:-1]),
         invalid(_TIME, "a timestamp is whole")),
        ("key-twice", changed(stamped(clocks.good, EARLY), put("verificationMaterial", "timestampVerificationData",
                                                               "rfc3161Timestamps", to=[token, token])),
         invalid("bundle-invalid", "one timestamp is there once")),
    )


def _by_certificate(known: dict[str, Any], clocks: Clocks) -> Iterator[tuple[str, Json, Answer]]:
    expired, fresh = Chain(known, signer={"end": BEFORE}), Chain(known)
    outside = "certificate-outside-validity"
    for name, chain, clock, moment, answer in (
        ("chain", fresh, clocks.good, EARLY, valid("a timestamp on a signature under a certificate", "certified")),
        ("chain-expired", expired, clocks.good, EARLY,
         valid("a certificate is valid at the time that a clock proves, not for ever", "certified")),
        ("chain-unknown-clock", fresh, clocks.unknown, EARLY,
         valid("without a time that is proven, it is valid as of the verdict", "certified")),
        ("chain-after-end", expired, clocks.good, LATE, invalid(outside, "signed after its certificate had expired")),
        ("chain-before-start", Chain(known, signer={"start": BEFORE}), clocks.good, EARLY,
         invalid(outside, "signed before its certificate began, which is valid by now")),
        ("chain-expired-unknown-clock", expired, clocks.unknown, EARLY,
         unsupported("trust-root-unknown", "whether it was signed in time, only a clock knows that is not listed")),
        ("chain-forged", expired, clocks.forged, EARLY, invalid(_TIME, "a forged time revives no certificate")),
    ):
        bundle = chain.bundle()
        yield name, _with(bundle, clock.stamp(_signature(bundle), moment)), answer
    bundle = expired.bundle()
    yield "chain-imprint", _with(bundle, clocks.good.stamp(_signature(fresh.bundle()) + b"x", EARLY)), \
        invalid(_TIME, "nor does a timestamp over something else")


def _signature(bundle: Json) -> bytes:
    return base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"])


def _with(bundle: Json, *tokens: bytes) -> Json:
    stamps = [{"signedTimestamp": b64(token)} for token in tokens]
    return changed(bundle, put("verificationMaterial", "timestampVerificationData", to={"rfc3161Timestamps": stamps}))
