"""How long the shipped capacity study takes, and how long the same networks would take one at a time in Keras.

    python benchmarks/capacity_time.py

The study is run as a user would run it, on bundled digits, with an empty cache of compiled programs. Keras trains one
network of every cell, at the middle learning rate, with the same rows, batches and updates (the reference trainer, one
call into TensorFlow an evaluation), once before the study and once after it, because the machine may be busier at one
time than at another. A cell's seconds are multiplied by the networks the study trained in it. Processor time is printed
beside wall time, which says the same on a busy machine.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from typing import NamedTuple

from ffsearch.search.capacity.plan import Training
from ffsearch.search.capacity.setup import planned, study_of
from ffsearch.search.steps.inputs import requested


class Seconds(NamedTuple):
    """Of the clock on the wall, and of the processor."""

    wall: float
    processor: float

    @classmethod
    def now(cls) -> Seconds:
        """Since some time in the past."""
        return cls(time.perf_counter(), time.process_time())

    def since(self, began: Seconds) -> Seconds:
        """Between two times."""
        return Seconds(self.wall - began.wall, self.processor - began.processor)


def main() -> None:
    """The study between two samples of its networks in Keras."""
    from ffsearch.search.run import run

    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        samples = [sample()]
        began = Seconds.now()
        done = run("capacity", out=f"{folder}/run")
        study = Seconds.now().since(began)
        n_networks = Counter(zip(done.capacity["depth"], done.capacity["budget"], strict=True))
        samples.append(sample())
    print(f"the study, {sum(n_networks.values())} networks: {study.wall:.0f} s wall, {study.processor:.0f} s processor")
    for cells in samples:
        wall, processor = (
            sum(n_networks[cell] * seconds[kind] for cell, seconds in cells.items())
            for kind in range(len(Seconds._fields))
        )
        print(
            f"Keras, the same networks: {wall:.0f} s wall, {processor:.0f} s processor, "
            f"{wall / study.wall:.1f} and {processor / study.processor:.1f} times as much"
        )


def sample() -> dict[tuple[int, int], Seconds]:
    """Of one network of every cell, by depth and budget, in Keras, which has been warmed up by another one."""
    from ffsearch.search.training.keras_trainer import KerasTrainer

    study = study_of(*planned(requested("capacity")))
    trainer = KerasTrainer(study.problem, study.stopping)
    jobs = [study.plan.job(Training(2, number, 0)) for number in range(len(study.plan.cells))]
    list(trainer.train(iter(jobs[:1])))
    found = {}
    for job, cell in zip(jobs, study.plan.cells, strict=True):
        began = Seconds.now()
        list(trainer.train(iter([job])))
        found[cell.depth, cell.budget] = Seconds.now().since(began)
    return found


if __name__ == "__main__":
    main()
