"""Step 4, evaluation: bits per character on the validation split, for the model and for a simple baseline.

    python evaluate.py --model model/ --data corpus/ --output evaluation/results.json

Bits per character is the mean of -log2(chance that the model gave to the character that really came); fewer
is better. The baseline guesses by the letter frequencies of the train split, and so shows what reading the
context is worth. The result names the weights by their SHA-256, so that it is clear which model was measured.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import network  # first: it fixes the number of threads before NumPy is loaded
import numpy as np
from network import Architecture


def unigram_bits(architecture: Architecture, corpus: Path, validation: list[str]) -> float:
    """Bits per character of the baseline, by frequencies with one added to each (so that none is zero)."""
    stream, positions = network.as_stream(architecture, network.read_verses(corpus, "train"))
    counts = np.bincount(stream[positions], minlength=len(architecture.vocabulary)) + 1
    surprise = -np.log2(counts / counts.sum())
    stream, positions = network.as_stream(architecture, validation)
    return float(surprise[stream[positions]].mean())


def evaluate(model: Path, corpus: Path) -> dict[str, Any]:
    """The results document."""
    architecture, parameters = network.load(model)
    verses = network.read_verses(corpus, "validation")
    stream, positions = network.as_stream(architecture, verses)
    nats = network.total_nats(architecture, parameters, stream, positions)
    return {
        "metric": "bits per character (fewer is better)",
        "dataset": {
            "name": "kjv-corpus",
            "split": "validation",
            "verses": len(verses),
            "characters": len(positions),
        },
        "model": {
            "name": "kjv-model",
            "weights": {"sha256": hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest()},
            "bitsPerCharacter": round(nats / len(positions) / math.log(2), 4),
        },
        "baseline": {
            "name": "unigram",
            "bitsPerCharacter": round(unigram_bits(architecture, corpus, verses), 4),
        },
    }


def main() -> None:
    """Read the arguments, measure, and write the results as JSON with sorted keys."""
    parser = argparse.ArgumentParser(description="Measure the model on the validation split.")
    parser.add_argument("--model", type=Path, required=True, help="the folder that train.py wrote")
    parser.add_argument("--data", type=Path, required=True, help="the folder that prepare.py wrote")
    parser.add_argument("--output", type=Path, required=True, help="the JSON file to write")
    arguments = parser.parse_args()
    results = evaluate(arguments.model, arguments.data)
    text = json.dumps(results, indent=2, sort_keys=True) + "\n"
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(text, encoding="utf-8", newline="\n")
    for name in ("model", "baseline"):
        print(f"{name:9s} {results[name]['bitsPerCharacter']:.4f} bits per character")


if __name__ == "__main__":
    main()
