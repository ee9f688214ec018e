"""Step 3, inference: let the model continue a prompt.

    python generate.py --model model/ --prompt "In the beginning"

The next character is drawn at random with the chances that the model gives, from a seeded generator: the same
model, prompt and options give the same text.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import network  # first: it fixes the number of threads before NumPy is loaded
import numpy as np
from network import BOUNDARY, UNKNOWN, Architecture, Floats, Parameters


def chances(architecture: Architecture, parameters: Parameters, context: str, temperature: float) -> Floats:
    """The chance of each character to come next. A temperature below 1 prefers the likely ones."""
    logs = network.forward(parameters, architecture.encode(context)[None, :])[2][0]
    shares = np.exp((logs - logs.max()) / np.float32(temperature))
    shares[architecture.vocabulary.index(UNKNOWN)] = 0  # it stands for no character, so it is never written
    result: Floats = shares / shares.sum()
    return result


def generate(
    model: tuple[Architecture, Parameters], prompt: str, *, characters: int, temperature: float, seed: int
) -> str:
    """The prompt and `characters` more; where a verse ends, a new one begins on the next line."""
    architecture, parameters = model
    rng = np.random.default_rng(seed)
    padding = BOUNDARY * architecture.context
    verse = padding + prompt
    text = prompt
    for _ in range(characters):
        shares = chances(architecture, parameters, verse[-architecture.context :], temperature)
        index = min(int(np.searchsorted(np.cumsum(shares), rng.random())), len(shares) - 1)
        character = architecture.vocabulary[index]
        text += character
        verse = padding if character == BOUNDARY else verse + character
    return text


def main() -> None:
    """Read the arguments and print the text, as UTF-8 whatever the terminal is set to."""
    parser = argparse.ArgumentParser(description="Continue a prompt with the trained model.")
    parser.add_argument("--model", type=Path, required=True, help="the folder that train.py wrote")
    parser.add_argument("--prompt", default="In the beginning")
    parser.add_argument("--characters", type=int, default=400, help="how many to write after the prompt")
    parser.add_argument("--temperature", type=float, default=0.7, help="above 0; low: safe, high: wild")
    parser.add_argument("--seed", type=int, default=1611)
    arguments = parser.parse_args()
    if arguments.temperature <= 0:
        parser.error("--temperature must be above 0")
    text = generate(
        network.load(arguments.model),
        arguments.prompt,
        characters=arguments.characters,
        temperature=arguments.temperature,
        seed=arguments.seed,
    )
    sys.stdout.buffer.write((text + "\n").encode("utf-8"))


if __name__ == "__main__":
    main()
