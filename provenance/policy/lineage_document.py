"""The lineage of a verdict as nodes and edges, for reports: where the model comes from, and where the chain breaks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from provenance.artifacts.digest import Identity
from provenance.bundles.verifier import VerifiedStatement
from provenance.declared.document import Declared
from provenance.lineage import LineageGraph, Use, step_of, uses
from provenance.statements.release import Release
from provenance.statements.step import CODE_ROLES, DATA_ROLES

_HEX = re.compile("[0-9a-f]+")
State = Literal["shown", "declared", "missing"]


class _Document:
    def __init__(self, graph: LineageGraph) -> None:
        self.graph = graph
        self.nodes: dict[str, dict[str, Any]] = {}
        self._edges: dict[tuple[str, str, str, str], dict[str, str]] = {}

    def node(self, key: str, kind: str, label: str, digest: str | None, by: Sequence[VerifiedStatement],
             state: State) -> str:
        identifier = self.nodes[key]["id"] if key in self.nodes else f"n{len(self.nodes) + 1}"
        signers = sorted({statement.principal.name for statement in by if statement.principal})
        self.nodes.setdefault(key, {"id": identifier, "kind": kind, "label": label, "digest": digest,
                                    "signers": signers, "state": state})
        return str(identifier)

    def edge(self, source: str, target: str, role: str, strength: str) -> None:
        row = {"from": source, "to": target, "role": role, "strength": strength}
        self._edges.setdefault((source, target, role, strength), row)

    @property
    def edges(self) -> list[dict[str, str]]:
        """Each edge once, in the order in which they were drawn."""
        return list(self._edges.values())


def lineage_document(
    graph: LineageGraph, statements: Sequence[VerifiedStatement], documents: Sequence[Declared] = ()
) -> dict[str, Any]:
    """Nodes, edges and gaps of everything that leads to the model, trusted or only declared.

    `documents` are declared ones beside the model, such as a `dvc.lock`: each of their edges is weak and unsigned.
    """
    document = _Document(graph)
    bound = [s for s in statements if isinstance(s.claim, Release) and graph.is_about_model(s)]
    digest = graph.model.weights_digest or {}
    model = document.node("model", "model", graph.model.name, _first(digest), bound, _state(bound))
    for statement in graph.made_by(graph.model_identities):
        document.edge(_step(document, statement), model, "output", graph.strength(statement, graph.model_identities))
    for statement in graph.steps:
        _inputs(document, statement)
    for statement in graph.evaluations:
        document.edge(model, _step(document, statement, "evaluation"), "evaluated", "name-bound")
    _declared(document, bound, model)
    for declared in documents:
        _of_document(document, declared, model)
    gaps = [f"{use.thing.name}, used as {use.role} by step {step_of(use.step).name}, is attested by nobody"
            for use in graph.gaps]
    if not graph.steps:
        gaps.append("no attested step says how these weights were made")
    return {"nodes": list(document.nodes.values()), "edges": document.edges, "gaps": gaps,
            "weakest": graph.weakest_edge}


def _inputs(document: _Document, statement: VerifiedStatement) -> None:
    step = _step(document, statement)
    for use in document.graph.uses_of(statement):
        makers = document.graph.made_by(use.identities)
        node = _thing(document, use, makers)
        document.edge(node, step, use.role or "material", "name-bound" if use.identities else "weak")
        for maker in makers:
            document.edge(_step(document, maker), node, "output", document.graph.strength(maker, use.identities))
    for use in uses(statement, CODE_ROLES):
        label, known = use.thing.name, _known(use)
        source = document.node(f"source {label} {known}", "source", label, known, [statement], _state([statement]))
        document.edge(source, step, use.role, "file" if use.identities else "weak")


def _thing(document: _Document, use: Use, makers: Sequence[VerifiedStatement]) -> str:
    graph = document.graph
    by = (*graph.attested_by(use.identities), *graph.releases_of(use.identities))
    kind = "file" if not use.role else "dataset" if use.role in DATA_ROLES else "base-model"
    state = _state(by or makers) if by or makers else "missing"
    known = _known(use)
    return document.node(f"{kind} {known or use.thing.name}", kind, use.thing.name, known, by, state)


def _step(document: _Document, statement: VerifiedStatement, kind: str = "step") -> str:
    name, state = step_of(statement).name, _state([statement])
    return document.node(f"step {statement.sha256}", kind, name, None, [statement], state)


def _declared(document: _Document, releases: Sequence[VerifiedStatement], model: str) -> None:
    """Datasets and base models that a release or card only names: declared, and joined to nothing by digest."""
    for claim in (statement.claim for statement in releases if isinstance(statement.claim, Release)):
        for kind, things in (("dataset", claim.datasets), ("base-model", claim.base_models)):
            for thing in things:
                if not thing.digest:
                    node = document.node(f"{kind} {thing.name}", kind, thing.name, None, [], "declared")
                    document.edge(node, model, "named in the card", "weak")


def _of_document(document: _Document, declared: Declared, model: str) -> None:
    """The edges of a document that nobody signed; what nothing further in it is made of is said of the model."""
    known = {edge.target if _kind(edge.source, "")[0] == "step" else edge.source: edge.digest
             for edge in declared.edges if edge.digest}

    def node(name: str, role: str) -> str:
        kind, label = _kind(name, role)
        return document.node(f"{declared.sha256} {name}", kind, label, _first(known.get(name, {})), [], "declared")

    for edge in declared.edges:
        document.edge(node(edge.source, edge.role), node(edge.target, ""), edge.role, "weak")
    began = {edge.source for edge in declared.edges}
    for name in dict.fromkeys(edge.target for edge in declared.edges if edge.target not in began):
        document.edge(node(name, ""), model, f"declared in {declared.file}", "weak")


# How the readers of declared documents name a thing of each kind (`declared/`).
_KINDS = {"stage": "step", "run": "step", "dataset": "dataset", "model": "weights"}


def _kind(name: str, role: str) -> tuple[str, str]:
    """The kind and the label of a thing that a declared document names; of a bare name, its role tells."""
    kind, _, label = name.partition(" ")
    if kind in _KINDS and label:
        return _KINDS[kind], label
    return "source" if role == "source" else "dataset" if {"data", "dataset"} & set(role.split()) else "file", name


def _state(by: Sequence[VerifiedStatement]) -> State:
    if any(statement.principal for statement in by):
        return "shown"
    return "declared" if by else "missing"


def _known(use: Use) -> str | None:
    known: list[Identity] = sorted(use.identities)
    return str(known[0]) if known else None


def _first(digests: Mapping[str, str]) -> str | None:
    return next((f"{name}:{value}" for name, value in digests.items() if _HEX.fullmatch(value)), None)
