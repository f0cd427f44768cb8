"""What was asked for: a space is loaded once, its table is read once, both are checked before anything is written.

space file, data, target, overrides -> Request -> Inputs
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from os import PathLike, fspath
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from ffsearch.errors import DataError, SpaceError
from ffsearch.search.base.memory import machine_memory
from ffsearch.search.base.objective import Objective
from ffsearch.search.data.files.controls import safe_name
from ffsearch.search.data.files.doors import DOOR_ENDINGS
from ffsearch.search.data.files.frames import as_pandas
from ffsearch.search.evidence.metrics import resolve_objective
from ffsearch.search.network.heads import Head, Loss, Output, check_pairing
from ffsearch.search.network.points import ways_asked
from ffsearch.search.training.costs import memory_for_lanes
from ffsearch.spaces.capacity import CapacitySpace
from ffsearch.spaces.loader import AnySpace, Loaded, as_search, load, space_name
from ffsearch.spaces.overrides import Override, Overrides, listed
from ffsearch.spaces.schema import MIN_ROWS, SearchSpace, TrainSpec
from ffsearch.spaces.writer import space_identity

if TYPE_CHECKING:
    import pandas as pd

    from ffsearch.search.data.prepare import Prepared

__all__ = ["FRAME", "Inputs", "Request", "read_inputs", "requested"]

FRAME: Final = "frame"
"""What the source of a table given as a pandas frame is called."""

MATRIX_SHARE: Final = 0.75
"""Share of the machine's memory that matrices may take. Choice: the rest is for the table, lanes and libraries."""

Space = TypeVar("Space", SearchSpace, CapacitySpace)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A space with everything that was put in place of its values; its table is not read yet.

    Args:
        space: The space.
        origin: What the space is called in errors.
        name: Name of the run.
        frame: The table, where it was given as a frame; None: it is where the space says.
    """

    space: AnySpace
    origin: str
    name: str
    frame: pd.DataFrame | None = None


@dataclass(frozen=True, kw_only=True)
class Inputs(Generic[Space]):
    """The space as resolved, the table as understood, and what follows from both.

    Args:
        space: The space, of one kind.
        prepared: The table.
        objective: What is optimised or compared.
        name: Name of the run.
    """

    space: Space
    prepared: Prepared
    objective: Objective
    name: str

    @property
    def identity(self) -> dict[str, str]:
        """What makes two runs the same: hashes of the space and of the table."""
        return {"space": space_identity(self.space), "data": self.prepared.table.sha256}

    @property
    def n_train(self) -> int:
        """Rows that a trial learns from, those of the first fold."""
        return len(self.prepared.splits.folds[0][0])


def requested(
    space: str | PathLike[str],
    *,
    data: str | PathLike[str] | pd.DataFrame | None = None,
    target: str | list[str] | None = None,
    overrides: Overrides = (),
) -> Request:
    """Load a space of any kind.

    Args:
        space: A space file, or the name of a shipped one.
        data: A file or a frame to use instead of the file's `data.source`; any frame that hands its columns to Arrow,
            such as those of Polars.
        target: The target column, or several, instead of the file's.
        overrides: Other values instead of the file's; data and target win over them.

    Raises:
        SpaceError: If the space cannot be used.
        DataError: If `data` is no table.
    """
    if isinstance(data, PathLike):
        data = fspath(data)
    frame = None if isinstance(data, str) or data is None else as_pandas(data)
    source = data if isinstance(data, str) or data is None else FRAME
    named = [Override("data.source", source, "data"), Override("data.target", target, "target")]
    loaded = load(space, [*listed(overrides), *(one for one in named if one.value is not None)])
    return Request(
        space=loaded.space,
        origin=str(space),
        name=_run_name(space_name(space), loaded),
        frame=frame,
    )


def read_inputs(request: Request) -> Inputs[SearchSpace]:
    """Read the table of a search, and check that space and table go together.

    Raises:
        SpaceError: If they do not, or the space is of another kind.
        DataError: If the table cannot be used.
    """
    from ffsearch.search.data.leaks import find_leaks
    from ffsearch.search.data.prepare import prepare
    from ffsearch.search.steps.cut_asked import asked_of
    from ffsearch.search.training.augment import check_augmentation

    space = as_search(request.space, name=request.origin)
    prepared = prepare(space.data, frame=request.frame, seed=space.search.seed, ways=ways_asked(space.parameters))
    _check_memory(prepared)
    leaks = find_leaks(prepared, seed=space.search.seed)
    prepared = prepared.thinned()
    prepared = replace(prepared, head=_with_loss(prepared.head, space.train), notices=(*prepared.notices, *leaks))
    check_augmentation(space.parameters, head=prepared.head, columns=prepared.layout.matrix_columns())
    objective = resolve_objective(space.search.objective, prepared.head)
    asked_of(space, prepared)  # refuses what does not fit
    return Inputs(space=space, prepared=prepared, objective=objective, name=request.name)


def _check_memory(prepared: Prepared) -> None:
    """Refuse matrices that are too large to be in memory side by side, before one is made.

    Raises:
        SpaceError: If a space asks for several ways to show numbers, and one of them alone would fit.
        DataError: If the table is too large.
    """
    ways, n_rows = prepared.n_features_of, len(prepared.development_rows) * len(prepared.splits.folds)
    n_bytes = 4 * n_rows * sum(ways.values())
    n_columns = sum(ways.values())
    told = f"matrices of {n_rows:,} rows x {n_columns:,} columns, {n_bytes / 1e9:.1f} GB"
    if len(ways) > 1 and n_bytes > memory_for_lanes():
        raise SpaceError(
            f"space.numbers: {', '.join(sorted(ways))} make {told}, and half of this machine's memory is "
            f"{memory_for_lanes() / 1e9:.1f} GB. Leave bins out, or lower data.number_bins, or take fewer rows with "
            "data.rows."
        )
    if n_bytes > MATRIX_SHARE * machine_memory():
        table = prepared.table
        memory = machine_memory()
        n_fitting = max(MIN_ROWS, int(MATRIX_SHARE * memory / n_bytes * table.n_rows))
        raise DataError(
            f"{table.source} becomes {told}, and this machine has {memory / 1e9:.1f} GB of memory. Take fewer rows "
            f"(data.rows={n_fitting} would fit), or leave columns out with data.drop, those of many levels first, for "
            "each level is a column of the matrix."
        )


def _run_name(of_space: str, loaded: Loaded) -> str:
    """The space's name, and the data's where the file's own was replaced: tabular, tabular-adult."""
    source = loaded.space.data.source
    if source == loaded.own_source:
        return of_space
    if source.startswith("control:"):
        return f"{of_space}-{safe_name(source.removeprefix('control:'))}"
    table = re.search(r"://.*[?&]table=([^&]+)", source)  # of a database
    last = table[1] if table else re.split(r"[:/\\]", source.partition("?query=")[0])[-1]
    stem = re.sub(rf"(\.(csv|tsv|txt|npz|gz|{'|'.join(end[1:] for end in DOOR_ENDINGS)}))+$", "", last, flags=re.I)
    safe = re.sub(r"[^\w.-]+", "_", stem)
    return f"{of_space}-{safe}"


def _with_loss(head: Head, train: TrainSpec) -> Head:
    """The head with the loss the space asks for.

    Raises:
        SpaceError: If output and loss do not belong to the task.
    """
    loss = None if train.loss == "auto" else Loss(train.loss)
    check_pairing(head.task, loss=loss, output=None if train.output == "auto" else Output(train.output))
    return head if loss is None else replace(head, loss=loss)
