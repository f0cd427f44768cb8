"""The rows that networks of a study learn from: all of them, or a share, each with a trainer of its own.

Networks of every share make the same number of updates. A pass over fewer rows has fewer of them, and a trainer counts
in passes, so each share has its own trainer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from ffsearch.search.data.features.problem import Problem
from ffsearch.search.network import defaults
from ffsearch.search.training.protocol import Stopping, Trainer

if TYPE_CHECKING:
    from ffsearch.search.capacity.plan import Plan
    from ffsearch.search.data.prepare import Prepared
    from ffsearch.search.executors.protocol import Executor
    from ffsearch.search.executors.trainers import Trainers
    from ffsearch.spaces.capacity import CapacitySpec

__all__ = ["ShareRows", "rows_of_shares"]

N_LOOKS: Final = 50
"""Times a network is evaluated while it trains, about. choice: its best moment is then known to 2 % of the updates."""


@dataclass(frozen=True, kw_only=True)
class ShareRows:
    """What one share of the training rows is to a study.

    Args:
        share: The share.
        problem: The matrices; split i is that of seed i.
        stopping: When a network's training ends: after the same number of updates for all.
        trainers: Make what trains on them.
    """

    share: float
    problem: Problem
    stopping: Stopping
    trainers: Trainers

    @cached_property
    def trainer(self) -> Trainer:
        """Trains as long as the space asks for."""
        return self.trainers.make(self.problem)

    def longer_trainer(self, times: int) -> Trainer:
        """Trains so many times as long, with as many looks."""
        return self.trainers.make(self.problem, n_passes=times)

    @property
    def n_train(self) -> int:
        """Training rows of a network; seeds may differ by a few where groups stay together."""
        return max(len(split.x_train) for split in self.problem.splits)


def rows_of_shares(
    plan: Plan, prepared: Prepared, spec: CapacitySpec, *, executor: Executor | None = None
) -> tuple[ShareRows, ...]:
    """Matrices and trainers of all shares; validation and test rows are the same for all.

    Args:
        plan: What is trained.
        prepared: The table.
        spec: The `capacity:` section, settled.
        executor: What trains lanes; None for threads of this process.
    """
    from ffsearch.search.executors.trainers import Trainers

    problems = [prepared.repeats(range(plan.n_seeds), share=share) for share in plan.shares]
    wanted = spec.batch_size
    if wanted == "auto":
        wanted = defaults.batch_size_for(max(len(split.x_train) for split in problems[-1].splits))
    found = []
    for share, problem in zip(plan.shares, problems, strict=True):
        stopping = _stopping(spec, problem, wanted)
        trainers = Trainers(
            kind="auto", stopping=stopping, optimizer=spec.optimizer, momentum=defaults.SGD_MOMENTUM, executor=executor
        )
        found.append(ShareRows(share=share, problem=problem, stopping=stopping, trainers=trainers))
    return tuple(found)


def _stopping(spec: CapacitySpec, problem: Problem, wanted: int) -> Stopping:
    """So many looks that they make the updates the space asks for, at least; nobody is stopped before."""
    from ffsearch.search.training.batches import batches_per_epoch

    assert spec.updates is not None
    n_train = [len(split.x_train) for split in problem.splits]
    batch_size = min(wanted, max(n_train))
    n_passes = -(-spec.updates // min(batches_per_epoch(n, batch_size=batch_size) for n in n_train))
    evaluate_every = max(1, round(n_passes / N_LOOKS))
    n_looks = -(-n_passes // evaluate_every)
    return Stopping(
        max_epochs=n_looks, patience=n_looks, min_delta=0.0, batch_size=batch_size, evaluate_every=evaluate_every,
        averaged=False,
    )  # fmt: skip
