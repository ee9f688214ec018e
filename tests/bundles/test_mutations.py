"""Whatever becomes of a bundle, it gets an answer: VALID, INVALID or UNSUPPORTED, with a code, and no traceback."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from provenance import resources
from provenance.bundles.described import describe_unverified
from provenance.bundles.sigstore import IdentityPattern
from provenance.bundles.store import pieces
from provenance.bundles.stores.facts import facts_unverified
from provenance.bundles.trust import Trust, parse_trust
from provenance.bundles.verifier import Verifier
from provenance.errors import CODES, ProvenanceError
from tests.bundles.mutations import Mutant, damaged, mutants
from tests.sigstore_instance import Instance, Keyless
from tests.sigstore_instance.fixtures import *  # noqa: F403  the instances
from tests.sigstore_instance.fixtures import STATEMENT, root_of

STEP = 71  # prime, so that every kind of change meets every kind of bundle
VECTORS = resources._folder("attestations") / "vectors"
NAMES = ("bundles/valid/step.ed25519.sigstore.json", "bundles/valid/model-signature.ecdsa-p256.sigstore.json",
         "bundles/valid/release.ed25519.sigstore.json", "certificates/valid/chain.sigstore.json",
         "timestamps/valid/chain-expired.sigstore.json", "timestamps/valid/key-window.sigstore.json",
         "evidence/metablock.link", "evidence/pipeline-alone.layout", "evidence/witness.dsse.json",
         "evidence/npm.attestations.json", "evidence/slsa-v0.2.dsse.json", "evidence/scai.dsse.json")


def keyless(instance: Instance) -> dict[str, Any]:
    """A bundle of each form that an instance gives."""
    kinds: tuple[dict[str, Any], ...] = (
        {}, {"rekor": 2}, {"rekor": 2, "kind": "hashedrekord"}, {"version": "0.1"}, {"kind": "intoto 0.0.1"},
        {"kind": "intoto 0.0.2"}, {"managed": True})
    found = {str(kind): Keyless(instance, **kind).sign(STATEMENT) for kind in kinds}
    found["a file"] = Keyless(instance).sign_file(b"a file")
    bundle = found["{}"]
    material, envelope = bundle["verificationMaterial"], bundle["dsseEnvelope"]
    found["PEP 740"] = {
        "version": 1, "envelope": {"statement": envelope["payload"], "signature": envelope["signatures"][0]["sig"]},
        "verification_material": {"certificate": material["certificate"]["rawBytes"],
                                  "transparency_entries": material["tlogEntries"]}}
    return found


@pytest.fixture(scope="module")
def trust(instance: Instance) -> Trust:
    """Everybody is believed: by key, by identity, by authority."""
    found = [parse_trust((VECTORS / name / "trust.yaml").read_bytes(), str(VECTORS / name / "trust.yaml"))
             for name in ("bundles", "certificates", "timestamps")]
    everyone = IdentityPattern("^.*$", instance.url)
    anyone = replace(found[0].principals[0], name="anyone", keys=(), identities=(everyone,))
    root = root_of(instance)
    return replace(found[0], principals=(*found[0].principals, *found[1].principals, anyone),
                   trust_root=replace(root, clocks=(*root.clocks, *found[2].trust_root.clocks)))  # type: ignore[union-attr]


def documents(instance: Instance) -> dict[str, Any]:
    return {name: json.loads((VECTORS / name).read_bytes()) for name in NAMES} | keyless(instance)


def answered(data: bytes, verifiers: tuple[Verifier, ...]) -> None:
    """By everything that reads a bundle."""
    for piece in itertools.islice(pieces("input", data), 3):
        content = piece.data or b""
        for verifier in verifiers:
            found = verifier.examine(content, piece.name)
            assert found.status in ("VALID", "INVALID", "UNSUPPORTED")
            assert (found.code in CODES) == (found.status != "VALID"), found
            assert bool(found.reason) or found.status == "VALID", found
            assert len(found.reason) < 1000, found
        facts_unverified(content)
        with suppress(ProvenanceError):  # its code is one of the registry's, or it could not be made
            json.dumps(describe_unverified(content, "input"))


def every(instance: Instance) -> Iterator[Mutant]:
    for document in documents(instance).values():
        yield from mutants(document)
        yield from damaged(json.dumps(document).encode(), every=7)


def test_the_bundles_that_are_changed_are_good(instance: Instance, trust: Trust) -> None:
    verifier = Verifier(trust, datetime.now(UTC) + timedelta(seconds=1))
    for name, document in documents(instance).items():
        for piece in pieces("input", json.dumps(document).encode()):
            found = verifier.examine(piece.data or b"", name)
            good = {"VALID"} if name in NAMES and "layout" not in name else {"VALID", "UNSUPPORTED"}
            assert found.status in good, (name, found.reason)


def test_every_change_gets_an_answer(instance: Instance, trust: Trust) -> None:
    """One in so many of all that there are; with a step of 1 it takes minutes."""
    verifiers = Verifier(trust, datetime.now(UTC)), Verifier(None, datetime.now(UTC))
    chosen = list(itertools.islice(every(instance), 0, None, STEP))
    assert len(chosen) > 300
    for mutant in chosen:
        answered(mutant(), verifiers)
