"""A laboratory that attests weights: a key, a trust file, and bundles about models of a few tensors."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner

from provenance.artifacts.manifest import scan
from provenance.bundles.envelope import sign
from provenance.bundles.oms import model_statement
from provenance.bundles.signers.key import load_signer
from provenance.statements.artifact import describe
from provenance.statements.statement import ResourceDescriptor, Statement
from provenance.statements.step import Step
from provenance.workflows.trust_file import NewPrincipal, add_principal, init_trust, keygen

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = datetime(2030, 1, 1, tzinfo=UTC)
# name -> dtype, shape, bytes
Tensors = Mapping[str, tuple[str, Sequence[int], bytes]]


def safetensors(tensors: Tensors, metadata: Mapping[str, str] | None = None) -> bytes:
    """A safetensors file, written by hand; tensors lie in the order in which they are given."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    data = b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    body = json.dumps(header).encode()
    return struct.pack("<Q", len(body)) + body + data


def floats(*values: float) -> tuple[str, list[int], bytes]:
    """A vector of float32."""
    return "F32", [len(values)], struct.pack(f"<{len(values)}f", *values)


# Two mebibytes and a half, no chunk of it like another, at an odd place in the file.
LARGE = b"".join(index.to_bytes(4, "little") for index in range(5 << 17))
TINY: Tensors = {
    "a": floats(1.0, 2.0), "b": floats(3.0), "empty": ("F32", [0, 4], b""), "scalar": ("I64", [], b"\7" + b"\0" * 7),
}
MANY: Tensors = {"odd": ("U8", [3], b"abc"), "large": ("F32", [5 << 15, 4], LARGE), **TINY}


@cache
def _signer(path: Path) -> CryptoSigner:
    return load_signer(path, lambda: None)


@dataclass
class Lab:
    """A folder with a model, a key that the trust file believes, and what was signed with it."""

    root: Path

    def __post_init__(self) -> None:
        self.trust, self.evidence = self.root / "trust.yaml", self.root / "evidence"
        init_trust(self.trust, LATER)
        self.add("lab", "producer")

    @property
    def model(self) -> Path:
        """The model folder."""
        return self.root / "model"

    def add(self, name: str, role: str, *, trusted: bool = True) -> None:
        """A key, and the principal that it belongs to."""
        keygen(self.root / f"{name}.key", "ed25519", None)
        if trusted:
            public = self.root / f"{name}.key.pub"
            add_principal(self.trust, NewPrincipal(name, name.upper(), (role,), (public,), ("*",)))

    def write(self, files: Mapping[str, Tensors], folder: str = "model") -> Path:
        """Write a model folder of these safetensors files, in the place of what was there."""
        place = self.root / folder
        for old in place.glob("**/*.safetensors"):
            old.unlink()
        for name, tensors in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(safetensors(tensors))
        return place

    def attest(self, model: Path | None = None, *, name: str = "train", key: str = "lab", kind: str = "train",
               change: Any = None) -> Path:
        """Sign that a step made the model as it lies there; `change` edits its subjects first."""
        subjects = describe(scan(model or self.model))
        if change is not None:
            subjects = tuple(found for subject in subjects if (found := change(subject)) is not None)
        step = Step(name, kind, ("python", "train.py"), subjects, (), "2026-11-20T10:00:00Z", "2026-11-20T10:05:00Z",
                    f"urn:uuid:{name}", initial_parameters={"kind": "random", "seed": 1})
        return self.sign(step.to_statement(), f"{name}.sigstore.json", key)

    def sign_files(self, model: Path | None = None, *, key: str = "lab") -> Path:
        """An OMS signature of the model folder as it lies there."""
        return self.sign(model_statement(scan(model or self.model)), "model.sig", key)

    def sign(self, statement: Statement, file: str, key: str = "lab") -> Path:
        """Write a bundle into the evidence."""
        self.evidence.mkdir(exist_ok=True)
        (self.evidence / file).write_bytes(sign(statement.to_bytes(), _signer(self.root / f"{key}.key")))
        return self.evidence / file

    def revoke(self, **lists: Sequence[str]) -> None:
        """Add to what the trust file revokes."""
        rows = [f"  {kind}: [{', '.join(map(json.dumps, items))}]" for kind, items in lists.items()]
        self.trust.write_text(self.trust.read_text() + "\n".join(["revoked:", *rows, ""]))


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A laboratory with a trust file and nothing else."""
    return Lab(tmp_path)


def without_list(subject: ResourceDescriptor) -> ResourceDescriptor:
    """The subject without the list of its tensors: only the root of a tensor tree is left of them."""
    return replace(subject, annotations={}) if "tensorTree" in subject.digest else subject


def flip(path: Path, place: int = -1) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
