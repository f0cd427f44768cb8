"""What the least useful columns cost or bring: the winner trained again without them, beside itself.

Which they are, the sealed rows said; so what they are worth is asked of other rows, those of the repeats in which the
winner meets networks that differ from it in one thing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from zlib import crc32

from ffsearch.search.evidence.effects import weigh_beside
from ffsearch.search.folder.results import ColumnFacts
from ffsearch.search.observer import Phase
from ffsearch.search.steps.changes import EFFECT_REPEATS
from ffsearch.search.steps.repeats import Repeater
from ffsearch.search.steps.weighing import Weighed
from ffsearch.spaces.schema import MAX_TRIALS

__all__ = ["weigh_least"]

FIRST_WITHOUT: Final = 5 * MAX_TRIALS
"""Number of the winner without some columns: beyond all others, and another for other columns."""


def weigh_least(columns: ColumnFacts | None, weighed: Weighed, repeater: Repeater) -> ColumnFacts | None:
    """The same with what the winner is worth without the least useful third of the columns.

    Args:
        columns: What is known of them; None: nothing was asked.
        weighed: The winner, and the repeats it met its partners in; where there are none, nothing is trained here.
        repeater: Trains it again.
    """
    met, winner = weighed.meeting, weighed.winner
    if columns is None or not columns.least or met is None or len(met.repeats) < EFFECT_REPEATS:
        return columns
    repeater.observer.phase(Phase.FEWER, n_networks=len(met.repeats))
    number = FIRST_WITHOUT + crc32("\n".join(columns.least).encode()) % MAX_TRIALS
    found = replace(repeater, prepared=repeater.prepared.without(columns.least)).train(
        [(number, winner.point)], met.repeats, usual={number: weighed.steps.epochs}, winner=winner
    )
    if found.repeats != met.repeats:
        return columns
    gain = weigh_beside(
        met.scores([winner.trial])[0],
        found.scores([number])[0],
        met.scores([one for one in met.points if one != winner.trial]),
        objective=repeater.setting.objective,
        test_to_train=met.test_to_train,
    )
    return replace(columns, without_least=gain) if gain.is_known else columns
