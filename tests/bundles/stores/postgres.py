"""A PostgreSQL server for tests: a cluster in a folder, a socket in it, nobody's password."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path


def find(program: str) -> str:
    """Where a program of PostgreSQL is, or "": Debian keeps those of a server off the path."""
    places = sorted(str(path) for path in Path("/usr/lib/postgresql").glob("*/bin"))
    return shutil.which(program) or shutil.which(program, path=os.pathsep.join(places)) or ""


@dataclass
class Postgres:
    """A running server."""

    folder: Path
    databases: int = 0

    @classmethod
    def start(cls) -> Postgres:
        """Make a cluster and start it; root cannot run one, and does it as `postgres`.

        It listens on a socket in its own folder, so that no port can be taken by somebody else in the meantime. The
        folder is not pytest's: it has a short name, as a socket needs, and is open to another user.
        """
        server = cls(Path(tempfile.mkdtemp(prefix="postgres-")))
        if os.geteuid() == 0:
            who = pwd.getpwnam("postgres")
            os.chown(server.folder, who.pw_uid, who.pw_gid)
        server._run("initdb", "-D", server._data, "-A", "trust", "-U", "postgres", "--no-sync")
        options = f"-c listen_addresses= -c unix_socket_directories={server.folder} -c fsync=off"
        server._run("pg_ctl", "-D", server._data, "-l", f"{server.folder}/log", "-o", options, "-w", "start")
        return server

    def stop(self) -> None:
        """Stop it at once, and remove it."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.folder)

    def new_database(self) -> str:
        """The URL of an empty database."""
        import psycopg

        self.databases += 1
        name = f"store{self.databases}"
        with psycopg.connect(f"host={self.folder} user=postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    @property
    def _data(self) -> str:
        return f"{self.folder}/data"

    def _run(self, program: str, *arguments: str) -> None:
        command = [find(program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")
