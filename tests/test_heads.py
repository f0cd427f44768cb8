"""Pairings of output and loss, and the NumPy formulas against scikit-learn and Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import log_loss, mean_absolute_error, mean_squared_error

from ffsearch.errors import SpaceError
from ffsearch.search.network.heads import (
    PAIRINGS,
    Head,
    Loss,
    Output,
    TargetScale,
    Task,
    check_pairing,
    default_loss,
    mean_loss,
    probabilities,
    row_losses,
    values,
)


def head_of(task: Task, *, n_outputs: int = 1, loss: Loss | None = None) -> Head:
    n_labels = {Task.REGRESSION: 0, Task.BINARY: 2, Task.MULTICLASS: n_outputs}[task]
    return Head(
        task=task,
        loss=loss or default_loss(task),
        n_outputs=n_outputs,
        target_names=tuple(f"t{i}" for i in range(n_outputs if task is Task.REGRESSION else 1)),
        labels=tuple(f"c{i}" for i in range(n_labels)),
    )


def case(head: Head, *, n_rows: int = 50) -> tuple[NDArray[Any], NDArray[np.float32]]:
    generator = np.random.default_rng(5)
    logits = generator.normal(0, 3, (n_rows, head.n_outputs)).astype(np.float32)
    if head.task is Task.MULTICLASS:
        return generator.integers(0, head.n_outputs, n_rows).astype(np.int32), logits
    if head.task is Task.BINARY:
        return generator.integers(0, 2, (n_rows, 1)).astype(np.float32), logits
    return generator.normal(0, 3, (n_rows, head.n_outputs)).astype(np.float32), logits


ALL_HEADS = [
    head_of(Task.REGRESSION, n_outputs=3),
    head_of(Task.REGRESSION, n_outputs=2, loss=Loss.MAE),
    head_of(Task.REGRESSION, loss=Loss.HUBER),
    head_of(Task.BINARY),
    head_of(Task.MULTICLASS, n_outputs=4),
]


@pytest.mark.parametrize("task", Task)
def test_a_task_takes_its_own_output_and_losses(task: Task) -> None:
    for loss in PAIRINGS[task].losses:
        check_pairing(task, loss=loss, output=PAIRINGS[task].output)
    check_pairing(task)


@pytest.mark.parametrize("task", Task)
def test_every_other_loss_and_output_is_refused(task: Task) -> None:
    for loss in set(Loss) - set(PAIRINGS[task].losses):
        with pytest.raises(SpaceError, match=f"loss {loss} does not fit task {task}: .*likelihood.* Use output"):
            check_pairing(task, loss=loss)
    for output in set(Output) - {PAIRINGS[task].output}:
        with pytest.raises(SpaceError, match=f"output {output} does not fit task {task}"):
            check_pairing(task, output=output)


def test_the_refusal_names_both_faults_the_reason_and_the_way_out() -> None:
    with pytest.raises(
        SpaceError, match="output softmax and loss mse does not fit task binary: a yes or no is Bernoulli"
    ):
        check_pairing(Task.BINARY, loss=Loss.MSE, output=Output.SOFTMAX)
    with pytest.raises(SpaceError, match="Use output sigmoid with loss binary_crossentropy"):
        check_pairing(Task.BINARY, loss=Loss.MSE)


def test_default_losses_are_those_of_the_table() -> None:
    assert [default_loss(task) for task in Task] == [
        Loss.MSE,
        Loss.BINARY_CROSSENTROPY,
        Loss.CATEGORICAL_CROSSENTROPY,
    ]


def test_probabilities_have_a_column_a_class_and_sum_to_one() -> None:
    for head in (head_of(Task.BINARY), head_of(Task.MULTICLASS, n_outputs=4)):
        _, logits = case(head)
        predictions = probabilities(head, logits)
        assert predictions.shape == (50, len(head.labels))
        np.testing.assert_allclose(predictions.sum(axis=1), 1, rtol=1e-12)
    binary = probabilities(head_of(Task.BINARY), np.array([[0.0], [2.0], [-800.0]]))
    np.testing.assert_allclose(binary[:, 1], [0.5, 1 / (1 + np.exp(-2)), 0], atol=1e-12)


def test_values_are_in_the_users_units() -> None:
    scale = TargetScale(mean=np.array([100.0, -1.0]), scale=np.array([10.0, 0.5]))
    predictions = values(head_of(Task.REGRESSION, n_outputs=2), np.array([[0.0, 0.0], [1.0, -2.0]]), scale=scale)
    np.testing.assert_allclose(predictions, [[100, -1], [110, -2]])


def test_losses_equal_scikit_learns() -> None:
    for head in ALL_HEADS:
        y, logits = case(head)
        y = y.astype(float) if head.task is not Task.MULTICLASS else y
        match head.loss:
            case Loss.MSE:
                expected = mean_squared_error(y, logits)
            case Loss.MAE:
                expected = mean_absolute_error(y, logits)
            case Loss.HUBER:
                error = np.abs(y.astype(float) - logits)
                expected = np.mean(np.where(error < 1, error**2 / 2, error - 0.5))
            case _:
                expected = log_loss(y.ravel(), probabilities(head, logits))
        assert mean_loss(head, y, logits) == pytest.approx(expected, rel=1e-9)


def test_row_losses_and_weights_average_to_the_mean_loss() -> None:
    for head in ALL_HEADS:
        y, logits = case(head)
        losses = row_losses(head, y, logits)
        assert losses.shape == (50,)
        weight = np.linspace(0, 2, 50)
        assert mean_loss(head, y, logits, weight=weight) == pytest.approx((losses * weight).mean())


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_a_diverged_network_gives_no_finite_loss_and_no_warning(bad: float) -> None:
    for head in ALL_HEADS:
        y, logits = case(head)
        assert not np.isfinite(mean_loss(head, y, np.full_like(logits, bad)))
