"""A digest cache that lies deceives `digest`, which says so, and no verdict."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from provenance.artifacts.cache import DigestCache, default_path
from provenance.artifacts.hashing import EVERYTHING_SIGNED, FILES, FILES_AND_TENSORS, FileRead, Wanted, read_file
from provenance.artifacts.sources.collecting import question
from provenance.artifacts.tensors import BLAKE3_TREE
from tests.cli.conftest import Run
from tests.cli.test_verify_and_admit import POLICY, admit


def read(path: Path, wanted: Wanted) -> FileRead:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return read_file(descriptor, path.name, wanted)
    finally:
        os.close(descriptor)


@pytest.fixture
def poisoned(released: Path, run: Run) -> Path:
    """The released model with one bit of its weights changed, and a cache that knows it as it was signed."""
    path = released / "model.safetensors"
    every = (FILES, FILES_AND_TENSORS, Wanted(trees=(BLAKE3_TREE,)), EVERYTHING_SIGNED)
    kinds = {question(wanted, path.name): read(path, wanted) for wanted in every}
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with DigestCache(default_path(), now=lambda: path.stat().st_mtime_ns + 10**11) as cache:
        for asked, found in kinds.items():
            cache.put(path.stat(), asked, found)
    return released


def test_a_poisoned_cache_gives_digest_another_answer_and_no_verdict(poisoned: Path, run: Run) -> None:
    path = poisoned / "model.safetensors"
    true = hashlib.sha256(path.read_bytes()).hexdigest()
    for option, believed in ((), True), (("--no-cache",), False):
        document = run("digest", "model", "--format", "json", *option).json
        told = {file["path"]: file["digest"]["sha256"] for file in document["files"]}["model.safetensors"]
        assert (told != true, document["bytesFromCache"]) == (believed, path.stat().st_size if believed else 0)
    assert run("verify", "model", "--policy", POLICY, "--trust", "trust.yaml").code == 1
    assert run(*admit()).code == 1
    assert run("reproduce", "model", "--trust", "trust.yaml").code == 1


def test_without_the_changed_bit_the_same_commands_pass(released: Path, run: Run) -> None:
    assert run("verify", "model", "--policy", POLICY, "--trust", "trust.yaml").code == 0
    assert run(*admit()).code == 0
    assert run("reproduce", "model", "--trust", "trust.yaml").code == 0
