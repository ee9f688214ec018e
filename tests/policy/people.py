"""People in the small world: an assessor, a board that may waive, and policies that ask them.

    world = World.new(tmp_path)
    people(world)
    assess(world, "a", finding="adequate")
    assert asked(world, "D-2")["outcome"] == "pass"

What people sign is signed after the release, which they look at and which never lists it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from provenance.bundles.envelope import sign
from provenance.bundles.signers.key import load_signer
from provenance.policy.policy import load_policy
from provenance.statements.assessment import SCALES, Assessment
from provenance.statements.statement import ResourceDescriptor
from provenance.statements.waiver import Waiver
from provenance.workflows.trust_file import NewPrincipal, keygen
from tests.world import World

POLICY = """apiVersion: open-provenance/v0.1
kind: Policy
metadata: {id: our-rules, version: 1.0.0, title: Our rules, source: our purchasing rules}
requirements:
"""
ROW = """  - id: %s
    title: "what %s asks"
    source: "section 1"
    remedy: "do it"
    minBasis: %s
    minVoice: %s
    roles: [%s]
    waivable: %s
"""


def policy(world: World, *rows: tuple[str, str, str, bool], basis: str = "stated", name: str = "ours.yaml") -> str:
    """A policy file of rows (id, voice, roles, waivable)."""
    told = (ROW % (row, row, basis, voice, roles, str(waivable).lower()) for row, voice, roles, waivable in rows)
    return str(world.write(name, POLICY + "".join(told)))


def people(world: World, assessor: Sequence[str] = ("assessor",), board: Sequence[str] = ("approver",),
           assessors: str = "Assessors e.V.", party: str = "Example Buyer") -> None:
    """Believe everybody of the complete world, `stranger` (of `assessors`), and `board` (of `party`), an approver."""
    key = world.folder / "board.key"
    if not key.exists():
        keygen(key, "ed25519", None)
    every = {"predicate_types": ("*",)}  # roles are what these tests are about, not the types that a signer may use
    world.believe(
        *(world.principal(name, **every) for name in ("archive", "lab", "elder", "gate")),
        world.principal("stranger", roles=tuple(assessor), party=assessors, **every),
        NewPrincipal("board", party, tuple(board), (Path(f"{key}.pub"),), ("*",), ("*",)),
    )


def write(world: World, name: str, claim: Assessment | Waiver, signer: str) -> Path:
    """Sign something after the release, which does not list it."""
    world._settle()
    key = load_signer(world.folder / "board.key", lambda: None) if signer == "board" else world.signers[signer]
    file = world.file(name)
    file.write_bytes(sign(claim.to_statement().to_bytes(), key))
    return file


def assess(world: World, name: str = "assessment", *, signer: str = "stranger", about: str = "tiny",
           looked_at: Sequence[str] | None = None, **fields: Any) -> Path:
    """An assessment of D-2 by the assessor, who looked at everything that is signed."""
    world._settle()
    seen = sorted(world.drafts) if looked_at is None else looked_at
    facts: dict[str, Any] = {"finding": "adequate", "requirement": "D-2", "rationale": "read it", "method": "reading",
                             "assessed_on": "2026-11-23T09:00:00Z", "valid_until": "2027-11-23T00:00:00Z", **fields}
    scale = next(scale for scale, findings in SCALES.items() if facts["finding"] in findings)
    evidence = tuple(ResourceDescriptor(world.file(each).name, {"sha256": world.digest(each)}) for each in seen)
    return write(world, name, Assessment(world.described(about)[:1], scale, evidence=evidence, **facts), signer)


def waive(world: World, policy: str, requirement: str, name: str = "waiver", *, signer: str = "board",
          about: str = "tiny", **fields: Any) -> Path:
    """A waiver by the board."""
    chosen = load_policy(policy)
    facts: dict[str, Any] = {"policy_id": chosen.id, "policy_digest": chosen.digest, "reason": "it will come",
                             "approved_on": "2026-11-23T09:00:00Z", "expires": "2027-01-31T00:00:00Z", **fields}
    return write(world, name, Waiver(world.described(about)[:1], requirement=requirement, **facts), signer)


def asked(world: World, requirement: str, policy: str) -> dict[str, Any]:
    """One requirement as a verdict tells it."""
    return next(row for row in world.verdict(policy)["requirements"] if row["id"] == requirement)
