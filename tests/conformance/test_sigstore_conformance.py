"""The cases of the public sigstore-conformance suite that are at hand, through the client that the suite drives.

A case is a folder; `_fail` at the end of its name says that its bundle must be refused. The folder is another
project's, and is read where it is: beside the checkout, or where SIGSTORE_CONFORMANCE says.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
