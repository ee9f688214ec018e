"""Inventory: many models against many policies, to one table (`schemas/inventory.schema.json`).

The order: find what there is to list, then for each entry read it once, ask the G7 ladder, the MOF classes and the
policies, and keep the row. Every entry that was found is a row: what cannot be read says so in its row. The table is
sorted by path, and the same inputs as of the same time give the same bytes.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import provenance
from provenance.artifacts.cluster import each_on, refuse_network
from provenance.bundles.trust import Trust, TrustSource, read_trust, timestamp
from provenance.errors import ArtifactError, PolicyError, ProvenanceError, UsageError
from provenance.policy import mof
from provenance.policy.policy import LADDER, NONE_SET, Policy, is_file, load_policies, policy_ids
from provenance.policy.reading import nearest
from provenance.workflows.handed_in import refuse_from_model
from provenance.workflows.stocktaking.entries import entries
from provenance.workflows.stocktaking.entry import Entry
from provenance.workflows.stocktaking.reading import OtherDocument, read
from provenance.workflows.stocktaking.rows import Question, judged, unreadable
from provenance.workflows.stocktaking.state import State, begun_as_of, fingerprint, open_state

Count = Callable[[int], None]
LIMITS = (
    "A row whose voice is unsigned repeats a declaration that nobody signed; nothing passes by it.",
    "Integrity is not truth: a signature shows who says something, not that it is so.",
    "A MOF class counts components and compares licence ids with lists; it does not look into the components.",
    "A row that was taken over from a state file is as good as that file, and its model was not read again.",
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
    paths: Sequence[Path | str],
    policies: Sequence[str] = (),
    *,
    settings: Mapping[str, str] = NONE_SET,
    profile: mof.Profile = "mot-compat",
    trust: Path | TrustSource | None = None,
    as_of: datetime | None = None,
    now: datetime,
    resume: Path | None = None,
    scheduler: str | None = None,
    online: bool = False,
    total: Count | None = None,
    progress: Count | None = None,
) -> Inventory:
    """The table of everything behind these paths (`stocktaking/entries.py` says what they may be).

    `policies` are shipped policies by id, policy files, and `mof-1.0` or one of its classes; `settings` go to
    those that have such a parameter. With `resume` finished rows are kept in that file and taken over from it; the
    inventory that it holds is then judged as of its own time.
    With `scheduler` the workers of that Dask scheduler read the models; one on another machine needs `online`.
    `total` and `progress` are told numbers of entries. ProvenanceError when the question cannot be asked.
    """
    if profile not in mof.PROFILES:
        raise UsageError("usage", f"there is no profile {profile}", hint=f"one of {', '.join(mof.PROFILES)}")
    if scheduler is not None:
        refuse_network(scheduler, online=online)
    found = entries(paths)
    for entry in found:
        if entry.error is None:
            refuse_from_model(entry.path, policies, trust)
    question = _question(policies, settings, profile, trust, _moment(as_of, now, resume))
    state = open_state(resume, _identity(question)) if resume is not None else None
    if total is not None:
        total(len(found))
    done: dict[str, _Done] = {}
    for one in _all(found, question, state, scheduler):
        done[one.entry.label] = one
        if progress is not None:
            progress(1)
    return Inventory(_document([done[entry.label] for entry in found], question, now))


def _moment(as_of: datetime | None, now: datetime, resume: Path | None) -> datetime:
    begun = begun_as_of(resume) if resume is not None and as_of is None else None
    if begun is not None and begun > now:  # what is valid only later would be shown now
        raise UsageError("usage", f"the state is of {timestamp(begun)}, and that is still to come",
                         location=str(resume), hint="name another file")
    return as_of or begun or now


def _question(
    policies: Sequence[str], settings: Mapping[str, str], profile: mof.Profile, trust: Path | TrustSource | None,
    as_of: datetime,
) -> Question:
    asked = list(dict.fromkeys(policies))
    chosen: dict[str, Policy] = {}
    _refuse_unknown(asked)
    for policy in load_policies([name for name in asked if name not in mof.POLICIES], settings):
        policy.refuse_out_of_force(as_of)
        if chosen.setdefault(policy.id, policy) != policy or policy.id in mof.POLICIES:
            raise UsageError("usage", f"two policies are called {policy.id}", location="--policy",
                             hint="give one of them another id")
    known = tuple(name for name in asked if name in mof.POLICIES)
    believed = read_trust(trust, as_of) if trust is not None else None
    return Question(tuple(chosen.values()), known, profile, believed, as_of)


def _refuse_unknown(names: Sequence[str]) -> None:
    known = (*policy_ids(), *mof.POLICIES)
    for name in names:
        if not is_file(name) and name not in known:
            raise PolicyError("policy-not-found", f"there is no policy {name}", location="--policy",
                              hint=nearest(name, known, "`provenance policy list` names them", 0.6))


def _identity(question: Question) -> dict[str, Any]:
    """What rows depend on beside their own inputs: they are taken over only where all of it is the same."""
    return {
        "asOf": question.as_of.isoformat(), "profile": question.profile, "mof": list(question.mof_policies),
        "policies": {policy.id: policy.digest for policy in question.policies},
        "ladder": {name: policy.digest for name, policy in question.rungs.items()},
        "trust": question.trust.digest if question.trust else "", "licenceData": mof.data_version(),
        "tool": provenance.__version__,
    }


# --- row by row ---------------------------------------------------------------------------------------------

_Made = dict[str, Any] | OtherDocument


@dataclass(frozen=True)
class _Done:
    """One entry with its row, or why there is none; `taken_over`: it comes from the state file."""

    entry: Entry
    made: _Made
    taken_over: bool = False


def _all(found: Sequence[Entry], question: Question, state: State | None, scheduler: str | None) -> Iterator[_Done]:
    """Every entry, done: first what is known from before, then the others as they are finished."""
    waiting: dict[str, tuple[Entry, str]] = {}
    for entry in found:
        # Before anything is read: what changes meanwhile is then made again the next time.
        inputs = fingerprint(entry) if state is not None and entry.error is None else ""
        row = state.row(entry, inputs, question.names) if state is not None and inputs else None
        if row is not None:
            yield _Done(entry, row, taken_over=True)
        else:
            waiting[entry.label] = entry, inputs
    for label, made in _made([entry for entry, _ in waiting.values()], question, scheduler):
        entry, inputs = waiting[label]
        if state is not None and not isinstance(made, OtherDocument):
            state.add(entry, inputs, made)
        yield _Done(entry, made)


def _made(todo: Sequence[Entry], question: Question, scheduler: str | None) -> Iterator[tuple[str, _Made]]:
    """What is made of each entry, by what it is called: here in order, on a cluster as it comes."""
    if scheduler is None:
        for entry in todo:
            yield entry.label, judge(entry, question)
        return
    # A worker has a working folder of its own.
    far = [replace(entry, path=Path(os.path.abspath(entry.path)), address=entry.label) for entry in todo]  # noqa: PTH100
    for entry, answer in each_on(scheduler, partial(judge, question=question), far):
        made = unreadable(entry, answer, question) if isinstance(answer, ProvenanceError) else answer
        yield entry.label, made


def judge(entry: Entry, question: Question) -> _Made:
    """The row of one entry, whatever is wrong with it."""
    try:
        known = read(entry, question.trust, question.as_of)
    except ProvenanceError as err:
        where = err.location.replace(os.fspath(entry.path), entry.label)  # as the user called it, wherever this runs
        return unreadable(entry, ArtifactError(err.code, err.message, location=where, hint=err.hint), question)
    except OSError as err:
        problem = ArtifactError("input-unreadable", f"cannot be read: {err.strerror}", location=entry.label,
                                hint="check its permissions, and that nothing changes it")
        return unreadable(entry, problem, question)
    return known if isinstance(known, OtherDocument) else judged(entry, known, question)


# --- the document -------------------------------------------------------------------------------------------


def _document(done: Sequence[_Done], question: Question, now: datetime) -> dict[str, Any]:
    rows = [{**one.made, "taken_over": one.taken_over} for one in done if isinstance(one.made, dict)]
    skipped = [{"path": one.entry.label, "reason": one.made.reason} for one in done
               if isinstance(one.made, OtherDocument)]
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
        "models": rows, "skipped": skipped, "limits": list(LIMITS),
    }


def _policies(question: Question) -> list[dict[str, Any]]:
    chosen = [{"id": policy.id, "version": policy.version, "title": policy.title, "digest": {"sha256": policy.digest},
               **({"parameters": policy.was_set} if policy.was_set else {}),
               **({"dimensions": len(policy.score)} if policy.score else {})}
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
            "takenOver": sum(row["taken_over"] for row in rows),
            "mofClass": {str(number): classes[number] for number in (0, 1, 2, 3)}, "rungs": rungs}
