"""Runs a fuzz target under Atheris: `make fuzz`, or `python tests/fuzz/fuzz_json.py CORPUS_FOLDER`.

A target is a function of bytes, `one_input`. It returns where the input was read, or refused with an error of
ours; anything else that it raises is a finding. test_targets.py runs the targets on their seeds, without it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable


def fuzz(one_input: Callable[[bytes], None], *modules: str) -> None:
    """Feed a target until the limits of the command line are reached; `modules` are what is watched."""
    import atheris

    with atheris.instrument_imports(include=["provenance"]):
        for module in modules:
            importlib.import_module(module)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
