"""The first process of a sandbox made of user namespaces: builds its file system, gives up every power, and runs.

Started by `sandbox.py` through `unshare`, by its path, with the Python that is there and nothing but its standard
library. Words: an empty folder, the work folder, triples of mounts (kind, source, target), END, the command.

1. Build a new root of read-only bind mounts in a tmpfs, and make it the root; the old one is unreachable.
2. Give up all capabilities for good: user 0 in here could otherwise mount everything writable again.
3. Run the command as a child, and be the parent of what it leaves behind; the sandbox ends with the command.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path

END = "--"
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC = 2, 4, 4096, 16384  # mount(2)
_MNT_DETACH = 2  # umount2(2)
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4  # mount_setattr(2)
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_MOUNT_SETATTR = 442  # the same on every architecture
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38  # prctl(2)
_CAPABILITIES = 64
_DEVICES = ("null", "zero", "full", "random", "urandom")
_STREAMS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
_CANNOT_START = 127

_libc = ctypes.CDLL(None, use_errno=True)


class _Attributes(ctypes.Structure):
    """struct mount_attr of mount_setattr(2)."""

    _fields_ = (("set", ctypes.c_uint64), ("clear", ctypes.c_uint64), ("propagation", ctypes.c_uint64),
                ("userns", ctypes.c_uint64))


def main(words: Sequence[str]) -> None:
    """The three steps of the module's docstring; never returns."""
    root, work, rest = words[0], words[1], list(words[2:])
    end = rest.index(END)
    triples, command = rest[:end], rest[end + 1 :]
    _mount("tmpfs", root, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=0755")  # 1
    for kind, source, target in zip(triples[::3], triples[1::3], triples[2::3], strict=True):
        _add(kind, source, root + target)
    _make_root(root)
    _give_up_powers()  # 2
    os.chdir(work)
    _run(command)  # 3


def _add(kind: str, source: str, target: str) -> None:
    if kind == "link":
        Path(target).symlink_to(source)
    elif kind in ("read-only", "writable"):
        _bind(source, target, is_writable=kind == "writable")
    else:
        Path(target).mkdir(parents=True, exist_ok=True)
        if kind == "proc":
            _mount("proc", target, "proc", _MS_NOSUID | _MS_NODEV)
            _restrict(target, _ATTR_RDONLY, 0)
        else:
            _mount("tmpfs", target, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=1777" if kind == "tmpfs" else "mode=0755")
        if kind == "dev":
            _fill_devices(target)


def _bind(source: str, target: str, *, is_writable: bool = False) -> None:
    if Path(source).is_dir():
        Path(target).mkdir(parents=True, exist_ok=True)
    else:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        Path(target).touch()
    _mount(source, target, None, _MS_BIND | _MS_REC)
    _restrict(target, _ATTR_NOSUID | _ATTR_NODEV | (0 if is_writable else _ATTR_RDONLY), _AT_RECURSIVE)


def _fill_devices(folder: str) -> None:
    for name in _DEVICES:
        Path(folder, name).touch()
        _mount(f"/dev/{name}", f"{folder}/{name}", None, _MS_BIND)
    for name, source in _STREAMS.items():
        Path(folder, name).symlink_to(source)
    Path(folder, "shm").mkdir()
    _mount("tmpfs", f"{folder}/shm", "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=1777")


def _make_root(root: str) -> None:
    os.chdir(root)
    # pivot_root(2): with both names ".", the old root comes to lie on the new one, and is taken away at once.
    _check(_libc.syscall(_PIVOT_ROOT[os.uname().machine], b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _MNT_DETACH), "umount2")
    os.chdir("/")
    _restrict("/", _ATTR_RDONLY, 0)


def _give_up_powers() -> None:
    for capability in range(_CAPABILITIES):
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # fails for those that this kernel does not know
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def _run(command: list[str]) -> None:
    child = os.fork()
    if child == 0:
        try:
            os.execvp(command[0], command)  # noqa: S606  what the sandbox is for
        except OSError as err:
            os.write(2, f"cannot start {command[0]}: {err.strerror}\n".encode())
            os._exit(_CANNOT_START)
    ended = 0
    while ended != child:
        ended, status = os.wait()
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind)]
    _check(_libc.mount(*words, ctypes.c_ulong(flags), data.encode() if data else None), target)


def _restrict(target: str, attributes: int, flags: int) -> None:
    wanted = _Attributes(set=attributes)
    _check(_libc.syscall(_MOUNT_SETATTR, _AT_FDCWD, os.fsencode(target), flags, ctypes.byref(wanted),
                         ctypes.c_size_t(ctypes.sizeof(wanted))), target)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


if __name__ == "__main__":
    main(sys.argv[1:])
