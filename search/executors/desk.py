"""What a worker does, wherever it is: keeps recipes and lanes, and brings networks to the epoch they are wanted at."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from ffsearch.search.executors.protocol import Done, Losses, Recipe, Work
from ffsearch.search.training.lanes import Lane

__all__ = ["THREADS", "Desk"]

THREADS: Final = 3
"""Threads a network: for the epoch that is asked for, the one ahead, and that of a network that ended before."""


@dataclass(frozen=True, eq=False)
class _Seat:
    """The lane that holds a network, and the lock that whoever trains it holds."""

    lane: Lane
    training: Lock = field(default_factory=Lock)


class Desk:
    """The networks of one worker. Networks may be worked on in several threads, each in one at a time."""

    def __init__(self) -> None:
        self._recipes: dict[int, Recipe] = {}
        self._seats: dict[tuple[int, int], _Seat] = {}
        self._opening = Lock()

    def take(self, key: int, recipe: Recipe) -> None:
        """Keep a recipe under the name that `Work` has for it."""
        self._recipes[key] = recipe

    def forget(self, key: int) -> None:
        """Give up a recipe and its networks."""
        self._recipes.pop(key, None)
        for network in [network for network in list(self._seats) if network[0] == key]:
            self._seats.pop(network, None)

    def do(self, work: Work) -> Done:
        """Bring a network to its epoch; from the first one, where it is not known here."""
        if work.ends and self.has(work):  # nothing to train, and no need to wait for what is trained ahead
            return Done(trained=self._given_away(work).trained())
        seat = self._seat(work)
        lane = seat.lane
        with seat.training:
            try:
                while lane.n_epochs < work.epoch:
                    lane.train_epoch()
            except MemoryError:  # its size; anything else is our bug, and passes
                return Done(trained=self._given_away(work).trained(error=traceback.format_exc()))
            if work.ends:
                return Done(trained=self._given_away(work).trained())
            train_loss, valid_loss, penalty = lane.losses
            return Done(
                losses=Losses(train_loss=train_loss, valid_loss=valid_loss, penalty=penalty, train_s=lane.train_s)
            )

    def go_ahead(self, work: Work) -> None:
        """Train the epoch after a piece of work that is done, while its answer is on the way and the driver thinks.

        Most networks go on, and a core that waits for the driver's word is lost. Where the network ends instead, the
        epoch was for nothing, and nobody learns of it.
        """
        seat = self._seats.get((work.recipe, work.network))
        if seat is None or not work.may_go_ahead:
            return
        with seat.training:
            if seat.lane.n_epochs == work.epoch:
                seat.lane.train_ahead()

    def has(self, work: Work) -> bool:
        """Whether nothing has to be trained for it."""
        seat = self._seats.get((work.recipe, work.network))
        return seat is not None and seat.lane.n_epochs == work.epoch

    def _seat(self, work: Work) -> _Seat:
        with self._opening:  # rows are balanced once, not once a thread
            key = work.recipe, work.network
            if key not in self._seats:
                recipe = self._recipes[work.recipe]
                self._seats[key] = _Seat(Lane(work.job, recipe.tables, recipe.settings))
            return self._seats[key]

    def _given_away(self, work: Work) -> Lane:
        return self._seats.pop((work.recipe, work.network)).lane
