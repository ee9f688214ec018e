"""Updating a trust root: through TUF, from a repository on loopback; what is not signed as it must be is not used."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from provenance.bundles.sigstore.roots import embedded_file
from provenance.bundles.trust import parse_trust, read_trust
from provenance.errors import ProvenanceError
from provenance.workflows.trust_update import update_trust

pytest.importorskip("sigstore", exc_type=ImportError)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TRUST = """\
apiVersion: open-provenance/v0.1
kind: Trust
version: 4  # kept by Ada
expires: 2036-01-01T00:00:00Z
principals:
  - name: ci
    party: ACME
    roles: [producer]
    identities: [{identity: "https://ci.example/train", issuer: "https://issuer.example"}]
    predicateTypes: ["https://model_signing/signature/v1.0"]
    subjects: {names: [tiny]}
"""


@dataclass
class Repository:
    """A TUF repository with one key, as files: `root_file` is what a client has in its hands."""

    folder: Path
    version: int = 0
    signer: Any = field(default=None)

    def __post_init__(self) -> None:
        from securesystemslib.signer import CryptoSigner
        from tuf.api.metadata import Metadata, Root

        self.signer = self.signer or CryptoSigner.generate_ed25519()
        root = Metadata(Root(expires=_later(), consistent_snapshot=True))
        for role in ("root", "timestamp", "snapshot", "targets"):
            root.signed.add_key(self.signer.public_key, role)
        self._write("1.root.json", root)

    @property
    def root_file(self) -> Path:
        """The root metadata by which the repository is known."""
        return self.folder / "1.root.json"

    def publish(self, target: bytes | None, *, expires: datetime | None = None) -> None:
        """A new version of everything but the root, with one target, or none."""
        from tuf.api.metadata import Metadata, MetaFile, Snapshot, TargetFile, Targets, Timestamp

        name = "trusted_root.json"
        self.version += 1
        end, number = expires or _later(), self.version
        targets = Metadata(Targets(version=number, expires=end))
        if target is not None:
            targets.signed.targets[name] = TargetFile.from_data(name, target)
            (self.folder / "targets").mkdir(exist_ok=True)
            (self.folder / "targets" / f"{hashlib.sha256(target).hexdigest()}.{name}").write_bytes(target)
        meta = {"targets.json": MetaFile(number)}
        snapshot = Metadata(Snapshot(version=number, expires=end, meta=meta))
        timestamp = Metadata(Timestamp(version=number, expires=end, snapshot_meta=MetaFile(number)))
        for place, document in ((f"{number}.targets.json", targets), (f"{number}.snapshot.json", snapshot),
                                ("timestamp.json", timestamp)):
            self._write(place, document)

    def _write(self, name: str, document: Any) -> None:
        document.sign(self.signer)
        document.to_file(str(self.folder / name))


def _later() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)


class Quiet(SimpleHTTPRequestHandler):
    """Says nothing on standard error."""

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """An empty repository."""
    folder = tmp_path / "tuf"
    folder.mkdir()
    return Repository(folder)


@pytest.fixture
def url(repository: Repository) -> Iterator[str]:
    """Where it is served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(repository.folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trust file, in a folder of its own, on a machine without a home."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "kept").mkdir()
    path = tmp_path / "kept" / "trust.yaml"
    path.write_text(TRUST)
    return path


def some_root() -> bytes:
    """A trust root as an instance publishes it; another one at each call."""
    document = json.loads(embedded_file("staging", "trusted_root.json"))
    return json.dumps(document, indent=1).encode()


def test_the_newest_root_is_fetched_pinned_and_used(trust: Path, repository: Repository, url: str) -> None:
    root = some_root()
    repository.publish(root)
    updated = update_trust(trust, online=True, url=url, first_root=repository.root_file)
    digest = hashlib.sha256(root).hexdigest()
    assert updated.version == 5
    assert updated.trust_root is not None
    assert updated.trust_root.facts.digest == digest
    assert (trust.parent / f"trusted-root-{digest[:12]}.json").read_bytes() == root
    assert "version: 5  # kept by Ada\n" in trust.read_text()
    assert read_trust(trust, NOW) == updated
    assert not (trust.parent.parent / "home").exists()  # nothing was left where the next update would begin


def test_the_same_root_again_changes_nothing(trust: Path, repository: Repository, url: str) -> None:
    repository.publish(some_root())
    update_trust(trust, online=True, url=url, first_root=repository.root_file)
    before = trust.read_bytes()
    repository.publish(some_root())
    assert update_trust(trust, online=True, url=url, first_root=repository.root_file).version == 5
    assert trust.read_bytes() == before


def test_a_newer_root_takes_the_place_of_the_older(trust: Path, repository: Repository, url: str) -> None:
    for number in (5, 6):
        repository.publish(some_root() + b" " * number)
        assert update_trust(trust, online=True, url=url, first_root=repository.root_file).version == number
    assert len(list(trust.parent.glob("trusted-root-*.json"))) == 2  # an older trust file still finds its own


def unchanged(trust: Path, code: str, url: str, first: Path) -> str:
    before = trust.read_bytes(), sorted(trust.parent.iterdir())
    with pytest.raises(ProvenanceError) as caught:
        update_trust(trust, online=True, url=url, first_root=first)
    assert caught.value.code == code, caught.value.message
    assert (trust.read_bytes(), sorted(trust.parent.iterdir())) == before
    return caught.value.message


def test_a_repository_by_another_key_is_not_believed(
    trust: Path, repository: Repository, url: str, tmp_path: Path
) -> None:
    repository.publish(some_root())
    (tmp_path / "other").mkdir()
    unchanged(trust, "source-unreachable", url, Repository(tmp_path / "other").root_file)


def test_a_root_that_was_exchanged_is_not_believed(trust: Path, repository: Repository, url: str) -> None:
    repository.publish(some_root())
    (target,) = (repository.folder / "targets").iterdir()
    target.write_bytes(some_root().replace(b"sigstage", b"evilsage"))
    unchanged(trust, "source-unreachable", url, repository.root_file)


def test_an_expired_repository_is_not_believed(trust: Path, repository: Repository, url: str) -> None:
    """Somebody may be holding back the newer one."""
    repository.publish(some_root(), expires=datetime(2020, 1, 1, tzinfo=UTC))
    unchanged(trust, "source-unreachable", url, repository.root_file)


@pytest.mark.parametrize("target", [None, b"{}", b"\xff", b"[]"])
def test_what_is_no_trust_root_is_not_pinned(
    trust: Path, repository: Repository, url: str, target: bytes | None
) -> None:
    repository.publish(target)
    unchanged(trust, "source-unreachable" if target is None else "trust-root-invalid", url, repository.root_file)


def test_nobody_there_is_an_error(trust: Path, repository: Repository) -> None:
    unchanged(trust, "source-unreachable", "http://127.0.0.1:9", repository.root_file)


def test_nothing_is_fetched_for_a_trust_file_that_cannot_be_used(trust: Path, repository: Repository, url: str) -> None:
    trust.write_text("kind: Trust\n")
    unchanged(trust, "trust-invalid", url, repository.root_file)


def test_a_crash_between_the_two_writes_leaves_a_trust_file_that_is_read(trust: Path, monkeypatch: Any) -> None:
    from provenance.workflows import trust_file

    written: list[Path] = []

    def crash(path: Path, data: bytes, **more: Any) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(path)
        path.write_bytes(data)

    trust_file.pin_root(trust, some_root())
    before = trust.read_bytes()
    monkeypatch.setattr(trust_file, "write_whole", crash)
    with pytest.raises(KeyboardInterrupt):
        trust_file.pin_root(trust, some_root() + b"\n")
    assert trust.read_bytes() == before
    assert parse_trust(before, str(trust)).version == 5
