"""Which sampler and pruner find good networks soonest on real tables, in seconds of training.

    python benchmarks/samplers_on_training.py adult.csv:income letter.tsv:target [--seeds 20] [--rows 2000]
        [--arms tpe/asha tpe/none ...] [--pool 500] [--share 0.34] [--out FILE.jsonl]

Everything on the shipped space, and on the same rows, training and validation, whatever the seed.

First a pool of random networks is trained, each to its own end, and their learning curves are kept. Random search
without pruning of 100 trials is the control: a seed is an order of the pool. What is sought is the loss that the median
control ends with; the unit of time is what the control takes on average (seconds of a core, of all networks together,
so that how many train at a time does not matter). Random search with a pruner is replayed on those curves, epoch by
epoch, and goes on with more networks of the pool, as its time is what counts. Other samplers choose their own networks,
so these searches are made, until they have had a share of the control's time.

Told are how far the best loss is above the pool's best after a tenth, a third and all of the control's time, where the
median control after all its time is 1; and time and trials until what is sought. Medians and quartiles over seeds.
What is in the file of results is not made again.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.objective import Objective
from ffsearch.search.data.features.problem import Problem
from ffsearch.search.engines.asking import Judge
from ffsearch.search.engines.choose import make_engine
from ffsearch.search.engines.pruners import first_rung_for
from ffsearch.search.executors.population import PopulationTrainer
from ffsearch.search.folder.trial_record import Told
from ffsearch.search.network.topology import Point, n_params
from ffsearch.search.steps.inputs import read_inputs, requested
from ffsearch.search.steps.running_trials import RunningTrials
from ffsearch.search.training.protocol import Ended, Stopping
from ffsearch.search.training.stopping import stopping_for, updates_between
from ffsearch.spaces.sampling import CONCURRENCY
from ffsearch.spaces.schema import SearchSpace

CONTROL: Final = 100
"""Trials of the control."""

MOST: Final = 500
"""Trials of any search: a sampler that likes small networks has time for thousands."""

PRUNERS: Final = ("none", "asha", "hyperband", "median", "one_epoch")

AFTER: Final = (0.1, 1 / 3, 1.0)
"""Shares of the control's time after which losses are compared."""

POOL: Final = "pool"

POOL_SEED: Final = 0
"""The pool's; searches have the seeds after it."""

Trial = dict[str, Any]
"""Of a trial: `loss` (infinite where it was pruned or has none), `seconds`, and in the pool its `curve`."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table, split: the same for all searches."""

    space: SearchSpace
    problem: Problem
    stopping: Stopping

    @property
    def first_rung(self) -> int:
        """Epochs before a pruner judges."""
        return first_rung_for(updates_between(self.stopping, len(self.problem.splits[0].x_train)))


def opened(table: str, n_rows: int) -> Table:
    """Read a table, `FILE:TARGET`."""
    path, target = table.rsplit(":", 1)
    overrides = {"data.rows": n_rows, "evidence": "none"}
    inputs = read_inputs(requested("tabular", data=path, target=target, overrides=overrides))
    problem = inputs.prepared.problem()
    return Table(
        space=inputs.space, problem=problem, stopping=stopping_for(inputs.space.train, len(problem.splits[0].x_train))
    )


def searched(table: Table, arm: str, *, seed: int, n_trials: int, seconds: float = math.inf) -> list[Trial]:
    """A search as a run makes it, without the run: until it has had its trials or its seconds."""
    sampler, pruner = arm.split("/")
    settings = table.space.search.model_copy(update={"sampler": sampler, "pruner": pruner, "seed": seed})
    engine = make_engine(
        table.space.model_copy(update={"search": settings}),
        objective=Objective(name="loss", direction="minimize"),
        max_epochs=table.stopping.max_epochs,
        first_rung=table.first_rung,
        size=partial(n_params, n_features=table.problem.n_features, n_outputs=table.problem.head.n_outputs),
    )
    found: list[Trial] = []
    running: dict[int, float] = {}
    trials = RunningTrials(
        engine,
        n_trials=n_trials,
        n_folds=1,
        seed=seed,
        is_over=lambda: sum(one["seconds"] for one in found) + sum(running.values()) >= seconds,
        on_start=lambda job: None,  # noqa: ARG005  (the signature)
        on_epoch=lambda epoch: running.update({epoch.job.trial: epoch.train_s}),
    )
    worst = 0.0
    trainer = PopulationTrainer(table.problem, table.stopping)
    for trained in trainer.train(trials.jobs(), watch=trials.watch):
        outcome = trials.close(trained)
        assert outcome is not None
        curve = trained.curve.valid_loss.astype(float).tolist()
        lowest = min(curve, default=math.inf)
        worst = max(worst, lowest) if math.isfinite(lowest) else worst
        bad = trained.ended in (Ended.DIVERGED, Ended.FAILED)
        running.pop(trained.job.trial, None)
        engine.tell(
            Told(
                trial=trained.job.trial,
                point=outcome.proposal.point,
                value=2 * worst if bad else lowest,
                ended=trained.ended,
                valid_loss=tuple(curve),
            )
        )
        counts = not bad and trained.ended is not Ended.PRUNED
        found.append({"loss": lowest if counts else math.inf, "seconds": trained.train_s - trained.compile_s})
        if arm == "random/none":
            found[-1]["curve"] = curve
    return found


def replayed(
    pool: list[Trial], order: NDArray[np.int64], pruner: str, *, first_rung: int, seconds: float
) -> list[Trial]:
    """Random search with a pruner, on curves that are known; the networks in training share the time as in a run."""
    judge = Judge(pruner, first_rung=first_rung, max_epochs=max(len(one["curve"]) for one in pool))
    waiting = iter(order.tolist())
    found: list[Trial] = []
    running: list[tuple[float, int, int]] = []  # due, trial, epoch
    spent, number = 0.0, 0
    members: list[int] = []

    def begin(now: float) -> None:
        nonlocal number
        place = next(waiting, None)
        if place is not None:
            members.append(place)
            heappush(running, (now + an_epoch(pool[place]), number, 1))
            number += 1

    for _ in range(CONCURRENCY):
        begin(0.0)
    while running and spent < seconds:
        now, trial, epoch = heappop(running)
        one = pool[members[trial]]
        curve = one["curve"]
        spent += an_epoch(one)
        is_pruned = epoch <= len(curve) and judge.should_prune(trial, epoch=epoch, valid_loss=curve[epoch - 1])
        if epoch < len(curve) and not is_pruned:
            heappush(running, (now + an_epoch(one), trial, epoch + 1))
            continue
        pruned = is_pruned and epoch < len(curve)
        judge.note(
            Told(
                trial=trial,
                point=Point(depth=1, width=1),
                value=0.0,
                ended=Ended.PRUNED if pruned else Ended.STOPPED,
                valid_loss=tuple(curve[:epoch]),
            )
        )
        found.append({"loss": math.inf if pruned else one["loss"], "seconds": an_epoch(one) * epoch})
        begin(now)
    return found


def an_epoch(one: Trial) -> float:
    """Seconds of an epoch of a network of the pool."""
    return float(one["seconds"] / max(1, len(one["curve"])))


# --- what came of it -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Control:
    """Random search without pruning on a table.

    Args:
        best: The lowest loss of the pool.
        sought: What the median search ends with.
        seconds: What a search takes on average.
    """

    best: float
    sought: float
    seconds: float


def control_of(pool: list[Trial], orders: list[NDArray[np.int64]]) -> Control:
    """What the others are compared with."""
    losses, seconds = (np.array([one[key] for one in pool]) for key in ("loss", "seconds"))
    return Control(
        best=float(losses.min()),
        sought=float(np.median([losses[order[:CONTROL]].min() for order in orders])),
        seconds=CONTROL * float(seconds.mean()),
    )


def lowest_after(found: list[Trial], seconds: float) -> float:
    """The lowest loss among the trials that had ended when so much had been spent."""
    times = np.cumsum([one["seconds"] for one in found])
    return min((one["loss"] for one, at in zip(found, times, strict=True) if at <= seconds), default=math.inf)


def until(found: list[Trial], target: float) -> tuple[float, float]:
    """Trials and seconds of training until a loss is reached; infinite where it never is."""
    reached = [one["loss"] <= target for one in found]
    if not any(reached):
        return math.inf, math.inf
    first = reached.index(True)
    return first + 1.0, float(sum(one["seconds"] for one in found[: first + 1]))


def middle(values: list[float], digits: int) -> str:
    """Median and quartiles; between two values their mean, which is infinite where one of them is."""
    ordered, last = sorted(values), len(values) - 1
    low, half, high = (
        (ordered[math.floor(share * last)] + ordered[math.ceil(share * last)]) / 2 for share in (0.25, 0.5, 0.75)
    )
    return f"{half:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})".replace("inf", "never")


def line(table: str, arm: str, of_seeds: list[list[Trial]], control: Control, *, share: float) -> str:
    """A row of the report."""
    cells = [Path(table.rsplit(":", 1)[0]).name, arm, str(len(of_seeds))]
    for after in AFTER:
        if after > share:
            cells.append("")
            continue
        losses = [lowest_after(found, after * control.seconds) for found in of_seeds]
        cells.append(middle([(loss - control.best) / (control.sought - control.best) for loss in losses], 2))
    reached = [until(found, control.sought) for found in of_seeds]
    cells += [middle([s / control.seconds for _, s in reached], 2), middle([n for n, _ in reached], 0)]
    in_time = sum(s <= control.seconds / 3 for _, s in reached)
    return f"| {' | '.join([*cells, str(in_time)])} |"


HEADER: Final = (
    "| table | sampler/pruner | seeds | regret after a tenth | a third | all of the time | time to the control's best "
    "| trials to it | of the seeds in a third |\n|---|---|---|---|---|---|---|---|---|"
)


Made = Callable[[tuple[Any, ...], Callable[[], list[Trial]]], list[Trial]]
"""Gives what is in the file of results under a key, or makes it and writes it there."""


def rows(name: str, given: argparse.Namespace, made: Made) -> Iterator[str]:
    """The rows of a table, as they are known."""
    table = opened(name, given.rows)
    pool = made(
        (name, POOL, POOL_SEED, given.rows, given.pool),
        lambda: searched(table, "random/none", seed=POOL_SEED, n_trials=given.pool),
    )
    orders = [np.random.default_rng(seed).permutation(len(pool)) for seed in range(given.seeds)]
    control = control_of(pool, orders)
    for pruner in PRUNERS:
        of_seeds = [
            replayed(pool, order, pruner, first_rung=table.first_rung, seconds=control.seconds) for order in orders
        ]
        yield line(name, f"random/{pruner}", of_seeds, control, share=1.0)
    for arm in given.arms:
        of_seeds = [
            made(
                (name, arm, seed, given.rows, given.share),
                partial(searched, table, arm, seed=seed, n_trials=MOST, seconds=given.share * control.seconds),
            )
            for seed in range(POOL_SEED + 1, POOL_SEED + 1 + given.seeds)
        ]
        yield line(name, arm, of_seeds, control, share=given.share)


def main() -> None:
    """Make what is missing, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", metavar="FILE:TARGET")
    parser.add_argument("--arms", nargs="*", default=["tpe/asha"])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--pool", type=int, default=500)
    parser.add_argument("--share", type=float, default=0.34)
    parser.add_argument("--out", type=Path, default=Path("searches.jsonl"))
    given = parser.parse_args()
    lines = given.out.read_text(encoding="utf-8").splitlines() if given.out.exists() else []
    known = {tuple(one["key"]): one["trials"] for one in map(json.loads, lines)}

    def made(key: tuple[Any, ...], make: Callable[[], list[Trial]]) -> list[Trial]:
        if key not in known:
            known[key] = make()
            with given.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, "trials": known[key]}) + "\n")
        trials: list[Trial] = known[key]
        return trials

    print(HEADER)
    for name in given.tables:
        for row in rows(name, given, made):
            print(row, flush=True)


if __name__ == "__main__":
    main()
