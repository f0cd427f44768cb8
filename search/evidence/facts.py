"""What a verdict rests on: how much better each model is than each other one, on rows that chose none of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.confidence import TWO_SIDED
from ffsearch.search.base.objective import Objective
from ffsearch.search.evidence.comparison import paired_over_rows
from ffsearch.search.evidence.terms import weighted_scores
from ffsearch.search.folder.results import Estimate

__all__ = ["RELEVANT", "Facts", "Smaller", "facts_of_rows"]

RELEVANT: Final = 0.05
"""Share of what the best model gains over the dummy that is worth having. choice: a twentieth of the whole gain."""


@dataclass(frozen=True, kw_only=True)
class Smaller:
    """The best finalist of fewer parameters than the winner.

    Args:
        topology: In one line of print.
        n_params: Its parameters.
        loss: How much worse than the winner it is, positive for worse, in the objective's unit.
    """

    topology: str
    n_params: int
    loss: Estimate


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that a verdict rests on. Differences are positive where the first one is better, in the objective's unit.

    Args:
        metric: Name of the objective.
        room: How far the dummy is from a perfect score.
        topology: The winner, in one line of print.
        n_params: Its parameters.
        n_rows: Rows the models were compared on.
        over_dummy: Gain over the dummy of `network`, `linear`, `boosting`, as far as there are: 95 % intervals that
            hold together.
        over_linear: Network over linear model; None without one.
        over_boosting: Network over boosting; None without it.
        boosting_over_linear: None without both.
        smaller: The best smaller finalist; None when there is none.
        chosen_again: Share of resampled choices that fell on the winner; None when there were no repeats.
        seed_share: Share of seeds in the variance of the network's score; None when it is not known.
        is_sealed: Whether they rest on rows that chose nothing.
    """

    metric: str
    room: float
    topology: str
    n_params: int
    n_rows: int
    over_dummy: Mapping[str, Estimate]
    over_linear: Estimate | None = None
    over_boosting: Estimate | None = None
    boosting_over_linear: Estimate | None = None
    smaller: Smaller | None = None
    chosen_again: float | None = None
    seed_share: float | None = None
    is_sealed: bool = True

    @property
    def over_baselines(self) -> dict[str, Estimate]:
        """The network over each baseline it was compared with, the dummy left out."""
        found = {"linear": self.over_linear, "boosting": self.over_boosting}
        return {name: gain for name, gain in found.items() if gain is not None}

    @property
    def shown(self) -> frozenset[str]:
        """The models that are shown to beat the dummy."""
        return frozenset(name for name, gain in self.over_dummy.items() if gain.low > 0)

    @property
    def margin(self) -> float:
        """The smallest difference worth having."""
        return RELEVANT * max([0.0, *(gain.value for gain in self.over_dummy.values())])


def facts_of_rows(
    objective: Objective,
    *,
    truth: NDArray[Any],
    terms: Mapping[str, NDArray[np.float32]],
    topology: str,
    n_params: int,
    rng: np.random.Generator,
    groups: NDArray[np.int64] | None = None,
    seed_sd: float | None = None,
    smaller: Smaller | None = None,
    chosen_again: float | None = None,
    n_rows: int | None = None,
    is_sealed: bool = True,
) -> Facts:
    """The facts of models that answered the same rows: the sealed test's, which chose none of them.

    Args:
        objective: What is compared.
        truth: Of these rows, as `row_terms` wants it.
        terms: Of every model, each of shape (n_rows, n_terms): `network` and `dummy`, and as far as there are `linear`
            and `boosting`.
        topology: The winner, in one line of print.
        n_params: Its parameters.
        rng: Where resamples of rows are drawn from.
        groups: Number of each row's group, shape (n_rows,), or None.
        seed_sd: Standard deviation of the network's true score from seed to seed: the verdict is about the topology,
            not about the luck of the one network that was refitted.
        smaller: The best smaller finalist.
        chosen_again: Share of resampled choices that fell on the winner.
        n_rows: How many different rows they are; None: each is there once.
        is_sealed: Whether these rows chose nothing.
    """
    places = {name: place for place, name in enumerate(terms)}
    stacked = np.stack(list(terms.values()))
    noise = [seed_sd or 0.0 if name == "network" else 0.0 for name in terms]

    def compared(
        pairs: Sequence[tuple[str, str]], n_together: int, seed_sds: Sequence[float] = noise
    ) -> list[Estimate]:
        return paired_over_rows(
            objective,
            truth=truth,
            terms=stacked,
            pairs=[(places[one], places[other]) for one, other in pairs],
            rng=rng,
            groups=groups,
            seed_sds=seed_sds,
            n_together=n_together,
        )

    others = [name for name in terms if name != "dummy"]
    over_dummy = compared([(name, "dummy") for name in others], len(others))
    pairs = [(one, other) for one, other in _CONTESTS if one in places and other in places]
    contests = dict(zip(pairs, compared(pairs, 1), strict=True))
    ones = np.ones((1, len(truth)), np.float32)
    dummy = float(weighted_scores(objective.name, truth=truth, terms=terms["dummy"][None], weights=ones).item())
    return Facts(
        metric=objective.name,
        room=dummy if objective.is_lower_better else 1 - dummy,
        topology=topology,
        n_params=n_params,
        n_rows=len(truth) if n_rows is None else n_rows,
        over_dummy=dict(zip(others, over_dummy, strict=True)),
        over_linear=contests.get(_CONTESTS[0]),
        over_boosting=contests.get(_CONTESTS[1]),
        boosting_over_linear=contests.get(_CONTESTS[2]),
        smaller=smaller,
        chosen_again=chosen_again,
        is_sealed=is_sealed,
        seed_share=_seed_share(seed_sd, compared([("network", "dummy")], 1, [0.0] * len(terms))[0]),
    )


_CONTESTS: Final = (("network", "linear"), ("network", "boosting"), ("boosting", "linear"))


def _seed_share(seed_sd: float | None, of_rows: Estimate) -> float | None:
    """Share of the variance that seeds bring, beside that of rows alone."""
    if seed_sd is None:
        return None
    row_sd = (of_rows.high - of_rows.low) / (2 * TWO_SIDED)
    return seed_sd**2 / (seed_sd**2 + row_sd**2) if seed_sd else 0.0
