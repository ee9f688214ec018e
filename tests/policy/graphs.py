"""Evidence graphs made up at random: several releases, base models, people, counter-evidence, thresholds, copies.

    whole = draw(graphs())
    answers(whole.subject(whole.pieces))       # what every row and policy says of all of it
    answers(whole.subject(whole.pieces[1:]))   # and of a part

Nothing is signed here: a piece is a statement with the principal whose it would be, so that a thousand graphs take
seconds. What a piece says is a variant of what is said in the small world, and goes through the strict reader.
"""

from __future__ import annotations

import atexit
import shutil
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hypothesis import strategies as st

from provenance.artifacts.manifest import Manifest
from provenance.bundles import verifier
from provenance.bundles.envelope import sha256
from provenance.bundles.trust import Principal, Threshold, Trust, read_trust
from provenance.bundles.verifier import Examined, VerifiedStatement, Verifier
from provenance.policy.evaluate import Subject
from provenance.statements.assessment import SCALES, Assessment
from provenance.statements.dataset import Dataset
from provenance.statements.release import RELEASE, Release
from provenance.statements.statement import ResourceDescriptor, Statement
from provenance.statements.step import Step
from provenance.statements.waiver import Waiver
from tests.policy.people import people
from tests.world import NOW, Claim, World

LICENCES = ("Apache-2.0", "CC-BY-NC-4.0", "bigscience-openrail-m", "LicenseRef-unheard-of", None)
ASKED_OF_PEOPLE = ("W-3", "D-2", "D-5", "K-5", "L-3", "L-5")


@dataclass(frozen=True, eq=False)
class Piece:
    """One statement, and the principal who signed it ("": nobody who is known)."""

    name: str
    statement: Statement
    signer: str

    def __repr__(self) -> str:
        return f"{self.name} by {self.signer or 'a stranger'}: {str(dict(self.statement.predicate))[:4000]}"

    @cached_property
    def payload(self) -> str:
        """The sha256 of what is said, whoever says it."""
        return sha256(self.statement.to_bytes())

    @cached_property
    def digest(self) -> str:
        """The sha256 of the bundle that it would be."""
        return sha256(f"{self.signer} {self.payload}".encode())

    def listed(self) -> ResourceDescriptor:
        """As a release, or a person who looked at it, names it."""
        return ResourceDescriptor(self.name, {"sha256": self.digest})


@dataclass(frozen=True)
class Graph:
    """Evidence of one model, and whom to believe."""

    model: Manifest = field(repr=False)
    trust: Trust = field(repr=False)
    pieces: tuple[Piece, ...]

    def subject(self, kept: Iterable[Piece]) -> Subject:
        """The model with some of the evidence, held against the thresholds as the Verifier does."""
        kept = tuple(kept)
        who = {principal.name: principal for principal in self.trust.principals}
        signers: dict[str, list[Principal]] = defaultdict(list)
        for piece in kept:
            if piece.signer in who:
                signers[piece.payload].append(who[piece.signer])
        read = Verifier(self.trust, NOW)
        seen = (self._examined(piece, who.get(piece.signer)) for piece in kept)
        held = [read._hold_to_thresholds(one, signers[one.payload]).verified for one in seen]
        return Subject(self.model, tuple(one for one in held if one), self.trust, NOW)

    def _examined(self, piece: Piece, principal: Principal | None) -> Examined:
        claim = claim_of(piece)
        told = VerifiedStatement(verifier._SEAL, piece.statement, claim, piece.name, piece.digest, principal)
        return Examined(piece.name, piece.digest, "VALID" if principal else "UNSUPPORTED", principal=principal,
                        predicate_type=piece.statement.predicate_type, verified=told, payload=piece.payload)


_CLAIMS: dict[str, Any] = {}


def claim_of(piece: Piece) -> Any:
    if piece.payload not in _CLAIMS:
        _CLAIMS[piece.payload] = verifier._claim(piece.statement, piece.name)
    return _CLAIMS[piece.payload]


@dataclass(frozen=True)
class Ground:
    """The small world, with everything that can be said of it: variants by name, the usual one first."""

    model: Manifest
    trust: Trust
    variants: dict[str, tuple[Claim, ...]]
    release: Release
    about: dict[str, tuple[ResourceDescriptor, ...]]


def scratch() -> Path:
    """A folder that is removed at the end."""
    folder = Path(mkdtemp(prefix="graphs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def ground() -> Ground:
    """The small world, read once."""
    world = World.new(scratch())
    people(world, ("assessor", "buyer"))
    world.write("scraped.txt", "scraped\n")
    told: dict[str, list[Claim]] = {name: [draft.claim] for name, draft in world.drafts.items()}
    for name in ("dataset-raw", "dataset-corpus"):
        for facts in ({"selection": None}, {"license": "CC-BY-NC-4.0"}, {"availability": {"class": "unshareable"}}):
            told[name].append(_stated(world, name, facts))
    code = {"source": "prepare.py", "lockfile": "uv.lock"}
    prepare, train = _step(told["prepare"][0]), _step(told["train"][0])
    told["prepare"] += [
        replace(prepare, inputs=world.inputs(raw_data="tales.txt scraped.txt", **code)),
        replace(prepare, inputs=world.inputs(raw_data="tales.txt", model="tiny", **code)),  # a cycle
        replace(prepare, inputs=world.inputs(raw_data="tales.txt")),
    ]
    told["train"] += [replace(train, initial_parameters=None), replace(train, inputs=world.inputs(source="train.py"))]
    world.hang_on_base()
    world.explain_base()
    tuned, base = _step(world.drafts["train"].claim), _step(world.drafts["train-base"].claim)
    told["train"] += [tuned, tuned]
    told["train-base"] = [base, replace(base, initial_parameters=None)]
    released = world.drafts["release-base"].claim
    assert isinstance(released, Release)
    told["release-base"] = [released, replace(released, declarations={"datasetListComplete": False}), *(
        replace(released, components=tuple(replace(row, license=licence) for row in released.components))
        for licence in LICENCES[1:3])]
    subject = world.evaluation().subject
    assert subject.trust is not None
    about = {name: world.described(name)[:1] for name in ("tiny", "tales.txt", "corpus")}
    return Ground(subject.model, read_trust(world.trust, NOW), {name: tuple(each) for name, each in told.items()},
                  world.release, about)


def _stated(world: World, name: str, facts: dict[str, Any]) -> Dataset:
    claim = world.drafts[name].claim
    assert isinstance(claim, Dataset)
    stated = {**claim.facts, **facts}
    return Dataset(claim.subjects, {key: value for key, value in stated.items() if value is not None})


def _step(claim: Claim) -> Step:
    assert isinstance(claim, Step)
    return claim


def _piece(name: str, claim: Any, signer: str) -> Piece:
    made = claim if isinstance(claim, Statement) else claim.to_statement()
    return Piece(name, Statement.from_bytes(made.to_bytes(), name), signer)


USUAL = {"dataset-raw": "archive", "dataset-corpus": "archive", "prepare": "archive", "train-base": "elder",
         "release-base": "elder"}


@st.composite
def graphs(draw: st.DrawFn, policy_digest: str = "0" * 64) -> Graph:
    """Evidence in which anything may be missing, doubled, contradicted, unlisted or signed by somebody else."""
    here = ground()
    pieces: list[Piece] = []
    for name, variants in here.variants.items():
        if name != "release" and draw(st.integers(0, 9)) > 0:
            claim = variants[draw(st.sampled_from([0, 0, *range(len(variants))]))]
            usual = USUAL.get(name, "lab")
            pieces.append(_piece(name, claim, draw(st.sampled_from([usual, usual, usual, "elder", "archive", ""]))))
            if draw(st.integers(0, 5)) == 0:  # somebody else contradicts it, or says the same
                other = variants[draw(st.sampled_from(range(len(variants))))]
                pieces.append(_piece(f"{name}-2", other, draw(st.sampled_from(["lab", "elder", "archive"]))))
    for number in range(draw(st.integers(1, 3))):
        pieces.append(_piece(f"release-{number}", draw(_releases(pieces)), draw(st.sampled_from(_RELEASERS))))
    for _ in range(draw(st.integers(0, 2))):  # counter-signatures
        again = draw(st.sampled_from(pieces))
        signer = draw(st.sampled_from(["lab", "elder"]))
        if again.signer != signer:
            pieces.append(replace(again, name=f"{again.name}-by-{signer}", signer=signer))
    for number in range(draw(st.integers(0, 3))):
        signer = draw(st.sampled_from(["stranger", "stranger", "stranger", "lab", ""]))
        pieces.append(_piece(f"assessment-{number}", draw(_assessments(pieces)), signer))
    for number in range(draw(st.integers(0, 1))):
        waiver = Waiver(here.about["tiny"], "people", policy_digest, draw(st.sampled_from(ASKED_OF_PEOPLE)), "later",
                        "2026-11-23T09:00:00Z", "2027-01-31T00:00:00Z")
        pieces.append(_piece(f"waiver-{number}", waiver, "board"))
    unique = tuple({piece.digest: piece for piece in pieces}.values())
    return Graph(here.model, draw(_trusts()), unique)


_RELEASERS = ("lab", "lab", "lab", "elder", "archive", "")


@st.composite
def _trusts(draw: st.DrawFn) -> Trust:
    trust = ground().trust
    if draw(st.integers(0, 9)) == 0:
        [raw] = ground().about["tales.txt"]
        trust = replace(trust, recalled=frozenset({f"sha256:{raw.digest['sha256']}"}))
    if draw(st.integers(0, 5)) == 0:
        roles = st.sampled_from(["producer", "data-supplier", "assessor"])
        kinds = st.sampled_from(["*", RELEASE])
        trust = replace(trust, thresholds=(Threshold(draw(roles), (draw(kinds),), 2),))
    return trust


@st.composite
def _releases(draw: st.DrawFn, before: Sequence[Piece]) -> Release:
    release = ground().release
    some = list(before)
    if before and not draw(st.integers(0, 2)):
        some = draw(st.lists(st.sampled_from(before), unique_by=id))
    licence = draw(st.sampled_from([LICENCES[0], LICENCES[0], *LICENCES]))
    rows = tuple(replace(row, license=licence) if row.component == "model-parameters-final" else row
                 for row in release.components)
    told = dict(release.declarations)
    for name in ("datasetListComplete", "noMonetisation", "usage", "freeOfCharge", "unknownProvenance"):
        change = draw(st.sampled_from(["", "", "", "silent", "no"]))
        if change == "silent" or (change == "no" and name in ("usage", "unknownProvenance")):
            told.pop(name)
        elif change:
            told[name] = False
    gone = (ResourceDescriptor("gone", {"sha256": sha256(b"gone")}),) if draw(st.integers(0, 9)) == 0 else ()
    return replace(release, version=str(draw(st.integers(0, 2))), components=rows, declarations=told,
                   evidence=(*(piece.listed() for piece in some), *gone))


@st.composite
def _assessments(draw: st.DrawFn, before: Sequence[Piece]) -> Assessment:
    scale = draw(st.sampled_from(sorted(SCALES)))
    finding = SCALES[scale][draw(st.sampled_from([0, 0, 0, 1, 2]))]
    releases = [piece for piece in before if piece.name.startswith("release-")]
    seen = draw(st.lists(st.sampled_from(releases), unique_by=id, min_size=1))
    seen += draw(st.lists(st.sampled_from(before), unique_by=id, max_size=3))
    about = draw(st.sampled_from(["tiny", "tiny", "tiny", "tales.txt", "corpus"]))
    return Assessment(ground().about[about], scale, finding, "read it", "reading",
                      tuple({piece.digest: piece.listed() for piece in seen}.values()), "2026-11-23T09:00:00Z",
                      "2027-11-23T00:00:00Z", draw(st.sampled_from(ASKED_OF_PEOPLE)))
