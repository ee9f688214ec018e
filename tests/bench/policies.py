"""Workload P in one process: a policy on evidence made in memory; prints seconds of the clock and of all cores.

    python policies.py ARTEFACTS RULES      each 1, or how many times as many

Evaluation alone is timed: the graphs, every requirement, and the ladder. At 1 the model has 100 datasets of ten files
behind it, each with a statement of its own, as many files itself, and is judged by the 17 requirements of osaid-1.0.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from timing import timed

from provenance.artifacts.manifest import FileEntry, Manifest
from provenance.bundles.envelope import sha256, sign
from provenance.bundles.signers.key import load_signer
from provenance.bundles.trust import Trust, read_trust
from provenance.bundles.verifier import VerifiedStatement, Verifier
from provenance.policy.evaluate import Evaluation, Subject
from provenance.policy.policy import Policy, load_policy
from provenance.statements.artifact import describe
from provenance.statements.dataset import Dataset
from provenance.statements.release import Component, Release
from provenance.statements.statement import ResourceDescriptor, Statement
from provenance.statements.step import Step
from provenance.workflows.trust_file import NewPrincipal, add_principal, init_trust, keygen

DATASETS, FILES = 100, 10
NOW = datetime.now(UTC).replace(microsecond=0)
FACTS = {
    "version": "1", "selection": "all of it", "labelling": "none", "processing": ["none"], "license": "CC0-1.0",
    "source": {"uri": "https://example.org/", "obtained": "made"},
    "availability": {"class": "open", "locator": "https://example.org/"},
}


def folder(name: str, files: int) -> Manifest:
    """A folder that nobody has: its files by name and digest."""
    return Manifest(name, tuple(
        FileEntry(f"part-{number:06}.bin", 1, hashlib.sha256(f"{name}/{number}".encode()).hexdigest())
        for number in range(files)
    ))


def claims(model: Manifest, datasets: list[Manifest]) -> Iterator[Statement]:
    """What is said: of each dataset, and of the step that made the model of all of them."""
    for data in datasets:
        yield Dataset(describe(data), {**FACTS, "name": data.name}).to_statement()
    inputs = [replace(thing, annotations={**thing.annotations, "role": "training-data"})
              for data in datasets for thing in describe(data)]
    moment = NOW.isoformat().replace("+00:00", "Z")
    yield Step("train", "train", ("python", "train.py"), describe(model), tuple(inputs), invocation="urn:uuid:train",
               started_on=moment, finished_on=moment, initial_parameters={"kind": "random", "seed": 1}).to_statement()


def subject(times: int, place: Path) -> Subject:
    """The model and its evidence, signed and examined as every command does it."""
    private = keygen(place / "lab.key", "ed25519", None)
    signer = load_signer(private.private, lambda: None)
    trust = believe(place / "trust.yaml", place / "lab.key.pub")
    verifier, verified, listed = Verifier(trust, NOW), list[VerifiedStatement](), list[ResourceDescriptor]()

    def say(name: str, statement: Statement) -> None:
        data = sign(statement.to_bytes(), signer)
        examined = verifier.examine(data, name)
        assert examined.status == "VALID", examined.reason
        assert examined.verified is not None
        verified.append(examined.verified)
        listed.append(ResourceDescriptor(name, {"sha256": sha256(data)}))

    model = folder("model", DATASETS * FILES * times)
    datasets = [folder(f"data-{number}", FILES) for number in range(DATASETS * times)]
    for number, statement in enumerate(claims(model, datasets)):
        say(f"{number}.sigstore.json", statement)
    say("release.sigstore.json", Release(
        describe(model), "model", "1", "Lab", NOW.isoformat().replace("+00:00", "Z"),
        (Component("model-parameters-final", ResourceDescriptor("model", model.digest), "Apache-2.0"),),
        tuple(listed), tuple(ResourceDescriptor(data.name, data.digest) for data in datasets),
        declarations={"datasetListComplete": True},
    ).to_statement())
    return Subject(model, tuple(verified), trust, NOW)


def believe(path: Path, public_key: Path) -> Trust:
    """A trust file that believes one producer."""
    init_trust(path, NOW + timedelta(days=365))
    add_principal(path, NewPrincipal("lab", "Lab", ("producer",), (public_key,), ("*",)))
    return read_trust(path, NOW)


def evaluate(judged: Subject, policy: Policy) -> None:
    """Everything that a verdict asks, from statements that are verified."""
    evaluation = Evaluation(judged)
    assert evaluation.outcome(evaluation.decide(policy)) == "undetermined"
    assert len(evaluation.ladder) == 4


def main() -> None:
    """Evaluate once on a small world, so that what is loaded once is there; then the one that counts."""
    artefacts, rules = map(int, sys.argv[1:])
    policy = load_policy("osaid-1.0")
    policy = replace(policy, requirements=policy.requirements * rules)
    with TemporaryDirectory() as scratch:
        judged = subject(artefacts, Path(scratch))
    evaluate(replace(judged, statements=judged.statements[:1]), policy)
    print(*timed(lambda: evaluate(judged, policy)))


if __name__ == "__main__":
    main()
