"""The work of a search as it is known before the first trial, for whoever says how long it will take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ffsearch.search.data.features.images import ImageLayout
from ffsearch.search.evidence.columns import n_asked
from ffsearch.search.network.heads import Loss, Task
from ffsearch.search.observer import Workload
from ffsearch.search.steps.effort import baseline_seconds
from ffsearch.search.steps.refitting import n_networks_of
from ffsearch.search.steps.weighing import n_repeats_in_all
from ffsearch.spaces.schema import MAX_TRIALS

if TYPE_CHECKING:
    from ffsearch.search.evidence.scoring import Setting
    from ffsearch.search.steps.inputs import Inputs
    from ffsearch.search.training.protocol import Stopping
    from ffsearch.spaces.schema import SearchSpace

__all__ = ["score_of_loss", "search_workload"]

IN_TRUTH: Final = 0.5
"""What baselines take of what a budget keeps for them, which is twice what was measured (`effort`)."""

_POWERS: Final = {
    ("log_loss", Loss.BINARY_CROSSENTROPY): 1.0,
    ("log_loss", Loss.CATEGORICAL_CROSSENTROPY): 1.0,
    ("rmse", Loss.MSE): 0.5,
    ("mae", Loss.MAE): 1.0,
}
"""What a loss is to the power of, to be the objective on the standardised scale."""


def search_workload(
    inputs: Inputs[SearchSpace], setting: Setting, stopping: Stopping, *, n_trials: int | None
) -> Workload:
    """What a search is going to do.

    Args:
        inputs: What was asked for.
        setting: What scores rest on.
        stopping: When training ends.
        n_trials: Trials it shall have in the end; None: as many as there is time for.
    """
    wanted, problem, prepared = inputs.space.evidence, setting.problem, inputs.prepared
    n_finalists = min(wanted.finalists + 1, n_trials or MAX_TRIALS) if wanted.finalists else 0
    n_mean = (n_networks_of(inputs.space.model) - 1) * wanted.repeats if n_finalists else 0
    asks_columns = wanted.columns and len(prepared.splits.test) and not isinstance(prepared.layout, ImageLayout)
    n_columns = sum(column.used for column in prepared.columns)
    return Workload(
        n_train=inputs.n_train,
        batch_size=stopping.batch_size,
        patience=stopping.patience * stopping.evaluate_every,
        max_epochs=stopping.max_epochs * stopping.evaluate_every,
        n_folds=len(problem.splits),
        repeats=n_repeats_in_all(n_finalists, wanted.repeats) + n_mean,
        effect_repeats=None if wanted.effects == "auto" else wanted.effects,
        n_refits=n_networks_of(inputs.space.model),
        baselines_s=IN_TRUTH * baseline_seconds(problem, wanted.repeats) if wanted.baselines else 0.0,
        has_layers=bool(wanted.layers and len(prepared.splits.test)),
        n_asked=n_asked(len(prepared.splits.test), n_columns=n_columns) if asks_columns else 0,
    )


def score_of_loss(setting: Setting) -> tuple[float, float] | None:
    """Factor and power that make the objective of a validation loss, so that both can be shown in one unit."""
    head = setting.head
    power = _POWERS.get((setting.objective.name, head.loss))
    if power is None:
        return None
    scale = setting.problem.splits[0].target_scale
    is_scaled = head.task is Task.REGRESSION and head.n_outputs == 1 and scale is not None
    return (float(scale.scale[0]) if is_scaled and scale is not None else 1.0), power
