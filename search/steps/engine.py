"""The engine of a search, made once: what it refuses is refused before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from ffsearch.search.engines.protocol import Engine
from ffsearch.search.steps.inputs import Inputs, stopping_for
from ffsearch.search.training.protocol import Stopping
from ffsearch.spaces.schema import SearchSpace

if TYPE_CHECKING:
    from ffsearch.search.engines.shared_study import SharedStudy

__all__ = ["engine_for", "first_rung_of"]


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

    stopping = stopping_for(inputs.space, inputs.n_train)
    name = "-".join([inputs.name, *(digest[:12] for digest in inputs.identity.values())])
    with ExitStack() as opened:

        def shared(url: str) -> SharedStudy:
            from ffsearch.search.engines.shared_study import SharedStudy

            return opened.enter_context(SharedStudy(url, name=name, objective=inputs.objective))

        yield make_engine(
            inputs.space,
            objective=inputs.objective,
            max_epochs=stopping.max_epochs,
            first_rung=first_rung_of(inputs.n_train, stopping),
            n_features=inputs.prepared.n_features,
            n_outputs=inputs.prepared.head.n_outputs,
            shared=None if storage is None else lambda: shared(storage),
        )


def first_rung_of(n_train: int, stopping: Stopping) -> int:
    """Epochs before a pruner judges a trial."""
    from ffsearch.search.engines.pruners import first_rung_for
    from ffsearch.search.training.batches import batches_per_epoch

    return first_rung_for(batches_per_epoch(n_train, batch_size=stopping.batch_size))
