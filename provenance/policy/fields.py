"""The fields that statements of a type may have, by their schemas: a rule that asks for another one can never pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from provenance import resources
from provenance.bundles.oms import MODEL_SIGNATURE
from provenance.statements.dataset import DATASET
from provenance.statements.reader import parse_json
from provenance.statements.release import RELEASE
from provenance.statements.reproduction import REPRODUCTION
from provenance.statements.step import SLSA_PROVENANCE_V1

# SLSA provenance is that of our steps, or of builds by somebody else: a field is known where either has it.
_SCHEMAS = {
    DATASET: ("dataset",), RELEASE: ("release",), REPRODUCTION: ("reproduction",),
    MODEL_SIGNATURE: ("model-signature",), SLSA_PROVENANCE_V1: ("step", "slsa-provenance"),
}


def unknown_field(predicate: str, field: str) -> tuple[str, Sequence[str]] | None:
    """The part of a dotted field that no statement of the type can have, with the names that stand there instead.

    None where the field is known, or where the schema leaves open what may stand there.
    """
    missing = [_missing(_schema(name), field.split(".")) for name in _SCHEMAS.get(predicate, ())]
    return missing[0] if missing and all(missing) else None


def _missing(schema: Mapping[str, Any], names: Sequence[str]) -> tuple[str, Sequence[str]] | None:
    here: Mapping[str, Any] = schema
    for name in names:
        known = here.get("properties", {})
        if name not in known:
            return (name, list(known)) if here.get("additionalProperties") is False else None
        here = known[name]
    return None


@cache
def _schema(name: str) -> dict[str, Any]:
    file = f"{name}.schema.json"
    schema: dict[str, Any] = parse_json(resources.read_bytes("schemas", file), file)
    return schema
