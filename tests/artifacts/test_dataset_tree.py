"""The tree over records is that of RFC 6962, however its leaves arrive."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.artifacts.dataset.proof import prove
from provenance.artifacts.dataset.splits import layout_of
from provenance.artifacts.dataset.tree import Tree, head_from_path
from provenance.errors import ArtifactError
from provenance.workflows.dataset import digest_dataset, prove_row
from tests.vectors import dataset_reference as reference


@settings(max_examples=60)
@given(st.integers(1, 70), st.data())
def test_the_tree_and_its_paths_are_those_of_rfc_6962(count: int, data: st.DataObject) -> None:
    leaves = [reference.h(bytes([at])) for at in range(count)]
    at = data.draw(st.integers(0, count - 1))
    tree = Tree(at)
    while tree.count < count:  # in batches of any size
        tree.extend(leaves[tree.count : tree.count + data.draw(st.integers(1, 9))])
    assert tree.head() == reference.mth(leaves)
    assert list(tree.path()) == reference.audit_path(at, leaves)
    assert head_from_path(leaves[at], at, count, tree.path()) == tree.head()
    other = data.draw(st.integers(0, count + 1))
    assert other == at or head_from_path(leaves[at], other, count, tree.path()) != tree.head()


def test_a_tree_without_the_leaf_has_no_path() -> None:
    for tree in (Tree(), Tree(3)):
        tree.extend([bytes(32)])
        with pytest.raises(IndexError):
            tree.path()


def test_every_record_of_a_dataset_can_be_proved(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table({"id": range(11), "text": [f"row {at}" for at in range(11)]})
    folder = tmp_path / "data"
    folder.mkdir()
    pq.write_table(table.slice(0, 5), folder / "train-00000-of-00002.parquet")
    pq.write_table(table.slice(5, 6), folder / "train-00001-of-00002.parquet")
    pq.write_table(table.slice(0, 1), folder / "test.parquet")
    wanted = digest_dataset(folder).root
    for split, count in (("train", 11), ("test", 1)):
        for at in range(count):
            proof = prove(layout_of(folder), split, at)
            assert proof.root == proof.claimed == wanted
            assert proof.values["id"] == at
    with pytest.raises(ArtifactError, match="has no record 11") as caught:
        prove_row(folder, 11, split="train")
    assert caught.value.code == "dataset-row-missing"
