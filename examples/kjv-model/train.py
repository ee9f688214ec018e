"""Step 2, training: the train split -> model/model.safetensors, config.json and a model card.

    python train.py --data corpus/ --output model/ --seed 1611

Plain NumPy: the gradients are written out by hand below, the optimiser is Adam, and the learning rate falls
from its peak to zero along a cosine. The start is random, from the seed; there is no base model. The same
data, seed, options and machine give the same bytes; another processor or NumPy may differ in the last bits.
"""

from __future__ import annotations

import argparse
import math
import shutil
from dataclasses import asdict
from pathlib import Path

import network  # first: it fixes the number of threads before NumPy is loaded
import numpy as np
from model_card import model_card
from network import BOUNDARY, UNKNOWN, Architecture, Ints, Parameters, Settings


def learning_rate(settings: Settings, step: int) -> float:
    """A linear warm-up, then half a cosine down to zero."""
    warm = min(1.0, (step + 1) / settings.warmup)
    return settings.peak_learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / settings.steps))


def loss_and_gradients(parameters: Parameters, contexts: Ints, targets: Ints) -> tuple[float, Parameters]:
    """The mean loss of a batch in nats, and its derivative by every parameter (back-propagation by hand)."""
    rows = np.arange(len(targets))
    inputs, hidden, logs = network.forward(parameters, contexts)
    loss = -float(logs[rows, targets].mean(dtype=np.float64))

    d_scores = np.exp(logs)
    d_scores[rows, targets] -= 1
    d_scores /= np.float32(len(targets))
    d_hidden = (d_scores @ parameters["output.weight"].T) * (1 - hidden * hidden)
    d_inputs = d_hidden @ parameters["hidden.weight"].T
    # A character's embedding collects the gradients of all places where the character stood.
    # As a product with a one-hot matrix this is fast, and its order of additions is fixed.
    characters, width = parameters["embedding.weight"].shape
    one_hot = np.eye(characters, dtype=np.float32)[contexts.reshape(-1)]
    return loss, {
        "embedding.weight": one_hot.T @ d_inputs.reshape(-1, width),
        "hidden.weight": inputs.T @ d_hidden,
        "hidden.bias": d_hidden.sum(axis=0),
        "output.weight": hidden.T @ d_scores,
        "output.bias": d_scores.sum(axis=0),
    }


class Adam:
    """The Adam optimiser (Kingma and Ba, 2015), one pair of running means for each parameter."""

    def __init__(self, parameters: Parameters, settings: Settings) -> None:
        self.settings = settings
        self.first: Parameters = {name: np.zeros_like(array) for name, array in parameters.items()}
        self.second: Parameters = {name: np.zeros_like(array) for name, array in parameters.items()}

    def update(self, parameters: Parameters, gradients: Parameters, step: int) -> None:
        """Move every parameter, in place, against its gradient."""
        beta1, beta2 = self.settings.beta1, self.settings.beta2
        rate = learning_rate(self.settings, step) / (1 - beta1 ** (step + 1))
        correction = 1 / (1 - beta2 ** (step + 1))
        for name, gradient in gradients.items():
            first, second = self.first[name], self.second[name]
            first += (1 - beta1) * (gradient - first)
            second += (1 - beta2) * (gradient * gradient - second)
            parameters[name] -= rate * first / (np.sqrt(second * correction) + self.settings.epsilon)


def unigram_loss(stream: Ints, positions: Ints, characters: int) -> float:
    """The loss, in nats, of always guessing by letter frequency alone: what the model has to beat."""
    counts = np.bincount(stream[positions], minlength=characters)
    shares = counts[counts > 0] / counts.sum()
    return -float((shares * np.log(shares)).sum())


def train(
    architecture: Architecture, settings: Settings, stream: Ints, positions: Ints
) -> tuple[Parameters, float]:
    """The training loop: random batches of positions, one Adam step each. Also returns the mean last loss."""
    rng = np.random.default_rng(settings.seed)
    parameters = network.initialise(architecture, rng)
    optimiser = Adam(parameters, settings)
    recent: list[float] = []
    for step in range(settings.steps):
        batch = positions[rng.integers(0, len(positions), settings.batch)]
        contexts = network.contexts_of(architecture, stream, batch)
        loss, gradients = loss_and_gradients(parameters, contexts, stream[batch])
        optimiser.update(parameters, gradients, step)
        recent = [*recent[-99:], loss]
        if step == 0 or (step + 1) % 100 == 0 or step + 1 == settings.steps:
            print(f"step {step + 1:5d}  loss {np.mean(recent):.4f} nats per character", flush=True)
    return parameters, float(np.mean(recent))


def main() -> None:
    """Read the arguments, train, and write the model folder."""
    parser = argparse.ArgumentParser(description="Train a small character model on the prepared corpus.")
    parser.add_argument("--data", type=Path, required=True, help="the folder that prepare.py wrote")
    parser.add_argument("--output", type=Path, required=True, help="the model folder to write")
    parser.add_argument("--seed", type=int, default=1611, help="for the starting weights and the batches")
    parser.add_argument("--steps", type=int, default=1500, help="number of batches")
    parser.add_argument("--license-file", type=Path, help="a licence text to copy to the model as LICENSE")
    arguments = parser.parse_args()
    if arguments.steps < 1:
        parser.error("--steps must be at least 1")

    verses = network.read_verses(arguments.data, "train")
    architecture = Architecture(vocabulary="".join(sorted({BOUNDARY, UNKNOWN}.union(*verses))))
    settings = Settings(seed=arguments.seed, steps=arguments.steps)
    stream, positions = network.as_stream(architecture, verses)
    unigram = unigram_loss(stream, positions, len(architecture.vocabulary))
    print(
        f"{len(verses):,} verses, {len(positions):,} characters; vocabulary: {len(architecture.vocabulary)}"
    )
    print(f"unigram     loss {unigram:.4f} nats per character (the baseline)")

    parameters, loss = train(architecture, settings, stream, positions)

    results = {"trainLoss": round(loss, 4), "unigramTrainLoss": round(unigram, 4)}
    network.save(arguments.output, architecture, parameters, {**asdict(settings), **results})
    count = sum(array.size for array in parameters.values())
    card = model_card(architecture, settings, parameters=count, loss=loss, unigram=unigram)
    (arguments.output / "README.md").write_text(card, encoding="utf-8", newline="\n")
    if arguments.license_file:
        shutil.copyfile(arguments.license_file, arguments.output / "LICENSE")
    print(f"{arguments.output}: {count:,} parameters")


if __name__ == "__main__":
    main()
