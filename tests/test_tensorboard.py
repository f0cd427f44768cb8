"""`ffsearch report --tensorboard`: what it writes is read back by TensorBoard's own readers."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams.metadata import EXPERIMENT_TAG, SESSION_END_INFO_TAG, SESSION_START_INFO_TAG
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

import ffsearch
from ffsearch.errors import ExportError
from ffsearch.search.cli import invoke
from ffsearch.search.exporting.tensorboard import write_tensorboard
from systems import needs_posix

STORED = Path(__file__).parent / "data" / "run.zip"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ffsearch.Run:
    folder = tmp_path_factory.mktemp("stored") / "iris"
    with zipfile.ZipFile(STORED) as stored:
        stored.extractall(folder)
    return ffsearch.load(folder)


@pytest.fixture(scope="module")
def board(run: ffsearch.Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tensorboard(run, tmp_path_factory.mktemp("board") / "made" / "here")


def events(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder)).Reload()


def plugin_data(read: EventAccumulator, tag: str) -> HParamsPluginData:
    return HParamsPluginData.FromString(read.SummaryMetadata(tag).plugin_data.content)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_trial_has_its_folder(run: ffsearch.Run, board: Path) -> None:
    assert sorted(path.name for path in board.iterdir() if path.is_dir()) == [f"trial-{n:03d}" for n in range(16)]


def test_curves_and_metrics_are_those_of_the_run(run: ffsearch.Run, board: Path) -> None:
    for row in run.trials.to_dict("records"):
        read = events(board / f"trial-{row['trial']:03d}")
        curve = run.curves[run.curves["trial"] == row["trial"]]
        for name in ("train_loss", "valid_loss"):
            assert [scalar.step for scalar in read.Scalars(name)] == curve["epoch"].tolist()
            np.testing.assert_array_equal([scalar.value for scalar in read.Scalars(name)], curve[name])
        for tag, column in (("value", "value"), ("metric/accuracy", "metric.accuracy"), ("n_params", "n_params")):
            (final,) = read.Scalars(tag)
            assert final.value == np.float32(row[column])
            assert final.step == row["best_epoch"]


def test_hyperparameters_are_those_that_were_tried(run: ffsearch.Run, board: Path) -> None:
    experiment = plugin_data(events(board), EXPERIMENT_TAG).experiment
    infos = {info.name: info for info in experiment.hparam_infos}
    assert {"depth", "width", "activation", "batch_norm", "learning_rate"} <= infos.keys()
    assert "augment_noise" not in infos
    assert infos["learning_rate"].domain_interval.max_value == run.trials["point.learning_rate"].max()
    assert experiment.metric_infos[0].display_name == "value (log_loss)"
    for row in run.trials.to_dict("records"):
        read = events(board / f"trial-{row['trial']:03d}")
        tried = plugin_data(read, SESSION_START_INFO_TAG).session_start_info.hparams
        assert tried.keys() == infos.keys()
        assert tried["depth"].number_value == row["point.depth"]
        assert tried["activation"].string_value == row["point.activation"]
        assert tried["batch_norm"].bool_value == row["point.batch_norm"]
        assert tried["learning_rate"].number_value == row["point.learning_rate"]


@pytest.mark.parametrize(
    ("ended", "status"), [("pruned", api_pb2.STATUS_SUCCESS), ("diverged", api_pb2.STATUS_FAILURE)]
)
def test_how_a_trial_ended_and_what_it_lacks(run: ffsearch.Run, tmp_path: Path, ended: str, status: int) -> None:
    changed = ffsearch.load(run.path)
    trials = changed.trials
    trials.loc[3, ["ended", "value"]] = [ended, np.nan]
    trials.loc[3, "point.activation"] = "<script>alert('é\u202e')</script>"
    read = events(write_tensorboard(changed, tmp_path / "board") / "trial-003")
    assert plugin_data(read, SESSION_END_INFO_TAG).session_end_info.status == status
    assert "value" not in read.Tags()["scalars"]
    tried = plugin_data(read, SESSION_START_INFO_TAG).session_start_info.hparams
    assert tried["activation"].string_value == "<script>alert('é\u202e')</script>"


@needs_posix("Windows allows no such names")
def test_a_second_call_replaces_the_first_with_the_same_bytes(run: ffsearch.Run, tmp_path: Path) -> None:
    out = tmp_path / "<b> 'ä' \u202e \n x"
    first = contents(write_tensorboard(run, out))
    (out / "trial-015").rename(out / "trial-999")
    assert contents(write_tensorboard(run, out)) == first
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_files_of_others_are_left_alone(run: ffsearch.Run, tmp_path: Path) -> None:
    write_tensorboard(run, tmp_path / "board")
    (tmp_path / "board" / "trial-003" / "thesis.txt").write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(ExportError, match=r"thesis\.txt.*not replaced"):
        write_tensorboard(run, tmp_path / "board")
    assert contents(tmp_path) == before


def test_what_fails_half_way_leaves_the_old_one(
    run: ffsearch.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tensorboard(run, tmp_path / "board")
    before = contents(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ffsearch.search.exporting.tensorboard.RecordWriter.write", full)
    with pytest.raises(ExportError, match="No space left"):
        write_tensorboard(run, tmp_path / "board")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("more", [["--compare"], ["--out", "page.html"], ["--open"]])
def test_the_command_refuses_what_is_of_the_page(
    run: ffsearch.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    assert invoke(["report", str(run.path), "--tensorboard", str(tmp_path / "board"), *more]) == 2
    assert "--tensorboard takes one run" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_command_says_what_to_do_next(
    run: ffsearch.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert invoke(["report", str(run.path), "--tensorboard", str(tmp_path / "file")]) == 2
    assert "is a file" in capsys.readouterr().err
    assert invoke(["report", str(run.path), "--tensorboard", str(tmp_path / "board")]) == 0
    assert f"tensorboard --logdir {tmp_path / 'board'}" in capsys.readouterr().out


def test_no_tensorflow_is_loaded(run: ffsearch.Run, tmp_path: Path) -> None:
    program = (
        "import sys\nfrom ffsearch.search.cli import invoke\n"
        "assert invoke(['report', sys.argv[1], '--tensorboard', sys.argv[2]]) == 0\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-c", program, str(run.path), str(tmp_path / "board")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
