"""The trust root of a Sigstore instance: its certificate authorities, logs and clocks, and when each was in use.

A root is handed in as a file (a `trusted_root.json`, or a client trust config that holds one), or is the one that
the installed sigstore-python brings along. sigstore-python's own offline mode reads, and first writes, a cache in
the user's home, which it does not check again; here the embedded file is read itself, so that the same installation
gives the same answer everywhere. Fetching a newer root is another command's business.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from provenance.bundles.sigstore.reading import decode_base64
from provenance.bundles.sigstore.results import RootFacts
from provenance.errors import ProvenanceError, TrustError
from provenance.files import read_small
from provenance.statements.reader import parse_json, to_json

MEDIA_TYPE = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
_MEDIA_TYPES = {MEDIA_TYPE, "application/vnd.dev.sigstore.trustedroot.v0.2+json"}
_MAX_ROOT = 8 << 20
_REPOSITORIES = {"production": "https://tuf-repo-cdn.sigstore.dev", "staging": "https://tuf-repo-cdn.sigstage.dev"}


@dataclass(frozen=True)
class Window:
    """A closed interval; without an end it is still open."""

    start: datetime
    end: datetime | None

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment and (self.end is None or moment <= self.end)


@dataclass(frozen=True)
class Log:
    """A transparency log or a certificate transparency log; the key is None when it is of a kind not known here."""

    url: str
    log_id: bytes
    key: Any
    window: Window


@dataclass(frozen=True)
class Authority:
    """A certificate authority or a timestamp authority: its chain, the lowest certificate first."""

    url: str
    certificates: tuple[Any, ...]
    window: Window


@dataclass(frozen=True)
class TrustRoot:
    """What an instance is trusted by. `document` is the trusted root as JSON, for sigstore-python to judge with."""

    facts: RootFacts
    logs: tuple[Log, ...]
    ct_logs: tuple[Log, ...]
    authorities: tuple[Authority, ...]
    clocks: tuple[Authority, ...]
    document: bytes

    @classmethod
    def from_file(cls, path: Path) -> TrustRoot:
        """The root in a file; TrustError `input-unreadable` or `trust-root-invalid`."""
        return cls.from_bytes(read_small(path, "trust root", error=TrustError), path.name)

    @classmethod
    def embedded(cls, instance: Literal["production", "staging"] = "production") -> TrustRoot:
        """The root that the installed sigstore-python brings; staging is for tests, and vouches for nobody."""
        return cls.from_bytes(embedded_file(instance, "trusted_root.json"), f"sigstore {instance} (embedded)")

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> TrustRoot:
        """The root in a document; TrustError `trust-root-invalid`."""
        try:
            return _read(data, name)
        except ProvenanceError as err:
            raise TrustError("trust-root-invalid", f"not a trusted root: {err.message}", location=name,
                             hint="get it again from whoever keeps the Sigstore instance") from err
        except (AttributeError, KeyError, TypeError, ValueError) as err:
            raise TrustError("trust-root-invalid", f"not a trusted root: {type(err).__name__} {str(err)[:100]}",
                             location=name, hint="get it again from whoever keeps the Sigstore instance") from err

    def is_older_than(self, other: TrustRoot) -> bool:
        """Whether this is an earlier state of the same instance: one that shares a log or an authority with it."""
        return bool(self._urls & other._urls) and self.facts.newest < other.facts.newest

    @property
    def _urls(self) -> set[str]:
        logs, authorities = (*self.logs, *self.ct_logs), (*self.authorities, *self.clocks)
        return {log.url for log in logs} | {authority.url for authority in authorities if authority.url}

    def log(self, log_id: bytes) -> Log | None:
        """The transparency log of this id."""
        return next((log for log in self.logs if log.log_id == log_id), None)

    def ct_log(self, log_id: bytes) -> Log | None:
        """The certificate transparency log of this id."""
        return next((log for log in self.ct_logs if log.log_id == log_id), None)


def embedded_file(instance: str, name: str) -> bytes:
    """A file that sigstore-python embeds for one of its two instances; TrustError `trust-root-invalid`."""
    from importlib import resources

    try:
        store = resources.files("sigstore._store")
        return store.joinpath(quote(_REPOSITORIES[instance], safe=""), name).read_bytes()
    except (ModuleNotFoundError, OSError) as err:
        raise TrustError("trust-root-invalid", f"the installed sigstore brings no {name} for {instance}",
                         location="sigstore", hint="install the sigstore extra, or give a trust root file") from err


def _read(data: bytes, name: str) -> TrustRoot:
    document = parse_json(data, name, limit=_MAX_ROOT)
    if "trustedRoot" in document:
        document = document["trustedRoot"]
    if document["mediaType"] not in _MEDIA_TYPES:
        raise ValueError(f"its mediaType is {document['mediaType']}")
    logs, ct_logs = (tuple(_log(item, name) for item in document.get(kind, ())) for kind in ("tlogs", "ctlogs"))
    authorities, clocks = (tuple(_authority(item, name) for item in document.get(kind, ()))
                           for kind in ("certificateAuthorities", "timestampAuthorities"))
    windows = [log.window for log in (*logs, *ct_logs)] + [authority.window for authority in (*authorities, *clocks)]
    facts = RootFacts(name, hashlib.sha256(data).hexdigest(), max(window.start for window in windows))
    # sigstore-python 4.5 knows the older media type only; the content is the same.
    older = to_json({**document, "mediaType": MEDIA_TYPE})
    return TrustRoot(facts, logs, ct_logs, authorities, clocks, older)


def _log(item: dict[str, Any], name: str) -> Log:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    raw = decode_base64(item["publicKey"]["rawBytes"], "log key", name)
    try:
        key: Any = load_der_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        key = None  # a newer kind: only what this log says cannot be checked
    # A Rekor v2 log is named by the key id of its checkpoints, any other log by the digest of its key.
    named = item.get("logId", {}).get("keyId")
    log_id = decode_base64(named, "log id", name) if named else hashlib.sha256(raw).digest()
    return Log(item["baseUrl"], log_id, key, _window(item["publicKey"]["validFor"]))


def _authority(item: dict[str, Any], name: str) -> Authority:
    from cryptography import x509

    certificates = tuple(
        x509.load_der_x509_certificate(decode_base64(certificate["rawBytes"], "certificate", name))
        for certificate in item["certChain"]["certificates"]
    )
    if not certificates:
        raise ValueError("an authority has no certificate")
    return Authority(item.get("uri", ""), certificates, _window(item["validFor"]))


def _window(item: dict[str, Any]) -> Window:
    # A key without a beginning was trusted always: the first thing that whoever edits a root would take away.
    return Window(_moment(item["start"]), _moment(item["end"]) if item.get("end") else None)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"the time {text} has no zone")
    return moment
