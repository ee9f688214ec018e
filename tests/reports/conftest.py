"""Verdicts to report on: an open model all of whose requirements pass, one that is only declared, and worse ones."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

Verdict = dict[str, Any]
Part = dict[str, Any]

LADDER = [
    ("g7-2026-weights-available", "Weights Available AI"),
    ("g7-2026-open-weights", "Open Weights AI"),
    ("g7-2026-open-source-ai", "Open Source AI"),
    ("g7-2026-open-source-ai-open-data", "Open Source AI with Open Data"),
]
LIMITS = [
    "Integrity is not truth: a signature shows who says something, not that it is so.",
    "A signed list shows what its signer lists; it does not prove that nothing was left off.",
    "Licences are compared with published facts about them; this is not legal advice.",
]
TITLES = {
    "W-1": "The weights are published and are these very bytes",
    "W-2": "The weights are under an open source licence",
    "W-3": "No use is forbidden by person, field or place",
    "W-4": "The weights can be obtained free of charge",
    "W-5": "The weights are bound to their release by a name-binding digest",
    "W-7": "The licence text is among the files",
    "C-1": "Code to run the model is published",
    "C-2": "Training code is published under an open source licence and is what the training step used",
    "C-3": "Code that prepared the data is published under an open source licence",
    "C-5": "The full training configuration is published",
    "D-1": "Every dataset that the training step used is named by digest",
    "D-2": "Every dataset says where it comes from and how it was selected, labelled and processed",
    "D-3": "Every dataset says how it can be obtained, or why it cannot",
    "D-5": "The producer declares the list of datasets complete",
    "D-6": "Every dataset can be obtained under open terms",
    "X-1": "Every statement that counts is signed by a trusted principal",
    "X-2": "The lineage has no cycle and no dangling input",
}


def sha(name: str) -> str:
    """A digest that looks like one and is the same every time."""
    return hashlib.sha256(name.encode()).hexdigest()


def item(subject: str, outcome: str, reason: str, evidence: str | None = None, signer: str = "kjv-lab") -> Part:
    return {"subject": subject, "outcome": outcome, "reason": reason, "basis": "stated" if evidence else None,
            "voice": "trusted" if evidence else "none", "evidence": [sha(evidence)] if evidence else [],
            "signers": [signer] if evidence else []}


def requirement(name: str, items: list[Part], remedy: str = "") -> Part:
    outcomes = [found["outcome"] for found in items]
    outcome = next(one for one in ("fail", "undetermined", "pass", "not_applicable", "waived") if one in outcomes)
    told = [f"{part['subject']}: {part['reason']}".removeprefix(": ") for part in items if part["outcome"] == outcome]
    return {
        "id": name, "title": TITLES[name], "source": "G7 Vision on AI Openness, Paris, 2026-05-29", "outcome": outcome,
        "minBasis": "stated", "minVoice": "trusted", "roles": ["producer"],
        "basis": min((found["basis"] for found in items if found["basis"]), default=None),
        "voice": items[0]["voice"], "reason": "; ".join(told),
        "remedy": remedy, "declares": "", "items": items,
        "evidence": sorted({digest for found in items for digest in found["evidence"]}),
        "signers": sorted({name for found in items for name in found["signers"]}),
    }


def bundle(file: str, predicate: str, subject: str, principal: str = "kjv-lab", status: str = "VALID",
           code: str = "", reason: str = "") -> Part:
    party = {"kjv-lab": "Example Lab", "text-archive": "Text Archive e.V."}.get(principal, "")
    roles = {"kjv-lab": ["producer"], "text-archive": ["data-supplier"]}.get(principal, [])
    valid = status == "VALID"
    return {
        "file": file, "sha256": sha(file), "status": status, "code": code, "reason": reason, "predicateType": predicate,
        "subjects": [subject], "voice": "trusted" if valid else "none", "used": valid,
        "signers": [{"principal": principal, "party": party, "roles": roles, "keyid": sha(principal or file)}],
        "time": {"value": "2026-11-20T09:12:00Z", "source": "claimed"} if valid else None,
    }


def ladder(shown: list[str], declared: list[str]) -> Part:
    def highest(outcomes: list[str]) -> str | None:
        return next((LADDER[place][0] for place in (3, 2, 1, 0) if outcomes[place] == "pass"), None)

    return {"shown": highest(shown), "declared": highest(declared),
            "rungs": [{"policy": policy, "label": label, "shown": one, "declared": other}
                      for (policy, label), one, other in zip(LADDER, shown, declared, strict=True)]}


def counted(verdict: Verdict) -> Verdict:
    """The verdict with its counts, as the outcomes of its requirements have them."""
    outcomes = [row["outcome"] for row in verdict["requirements"]]
    verdict["counts"] = {name: outcomes.count(outcome) for name, outcome in [
        ("pass", "pass"), ("fail", "fail"), ("undetermined", "undetermined"), ("notApplicable", "not_applicable"),
        ("waived", "waived")]}
    return verdict


def passing() -> Verdict:
    """A small language model on the King James text: two datasets, three steps, everything shown."""
    step, dataset = "https://slsa.dev/provenance/v1", "urn:open-provenance:dataset:v0.1"
    one = {"W-1": "the weights in hand are those that the release lists", "W-2": "Apache-2.0 is OSI-approved",
           "W-3": "Apache-2.0 forbids no use", "W-4": "the producer declares the weights free of charge",
           "W-5": "the release binds the tensor tree and every file name",
           "W-7": "LICENSE holds the text of Apache-2.0",
           "C-1": "generate.py and network.py are published under Apache-2.0",
           "C-2": "train.py is under Apache-2.0, and the training step used it with the same digest",
           "C-3": "prepare.py is under Apache-2.0, and the preparation step used it with the same digest",
           "C-5": "the configuration and the lock file are recorded by digest",
           "D-1": "both datasets of the training step are named by sha256",
           "D-5": "the producer declares that the list of datasets is complete",
           "X-1": "all 6 bundles that count are signed by principals of the trust file",
           "X-2": "every input of every step is the output of a step, or is attested"}
    each = {"D-2": "source, selection, labelling and processing are stated", "D-3": "it is open to all, with a locator",
            "D-6": "the text is in the public domain (CC0-1.0)"}
    file = {"C": "train.sigstore.json"}
    rows = [requirement(name, [item("", "pass", one[name], file.get(name[0], "release.sigstore.json"))])
            if name in one else
            requirement(name, [item("dataset kjv-text", "pass", each[name], "kjv-text.sigstore.json", "text-archive"),
                               item("dataset kjv-tokens", "pass", each[name], "kjv-tokens.sigstore.json")])
            for name in TITLES]
    return counted({
        "schemaVersion": "0.1", "kind": "Verdict", "tool": {"name": "open-provenance", "version": "0.1.0"},
        "asOf": "2026-11-23T20:00:00Z", "asOfInThePast": False,
        "model": {"name": "kjv-tiny", "digest": {"dirHash": sha("model"), "sha256": sha("root")}, "files": 9,
                  "bytes": 3_402_771, "weights": {"digest": {"tensorTree": sha("weights")}, "tensors": 52,
                                                  "parameters": 842_496}},
        "policy": {"id": LADDER[3][0], "version": "1.0.0", "title": "G7 ladder: Open Source AI with Open Data",
                   "source": "https://www.g7.example/ai-openness", "digest": {"sha256": sha("policy")}},
        "trust": {"digest": {"sha256": sha("trust")}, "version": 3, "expires": "2027-11-23T00:00:00Z", "principals": 2,
                  "root": None},
        "result": "pass", "passed": True, "informational": False, "ladder": ladder(["pass"] * 4, ["pass"] * 4),
        "requirements": rows,
        "waivers": [],
        "coverage": {"complete": True, "covered": 8, "uncovered": [], "leftOut": [".gitattributes"]},
        "findings": [{"code": "left-out", "severity": "info", "location": ".gitattributes", "hint": "",
                      "message": "a repository file that is left out of an admitted copy"}],
        "openPoints": [], "next": [], "lineage": passing_lineage(),
        "evidence": [bundle("evaluate.sigstore.json", step, "kjv-tiny"),
                     bundle("kjv-text.sigstore.json", dataset, "kjv-text", principal="text-archive"),
                     bundle("kjv-tokens.sigstore.json", dataset, "kjv-tokens"),
                     bundle("prepare.sigstore.json", step, "kjv-tokens"),
                     bundle("release.sigstore.json", "urn:open-provenance:release:v0.1", "kjv-tiny"),
                     bundle("train.sigstore.json", step, "kjv-tiny")],
        "limits": LIMITS,
    })


def node(number: int, kind: str, label: str, state: str = "shown", signer: str = "kjv-lab") -> Part:
    digest = signer and kind != "step"
    return {"id": f"n{number}", "kind": kind, "label": label, "digest": f"sha256:{sha(label)}" if digest else None,
            "signers": [signer] if signer else [], "state": state}


def edge(start: int, end: int, role: str, strength: str = "name-bound") -> dict[str, str]:
    return {"from": f"n{start}", "to": f"n{end}", "role": role, "strength": strength}


def passing_lineage() -> Part:
    return {
        "nodes": [node(1, "model", "kjv-tiny"), node(2, "step", "train"), node(3, "step", "prepare"),
                  node(4, "step", "evaluate"), node(5, "dataset", "kjv-text", signer="text-archive"),
                  node(6, "dataset", "kjv-tokens"), node(7, "source", "train.py"), node(8, "source", "prepare.py"),
                  node(9, "file", "requirements.lock")],
        "edges": [edge(5, 3, "raw-data"), edge(8, 3, "source", "file"), edge(3, 6, "output"),
                  edge(6, 2, "training-data"), edge(7, 2, "source", "file"), edge(9, 2, "lockfile", "file"),
                  edge(2, 1, "output", "tensor-root"), edge(1, 4, "evaluated"), edge(5, 4, "evaluation-data")],
        "gaps": [],
    }


def declared_only() -> Verdict:
    """A sentence encoder of which only the card speaks, beside two bundles that do not count."""
    verdict = passing()
    rows = dict.fromkeys(["W-1", "W-2", "W-3", "C-1", "C-2", "C-5", "D-1", "D-2", "D-3", "D-5"], "undetermined")
    rows |= {"W-1": "pass", "W-2": "pass", "W-3": "pass", "D-3": "fail"}
    reasons = {"W-1": "the card names these weights", "W-2": "the card declares Apache-2.0",
               "W-3": "Apache-2.0 forbids no use",
               "D-3": "the card names a dataset whose terms allow research only"}
    remedies = {"C-1": "Publish a release statement that lists the code to run the model.",
                "C-2": "Record the training step: provenance record --step train -- python train.py",
                "D-2": "Attest each dataset: provenance attest dataset FILE",
                "D-3": "Say how each dataset can be obtained, or the legal or technical reason why not."}
    made = []
    for name, outcome in rows.items():
        found = item("", outcome, reasons.get(name, "no statement speaks of it"))
        if outcome != "undetermined":
            found |= {"basis": "stated", "voice": "unsigned"}
        made.append(requirement(name, [found], remedies.get(name, "")))
    node_rows = [node(1, "model", "all-MiniLM-L6-v2", "declared", ""),
                 node(2, "dataset", "MS MARCO", "declared", ""),
                 node(3, "dataset", "Reddit comments (2015-2018)", "declared", ""),
                 node(4, "base-model", "nreimers/MiniLM-L6-H384-uncased", "missing", "")]
    return counted(verdict | {
        "model": {"name": "all-MiniLM-L6-v2", "digest": {"dirHash": sha("minilm"), "sha256": sha("minilm root")},
                  "files": 5, "bytes": 91_603_119,
                  "weights": {"digest": {"tensorTree": sha("minilm weights")}, "tensors": 103,
                              "parameters": 22_713_216}},
        "policy": {"id": "osaid-1.0", "version": "1.0.0", "title": "OSI Open Source AI Definition 1.0",
                   "source": "https://opensource.org/ai/open-source-ai-definition", "digest": {"sha256": sha("osaid")}},
        "trust": None, "result": "fail", "passed": False, "informational": True,
        "ladder": ladder(["undetermined"] * 3 + ["fail"], ["pass", "pass", "undetermined", "fail"]),
        "requirements": made,
        "coverage": {"complete": False, "covered": 0, "leftOut": [".gitattributes"], "uncovered": [
            {"path": "modeling.py", "risk": "code", "code": "file-not-covered"},
            {"path": "config.json", "risk": "configuration", "code": "file-not-covered"},
            {"path": "model.safetensors", "risk": "weights", "code": "file-not-covered"},
            {"path": "README.md", "risk": "other", "code": "file-not-covered"}]},
        "findings": [{"code": "lineage-gap", "severity": "warning", "message": "the base model is attested by nobody",
                      "location": "nreimers/MiniLM-L6-H384-uncased", "hint": "ask its producer for a release"}],
        "openPoints": [f"{name} {TITLES[name]}: {reasons.get(name, 'no statement speaks of it')}"
                       for name in ("D-3", "C-1", "C-2")],
        "next": [{"requirement": name, "remedy": remedy, "towards": "g7-2026-open-source-ai"}
                 for name, remedy in remedies.items()],
        "lineage": {"nodes": node_rows, "gaps": ["no attested step says how these weights were made"],
                    "edges": [edge(number, 1, role, "weak") for number, role in
                              [(2, "training-data"), (3, "training-data"), (4, "base-model")]]},
        "evidence": [bundle("old.sigstore.json", "", "all-MiniLM-L6-v2", "", "INVALID", "signature-invalid",
                            "no trusted key made this signature"),
                     bundle("log.sigstore.json", "", "all-MiniLM-L6-v2", "", "UNSUPPORTED", "bundle-kind-unsupported",
                            "verification material that this version does not check")],
    })


def undetermined() -> Verdict:
    """The open model with one dataset statement taken away and one file put in, judged as of a time in the past."""
    verdict = passing()
    reason = "the release stands on this evidence, and it is not shown"
    for row in verdict["requirements"]:
        if row["id"] in ("D-2", "D-3", "D-6"):
            items = [row["items"][0], item("dataset kjv-tokens", "undetermined", reason)]
            row |= requirement(row["id"], items, "Get kjv-tokens.sigstore.json from the producer.")
    verdict["evidence"] = [entry for entry in verdict["evidence"] if entry["file"] != "kjv-tokens.sigstore.json"]
    return counted(verdict | {
        "asOf": "2026-01-02T03:04:05Z", "asOfInThePast": True, "result": "undetermined", "passed": False,
        "ladder": ladder(*[["pass", "pass", "undetermined", "undetermined"]] * 2),
        "coverage": {"complete": False, "covered": 8, "leftOut": [],
                     "uncovered": [{"path": "chat_template.jinja", "risk": "template", "code": "file-not-covered"}]},
        "openPoints": [f"{name} {TITLES[name]}: dataset kjv-tokens: {reason}" for name in ("D-2", "D-3", "D-6")],
        "next": [{"requirement": "D-2, D-3, D-6", "remedy": "Get kjv-tokens.sigstore.json from the producer.",
                  "towards": LADDER[3][0]}],
    })


def waivers() -> list[Part]:
    """One waiver of each effect."""
    told = {"waives": "counts until 2027-01-31T00:00:00Z", "not-needed": "the requirement is met without it",
            "none": "lab is no approver in the trust file"}
    return [
        {"file": f"waiver-{effect}.sigstore.json", "sha256": sha(effect), "effect": effect, "why": why,
         "requirement": "X-2", "policy": LADDER[3][0], "approver": "board", "party": "Example Buyer",
         "reason": "the producer releases again in January", "compensatingMeasure": "it is kept apart until then",
         "approvedOn": "2026-11-20T00:00:00Z", "expires": "2027-01-31T00:00:00Z"}
        for effect, why in told.items()
    ]


def failing() -> Verdict:
    """Trusted signers, a licence that forbids commercial use, and three waivers."""
    verdict = passing() | {"waivers": waivers()}
    row = next(row for row in verdict["requirements"] if row["id"] == "W-2")
    row |= requirement("W-2", [item("", "fail", "CC-BY-NC-4.0 forbids commercial use", "release.sigstore.json")],
                       "Publish the weights under an OSI-approved licence.")
    return counted(verdict | {
        "result": "fail", "passed": False, "ladder": ladder(*[["pass", "fail", "fail", "fail"]] * 2),
        "openPoints": [f"W-2 {TITLES['W-2']}: CC-BY-NC-4.0 forbids commercial use"],
        "next": [{"requirement": "W-2", "remedy": row["remedy"], "towards": LADDER[3][0]}],
    })


VERDICTS: dict[str, Callable[[], Verdict]] = {
    "pass": passing, "fail": failing, "undetermined": undetermined, "informational": declared_only,
}


@pytest.fixture
def kjv() -> Verdict:
    return passing()


@pytest.fixture
def minilm() -> Verdict:
    return declared_only()


@pytest.fixture
def waived() -> Verdict:
    """With a waiver of each effect."""
    return failing()


@pytest.fixture(params=VERDICTS)
def verdict(request: pytest.FixtureRequest) -> Verdict:
    """Each of the four kinds of verdict in turn."""
    return VERDICTS[request.param]()


# Closed words of the schema: the producer of a verdict cannot write anything else there.
CLOSED = {"outcome", "shown", "declared", "status", "severity", "risk", "state", "kind", "basis", "voice", "strength",
          "effect", "minBasis", "minVoice", "result", "id", "from", "to", "policy", "schemaVersion"}


@pytest.fixture
def poisoned() -> Callable[[str], Verdict]:
    """Makes a verdict in which a payload stands in every string that a stranger could have written."""

    def poison(value: Any, payload: str) -> Any:
        if isinstance(value, str):
            return payload
        if isinstance(value, dict):
            kept = {key for key, part in value.items() if key in CLOSED and isinstance(part, str)}
            return {key: part if key in kept else poison(part, payload) for key, part in value.items()}
        return [poison(part, payload) for part in value] if isinstance(value, list) else copy.copy(value)

    def make(payload: str) -> Verdict:
        verdict = poison(declared_only(), payload)
        verdict["requirements"] += [row | {"id": payload} for row in poison(undetermined()["requirements"], payload)]
        verdict["waivers"] = poison(waivers(), payload)
        verdict["policy"]["id"] = payload
        verdict["model"]["digest"] = {payload: payload}
        return counted(verdict)

    return make
