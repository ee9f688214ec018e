"""Floor 4, verified statements to a graph: from the model in hand back to every dataset, base model and code.

Nodes are joined by strong identities alone (`artifacts.digest`), never by names. A graph is built over the statements
of at least one voice, so the same question can be asked of what trusted signers say and of what anyone says.

Removing a statement can only open gaps: an input that nobody made and nobody attests is a gap, a bundle that a release
lists and that is not there is missing, and both are told to whoever asks.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from provenance.artifacts.digest import DigestSet, Identity, compare, every_strong, identities
from provenance.artifacts.manifest import Manifest
from provenance.bundles.envelope import sha256
from provenance.bundles.verifier import VOICES, VerifiedStatement, Voice
from provenance.errors import Finding
from provenance.statements.artifact import Described, described, differences
from provenance.statements.dataset import Dataset
from provenance.statements.release import Release
from provenance.statements.statement import ResourceDescriptor, all_identities
from provenance.statements.step import DATA_ROLES, MODEL_MAKING, MODEL_ROLES, OTHER, Step

Strength = Literal["name-bound", "file", "tensor-root", "weak"]
STRENGTHS: tuple[Strength, ...] = ("weak", "tensor-root", "file", "name-bound")


@dataclass(frozen=True)
class Use:
    """One thing that one step used: a dataset, a base model or code, with the step that used it."""

    step: VerifiedStatement
    thing: Described
    role: str

    @cached_property
    def identities(self) -> frozenset[Identity]:
        """By what it is known: the thing itself, and its weights where it has any."""
        return self.thing.whole.identities | (self.thing.weights.identities if self.thing.weights else frozenset())


@dataclass(frozen=True)
class Join:
    """A step and something that it made, by the name and identities under which that was used, and how firmly."""

    maker: VerifiedStatement
    name: str
    known: frozenset[Identity]
    strength: Strength


def _makes_model(statement: VerifiedStatement) -> bool:
    return isinstance(statement.claim, Step) and statement.claim.kind in MODEL_MAKING


def step_of(statement: VerifiedStatement) -> Step:
    """The step that a statement of the graph's `steps` claims."""
    assert isinstance(statement.claim, Step)  # noqa: S101  only steps are put there
    return statement.claim


def uses(statement: VerifiedStatement, roles: Collection[str]) -> list[Use]:
    """What a step used in these roles; the files of a folder are not counted beside it."""
    by_role: dict[str, list[ResourceDescriptor]] = defaultdict(list)
    for item in step_of(statement).inputs:
        if item.role in roles:
            by_role[item.role].append(item)
    return [Use(statement, thing, role) for role in sorted(by_role) for thing in described(by_role[role])]


def beginnings(statement: VerifiedStatement) -> list[Use]:
    """The models whose parameters a step began with.

    A teacher or a filter (role `model`) is none; what is converted or merged is one in either role.
    """
    roles = MODEL_ROLES if step_of(statement).kind in ("convert", "merge") else {"base-model"}
    return uses(statement, roles)


class LineageGraph:
    """What verified statements of at least `voice` say about the model in hand and everything behind it.

    `suppliers` are the parties that the trust file calls producer or data supplier. Without them, a party would become
    independent when the statements that it makes as a producer are taken away.
    """

    def __init__(self, statements: Iterable[VerifiedStatement], model: Manifest, voice: Voice = "trusted",
                 suppliers: Collection[str] = ()) -> None:
        self.model = model
        heard = tuple(s for s in statements if VOICES.index(s.voice) >= VOICES.index(voice))
        self._by_digest = {s.sha256: s for s in heard}
        self._stands_on: dict[frozenset[str], frozenset[str]] = {}
        self.unlisted = self._unlisted(heard)
        left_out = {s.sha256 for s in self.unlisted}
        self.statements = tuple(s for s in heard if s.sha256 not in left_out)
        self._suppliers = frozenset(suppliers)
        self._uses: dict[str, tuple[Use, ...]] = {}
        self._made: dict[str, frozenset[Identity]] = {}
        self._makers: dict[Identity, list[VerifiedStatement]] = defaultdict(list)
        self._attesters: dict[Identity, list[VerifiedStatement]] = defaultdict(list)
        self._releasers: dict[Identity, list[VerifiedStatement]] = defaultdict(list)
        for statement in self.statements:
            if isinstance(statement.claim, Step) and statement.claim.kind != "evaluate":
                for identity in self._made_by_it(statement):
                    self._makers[identity].append(statement)
            elif isinstance(statement.claim, Dataset):
                for identity in all_identities(statement.claim.subjects):
                    self._attesters[identity].append(statement)
            elif isinstance(statement.claim, Release):
                for identity in all_identities(wholes(statement.claim.subjects)):
                    self._releasers[identity].append(statement)

    def _unlisted(self, heard: Sequence[VerifiedStatement]) -> tuple[VerifiedStatement, ...]:
        """Steps, datasets and other models' releases that no release about the model stands on, directly or not.

        They neither help nor hurt: else taking one away could show more, or adding one could hide what is there.
        Without a release nothing is listed, and everything is told, but nothing is decided by it.
        """
        # Somebody in another role must not say by a release of its own what of the producer's steps counts.
        about = [s for s in heard if isinstance(s.claim, Release) and self.is_about_model(s)
                 and (s.principal is None or "producer" in s.principal.roles)]
        if not about:
            return ()
        listed = self.stands_on(about)
        return tuple(s for s in heard if isinstance(s.claim, Step | Dataset | Release) and s.sha256 not in listed)

    def stands_on(self, releases: Iterable[VerifiedStatement]) -> frozenset[str]:
        """The sha256 of these releases and of every bundle that they list, and that releases among those list."""
        roots = frozenset(statement.sha256 for statement in releases)
        if roots not in self._stands_on:
            waiting, listed = list(roots), set(roots)
            while waiting:
                found = self._by_digest.get(waiting.pop())
                claim = found.claim if found is not None else None
                for item in claim.evidence if isinstance(claim, Release) else ():
                    digest = item.digest.get("sha256", "")
                    if digest not in listed:
                        listed.add(digest)
                        waiting.append(digest)
            self._stands_on[roots] = frozenset(listed)
        return self._stands_on[roots]

    # The model in hand

    @cached_property
    def views(self) -> tuple[Manifest, ...]:
        """The model as it lies there, and as it is without what a hosting site adds at its top."""
        bare = self.model.without_repository_files()
        return (self.model,) if len(bare.files) in (0, len(self.model.files)) else (self.model, bare)

    @cached_property
    def releases(self) -> tuple[VerifiedStatement, ...]:
        """Release statements about exactly these bytes."""
        return tuple(s for s in self.statements if isinstance(s.claim, Release) and self.is_about_model(s))

    def releases_seen(self, digests: Collection[str]) -> tuple[VerifiedStatement, ...]:
        """Releases of the model among bundles of these sha256, with those by others that say the very same."""
        return _unique(same for digest in sorted(digests) if digest in self._said_by
                       for same in self._said_by[digest])

    @cached_property
    def _said_by(self) -> dict[str, list[VerifiedStatement]]:
        """By the sha256 of a release: all releases of the model that say what it says."""
        alike: dict[str, list[VerifiedStatement]] = defaultdict(list)
        for release in self.releases:
            alike[sha256(release.statement.to_bytes())].append(release)
        return {release.sha256: same for same in alike.values() for release in same}

    def is_about_model(self, statement: VerifiedStatement) -> bool:
        """Whether a subject is the model in hand, by a digest that binds names."""
        return bool(self.views_named_by(statement))

    def views_named_by(self, statement: VerifiedStatement) -> tuple[Manifest, ...]:
        """The views of the model that a statement's subjects name by a digest that binds names.

        None where its signer may not vouch for what bears the name of the model in hand.
        """
        return self.views_called_anything_by(statement) if self.may_vouch(statement) else ()

    def may_vouch(self, statement: VerifiedStatement) -> bool:
        """Whether the trust file lets a signer speak of the model in hand, whatever the signer calls it."""
        return statement.principal is None or statement.principal.may_vouch_for(self._here)

    @cached_property
    def _here(self) -> ResourceDescriptor:
        return ResourceDescriptor(self.model.name, self.model.digest)

    def views_called_anything_by(self, statement: VerifiedStatement) -> tuple[Manifest, ...]:
        """The same, whoever signed it and may speak of what."""
        named = [thing.whole.digest for thing in described(statement.statement.subjects)]
        return tuple(
            view for view, digest in self._view_digests if any(compare(claimed, digest) == "equal" for claimed in named)
        )

    @cached_property
    def _view_digests(self) -> tuple[tuple[Manifest, DigestSet], ...]:
        return tuple((view, view.digest) for view in self.views)

    @cached_property
    def changes(self) -> tuple[Finding, ...]:
        """Where the model in hand differs, by file and tensor, from what was signed and is nearest to it.

        Empty when something signed is the model in hand: another signed state of it, a base model for instance, is
        not a change.
        """
        makers = [s for s in self.statements if isinstance(s.claim, Release) or _makes_model(s)]
        if any(self.is_about_model(statement) for statement in makers):
            return ()
        things = [t for s in makers for t in described(s.statement.subjects) if t.overlaps(self.model)]
        found = [tuple(differences(thing, self.model)) for thing in things]
        return min((changes for changes in found if changes), key=len, default=())

    @cached_property
    def model_identities(self) -> frozenset[Identity]:
        """By what the model in hand is known: each view of the folder, and its weights."""
        known = [identities(digest) for _, digest in self._view_digests]
        weights = identities(self.model.weights_digest or {})
        return frozenset().union(*known, weights)

    @cached_property
    def everything_recalled_as(self) -> frozenset[Identity]:
        """By what the model in hand can be recalled: more than it is known by, because one digest is enough."""
        named = [digest for _, digest in self._view_digests]
        return self.model_identities.union(*map(every_strong, named))

    # Backwards

    def uses_of(self, statement: VerifiedStatement) -> tuple[Use, ...]:
        """The data and models that a step used; of one that knows no roles, everything that went in."""
        if statement.sha256 not in self._uses:
            roles = {""} if step_of(statement).kind == OTHER else DATA_ROLES | MODEL_ROLES
            self._uses[statement.sha256] = tuple(uses(statement, roles))
        return self._uses[statement.sha256]

    def data_of(self, statement: VerifiedStatement) -> list[Use]:
        """The data that a step used."""
        return [use for use in self.uses_of(statement) if use.role in DATA_ROLES]

    def models_of(self, statement: VerifiedStatement) -> list[Use]:
        """The models that a step used."""
        return [use for use in self.uses_of(statement) if use.role in MODEL_ROLES]

    def made_by(self, known: Iterable[Identity]) -> tuple[VerifiedStatement, ...]:
        """The steps that made something with one of these identities, each once.

        A step that hands weights on, as a conversion that only cuts other shards, did not make their tensors.
        """
        return _unique(statement for identity in sorted(known) for statement in self._makers.get(identity, ()))

    def attested_by(self, known: Iterable[Identity]) -> tuple[VerifiedStatement, ...]:
        """The dataset statements about one of these identities, each once."""
        return _unique(statement for identity in sorted(known) for statement in self._attesters.get(identity, ()))

    def _made_by_it(self, statement: VerifiedStatement) -> frozenset[Identity]:
        """What a step's product is known by, less the weights that went in as they came out."""
        given = {identity for use in self.models_of(statement) for identity in use.identities}
        return self._products(statement) - {identity for identity in given if identity.kind == "weights"}

    @cached_property
    def steps(self) -> tuple[VerifiedStatement, ...]:
        """Every step on the way to the model, nearest first; walks each step once, so a cycle ends."""
        found: dict[str, VerifiedStatement] = {}
        waiting = deque(self.made_by(self.model_identities))
        while waiting:
            statement = waiting.popleft()
            if statement.sha256 not in found:
                found[statement.sha256] = statement
                for use in self.uses_of(statement):
                    waiting += self.made_by(use.identities)
        return tuple(found.values())

    def steps_of(self, *kinds: str) -> tuple[VerifiedStatement, ...]:
        """The steps of these kinds on the way to the model."""
        return tuple(statement for statement in self.steps if step_of(statement).kind in kinds)

    @cached_property
    def model_steps(self) -> tuple[VerifiedStatement, ...]:
        """The steps that made weights."""
        return self.steps_of(*sorted(MODEL_MAKING))

    @cached_property
    def evaluations(self) -> tuple[VerifiedStatement, ...]:
        """Evaluation steps that used the model in hand."""
        return tuple(
            s for s in self.statements
            if isinstance(s.claim, Step) and s.claim.kind == "evaluate"
            and any(use.identities & self.model_identities for use in self.models_of(s))
        )

    @cached_property
    def data_uses(self) -> tuple[Use, ...]:
        """Every use of data on the way to the model."""
        return tuple(use for statement in self.steps for use in self.data_of(statement))

    def known_as(self, use: Use) -> frozenset[Identity]:
        """By what a used thing is known: to the step that used it, and to whoever states what it is."""
        stated = (s.statement.subjects for s in self.attested_by(use.identities))
        return use.identities.union(*map(all_identities, stated))

    @cached_property
    def data_identities(self) -> frozenset[Identity]:
        """By what all data on the way to the model is known."""
        return frozenset().union(*map(self.known_as, self.data_uses))

    @cached_property
    def base_uses(self) -> tuple[Use, ...]:
        """Every use of another model on the way to the model."""
        return tuple(use for statement in self.steps for use in self.models_of(statement))

    @cached_property
    def bases(self) -> tuple[Use, ...]:
        """The models that the weights began with, back to random parameters."""
        return tuple(use for statement in self.model_steps for use in beginnings(statement))

    def is_model(self, use: Use) -> bool:
        """Whether somebody says that this is a model, in whatever role a step used it."""
        made = use.thing.weights is not None and any(_makes_model(maker) for maker in self.made_by(use.identities))
        return made or bool(self.releases_of(use.identities))

    # What is wrong

    @cached_property
    def cycles(self) -> tuple[str, ...]:
        """Names of steps that depend on their own output; linear in steps and uses."""
        state: dict[str, int] = {}
        found: list[str] = []
        for root in self.steps:
            stack = [(root, iter(self._before(root)))] if root.sha256 not in state else []
            state.setdefault(root.sha256, 1)
            while stack:
                statement, rest = stack[-1]
                following = next(rest, None)
                if following is None:
                    state[statement.sha256] = 2
                    stack.pop()
                elif following.sha256 not in state:
                    state[following.sha256] = 1
                    stack.append((following, iter(self._before(following))))
                elif state[following.sha256] == 1:
                    found.append(step_of(following).name)
        return tuple(sorted(set(found)))

    def _before(self, statement: VerifiedStatement) -> tuple[VerifiedStatement, ...]:
        return _unique(maker for use in self.uses_of(statement) for maker in self.made_by(use.identities))

    @cached_property
    def gaps(self) -> tuple[Use, ...]:
        """Inputs that no step made, no dataset statement attests, and for a model no release speaks of."""
        return tuple(use for use in (*self.data_uses, *self.base_uses) if not self._is_known(use))

    @cached_property
    def silent_about_data(self) -> tuple[VerifiedStatement, ...]:
        """Steps that may have used data and name none: that nothing of it is unattested would be true of nothing."""
        return tuple(s for s in self.steps_of("train", "fine-tune", OTHER) if not self.data_of(s))

    def is_made_from_data(self, use: Use) -> bool:
        """Whether a step made it that names the data it used, so that this data can be asked for in turn."""
        return any(self.data_of(maker) for maker in self.made_by(use.identities))

    @cached_property
    def unexplained_bases(self) -> tuple[Use, ...]:
        """Models that the weights began with, and of which no step says how they were made."""
        return tuple(use for use in self.bases if not any(map(_makes_model, self.made_by(use.identities))))

    def _is_known(self, use: Use) -> bool:
        known = use.identities
        return bool(known) and bool(
            self.made_by(known) or (use.role in DATA_ROLES and self.attested_by(known)) or self.releases_of(known)
        )

    def releases_of(self, known: Collection[Identity]) -> tuple[VerifiedStatement, ...]:
        """The release statements about one of these identities, a base model's for instance, each once."""
        return _unique(statement for identity in sorted(known) for statement in self._releasers.get(identity, ()))

    @cached_property
    def base_releases(self) -> tuple[VerifiedStatement, ...]:
        """The release statements about the models that the weights began with."""
        return _unique(statement for use in self.bases for statement in self.releases_of(use.identities))

    @cached_property
    def missing_evidence(self) -> tuple[ResourceDescriptor, ...]:
        """Bundles that are listed by sha256 and not among the statements.

        By a release about the model, or by one that such a release stands on: of a base model, for instance.
        """
        present = {statement.sha256 for statement in self.statements}
        listed = self.stands_on(self.releases)
        return tuple(
            item for statement in self.statements
            if isinstance(statement.claim, Release) and statement.sha256 in listed
            for item in statement.claim.evidence if item.digest.get("sha256") not in present
        )

    def strength(self, statement: VerifiedStatement, known: Collection[Identity]) -> Strength:
        """How firmly a step's output is joined to something known by these identities."""
        kinds = {identity.kind for identity in self._products(statement).intersection(known)}
        return "name-bound" if "folder" in kinds else "file" if "file" in kinds else "tensor-root" if kinds else "weak"

    def _products(self, statement: VerifiedStatement) -> frozenset[Identity]:
        if statement.sha256 not in self._made:
            self._made[statement.sha256] = product_identities(step_of(statement))
        return self._made[statement.sha256]

    @cached_property
    def joins(self) -> tuple[Join, ...]:
        """Every step on the way to the model, joined to what it made: the model, or an input of another step.

        Of each thing the firmest: a conversion made the folder, and who made its tensors is joined to what went in.
        """
        used = ((use.thing.name, use.identities) for statement in self.steps for use in self.uses_of(statement))
        found: list[Join] = []
        for name, known in dict.fromkeys([(self.model.name, self.model_identities), *used]):
            joined = [Join(maker, name, known, self.strength(maker, known)) for maker in self.made_by(known)]
            firmest = max((join.strength for join in joined), key=STRENGTHS.index, default="weak")
            found += [join for join in joined if join.strength == firmest]
        return tuple(found)

    @cached_property
    def weakest_edge(self) -> Strength | None:
        """The weakest join of the whole lineage; None when nothing is joined."""
        return min((join.strength for join in self.joins), key=STRENGTHS.index, default=None)

    @cached_property
    def claimed_twice(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Things that several steps say they made, with the names of the steps; all of them count."""
        makers: dict[tuple[str, frozenset[Identity]], dict[tuple[str, str], None]] = defaultdict(dict)
        for join in self.joins:
            step = step_of(join.maker)
            makers[join.name, join.known][step.name, step.invocation] = None
        return tuple((name, tuple(step for step, _ in steps)) for (name, _), steps in makers.items() if len(steps) > 1)

    def parties(self, *roles: str) -> frozenset[str]:
        """The organisations that speak in these roles anywhere in the graph."""
        return frozenset(
            s.principal.party for s in self.statements if s.principal and set(roles) & set(s.principal.roles)
        )

    def voice(self, statement: VerifiedStatement) -> Voice:
        """`independent` when a trusted signer's party is no producer's and no data supplier's here."""
        if statement.principal is None:
            return statement.voice
        return "trusted" if statement.principal.party in self._involved else "independent"

    @cached_property
    def independent(self) -> frozenset[str]:
        """The sha256 of every bundle whose voice is independent."""
        return frozenset(s.sha256 for s in self.statements if self.voice(s) == "independent")

    @cached_property
    def _involved(self) -> frozenset[str]:
        return self.parties("producer", "data-supplier") | self._suppliers


def wholes(subjects: Sequence[ResourceDescriptor]) -> list[ResourceDescriptor]:
    """The things that subjects speak of and their weights, without the files of a folder."""
    things = described(subjects)
    return [thing.whole for thing in things] + [thing.weights for thing in things if thing.weights]


def product_identities(step: Step) -> frozenset[Identity]:
    """What a step's product is known by.

    The files inside a folder do not count for a model: a shared configuration file would join two models. They do for
    data, where a shard is used by itself.
    """
    known = all_identities(wholes(step.outputs))
    return known if step.kind in MODEL_MAKING else known | all_identities(step.outputs)


def _unique(statements: Iterable[VerifiedStatement]) -> tuple[VerifiedStatement, ...]:
    return tuple({statement.sha256: statement for statement in statements}.values())
