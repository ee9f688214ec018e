"""The pages that `docs/build.py` writes of policies: one a policy, from its YAML, and one of the whole catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from provenance import resources
from provenance.policy.checks import CATALOGUE, Check
from provenance.policy.checks.base import Parameter
from provenance.policy.policy import Policy, Requirement, load_policy, policy_ids
from provenance.policy.requirement import leaves
from provenance.statements.reader import parse_yaml

WRITTEN = "Written by `make docs` from `{source}`; do not edit."
FAMILIES = {
    "W": "Weights", "A": "Architecture", "C": "Code", "D": "Data", "K": "Documents", "S": "Serving stack",
    "X": "Evidence", "L": "Law", "J": "Sovereignty",
}


def pages(docs: Path) -> dict[Path, str]:
    """Every page with what it should say."""
    written = {docs / "policies" / f"{name}.md": policy_page(name) for name in policy_ids()}
    return {**written, docs / "requirements.md": catalogue_page()}


def policy_page(name: str) -> str:
    """What one policy asks, clause by clause, and what to do where something is missing."""
    policy, text = load_policy(name), resources.read_text("policies", f"{name}.yaml")
    raw = parse_yaml(text.encode(), name)
    own = {row["id"] for row in raw["requirements"]}
    parent = raw.get("extends")
    lines = [
        f"# {policy.title}", "", WRITTEN.format(source=f"policies/{name}.yaml"), "",
        *(line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#")), "",
        f"- id: `{policy.id}`, version {policy.version}", f"- source: {_source(policy.source)}",
        *([f"- extends [`{parent}`]({parent}.md), and only tightens it"] if parent else []), "",
        *_parameters(policy), *_score(policy),
        f"```sh\nprovenance verify MODEL --policy {policy.id} --trust trust.yaml\n```", "",
        "| requirement | asked by | shown by |", "| --- | --- | --- |",
        *(_row(row, parent if row.id not in own else None) for row in policy.requirements), "",
        "## What is missing, and what to do", "", *_remedies(policy.requirements), "",
        "What each requirement looks at is in [the catalogue](../requirements.md).",
    ]
    return "\n".join(lines) + "\n"


def _parameters(policy: Policy) -> list[str]:
    """Every parameter that `--set` takes."""
    rows = [f"| `{name}` | {known.type}{', one of ' + ', '.join(map(str, known.values)) if known.values else ''} "
            f"| {_value(policy.values[name]) or 'none'} | {_cell(known.description)} |"
            for name, known in policy.parameters.items()]
    head = ["| parameter (`--set`) | type | value | what it is |", "| --- | --- | --- | --- |"]
    return [*head, *rows, ""] if rows else []


def _score(policy: Policy) -> list[str]:
    """The dimensions of a score."""
    rows = [f"| {_cell(each.group)} | {_cell(each.title)} | {each.open} | {each.partial} |" for each in policy.score]
    head = ["| group | dimension | open (1) where it passes | partial (0.5) where it passes |",
            "| --- | --- | --- | --- |"]
    return [*head, *rows, ""] if rows else []


def _row(row: Requirement, parent: str | None) -> str:
    asked = f"{_cell(row.source)}{f' (from `{parent}`)' if parent else ''}"
    return f"| **{row.id}** {_cell(row.title)} | {asked} | {_shown(row)} |"


def _shown(row: Requirement) -> str:
    parameters = "".join(f"; `{name}`: {_value(value)}" for name, value in sorted(row.parameters.items())
                         if value != "")
    waivable = "; **waivable**" if row.waivable else ""
    rule = f"; rule of {', '.join(dict.fromkeys(leaf.id for leaf in leaves(row)))}" if row.rule else ""
    return f"{row.min_basis}, {row.min_voice} voice of {' or '.join(row.roles)}{rule}{parameters}{waivable}"


def _remedies(rows: tuple[Requirement, ...]) -> Iterator[str]:
    """One act a line, with the requirements that it may meet."""
    acts: dict[str, list[str]] = {}
    for row in rows:
        acts.setdefault(row.remedy, []).append(row.id)
    for remedy, names in acts.items():
        act, _, command = remedy.partition(": provenance ")
        command, _, rest = command.partition(", and ")
        told = f"{act}{f', and {rest}' if rest else ''}{f': `provenance {command}`' if command else ''}"
        yield f"- {', '.join(names)}: {told}."


def catalogue_page() -> str:
    """Every requirement that a policy can choose."""
    lines = [
        "# The requirement catalogue", "", WRITTEN.format(source="provenance/policy/checks/"), "",
        "A policy chooses rows from this closed list. A row asks that something be shown, never that something",
        "be absent; what is missing, unknown or not readable leaves it undetermined, which is not passed. The basis,",
        "voice and roles below are the least on which a shipped policy lets a row pass.",
    ]
    for letter, family in FAMILIES.items():
        rows = [check for name, check in CATALOGUE.items() if name.startswith(f"{letter}-")]
        lines += ["", f"## {letter}: {family}", "",
                  "| id | what is looked at | least basis, voice, roles | parameters | waivable | after |",
                  "| --- | --- | --- | --- | --- | --- |", *map(_check, rows)]
    return "\n".join(lines) + "\n"


def _check(check: Check) -> str:
    first = (check.run.__doc__ or "").strip().split("\n\n")[0].replace("\n    ", " ")
    told = first.removeprefix(f"{check.id}: ")
    least = f"{check.minimum.basis}, {check.minimum.voice}, {' or '.join(check.roles)}"
    parameters = "; ".join(f"`{name}`: {_choices(parameter)}" for name, parameter in check.parameters.items())
    waivable = "yes" if check.waivable else "no"
    return f"| {check.id} | {_cell(told)} | {least} | {parameters} | {waivable} | {_cell(check.citation)} |"


def _choices(parameter: Parameter) -> str:
    values = ", ".join(parameter.values)
    return f"{values} (default {parameter.default})" if values else f"default {_value(parameter.default) or 'none'}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {least}" for name, least in value.items()) or "none named"
    return (", ".join(value) or "none named") if isinstance(value, list) else str(value)


def _source(source: str) -> str:
    return f"<{source}>" if source.startswith("https://") else source


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
