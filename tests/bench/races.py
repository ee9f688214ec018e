"""The races: for each workload the commands, ours and theirs, in the order in which a round runs them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import goals
import peers
from workloads import HERE, Place


@dataclass(frozen=True)
class Command:
    """A command of one workload: a whole process, the shell's quoting not involved.

    `needs` and `packages` are the programs and Python packages without which it cannot run, `fresh` is removed before
    each run. One that `measures` itself prints its seconds, of the clock and of all cores. `is_ours`: its memory is
    held to the goal.
    """

    workload: str
    name: str
    line: list[str]
    needs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    fresh: tuple[Path, ...] = ()
    measures: bool = False
    is_ours: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.workload, self.name


def commands(place: Place) -> list[Command]:
    """Every command of every workload."""
    return [
        *(command for name in ("A", "B", "C", "D", "D10", "G") for command in _verifying(place, name)),
        *(command for name in ("A", "B", "C", "D") for command in _digesting(place, name)),
        *(command for name in ("A", "D") for command in _beside(place, name)),
        *_clustered(place), *_entries(place), *_loading(place), *_starting(place), *_admitting(place),
        *_policies(), *_judging(),
    ]


def _ours(place: Place, workload: str, name: str, *line: str | Path, fresh: tuple[Path, ...] = ()) -> Command:
    return Command(workload, name, [place.program("provenance"), *map(str, line)], fresh=fresh, is_ours=True)


def _verifying(place: Place, name: str) -> Iterator[Command]:
    yield _verify(place, name, goals.VERIFY, name)
    if name != "G":
        yield Command(name, goals.SIGNED, peers.model_signing(place, name), ("model_signing",))
    if name == "A":
        yield _ours(place, name, goals.POLICY, "verify", place.model(name), "--policy", "open-weights",
                    "--trust", place.trust, "--evidence", place.evidence(name, tensors=False))
    if name == "D10":
        yield _verify(place, name, goals.VERIFY_TENTH, "D")


def _verify(place: Place, workload: str, name: str, model: str) -> Command:
    return _ours(place, workload, name, "bundle", "verify", place.signature(model), "--public-key", place.public_key,
                 "--model", place.model(model))


def _digesting(place: Place, name: str) -> Iterator[Command]:
    model, files = place.model(name), place.files(name)
    digest = ("digest", "--no-cache", model)
    if name in ("A", "C"):
        yield _ours(place, name, goals.DIGEST, *digest)
        yield _ours(place, name, goals.TREE, *digest, "--digest", "tensorTree")
        yield _ours(place, name, goals.TWIN, *digest, "--digest", "tensorTreeBlake3")
    if name == "A":
        yield _ours(place, name, goals.DIGEST_PART, "digest", "--no-cache", next(iter(files), model))
    yield _ours(place, name, goals.PLAIN, *digest, "--digest", "sha256")
    yield Command(name, goals.OPENSSL, ["openssl", "dgst", "-sha256", *files], ("openssl",))
    yield Command(name, goals.B3SUM, [sys.executable, str(HERE / "b3sum.py"), *files], packages=("blake3",))


def _beside(place: Place, name: str) -> Iterator[Command]:
    if name == "D":  # Debian's does without the processor's instructions for it: on A it would be a tenth of the run
        yield Command(name, goals.SHA256SUM, ["sha256sum", *place.files(name)], ("sha256sum",))
    yield Command(name, goals.INTOTO, peers.in_toto_run(place, [place.model(name)]), ("in-toto-run",))
    yield Command(name, goals.HUB, peers.hf_cache_verify(place, name), ("hf",))
    yield Command(name, goals.DVC, peers.dvc_add(place, name), ("dvc", "git"), fresh=peers.dvc_memory(place, name))


def _clustered(place: Place) -> Iterator[Command]:
    for name, how in ((goals.THREADS, "threads"), (goals.DASK, "dask")):
        line = [sys.executable, str(HERE / "clustered.py"), how, str(place.model("A"))]
        yield Command("A", name, line, packages=("distributed",), measures=True)


def _entries(place: Place) -> Iterator[Command]:
    line = [sys.executable, str(HERE / "entries.py")]
    what = [str(place.entries), str(place.root)]
    yield Command("E", goals.ENTRIES, [*line, "ours", *what], is_ours=True)
    yield Command("E", goals.THEIR_ENTRIES, [*line, "theirs", *what], ("model_signing",))


def _loading(place: Place) -> Iterator[Command]:
    folder, trust = place.model("F"), place.trust
    release, signature = place.evidence("F") / "release.sigstore.json", place.signature("F")
    for name, how, bundle, needs in (
        (goals.LOAD_TWIN, "verified", release, "numpy"), (goals.LOAD_FRESH, "fresh", release, "numpy"),
        (goals.LOAD_FILE, "verified", signature, "numpy"), (goals.READ, "read", "", "numpy"),
        (goals.HASH_THEN_LOAD, "apart", "", "safetensors"),
    ):
        line = [sys.executable, str(HERE / "loading.py"), how, str(folder), str(bundle), str(trust)]
        yield Command("F", name, line, packages=(needs,), measures=True)


def _starting(place: Place) -> Iterator[Command]:
    yield _ours(place, "G", goals.HELP, "--help")
    yield _ours(place, "G", goals.VERSION, "--version")
    yield Command("G", goals.CLICK, [sys.executable, "-c", "import click"])
    yield Command("G", goals.BARE, [sys.executable, "-c", "pass"])
    yield Command("G", goals.SIGNED_HELP, [place.program("model_signing"), "--help"], ("model_signing",))


def _admitting(place: Place) -> Iterator[Command]:
    model, registry = place.model("A"), place.root / "registry"
    judged = ("--policy", "osaid-1.0", "--trust", place.trust, "--evidence")
    yield _ours(place, "H", goals.FULL_FILES, "verify", model, *judged, place.evidence("A", tensors=False))
    yield _ours(place, "H", goals.FULL_TREE, "verify", model, *judged, place.evidence("A"))
    yield Command("H", goals.SEQUENCE, peers.in_sequence(
        peers.model_signing(place, "A"), peers.hf_cache_verify(place, "A"),
        peers.in_toto_run(place, [place.model("A"), place.corpus, place.code]),
    ), ("model_signing", "hf", "in-toto-run"))
    yield _ours(place, "H", goals.ADMIT, "admit", model, *judged, place.evidence("A"), "--key", place.private_key,
                "--to", registry, fresh=(registry,))


def _policies() -> Iterator[Command]:
    for name, artefacts, rules in ((goals.ONCE, 1, 1), (goals.MORE_ARTEFACTS, 10, 1), (goals.MORE_RULES, 1, 10)):
        line = [sys.executable, str(HERE / "policies.py"), str(artefacts), str(rules)]
        yield Command("P", name, line, measures=True)


def _judging() -> Iterator[Command]:
    for name, how, count in (
        (goals.JUDGED, "whole", 1000), (goals.ALONE, "alone", 1000), (goals.JUDGED_MANY, "whole", 100_000),
        (goals.JUDGED_TENTH, "whole", 10_000), (goals.JUDGED_PEAK, "peak", 100_000),
        (goals.STATEMENT_SIZE, "size", 100_000),
    ):
        yield Command("J", name, [sys.executable, str(HERE / "judging.py"), how, str(count)], measures=True)
