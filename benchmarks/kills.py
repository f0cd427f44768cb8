"""A run killed at a random moment, again and again: what the same command then comes to, against an undisturbed run.

Every kill is a SIGKILL of the driver, with threads or with worker processes: one in two at a moment drawn evenly over
the whole run, which mostly is while it starts, refits and writes its report; the others up to a tenth of a second after
a new line of its log, of which search and repeats have most. One in two meets the same command again while it goes on.
After a kill no trial that was told may be gone, and the command that is left alone at last must come to the same
folder: the same trials, values, tables and report.

    python benchmarks/kills.py FOLDER [N] [SEED] [threads|workers]
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from crash_points import SEARCH, differences, facts_of, fresh, run_in_child, warm_up

LONGEST_AFTER_S = 0.1
TESTS = {"threads": SEARCH, "workers": [*SEARCH, "--workers", "2"]}


def told(run: Path) -> list[str]:
    """The whole lines of the log that tell of networks."""
    log = run / "log.jsonl"
    lines = log.read_bytes().split(b"\n")[:-1] if log.exists() else []
    return [line.decode() for line in lines if b'"kind":"trial"' in line or b'"kind":"repeat"' in line]


def step_of(run: Path) -> str:
    """How far a run has come, by what its folder holds."""
    log = run / "log.jsonl"
    kinds = [json.loads(line)["kind"] for line in log.read_bytes().split(b"\n")[:-1]] if log.exists() else []
    steps = {
        "nothing": True, "search": "started" in kinds, "repeats": "repeat" in kinds, "refit": "refitted" in kinds,
        "sealed test": "test opened" in kinds, "report": "finished" in kinds, "end": (run / "report.html").exists(),
    }  # fmt: skip
    return [step for step, reached in steps.items() if reached][-1]


@dataclass(frozen=True)
class Moment:
    """When a run is killed.

    Args:
        n_lines: Once its log has so many lines more.
        later_s: So many seconds after that.
    """

    n_lines: int
    later_s: float

    @classmethod
    def drawn(cls, draw: random.Random, *, n_lines: int, length_s: float) -> Moment:
        """By the clock or by the log, one as often as the other.

        Args:
            draw: Draws it.
            n_lines: Lines of an undisturbed run's log.
            length_s: Seconds that one takes.
        """
        if draw.random() < 0.5:
            return cls(n_lines=0, later_s=draw.uniform(0, length_s))
        return cls(n_lines=draw.randint(1, n_lines), later_s=draw.uniform(0, LONGEST_AFTER_S))

    def wait(self, child: int, log: Path) -> None:
        """Wait for it, or for the end of the process, which is left for its parent to read."""
        until = _n_lines(log) + self.n_lines
        while _n_lines(log) < until:
            if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return
            time.sleep(0.002)
        time.sleep(self.later_s)


def _n_lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0


def is_killed(moment: Moment, command: list[str], folder: Path) -> bool:
    """Start a command in a child of this process, and kill it.

    Returns:
        Whether it was killed; False: it had come to its end before.
    """
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        out = os.open(os.devnull, os.O_WRONLY)
        os.dup2(out, 1)
        os.dup2(out, 2)
        from ffsearch.search.cli import invoke

        os._exit(invoke(command))
    moment.wait(child, folder / "run" / "log.jsonl")
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def undisturbed(command: list[str], folder: Path) -> tuple[dict[str, Any], float]:
    """What a run comes to, and how many seconds it takes once its programs are compiled."""
    for _ in range(2):
        there = fresh(folder)
        began = time.monotonic()
        code, _, said = run_in_child(command, there, None)
        assert code == 0, said
    return facts_of(there / "run"), time.monotonic() - began


def faults_after(command: list[str], there: Path, expected: dict[str, Any], before: list[str]) -> Iterator[str]:
    """What the same command, left alone, does not come to."""
    code, _, said = run_in_child(command, there, None)
    after = told(there / "run")
    if code:
        yield f"the same command ended with {code}: {said[-600:]}"
    yield from (f"lost: {line[:200]}" for line in before if line not in after)
    if not code:
        yield from differences(facts_of(there / "run"), expected)


def main(folder: Path, n_kills: int, seed: int, which: str) -> int:
    """Kill so often; the number of faults."""
    command, moments = TESTS[which], random.Random(seed)
    expected, length_s = undisturbed(command, folder / "undisturbed")
    n_lines = _n_lines(folder / "undisturbed" / "run" / "log.jsonl")
    met, n_faults = Counter[str](), 0
    while met.total() < n_kills:
        there, before, seen = fresh(folder / "killed"), list[str](), list[str]()
        while is_killed(Moment.drawn(moments, n_lines=n_lines, length_s=length_s), command, there):
            seen.append(step_of(there / "run"))
            gone = [line for line in before if line not in told(there / "run")]
            before = told(there / "run") + gone
            if moments.random() < 0.5 or met.total() + len(seen) == n_kills:
                break
        met.update(seen)
        for fault in faults_after(command, there, expected, before) if seen else ():
            n_faults += 1
            print(f"kill {met.total()}, in {', then in '.join(seen)}: {fault}", flush=True)
    print(f"{n_kills} kills over {length_s:.1f} s ({which}): {dict(met)}; {n_faults} faults", flush=True)
    return n_faults


if __name__ == "__main__":
    asked = [*sys.argv[1:], "", "", "", ""]
    warm_up()
    sys.exit(main(Path(asked[0]), int(asked[1] or 20), int(asked[2] or 0), asked[3] or "threads") > 0)
