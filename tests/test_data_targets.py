"""Tasks with their reasons, and targets as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ffsearch.errors import DataError
from ffsearch.search.data.targets import Target, class_codes, fit_target_scale, head_targets, infer_head, raw_targets
from ffsearch.search.network.heads import Head, Loss, Task
from ffsearch.search.wording.finding import Finding
from ffsearch.search.wording.language import PLAIN


def infer(cells: list[Any], stated: str = "auto") -> tuple[Head, Finding]:
    return infer_head(Target.of(pd.DataFrame({"y": cells})), stated=stated)


@pytest.mark.parametrize(
    ("cells", "task", "labels", "reason"),
    [
        (
            ["no", "yes"] * 10,
            Task.BINARY,
            ("no", "yes"),
            "binary, because 'y' has 2 values: no, yes",
        ),
        ([1.0, 0.0] * 10, Task.BINARY, ("0", "1"), "binary, because 'y' has 2 values: 0, 1"),
        ([True, False] * 10, Task.BINARY, ("False", "True"), "binary, because 'y' has 2 values: False, True"),
        (["10", "9"] * 10, Task.BINARY, ("9", "10"), "binary, because 'y' has 2 values: 9, 10"),
        (
            ["a", "b", "c"] * 5,
            Task.MULTICLASS,
            ("a", "b", "c"),
            "multiclass, because 'y' has 3 classes: a, b, c",
        ),
        (
            ["1", "2.0", "3"] * 3,
            Task.MULTICLASS,
            ("1", "2", "3"),
            "multiclass, because 'y' has only 3 different whole numbers in 9 rows: 1, 2, 3; if they are amounts, say "
            "data.task: regression",
        ),
        (
            list(range(26)) * 20,
            Task.MULTICLASS,
            tuple(map(str, range(26))),
            "multiclass, because 'y' has only 26 different whole numbers in 520 rows: 0, 1, 2, 3, 4, 5 and 20 "
            "more; if they are amounts, say data.task: regression",
        ),
        (list(range(26)) * 10, Task.REGRESSION, (), "regression, because 'y' has 26 whole numbers in 260 rows"),
        (
            [0.5, 1.5, 2.5] * 9,
            Task.REGRESSION,
            (),
            "regression, because 'y' has 3 different numbers, not all whole",
        ),
    ],
)
def test_the_task_and_why(cells: list[Any], task: Task, labels: tuple[str, ...], reason: str) -> None:
    head, told = infer(cells)
    assert (head.task, head.labels, PLAIN.says(told)) == (task, labels, reason)
    assert head.n_outputs == (len(labels) if task is Task.MULTICLASS else 1)


def test_several_targets_are_a_regression() -> None:
    head, reason = infer_head(Target.of(pd.DataFrame({"a": ["1", "2"], "b": [3.5, 4.5]})))
    assert head == Head(task=Task.REGRESSION, loss=Loss.MSE, n_outputs=2, target_names=("a", "b"))
    assert PLAIN.says(reason) == "regression, because several targets are named: 'a', 'b'"


def test_a_stated_task_is_taken() -> None:
    head, reason = infer([1, 2, 3] * 5, stated="regression")
    assert (head.task, PLAIN.says(reason)) == (Task.REGRESSION, "regression, because the space file says so")
    assert infer(["a", "b"] * 5, stated="multiclass")[0].n_outputs == 2


@pytest.mark.parametrize(
    ("cells", "stated", "text"),
    [
        (["a"] * 9, "auto", r"^The target 'y' is 'a' in every row outside the test part: there is nothing to learn\."),
        ([2.0] * 9, "regression", r"^The target 'y' is '2' in every row outside the test part"),
        (["a", "b", "c"] * 3, "binary", r"^data\.task: binary needs two classes, and 'y' has 3: a, b, c\. Say multi"),
        (["1", "2", "c"] * 3, "regression", r"^data\.task: regression needs numbers, and 'y' holds 'c'\. Correct"),
        ([f"n{i}" for i in range(30)], "auto", r"^The target 'y' has 30 different values in 30 rows, such as n0, n1"),
        (list(range(2000)), "multiclass", r"^The target 'y' has 2000 different values in 2000 rows, such as 0, 1"),
    ],
)
def test_a_target_that_cannot_be_learnt(cells: list[Any], stated: str, text: str) -> None:
    with pytest.raises(DataError, match=text):
        infer(cells, stated=stated)


def test_several_targets_that_cannot_be_learnt_together() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    with pytest.raises(DataError, match=r"^Several targets are predicted together as numbers, and 'b' holds words\."):
        infer_head(Target.of(frame))
    with pytest.raises(DataError, match=r"^data\.task: binary takes one target, and 2 are named: 'a', 'b'\."):
        infer_head(Target.of(frame), stated="binary")


def test_class_numbers_and_labels_never_seen() -> None:
    codes = class_codes(Target.of(pd.DataFrame({"y": ["2.50", "9", "1.0", "2.5", "x"]})), ("1", "2.5"))
    assert codes.tolist() == [1, -1, 0, 1, -1]


def test_targets_as_the_head_wants_them() -> None:
    binary, _ = infer(["n", "y"])
    y = head_targets(raw_targets(Target.of(pd.DataFrame({"y": ["y", "n"]})), binary), binary, scale=None)
    assert y.dtype == np.dtype(np.float32)
    assert y.tolist() == [[1.0], [0.0]]
    several, _ = infer(["a", "b", "c"] * 3)
    y = head_targets(raw_targets(Target.of(pd.DataFrame({"y": ["c", "a"]})), several), several, scale=None)
    assert y.dtype == np.dtype(np.int32)
    assert y.tolist() == [2, 0]


def test_regression_targets_are_standardised() -> None:
    frame = pd.DataFrame({"a": ["1", "3"], "b": [7.0, 7.0]})
    head, _ = infer_head(Target.of(pd.DataFrame({"a": ["1", "3"], "b": [7.0, 8.0]})))
    raw = raw_targets(Target.of(frame), head)
    scale = fit_target_scale(raw)
    assert scale.mean.tolist() == [2, 7]
    assert scale.scale.tolist() == [1, 1]  # a constant keeps its unit
    assert head_targets(raw, head, scale=scale).tolist() == [[-1, 0], [1, 0]]
