"""The trust state: the newest version of a trust file that was seen here, so that an older one is refused.

    {"schemaVersion": "0.1", "kind": "TrustState", "trust": ID, "version": 7, "digest": {"sha256": "..."}}

A state is bound to the identity that the trust file states (`id`), not to its path: a copy elsewhere is the same file,
and another file in the same place is not. One state knows one trust file, so that a file under a new identity cannot
begin again at version 1. Two files of one version are refused as well: whoever keeps the file raises its version.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from provenance.bundles.trust import Trust
from provenance.errors import ProvenanceError, TrustError
from provenance.files import write_whole
from provenance.statements.reader import parse_json, to_json, validate

_MAX_STATE = 64 << 10


def remember(trust: Trust, state: Path) -> None:
    """Refuse what is older than the state, and note what is newer; TrustError `trust-rollback`, `trust-invalid`.

    A state that is not there is begun; one that is damaged is an error, because who can damage it could reset it.
    """
    if not trust.id:
        raise TrustError("trust-invalid", "the trust file has no id, so no state can be kept of it",
                         location=str(state), hint="give it an `id:`, as `provenance trust init` writes one")
    with _locked(state):
        seen = _read(state)
        if seen is not None:
            _refuse_older(trust, seen, state)
        if seen is None or seen["version"] < trust.version:
            write_whole(state, to_json({
                "schemaVersion": "0.1", "kind": "TrustState", "trust": trust.id, "version": trust.version,
                "digest": {"sha256": trust.digest},
            }) + b"\n")


def _refuse_older(trust: Trust, seen: dict[str, Any], state: Path) -> None:
    why = ""
    if seen["trust"] != trust.id:
        why = "the state is of another trust file"
    elif trust.version < seen["version"]:
        why = f"the trust file has version {trust.version}, and version {seen['version']} was seen"
    elif trust.version == seen["version"] and trust.digest != seen["digest"]["sha256"]:
        why = f"another trust file of version {trust.version} was seen"
    if why:
        raise TrustError("trust-rollback", why, location=str(state),
                         hint="get the newest trust file from whoever keeps it")


def _read(state: Path) -> dict[str, Any] | None:
    try:
        with state.open("rb") as file:
            data = file.read(_MAX_STATE + 1)
    except FileNotFoundError:
        return None
    except OSError as err:
        raise TrustError("input-unreadable", f"cannot read the trust state: {err.strerror}", location=str(state),
                         hint="check the path") from err
    try:
        document: dict[str, Any] = parse_json(data, str(state), limit=_MAX_STATE)
        validate(document, "trust-state", str(state))
    except ProvenanceError as err:
        raise TrustError("trust-invalid", f"the trust state is damaged: {err.message}", location=str(state),
                         hint="find out why before you remove it: without it an old trust file is taken") from err
    return document


@contextmanager
def _locked(state: Path) -> Iterator[None]:
    """One at a time from reading to writing, or the slower of two would put an older version back.

    The lock is a file beside it, because the state itself is replaced.
    """
    lock = state.with_name(f".{state.name}.lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as err:
        raise TrustError("output-unwritable", f"cannot keep the trust state: {err.strerror}", location=str(state),
                         hint="name a file in a folder that can be written") from err
    try:
        _wait_for(descriptor)
        yield
    finally:
        os.close(descriptor)  # which lets go of it


def _wait_for(descriptor: int) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined, unused-ignore]
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)
