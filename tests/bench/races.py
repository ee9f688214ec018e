"""The races: for each workload the commands, ours and theirs, and the goals that their ratio is held against.

A goal with no race yet is listed too, with the reason: a page that leaves out what it does not measure reads as if
all were well.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from workloads import Place

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Command:
    """A command of one workload: whole process, the shell's quoting not involved. `codes` are its good exit codes."""

    workload: str
    name: str
    line: list[str]
    codes: tuple[int, ...] = (0,)

    @property
    def key(self) -> tuple[str, str]:
        return self.workload, self.name


@dataclass(frozen=True)
class Goal:
    """A ratio of two commands of one workload, by `measure`, and what it must be and should be at most."""

    title: str
    workload: str
    ours: str
    theirs: str
    must: float | None
    aim: float | None
    measure: str = "wall"  # wall, cpu or peak (memory above a bare interpreter)


VERIFY, POLICY, DIGEST, PLAIN = "bundle verify", "verify --policy", "digest", "digest, no tensors"
SIGNED, OPENSSL, INTOTO, CLICK = "model_signing verify", "openssl sha256", "in-toto-run", "import click"


def commands(place: Place) -> list[Command]:
    """Every command of every workload, in the order in which a round runs them."""
    ours, found = place.program("provenance"), []
    for name in ("A", "B", "C", "D", "D10", "G"):
        model, signature = str(place.model(name)), str(place.signature(name))
        found.append(Command(name, VERIFY, [ours, "bundle", "verify", signature, "--public-key", str(place.public_key),
                                            "--model", model]))
        if name != "G":
            found.append(Command(name, SIGNED, [place.program("model_signing"), "verify", "key", "--public_key",
                                                str(place.public_key), "--signature", signature, model]))
        if name in ("A", "C"):
            found.append(Command(name, POLICY, [ours, "verify", model, "--policy", "open-weights", "--trust",
                                                str(place.trust)], (0, 1)))
            found.append(Command(name, DIGEST, [ours, "digest", "--no-cache", model]))
        if name in ("A", "B", "C", "D"):
            files = sorted(str(path) for path in place.model(name).rglob("*") if path.is_file())
            found.append(Command(name, PLAIN, [ours, "digest", "--no-cache", "--no-tensors", model]))
            found.append(Command(name, OPENSSL, ["openssl", "dgst", "-sha256", *files]))
        if name in ("A", "D"):
            found.append(Command(name, INTOTO, [
                place.program("in-toto-run"), "--step-name", "bench", "--signing-key", str(place.private_key),
                "--materials", model, "--metadata-directory", str(place.root), "--no-command"]))
    entries = [sys.executable, str(HERE / "entries.py")]
    found += [
        *(Command("E", f"entries, {side}", [*entries, side, str(place.entries), str(place.root)])
          for side in ("ours", "theirs")),
        Command("G", "provenance --help", [ours, "--help"]),
        Command("G", "provenance --version", [ours, "--version"]),
        Command("G", CLICK, [sys.executable, "-c", "import click"]),
        Command("G", "python -c pass", [sys.executable, "-c", "pass"]),
        Command("G", "model_signing --help", [place.program("model_signing"), "--help"]),
    ]
    return found


GOALS = [
    Goal("A: verify an OMS bundle", "A", VERIFY, SIGNED, 0.92, 0.85),
    Goal("A: sha256, tensor tree, coverage, policy", "A", POLICY, SIGNED, 1.15, 1.05),
    Goal("A: sha256 and tensor tree, nothing else", "A", DIGEST, SIGNED, None, None),
    Goal("A: sha256 of every file", "A", PLAIN, OPENSSL, None, None),
    Goal("A: what in-toto-run needs for its digests", "A", INTOTO, OPENSSL, None, None),
    Goal("B: verify an OMS bundle", "B", VERIFY, SIGNED, 0.90, 0.80),
    Goal("B: sha256 of every file", "B", PLAIN, OPENSSL, None, None),
    Goal("C: verify an OMS bundle", "C", VERIFY, SIGNED, None, None),
    Goal("C: sha256 and tensor tree", "C", DIGEST, SIGNED, None, None),
    Goal("D: verify an OMS bundle", "D", VERIFY, SIGNED, 0.35, 0.20),
    Goal("D: the same / in-toto-run", "D", VERIFY, INTOTO, None, None),
    Goal("D, ten times the files: verify, CPU", "D10", VERIFY, SIGNED, 0.15, 0.11, "cpu"),
    Goal("E: build, sign, write, read, verify", "E", "entries, ours", "entries, theirs", 0.30, 0.15),
    Goal("E: peak memory of the same", "E", "entries, ours", "entries, theirs", None, 0.5, "peak"),
    Goal("G: --help / import click", "G", "provenance --help", CLICK, 2.0, 1.4),
    Goal("G: --version / python -c pass", "G", "provenance --version", "python -c pass", None, None),
    Goal("G: verify one small bundle / model_signing --help, CPU", "G", VERIFY, "model_signing --help", 0.35, 0.2,
         "cpu"),
]

UNMEASURED = {
    "A and C: tensor tree alone": "no command computes the tree without the sha256 of the file",
    "A, C and F: BLAKE3 twin of the tensor tree": "the tree has no BLAKE3 twin yet",
    "F: verified loading": "measured inside one process; not part of this run",
    "H: admission of A against the peers in sequence": "needs a full set of evidence, and a Hub for `hf cache verify`",
    "Dask on two workers": "there is no `--scheduler` yet",
    "policy evaluation with ten times the artefacts": "a test of growth, not of whole processes",
}
MEMORY_MUST, MEMORY_AIM = 200, 60  # MiB above a bare interpreter, any size
