"""How long the shipped capacity study takes, and how long the same networks would take one at a time in Keras.

    python benchmarks/capacity_time.py [--sample]

The study is run as a user would run it, on bundled digits, with an empty cache of compiled programs. Keras trains one
network of every cell with the same rows, batches and updates (the reference trainer, one call into TensorFlow an
evaluation); its time is multiplied by the networks a cell has. `--sample` measures Keras alone. Processor time is
printed beside wall time, because it says the same on a busy machine.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ffsearch.search.capacity.plan import Training
from ffsearch.search.capacity.study import assembled
from ffsearch.search.carrying.choose import Carriage
from ffsearch.search.observer import Observer

N_TRAININGS = 400


@contextmanager
def clocked(what: str, *, times: float = 1.0) -> Iterator[None]:
    """Print wall and processor seconds of a block, multiplied."""
    wall, processor = time.perf_counter(), time.process_time()
    yield
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"{what:<44} {times * wall:8.0f} s wall {times * processor:8.0f} s processor", flush=True)


def main() -> None:
    """The study, then a sample of its networks in Keras."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        if "--sample" not in sys.argv[1:]:
            from ffsearch.search.run import run

            with clocked("the study"):
                done = run("capacity", out=f"{folder}/run")
            print(f"{len(done.capacity)} networks, verdict {done.summary['verdict']['code']}")
        sample(f"{folder}/sample")


def sample(out: str) -> None:
    """One network of every cell, at the middle learning rate."""
    from ffsearch.search.training.keras_trainer import KerasTrainer

    with assembled(
        "capacity", data=None, target=None, overrides=(), out=out, fresh=False, observer=Observer(), carriage=Carriage()
    ) as parts:
        trainer = KerasTrainer(parts.problem, parts.stopping)
        jobs = [parts.plan.job(Training(2, cell, 0)) for cell in range(len(parts.plan.cells))]
        with clocked(f"Keras, {N_TRAININGS} networks from one of each cell", times=N_TRAININGS / len(jobs)):
            list(trainer.train(iter(jobs)))


if __name__ == "__main__":
    main()
