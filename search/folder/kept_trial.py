"""What a line of the log may say of a trial: types and bounds, checked before anything is made of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, NotRequired

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # typing's, before Python 3.12, is not one that pydantic reads

from ffsearch.search.folder.bounded import moment
from ffsearch.search.network.topology import Point, layer_sizes
from ffsearch.search.training.protocol import Ended
from ffsearch.spaces.schema import MAX_TRIALS

__all__ = ["MOST_NUMBERS", "first_fault", "point_kept", "trial_kept"]

MOST: Final = 2**53
"""Largest count. Choice: whole numbers beyond it are not exact where tables and pages hold them."""

MOST_LAYERS: Final = 1000
"""Choice: ten times what is ever trained, and few enough to be listed."""

MOST_UNITS: Final = 2**31
"""Of a layer, and the largest of a point's other values. Choice: beyond what any machine trains."""

_LARGEST: Final = 3.4028235e38
"""Of a curve's numbers: the largest of float32, as it is written."""

Count = Annotated[int, Field(ge=0, le=MOST)]
Real = Annotated[float, Field(allow_inf_nan=False)]
Loss = Annotated[float, Field(ge=-_LARGEST, le=_LARGEST, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=MOST, allow_inf_nan=False)]
Moment = Annotated[str, AfterValidator(lambda stamp: moment(stamp) and stamp)]
End = Annotated[str, AfterValidator(lambda word: str(Ended(word)))]
MOST_NUMBERS: Final = 6 * MAX_TRIALS
"""Numbers there are. Those beyond `MAX_TRIALS` are of networks that evidence trains, a range a kind (`steps/`)."""

Number = Annotated[int, Field(ge=0, lt=MOST_NUMBERS)]


class _Curve(TypedDict):
    train_loss: list[Loss | None]
    valid_loss: list[Loss | None]
    penalty: list[Loss | None]
    every: NotRequired[Annotated[int, Field(ge=1, le=MOST)]]


class _Fold(TypedDict):
    fold: Count
    ended: End
    best_epoch: NotRequired[Count]
    n_updates: NotRequired[Count]
    valid_loss: NotRequired[Real | None]


class _Notes(TypedDict):
    folds: NotRequired[list[_Fold]]


class _Trial(TypedDict):
    trial: Number
    point: dict[str, Any]
    topology: str
    n_params: Count
    value: Real | None
    valid_loss: Real | None
    metrics: dict[str, Real | None]
    ended: End
    best_epoch: Count
    n_epochs: Count
    n_updates: Count
    train_s: Seconds
    compile_s: Seconds
    seed: list[Annotated[int, Field(ge=0)]]
    curve: _Curve
    repeat_of: NotRequired[Number | None]
    error: NotRequired[str | None]
    ended_at: NotRequired[Moment]
    notes: NotRequired[_Notes]


def trial_kept(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """A trial's plain values, unchanged, if they are what a trial's are.

    Raises:
        ValueError: With the first that is missing or wrong.
    """
    try:
        _adapter().validate_python(dict(values), strict=True)
    except ValidationError as error:
        raise ValueError(first_fault(error)) from None
    curve = values["curve"]
    if len({len(curve[name]) for name in ("train_loss", "valid_loss", "penalty")}) > 1:
        raise ValueError("curve: its parts are not as long as each other")
    return values


def point_kept(values: Mapping[str, Any]) -> Point:
    """The point of plain values.

    Raises:
        ValueError: If a value is unknown, of another type or out of all bounds.
    """
    try:
        point = Point.from_dict(values)
        wrong = [name for name, value in values.items() if not _fits(value, getattr(_USUAL, name))]
        if wrong:
            raise ValueError(f"point.{wrong[0]}: no point has such a value (given: {repr(values[wrong[0]])[:60]})")
        if point.depth > MOST_LAYERS:
            raise ValueError(f"point.depth: {point.depth} layers")
        shape = () if point.convolutions is None else (*point.convolutions.image, *point.convolutions.channels)
        if not all(
            isinstance(size, int) and 1 <= size <= MOST_UNITS for size in (point.depth, *layer_sizes(point), *shape)
        ):
            raise ValueError("point: a layer has no units, or more than any machine trains")
    except (AttributeError, TypeError, OverflowError) as error:
        raise ValueError(f"point: {error}") from None
    return point


_USUAL: Final = Point(depth=1, width=1)


def _fits(value: object, usual: object) -> bool:
    """Whether a plain value may stand where a usual point has another one."""
    match usual:
        case bool() | str():
            return isinstance(value, bool if isinstance(usual, bool) else str)
        case int():  # layers and units; `bool` is an `int` to Python
            return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_UNITS
        case float():
            return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
        case _:  # widths and convolutions, which are mostly not there
            return value is None or isinstance(value, list | dict)


def first_fault(error: ValidationError) -> str:
    """The first thing that pydantic found, in one line: where, what, and what was given."""
    first = error.errors(include_url=False, include_context=False)[0]
    given = "" if first["type"] == "missing" else f" (given: {repr(first['input'])[:60]})"
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}{given}"


@cache
def _adapter() -> TypeAdapter[_Trial]:
    return TypeAdapter(_Trial)
