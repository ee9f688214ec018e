"""Verified loading: what was not signed, by those who are believed, is not returned."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from provenance.statements.statement import ResourceDescriptor
from tests.integrations.conftest import MANY, TINY, Lab, flip, floats, without_list
from tests.integrations.conftest import safetensors as made
from tests.integrations.loading import (
    BOTH,
    SHARDS,
    contents,
    flip_in_place,
    load,
    refused,
)


@BOTH
@pytest.mark.parametrize("place", [-1, -3])
def test_a_changed_bit_is_refused_with_the_name_of_its_tensor(lab: Lab, loading: Any, place: int) -> None:
    lab.write({"model.safetensors": {"good": floats(1.0), "bad": floats(2.0)}})
    lab.attest()
    flip(lab.model / "model.safetensors", place)
    assert "tensor bad differs" in refused("tensor-mismatch", loading, lab).message


@BOTH
def test_a_bit_in_the_last_chunk_of_a_large_tensor_counts(lab: Lab, loading: Any) -> None:
    lab.write({"model.safetensors": {"first": floats(0.0), "large": MANY["large"], "last": floats(9.0)}})
    lab.attest()
    flip(lab.model / "model.safetensors", -5)
    assert "tensor large" in refused("tensor-mismatch", loading, lab).message


def test_of_several_bad_tensors_the_first_in_the_file_is_named(lab: Lab) -> None:
    rows = {f"t{number:04}": ("U8", [1 << 18], number.to_bytes(2, "big") * (1 << 17)) for number in range(80)}
    lab.write({"model.safetensors": rows})
    lab.attest()
    size = (lab.model / "model.safetensors").stat().st_size
    for number in (75, 20, 50, 79):
        flip_in_place(lab.model / "model.safetensors", size - (80 - number) * (1 << 18))
    assert "tensor t0020" in refused("tensor-mismatch", load, lab).message


@BOTH
def test_a_tensor_that_nobody_signed_is_refused(lab: Lab, loading: Any) -> None:
    lab.write({"model.safetensors": TINY})
    lab.attest()
    lab.write({"model.safetensors": {**TINY, "extra": floats(6.0)}})
    assert "tensor extra" in refused("tensor-not-covered", loading, lab).message


@BOTH
def test_a_second_file_with_tensors_that_nobody_signed_is_refused(lab: Lab, loading: Any) -> None:
    lab.write({"model.safetensors": TINY})
    lab.attest()
    (lab.model / "more.safetensors").write_bytes(made({"extra": floats(6.0)}))
    refused("tensor-not-covered", loading, lab)
    lab.attest(name="other")
    (lab.model / "again.safetensors").write_bytes(made({"a": floats(6.0)}))
    refused("tensor-duplicate", loading, lab)


@BOTH
@pytest.mark.parametrize("row", [("F32", [1, 2], floats(1.0, 2.0)[2]), ("I64", [1], floats(1.0, 2.0)[2])])
def test_another_dtype_or_shape_of_the_same_bytes_is_refused(lab: Lab, loading: Any, row: Any) -> None:
    lab.write({"model.safetensors": TINY})
    lab.attest()
    lab.write({"model.safetensors": {**TINY, "a": row}})
    assert "tensor a has another dtype or shape" in refused("tensor-mismatch", loading, lab).message


@BOTH
def test_a_missing_tensor_is_refused_unless_a_part_is_wanted(lab: Lab, loading: Any) -> None:
    lab.write(SHARDS)
    lab.attest()
    lab.write({"one.safetensors": {"odd": MANY["odd"]}}, "resharded")
    found = refused("tensor-missing", loading, lab, lab.root / "resharded")
    assert "the signed tensor a is not there" in found.message
    assert "part=True" in found.hint
    assert contents(loading(lab, lab.root / "resharded", part=True)) == {"odd": b"abc"}


@BOTH
def test_the_same_tensors_in_other_shards_are_the_same_weights(lab: Lab, loading: Any) -> None:
    lab.write(SHARDS)
    lab.attest()
    other = lab.write({"all.safetensors": dict(reversed(MANY.items()))}, "other")
    assert contents(loading(lab, other / "all.safetensors")) == contents(loading(lab))


@BOTH
def test_one_signed_shard_may_be_loaded_by_its_own_name(lab: Lab, loading: Any) -> None:
    lab.write(SHARDS)
    lab.attest()
    assert set(loading(lab, lab.model / "sub" / "model-2.safetensors")) == set(TINY)
    (lab.model / "renamed.safetensors").write_bytes((lab.model / "model-1.safetensors").read_bytes())
    refused("tensor-missing", loading, lab, lab.model / "renamed.safetensors")


@BOTH
def test_tensors_of_two_attested_models_do_not_make_an_attested_model(lab: Lab, loading: Any) -> None:
    first = lab.write({"m.safetensors": {"a": floats(1.0), "b": floats(2.0)}}, "first")
    second = lab.write({"m.safetensors": {"a": floats(3.0), "b": floats(4.0)}}, "second")
    lab.attest(first, name="first")
    lab.attest(second, name="second")
    assert contents(loading(lab, first)) != contents(loading(lab, second))
    mixed = lab.write({"m.safetensors": {"a": floats(1.0), "b": floats(4.0)}}, "mixed")
    refused("tensor-mismatch", loading, lab, mixed)


@BOTH
def test_files_of_two_signed_models_do_not_make_a_signed_model(lab: Lab, loading: Any) -> None:
    for name, value in (("first", 1.0), ("second", 2.0)):
        place = lab.write({"1.safetensors": {"a": floats(value)}, "2.safetensors": {"b": floats(value)}}, name)
        lab.sign_files(place).rename(lab.evidence / f"{name}.sig")
    assert set(loading(lab, lab.root / "first")) == {"a", "b"}
    mixed = lab.write({"1.safetensors": {"a": floats(1.0)}, "2.safetensors": {"b": floats(2.0)}}, "mixed")
    refused("file-mismatch", loading, lab, mixed)


@BOTH
def test_file_signatures_cover_the_header_and_every_file(lab: Lab, loading: Any) -> None:
    lab.write({"1.safetensors": {"a": floats(1.0)}, "2.safetensors": {"b": floats(1.0)}})
    lab.sign_files()
    sound = (lab.model / "1.safetensors").read_bytes()
    (lab.model / "1.safetensors").write_bytes(sound.replace(b'"F32"', b'"I32"'))
    refused("file-mismatch", loading, lab)
    (lab.model / "1.safetensors").write_bytes(sound)
    (lab.model / "3.safetensors").write_bytes(made({"c": floats(1.0)}))
    refused("file-not-covered", loading, lab)
    (lab.model / "3.safetensors").unlink()
    (lab.model / "2.safetensors").unlink()
    refused("file-missing", loading, lab)
    assert set(loading(lab, part=True)) == {"a"}


@BOTH
def test_a_lone_file_is_known_by_the_name_that_was_signed(lab: Lab, loading: Any) -> None:
    lab.write({"1.safetensors": {"a": floats(1.0)}, "2.safetensors": {"a2": floats(2.0)}})
    lab.sign_files()
    assert set(loading(lab, lab.model / "1.safetensors")) == {"a"}
    (lab.model / "1.safetensors").write_bytes((lab.model / "2.safetensors").read_bytes())
    refused("file-mismatch", loading, lab, lab.model / "1.safetensors")
    (lab.model / "2.safetensors").rename(lab.model / "3.safetensors")
    refused("file-not-covered", loading, lab, lab.model / "3.safetensors")


@BOTH
@pytest.mark.parametrize("listed", [True, False])
def test_a_statement_may_be_about_a_lone_file(lab: Lab, loading: Any, listed: bool) -> None:
    path = lab.write({"model.safetensors": TINY}) / "model.safetensors"
    lab.attest(path, change=lambda subject: subject if listed or "sha256" in subject.digest else None)
    assert set(loading(lab, path)) == set(loading(lab)) == set(TINY)
    flip(path)
    refused("tensor-mismatch" if listed else "file-mismatch", loading, lab, path)


@BOTH
def test_a_signature_over_other_things_than_weights_is_no_evidence_of_them(lab: Lab, loading: Any) -> None:
    lab.model.mkdir()
    (lab.model / "config.json").write_text("{}")
    lab.sign_files()
    refused("evidence-none", loading, lab, lab.write({"model.safetensors": TINY}))


@BOTH
def test_a_link_has_the_name_that_was_signed_as_in_the_cache_of_a_hub(lab: Lab, loading: Any) -> None:
    lab.write({"model.safetensors": TINY})
    lab.sign_files()
    (lab.model / "model.safetensors").rename(lab.root / "0123abcd")
    (lab.model / "model.safetensors").symlink_to(lab.root / "0123abcd")
    assert set(loading(lab, lab.model / "model.safetensors")) == set(TINY)
    refused("file-is-symlink", loading, lab)


@BOTH
def test_where_the_signed_tensors_do_not_fit_but_the_files_do_the_files_count(lab: Lab, loading: Any) -> None:
    base = lab.write({"model.safetensors": {"a": floats(1.0)}}, "base")
    lab.attest(base, name="base")
    lab.write({"model.safetensors": TINY})
    lab.sign_files()
    assert set(loading(lab)) == set(TINY)
    flip(lab.model / "model.safetensors")
    assert "tensor a" in refused("tensor-mismatch", loading, lab).message  # says more than that a file differs


@BOTH
def test_a_root_alone_is_enough_and_a_changed_bit_breaks_it(lab: Lab, loading: Any) -> None:
    lab.write({"model.safetensors": MANY})
    lab.attest(change=without_list)
    assert set(loading(lab)) == set(MANY)
    flip(lab.model / "model.safetensors", -20)
    refused("tensor-mismatch", loading, lab)


def _listing(change: Any) -> Any:
    def changed(subject: ResourceDescriptor) -> ResourceDescriptor | None:
        if "tensorTree" not in subject.digest:
            return None if "sha256" in subject.digest and "dirHash" not in subject.digest else subject
        rows = json.loads(json.dumps(subject.annotations["tensors"]))
        return replace(subject, annotations={"tensors": change(rows)})

    return changed


@BOTH
def test_a_list_that_is_not_that_of_the_signed_root_is_not_believed(lab: Lab, loading: Any) -> None:
    lab.write({"model.safetensors": TINY})
    head = lab.model / "model.safetensors"
    lab.attest(change=_listing(lambda rows: [{**rows[0], "head": "0" * 64}, *rows[1:]]))
    refused("statement-invalid", loading, lab)
    assert head.is_file()


@BOTH
@pytest.mark.parametrize("rows", [
    "text", [1], [{"name": "a"}], [{"name": "a", "dtype": "F32", "shape": [True], "head": "0" * 64}],
    [{"name": "a", "dtype": "F32", "shape": [-1], "head": "0" * 64}],
    [{"name": "a", "dtype": "F32", "shape": [2], "head": "0" * 63}],
    [{"name": "a", "dtype": "F32", "shape": [2], "head": "0" * 64}] * 2,
])
def test_a_malformed_list_counts_as_none(lab: Lab, loading: Any, rows: Any) -> None:
    lab.write({"model.safetensors": TINY})
    lab.attest(change=_listing(lambda _: rows))
    assert set(loading(lab)) == set(TINY)  # by the root, which is right
    flip(lab.model / "model.safetensors")
    refused("tensor-mismatch", loading, lab)


@pytest.mark.parametrize(("spoil", "code"), [
    (lambda data: data[:-1], "safetensors-truncated"), (lambda data: data + b"x", "safetensors-invalid"),
    (lambda data: data[:4], "safetensors-truncated"), (lambda _: b"", "safetensors-truncated"),
    (lambda data: (1 << 40).to_bytes(8, "little") + data[8:], "safetensors-invalid"),
    (lambda data: data.replace(b'"b"', b'"a"', 1), "safetensors-invalid"),
    (lambda _: made({}), "folder-has-no-weights"),
])
@BOTH
def test_malformed_files_are_refused_by_their_headers(lab: Lab, loading: Any, spoil: Any, code: str) -> None:
    lab.write({"model.safetensors": TINY})
    lab.attest()
    path = lab.model / "model.safetensors"
    path.write_bytes(spoil(path.read_bytes()))
    refused(code, loading, lab)


@BOTH
def test_what_is_not_there_or_no_file_is_refused_without_waiting(lab: Lab, loading: Any) -> None:
    lab.write({"model.safetensors": TINY})
    lab.attest()
    refused("path-not-found", loading, lab, lab.root / "nowhere")
    (lab.root / "empty").mkdir()
    refused("folder-has-no-weights", loading, lab, lab.root / "empty")
    (lab.root / "model.bin").write_bytes(made(TINY))
    refused("weights-unsupported", loading, lab, lab.root / "model.bin")
    os.mkfifo(lab.root / "empty" / "model.safetensors")
    refused("file-special", loading, lab, lab.root / "empty")


def test_memory_is_not_asked_for_before_the_headers_fit(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.write({"model.safetensors": TINY})
    lab.attest()
    body = json.dumps({"a": {"dtype": "U8", "shape": [1 << 40], "data_offsets": [0, 1 << 40]}}).encode()
    with (lab.model / "model.safetensors").open("wb") as file:
        file.write(len(body).to_bytes(8, "little") + body)
        file.truncate(8 + len(body) + (1 << 40))  # a sparse tebibyte
    monkeypatch.setattr(np, "empty", lambda *_, **__: pytest.fail("memory was asked for"))
    refused("tensor-mismatch", load, lab)
