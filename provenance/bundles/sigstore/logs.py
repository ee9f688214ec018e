"""What transparency logs prove: that an entry is in the log, and (Rekor v1) when it came in.

The inclusion proof is RFC 6962's; the checkpoint is a signed note (C2SP tlog-checkpoint) whose lines by others than
the log, such as witnesses, are left alone. The promise (SET) signs the RFC 8785 form of the entry.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

from provenance.bundles.envelope import UnsupportedBundle
from provenance.bundles.signatures import made_by
from provenance.bundles.sigstore.reading import InclusionProof, LogEntry, SigstoreBundle
from provenance.bundles.sigstore.results import CheckedEntry, ProvenTime
from provenance.bundles.sigstore.roots import Log, TrustRoot
from provenance.errors import BundleError
from provenance.statements.reader import to_json

_SIGNATURE_LINE = re.compile(r"\u2014 (\S+) (\S+)")
_MAX_SIGNATURES = 64


def check_entry(entry: LogEntry, bundle: SigstoreBundle, root: TrustRoot) -> tuple[CheckedEntry, ProvenTime | None]:
    """Inclusion proof, checkpoint and promise, whichever the bundle's version demands or the entry holds."""
    proof = entry.proof
    if bundle.version == "0.1" and proof and not proof.checkpoint:
        proof = None  # unsigned, and so worth nothing; v0.1 relies on the promise
    if bundle.version == "0.1" and entry.promise is None:
        raise _promise("a bundle v0.1 must hold one")
    if bundle.version != "0.1" and (proof is None or not proof.checkpoint):
        raise _proof(f"a bundle v{bundle.version} must hold one, with a checkpoint")
    if proof:
        check_inclusion(entry.body, proof)
    log = _log(entry, root)
    checks = []
    if proof:
        check_checkpoint(log, proof)
        checks.append("inclusion-proof")
    time = check_promise(log, entry) if entry.promise is not None else None
    if time:
        checks.append("promise")
    # Beside the proof only a promise signs an index, that of the log as a whole; a bare one may say what it likes.
    index = entry.index if time or proof is None else proof.index
    found = CheckedEntry(f"{entry.kind} {entry.version}", log.url, entry.log_id.hex(), index, tuple(checks))
    return found, time


def check_use(entry: LogEntry, root: TrustRoot, moments: Sequence[datetime]) -> None:
    """Refuse what a retired log says of later signatures: its key may long be somebody else's."""
    end = _log(entry, root).window.end
    if end is not None and any(moment > end for moment in moments):
        raise _proof("the log was no longer in use at the time of the signature")


def _log(entry: LogEntry, root: TrustRoot) -> Log:
    log = root.log(entry.log_id)
    if log is None or log.key is None:
        raise UnsupportedBundle("trust-root-unknown", f"the log {entry.log_id.hex()[:16]} is not one that the trust "
                                f"root {root.facts.name} lists", hint="get a newer trust root, or the right instance's")
    return log


def check_inclusion(body: bytes, proof: InclusionProof) -> None:
    """RFC 9162 section 2.1.3.2: hash from the leaf to the root."""
    if not proof.index < proof.size:
        raise _proof("its index lies outside the tree")
    if len(proof.root) != sha256().digest_size:
        raise _proof("its root is not a SHA-256")
    index, last, node = proof.index, proof.size - 1, sha256(b"\x00" + body).digest()
    for sibling in proof.hashes:
        if last == 0:
            raise _proof("it has too many hashes")
        if index & 1 or index == last:
            node = sha256(b"\x01" + sibling + node).digest()
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            node = sha256(b"\x01" + node + sibling).digest()
        index, last = index >> 1, last >> 1
    if last != 0:
        raise _proof("it has too few hashes")
    if node != proof.root:
        raise _proof("it does not lead to its root")


def check_checkpoint(log: Log, proof: InclusionProof) -> None:
    """The log signed this size and this root."""
    note, lines = _note(proof.checkpoint)
    signatures = [signature for hint, signature in lines if hint == log.log_id[:4]]
    if not any(made_by(log.key, signature, note.encode("utf-8")) for signature in signatures):
        raise _checkpoint("the log did not sign it" if signatures else "it has no signature of the log")
    origin, size, root = (*note.split("\n"), "", "", "")[:3]
    if not origin:
        raise _checkpoint("it names no origin")
    if size != str(proof.size):
        raise _checkpoint("it is of another size than the proof")
    if root != base64.b64encode(proof.root).decode("ascii"):
        raise _checkpoint("it is of another root than the proof")


def _note(text: str) -> tuple[str, list[tuple[bytes, bytes]]]:
    """The signed text of a note, its newline included, and the key hint and signature of each of its lines."""
    body, blank, tail = text.partition("\n\n")
    if not blank or "\n\n" in tail or not tail.endswith("\n"):
        raise _checkpoint("it is not a signed note")
    lines = tail.removesuffix("\n").split("\n")
    if len(lines) > _MAX_SIGNATURES:
        raise _checkpoint(f"it has more than {_MAX_SIGNATURES} signatures")
    return body + "\n", [_signature_line(line) for line in lines]


def _signature_line(line: str) -> tuple[bytes, bytes]:
    match = _SIGNATURE_LINE.fullmatch(line)
    try:
        raw = base64.b64decode(match[2], validate=True) if match else b""
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) < 5:
        raise _checkpoint("a line of it is not a signature")
    return raw[:4], raw[4:]


def check_promise(log: Log, entry: LogEntry) -> ProvenTime:
    """The signed entry timestamp: the log took the entry in at this time."""
    if entry.integrated is None:
        raise _promise("it has no time")
    signed = to_json({"body": base64.b64encode(entry.body).decode("ascii"), "integratedTime": entry.integrated,
                      "logID": entry.log_id.hex(), "logIndex": entry.index})
    if not made_by(log.key, entry.promise or b"", signed):
        raise _promise("the log did not make it")
    try:
        moment = datetime.fromtimestamp(entry.integrated, UTC)
    except (OSError, OverflowError, ValueError) as err:
        raise _promise("its time is not one") from err
    if moment not in log.window:
        raise _promise("the log was not in use at its time")
    return ProvenTime(moment, "log", log.url)


def _proof(why: str) -> BundleError:
    return BundleError("log-proof-invalid", f"the inclusion proof does not hold: {why}",
                       hint="get the bundle again from its signer")


def _checkpoint(why: str) -> BundleError:
    return BundleError("log-proof-invalid", f"the log's checkpoint does not hold: {why}",
                       hint="get the bundle again from its signer")


def _promise(why: str) -> BundleError:
    return BundleError("log-promise-invalid", f"the log's promise (SET) does not hold: {why}",
                       hint="get the bundle again from its signer")
