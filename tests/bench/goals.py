"""The goals: which two commands of a workload are compared, by what, and what their ratio must and should be at most.

A test holds that every goal has its race: a page that leaves out what it does not measure reads as if all were well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Measure = Literal["wall", "cpu", "peak"]  # peak: memory above a bare interpreter


@dataclass(frozen=True)
class Goal:
    """A ratio of two commands of one workload, by `measure`; one without `must` and `aim` is only shown."""

    title: str
    workload: str
    ours: str
    theirs: str
    must: float | None = None
    aim: float | None = None
    measure: Measure = "wall"


# The names of the commands, as `races.py` gives them to what it starts.
VERIFY, POLICY = "bundle verify", "verify --policy"
DIGEST, PLAIN, TREE, TWIN = "digest", "digest, sha256", "digest, tensorTree", "digest, tensorTreeBlake3"
DIGEST_PART, VERIFY_TENTH = "digest, one shard", "bundle verify, a tenth of the files"
SIGNED, INTOTO, HUB, DVC = "model_signing verify", "in-toto-run", "hf cache verify", "dvc add"
OPENSSL, SHA256SUM, B3SUM = "openssl sha256", "sha256sum", "b3sum equivalent"
ENTRIES, THEIR_ENTRIES = "entries, ours", "entries, theirs"
LOAD_TWIN, LOAD_FILE, LOAD_FRESH = "load by the BLAKE3 twin", "load by sha256", "load by the twin, new memory"
READ, HASH_THEN_LOAD = "unhashed read", "hash, then load"
HELP, VERSION, CLICK, BARE = "provenance --help", "provenance --version", "import click", "python -c pass"
SIGNED_HELP = "model_signing --help"
JUDGED, ALONE = "judged, 1,000 resources", "parsed, verified, held to the schema"
JUDGED_MANY, JUDGED_TENTH = "judged, 100,000 resources", "judged, 10,000 resources"
JUDGED_PEAK, STATEMENT_SIZE = "judged, 100,000 resources: MiB for s", "its statement: MiB for s"
DASK, THREADS = "tensor tree, two workers of Dask", "tensor tree, two threads"
FULL_FILES, FULL_TREE, ADMIT = "verify, files", "verify, SHA-256 tree", "admit into a folder"
SEQUENCE = "model_signing, hf, in-toto-run"
ONCE, MORE_ARTEFACTS, MORE_RULES = "evaluation", "evaluation, artefacts x 10", "evaluation, rules x 10"

GOALS = (
    Goal("A: verify an OMS bundle", "A", VERIFY, SIGNED, 0.92, 0.85),
    Goal("A: sha256, tensor tree (the twin), coverage, policy", "A", POLICY, SIGNED, 1.15, 1.05),
    Goal("A: tensor tree alone, SHA-256", "A", TREE, SIGNED, 0.92, 0.85),
    Goal("A: tensor tree alone, BLAKE3 twin", "A", TWIN, SIGNED, 0.45, 0.38),
    Goal("A: sha256 and tensor tree, nothing else", "A", DIGEST, SIGNED),
    Goal("A: BLAKE3 twin beside the ceiling", "A", TWIN, B3SUM),
    Goal("A: sha256 of every file", "A", PLAIN, OPENSSL),
    Goal("A: verify an OMS bundle", "A", VERIFY, HUB),
    Goal("A: verify an OMS bundle", "A", VERIFY, INTOTO),
    Goal("A: verify an OMS bundle", "A", VERIFY, DVC),
    Goal("A: tensor tree alone, Dask on two workers", "A", DASK, THREADS, 1.15, 1.05),
    Goal("B: verify an OMS bundle", "B", VERIFY, SIGNED, 0.90, 0.80),
    Goal("B: sha256 of every file", "B", PLAIN, OPENSSL),
    Goal("C: tensor tree alone, SHA-256", "C", TREE, SIGNED, 0.58, 0.50),
    Goal("C: tensor tree alone, BLAKE3 twin", "C", TWIN, SIGNED, 0.30, 0.20),
    Goal("C: verify an OMS bundle", "C", VERIFY, SIGNED),
    Goal("C: sha256 and tensor tree", "C", DIGEST, SIGNED),
    Goal("C: BLAKE3 twin beside the ceiling", "C", TWIN, B3SUM),
    Goal("D: verify an OMS bundle", "D", VERIFY, SIGNED, 0.35, 0.20),
    Goal("D: verify an OMS bundle", "D", VERIFY, HUB),
    Goal("D: verify an OMS bundle", "D", VERIFY, INTOTO),
    Goal("D: verify an OMS bundle", "D", VERIFY, DVC),
    Goal("D: sha256 of every file", "D", PLAIN, SHA256SUM),
    Goal("D, ten times the files: verify, CPU", "D10", VERIFY, SIGNED, 0.15, 0.11, "cpu"),
    Goal("E: build, sign, write, read, verify", "E", ENTRIES, THEIR_ENTRIES, 0.30, 0.15),
    Goal("E: peak memory of the same", "E", ENTRIES, THEIR_ENTRIES, None, 0.5, "peak"),
    Goal("F: verified load by the BLAKE3 twin", "F", LOAD_TWIN, READ, 1.35, 1.25),
    Goal("F: the same, into memory that is new to the process", "F", LOAD_FRESH, READ),
    Goal("F: load verified by sha256 in the same read", "F", LOAD_FILE, HASH_THEN_LOAD, 0.65, 0.55),
    Goal("G: `--help`", "G", HELP, CLICK, 2.0, 1.4),
    Goal("G: `--version`", "G", VERSION, BARE),
    Goal("G: verify one small bundle, CPU", "G", VERIFY, SIGNED_HELP, 0.35, 0.2, "cpu"),
    Goal("H: full admission of A, sha256 and tensor tree (the twin)", "H", FULL_FILES, SEQUENCE, 0.30, 0.21),
    Goal("H: the same, held to the goal of sha256 alone", "H", FULL_FILES, SEQUENCE, 0.22, 0.17),
    Goal("H: full admission of A, the SHA-256 tree for the twin", "H", FULL_TREE, SEQUENCE),
    Goal("H: the same, and copied into a registry", "H", ADMIT, SEQUENCE),
    Goal("policy: ten times the artefacts and statements, CPU", "P", MORE_ARTEFACTS, ONCE, 12, 10, "cpu"),
    Goal("policy: ten times the rules, CPU", "P", MORE_RULES, ONCE, 12, 10, "cpu"),
    Goal("bundle of 1,000 resources / its checks measured alone, CPU", "J", JUDGED, ALONE, 1.5, 1.2, "cpu"),
    Goal("bundle of 100,000 resources / 10,000, CPU", "J", JUDGED_MANY, JUDGED_TENTH, 12, 10, "cpu"),
    Goal("bundle of 100,000 resources: peak memory / its statement", "J", JUDGED_PEAK, STATEMENT_SIZE, 8, 6),
    # What the goals call linear; held to what they say of policies: a fifth more than in proportion.
    Goal("growth: ten times the files, CPU", "D10", VERIFY, VERIFY_TENTH, 12, 10, "cpu"),
    Goal("growth: four times the bytes, CPU", "A", DIGEST, DIGEST_PART, 4.8, 4, "cpu"),
)

MEMORY_MUST, MEMORY_AIM = 200, 60  # MiB above a bare interpreter, any size
