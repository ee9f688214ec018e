"""Reading a policy document: rows, parameters, rules, and everything that is wrong in it, with line and column."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from provenance.errors import Finding
from provenance.policy import cel
from provenance.policy.checks import CATALOGUE
from provenance.policy.fields import unknown_field
from provenance.policy.requirement import Requirement, is_weaker, leaves, parse_day
from provenance.policy.rules import COMPARISONS, PREDICATES, Cel, Group, Part, Rule, Says
from provenance.statements.reader import deviations, parse_yaml, yaml_places

Where = tuple[str | int, ...]
_RULES = ("all", "any", "atLeast", "forEach", "statement", "cel", "passes")
UNUSABLE = "the policy cannot be used: "
NO_POLICY = "none"  # what a parameter says where a row `passes: $name` is to ask for no policy


def nearest(name: str, known: Iterable[str], otherwise: str, cutoff: float = 0.3) -> str:
    """The hint for a name that is none: the nearest that is one."""
    near = difflib.get_close_matches(name, list(known), 1, cutoff)
    return f"did you mean {near[0]}?" if near else otherwise


# --- what is wrong ----------------------------------------------------------------------------------------------------


class UnusablePolicyError(Exception):
    """A policy cannot be used; carries every finding, first in the document first."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(findings[0].message)
        self.findings = findings


class Problems:
    """What was found wrong in one document so far."""

    def __init__(self, data: bytes, location: str) -> None:
        self._data, self._location = data, location
        self._found: list[tuple[Where, str, str, str]] = []

    def add(self, path: Where, why: str, hint: str, code: str = "policy-invalid") -> None:
        """Remember one problem; `path` leads to it in the document."""
        told = why if code != "policy-invalid" else f"{UNUSABLE}{why}"
        self._found.append((path, code, told, hint))

    def stop(self) -> None:
        """Raise what was found, if anything was."""
        if not self._found:
            return
        places = yaml_places(self._data)
        found = [(self._place(path, places), code, why, hint) for path, code, why, hint in self._found]
        found.sort(key=lambda row: row[0])
        raise UnusablePolicyError(tuple(dict.fromkeys(
            Finding(code, "error", why, f"{self._location}:{line}:{column}", hint)
            for (line, column), code, why, hint in found
        )))

    @staticmethod
    def _place(path: Where, places: Mapping[Where, tuple[int, int]]) -> tuple[int, int]:
        while path and path not in places:
            path = path[:-1]
        return places.get(path, (1, 1))


@lru_cache(maxsize=256)
def parsed(data: bytes, location: str) -> Mapping[str, Any]:
    """A policy document that follows its schema; kept, because every verdict asks all rungs of the ladder."""
    raw: Mapping[str, Any] = parse_yaml(data, location)
    problems = Problems(data, location)
    for path, sentences in deviations(raw, "policy"):
        for sentence in sentences:
            problems.add(deepest(path, sentence), sentence, _hint(raw, path))
    problems.stop()
    return raw


def _hint(raw: Any, path: Where) -> str:
    """What to write where a document breaks its schema: the nearest name where one was meant."""
    value = raw
    for step in path:
        value = value[step]
    name = path[-1] if path else ""
    if name == "id" and "requirements" in path and isinstance(value, str):
        rule = re.sub("([a-z0-9])([A-Z])", r"\1-\2", value).replace("_", "-").replace(" ", "-").lower()
        return nearest(value.upper(), CATALOGUE, f"a rule of your own has a name in small letters, such as {rule}", 0.7)
    if name in ("effectiveOn", "expires"):
        return "write a day as 2026-11-23"
    if name == "parameters":
        return "a parameter has a name that begins with a small letter, and holds letters and digits"
    return "see schemas/policy.schema.json"


def deepest(path: Where, sentence: str) -> Where:
    """The path to an unknown field rather than to what has it."""
    _, found, rest = sentence.partition(" has no field ")
    return (*path, rest.split(";")[0]) if found else path


@dataclass
class Rows:
    """Reads the rows of one document."""

    values: dict[str, Any]
    problems: Problems
    rows_of: Callable[[str, Where], tuple[Requirement, ...]]
    used: set[str] = field(default_factory=set)

    def asks_nothing(self, raw: Mapping[str, Any]) -> bool:
        """Whether a row asks for another policy as a whole, and a parameter says for none."""
        named = raw.get("passes", "")
        self.used.add(str(named)[1:])
        return isinstance(named, str) and named.startswith("$") and self.values.get(named[1:]) == NO_POLICY

    def row(self, raw: Mapping[str, Any], path: Where) -> Requirement:
        """A row of the policy."""
        refuse_no_day(raw.get("effectiveOn", ""), (*path, "effectiveOn"), self.problems)
        found = self._requirement(raw, path, None)
        rules = [name for name in _RULES if name in raw]
        if raw["id"] in CATALOGUE or raw["id"][0].isupper():
            if rules:
                why = f"{raw['id']} is a requirement of the catalogue and has no {rules[0]}"
                self.problems.add((*path, rules[0]), why, "give the rule a name of its own, in small letters")
        elif len(rules) != 1:
            why = f"{raw['id']} must have one of {', '.join(_RULES)}" if not rules else f"it has {' and '.join(rules)}"
            hint = nearest(raw["id"].upper(), CATALOGUE, "give it one rule", 0.99)
            self.problems.add((*path, *rules[1:2]), why, hint)
        elif "parameters" in raw:
            self.problems.add((*path, "parameters"), "a rule takes no parameters", "give them to the parts")
        return found

    def _requirement(self, raw: Mapping[str, Any], path: Where, around: Requirement | None) -> Requirement:
        told = around or Requirement("", "", "", "", "stated", "trusted", ())
        name = raw.get("id", told.id)
        row = Requirement(
            name, raw.get("title") or _title(name, told), raw.get("source", told.source),
            raw.get("remedy", told.remedy), raw.get("minBasis", told.min_basis), raw.get("minVoice", told.min_voice),
            tuple(raw.get("roles", told.roles)), {}, raw.get("severity", "mandatory"), raw.get("effectiveOn", ""),
            raw.get("waivable", False),
        )
        if around is not None and is_weaker(row, around):
            self.problems.add(path, f"{name or 'a part'} is weaker than the row around it",
                              "lower the row, or raise the part")
        if name[:1].isupper():
            row = replace(row, parameters=self._given(name, raw.get("parameters", {}), path))
        rule = self._rule(raw, path, row)
        unless = self._part(raw["unless"], (*path, "unless"), row) if "unless" in raw else None
        if unless is not None:
            asked = list(leaves(rule if isinstance(rule, Group) else row))
            weak = [leaf for leaf in leaves(unless) if any(is_weaker(leaf, each) for each in asked)]
            if weak:
                why = f"the excuse {weak[0].id} is weaker than what it excuses from"
                self.problems.add((*path, "unless"), why, "ask for the same basis, voice and roles")
        return replace(row, rule=rule, unless=unless)

    def _given(self, name: str, given: Mapping[str, Any], path: Where) -> dict[str, Any]:
        check = CATALOGUE.get(name)
        if check is None:
            hint = nearest(name, CATALOGUE, f"it has {', '.join(CATALOGUE)}")
            self.problems.add((*path, "id"), f"the catalogue has no requirement {name}", hint, "requirement-unknown")
            return {}
        found = {key: parameter.default for key, parameter in check.parameters.items()}
        for key, raw in given.items():
            place = (*path, "parameters", key)
            known = check.parameters.get(key)
            if known is None:
                hint = nearest(key, check.parameters, f"{check.id} takes {', '.join(check.parameters) or 'none'}")
                self.problems.add(place, f"{check.id} has no parameter {key}", hint)
                continue
            value = self._value(raw, place)
            if value is not None and (why := known.problem_with(value)):
                self.problems.add(place, f"{check.id}: {key} {why}", "correct the value")
            elif value is None and raw is None:
                self.problems.add(place, f"{check.id}: {key} {known.problem_with(None)}", "correct the value")
            found[key] = value
        # The defaults belong to what was asked, and so to the digest: another version of this tool may have others.
        return found

    def _value(self, raw: Any, place: Where) -> Any:
        """The value, or that of the parameter of the policy that it names as `$name`."""
        if not isinstance(raw, str) or not raw.startswith("$"):
            return raw
        self.used.add(raw[1:])
        if raw[1:] not in self.values:
            hint = nearest(raw[1:], self.values, f"it has {', '.join(self.values) or 'none'}")
            self.problems.add(place, f"the policy has no parameter {raw[1:]}", hint)
            return None
        return self.values[raw[1:]]

    def _rule(self, raw: Mapping[str, Any], path: Where, row: Requirement) -> Rule | None:
        if "statement" in raw:
            return self._says(raw["statement"], (*path, "statement"))
        if "cel" in raw:
            place = (*path, "cel")
            self._refuse_unknown(raw["cel"]["predicate"], (*place, "predicate"))
            if why := cel.problem_with(raw["cel"]["expression"]):
                self.problems.add((*place, "expression"), why, "see docs/policies.md")
            self._refuse_unseen(raw["cel"]["predicate"], raw["cel"]["expression"], (*place, "expression"))
            return Cel(raw["cel"]["predicate"], raw["cel"]["expression"])
        if "forEach" in raw:
            place = (*path, "forEach", "require")
            inner = self._part(raw["forEach"]["require"], place, row)
            return Group("forEach", (inner,), thing=raw["forEach"]["thing"])
        if "atLeast" in raw:
            parts = self._parts(raw["atLeast"]["of"], (*path, "atLeast", "of"), row)
            if raw["atLeast"]["count"] > len(parts):
                self.problems.add((*path, "atLeast", "count"), "it asks for more parts than there are",
                                  "lower the count")
            return Group("atLeast", parts, raw["atLeast"]["count"])
        if "passes" in raw:
            place = (*path, "passes")
            name = self._value(raw["passes"], place)
            return Group("all", self.rows_of(name, place), thing=name) if isinstance(name, str) else None
        if "all" in raw:
            return Group("all", self._parts(raw["all"], (*path, "all"), row))
        return Group("any", self._parts(raw["any"], (*path, "any"), row)) if "any" in raw else None

    def _parts(self, raw: list[Mapping[str, Any]], path: Where, row: Requirement) -> tuple[Part, ...]:
        return tuple(self._part(part, (*path, index), row) for index, part in enumerate(raw))

    def _part(self, raw: Mapping[str, Any], path: Where, around: Requirement) -> Part:
        forms = [name for name in ("id", *_RULES) if name in raw]
        if len(forms) != 1:
            why = f"a part has {' and '.join(forms)}" if forms else f"a part must have one of id, {', '.join(_RULES)}"
            self.problems.add(path, why, "write each as a part of its own")
        if "parameters" in raw and "id" not in raw:
            self.problems.add((*path, "parameters"), "a rule takes no parameters", "give them to the parts")
        row = self._requirement(raw, path, around)
        if isinstance(row.rule, Group):
            return replace(row.rule, unless=row.unless)
        return row

    def _says(self, raw: Mapping[str, Any], path: Where) -> Says:
        self._refuse_unknown(raw["predicate"], (*path, "predicate"))
        if missing := unknown_field(raw["predicate"], raw["field"]):
            hint = nearest(missing[0], missing[1], f"it has {', '.join(missing[1])}", 0.6)
            self.problems.add((*path, "field"), f"no statement of this type has a field {missing[0]}", hint)
        asked = [name for name in COMPARISONS if name in raw]
        if len(asked) != 1:
            self.problems.add(path, f"a statement must have one of {', '.join(COMPARISONS)}", "say what is wanted")
            return Says(raw["predicate"], raw["field"], "stated", wanted=True)
        wanted = self._value(raw[asked[0]], (*path, asked[0]))
        if asked[0] == "oneOf" and not isinstance(wanted, list) and wanted is not None:
            self.problems.add((*path, asked[0]), "oneOf takes a list", "write a list")
        if asked[0] in ("atLeast", "atMost") and not isinstance(wanted, int | float) and wanted is not None:
            self.problems.add((*path, asked[0]), f"{asked[0]} takes a number", "write a number")
        return Says(raw["predicate"], raw["field"], asked[0], tuple(wanted) if isinstance(wanted, list) else wanted)

    def _refuse_unseen(self, predicate: str, expression: str, path: Where) -> None:
        """A name that an expression cannot see would leave every answer open."""
        for root, fields in cel.names(expression):
            if root not in cel.SEEN:
                hint = nearest(root, cel.SEEN, f"it sees {' and '.join(cel.SEEN)}")
                self.problems.add(path, f"the expression sees no {root}", hint)
            elif root == "predicate" and fields and (missing := unknown_field(predicate, fields)):
                hint = nearest(missing[0], missing[1], f"it has {', '.join(missing[1])}", 0.6)
                self.problems.add(path, f"no statement of this type has a field {missing[0]}", hint)
            elif root == "signer" and fields and (first := fields.partition(".")[0]) not in cel.SEEN[root]:
                hint = nearest(first, cel.SEEN[root], f"it has {', '.join(cel.SEEN[root])}")
                self.problems.add(path, f"a signer has no {first}", hint)

    def _refuse_unknown(self, predicate: str, path: Where) -> None:
        if predicate not in PREDICATES:
            hint = nearest(predicate, PREDICATES, f"it reads {', '.join(PREDICATES)}")
            self.problems.add(path, f"this tool reads no predicate type {predicate}", hint)


def _title(name: str, around: Requirement) -> str:
    return CATALOGUE[name].title if name in CATALOGUE else around.title


def refuse_no_day(text: str, path: Where, problems: Problems) -> None:
    """A day that is in no calendar is a problem."""
    try:
        parse_day(text or "2026-01-01")
    except ValueError:
        problems.add(path, f"there is no day {text}", "write a day as 2026-11-23")
