"""A PostgreSQL server for tests: a cluster in a folder, a free port on loopback, nobody's password."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Postgres:
    """A running server."""

    data: Path
    port: int
    databases: int = 0

    @classmethod
    def start(cls, folder: Path) -> Postgres:
        """Make a cluster and start it; root cannot run one, and does it as `postgres`."""
        data = folder / "data"
        data.mkdir()
        if os.geteuid() == 0:
            who = pwd.getpwnam("postgres")
            os.chown(data, who.pw_uid, who.pw_gid)
            for above in data.parents:  # pytest's folders are closed to others
                if above.stat().st_uid == 0 and above != Path("/"):
                    above.chmod(above.stat().st_mode | 0o011)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = cls(data, port)
        server._run("initdb", "-D", str(data), "-A", "trust", "-U", "postgres")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={data}"
        server._run("pg_ctl", "-D", str(data), "-l", str(data / "log"), "-o", options, "-w", "start")
        return server

    def stop(self) -> None:
        """Stop it at once."""
        self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")

    def new_database(self) -> str:
        """The URL of an empty database."""
        import psycopg

        self.databases += 1
        name = f"store{self.databases}"
        with psycopg.connect(f"host=127.0.0.1 port={self.port} user=postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *arguments: str) -> None:
        found = shutil.which(program)
        assert found
        command = [found, *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")
