"""Key pairs, signers and trust files, made in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from provenance.bundles.keys import keyid
from provenance.bundles.signers.key import generate, load_signer
from provenance.bundles.trust import Trust, parse_trust
from provenance.statements.reader import to_json

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Holder:
    """Somebody with a key pair, on disk and in memory."""

    name: str
    path: Path
    public: bytes

    @property
    def signer(self) -> Signer:
        """What signs for them."""
        return load_signer(self.path, lambda: None)

    @property
    def keyid(self) -> str:
        """The name of their key."""
        return keyid(self.public)


@pytest.fixture
def holder(tmp_path: Path) -> Callable[..., Holder]:
    """Make somebody with a key."""

    def make(name: str = "lab", kind: Any = "ed25519") -> Holder:
        private, public = generate(kind, None)
        (tmp_path / f"{name}.pem").write_bytes(private)
        return Holder(name, tmp_path / f"{name}.pem", public)

    return make


def principal(holder: Holder, **changes: Any) -> dict[str, Any]:
    """An entry of a trust file that lets somebody speak of everything."""
    return {"name": holder.name, "party": f"{holder.name} Ltd", "roles": ["producer"], "keys": [holder.public.decode()],
            "predicateTypes": ["*"], "subjects": {"names": ["*"]}, **changes}


def document(*principals: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A trust file as a value."""
    return {"apiVersion": "open-provenance/v0.1", "kind": "Trust", "version": 1, "expires": "2027-01-01T00:00:00Z",
            "principals": list(principals), **changes}


@pytest.fixture
def entry() -> Callable[..., dict[str, Any]]:
    """`principal`, for tests."""
    return principal


@pytest.fixture
def trusting() -> Callable[..., Trust]:
    """A trust file of the given entries; JSON is YAML."""

    def make(*principals: Mapping[str, Any], **changes: Any) -> Trust:
        return parse_trust(to_json(document(*principals, **changes)), "trust.yaml")

    return make
