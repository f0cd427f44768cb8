"""What the scores of a run rest on: its rows, its objective, its seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ffsearch.search.base.objective import Objective
from ffsearch.search.data.problem import Problem
from ffsearch.search.evidence.scoring import naive_value
from ffsearch.search.network.heads import Head

__all__ = ["Setting"]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the scores of a run rest on.

    Args:
        problem: The rows, as matrices.
        objective: What is optimised or compared.
        seed: The run's seed.
    """

    problem: Problem
    objective: Objective
    seed: int

    @property
    def head(self) -> Head:
        """What is predicted."""
        return self.problem.head

    @cached_property
    def naive(self) -> float:
        """What an answer that ignores the features scores on the validation rows."""
        return naive_value(self.problem, self.objective)
