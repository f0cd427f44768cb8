"""KerasTuner's Hyperband oracle, told to begin no shorter than a pruner would, and rebuilt from what was told.

    bracket 2:  18 trials of 23 epochs  ->  the best 6 of 67  ->  the best 2 of 200
    bracket 1:                              9 trials of 67    ->  the best 3 of 200        (200 epochs, 23 at first)
    bracket 0:                                                    6 trials of 200          and again from the top

A trial that goes on to the next round is a trial of its own, with the same point and fresh weights: no trainer of ours
holds the weights of networks that may or may not go on. Its epochs grow threefold, so training again from the start
costs at most half as much again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras_tuner

from ffsearch.search.engines.pruners import REDUCTION

__all__ = ["Rounds"]


class Rounds(keras_tuner.oracles.HyperbandOracle):  # type: ignore[misc]  # KerasTuner publishes no types
    """The oracle, endless.

    Args:
        hyperparameters: The space.
        objective: What trials are scored by.
        max_epochs: Epochs of the last round.
        first_epochs: Epochs of the shortest first round, at least.
        seed: Any but 0, which KerasTuner takes for none; every draw has its own (`reseed`).
    """

    def __init__(
        self,
        hyperparameters: keras_tuner.HyperParameters,
        *,
        objective: keras_tuner.Objective,
        max_epochs: int,
        first_epochs: int,
        seed: int,
    ) -> None:
        self._first_epochs = first_epochs
        super().__init__(
            objective=objective,
            max_epochs=max_epochs,
            factor=REDUCTION,
            hyperband_iterations=None,
            seed=seed,
            hyperparameters=hyperparameters,
        )

    def _get_num_brackets(self) -> int:
        """As many as there are first rounds that are long enough; KerasTuner's own go down to a single epoch."""
        n_brackets = 1
        while self.max_epochs / self.factor**n_brackets >= self._first_epochs:
            n_brackets += 1
        return n_brackets

    def reseed(self, seed: int) -> None:
        """Draw the next point from this seed, whatever was drawn before."""
        self._seed_state = seed

    def first_bracket(self) -> list[tuple[int, int]]:
        """Trials and epochs of each round of the first bracket."""
        top: int = self._get_num_brackets() - 1
        return [(self._get_size(top, number), self._get_epochs(top, number)) for number in range(top + 1)]

    def place(self, trial_id: str, values: Mapping[str, Any]) -> int:
        """Enter a trial that was drawn before an interruption where it was then.

        A first round that is not full takes every trial; after that a point that was tried in one round and not yet in
        the next has gone on to that.

        Returns:
            The epochs it was given.
        """
        self._remove_completed_brackets()
        for bracket in self._brackets:
            number, rounds = bracket["bracket_num"], bracket["rounds"]
            if len(rounds[0]) < self._get_size(number, round_num=0):
                return self._enter(bracket, trial_id)
            for later in range(1, len(rounds)):
                gone_on = {entry["past_id"] for entry in rounds[later]}
                for entry in rounds[later - 1]:
                    if entry["id"] not in gone_on and self._is_of(entry["id"], values):
                        rounds[later].append({"past_id": entry["id"], "id": trial_id})
                        return int(self._get_epochs(number, later))
        self._increment_bracket_num()
        self._start_new_bracket()
        return self._enter(self._brackets[-1], trial_id)

    def _enter(self, bracket: dict[str, Any], trial_id: str) -> int:
        bracket["rounds"][0].append({"past_id": None, "id": trial_id})
        return int(self._get_epochs(bracket["bracket_num"], 0))

    def _is_of(self, trial_id: str, values: Mapping[str, Any]) -> bool:
        tried = self.trials[trial_id].hyperparameters.values
        return all(tried[name] == value for name, value in values.items())
