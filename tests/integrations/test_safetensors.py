"""Verified loading: what is returned is what was checked, and what was not signed is not returned."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from provenance.artifacts.hashing import read_file
from provenance.bundles.envelope import MAX_BUNDLE
from provenance.errors import ProvenanceError
from provenance.integrations import reading
from provenance.integrations.lazy import VerifiedWeights
from provenance.integrations.safetensors import load_verified, open_verified
from provenance.statements.statement import ResourceDescriptor
from tests.integrations.conftest import MANY, NOW, TINY, Lab, Tensors, flip, floats, without_list
from tests.integrations.conftest import safetensors as made

SHARDS: dict[str, Tensors] = {
    "model-1.safetensors": {"large": MANY["large"], "odd": MANY["odd"]}, "sub/model-2.safetensors": TINY,
}


def load(lab: Lab, path: Path | None = None, bundle: Path | None = None, **options: Any) -> dict[str, Any]:
    return load_verified(path or lab.model, bundle or lab.evidence, lab.trust, as_of=NOW, **options)


def load_each(lab: Lab, path: Path | None = None, bundle: Path | None = None, **options: Any) -> dict[str, Any]:
    with opened(lab, path, bundle, **options) as weights:
        return {name: weights.get(name) for name in weights.keys()}  # noqa: SIM118  the method is what is tested


def opened(lab: Lab, path: Path | None = None, bundle: Path | None = None, **options: Any) -> VerifiedWeights[Any]:
    return open_verified(path or lab.model, bundle or lab.evidence, lab.trust, as_of=NOW, **options)


BOTH = pytest.mark.parametrize("loading", [load, load_each])


def refused(code: str, loading: Any, *arguments: Any, **options: Any) -> ProvenanceError:
    with pytest.raises(ProvenanceError) as caught:
        loading(*arguments, **options)
    assert caught.value.code == code, (caught.value.code, caught.value.message)
    assert caught.value.hint
    return caught.value


def contents(arrays: dict[str, Any]) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in arrays.items()}


@BOTH
@pytest.mark.parametrize("signed", ["tensors", "root", "files"])
def test_every_tensor_is_returned_with_the_bytes_that_were_signed(lab: Lab, loading: Any, signed: str) -> None:
    lab.write(SHARDS)
    if signed == "files":
        lab.sign_files()
    else:
        lab.attest(change=None if signed == "tensors" else without_list)
    arrays = loading(lab)
    assert contents(arrays) == {name: content for name, (_, _, content) in MANY.items()}
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    assert shapes == {name: list(shape) for name, (_, shape, _) in MANY.items()}


def test_what_the_safetensors_package_reads_is_what_is_loaded(lab: Lab) -> None:
    values = {"w": np.arange(12, dtype="f4").reshape(3, 4), "i": np.array(-5, dtype="i8"),
              "h": np.ones((2, 0), dtype="f2")}  # fmt: skip
    lab.model.mkdir()
    safetensors.numpy.save_file(values, lab.model / "model.safetensors")
    lab.attest()
    for name, array in load(lab).items():
        assert array.dtype == values[name].dtype
        np.testing.assert_array_equal(array, values[name])
        assert array.flags.writeable
        assert array.flags.owndata or array.base is not None


@BOTH
@pytest.mark.parametrize(("dtype", "kind", "size"), [
    ("BF16", "<u2", 2), ("F8_E4M3", "|u1", 1), ("F8_E8M0", "|u1", 1), ("BOOL", "|b1", 1), ("C64", "<c8", 8),
    ("F16", "<f2", 2), ("U64", "<u8", 8),
])  # fmt: skip
def test_what_numpy_has_no_type_for_comes_as_unsigned_integers_of_the_same_bits(
    lab: Lab, loading: Any, dtype: str, kind: str, size: int
) -> None:
    lab.write({"model.safetensors": {"x": (dtype, [2, 2], bytes(range(4 * size)) if dtype != "BOOL" else b"\0\1\1\0")}})
    lab.attest()
    array = loading(lab)["x"]
    assert (array.dtype.str, array.shape) == (kind, (2, 2))


def test_packed_floats_come_as_their_bytes_and_the_dtype_can_be_asked_for(lab: Lab) -> None:
    lab.write({"model.safetensors": {"x": ("F4", [2, 4], b"\x12\x34\x56\x78")}})
    lab.attest()
    with opened(lab) as weights:
        assert weights.dtype("x") == "F4"
        assert weights.get("x").tobytes() == b"\x12\x34\x56\x78"
        assert weights.get("x").shape == (4,)


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
])  # fmt: skip
def test_a_malformed_list_counts_as_none(lab: Lab, loading: Any, rows: Any) -> None:
    lab.write({"model.safetensors": TINY})
    lab.attest(change=_listing(lambda _: rows))
    assert set(loading(lab)) == set(TINY)  # by the root, which is right
    flip(lab.model / "model.safetensors")
    refused("tensor-mismatch", loading, lab)


class TestWhoIsBelieved:
    """Only a trusted producer's statements about weights count, and only while nothing revokes them."""

    def test_a_stranger(self, lab: Lab) -> None:
        lab.write({"model.safetensors": TINY})
        lab.add("stranger", "producer", trusted=False)
        lab.attest(key="stranger")
        assert "does not list" in refused("signature-unknown-signer", load, lab).message

    def test_somebody_who_is_no_producer(self, lab: Lab) -> None:
        lab.write({"model.safetensors": TINY})
        lab.add("supplier", "data-supplier")
        lab.attest(key="supplier")
        refused("evidence-none", load, lab)

    def test_a_broken_signature(self, lab: Lab) -> None:
        lab.write({"model.safetensors": TINY})
        bundle = lab.attest()
        document = json.loads(bundle.read_text())
        signature = document["dsseEnvelope"]["signatures"][0]
        signature["sig"] = ("A" if signature["sig"][0] != "A" else "B") + signature["sig"][1:]
        bundle.write_text(json.dumps(document))
        refused("signature-invalid", load, lab)

    def test_an_evaluation_of_the_model_says_nothing_of_its_weights(self, lab: Lab) -> None:
        lab.write({"model.safetensors": TINY})
        lab.attest(kind="evaluate")
        refused("evidence-none", load, lab)

    def test_an_empty_folder(self, lab: Lab) -> None:
        lab.write({"model.safetensors": TINY})
        lab.evidence.mkdir()
        refused("evidence-none", load, lab)
        refused("path-not-found", load, lab, bundle=lab.root / "nowhere")

    def test_recalled_weights(self, lab: Lab) -> None:
        lab.write({"model.safetensors": TINY})
        statement = json.loads(_payload(lab.attest()))
        root = next(s["digest"]["tensorTree"] for s in statement["subject"] if "tensorTree" in s["digest"])
        lab.revoke(artifacts=[f"tensorTree:{root}"])
        assert "recalls" in refused("signer-revoked", load, lab).message

    def test_a_recalled_file(self, lab: Lab) -> None:
        path = lab.write({"model.safetensors": TINY}) / "model.safetensors"
        lab.sign_files()
        lab.revoke(artifacts=[f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"])
        refused("signer-revoked", load, lab)

    def test_a_revoked_bundle(self, lab: Lab) -> None:
        lab.write({"model.safetensors": TINY})
        lab.revoke(bundles=[hashlib.sha256(lab.attest().read_bytes()).hexdigest()])
        refused("signer-revoked", load, lab)

    def test_a_bundle_that_is_larger_than_any(self, lab: Lab) -> None:
        lab.write({"model.safetensors": TINY})
        lab.evidence.mkdir()
        with (lab.evidence / "train.sigstore.json").open("wb") as file:
            file.truncate(MAX_BUNDLE + 1)
        refused("document-too-large", load, lab)

    def test_an_expired_trust_file(self, lab: Lab) -> None:
        lab.write({"model.safetensors": TINY})
        lab.attest()
        late = datetime(2031, 1, 1, tzinfo=UTC)
        with pytest.raises(ProvenanceError) as caught:
            load_verified(str(lab.model), str(lab.evidence), str(lab.trust), as_of=late)
        assert caught.value.code == "trust-expired"

    def test_by_default_it_is_now(self, lab: Lab) -> None:
        lab.write({"model.safetensors": TINY})
        lab.attest()
        assert set(load_verified(str(lab.model), str(lab.evidence), str(lab.trust))) == set(TINY)


def _payload(bundle: Path) -> bytes:
    import base64

    return base64.b64decode(json.loads(bundle.read_bytes())["dsseEnvelope"]["payload"])


@pytest.mark.parametrize(("spoil", "code"), [
    (lambda data: data[:-1], "safetensors-truncated"), (lambda data: data + b"x", "safetensors-invalid"),
    (lambda data: data[:4], "safetensors-truncated"), (lambda _: b"", "safetensors-truncated"),
    (lambda data: (1 << 40).to_bytes(8, "little") + data[8:], "safetensors-invalid"),
    (lambda data: data.replace(b'"b"', b'"a"', 1), "safetensors-invalid"),
    (lambda _: made({}), "folder-has-no-weights"),
])  # fmt: skip
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
        monkeypatch.setattr(reading, "_facts", lambda descriptor: (os.fstat(descriptor).st_size, 0, 0))
        with opened(lab) as weights:
            flip_in_place(lab.model / "model.safetensors")
            refused("tensor-mismatch", weights.get, "bad")
            assert weights.get("good").tolist() == [1.0]

    def test_a_file_that_shrinks_is_an_error_and_no_crash(self, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
        lab.write({"model.safetensors": MANY})
        lab.attest()
        monkeypatch.setattr(reading, "_facts", lambda descriptor: (os.fstat(descriptor).st_size, 0, 0))
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
        monkeypatch.setattr(reading, "_facts", lambda descriptor: (os.fstat(descriptor).st_size, 0, 0))

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


def flip_in_place(path: Path, place: int = -1) -> None:
    with path.open("r+b") as file:
        file.seek(place, os.SEEK_END if place < 0 else os.SEEK_SET)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def write_in_place(path: Path, data: bytes) -> None:
    with path.open("r+b") as file:
        file.write(data)


def test_where_there_is_no_preadv_the_bytes_are_the_same(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.write(SHARDS)
    lab.attest()
    expected = contents(load(lab))
    monkeypatch.delattr(os, "preadv")
    assert contents(load(lab)) == expected


def test_a_tensor_is_read_once(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.write(SHARDS)
    lab.attest()
    lab.sign_files()
    read: list[tuple[int, int]] = []
    preadv = os.preadv

    def counted(descriptor: int, views: Any, position: int) -> int:
        count = preadv(descriptor, views, position)
        read.append((position, count))
        return count

    monkeypatch.setattr(os, "preadv", counted)
    load(lab)
    assert sum(count for _, count in read) == sum(len(content) for _, _, content in MANY.values())


def test_without_numpy_it_says_what_to_install(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "numpy", None)
    assert "pip install" in refused("extra-missing", load, lab).hint


def test_an_array_that_cannot_be_made_is_an_error(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.write({"model.safetensors": TINY})
    lab.attest()

    def none_left(*_: Any, **__: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(np, "empty", none_left)
    refused("weights-unsupported", load, lab)
