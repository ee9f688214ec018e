"""Next: what remains to be done so that a model passes a policy, or reaches the next rung of the G7 ladder.

What is returned is the document of `schemas/next.schema.json`: for each policy the fewest acts that pass it, and what
no act lifts. A policy that is passed already leads to the next rung.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from provenance.artifacts.crew import Progress
from provenance.bundles.trust import TrustSource, timestamp
from provenance.policy import waivers
from provenance.policy.evaluate import Evaluation
from provenance.policy.policy import NONE_SET, Policy, load_policies, load_policy
from provenance.policy.remaining import Blocker, Remaining, Task, next_rung, remaining
from provenance.workflows.handed_in import refuse_from_model
from provenance.workflows.verify import examine


def next_steps(
    model: Path,
    policies: Sequence[str] = (),
    *,
    settings: Mapping[str, str] = NONE_SET,
    evidence: Sequence[Path] = (),
    trust: Path | TrustSource | None = None,
    as_of: datetime,
    documents: Sequence[Path] = (),
    progress: Progress | None = None,
    total: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """The document for a model and policies (ids or files; none: the ladder); ProvenanceError as `verify`.

    `settings` go to the policies that have such a parameter; the ladder takes none.
    """
    refuse_from_model(model, policies)
    chosen = load_policies(list(dict.fromkeys(policies)), settings)
    seen = examine(model, evidence=evidence, trust=trust, as_of=as_of, documents=documents, progress=progress,
                   total=total)
    evaluation = Evaluation(seen.subject)
    ladder = evaluation.ladder
    plans = [_plan(evaluation, policy) for policy in chosen]
    rung = next_rung(ladder)
    higher = not chosen or any(plan["passed"] for plan in plans)
    if rung is not None and higher and rung.policy not in {policy.id for policy in chosen}:
        plans.append(_plan(evaluation, load_policy(rung.policy), waived=False))  # the ladder takes no waivers
    shown = [each for each in ladder if each.shown == "pass"]
    return {
        "schemaVersion": "0.1", "kind": "NextSteps", "asOf": timestamp(as_of),
        "model": {"name": seen.subject.model.name, "digest": seen.subject.model.digest},
        "trust": {"sha256": seen.subject.trust.digest} if seen.subject.trust else None,
        "rungShown": shown[-1].policy if shown else None,
        "plans": plans,
    }


def _plan(evaluation: Evaluation, policy: Policy, *, waived: bool = True) -> dict[str, Any]:
    decisions = evaluation.decide(policy)
    if waived:
        decisions = waivers.excused(decisions, evaluation.waivers(policy))
    left = remaining(evaluation, policy, decisions)
    outcome = evaluation.outcome(decisions)
    return {
        "policy": policy.id, "title": policy.title, "digest": {"sha256": policy.digest},
        **({"parameters": policy.was_set} if policy.was_set else {}),
        "passed": outcome == "pass", "result": outcome, **_told(left),
    }


def _told(left: Remaining) -> dict[str, Any]:
    return {
        "tasks": [_task(task) for task in left.tasks],
        "blockers": [{"answers": _answers(blocker), "change": blocker.change} for blocker in left.blockers],
        "ties": [[_task(task) for task in tie] for tie in left.ties],
    }


def _task(task: Task) -> dict[str, Any]:
    return {
        "act": task.act.kind, "about": task.act.subject, "files": list(task.files), "told": task.told,
        "command": task.command, "roles": list(task.roles), "voice": task.voice, "answers": _answers(task),
    }


def _answers(told: Task | Blocker) -> list[dict[str, str]]:
    return [{"requirement": requirement, "reason": reason} for requirement, reason in told.answers]
