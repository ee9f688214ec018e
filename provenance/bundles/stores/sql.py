"""A store in a database, for a team: PostgreSQL, or another that SQLAlchemy speaks to (extra `store`).

    bundles    sha256, the bytes, the predicate type
    subjects   algorithm:hex, sha256

A bundle is added in one transaction, so that it is there with everything by which it is found, or not at all. As with a
folder, nothing that the database says is believed: the digest is that of the bytes that came back, and a row is handed
out only if its own bytes match what was asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from provenance.bundles.envelope import MAX_BUNDLE, sha256
from provenance.bundles.store import SUFFIX, EvidenceFile, in_order, pieces
from provenance.bundles.stores.facts import facts_unverified
from provenance.errors import ArtifactError, BundleError

if TYPE_CHECKING:
    from sqlalchemy import Connection

_MANY = 500  # subjects in one question: databases limit the number of parameters


class SqlStore:
    """Bundles in a database, by its URL. A `BundleStore`."""

    def __init__(self, url: str) -> None:
        try:
            import sqlalchemy
        except ModuleNotFoundError as err:
            raise ArtifactError("extra-missing", "a store in a database needs SQLAlchemy", location="store",
                                hint="install open-provenance[store]") from err
        try:
            # A team's password may be in the URL: only what SQLAlchemy masks is ever printed.
            address = sqlalchemy.make_url(url)
        except sqlalchemy.exc.ArgumentError as err:
            raise ArtifactError("store-unusable", "this is not the URL of a database", location="store",
                                hint="write it as postgresql+psycopg://user@host/name") from err
        self._place = address.render_as_string(hide_password=True)
        metadata = sqlalchemy.MetaData()
        self._bundles = sqlalchemy.Table(
            "provenance_bundles", metadata,
            sqlalchemy.Column("sha256", sqlalchemy.String(64), primary_key=True),
            sqlalchemy.Column("predicate_type", sqlalchemy.Text, nullable=False, index=True),
            sqlalchemy.Column("data", sqlalchemy.LargeBinary, nullable=False),
        )
        self._subjects = sqlalchemy.Table(
            "provenance_subjects", metadata,
            sqlalchemy.Column("subject", sqlalchemy.Text, primary_key=True),
            sqlalchemy.Column("sha256", sqlalchemy.String(64), sqlalchemy.ForeignKey(self._bundles.c.sha256),
                              primary_key=True),
        )
        with self._told():
            self._engine = sqlalchemy.create_engine(address, pool_pre_ping=True)
            self._create(metadata)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def add(self, data: bytes) -> str:
        """Insert a bundle, with its facts, in one transaction; one that is there already stays.

        A file of several pieces is kept whole and, before that, piece by piece: each is found by its own facts.
        """
        if len(data) > MAX_BUNDLE:
            raise BundleError("document-too-large", f"{len(data)} bytes; the limit is {MAX_BUNDLE}",
                              location=self._place, hint="split the evidence")
        digest = sha256(data)
        for piece in pieces("", data):
            if piece.sha256 != digest:
                self._put(piece.sha256, piece.data or b"")
        self._put(digest, data)
        return digest

    def _put(self, digest: str, data: bytes) -> None:
        from sqlalchemy import exc

        with self._told():
            try:
                with self._engine.begin() as connection:
                    self._insert(connection, digest, data)
            except exc.IntegrityError:  # another writer has it in by now, or its bytes were changed since
                with self._engine.begin() as connection:
                    self._repair(connection, digest, data)

    def get(self, digest: str) -> EvidenceFile | None:
        """By the primary key, if the bytes are the ones that it names."""
        from sqlalchemy import select

        with self._connected() as connection:
            data = connection.execute(
                select(self._bundles.c.data).where(self._bundles.c.sha256 == digest)).scalar_one_or_none()
        return _evidence(bytes(data)) if data is not None and sha256(bytes(data)) == digest else None

    def find(self, subjects: Collection[str] = (), predicate_type: str = "") -> list[EvidenceFile]:
        """What the database says, held against what was asked."""
        with self._connected() as connection:
            rows = [bytes(data) for question in self._questions(sorted(set(subjects)), predicate_type)
                    for (data,) in connection.execute(question)]
        found = (piece for data in rows for piece in _pieces(data))
        return in_order(piece for piece in found if facts_unverified(piece.data or b"").match(subjects, predicate_type))

    def _questions(self, subjects: list[str], predicate_type: str) -> Iterator[Any]:
        from sqlalchemy import select

        question = select(self._bundles.c.data)
        if predicate_type:
            question = question.where(self._bundles.c.predicate_type == predicate_type)
        if not subjects:
            yield question
        for start in range(0, len(subjects), _MANY):
            about = select(self._subjects.c.sha256).where(self._subjects.c.subject.in_(subjects[start : start + _MANY]))
            yield question.where(self._bundles.c.sha256.in_(about))

    def _insert(self, connection: Connection, digest: str, data: bytes) -> None:
        facts = facts_unverified(data)
        connection.execute(self._bundles.insert(), {"sha256": digest, "predicate_type": facts.predicate_type,
                                                    "data": data})
        if facts.subjects:
            connection.execute(self._subjects.insert(),
                               [{"subject": subject, "sha256": digest} for subject in sorted(facts.subjects)])

    def _repair(self, connection: Connection, digest: str, data: bytes) -> None:
        """Put the bytes and the facts of a bundle right; they are so already unless somebody changed them."""
        row = connection.execute(self._bundles.select().where(self._bundles.c.sha256 == digest)).one_or_none()
        if row is not None and bytes(row.data) == data:
            return
        connection.execute(self._subjects.delete().where(self._subjects.c.sha256 == digest))
        connection.execute(self._bundles.delete().where(self._bundles.c.sha256 == digest))
        self._insert(connection, digest, data)

    def _create(self, metadata: Any) -> None:
        """The tables, unless they are there; of two who begin at once, one finds that the other was quicker."""
        from sqlalchemy import exc

        try:
            metadata.create_all(self._engine)
        except (exc.IntegrityError, exc.ProgrammingError, exc.OperationalError):
            metadata.create_all(self._engine)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with self._told(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What a database says, as an error of ours; never its parameters, which may be large, or secret."""
        from sqlalchemy import exc

        try:
            yield
        except (exc.SQLAlchemyError, ModuleNotFoundError) as err:
            why = str(getattr(err, "orig", None) or err).strip().splitlines()[0][:200] or type(err).__name__
            raise ArtifactError("store-unusable", f"the database cannot be used: {why}", location=self._place,
                                hint="check the URL, and that the database runs") from err


def _pieces(data: bytes) -> list[EvidenceFile]:
    """Each piece under its own digest, as it was kept by itself."""
    return [_evidence(piece.data or b"") for piece in pieces("", data)]


def _evidence(data: bytes) -> EvidenceFile:
    return EvidenceFile(sha256(data) + SUFFIX, data)
