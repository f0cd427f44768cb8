"""A space searched by KerasTuner's own tuners, and what they found as a run folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
import pandas as pd
import pytest
from keras_tuner.errors import FatalTypeError

import ffsearch
from ffsearch.errors import RunError
from ffsearch.search.api.importing import import_kt
from ffsearch.search.cli import invoke

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*(currentThread|getName).*:DeprecationWarning"),  # KerasTuner's lock
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras' weights to HDF5
]

OVERRIDES = {
    "data.rows": 150,
    "space.depth": {"type": "int", "low": 1, "high": 2},
    "space.width": {"type": "int", "low": 8, "high": 16, "log": True},
    "train.max_epochs": 3,
    "train.batch_size": 32,
}

TUNERS: dict[str, dict[str, Any]] = {
    "RandomSearch": {"max_trials": 2},
    "BayesianOptimization": {"max_trials": 2},
    "Hyperband": {"max_epochs": 2, "factor": 2},
}


class Searched:
    """Breast cancer, searched by the tuner that is asked for: two trials (Hyperband's smallest sweep is of five)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self.done:
            hypermodel = ffsearch.hypermodel("tabular", overrides=OVERRIDES)
            self.done[name] = getattr(keras_tuner, name)(
                hypermodel, objective=hypermodel.objective, directory=self.folder, project_name=name, seed=1,
                **TUNERS[name],
            )  # fmt: skip
            self.done[name].search(verbose=0)
        return self.done[name]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    return Searched(tmp_path_factory.mktemp("kt"))


@pytest.mark.parametrize(
    "name",
    ["RandomSearch", *(pytest.param(name, marks=pytest.mark.slow) for name in ("BayesianOptimization", "Hyperband"))],
)
def test_every_tuner_searches_it_and_the_import_shows_the_same_best_value(
    name: str, searched: Searched, tmp_path: Path
) -> None:
    tuner = searched[name]
    run = import_kt(tuner.project_dir, out=tmp_path / "run")
    trials = list(tuner.oracle.trials.values())
    assert len(run.records) == len(trials) == (5 if name == "Hyperband" else 2)
    best = tuner.oracle.get_best_trials()[0]
    assert run.best is not None
    assert run.best["valid"] == best.score
    assert [record.value for record in run.records] == [
        tuner.oracle.trials[id_].score for id_ in tuner.oracle.start_order
    ]
    assert run.summary["search"]["sampler"] == name
    assert run.is_finished
    assert len(run.study.trials) == len(trials)


def test_what_is_imported_is_shown_and_reported(
    searched: Searched, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project, out = searched["RandomSearch"].project_dir, tmp_path / "run"
    assert invoke(["import-kt", project, "--out", str(out)]) == 0
    assert "2 trials" in capsys.readouterr().out
    assert (out / "report.html").read_text().count("completed at 3") >= 2
    assert invoke(["import-kt", project, "--out", str(out)]) == 0  # again: nothing is doubled
    assert len(ffsearch.load(out).records) == 2


def test_the_best_model_answers_as_it_did(searched: Searched) -> None:
    """KerasTuner builds the network anew and loads the weights it kept: the point alone must say what it is."""
    tuner = searched["RandomSearch"]
    (model,) = tuner.get_best_models()
    split = tuner.hypermodel._problem.splits[0]
    logits = model.predict(split.x_valid, verbose=0)
    loss = np.mean(np.logaddexp(0, logits) - split.y_valid * logits)
    assert loss == pytest.approx(tuner.oracle.get_best_trials()[0].score, rel=1e-5)


def test_what_the_space_says_is_not_said_again(tmp_path: Path) -> None:
    hypermodel = ffsearch.hypermodel("tabular", overrides=OVERRIDES)
    hp = keras_tuner.HyperParameters()
    model = hypermodel.build(hp)
    assert set(hp.values) == set(hypermodel._space.searched)
    with pytest.raises(
        FatalTypeError, match=r"search\(\) was given rows, validation_data\. .* call search\(\) without"
    ):
        hypermodel.fit(hp, model, np.zeros((2, 30)), validation_data=None)


def test_a_diverged_network_scores_as_guessing_does(tmp_path: Path) -> None:
    rows = pd.DataFrame({"x": np.linspace(-1, 1, 60), "y": np.linspace(0, 1e3, 60)})
    hypermodel = ffsearch.hypermodel(
        "tabular",
        data=rows,
        target="y",
        overrides={**OVERRIDES, "data.rows": None, "train.optimizer": "sgd", "space.learning_rate": 1e30},
    )
    tuner = keras_tuner.RandomSearch(
        hypermodel, objective=hypermodel.objective, directory=tmp_path, project_name="cliff", max_trials=1, seed=1
    )
    tuner.search(verbose=0)
    (trial,) = tuner.oracle.trials.values()
    assert trial.score == pytest.approx(rows["y"].std(), rel=0.5)
    run = import_kt(tuner.project_dir, out=tmp_path / "run")
    assert [str(record.ended) for record in run.records] == ["diverged"]
    assert run.best is None


def test_other_folders_are_refused_with_what_to_give(searched: Searched, tmp_path: Path) -> None:
    project = Path(searched["RandomSearch"].project_dir)
    with pytest.raises(RunError, match=r"no oracle\.json\. It holds the projects .*RandomSearch: give one"):
        import_kt(project.parent)
    with pytest.raises(RunError, match=r"is not a project of KerasTuner.*Give directory/project_name"):
        import_kt(tmp_path)
    copy = tmp_path / "other"
    shutil.copytree(project, copy)
    (copy / "ffsearch.json").unlink()
    with pytest.raises(RunError, match=r"not searched with ffsearch\.hypermodel"):
        import_kt(copy)
    shutil.copytree(project, tmp_path / "broken")
    (tmp_path / "broken" / "oracle.json").write_text("{")
    with pytest.raises(RunError, match=r"oracle\.json cannot be read"):
        import_kt(tmp_path / "broken", out=tmp_path / "run")


def test_notes_are_strict_json(searched: Searched) -> None:
    for notes in Path(searched["RandomSearch"].project_dir).rglob("ffsearch.json"):
        json.loads(notes.read_text(), parse_constant=lambda word: pytest.fail(word))
