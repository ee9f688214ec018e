"""The cases of the public sigstore-conformance suite that are at hand, through the client that the suite drives.

A case is a folder; `_fail` at the end of its name says that its bundle must be refused. The folder is another
project's, and is read where it is: beside the checkout, or where SIGSTORE_CONFORMANCE says.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from provenance import resources
from tests.conformance import sigstore_client
from tests.sigstore_instance import Instance
from tests.sigstore_instance.fixtures import *  # noqa: F403  the instances
from tests.sigstore_instance.fixtures import STATEMENT

HERE = Path(__file__).resolve()
SUITE = Path(os.environ.get("SIGSTORE_CONFORMANCE",
                            HERE.parents[2].parent / "shared/vectors/sigstore-conformance/bundle-verify"))
CASES = sorted(path.parent.name for path in SUITE.glob("*/bundle.sigstore.json"))
WORKFLOW = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/"
IDENTITY = WORKFLOW + "extremely-dangerous-oidc-beacon.yml@refs/heads/main"
ISSUER = "https://token.actions.githubusercontent.com"


def arguments(case: Path, *, by_digest: bool) -> list[str]:
    """The command that the suite runs for a case."""
    def told(name: str, otherwise: str) -> str:
        return (case / name).read_text().strip() if (case / name).exists() else otherwise

    key = case / "key.pub"
    who = ["--key", str(key)] if key.exists() else [
        "--certificate-identity", told("identity", IDENTITY), "--certificate-oidc-issuer", told("issuer", ISSUER)]
    root = case / "trusted_root.json"
    artifact = next(path for path in (case / "artifact", case.parent / "a.txt") if path.exists())
    subject = f"sha256:{hashlib.sha256(artifact.read_bytes()).hexdigest()}" if by_digest else str(artifact)
    return ["verify-bundle", "--bundle", str(case / "bundle.sigstore.json"), *who,
            *(["--trusted-root", str(root)] if root.exists() else []), subject]


@pytest.mark.skipif(not CASES, reason="the suite's cases are not here")
@pytest.mark.parametrize("by_digest", [False, True], ids=["file", "digest"])
@pytest.mark.parametrize("case", CASES or ["none"])
def test_a_case_of_the_suite_agrees(case: str, by_digest: bool, capsys: pytest.CaptureFixture[str]) -> None:
    code = sigstore_client.main(arguments(SUITE / case, by_digest=by_digest))
    assert (code != 0) == case.endswith("_fail"), capsys.readouterr().err


@pytest.fixture
def files(served: Instance, tmp_path: Path) -> Path:
    """A folder as the suite prepares one: something to sign, a statement about it, trust root and signing config."""
    (tmp_path / "a.txt").write_bytes(b"an artifact")
    digest = hashlib.sha256(b"an artifact").hexdigest()
    (tmp_path / "statement.json").write_bytes(STATEMENT.replace(b"ab" * 32, digest.encode()))
    (tmp_path / "root.json").write_text(json.dumps(served.trusted_root()))
    (tmp_path / "signing.json").write_text(json.dumps(served.signing_config()))
    return tmp_path


@pytest.mark.parametrize("what", ["a.txt", "statement.json"])
def test_what_the_client_signs_it_verifies(what: str, served: Instance, files: Path) -> None:
    in_toto = ["--in-toto"] if what == "statement.json" else []
    bundle = str(files / "bundle.json")
    assert run(["sign-bundle", *in_toto, "--identity-token", served.oidc.token(sub="x://y"), "--bundle", bundle,
                "--trusted-root", str(files / "root.json"), "--signing-config", str(files / "signing.json"),
                str(files / what)]) == 0
    def check(identity: str, artifact: str) -> int:
        return run(["verify-bundle", "--bundle", bundle, "--certificate-identity", identity,
                    "--certificate-oidc-issuer", served.url, "--trusted-root", str(files / "root.json"), artifact])

    assert check("x://y", str(files / "a.txt")) == 0
    assert check("x://y", "sha256:" + hashlib.sha256(b"an artifact").hexdigest()) == 0
    assert check("x://z", str(files / "a.txt")) == 1
    assert check("x://y", "sha256:" + "0" * 64) == 1


run = sigstore_client.main


def test_what_cannot_be_asked_is_refused(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = ["verify-bundle", "--bundle", str(files / "a.txt"), "--trusted-root", str(files / "root.json")]
    for wrong in (["--key", str(files / "a.txt"), "--certificate-identity", "x"], [], ["--key", str(files / "none")]):
        assert run([*bundle, *wrong, str(files / "a.txt")]) == 1
        assert capsys.readouterr().err


def test_the_client_is_a_program(files: Path) -> None:
    """As the suite starts it: a file, whose exit code is the answer."""
    program = HERE.with_name("sigstore_client.py")
    assert os.access(program, os.X_OK)
    done = subprocess.run(
        [sys.executable, str(program), "verify-bundle", "--bundle", str(files / "a.txt"), "--certificate-identity", "x",
         "--certificate-oidc-issuer", "y", str(files / "a.txt")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.split(":")[0]) == (1, "INVALID json-invalid")


# The golden bundles of this project

GOLDEN = resources._folder("attestations") / "vectors"
# What a client says that looks at bundle and signature, and, of the statement, at its type and subjects alone.
OF_THE_BUNDLE = {"base64-invalid", "bundle-invalid", "bundle-media-type", "bundle-signature-count", "document-too-deep",
                 "json-invalid", "member-case-variant", "signature-invalid", "signature-unknown-signer"}
# Members of the statement are its reader's to judge, and so are payload types beside the one that Sigstore's clients
# know; bundles that only model signing allows are not Sigstore's.
NOT_ITS_BUSINESS = ("payload-case-variant", "payload-type-named", "model-signature-raw-bytes",
                    "model-signature-release-0.2.0")


def golden(status: str) -> list[str]:
    found = (json.loads(path.read_bytes()) for path in sorted((GOLDEN / "bundles").glob("*valid/*.expected.json")))
    return [f"{'valid' if status == 'VALID' else 'invalid'}/{case['file']}" for case in found
            if case["status"] == status and (status == "VALID" or case["code"] in OF_THE_BUNDLE)
            and not case["file"].startswith(NOT_ITS_BUSINESS)]


def by_key(name: str) -> int:
    """The client with the key that the answer names, and the digest of the first subject that has one."""
    place = GOLDEN / "bundles" / name
    answer = json.loads(place.with_name(place.name.replace(".sigstore.json", ".expected.json")).read_bytes())
    try:
        payload = json.loads(base64.b64decode(json.loads(place.read_bytes())["dsseEnvelope"]["payload"]))
        digests = [subject["digest"]["sha256"] for subject in payload["subject"] if "sha256" in subject["digest"]]
    except (KeyError, TypeError, ValueError, RecursionError):
        digests = []
    key = GOLDEN / "keys" / f"{answer['signer'] or 'lab'}.pub.pem"
    digest = digests[0] if digests else "0" * 64
    return run(["verify-bundle", "--bundle", str(place), "--key", str(key), f"sha256:{digest}"])


def has_a_sha256(name: str) -> bool:
    payload = json.loads(base64.urlsafe_b64decode(
        json.loads((GOLDEN / "bundles" / name).read_bytes())["dsseEnvelope"]["payload"]))
    return any("sha256" in subject["digest"] for subject in payload["subject"])


@pytest.mark.parametrize("name", [name for name in golden("VALID") if has_a_sha256(name)])
def test_a_golden_bundle_is_accepted(name: str) -> None:
    assert by_key(name) == 0


@pytest.mark.parametrize("name", golden("INVALID") + golden("UNSUPPORTED"))
def test_a_golden_bundle_with_a_flaw_is_refused(name: str) -> None:
    assert by_key(name) == 1
