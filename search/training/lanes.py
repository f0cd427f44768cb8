"""A lane at work: one network, the rows it reads, and how it fares.

A network comes as the weights of a Keras model, is trained epoch by epoch, and leaves as the weights of a Keras model
again. An epoch may run in any thread: it touches nothing but the lane's own arrays.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from math import prod
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.data.features.problem import MatrixColumns, Problem, Split
from ffsearch.search.network import defaults
from ffsearch.search.network.heads import Head, Loss, Task
from ffsearch.search.network.topology import Activation, Balance, Numbers, Point, layer_sizes
from ffsearch.search.network.weights import initial_weights
from ffsearch.search.training import lane
from ffsearch.search.training.activations import ACTIVATIONS, keeps_slope
from ffsearch.search.training.augment import augment_words, epoch_draws, is_augmented, is_warped, mixes_rows, n_draws
from ffsearch.search.training.balance import BalancedRows
from ffsearch.search.training.batches import batches_per_epoch, cut_batches
from ffsearch.search.training.compiling import is_compiled
from ffsearch.search.training.costs import network_seconds
from ffsearch.search.training.early_stopping import Progress, loss_floor
from ffsearch.search.training.elementwise import LOSSES, N_MOMENTS, OPTIMIZERS
from ffsearch.search.training.front import Front
from ffsearch.search.training.fronts import front_bytes, keeps, make_front
from ffsearch.search.training.lane_arrays import (
    CHUNK,
    N_VECTORS,
    Chunk,
    Hyper,
    Rows,
    Scratch,
    State,
)
from ffsearch.search.training.lane_augment import Augment
from ffsearch.search.training.lane_weights import flat, hidden_units, kernel_shapes, unpacked
from ffsearch.search.training.protocol import Ended, Job, Stopping, Trained, never_stop

__all__ = [
    "Lane",
    "Settings",
    "Tables",
    "augmentation",
    "dropout_line",
    "epoch_seconds",
    "fit_updates",
    "lane_bytes",
    "load_programs",
]

Array = NDArray[np.float32]

_NONE: Final = np.empty(0, np.float32)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How all networks of a trainer are trained.

    Args:
        stopping: When training ends.
        optimizer: `adam`, `adamw`, `sgd` or `rmsprop`.
        momentum: Of `sgd`.
    """

    stopping: Stopping
    optimizer: str = defaults.OPTIMIZER
    momentum: float = defaults.SGD_MOMENTUM


# --- what networks read ----------------------------------------------------------------------------------------------


class Tables:
    """The rows of all folds and balances as lanes read them; those of the problem, not copies.

    Args:
        problem: What is to be learnt.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._balanced: dict[tuple[int, Numbers, Balance], BalancedRows] = {}
        self._training: dict[tuple[int, Numbers, Balance], Rows] = {}
        self._validation: dict[tuple[int, Numbers], Rows] = {}

    def balanced(self, job: Job) -> BalancedRows:
        """The training rows of a job's fold under its balance, numbers shown as its point says."""
        key = (job.fold, job.point.numbers, job.point.augment_balance)
        if key not in self._balanced:
            seen = self.problem.seen_by(job.point)
            split = seen.splits[job.fold]
            self._balanced[key] = BalancedRows(
                split.x_train,
                split.y_train,
                weight=split.train_weight,
                balance=job.point.augment_balance,
                columns=seen.matrix_columns,
            )
        return self._balanced[key]

    def training(self, job: Job) -> Rows:
        """The same as a lane reads them."""
        key = (job.fold, job.point.numbers, job.point.augment_balance)
        if key not in self._training:
            part = self.balanced(job)
            self._training[key] = _rows(part.x, part.y, part.weight)
        return self._training[key]

    def validation(self, job: Job) -> Rows:
        """The rows that judge a job."""
        key = (job.fold, job.point.numbers)
        if key not in self._validation:
            split = self.problem.seen_by(job.point).splits[job.fold]
            self._validation[key] = _rows(split.x_valid, split.y_valid, split.valid_weight)
        return self._validation[key]


def _rows(x: NDArray[Any], y: NDArray[Any], weight: NDArray[Any] | None = None) -> Rows:
    """As compiled code wants them: of one type, whoever made them."""
    has_labels = y.dtype.kind == "i"
    return Rows(
        x=_plain(x, np.float32),
        y=np.empty((0, 0), np.float32) if has_labels else _plain(y, np.float32),
        label=_plain(y, np.int32) if has_labels else np.empty(0, np.int32),
        weight=_NONE if weight is None else _plain(weight, np.float32),
    )


def _plain(array: NDArray[Any], dtype: type) -> NDArray[Any]:
    """In rows, and writable, because compiled code tells arrays apart by that; copied only where it must be."""
    plain: NDArray[Any] = np.ascontiguousarray(array, dtype)
    return plain if plain.flags.writeable else plain.copy()


# --- a network in training -------------------------------------------------------------------------------------------


class _Network(NamedTuple):
    """A network and the room it is trained in."""

    state: State
    hyper: Hyper
    augment: Augment | None
    front: Front | None
    scratch: Scratch
    chunk: Chunk
    logits: Array  # of the validation rows, (n_valid, n_outputs)


class Lane:
    """One network in training. It goes on until nobody asks for another epoch: who drives it knows when it ends.

    Its methods are called one at a time; but `trained` and what is known of the epochs so far may be asked for while
    the next one is trained ahead.

    Args:
        job: What is trained.
        tables: Where it reads.
        settings: How it is trained.
    """

    def __init__(self, job: Job, tables: Tables, settings: Settings) -> None:
        self.job = job
        self.losses = (0.0, 0.0, 0.0)
        """Training loss, validation loss and penalty of the last epoch."""
        floor = loss_floor(tables.problem, job.fold)
        self._progress = Progress(job, settings.stopping, watch=never_stop, floor=floor)
        self._n_epochs = 0
        self._tables = tables
        self._settings = settings
        self._n_updates = n_updates(tables.balanced(job).n_rows, settings.stopping)
        self._network: _Network | None = None
        self._best: tuple[list[Array], Array] | None = None
        self._ahead: Future[tuple[tuple[float, float, float], float]] | None = None
        self._train_s = 0.0
        self._compile_s = 0.0

    @property
    def n_epochs(self) -> int:
        """Epochs trained, the one that diverged too."""
        return self._n_epochs

    @property
    def train_s(self) -> float:
        """Seconds of a core that its epochs took, without compiling: the same, whatever else the machine does."""
        return self._train_s - self._compile_s

    def train_epoch(self) -> None:
        """Train for an epoch, evaluate, and keep what is best so far."""
        ahead, self._ahead = self._ahead, None
        self.losses, train_s = self._epoch() if ahead is None else ahead.result()
        self._n_epochs += 1
        self._train_s += train_s
        self._keep_best()

    def train_ahead(self) -> None:
        """Train the next epoch, if there is one, before anybody asks for it: `train_epoch` has it then."""
        if self._progress.ended is not None or self._ahead is not None:
            return
        self._ahead = Future()
        try:
            self._ahead.set_result(self._epoch())
        except BaseException as error:
            self._ahead.set_exception(error)  # whoever asks for the epoch gets it

    def _epoch(self) -> tuple[tuple[float, float, float], float]:
        """Train for an epoch and evaluate: losses, and seconds of a core."""
        started = time.thread_time()
        if self._network is None:
            self._network = _network(self.job, self._tables, self._settings)
            self._compile_s = _compile(self._network, self._tables.training(self.job))
        state, hyper, augment, front, scratch, chunk, logits = self._network
        order, draws = _read(self.job, self._tables, self._settings.stopping, epoch=self._n_epochs + 1)
        step = self._n_epochs * self._n_updates
        learns_from, judged_by = self._tables.training(self.job), self._tables.validation(self.job)
        train_loss, penalty = lane.train(state, hyper, augment, learns_from, order, draws, front, scratch, step)
        losses = train_loss, lane.evaluate(_answering(state), hyper, judged_by, logits, front, chunk), penalty
        return losses, time.thread_time() - started

    def trained(self, *, error: str | None = None) -> Trained:
        """What the job came to so far, by its own end; with an error, that it failed."""
        weights, logits = None, np.empty((0, 0), np.float32)
        if self._best is not None:
            parts, logits = self._best
            n_features = self._tables.problem.seen_by(self.job.point).n_features
            weights = unpacked(self.job.point, *parts, n_features=n_features)
        return Trained(
            job=self.job,
            ended=self._progress.ended or Ended.FAILED,
            error=error,
            curve=self._progress.curve,
            best_epoch=self._progress.best_epoch,
            n_updates=self._progress.best_look * self._n_updates,
            valid_logits=logits,
            weights=weights,
            train_s=self._train_s,
            compile_s=self._compile_s,
        )

    def _keep_best(self) -> None:
        train_loss, valid_loss, penalty = self.losses
        self._progress.record(train_loss=train_loss, valid_loss=valid_loss, penalty=penalty)
        if self._progress.improved:
            assert self._network is not None
            state, logits = _answering(self._network.state), self._network.logits
            self._best = [array.copy() for array in (state.kernels, state.vectors, state.moving)], logits.copy()


def fit_updates(
    job: Job, tables: Tables, settings: Settings, *, n_updates: int, is_over: Callable[[], bool] = lambda: False
) -> tuple[list[Array], list[tuple[float, float]]]:
    """Train a network for so many updates, judged by nothing.

    Args:
        job: What is trained.
        tables: Where it reads.
        settings: How it is trained.
        n_updates: How many updates.
        is_over: Asked after every pass over the rows, whether to leave off: what was trained is not wanted any more.

    Returns:
        Its weights in the order of the Keras model's `get_weights()`; loss and penalty of every pass over the rows, the
        last one perhaps of part of a pass.
    """
    network = _network(job, tables, settings)
    rows, step = tables.training(job), 0
    history: list[tuple[float, float]] = []
    while step < n_updates and not is_over():
        order, draws = _read(job, tables, settings.stopping, epoch=len(history) + 1)
        left = n_updates - step
        loss, penalty = lane.train(
            network.state, network.hyper, network.augment, rows, order[:left], draws[:left], network.front,
            network.scratch, step,
        )  # fmt: skip
        history.append((loss, penalty))
        step += len(order[:left])
    state = _answering(network.state)
    n_features = tables.problem.seen_by(job.point).n_features
    weights = unpacked(job.point, state.kernels, state.vectors, state.moving, n_features=n_features)
    return weights, history


def _answering(state: State) -> State:
    """The network that answers: the running mean of its weights, where there is one, else where training stands."""
    if not len(state.mean_kernels):
        return state
    return state._replace(kernels=state.mean_kernels, vectors=state.mean_vectors, moving=state.mean_moving)


def _read(job: Job, tables: Tables, stopping: Stopping, *, epoch: int) -> tuple[NDArray[np.int32], Array]:
    """Rows and draws of all updates of an epoch, which may be several passes."""
    part, n_passes = tables.balanced(job), stopping.evaluate_every
    passes = range((epoch - 1) * n_passes + 1, epoch * n_passes + 1)
    batches = [cut_batches(part.order(job.seed, each), batch_size=stopping.batch_size) for each in passes]
    order = np.concatenate(batches)
    if not is_augmented(job.point):
        return order, np.empty((len(order), order.shape[1], 0), np.float32)
    drawn = [
        epoch_draws(
            job.seed, each, point=job.point, columns=tables.problem.seen_by(job.point).matrix_columns,
            n_updates=len(batches[0]), batch_size=order.shape[1],
        )
        for each in passes
    ]  # fmt: skip
    return order, np.concatenate(drawn)


def epoch_seconds(job: Job, tables: Tables, settings: Settings) -> float:
    """What an epoch of a job is thought to cost."""
    return n_updates(tables.balanced(job).n_rows, settings.stopping) * network_seconds(
        job.point,
        n_features=tables.problem.seen_by(job.point).n_features,
        batch_size=settings.stopping.batch_size,
    )


def n_updates(n_rows: int, stopping: Stopping) -> int:
    """Updates of an epoch that reads so many rows a pass."""
    return stopping.evaluate_every * batches_per_epoch(n_rows, batch_size=stopping.batch_size)


def load_programs() -> None:
    """Have the programs at hand before there is a network: loaded, or compiled where nothing is kept."""
    row = np.zeros((1, 1), np.float32)
    split = Split(x_train=row, y_train=row, x_valid=row, y_valid=row)
    head = Head(task=Task.REGRESSION, loss=Loss.MSE, n_outputs=1, target_names=("y",))
    job = Job(trial=0, point=Point(depth=1, width=1), seed=np.random.SeedSequence(0))
    stopping = Stopping(max_epochs=1, patience=1, min_delta=0.0, batch_size=1)
    Lane(job, Tables(Problem(head=head, splits=(split,))), Settings(stopping=stopping)).train_epoch()


def _compile(network: _Network, rows: Rows) -> float:
    """Compile by an epoch without updates, or load what another process compiled. Returns the seconds of a core."""
    started = time.thread_time()
    state, hyper, augment, front, scratch, chunk, logits = network
    if is_compiled(lane.evaluate, state, hyper, rows, logits, front, chunk):
        return 0.0
    order, draws = np.empty((0, len(scratch.x)), np.int32), np.empty((0, len(scratch.x), 0), np.float32)
    lane.train(state, hyper, augment, rows, order, draws, front, scratch, 0)
    nobody = Rows(x=rows.x[:0], y=rows.y[:0], label=rows.label[:0], weight=_NONE)
    lane.evaluate(state, hyper, nobody, logits[:0], front, chunk)
    return time.thread_time() - started


# --- its arrays ------------------------------------------------------------------------------------------------------


def _network(job: Job, tables: Tables, settings: Settings) -> _Network:
    """A network before its first update."""
    problem, point = tables.problem.seen_by(job.point), job.point
    n_features, n_outputs = problem.n_features, problem.head.n_outputs
    weights = initial_weights(point, n_features=n_features, n_outputs=n_outputs, seed=job.seed)
    state = _state(point, weights, settings, n_features=n_features, n_outputs=n_outputs)
    batch_size = min(settings.stopping.batch_size, tables.balanced(job).n_rows)
    front = make_front(point, n=batch_size)
    return _Network(
        state=state,
        hyper=_hyper(job, settings, loss=LOSSES.index(problem.head.loss)),
        augment=augmentation(point, problem.matrix_columns, n_outputs=n_outputs, batch_size=batch_size),
        front=front,
        scratch=_scratch(point, state, n_features=n_features, batch_size=batch_size),
        chunk=_chunk(point, state, n=CHUNK if front is None else batch_size),
        logits=np.empty((len(tables.validation(job).x), n_outputs), np.float32),
    )


def _hyper(job: Job, settings: Settings, *, loss: int) -> Hyper:
    """How a job is trained."""
    point, f = job.point, np.float32
    gain, shift, dropped = dropout_line(point)
    return Hyper(
        optimizer=OPTIMIZERS.index(settings.optimizer),
        loss=loss,
        activation=ACTIVATIONS.index(point.activation),
        batch_norm=point.batch_norm,
        learns_slope=point.activation is Activation.PRELU,
        residual=point.residual,
        learning_rate=f(point.learning_rate),
        momentum=f(settings.momentum),
        weight_decay=f(point.weight_decay),
        l1=f(point.l1),
        l2=f(point.l2),
        bias_l1=f(point.bias_l1),
        bias_l2=f(point.bias_l2),
        activity_l1=f(point.activity_l1),
        activity_l2=f(point.activity_l2),
        threshold=np.uint32(f(point.dropout) * f(2.0**32)),
        gain=f(gain),
        shift=f(shift),
        dropped=f(dropped),
        seed=augment_words(job.seed),
    )


def dropout_line(point: Point) -> tuple[float, float, float]:
    """Gain and shift of a unit that dropout keeps, and what a dropped one becomes.

    Source: Klambauer et al. 2017, arXiv 1706.02515, section "New dropout technique": selu's dropped units take its
    lower limit, and an affine map brings mean and variance back.
    """
    kept = 1.0 - point.dropout
    if point.activation is not Activation.SELU:
        return 1.0 / kept, 0.0, 0.0
    limit = -defaults.SELU_SCALE * defaults.SELU_ALPHA
    gain = float((kept * (1.0 + point.dropout * limit**2)) ** -0.5)
    shift = -gain * limit * point.dropout
    return gain, shift, gain * limit + shift


def _state(point: Point, weights: list[Array], settings: Settings, *, n_features: int, n_outputs: int) -> State:
    """A network before its first update."""
    kernels, vectors, moving = flat(point, weights)
    means = [part.copy() if settings.stopping.averaged else _NONE for part in (kernels, vectors, moving)]
    n_moments = N_MOMENTS[settings.optimizer]
    in_front = len(hidden_units(point)) - len(layer_sizes(point))
    shapes = kernel_shapes(point, n_features=n_features)
    n_channels = sum(hidden_units(point)[:in_front])
    return State(
        sizes=np.array([shapes[in_front][0], *layer_sizes(point), n_outputs], np.int64),
        starts=np.array([sum(map(prod, shapes[:in_front])), N_VECTORS * n_channels, 2 * n_channels], np.int64),
        kernels=kernels,
        vectors=vectors,
        moving=moving,
        kernel_moments=np.zeros((n_moments, len(kernels)), np.float32),
        vector_moments=np.zeros((n_moments, len(vectors)), np.float32),
        mean_kernels=means[0],
        mean_vectors=means[1],
        mean_moving=means[2],
    )


def _scratch(point: Point, state: State, *, n_features: int, batch_size: int) -> Scratch:
    """Room for the updates of a network."""
    sizes, units = state.sizes, hidden_units(point)
    hidden, n_outputs = sizes[1:-1], int(sizes[-1])
    block = batch_size * int(hidden.sum())
    widest = int(hidden.max()) if point.convolutions is None else int(sizes[:-1].max())
    penalised = bool(point.activity_l1 or point.activity_l2)
    keeps_z, keeps_f = keeps(point)
    kernels = [*kernel_shapes(point, n_features=n_features), (units[-1], n_outputs)]

    def room(*shape: int) -> Array:
        return np.empty(shape, np.float32)

    return Scratch(
        x=room(batch_size, n_features),
        y=room(batch_size, n_outputs),
        weight=room(batch_size),
        z=room(block if keeps_z else 0),
        out=room(block),
        slope=room(block if keeps_f else 0),
        gate=room(block if point.dropout else 0),
        pull=room(block if penalised else 0),
        total=room(block if point.residual else 0),
        skip=room(batch_size * widest if point.residual else 0),
        d=room(2, batch_size * widest),
        gradient=room(max(map(prod, kernels))),
        vector_gradient=room(max(N_VECTORS * max(units), n_outputs)),
        unit=room(N_VECTORS * sum(units)),
        logits=room(batch_size, n_outputs),
        row_loss=room(batch_size),
    )


def _chunk(point: Point, state: State, *, n: int) -> Chunk:
    """Room for the evaluation of a network, so many rows at a time."""
    widest, n_outputs = int(state.sizes[1:-1].max()), int(state.sizes[-1])
    return Chunk(
        unit=np.empty_like(state.vectors),
        fed=np.empty((2, n * widest), np.float32),
        slope=np.empty(n * widest if keeps_slope(point.activation) else 0, np.float32),
        y=np.empty((n, n_outputs), np.float32),
        gradient=np.empty((n, n_outputs), np.float32),
        row_loss=np.empty(n, np.float32),
    )


def augmentation(point: Point, columns: MatrixColumns, *, n_outputs: int, batch_size: int) -> Augment | None:
    """What is done to a network's rows; None: nothing."""
    if not is_augmented(point):
        return None
    return Augment(
        warped=is_warped(point),
        mixed=mixes_rows(point),
        noise=np.float32(point.augment_noise),
        swap=np.float32(point.augment_swap),
        image=np.array(columns.image or (0, 0, 0), np.int64),
        cell=_plain(columns.cell, np.int32),
        is_number=_plain(columns.is_number, np.bool_),
        before=np.empty((batch_size, len(columns.cell)), np.float32),
        y_before=np.empty((batch_size, n_outputs), np.float32),
        weight_before=np.empty(batch_size, np.float32),
    )


def lane_bytes(job: Job, problem: Problem, settings: Settings) -> int:
    """Memory that a lane takes while it trains, the rows apart, which all lanes share.

    Its parameters, their mean, the optimiser's running averages and the best of them so far; its room; rows of one
    epoch in their order, and what is drawn for them; its predictions on validation rows, and the best of those.
    """
    point, problem = job.point, problem.seen_by(job.point)
    split, n_outputs, units = problem.splits[job.fold], problem.head.n_outputs, hidden_units(point)
    kernels = [*kernel_shapes(point, n_features=problem.n_features), (units[-1], n_outputs)]
    hidden = layer_sizes(point)
    widest = max(hidden) if point.convolutions is None else max(*hidden, point.convolutions.n_features)
    batch_size = min(settings.stopping.batch_size, len(split.x_train))
    n_chunk = CHUNK if point.convolutions is None else batch_size
    blocks = 1 + sum(keeps(point)) + bool(point.dropout) + bool(point.activity_l1 or point.activity_l2) + point.residual
    room = batch_size * (blocks * sum(hidden) + (2 + point.residual) * widest + problem.n_features + 3 * n_outputs)
    room += max(map(prod, kernels)) + (2 + keeps_slope(point.activation)) * n_chunk * max(hidden)
    n_parameters = sum(map(prod, kernels)) + 6 * sum(units)
    parameters = (2 + settings.stopping.averaged + N_MOMENTS[settings.optimizer]) * n_parameters
    n_predictions = 2 * len(split.x_valid) * n_outputs
    if is_augmented(point):
        room += batch_size * (problem.n_features + n_outputs) + n_draws(problem.matrix_columns) * len(split.x_train)
    return front_bytes(point, n=batch_size) + 4 * (parameters + room + n_predictions + len(split.x_train))
