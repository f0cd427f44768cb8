"""A MariaDB server of the tests' own, on loopback, from the binaries that the system has; it speaks as MySQL does."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from postgres import PASSWORD, QUOTED

_SET_UP = (
    "CREATE DATABASE ffsearch; CREATE USER searcher@'127.0.0.1' IDENTIFIED BY '{password}'; "
    "GRANT ALL ON ffsearch.* TO searcher@'127.0.0.1';"
)


@dataclass(frozen=True)
class MariaDB:
    """Where it listens."""

    port: int

    def url(self) -> str:
        """Its address as drivers are given it."""
        return f"mysql+pymysql://searcher:{QUOTED}@127.0.0.1:{self.port}/ffsearch"


def is_installed() -> bool:
    """Whether the system has a server."""
    return all(shutil.which(name, path=_path()) for name in ("mariadbd", "mariadb-install-db", "mariadb"))


@contextmanager
def running(folder: Path) -> Iterator[MariaDB]:
    """Start one, and stop it in the end. It refuses to run as root: root runs it as the user `mysql`."""
    as_user = ["--user=mysql"] if os.getuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="ffsearch-my-") as made, (folder / "mariadb.log").open("ab") as log:
        home = Path(made)  # a socket's path must be short
        if as_user:
            shutil.chown(home, "mysql")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        data, own = f"--datadir={home / 'data'}", f"--socket={home / 'socket'}"
        make = [
            _found("mariadb-install-db"), "--no-defaults", *as_user, data, "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ]  # fmt: skip
        subprocess.run(make, check=True, stdout=log, stderr=log)
        start = [
            _found("mariadbd"), "--no-defaults", *as_user, data, own, f"--pid-file={home / 'pid'}", f"--port={port}",
            "--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0",
        ]  # fmt: skip
        with subprocess.Popen(start, stdout=log, stderr=log) as process:
            try:
                _set_up([_found("mariadb"), "--no-defaults", own, "--user=root"], until=time.monotonic() + 60)
                yield MariaDB(port)
            finally:
                process.kill()


def _set_up(client: list[str], *, until: float) -> None:
    """Make the database and who may use it, as soon as the server listens."""
    commands = _SET_UP.format(password=PASSWORD)
    while subprocess.run([*client, "--execute", commands], capture_output=True, check=False).returncode:
        assert time.monotonic() < until, "the server does not listen"
        time.sleep(0.2)


def _found(name: str) -> str:
    path = shutil.which(name, path=_path())
    assert path is not None
    return path


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin"])
