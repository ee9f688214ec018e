"""Fixtures and helpers around an instance; import them with `from tests.sigstore_instance.fixtures import *`."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from provenance.bundles.sigstore import (
    BundleVerification,
    ExpectedSigner,
    SignedFile,
    TrustRoot,
    UnpinnedIdentity,
    verify,
)
from tests.sigstore_instance import Instance, Keyless, serve

STATEMENT = (b'{"_type":"https://in-toto.io/Statement/v1","predicate":{},"predicateType":"urn:example:test:v1",'
             b'"subject":[{"digest":{"sha256":"' + b"ab" * 32 + b'"},"name":"model"}]}')


@pytest.fixture(scope="session")
def instance() -> Instance:
    """An instance whose services are called directly; shared: tests make its logs grow, and change nothing else."""
    return Instance("http://sigstore.test")


@pytest.fixture(scope="session")
def other_instance() -> Instance:
    """Another instance with the same names and other keys: what an attacker can set up in a minute."""
    return Instance("http://sigstore.test")


@pytest.fixture(scope="module")
def served() -> Iterator[Instance]:
    """An instance that answers on loopback until the module's tests have run."""
    with serve() as instance:
        yield instance


@dataclass(frozen=True)
class Flaw:
    """A bundle with one thing wrong, made by `make`, and what must be said of it."""

    make: Callable[..., Any]
    code: str
    status: str

    def __str__(self) -> str:
        return self.make.__name__


def flaws(into: list[Flaw]) -> Callable[..., Any]:
    """A decorator for functions that make a bundle (and perhaps a trust root) with one flaw."""
    def flaw(code: str, status: str = "INVALID") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def register(make: Callable[..., Any]) -> Callable[..., Any]:
            into.append(Flaw(make, code, status))
            return make
        return register
    return flaw


def signed(instance: Instance, **how: Any) -> dict[str, Any]:
    """A bundle over STATEMENT, signed as `Keyless` is told."""
    return Keyless(instance, **how).sign(STATEMENT)


def root_of(instance: Instance, change: Callable[[dict[str, Any]], Any] | None = None) -> TrustRoot:
    """The instance's trust root, changed first where a test wants that."""
    document = copy.deepcopy(instance.trusted_root())
    if change:
        change(document)
    return TrustRoot.from_bytes(json.dumps(document).encode(), "test root")


def check(bundle: dict[str, Any] | bytes, root: TrustRoot | None, *, signer: ExpectedSigner | None = None,
          as_of: datetime | None = None, artifact: SignedFile | None = None) -> BundleVerification:
    """What is said of a bundle now, whoever signed it unless a test says who must have."""
    data = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
    return verify(data, root, signer=signer or UnpinnedIdentity(), as_of=as_of or datetime.now(UTC), artifact=artifact)


def entry_of(bundle: dict[str, Any]) -> dict[str, Any]:
    """The first log entry, to be changed."""
    entry: dict[str, Any] = bundle["verificationMaterial"]["tlogEntries"][0]
    return entry


def stamps_of(bundle: dict[str, Any]) -> list[dict[str, str]]:
    """The timestamps, to be changed."""
    stamps: list[dict[str, str]] = bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
    return stamps


def flip(text: str) -> str:
    """Base64 of the same bytes with one bit changed."""
    from tests.sigstore_instance.encoding import b64, unb64

    data = bytearray(unb64(text))
    data[len(data) // 2] ^= 1
    return b64(bytes(data))
