"""Weights that stay in their files until they are asked for, each tensor checked when it is read."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

from provenance.errors import UsageError
from provenance.integrations.reading import Allocate, Session

Array = TypeVar("Array")


class VerifiedWeights(Generic[Array]):
    """A read-only map of tensors; use it in a `with` statement.

    Every `get` reads the tensor again, and checks it again. A file that changes meanwhile is an error.
    """

    def __init__(self, session: Session, allocate: Allocate) -> None:
        self._session: Session | None = session
        self._allocate = allocate

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files; what was loaded stays."""
        if self._session is not None:
            self._session.close()
        self._session = None

    @property
    def attested_by(self) -> tuple[str, ...]:
        """What these weights are, and who attests it, as far as was read: each `get` can only leave fewer."""
        return self._open.matching.attested_by

    @property
    def _open(self) -> Session:
        if self._session is None:
            raise UsageError("usage", "the weights are closed", hint="read inside the `with` statement")
        return self._session

    def keys(self) -> tuple[str, ...]:
        """The names of the tensors."""
        return tuple(self._open.infos)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self._open.infos)

    def __contains__(self, name: object) -> bool:
        return name in self._open.infos

    def dtype(self, name: str) -> str:
        """The dtype of a tensor as safetensors spells it; UsageError for a name that is not there."""
        if name not in self._open.infos:
            raise UsageError("usage", "there is no such tensor", location=name, hint="keys() names them")
        return self._open.infos[name][1].dtype

    def get(self, name: str) -> Array:
        """One tensor, checked; ArtifactError `tensor-missing`, `tensor-mismatch` or `file-changed-while-read`."""
        found: Array = self._open.load_one(name, self._allocate)
        return found
