"""Runs of MLflow, as its REST interface (`runs/get`) or `mlflow-export-import` write them: weak edges.

MLflow names a dataset by eight characters of an MD5 over its first rows, and code by a git commit: neither identifies
anything here. What it says is kept as it says it; no edge of it ever gets stronger.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provenance.artifacts.names import brief
from provenance.declared.document import Declared, Edge, Told, as_list, cut, unsupported

_COMMIT, _CODE = "mlflow.source.git.commit", "mlflow.source.name"


def is_mlflow(document: Mapping[str, Any]) -> bool:
    """Whether a JSON object is meant as a run of MLflow."""
    return _run_of(document) is not None


def _run_of(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for key in ("run", "mlflow"):
        run = document.get(key)
        if isinstance(run, dict) and isinstance(run.get("info"), dict):
            return run
    return None


def read_mlflow_run(document: Mapping[str, Any], file: str, sha256: str) -> Declared:
    """What a run declares; StatementError `declared-unsupported` or `document-too-large`."""
    run = _run_of(document)
    if run is None:
        raise unsupported("there is no run in it", file, "export it by `runs/get`")
    told = Told(file)
    info = run["info"]
    name = told.text(info, "run_name", "the run") or told.text(info, "run_id", "the run") or "unnamed"
    edges = (*_data(run, f"run {name}", told), *_code(run, f"run {name}", told), *_models(run, f"run {name}", told))
    return Declared(file, sha256, "MLflow run", (), (), edges, tuple(told.findings))


def _data(run: Mapping[str, Any], name: str, told: Told) -> Iterator[Edge]:
    inputs = run.get("inputs")
    rows = inputs.get("dataset_inputs") if isinstance(inputs, dict) else inputs
    for item in told.mappings(rows, "an input of the run"):
        dataset = item.get("dataset")
        if not isinstance(dataset, dict):
            told.tell("an input of the run has no dataset, and is not read", "export the run again")
            continue
        context = _tags(item.get("tags"), told).get("mlflow.data.context", "")
        digest = told.text(dataset, "digest", "a dataset")
        role = f"data ({context})" if context else "data"
        source = told.text(dataset, "name", "a dataset") or "unnamed"
        # Under a name of its own: eight characters are not an MD5, and nothing may take them for one.
        yield Edge(source, name, role, {"mlflowDatasetDigest": digest} if digest else {})


def _code(run: Mapping[str, Any], name: str, told: Told) -> Iterator[Edge]:
    data = run.get("data")
    tags = _tags(data.get("tags") if isinstance(data, dict) else run.get("tags"), told)
    if _COMMIT in tags:
        commit = tags[_COMMIT]
        sound = len(commit) == 40 and all(sign in "0123456789abcdef" for sign in commit)
        if not sound:
            told.tell(f"{brief(commit)} is no git commit", "export the run again")
        yield Edge(tags.get(_CODE, "") or "code", name, "source", {"gitCommit": commit} if sound else {})


def _models(run: Mapping[str, Any], name: str, told: Told) -> Iterator[Edge]:
    outputs = run.get("outputs")
    rows = outputs.get("model_outputs") if isinstance(outputs, dict) else None
    for item in told.mappings(rows, "an output of the run"):
        model = told.text(item, "model_id", "a model")
        if model:
            yield Edge(name, f"model {model}", "run")


def _tags(value: object, told: Told) -> dict[str, str]:
    """Tags as a mapping, or as a list of keys and values: both are written."""
    if isinstance(value, dict):
        return {key: cut(text) for key, text in value.items() if isinstance(text, str)}
    rows = told.mappings(as_list(value), "a tag")
    return {row["key"]: cut(row["value"]) for row in rows
            if isinstance(row.get("key"), str) and isinstance(row.get("value"), str)}
