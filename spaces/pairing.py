"""Which losses, outputs and objectives go with which task, and what of the data goes with them, as far as a file says.

What the task is when the file says `auto` is known only once the table is read; the search checks again then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ffsearch.spaces.faults import Fault, one_of, shown

__all__ = ["LOSSES", "OBJECTIVES", "OUTPUTS", "data_faults", "pairing_faults"]

LOSSES: Final[Mapping[str, tuple[str, ...]]] = {
    "regression": ("mse", "mae", "huber"),
    "binary": ("binary_crossentropy",),
    "multiclass": ("categorical_crossentropy",),
}
"""The losses of every task, its own first. Source: docs/semantics.md (the distribution each one assumes)."""

OUTPUTS: Final[Mapping[str, str]] = {"regression": "linear", "binary": "sigmoid", "multiclass": "softmax"}
"""What the units of every task's output layer are. Source: as for losses."""

_OF_CLASSES: Final = ("log_loss", "accuracy", "balanced_accuracy", "roc_auc")

OBJECTIVES: Final[Mapping[str, tuple[str, ...]]] = {
    "regression": ("rmse", "mae"),
    "binary": _OF_CLASSES,
    "multiclass": _OF_CLASSES,
}
"""The metrics that a search for every task may optimise, its own first."""

_LEGAL: Final[Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]]] = {
    ("train", "loss"): LOSSES,
    ("train", "output"): {task: (output,) for task, output in OUTPUTS.items()},
    ("search", "objective"): OBJECTIVES,
}


def pairing_faults(raw: Mapping[str, Any]) -> Iterator[Fault]:
    """What does not go with the stated task, or, where none is stated, with each other.

    Args:
        raw: A whole space, unchecked.

    Yields:
        Faults at the loss, output or objective.
    """
    task = _keys(raw, "data").get("task")
    yield from _against_task(raw, str(task)) if task in LOSSES else _against_each_other(raw)


def data_faults(raw: Mapping[str, Any]) -> Iterator[Fault]:
    """Keys of `data:` that have nothing to work on: classes to balance in a regression, bins that no network is given.

    Args:
        raw: A whole space, unchecked.
    """
    data, numbers = _keys(raw, "data"), _keys(raw, "space").get("numbers")
    if data.get("task") == "regression" and _keys(data, "augment").get("balance") not in (None, "none"):
        text = "there are no classes to balance: data.task is regression. Leave it out."
        yield Fault(path=("data", "augment", "balance"), text=text)
    yield from _threshold_faults(raw)
    ways = numbers.get("values") if isinstance(numbers, Mapping) else [numbers]
    is_said = isinstance(numbers, str) or (isinstance(numbers, Mapping) and isinstance(ways, list | tuple))
    if data.get("number_bins") and is_said and "bins" not in (ways or ()):
        text = (
            f"{shown(data['number_bins'])} bins are asked for, but space.numbers gives no network bins. Add bins to "
            "its values, or leave number_bins out."
        )
        yield Fault(path=("data", "number_bins"), text=text)


def _threshold_faults(raw: Mapping[str, Any]) -> Iterator[Fault]:
    """Costs, a positive class and a threshold go with two classes; a threshold by cost with costs, and with repeats."""
    data, evidence = _keys(raw, "data"), _keys(raw, "evidence")
    task, wanted = data.get("task"), evidence.get("threshold", "auto")
    is_chosen = wanted not in ("auto", "half", None)
    if task in ("regression", "multiclass"):
        why = f"a threshold is for two classes, and data.task is {task}. Leave it out."
        for key in ("costs", "positive"):
            if data.get(key) is not None:
                yield Fault(path=("data", key), text=why)
        if is_chosen:
            yield Fault(path=("evidence", "threshold"), text=why)
    if wanted == "cost" and data.get("costs") is None:
        text = "cost needs to know what errors cost: say data.costs: {false_negative: 5, false_positive: 1}."
        yield Fault(path=("evidence", "threshold"), text=text)
    if is_chosen and evidence.get("finalists") == 0:
        text = (
            f"{shown(wanted)} is chosen on rows that networks trained again did not learn from, and finalists is 0. "
            "Say evidence.finalists: 3, or leave threshold out."
        )
        yield Fault(path=("evidence", "threshold"), text=text)


def _against_task(raw: Mapping[str, Any], task: str) -> Iterator[Fault]:
    for path, value, tasks in _stated(raw):
        if task not in tasks:
            legal = ", ".join(("auto", *_LEGAL[path][task]))
            text = f"{value} is for {one_of(tasks)} targets, and data.task is {task}. Legal: {legal}."
            yield Fault(path=path, text=text)


def _against_each_other(raw: Mapping[str, Any]) -> Iterator[Fault]:
    """Values that no single task takes together; the later one is at fault."""
    left = set(LOSSES)
    before: list[str] = []
    for path, value, tasks in _stated(raw):
        if left.isdisjoint(tasks):
            text = f"{value} is for {one_of(tasks)} targets and does not go with {' and '.join(before)}."
            yield Fault(path=path, text=text)
        else:
            left &= set(tasks)
            before.append(value)


def _stated(raw: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str, tuple[str, ...]]]:
    """Each loss, output and objective that is stated and known: its path, itself, the tasks it is for."""
    for (section, key), legal in _LEGAL.items():
        value = _keys(raw, section).get(key)
        tasks = tuple(task for task, names in legal.items() if value in names)
        if isinstance(value, str) and tasks:
            yield (section, key), value, tasks


def _keys(raw: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    keys = raw.get(section)
    return keys if isinstance(keys, Mapping) else {}
