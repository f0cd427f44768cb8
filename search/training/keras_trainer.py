"""The reference trainer: Keras builds and trains one network at a time. It defines what is right.

`model.fit` reads exactly the batches `batches.py` decides; an epoch is one call into TensorFlow; after it the network
is evaluated on the validation rows, and `early_stopping.py` says whether to go on.

Measured on two cores, 8,000 rows x 20, batch 256, three layers with batch norm and dropout: 35 ms an epoch at width 64
and 115 ms at 256, of which evaluation is 2 and 5 ms; 0.7 to 1.0 s to build, trace and compile; nothing is gained by XLA
here (40 and 170 ms, and 2.5 s to compile).
"""

from __future__ import annotations

import gc
import logging
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ffsearch.search.data.features.problem import MatrixColumns, Problem, Split
from ffsearch.search.network import defaults
from ffsearch.search.network.heads import Head, Loss, mean_loss
from ffsearch.search.network.model import build_network, data_loss, make_optimizer
from ffsearch.search.network.topology import Balance, Numbers, Point
from ffsearch.search.training.augment import (
    Batch,
    augment_batch,
    augment_words,
    epoch_draws,
    is_augmented,
    mixes_rows,
)
from ffsearch.search.training.balance import BalancedRows
from ffsearch.search.training.batches import batches_per_epoch, cut_batches
from ffsearch.search.training.early_stopping import Progress, loss_floor
from ffsearch.search.training.protocol import Curve, Ended, Job, Stopping, Trained, Watch, never_stop
from ffsearch.search.training.sharing import as_tensor

__all__ = ["BatchFeed", "KerasTrainer", "compile_network", "forget_graphs", "predictor"]

_PREDICT_ROWS: Final = 16_384
"""choice: rows evaluated at once; bounds the hidden activations of a wide network to some tens of MB a layer."""

_PREDICT_NUMBERS: Final = 1 << 24
"""choice: activations of a convolutional layer held at once, 64 MB; more rows a call are no faster."""

_COLLECT_EVERY: Final = 8
"""Jobs between two collections of cyclic garbage (models and graphs are cycles).

choice: one takes 0.25 s, a tenth of a short job; what eight jobs leave stays under 100 MB.
"""

_JOB_ERRORS: Final = (tf.errors.OpError, MemoryError)
"""What one job may fail of without ending the run: its own size, or TensorFlow. Anything else is our bug, or the
watch's (a full disk), and passes."""
Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From a matrix (n_rows, n_features) to logits (n_rows, n_outputs)."""


def _is_news(record: logging.LogRecord) -> bool:
    """Not TensorFlow's advice to trace less: every trial is another network, traced once."""
    return "triggered tf.function retracing" not in str(record.msg)


tf.get_logger().addFilter(_is_news)


class KerasTrainer:
    """Trains jobs one after another with `model.fit`.

    Args:
        problem: What is to be learnt.
        stopping: When training ends.
        optimizer: `adam`, `adamw`, `sgd` or `rmsprop`.
        momentum: Of `sgd`.
    """

    name = "keras"

    def __init__(
        self,
        problem: Problem,
        stopping: Stopping,
        *,
        optimizer: str = defaults.OPTIMIZER,
        momentum: float = defaults.SGD_MOMENTUM,
    ) -> None:
        self._problem = problem
        self._stopping = stopping
        self._optimizer = optimizer
        self._momentum = momentum
        self._feeds: dict[tuple[int, Numbers], BatchFeed] = {}
        self._n_jobs = 0

    def train(self, jobs: Iterator[Job], *, watch: Watch = never_stop) -> Iterator[Trained]:
        """Train jobs in the order they come; see `Trainer.train`."""
        for job in jobs:
            yield self._trial(job, watch)

    def fit_updates(self, job: Job, *, n_updates: int) -> tuple[list[NDArray[np.float32]], list[tuple[float, float]]]:
        """Train a network for so many updates, judged by nothing.

        Returns:
            Its weights in the order of `get_weights()`; loss and penalty of every pass over the rows, the last one
            perhaps of part of a pass.
        """
        feed = self._feed(job)
        per_epoch = feed.n_updates(job.point)
        whole, rest = divmod(n_updates, per_epoch)
        model = self._compiled(job, n_updates=per_epoch)
        history: list[tuple[float, float]] = []
        if whole:
            history += _losses(model, feed.dataset(job.seed, job.point), epochs=whole, n_updates=per_epoch)
        if rest:
            last = feed.dataset(job.seed, job.point, first_epoch=whole + 1).take(rest)
            history += _losses(model, last, epochs=1, n_updates=rest)
        weights = _answering(model).get_weights()
        forget_graphs()
        return weights, history

    def _trial(self, job: Job, watch: Watch) -> Trained:
        """One job, whatever becomes of it: the boundary between a trial's failure and a run's."""
        started = time.perf_counter()
        self._n_jobs += 1
        try:
            return self._fit(job, watch, started=started)
        except _JOB_ERRORS:
            return _failed(job, traceback.format_exc(), train_s=time.perf_counter() - started)
        finally:
            forget_graphs(collect=self._n_jobs % _COLLECT_EVERY == 0)

    def _fit(self, job: Job, watch: Watch, *, started: float) -> Trained:
        """Build, compile, fit; the recorder ends it and knows what it came to."""
        feed = self._feed(job)
        n_updates = feed.n_updates(job.point) * self._stopping.evaluate_every
        model = self._compiled(job, n_updates=n_updates)
        recorder = _Recorder(
            Progress(job, self._stopping, watch=watch, floor=loss_floor(self._problem, job.fold)),
            split=self._problem.seen_by(job.point).splits[job.fold],
            head=self._problem.head,
            started=started,
        )
        model.fit(
            feed.dataset(job.seed, job.point),
            epochs=self._stopping.max_epochs,
            steps_per_epoch=n_updates,
            callbacks=[recorder],
            shuffle=False,
            verbose=0,
        )
        return recorder.trained(n_updates=n_updates)

    def _compiled(self, job: Job, *, n_updates: int) -> keras.Model:
        """A job's network before its first update, ready to fit."""
        head, point = self._problem.head, job.point
        n_features = self._problem.seen_by(point).n_features

        def network() -> keras.Model:
            return build_network(point, head=head, n_features=n_features, seed=job.seed)

        model = _Averaged(network(), network()) if self._stopping.averaged else network()
        compile_network(
            model, point=point, head=head, optimizer=self._optimizer, momentum=self._momentum, n_updates=n_updates
        )
        return model

    def _feed(self, job: Job) -> BatchFeed:
        """The batches of one split's training part as a job is shown it, made when first asked for."""
        key = (job.fold, job.point.numbers)
        if key not in self._feeds:
            seen = self._problem.seen_by(job.point)
            self._feeds[key] = BatchFeed.of_split(seen, job.fold, batch_size=self._stopping.batch_size)
        return self._feeds[key]


# --- what feeds, compiles and evaluates a network --------------------------------------------------------------------


class BatchFeed:
    """The batches of one training part as `tf.data.Dataset`s that never end, for one job after another.

    The rows stay in TensorFlow's memory; a job brings only the order in which they are read. One dataset serves all
    jobs of a balance, because what `from_generator` registers with TensorFlow stays there for good. Jobs that augment
    rows have a dataset of their own, whose batches come ready from NumPy.

    Args:
        x: Matrix, shape (n_rows, n_features).
        y: Targets, shape (n_rows, ...).
        weight: Of each row, shape (n_rows,), or None.
        batch_size: Rows an update.
        columns: What the columns of the matrix are; None: every one a number.
        n_outputs: Units of the output layer.
    """

    def __init__(
        self,
        x: NDArray[Any],
        y: NDArray[Any],
        *,
        weight: NDArray[np.float32] | None = None,
        batch_size: int,
        columns: MatrixColumns | None = None,
        n_outputs: int = 1,
    ) -> None:
        self._part = (x, y, weight)
        self._batch_size = batch_size
        self._columns = columns or MatrixColumns.of_numbers(x.shape[1])
        self._n_outputs = n_outputs
        self._rows: dict[Balance, BalancedRows] = {}
        self._tensors: dict[int, tf.Tensor] = {}
        self._datasets: dict[tuple[Balance, bool, bool], tf.data.Dataset] = {}
        self._asked = (np.random.SeedSequence(0), Point(depth=1, width=1), 1)

    @classmethod
    def of_split(cls, problem: Problem, fold: int, *, batch_size: int) -> BatchFeed:
        """That of the training rows of one split, as the problem shows them."""
        split = problem.splits[fold]
        return cls(
            split.x_train, split.y_train,
            weight=split.train_weight, batch_size=batch_size,
            columns=problem.matrix_columns, n_outputs=problem.head.n_outputs,
        )  # fmt: skip

    def n_updates(self, point: Point) -> int:
        """Updates of an epoch."""
        return batches_per_epoch(self._balanced(point.augment_balance).n_rows, batch_size=self._batch_size)

    def dataset(self, seed: np.random.SeedSequence, point: Point, *, first_epoch: int = 1) -> tf.data.Dataset:
        """Batches of (x, y) or (x, y, weight) in the order of this seed, augmented as the point says.

        Iterate it before asking for the next one: it may be the same dataset, and whoever iterates gets the last seed.
        """
        self._asked = (seed, point, first_epoch)
        kind = (point.augment_balance, is_augmented(point), mixes_rows(point))
        if kind not in self._datasets:
            make = self._augmented if is_augmented(point) else self._plain
            self._datasets[kind] = make(self._balanced(point.augment_balance), mixed=mixes_rows(point))
        return self._datasets[kind]

    def _balanced(self, balance: Balance) -> BalancedRows:
        if balance not in self._rows:
            x, y, weight = self._part
            self._rows[balance] = BalancedRows(x, y, weight=weight, balance=balance, columns=self._columns)
        return self._rows[balance]

    def _plain(self, rows: BalancedRows, *, mixed: bool) -> tf.data.Dataset:
        """Row numbers from here, rows gathered by TensorFlow."""
        del mixed
        columns = tuple(self._tensor(part) for part in (rows.x, rows.y, rows.weight) if part is not None)
        size = min(self._batch_size, rows.n_rows)
        n_updates = batches_per_epoch(rows.n_rows, batch_size=self._batch_size)
        batches = tf.data.Dataset.from_generator(
            lambda: (batches for _, batches in self._epochs(rows)),
            output_signature=tf.TensorSpec((n_updates, size), tf.int32),
        )
        return batches.unbatch().map(lambda numbers: tuple(tf.gather(column, numbers) for column in columns))

    def _tensor(self, part: NDArray[Any]) -> tf.Tensor:
        """An array in TensorFlow's memory, once for all balances that share it."""
        if id(part) not in self._tensors:  # none of them is let go of, so that no number comes back
            self._tensors[id(part)] = as_tensor(part)
        return self._tensors[id(part)]

    def _augmented(self, rows: BalancedRows, *, mixed: bool) -> tf.data.Dataset:
        """Batches from here as they are learnt from. Mixed classes are one slot each."""
        size = min(self._batch_size, rows.n_rows)
        y = _targets(rows.y[:1], n_outputs=self._n_outputs, mixed=mixed)
        signature = (
            tf.TensorSpec((size, rows.x.shape[1]), tf.float32),
            tf.TensorSpec((size, *y.shape[1:]), y.dtype),
            *([] if rows.weight is None else [tf.TensorSpec((size,), tf.float32)]),
        )
        return tf.data.Dataset.from_generator(
            lambda: self._augmented_batches(rows, mixed=mixed), output_signature=signature
        )

    def _augmented_batches(self, rows: BalancedRows, *, mixed: bool) -> Iterator[tuple[NDArray[Any], ...]]:
        seed, point, _ = self._asked
        words = augment_words(seed)
        weight = np.ones(len(rows.x), np.float32) if rows.weight is None else rows.weight
        for epoch, batches in self._epochs(rows):
            n_updates, size = batches.shape
            draws = epoch_draws(seed, epoch, point=point, columns=self._columns, n_updates=n_updates, batch_size=size)
            for number, places in enumerate(batches):
                y = _targets(rows.y[places], n_outputs=self._n_outputs, mixed=mixed)
                batch = augment_batch(
                    Batch(x=rows.x[places], y=y, weight=weight[places]),
                    draws[number],
                    point=point,
                    columns=self._columns,
                    words=words,
                    step=(epoch - 1) * n_updates + number,
                )
                yield (batch.x, batch.y) if rows.weight is None else (batch.x, batch.y, batch.weight)

    def _epochs(self, rows: BalancedRows) -> Iterator[tuple[int, NDArray[np.int32]]]:
        """Number and row numbers of the first epoch that was asked for, the next one and on, without end."""
        seed, _, first_epoch = self._asked
        for epoch in count(first_epoch):
            yield epoch, cut_batches(rows.order(seed, epoch), batch_size=self._batch_size)


def _targets(y: NDArray[Any], *, n_outputs: int, mixed: bool) -> NDArray[Any]:
    """Targets of a batch; class numbers as one slot a class where rows are mixed."""
    return np.eye(n_outputs, dtype=np.float32)[y] if mixed and y.ndim == 1 else y


def _batch_loss(head: Head, point: Point) -> keras.losses.Loss:
    """The head's loss; for mixed rows the form of it that takes targets between two classes."""
    if head.loss is Loss.CATEGORICAL_CROSSENTROPY and mixes_rows(point):
        return keras.losses.CategoricalCrossentropy(from_logits=True)
    return data_loss(head)


class _DataLoss(keras.metrics.Metric):  # type: ignore[misc]  # Keras has no types
    """Mean of the head's loss over the updates of an epoch, without penalties."""

    def __init__(self, loss: keras.losses.Loss) -> None:
        super().__init__(name="data_loss")
        self._loss = loss
        self._total = self.add_weight(name="total", initializer="zeros")
        self._n_updates = self.add_weight(name="n_updates", initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take one update's batch, of the same size as all others."""
        self._total.assign_add(self._loss(y_true, y_pred, sample_weight=sample_weight))
        self._n_updates.assign_add(1.0)

    def result(self) -> Any:
        """The mean."""
        return self._total / self._n_updates


@dataclass(frozen=True)
class _Mean:
    """A network that holds the running mean of another; wrapped, so that Keras takes it for no part of that one."""

    network: keras.Model


class _Averaged(keras.Model):  # type: ignore[misc]  # Keras has no types
    """A network whose weights are averaged while it is trained: every update draws the mean to where it stands.

    Args:
        network: What is trained.
        mean: The same network, to hold the mean.
    """

    def __init__(self, network: keras.Model, mean: keras.Model) -> None:
        super().__init__(inputs=network.input, outputs=network.output, name=network.name)
        self.mean = _Mean(mean)

    def train_step(self, data: Any) -> Any:
        """Keras' hook: an update, then the mean, batch normalisation's statistics with the weights."""
        logs = super().train_step(data)
        share = (defaults.LATER_WEIGHTS + 1) / (defaults.LATER_WEIGHTS + tf.cast(self.optimizer.iterations, tf.float32))
        for mean, weight in zip(self.mean.network.weights, self.weights, strict=True):
            mean.assign_add(share * (weight - mean))
        return logs


def _answering(model: keras.Model) -> keras.Model:
    """The network that answers: the running mean of a network's weights, where there is one, else the network."""
    return model.mean.network if isinstance(model, _Averaged) else model


def compile_network(
    model: keras.Model, *, point: Point, head: Head, optimizer: str, momentum: float, n_updates: int
) -> None:
    """Make `fit` minimise the head's loss plus penalties, `n_updates` in one call into TensorFlow.

    One call an epoch instead of one an update is what takes Keras from 240 ms to 35 (see above).
    """
    model.compile(
        optimizer=make_optimizer(optimizer, point=point, model=model, momentum=momentum),
        loss=_batch_loss(head, point),
        weighted_metrics=[_DataLoss(_batch_loss(head, point))],
        steps_per_execution=n_updates,
        jit_compile=False,
    )


def predictor(model: keras.Model) -> Predict:
    """The network without dropout as a function of a matrix; traced once, whatever the number of rows."""
    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)]
    forward = tf.function(lambda rows: model(rows, training=False), input_signature=signature)

    n_rows = _rows_at_once(model)

    def predict(x: NDArray[np.float32]) -> NDArray[np.float32]:
        starts = range(0, max(len(x), 1), n_rows)
        return np.concatenate([forward(x[start : start + n_rows]).numpy() for start in starts])

    return predict


def _rows_at_once(model: keras.Model) -> int:
    """Rows of one call of a predictor: fewer where convolutional layers make many numbers of a row."""
    maps = [np.prod(layer.output.shape[1:]) for layer in model.layers if len(layer.output.shape) > 2]
    return _PREDICT_ROWS if not maps else max(1, min(_PREDICT_ROWS, _PREDICT_NUMBERS // int(max(maps))))


def forget_graphs(*, collect: bool = True) -> None:
    """Let go of what Keras keeps of models that are gone; `collect` sweeps the cycles they were part of at once."""
    keras.backend.clear_session(free_memory=False)
    if collect:
        gc.collect()


# --- one job while it runs, and what it came to ----------------------------------------------------------------------


class _Recorder(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Evaluates after every epoch, keeps the best weights and outputs, and ends the fit when it is time."""

    def __init__(self, progress: Progress, *, split: Split, head: Head, started: float) -> None:
        super().__init__()
        self._progress = progress
        self._split = split
        self._head = head
        self._started = started
        self._first_epoch_s = 0.0
        self._best_logits = _no_logits(head)
        self._best_weights: list[NDArray[np.float32]] | None = None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002  (Keras' hook)
        """Trace the evaluation once, when Keras has given the callback its model."""
        self._network = _answering(self.model)
        self._predict = predictor(self._network)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Keras' hook; `epoch` counts from 0."""
        if epoch == 0:
            self._first_epoch_s = time.perf_counter() - self._started
        logits = self._predict(self._split.x_valid)
        self._progress.record(
            train_loss=logs["data_loss"],
            valid_loss=mean_loss(self._head, self._split.y_valid, logits, weight=self._split.valid_weight),
            penalty=float(np.maximum(0.0, logs["loss"] - logs["data_loss"])),
            train_s=time.perf_counter() - self._started,
        )
        if self._progress.improved:
            self._best_logits, self._best_weights = logits, self._network.get_weights()
        self.model.stop_training = self._progress.ended is not None

    def trained(self, *, n_updates: int) -> Trained:
        """What the job came to; a diverged one keeps its curve but is no network to use."""
        progress = self._progress
        diverged = progress.ended is Ended.DIVERGED
        train_s = time.perf_counter() - self._started
        return Trained(
            job=progress.job,
            ended=progress.ended or Ended.COMPLETED,
            curve=progress.curve,
            best_epoch=progress.best_epoch,
            n_updates=progress.best_look * n_updates,
            valid_logits=_no_logits(self._head) if diverged else self._best_logits,
            weights=None if diverged else self._best_weights,
            train_s=train_s,
            compile_s=self._compile_s(train_s),
        )

    def _compile_s(self, train_s: float) -> float:
        """What the first epoch took beyond the mean of the others; nothing is known from one epoch alone."""
        n_others = self._progress.n_looks - 1
        if n_others < 1:
            return 0.0
        return max(0.0, self._first_epoch_s - (train_s - self._first_epoch_s) / n_others)


def _losses(model: keras.Model, dataset: Any, *, epochs: int, n_updates: int) -> list[tuple[float, float]]:
    """Loss and penalty of each epoch."""
    logs = model.fit(dataset, epochs=epochs, steps_per_epoch=n_updates, shuffle=False, verbose=0).history
    return [(data, total - data) for data, total in zip(logs["data_loss"], logs["loss"], strict=True)]


def _failed(job: Job, error: str, *, train_s: float) -> Trained:
    nothing = np.empty(0, np.float32)
    return Trained(
        job=job,
        ended=Ended.FAILED,
        curve=Curve(train_loss=nothing, valid_loss=nothing, penalty=nothing),
        best_epoch=0,
        n_updates=0,
        valid_logits=np.empty((0, 0), np.float32),
        train_s=train_s,
        error=error,
    )


def _no_logits(head: Head) -> NDArray[np.float32]:
    return np.empty((0, head.n_outputs), np.float32)
