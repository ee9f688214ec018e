"""Statements of trusted producers: by a signature of their own, or in the voice that a layout of theirs lends."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from provenance import resources
from provenance.bundles.stores import open_store
from provenance.errors import BundleError
from provenance.statements.intoto import LEGACY_LINK
from provenance.workflows.keeping import evidence_about, keep, put_out
from provenance.workflows.trusted import trusted_statements

AS_OF = datetime(2026, 11, 23, 12, tzinfo=UTC)
VECTORS = resources._folder("attestations") / "vectors"
EVIDENCE, TRUST = VECTORS / "evidence", VECTORS / "bundles" / "trust.yaml"


@pytest.mark.parametrize("name", ["pipeline.jsonl", "pipeline-envelopes.jsonl"])
def test_a_link_that_meets_a_producers_layout_is_the_producers_word(name: str) -> None:
    _, (statement,) = trusted_statements(EVIDENCE / name, TRUST, AS_OF)
    assert statement.principal is not None
    assert (statement.principal.name, statement.voice) == ("lab", "trusted")
    assert statement.statement.predicate_type == LEGACY_LINK


@pytest.mark.parametrize("name", sorted(path.name for path in EVIDENCE.glob("bad-pipeline-*.jsonl")))
def test_a_link_that_meets_none_is_nobodys(name: str) -> None:
    with pytest.raises(BundleError):
        trusted_statements(EVIDENCE / name, TRUST, AS_OF)


def test_a_store_hands_out_the_layout_with_the_links(tmp_path: Path) -> None:
    """By what the link made; what lies in the folder then has the same voice."""
    (tmp_path / "store").mkdir()
    store = open_store(str(tmp_path / "store"))
    keep(store, [EVIDENCE / "pipeline.jsonl", VECTORS / "bundles" / "valid" / "dataset.ed25519.sigstore.json"])
    _, (link,) = trusted_statements(EVIDENCE / "pipeline.jsonl", TRUST, AS_OF)
    found = evidence_about(store, [f"sha256:{item.digest['sha256']}" for item in link.statement.subjects])
    store.close()
    assert len(found) == 2
    put_out(found, tmp_path / "out")
    _, (again,) = trusted_statements(tmp_path / "out", TRUST, AS_OF)
    assert again.sha256 == link.sha256
