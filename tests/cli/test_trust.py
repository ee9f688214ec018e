"""`provenance trust`: a trust file is begun, changed, looked at and kept, and what a person wrote in it stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run

WRITTEN = """\
# Whom the purchasing department believes. Ask Ada before you change it.
apiVersion: open-provenance/v0.1
kind: Trust
id: urn:uuid:11111111-1111-4111-8111-111111111111
version: 7   # raised by the tool
expires: 2036-01-01T00:00:00Z

principals:
  # our own lab
  - name: "lab"
    party: Lab
    roles: [producer]      # not more
    keys:
      - |
KEY
    predicateTypes: ["https://model_signing/signature/v1.0"]
    subjects: {names: ['tiny*']}
    validUntil: 2030-12-31T23:59:59Z
# the end
"""


@pytest.fixture
def trust(run: Run, tmp_path: Path) -> Path:
    """A trust file that somebody wrote by hand, with comments, quotes and an order of its own."""
    for name in ("lab", "works"):
        assert run("keygen", f"{name}.key", "--no-passphrase").code == 0
    key = (tmp_path / "lab.key.pub").read_text()
    path = tmp_path / "trust.yaml"
    path.write_text(WRITTEN.replace("KEY\n", "".join(f"        {line}\n" for line in key.splitlines())))
    return path


def keyid(run: Run) -> str:
    return str(run("trust", "show", "trust.yaml", "--format", "json").json["principals"][0]["keyids"][0])


def add(run: Run, *more: str, name: str = "works") -> Any:
    return run("trust", "add", "trust.yaml", "--name", name, "--party", "Works", "--role", "data-supplier",
               "--public-key", "works.key.pub", "--subject", "tales*", *more)


def test_what_a_person_wrote_stays_as_it_was(run: Run, trust: Path) -> None:
    before = trust.read_text().splitlines()
    assert add(run).code == 0
    assert run("trust", "revoke", "trust.yaml", "--artifact", "sha256:" + "a" * 64).code == 0
    after = trust.read_text().splitlines()
    changed = [line for line in before if line not in after]
    assert changed == ["version: 7   # raised by the tool"]
    assert "version: 9   # raised by the tool" in after
    assert run("trust", "show", "trust.yaml", "--format", "json").json["version"] == 9


def test_what_is_added_is_what_is_read(run: Run, trust: Path) -> None:
    shown = add(run, "--valid-until", "2031-01-01T00:00:00Z", "--format", "json").json
    assert shown["principals"][1] == {
        "name": "works", "party": "Works", "roles": ["data-supplier"], "keyids": shown["principals"][1]["keyids"],
        "identities": [], "certifiedAs": None, "subjects": ["tales*"], "validFrom": None,
        "predicateTypes": ["urn:open-provenance:dataset:v0.1", "https://slsa.dev/provenance/v1"],
        "validUntil": "2031-01-01T00:00:00Z",
    }


def test_a_change_that_would_not_be_read_is_not_written(run: Run, trust: Path) -> None:
    before = trust.read_bytes()
    assert "[trust-invalid]" in add(run, name="lab").err  # the same name twice
    assert "[trust-invalid]" in add(run, "--valid-from", "noon").err
    assert trust.read_bytes() == before
    assert [path.name for path in trust.parent.iterdir() if path.name.startswith(".")] == []


def test_two_who_change_it_at_once_lose_nothing(run: Run, trust: Path) -> None:
    script = ("import sys\nfrom pathlib import Path\n"
              "from provenance.workflows.trust_file import Revocations, revoke_in\n"
              "for number in range(10):\n"
              "    digest = 'sha256:' + sys.argv[2] * 32 + f'{number:032x}'\n"
              "    revoke_in(Path(sys.argv[1]), Revocations(artifacts=(digest,)))\n")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    writers = [subprocess.Popen([sys.executable, "-c", script, str(trust), letter], env=environment)
               for letter in "ab"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    shown = run("trust", "show", "trust.yaml", "--format", "json").json
    assert (len(shown["revoked"]["artifacts"]), shown["version"]) == (20, 27)
    assert "version: 27  # raised by the tool" in trust.read_text()  # in the column where it was


def test_an_authority_is_added_with_the_name_that_it_certifies(run: Run, trust: Path) -> None:
    from tests.bundles.test_trust import CA

    (trust.parent / "ca.pem").write_text(CA)
    ran = run("trust", "add", "trust.yaml", "--name", "auditor", "--party", "Audit", "--role", "reproducer",
              "--subject", "tiny*", "--ca", "ca.pem", "--ca-subject", "CN=auditor,O=Audit")
    assert ran.code == 0
    assert "as       CN=auditor,O=Audit (certified by CN=Example CA)" in ran.out
    assert "[usage]" in run("trust", "add", "trust.yaml", "--name", "x", "--party", "Audit", "--role", "reproducer",
                            "--subject", "tiny*", "--ca", "ca.pem").err


def test_revoking_a_key_takes_its_voice(run: Run, trust: Path, model: Path) -> None:
    trust.write_text(trust.read_text().replace("tiny*", "*"))
    assert run("sign", "model", "--key", "lab.key").code == 0
    check = ("bundle", "verify", "model.provenance/model.sig", "--trust", "trust.yaml")
    assert run(*check).code == 0
    shown = run("trust", "revoke", "trust.yaml", "--key", "lab.key.pub")
    assert shown.code == 0
    assert f"Not believed any more: key {keyid(run)}" in shown.out
    assert "[signer-revoked]" in run(*check).out
    assert run("trust", "revoke", "trust.yaml", "--key", keyid(run)).code == 0  # again: nothing is listed twice
    assert trust.read_text().count(keyid(run)) == 1


def test_revoking_a_bundle_revokes_its_statement_however_it_is_written(run: Run, trust: Path, model: Path) -> None:
    trust.write_text(trust.read_text().replace("tiny*", "*"))
    assert run("sign", "model", "--key", "lab.key").code == 0
    bundle = model.with_name("model.provenance") / "model.sig"
    assert run("trust", "revoke", "trust.yaml", "--bundle", str(bundle)).code == 0
    bundle.write_bytes(bundle.read_bytes() + b" \n")
    assert "[signer-revoked]" in run("bundle", "verify", str(bundle), "--trust", "trust.yaml").out


@pytest.mark.parametrize("wrong", [
    (), ("--artifact", "sha256:abc"), ("--bundle", "none.sigstore.json"), ("--key", "none.pub"), ("--key", "lab.key"),
])
def test_a_revocation_that_would_revoke_nothing_is_an_error(run: Run, trust: Path, wrong: tuple[str, ...]) -> None:
    before = trust.read_bytes()
    assert run("trust", "revoke", "trust.yaml", *wrong).code == 2
    assert trust.read_bytes() == before


def test_another_key_of_a_principal_is_added_by_saying_the_rest_again(run: Run, trust: Path) -> None:
    """A key is followed by a newer one; a slip in the name must not give it to somebody else."""
    same = ("trust", "add", "trust.yaml", "--name", "lab", "--party", "Lab", "--role", "producer", "--subject", "tiny*",
            "--public-key", "works.key.pub")
    for other in (("--role", "gate"), ("--subject", "x"), ("--predicate-type", "*"), ("--valid-until",
                                                                                    "2031-01-01T00:00:00Z")):
        ran = run(*same, *other)
        assert (ran.code, "[trust-invalid] there is a lab already" in ran.err.replace("]:", "]")) == (2, True)
    ran = run(*same)
    assert ran.code == 0, ran.err
    (lab,) = run("trust", "show", "trust.yaml", "--format", "json").json["principals"]
    assert len(lab["keyids"]) == 2
    assert "version: 8 " in trust.read_text()
    assert "# not more" in trust.read_text()
    assert "is known by that already" in run(*same).err
    ran = run(*same[:-2], "--identity", "a@example.org", "--issuer", "https://issuer.example")
    assert (ran.code, "as       a@example.org" in ran.out) == (0, True)


def test_what_the_tool_adds_it_does_not_object_to(run: Run, trust: Path) -> None:
    for role in ("producer", "data-supplier", "assessor", "reproducer", "approver", "buyer", "gate"):
        run("keygen", f"{role}.key", "--no-passphrase")
        assert run("trust", "add", "trust.yaml", "--name", role, "--party", "Lab", "--role", role, "--public-key",
                   f"{role}.key.pub", "--subject", "tiny").code == 0
    assert lint(run) == []


def test_what_is_revoked_already_changes_nothing_and_whose_it_is_is_said(run: Run, trust: Path) -> None:
    first = run("trust", "revoke", "trust.yaml", "--key", "lab.key.pub", "--identity", "typo@example.org",
                "--artifact", "datasetTree:" + "ab" * 32)
    assert f"Not believed any more: key {keyid(run)}, of lab" in first.out
    assert "identity typo@example.org, of nobody here" in first.out
    before = trust.read_bytes()
    again = run("trust", "revoke", "trust.yaml", "--key", "lab.key.pub")
    assert (again.code, again.out, trust.read_bytes()) == (0, first.out, before)


def test_a_name_with_a_colon_is_a_name(run: Run, trust: Path) -> None:
    assert "about    oci:tiny, and what is in it" in add(run, "--subject", "oci:tiny").out
    assert "[usage]" in run("trust", "revoke", "trust.yaml", "--artifact", "sha256:abc").err


def test_show_says_in_words_who_may_speak_of_what(run: Run, trust: Path) -> None:
    trust.write_text(trust.read_text() + "thresholds:\n  - {role: producer, predicateTypes: ['*'], principals: 2}\n")
    assert run("trust", "show", "trust.yaml").out.splitlines()[2:] == [
        "", "lab (Lab): producer", "  may sign https://model_signing/signature/v1.0",
        "  about    whatever has a name that begins with tiny", f"  with key {keyid(run)}",
        "  until    2030-12-31T23:59:59Z", "",
        "What a producer signs needs 2 principals who sign the same statement: statements of every type",
    ]


def lint(run: Run, *more: str) -> list[str]:
    ran = run("trust", "lint", "trust.yaml", "--format", "json", "--as-of", "2026-11-23T12:00:00Z", *more)
    found = [finding["code"] for finding in ran.json["findings"]]
    assert ran.code == (1 if found else 0)
    return found


def test_a_trust_file_to_which_nothing_is_to_be_objected_is_clean(run: Run, trust: Path) -> None:
    assert lint(run) == []
    assert run("trust", "lint", "trust.yaml").out == "Nothing to object to.\n"


EXPIRED, NEVER, OVERLAP, WIDE = ("trust-entry-expired", "trust-entry-unmatched", "trust-entry-overlap",
                                 "trust-entry-wide")


@pytest.mark.parametrize(("old", "new", "code"), [
    ("expires: 2036", "expires: 2020", EXPIRED), ("expires: 2036-01-01", "expires: 2026-12-01", EXPIRED),
    ("validUntil: 2030", "validUntil: 2021", EXPIRED),
    ("    validUntil: 2030", "    validFrom: 2031-01-01T00:00:00Z\n    validUntil: 2030", NEVER),
    ("model_signing/signature/v1.0", "model_signing/signature/v1", NEVER), ("['tiny*']", "['*']", WIDE),
    ('["https://model_signing/signature/v1.0"]', "['*']", WIDE), ("['tiny*']", "['tiny*', tiny-v2]", OVERLAP),
    ("# the end", "thresholds: [{role: producer, predicateTypes: ['*'], principals: 2}]", NEVER),
    ("# the end", "thresholds: [{role: producer, predicateTypes: ['*'], principals: 1}]", NEVER),
    ("# the end", "revoked: {keys: [KEYID]}", NEVER),
])
def test_lint_finds(run: Run, trust: Path, old: str, new: str, code: str) -> None:
    text = trust.read_text()
    assert old in text
    trust.write_text(text.replace(old, new.replace("KEYID", keyid(run))))
    assert lint(run) == [code]


def test_lint_finds_patterns_that_are_too_wide(run: Run, trust: Path) -> None:
    pytest.importorskip("sigstore", exc_type=ImportError)
    for pattern, found in ((r"^https://github\.com/acme/[^/]+/x\.yml@refs/heads/main$", []),
                           ("^https://github.com/acme/x$", [WIDE]), (r"^https://github\.com/acme/.*$", [WIDE])):
        by = json.dumps([{"identityPattern": pattern, "issuer": "https://issuer.example"}])
        text = WRITTEN.replace("    keys:\n      - |\nKEY\n", f"    identities: {by}\n")
        trust.write_text(text)
        assert lint(run) == found


def test_lint_finds_two_parties_that_may_supply_the_same(run: Run, trust: Path) -> None:
    row = ("--predicate-type", "https://model_signing/signature/v1.0", "--subject", "tiny", "--role", "producer")
    assert add(run, *row).code == 0
    assert lint(run) == [OVERLAP]
    trust.write_text(trust.read_text() + "thresholds:\n  - role: producer\n    predicateTypes: "
                     "['https://model_signing/signature/v1.0']\n    principals: 2\n")
    assert lint(run) == []


def test_a_file_that_cannot_be_read_is_2_and_not_a_finding(run: Run, trust: Path) -> None:
    trust.write_text("kind: Trust\n")
    assert run("trust", "lint", "trust.yaml").code == 2


def test_a_private_key_is_not_repeated(run: Run, trust: Path) -> None:
    secret = (trust.parent / "lab.key").read_text().splitlines()[1]
    for command in ("show", "lint"):
        ran = run("trust", command, "lab.key")
        assert ran.code == 2
        assert "[key-is-private]" in ran.err
        assert secret not in ran.out + ran.err


def test_a_signed_trust_file_and_a_state_are_asked_for_by_every_command_that_trusts(
    run: Run, trust: Path, model: Path
) -> None:
    trust.write_text(trust.read_text().replace("tiny*", "*"))
    assert run("keygen", "keeper.key", "--no-passphrase").code == 0
    assert run("sign", "model", "--key", "lab.key").code == 0
    state = ("--trust", "trust.yaml", "--trust-state", "state.json", "--trust-key", "keeper.key.pub")
    commands = (("verify", "model", "--policy", "supply-chain-baseline"), ("reproduce", "model"),
                ("inventory", "model"), ("bundle", "verify", "model.provenance/model.sig"),
                ("admit", "model", "--policy", "supply-chain-baseline", "--key", "lab.key", "--to", "registry"))
    for command in commands:
        assert "[trust-unsigned]" in run(*command, *state).err, command
    assert run("trust", "sign", "trust.yaml", "--key", "keeper.key").code == 0
    older = trust.read_bytes(), trust.with_name("trust.yaml.sigstore.json").read_bytes()
    for command in commands:
        assert run(*command, *state).code in (0, 1), command
    assert json.loads((trust.parent / "state.json").read_bytes())["version"] == 7
    assert run("trust", "revoke", "trust.yaml", "--artifact", "sha256:" + "a" * 64).code == 0
    assert run("trust", "sign", "trust.yaml", "--key", "keeper.key").code == 0
    assert run(*commands[0], *state).code in (0, 1)
    trust.write_bytes(older[0])
    trust.with_name("trust.yaml.sigstore.json").write_bytes(older[1])
    for command in commands:
        assert "[trust-rollback]" in run(*command, *state).err, command


def test_a_signature_that_a_change_left_behind_is_pointed_out(run: Run, trust: Path) -> None:
    stale = "The signature beside it is of another version"
    run("keygen", "keeper.key", "--no-passphrase")
    assert stale not in add(run).out
    run("trust", "sign", "trust.yaml", "--key", "keeper.key")
    assert stale not in run("trust", "show", "trust.yaml").out
    assert stale in run("trust", "revoke", "trust.yaml", "--key", "lab.key.pub").out
    trust.with_name("trust.yaml.sigstore.json").write_text("{}")
    assert stale in run("trust", "show", "trust.yaml").out


def test_a_state_without_a_trust_file_is_a_slip(run: Run, model: Path) -> None:
    assert run("verify", "model", "--policy", "osaid-1.0", "--trust-state", "s").code == 2


def test_updating_needs_to_be_allowed(run: Run, trust: Path) -> None:
    before = trust.read_bytes()
    assert "[network-not-allowed]" in run("trust", "update", "trust.yaml").err
    assert "[usage]" in run("trust", "update", "trust.yaml", "--online", "--tuf-url", "http://127.0.0.1:9").err
    assert trust.read_bytes() == before
