"""Which networks are worth their size: those that no smaller one does as well as, the Pareto front of a run.

value |  o                 o on the front, x not: a smaller network is as good
      |     o   x
      |        o      x
      +------------------- parameters
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ffsearch.search.folder.trial_record import WITHOUT_VALUE

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["pareto_front"]


def pareto_front(trials: pd.DataFrame, *, direction: str) -> pd.DataFrame:
    """The points that are not dominated: no other is as small and as good, and better in one of the two.

    A point tried several times counts by the mean of its values. DIFFERS from the best trial: pruned trials count too,
    with what they had reached, for small networks are behind early on and would be missing where they matter.

    Args:
        trials: A row a trial, as `trials_frame` gives them.
        direction: `minimize` or `maximize`, of the values.

    Returns:
        A row a point, the smallest first: trial (its first with a value), n_params, value, n_seeds, topology, ended.
    """
    known = trials[trials["value"].notna() & ~trials["ended"].isin([str(end) for end in WITHOUT_VALUE])]
    known = known.sort_values("trial")
    groups = known.groupby(known["repeat_of"].fillna(known["trial"]), sort=True)
    points = groups.agg(
        trial=("trial", "first"),
        n_params=("n_params", "first"),
        value=("value", "mean"),
        n_seeds=("value", "size"),
        topology=("topology", "first"),
        ended=("ended", "first"),
    )
    minimize = direction != "maximize"
    points = points.sort_values(["n_params", "value", "trial"], ascending=[True, minimize, True])
    losses = points["value"] if minimize else -points["value"]
    return points[losses < losses.cummin().shift(fill_value=float("inf"))].reset_index(drop=True)
