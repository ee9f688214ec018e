"""Every bundle of other projects: VALID for whom its notes name, INVALID for anybody else who is asked for.

A trust file asks for nobody: to one that lists somebody else, a signer is unknown, which is UNSUPPORTED. The bundles
are read where they lie, beside the checkout; without them these tests are skipped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from provenance import resources
from provenance.errors import CODES
from tests.cli.conftest import Run

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"
OWN = resources._folder("attestations") / "vectors"
OMS, SUITE = "oms-model-transparency", "sigstore-conformance/bundle-verify"
AS_OF = "2026-11-23T12:00:00Z"
GITHUB = "https://token.actions.githubusercontent.com"
BEACON = (("https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/"
          "extremely-dangerous-oidc-beacon.yml@refs/heads/main"), GITHUB)
IBM = ("stefanb@us.ibm.com", "https://sigstore.verify.ibm.com/oauth2")
GENERATOR = (("https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_generic_slsa3.yml"
             "@refs/tags/v2.1.0"), GITHUB)
WILLIAM = ("william@yossarian.net", "https://github.com/login/oauth")
OMS_KEY, OMS_CA = (f"{OMS}/keys/certificate/{name}" for name in ("signing-key-pub.pem", "ca-cert.pem"))
ALICE, BOB, CARL = "made-here-in-toto-3.1.0/alice.pub", "in-toto-python/demo_files/bob.pub", \
    "in-toto-python/demo_files/carl.pub"
STAGING = "sigstore-trusted-roots/staging/trusted_root.json"
# The signature holds, and what it signs breaks SLSA: it has no external parameters.
BREAKS_ITS_PREDICATE = {f"{SUITE}/rekor2-dsse-happy-path/bundle.sigstore.json"}


@dataclass(frozen=True)
class Case:
    """A bundle, and whom its notes name: a key, an authority, or an identity and issuer."""

    path: str
    key: str = ""
    authority: str = ""
    identity: tuple[str, str] | None = None
    root: str = ""
    artifact: str = ""

    def __str__(self) -> str:
        return self.path.removesuffix("/bundle.sigstore.json").removesuffix("/model.sig")

    def asked(self, **instead: Any) -> list[str]:
        """The command line that asks for the signer, or for another."""
        how = instead if instead else {"key": self.key, "authority": self.authority, "identity": self.identity}
        options = {"--public-key": how.get("key"), "--certificate-authority": how.get("authority"),
                   "--trusted-root": self.root, "--artifact": self.artifact}
        options.update(zip(("--identity", "--issuer"), how.get("identity") or ("", ""), strict=True))
        named = {"--public-key", "--certificate-authority", "--trusted-root", "--artifact"}
        given = [(name, str(VECTORS / value) if name in named else value) for name, value in options.items() if value]
        return ["bundle", "verify", str(VECTORS / self.path), "--as-of", AS_OF, "--format", "json",
                *(part for pair in given for part in pair)]


SIGNERS: Mapping[str, dict[str, Any]] = {
    f"{OMS}/*-elliptic-key/model.sig": {"key": OMS_KEY},
    f"{OMS}/*-certificate/model.sig": {"authority": OMS_CA},
    f"{OMS}/*-sigstore/model.sig": {"identity": IBM},
    "oms-spec/test-vectors/v1.0/valid/key.*": {"key": OMS_KEY},
    "oms-spec/test-vectors/v1.0/valid/certificate.*": {"authority": OMS_CA},
    "oms-spec/test-vectors/v1.0/valid/sigstore.*": {"identity": IBM},
    "slsa-verifier/gha_generic-v2.1.0/*.jsonl": {"identity": GENERATOR},
    "slsa-verifier/vsa/gce/v1/*.jsonl": {"key": "slsa-verifier/vsa/gce/v1/vsa_signing_public_key.pem"},
    "pypi-attestations/rfc8785*": {"identity": WILLIAM, "root": STAGING},
    "made-here-in-toto-3.1.0/*.link": {"key": ALICE},
    "made-here-in-toto-3.1.0/*.layout": {"key": ALICE},
    "in-toto-python/demo*_files/write-code.776a00e2.link": {"key": BOB},
    "in-toto-python/demo*_files/package.2f89b927.link": {"key": CARL},
}


def of_the_suite(folder: Path) -> Case:
    def beside(name: str) -> str:
        return f"{SUITE}/{folder.name}/{name}" if (folder / name).exists() else ""

    text = {name: (folder / name).read_text().strip() if beside(name) else otherwise
            for name, otherwise in (("identity", BEACON[0]), ("issuer", BEACON[1]))}
    path = f"{SUITE}/{folder.name}/bundle.sigstore.json"
    signs_a_file = b'"messageSignature"' in (VECTORS / path).read_bytes()
    artifact = beside("artifact") or f"{SUITE}/a.txt"
    who: dict[str, Any] = {"key": beside("key.pub")} if beside("key.pub") else {
        "identity": (text["identity"], text["issuer"])}
    return Case(path, root=beside("trusted_root.json"), artifact=artifact if signs_a_file else "", **who)


CASES = [Case(path.relative_to(VECTORS).as_posix(), **who)
         for pattern, who in SIGNERS.items() for path in sorted(VECTORS.glob(pattern))]
OF_THE_SUITE = [of_the_suite(path.parent) for path in sorted((VECTORS / SUITE).glob("*/bundle.sigstore.json"))]
ALL = [*CASES, *(case for case in OF_THE_SUITE if not str(case).endswith("_fail"))]
FAIL = [case for case in OF_THE_SUITE if str(case).endswith("_fail")]

pytestmark = pytest.mark.skipif(not CASES, reason="the bundles of other projects are not here")


def wrong(case: Case, tmp: Path) -> dict[str, dict[str, Any]]:
    """Signers who are another than the one that the bundle's notes name, of every kind."""
    stranger, root = OWN / "keys" / "stranger.pub.pem", OWN / "certificates" / "trust.yaml"
    pem = "".join(line.strip() + "\n" for line in root.read_text().split("pem: |")[1].splitlines()[1:]
                  if line.startswith("        "))
    (tmp / "authority.pem").write_text(pem)
    others = {"another key": {"key": stranger}, "another authority": {"authority": tmp / "authority.pem"},
              "another identity": {"identity": ("eve@example.org", GITHUB)}}
    if case.identity:
        name, issuer = case.identity
        others |= {"a longer name": {"identity": (name + "x", issuer)}, "another case": {"identity": (name.swapcase(),
                   issuer)}, "another issuer": {"identity": (name, "https://issuer.example.org")}}
    return others


@pytest.mark.parametrize("case", ALL, ids=str)
def test_a_real_bundle_is_valid_for_its_signer_and_invalid_for_another(case: Case, run: Run, tmp_path: Path) -> None:
    pytest.importorskip("sigstore")
    ran = run(*case.asked())
    found = ran.json
    code = "schema-mismatch" if case.path in BREAKS_ITS_PREDICATE else ""
    assert (ran.code, found["status"], found["code"]) == (0, "VALID", code), found["reason"]
    assert found["signer"]
    assert found["signingTime"] or not case.identity
    for what, other in wrong(case, tmp_path).items():
        ran = run(*case.asked(**other))
        codes = {"signature-invalid", "identity-mismatch"}
        assert (ran.code, ran.json["status"], ran.json["code"] in codes) == (1, "INVALID", True), (what, ran.json)


@pytest.mark.parametrize("case", FAIL, ids=str)
def test_a_bundle_that_the_suite_has_refused_is_refused(case: Case, run: Run) -> None:
    pytest.importorskip("sigstore")
    ran = run(*case.asked())
    # In one case it is not the bundle but the key that it is to be held against: with that, nothing can be verified.
    assert ran.code == (2 if ran.json["code"] == "key-invalid" else 1)
    assert (ran.json.get("status") != "VALID", ran.json["code"] in CODES) == (True, True)


@pytest.mark.parametrize("case", [case for case in CASES if not case.artifact], ids=str)
def test_a_signer_whom_a_trust_file_does_not_list_is_unknown_and_not_wrong(case: Case, run: Run,
                                                                          tmp_path: Path) -> None:
    pytest.importorskip("sigstore")
    check = ("bundle", "verify", str(VECTORS / case.path), "--as-of", AS_OF, "--format", "json", "--trust", "t.yaml")
    (tmp_path / "t.yaml").write_text(json.dumps(trust_file(case, tmp_path)))
    ran = run(*check)
    assert (ran.code, ran.json["status"], ran.json["signer"]) == (0, "VALID", "signer"), ran.json["reason"]
    (tmp_path / "t.yaml").write_text(json.dumps(trust_file(case, tmp_path, of_another=True)))
    ran = run(*check)
    assert (ran.code, ran.json["status"], ran.json["code"], ran.json["signer"]) == (
        1, "UNSUPPORTED", "signature-unknown-signer", None), ran.json["reason"]


def trust_file(case: Case, tmp: Path, *, of_another: bool = False) -> dict[str, Any]:
    """A trust file that lists the signer, or somebody else of the same kind."""
    holder: dict[str, Any] = {"name": "signer", "party": "Signer", "roles": ["producer"], "predicateTypes": ["*"],
                              "subjects": {"names": ["*"]}}
    document: dict[str, Any] = {"apiVersion": "open-provenance/v0.1", "kind": "Trust", "version": 1,
                                "expires": "2036-01-01T00:00:00Z", "principals": [holder]}
    if case.key:
        key = OWN / "keys" / "stranger.pub.pem" if of_another else VECTORS / case.key
        holder["keys"] = [key.read_text()[key.read_text().index("-----BEGIN"):]]
    elif case.authority:
        subject = "CN=somebody else" if of_another else "CN=intermediate-ca"
        holder["certificateAuthority"] = {"subject": subject, "pem": (VECTORS / case.authority).read_text()}
    elif case.identity:
        name, issuer = case.identity
        holder["identities"] = [{"identity": "eve@example.org" if of_another else name, "issuer": issuer}]
        document["trustedRoot"] = "staging" if case.root == STAGING else "production"
    return document


def test_every_real_bundle_is_among_these() -> None:
    """But for samples to parse, a signature by GnuPG, templates, and what is broken on purpose."""
    known = {case.path for case in (*ALL, *FAIL)}
    other = ("guac/", "in-toto-python/demo_files_gpg/", "oms-spec/test-vectors/v1.0/invalid",
             "sigstore-trusted-roots/")
    marks = (b'"verificationMaterial"', b'"verification_material"', b'"signatures"')
    found = {path.relative_to(VECTORS).as_posix() for path in VECTORS.rglob("*") if path.is_file()
             and path.suffix not in (".md", ".txt", ".template") and ".schema." not in path.name
             and any(mark in path.read_bytes() for mark in marks)}
    assert {path for path in found - known if not path.startswith(other)} == set()
    assert len(known) > 50


@pytest.mark.parametrize("path", [*(case.path for case in (*ALL, *FAIL) if "malformed-json" not in case.path),
                                  "guac/oci-dsse-att.json",
                                  "in-toto-python/demo_files_gpg/package.7b3abb26.link"])
def test_a_real_bundle_can_be_looked_into(path: str, run: Run) -> None:
    """Who, what and when, by the bundle's own account."""
    ran = run("bundle", "inspect", str(VECTORS / path), "--format", "json")
    found = ran.json
    assert (ran.code, found["kind"], found["verified"]) == (0, "Inspection", False)
    assert found["statement"] or found["signedDigest"]
    case = next((case for case in ALL if case.path == path and case.identity), None)
    if case is not None:
        (signer,) = found["signers"]
        assert (signer["names"], signer["identityIssuer"]) == ([case.identity[0]], case.identity[1])  # type: ignore[index]
        told = [item["time"] for item in (*found["logEntries"], *found["timestamps"]) if item["time"]]
        assert told
        assert all(signer["from"] <= time <= signer["until"] for time in told)
