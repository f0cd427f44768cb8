"""A run killed at a random moment, again and again: what the same command then comes to, against an undisturbed run.

Every kill is a SIGKILL of the driver at a moment drawn evenly over the whole run, so that search, repeats, refit, the
sealed test, saving and the report all get their share, by threads and by worker processes. After it no trial that was
told may be gone, and the same command must come to the same folder: the same trials, values, tables and report.

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
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from crash_points import SEARCH, differences, facts_of, fresh, run_in_child, warm_up

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


def kill_after(seconds: float, command: list[str], folder: Path) -> None:
    """Start a command in a child of this process, and kill it."""
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        out = os.open(os.devnull, os.O_WRONLY)
        os.dup2(out, 1)
        os.dup2(out, 2)
        from ffsearch.search.cli import invoke

        os._exit(invoke(command))
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def main(folder: Path, n_kills: int, seed: int, which: str) -> int:
    """Kill so often; the number of faults."""
    command, moments = TESTS[which], random.Random(seed)
    undisturbed = fresh(folder / "undisturbed")
    began = time.monotonic()
    code, _, said = run_in_child(command, undisturbed, None)
    assert code == 0, said
    length_s = time.monotonic() - began
    expected = facts_of(undisturbed / "run")
    met, n_faults = Counter[str](), 0
    for number in range(n_kills):
        there = fresh(folder / "killed")
        kill_after(moments.uniform(0, length_s), command, there)
        before, step = told(there / "run"), step_of(there / "run")
        met[step] += 1
        code, _, said = run_in_child(command, there, None)
        after = told(there / "run")
        faults = [f"the same command ended with {code}: {said[-600:]}"] if code else []
        faults += [f"lost: {line[:200]}" for line in before if line not in after]
        faults += [] if code else differences(facts_of(there / "run"), expected)
        for fault in faults:
            n_faults += 1
            print(f"kill {number}, in {step}: {fault}", flush=True)
    print(f"{n_kills} kills over {length_s:.1f} s ({which}): {dict(met)}; {n_faults} faults", flush=True)
    return n_faults


if __name__ == "__main__":
    asked = [*sys.argv[1:], "", "", "", ""]
    warm_up()
    sys.exit(main(Path(asked[0]), int(asked[1] or 20), int(asked[2] or 0), asked[3] or "threads") > 0)
