"""What a check is given and what it is: the context of one requirement, and its row in the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from provenance.artifacts.manifest import Manifest
from provenance.bundles.verifier import VOICES, VerifiedStatement, Voice
from provenance.lineage import LineageGraph
from provenance.policy import licences
from provenance.policy.coverage import Coverage
from provenance.policy.verdict import Item, Outcome
from provenance.statements.release import Component, Release


@dataclass(frozen=True)
class Parameter:
    """A typed parameter of a check: values in order from loosest to tightest, or a number where less is tighter."""

    default: Any
    values: tuple[str, ...] = ()

    def problem_with(self, value: Any) -> str:
        """Why the value cannot be used, or ""."""
        if self.values:
            return "" if value in self.values else f"must be one of {', '.join(self.values)}"
        return "" if type(value) is int and value > 0 else "must be a positive whole number"

    def is_looser(self, value: Any, before: Any) -> bool:
        """Whether the value asks for less than the one before."""
        if self.values:
            return self.values.index(value) < self.values.index(before)
        return bool(value > before)


@dataclass(frozen=True)
class Context:
    """Everything that one requirement may look at."""

    model: Manifest
    graph: LineageGraph
    coverage: Coverage
    as_of: datetime
    min_voice: Voice
    roles: tuple[str, ...]
    parameters: Mapping[str, Any]

    def accepts(self, statement: VerifiedStatement) -> bool:
        """Whether one statement has the voice and, where its signer is known, a role that the requirement asks for."""
        if VOICES.index(self.graph.voice(statement)) < VOICES.index(self.min_voice):
            return False
        if VOICES.index(self.min_voice) <= VOICES.index("unsigned"):
            return True
        return statement.principal is not None and bool(set(self.roles) & set(statement.principal.roles))

    def accepted(self, statements: Iterable[VerifiedStatement]) -> list[VerifiedStatement]:
        """Those of the statements that the requirement accepts."""
        return [statement for statement in statements if self.accepts(statement)]

    @property
    def releases(self) -> list[VerifiedStatement]:
        """Accepted releases of the model in hand."""
        return self.accepted(self.graph.releases)

    @property
    def lineage_releases(self) -> list[VerifiedStatement]:
        """Accepted releases of the model in hand and of the base models behind it."""
        return self.accepted(dict.fromkeys((*self.graph.releases, *self.graph.base_releases)))

    def declared(self, declaration: str) -> list[tuple[list[VerifiedStatement], bool | None]]:
        """Who declares something of the model and of each base model that was released: yes, no, or nothing.

        Empty where the model has no release: its producer cannot speak for a base model that somebody else made, nor
        somebody else for the model.
        """
        bases = (self.accepted(self.graph.releases_of(use.identities)) for use in self.graph.bases)
        return [_answer(releases, declaration) for releases in (self.releases, *bases) if releases and self.releases]

    def components(self, *kinds: str) -> Iterator[tuple[VerifiedStatement, Component]]:
        """Accepted components of these kinds of the model in hand, with the release that names each."""
        for statement in self.releases:
            if isinstance(statement.claim, Release):
                for component in statement.claim.having(*kinds):
                    yield statement, component


@dataclass(frozen=True)
class Check:
    """A row of the catalogue.

    `uses_lineage`: missing evidence leaves it undetermined. `asks_how_made`: so does a base model of which nobody says
    how it was made, because a model is as open as what its weights began with.
    """

    id: str
    title: str
    run: Callable[[Context], Sequence[Item]]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    uses_lineage: bool = False
    asks_how_made: bool = False


def _answer(releases: list[VerifiedStatement], declaration: str) -> tuple[list[VerifiedStatement], bool | None]:
    """The releases that decide: a no outweighs a yes, and silence decides nothing."""
    for answer in (False, True):
        told = [s for s in releases if isinstance(s.claim, Release) and s.claim.declarations.get(declaration) is answer]
        if told:
            return told, answer
    return releases, None


def licence_item(
    statement: VerifiedStatement, subject: str, license: str | None, kind: licences.Kind, wanted: str = "open"
) -> Item:
    """Whether the licence of one thing is known (`stated`) or open for its kind (`open`)."""
    read = licences.normalise(license)
    if read.expression is None:
        return Item.on([statement], subject, "undetermined", f"licence not known: {read.reason}")
    if wanted == "stated" and read.known:
        return Item.on([statement], subject, "pass", f"licence {read.expression} is stated")
    openness = licences.category(read.expression, kind)
    # "For any purpose" is what an open licence grants: a field of use that is left out fails it (OSD 6, OSAID 1.0).
    outcome = "fail" if "FOU" in openness.restrictions else outcome_of(openness)
    return Item.on([statement], subject, outcome, openness.reason)


def outcome_of(openness: licences.Openness) -> Outcome:
    """A licence's category as an outcome."""
    outcomes: dict[str, Outcome] = {"open": "pass", "restricted": "fail"}
    return outcomes.get(openness.status, "undetermined")


def nothing(what: str) -> list[Item]:
    """The item of a requirement for which no accepted evidence was found."""
    return [Item("", "undetermined", what)]
