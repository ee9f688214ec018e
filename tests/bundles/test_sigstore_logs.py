"""One flaw a bundle, in its log entry or in what the log proves: each refused with its own code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sigstore_instance import Instance, Keyless
from tests.sigstore_instance.encoding import PEM, b64, ec_key, sha256, unb64
from tests.sigstore_instance.fixtures import *  # noqa: F403  the instance
from tests.sigstore_instance.fixtures import STATEMENT, Flaw, check, entry_of, flaws, flip, root_of, signed
from tests.sigstore_instance.tree import signed_note

FLAWS: list[Flaw] = []
flaw = flaws(FLAWS)
Bundle = dict[str, Any]


# The log entry


def with_entry_of(keyless: Keyless, payload: bytes) -> Bundle:
    """A bundle whose log entry is that of another payload by the same signer."""
    bundle = keyless.sign(STATEMENT)
    bundle["verificationMaterial"]["tlogEntries"] = keyless.sign(payload)["verificationMaterial"]["tlogEntries"]
    return bundle


@flaw("log-entry-mismatch")
def the_entry_of_another_artifact_by_the_same_signer(instance: Instance) -> Bundle:
    return with_entry_of(Keyless(instance), b"{}")


@flaw("log-entry-mismatch")
def the_entry_of_another_artifact_in_rekor_v2(instance: Instance) -> Bundle:
    return with_entry_of(Keyless(instance, rekor=2, kind="hashedrekord"), b"{}")


@flaw("log-entry-mismatch")
def the_intoto_entry_of_another_artifact(instance: Instance) -> Bundle:
    return with_entry_of(Keyless(instance, kind="intoto 0.0.2"), b"{}")


@flaw("log-entry-mismatch")
def the_entry_of_another_signature_over_the_same_payload(instance: Instance) -> Bundle:
    return with_entry_of(Keyless(instance), STATEMENT)


@flaw("log-entry-mismatch")
def the_entry_of_another_certificate_of_the_same_key(instance: Instance) -> Bundle:
    keyless = Keyless(instance)
    bundle = keyless.sign(STATEMENT)
    again = instance.fulcio.issue({"iss": instance.url, "sub": "x"}, keyless.key.public_key())
    verifier = {"verifier": b64(again.public_bytes(PEM))}
    return relogged(instance, bundle, signatures=[{**body_of(bundle)["spec"]["signatures"][0], **verifier}])


@flaw("log-entry-mismatch")
def an_entry_that_says_it_is_of_another_kind(instance: Instance) -> Bundle:
    bundle = signed(instance)
    entry_of(bundle)["kindVersion"] = {"kind": "intoto", "version": "0.0.2"}
    return bundle


@flaw("log-entry-mismatch")
def an_entry_for_two_signers(instance: Instance) -> Bundle:
    bundle = signed(instance)
    return relogged(instance, bundle, signatures=body_of(bundle)["spec"]["signatures"] * 2)


@flaw("log-entry-mismatch")
def an_entry_without_signers(instance: Instance) -> Bundle:
    return relogged(instance, signed(instance), signatures=[])


@flaw("log-entry-mismatch")
def an_entry_that_is_not_json(instance: Instance) -> Bundle:
    bundle = signed(instance)
    entry_of(bundle)["canonicalizedBody"] = b64(b"not JSON")
    return bundle


@flaw("log-entry-unsupported", "UNSUPPORTED")
def an_entry_of_a_kind_that_is_not_known(instance: Instance) -> Bundle:
    bundle = signed(instance)
    entry_of(bundle)["kindVersion"] = {"kind": "cose", "version": "0.0.1"}
    return bundle


@flaw("log-entry-unsupported", "UNSUPPORTED")
def an_entry_without_its_body(instance: Instance) -> Bundle:
    bundle = signed(instance)
    del entry_of(bundle)["canonicalizedBody"]
    return bundle


@flaw("log-entry-missing")
def no_entry(instance: Instance) -> Bundle:
    return signed(instance, rekor=0)


def body_of(bundle: Bundle) -> Bundle:
    body: Bundle = json.loads(unb64(entry_of(bundle)["canonicalizedBody"]))
    return body


def relogged(instance: Instance, bundle: Bundle, **spec: Any) -> Bundle:
    """The bundle with an entry that a log holds, whatever nonsense is in it."""
    body = body_of(bundle)
    body["spec"].update(spec)
    entry = {**entry_of(bundle), **instance.rekor1.log.include(body)}
    entry["inclusionPromise"] = {"signedEntryTimestamp": b64(instance.rekor1.promise(entry, instance.rekor1.key))}
    bundle["verificationMaterial"]["tlogEntries"] = [entry]
    return bundle


# The log's proofs


@flaw("log-proof-invalid")
def a_hash_of_the_inclusion_proof(instance: Instance) -> Bundle:
    bundle = signed(instance)
    hashes = entry_of(bundle)["inclusionProof"]["hashes"]
    hashes[0] = flip(hashes[0])
    return bundle


@flaw("log-proof-invalid")
def the_root_of_the_inclusion_proof(instance: Instance) -> Bundle:
    bundle = signed(instance)
    proof = entry_of(bundle)["inclusionProof"]
    proof["rootHash"] = flip(proof["rootHash"])
    return bundle


@flaw("log-proof-invalid")
def a_hash_too_many(instance: Instance) -> Bundle:
    bundle = signed(instance)
    entry_of(bundle)["inclusionProof"]["hashes"].append(b64(sha256(b"")))
    return bundle


@flaw("log-proof-invalid")
def a_hash_too_few(instance: Instance) -> Bundle:
    bundle = signed(instance)
    entry_of(bundle)["inclusionProof"]["hashes"].pop()
    return bundle


@flaw("log-proof-invalid")
def another_place_in_the_tree(instance: Instance) -> Bundle:
    bundle = signed(instance)
    entry_of(bundle)["inclusionProof"]["logIndex"] = "0"
    return bundle


@flaw("log-proof-invalid")
def a_place_outside_the_tree(instance: Instance) -> Bundle:
    bundle = signed(instance)
    entry_of(bundle)["inclusionProof"]["treeSize"] = "1"
    return bundle


@flaw("log-proof-invalid")
def no_inclusion_proof_in_v0_2(instance: Instance) -> Bundle:
    bundle = signed(instance, version="0.2")
    del entry_of(bundle)["inclusionProof"]
    return bundle


@flaw("log-proof-invalid")
def no_checkpoint_in_v0_3(instance: Instance) -> Bundle:
    bundle = signed(instance, rekor=2)
    del entry_of(bundle)["inclusionProof"]["checkpoint"]
    return bundle


def with_checkpoint(bundle: Bundle, text: str) -> Bundle:
    entry_of(bundle)["inclusionProof"]["checkpoint"]["envelope"] = text
    return bundle


@flaw("log-proof-invalid")
def a_checkpoint_by_another_key_under_the_logs_id(instance: Instance) -> Bundle:
    bundle, tree = signed(instance), instance.rekor1.log.tree
    text = tree.checkpoint().split("\n\n")[0] + "\n"
    return with_checkpoint(bundle, signed_note(text, tree.name, tree.log_id, ec_key()))


@flaw("log-proof-invalid")
def a_checkpoint_that_only_a_witness_signed(instance: Instance) -> Bundle:
    bundle, tree = signed(instance), instance.rekor1.log.tree
    text = tree.checkpoint().split("\n\n")[0] + "\n"
    return with_checkpoint(bundle, signed_note(text, "witness", sha256(b"witness"), ec_key()))


@flaw("log-proof-invalid")
def the_checkpoint_of_a_later_tree(instance: Instance) -> Bundle:
    bundle = signed(instance)
    instance.rekor1.log.tree.append(b"later")
    return with_checkpoint(bundle, instance.rekor1.log.tree.checkpoint())


@flaw("log-proof-invalid")
def a_checkpoint_without_an_origin(instance: Instance) -> Bundle:
    bundle, tree = signed(instance), instance.rekor1.log.tree
    text = "\n" + "\n".join(tree.checkpoint().split("\n")[1:3]) + "\n"
    return with_checkpoint(bundle, signed_note(text, tree.name, tree.log_id, tree.key))


@flaw("log-proof-invalid")
def a_checkpoint_that_is_no_note(instance: Instance) -> Bundle:
    return with_checkpoint(signed(instance), "rekor says yes")


@flaw("log-promise-invalid")
def a_promise_by_another_key(instance: Instance) -> Bundle:
    bundle = signed(instance)
    entry = entry_of(bundle)
    entry["inclusionPromise"]["signedEntryTimestamp"] = b64(instance.rekor1.promise(entry, ec_key()))
    return bundle


@flaw("log-promise-invalid")
def another_time_than_was_promised(instance: Instance) -> Bundle:
    bundle = signed(instance)
    entry_of(bundle)["integratedTime"] = str(int(entry_of(bundle)["integratedTime"]) + 1)
    return bundle


@flaw("log-promise-invalid")
def no_promise_in_v0_1(instance: Instance) -> Bundle:
    bundle = signed(instance, version="0.1")
    del entry_of(bundle)["inclusionPromise"]
    return bundle


@flaw("trust-root-unknown", "UNSUPPORTED")
def the_entry_of_a_log_that_the_root_does_not_list(instance: Instance) -> Bundle:
    stranger = Instance(instance.url)
    bundle = signed(instance)
    entry = stranger.rekor1.log.include(body_of(bundle)) | {"integratedTime": entry_of(bundle)["integratedTime"]}
    entry["inclusionPromise"] = {"signedEntryTimestamp": b64(stranger.rekor1.promise(entry, stranger.rekor1.key))}
    bundle["verificationMaterial"]["tlogEntries"] = [entry]
    return bundle


@pytest.mark.parametrize("case", FLAWS, ids=str)
def test_a_flaw_is_refused_with_its_code(case: Flaw, instance: Instance) -> None:
    result = check(case.make(instance), root_of(instance))
    assert (result.status, result.code) == (case.status, case.code), result.reason
    assert result.reason
    assert result.payload is None
