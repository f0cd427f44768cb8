"""Which networks are worth their size: those that no smaller one does as well as, the Pareto front of a run.

value |  o                 o on the front, x not: a smaller network is as good
      |     o   x
      |        o      x
      +------------------- parameters
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ffsearch.search.base.objective import Objective
from ffsearch.search.folder.trial_record import scores

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["pareto_front"]


def pareto_front(trials: pd.DataFrame, *, objective: Objective) -> pd.DataFrame:
    """The points that are not dominated: no other is as small and as good, and better in one of the two.

    A point tried several times counts by the mean of its values. DIFFERS from the best trial: pruned trials count too,
    with what they had reached, for small networks are behind early on and would be missing where they matter.

    Args:
        trials: A row a trial, as `trials_frame` gives them.
        objective: What the values are.

    Returns:
        A row a point, the smallest first: trial (its first with a value), n_params, value, n_seeds, topology, ended.
    """
    known = trials[scores(trials).notna()].sort_values("trial")
    groups = known.groupby(known["repeat_of"].fillna(known["trial"]), sort=True)
    points = groups.agg(
        trial=("trial", "first"),
        n_params=("n_params", "first"),
        value=("value", "mean"),
        n_seeds=("value", "size"),
        topology=("topology", "first"),
        ended=("ended", "first"),
    )
    points = points.sort_values(["n_params", "value", "trial"], ascending=[True, objective.is_lower_better, True])
    losses = objective.sign * points["value"]
    return points[losses < losses.cummin().shift(fill_value=float("inf"))].reset_index(drop=True)
