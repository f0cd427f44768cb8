"""A PostgreSQL server of the tests' own, on loopback, from the binaries that the system has."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "s3cret-mArker/42"
"""With a sign that an address must escape."""
QUOTED = PASSWORD.replace("/", "%2F")


@dataclass(frozen=True)
class Server:
    """Where it listens."""

    port: int

    def url(self, database: str = "postgres") -> str:
        """Its address as drivers are given it."""
        return f"postgresql+psycopg://searcher:{QUOTED}@127.0.0.1:{self.port}/{database}"


def binaries() -> Path | None:
    """The folder of the newest server there is."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Start one, and stop it in the end.

    PostgreSQL refuses to run as root: root runs it as the user `postgres`.
    """
    bin_folder = binaries()
    assert bin_folder is not None
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="ffsearch-pg-") as made:  # a socket's path must be short
        home = Path(made)
        (home / "password").write_text(PASSWORD)
        if as_user:
            shutil.chown(home, "postgres")
            shutil.chown(home / "password", "postgres")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]

        def call(*command: str) -> None:
            with (folder / "postgres.log").open("ab") as log:
                subprocess.run([*as_user, *command], check=True, cwd=home, stdout=log, stderr=log)

        data = str(home / "data")
        call(
            str(bin_folder / "initdb"), "--pgdata", data, "--username", "searcher", "--pwfile", str(home / "password"),
            "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync",
        )  # fmt: skip
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={home} -c fsync=off"
        call(
            str(bin_folder / "pg_ctl"),
            "--pgdata",
            data,
            "--wait",
            "--options",
            options,
            "--log",
            str(home / "log"),
            "start",
        )
        try:
            yield Server(port)
        finally:
            call(str(bin_folder / "pg_ctl"), "--pgdata", data, "--wait", "--mode", "immediate", "stop")
