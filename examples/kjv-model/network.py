"""The language model itself: a small network that guesses the next character of a verse.

The architecture is the neural probabilistic language model of Bengio et al. (2003), over characters:

    the last 8 characters -> a vector for each (embedding) -> a tanh layer -> a score for each next character

A verse is read on its own. Newlines stand before it as padding, and one newline ends it, so "newline" means
"verse boundary" to the model. All numbers are float32. Training, generation and evaluation share this file.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# One thread, set before NumPy loads its BLAS: with more threads the order of the additions in a matrix
# product depends on how many there are, and so do the last bits of every weight.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[_variable] = "1"

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

BOUNDARY = "\n"  # before and after each verse
UNKNOWN = "\ufffd"  # any character that the training text does not have

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Parameters = dict[str, Floats]


@dataclass(frozen=True)
class Architecture:
    """The sizes of the network. The vocabulary is one string; a character's id is its place in it."""

    vocabulary: str
    context: int = 8
    embedding: int = 32
    hidden: int = 256

    def encode(self, text: str) -> Ints:
        """Characters -> ids; a character outside the vocabulary becomes UNKNOWN."""
        ids = {character: index for index, character in enumerate(self.vocabulary)}
        return np.array([ids.get(character, ids[UNKNOWN]) for character in text], dtype=np.int64)


@dataclass(frozen=True)
class Settings:
    """The hyper-parameters of a training run; all of them end up in config.json."""

    seed: int
    steps: int
    batch: int = 512
    peak_learning_rate: float = 0.012
    warmup: int = 50
    beta1: float = 0.9
    beta2: float = 0.99
    epsilon: float = 1e-8


def read_verses(corpus: Path, split: str) -> list[str]:
    """The texts of one split ("train" or "validation"), in the order of its Parquet shards."""
    import pyarrow.parquet as pq

    shards = sorted(corpus.glob(f"{split}-*-of-*.parquet"))
    # Without this, a lost shard would quietly give another model.
    if not shards or any(not shard.stem.endswith(f"-of-{len(shards):05d}") for shard in shards):
        raise SystemExit(f"{corpus}: shards of the split {split!r} are missing; run prepare.py")
    verses = [text for shard in shards for text in pq.read_table(shard, columns=["text"])["text"].to_pylist()]
    if not verses:
        raise SystemExit(f"{corpus}: the split {split!r} is empty; prepare.py needs at least 20 verses")
    return verses


def as_stream(architecture: Architecture, verses: list[str]) -> tuple[Ints, Ints]:
    """All verses as one array of ids, each behind its padding, and the positions that are to be guessed.

    Example with context 3: "\\n\\n\\nJesus wept.\\n"; every character after the padding is a target.
    """
    padding = BOUNDARY * architecture.context
    stream = architecture.encode("".join(padding + verse + BOUNDARY for verse in verses))
    lengths = np.array([len(verse) + 1 for verse in verses], dtype=np.int64)
    ends = np.cumsum(lengths + architecture.context)
    return stream, np.concatenate([np.arange(end - n, end) for end, n in zip(ends, lengths, strict=True)])


def contexts_of(architecture: Architecture, stream: Ints, positions: Ints) -> Ints:
    """The ids that stand before each position: shape (positions, context)."""
    window: Ints = positions[:, None] + np.arange(-architecture.context, 0)
    return stream[window]


def initialise(architecture: Architecture, rng: np.random.Generator) -> Parameters:
    """Random starting weights from `rng`; nothing else is random about them, and nothing is pre-trained."""
    characters, inputs = len(architecture.vocabulary), architecture.context * architecture.embedding

    def normal(rows: int, columns: int, scale: float) -> Floats:
        return rng.standard_normal((rows, columns), dtype=np.float32) * np.float32(scale)

    return {
        "embedding.weight": normal(characters, architecture.embedding, 0.5),
        "hidden.weight": normal(inputs, architecture.hidden, inputs**-0.5),
        "hidden.bias": np.zeros(architecture.hidden, dtype=np.float32),
        "output.weight": normal(architecture.hidden, characters, 0.1 * architecture.hidden**-0.5),
        "output.bias": np.zeros(characters, dtype=np.float32),
    }


def forward(parameters: Parameters, contexts: Ints) -> tuple[Floats, Floats, Floats]:
    """Contexts -> (inputs, hidden layer, log-probability of each next character), one row per context."""
    inputs = parameters["embedding.weight"][contexts].reshape(len(contexts), -1)
    hidden = np.tanh(inputs @ parameters["hidden.weight"] + parameters["hidden.bias"])
    scores = hidden @ parameters["output.weight"] + parameters["output.bias"]
    scores -= scores.max(axis=1, keepdims=True)  # so that exp() cannot overflow
    return inputs, hidden, scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def total_nats(architecture: Architecture, parameters: Parameters, stream: Ints, positions: Ints) -> float:
    """The summed surprise (negative log-likelihood, in nats) of the model at the given positions."""
    total = 0.0
    for start in range(0, len(positions), 4096):
        batch = positions[start : start + 4096]
        logs = forward(parameters, contexts_of(architecture, stream, batch))[2]
        total -= float(logs[np.arange(len(batch)), stream[batch]].sum(dtype=np.float64))
    return total


def save(folder: Path, architecture: Architecture, parameters: Parameters, training: dict[str, Any]) -> None:
    """Write model.safetensors and config.json: the same model gives the same bytes."""
    from safetensors.numpy import save as to_bytes  # its save_file makes a file that only its owner can read

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(to_bytes(parameters, metadata={"format": "np"}))
    config = {
        "model_type": "char-mlp",
        "architecture": asdict(architecture),
        "parameters": sum(array.size for array in parameters.values()),
        "dtype": "float32",
        "training": training,
    }
    text = json.dumps(config, indent=2, sort_keys=True, ensure_ascii=True) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8", newline="\n")


def load(folder: Path) -> tuple[Architecture, Parameters]:
    """Read what `save` wrote."""
    from safetensors.numpy import load_file

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return Architecture(**config["architecture"]), load_file(folder / "model.safetensors")
