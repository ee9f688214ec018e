"""Explain: why a verdict is what it is, from the JSON that `provenance verify --format json` wrote, and nothing else.

The document comes from anywhere and is signed by nobody: it is read by the strict reader, held to its schema, and
refused where it contradicts itself. What it says is explained, and not verified again. What is returned is the document
of `schemas/explanation.schema.json`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from provenance.errors import ArtifactError, PolicyError, StatementError
from provenance.policy.reading import nearest
from provenance.policy.verdict import Outcome, combine
from provenance.statements.reader import MAX_JSON, parse_json, validate
from provenance.workflows.policy_explain import BASIS, VOICE

Document = Mapping[str, Any]

VERSION = "0.1"
_HINT = "give the file that `provenance verify` wrote with --format json --output FILE"
_OPEN = ("fail", "undetermined")


def read_verdict(path: Path) -> dict[str, Any]:
    """A verdict document; ArtifactError or StatementError (`json-invalid`, `schema-version` ...)."""
    try:
        if not path.is_file():  # opening a pipe would wait for ever
            raise ArtifactError("path-not-found", "there is no regular file", location=str(path), hint=_HINT)
        with path.open("rb") as file:
            data = file.read(MAX_JSON + 1)
    except OSError as err:
        raise ArtifactError("input-unreadable", f"cannot be read: {err.strerror}", location=str(path),
                            hint="check the path") from err
    try:
        found = parse_json(data, str(path))
    except StatementError as err:
        raise StatementError(err.code, err.message, location=err.location, hint=_HINT) from err
    if not isinstance(found, dict) or found.get("kind") != "Verdict":
        raise StatementError("schema-mismatch", "it is no verdict", location=str(path), hint=_HINT)
    if found.get("schemaVersion") != VERSION:
        raise StatementError("schema-version", f"a verdict of another schema version than {VERSION}",
                             location=str(path), hint="verify again with this version, or explain with the one that "
                             "wrote it")
    validate(found, "verdict", str(path))
    _refuse_contradiction(found, str(path))
    return found


def explain(path: Path, requirement: str = "") -> dict[str, Any]:
    """Why a verdict is what it is, or why one of its requirements is; PolicyError `requirement-unknown`."""
    verdict = read_verdict(path)
    rows = _asked(verdict, requirement, str(path)) if requirement else _deciding(verdict)
    return {
        "schemaVersion": VERSION, "kind": "Explanation",
        "model": {"name": verdict["model"]["name"], "digest": verdict["model"]["digest"]},
        "policy": verdict["policy"], "asOf": verdict["asOf"], "tool": verdict["tool"],
        "result": verdict["result"], "passed": verdict["passed"], "informational": verdict["informational"],
        "asked": requirement, "because": list(_because(verdict)), "counts": verdict["counts"],
        "requirements": [_explained(verdict, row) for row in rows],
        "waivers": verdict["waivers"],
        "missing": [_place(found) for found in verdict["findings"] if found["code"] == "evidence-missing"],
        "recalled": [found["message"] for found in verdict["findings"] if found["code"] == "artifact-recalled"],
        "rejected": [{"file": row["file"], "sha256": row["sha256"], "status": row["status"], "reason": row["reason"]}
                     for row in verdict["evidence"] if row["status"] != "VALID" or row["code"]],
        "ladder": verdict["ladder"],
        "next": [step for step in verdict["next"] if not requirement or _answers(step, rows)],
    }


def _place(finding: Document) -> str:
    return str(finding["location"] or finding["message"])


def _answers(step: Document, rows: Sequence[Document]) -> bool:
    return not {row["id"] for row in rows}.isdisjoint(step["requirement"].split(", "))


# --- what decides -----------------------------------------------------------------------------------------------------


def _binding(verdict: Document) -> list[Document]:
    return [row for row in verdict["requirements"] if not row.get("advisory")]


def _deciding(verdict: Document) -> list[Document]:
    """The requirements that keep it from passing: what fails first; where it passes, there is none."""
    rows = [row for row in _binding(verdict) if row["outcome"] in _OPEN]
    return sorted(rows, key=lambda row: row["outcome"] != "fail")


def _because(verdict: Document) -> Iterator[str]:
    """What decides, the decisive first: one sentence each."""
    deciding = _deciding(verdict)
    failing = [row["id"] for row in deciding if row["outcome"] == "fail"]
    unsettled = [row["id"] for row in deciding if row["outcome"] == "undetermined"]
    recalled = any(found["code"] == "artifact-recalled" for found in verdict["findings"])
    if recalled:
        yield "The trust file recalls what this model is or rests on: nothing passes by it."
    if failing:
        yield f"{_named(failing)}: evidence shows otherwise. One requirement that fails decides."
    if unsettled:
        what = "Beside that, not" if failing else "Not"
        yield f"{what} shown: {_named(unsettled)}. What is missing, unknown or in too weak a voice never passes."
    if not verdict["coverage"]["complete"]:
        yield f"{_things(len(verdict['coverage']['uncovered']), 'file')} covered by no trusted signature."
    if any(found["code"] == "evidence-missing" for found in verdict["findings"]):
        yield "Evidence that the release lists is not there; what it would say is unknown."
    if verdict["informational"]:
        yield "Only unsigned declarations were there to judge, and nothing passes by them."
    if waived := [row["id"] for row in _binding(verdict) if row["outcome"] == "waived"]:
        yield f"Waived, not shown: {_named(waived)}."
    if verdict["passed"]:
        yield "Every requirement that decides is shown, does not apply or is waived, and every file is covered."
    elif not deciding and verdict["coverage"]["complete"] and not recalled:
        yield "Nothing that the policy asks is shown: what does not apply proves nothing."


def _named(ids: Sequence[str]) -> str:
    return ", ".join(ids)


def _things(number: int, name: str) -> str:
    return f"{number:,} {name} is" if number == 1 else f"{number:,} {name}s are"


# --- one requirement --------------------------------------------------------------------------------------------------


def _asked(verdict: Document, requirement: str, location: str) -> list[Document]:
    """The row of a requirement, or the rows of which it is a part."""
    rows = verdict["requirements"]
    found = [row for row in rows if row["id"] == requirement] or [
        row for row in rows if requirement in _ids(row.get("parts", ()))]
    if not found:
        known = list(dict.fromkeys(name for row in rows for name in (row["id"], *_ids(row.get("parts", ())))))
        written = {name.casefold(): name for name in known}.get(requirement.casefold(), requirement)
        raise PolicyError("requirement-unknown", f"{verdict['policy']['id']} asks no {requirement} in this verdict",
                          location=location, hint=nearest(written, known, f"it asks {', '.join(known)}"))
    return found


def _ids(parts: Iterable[Document]) -> Iterator[str]:
    for part in parts:
        if part["id"]:
            yield part["id"]
        yield from _ids(part.get("parts", ()))


def _explained(verdict: Document, row: Document) -> dict[str, Any]:
    files = {entry["sha256"]: entry for entry in verdict["evidence"]}
    roles = " or ".join(row["roles"])
    return {
        **{name: row[name] for name in ("id", "title", "source", "outcome", "reason", "remedy", "declares", "minBasis",
                                        "minVoice", "roles")},
        "advisory": bool(row.get("advisory")),
        "shownBy": BASIS[row["minBasis"]], "saidBy": VOICE.get(row["minVoice"], "anybody").format(roles=roles),
        "rule": row.get("rule", ""), "parts": row.get("parts", []),
        "items": [{**item, "evidence": [_evidence(digest, files) for digest in item["evidence"]]}
                  for item in row["items"]],
    }


def _evidence(digest: str, files: Mapping[str, Document]) -> dict[str, str]:
    """A bundle of the verdict's list, or a file that nobody signed (a card) and that it does not list."""
    entry = files.get(digest)
    if entry is None:
        return {"sha256": digest, "file": "", "predicateType": ""}
    return {"sha256": digest, "file": entry["file"], "predicateType": entry["predicateType"]}


# --- a document that cannot be so -------------------------------------------------------------------------------------


def _refuse_contradiction(verdict: Document, location: str) -> None:
    """StatementError `verdict-contradicts-itself`: an explanation of it would explain what no evaluation gave."""
    for what in _contradictions(verdict):
        raise StatementError("verdict-contradicts-itself", what, location=location,
                             hint="do not rely on it: verify the model again")


def _contradictions(verdict: Document) -> Iterator[str]:
    rows, counts = verdict["requirements"], verdict["counts"]
    names = {"notApplicable": "not_applicable"}
    if any(sum(row["outcome"] == names.get(name, name) for row in rows) != number for name, number in counts.items()):
        yield "its counts are not those of its requirements"
    outcomes: list[Outcome] = [row["outcome"] for row in _binding(verdict)]
    decisive = combine(outcomes)
    if decisive in _OPEN and verdict["result"] == "pass":
        yield f"its result is pass, and a requirement is {decisive}"
    if decisive == "fail" and verdict["result"] != "fail":
        yield "a requirement fails, and its result does not"
    if verdict["passed"] != (verdict["result"] == "pass" and verdict["coverage"]["complete"]):
        yield "what it says of having passed is not what its result and its coverage say"
    if verdict["passed"] and verdict["informational"]:
        yield "it passed, and nothing but unsigned declarations was there"
