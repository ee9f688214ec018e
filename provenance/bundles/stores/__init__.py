"""Many bundles: kept once each, and found by what they speak of; one file a place to keep them.

    facts.py    what a bundle may be found by
    folder.py   a folder of bundles, the default, with a SQLite index beside it
    sql.py      a database for a team: PostgreSQL, or whatever SQLAlchemy speaks to

A store says where to look and is never believed. Every bundle that it hands out is named by the digest of the bytes
that were just read, and is verified like any other. What it does not hand out is as if it had not been handed in, which
never makes anything pass: a release names the bundles that it stands on by sha256, `get` looks them up by that alone,
and one that is not there leaves what needs it undetermined. What nobody lists and speaks against a model, whoever can
write to a store or its index can withhold, as whoever hands in a folder can. Revocations are in the trust file.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from provenance.bundles.store import EvidenceFile
from provenance.errors import BundleError

__all__ = ["BundleStore", "open_store"]


class BundleStore(Protocol):
    """Where bundles are kept, whatever keeps them; to be closed after use."""

    def add(self, data: bytes) -> str:
        """Keep a bundle, once: it is there, whole, whatever happens after this returns. Its sha256."""

    def get(self, digest: str) -> EvidenceFile | None:
        """The bundle with this sha256, computed from the bytes that were read; None where it is not there."""

    def find(self, subjects: Collection[str] = (), predicate_type: str = "") -> list[EvidenceFile]:
        """The bundles about any of the subjects (`algorithm:hex`) and of the predicate type, by name.

        Without subjects: about anything; without a type: of any.
        """

    def close(self) -> None:
        """Let go of what is open."""


def open_store(place: str, index: Path | None = None, *, make: bool = False) -> BundleStore:
    """The store at a place: a folder, with `make` also one that is not there yet, or the URL of a database.

    ProvenanceError where it cannot be used.
    """
    if "://" in place:
        from provenance.bundles.stores.sql import SqlStore

        return SqlStore(place)
    from provenance.bundles.stores.folder import FolderStore

    if make:
        try:
            Path(place).mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise BundleError("store-unusable", f"cannot make the folder: {err.strerror}", location=place,
                              hint="name a folder, or the place for a new one") from err
    return FolderStore(Path(place), index)
