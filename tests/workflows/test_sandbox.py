"""The sandbox keeps what it promises, whichever tool builds it."""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from provenance.errors import RunError
from provenance.workflows import sandbox as sandboxes
from provenance.workflows.sandbox import Mount, Sandbox, find_sandbox, mounts_for, require_sandbox, run_sandboxed

TOOLS = {"user-namespaces": "unshare", "bubblewrap": "bwrap"}
Inside = Callable[[str], int]


@pytest.fixture(params=["user-namespaces", pytest.param("bubblewrap", marks=pytest.mark.parts)])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Each tool that works on this machine."""
    tool = request.param
    program = shutil.which(TOOLS[tool])
    if program is None or not sandboxes._works(Sandbox(tool, program)):
        pytest.skip(f"{tool} cannot be used here")
    return Sandbox(tool, program)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def inside(sandbox: Sandbox, work: Path) -> Inside:
    """Run a line of Python in the sandbox; the exit code."""
    return lambda code: run_sandboxed(["python", "-c", code], work=work, environment={}, sandbox=sandbox)


def test_the_work_folder_can_be_written_and_its_files_stay(inside: Inside, work: Path) -> None:
    assert inside("open('made', 'w').write('x')") == 0
    assert (work / "made").read_text() == "x"


def test_there_is_no_network(inside: Inside) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 2)"
        assert inside(code) == 1
    interfaces = "import socket; assert [name for _, name in socket.if_nameindex()] == ['lo']"
    assert inside(interfaces) == 0


def test_the_rest_of_the_machine_is_not_there(inside: Inside, tmp_path: Path, work: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("key")
    assert inside(f"import os; assert not os.path.exists({str(secret)!r})") == 0
    assert inside("import os; assert not os.path.exists('/etc/shadow') and not os.path.exists('/run')") == 0
    assert inside("import os; assert os.path.expanduser('~') == '/tmp'") == 0


def test_of_the_home_only_a_python_that_lies_there_is_seen(inside: Inside) -> None:
    home = Path.home()
    prefixes = [Path(prefix) for prefix in (sys.prefix, sys.base_prefix)]
    there = {prefix.relative_to(home).parts[0] for prefix in prefixes if prefix.is_relative_to(home)}
    code = f"import os; home = {str(home)!r}; assert set(os.listdir(home) if os.path.isdir(home) else ()) <= {there!r}"
    assert inside(code) == 0


@pytest.mark.parametrize("path", [
    "/written", "/usr/written", "/etc/written", "/etc/passwd", "/proc/sys/kernel/hostname", f"{sys.prefix}/written",
    "/sys/devices/system/cpu/written",
])
def test_nothing_else_can_be_written(inside: Inside, path: str) -> None:
    assert inside(f"open({path!r}, 'a')") == 1
    assert not path.endswith("written") or not Path(path).exists()


def test_its_tmp_is_its_own(inside: Inside) -> None:
    assert inside("open('/tmp/of-the-sandbox', 'w')") == 0
    assert not Path("/tmp/of-the-sandbox").exists()


def test_no_power_is_left_to_undo_it(inside: Inside) -> None:
    """Root inside could otherwise mount the system writable again."""
    code = "assert [line.split()[1] for line in open('/proc/self/status') if line.startswith('Cap')] == ['0' * 16] * 5"
    assert inside(code) == 0
    remount = "import subprocess; assert subprocess.run(['mount', '-o', 'remount,bind,rw', '/usr']).returncode"
    assert inside(remount) == 0


def test_processes_of_the_machine_are_not_seen(inside: Inside) -> None:
    assert inside("import os; assert len([name for name in os.listdir('/proc') if name.isdigit()]) <= 3") == 0


def test_what_the_command_leaves_running_ends_with_it(inside: Inside, work: Path) -> None:
    late = "import time; time.sleep(0.5); open('late', 'w')"
    assert inside(f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {late!r}])") == 0
    assert list(work.iterdir()) == []


def test_the_environment_is_the_given_one_and_no_other(
    sandbox: Sandbox, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVENANCE_KEY_PASSPHRASE", "secret")
    code = "import json, os; json.dump(dict(os.environ), open('environment', 'w'))"
    given = {"OMP_NUM_THREADS": "1", "PATH": "/x"}
    run_sandboxed(["python", "-c", code], work=work, environment=given, sandbox=sandbox)
    seen = (work / "environment").read_text()
    assert '"OMP_NUM_THREADS": "1"' in seen
    assert "secret" not in seen
    assert '"PATH": "/x"' not in seen


def test_python_is_the_one_that_runs_this(inside: Inside) -> None:
    assert inside(f"import sys; assert sys.prefix == {sys.prefix!r}") == 0


def test_shared_memory_and_random_numbers_are_there(inside: Inside) -> None:
    code = "from multiprocessing import Lock; Lock(); import os; assert os.urandom(8); open('/dev/null', 'w')"
    assert inside(code) == 0


@pytest.mark.parametrize(("command", "code"), [
    (["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -KILL $$"], 137),
])
def test_the_exit_code_is_the_commands(sandbox: Sandbox, work: Path, command: list[str], code: int) -> None:
    assert run_sandboxed(command, work=work, environment={}, sandbox=sandbox) == code


def test_a_program_that_is_not_there_is_a_failure(sandbox: Sandbox, work: Path) -> None:
    assert run_sandboxed(["no-such-program"], work=work, environment={}, sandbox=sandbox) != 0


def test_what_the_command_prints_goes_to_standard_error(
    inside: Inside, capfd: pytest.CaptureFixture[str]
) -> None:
    """Standard output belongs to the report."""
    inside("print('printed')")
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "printed\n")


def test_more_paths_can_be_made_visible_to_be_read(sandbox: Sandbox, work: Path, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "file").write_text("x")
    seen = f"grep x {tmp_path}/more/file && ! touch {tmp_path}/more/new"
    command = ["sh", "-c", seen]
    assert run_sandboxed(command, work=work, environment={}, visible=[tmp_path / "more"], sandbox=sandbox) == 0


# Choosing a tool


def fake(folder: Path, name: str, code: int) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\nexit {code}\n")
    program.chmod(0o755)


def test_without_a_tool_there_is_no_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_sandbox() is None
    with pytest.raises(RunError) as raised:
        require_sandbox()
    assert raised.value.code == "sandbox-unavailable"
    assert "--no-sandbox" in raised.value.hint


def test_a_tool_that_does_not_work_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system may have it installed and forbid what it needs."""
    fake(tmp_path, "bwrap", 1)
    fake(tmp_path, "unshare", 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_sandbox()
    assert found is not None
    assert found.tool == "user-namespaces"
    fake(tmp_path, "unshare", 1)
    assert find_sandbox() is None


def test_both_tools_get_the_same_mounts(tmp_path: Path) -> None:
    mounts = (Mount("read-only", "/usr", "/usr"), Mount("link", "/bin", "usr/bin"), Mount("proc", "/proc"))
    wrapped = Sandbox("bubblewrap", "bwrap").arguments(["true"], mounts, tmp_path, tmp_path)
    shared = Sandbox("user-namespaces", "unshare").arguments(["true"], mounts, tmp_path, tmp_path)
    assert " --ro-bind /usr /usr --symlink usr/bin /bin --proc /proc " in " ".join(wrapped)
    assert " read-only /usr /usr link usr/bin /bin proc  /proc -- true" in " ".join(shared)


def test_only_the_work_folder_is_mounted_to_be_written(work: Path) -> None:
    mounts = mounts_for(work)
    assert [mount.source for mount in mounts if mount.kind == "writable"] == [str(work)]
    assert not {"/", "/etc", "/home", "/root", str(Path.home())} & {mount.source for mount in mounts}
    assert mounts[-1].target == str(work)  # last, so that nothing covers it


def test_a_prefix_within_another_is_mounted_once(work: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "python" / "venv").mkdir(parents=True)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "python" / "venv"))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path / "python"))
    sources = [mount.source for mount in mounts_for(work)]
    assert str(tmp_path / "python") in sources
    assert str(tmp_path / "python" / "venv") not in sources
    assert len(sources) == len(set(sources) - {""}) + sources.count("")


def test_the_sandbox_leaves_no_folder_behind(sandbox: Sandbox, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(work.parent))
    run_sandboxed(["true"], work=work, environment={}, sandbox=sandbox)
    assert [path.name for path in work.parent.iterdir()] == ["work"]
