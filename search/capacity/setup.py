"""How a capacity study comes to be: its table read and checked, its cells planned, the rows of every share made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from ffsearch.errors import DataError
from ffsearch.search.base.objective import Objective
from ffsearch.search.capacity.plan import Plan, Training, make_plan
from ffsearch.search.capacity.rows import ShareRows, rows_of_shares
from ffsearch.search.capacity.widths import TOLERANCE
from ffsearch.search.data.features.images import ImageLayout
from ffsearch.search.evidence.metrics import resolve_objective
from ffsearch.search.evidence.scoring import naive_value
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.steps.inputs import Inputs, Request
from ffsearch.search.training.protocol import Stopping
from ffsearch.search.wording.language import PLAIN
from ffsearch.spaces.capacity import CapacitySpace, CapacitySpec

if TYPE_CHECKING:
    from ffsearch.search.data.features.problem import Problem
    from ffsearch.search.data.prepare import Prepared
    from ffsearch.search.executors.protocol import Executor

__all__ = ["Study", "planned", "study_of"]

MIN_SIDE: Final = 8
"""Fewest pixels a side of an image for convolutional networks, whose three stages halve it."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """What is compared, and on which rows.

    Args:
        inputs: What was asked for.
        plan: What is trained.
        rows: What networks learn from, a share of the training rows each, in ascending order.
    """

    inputs: Inputs[CapacitySpace]
    plan: Plan
    rows: tuple[ShareRows, ...]

    @property
    def objective(self) -> Objective:
        """What is compared."""
        return self.inputs.objective

    @property
    def problem(self) -> Problem:
        """The matrices of the largest share, which the verdict is about."""
        return self.rows[-1].problem

    @property
    def stopping(self) -> Stopping:
        """When a network's training ends, of the largest share."""
        return self.rows[-1].stopping

    @cached_property
    def naive(self) -> float:
        """Objective of an answer that ignores the features, on validation rows."""
        return naive_value(self.problem, self.objective)

    def losses(self, records: Iterable[TrialRecord]) -> dict[Training, float | None]:
        """Validation scores of trainings that ended, turned so that lower is better; None: it diverged.

        Those that were trained longer are not among them: they are not to be tuned by, nor compared with others.
        """
        return {training: loss for training, loss in self.all_losses(records).items() if not training.is_longer}

    def all_losses(self, records: Iterable[TrialRecord]) -> dict[Training, float | None]:
        """The same with those that were trained longer."""
        sign = self.objective.sign
        return {
            self.plan.training(record.trial): None if record.value is None else sign * record.value
            for record in records
        }


def planned(request: Request) -> tuple[Inputs[CapacitySpace], Plan]:
    """Read the table of a study, and plan what is trained; nothing is written yet.

    Raises:
        SpaceError: If the objective does not suit the task.
        DataError: If the table cannot be used, or nothing in it can be compared.
    """
    from ffsearch.search.data.prepare import prepare

    space = request.space
    assert isinstance(space, CapacitySpace)
    spec = space.capacity
    prepared = prepare(space.data, frame=request.frame, seed=spec.seed)
    image = _image_of(prepared, spec)
    plan = make_plan(spec, n_features=prepared.n_features, n_outputs=prepared.head.n_outputs, image=image)
    _check(plan)
    objective = resolve_objective(spec.objective, prepared.head, key="capacity.objective")
    return Inputs(space=space, prepared=prepared, objective=objective, name=request.name), plan


def study_of(inputs: Inputs[CapacitySpace], plan: Plan, *, executor: Executor | None = None) -> Study:
    """The study of a plan, its rows made into matrices."""
    rows = rows_of_shares(plan, inputs.prepared, inputs.space.capacity, executor=executor)
    return Study(inputs=inputs, plan=plan, rows=rows)


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
    told = " ".join(PLAIN.says(missing.finding) for missing in plan.missing)
    raise DataError(
        f"No parameter budget can be met to {TOLERANCE:.0%} by two depths, so nothing can be compared: {told} "
        "Set other capacity.budgets."
    )
