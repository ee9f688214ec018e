"""What a check is given and what it is: the context of one requirement, and its row in the catalogue."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from provenance.artifacts.manifest import Manifest
from provenance.bundles.verifier import VOICES, VerifiedStatement, Voice
from provenance.errors import said
from provenance.lineage import LineageGraph
from provenance.policy import acts, licences
from provenance.policy.acts import Kind, Way
from provenance.policy.assessments import PERSONS
from provenance.policy.coverage import Coverage
from provenance.policy.places import problem_with_place
from provenance.policy.verdict import Basis, Item, Outcome
from provenance.statements.assessment import Assessment
from provenance.statements.release import Component, Release

# One sentence for one act, so that a verdict can say how few acts are missing.
SIGN = ("Sign the weights and everything beside them: provenance sign MODEL --key KEY, "
        "and list the signature in the release")
PUBLISH = ("Publish a signed release statement that names components, licences, datasets and declarations: "
           "provenance attest release MODEL --components FILE --key KEY")
LICENSE = "Publish the weights under an open licence that restricts no use, and state it in the release"
RECORD = f"Record and sign every training step with its code, data and initial parameters: {acts.TRAIN}"
PREPARE = f"Record and sign every data preparation step with its code: {acts.PREPARE}"
EVALUATE = f"Record and sign the evaluation of these weights with its code: {acts.EVALUATE}"
DESCRIBE = ("Publish a signed statement for every dataset, with source, processing, licence and availability: "
            "provenance attest dataset PATH --facts FILE --key KEY")
ASSESS = "Ask a buyer's counsel or an independent assessor for a signed assessment of this requirement"


def one_of(value: object, values: Sequence[object]) -> str:
    """Why a value is none of these, with the nearest of them, or ""."""
    if value in values:
        return ""
    near = difflib.get_close_matches(said(value), list(map(said, values)), 1)
    return f"must be one of {said(values)}" + (f"; did you mean {near[0]}?" if near else "")


@dataclass(frozen=True)
class Parameter:
    """A typed parameter of a check: values in order from loosest to tightest, or a number where less is tighter."""

    default: Any
    values: tuple[str, ...] = ()

    def problem_with(self, value: Any) -> str:
        """Why the value cannot be used, or ""."""
        if self.values:
            return one_of(value, self.values)
        return "" if type(value) is int and value > 0 else "must be a positive whole number"

    def is_looser(self, value: Any, before: Any) -> bool:
        """Whether the value asks for less than the one before."""
        if self.values:
            return self.values.index(value) < self.values.index(before)
        return bool(value > before)


@dataclass(frozen=True)
class Names(Parameter):
    """A list of names. Naming some narrows what is allowed, and none allows all; as exceptions, each one widens it."""

    default: Any = field(default_factory=list)
    exceptions: bool = False

    def problem_with(self, value: Any) -> str:
        """Why the value cannot be used, or ""."""
        named = isinstance(value, list) and all(isinstance(name, str) and name for name in value)
        return "" if named and len(set(value)) == len(value) else "must be a list of different names"

    def is_looser(self, value: Any, before: Any) -> bool:
        """Whether the value asks for less than the one before."""
        if self.exceptions:
            return not set(value) <= set(before)
        return bool(before) and (not value or not set(value) <= set(before))


@dataclass(frozen=True)
class Places(Parameter):
    """Jurisdictions that a licence must cover (ISO 3166-1 codes, and EU). None means all of them, which is most."""

    default: Any = field(default_factory=list)

    def problem_with(self, value: Any) -> str:
        """Why the value cannot be used, or "".

        A place that is none would be one where nothing is withheld.
        """
        why = Names().problem_with(value)
        wrong = next(filter(None, map(problem_with_place, [] if why else value)), "")
        return why or (f"must be codes of places: {wrong}" if wrong else "")

    def is_looser(self, value: Any, before: Any) -> bool:
        """Whether the value asks for less than the one before."""
        return bool(value) and (not before or not set(before) <= set(value))


@dataclass(frozen=True)
class Versions(Parameter):
    """Names with the lowest version of each; `any` where every version will do. Each further name asks for more."""

    default: Any = field(default_factory=dict)

    def problem_with(self, value: Any) -> str:
        """Why the value cannot be used, or ""."""
        if not isinstance(value, Mapping) or not all(isinstance(name, str) and name for name in value):
            return "must map names to versions"
        unread = [name for name, least in value.items() if least != ANY and version(least) is None]
        return f"gives no version of {unread[0]} that can be compared: write it in quotes" if unread else ""

    def is_looser(self, value: Any, before: Any) -> bool:
        """Whether the value asks for less than the one before."""
        return any(name not in value or _lowest(value[name]) < _lowest(least) for name, least in before.items())


@dataclass(frozen=True)
class Day(Parameter):
    """A day, or none; an earlier one asks for more."""

    default: Any = ""

    def problem_with(self, value: Any) -> str:
        """Why the value cannot be used, or ""."""
        if value == "":
            return ""
        try:
            day = date.fromisoformat(value).isoformat()
        except (TypeError, ValueError):
            day = ""
        return "" if day == value else "must be a day, as 2026-11-23"

    def is_looser(self, value: Any, before: Any) -> bool:
        """Whether the value asks for less than the one before."""
        return bool(before) and (not value or value > before)


ANY = "any"
_VERSION = re.compile(r"v?([0-9]{1,9}(?:\.[0-9]{1,9}){0,5})(?:\+[0-9A-Za-z.]*|-[0-9][0-9A-Za-z.]*)?")


def version(text: object) -> tuple[int, ...] | None:
    """The numbers of a version, None where it has none or says that it comes before one (`1.0rc1`, `1.0-beta`)."""
    found = _VERSION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    numbers = [int(part) for part in found[1].split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()  # 1.0 is 1
    return tuple(numbers)


def _lowest(text: str) -> tuple[int, ...]:
    return version(text) or ()


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
            # Nobody has a role in an unsigned voice. What only a person may say is declared by an assessment alone.
            return not set(self.roles) <= PERSONS or isinstance(statement.claim, Assessment)
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
        return [_answer(releases, declaration) for releases in self.spoken_for()]

    def told(self, declaration: str) -> Iterator[tuple[VerifiedStatement, Any]]:
        """Each accepted release of the model in hand that makes a declaration, with what it declares."""
        for statement in self.releases:
            if isinstance(statement.claim, Release) and declaration in statement.claim.declarations:
                yield statement, statement.claim.declarations[declaration]

    def spoken_for(self) -> list[list[VerifiedStatement]]:
        """The accepted releases of the model in hand, and of each base model that was released; empty without one."""
        bases = (self.accepted(self.graph.releases_of(use.identities)) for use in self.graph.bases)
        return [releases for releases in (self.releases, *bases) if releases and self.releases]

    def listed(self) -> list[VerifiedStatement]:
        """Accepted statements that an accepted release of the model in hand stands on."""
        named = {item.digest.get("sha256") for s in self.releases if isinstance(s.claim, Release)
                 for item in s.claim.evidence}
        return self.accepted(s for s in self.graph.statements if s.sha256 in named)

    def components(self, *kinds: str) -> Iterator[tuple[VerifiedStatement, Component]]:
        """Accepted components of these kinds of the model in hand, with the release that names each."""
        for statement in self.releases:
            if isinstance(statement.claim, Release):
                for component in statement.claim.having(*kinds):
                    yield statement, component


@dataclass(frozen=True)
class Minimum:
    """The weakest basis and the weakest voice that a requirement takes."""

    basis: Basis
    voice: Voice


STATED = Minimum("stated", "trusted")
RECOMPUTED = Minimum("recomputed", "trusted")


@dataclass(frozen=True)
class Check:
    """A row of the catalogue.

    `minimum` is the weakest evidence on which a policy may let it pass, and `roles` who may speak; `waivable`: an
    approver may let a model through without it. `remedy` and `citation` are what a policy says unless it knows better.

    `shown_by` are the statements that it takes, all of them, where there is none of them yet.

    `uses_lineage`: missing evidence leaves it undetermined. `asks_how_made`: so does a base model of which nobody says
    how it was made, because a model is as open as what its weights began with.
    """

    id: str
    title: str
    run: Callable[[Context], Sequence[Item]]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    uses_lineage: bool = False
    asks_how_made: bool = False
    minimum: Minimum = STATED
    roles: tuple[str, ...] = ("producer",)
    waivable: bool = False
    shown_by: tuple[Kind, ...] = ("release",)
    remedy: str = ""
    citation: str = ""


def _answer(releases: list[VerifiedStatement], declaration: str) -> tuple[list[VerifiedStatement], bool | None]:
    """The releases that decide: a no outweighs a yes, and silence decides nothing."""
    for answer in (False, True):
        told = [s for s in releases if isinstance(s.claim, Release) and s.claim.declarations.get(declaration) is answer]
        if told:
            return told, answer
    return releases, None


def licence_item(
    statement: VerifiedStatement, subject: str, license: str | None, kind: licences.Kind, wanted: str = "open",
    ways: tuple[Way, ...] = (),
) -> Item:
    """Whether the licence of one thing is known (`stated`) or open for its kind (`open`)."""
    read = licences.normalise(license)
    if read.expression is None:
        return Item.on([statement], subject, "undetermined", f"licence not known: {read.reason}", ways=ways)
    if wanted == "stated" and read.known:
        return Item.on([statement], subject, "pass", f"licence {read.expression} is stated")
    openness = licences.category(read.expression, kind)
    # "For any purpose" is what an open licence grants: a field of use that is left out fails it (OSD 6, OSAID 1.0).
    outcome = "fail" if "FOU" in openness.restrictions else outcome_of(openness)
    return Item.on([statement], subject, outcome, openness.reason, ways=ways)


def outcome_of(openness: licences.Openness) -> Outcome:
    """A licence's category as an outcome."""
    outcomes: dict[str, Outcome] = {"open": "pass", "restricted": "fail"}
    return outcomes.get(openness.status, "undetermined")


def nothing(what: str, *ways: Way) -> list[Item]:
    """The item of a requirement for which no accepted evidence was found; `ways` where its row does not say how."""
    return [Item("", "undetermined", what, ways=ways)]
