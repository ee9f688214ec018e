"""Files of several bundles, bundles over a file, and files that are no bundles: an answer each, and the exit code."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from provenance import resources
from tests.bundles.own_authority import Pki
from tests.cli.conftest import Run
from tests.sigstore_instance import Instance, Keyless
from tests.sigstore_instance.encoding import PEM, b64
from tests.sigstore_instance.fixtures import *  # noqa: F403  the instances
from tests.sigstore_instance.fixtures import flip

VECTORS = resources._folder("attestations") / "vectors"
GOOD = {name: (VECTORS / "bundles" / "valid" / f"{name}.ed25519.sigstore.json").read_bytes().strip()
        for name in ("dataset", "release", "step")}
LAB, WORKS = (str(VECTORS / "keys" / f"{name}.pub.pem") for name in ("lab", "works"))
METABLOCK = json.dumps(json.loads((VECTORS / "evidence" / "metablock.link").read_bytes())).encode()
BY_ANOTHER = (VECTORS / "bundles" / "valid" / "step.ecdsa-p256.sigstore.json").read_bytes().strip()
GNUPG = (VECTORS / "evidence" / "bad-gnupg.link").read_bytes().replace(b"\n", b"")
BARE = (VECTORS / "evidence" / "bare.dsse.json").read_bytes().strip()

SHOWN = {"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "model", "digest": {"sha256": "ab" * 32}}],
         "predicateType": "https://in-toto.io/attestation/svr/v0.1", "predicate": {}}


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """A file with both kinds of line, a bundle and an envelope, and a link from before either."""
    (tmp_path / "build.intoto.jsonl").write_bytes(b"\n".join([GOOD["dataset"], BARE, b"", METABLOCK, b""]))
    return tmp_path / "build.intoto.jsonl"


def test_every_bundle_of_a_file_is_judged_and_listed(run: Run, lines: Path) -> None:
    check = ("bundle", "verify", lines.name, "--public-key", LAB)
    ran = run(*check, "--format", "json")
    found = ran.json
    assert (ran.code, found["kind"], found["verified"]) == (0, "BundleVerifications", True)
    assert [(item["file"], item["status"]) for item in found["bundles"]] == [
        (f"{lines.name}:{number}", "VALID") for number in (1, 2, 4)]
    assert [line.split()[:2] for line in run(*check).out.splitlines() if line.startswith("VALID")] == [
        ["VALID", f"{lines.name}:{number}"] for number in (1, 2, 4)]


@pytest.mark.parametrize(("line", "status", "code"), [
    (b"{", "INVALID", "json-invalid"),
    (GOOD["step"].replace(b'"sig":"', b'"sig":"AAAA'), "INVALID", "signature-invalid"),
    (BY_ANOTHER, "INVALID", "signature-invalid"),
    (GNUPG, "UNSUPPORTED", "bundle-kind-unsupported"),
])
def test_one_line_that_is_not_valid_is_enough(line: bytes, status: str, code: str, run: Run, lines: Path) -> None:
    lines.write_bytes(lines.read_bytes() + line)
    ran = run("bundle", "verify", lines.name, "--public-key", LAB, "--format", "json")
    *good, last = ran.json["bundles"]
    assert (ran.code, ran.json["verified"], {item["status"] for item in good}) == (1, False, {"VALID"})
    assert (last["file"], last["status"], last["code"]) == (f"{lines.name}:5", status, code)


def test_a_file_of_one_line_is_that_bundle(run: Run, lines: Path) -> None:
    lines.write_bytes(GOOD["dataset"] + b"\n")
    for command, kind in ((("verify", "--public-key", LAB), "BundleVerification"), (("inspect",), "Inspection")):
        assert run("bundle", *command, lines.name, "--format", "json").json["kind"] == kind


def test_inspecting_tells_every_line_and_what_is_wrong_with_it(run: Run, lines: Path) -> None:
    lines.write_bytes(lines.read_bytes() + b"{")
    found = run("bundle", "inspect", lines.name, "--format", "json").json
    assert found["sha256"] == hashlib.sha256(lines.read_bytes()).hexdigest()
    assert [item["kind"] for item in found["bundles"]] == ["Inspection", "Inspection", "Inspection", "Error"]
    assert [item["statement"]["_type"] for item in found["bundles"][:3]] == [
        "https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v1", "link"]


@pytest.mark.parametrize(("revoked", "refused"), [
    ("file", [1, 2, 4]), ("piece", [2]), ("statement", [1, 2]),
])
def test_a_revocation_reaches_a_file_a_piece_or_a_statement(revoked: str, refused: list[int], run: Run, lines: Path,
                                                            tmp_path: Path) -> None:
    from provenance.bundles.envelope import parse_bundle

    digests = {"file": lines.read_bytes(), "piece": BARE, "statement": parse_bundle(GOOD["dataset"], "x").payload}
    trusting(tmp_path, run)
    assert run("trust", "revoke", "trust.yaml", "--bundle", hashlib.sha256(digests[revoked]).hexdigest()).code == 0
    found = run("bundle", "verify", lines.name, "--trust", "trust.yaml", "--format", "json").json["bundles"]
    hit = [int(item["file"].rpartition(":")[2]) for item in found if item["code"] == "signer-revoked"]
    assert (hit, len(found)) == (refused, 3)  # the first two hold one and the same statement


def test_a_layout_lends_its_voice_to_the_link_in_the_next_line(run: Run) -> None:
    check = ("--trust", str(VECTORS / "bundles" / "trust.yaml"), "--as-of", "2026-11-23T12:00:00Z", "--format", "json")
    for name, code, statuses in (("pipeline.jsonl", 0, ["VALID", "VALID"]),
                                 ("bad-pipeline-threshold.jsonl", 1, ["VALID", "UNSUPPORTED"])):
        ran = run("bundle", "verify", str(VECTORS / "evidence" / name), *check)
        assert (ran.code, [item["status"] for item in ran.json["bundles"]]) == (code, statuses)


def test_who_revokes_a_file_revokes_the_statements_in_it(run: Run, lines: Path, tmp_path: Path) -> None:
    trusting(tmp_path, run)
    assert run("trust", "revoke", "trust.yaml", "--bundle", lines.name).code == 0
    lines.write_bytes(b"\n\n" + lines.read_bytes().replace(b'"mediaType"', b' "mediaType"'))
    found = run("bundle", "verify", lines.name, "--trust", "trust.yaml", "--format", "json").json["bundles"]
    assert {item["code"] for item in found} == {"signer-revoked"}


def trusting(folder: Path, run: Run) -> None:
    """A trust file that lists `lab`."""
    (folder / "trust.yaml").unlink(missing_ok=True)
    assert run("trust", "init", "trust.yaml").code == 0
    added = run("trust", "add", "trust.yaml", "--name", "lab", "--party", "Lab", "--role", "producer", "--public-key",
                LAB, "--subject", "*", "--valid-until", "2035-01-01T00:00:00Z")
    assert added.code == 0, added.err


@pytest.fixture
def signed_file(instance: Instance, tmp_path: Path) -> list[str]:
    """A bundle over `a.txt`, keylessly, and whom to ask for."""
    pytest.importorskip("sigstore")
    (tmp_path / "a.txt").write_bytes(b"a file")
    (tmp_path / "root.json").write_text(json.dumps(instance.trusted_root()))
    (tmp_path / "a.sigstore.json").write_text(json.dumps(Keyless(instance).sign_file(b"a file")))
    return ["bundle", "verify", "a.sigstore.json", "--identity", "https://ci.example/train.yml@refs/heads/main",
            "--issuer", instance.url, "--trusted-root", "root.json", "--format", "json"]


def test_a_bundle_that_signs_a_file_is_held_against_it(run: Run, signed_file: list[str], tmp_path: Path) -> None:
    ran = run(*signed_file)
    assert (ran.code, ran.json["status"], ran.json["code"]) == (1, "UNSUPPORTED", "bundle-kind-unsupported")
    ran = run(*signed_file, "--artifact", "a.txt")
    assert (ran.code, ran.json["status"], ran.json["signingTime"]["source"]) == (0, "VALID", "log")
    other = ["eve@example.org" if part.startswith("https://ci.") else part for part in signed_file]
    ran = run(*other, "--artifact", "a.txt")
    assert (ran.code, ran.json["status"], ran.json["code"]) == (1, "INVALID", "identity-mismatch")
    (tmp_path / "a.txt").write_bytes(b"another file")
    assert run(*signed_file, "--artifact", "a.txt").json["code"] == "artifact-mismatch"
    assert run(*signed_file, "--artifact", "none.txt").code == 2


@pytest.mark.parametrize("kind", ["intoto 0.0.2", "dsse"])
def test_a_key_whose_bundle_is_logged_is_held_against_the_log_where_its_root_is_given(
    kind: Any, run: Run, instance: Instance, tmp_path: Path
) -> None:
    """As npm signs what was published."""
    pytest.importorskip("sigstore")
    keyless = Keyless(instance, managed=True, kind=kind)
    payload = json.loads((VECTORS / "evidence" / "publish-of-npm.dsse.json").read_bytes())["payload"]
    bundle = keyless.sign(base64.b64decode(payload))
    for name, data in (("npm.pub", keyless.public_pem), ("root.json", json.dumps(instance.trusted_root()).encode()),
                       ("b.sigstore.json", json.dumps(bundle).encode())):
        (tmp_path / name).write_bytes(data)
    check = ("bundle", "verify", "b.sigstore.json", "--public-key", "npm.pub", "--format", "json")
    ran = run(*check, "--trusted-root", "root.json")
    assert (ran.code, ran.json["status"], ran.json["signingTime"]["source"]) == (0, "VALID", "log")
    assert (run(*check).json["status"], run(*check).json["signingTime"]) == ("VALID", None)
    entry = bundle["verificationMaterial"]["tlogEntries"][0]
    entry["inclusionProof"]["hashes"] = [flip(hash_) for hash_ in entry["inclusionProof"]["hashes"]] or [b64(bytes(32))]
    (tmp_path / "b.sigstore.json").write_text(json.dumps(bundle))
    ran = run(*check, "--trusted-root", "root.json")
    assert (ran.code, ran.json["status"], ran.json["code"]) == (1, "INVALID", "log-proof-invalid")


def test_what_signs_a_statement_is_not_held_against_a_file(run: Run, lines: Path) -> None:
    lines.write_bytes(GOOD["dataset"])
    for more in (("--public-key", LAB, "--artifact", LAB), ("--public-key", LAB, "--model", "."),
                 ("--trust", str(VECTORS / "bundles" / "trust.yaml"), "--artifact", LAB)):
        assert run("bundle", "verify", lines.name, *more).code == 2


def test_a_verdict_is_no_signature_of_the_model_that_it_is_held_against(run: Run, model: Path) -> None:
    """CVE-2022-35929: a valid attestation of another type."""
    verdict = VECTORS / "bundles" / "valid" / "verification-summary.ed25519.sigstore.json"
    assert run("bundle", "verify", str(verdict), "--public-key", LAB).code == 0
    assert run("bundle", "verify", str(verdict), "--public-key", LAB, "--model", str(model)).code == 2


@pytest.mark.parametrize("option", ["--public-key", "--trust"])
def test_what_is_larger_than_a_bundle_may_be_is_refused(option: str, run: Run, tmp_path: Path) -> None:
    with (tmp_path / "big.sigstore.json").open("wb") as file:
        os.truncate(file.fileno(), 64 << 20)
    believed = {"--public-key": LAB, "--trust": str(VECTORS / "bundles" / "trust.yaml")}[option]
    ran = run("bundle", "verify", "big.sigstore.json", option, believed, "--format", "json")
    assert (ran.code, ran.json["status"], ran.json["code"]) == (1, "INVALID", "document-too-large")
    assert ran.json["sha256"] == hashlib.sha256(bytes(64 << 20)).hexdigest()
    assert run("bundle", "inspect", "big.sigstore.json").code == 2


@pytest.mark.parametrize(("data", "code"), [
    (b"[" * 10_000, "document-too-deep"), (b'{"a":' * 10_000, "document-too-deep"), (b"9" * 10_000, "json-invalid"),
    (b'{"payload":"","payload":""}', "json-invalid"), (b'{"mediaType":"\\ud800"}', "json-invalid"),
    (b"", "json-invalid"),
    (b" " * 1_000_000, "json-invalid"), (b"\xff\xfe{\x00}\x00", "json-invalid"), (b"{}", "bundle-invalid"),
])
def test_what_is_no_bundle_is_refused_with_its_code(data: bytes, code: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "x.sigstore.json").write_bytes(data)
    ran = run("bundle", "verify", "x.sigstore.json", "--public-key", LAB, "--format", "json")
    assert (ran.code, ran.json["status"], ran.json["code"]) == (1, "INVALID", code)
    ran = run("bundle", "inspect", "x.sigstore.json", "--format", "json")
    assert (ran.code, ran.json["kind"], ran.json["code"]) == (2, "Error", code)



@pytest.mark.parametrize("folder", ["bundles/valid", "bundles/invalid", "certificates", "timestamps", "evidence"])
def test_every_golden_bundle_can_be_looked_into(folder: str, run: Run) -> None:
    """Or is refused with a code; `run` sees that there is never a traceback."""
    for path in sorted(path for path in (VECTORS / folder).rglob("*")
                       if path.is_file() and ".expected." not in path.name and path.suffix not in (".yaml", ".pem")):
        ran = run("bundle", "inspect", str(path), "--format", "json")
        if "invalid" not in path.parts and not path.name.startswith("bad-") and path.name != "trusted_root.json":
            assert (ran.code, ran.json["verified"]) == (0, False)
            several = ran.json["bundles"] if ran.json["kind"] == "Inspections" else [ran.json]
            assert all(item["statement"] for item in several if item["kind"] == "Inspection")
        else:
            assert ran.code in (0, 2)


def test_a_signer_is_told_whole_and_does_nothing_to_the_terminal(run: Run, tmp_path: Path) -> None:
    pki = Pki(name="\x1b[2Jsigner " + "x" * 50)
    (tmp_path / "root.pem").write_bytes(pki.root_certificate.public_bytes(PEM))
    (tmp_path / "test.json").write_bytes(pki.sign(json.dumps(SHOWN).encode()))
    ran = run("bundle", "verify", "test.json", "--certificate-authority", "root.pem", "--as-of", "2026-11-23T12:00:00Z")
    assert (ran.code, "\x1b" in ran.out) == (0, False)
    assert f"as CN=\\x1b[2Jsigner {'x' * 50},O=Example Lab (issuer CN=root,O=Example Lab)\n" in ran.out
    assert "because  a verdict is output, never evidence here\n" in ran.out


def test_a_log_entry_of_another_bundle_is_refused_where_no_log_is_known(run: Run, tmp_path: Path) -> None:
    logged = json.loads((VECTORS / "sigstore" / "valid" / "log-v1.sigstore.json").read_bytes())
    bundle = json.loads(GOOD["step"])
    bundle["verificationMaterial"]["tlogEntries"] = logged["verificationMaterial"]["tlogEntries"]
    (tmp_path / "step.json").write_text(json.dumps(bundle))
    ran = run("bundle", "verify", "step.json", "--public-key", LAB, "--format", "json")
    assert (ran.code, ran.json["status"], ran.json["code"]) == (1, "INVALID", "log-entry-mismatch")
