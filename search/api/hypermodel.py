"""A space as KerasTuner's own tuners search it, and the notes that `importing.py` makes a run folder of.

tuner.search() -> build(hp): a point, its network -> fit(hp, model): trained as the space says, on the space's rows
                                                 then PROJECT/ffsearch.json, PROJECT/trial_*/ffsearch.json
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import keras
import keras_tuner
from keras_tuner.errors import FatalTypeError

from ffsearch.search.api.importing import NOTES
from ffsearch.search.base.files import write_atomically
from ffsearch.search.base.seeds import Purpose, child
from ffsearch.search.engines.keras_tuner_space import KerasTunerSpace
from ffsearch.search.evidence.metrics import metric_values
from ffsearch.search.evidence.scoring import naive_value, predictions_from_logits, truth_of
from ffsearch.search.folder.summary import SearchFacts
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.network.heads import mean_loss
from ffsearch.search.network.model import build_network
from ffsearch.search.network.topology import Numbers, Point, describe, n_params
from ffsearch.search.steps.inputs import Inputs, read_inputs, requested
from ffsearch.search.steps.opening import facts_of
from ffsearch.search.training.early_stopping import Progress, loss_floor
from ffsearch.search.training.keras_trainer import BatchFeed, compile_network, predictor
from ffsearch.search.training.protocol import Ended, Job, never_stop
from ffsearch.search.training.stopping import stopping_for
from ffsearch.spaces.overrides import Overrides
from ffsearch.spaces.schema import SearchSpace
from ffsearch.spaces.writer import space_to_yaml

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SpaceHyperModel", "hypermodel"]

_OF_FIT: Final = frozenset({"epochs", "initial_epoch", "callbacks", "verbose"})
"""What a tuner may say of a training; everything else is the space's."""


def hypermodel(
    space: str | PathLike[str],
    *,
    data: str | PathLike[str] | pd.DataFrame | None = None,
    target: str | list[str] | None = None,
    overrides: Overrides = (),
) -> SpaceHyperModel:
    """A space as a `keras_tuner.HyperModel`, which any of KerasTuner's tuners can search.

    It brings its own rows, so `search` is called without any. `ffsearch import-kt` makes a run folder of what is found.

    Args:
        space: A space file, or the name of a shipped one.
        data: A file or a frame, of pandas, Polars or Arrow, to use instead of the file's `data.source`.
        target: The target column, or several, instead of the file's.
        overrides: Other values instead of the file's.

    Raises:
        SpaceError: If the space cannot be used.
        DataError: If the table cannot be used.

    Example:
        >>> import keras_tuner
        >>> hypermodel = ffsearch.hypermodel("tabular", data="sklearn:wine", overrides={"train.max_epochs": 2})
        >>> tuner = keras_tuner.RandomSearch(hypermodel, objective=hypermodel.objective, max_trials=1, directory=folder)
        >>> tuner.search(verbose=0)
    """
    return SpaceHyperModel(read_inputs(requested(space, data=data, target=target, overrides=overrides)))


class SpaceHyperModel(keras_tuner.HyperModel):  # type: ignore[misc]  # KerasTuner publishes no types
    """Builds and trains the points of a space; make one with `hypermodel`.

    Networks keep their last weights, not the mean of them, for a tuner saves what it trains. A space with folds is
    searched on the first of them: KerasTuner trains a network once, or several times on the same
    rows (`executions_per_trial`).

    Args:
        inputs: Space and table, read.
    """

    def __init__(self, inputs: Inputs[SearchSpace]) -> None:
        super().__init__(name=inputs.name)
        self._inputs = inputs
        self._space = KerasTunerSpace(inputs.space.parameters)
        self._problem = inputs.prepared.problem()
        self._stopping = stopping_for(inputs.space.train, len(self._problem.splits[0].x_train))
        self._feeds: dict[Numbers, BatchFeed] = {}
        self._n_built = 0

    @property
    def objective(self) -> keras_tuner.Objective:
        """What to give a tuner as `objective`: the space's, on the validation rows, in the user's unit."""
        chosen = self._inputs.objective
        return keras_tuner.Objective(f"val_{chosen.name}", direction=chosen.direction[:3])

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """The compiled network of a point; every one that is built has initial weights of its own."""
        point = self._space.point(self._space.register(hp))
        self._n_built += 1
        head, train = self._problem.head, self._inputs.space.train
        n_features = self._problem.seen_by(point).n_features
        network = build_network(point, head=head, n_features=n_features, seed=self._job(point).seed)
        compile_network(
            network,
            point=point,
            head=head,
            optimizer=train.optimizer,
            momentum=train.momentum,
            n_updates=self._n_updates(point),
        )
        return network

    def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        """Train as the space says; a tuner that gives epochs of its own, as Hyperband does, has its way.

        Raises:
            FatalTypeError: If rows are given, or anything else that the space says.
        """
        if args or not _OF_FIT.issuperset(kwargs):
            given = [*(["rows"] if args else []), *sorted(kwargs.keys() - _OF_FIT)]
            raise FatalTypeError(
                f"search() was given {', '.join(given)}. A space brings its own rows and says how to train on them: "
                f"call search() without; legal are {', '.join(sorted(_OF_FIT))}."
            )
        point = self._space.point(self._space.register(hp))
        callbacks = list(kwargs.pop("callbacks", None) or [])
        training = _Training(self, self._job(point))
        n_done = kwargs.get("initial_epoch", 0) * self._stopping.evaluate_every
        history = model.fit(
            self._feed(point).dataset(self._job(point).seed, point, first_epoch=1 + n_done),
            **{"epochs": self._stopping.max_epochs, "verbose": 0, **kwargs},
            steps_per_epoch=self._n_updates(point),
            shuffle=False,
            callbacks=[training, *callbacks],  # first, so that the others find the objective in the logs
        )
        self._note(training, callbacks)
        return history

    def _n_updates(self, point: Point) -> int:
        """Updates of what KerasTuner calls an epoch: as many of ours as lie between two evaluations."""
        return self._stopping.evaluate_every * self._feed(point).n_updates(point)

    def _feed(self, point: Point) -> BatchFeed:
        """The batches of the training rows as a point is shown them, made when first asked for."""
        if point.numbers not in self._feeds:
            seen = self._problem.seen_by(point)
            self._feeds[point.numbers] = BatchFeed.of_split(seen, 0, batch_size=self._stopping.batch_size)
        return self._feeds[point.numbers]

    def _job(self, point: Point) -> Job:
        """The network built last; KerasTuner trains a network before it builds the next."""
        return Job(
            trial=self._n_built, point=point, seed=child(self._inputs.space.search.seed, Purpose.TRIAL, self._n_built)
        )

    def _note(self, training: _Training, callbacks: Iterable[Any]) -> None:
        """Leave notes where the tuner leaves its own, which only its callback knows."""
        for callback in callbacks:
            tuner, trial = getattr(callback, "tuner", None), getattr(callback, "trial", None)
            if tuner is None or trial is None:
                continue
            folder = Path(tuner.project_dir)
            _write(folder / NOTES, self._facts(type(tuner).__name__))
            _write(
                folder / f"trial_{trial.trial_id}" / NOTES,
                training.record(self._n_updates(training.job.point)).as_dict(),
            )

    def _facts(self, tuner: str) -> dict[str, Any]:
        """What a run folder says of a run before its first trial."""
        inputs = self._inputs
        search = SearchFacts(
            engine="keras-tuner", sampler=tuner, pruner="none", trainer="keras", seed=inputs.space.search.seed
        )
        return {
            "space": space_to_yaml(inputs.space),
            "identity": inputs.identity,
            "facts": facts_of(inputs, search=search).as_dict(),
            **inputs.prepared.described(),
        }


class _Training(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """One training: puts the objective into the logs, ends it as the space says, and knows what it came to."""

    def __init__(self, owner: SpaceHyperModel, job: Job) -> None:
        super().__init__()
        self.job = job
        self._inputs, self._head = owner._inputs, owner._problem.head
        self._split = owner._problem.seen_by(job.point).splits[0]
        self._worst = naive_value(owner._problem, owner._inputs.objective)
        self._progress = Progress(job, owner._stopping, watch=never_stop, floor=loss_floor(owner._problem, 0))
        self._metrics: dict[str, float] = {}
        self._began = time.perf_counter()

    def on_train_begin(self, logs: object = None) -> None:  # noqa: ARG002  (Keras' hook)
        """Trace the evaluation once, when Keras has given the callback its model."""
        self._predict = predictor(self.model)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:  # noqa: ARG002  (Keras' hook)
        """Evaluate. What diverged gets the score of guessing: an infinite one becomes 0 in KerasTuner's model."""
        logits = self._predict(self._split.x_valid)
        truth = truth_of(self._head, self._split.y_valid, scale=self._split.target_scale)
        predictions = predictions_from_logits(self._head, logits, scale=self._split.target_scale)
        self._progress.record(
            train_loss=logs["data_loss"],
            valid_loss=mean_loss(self._head, self._split.y_valid, logits, weight=self._split.valid_weight),
            penalty=max(0.0, logs["loss"] - logs["data_loss"]),
        )
        diverged = self._progress.ended is Ended.DIVERGED
        metrics = {} if diverged else metric_values(self._head.task, truth, predictions, self._split.valid_weight)
        if self._progress.improved:
            self._metrics = metrics
        value = metrics.get(self._inputs.objective.name, math.nan)
        for name, logged in logs.items():  # KerasTuner warns of a metric that never was a number
            logs[name] = math.inf if math.isnan(logged) else logged
        logs[f"val_{self._inputs.objective.name}"] = value if math.isfinite(value) else self._worst
        self.model.stop_training = self._progress.ended is not None

    def record(self, n_updates: int) -> TrialRecord:
        """What a run folder keeps of a trial, number and value apart, which are KerasTuner's to say.

        Args:
            n_updates: Updates between two evaluations.
        """
        progress, point = self._progress, self.job.point
        size = {"n_features": self._split.x_train.shape[1], "n_outputs": self._head.n_outputs}
        return TrialRecord(
            trial=0,
            point=point,
            topology=describe(point, **size),
            n_params=n_params(point, **size),
            value=None,
            valid_loss=float(progress.curve.valid_loss.min()) if progress.best_epoch else None,
            metrics=self._metrics,
            ended=progress.ended or Ended.COMPLETED,
            best_epoch=progress.best_epoch,
            n_epochs=progress.curve.n_epochs,
            n_updates=progress.best_look * n_updates,
            train_s=time.perf_counter() - self._began,
            compile_s=0.0,
            seed=tuple(map(int, (self._inputs.space.search.seed, *self.job.seed.spawn_key))),
            curve=progress.curve,
        )


def _write(path: Path, values: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(values, allow_nan=False).encode())
