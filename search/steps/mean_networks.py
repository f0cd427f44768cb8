"""What a mean of several networks answers to rows that none of them has learnt from.

    winner, its repeats -> the same repeats with further seeds -> in every repeat the mean of what all answered

A threshold, and how far one answer may be off, are those of whoever answers. The mean of several networks is surer than
one of them and errs by less, so what single networks teach would cut it at the wrong place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ffsearch.search.evidence.predictions import RepeatPredictions
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.network.heads import mean_logits
from ffsearch.search.steps.repeats import Repeater, Round
from ffsearch.spaces.schema import MAX_TRIALS

__all__ = ["answered_by_mean"]

FIRST_BESIDE: Final = 4 * MAX_TRIALS
"""Number of the first further network of a repeat: beyond all others."""


def answered_by_mean(
    repeater: Repeater, found: Round, winner: TrialRecord, *, n_networks: int, n_epochs: int
) -> Round | None:
    """The winner's repeats, in which under its number stands what the mean of its networks answered.

    Args:
        repeater: Trains the further networks.
        found: The finalists' repeats.
        winner: The trial whose point is refitted.
        n_networks: Networks of the saved model, the winner's own of each repeat among them.
        n_epochs: About how long each is trained.

    Returns:
        Of the repeats that time was enough for; None where there are none.
    """
    numbers = [FIRST_BESIDE + place for place in range(n_networks - 1)]
    beside = repeater.train(
        [(number, winner.point) for number in numbers],
        found.repeats,
        usual=dict.fromkeys(numbers, n_epochs),
        winner=winner,
    )
    predictions = tuple(_means(beside, winner.trial, numbers))
    return (
        None
        if not predictions
        else replace(
            found,
            points=(winner.trial,),
            repeats=beside.repeats,
            records={(winner.trial, repeat): found.records[winner.trial, repeat] for repeat in beside.repeats},
            predictions=predictions,
            is_cut=beside.is_cut,
        )
    )


def _means(beside: Round, winner: int, numbers: list[int]) -> Iterator[RepeatPredictions]:
    """Every repeat with the mean alone; networks that diverged have no part in it."""
    for one in beside.predictions:
        outputs = [one.outputs[number] for number in (winner, *numbers) if number in one.outputs]
        yield replace(one, outputs={winner: mean_logits(one.head, outputs)})
