"""What every store does: keeps a bundle once and whole, finds it by what it says, believes nothing that it keeps."""

from __future__ import annotations

import inspect
import json
import signal
import time
from typing import Any

import pytest

from provenance.bundles.envelope import sha256
from provenance.errors import BundleError
from provenance.statements.intoto import LEGACY_LINK
from tests.bundles.stores.conftest import Open, bundle, python

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
X, Y = "https://example.org/x/v1", "https://example.org/y/v1"


def names(found: Any) -> set[str]:
    return {file.sha256 for file in found}


def test_a_bundle_is_kept_once_and_had_by_its_digest(opening: Open) -> None:
    store, data = opening(), bundle(A)
    assert store.add(data) == store.add(data) == sha256(data)
    found = store.get(sha256(data))
    assert found is not None
    assert found.data == data
    assert [file.data for file in store.find()] == [data]
    assert store.get("0" * 64) is None
    assert store.get("../../etc/passwd") is None


def test_bundles_are_found_by_subject_and_by_predicate(opening: Open) -> None:
    store = opening()
    one, two, three = bundle(A), bundle(A, B, kind=Y), bundle(C, kind=Y)
    for data in (one, two, three):
        store.add(data)
    for subjects, kind, expected in (
        ([A], "", {one, two}), ([B], "", {two}), ([A], Y, {two}), ([A], X, {one}), ([], Y, {two, three}),
        ([B, C], "", {two, three}), ([], "", {one, two, three}), (["sha256:" + "d" * 64], "", set()),
        ([A[7:]], "", set()), (["%"], "", set()), ([], "%", set()), ([A.upper()], "", set()),
    ):
        assert names(store.find(subjects, kind)) == {sha256(data) for data in expected}, (subjects, kind)


def metablock(*made: str) -> bytes:
    """What looks like an in-toto link from before attestations, which made these files; nobody signed it."""
    products = {f"file{number}": dict([digest.split(":", 1)]) for number, digest in enumerate(made)}
    signed = {"_type": "link", "name": "train", "command": [], "materials": {"old": {"sha256": "e" * 64}},
              "products": products | {"old": {"sha256": "e" * 64}}, "byproducts": {}, "environment": {}}
    return json.dumps({"signed": signed, "signatures": [{"keyid": "k", "sig": "00"}]}).encode()


def test_a_link_from_before_attestations_is_found_by_what_it_made(opening: Open) -> None:
    store, data = opening(), metablock(A)
    store.add(data)
    store.add(bundle(B))
    assert names(store.find([A])) == names(store.find([], LEGACY_LINK)) == names(store.find([A], LEGACY_LINK)) == {
        sha256(data)}
    assert store.find(["sha256:" + "e" * 64]) == [], "it did not make what lay there before"


def test_a_file_of_several_is_kept_whole_and_found_piece_by_piece(opening: Open) -> None:
    store, pieces = opening(), (bundle(A), bundle(B, kind=Y), metablock(C))
    whole = b"\n".join(pieces) + b"\n"
    assert store.add(whole) == store.add(whole) == sha256(whole)
    for subject, kind, piece in ((A, X, pieces[0]), (B, Y, pieces[1]), (C, LEGACY_LINK, pieces[2])):
        for found in (store.find([subject]), store.find([], kind), store.find([subject], kind)):
            assert [file.data for file in found] == [piece]
        fetched = store.get(sha256(piece))
        assert fetched is not None
        assert fetched.data == piece
    fetched = store.get(sha256(whole))
    assert fetched is not None
    assert fetched.data == whole
    assert names(store.find()) == {sha256(piece) for piece in pieces}


def test_an_older_name_of_a_digest_is_found_by_the_newer(opening: Open) -> None:
    store, data = opening(), bundle("dirHash1:" + "a" * 64)
    store.add(data)
    assert names(store.find(["dirHash:" + "a" * 64])) == {sha256(data)}


@pytest.mark.parametrize("data", [
    b"", b"{}", b"\xff\x00", b"[" * 5000, b'{"payload": 1}', b'{"payload": "bm90IEpTT04="}', b'{"dsseEnvelope": null}',
    bundle("sha256:\x00"), bundle("sha256:" + "a" * 100_000), bundle(kind="\x00"),
])
def test_what_cannot_be_read_is_kept_and_found_by_nothing_but_its_digest(opening: Open, data: bytes) -> None:
    store = opening()
    digest = store.add(data)
    assert store.get(digest) is not None
    assert names(store.find()) == {digest}
    assert store.find([A]) == []


def test_what_is_too_large_is_not_kept(opening: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    from provenance.bundles.stores import folder

    monkeypatch.setattr(folder, "MAX_BUNDLE", 4)
    if "://" in opening.place:  # type: ignore[attr-defined]
        from provenance.bundles.stores import sql

        monkeypatch.setattr(sql, "MAX_BUNDLE", 4)
    store = opening()
    with pytest.raises(BundleError) as caught:
        store.add(b"12345")
    assert caught.value.code == "document-too-large"
    assert store.find() == []


def test_many_subjects_are_asked_for_at_once(opening: Open) -> None:
    store = opening()
    for data in (bundle(A), bundle(B)):
        store.add(data)
    many = [f"sha256:{number:064x}" for number in range(3000)]
    assert len(store.find([*many, A, B])) == 2


def test_what_one_has_added_another_finds(opening: Open) -> None:
    one, other = opening(), opening()
    assert other.find([A]) == []
    one.add(bundle(A))
    assert len(other.find([A])) == 1


WRITER = "import base64, json, sys\n" + inspect.getsource(bundle) + """
from provenance.bundles.stores import open_store
store = open_store(sys.argv[1])
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    digest = store.add(bundle("sha256:" + "a" * 64, note=str(number)))
    print(digest, flush=True)
    if number % 10 == 0:
        store.find(["sha256:" + "a" * 64])
"""


def test_two_writers_at_once_lose_nothing(opening: Open) -> None:
    """The ranges overlap: half of the bundles are added by both."""
    place = opening.place  # type: ignore[attr-defined]
    writers = [python(WRITER, place, *map(str, span)) for span in ((0, 40), (20, 60))]
    for writer in writers:
        writer.communicate(timeout=120)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert names(opening().find([A])) == {sha256(bundle(A, note=str(number))) for number in range(60)}


def test_a_writer_that_is_killed_loses_nothing_that_it_was_told_is_kept(opening: Open) -> None:
    place, rounds = opening.place, 3  # type: ignore[attr-defined]
    told: set[str] = set()
    for attempt in range(rounds):
        writer = python(WRITER, place, str(1000 * attempt), str(1000 * attempt + 1000))
        assert writer.stdout is not None
        told |= {writer.stdout.readline().strip().decode() for _ in range(5 + attempt)}
        time.sleep(0.01 * attempt)
        writer.send_signal(signal.SIGKILL)
        rest, _ = writer.communicate(timeout=30)
        told |= {line.decode() for line in rest.splitlines(keepends=False) if len(line) == 64}
        assert writer.returncode == -signal.SIGKILL
        store = opening()
        found = names(store.find([A]))
        assert told <= found
        assert told <= {digest for digest in told if store.get(digest)}
        # Of the one that was being written there is all or nothing.
        assert found <= {sha256(bundle(A, note=str(number))) for number in range(1000 * (attempt + 1))}
        store.add(bundle(B, note=str(attempt)))
        assert len(store.find([B])) == attempt + 1
