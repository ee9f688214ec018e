"""Acts: the single things that somebody can do so that a requirement which is open is met.

An act is one statement that somebody signs, or one artefact that somebody hands over. It has no text of its own beyond
its kind and what it is about, so that two requirements which need the same thing need one act.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind = Literal["release", "signature", "train", "prepare", "evaluate", "step", "dataset", "stack", "base-release",
               "base-step", "reproduction", "assessment", "bundle", "signer", "files", "weights"]


@dataclass(frozen=True, order=True)
class Act:
    """One thing to do; `subject` is the dataset, step, base model, file or signer, empty where it has no name yet."""

    kind: Kind
    subject: str = ""


Way: TypeAlias = tuple[Act, ...]

ANEW = Act("release")
# What a new release must list before it counts: a release lists by sha256 every one of them that it stands on.
LISTED: frozenset[Kind] = frozenset({"train", "prepare", "evaluate", "step", "dataset", "stack", "base-release",
                                     "base-step"})
# What is handed over rather than signed.
UNSIGNED: frozenset[Kind] = frozenset({"bundle", "files", "weights"})
# Which acts bind every file of the model, so that none is left that nobody signed.
BINDING: frozenset[Kind] = frozenset({"release", "signature", "train", "signer"})
_OF_SUBJECT: tuple[tuple[str, Kind], ...] = (("dataset ", "dataset"), ("step ", "step"), ("base model ", "base-step"),
                                             ("release ", "release"))

_RELEASE = "provenance attest release MODEL --components FILE --key KEY"
TRAIN = ("provenance record --step train --kind train --initial random --seed seed=NUMBER --input training-data=DATA "
         "--input source=CODE --output MODEL --key KEY -- COMMAND")
PREPARE = ("provenance record --step prepare --kind prepare --input raw-data=DATA --input source=CODE --output DATA "
           "--key KEY -- COMMAND")
EVALUATE = ("provenance record --step evaluate --kind evaluate --input model=MODEL --input evaluation-data=DATA "
            "--input source=CODE --output RESULTS --key KEY -- COMMAND")
_ASSESS = ("provenance assess MODEL --requirement {} --finding adequate --rationale WHY --method HOW "
           "--valid-until TIME --key KEY")
_STEP = "provenance record --step NAME --kind KIND --input ROLE=PATH --output PATH --key KEY -- COMMAND"
_DATASET = "provenance attest dataset PATH --facts FILE --key KEY"
_WORDS: dict[Kind, tuple[str, str, str]] = {  # without a subject, with one, and the command
    "release": ("Publish a signed release statement",
                "Publish a new release statement in place of {}", _RELEASE),
    "signature": ("Sign the model", "Sign the model", "provenance sign MODEL --key KEY"),
    "train": ("Record the training and sign it",) * 2 + (TRAIN,),
    "prepare": ("Record the preparation of the data and sign it",) * 2 + (PREPARE,),
    "evaluate": ("Record an evaluation of these weights and sign it",) * 2 + (EVALUATE,),
    "step": ("Record the step again and sign it", "Record step {} again and sign it", _STEP),
    "dataset": ("Sign a statement about each dataset that was used, where it has none",
                "Sign a statement about dataset {}", _DATASET),
    "stack": ("Sign a bill of materials of the serving stack (CycloneDX or SPDX, as an in-toto statement)",) * 2
    + ("",),
    "base-release": ("Get a signed release of the base model from whoever made it",
                     "Get a signed release of base model {} from whoever made it", _RELEASE),
    "base-step": ("Get the signed training step of the base model from whoever made it",
                  "Get the signed training step of base model {} from whoever made it", TRAIN),
    "assessment": ("Ask a person for a signed assessment", "Ask a person for a signed assessment of {}",
                   _ASSESS),
    "reproduction": ("Ask somebody independent to reproduce the model, and to sign that",) * 2
    + ("provenance reproduce MODEL --trust TRUST --key KEY",),
    "bundle": ("Get the evidence that is missing", "Get {} from the producer: the release stands on it", ""),
    "signer": ("Have it signed by somebody whom the trust file lists",
               "Have {} signed by somebody whom the trust file lists, or list its signer there once you know who it is",
               "provenance trust add TRUST --name NAME --party PARTY --role ROLE --public-key FILE --subject SCOPE"),
    "files": ("Remove what no trusted signature covers, or have it signed",
              "Remove what no trusted signature covers, or have it signed: {}", ""),
    "weights": ("Publish the weights in a container that can be read",) * 2 + ("",),
}


def about(subject: str) -> Way:
    """The act that the subject of an item names; none where it names none."""
    return next(((Act(kind, subject.removeprefix(prefix)),) for prefix, kind in _OF_SUBJECT
                 if subject.startswith(prefix)), ())


def words(act: Act) -> tuple[str, str]:
    """An act as a sentence, and the command that does it; "" where no command here does."""
    plain, named, command = _WORDS[act.kind]
    return (named.replace("{}", act.subject) if act.subject else plain), command.replace("{}", act.subject)
