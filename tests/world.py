"""A small world in which everything is known: a text, a pipeline, a model, and who says what about it.

    tales.txt                raw text, supplied by the Text Archive
    corpus/                  what prepare.py made of it
    tiny/                    the model that train.py made of the corpus: weights, configuration, card
    prepare.py train.py evaluate.py network.py run.py uv.lock results.json report.md paper.md data-card.md
    early/                   an intermediate checkpoint of the model
    trust.yaml               believes archive (data-supplier), lab and elder (producers), gate; knows no stranger
    tiny.provenance/         what was signed, one statement a file:

    | file             | says                                         | signed by |
    |------------------|----------------------------------------------|-----------|
    | `dataset-raw`    | what tales.txt is                            | archive   |
    | `prepare`        | tales.txt became corpus/                     | archive   |
    | `dataset-corpus` | what corpus/ is                              | archive   |
    | `train`          | corpus/ became tiny/, from random parameters | lab       |
    | `evaluate`       | tiny/ was evaluated                          | lab       |
    | `model.sig`      | the files of tiny/ (OMS)                     | lab       |
    | `stack`          | what serves the model (CycloneDX)            | lab       |
    | `release`        | what is published, and on which evidence     | lab       |

The world is made by the project's own code, with real keys and signatures, and passes every policy that files can pass
(`PASSABLE`). It is built once; `World.new` hands out copies. A test changes one thing before it is signed, and
asks for the verdict:

    world = World.new(tmp_path)
    world.change("train", initial_parameters=None)
    assert world.outcome("W-7") == "undetermined"

The release is signed last and lists the other bundles, unless a test says which (`world.listed`).
"""

from __future__ import annotations

import atexit
import json
import shutil
import struct
import tempfile
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner

from provenance.artifacts.hashing import FILES_AND_TENSORS
from provenance.artifacts.manifest import scan
from provenance.bundles.envelope import sha256, sign
from provenance.bundles.oms import model_statement
from provenance.bundles.signers.key import load_signer
from provenance.bundles.trust import read_trust
from provenance.bundles.verifier import Verifier
from provenance.policy.evaluate import Evaluation, Subject
from provenance.policy.policy import load_policy, policy_ids
from provenance.statements.artifact import describe
from provenance.statements.dataset import Dataset
from provenance.statements.release import TEMPLATE_SECTIONS, Component, Release
from provenance.statements.sbom import CYCLONEDX
from provenance.statements.statement import ResourceDescriptor, Statement
from provenance.statements.step import Step
from provenance.workflows.gathering import gather, wanted_by
from provenance.workflows.trust_file import NewPrincipal, add_principal, init_trust, keygen
from provenance.workflows.verify import verify

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
# A score is never passed, and the exemption of the AI Act only with a person who agrees.
PASSABLE = tuple(name for name in policy_ids() if name not in ("osai-index-12", "eu-gpai-oss-exemption"))
TOP_RUNG = "g7-2026-open-source-ai-open-data"
PEOPLE = ("archive", "lab", "elder", "gate", "stranger")
PASSED, OPEN, FAILED, BESIDE = "pass", "undetermined", "fail", "not_applicable"

CARD = """---
license: apache-2.0
datasets: [tales]
---
# tiny

```python
print("run it")
```
"""
FACTS = {
    "name": "tales",
    "version": "1",
    "source": {"uri": "https://example.org/tales", "publisher": "Text Archive", "obtained": "downloaded on 2026-11-01"},
    "selection": "all of it",
    "labelling": "none",
    "processing": ["none"],
    "license": "CC0-1.0",
    "availability": {"class": "open", "locator": "https://example.org/tales"},
    "description": "fairy tales",
    "period": "1812 to 1857",
    "personalData": "none",
    "residency": "EU",
    "dataProvenance": {
        "standardVersion": "1.0.0", "identifier": "urn:tales", "metadataLocation": "https://example.org/tales/metadata",
        "sourceMetadata": "none", "sourceIfDifferent": "none", "originGeography": "DE", "issueDate": "2026-11-01",
        "previousDate": "none", "method": "data mining", "format": "text", "confidentiality": "public",
        "consentDocumentation": "none", "privacyTools": "none", "processingGeography": "EU",
        "intendedUse": "training", "proprietaryData": "none",
    },
}
DECLARATIONS: Mapping[str, Any] = {
    "freeOfCharge": True, "datasetListComplete": True, "trainingConfigurationComplete": True, "noMonetisation": True,
    "systemicRisk": False, "trainingCompute": 1.5e6, "unknownProvenance": [], "indemnity": "none",
    "usage": {"modalities": "text to text", "capabilities": "continues tales", "limitations": "knows three words",
              "integration": "python run.py"},
    "trainingSummary": {"uri": "https://example.org/summary",
                        "sections": dict.fromkeys(TEMPLATE_SECTIONS, "none: the corpus is public")},
    "copyrightPolicy": {"uri": "https://example.org/copyright", "textAndDataMining": "robots.txt is obeyed"},
    "inference": [{"jurisdiction": "any", "operator": "any"}],
}
INTERNAL = {
    "hardware": {"processor": "a small one"},
    "declared": {"jurisdiction": "EU", "operator": "Example Lab", "energy": "0.4 kWh", "acceleratorHours": "0"},
}
STACK = (("linux", "6.12.1", "GPL-2.0-only"), ("vllm", "0.11.0", "Apache-2.0"), ("llm-d", "0.3.0", "Apache-2.0"))
COMPONENTS = (
    ("model-architecture", "network.py"),
    ("model-parameters-final", "tiny/model.safetensors"),
    ("inference-code", "run.py"),
    ("training-code", "train.py"),
    ("data-preprocessing-code", "prepare.py"),
    ("evaluation-code", "evaluate.py"),
    ("model-parameters-intermediate", "early/model.safetensors"),
    ("technical-report", "report.md"),
    ("research-paper", "paper.md"),
    ("evaluation-results", "results.json"),
    ("model-card", "tiny/README.md"),
    ("data-card", "data-card.md"),
    ("evaluation-data", "corpus"),
    ("datasets", "corpus"),
)


def safetensors(tensors: Mapping[str, Sequence[float]]) -> bytes:
    """A safetensors file of float32 vectors, written by hand so that nothing needs NumPy."""
    header, data = {}, b""
    for name, values in tensors.items():
        packed = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": [len(values)], "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    body = json.dumps(header).encode()
    return struct.pack("<Q", len(body)) + body + data


Claim = Dataset | Step | Release | Statement


@dataclass(frozen=True)
class Draft:
    """Something that is to be said, and who will sign it."""

    claim: Claim
    signer: str

    def statement(self) -> Statement:
        """The statement to sign."""
        return self.claim if isinstance(self.claim, Statement) else self.claim.to_statement()


@dataclass
class World:
    """One copy of the world; `drafts` is what is said in it, by the name of the bundle."""

    folder: Path
    signers: Mapping[str, CryptoSigner]
    drafts: dict[str, Draft] = field(default_factory=dict)
    listed: Sequence[str] | None = None
    signed: bool = False

    @classmethod
    def new(cls, folder: Path) -> World:
        """A fresh copy of the complete world beneath a folder."""
        template = _template()
        place = folder / "world"
        shutil.copytree(template.folder, place)
        world = copy(template)
        world.folder, world.drafts = place, dict(template.drafts)
        return world

    @property
    def model(self) -> Path:
        """The model folder."""
        return self.folder / "tiny"

    @property
    def evidence(self) -> Path:
        """The folder of its evidence."""
        return self.folder / "tiny.provenance"

    @property
    def trust(self) -> Path:
        """The trust file."""
        return self.folder / "trust.yaml"

    # What there is

    def write(self, path: str, content: str | bytes) -> Path:
        """Write a file of the world."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def described(self, path: str, role: str = "") -> tuple[ResourceDescriptor, ...]:
        """A file or folder of the world as statements speak of it, in the role of an input if one is named."""
        things = describe(scan(self.folder / path), path)
        if not role:
            return things
        return tuple(replace(thing, annotations={**thing.annotations, "role": role}) for thing in things)

    def inputs(self, **roles: str) -> tuple[ResourceDescriptor, ...]:
        """Inputs of a step: `training_data="corpus"`; several paths of one role are separated by spaces."""
        return tuple(
            thing for role, paths in roles.items()
            for path in paths.split() for thing in self.described(path, role.replace("_", "-"))
        )

    def component(self, kind: str, path: str, licence: str | None = "Apache-2.0") -> Component:
        """A component of a release, by the digest of a file or folder of the world."""
        return Component(kind, ResourceDescriptor(path, scan(self.folder / path).digest), licence)

    def listing(self, path: str) -> ResourceDescriptor:
        """A dataset or base model as a release lists it."""
        return ResourceDescriptor(path, scan(self.folder / path).digest)

    # What is said of it

    def step(self, name: str, kind: str, made: str, inputs: Sequence[ResourceDescriptor], **more: Any) -> Step:
        """A step of five minutes in November 2026."""
        facts = {"started_on": "2026-11-20T10:00:00Z", "finished_on": "2026-11-20T10:05:00Z", "internal": INTERNAL,
                 **more}
        return Step(name, kind, ("python", f"{name}.py"), self.described(made), tuple(inputs),
                    invocation=f"urn:uuid:{name}", **facts)

    def dataset(self, path: str, **facts: Any) -> Dataset:
        """A dataset with the facts of the tales, except for those that are given; None takes a fact away."""
        stated = {**FACTS, "name": path, **facts}
        return Dataset(self.described(path), {key: value for key, value in stated.items() if value is not None})

    def signature(self, path: str = "tiny") -> Statement:
        """The OMS statement over a model folder as it lies there."""
        return model_statement(scan(self.folder / path))

    def stack(self, *packages: tuple[str, str, str]) -> Statement:
        """A CycloneDX bill of materials of the serving stack: names, versions and licences."""
        rows = [{"name": name, "version": number, "licenses": [{"license": {"id": licence}}] if licence else [],
                 "hashes": [{"alg": "SHA-256", "content": sha256(name.encode())}]}
                for name, number, licence in packages]
        image = ResourceDescriptor("serving-image", {"sha256": sha256(b"image")})
        return Statement((image,), CYCLONEDX, {"bomFormat": "CycloneDX", "components": rows})

    def say(self, name: str, claim: Claim, signer: str = "lab") -> None:
        """Put something beside what is said, or in its place."""
        self.drafts[name] = Draft(claim, signer)
        self.signed = False

    def change(self, name: str, signer: str | None = None, **fields: Any) -> None:
        """Change fields of one claim, or its signer, before it is signed."""
        draft = self.drafts[name]
        claim = replace(draft.claim, **fields) if fields else draft.claim
        self.say(name, claim, signer or draft.signer)

    def state(self, name: str, **facts: Any) -> None:
        """Change facts of a dataset statement; None takes one away."""
        claim = self.drafts[name].claim
        assert isinstance(claim, Dataset)
        stated = {**claim.facts, **facts}
        self.change(name, facts={key: value for key, value in stated.items() if value is not None})

    def license(self, kind: str, licence: str | None) -> None:
        """Put the components of a kind under another licence (None: without one)."""
        self.change("release", components=tuple(
            replace(row, license=licence) if row.component == kind else row for row in self.release.components
        ))

    def withhold(self, kind: str) -> None:
        """Take the components of a kind out of the release."""
        rows = tuple(row for row in self.release.components if row.component != kind)
        self.change("release", components=rows)

    def declare(self, **declarations: Any) -> None:
        """Change declarations of the release; None takes one away."""
        told = {**self.release.declarations, **declarations}
        self.change("release", declarations={key: value for key, value in told.items() if value is not None})

    def unsay(self, *names: str) -> None:
        """Never to have said it: it is not signed, and no release lists it."""
        for name in names:
            del self.drafts[name]
            self.file(name).unlink()
        self.signed = False

    @property
    def release(self) -> Release:
        """The release as it will be signed, but for its list of evidence."""
        claim = self.drafts["release"].claim
        assert isinstance(claim, Release)
        return claim

    # What is signed

    def file(self, name: str) -> Path:
        """Where a bundle lies."""
        return self.evidence / (name if name.endswith(".sig") else f"{name}.sigstore.json")

    def sign(self) -> None:
        """Sign everything; the release last, which lists what was signed before it."""
        self.evidence.mkdir(exist_ok=True)
        for name in sorted(self.drafts, key=lambda name: name == "release"):
            draft = self.drafts[name]
            if name == "release":
                draft = replace(draft, claim=replace(self.release, evidence=self._list()))
            data = sign(draft.statement().to_bytes(), self.signers[draft.signer])
            self.file(name).write_bytes(data)
        self.signed = True

    def _list(self) -> tuple[ResourceDescriptor, ...]:
        names = sorted(set(self.drafts) - {"release"}) if self.listed is None else self.listed
        return tuple(ResourceDescriptor(self.file(name).name, {"sha256": self.digest(name)}) for name in names)

    def digest(self, name: str) -> str:
        """The sha256 by which a bundle is known."""
        return sha256(self.file(name).read_bytes())

    def lose(self, *names: str) -> None:
        """Take signed evidence away."""
        self._settle()
        for name in names:
            self.file(name).unlink()

    # Whom is believed

    def believe(self, *principals: NewPrincipal) -> None:
        """Write a trust file that believes these principals."""
        self.trust.unlink(missing_ok=True)
        init_trust(self.trust, datetime(2027, 11, 23, tzinfo=UTC))
        for principal in principals:
            add_principal(self.trust, principal)

    def principal(self, name: str, **changes: Any) -> NewPrincipal:
        """A principal as the trust file of the complete world has it, with changes."""
        usual = {
            "archive": ("Text Archive", ("data-supplier",), ("tales*", "corpus*")),
            "lab": ("Example Lab", ("producer",), ("*",)),
            "elder": ("Elder Lab", ("producer",), ("base*",)),
            "gate": ("Example Buyer", ("gate",), ("*",)),
        }
        party, roles, subjects = usual.get(name, ("Nobody", ("assessor",), ("*",)))
        return replace(NewPrincipal(name, party, roles, (self.folder / f"{name}.key.pub",), subjects), **changes)

    def revoke(self, **lists: Sequence[str]) -> None:
        """Add `keys`, `bundles` or `artifacts` to what the trust file revokes."""
        rows = [f"  {kind}: [{', '.join(json.dumps(item) for item in items)}]" for kind, items in lists.items()]
        self.trust.write_text(self.trust.read_text() + "\n".join(["revoked:", *rows, ""]))

    # What comes of it

    def _settle(self) -> None:
        if not self.signed:
            self.sign()

    def verdict(self, policy: str = TOP_RUNG, *, trusting: bool = True, model: Path | None = None) -> dict[str, Any]:
        """The verdict document, through the workflow that every command uses."""
        self._settle()
        done = verify(model or self.model, policy, evidence=(self.evidence,), trust=self.trust if trusting else None,
                      as_of=NOW, now=NOW)
        return dict(done.document)

    def evaluation(self, *, trusting: bool = True) -> Evaluation:
        """The model with its evidence, none of it INVALID, ready to be asked; without the card."""
        self._settle()
        trust = read_trust(self.trust, NOW) if trusting else None
        gathered = gather(self.model, (self.evidence,), Verifier(trust, NOW))
        # A slip of a test: what was signed out of scope would be missing, and the answer right for a wrong reason.
        assert not [result.file for result in gathered.examined if result.status == "INVALID"]
        model = scan(self.model, exclude=gathered.inside,
                     wanted=wanted_by(gathered.statements, FILES_AND_TENSORS.trees))
        return Evaluation(Subject(model, gathered.statements, trust, NOW))

    def asked(self, requirement: str, policy: str = "") -> dict[str, Any]:
        """One requirement of a policy (by default the strictest that is shipped and has it), as a verdict tells it."""
        chosen = load_policy(policy or _strictest(requirement))
        decisions = {decision.id: decision for decision in self.evaluation().decide(chosen)}
        return decisions[requirement].to_dict()

    def outcome(self, requirement: str, policy: str = "") -> str:
        """The outcome of one requirement."""
        return str(self.asked(requirement, policy)["outcome"])

    # Larger changes

    def hang_on_base(self, licence: str | None = "Apache-2.0", *, released: bool = True) -> None:
        """Let the model be fine-tuned from `base/`, a model of the Elder Lab, which may have released it."""
        self.write("base/model.safetensors", safetensors({"a": [4.0, 5.0], "b": [6.0]}))
        self.write("base/config.json", '{"layers": 1}\n')
        self.change("train", kind="fine-tune", initial_parameters={"kind": "base-model"}, inputs=self.inputs(
            training_data="corpus", base_model="base", source="train.py network.py", lockfile="uv.lock"
        ))
        if released:
            weights = self.component("model-parameters-final", "base/model.safetensors", licence)
            self.say("release-base", Release(
                self.described("base"), "base", created_on="2026-10-01T10:00:00Z", components=(weights,),
                datasets=(self.listing("corpus"),), declarations=DECLARATIONS,
            ), "elder")

    def explain_base(self) -> None:
        """Let the Elder Lab attest how it trained its base model, on the same corpus and with the same code."""
        self.say("train-base", self.step(
            "train-base", "train", "base", self.inputs(training_data="corpus", source="train.py", lockfile="uv.lock"),
            initial_parameters={"kind": "random", "seed": 7}, started_on="2026-09-01T10:00:00Z",
            finished_on="2026-09-01T10:05:00Z",
        ), "elder")


@cache
def _strictest(requirement: str) -> str:
    asking = {name: load_policy(name) for name in (TOP_RUNG, "osaid-1.0", "supply-chain-baseline", *policy_ids())}
    return next(name for name, policy in asking.items() if requirement in {row.id for row in policy.requirements})


@cache
def _template() -> World:
    """The complete world, signed; built once, and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="world-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    keys = {name: keygen(folder / f"{name}.key", "ed25519", None).private for name in PEOPLE}
    world = World(folder, {name: load_signer(path, _no_passphrase) for name, path in keys.items()})
    _write_files(world)
    world.believe(*(world.principal(name) for name in ("archive", "lab", "elder", "gate")))
    world.say("dataset-raw", world.dataset("tales.txt"), "archive")
    world.say("dataset-corpus", world.dataset("corpus"), "archive")
    world.say("prepare", world.step(
        "prepare", "prepare", "corpus", world.inputs(raw_data="tales.txt", source="prepare.py", lockfile="uv.lock"),
        started_on="2026-11-19T10:00:00Z", finished_on="2026-11-19T10:05:00Z",
    ), "archive")
    world.say("train", world.step(
        "train", "train", "tiny",
        world.inputs(training_data="corpus", source="train.py network.py", lockfile="uv.lock"),
        initial_parameters={"kind": "random", "seed": 1611},
    ))
    world.say("evaluate", world.step(
        "evaluate", "evaluate", "results.json",
        world.inputs(model="tiny", evaluation_data="corpus", source="evaluate.py", lockfile="uv.lock"),
        started_on="2026-11-21T10:00:00Z", finished_on="2026-11-21T10:05:00Z",
    ))
    world.say("model.sig", world.signature())
    world.say("stack", world.stack(*STACK))
    world.say("release", Release(
        world.described("tiny"), "tiny", "1.0", "Example Lab", "2026-11-22T10:00:00Z",
        tuple(world.component(kind, path) for kind, path in COMPONENTS),
        datasets=(world.listing("tales.txt"), world.listing("corpus")), declarations=DECLARATIONS,
    ))
    world.sign()
    return world


def _write_files(world: World) -> None:
    for path, content in {
        "tales.txt": "Once upon a time.\nThe end.\n",
        "corpus/part-0.txt": "once upon a time\n",
        "corpus/part-1.txt": "the end\n",
        "tiny/model.safetensors": safetensors({"a": [1.0, 2.0], "b": [3.0]}),
        "tiny/config.json": '{"layers": 1}\n',
        "tiny/README.md": CARD,
        "prepare.py": "print('prepare')\n",
        "train.py": "print('train')\n",
        "network.py": "print('network')\n",
        "evaluate.py": "print('evaluate')\n",
        "run.py": "print('run')\n",
        "uv.lock": "version = 1\n",
        "early/model.safetensors": safetensors({"a": [0.5, 1.0], "b": [1.5]}),
        "report.md": "How tiny was made.\n",
        "paper.md": "Why tiny was made.\n",
        "data-card.md": "What the tales are.\n",
        "results.json": '{"loss": 1.0}\n',
    }.items():
        world.write(path, content)


def _no_passphrase() -> bytes | None:
    return None



