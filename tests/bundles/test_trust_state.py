"""The trust state: an older trust file is refused, wherever it lies, and whoever asks at the same time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from provenance.bundles.trust import TrustSource, read_trust
from provenance.errors import ProvenanceError

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ID = "urn:uuid:11111111-1111-4111-8111-111111111111"
Write = Callable[..., Path]


def trust_file(path: Path, version: int, **changes: Any) -> Path:
    document = {"apiVersion": "open-provenance/v0.1", "kind": "Trust", "id": ID, "version": version,
                "expires": "2027-01-01T00:00:00Z", "principals": [], **changes}
    path.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))
    return path


def read(path: Path, state: Path) -> int:
    return read_trust(TrustSource(path, state), NOW).version


def refused(path: Path, state: Path) -> tuple[str, str]:
    with pytest.raises(ProvenanceError) as caught:
        read(path, state)
    return caught.value.code, caught.value.message


def test_an_older_version_than_one_already_seen_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    for version in (3, 3, 5):
        assert read(trust_file(tmp_path / "trust.yaml", version), state) == version
    assert refused(trust_file(tmp_path / "trust.yaml", 4), state) == (
        "trust-rollback", "the trust file has version 4, and version 5 was seen")
    assert json.loads(state.read_bytes())["version"] == 5


def test_the_state_is_bound_to_the_trust_file_and_not_to_its_path(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    read(trust_file(tmp_path / "a.yaml", 5), state)
    assert refused(trust_file(tmp_path / "b.yaml", 4), state)[0] == "trust-rollback"
    assert read(trust_file(tmp_path / "c.yaml", 6), state) == 6


def test_another_trust_file_does_not_begin_again_in_the_same_state(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    read(trust_file(tmp_path / "trust.yaml", 5), state)
    other = trust_file(tmp_path / "trust.yaml", 9, id="urn:uuid:22222222-2222-4222-8222-222222222222")
    assert refused(other, state) == ("trust-rollback", "the state is of another trust file")


def test_two_files_of_one_version_are_not_both_believed(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    read(trust_file(tmp_path / "trust.yaml", 5), state)
    other = trust_file(tmp_path / "trust.yaml", 5, expires="2028-01-01T00:00:00Z")
    assert refused(other, state) == ("trust-rollback", "another trust file of version 5 was seen")


def test_a_file_without_an_identity_has_no_state(tmp_path: Path) -> None:
    assert refused(trust_file(tmp_path / "trust.yaml", 1, id=None), tmp_path / "s")[0] == "trust-invalid"
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"version": 0}', "\x00" * 100_000])
def test_a_damaged_state_is_an_error_and_never_a_new_beginning(tmp_path: Path, damage: str) -> None:
    state = tmp_path / "state.json"
    state.write_text(damage)
    assert refused(trust_file(tmp_path / "trust.yaml", 1), state)[0] == "trust-invalid"
    assert state.read_text() == damage


def test_a_file_that_is_refused_for_another_reason_is_not_remembered(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    read(trust_file(tmp_path / "trust.yaml", 5), state)
    expired = trust_file(tmp_path / "trust.yaml", 99, expires="2026-01-01T00:00:00Z")
    assert refused(expired, state)[0] == "trust-expired"
    assert read(trust_file(tmp_path / "trust.yaml", 5), state) == 5


def test_a_state_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refused(trust_file(tmp_path / "trust.yaml", 1), tmp_path / "file" / "state.json")[0] == "output-unwritable"


READER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from provenance.bundles.trust import TrustSource, read_trust
from provenance.errors import TrustError
for _ in range(20):
    try:
        read_trust(TrustSource(Path(sys.argv[1]), Path(sys.argv[2])), datetime(2026, 11, 23, 12, tzinfo=UTC))
    except TrustError as err:
        assert err.code == "trust-rollback"
"""


def test_many_readers_at_once_leave_the_newest_version(tmp_path: Path) -> None:
    """The slower of two must not put an older version back."""
    state = tmp_path / "state.json"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    files = [trust_file(tmp_path / f"{version}.yaml", version) for version in range(1, 5)]
    readers = [subprocess.Popen([sys.executable, "-c", READER, str(path), str(state)], env=environment)
               for path in files]
    assert [reader.wait(60) for reader in readers] == [0] * len(readers)
    assert json.loads(state.read_bytes())["version"] == 4
