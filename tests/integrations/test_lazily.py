"""Verified loading, tensor by tensor."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from provenance.artifacts.hashing import read_file
from provenance.integrations import reading, shards
from tests.integrations.conftest import MANY, TINY, Lab, flip, floats
from tests.integrations.loading import (
    SHARDS,
    flip_in_place,
    load,
    load_each,
    opened,
    refused,
    write_in_place,
)


class TestLazily:
    """Tensor by tensor: a bad one spoils nothing but itself, and a file that changes is noticed."""

    def test_a_bad_tensor_is_refused_and_the_others_are_not(self, lab: Lab) -> None:
        lab.write({"model.safetensors": {"good": floats(1.0), "bad": floats(2.0)}})
        lab.attest()
        flip(lab.model / "model.safetensors")
        with opened(lab) as weights:
            assert weights.get("good").tolist() == [1.0]
            refused("tensor-mismatch", weights.get, "bad")
            refused("tensor-mismatch", weights.get, "bad")
            assert weights.get("good").tolist() == [1.0]

    @pytest.mark.parametrize("signed", ["tensors", "files"])
    def test_a_change_after_opening_is_noticed(self, lab: Lab, signed: str) -> None:
        lab.write({"model.safetensors": {"good": floats(1.0), "bad": floats(2.0)}})
        lab.attest() if signed == "tensors" else lab.sign_files()
        path = lab.model / "model.safetensors"
        with opened(lab) as weights:
            assert weights.get("bad").tolist() == [2.0]
            with path.open("r+b") as file:
                file.seek(-1, os.SEEK_END)
                file.write(b"\x77")
            refused("file-changed-while-read", weights.get, "bad")
            refused("file-changed-while-read", weights.get, "good")

    @pytest.mark.parametrize("signed", ["tensors", "files"])
    def test_a_change_whose_traces_are_hidden_does_not_get_past_the_digests(
        self, lab: Lab, signed: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lab.write({"model.safetensors": {"good": floats(1.0), "bad": floats(2.0)}})
        lab.attest() if signed == "tensors" else lab.sign_files()
        monkeypatch.setattr(shards, "_facts", lambda descriptor: (os.fstat(descriptor).st_size, 0, 0))
        with opened(lab) as weights:
            flip_in_place(lab.model / "model.safetensors")
            refused("tensor-mismatch", weights.get, "bad")
            assert weights.get("good").tolist() == [1.0]

    def test_a_file_that_shrinks_is_an_error_and_no_crash(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        lab.write({"model.safetensors": MANY})
        lab.attest()
        monkeypatch.setattr(shards, "_facts", lambda descriptor: (os.fstat(descriptor).st_size, 0, 0))
        with opened(lab) as weights:
            os.truncate(lab.model / "model.safetensors", 2000)
            refused("file-changed-while-read", weights.get, "large")

    def test_the_header_is_hashed_with_the_file_that_it_is_in(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        """A header that is swapped back between the two readings must not decide where tensors lie."""
        lab.write({"model.safetensors": {"a": floats(1.0), "b": floats(2.0)}})
        lab.sign_files()
        path = lab.model / "model.safetensors"
        sound = path.read_bytes()
        flip_in_place(path, sound.index(b'"a"') + 1)
        monkeypatch.setattr(shards, "_facts", lambda descriptor: (os.fstat(descriptor).st_size, 0, 0))

        def swapped_back(*arguments: Any, **options: Any) -> Any:
            write_in_place(path, sound)
            return read_file(*arguments, **options)

        monkeypatch.setattr(reading, "read_file", swapped_back)
        refused("file-changed-while-read", opened, lab)

    def test_it_is_a_map_of_names_and_ends_with_its_block(self, lab: Lab) -> None:
        lab.write({"model.safetensors": TINY})
        lab.attest()
        with opened(lab) as weights:
            assert set(weights) == set(weights.keys()) == set(TINY)
            assert len(weights) == len(TINY)
            assert "a" in weights
            assert "z" not in weights
            assert weights.dtype("scalar") == "I64"
            assert weights.attested_by == ("model by lab in train.sigstore.json",)
            refused("tensor-missing", weights.get, "z")
            refused("usage", weights.dtype, "z")
        refused("usage", weights.get, "a")
        weights.close()

    def test_no_file_stays_open(self, lab: Lab) -> None:
        lab.write(SHARDS)
        lab.attest()
        before = len(list(Path("/proc/self/fd").iterdir()))
        load(lab)
        load_each(lab)
        flip(lab.model / "model-1.safetensors")
        refused("tensor-mismatch", load, lab)
        lab.write({"model.safetensors": {"a": floats(0.0)}})
        refused("tensor-mismatch", opened, lab)
        assert len(list(Path("/proc/self/fd").iterdir())) == before
