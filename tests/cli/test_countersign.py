"""Two people behind one release: the second signs the statement of the first, and a threshold is met."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run

POLICY = ("verify", "model", "--policy", "g7-2026-open-weights", "--trust", "trust.yaml")


@pytest.fixture
def two(run: Run, released: Path, tmp_path: Path) -> Path:
    """The released model, under a trust file that demands two producers."""
    for arguments in (
        ("keygen", "second.key", "--no-passphrase"), ("keygen", "stranger.key", "--no-passphrase"),
        ("trust", "add", "trust.yaml", "--name", "second", "--party", "Lab", "--role", "producer", "--public-key",
         "second.key.pub", "--subject", "*"),
    ):
        assert run(*arguments).code == 0
    trust = tmp_path / "trust.yaml"
    demand = "thresholds:\n  - {role: producer, predicateTypes: ['*'], principals: 2}\n"
    trust.write_text(trust.read_text() + demand)
    return released.with_name("model.provenance")


def test_a_threshold_is_met_when_the_second_has_signed_as_well(run: Run, two: Path) -> None:
    assert run(*POLICY).code == 1
    for file in sorted(two.iterdir()):
        assert run("bundle", "countersign", str(file), "--trust", "trust.yaml", "--key", "second.key").code == 0
    ran = run(*POLICY)
    assert ran.code == 0, ran.out
    assert len(list(two.iterdir())) == 4


def test_what_nobody_trusted_signed_is_not_signed_a_second_time(run: Run, two: Path) -> None:
    assert run("sign", "model", "--key", "stranger.key", "--bundle", "s.sig").code == 0
    ran = run("bundle", "countersign", "s.sig", "--trust", "trust.yaml", "--key", "second.key")
    assert ran.code == 2
    assert "[signature-unknown-signer]" in ran.err
    broken = two / "model.sig"
    broken.write_bytes(broken.read_bytes().replace(b'"sig":"', b'"sig":"AAAA'))
    assert "[signature-invalid]" in run("bundle", "countersign", str(broken), "--trust", "trust.yaml", "--key",
                                        "second.key").err


def test_signing_twice_oneself_is_still_one(run: Run, two: Path) -> None:
    for file in sorted(two.iterdir()):
        assert run("bundle", "countersign", str(file), "--trust", "trust.yaml", "--key", "lab.key").code == 0
    ran = run(*POLICY)
    assert ran.code == 1
    assert "1 of the 2 principals" in run(*POLICY, "--format", "json").out
