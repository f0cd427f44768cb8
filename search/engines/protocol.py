"""What an engine answers: which points to try next, and whether a running one is worth finishing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ffsearch.search.folder.trial_record import Told
from ffsearch.search.network.topology import Point

__all__ = ["Engine", "Proposal"]


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A point to train, and the number of the trial it makes; numbers count from 0 without gaps."""

    trial: int
    point: Point


class Engine(Protocol):
    """Proposes points and learns from results. It neither trains nor writes files.

    Contract (tests/contracts/engines.py): trial 0 is the space's default point; the same seed and the same results give
    the same points; points lie inside the space; after `restore` the next point is the one it would have been without
    the interruption; a diverged trial neither stops the engine nor attracts it; seed 0 is a seed.
    """

    name: str

    def ask(self) -> Proposal | None:
        """The next point to try, or None when the space holds no more (a finished grid)."""
        ...

    def should_prune(self, trial: int, *, epoch: int, valid_loss: float) -> bool:
        """Whether a running trial should end here; asked once an epoch, in order, with finite losses."""
        ...

    def should_prune_folds(self, trial: int, losses: Mapping[int, float]) -> bool:
        """Whether a trial should end here; asked when one of its folds has ended, with the losses of those that did."""
        ...

    def tell(self, told: Told) -> None:
        """Take a result. A trial is told once."""
        ...

    def restore(self, history: Sequence[Told]) -> None:
        """Take all results of an interrupted run, before the first ask."""
        ...
