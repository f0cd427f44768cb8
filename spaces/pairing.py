"""Which losses, outputs and objectives go with which task, as far as a space file states them.

What the task is when the file says `auto` is known only once the table is read; the search checks again then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ffsearch.spaces.faults import Fault, one_of

__all__ = ["pairing_faults"]

_TASKS: Final = ("regression", "binary", "multiclass")
_CLASSES: Final = ("binary", "multiclass")

_TASKS_OF: Final[Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]]] = {
    ("train", "loss"): {
        "mse": ("regression",),
        "mae": ("regression",),
        "huber": ("regression",),
        "binary_crossentropy": ("binary",),
        "categorical_crossentropy": ("multiclass",),
    },
    ("train", "output"): {"linear": ("regression",), "sigmoid": ("binary",), "softmax": ("multiclass",)},
    ("search", "objective"): {
        "rmse": ("regression",),
        "mae": ("regression",),
        "log_loss": _CLASSES,
        "accuracy": _CLASSES,
        "balanced_accuracy": _CLASSES,
        "roc_auc": _CLASSES,
    },
}
"""Which tasks each loss, output and objective is for. Source: docs/semantics.md (the distribution each one assumes)."""


def pairing_faults(raw: Mapping[str, Any]) -> Iterator[Fault]:
    """What does not go with the stated task, or, where none is stated, with each other.

    Args:
        raw: A whole space, unchecked.

    Yields:
        Faults at the loss, output or objective.
    """
    task = _keys(raw, "data").get("task")
    yield from _against_task(raw, task) if task in _TASKS else _against_each_other(raw)


def _against_task(raw: Mapping[str, Any], task: str) -> Iterator[Fault]:
    for path, value, tasks in _stated(raw):
        if task not in tasks:
            legal = ", ".join(name for name, its_tasks in _TASKS_OF[path].items() if task in its_tasks)
            text = f"{value} is for {one_of(tasks)} targets, and data.task is {task}. Legal: auto, {legal}."
            yield Fault(path=path, text=text)


def _against_each_other(raw: Mapping[str, Any]) -> Iterator[Fault]:
    """Values that no single task takes together; the later one is at fault."""
    left = set(_TASKS)
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
    for (section, key), tasks_of in _TASKS_OF.items():
        value = _keys(raw, section).get(key)
        if isinstance(value, str) and value in tasks_of:
            yield (section, key), value, tasks_of[value]


def _keys(raw: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    keys = raw.get(section)
    return keys if isinstance(keys, Mapping) else {}
