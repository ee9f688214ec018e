"""OMS v1.0: written and read by its specification.

What is refused of a statement or a model, and by which code, is in the golden vectors (tests/vectors).
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.artifacts.manifest import Manifest, root_of, scan
from provenance.bundles.oms import (
    MODEL_SIGNATURE,
    ModelSignature,
    Serialization,
    compare_with,
    model_statement,
    read_signature,
    serialization_for,
)
from provenance.bundles.oms.resources import Rows
from provenance.bundles.signers.key import load_signer
from provenance.errors import ArtifactError, StatementError
from provenance.statements.statement import ResourceDescriptor, Statement
from provenance.workflows.sign import sign_model, verify_bundle

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with files at several depths, and what OMS leaves out."""
    place = tmp_path / "model"
    files = {"b.txt": b"b", "a/z.bin": b"z", "a.txt": b"a", "empty": b"", ".hidden": b"h", ".git/config": b"g",
             ".gitattributes": b"g", "sub/.gitignore": b"kept", "é": b"e"}
    for name, data in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    return place


def read(statement: Statement) -> ModelSignature:
    return read_signature(Statement.from_bytes(statement.to_bytes(), "input"), "input")


def found(signature: ModelSignature, manifest: Manifest) -> list[tuple[str, str]]:
    return [(finding.code, finding.location) for finding in compare_with(signature, manifest)]


def test_a_signature_lists_files_sorted_and_leaves_out_repository_files_at_the_top(model: Path) -> None:
    statement = model_statement(scan(model))
    assert statement.predicate_type == MODEL_SIGNATURE
    names = [row["name"] for row in statement.predicate["resources"]]
    assert names == [".hidden", "a.txt", "a/z.bin", "b.txt", "empty", "sub/.gitignore", "é"]
    assert statement.predicate["resources"][3] == {
        "name": "b.txt", "algorithm": "sha256", "digest": hashlib.sha256(b"b").hexdigest()}
    assert statement.predicate["serialization"] == {
        "method": "files", "hash_type": "sha256", "allow_symlinks": False,
        "ignore_paths": [".git", ".gitattributes", ".github", ".gitignore"]}
    digests = b"".join(bytes.fromhex(row["digest"]) for row in statement.predicate["resources"])
    assert statement.subjects == (ResourceDescriptor("model", {"sha256": hashlib.sha256(digests).hexdigest()}),)


def test_nothing_of_ours_is_in_it(model: Path) -> None:
    statement = json.loads(model_statement(scan(model)).to_bytes())
    assert set(statement) == {"_type", "subject", "predicateType", "predicate"}
    assert set(statement["subject"][0]) == {"name", "digest"}
    assert set(statement["predicate"]) == {"resources", "serialization"}


def test_a_single_file_is_named_by_its_last_part(model: Path) -> None:
    statement = model_statement(scan(model / "a" / "z.bin"))
    assert [row["name"] for row in statement.predicate["resources"]] == ["z.bin"]
    assert statement.subjects[0].name == "z.bin"
    assert found(read(statement), scan(model / "a" / "z.bin")) == []


def test_what_is_signed_is_recognised(model: Path) -> None:
    manifest = scan(model)
    signature = read(model_statement(manifest))
    assert found(signature, manifest) == []
    assert signature.serialization.ignored == (".git", ".gitattributes", ".github", ".gitignore")


@pytest.mark.parametrize(("change", "expected"), [
    (lambda place: (place / "a.txt").write_bytes(b"x"), [("file-mismatch", "a.txt")]),
    (lambda place: (place / "a.txt").write_bytes(b""), [("file-mismatch", "a.txt")]),
    (lambda place: (place / "empty").unlink(), [("file-missing", "empty")]),
    (lambda place: (place / "__init__.py").touch(), [("file-not-covered", "__init__.py")]),
    (lambda place: (place / ".cache").write_bytes(b"x"), [("file-not-covered", ".cache")]),
    (lambda place: (place / "b.txt").rename(place / "c"), [("file-missing", "b.txt"), ("file-not-covered", "c")]),
    (lambda place: (place / ".git" / "hook").write_bytes(b"x"), []),
    (lambda place: (place / "sub" / ".git").write_bytes(b"x"), [("file-not-covered", "sub/.git")]),
    (lambda place: (place / ".gitattributes.py").write_bytes(b"x"), [("file-not-covered", ".gitattributes.py")]),
])
def test_any_difference_is_told_by_file(model: Path, change: Callable[[Path], None], expected: Any) -> None:
    signature = read(model_statement(scan(model)))
    change(model)
    assert found(signature, scan(model)) == expected


def test_the_contents_of_two_files_exchanged_are_told(model: Path) -> None:
    """The set of digests is the same."""
    signature = read(model_statement(scan(model)))
    (model / "a.txt").write_bytes(b"b")
    (model / "b.txt").write_bytes(b"a")
    assert found(signature, scan(model)) == [("file-mismatch", "a.txt"), ("file-mismatch", "b.txt")]


def ignoring(manifest: Manifest, *paths: str) -> ModelSignature:
    statement = model_statement(manifest)
    serialization = {**statement.predicate["serialization"], "ignore_paths": list(paths)}
    changed = Statement(statement.subjects, MODEL_SIGNATURE, {**statement.predicate, "serialization": serialization})
    return read(changed)


def test_ignored_paths_are_exact_and_from_the_top(model: Path) -> None:
    signature = ignoring(scan(model), "notes", "logs/run.txt")
    for name in ("notes/deep/x", "logs/run.txt", "logs/other.txt", "sub/notes", "notes.txt"):
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_bytes(b"x")
    assert found(signature, scan(model)) == [
        ("file-not-covered", "logs/other.txt"), ("file-not-covered", "notes.txt"), ("file-not-covered", "sub/notes")]


def test_a_listed_file_under_an_ignored_path_is_still_held_to_its_digest(model: Path) -> None:
    signature = ignoring(scan(model), "a")
    (model / "a" / "z.bin").write_bytes(b"x")
    assert found(signature, scan(model)) == [("file-mismatch", "a/z.bin")]


def test_an_old_signature_fits_no_new_version(model: Path) -> None:
    signature = read(model_statement(scan(model)))
    for name in ("a.txt", "b.txt"):
        (model / name).write_bytes(b"new")
    assert len(found(signature, scan(model))) == 2


A, B = "a" * 64, "b" * 64


@pytest.mark.parametrize("digests", [
    [A[1:], B + "b"], [A + "a", B[1:]], [A[2:], B + "bb"], [A + B, ""], ["", A + B], [A, B[:-1]], [A, B[:-2]], [A, ""],
    [A.upper(), B], [A, B[:-1] + "B"], [A, B[:-1] + " "], [" " + A[1:], B], [A[:2] + " " + A[2:63], B],
    [A, "\u0661" * 64], [A, "\uff41" * 64], [A, B + "\n"], [A, "0x" + B[2:]], [A, "g" * 64],
])
def test_a_digest_that_is_none_is_refused_however_the_list_reads_in_one(model: Path, digests: list[str]) -> None:
    """The digests are read in one go: where one ends and the next begins must not be the reader's choice."""
    statement = model_statement(scan(model))
    rows = [{"name": name, "algorithm": "sha256", "digest": digest}
            for name, digest in zip("xy", digests, strict=True)]
    root = hashlib.sha256(bytes.fromhex(A + B)).hexdigest()
    forged = Statement((ResourceDescriptor("model", {"sha256": root}),), MODEL_SIGNATURE,
                       {**statement.predicate, "resources": rows})
    with pytest.raises(StatementError) as caught:
        read_signature(forged, "input")
    assert caught.value.code in ("statement-invalid", "schema-mismatch")
    with pytest.raises(StatementError, match=r"6\.3\.1"):
        rows_of(digests).root(64)


def rows_of(digests: list[str]) -> Rows:
    """A list of these digests under names that do not matter."""
    return Rows({str(number): digest for number, digest in enumerate(digests)}, len(digests), "input")


@pytest.mark.parametrize("place", [0, 1023, 1024, 1025, 2999])
def test_one_digest_among_thousands_that_is_none_is_found(place: int) -> None:
    """They are read in one go a thousand at a time."""
    for odd in (A[1:], A + "a", A[:-1] + "G"):
        digests = [A] * 3000
        digests[place] = odd
        digests[(place + 1) % 3000] = B + "b" if len(odd) < 64 else B[1:] if len(odd) > 64 else B
        with pytest.raises(StatementError, match=r"6\.3\.1"):
            rows_of(digests).root(64)
    assert rows_of([A] * 3000).root(64) == root_of([A] * 3000)


@given(st.lists(st.binary(min_size=32, max_size=32).map(bytes.hex), max_size=5))
def test_the_root_of_a_signature_is_that_of_the_files(digests: list[str]) -> None:
    assert not digests or rows_of(digests).root(64) == root_of(digests)


@pytest.mark.parametrize("odd", [0, 1, 2])
def test_one_odd_row_among_good_ones_is_refused(model: Path, odd: int) -> None:
    """Whatever holds for all rows is checked at one go; one row must be enough to break it."""
    statement = model_statement(scan(model))
    for change in ({"name": "a/../b"}, {"name": "zz/nul"}, {"algorithm": "blake2b"}, {"digest": "ab"}):
        rows = [dict(row) for row in statement.predicate["resources"]]
        rows[odd] |= change
        rows.sort(key=lambda row: row["name"])
        with pytest.raises(StatementError, match="not a model signature"):
            read_signature(
                Statement(statement.subjects, MODEL_SIGNATURE, {**statement.predicate, "resources": rows}), "input")


def test_the_order_part_by_part_of_the_reference_implementation_is_taken_and_no_other(model: Path) -> None:
    names = ["a/b", "a-c"]  # part by part; by code points the other way round
    assert sorted(names) != names
    for order, good in ((names, True), (names[::-1], True), (["b", "a"], False), (["a/b", "a-c", "a/d"], False)):
        rows = [{"name": name, "algorithm": "sha256", "digest": A} for name in order]
        root = hashlib.sha256(bytes.fromhex(A) * len(rows)).hexdigest()
        statement = Statement((ResourceDescriptor("model", {"sha256": root}),), MODEL_SIGNATURE,
                              {**model_statement(scan(model)).predicate, "resources": rows})
        if good:
            assert list(read_signature(statement, "input").resources) == order
        else:
            with pytest.raises(StatementError, match=r"5\.2\.1"):
                read_signature(statement, "input")


# Through the workflows


def test_a_signed_model_verifies_until_it_changes(model: Path, holder: Callable[..., Any]) -> None:
    lab = holder("lab", "ecdsa-p256")
    (lab.path.parent / "lab.pub").write_bytes(lab.public)
    signed = sign_model(model, signer=lambda: lab.signer)
    assert (signed.files, signed.bundle.name) == (7, "model.sig")

    def check() -> Any:
        return verify_bundle(signed.bundle, as_of=NOW, key=lab.path.parent / "lab.pub", model=model)

    assert check().verified
    (model / "a.txt").write_bytes(b"x")
    again = check()
    assert not again.verified
    assert [finding.code for finding in again.findings] == ["file-mismatch"]


def test_the_signer_of_a_key_file_is_asked_once(model: Path, holder: Any) -> None:
    lab, asked = holder(), list[int]()

    def signer() -> Any:
        asked.append(1)
        return load_signer(lab.path, lambda: None)

    sign_model(model, signer=signer)
    assert asked == [1]


PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
SIZES = st.one_of(st.none(), st.integers(1, 9))
SERIALIZATIONS = st.builds(
    lambda size, name, left: serialization_for("shards" if size else "files", name, shard_size=size, ignored=[*left]),
    SIZES, st.sampled_from(["sha256", "blake2b", "blake3"]), st.sets(PATHS, max_size=2))


@settings(max_examples=30)
@given(st.dictionaries(PATHS, st.binary(max_size=20), min_size=1, max_size=5), SERIALIZATIONS, st.data())
def test_whatever_is_signed_is_recognised_and_no_byte_of_it_may_change(
    files: dict[str, bytes], serialization: Serialization, data: st.DataObject
) -> None:
    files = {path: content for path, content in files.items()
             if not any(other != path and f"{other}/".startswith(f"{path}/") for other in files)}
    with tempfile.TemporaryDirectory() as folder:
        for path, content in files.items():
            (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / path).write_bytes(content)

        def scanned() -> Manifest:
            return scan(Path(folder), wanted=serialization.wanted)

        listed = sorted(entry.path for entry in scanned().files if serialization.lists(entry))
        if not listed:
            with pytest.raises(ArtifactError, match="nothing to sign"):
                model_statement(scanned(), serialization)
            return
        signature = read(model_statement(scanned(), serialization))
        assert sorted(signature.resources) == listed
        assert found(signature, scanned()) == []
        assert all(signature.may_be(path, len(files[path])) for path in listed)
        path = data.draw(st.sampled_from(listed))
        content = data.draw(st.binary(max_size=20).filter(lambda other: other != files[path]))
        (Path(folder) / path).write_bytes(content)
        assert found(signature, scanned()) == [("file-mismatch", path)]
