"""Recording a step: what is signed, what is refused, and what never leaves the machine."""

from __future__ import annotations

import getpass
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from provenance.bundles.envelope import sha256
from provenance.errors import ProvenanceError
from provenance.statements.artifact import described
from provenance.workflows.record import record

ROOT = Path(__file__).resolve().parents[2]


def refused(pipeline: Any, code: str, **changes: Any) -> ProvenanceError:
    """Record something that must be refused before the key is opened, and look that nothing was written."""

    def signer() -> Any:
        pytest.fail("the signing key was opened")

    with pytest.raises(ProvenanceError) as raised:
        record(pipeline.request(**changes), signer=signer)
    assert raised.value.code == code
    assert raised.value.hint
    assert not pipeline.bundle.parent.exists()
    return raised.value


def test_a_step_is_signed_with_its_inputs_and_outputs(pipeline: Any) -> None:
    recorded = pipeline.record()
    step = pipeline.step()
    assert (recorded.exit_code, recorded.attested, recorded.bundle) == (0, True, pipeline.bundle)
    assert recorded.sha256 == sha256(pipeline.bundle.read_bytes())
    assert (step.name, step.kind, step.command[0]) == ("train", "train", "python")
    assert [thing.name for thing in described(step.outputs)] == ["model"]
    assert [item.name for item in step.outputs] == [
        "model", "model/config.json", "model/model.safetensors", "model#tensors"]
    assert step.initial_parameters == {"kind": "random", "seed": 1611}
    assert step.started_on <= step.finished_on


def test_the_parts_of_a_folder_have_its_role(pipeline: Any) -> None:
    pipeline.record()
    roles = {(item.role, item.name) for item in pipeline.step().inputs if item.role != "environment"}
    assert roles == {("training-data", "corpus"), ("training-data", "corpus/text.txt"), ("source", "train.py")}


def test_configuration_and_lock_files_are_inputs(pipeline: Any) -> None:
    pipeline.write("train.yaml", "steps: 3\n")
    pipeline.write("uv.lock", "version = 1\n")
    pipeline.record(configuration=(Path("train.yaml"),))
    step = pipeline.step()
    assert [item.name for item in step.with_role("configuration")] == ["train.yaml"]
    assert [item.name for item in step.with_role("lockfile")] == ["uv.lock"]
    assert "No lock file" not in pipeline.completeness()


def test_a_lock_file_that_was_declared_is_not_counted_twice(pipeline: Any) -> None:
    pipeline.write("uv.lock", "version = 1\n")
    pipeline.record(inputs=(("lockfile", Path("uv.lock")),))
    assert [item.name for item in pipeline.step().with_role("lockfile")] == ["uv.lock"]


def test_the_packages_of_the_commands_python_are_recorded(pipeline: Any) -> None:
    pipeline.record()
    (packages,) = pipeline.step().with_role("environment")
    assert "cryptography" in {row["name"] for row in packages.annotations["packages"]}
    assert pipeline.step().internal["platform"]["python"].endswith(".".join(map(str, sys.version_info[:3])))


def test_the_packages_of_a_program_that_is_no_python_are_said_to_be_unseen(pipeline: Any) -> None:
    pipeline.record(command=("sh", "-c", "mkdir model && echo {} > model/config.json"))
    assert pipeline.step().with_role("environment") == ()
    assert "installed packages were not seen" in pipeline.completeness()


def test_a_script_that_names_a_python_is_asked_through_it(pipeline: Any) -> None:
    script = pipeline.write("run.sh", f"#!{sys.executable}\n" + "import runpy; runpy.run_path('train.py')")
    script.chmod(0o755)
    pipeline.record(command=("./run.sh", "corpus/text.txt", "model"))
    assert len(pipeline.step().with_role("environment")) == 1
    assert pipeline.step().command[0] == "./run.sh"


def test_the_git_commit_its_dirty_state_and_its_remote_without_credentials_are_recorded(pipeline: Any) -> None:
    git(pipeline.folder, "init", "--quiet")
    git(pipeline.folder, "remote", "add", "origin", "https://alice:hunter22@git.example/acme/model.git")
    git(pipeline.folder, "add", "train.py")
    git(pipeline.folder, "commit", "--quiet", "-m", "training")
    pipeline.record()
    (clean,) = pipeline.step().with_role("source-repository")
    assert clean.uri == "git+https://git.example/acme/model.git"
    assert clean.digest == {"gitCommit": git(pipeline.folder, "rev-parse", "HEAD").strip()}
    assert clean.annotations["dirty"] is False
    pipeline.write_training("# changed")
    pipeline.record()
    (dirty,) = pipeline.step().with_role("source-repository")
    assert dirty.annotations["dirty"] is True


@pytest.mark.parametrize(("remote", "told"), [
    ("git@git.example:acme/model.git", "git+ssh://git.example/acme/model.git"),
    ("/srv/git/model.git", ""), ("file:///home/alice/model.git", ""),
])
def test_a_remote_on_this_machine_is_not_told(pipeline: Any, remote: str, told: str) -> None:
    git(pipeline.folder, "init", "--quiet")
    git(pipeline.folder, "remote", "add", "origin", remote)
    git(pipeline.folder, "commit", "--quiet", "--allow-empty", "-m", "training")
    pipeline.record()
    (repository,) = pipeline.step().with_role("source-repository")
    assert repository.uri == told


def git(folder: Path, *arguments: str) -> str:
    settings = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false")
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *settings, *arguments], cwd=folder, env=environment, capture_output=True, text=True,
                          check=True)
    return done.stdout


def test_only_allowed_variables_and_those_that_were_asked_for_are_recorded(
    pipeline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OMP_NUM_THREADS", "SLURM_JOB_ID", "SLURM_JOB_USER", "SLURM_NODELIST", "MY_OPTION", "MY_OTHER"):
        monkeypatch.setenv(name, f"value-of-{name}")
    pipeline.record(environment=("MY_OPTION",))
    internal = pipeline.step().internal
    assert internal["environment"].items() >= {
        ("OMP_NUM_THREADS", "value-of-OMP_NUM_THREADS"), ("MY_OPTION", "value-of-MY_OPTION")}
    assert internal["threads"]["OMP_NUM_THREADS"] == "value-of-OMP_NUM_THREADS"
    assert internal["scheduler"] == {"name": "slurm", "variables": {"SLURM_JOB_ID": "value-of-SLURM_JOB_ID"}}
    for name in ("SLURM_JOB_USER", "SLURM_NODELIST", "MY_OTHER"):
        assert f"value-of-{name}".encode() not in pipeline.payload()


@pytest.mark.parametrize("name", ["HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "PROVENANCE_KEY_PASSPHRASE", "DB_PASSWORD"])
def test_a_variable_that_speaks_of_a_secret_is_refused_even_when_asked_for(pipeline: Any, name: str) -> None:
    refused(pipeline, "usage", environment=(name,))


def test_what_the_user_declares_is_recorded_as_declared(pipeline: Any) -> None:
    pipeline.record(jurisdiction="EU", region="eu-central", energy="0.4 kWh")
    assert pipeline.step().internal["declared"] == {"jurisdiction": "EU", "region": "eu-central", "energy": "0.4 kWh"}


def test_accelerators_are_listed_where_nvidia_smi_is(pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    program = pipeline.root / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'NVIDIA H100, 570.1, 81559 MiB'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    pipeline.record()
    assert pipeline.step().internal["hardware"]["accelerators"] == [
        {"name": "NVIDIA H100", "driver": "570.1", "memory": "81559 MiB"}]


# What is refused


def test_an_input_that_changes_while_the_command_runs_is_refused(pipeline: Any) -> None:
    pipeline.write_training("pathlib.Path('corpus/text.txt').write_text('changed')")
    error = refused(pipeline, "input-changed")
    assert (error.location, "text.txt" in error.message) == ("corpus", True)


def test_a_file_that_comes_into_an_input_while_the_command_runs_is_refused(pipeline: Any) -> None:
    pipeline.write_training("pathlib.Path('corpus/new').touch()")
    assert "new" in refused(pipeline, "input-changed").message


def test_an_input_that_goes_away_while_the_command_runs_is_refused(pipeline: Any) -> None:
    refused(pipeline, "path-not-found", command=("sh", "-c", "rm -r corpus; mkdir model; echo > model/x"))


def test_a_command_that_fails_gives_its_code_and_no_bundle(pipeline: Any) -> None:
    recorded = record(pipeline.request(command=("sh", "-c", "exit 7")), signer=lambda: pytest.fail("opened"))
    assert (recorded.exit_code, recorded.bundle, recorded.attested) == (7, None, False)
    assert not pipeline.bundle.exists()


def test_a_command_that_a_signal_ends_gives_128_and_the_signal(pipeline: Any) -> None:
    assert pipeline.record(command=("sh", "-c", "kill -KILL $$")).exit_code == 128 + signal.SIGKILL


def test_an_output_that_was_not_made_is_refused(pipeline: Any) -> None:
    refused(pipeline, "output-missing", command=("true",))


def test_an_output_that_was_there_before_and_was_not_written_is_refused(pipeline: Any) -> None:
    """Otherwise any command could be recorded as the maker of any model."""
    pipeline.write("model/config.json", "{}")
    refused(pipeline, "output-unchanged", command=("true",))


def test_old_files_in_an_output_are_named(pipeline: Any) -> None:
    pipeline.write("model/old.txt", "old")
    pipeline.record()
    assert "1 files of the outputs were there before" in pipeline.completeness()


@pytest.mark.parametrize("changes", [
    {"kind": "cook"}, {"name": "a/b"}, {"name": ""}, {"command": ()}, {"outputs": ()},
    {"inputs": (("food", Path("corpus")),)},
    {"inputs": (("source", Path()),)},
    {"outputs": (Path("corpus/model"),)},
    {"outputs": (Path("model"), Path("model/config.json"))},
    {"inputs": (("training-data", Path("corpus")), ("training-data", Path("../corpus")))},
    {"bundle": Path("corpus/train.sigstore.json")},
    {"bundle": Path("model/train.sigstore.json")},
    {"seeds": {}}, {"seeds": {"a": 1, "b": 2}},
    {"initial": "base-model"},
    {"seeds": {"seed": 1 << 64}}, {"seeds": {"seed": "\udcff"}}, {"region": "\udcff"},
    {"kind": "evaluate"},
], ids=lambda changes: "-".join(f"{key}={value}" for key, value in changes.items())[:60])
def test_a_request_that_could_not_be_attested_is_refused_before_the_command_runs(
    pipeline: Any, changes: dict[str, Any]
) -> None:
    (pipeline.root / "corpus").mkdir()
    refused(pipeline, "usage", **changes)
    assert not pipeline.model.exists()


def test_an_input_that_is_not_there_is_refused_before_the_command_runs(pipeline: Any) -> None:
    refused(pipeline, "path-not-found", inputs=(("training-data", Path("nowhere")),))
    assert not pipeline.model.exists()


def test_a_link_in_an_input_is_refused_before_the_command_runs(pipeline: Any) -> None:
    (pipeline.folder / "corpus" / "link").symlink_to("/etc/hostname")
    refused(pipeline, "file-is-symlink")
    assert not pipeline.model.exists()


def test_a_bundle_that_cannot_be_written_is_refused_before_the_command_runs(pipeline: Any) -> None:
    pipeline.write("file", "")
    refused(pipeline, "output-unwritable", bundle=Path("file/train.sigstore.json"))
    assert not pipeline.model.exists()


def test_a_program_that_is_not_there_is_refused(pipeline: Any) -> None:
    refused(pipeline, "command-not-found", command=("no-such-program",))


def test_a_working_folder_that_is_not_there_is_refused(pipeline: Any) -> None:
    refused(pipeline, "path-not-found", folder=pipeline.root / "nowhere")


def test_a_system_without_what_it_promises_is_refused(pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    refused(pipeline, "platform-unsupported")


def test_several_tensors_of_one_name_leave_only_the_tensor_tree_out(pipeline: Any) -> None:
    """The checkpoints of one training lie in one folder: that is no reason to lose the record of it."""
    pipeline.write_training(after_saving="import shutil; shutil.copytree(folder, folder / 'checkpoint-1')")
    pipeline.record()
    assert "model#tensors" not in {item.name for item in pipeline.step().outputs}
    assert "several tensors of one name, so no tensor tree: model" in pipeline.completeness()


def test_a_folder_of_very_many_files_is_recorded_by_its_digest_alone(
    pipeline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bundle that lists them all would be too large for every reader."""
    monkeypatch.setattr("provenance.workflows.record._MOST_PARTS", 1)
    pipeline.record()
    assert [item.name for item in pipeline.step().outputs] == ["model", "model#tensors"]
    assert "too many files to list one by one, and only a digest of all: model." in pipeline.completeness()


def test_a_word_that_is_no_utf_8_does_not_lose_the_record(pipeline: Any) -> None:
    pipeline.record(command=("python", "train.py", "corpus/text.txt", "model", os.fsdecode(b"\xff")))
    assert pipeline.step().command[-1] == "\\udcff"


# Where a model begins


def test_a_step_may_begin_with_a_base_model(pipeline: Any) -> None:
    pipeline.write("base/model.safetensors", struct.pack("<Q", 2) + b"{}")
    inputs = (("base-model", Path("base")), ("training-data", Path("corpus")))
    pipeline.record(kind="fine-tune", initial="base-model", inputs=inputs, seeds={})
    assert pipeline.step().initial_parameters == {"kind": "base-model"}


def test_silence_about_the_beginning_is_named(pipeline: Any) -> None:
    pipeline.record(initial=None)
    assert pipeline.step().initial_parameters is None
    assert "not stated with which parameters the model began" in pipeline.completeness()


def test_the_seed_named_initial_is_taken_among_several(pipeline: Any) -> None:
    pipeline.record(seeds={"shuffle": 1, "initial": "2"})
    assert pipeline.step().initial_parameters == {"kind": "random", "seed": "2"}


# What stays on the machine


def test_no_secret_of_the_command_line_or_the_environment_is_signed(
    pipeline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = ["s3cr3t-token", "pass-w0rd-1", "api-k3y-2", "from-env-3", "url-us3r", "url-p4ss", "bearer-abcdef",
               "spoken-5"]
    monkeypatch.setenv("HF_TOKEN", "from-env-3")
    monkeypatch.setenv("OMP_NUM_THREADS", "from-env-3")
    pipeline.record(command=(
        "python", "train.py", "corpus/text.txt", "model", "--token", secrets[0], f"--password={secrets[1]}",
        f"--api-key={secrets[2]}", f"x{secrets[3]}x", f"https://{secrets[4]}:{secrets[5]}@host.example/data",
        f"Authorization: Bearer {secrets[6]}", f"sh -c 'go --secret {secrets[7]}'",
    ))
    payload = pipeline.payload().decode()
    assert [secret for secret in secrets if secret in payload] == []
    assert pipeline.step().command[4:7] == ("--token", "***", "--password=***")
    assert "Secrets in the command line were replaced" in pipeline.completeness()


def test_no_absolute_path_user_or_host_is_signed(pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = pipeline.root / "elsewhere" / "data"
    outside.mkdir(parents=True)
    (outside / "a.txt").write_text("a")
    monkeypatch.setenv("OMP_PLACES", str(pipeline.root / "places"))
    pipeline.record(
        inputs=(("training-data", Path("corpus")), ("raw-data", outside)),
        command=("python", str(pipeline.folder / "train.py"), f"{pipeline.folder}/corpus/text.txt", "model",
                 f"--extra={outside}", f"-I{outside}", f"a:{outside}:b", "../elsewhere/data", "/usr/lib/x",
                 str(Path.home())),
    )
    payload = pipeline.payload().decode()
    for told in (str(pipeline.root), str(Path.home()), socket.gethostname(), f"/{getpass.getuser()}"):
        assert told not in payload
    assert pipeline.step().command[1:] == (
        "train.py", "corpus/text.txt", "model", "--extra=data", "-Idata", "a:data:b", "data", "x", "~")
    assert "data" in {item.name for item in pipeline.step().inputs}
    assert "These lie outside the working folder and keep the last part of their path: data." in pipeline.completeness()


def test_the_command_does_not_see_the_passphrase(pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVENANCE_KEY_PASSPHRASE", "correct horse")
    monkeypatch.setenv("PROVENANCE_KEY", "where it is")
    monkeypatch.setenv("INHERITED", "yes")
    show = "import os; os.mkdir('model'); open('model/seen', 'w').write(repr(dict(os.environ)))"
    pipeline.record(command=("python", "-c", show))
    seen = (pipeline.model / "seen").read_text()
    assert "INHERITED" in seen
    assert "PROVENANCE_" not in seen
    assert b"correct horse" not in pipeline.payload()


def test_the_key_is_opened_only_after_the_command_has_ended(pipeline: Any) -> None:
    def signer() -> Any:
        assert (pipeline.model / "config.json").exists()
        return pipeline.signer()()

    assert record(pipeline.request(), signer=signer).attested


def test_python_writes_no_cache_into_an_input(pipeline: Any) -> None:
    pipeline.write("code/shared.py", "VALUE = 1\n")
    pipeline.write_training("sys.path.insert(0, 'code'); import shared")
    assert pipeline.record(inputs=(("source", Path("code")),)).attested


# Signals


INTERRUPTED = """
import sys
from pathlib import Path
from provenance.workflows.record import RecordRequest, record
request = RecordRequest(name="train", kind="prepare", folder=Path(sys.argv[1]), inputs=(), outputs=(Path("model"),),
                        command=(sys.executable, "-c", sys.argv[2]))
raise SystemExit(record(request, signer=None).exit_code)
"""


@contextmanager
def running(pipeline: Any, command: str, *wrapper: str, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A recording in a process of its own, once its command runs; gone at the end, whatever happens."""
    marker = pipeline.folder / "running"
    command = f"import os, signal, sys, time\n{command}\nopen('running', 'w').close()\ntime.sleep(60)"
    words = [*wrapper, sys.executable, "-c", INTERRUPTED, str(pipeline.folder), command]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL, preexec_fn=_heed, **options)
    try:
        deadline = time.monotonic() + 20
        while not marker.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield process
    finally:
        process.kill()
        process.wait()


def _heed() -> None:
    """A shell has what it starts in the background ignore Ctrl-C, and so what that starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_and_leaves_nothing_half_written(pipeline: Any, number: signal.Signals) -> None:
    half = "os.mkdir('model'); open('model/half', 'w').close()"
    with running(pipeline, half, start_new_session=True) as process:
        process.send_signal(number)
        assert process.wait(20) == 128 + number
    assert [path.name for path in pipeline.folder.rglob("*") if ".tmp" in path.name or "sigstore" in path.name] == []


def test_a_signal_is_passed_on_once_and_the_commands_own_code_is_kept(pipeline: Any) -> None:
    handler = """
count = []
def stop(number, frame):
    count.append(number)
    time.sleep(0.3)
    sys.exit(40 + len(count))
signal.signal(signal.SIGTERM, stop)
"""
    with running(pipeline, handler, start_new_session=True) as process:
        process.terminate()
        assert process.wait(20) == 41


def test_what_the_terminal_sends_is_not_passed_on_a_second_time(pipeline: Any) -> None:
    """A command that is told twice to stop does not get to save its work."""
    handler = """
def stop(number, frame):
    signal.signal(signal.SIGINT, lambda *_: os._exit(99))
    time.sleep(0.5)
    os._exit(42)
signal.signal(signal.SIGINT, stop)
"""
    leader, follower = os.openpty()
    try:
        with running(pipeline, handler, "setsid", "--ctty", "--wait", stdin=follower) as process:
            os.write(leader, b"\x03")
            assert process.wait(20) == 42
    finally:
        os.close(follower)
        os.close(leader)


def test_a_command_that_is_told_to_stop_and_ends_well_is_attested_with_a_word_on_it(pipeline: Any) -> None:
    tell = "import os, signal; signal.signal(signal.SIGTERM, lambda *_: None); os.kill(os.getppid(), signal.SIGTERM)"
    pipeline.write_training(f"{tell}; import time; time.sleep(0.3)")
    before = signal.getsignal(signal.SIGTERM)
    pipeline.record()
    assert signal.getsignal(signal.SIGTERM) == before
    assert "The command was sent SIGTERM and ended well." in pipeline.completeness()


def test_a_step_can_be_recorded_outside_the_main_thread(pipeline: Any) -> None:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(pipeline.record()))
    thread.start()
    thread.join(30)
    assert results[0].attested


def test_progress_is_told_phase_by_phase(pipeline: Any) -> None:
    told: list[str] = []
    read: list[int] = []

    @contextmanager
    def listen(what: str) -> Any:
        told.append(what)
        yield read.append, read.append

    record(pipeline.request(), signer=pipeline.signer(), progress=listen)
    assert told[0] == "Reading inputs: corpus"
    assert told[-1] == "Reading outputs: model"
    assert sum(read) > 0


def test_the_schema_takes_what_is_written(pipeline: Any) -> None:
    import jsonschema

    pipeline.record()
    schema = json.loads((ROOT / "schemas" / "step.schema.json").read_text())
    jsonschema.validate(json.loads(pipeline.payload())["predicate"], schema)
