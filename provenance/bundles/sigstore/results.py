"""What a verification says: VALID, INVALID or UNSUPPORTED, by whom, when and how that is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Status = Literal["VALID", "INVALID", "UNSUPPORTED"]


@dataclass(frozen=True, order=True)
class ProvenTime:
    """A time at which the signature existed: said by a log ("log") or by a timestamp authority ("timestamp")."""

    moment: datetime
    source: Literal["log", "timestamp"]
    by: str


@dataclass(frozen=True)
class CheckedEntry:
    """A log entry and what was checked of it: "inclusion-proof" (with its checkpoint) and "promise" (the SET)."""

    kind: str
    log: str
    log_id: str
    index: int
    checks: tuple[str, ...]


@dataclass(frozen=True)
class RootFacts:
    """Which trust root was used: name, sha256 of its bytes, and the start of the newest key in it.

    A trusted root carries no date of its own; it cannot be older than its newest key.
    """

    name: str
    digest: str
    newest: datetime


@dataclass(frozen=True)
class BundleVerification:
    """The answer for one bundle. What was signed is only there when the status is VALID.

    `identity` and `issuer` are empty for a bundle signed by a key; `keyid` names the key in either case, as
    `bundles/keys.py` does, and `fingerprint` as other tools do (sha256 of its DER). `set_aside` says what the bundle
    holds that was not counted, and why. `confirmed` is True where sigstore-python judged the bundle too.
    """

    status: Status
    root: RootFacts | None
    code: str = ""
    reason: str = ""
    identity: str = ""
    issuer: str = ""
    keyid: str = ""
    fingerprint: str = ""
    times: tuple[ProvenTime, ...] = ()
    entries: tuple[CheckedEntry, ...] = ()
    set_aside: tuple[str, ...] = ()
    confirmed: bool = False
    payload: bytes | None = None
    payload_type: str = ""
    message_digest: str = ""

    @property
    def verified(self) -> bool:
        """Whether the bundle is VALID."""
        return self.status == "VALID"

    @property
    def signing_time(self) -> ProvenTime | None:
        """The earliest proven time: the signature was made at that time or before. None when nobody proves one."""
        return min(self.times, default=None)
