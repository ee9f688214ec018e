"""Quiet ways to look more open than one is: each is seen, and none raises what is shown.

Every test begins with a world that passes the highest rung, and changes whom somebody is or what somebody hides.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from provenance.artifacts.manifest import oms_root, scan
from provenance.bundles.keys import in_toto_name, public_key, verifying_key
from provenance.errors import ProvenanceError
from provenance.policy.policy import load_policy, policy_ids
from provenance.statements.release import RELEASE, Release
from provenance.statements.statement import ResourceDescriptor
from provenance.statements.step import Step
from provenance.workflows.attacking.attack import attack
from provenance.workflows.inventory import inventory
from provenance.workflows.next_steps import next_steps
from provenance.workflows.reproduce import reproduce
from provenance.workflows.sign import verify_bundles
from provenance.workflows.verify import verify
from tests.world import NOW, PASSABLE, TOP_RUNG, World, safetensors

RUNGS = ("g7-2026-weights-available", "g7-2026-open-weights", "g7-2026-open-source-ai", TOP_RUNG)


def shown(verdict: dict[str, Any]) -> str | None:
    return verdict["ladder"]["shown"]  # type: ignore[no-any-return]


def declared(verdict: dict[str, Any]) -> str | None:
    return verdict["ladder"]["declared"]  # type: ignore[no-any-return]


def codes(verdict: dict[str, Any]) -> set[str]:
    return {row["code"] for row in verdict["findings"]}


def status(world: World, verdict: dict[str, Any], name: str) -> tuple[str, str]:
    """What was said of one bundle: its status and code."""
    rows = {row["file"]: (row["status"], row["code"]) for row in verdict["evidence"]}
    return rows[world.file(name).name]


def nothing_is_passed(world: World) -> None:
    for policy in policy_ids():
        verdict = world.verdict(policy)
        assert not verdict["passed"], policy
        assert shown(verdict) is None


# --- who speaks -----------------------------------------------------------------------------------------------------


def test_a_data_suppliers_release_is_not_believed(world: World) -> None:
    """The signer may sign anything about anything; the role is what is missing, and no statement can bring it."""
    archive = world.principal("archive", subjects=("*",), predicate_types=("*",))
    world.believe(archive, world.principal("lab"))
    for name in ("train", "evaluate", "model.sig", "release"):
        world.change(name, "archive")
    nothing_is_passed(world)
    asked = {row["id"]: row for row in world.verdict("osaid-1.0")["requirements"]}
    assert asked["W-1"]["outcome"] == "undetermined"
    assert asked["W-1"]["reason"] == "no accepted statement identifies these weights"


def test_a_data_suppliers_release_does_not_choose_the_producers_steps(world: World) -> None:
    """Else it could list every step but the one that falls short, where the producer released nothing."""
    world.believe(world.principal("archive", subjects=("*",), predicate_types=("*",)), world.principal("lab"))
    world.say("unpinned", world.step("again", "train", "tiny", world.inputs(training_data="corpus", source="train.py")))
    world.unsay("release")
    assert world.outcome("C-6") == "undetermined"
    listed = tuple(ResourceDescriptor(name, {"sha256": world.digest(name)}) for name in ("train", "prepare"))
    world.say("chosen", Release(world.described("tiny"), "tiny", evidence=listed), "archive")
    assert world.outcome("C-6") == "undetermined"


@pytest.mark.parametrize("names", [("dataset-raw",), ("prepare",)])
def test_what_an_assessor_says_of_the_origin_of_data_leaves_the_gap(world: World, names: tuple[str, ...]) -> None:
    world.believe(world.principal("archive"), world.principal("lab"),
                  world.principal("gate", roles=("assessor",), predicate_types=("*",)))
    assert world.outcome("X-2") == "pass"
    for name in names:
        world.change(name, "gate")
    assert world.outcome("X-2") == "undetermined"


def test_what_a_data_supplier_says_of_the_weights_does_not_deny_them(world: World) -> None:
    archive = world.principal("archive", subjects=("*",), predicate_types=("*",))
    world.believe(archive, world.principal("lab"))
    world.listed = sorted(set(world.drafts) - {"release"})
    world.write("other/model.safetensors", b"other")
    world.say("denial", replace(world.release, subjects=(world.described("other"))), "archive")
    assert world.verdict()["passed"]


def test_a_producer_of_the_statements_text_is_not_a_role(world: World) -> None:
    world.change("release", "gate", producer="Example Lab")
    verdict = world.verdict()
    assert status(world, verdict, "release") == ("INVALID", "signer-not-in-scope")
    assert shown(verdict) is None


@pytest.mark.parametrize("scope", ["other*", "tin", "tiny-*", "Tiny", "tiny/model.safetensors", "*tiny"])
def test_a_signer_speaks_only_of_the_names_in_its_scope(world: World, scope: str) -> None:
    world.believe(world.principal("archive"), world.principal("lab", subjects=(scope,)))
    verdict = world.verdict()
    assert status(world, verdict, "release") == ("INVALID", "signer-not-in-scope")
    nothing_is_passed(world)


@pytest.mark.parametrize(("scope", "told"), [("base*", True), ("*", False)])
def test_a_signer_that_calls_the_model_by_a_name_of_its_own_is_told(world: World, scope: str, told: bool) -> None:
    """A name is only its signer's claim: whoever may speak of `base` could call anything so."""
    world.believe(world.principal("archive"), world.principal("elder", subjects=(scope,)))
    subjects = tuple(replace(one, name=one.name.replace("tiny", "base", 1)) for one in world.described("tiny"))
    world.change("release", "elder", subjects=subjects)
    verdict = world.verdict("g7-2026-weights-available")
    assert status(world, verdict, "release") == ("VALID", "")
    assert ("subject-named-otherwise" in codes(verdict)) is told


@pytest.mark.parametrize("lab", [("*",), ("tiny", "results.json", "serving-image")])
def test_a_name_of_ones_own_reaches_no_model_of_whose_name_others_may_speak(world: World, lab: tuple[str, ...]) -> None:
    """The elder lab may speak of `base*`: it states the licence of tiny, of which its producer states none."""
    world.believe(world.principal("archive"), world.principal("lab", subjects=lab), world.principal("elder"))
    stated = world.release
    world.withhold("model-parameters-final")
    subjects = tuple(replace(one, name=one.name.replace("tiny", "base", 1)) for one in stated.subjects)
    world.say("elsewhere", replace(stated, subjects=subjects), "elder")
    verdict = world.verdict("g7-2026-open-weights")
    assert (verdict["result"], shown(verdict)) == ("undetermined", RUNGS[0])
    assert "subject-named-otherwise" in codes(verdict)


def test_a_model_signature_under_a_name_of_ones_own_covers_no_model_of_others(world: World) -> None:
    world.believe(world.principal("archive"), world.principal("lab"), world.principal("elder"))
    world.unsay(*set(world.drafts) - {"model.sig"})
    signature = world.signature()
    named = replace(signature, subjects=tuple(replace(one, name="base") for one in signature.subjects))
    world.say("model.sig", named, "elder")
    verdict = world.verdict("g7-2026-weights-available")
    assert not verdict["coverage"]["covered"]
    assert not verdict["passed"]


@pytest.mark.parametrize("scope", ["tiny", "tiny*", "t*", "*"])
def test_a_scope_covers_a_model_and_what_lies_in_it(world: World, scope: str) -> None:
    world.believe(world.principal("archive"), world.principal("lab", subjects=(scope, "results.json", "serving-image")))
    assert world.verdict()["passed"]


def test_a_scope_of_digests_covers_only_what_it_names(world: World) -> None:
    digests = tuple(f"{name}:{value}" for thing in world.described("tiny") for name, value in thing.digest.items())
    named = (*digests, "results.json", "serving-image")
    world.believe(world.principal("archive"), world.principal("lab", subjects=named))
    assert world.verdict()["passed"]
    world.believe(world.principal("archive"), world.principal("lab", subjects=digests))
    assert status(world, world.verdict(), "evaluate") == ("INVALID", "signer-not-in-scope")


def test_a_signer_says_only_what_it_may_say(world: World) -> None:
    world.believe(world.principal("archive"), world.principal("lab", predicate_types=(RELEASE,)))
    verdict = world.verdict()
    assert status(world, verdict, "train") == ("INVALID", "signer-not-in-scope")
    assert status(world, verdict, "release") == ("VALID", "")
    assert shown(verdict) is None


def test_a_stranger_can_declare_everything_and_show_nothing(world: World) -> None:
    for name in ("train", "evaluate", "model.sig", "release"):
        world.change(name, "stranger")
    verdict = world.verdict()
    assert (shown(verdict), declared(verdict)) == (None, TOP_RUNG)
    assert status(world, verdict, "release") == ("UNSUPPORTED", "signature-unknown-signer")
    nothing_is_passed(world)


@pytest.mark.parametrize("missing", ["train", "release", "dataset-raw", "evaluate"])
def test_an_unsigned_copy_of_what_is_missing_does_not_bring_it_back(world: World, missing: str) -> None:
    before = world.drafts[missing]
    world.unsay(missing)
    plain = world.verdict()
    world.listed = sorted(set(world.drafts) - {"release"})
    world.say(missing, before.claim, "stranger")
    world.listed = [name for name in world.listed if name != missing]
    verdict = world.verdict()
    assert shown(verdict) == shown(plain)
    assert [row["outcome"] for row in verdict["requirements"]] == [row["outcome"] for row in plain["requirements"]]


def test_without_a_trust_file_everything_is_declared_and_nothing_shown(world: World) -> None:
    verdict = world.verdict(trusting=False)
    assert (shown(verdict), declared(verdict)) == (None, TOP_RUNG)
    assert verdict["informational"]
    assert verdict["trust"] is None
    assert {row["voice"] for row in verdict["evidence"]} == {"unsigned"}
    assert {row["code"] for row in verdict["evidence"]} == {"signature-unknown-signer"}
    assert not any(world.verdict(policy, trusting=False)["passed"] for policy in policy_ids())


def test_a_trust_file_that_knows_nobody_shows_nothing(world: World) -> None:
    world.believe()
    verdict = world.verdict()
    assert (shown(verdict), declared(verdict)) == (None, TOP_RUNG)


# --- who may no longer speak ----------------------------------------------------------------------------------------


def test_a_revoked_key_speaks_no_more_and_does_not_even_declare(world: World) -> None:
    world.revoke(keys=[world.signers["lab"].public_key.keyid])
    verdict = world.verdict()
    assert status(world, verdict, "release") == ("INVALID", "signer-revoked")
    assert (shown(verdict), declared(verdict)) == (None, "g7-2026-open-weights")  # what the card declares
    nothing_is_passed(world)


@pytest.mark.parametrize("name", ["der", "in-toto"])
def test_a_key_is_revoked_by_whatever_name_other_tools_give_it(world: World, name: str) -> None:
    """A name that revoked nothing would leave whoever wrote it believing that the key is gone."""
    key = public_key((world.folder / "lab.key.pub").read_bytes(), "lab")
    der = verifying_key(key).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    world.sign()
    world.revoke(keys=[hashlib.sha256(der).hexdigest() if name == "der" else in_toto_name(key)])
    assert status(world, world.verdict(), "release") == ("INVALID", "signer-revoked")
    nothing_is_passed(world)


def test_a_revoked_bundle_is_missed(world: World) -> None:
    world.revoke(bundles=[world.digest("dataset-raw")])
    verdict = world.verdict()
    assert status(world, verdict, "dataset-raw") == ("INVALID", "signer-revoked")
    assert "evidence-missing" in codes(verdict)
    assert shown(verdict) is None


@pytest.mark.parametrize(
    ("window", "speaks"),
    [
        ({"valid_until": "2026-11-23T11:59:59Z"}, False),
        ({"valid_from": "2026-11-23T12:00:01Z"}, False),
        ({"valid_from": "2026-11-23T12:00:00Z", "valid_until": "2026-11-23T12:00:00Z"}, True),
    ],
)
def test_a_signer_speaks_within_its_window(world: World, window: dict[str, str], speaks: bool) -> None:
    """The time that counts is that of the verdict: the time of a statement is only its signer's claim."""
    world.believe(world.principal("archive"), world.principal("lab", **window))
    verdict = world.verdict()
    assert verdict["passed"] is speaks
    if not speaks:
        assert status(world, verdict, "release") == ("INVALID", "signer-outside-window")
        nothing_is_passed(world)


def test_a_trust_file_that_has_expired_is_not_used(world: World) -> None:
    world.sign()
    later = datetime(2028, 1, 1, tzinfo=UTC)
    with pytest.raises(ProvenanceError) as raised:
        verify(world.model, TOP_RUNG, trust=world.trust, as_of=later, now=later)
    assert raised.value.code == "trust-expired"


def recall(world: World, what: str) -> None:
    """Recall one thing by one of its strong digests."""
    whole, *parts = world.described({"dataset": "tales.txt", "prepared": "corpus", "base": "base"}.get(what, "tiny"))
    weights = {part.name: part for part in parts}.get("tiny#tensors", whole)
    chosen = weights if what == "weights" else whole
    name = next(name for name in ("dirHash", "tensorTree", "sha256") if name in chosen.digest)
    world.revoke(artifacts=[f"{name}:{chosen.digest[name]}"])


@pytest.mark.parametrize("what", ["model", "weights", "dataset", "prepared", "base"])
def test_what_is_recalled_passes_nothing_and_shows_nothing(world: World, what: str) -> None:
    if what == "base":
        world.hang_on_base()
        world.explain_base()
    assert world.verdict()["passed"]
    recall(world, what)
    verdict = world.verdict()
    assert (verdict["result"], verdict["passed"]) == ("fail", False)
    assert "artifact-recalled" in codes(verdict)
    assert (shown(verdict), declared(verdict)) == (None, None)


def test_a_file_of_a_model_that_is_recalled_shows_no_rung(world: World) -> None:
    """Whoever finds a bad file knows its sha256, and not in which folders it lies."""
    weights = scan(world.model).by_path["model.safetensors"]
    world.revoke(artifacts=[f"sha256:{weights.sha256}"])
    assert list(world.evaluation().recalled.values()) == ["model.safetensors"]
    assert shown(world.verdict()) is None


def test_a_dataset_is_recalled_by_any_digest_by_which_it_is_attested(world: World) -> None:
    part = scan(world.folder / "corpus").by_path["part-0.txt"]
    world.revoke(artifacts=[f"sha256:{part.sha256}"])
    assert list(world.evaluation().recalled.values()) == ["corpus"]
    assert shown(world.verdict()) is None


@pytest.mark.parametrize("name", ["sha384", "sha512"])
@pytest.mark.parametrize("what", ["model.safetensors", "tales.txt"])
def test_a_recall_by_another_digest_than_sha256_is_found(world: World, name: str, what: str) -> None:
    file = world.model / what if what.endswith("s") else world.folder / what
    digest = hashlib.new(name, file.read_bytes()).hexdigest()
    if what == "tales.txt":  # whose bytes are not here: by a digest that stands beside its sha256
        thing = world.described(what)[0]
        world.change("dataset-raw", subjects=(replace(thing, digest={**thing.digest, name: digest}),))
    world.revoke(artifacts=[f"{name}:{digest}"])
    assert "artifact-recalled" in codes(world.verdict())
    assert shown(world.verdict()) is None


@pytest.mark.parametrize("what", ["train.py", "uv.lock", "tales.txt"])
def test_what_a_step_was_made_with_is_recalled_too(world: World, what: str) -> None:
    world.revoke(artifacts=[f"sha256:{hashlib.sha256((world.folder / what).read_bytes()).hexdigest()}"])
    assert what in world.evaluation().recalled.values()
    nothing_is_passed(world)


@pytest.mark.parametrize("what", ["tiny", "corpus"])
def test_a_folder_is_recalled_by_the_root_that_stands_beside_its_dirhash(world: World, what: str) -> None:
    """`provenance digest` prints both; a recall that is read and finds nothing would recall nothing."""
    world.sign()
    world.revoke(artifacts=[f"sha256:{world.listing(what).digest['sha256']}"])
    assert "artifact-recalled" in codes(world.verdict())
    nothing_is_passed(world)


def test_a_recall_of_something_else_changes_nothing(world: World) -> None:
    world.revoke(artifacts=["sha256:" + "0" * 64])
    assert world.verdict()["passed"]


# --- what is said of which model ------------------------------------------------------------------------------------


def test_a_release_of_another_model_of_that_name_is_not_its_release(world: World) -> None:
    world.write("elsewhere/tiny/model.safetensors", safetensors({"a": [1.0, 2.0], "b": [3.5]}))
    other = world.described("elsewhere/tiny")
    world.change("release", subjects=tuple(replace(each, name=each.name.removeprefix("elsewhere/")) for each in other))
    verdict = world.verdict()
    assert shown(verdict) is None
    assert {row["id"]: row["outcome"] for row in verdict["requirements"]}["X-1"] == "undetermined"


def test_the_root_of_a_model_signature_alone_names_no_model(world: World) -> None:
    """ART-11: that root is the same when files change their names in order."""
    root = oms_root(scan(world.model).files)
    world.change("release", subjects=(ResourceDescriptor("tiny", {"sha256": root}),))
    assert shown(world.verdict()) is None


def test_files_that_were_renamed_in_order_are_not_what_was_signed(world: World) -> None:
    world.sign()
    (world.model / "model.safetensors").rename(world.model / "model-2.safetensors")
    assert oms_root(scan(world.model).files) == dict(world.drafts["release"].statement().subjects[0].digest)["sha256"]
    verdict = world.verdict()
    assert verdict["result"] == "fail"
    assert shown(verdict) is None


def test_one_of_two_releases_under_a_closed_licence_is_not_outweighed(world: World) -> None:
    rows = tuple(replace(row, license="CC-BY-NC-4.0") for row in world.release.components)
    world.listed = sorted(set(world.drafts) - {"release"})
    world.say("a-release", replace(world.release, components=rows))
    verdict = world.verdict()
    assert verdict["result"] == "fail"
    assert shown(verdict) == "g7-2026-weights-available"


def test_a_closed_base_model_bounds_the_model(world: World) -> None:
    world.hang_on_base("LicenseRef-Llama-3.1")
    world.explain_base()
    verdict = world.verdict()
    assert verdict["result"] == "fail"
    assert shown(verdict) == "g7-2026-open-weights"


def hide_base(world: World, *hidden: ResourceDescriptor) -> dict[str, str]:
    """Let the training claim that it began from random parameters, and use the base model in another role."""
    world.hang_on_base("CC-BY-NC-4.0")
    world.explain_base()
    usual = world.inputs(training_data="corpus", source="train.py network.py", lockfile="uv.lock")
    world.change("train", kind="train", initial_parameters={"kind": "random", "seed": 1}, inputs=(*usual, *hidden))
    verdict = world.verdict()
    assert not verdict["passed"]
    assert shown(verdict) == "g7-2026-open-weights"
    return {row["id"]: row["outcome"] for row in verdict["requirements"]}


@pytest.mark.parametrize("role", ["configuration", "environment", "container"])
def test_a_base_model_is_one_in_whatever_role_it_was_used(world: World, role: str) -> None:
    world.hang_on_base()
    assert hide_base(world, *world.inputs(**{role: "base"}))["W-7"] == "undetermined"


def test_weights_that_another_release_publishes_are_known_under_any_name(world: World) -> None:
    world.hang_on_base()
    hidden = replace(world.inputs(configuration="base/model.safetensors")[0], name="settings")
    assert hide_base(world, hidden)["W-7"] == "undetermined"


def test_weights_of_which_nobody_else_speaks_are_known_by_their_name(world: World) -> None:
    world.write("base.gguf", b"GGUF")
    world.change("train", inputs=world.inputs(training_data="corpus", source="train.py network.py", lockfile="uv.lock",
                                              configuration="base.gguf"))
    assert world.outcome("W-7") == "undetermined"


def test_an_open_base_model_that_explains_itself_bounds_nothing(world: World) -> None:
    world.hang_on_base()
    world.explain_base()
    assert all(world.verdict(policy)["passed"] for policy in PASSABLE)


# --- what lies beside -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "risk"),
    [
        ("extra.py", "code"),
        (".hidden", "other"),
        (".cache/x/__init__.py", "code"),
        ("chat_template.jinja", "template"),
        ("tokenizer.json", "configuration"),
        ("adapter.safetensors", "weights"),
    ],
)
def test_a_file_that_nobody_signed_is_named_with_what_it_could_do(world: World, path: str, risk: str) -> None:
    world.sign()
    world.write(f"tiny/{path}", "")
    verdict = world.verdict()
    uncovered = [{"path": path, "risk": risk, "code": "file-not-covered"}]
    assert verdict["coverage"] == {"complete": False, "covered": 3, "uncovered": uncovered, "leftOut": []}
    assert path in {row["location"] for row in verdict["findings"] if row["code"] == "file-not-covered"}
    nothing_is_passed(world)


def test_the_most_dangerous_file_comes_first(world: World) -> None:
    world.sign()
    for name in ("a.bin", "b.txt", "c.md", "d.jinja", "z.py"):
        world.write(f"tiny/{name}", "x")
    rows = world.verdict()["coverage"]["uncovered"]
    assert [row["path"] for row in rows] == ["z.py", "d.jinja", "b.txt", "a.bin", "c.md"]


def test_a_thousand_files_that_nobody_signed_are_told_in_a_few_lines(world: World) -> None:
    world.sign()
    for number in range(1000):
        world.write(f"tiny/junk/{number}.py", "")
    verdict = world.verdict()
    assert len(verdict["coverage"]["uncovered"]) == 1000
    assert len(verdict["findings"]) < 30


def test_a_path_that_a_signature_ignores_is_not_covered(world: World) -> None:
    """The signature is valid by its own specification; that is another question than what it covers."""
    statement = world.signature()
    serialization = {**statement.predicate["serialization"], "ignore_paths": [".git", "extra.py"]}
    world.say("model.sig", replace(statement, predicate={**statement.predicate, "serialization": serialization}))
    world.unsay("release", "train", "evaluate")
    world.write("tiny/extra.py", "print('extra')\n")
    verdict = world.verdict()
    assert status(world, verdict, "model.sig") == ("VALID", "")
    assert [row["path"] for row in verdict["coverage"]["uncovered"]] == ["extra.py"]
    nothing_is_passed(world)


def test_a_link_is_not_covered_by_a_signature_that_allows_links(world: World) -> None:
    statement = world.signature()
    serialization = {**statement.predicate["serialization"], "allow_symlinks": True}
    world.say("model.sig", replace(statement, predicate={**statement.predicate, "serialization": serialization}))
    world.sign()
    target = world.write("outside.json", (world.model / "config.json").read_bytes())
    (world.model / "config.json").unlink()
    (world.model / "config.json").symlink_to(target)
    verdict = world.verdict()
    row = {"path": "config.json", "risk": "configuration", "code": "file-is-symlink"}
    assert row in verdict["coverage"]["uncovered"]
    nothing_is_passed(world)


@pytest.mark.parametrize("path", [".gitattributes", ".gitignore", ".git/config", ".github/workflows/x.yml"])
def test_what_a_hosting_site_adds_is_left_out_and_named(world: World, path: str) -> None:
    world.sign()
    world.write(f"tiny/{path}", "x")
    verdict = world.verdict()
    assert verdict["passed"]
    assert verdict["coverage"]["leftOut"] == [path]
    assert "left-out" in codes(verdict)


def test_a_name_like_a_bundle_hides_no_file(world: World) -> None:
    world.sign()
    world.write("tiny/evil.sigstore.json", "import os")
    verdict = world.verdict()
    assert [row["path"] for row in verdict["coverage"]["uncovered"]] == ["evil.sigstore.json"]
    nothing_is_passed(world)


def test_evidence_that_lies_in_the_model_is_outside_coverage_only_where_it_is_evidence(world: World) -> None:
    world.sign()
    inside = world.model / "evidence"
    shutil.copytree(world.evidence, inside)
    done = verify(world.model, TOP_RUNG, evidence=(inside,), trust=world.trust, as_of=NOW, now=NOW)
    assert done.passed
    (inside / "evil.sigstore.json").write_text("import os")
    done = verify(world.model, TOP_RUNG, evidence=(inside,), trust=world.trust, as_of=NOW, now=NOW)
    assert not done.passed
    assert [row["path"] for row in done.document["coverage"]["uncovered"]] == ["evidence/evil.sigstore.json"]


@pytest.mark.parametrize("more", [b"\x80\x04cos\nsystem\n.", b'{"payload": 1}'])
def test_a_file_is_evidence_as_a_whole_or_not_at_all(world: World, more: bytes) -> None:
    world.sign()
    inside = world.model / "evidence"
    inside.mkdir()
    (inside / "all.intoto.jsonl").write_bytes(world.file("train").read_bytes().strip() + b"\n" + more + b"\n")
    done = verify(world.model, TOP_RUNG, evidence=(world.evidence, inside), trust=world.trust, as_of=NOW, now=NOW)
    assert not done.passed
    assert [row["path"] for row in done.document["coverage"]["uncovered"]] == ["evidence/all.intoto.jsonl"]


# --- cards ----------------------------------------------------------------------------------------------------------


def card_only(world: World, card: str) -> dict[str, Any]:
    """The verdict on a model with nothing but files."""
    world.write("tiny/README.md", card)
    world.unsay(*list(world.drafts))
    return world.verdict("g7-2026-open-weights")


FRONT = "---\nlicense: apache-2.0\n---\n"
EXAMPLE = "\n```python\nprint('run')\n```\n"


def test_a_card_declares_open_weights_and_shows_nothing(world: World) -> None:
    verdict = card_only(world, FRONT + EXAMPLE)
    assert (shown(verdict), declared(verdict)) == (None, "g7-2026-open-weights")
    assert (verdict["result"], verdict["passed"], verdict["informational"]) == ("undetermined", False, True)
    nothing_is_passed(world)


@pytest.mark.parametrize(
    ("card", "rung"),
    [
        (FRONT, None),  # no code to run it
        (EXAMPLE, None),  # no licence
        ("---\nlicense: cc-by-nc-4.0\n---\n" + EXAMPLE, None),  # so nothing says that it is free of charge
        ("---\nlicense: llama3.1\n---\n" + EXAMPLE, None),
        ("---\nlicense: [apache-2.0, cc-by-nc-4.0]\n---\n" + EXAMPLE, None),
        ("---\nlicense: no\n---\n" + EXAMPLE, None),
        ("---\nlicense: apache-2.0\nextra_gated_prompt: who are you?\n---\n" + EXAMPLE, None),
        ("---\n- license\n---\n" + EXAMPLE, None),
        ("---\nlicense: &a apache-2.0\nother: *a\n---\n" + EXAMPLE, None),
    ],
)
def test_a_card_declares_no_more_than_it_says(world: World, card: str, rung: str | None) -> None:
    verdict = card_only(world, card)
    assert (shown(verdict), declared(verdict)) == (None, rung)


def test_a_card_does_not_rescue_weights_that_are_not_as_they_were_signed(world: World) -> None:
    world.sign()
    world.write("tiny/model.safetensors", safetensors({"a": [1.0, 2.5], "b": [3.0]}))
    verdict = world.verdict()
    assert verdict["result"] == "fail"
    assert (shown(verdict), declared(verdict)) == (None, None)
    assert {"file-mismatch", "tensor-mismatch"} <= codes(verdict)


def test_a_card_does_not_fill_a_gap_in_what_is_signed(world: World) -> None:
    world.license("model-parameters-final", None)
    verdict = world.verdict("g7-2026-open-weights")
    asked = {row["id"]: row["outcome"] for row in verdict["requirements"]}
    assert asked["W-2"] == "undetermined"
    assert shown(verdict) == "g7-2026-weights-available"


def test_a_card_that_contradicts_the_release_changes_nothing_that_is_shown(world: World) -> None:
    world.write("tiny/README.md", "---\nlicense: cc-by-nc-4.0\n---\n")
    world.say("model.sig", world.signature())
    world.change("release", subjects=world.described("tiny"))
    world.change("train", outputs=world.described("tiny"))
    claim = world.drafts["evaluate"].claim
    assert isinstance(claim, Step)
    world.change("evaluate", inputs=world.inputs(model="tiny", evaluation_data="corpus", source="evaluate.py",
                                                 lockfile="uv.lock"))
    assert world.verdict()["passed"]


# --- time -----------------------------------------------------------------------------------------------------------


def test_a_verdict_of_the_past_says_so(world: World) -> None:
    world.sign()
    done = verify(world.model, TOP_RUNG, evidence=(world.evidence,), trust=world.trust, as_of=NOW,
                  now=NOW + timedelta(seconds=1))
    assert done.document["asOfInThePast"]
    assert "as-of-in-the-past" in {row["code"] for row in done.document["findings"]}


def test_a_verdict_of_the_future_says_so(world: World) -> None:
    """Then a signer speaks whose window has not begun."""
    world.believe(world.principal("archive"), world.principal("lab", valid_from="2026-12-01T00:00:00Z"))
    assert not world.verdict()["passed"]
    done = verify(world.model, TOP_RUNG, evidence=(world.evidence,), trust=world.trust,
                  as_of=NOW + timedelta(days=30), now=NOW)
    assert done.passed
    assert "as-of-in-the-future" in {row["code"] for row in done.document["findings"]}


ASKING: dict[str, Callable[[World, str, Path], object]] = {
    "verify": lambda world, policy, trust: verify(
        world.model, policy, evidence=(world.evidence,), trust=trust, as_of=NOW, now=NOW),
    "next": lambda world, policy, trust: next_steps(
        world.model, [policy], evidence=(world.evidence,), trust=trust, as_of=NOW),
    "attack": lambda world, policy, trust: attack(
        policy, (world.evidence,), model=world.model, trust=trust, as_of=NOW, limit=1),
    "inventory": lambda world, policy, trust: inventory([world.model], [policy], trust=trust, now=NOW),
}
TRUSTING: dict[str, Callable[[World, Path], object]] = {
    "reproduce": lambda world, trust: reproduce(world.model, (world.evidence,), trust, as_of=NOW),
    "bundle verify": lambda world, trust: verify_bundles(
        world.file("signature"), as_of=NOW, trust=trust, model=world.model),
}


@pytest.mark.parametrize("command", ASKING)
def test_a_policy_that_came_with_the_model_does_not_judge_it(world: World, command: str) -> None:
    world.sign()
    policy = world.write("tiny/policy.yaml", "{}")
    with pytest.raises(ProvenanceError) as raised:
        ASKING[command](world, str(policy), world.trust)
    assert (raised.value.code, raised.value.location) == ("policy-invalid", str(policy))
    assert "lies in the model" in raised.value.message


@pytest.mark.parametrize("command", [*ASKING, *TRUSTING])
def test_a_trust_file_that_came_with_the_model_is_not_believed(world: World, command: str) -> None:
    world.sign()
    trust = world.write("tiny/trust.yaml", world.trust.read_bytes())
    with pytest.raises(ProvenanceError) as raised:
        ASKING[command](world, TOP_RUNG, trust) if command in ASKING else TRUSTING[command](world, trust)
    assert (raised.value.code, raised.value.location) == ("trust-invalid", str(trust))


def test_a_recalled_model_is_not_reproduced_whatever_its_checksums(world: World) -> None:
    world.sign()
    assert reproduce(world.model, (world.evidence,), world.trust, as_of=NOW).passed
    recall(world, "model")
    report = reproduce(world.model, (world.evidence,), world.trust, as_of=NOW)
    assert report.outcome == "equal"
    assert not report.passed
    assert [finding.code for finding in report.findings] == ["artifact-recalled"]


def test_nothing_passes_beside_a_file_that_no_signature_covers(world: World) -> None:
    """Also where no requirement of the policy asks for coverage."""
    passing = [decision for decision in world.evaluation().decide(load_policy(TOP_RUNG)) if decision.id != "W-1"]
    assert world.evaluation().outcome(passing) == "pass"
    world.write("tiny/more.py", "pass\n")
    assert world.evaluation().outcome(passing) == "undetermined"
    assert world.evaluation().outcome(passing, declared=True) == "pass"
