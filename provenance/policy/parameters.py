"""Typed parameters of a policy: what it declares, what a child gives them, and what somebody types after `--set`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provenance.errors import said
from provenance.policy.reading import Problems, Where, nearest

_TYPES = {"integer": int, "string": str, "boolean": bool, "list": list, "map": dict}


@dataclass(frozen=True)
class Parameter:
    """A typed parameter of a policy."""

    type: str
    default: Any
    values: tuple[Any, ...] = ()
    description: str = ""

    def problem_with(self, value: Any) -> str:
        """Why the value cannot be used, or ""."""
        wanted = _TYPES[self.type]
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            return f"must be of type {self.type}"
        return "" if not self.values or value in self.values else f"must be one of {said(self.values)}"

    def typed(self, text: str) -> Any:
        """The value that somebody typed: `30`, `true`, `DE,FR`, `linux:any,vllm:0.6`; the text where it is none."""
        parts = [part.strip() for part in text.split(",") if part.strip()]
        if self.type == "integer":
            return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else text
        if self.type == "boolean":
            return {"true": True, "false": False}.get(text, text)
        if self.type == "list":
            return parts
        pairs = [part.partition(":") for part in parts]
        spelled = all(sign and name for name, sign, _ in pairs)
        return {name: value for name, _, value in pairs} if self.type == "map" and spelled else text

    @property
    def spelling(self) -> str:
        """How a value of this type is typed."""
        return {"integer": "write a whole number", "boolean": "write true or false", "list": "write A,B",
                "map": "write NAME:VALUE,NAME:VALUE"}.get(self.type, "see `provenance policy show`")


def parameters_of(raw: Mapping[str, Any], problems: Problems) -> dict[str, Parameter]:
    """The typed parameters that a policy document declares."""
    found = {}
    for name, row in raw.get("parameters", {}).items():
        parameter = Parameter(row["type"], row["default"], tuple(row.get("oneOf", ())), row.get("description", ""))
        if why := parameter.problem_with(parameter.default):
            problems.add(("parameters", name, "default"), f"the default of {name} {why}", "correct the value")
        found[name] = parameter
    return found


def values_of(parameters: Mapping[str, Parameter], given: Mapping[str, Any], path: Where,
              problems: Problems) -> dict[str, Any]:
    """The value of each parameter: the one that is given, or its default."""
    for name, value in given.items():
        if name not in parameters:
            problems.add(path, f"the policy has no parameter {name}",
                         nearest(name, parameters, f"it takes {', '.join(parameters) or 'none'}"))
        elif why := parameters[name].problem_with(value):
            problems.add(path, f"{name} {why}", "correct the value")
    return {name: given.get(name, parameter.default) for name, parameter in parameters.items()}
