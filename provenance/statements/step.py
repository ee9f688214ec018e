"""A pipeline step as SLSA provenance v1, under our own documented build types (`attestations/step.md`).

`https://slsa.dev/provenance/v1` with `buildType` `urn:open-provenance:step:<kind>:v0.1`: what went in stands in
`resolvedDependencies`, each with a role of a closed list; what came out is the subject. A recorder that runs as the
same user as the step can never claim more than SLSA Build L1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from provenance.errors import StatementError
from provenance.statements.reader import validate
from provenance.statements.statement import URN, ResourceDescriptor, Statement, descriptors

SLSA_PROVENANCE_V1 = "https://slsa.dev/provenance/v1"
StepKind = Literal["prepare", "train", "fine-tune", "merge", "convert", "evaluate"]
KINDS: tuple[StepKind, ...] = get_args(StepKind)
OTHER = "other"  # of a step whose statement says what was made from what, and not what kind of step it is
MODEL_MAKING: frozenset[str] = frozenset({"train", "fine-tune", "merge", "convert"})
DATA_ROLES = frozenset({"raw-data", "training-data", "validation-data", "evaluation-data"})
MODEL_ROLES = frozenset({"base-model", "model"})
CODE_ROLES = frozenset({"source"})
PINNING_ROLES = frozenset({"lockfile", "container", "environment"})
ROLES = DATA_ROLES | MODEL_ROLES | CODE_ROLES | PINNING_ROLES | {"configuration", "source-repository"}
BUILDER = URN + "recorder:v0.1"


def build_type(kind: str) -> str:
    """The type URI of one kind of step."""
    return f"{URN}step:{kind}:v0.1"


def is_ours(statement: Statement) -> bool:
    """Whether it is provenance under a build type of this project, known or not."""
    definition = statement.predicate.get("buildDefinition")
    build = definition.get("buildType") if isinstance(definition, dict) else None
    return isinstance(build, str) and build.startswith(URN)


@dataclass(frozen=True)
class Step:
    """One run of one command: inputs with roles, outputs, and what is known of how it ran.

    `initial_parameters` says where a model-making step began: `{"kind": "random", "seed": ...}` or
    `{"kind": "base-model"}` (then an input has that role); None is silence.
    """

    name: str
    kind: str
    command: tuple[str, ...]
    outputs: tuple[ResourceDescriptor, ...]
    inputs: tuple[ResourceDescriptor, ...]
    started_on: str
    finished_on: str
    invocation: str
    initial_parameters: Mapping[str, Any] | None = None
    internal: Mapping[str, Any] = field(default_factory=dict)
    byproducts: tuple[ResourceDescriptor, ...] = ()
    builder: str = BUILDER

    def with_role(self, *roles: str) -> tuple[ResourceDescriptor, ...]:
        """The inputs that have one of the roles, folders and their parts alike; `artifact.described` groups them."""
        return tuple(item for item in self.inputs if item.role in roles)

    def to_statement(self) -> Statement:
        """The statement to sign."""
        external: dict[str, Any] = {"name": self.name, "command": list(self.command)}
        if self.initial_parameters is not None:
            external["initialParameters"] = dict(self.initial_parameters)
        predicate = {
            "buildDefinition": {
                "buildType": build_type(self.kind),
                "externalParameters": external,
                "internalParameters": dict(self.internal),
                "resolvedDependencies": [item.to_dict() for item in self.inputs],
            },
            "runDetails": {
                "builder": {"id": self.builder},
                "metadata": {"invocationId": self.invocation, "startedOn": self.started_on,
                             "finishedOn": self.finished_on},
                "byproducts": [item.to_dict() for item in self.byproducts],
            },
        }
        return Statement(self.outputs, SLSA_PROVENANCE_V1, predicate)

    @classmethod
    def from_statement(cls, statement: Statement, location: str) -> Step:
        """Parse; StatementError `predicate-unknown` for a build type that is not ours, else `schema-mismatch`."""
        definition = statement.predicate.get("buildDefinition")
        build = definition.get("buildType") if isinstance(definition, dict) else None
        kind = next((kind for kind in KINDS if build == build_type(kind)), None)
        if kind is None:
            raise StatementError("predicate-unknown", "SLSA provenance of a build type that is not a pipeline step",
                                 location=location, hint="see attestations/step.md for the build types")
        validate(statement.predicate, "step", location)
        run = statement.predicate["runDetails"]
        external = statement.predicate["buildDefinition"]["externalParameters"]
        return cls(
            name=external["name"],
            kind=kind,
            command=tuple(external["command"]),
            outputs=statement.subjects,
            inputs=descriptors(statement.predicate["buildDefinition"]["resolvedDependencies"], location),
            started_on=run["metadata"]["startedOn"],
            finished_on=run["metadata"]["finishedOn"],
            invocation=run["metadata"]["invocationId"],
            initial_parameters=external.get("initialParameters"),
            internal=statement.predicate["buildDefinition"].get("internalParameters", {}),
            byproducts=descriptors(run.get("byproducts"), location),
            builder=run["builder"]["id"],
        )
