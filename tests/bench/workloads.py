"""What the races run over: models of set shapes, keys and signatures, made afresh in one folder.

| id | what, at SIZE=full |
|---|---|
| A | 4 safetensors shards of 2 GiB, 64 tensors each |
| B | 2,000 files of 4 MiB |
| C | one safetensors file of 8 GiB |
| D | 10,000 files of 4 KiB, and D10 ten times as many |
| E | a statement of 100,000 entries whose bytes are already hashed |
| F | one safetensors file of 2 GiB, 64 tensors |
| G | a model of two small files, for what starting costs |
| H | A, with the evidence of a whole pipeline behind it (`admission.py`) |
| P | evidence made in memory (`policies.py`) |

SIZE=quarter (the default) has a quarter of the bytes or files, SIZE=small a thirty-second. F is whole at SIZE=quarter
too: half a gigabyte is read in a tenth of a second, and what does not grow with it would be a good part of the figure.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
GIB, MIB, KIB = 1 << 30, 1 << 20, 1 << 10
SIZES = {"full": 1, "quarter": 4, "small": 32}


@dataclass(frozen=True)
class Place:
    """The folder of a benchmark: models, keys, and where each signature lies."""

    root: Path
    programs: Path  # the folder of the installed commands
    divisor: int

    @property
    def private_key(self) -> Path:
        return self.root / "key.pem"

    @property
    def public_key(self) -> Path:
        return self.root / "key.pub.pem"

    @property
    def trust(self) -> Path:
        return self.root / "trust.yaml"

    @property
    def entries(self) -> int:
        return 100_000 // self.divisor

    def model(self, name: str) -> Path:
        return self.root / name

    def signature(self, name: str) -> Path:
        return self.root / f"{name}.provenance" / "model.sig"

    @property
    def corpus(self) -> Path:
        return self.root / "corpus"

    @property
    def code(self) -> Path:
        return self.root / "code"

    def files(self, name: str) -> list[str]:
        return sorted(str(path) for path in self.model(name).rglob("*") if path.is_file())

    def evidence(self, name: str, *, tensors: bool = True) -> Path:
        return self.root / f"{name}.{'full' if tensors else 'files'}"

    def program(self, name: str) -> str:
        return str(self.programs / name)

    def make(self, names: set[str]) -> None:
        """The key, a trust file that believes it, and each of the named models, signed by it."""
        openssl = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"]
        run([*openssl, str(self.private_key)])
        run(["openssl", "pkey", "-in", str(self.private_key), "-pubout", "-out", str(self.public_key)])
        ours = self.program("provenance")
        run([ours, "trust", "init", str(self.trust)])
        run([ours, "trust", "add", str(self.trust), "--name", "lab", "--party", "Lab", "--role", "producer",
             "--public-key", str(self.public_key), "--subject", "*"])
        for name in sorted(names & MODELS.keys()):
            self.model(name).mkdir()
            MODELS[name](self.model(name), self.divisor)
            run([ours, "sign", str(self.model(name)), "--key", str(self.private_key),
                 "--bundle", str(self.signature(name))])


def run(command: list[str], folder: Path | None = None) -> None:
    """A step of the preparation; what it says is shown only if it fails."""
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ends with {done.returncode}: {done.stderr}")


def _shards(folder: Path, divisor: int) -> None:
    for number in range(4):
        _safetensors(folder / f"model-{number + 1:05}-of-00004.safetensors", 2 * GIB // divisor, f"layer{number}")


def _one_shard(folder: Path, divisor: int) -> None:
    _safetensors(folder / "model.safetensors", 2 * GIB // (1 if divisor <= SIZES["quarter"] else divisor), "layer")


def _many(folder: Path, divisor: int) -> None:
    for number in range(2000 // divisor):
        _fill(folder / f"shard-{number:05}.dat", b"", 4 * MIB, number)


def _one(folder: Path, divisor: int) -> None:
    _safetensors(folder / "model.safetensors", 8 * GIB // divisor, "layer")


def _small(folder: Path, divisor: int, count: int = 10_000) -> None:
    for number in range(count // divisor):
        below = folder / f"{number % 100:02}"
        below.mkdir(exist_ok=True)
        (below / f"file-{number:06}.dat").write_bytes(number.to_bytes(8, "little") * 512)


def _tiny(folder: Path, divisor: int) -> None:
    (folder / "config.json").write_text("{}\n")
    _safetensors(folder / "model.safetensors", 64 * KIB, "layer")


def _safetensors(path: Path, size: int, prefix: str) -> None:
    """64 tensors of float16; random bytes, repeated with a counter: only their number matters to a digest."""
    each = size // 64
    header = {
        f"{prefix}.{number:02}.weight": {"dtype": "F16", "shape": [each // 2],
                                         "data_offsets": [number * each, (number + 1) * each]}
        for number in range(64)
    }
    body = json.dumps(header).encode()
    _fill(path, struct.pack("<Q", len(body)) + body, each * 64, len(prefix))


def _fill(path: Path, header: bytes, size: int, seed: int) -> None:
    block = bytearray(os.urandom(min(size, 16 * MIB)))
    with path.open("wb") as file:
        file.write(header)
        for number in range(size // len(block)):
            block[:16] = struct.pack("<QQ", seed, number)
            file.write(block)


MODELS: dict[str, Callable[[Path, int], None]] = {
    "A": _shards, "B": _many, "C": _one, "D": _small,
    "D10": lambda folder, divisor: _small(folder, divisor, 100_000), "F": _one_shard, "G": _tiny,
}
