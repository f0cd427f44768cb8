"""Time: a deadline that everything has to meet, and how much of it evidence, refit and report will need."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ffsearch.errors import RunError
from ffsearch.search.network.points import default_point
from ffsearch.search.network.topology import layer_sizes
from ffsearch.search.steps.effort import baseline_seconds
from ffsearch.search.training.costs import update_seconds
from ffsearch.search.training.stopping import updates_between
from ffsearch.search.wording.language import PLAIN

if TYPE_CHECKING:
    from ffsearch.search.data.features.problem import Problem
    from ffsearch.search.folder.trial_record import TrialRecord
    from ffsearch.search.steps.inputs import Inputs
    from ffsearch.search.training.protocol import Stopping
    from ffsearch.spaces.schema import EvidenceSpec, SearchSpace

__all__ = [
    "BASELINES_SHARE",
    "ENDING_S",
    "EVIDENCE_SHARE",
    "OVERHEAD_S",
    "REFIT_SAFETY",
    "Clock",
    "Deadline",
    "Reserve",
    "first_look_seconds",
    "kept_for_baselines",
]

REFIT_SAFETY: Final = 1.5
"""choice: an epoch of the refit may be half as slow again as the trial's epochs were, when the machine got busier."""

ENDING_S: Final = 8.0
"""choice: the sealed test, tables and report, on two busy cores."""

OVERHEAD_S: Final = 14.0 + ENDING_S
"""choice: loading TensorFlow (some 7), saving and checking the model, and the ending, on two busy cores."""

EVIDENCE_SHARE: Final = 0.35
"""Share of the budget that is kept for evidence at most; where that is too little, it is cut short.

choice: a search that is a third shorter loses little of its best score, evidence of a single repeat is none.
"""

BASELINES_SHARE: Final = 0.35
"""Share of the budget that is kept for baselines at most; those that do not fit into what is left are left out, and
said to be. choice: without it a minute on 40,000 rows would be theirs alone, and no network would be trained.
"""

USUAL_PARTNERS: Final = 10
"""Networks that effects train in a repeat: what the shipped space makes of most winners."""


def _n_networks(record: TrialRecord) -> int:
    """Networks that were trained for a trial: one a fold."""
    return max(1, len(record.notes.get("folds", ())))


def first_look_seconds(inputs: Inputs[SearchSpace], stopping: Stopping) -> float:
    """About the seconds until the first trial, the default point, is judged for the first time."""
    point = default_point(inputs.space.parameters)
    return updates_between(stopping, inputs.n_train) * update_seconds(
        layer_sizes(point), n_features=inputs.prepared.n_features_of[point.numbers], batch_size=stopping.batch_size
    )


def kept_for_baselines(needed_s: float, *, total_s: float | None) -> float:
    """Seconds to keep back for baselines that need so many.

    Args:
        needed_s: What all of them need.
        total_s: The budget; None: there is none.
    """
    return needed_s if total_s is None else min(needed_s, BASELINES_SHARE * total_s)


class Deadline:
    """Counts down from a moment.

    Args:
        total_s: Seconds that everything may take; None is no limit.
        began: The moment it counts from, by the same clock; by default now.
        clock: Seconds from any fixed moment; must not run backwards.
    """

    def __init__(
        self, total_s: float | None, *, began: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total_s = total_s
        self._clock = clock
        self._began = clock() if began is None else began

    def elapsed(self) -> float:
        """Seconds since that moment."""
        return self._clock() - self._began

    def left(self) -> float:
        """Seconds left, negative when it has passed, infinite without a limit."""
        return math.inf if self.total_s is None else self.total_s - self.elapsed()

    def over(self, reserve_s: float = 0.0) -> bool:
        """Whether no more than a reserve is left."""
        return self.left() <= reserve_s


@dataclass(frozen=True, kw_only=True)
class Reserve:
    """What must be left when the search stops, so that refit, test and report still meet the deadline.

    Args:
        n_train: Rows a trial is trained on.
        n_all: Rows the winner is refitted on.
        safety: Factor on the refit's time.
        n_refits: How often it is refitted.
        baselines_s: Seconds that fitting the baselines takes.
        overhead_s: Seconds for everything else.
    """

    n_train: int
    n_all: int
    n_refits: int = 1
    baselines_s: float = 0.0
    safety: float = REFIT_SAFETY
    overhead_s: float = OVERHEAD_S

    def seconds(self, best: TrialRecord | None) -> float:
        """Seconds to keep back, given the trial that would be refitted now.

        By Keras the refit compiles once more, then trains to the best epoch alone, on more rows; by a lane it takes
        less. Without a trial nothing would be refitted, and what is left is kept for the rest.
        """
        rest_s = self.overhead_s + self.baselines_s
        if best is None:
            return rest_s
        share = best.best_epoch / best.n_epochs if best.n_epochs else 0.0
        epochs_s = (best.train_s - best.compile_s) / _n_networks(best) * share * self.n_all / self.n_train
        return rest_s + self.safety * (best.compile_s + self.n_refits * epochs_s)


class Clock:
    """The time of a run: what it took, what is left, and what is kept back for the steps after the search.

    Args:
        deadline: When everything has to be done.
        problem: What trials learn from.
        n_all: Rows the winner is refitted on.
        evidence: What evidence is wanted.
        n_refits: How often the winner is refitted.
        earlier_s: Seconds that earlier starts took.
    """

    def __init__(
        self,
        deadline: Deadline,
        problem: Problem,
        *,
        n_all: int,
        evidence: EvidenceSpec,
        earlier_s: float,
        n_refits: int = 1,
    ) -> None:
        needed_s = baseline_seconds(problem, evidence.repeats) if evidence.baselines else 0.0
        self.deadline = deadline
        self.reserve = Reserve(
            n_train=len(problem.splits[0].x_train),
            n_all=n_all,
            n_refits=n_refits,
            baselines_s=kept_for_baselines(needed_s, total_s=deadline.total_s),
        )
        self._evidence, self._n_beside, self._earlier_s = evidence, n_refits - 1, earlier_s

    @property
    def wall_s(self) -> float:
        """Seconds the run took so far, over all its starts."""
        return self._earlier_s + self.deadline.elapsed()

    def check_begins(self, first_look_s: float) -> None:
        """Refuse a budget that ends before a network could be judged once, while nothing is trained yet.

        Args:
            first_look_s: About the seconds until then.

        Raises:
            RunError: If it does.
        """
        if self.deadline.total_s is None:
            return
        gone_s, rest_s = self.deadline.elapsed(), self.reserve.seconds(None)
        if self.deadline.over(rest_s + first_look_s):
            raise RunError(
                f"search.budget: {PLAIN.duration(self.deadline.total_s)} is too short for one trial: "
                f"{PLAIN.duration(gone_s)} went by until the table was read, and what follows the search (baselines, "
                f"refit, model, report) is given {PLAIN.duration(rest_s)}. Give "
                f"{PLAIN.duration(math.ceil(gone_s + rest_s + first_look_s))} or more, or leave out some of it with "
                "evidence.baselines."
            )

    def is_search_over(self, records: Sequence[TrialRecord], best: TrialRecord | None) -> bool:
        """Whether what is left of the budget is needed for evidence, refit, test and report; asked after every epoch.

        Args:
            records: All trials told.
            best: The one that would be refitted now.
        """
        if self.deadline.total_s is None:
            return False
        return self.deadline.over(self.reserve.seconds(best) + self._evidence_s(records, self.deadline.total_s))

    def _evidence_s(self, records: Sequence[TrialRecord], total_s: float) -> float:
        """Seconds to keep back for networks that are trained again, at the pace of the search so far."""
        wanted = self._evidence
        n_finalists = wanted.finalists + 1 if wanted.finalists else 0
        n_beside = self._n_beside if wanted.finalists else 0
        n_effects = 0 if wanted.effects == "auto" else USUAL_PARTNERS * wanted.effects
        n_networks = (n_finalists + n_beside) * wanted.repeats + n_effects
        times = sorted((record.train_s / _n_networks(record) for record in records), reverse=True)
        if not times or not n_networks:
            return 0.0
        longest = times[: max(1, n_finalists)]  # finalists are like the longest trained trials
        trained_s = sum(record.train_s for record in records)
        pace = self.wall_s / trained_s if trained_s else 1.0
        return min(EVIDENCE_SHARE * total_s, n_networks * sum(longest) / len(longest) * pace)
