"""The tree over records is that of RFC 6962, however its leaves arrive."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.artifacts.dataset.tree import Tree, head_from_path
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
