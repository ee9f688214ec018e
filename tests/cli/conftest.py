"""A user's terminal: an empty folder, commands typed one after the other, and what each printed and returned."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from provenance.cli import main
from tests.world import safetensors


@dataclass(frozen=True)
class Ran:
    """What one command did: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Type `provenance ...` in an empty folder, without a network, a home or a passphrase in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PROVENANCE_KEY_PASSPHRASE", raising=False)

    def typed(*arguments: str) -> Ran:
        with pytest.raises(SystemExit) as left:
            main(list(arguments))
        captured = capsys.readouterr()
        code = left.value.code
        assert isinstance(code, int)
        assert "Traceback" not in captured.out + captured.err
        return Ran(code, captured.out, captured.err)

    return typed


CARD = """---
license: apache-2.0
datasets: [tales]
---
# tiny

```python
print("run it")
```
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A tiny model folder: weights, configuration, card."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(safetensors({"a": [1.0, 2.0], "b": [3.0]}))
    (folder / "config.json").write_text('{"layers": 1}\n')
    (folder / "README.md").write_text(CARD)
    return folder


COMPONENTS = """name: tiny
version: "1.0"
producer: Example Lab
components:
  - {component: model-architecture, path: model/config.json, license: Apache-2.0}
  - {component: model-parameters-final, path: model/model.safetensors, license: Apache-2.0}
  - {component: inference-code, path: run.py, license: Apache-2.0}
declarations: {freeOfCharge: true, datasetListComplete: true, trainingConfigurationComplete: true}
"""


@pytest.fixture
def released(run: Run, model: Path, tmp_path: Path) -> Path:
    """The model, signed and released by one producer of a trust file; keys and trust file lie beside it."""
    (tmp_path / "run.py").write_text("print('run')\n")
    (tmp_path / "components.yaml").write_text(COMPONENTS)
    for arguments in (
        ("keygen", "lab.key", "--no-passphrase"),
        ("keygen", "gate.key", "--no-passphrase"),
        ("trust", "init", "trust.yaml"),
        ("trust", "add", "trust.yaml", "--name", "lab", "--party", "Lab", "--role", "producer", "--public-key",
         "lab.key.pub", "--subject", "*"),
        ("sign", "model", "--key", "lab.key"),
        ("attest", "release", "model", "--components", "components.yaml", "--key", "lab.key"),
    ):
        assert run(*arguments).code == 0
    return model
