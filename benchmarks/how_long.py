"""How long a whole command takes, by rows and trials: processor seconds, since other work may share the machine.

    python benchmarks/how_long.py [--rows 500 5000 50000] [--trials 10 30] [--evidence full none]
                                   [--one-at-a-time COMMAND]

Every cell is `ffsearch run` on a table of 20 columns and two classes, from the start of the process to its end, with
search, evidence, refit and report; compiled programs are kept from an earlier run, as after a first command. The same
table is asked with the same seed in every cell, so that a cell made again trains the same networks. `--one-at-a-time`
puts a command in front of each run, for machines where somebody else says when it may begin.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

TABLE: Final = "control:sin(3*x1)*x2 + x3 + noise(.3) > 0?rows={rows}&useless=17"
"""Something to learn in three columns of twenty, with noise about it."""


def measured(words: list[str], *, before: list[str]) -> tuple[float, float]:
    """Processor seconds of a command with its children, and those on the wall."""
    begun = time.monotonic()
    child = subprocess.Popen([*before, *words], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"{shlex.join(words)} ended with {os.waitstatus_to_exitcode(status)}")
    return used.ru_utime + used.ru_stime, time.monotonic() - begun


def processor() -> str:
    """What the machine calls its processor."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return names[0].partition(":")[2].strip() if names else platform.processor()


def main() -> None:
    """A line a cell, as it comes."""
    parser = argparse.ArgumentParser(description="Processor seconds of whole commands, by rows and trials.")
    parser.add_argument("--rows", type=int, nargs="+", default=[500, 5_000, 50_000])
    parser.add_argument("--trials", type=int, nargs="+", default=[10, 30])
    parser.add_argument("--evidence", nargs="+", default=["full", "none"])
    parser.add_argument("--one-at-a-time", type=shlex.split, default=[], metavar="COMMAND")
    asked = parser.parse_args()
    print(f"{processor()}, {os.cpu_count()} cores")
    print("| rows | trials | evidence | processor s | wall s |")
    print("|---|---|---|---|---|")
    for n_rows in asked.rows:
        for evidence in asked.evidence:
            for n_trials in asked.trials:
                with tempfile.TemporaryDirectory() as folder:
                    words = [
                        sys.executable, "-m", "ffsearch", "run", TABLE.format(rows=n_rows), "--trials", str(n_trials),
                        "--set", f"evidence={evidence}", "--out", f"{folder}/run", "--quiet",
                    ]  # fmt: skip
                    used, wall = measured(words, before=asked.one_at_a_time)
                print(f"| {n_rows:,} | {n_trials} | {evidence} | {used:.0f} | {wall:.0f} |", flush=True)


if __name__ == "__main__":
    main()
