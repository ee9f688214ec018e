"""A cluster reads what this machine reads, whatever the work is cut into, and says what went wrong."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from reference import CHUNK, Tensor, safetensors

from provenance.artifacts import cluster
from provenance.artifacts.cluster import PartOfFile, WholeFiles, each_on, is_here, run, scan_on
from provenance.artifacts.hashing import EVERYTHING_SIGNED, FILES, FILES_AND_TENSORS, Wanted
from provenance.artifacts.manifest import scan
from provenance.artifacts.tensors import TREES
from provenance.errors import ArtifactError, StatementError
from tests.artifacts.conftest import Write

distributed = pytest.importorskip("distributed")
pytestmark = [pytest.mark.parts, pytest.mark.filterwarnings("default")]  # Dask has warnings of its own

DATA = bytes(range(256)) * (13 * CHUNK // 256)
MODEL = {
    "config.json": b"{}\n", "a/notes.txt": b"notes", "a/empty": b"",
    "model-1.safetensors": safetensors([Tensor("a", "U8", (len(DATA),), DATA), Tensor("z", "U8", (0,), b"")]),
    "model-2.safetensors": safetensors([Tensor(f"t{number}", "U8", (9,), b"123456789") for number in range(50)]),
    "plain.bin": b"no weights",
}
TREES_ALONE = Wanted((), TREES)


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Two workers on this machine."""
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as made:
        yield made.scheduler_address


@pytest.mark.parametrize("wanted", [FILES, FILES_AND_TENSORS, EVERYTHING_SIGNED, TREES_ALONE],
                         ids=["files", "default", "signed", "trees"])
@pytest.mark.parametrize("task", [CHUNK, 3 * CHUNK, cluster.TASK], ids=["a chunk", "three chunks", "as it is"])
def test_the_answer_is_that_of_this_machine(
    scheduler: str, folder: Write, wanted: Wanted, task: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "TASK", task)
    place, told, totals = folder(MODEL), list[int](), list[int]()
    assert scan_on(scheduler, place, wanted=wanted, progress=told.append, total=totals.append) == scan(
        place, wanted=wanted)
    assert totals == [sum(map(len, MODEL.values()))]
    assert 0 < sum(told) <= totals[0]


def test_a_lone_file_is_read_too(scheduler: str, folder: Write) -> None:
    place = folder(MODEL) / "model-1.safetensors"
    for wanted in (FILES_AND_TENSORS, TREES_ALONE):
        assert scan_on(scheduler, place, wanted=wanted) == scan(place, wanted=wanted)


@pytest.mark.parametrize("wanted", [FILES_AND_TENSORS, TREES_ALONE], ids=["default", "trees"])
def test_broken_weights_are_the_same_finding(scheduler: str, folder: Write, wanted: Wanted) -> None:
    place = folder(MODEL | {"model-1.safetensors": MODEL["model-1.safetensors"][:-1]})
    assert scan_on(scheduler, place, wanted=wanted) == scan(place, wanted=wanted)


def test_a_file_that_a_worker_sees_otherwise_is_a_finding(
    scheduler: str, folder: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = folder(MODEL)
    monkeypatch.setattr(cluster, "_facts", lambda _: (len(MODEL["model-1.safetensors"]), 1))
    found = scan_on(scheduler, place / "model-1.safetensors", wanted=TREES_ALONE)
    assert [(finding.code, finding.severity) for finding in found.findings] == [("file-changed-while-read", "error")]
    assert found.weights is None


def test_a_worker_that_cannot_read_a_file_says_so(scheduler: str, folder: Write) -> None:
    place = folder(MODEL)
    task = WholeFiles(str(place), (cluster.FoundFile("gone", 1),), FILES)
    [read] = run(task)
    assert read.problem is not None
    assert read.problem.code == "input-unreadable"
    with pytest.raises(ArtifactError, match="a worker sees another file"):
        run(PartOfFile(str(place), "config.json", (1, 1), ((0, 1),), (), TREES))


def test_a_function_runs_on_each_item_and_a_failure_is_that_items_own(scheduler: str) -> None:
    answers = dict(each_on(scheduler, lambda number: 6 // number, [0, 1, 2]))
    failed = answers.pop(0)
    assert answers == {1: 6, 2: 3}
    assert isinstance(failed, ArtifactError)
    assert (failed.code, "by zero" in failed.message) == ("cluster-unusable", True)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://x", "127.0.0.1:1"])
def test_a_scheduler_that_is_not_there_is_an_error(
    folder: Write, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_TIMEOUT", 1)
    with pytest.raises(ArtifactError) as caught:
        scan_on(address, folder(MODEL))
    assert caught.value.code == "cluster-unusable"


def test_another_version_or_no_worker_is_an_error(
    scheduler: str, folder: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "__version__", "0.0.0")
    with pytest.raises(ArtifactError, match="its workers have"):
        scan_on(scheduler, folder(MODEL))
    with distributed.LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=None) as empty, pytest.raises(
        ArtifactError, match="it has no workers"
    ):
        scan_on(empty.scheduler_address, folder(MODEL, "again"))


def test_when_no_worker_is_left_the_run_ends(folder: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_ALONE", 1)
    with distributed.LocalCluster(
        n_workers=0, host="127.0.0.1", dashboard_address=None
    ) as empty, distributed.Client(empty, set_as_default=False) as client:
        monkeypatch.setattr(cluster, "_client", lambda _: nullcontext(client))  # workers were there a moment ago
        for wanted in (FILES_AND_TENSORS, TREES_ALONE):
            with pytest.raises(ArtifactError, match="no worker was there for 1 seconds") as caught:
                scan_on(empty.scheduler_address, folder(MODEL, str(wanted.files)), wanted=wanted)
            assert caught.value.code == "cluster-unusable"
        with pytest.raises(ArtifactError, match="no worker was there"):
            list(each_on(empty.scheduler_address, len, ["a"]))


def test_who_does_not_answer_has_no_workers() -> None:
    class Gone:
        def nthreads(self) -> None:
            raise OSError

    assert not cluster._has_workers(Gone())


def test_only_an_address_of_this_machine_is_here() -> None:
    assert all(map(is_here, ["tcp://127.0.0.1:8786", "localhost:1", "tls://[::1]:8786"]))
    assert not any(map(is_here, ["tcp://10.0.0.1:8786", "127.0.0.1.evil:1", "tcp://localhost.evil:8786", "", "x"]))


@pytest.mark.parametrize("kind", [ArtifactError, StatementError])
def test_an_error_of_a_worker_arrives_as_it_was(kind: Any) -> None:
    sent = kind("path-not-found", "gone", location="there", hint="look")
    come = pickle.loads(pickle.dumps(sent))
    assert type(come) is kind
    assert (come.code, come.message, come.location, come.hint) == ("path-not-found", "gone", "there", "look")


def test_a_folder_with_nothing_in_it_is_an_error(scheduler: str, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        scan_on(scheduler, tmp_path)
    assert caught.value.code == "folder-empty"
