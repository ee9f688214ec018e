"""The words and numbers that text, Markdown and HTML share, so that no format says another thing than the next.

Everything here takes the verdict document, or a part of it, and gives plain strings and numbers: a sink escapes
them. An outcome is always a sign and a word, never a colour alone; a count always comes with what it counts out of.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Mark:
    """An outcome as people read it: a sign, a word, and the key under which a format finds its colour."""

    sign: str
    word: str
    key: str

    def __str__(self) -> str:
        return f"{self.sign} {self.word}"


_MARKS = {
    "pass": Mark("✓", "pass", "pass"),
    "fail": Mark("✗", "fail", "fail"),
    "undetermined": Mark("?", "undetermined", "undetermined"),
    "not_applicable": Mark("-", "not applicable", "other"),
    "waived": Mark("~", "waived", "other"),
}
_DECLARED = " (declared only)"
BESIDE = "Documents handed in beside the model. Anyone could have written them: no line of them shows anything."
_COUNTED = {"pass": "pass", "fail": "fail", "undetermined": "undetermined", "notApplicable": "not_applicable",
            "waived": "waived"}

IN_THE_PAST = "Judged as of {asOf}, a time in the past: what is known today may say otherwise."
INFORMATIONAL = (
    "Informational: only unsigned declarations were there to judge. "
    "Each line rests on what is declared, not on what is shown; nothing is passed by it."
)


def heard(line: Mapping[str, Any]) -> str:
    """Basis and voice of one line of a declared document."""
    return f"{line['basis']}, {line['voice']}"


def more_lines(told: Mapping[str, Any]) -> str:
    """How many lines of a declared document a verdict does not have."""
    return f"and {told['more']:,} more lines, also unsigned: `provenance declared` tells all of them"


def mark(outcome: str, *, declared: bool = False) -> Mark:
    """The mark of an outcome; `declared` where only unsigned declarations stand behind it."""
    known = _MARKS[outcome]
    return Mark(known.sign, known.word + _DECLARED, known.key) if declared else known


def result(verdict: Document) -> Mark:
    """The whole verdict in a few words. What is informational has no pass."""
    outcome = verdict["result"]
    if verdict["informational"]:
        return Mark("?", "Not passed (declared only)", "undetermined")
    if verdict["passed"]:
        waived = verdict["counts"]["waived"]
        return Mark("✓", f"Passed, {_things(waived, 'requirement')} waived" if waived else "Passed", "pass")
    if outcome == "fail":
        return Mark("✗", "Not passed", "fail")
    if "score" in verdict:
        return Mark("?", "Not passed (a score never is)", "undetermined")
    return Mark("?", "Not passed (undetermined)", "undetermined")


def span(points: Document) -> str:
    """`9`, or `6.5 to 9`."""
    least, most = points["least"], points["most"]
    return f"{least:g}" if least == most else f"{least:g} to {most:g}"


def points(score: Document) -> str:
    """`9 of 12`, or `between 6.5 and 9 of 12` where some of it is open."""
    least, most = score["least"], score["most"]
    return f"{least:g} of {score['of']}" if least == most else f"between {least:g} and {most:g} of {score['of']}"


def score_sentence(score: Document) -> str:
    """`between 6.5 and 9 of 12 points shown, 10 of 12 declared`."""
    return f"{points(score)} points shown, {points({**score['declared'], 'of': score['of']})} declared"


def parameters(values: Document) -> str:
    """`maxAgeDays=90, jurisdictions=EU,US`: as they are typed after `--set`."""
    return ", ".join(f"{name}={typed(value)}" for name, value in values.items())


def typed(value: Any) -> str:
    """The value of a parameter as somebody types it."""
    if isinstance(value, Mapping):
        return ",".join(f"{name}:{least}" for name, least in value.items())
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def dimension_words(dimension: Document) -> str:
    """`open`, or `undetermined, 0.5 to 1`."""
    least, most = dimension["least"], dimension["most"]
    return str(dimension["answer"]) + ("" if least == most else f", {least:g} to {most:g}")


def counts(verdict: Document) -> list[tuple[Mark, int]]:
    """How many requirements have each outcome, in a fixed order, zeros too."""
    return [(mark(outcome), verdict["counts"][name]) for name, outcome in _COUNTED.items()]


def counts_sentence(verdict: Document) -> str:
    """`3 pass, 0 fail, 1 undetermined, 0 not applicable, 0 waived, of 4 requirements`."""
    told = ", ".join(f"{number} {found.word}" for found, number in counts(verdict))
    return f"{told}, of {_things(len(verdict['requirements']), 'requirement')}"


def weights_sentence(verdict: Document) -> str:
    """`52 tensors, 842,496 parameters`; says so where no weights were read."""
    weights = verdict["model"]["weights"]
    if weights is None:
        return "no weights in a container that was read"
    return f"{_things(weights['tensors'], 'tensor')}, {_things(weights['parameters'], 'parameter')}"


def short(digest: str) -> str:
    """The first twelve signs of a digest, with its algorithm if it has one; enough to compare by eye."""
    algorithm, colon, value = digest.rpartition(":")
    return f"{algorithm}{colon}{value[:12]}"


def main_digest(digests: Mapping[str, str]) -> str:
    """`algorithm:value` of the digest that names the thing best: the name-binding one, else the first by name."""
    names = sorted(digests, key=lambda name: (name != "dirHash", name))
    return f"{names[0]}:{digests[names[0]]}" if names else ""


def shown_by(part: Document) -> str:
    """`stated, trusted`: basis and voice of what a requirement or item rests on."""
    return f"{part['basis']}, {part['voice']}" if part["basis"] else "nothing shown"


def asked_of(requirement: Document) -> str:
    """`stated, trusted, from producer`: the least that a requirement takes."""
    roles = " or ".join(requirement["roles"])
    return f"{requirement['minBasis']}, {requirement['minVoice']}{f', from {roles}' if roles else ''}"


def label_of(verdict: Document, policy: str | None) -> str:
    """The name of a rung by its policy id; the id itself for another policy."""
    if policy is None:
        return "none"
    return next((rung["label"] for rung in verdict["ladder"]["rungs"] if rung["policy"] == policy), policy)


def why(verdict: Document) -> list[str]:
    """What stands between this model and the policy: at most three open points, then what no requirement tells."""
    points = list(verdict["openPoints"][:3])
    if verdict["passed"]:
        return points
    uncovered = len(verdict["coverage"]["uncovered"])
    if uncovered:
        points.append(f"{_things(uncovered, 'file')} of {_all_files(verdict):,} covered by no trusted signature")
    if len(points) < 3:
        errors = (found["message"] for found in verdict["findings"]
                  if found["severity"] == "error" and found["code"] != "file-not-covered")
        points += list(dict.fromkeys(errors))[:3]
    return points


def _all_files(verdict: Document) -> int:
    coverage = verdict["coverage"]
    return int(coverage["covered"]) + len(coverage["uncovered"]) + len(coverage["leftOut"])


def _things(number: int, name: str) -> str:
    return f"{number:,} {name}" if number == 1 else f"{number:,} {name}s"


def coverage_sentence(verdict: Document) -> str:
    """How many files a trusted signature covers, out of how many."""
    coverage = verdict["coverage"]
    told = f"{coverage['covered']:,} of {_things(_all_files(verdict), 'file')} covered by a trusted signature"
    left_out = len(coverage["leftOut"])
    return f"{told}; {_things(left_out, 'repository file')} left out of an admitted copy" if left_out else told


def steps_forward(verdict: Document) -> list[tuple[str, list[tuple[str, str]]]]:
    """What to publish, grouped by what it leads to: `(towards, [(requirements, remedy), ...])`."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for step in verdict["next"]:
        groups.setdefault(label_of(verdict, step["towards"]), []).append((step["requirement"], step["remedy"]))
    return list(groups.items())


def rejected(verdict: Document) -> list[Document]:
    """Evidence that could not be used as evidence; never dropped."""
    return [entry for entry in verdict["evidence"] if entry["status"] != "VALID" or entry["code"]]


def fate(entry: Document) -> str:
    """What became of one bundle: `VALID, used`, `VALID, not used`, or why it was rejected."""
    if entry["status"] == "VALID":
        return f"VALID, {'used' if entry['used'] else 'not used'}"
    return f"{entry['status']} ({entry['code']})" if entry["code"] else str(entry["status"])


def signer_names(entry: Document) -> str:
    """`acme-ml (ACME; producer)`; a signer whom the trust file does not list is named by key id."""
    return "; ".join(
        f"{signer['principal']} ({signer['party']}; {', '.join(signer['roles'])})"
        if signer["principal"] else f"unknown key {short(signer['keyid'])}"
        for signer in entry["signers"]
    )


def open_items(requirement: Document) -> list[Document]:
    """The items of a requirement that keep it from passing, when it speaks of more than one."""
    items = requirement["items"]
    return [item for item in items if item["outcome"] in ("fail", "undetermined")] if len(items) > 1 else []


def item_words(item: Document) -> str:
    """`dataset kjv: the terms are open`; an item without a subject speaks of the model itself."""
    return f"{item['subject']}: {item['reason']}" if item["subject"] else str(item["reason"])


def waiver_words(waiver: Document) -> str:
    """`waives X-3 until 2027-01-31T00:00:00Z`, or what else became of a waiver, and why."""
    about = waiver["requirement"] or "a requirement"
    if waiver["effect"] == "waives":
        return f"waives {about} until {waiver['expires']}"
    if waiver["effect"] == "not-needed":
        return f"not needed for {about}: {waiver['why']}"
    return f"counts for nothing: {waiver['why']}"


def approver_words(waiver: Document) -> str:
    """`board (Example Buyer)`; a signer whom the trust file does not list has no name."""
    return f"{waiver['approver']} ({waiver['party']})" if waiver["approver"] else "nobody whom the trust file lists"


def root_words(verdict: Document) -> str:
    """The Sigstore trust root with the date of its newest key; empty where no identity is believed."""
    root = (verdict["trust"] or {}).get("root")
    return f"{root['name']}, newest key {root['newest']}, sha256:{root['digest']['sha256'][:12]}" if root else ""


def declares(requirement: Document) -> str:
    """What nobody signed and somebody declares, where the evidence leaves the requirement open; empty otherwise."""
    return f"Declared, unsigned: {requirement['declares']}" if requirement["declares"] else ""


def commands(verdict: Document) -> list[tuple[str, str]]:
    """`(what it shows, command)` for everything that an auditor needs to come to this verdict again."""
    trust = " --trust trust.yaml" if verdict["trust"] else ""
    policy, moment = shlex.quote(verdict["policy"]["id"]), shlex.quote(verdict["asOf"])
    policy += "".join(f" --set {shlex.quote(f'{name}={typed(value)}')}"
                      for name, value in verdict["policy"].get("parameters", {}).items())
    return [
        ("The whole verdict", f"provenance verify MODEL --policy {policy} --evidence DIR{trust} --as-of {moment}"),
        ("One file of evidence", "provenance bundle inspect FILE"),
        ("The model's digests", "provenance digest MODEL"),
    ]


def limited(rows: Sequence[Any], most: int) -> tuple[Sequence[Any], str]:
    """The first rows, and a sentence on the rest; the JSON report always has them all."""
    rest = len(rows) - most
    return (rows[:most], f"and {rest:,} more: the JSON report lists them all") if rest > 0 else (rows, "")


def amount(number: int) -> str:
    """A number of bytes as people say it, with the exact one beside it."""
    size, units = float(number), ["bytes", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{number:,} bytes" if number < 1000 else f"{size:.1f} {units[0]} ({number:,} bytes)"


_PLAIN_LINK = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?(/[A-Za-z0-9._~%?=&+/#,-]*)?")


def is_plain_link(text: str) -> bool:
    """Whether a page may make a link of it: https, and nothing in it that hides where it leads (`user@host`)."""
    return _PLAIN_LINK.fullmatch(text) is not None
