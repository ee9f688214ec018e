"""Family X: the evidence itself: signed by whom it must be, whole, without gaps, and fresh."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from provenance.bundles.trust import parse_time
from provenance.bundles.verifier import VerifiedStatement
from provenance.errors import TrustError
from provenance.lineage import LineageGraph, step_of
from provenance.policy.acts import Act
from provenance.policy.checks.base import PUBLISH, Check, Context, Day, Parameter, nothing
from provenance.policy.verdict import Item
from provenance.statements.release import Release
from provenance.statements.step import DATA_ROLES


def signed_evidence(context: Context) -> Sequence[Item]:
    """X-1: every bundle that the release stands on is there, valid, and by a signer of the trust file."""
    by_digest = {statement.sha256: statement for statement in context.graph.statements}
    items = []
    for release in context.releases:
        if isinstance(release.claim, Release):
            items.append(Item.on([release], f"release {release.claim.name}", "pass", "there, and its voice is enough"))
            for listed in release.claim.evidence:
                found = by_digest.get(listed.digest.get("sha256", ""))
                if found is None:
                    told = "listed by the release, not shown here"
                    missing = ((Act("bundle", listed.name),),)
                    items.append(Item.on([release], listed.name, "undetermined", told, ways=missing))
                else:
                    items.append(Item.on([release, found], listed.name, "pass", "there, and its voice is enough"))
    return items or nothing("no accepted release lists the evidence that it stands on")


def whole_lineage(context: Context) -> Sequence[Item]:
    """X-2: from the weights back, no input is unattested and no step depends on its own output."""
    graph = context.graph
    if graph.cycles:
        named: dict[str, list[VerifiedStatement]] = {name: [] for name in graph.cycles}
        for statement in graph.steps:
            named.get(step_of(statement).name, []).append(statement)
        return [Item.on(found, f"step {name}", "fail", "depends on its own output") for name, found in named.items()]
    releases = context.releases
    if not releases:
        return nothing("no accepted release says which evidence belongs to this model")
    gaps = [Item.on([use.step], use.thing.name, "undetermined", f"used as {use.role}, and nobody attests it",
                    ways=((Act("dataset" if use.role in DATA_ROLES else "base-release", use.thing.name),),))
            for use in graph.gaps]
    gaps += [Item.on([s], f"step {step_of(s).name}", "undetermined", "names no data that it used")
             for s in graph.silent_about_data]
    gaps += [Item.on([s], s.file, "undetermined", "nobody says this who is a producer or supplies data")
             for s in _said_by_others(graph)]
    if gaps:
        return gaps
    whole, none = "every input is attested, back to its source", "the release names no step, nothing dangles"
    told = whole if graph.model_steps else none
    return [Item.on([*releases, *graph.steps], "", "pass", told)]


def _said_by_others(graph: LineageGraph) -> Iterable[VerifiedStatement]:
    """Where steps and inputs come from, as told only by those who neither made nor supplied them: an assessor."""
    told: list[tuple[VerifiedStatement, ...]] = [(step,) for step in graph.steps]
    for use in (*graph.data_uses, *graph.base_uses):
        known = use.identities
        told.append((*graph.made_by(known), *graph.attested_by(known), *graph.releases_of(known)))
    return dict.fromkeys(said[0] for said in told if said and not any(map(_may_know, said)))


def _may_know(statement: VerifiedStatement) -> bool:
    return statement.principal is None or bool(_SOURCES & set(statement.principal.roles))


def fresh(context: Context) -> Sequence[Item]:
    """X-3: the evidence is neither older than asked nor from the future, nor of a day after the deadline, if any."""
    items = [_age(context, s, f"step {step_of(s).name}", step_of(s).finished_on) for s in context.graph.steps]
    items += [_age(context, s, f"release {s.claim.name}", s.claim.created_on)
              for s in context.releases if isinstance(s.claim, Release)]
    return items or nothing("no dated evidence")


def _age(context: Context, statement: VerifiedStatement, subject: str, claimed: str) -> Item:
    limit, deadline = context.parameters["maxAgeDays"], context.parameters["deadline"]
    try:
        moment: datetime | None = parse_time(claimed, statement.file) if claimed else None
    except TrustError:
        moment = None
    if moment is None:
        return Item.on([statement], subject, "undetermined", "bears no date")
    if moment > context.as_of:
        return Item.on([statement], subject, "fail", f"dated {claimed}, which is in the future")
    if deadline and moment.astimezone(UTC).date().isoformat() > deadline:
        return Item.on([statement], subject, "fail", f"dated {claimed}, after the deadline {deadline}")
    age = (context.as_of - moment).days
    if age > limit:
        return Item.on([statement], subject, "fail", f"{age} days old; at most {limit} are allowed")
    return Item.on([statement], subject, "pass", f"{age} days old, as its signer claims")


_SOURCES = frozenset({"producer", "data-supplier"})  # who may say where an input comes from
_SOURCE = "SLSA 1.0, verifying artifacts: signed provenance from a trusted identity, for every material"
INTEGRITY = (
    Check("X-1", "All evidence is signed by trusted signers and is all there", signed_evidence, remedy=PUBLISH,
          citation=_SOURCE),
    Check("X-2", "The lineage has neither gaps nor cycles", whole_lineage, uses_lineage=True, remedy=PUBLISH,
          citation=_SOURCE),
    Check("X-3", "The evidence is fresh", fresh, {"maxAgeDays": Parameter(365), "deadline": Day()}, uses_lineage=True,
          roles=("data-supplier", "producer"), waivable=True, remedy=PUBLISH, citation=_SOURCE),
)
