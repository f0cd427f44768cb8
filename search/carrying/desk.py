"""What a worker does, wherever it is: keeps recipes and lanes, and brings networks to the epoch they are wanted at."""

from __future__ import annotations

import traceback
from threading import Lock

from ffsearch.search.carrying.protocol import Done, Losses, Recipe, Work
from ffsearch.search.training.lanes import Lane

__all__ = ["Desk"]


class Desk:
    """The networks of one worker. Networks may be worked on in several threads, each in one at a time."""

    def __init__(self) -> None:
        self._recipes: dict[int, Recipe] = {}
        self._lanes: dict[tuple[int, int], Lane] = {}
        self._opening = Lock()

    def take(self, key: int, recipe: Recipe) -> None:
        """Keep a recipe under the name that `Work` has for it."""
        self._recipes[key] = recipe

    def forget(self, key: int) -> None:
        """Give up a recipe and its networks."""
        self._recipes.pop(key, None)
        for lane in [lane for lane in list(self._lanes) if lane[0] == key]:
            self._lanes.pop(lane, None)

    def do(self, work: Work) -> Done:
        """Bring a network to its epoch; from the first one, where it is not known here."""
        lane = self._lane(work)
        try:
            while lane.n_epochs < work.epoch:
                lane.train_epoch()
        except MemoryError:  # its size; anything else is our bug, and passes
            return Done(trained=self._given_away(work).trained(error=traceback.format_exc()))
        if work.ends:
            return Done(trained=self._given_away(work).trained())
        train_loss, valid_loss, penalty = lane.losses
        return Done(losses=Losses(train_loss=train_loss, valid_loss=valid_loss, penalty=penalty, train_s=lane.train_s))

    def has(self, work: Work) -> bool:
        """Whether nothing has to be trained for it."""
        lane = self._lanes.get((work.recipe, work.network))
        return lane is not None and lane.n_epochs == work.epoch

    def _lane(self, work: Work) -> Lane:
        with self._opening:  # rows are balanced once, not once a thread
            key = work.recipe, work.network
            if key not in self._lanes:
                recipe = self._recipes[work.recipe]
                self._lanes[key] = Lane(work.job, recipe.tables, recipe.settings)
            return self._lanes[key]

    def _given_away(self, work: Work) -> Lane:
        return self._lanes.pop((work.recipe, work.network))
