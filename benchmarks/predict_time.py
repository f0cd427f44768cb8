"""How many rows a second `ffsearch predict` answers: 1,000,000 rows of 50 numbers, 3 hidden layers of 256.

    python benchmarks/predict_time.py [ROWS]

Writes a CSV of about 430 MB to a temporary folder. Start-up (model, survey of the file, first piece) and the
rest are told apart; processor time is told beside wall time, because a shared machine gives less than all of its time.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv

from ffsearch.search.data.features.preprocess import Preprocessor, learn_layout, raw_numbers
from ffsearch.search.data.parsing.cells import Cells
from ffsearch.search.data.parsing.spelling import PLAIN
from ffsearch.search.network.heads import Head, Task, default_loss
from ffsearch.search.network.topology import Activation, Point
from ffsearch.search.network.weights import initial_weights
from ffsearch.search.serving.packaging import save_model
from ffsearch.search.serving.predict import predict_file

N_COLUMNS = 50
N_A_TIME = 100_000
NAMES = [f"x{place}" for place in range(N_COLUMNS)]


def write_rows(path: Path, n_rows: int) -> None:
    """Normal numbers with four decimals."""
    generator = np.random.default_rng(0)
    schema = pa.schema([(name, pa.float64()) for name in NAMES])
    with csv.CSVWriter(path, schema) as writer:
        for start in range(0, n_rows, N_A_TIME):
            cells = np.round(generator.normal(0, 100, (min(N_A_TIME, n_rows - start), N_COLUMNS)), 4)
            writer.write(pa.table(dict(zip(NAMES, cells.T, strict=True)), schema=schema))


def write_model(path: Path, n_networks: int) -> None:
    """Networks of the default topology of a large table, untrained: what they answer takes no other time."""
    frame = pd.DataFrame(np.random.default_rng(1).normal(0, 100, (1000, N_COLUMNS)), columns=NAMES)
    raw = {name: raw_numbers(Cells(frame[name]), PLAIN) for name in NAMES}
    point = Point(depth=3, width=256, batch_norm=True, activation=Activation.RELU)
    labels = ("no", "yes")
    head = Head(task=Task.BINARY, loss=default_loss(Task.BINARY), n_outputs=1, target_names=("y",), labels=labels)
    save_model(
        path,
        point=point,
        networks=[
            initial_weights(point, n_features=N_COLUMNS, n_outputs=1, seed=np.random.SeedSequence(seed))
            for seed in range(n_networks)
        ],
        head=head,
        preprocessor=Preprocessor.fit(learn_layout(raw), raw),
        target_scale=None,
        sample=frame,
    )


def main() -> None:
    """Measure once, and print."""
    n_rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        data, model, out = (Path(folder) / name for name in ("rows.csv", "model.keras", "answers.csv"))
        write_rows(data, n_rows)
        write_model(model, n_networks=int(sys.argv[2]) if len(sys.argv) > 2 else 1)
        marks: list[tuple[float, float, int]] = []
        began = time.perf_counter()
        predict_file(
            model, data, out=out, on_rows=lambda n: marks.append((time.perf_counter(), time.process_time(), n))
        )
        ended, cpu = time.perf_counter(), time.process_time()
    (first, first_cpu, n_first), n_rest = marks[0], n_rows - marks[0][2]
    print(f"start-up and the first {n_first:,} rows: {first - began:.1f} s")
    print(f"the other {n_rest:,} rows: {ended - first:.1f} s, {n_rest / (ended - first):,.0f} rows/s")
    print(f"their processor time: {cpu - first_cpu:.1f} s, {n_rest / (cpu - first_cpu):,.0f} rows a processor second")
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")
    print(f"load of the machine, one minute: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
