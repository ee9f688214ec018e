"""A tiny pipeline in a folder of its own: a text, a training script without libraries, keys and a trust file.

The model has one tensor of eight floats, which are the first eight bytes of the text: training takes no time.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from provenance.bundles.signers.key import generate, load_signer
from provenance.bundles.trust import read_trust
from provenance.bundles.verifier import Verifier
from provenance.statements.step import Step
from provenance.workflows.record import Recorded, RecordRequest, record
from provenance.workflows.reproduce import ReproductionReport, reproduce, rerun
from provenance.workflows.trust_file import NewPrincipal, add_principal, init_trust

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = datetime(2030, 1, 1, tzinfo=UTC)

TRAIN = """
import json, pathlib, struct, sys
text, folder = pathlib.Path(sys.argv[1]).read_bytes(), pathlib.Path(sys.argv[2])
folder.mkdir(exist_ok=True)
header = json.dumps({"w": {"dtype": "F32", "shape": [8], "data_offsets": [0, 32]}}).encode()
header += b" " * (-len(header) % 8)
values = [float(byte) for byte in text[:8]]
"""
SAVE = """
(folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + struct.pack("<8f", *values))
(folder / "config.json").write_text("{}")
"""


@dataclass
class Pipeline:
    """A working folder with what a training step needs, a key called `acme`, and a trust file that knows it."""

    root: Path

    def __post_init__(self) -> None:
        self.folder = self.root / "work"
        self.folder.mkdir(parents=True)
        self.write("corpus/text.txt", "In the beginning")
        self.write_training()
        self.trust = self.root / "trust.yaml"
        init_trust(self.trust, LATER)
        self.add("acme")

    @property
    def model(self) -> Path:
        """Where the training step writes its model."""
        return self.folder / "model"

    @property
    def bundle(self) -> Path:
        """Where the training step's bundle goes unless it is named."""
        return self.folder / "model.provenance" / "train.sigstore.json"

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file in the working folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def write_training(self, before_saving: str = "", after_saving: str = "") -> None:
        """Write the training script, with more lines where they are wanted."""
        self.write("train.py", f"{TRAIN}\n{before_saving}\n{SAVE}\n{after_saving}\n")

    def add(self, name: str, *roles: str, trusted: bool = True) -> None:
        """Make a key, and let it speak as `roles` (a producer, if none is given) about everything."""
        private, public = generate("ed25519", None)
        (self.root / name).write_bytes(private)
        (self.root / f"{name}.pub").write_bytes(public)
        if trusted:
            add_principal(self.trust, NewPrincipal(name, name.upper(), roles or ("producer",),
                                                   (self.root / f"{name}.pub",), ("*",), ("*",)))

    def signer(self, name: str = "acme") -> Callable[[], Signer]:
        """Opens the key of that name when it is called."""
        return lambda: load_signer(self.root / name, lambda: None)

    def request(self, **changes: Any) -> RecordRequest:
        """The training step, or another one."""
        usual: dict[str, Any] = {
            "name": "train", "kind": "train", "folder": self.folder, "initial": "random", "seeds": {"seed": 1611},
            "command": ("python", "train.py", "corpus/text.txt", "model"),
            "inputs": (("training-data", Path("corpus")), ("source", Path("train.py"))), "outputs": (Path("model"),),
        }
        return RecordRequest(**{**usual, **changes})

    def record(self, *, key: str = "acme", **changes: Any) -> Recorded:
        """Record the training step, or another one."""
        return record(self.request(**changes), signer=self.signer(key))

    def reproduce(self, model: Path | None = None, *evidence: Path) -> ReproductionReport:
        """Recompute what is attested of the model."""
        return reproduce(model or self.model, evidence, self.trust, as_of=NOW)

    def rerun(self, **changes: Any) -> ReproductionReport:
        """Run the recorded training step again, from the inputs in the working folder."""
        usual: dict[str, Any] = {"as_of": NOW, "inputs": [self.folder], "allow_execute": True}
        return rerun(self.model, [], self.trust, **{**usual, **changes})

    def payload(self, bundle: Path | None = None) -> bytes:
        """The very bytes that were signed."""
        envelope = json.loads((bundle or self.bundle).read_bytes())["dsseEnvelope"]
        return base64.b64decode(envelope["payload"])

    def step(self, bundle: Path | None = None) -> Step:
        """The recorded step, as the Verifier reads it with the trust file."""
        path = bundle or self.bundle
        seen = Verifier(read_trust(self.trust, NOW), NOW).examine(path.read_bytes(), path.name)
        assert (seen.status, seen.reason) == ("VALID", "")
        assert seen.verified is not None
        assert isinstance(seen.verified.claim, Step)
        return seen.verified.claim

    def completeness(self) -> str:
        """What the recorder says that it could not see, as one text."""
        return " ".join(self.step().internal["completeness"])


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A pipeline whose `python` is the one that runs the tests, and whose commands find no secrets of the user's."""
    monkeypatch.setenv("PATH", f"{sys.prefix}/bin:{os.environ.get('PATH', '')}")
    monkeypatch.delenv("PROVENANCE_KEY_PASSPHRASE", raising=False)
    return Pipeline(tmp_path)
