"""Inventory: many models against many policies, to one table (`schemas/inventory.schema.json`).

The order: find what there is to list, then for each entry read it once, ask the G7 ladder, the MOF classes and the
policies, and keep the row. Every entry that was found is a row: what cannot be read says so in its row. The table is
sorted by path, and the same inputs as of the same time give the same bytes.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import provenance
from provenance.bundles.trust import Trust, TrustSource, read_trust, timestamp
from provenance.errors import ArtifactError, PolicyError, ProvenanceError, UsageError
from provenance.policy import mof
from provenance.policy.policy import LADDER, Policy, load_policy, policy_ids
from provenance.statements.reader import validate
from provenance.workflows.stocktaking.entries import Entry, entries
from provenance.workflows.stocktaking.reading import OtherDocument, read
from provenance.workflows.stocktaking.rows import Question, judged, unreadable
from provenance.workflows.stocktaking.state import State, begun_as_of, fingerprint, open_state

Count = Callable[[int], None]
LIMITS = (
    "A row whose voice is unsigned repeats a declaration that nobody signed; nothing passes by it.",
    "Integrity is not truth: a signature shows who says something, not that it is so.",
    "A MOF class counts components and compares licence ids with lists; it does not look into the components.",
    "Licences are compared with published facts about them; this is not legal advice.",
)


@dataclass(frozen=True)
class Inventory:
    """The table, as its document."""

    document: Mapping[str, Any]

    @property
    def models(self) -> Sequence[Mapping[str, Any]]:
        """The rows, sorted by path."""
        rows: Sequence[Mapping[str, Any]] = self.document["models"]
        return rows


def inventory(
    paths: Sequence[Path],
    policies: Sequence[str] = (),
    *,
    profile: mof.Profile = "mot-compat",
    trust: Path | TrustSource | None = None,
    as_of: datetime | None = None,
    now: datetime,
    resume: Path | None = None,
    total: Count | None = None,
    progress: Count | None = None,
) -> Inventory:
    """The table of everything behind these paths (`stocktaking/entries.py` says what they may be).

    `policies` are shipped policies by id, policy files, and `mof-1.0` or one of its classes. With `resume` finished
    rows are kept in that file and taken over from it; the inventory that it holds is then judged as of its own time.
    `total` and `progress` are told numbers of entries. ProvenanceError when the question cannot be asked.
    """
    if profile not in mof.PROFILES:
        raise UsageError("usage", f"there is no profile {profile}", hint=f"one of {', '.join(mof.PROFILES)}")
    moment = _moment(as_of, now, resume)
    question = _question(policies, profile, trust, moment)
    found = entries(paths)
    state = open_state(resume, _identity(question)) if resume is not None else None
    if total is not None:
        total(len(found))
    rows, skipped = [], []
    for entry in found:
        row = _row(entry, question, state)
        if isinstance(row, OtherDocument):
            skipped.append({"path": entry.label, "reason": row.reason})
        else:
            rows.append(row)
        if progress is not None:
            progress(1)
    document = _document(rows, skipped, question, now)
    if resume is not None:  # its rows come from a file that anything may have written
        validate(document, "inventory", str(resume), UsageError, "usage")
    return Inventory(document)


def _moment(as_of: datetime | None, now: datetime, resume: Path | None) -> datetime:
    begun = begun_as_of(resume) if resume is not None else ""
    if not begun or as_of is not None:
        return as_of or now
    try:
        return datetime.fromisoformat(begun).astimezone(UTC)
    except ValueError as err:
        raise UsageError("usage", "the state of the inventory has no time", location=str(resume),
                         hint="name another file") from err


def _question(
    policies: Sequence[str], profile: mof.Profile, trust: Path | TrustSource | None, as_of: datetime
) -> Question:
    asked = list(dict.fromkeys(policies))
    chosen: dict[str, Policy] = {}
    for name in asked:
        if name not in mof.POLICIES:
            policy = _load(name)
            policy.refuse_out_of_force(as_of)
            if chosen.setdefault(policy.id, policy) != policy or policy.id in mof.POLICIES:
                raise UsageError("usage", f"two policies are called {policy.id}", location="--policy",
                                 hint="give one of them another id")
    known = tuple(name for name in asked if name in mof.POLICIES)
    believed = read_trust(trust, as_of) if trust is not None else None
    return Question(tuple(chosen.values()), known, profile, believed, as_of)


def _load(name: str) -> Policy:
    try:
        return load_policy(name)
    except PolicyError as err:
        near = difflib.get_close_matches(name, (*policy_ids(), *mof.POLICIES), 1)
        if err.code != "policy-not-found" or err.location != "--policy" or not near:
            raise
        raise PolicyError(err.code, err.message, location=err.location, hint=f"did you mean {near[0]}?") from err


def _identity(question: Question) -> dict[str, Any]:
    """What rows depend on beside their own inputs: they are taken over only where all of it is the same."""
    return {
        "asOf": question.as_of.isoformat(), "profile": question.profile, "mof": list(question.mof_policies),
        "policies": {policy.id: policy.digest for policy in question.policies},
        "ladder": {name: policy.digest for name, policy in question.rungs.items()},
        "trust": question.trust.digest if question.trust else "", "licenceData": mof.data_version(),
        "tool": provenance.__version__,
    }


def _row(entry: Entry, question: Question, state: State | None) -> dict[str, Any] | OtherDocument:
    print_of_inputs = fingerprint(entry) if state is not None else ""
    if state is not None and (row := state.row(entry, print_of_inputs)) is not None:
        return row
    made = _judged(entry, question)
    if state is not None and not isinstance(made, OtherDocument):
        state.add(entry, print_of_inputs, made)
    return made


def _judged(entry: Entry, question: Question) -> dict[str, Any] | OtherDocument:
    try:
        known = read(entry, question.trust, question.as_of)
    except ProvenanceError as err:
        return unreadable(entry, err, question)
    except OSError as err:
        problem = ArtifactError("input-unreadable", f"cannot be read: {err.strerror}", location=entry.label,
                                hint="check its permissions, and that nothing changes it")
        return unreadable(entry, problem, question)
    return known if isinstance(known, OtherDocument) else judged(entry, known, question)


# --- the document -------------------------------------------------------------------------------------------


def _document(
    rows: Sequence[dict[str, Any]], skipped: Sequence[dict[str, str]], question: Question, now: datetime
) -> dict[str, Any]:
    return {
        "schemaVersion": "0.1", "kind": "Inventory",
        "tool": {"name": "open-provenance", "version": provenance.__version__},
        "asOf": timestamp(question.as_of), "asOfInThePast": question.as_of < now,
        "profile": question.profile,
        "policies": sorted(_policies(question), key=lambda policy: policy["id"]),
        "ladder": [{"policy": name, "label": label} for name, label in LADDER],
        "trust": _trust(question.trust),
        "licenceData": mof.data_version(),
        "counts": _counts(rows),
        "models": list(rows), "skipped": list(skipped), "limits": list(LIMITS),
    }


def _policies(question: Question) -> list[dict[str, Any]]:
    chosen = [{"id": policy.id, "version": policy.version, "title": policy.title, "digest": {"sha256": policy.digest}}
              for policy in question.policies]
    return chosen + [{"id": name, "version": mof.POLICY_VERSION, "title": mof.title_of(name), "digest": None}
                     for name in question.mof_policies]


def _trust(trust: Trust | None) -> dict[str, Any] | None:
    if trust is None:
        return None
    return {"digest": {"sha256": trust.digest}, "version": trust.version, "expires": timestamp(trust.expires)}


def _counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    readable = [row for row in rows if row["error"] is None]
    classes = Counter(row["mof_class"] for row in readable)
    rungs = {name: {voice: sum(row[f"rung_{voice}"] == name for row in readable) for voice in ("shown", "declared")}
             for name, _ in LADDER}
    return {"models": len(rows), "unreadable": len(rows) - len(readable),
            "informational": sum(bool(row["informational"]) for row in readable),
            "mofClass": {str(number): classes[number] for number in (0, 1, 2, 3)}, "rungs": rungs}
