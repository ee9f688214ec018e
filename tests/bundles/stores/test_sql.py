"""A store in a database: what its tables say is no more believed than a file's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.bundles.envelope import sha256
from provenance.bundles.stores import open_store
from provenance.errors import ArtifactError
from tests.bundles.stores.conftest import bundle

sqlalchemy = pytest.importorskip("sqlalchemy")
A, B = (f"sha256:{letter * 64}" for letter in "ab")


def test_rows_that_were_edited_are_not_handed_out_for_what_they_were(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    store = open_store(url)
    digest = store.add(bundle(A))
    with sqlalchemy.create_engine(url).begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE provenance_bundles SET data = :data"), {"data": bundle(B)})
    assert store.get(digest) is None
    assert store.find([A]) == []
    assert store.add(bundle(A)) == digest
    assert [file.sha256 for file in store.find([A])] == [digest]
    with sqlalchemy.create_engine(url).begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE provenance_subjects SET subject = :subject"), {"subject": B})
    assert store.find([B]) == []
    assert store.get(digest) is not None
    store.close()


@pytest.mark.parametrize(("url", "code"), [
    ("nonsense://", "store-unusable"), ("://", "store-unusable"), ("sqlite:////none/there/x.db", "store-unusable"),
    ("postgresql+psycopg://user:secret@127.0.0.1:1/x", "store-unusable"),
])
def test_a_database_that_cannot_be_used_is_told_without_its_password(url: str, code: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        open_store(url)
    assert caught.value.code == code
    assert "secret" not in caught.value.message + caught.value.location + caught.value.hint


def test_names_are_of_digests_and_not_of_rows(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    store.add(bundle(A))
    assert [file.name for file in store.find()] == [f"{sha256(bundle(A))}.sigstore.json"]
    store.close()
