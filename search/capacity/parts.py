"""What the steps of a capacity study share, and how it comes to be: read, check whole, plan, open the folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Final

from ffsearch.errors import DataError, SpaceError
from ffsearch.search.base.objective import Objective
from ffsearch.search.capacity.networks import NetworkStore
from ffsearch.search.capacity.plan import Plan, Training, make_plan
from ffsearch.search.capacity.rows import ShareRows, rows_of_shares
from ffsearch.search.data.images import ImageLayout
from ffsearch.search.evidence.metrics import resolve_objective
from ffsearch.search.evidence.scoring import naive_value
from ffsearch.search.executors.choose import Carriage, carried
from ffsearch.search.folder.reader import SPLITS, StoredRun
from ffsearch.search.folder.summary import RunFacts, SearchFacts
from ffsearch.search.folder.writer import RunFolder
from ffsearch.search.observer import Observer
from ffsearch.search.steps.parts import RUNS, all_overrides, facts_of, run_name
from ffsearch.search.training.protocol import Stopping
from ffsearch.spaces.capacity import CapacitySpace, CapacitySpec
from ffsearch.spaces.loader import load_any
from ffsearch.spaces.overrides import Overrides
from ffsearch.spaces.sampling import CONCURRENCY
from ffsearch.spaces.writer import space_identity, space_to_yaml

if TYPE_CHECKING:
    import pandas as pd

    from ffsearch.search.data.prepare import Prepared
    from ffsearch.search.data.problem import Problem

__all__ = ["Study", "assembled"]

MIN_SIDE: Final = 8
"""Fewest pixels a side of an image for convolutional networks, whose three stages halve it."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """All that the steps of a study share.

    Args:
        space: As resolved.
        name: Of the run.
        prepared: The table as understood.
        objective: What is compared.
        naive: Objective of an answer that ignores the features, on validation rows.
        plan: What is trained.
        rows: What networks learn from, a share of the training rows each, in ascending order.
        folder: The run folder, open.
        networks: Weights, kept until the test rows are opened.
        observer: Told of everything.
        began: When this process started, by the monotonic clock.
    """

    space: CapacitySpace
    name: str
    prepared: Prepared
    objective: Objective
    naive: float
    plan: Plan
    rows: tuple[ShareRows, ...]
    folder: RunFolder
    networks: NetworkStore
    observer: Observer
    began: float

    @property
    def problem(self) -> Problem:
        """The matrices of the largest share, which the verdict is about."""
        return self.rows[-1].problem

    @property
    def stopping(self) -> Stopping:
        """When a network's training ends, of the largest share."""
        return self.rows[-1].stopping

    @property
    def is_done(self) -> bool:
        """Whether an earlier start came to its end."""
        return StoredRun(self.folder.path).is_finished

    @property
    def values(self) -> dict[Training, float | None]:
        """Validation scores of all trainings that ended, turned so that lower is better; None: it diverged."""
        sign = self.objective.sign
        return {
            self.plan.training(record.trial): None if record.value is None else sign * record.value
            for record in self.folder.records
        }

    @property
    def wall_s(self) -> float:
        """Seconds it took so far, over all starts."""
        return self.folder.earlier_s + time.monotonic() - self.began

    def facts(self) -> RunFacts:
        """What is known before the first training."""
        return facts_of(
            self.prepared,
            self.problem,
            kind=self.space.kind,
            name=self.name,
            objective=self.objective,
            search=SearchFacts(
                engine="capacity",
                sampler="grid",
                pruner="none",
                trainer=self.rows[-1].trainer.name,
                seed=self.plan.seed,
            ),
        )


@contextmanager
def assembled(
    space: str | PathLike[str],
    *,
    data: str | pd.DataFrame | None,
    target: str | list[str] | None,
    overrides: Overrides,
    out: str | PathLike[str] | None,
    fresh: bool,
    observer: Observer,
    carriage: Carriage,
) -> Iterator[Study]:
    """Read space and table, check them whole, plan, and open the run folder."""
    from ffsearch.search.data.prepare import prepare

    began = time.monotonic()
    loaded = load_any(space, all_overrides(overrides, data=data, target=target))
    assert isinstance(loaded, CapacitySpace)
    spec = loaded.capacity
    carriage.check(trainer="auto")
    _check_carriage(carriage, spec)
    with carried(carriage, concurrency=CONCURRENCY, observer=observer) as carrier_in:
        prepared = prepare(loaded.data, frame=None if isinstance(data, str) else data, seed=spec.seed)
        image = _image_of(prepared, spec)
        plan = make_plan(spec, n_features=prepared.n_features, n_outputs=prepared.head.n_outputs, image=image)
        _check(plan)
        objective = resolve_objective(spec.objective, prepared.head, key="capacity.objective")
        name = run_name(space, loaded.data.source)
        with _opened(loaded, prepared, out=RUNS / name if out is None else out, fresh=fresh) as folder:
            rows = rows_of_shares(plan, prepared, spec, carrier=carrier_in(folder.path))
            yield Study(
                space=loaded,
                name=name,
                prepared=prepared,
                objective=objective,
                naive=naive_value(rows[-1].problem, objective),
                plan=plan,
                rows=rows,
                folder=folder,
                networks=NetworkStore(folder.path),
                observer=observer,
                began=began,
            )


def _check_carriage(carriage: Carriage, spec: CapacitySpec) -> None:
    """Networks that only the reference trainer trains stay in this process.

    Raises:
        SpaceError: If they are to be carried.
    """
    if carriage.flag is None or not (spec.residual or spec.convolutions is not None):
        return
    key = "residual" if spec.residual else "convolutions"
    raise SpaceError(
        f"capacity.{key}: these networks are trained by Keras, one after another in this process, and cannot be "
        f"carried by {carriage.flag}. Leave {carriage.flag} or capacity.{key} out."
    )


def _image_of(prepared: Prepared, spec: CapacitySpec) -> tuple[int, int, int] | None:
    """Height, width and channels of the images; None of a table.

    Raises:
        DataError: If convolutional networks are asked for, and there are no images, or too small ones.
    """
    image = prepared.layout.shape if isinstance(prepared.layout, ImageLayout) else None
    if spec.convolutions is None:
        return image
    if image is None:
        raise DataError(
            f"{prepared.table.source} is a table, and capacity.convolutions asks for convolutional networks, which "
            "read images. Give images (FILE.npz, *-images-idx3-ubyte, *_32x32.mat), or leave capacity.convolutions out."
        )
    if min(image[:2]) < MIN_SIDE:
        raise DataError(
            f"{prepared.table.source} has images of {image[0]} x {image[1]} pixels; convolutional networks halve them "
            f"three times, so at least {MIN_SIDE} x {MIN_SIDE} are needed. Leave capacity.convolutions out."
        )
    return image


def _check(plan: Plan) -> None:
    """There must be two depths at one budget at least, or there is nothing to compare.

    Raises:
        DataError: With the budgets that would do.
    """
    for budget in {cell.budget for cell in plan.cells}:
        if len({cell.depth for cell in plan.cells[plan.main] if cell.budget == budget}) > 1:
            return
    told = " ".join(missing.sentence for missing in plan.missing)
    raise DataError(f"No parameter budget can be met by two depths, so nothing can be compared: {told} "
                    "Set other capacity.budgets.")  # fmt: skip


def _opened(space: CapacitySpace, prepared: Prepared, *, out: str | PathLike[str], fresh: bool) -> RunFolder:
    """Create the run folder, or go on with the one that is there, and keep how the table was understood."""
    folder = RunFolder.open(
        out,
        space_yaml=space_to_yaml(space),
        identity={"space": space_identity(space), "data": prepared.table.sha256},
        fresh=fresh,
    )
    folder.write_data(**prepared.described(), ignore=space.ignore)
    prepared.splits.save(folder.path / SPLITS)
    return folder
