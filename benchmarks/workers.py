"""What processes cost: a search's networks in threads of this process and in workers, in turn.

    python benchmarks/workers.py adult.csv:income [--rows 4000] [--trials 24] [--workers 1 2] [--rounds 5]

Random networks of the shipped space, none pruned, the same in every round; workers have started before. Told are
seconds of the clock for each, and the median of what workers take in terms of the threads' time before and after them.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from statistics import mean, median

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from ffsearch.search.data.features.problem import Problem
from ffsearch.search.engines.optuna_engine import OptunaEngine
from ffsearch.search.executors.population import PopulationTrainer
from ffsearch.search.executors.processes import ProcessExecutor
from ffsearch.search.executors.protocol import Executor
from ffsearch.search.steps.inputs import Inputs, read_inputs, requested
from ffsearch.search.steps.running_trials import trial_job
from ffsearch.search.training.protocol import Job, Stopping
from ffsearch.search.training.stopping import stopping_for
from ffsearch.spaces.schema import SearchSpace


def jobs_of(inputs: Inputs[SearchSpace], n_trials: int) -> list[Job]:
    """Random networks."""
    engine = OptunaEngine(inputs.space.parameters, sampler="random", pruner="none", seed=0, objective=inputs.objective)
    proposals = [engine.ask() for _ in range(n_trials)]
    return [trial_job(each.trial, each.point, 0, seed=0) for each in proposals if each is not None]


def seconds(problem: Problem, stopping: Stopping, jobs: list[Job], executor: Executor | None) -> float:
    """Of the clock, for all networks."""
    began = time.perf_counter()
    for _ in PopulationTrainer(problem, stopping, executor=executor).train(iter(jobs)):
        pass
    return time.perf_counter() - began


def main() -> None:
    """Print a line a round, then the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", metavar="FILE:TARGET")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    path, target = given.table.rsplit(":", 1)
    inputs = read_inputs(requested("tabular", data=path, target=target, overrides={"data.rows": given.rows}))
    problem = inputs.prepared.problem()
    stopping = stopping_for(inputs.space.train, len(problem.splits[0].x_train))
    jobs = jobs_of(inputs, given.trials)
    with tempfile.TemporaryDirectory() as folder:
        executors = {
            n: ProcessExecutor(n, folder=Path(folder, str(n)), notify=lambda text: print(text, flush=True))
            for n in given.workers
        }
        try:
            for executor in (None, *executors.values()):  # programs loaded, pages read
                seconds(problem, stopping, jobs[:4], executor)
            threads, shares = [seconds(problem, stopping, jobs, None)], dict[int, list[float]]()
            for _ in range(given.rounds):
                taken = {n: seconds(problem, stopping, jobs, executor) for n, executor in executors.items()}
                threads.append(seconds(problem, stopping, jobs, None))
                for n, workers_s in taken.items():
                    shares.setdefault(n, []).append(workers_s / mean(threads[-2:]))
                told = ", ".join(f"{n} workers {workers_s:.1f} s" for n, workers_s in taken.items())
                print(f"threads {threads[-2]:.1f} s, {told}, threads {threads[-1]:.1f} s", flush=True)
        finally:
            for each in executors.values():
                each.close()
    for n, of_rounds in shares.items():
        low, high = min(of_rounds), max(of_rounds)
        print(f"{n} workers take {median(of_rounds):.3f} of the threads' time ({low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()
