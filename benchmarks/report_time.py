"""How long a report takes and how large it is, by the number of trials. Nothing is trained: the runs are made up.

python benchmarks/report_time.py 500 5000
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from ffsearch.reports.html import write_report
from ffsearch.search.base.objective import Objective
from ffsearch.search.folder.summary import DataFacts, RunFacts, SearchFacts, build_summary
from ffsearch.search.folder.trial_record import TrialRecord, now
from ffsearch.search.folder.writer import RunFolder
from ffsearch.search.network.topology import Activation, Point, describe, n_params
from ffsearch.search.training.protocol import Curve, Ended

N_FEATURES = 30

SPACE = """\
kind: search
data: {source: 'sklearn:breast_cancer'}
space:
  depth: {type: int, low: 1, high: 6}
  width: {type: int, low: 16, high: 512, log: true}
  activation: {type: choice, values: [relu, leaky_relu, prelu, elu, selu, swish, tanh, softsign]}
  dropout: {type: float, low: 0.05, high: 0.5, zero: 0.4}
  batch_norm: {type: choice, values: [true, false]}
  l2: {type: float, low: 1.0e-7, high: 0.01, log: true, zero: 0.4}
  learning_rate: {type: float, low: 0.0001, high: 0.01, log: true}
"""


def main(counts: list[int]) -> None:
    """Print a line for every number of trials."""
    print("trials  read and write  size")
    for n_trials in counts:
        with tempfile.TemporaryDirectory() as folder:
            path = _made_up(Path(folder) / "run", n_trials)
            start = time.perf_counter()
            report = write_report(path)
            seconds = time.perf_counter() - start
            print(f"{n_trials:6d}  {seconds:12.1f} s  {report.stat().st_size / 1e6:.2f} MB", flush=True)


def _made_up(path: Path, n_trials: int) -> Path:
    """A finished run folder of random trials."""
    rng = np.random.default_rng(0)
    data = DataFacts(
        target=("target",), source="sklearn:breast_cancer", n_rows=569, n_features=N_FEATURES, n_classes=2,
        sha256="0" * 64, n_train=364, n_valid=91, n_test=114,
    )  # fmt: skip
    search = SearchFacts(engine="optuna", sampler="tpe", pruner="asha", trainer="population", seed=0)
    facts = RunFacts(
        kind="search", name="tabular", task="binary", data=data, search=search,
        objective=Objective(name="log_loss", direction="minimize"),
    )  # fmt: skip
    records = [_record(rng, trial) for trial in range(n_trials)]
    with RunFolder.open(path, space_yaml=SPACE, identity={"space": "a", "data": "b"}) as folder:
        folder.start(facts)
        for record in records:
            folder.add(record)
        folder.finish(build_summary(facts, records, wall_s=3_600.0))
    return path


def _record(rng: np.random.Generator, trial: int) -> TrialRecord:
    """A random point with a curve of 10 to 200 epochs."""
    point = Point(
        depth=int(rng.integers(1, 7)), width=int(2 ** rng.uniform(4, 9)), activation=list(Activation)[rng.integers(8)],
        dropout=0.0 if rng.random() < 0.4 else float(rng.uniform(0.05, 0.5)), batch_norm=bool(rng.random() < 0.5),
        l2=0.0 if rng.random() < 0.4 else float(10 ** rng.uniform(-7, -2)),
        learning_rate=float(10 ** rng.uniform(-4, -2)),
    )  # fmt: skip
    size = {"n_features": N_FEATURES, "n_outputs": 1}
    n_epochs = int(rng.integers(10, 200))
    valid = (0.05 + rng.exponential(0.05) + 0.6 * np.exp(-np.arange(n_epochs) / 12)).astype(np.float32)
    value = float(valid.min())
    return TrialRecord(
        trial=trial, point=point, topology=describe(point, **size), n_params=n_params(point, **size), value=value,
        valid_loss=value, metrics={"accuracy": 0.95}, ended=Ended.STOPPED if rng.random() < 0.7 else Ended.PRUNED,
        best_epoch=int(valid.argmin()) + 1, n_epochs=n_epochs, n_updates=n_epochs * 8, train_s=1.0, compile_s=0.1,
        seed=(0, 2, trial), curve=Curve(train_loss=valid * 0.8, valid_loss=valid, penalty=valid * 0), ended_at=now(),
    )  # fmt: skip


if __name__ == "__main__":
    main([int(count) for count in sys.argv[1:]] or [500, 5000])
