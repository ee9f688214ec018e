"""The good statements, one of each predicate that this tool writes, as plain JSON values."""

from __future__ import annotations

from typing import Any

from artifacts import LOCK, MODEL, SCRIPT, TALES, file, folder
from reference import h, oms_root

DATASET = "urn:open-provenance:dataset:v0.1"
RELEASE = "urn:open-provenance:release:v0.1"
REPRODUCTION = "urn:open-provenance:reproduction:v0.1"
ASSESSMENT = "urn:open-provenance:assessment:v0.1"
WAIVER = "urn:open-provenance:waiver:v0.1"
STEP = "https://slsa.dev/provenance/v1"
MODEL_SIGNATURE = "https://model_signing/signature/v1.0"
SUMMARY = "https://slsa.dev/verification_summary/v1"


def statement(kind: str, subject: list[dict[str, Any]], predicate: dict[str, Any]) -> dict[str, Any]:
    """An in-toto Statement v1."""
    v1 = "https://in-toto.io/Statement/v1"
    return {"_type": v1, "subject": subject, "predicateType": kind, "predicate": predicate}


def dataset() -> dict[str, Any]:
    """What a supplier states about a text."""
    return statement(DATASET, [file("tales.jsonl", TALES)], {
        "name": "tales", "version": "1", "description": "two sentences",
        "source": {"uri": "https://example.org/tales", "publisher": "Example Works",
                   "obtained": "written on 2026-11-01"},
        "selection": "all of it", "labelling": "none", "processing": ["none"], "license": "CC0-1.0",
        "availability": {"class": "open", "locator": "https://example.org/tales"}, "languages": ["en"],
        "personalData": "none", "records": 2,
    })


def step() -> dict[str, Any]:
    """A training step."""
    return statement(STEP, folder("tiny", MODEL), {
        "buildDefinition": {
            "buildType": "urn:open-provenance:step:train:v0.1",
            "externalParameters": {"name": "train", "command": ["python", "train.py"],
                                   "initialParameters": {"kind": "random", "seed": 1611}},
            "internalParameters": {"seeds": {"seed": 1611}, "completeness": ["The network was not observed."]},
            "resolvedDependencies": [
                file("tales.jsonl", TALES, role="training-data"), file("train.py", SCRIPT, role="source"),
                file("requirements.lock", LOCK, role="lockfile"),
            ],
        },
        "runDetails": {
            "builder": {"id": "urn:open-provenance:recorder:v0.1"},
            "metadata": {"invocationId": "urn:uuid:0b7c5a1e-0000-4000-8000-000000000000",
                         "startedOn": "2026-11-23T11:00:00Z", "finishedOn": "2026-11-23T11:01:00Z"},
            "byproducts": [],
        },
    })


def release() -> dict[str, Any]:
    """A release of the model; its list of evidence names a bundle that is not among the vectors."""
    return statement(RELEASE, folder("tiny", MODEL), {
        "name": "tiny", "version": "1.0", "producer": "Example Lab", "createdOn": "2026-11-23T11:30:00Z",
        "components": [
            {"component": "model-parameters-final", "license": "Apache-2.0",
             **file("model.safetensors", MODEL["model.safetensors"])},
            {"component": "training-code", "license": "Apache-2.0", **file("train.py", SCRIPT)},
            {"component": "datasets", "license": "CC0-1.0", "name": "tales", "uri": "https://example.org/tales"},
        ],
        "evidence": [{"name": "train.sigstore.json", "digest": {"sha256": h(b"a bundle").hex()}}],
        "datasets": [{"name": "tales.jsonl", "digest": {"sha256": h(TALES).hex()}}],
        "baseModels": [],
        "declarations": {"datasetListComplete": True, "freeOfCharge": True, "trainingConfigurationComplete": True},
    })


def reproduction() -> dict[str, Any]:
    """Checksums that came out equal."""
    return statement(REPRODUCTION, folder("tiny", MODEL), {
        "mode": "checksums", "outcome": "equal", "meaning": "every file is bit for bit what was attested",
        "compared": {"files": 3, "tensors": 2}, "differences": [],
        "evidence": [{"name": "train.sigstore.json", "digest": {"sha256": h(b"a bundle").hex()}}],
        "startedOn": "2026-11-23T11:40:00Z", "finishedOn": "2026-11-23T11:40:01Z",
    })


def assessment() -> dict[str, Any]:
    """What a person found of the data behind the model, after looking at the release."""
    return statement(ASSESSMENT, folder("tiny", MODEL)[:1], {
        "requirement": "D-2", "scale": "adequacy", "finding": "adequate",
        "rationale": "A skilled person could write an equivalent text from what is described.",
        "method": "Read the release and the dataset statement, and followed the source to its archive.",
        "evidence": [{"name": "release.sigstore.json", "digest": {"sha256": h(b"a release").hex()}}],
        "assessedOn": "2026-11-23T11:45:00Z", "validUntil": "2027-11-23T00:00:00Z",
    })


def waiver() -> dict[str, Any]:
    """One requirement of one policy that is gone without for two months."""
    return statement(WAIVER, folder("tiny", MODEL)[:1], {
        "policy": {"id": "our-weights", "digest": {"sha256": h(b"a policy").hex()}}, "requirement": "X-3",
        "reason": "The producer releases again in January; nothing has changed since.",
        "compensatingMeasure": "The model stays in the test environment until then.",
        "approvedOn": "2026-11-23T11:50:00Z", "expires": "2027-01-31T00:00:00Z",
    })


def model_signature() -> dict[str, Any]:
    """OMS v1.0 over the model's files."""
    return statement(MODEL_SIGNATURE, [{"name": "tiny", "digest": {"sha256": oms_root(MODEL)}}], {
        "resources": [{"name": name, "algorithm": "sha256", "digest": h(MODEL[name]).hex()} for name in sorted(MODEL)],
        "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False,
                          "ignore_paths": [".git", ".gitattributes", ".github", ".gitignore"]},
    })


def summary() -> dict[str, Any]:
    """A verdict for others."""
    return statement(SUMMARY, folder("tiny", MODEL)[:1], {
        "verifier": {"id": "urn:open-provenance:verifier:v0.1", "version": {"open-provenance": "0.1.0"}},
        "timeVerified": "2026-11-23T12:00:00Z", "resourceUri": "urn:open-provenance:model:tiny",
        "policy": {"uri": "urn:open-provenance:policy:osaid-1.0", "digest": {"sha256": h(b"a policy").hex()}},
        "inputAttestations": [{"uri": "urn:open-provenance:evidence:train.sigstore.json",
                               "digest": {"sha256": h(b"a bundle").hex()}}],
        "verificationResult": "PASSED", "verifiedLevels": ["urn:open-provenance:policy:osaid-1.0"],
        "slsaVersion": "1.2",
    })


GOOD = {"dataset": dataset, "step": step, "release": release, "reproduction": reproduction,
        "assessment": assessment, "waiver": waiver,
        "model-signature": model_signature, "verification-summary": summary}
