"""Time: a deadline that everything has to meet, and how much of it refit and report will need."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ffsearch.search.records import TrialRecord

__all__ = ["OVERHEAD_S", "REFIT_SAFETY", "Deadline", "Reserve"]

REFIT_SAFETY: Final = 1.5
"""choice: an epoch of the refit may be half as slow again as the trial's epochs were, when the machine got busier."""

OVERHEAD_S: Final = 15.0
"""choice: saving and checking the model, the sealed test, tables and report, on two busy cores."""


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
        overhead_s: Seconds for everything else.
    """

    n_train: int
    n_all: int
    safety: float = REFIT_SAFETY
    overhead_s: float = OVERHEAD_S

    def seconds(self, best: TrialRecord | None) -> float:
        """Seconds to keep back, given the trial that would be refitted now.

        The refit compiles once more, then trains to the best epoch alone, on more rows. Without a trial nothing would
        be refitted, and what is left is kept for the rest.
        """
        if best is None:
            return self.overhead_s
        share = best.best_epoch / best.n_epochs if best.n_epochs else 0.0
        epochs_s = (best.train_s - best.compile_s) * share * self.n_all / self.n_train
        return self.overhead_s + self.safety * (best.compile_s + epochs_s)
