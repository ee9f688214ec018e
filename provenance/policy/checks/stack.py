"""Family S: the stack that serves the model, as the bill of materials says that the release stands on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provenance.bundles.verifier import VerifiedStatement
from provenance.errors import quoted
from provenance.policy.checks.base import ANY, Check, Context, Names, Versions, licence_item, nothing, version
from provenance.policy.verdict import Item
from provenance.statements.sbom import Package, Sbom

NO_STACK = "the release lists no accepted bill of materials of the serving stack"
_REMEDY = ("Sign a CycloneDX or SPDX bill of materials of the serving stack as an in-toto statement, put it beside the "
           "evidence, and list it in the release")


def bills(context: Context) -> Iterator[tuple[VerifiedStatement, Sbom]]:
    """The accepted bills of materials that the release stands on."""
    for statement in context.listed():
        if isinstance(statement.claim, Sbom):
            yield statement, statement.claim


def open_stack(context: Context) -> Sequence[Item]:
    """S-1: every component of the serving stack is under an open source licence, or is a named exception."""
    items = [item for statement, bill in bills(context) for item in _judged(context, statement, bill)]
    return items or nothing(NO_STACK)


def _judged(context: Context, statement: VerifiedStatement, bill: Sbom) -> list[Item]:
    excepted = context.parameters["exceptions"]
    items = [_component(statement, package, package.name in excepted) for package in dict.fromkeys(bill.packages)]
    return items or [Item.on([statement], "", "undetermined", "the bill of materials names no component")]


def _component(statement: VerifiedStatement, package: Package, excepted: bool) -> Item:
    subject = package.name or "a component without a name"
    if excepted:
        return Item.on([statement], subject, "pass", "an exception that the policy names")
    return licence_item(statement, subject, package.license or None, "code")


def named_stack(context: Context) -> Sequence[Item]:
    """S-2: the components that the policy names are in the stack, at their lowest version or above.

    A name that stands several times counts with its lowest version.
    """
    found = list(bills(context))
    if not found:
        return nothing(NO_STACK)
    asked = context.parameters["components"]
    items = [_named(statement, bill, name, least) for statement, bill in found for name, least in asked.items()]
    return items or [Item.on([statement for statement, _ in found], "", "not_applicable", "the policy names none")]


def _named(statement: VerifiedStatement, bill: Sbom, name: str, least: str) -> Item:
    shown = sorted({package.version for package in bill.packages if package.name.lower() == name.lower()})
    if not shown:
        return Item.on([statement], name, "undetermined", "the bill of materials does not name it")
    if least == ANY:
        return Item.on([statement], name, "pass", f"version {', '.join(shown) or 'not stated'}")
    wanted = version(least) or ()
    for text in shown:
        numbers = version(text)
        if numbers is None:
            return Item.on([statement], name, "undetermined", f"its version {quoted(text)} cannot be compared")
        if numbers < wanted:
            return Item.on([statement], name, "fail", f"version {text}; at least {least} is asked for")
    return Item.on([statement], name, "pass", f"version {', '.join(shown)}; at least {least} is asked for")


_SOURCE = "Red Hat, point of view on open source AI (2025): open source software components around open weights"
STACK = (
    Check("S-1", "The serving stack is open source", open_stack, {"exceptions": Names(exceptions=True)},
          uses_lineage=True, shown_by=("stack", "release"), remedy=_REMEDY, citation=_SOURCE, waivable=True),
    Check("S-2", "The serving stack has what the policy names", named_stack, {"components": Versions()},
          uses_lineage=True, shown_by=("stack", "release"), remedy=_REMEDY, citation=_SOURCE, waivable=True),
)
