"""The whole way from a table to predictions without anything of POSIX; see `another_machine/sitecustomize.py`."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="on Windows all other tests are this test")

ROOT: Final = Path(__file__).parent.parent
ANOTHER_MACHINE: Final = Path(__file__).parent / "another_machine"

RUN: Final = [
    "run", "table.csv", "--target", "y", "--out", "run", "--trials", "3",
    "--set", "train.max_epochs=3", "--set", "space.width.high=32",
]  # fmt: skip

COMMANDS: Final = """
import json, sys
from ffsearch.search.cli import main
for arguments in json.load(sys.stdin):
    sys.argv[1:] = arguments
    try:
        main()
    except SystemExit as end:
        assert end.code == 0, arguments
"""

NOTHING_OF_POSIX: Final = """
import os, signal, socket, subprocess, sys
assert not any(hasattr(os, name) for name in ("fork", "pread", "pwrite", "sysconf", "sched_getaffinity", "O_CLOEXEC"))
assert not hasattr(socket, "socketpair") and os.O_BINARY
for name in ("fcntl", "resource"):
    try:
        __import__(name)
    except ImportError:
        print(name, "is gone")
program = "import signal; print(hasattr(signal, 'SIGKILL'))"  # in a child, too
subprocess.run([sys.executable, "-c", program], check=True)
"""


MODULES: Final = {"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}
NAMES: Final = {
    "os": "O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_SYNC WNOHANG chown chroot fchmod fchown fork forkpty getegid "
    "geteuid getgid getloadavg getpgid getuid killpg lockf mkfifo nice openpty posix_spawn pread preadv pwrite pwritev "
    "sched_getaffinity sched_setaffinity sendfile setsid setuid statvfs sysconf uname wait",
    "signal": "SIGALRM SIGCHLD SIGHUP SIGKILL SIGPIPE SIGQUIT SIGUSR1 SIGUSR2 alarm pause pthread_kill setitimer",
    "socket": "AF_UNIX recv_fds send_fds socketpair",
}
"""What Windows lacks: modules, and names of modules that it has."""

ASKED_FOR: Final = [
    ("environment.py", "sched_getaffinity"),
    ("process.py", "pthread_kill"),
    ("program_files.py", "getuid"),
]
"""Where `hasattr` comes first."""


def named_of_posix(tree: ast.AST) -> Iterator[str]:
    """What a source names of what POSIX alone has."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                yield from MODULES & {alias.name for alias in names}
            case ast.ImportFrom(str(module), names):
                yield from MODULES & {module}
                yield from set(NAMES.get(module, "").split()) & {alias.name for alias in names}
            case ast.Attribute(ast.Name(module), name):
                yield from set(NAMES.get(module, "").split()) & {name}
            case ast.keyword(name) if name in ("pass_fds", "preexec_fn", "start_new_session"):
                yield name


@pytest.mark.needs_checkout
def test_no_source_names_what_posix_alone_has() -> None:
    sources = [path for room in ("search", "spaces", "reports", "src/ffsearch") for path in (ROOT / room).rglob("*.py")]
    assert len(sources) > 200
    found = {(path.name, name) for path in sources for name in named_of_posix(ast.parse(path.read_bytes()))}
    assert sorted(found) == ASKED_FOR


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A folder with a table whose names no code page of western Europe can write."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 3))
    frame = pd.DataFrame(rows, columns=["a", "größe", "вес"]).assign(y=np.where(rows.sum(axis=1) > 0, "да", "нет"))
    frame.to_csv(tmp_path / "table.csv", index=False, encoding="utf-8")
    return tmp_path


def run_there(folder: Path, program: str, *commands: list[str]) -> tuple[str, list[str]]:
    """What a program says on another machine, and what that notes of the product's calls."""
    notes = folder / "notes.txt"
    notes.touch()
    environment = {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ANOTHER_MACHINE), *sys.path])),
        "ANOTHER_MACHINE": str(notes),
        "PYTHONWARNDEFAULTENCODING": "1",
        "PYTHONIOENCODING": "cp1252",  # what Windows gives a program whose output goes into a file
    }
    done = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(commands), capture_output=True, encoding="cp1252",
        cwd=folder, env=os.environ | environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, notes.read_text(encoding="utf-8").splitlines()


def test_that_machine_has_nothing_of_posix(tmp_path: Path) -> None:
    said, _ = run_there(tmp_path, NOTHING_OF_POSIX)
    assert sorted(said.splitlines()) == ["False", "fcntl is gone", "resource is gone"]


@pytest.mark.slow
def test_a_search_runs_through_to_its_report_and_answers(there: Path) -> None:
    said, noted = run_there(
        there,
        COMMANDS,
        [*RUN, "--set", "evidence=quick"],
        ["show", "run"],
        ["verdict", "run"],
        ["predict", "run", "table.csv", "--out", "answers.csv"],
        ["export", "run", "--format", "keras"],
        ["report", "run", "--tensorboard", "board"],
        ["report", "run", "--tensorboard", "board"],  # over the older one
        ["report", "run", "--out", "page.html"],
    )
    assert "best topology" in said
    assert {"opened .lock", "opened log.jsonl"} <= set(noted)
    assert set(pd.read_csv(there / "answers.csv")["prediction"]) <= {"да", "нет"}
    assert "вес" in (there / "page.html").read_text(encoding="utf-8")
    for name in ("log.jsonl", "space.yaml", "summary.json"):
        assert b"\r" not in (there / "run" / name).read_bytes()
    assert {path.name for path in there.rglob(".*")} == {".lock"}


@pytest.mark.slow
def test_two_workers_carry_the_same_search_and_a_fresh_one_moves_the_old(there: Path) -> None:
    short = [*RUN, "--set", "evidence=none", "--quiet"]
    _, noted = run_there(there, COMMANDS, short, [*short, "--fresh", "--workers", "2"])
    assert [text for text in noted if text.startswith("refused")] == ["refused run"]  # moved when the lock was back
    one, other = (
        [line["curve"] for line in map(json.loads, log.read_text(encoding="utf-8").splitlines()) if "curve" in line]
        for log in (there / "run.1" / "log.jsonl", there / "run" / "log.jsonl")
    )
    assert len(one) == 3
    assert one == other
    assert {path.name for path in there.rglob(".*")} == {".lock"}


def test_without_any_lock_of_the_system_a_soft_one_does(tmp_path: Path) -> None:
    """Without fcntl filelock has no lock to offer, as on a file system that has none."""
    program = (
        "import sys, warnings; sys.modules['fcntl'] = None; warnings.simplefilter('ignore')\n"
        "from pathlib import Path; from ffsearch.search.folder.lock import FolderLock\n"
        "with FolderLock(Path(sys.argv[1])): print(*sorted(p.name for p in Path(sys.argv[1]).glob('.lock*')))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "on a file system without locks" in refused.stderr
    softly = os.environ | {"FFSEARCH_LOCK": "soft"}
    allowed = subprocess.run(command, capture_output=True, text=True, check=True, env=softly)
    assert allowed.stdout.split() == [".lock", ".lock.soft"]
