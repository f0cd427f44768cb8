"""A command that is ended, or whose disk fails, at the n-th thing it does to its files; and what it must come to.

The command runs in a child of this process, made by `fork` after all that is heavy was imported, so that a whole run
takes a second or two. What it does to files is counted where Python does it (opening to write, renaming, deleting,
making folders, syncing, writing to a descriptor), in the run folder alone; at the n-th the child is killed as by a
power cut, with nothing flushed, or is told an error of the disk.

    python tests/crash_points.py FOLDER [STEP] [kill|ENOSPC|EIO] [search|study]     every STEP-th; says what went wrong
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from ffsearch.search.cli import invoke

N_ROWS: Final = 60
LONGEST_S: Final = 120.0
KILLED: Final = -signal.SIGKILL

SEARCH: Final = [
    "run", "table.csv", "--target", "y", "--out", "run", "--trials", "3", "--quiet",
    "--set", "train.max_epochs=3", "--set", "space.width=8", "--set", "space.depth={type: int, low: 1, high: 2}",
    "--set", "data.valid={holdout: 0.2}", "--set", "search.sampler=random", "--set", "search.pruner=none",
    "--set", "evidence={finalists: 1, repeats: 2, effects: 0, baselines: [dummy, linear]}",
]  # fmt: skip
STUDY: Final = [
    "run", "capacity", "--data", "table.csv", "--target", "y", "--out", "run", "--quiet",
    "--set", "capacity.depths=[1, 2]", "--set", "capacity.budgets=[200]", "--set", "capacity.seeds=2",
    "--set", "capacity.updates=10", "--set", "capacity.learning_rates={low: 0.001, high: 0.01, n: 2}",
]  # fmt: skip
COMMANDS: Final = {"search": SEARCH, "study": STUDY}


@dataclass
class Fate:
    """What happens at the n-th thing a command does to the files of its run.

    Args:
        at: Its number, from 1; 0: never, things are counted alone.
        how: `kill`, or the name of an error of the disk: `ENOSPC`, `EIO`.
        inside: The run folder.
        n: How many there were so far.
        what: What the n-th was.
    """

    at: int
    how: str
    inside: str
    n: int = 0
    what: str = ""

    def meet(self, name: str, path: object) -> None:
        """Count one, and end the process or fail if it is the one."""
        if self.inside not in os.fsdecode(path):  # type: ignore[arg-type]
            return
        self.n += 1
        if self.n != self.at:
            return
        self.what = f"{name} {os.fsdecode(path)}"  # type: ignore[arg-type]
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        number = getattr(errno, self.how)
        raise OSError(number, os.strerror(number), os.fsdecode(path))  # type: ignore[arg-type]

    def watch(self) -> None:
        """Look at everything from now on, in this process."""

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            if event == "open":
                path, _, flags = arguments
                if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR) and isinstance(path, (str, bytes)):
                    self.meet("open", path)
            elif event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"):
                path = arguments[0]
                if isinstance(path, (str, bytes, os.PathLike)):
                    self.meet(event, path)

        sys.addaudithook(hook)
        for name in ("fsync", "write"):
            setattr(os, name, self._watched(name, getattr(os, name)))

    def _watched(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def met(descriptor: int, *rest: Any) -> Any:
            try:
                path = os.readlink(f"/proc/self/fd/{descriptor}")
            except OSError:
                path = ""
            self.meet(f"os.{name}", path)
            return real(descriptor, *rest)

        return met


def run_in_child(command: Sequence[str], folder: Path, fate: Fate | None) -> tuple[int, int, str]:
    """Run a command in a folder.

    Returns:
        How it ended (the exit code, or minus the signal), how many things it did to files, and what it said.

    Raises:
        TimeoutError: If it does not end; it is killed then.
    """
    said, counted = folder / "said.txt", folder / "counted.txt"
    counted.write_text("0")
    child = os.fork()
    if child == 0:  # pragma: no cover
        code = 70
        try:
            os.chdir(folder)
            out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(out, 1)
            os.dup2(out, 2)
            if fate is not None:
                fate.watch()
            code = invoke(list(command))
            sys.stdout.flush()
            sys.stderr.flush()
            if fate is not None:
                counted.write_text(str(fate.n))
        finally:
            os._exit(code)
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), int(counted.read_text()), said.read_text(errors="replace")
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise TimeoutError(f"not at its end after {LONGEST_S:g} s: {said.read_text(errors='replace')[-2000:]}")


def fresh(folder: Path) -> Path:
    """A folder with the table and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rows = []
    for k in range(N_ROWS):
        three = (k * 37) % 11
        rows.append(f"{k % 7},{'ab'[k % 2]},{three},{'yes' if three > 4 + k % 2 else 'no'}")
    (folder / "table.csv").write_text("one,two,three,y\n" + "\n".join(rows) + "\n")
    return folder


# --- what a folder says ----------------------------------------------------------------------------------------------

_OF_TIME: Final = (
    "openings",
    "_s",
    "_at",
    "started",
    "ended_at",
    "created",
    "day",
    "when",
    "pid",
    "host",
    "wall",
    "time",
)


def facts_of(run: Path) -> dict[str, Any]:
    """By file what it says, without what a clock or a name of a folder goes into; hidden files are named alone."""
    return {
        path.relative_to(run).as_posix(): _facts_of_file(path)
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def _facts_of_file(path: Path) -> Any:
    if path.suffix in (".db", ".html", ".keras", ".md", ".bin") or path.name == "environment.json":
        return "there"  # pages, databases and archives tell times or an order; what they tell else stands in the tables
    if path.suffix == ".json":
        return _timeless(json.loads(path.read_text(encoding="utf-8")))
    if path.suffix == ".jsonl":
        lines = [_timeless(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
        results = [line for line in lines if line["kind"] in ("trial", "repeat")]  # each once; the rest tells of starts
        return sorted(json.dumps(line, sort_keys=True) for line in results)
    if path.suffix == ".parquet":
        frame = pd.read_parquet(path)
        kept = frame[[name for name in frame.columns if not name.endswith(_OF_TIME)]]
        return sorted(map(repr, kept.itertuples(index=False, name=None)))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(one) for key, one in value.items() if not key.endswith(_OF_TIME) and key != "at"}
    return [_timeless(one) for one in value] if isinstance(value, list) else value


def differences(got: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[str]:
    """What two folders say otherwise."""
    for name in sorted(got.keys() | expected.keys()):
        if name not in got:
            yield f"{name} is missing"
        elif name not in expected:
            yield f"{name} is left over"
        elif got[name] != expected[name]:
            yield f"{name} says {str(got[name])[:1500]}\n   instead of {str(expected[name])[:1500]}"


# --- the points ------------------------------------------------------------------------------------------------------


def faults(folder: Path, *, step: int, how: str, which: str) -> Iterator[str]:
    """Try every `step`-th point; what went wrong, a text each.

    Args:
        folder: Where to work.
        step: Points are tried from 1 on, in these steps.
        how: See `Fate`.
        which: `search` or `study`.
    """
    command = COMMANDS[which]
    undisturbed = fresh(folder / "undisturbed")
    code, n_points, said = run_in_child(command, undisturbed, Fate(at=0, how=how, inside=str(undisturbed / "run")))
    assert code == 0, said
    expected = facts_of(undisturbed / "run")
    for at in range(1, n_points + 1, step):
        there = fresh(folder / "ended")
        fate = Fate(at=at, how=how, inside=str(there / "run"))
        code, _, said = run_in_child(command, there, fate)
        place = f"{which}, {how} at {at} of {n_points}"
        if how == "kill" and code not in (KILLED, 0):
            yield f"{place}: ended with {code}: {said[-600:]}"
        if how != "kill" and (code not in (0, 2) or "Traceback" in said):
            yield f"{place}: ended with {code}: {said[-1500:]}"
        code, _, said = run_in_child(command, there, None)
        if code != 0:
            yield f"{place}: the same command ended with {code}: {said[-1500:]}"
            continue
        for difference in differences(facts_of(there / "run"), expected):
            yield f"{place}: {difference}"


def warm_up() -> None:
    """Import what a run imports, so that children need not; nothing is computed, for threads do not outlive a fork."""
    import matplotlib.figure  # noqa: F401
    import sklearn.ensemble  # noqa: F401
    import tensorflow  # noqa: F401

    from ffsearch.search.training import lanes

    lanes.load_programs()


if __name__ == "__main__":
    asked = [*sys.argv[1:], "", "", ""]
    warm_up()
    for fault in faults(Path(asked[0]), step=int(asked[1] or 1), how=asked[2] or "kill", which=asked[3] or "search"):
        sys.stdout.write(fault + "\n")
        sys.stdout.flush()
