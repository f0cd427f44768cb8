"""Tables at the edges, by the command as a user gives it: how long it takes, phase by phase, and how much memory.

    python benchmarks/extremes.py classes [--rows 5000]                  500 classes, 20 numbers
    python benchmarks/extremes.py columns [--rows 2000] [--columns 10000] [--categories 200]
    python benchmarks/extremes.py rows [--rows 5000000]                  20 numbers
    python benchmarks/extremes.py mixed [--rows 1000000]                 42 numbers, 8 categories, for `predict`
    python benchmarks/extremes.py ... --trials 4 --set evidence=none     anything else goes to `ffsearch run`

`ffsearch run` with four trials, then `ffsearch predict` of the same file. Processor time stands beside wall time,
because a shared machine gives less than all of its time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

N_CELLS_AT_ONCE = 4_000_000
N_CLASSES = 500
N_LEVELS = 6
N_INFORMATIVE = 10
"""Columns of numbers that say something of the target."""


def columns_of(kind: str, n_columns: int | None, n_categories: int | None) -> tuple[int, int]:
    """Numbers and categories of a kind of table."""
    usual = {"classes": (20, 0), "columns": (10_000, 200), "rows": (20, 0), "mixed": (50, 8)}[kind]
    n_all, n_texts = n_columns or usual[0], usual[1] if n_categories is None else n_categories
    return n_all - n_texts, n_texts


def pieces(kind: str, n_rows: int, n_numbers: int, n_categories: int) -> Iterator[pa.Table]:
    """Rows of normal numbers with four decimals, categories of six levels, and a target that some numbers say."""
    generator = np.random.default_rng(0)
    centres = generator.normal(0, 2, (N_CLASSES, n_numbers))
    weights = generator.normal(0, 1, min(N_INFORMATIVE, n_numbers))
    levels = pa.array([f"level {number}" for number in range(N_LEVELS)])
    n_at_once = max(1, N_CELLS_AT_ONCE // (n_numbers + n_categories))
    for start in range(0, n_rows, n_at_once):
        n = min(n_at_once, n_rows - start)
        cells = generator.normal(0, 1, (n, n_numbers))
        if kind == "classes":
            labels = generator.integers(0, N_CLASSES, n)
            cells += centres[labels]
            target = pa.array([f"class {label}" for label in labels])
        else:
            score = cells[:, : len(weights)] @ weights + generator.normal(0, 1, n)
            target = pa.array(np.where(score > 0, "yes", "no"))
        columns = {f"x{place}": pa.array(column) for place, column in enumerate(np.round(cells, 4).T)}
        for place in range(n_categories):
            columns[f"c{place}"] = levels.take(pa.array(generator.integers(0, N_LEVELS, n)))
        yield pa.table({**columns, "y": target})


def write(path: Path, rows: Iterator[pa.Table]) -> None:
    """One file of all pieces."""
    first = next(rows)
    with csv.CSVWriter(path, first.schema) as writer:
        writer.write(first)
        for piece in rows:
            writer.write(piece)


def told(command: Sequence[str]) -> None:
    """Run a command and print when each of its phases began, and what it took in all, Ctrl-C or not."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with suppress(KeyboardInterrupt):
        for line in process.stdout:
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("event") in {"began", "phase", "trial"}:
                name = event.get("name", event["event"])
                print(f"{time.perf_counter() - began:7.1f} s, {_peak(process.pid):.2f} GB at most  {name}", flush=True)
    code = process.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{' '.join(command[:2])}: exit {code}, {time.perf_counter() - began:.1f} s, {processor:.1f} s of processor "
        f"time, {used.ru_maxrss / 1e6:.2f} GB at most by the largest command so far"
    )


def _peak(process: int) -> float:
    """Most GB of memory that a process had so far (Linux)."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return next((int(line.split()[1]) / 1e6 for line in lines if line.startswith("VmHWM")), 0.0)


def main() -> None:
    """Write the table, then run and predict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["classes", "columns", "rows", "mixed"])
    parser.add_argument("--rows", type=int)
    parser.add_argument("--columns", type=int)
    parser.add_argument("--categories", type=int)
    parser.add_argument("--trials", default="4")
    asked, more = parser.parse_known_args()
    n_rows = asked.rows or {"classes": 5_000, "columns": 2_000, "rows": 5_000_000, "mixed": 1_000_000}[asked.kind]
    n_numbers, n_categories = columns_of(asked.kind, asked.columns, asked.categories)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write(path, pieces(asked.kind, n_rows, n_numbers, n_categories))
        print(
            f"{n_rows:,} rows, {n_numbers:,} numbers, {n_categories} categories, {path.stat().st_size / 1e6:.0f} MB; "
            f"load of the machine {os.getloadavg()[0]:.1f}"
        )
        out = str(Path(folder) / "run")
        told(["ffsearch", "run", str(path), "--target", "y", "--trials", asked.trials, "--out", out, "--json", *more])
        told(["ffsearch", "predict", out, str(path), "--out", str(Path(folder) / "answers.csv")])


if __name__ == "__main__":
    main()
