"""The evidence behind a model, written by our own commands: a whole pipeline for A, and a release for F.

    raw.txt corpus/ code/            what the steps use
    A.full/                          datasets, prepare, train, evaluate, model.sig, release: tensors and files
    A.files/                         the same, with nothing about tensors in it
    F.full/                          a release, whose statement lists the tensors
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workloads import MIB, Place, run

from provenance.bundles.envelope import parse_bundle, sha256, sign
from provenance.bundles.signers.key import load_signer

FACTS = {
    "version": "1", "selection": "all of it", "labelling": "none", "processing": ["none"], "license": "CC0-1.0",
    "source": {"uri": "https://example.org/corpus", "obtained": "made by make bench"},
    "availability": {"class": "open", "locator": "https://example.org/corpus"},
}
SCRIPTS = ("prepare.py", "train.py", "evaluate.py", "run.py")
COMPONENTS = {"model-architecture": "run.py", "inference-code": "run.py", "training-code": "train.py",
              "data-preprocessing-code": "prepare.py", "evaluation-code": "evaluate.py"}
DECLARATIONS = {"datasetListComplete": True, "freeOfCharge": True, "trainingConfigurationComplete": True}


def make_evidence(place: Place, names: set[str]) -> None:
    """The evidence of those models that have some."""
    if names & {"A", "F"}:
        _make_inputs(place)
    if "A" in names:
        _record_pipeline(place)
        _attest_release(place, "A")
        _without_tensors(place)
    if "F" in names:
        _attest_release(place, "F")


def _make_inputs(place: Place) -> None:
    place.code.mkdir()
    for script in SCRIPTS:
        (place.code / script).write_text(f"print({script!r})\n")
    (place.code / "uv.lock").write_text("version = 1\n")
    made = place.root / "corpus.made"
    made.mkdir()
    for number in range(8):
        (made / f"part-{number}.txt").write_text("once upon a time\n" * (MIB // 17))
    (place.root / "raw.txt").write_text("once upon a time\n")


def _record_pipeline(place: Place) -> None:
    """Three steps, each of which moves what it makes to where it belongs: making it is not what is measured."""
    model = place.model("A")
    _attest_dataset(place, place.root / "raw.txt")
    _record(place, "prepare", place.corpus, {"raw-data": "raw.txt", "source": "code/prepare.py"}, [])
    _attest_dataset(place, place.corpus)
    model.rename(place.root / "A.made")
    _record(place, "train", model, {"training-data": "corpus", "source": "code/train.py"},
            ["--initial", "random", "--seed", "seed=1611"])
    (place.root / "results.json.made").write_text('{"loss": 1.0}\n')
    _record(place, "evaluate", place.root / "results.json",
            {"model": "A", "evaluation-data": "corpus", "source": "code/evaluate.py"}, [])
    shutil.copy(place.signature("A"), place.evidence("A") / "model.sig")


def _attest_dataset(place: Place, path: Path) -> None:
    facts = place.root / f"{path.stem}.facts.yaml"  # JSON is YAML
    facts.write_text(json.dumps({**FACTS, "name": path.name}))
    run([place.program("provenance"), "attest", "dataset", str(path), "--facts", str(facts), "--key",
         str(place.private_key), "--bundle", str(place.evidence("A") / f"dataset-{path.stem}.sigstore.json")])


def _record(place: Place, step: str, output: Path, inputs: dict[str, str], more: Sequence[str]) -> None:
    inputs = {**inputs, "lockfile": "code/uv.lock"}
    run([place.program("provenance"), "record", "--step", step, "--kind", step,
         *_each("--input", [f"{role}={path}" for role, path in inputs.items()]), *more, "--output", output.name,
         "--key", str(place.private_key), "--bundle", str(place.evidence("A") / f"{step}.sigstore.json"),
         "--", "mv", f"{output.name}.made", output.name], place.root)


def _attest_release(place: Place, name: str) -> None:
    """The statement that lists the tensors, each with its heads: the loader finds the BLAKE3 twin's there."""
    rows = [{"component": component, "path": f"code/{script}", "license": "Apache-2.0"}
            for component, script in COMPONENTS.items()]
    rows.append({"component": "model-parameters-final", "path": name, "license": "Apache-2.0"})
    components = place.root / f"{name}.components.yaml"
    components.write_text(json.dumps({"name": name, "version": "1", "producer": "Lab", "components": rows,
                                      "declarations": DECLARATIONS}))
    folder = place.evidence(name)
    folder.mkdir(exist_ok=True)
    bundle = folder / "release.sigstore.json"
    run([place.program("provenance"), "attest", "release", str(place.model(name)), "--components", str(components),
         "--evidence", str(folder), "--key", str(place.private_key), "--bundle", str(bundle)])
    if b'"headBlake3"' not in parse_bundle(bundle.read_bytes(), bundle.name).payload:
        raise SystemExit("the release lists no BLAKE3 heads: what is loaded by it would be checked by SHA-256")


def _without_tensors(place: Place) -> None:
    """The evidence of A signed again without a word about tensors; the release last, with the new list."""
    signer = load_signer(place.private_key, lambda: None)
    target, listed = place.evidence("A", tensors=False), dict[str, str]()
    target.mkdir()
    for path in sorted(place.evidence("A").iterdir(), key=lambda path: path.name.startswith("release")):
        statement = without_trees(json.loads(parse_bundle(path.read_bytes(), path.name).payload))
        if path.name.startswith("release"):
            for row in statement["predicate"]["evidence"]:
                row["digest"] = {"sha256": listed[row["name"]]}
        data = sign(json.dumps(statement).encode(), signer)
        (target / path.name).write_bytes(data)
        listed[path.name] = sha256(data)


def without_trees(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_trees(part) for key, part in value.items()}
    return [without_trees(part) for part in value if not _is_tree(part)] if isinstance(value, list) else value


def _is_tree(value: Any) -> bool:
    return isinstance(value, dict) and any(name.startswith("tensorTree") for name in value.get("digest", ()))


def _each(option: str, values: Sequence[str]) -> list[str]:
    return [part for value in values for part in (option, value)]
