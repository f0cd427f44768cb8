"""`ffsearch report --tensorboard DIR`: the trials of a run for TensorBoard's HParams and Scalars pages.

    DIR/events.out.tfevents...          what was searched, and which metrics there are
    DIR/trial-014/events.out.tfevents...  its hyperparameters, curves, final metrics, and how it ended

Event files are written record by record, so that TensorFlow is not loaded; times are those of the run, so that the same
run gives the same bytes.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.plugins.hparams import summary_v2 as hp
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo
from tensorboard.summary.writer.record_writer import RecordWriter

from ffsearch.errors import ExportError
from ffsearch.search.base.files import move_folder
from ffsearch.search.exporting.trial_facts import CURVES, SIZES, finals_of, names_of, seconds_of
from ffsearch.search.folder.reader import StoredRun
from ffsearch.search.training.protocol import Ended

__all__ = ["write_tensorboard"]

_PREFIX: Final = "events.out.tfevents."
_SUFFIX: Final = ".ffsearch"


def write_tensorboard(run: StoredRun, out: str | os.PathLike[str]) -> Path:
    """Write the trials of a run for `tensorboard --logdir`.

    Args:
        run: The run; it may go on still.
        out: Folder to write. What an earlier call wrote there is replaced as a whole.

    Returns:
        The folder.

    Raises:
        ExportError: If no trial has ended, other files are in the folder, or it cannot be written; nothing is changed
            then.
    """
    target = Path(out)
    if run.trials.empty:
        raise ExportError(f"{run.path} has no trial that ended. Give the run's command again, then this one.")
    try:
        target = target.resolve()
        _refuse_place(target)
        above = next(folder for folder in target.parents if folder.is_dir())
        with tempfile.TemporaryDirectory(prefix=".ffsearch-tensorboard-", dir=above) as work:
            _write(run, Path(work) / "new")
            target.parent.mkdir(parents=True, exist_ok=True)
            move_folder(Path(work) / "new", target)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = getattr(error, "strerror", None) or error
        raise ExportError(
            f"--tensorboard {os.fspath(out)!r} could not be written: {reason}. Free some space, or name another folder."
        ) from error
    return target


def _refuse_place(target: Path) -> None:
    """Leave alone what no earlier call wrote."""
    if target.exists() and not target.is_dir():
        raise ExportError(f"--tensorboard {str(target)!r} is a file. Name a folder, which is made where there is none.")
    foreign = [path for path in target.rglob("*") if not ((path.is_dir() and not path.is_symlink()) or _is_ours(path))]
    if foreign:
        raise ExportError(
            f"--tensorboard {str(target)!r} holds files that are not of this command, such as "
            f"{str(min(foreign).relative_to(target))!r}, so it is not replaced. Name a new folder, or one in it."
        )


def _is_ours(path: Path) -> bool:
    return path.name.startswith(_PREFIX) and path.name.endswith(_SUFFIX)


def _write(run: StoredRun, folder: Path) -> None:
    trials, curves = run.trials, dict(iter(run.curves.groupby("trial")))
    hparams = _searched(trials)
    digits = max(3, len(str(trials["trial"].max())))
    begun = min(seconds_of(ended) for ended in trials["ended_at"])
    config = hp.hparams_config_pb(hparams.values(), _metrics(run), time_created_secs=begun)
    _write_events(folder, [Event(wall_time=begun, summary=config)], at=begun)
    for row in trials.to_dict("records"):
        number = int(row["trial"])
        _write_events(
            folder / f"trial-{number:0{digits}}",
            _trial_events(row, curves.get(number), hparams),
            at=seconds_of(row["ended_at"]),
        )


def _searched(trials: pd.DataFrame) -> dict[str, Any]:
    """The parameters that differ between trials, by column: what was the same everywhere fills no axis."""
    columns = [f"point.{name}" for name in names_of(trials, "point.")]
    columns = [name for name in columns if trials[name].nunique(dropna=False) > 1]
    return {name: hp.HParam(name.removeprefix("point."), _domain(trials[name].dropna())) for name in columns}


def _domain(values: pd.Series[Any]) -> Any:
    """What a parameter ranges over, as tried; TensorBoard filters by it."""
    if pd.api.types.is_bool_dtype(values):
        return hp.Discrete([False, True])
    if pd.api.types.is_integer_dtype(values):
        return hp.IntInterval(int(values.min()), int(values.max()))
    if pd.api.types.is_float_dtype(values):
        return hp.RealInterval(float(values.min()), float(values.max()))
    return hp.Discrete(sorted({str(value) for value in values}))


def _metrics(run: StoredRun) -> list[Any]:
    """The columns of the HParams page, the objective first."""
    objective = run.results.objective
    return [
        hp.Metric(
            "value",
            display_name=f"value ({objective.name})",
            description=f"What the search had to {objective.direction}",
        ),
        *(hp.Metric(f"metric/{name}", display_name=name) for name in names_of(run.trials, "metric.")),
        *(hp.Metric(name, display_name=name) for name in SIZES),
    ]


def _trial_events(row: Mapping[Any, Any], curve: pd.DataFrame | None, hparams: Mapping[str, Any]) -> list[Event]:
    """A trial from its hyperparameters to how it ended; final numbers stand at the epoch whose weights were kept."""
    at, last = seconds_of(row["ended_at"]), int(row["best_epoch"]) if pd.notna(row["best_epoch"]) else 0
    point = {hparam: _plain(row[name]) for name, hparam in hparams.items() if pd.notna(row[name])}
    start = hp.hparams_pb(point, trial_id=f"trial {row['trial']}", start_time_secs=at - float(row["train_s"]))
    losses = [] if curve is None else curve.to_dict("records")
    status = api_pb2.STATUS_SUCCESS if Ended(row["ended"]).has_value else api_pb2.STATUS_FAILURE
    return [
        Event(wall_time=at, summary=start),
        *(_scalar(name, loss[name], step=int(loss["epoch"]), at=at) for loss in losses for name in CURVES),
        *(_scalar(name, value, step=last, at=at) for name, value in finals_of(row, prefix="metric/").items()),
        Event(wall_time=at, summary=_end(status, at)),
    ]


def _plain(value: Any) -> Any:
    """A value as HParams knows them: truth, number or text."""
    return value if isinstance(value, bool | int | float) else str(value)


def _scalar(tag: str, value: float, *, step: int, at: float) -> Event:
    return Event(wall_time=at, step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=float(value))]))


def _end(status: int, at: float) -> Summary:
    """How a trial ended; tensorboard's own function for it would load TensorFlow."""
    content = HParamsPluginData(session_end_info=SessionEndInfo(status=status, end_time_secs=at))
    value = Summary.Value(
        tag=metadata.SESSION_END_INFO_TAG,
        metadata=metadata.create_summary_metadata(content),
        tensor=metadata.NULL_TENSOR,
    )
    return Summary(value=[value])


def _write_events(folder: Path, events: Sequence[Event], *, at: float) -> None:
    """Write one event file, as TensorFlow frames them."""
    folder.mkdir()
    first: Iterable[Event] = (Event(wall_time=at, file_version="brain.Event:2"),)
    with (folder / f"{_PREFIX}{int(at):010d}{_SUFFIX}").open("wb") as file:
        writer = RecordWriter(file)
        for event in (*first, *events):
            writer.write(event.SerializeToString())
