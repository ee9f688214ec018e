"""Steps as other builders state them: SLSA provenance v1 of any build type, v0.2, and Witness collections.

    v1    {"buildDefinition": {"buildType", "externalParameters", "resolvedDependencies"}, "runDetails": {"builder"}}
    v0.2  {"builder", "buildType", "invocation", "metadata", "materials": [{"uri", "digest"}]}
    Witness  {"name", "attestations": [{"type", "attestation", "starttime", "endtime"}]}

They tell what was made from what, by whom and when. They know none of our roles and kinds of step, so that nothing is
training data, code or a base model because of them: what asks for these stays undetermined.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provenance.errors import StatementError
from provenance.statements.folders import with_folders
from provenance.statements.reader import validate
from provenance.statements.statement import WITNESS_COLLECTION, ResourceDescriptor, Statement, descriptors
from provenance.statements.step import OTHER, SLSA_PROVENANCE_V1, Step

SLSA_PROVENANCE_V10 = "https://slsa.dev/provenance/v1.0"  # how Witness spells v1
SLSA_PROVENANCE_V02 = "https://slsa.dev/provenance/v0.2"
BUILDS = frozenset({SLSA_PROVENANCE_V1, SLSA_PROVENANCE_V10, SLSA_PROVENANCE_V02, WITNESS_COLLECTION})
_ATTESTOR = "https://witness.dev/attestations/"


def build_step(statement: Statement, location: str) -> Step:
    """The step that a builder states; StatementError `schema-mismatch` or `statement-invalid`."""
    if statement.predicate_type == SLSA_PROVENANCE_V02:
        return _v02(statement, location)
    if statement.predicate_type == WITNESS_COLLECTION:
        return _witness(statement, location)
    validate(statement.predicate, "slsa-provenance", location)
    definition, run = statement.predicate["buildDefinition"], statement.predicate["runDetails"]
    metadata = run.get("metadata") or {}
    return Step(
        definition["buildType"], OTHER, (), _outputs(statement),
        _inputs(definition.get("resolvedDependencies"), location), metadata.get("startedOn", ""),
        metadata.get("finishedOn", ""), metadata.get("invocationId", ""), builder=run["builder"]["id"],
    )


def _outputs(statement: Statement) -> tuple[ResourceDescriptor, ...]:
    return with_folders({item.name: item.digest for item in statement.subjects}, statement.subjects)


def _v02(statement: Statement, location: str) -> Step:
    data = statement.predicate
    validate(data, "slsa-older-provenance", location)
    metadata = data.get("metadata") or {}
    return Step(
        data["buildType"], OTHER, (), _outputs(statement),
        _inputs(data.get("materials"), location),
        metadata.get("buildStartedOn") or "", metadata.get("buildFinishedOn") or "",
        metadata.get("buildInvocationId") or "", builder=data["builder"]["id"],
    )


def _inputs(rows: Any, location: str) -> tuple[ResourceDescriptor, ...]:
    """Without annotations, whose meaning is each builder's own: a `role` there is none of ours."""
    return tuple(ResourceDescriptor(item.name or item.uri, item.digest, item.uri)
                 for item in descriptors(rows, location))


def _witness(statement: Statement, location: str) -> Step:
    data = statement.predicate
    validate(data, "witness-collection", location)
    command: tuple[str, ...] = ()
    inputs, outputs = list[ResourceDescriptor](), list[ResourceDescriptor]()
    for kind, part in _parts(data["attestations"]):
        if kind == "command-run":
            command = _words(part.get("cmd"), location)
        elif kind == "material":
            inputs += _files(part, location)
        elif kind == "product":
            outputs += _files({name: row.get("digest") or {} for name, row in part.items() if isinstance(row, dict)},
                              location)
    products = {item.name: item.digest for item in outputs}
    times = [(row.get("starttime", ""), row.get("endtime", "")) for row in data["attestations"]]
    return Step(
        data["name"], OTHER, command, with_folders(products, [item for item in outputs if item.identities]),
        tuple(inputs),
        min((start for start, _ in times if start), default=""), max((end for _, end in times if end), default=""),
        "", builder="",
    )


def _parts(rows: list[dict[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The parts of a collection by attestor, whatever its version; what other attestors say is not read."""
    for row in rows:
        name = row["type"].removeprefix(_ATTESTOR).partition("/")[0] if row["type"].startswith(_ATTESTOR) else ""
        if name and isinstance(row.get("attestation"), dict):
            yield name, row["attestation"]


def _words(words: Any, location: str) -> tuple[str, ...]:
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise StatementError("statement-invalid", "the command of a collection is not a list of words",
                             location=location, hint="ask the signer for another one")
    return tuple(words)


def _files(found: Mapping[str, Any], location: str) -> tuple[ResourceDescriptor, ...]:
    return descriptors([{"name": name, "digest": digest} for name, digest in found.items()], location)
