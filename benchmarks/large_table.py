"""How long and how much memory a table of 1,000,000 rows and 50 columns takes, from file to first trial.

    python benchmarks/large_table.py [ROWS] [--rows-only]

Writes a CSV of about 380 MB to a temporary folder: 40 numbers, 8 categories, a date and a target of two classes. Then
`ffsearch run` with one trial of one epoch, in a process of its own whose memory is watched; the first trial is done
when it is told. `--rows-only` stops before training and tells where the time of reading and judging goes.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import resource
import subprocess
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pyarrow as pa
from pyarrow import csv

N_NUMBERS = 40
N_CATEGORIES = 8
N_A_TIME = 100_000
N_SHOWN = 25


def write_table(path: Path, n_rows: int) -> None:
    """Numbers with four decimals, some missing; categories of 3 to 2,000 levels; seconds of two years."""
    generator = np.random.default_rng(0)
    writer = None
    for start in range(0, n_rows, N_A_TIME):
        n = min(N_A_TIME, n_rows - start)
        cells = np.round(generator.normal(0, 100, (n, N_NUMBERS)), 4)
        columns = {f"x{i}": pa.array(column, mask=generator.random(n) < 0.01) for i, column in enumerate(cells.T)}
        for place in range(N_CATEGORIES):
            n_levels = [3, 5, 10, 20, 50, 100, 500, 2000][place]
            levels = pa.array([f"level {number}" for number in range(n_levels)])
            columns[f"c{place}"] = levels.take(pa.array(generator.integers(0, n_levels, n)))
        seconds = np.datetime64("2023-01-01", "s") + generator.integers(0, 2 * 365 * 86_400, n)
        columns["when"] = pa.array([str(moment).replace("T", " ") for moment in seconds])
        is_yes = cells[:, 0] + cells[:, 1] + generator.normal(0, 100, n) > 0
        columns["y"] = pa.array(np.where(is_yes, "yes", "no"))
        rows = pa.table(columns)
        writer = writer or csv.CSVWriter(path, rows.schema)
        writer.write(rows)
    assert writer is not None
    writer.close()


def profile_rows(path: Path) -> None:
    """Where the time of reading, judging and preprocessing goes."""
    from ffsearch.search.data.leaks import find_leaks
    from ffsearch.search.data.prepare import prepare
    from ffsearch.spaces.schema import DataSpec

    profile = cProfile.Profile()
    began = time.perf_counter()
    profile.enable()
    ready = prepare(DataSpec(source=str(path), target="y"), seed=0)
    told = {"prepared": time.perf_counter() - began}
    find_leaks(ready, seed=0)
    told["leaks"] = time.perf_counter() - began
    ready.problem()
    told["matrices"] = time.perf_counter() - began
    profile.disable()
    pstats.Stats(profile).sort_stats("cumulative").print_stats(N_SHOWN)
    print({name: round(seconds, 1) for name, seconds in told.items()})
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB at most")


def run_once(path: Path, folder: Path) -> None:
    """One trial of one epoch by the command line; what is told of it."""
    began = time.perf_counter()
    command = ["ffsearch", "run", str(path), "--target", "y", "--trials", "1", "--out", str(folder), "--json"]
    command += ["--set", "evidence=none"]
    process = subprocess.Popen([*command, "--set", "train.max_epochs=1"], stdout=subprocess.PIPE, text=True)
    proc = Path(f"/proc/{process.pid}")  # a shared machine gives less than all of its time: both are told
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        seconds = time.perf_counter() - began
        processor, peak = _used(proc)
        print(
            f"{seconds:6.1f} s, {processor:6.1f} s of processor time, {peak:.2f} GB at most  {event.get('event')} "
            f"{event.get('phase', '')}",
            flush=True,
        )
    process.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{time.perf_counter() - began:.0f} s with refit, test and report, {used.ru_utime + used.ru_stime:.0f} s of "
        f"processor time; {used.ru_maxrss / 1e6:.2f} GB at most"
    )


def _used(proc: Path) -> tuple[float, float]:
    """Seconds of processor time and most GB of a process so far; zeros when it has ended."""
    try:
        ticks = sum(map(int, (proc / "stat").read_text().rsplit(")", 1)[1].split()[11:13]))
        peak = next(line for line in (proc / "status").read_text().splitlines() if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0.0, 0.0
    return ticks / os.sysconf("SC_CLK_TCK"), int(peak.split()[1]) / 1e6


def main() -> None:
    """Write the table and do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--rows-only", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.csv"
        write_table(path, asked.rows)
        print(f"{asked.rows:,} rows, {path.stat().st_size / 1e6:.0f} MB")
        if asked.rows_only:
            profile_rows(path)
        else:
            run_once(path, Path(folder) / "run")


if __name__ == "__main__":
    main()
