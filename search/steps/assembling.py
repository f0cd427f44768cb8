"""What a search needs before its first trial, made of what was asked for: engine, trainers, the copy for dashboards.

The engine comes first and is made once: what it refuses is refused before anything is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from ffsearch.search.engines.protocol import Engine
from ffsearch.search.evidence.predictions import SearchPredictions
from ffsearch.search.evidence.scoring import Setting
from ffsearch.search.executors.trainers import Trainers
from ffsearch.search.folder.reader import STUDY
from ffsearch.search.folder.writer import RunFolder
from ffsearch.search.network.topology import Numbers, Point, n_params
from ffsearch.search.steps.inputs import Inputs
from ffsearch.search.training.protocol import Stopping
from ffsearch.search.training.stopping import stopping_for, updates_between
from ffsearch.spaces.schema import SearchSpace

if TYPE_CHECKING:
    from ffsearch.search.engines.optuna_copy import OptunaCopy
    from ffsearch.search.engines.shared_study import SharedStudy
    from ffsearch.search.executors.protocol import Executor

__all__ = ["copy_of", "engine_for", "predictions_of", "setting_of", "trainers_of"]


@contextmanager
def engine_for(inputs: Inputs[SearchSpace], *, storage: str | None = None) -> Iterator[Engine]:
    """The engine that a space asks for, nothing told yet.

    Args:
        inputs: What was asked for.
        storage: Address of the database in which all drivers of the same space and table share a study; it is opened
            when all else is checked. None: the search is this process's alone.

    Raises:
        SpaceError: If it cannot search this space on this table, or not with others.
        RunError: If the run to start from cannot be read, or the database cannot be used.
    """
    from ffsearch.search.engines.choose import make_engine

    name = "-".join([inputs.name, *(digest[:12] for digest in inputs.identity.values())])
    with ExitStack() as opened:

        def shared(url: str) -> SharedStudy:
            from ffsearch.search.engines.shared_study import SharedStudy

            return opened.enter_context(SharedStudy(url, name=name, objective=inputs.objective))

        yield make_engine(
            inputs.space,
            objective=inputs.objective,
            max_epochs=_stopping(inputs).max_epochs,
            first_rung=_first_rung(inputs),
            size=partial(_size, inputs.prepared.n_features_of, n_outputs=inputs.prepared.head.n_outputs),
            shared=None if storage is None else lambda: shared(storage),
        )


def setting_of(inputs: Inputs[SearchSpace]) -> Setting:
    """What scores of a search rest on; the matrices are made."""
    return Setting(problem=inputs.prepared.problem(), objective=inputs.objective, seed=inputs.space.search.seed)


def trainers_of(inputs: Inputs[SearchSpace], *, executor: Executor | None = None) -> Trainers:
    """Trainers that train as the space says, in threads of this process or by an executor."""
    train, search = inputs.space.train, inputs.space.search
    return Trainers(
        kind=train.trainer, stopping=_stopping(inputs), optimizer=train.optimizer,
        momentum=train.momentum, n_lanes=search.concurrency, executor=executor,
    )  # fmt: skip


def copy_of(inputs: Inputs[SearchSpace], folder: RunFolder) -> OptunaCopy:
    """The copy of the trials that dashboards read, brought up to date."""
    from ffsearch.search.engines.optuna_copy import OptunaCopy

    return OptunaCopy(
        folder.path / STUDY, name=inputs.name, objective=inputs.objective, parameters=inputs.space.parameters,
        first_rung=_first_rung(inputs), records=folder.records,
    )  # fmt: skip


def predictions_of(inputs: Inputs[SearchSpace], setting: Setting, folder: RunFolder) -> SearchPredictions | None:
    """Where it is kept what trials answer on their validation rows; None where no evidence is wanted."""
    if not inputs.space.evidence.finalists:
        return None
    rows = [valid for _, valid in inputs.prepared.splits.folds]
    guide = inputs.prepared.dealt.guide
    return SearchPredictions(folder.path, setting.problem, setting.objective, rows=rows, guide=guide, seed=setting.seed)


def _size(n_features: Mapping[Numbers, int], point: Point, *, n_outputs: int) -> int:
    """Parameters of a point's network."""
    return n_params(point, n_features=n_features[point.numbers], n_outputs=n_outputs)


def _first_rung(inputs: Inputs[SearchSpace]) -> int:
    """Evaluations before a pruner judges a trial."""
    from ffsearch.search.engines.pruners import first_rung_for

    return first_rung_for(updates_between(_stopping(inputs), inputs.n_train), n_folds=len(inputs.prepared.splits.folds))


def _stopping(inputs: Inputs[SearchSpace]) -> Stopping:
    """When the training of a network ends."""
    return stopping_for(inputs.space.train, inputs.n_train)
