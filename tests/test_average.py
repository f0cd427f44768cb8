"""The mean of several networks as one model: what it answers, in every format, and what a run says of it."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ffsearch
from ffsearch.errors import SpaceError
from ffsearch.reports.html import build_page
from ffsearch.search.cli import invoke
from ffsearch.search.exporting import runtimes
from ffsearch.search.exporting.export import export_run
from ffsearch.search.exporting.formats import Format
from ffsearch.search.folder.reader import MODEL
from ffsearch.search.network.heads import Task, mean_logits, probabilities
from ffsearch.search.network.topology import Point
from ffsearch.search.network.weights import initial_weights
from ffsearch.search.serving.packaged import load_packaged, only_first
from ffsearch.search.serving.packaging import largest_difference
from ffsearch.search.steps.mean_networks import FIRST_BESIDE
from ffsearch.search.training import refit
from ffsearch.search.wording.language import LANGUAGES
from model_examples import HEADS, POINT, a_model, mixed_table, preprocessor_of, spoilt

FORMATS = [one for one in Format if one is not Format.ONNX or find_spec("tf2onnx")]

SETTINGS: dict[str, Any] = {
    "model": "average",
    "search.trials": 2,
    "search.sampler": "random",
    "train.max_epochs": 4,
    "data.valid": {"holdout": 0.2},
    "space": {
        "depth": 1,
        "width": {"type": "int", "low": 4, "high": 32},
        "learning_rate": {"type": "float", "low": 0.01, "high": 0.05, "log": True},
    },
    "evidence": {"finalists": 1, "repeats": 2, "effects": 0},
}


def networks(point: Point, task: Task, n_features: int, n: int = 3) -> list[Any]:
    head = HEADS[task]
    return [
        initial_weights(point, n_features=n_features, n_outputs=head.n_outputs, seed=np.random.SeedSequence(seed))
        for seed in range(n)
    ]


# --- the model -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", Task)
@pytest.mark.parametrize("temperature", [pytest.param(None, marks=pytest.mark.slow), 1.7])
def test_it_answers_with_the_mean_of_what_each_network_answers(
    tmp_path: Path, task: Task, temperature: float | None
) -> None:
    preprocessor, rows = preprocessor_of(mixed_table()), spoilt(mixed_table(300, seed=1))
    several = networks(POINT, task, preprocessor.n_features)
    given = {"preprocessor": preprocessor, "temperature": None if task is Task.REGRESSION else temperature}
    average = a_model(tmp_path / "average.keras", task, networks=several, **given)
    each = [
        a_model(tmp_path / f"{place}.keras", task, networks=[one], **given).predictions(rows)
        for place, one in enumerate(several)
    ]
    spread = average.facts["target_spread"]
    loaded = load_packaged(tmp_path / "average.keras")
    predictions = loaded.predictions(rows)
    by_matrix = loaded.predictions_of_matrix(preprocessor.transform(rows))
    assert largest_difference(by_matrix, predictions, spread=spread) < 1e-5
    assert largest_difference(predictions, np.mean(each, axis=0), spread=spread) < 1e-5
    assert largest_difference(only_first(average).predictions(rows), each[0], spread=spread) < 1e-5
    assert largest_difference(each[1], each[0], spread=spread) > 1e-3
    assert (average.facts["n_networks"], average.facts["temperature"]) == (3, given["temperature"])


def test_a_temperature_divides_logits_and_leaves_the_classes(tmp_path: Path) -> None:
    rows = mixed_table(200, seed=1)
    plain = a_model(tmp_path / "plain.keras", Task.MULTICLASS).predictions(rows)
    divided = a_model(tmp_path / "divided.keras", Task.MULTICLASS, temperature=2.5).predictions(rows)
    logs = np.log(plain.astype(np.float64)) / 2.5
    expected = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(divided, expected, atol=1e-5)
    assert (divided.argmax(axis=1) == plain.argmax(axis=1)).all()


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_answers_as_the_model_does(tmp_path: Path, kind: Format) -> None:
    preprocessor, rows = preprocessor_of(mixed_table()), spoilt(mixed_table(300, seed=1))
    several = networks(POINT, Task.BINARY, preprocessor.n_features)
    source, target = tmp_path / "model.keras", tmp_path / f"exported{kind.suffix}"
    packaged = a_model(source, Task.BINARY, preprocessor=preprocessor, networks=several, temperature=0.6)
    runtimes.write(packaged, source, target, kind)
    predictions = runtimes.predictions_of(packaged, target, kind, rows)
    assert largest_difference(predictions, packaged.predictions(rows), spread=None) < 1e-5


# --- a run -----------------------------------------------------------------------------------------------------------


def a_table(n_rows: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, n_rows))
    kind = rng.choice(["x", "y"], size=n_rows)
    return pd.DataFrame({"a": a, "b": b, "kind": kind, "y": np.where(a + b + rng.normal(size=n_rows) > 0, "t", "f")})


def a_run(out: Path, data: pd.DataFrame, **changes: Any) -> ffsearch.Run:
    return ffsearch.run("tabular", data=data, target="y", overrides=SETTINGS | changes, out=out)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ffsearch.Run:
    return a_run(tmp_path_factory.mktemp("average") / "run", a_table())


def test_the_mean_is_judged_beside_the_network_that_a_single_model_would_be(run: ffsearch.Run, tmp_path: Path) -> None:
    average, test = run.results.average, run.results.evidence.test
    assert average is not None
    assert average.single is not None
    assert average.gain is not None
    assert average.n_networks == 5
    assert average.gain.value == pytest.approx(average.single.value - test.value, abs=1e-6)
    assert average.gain.low < average.gain.value < average.gain.high
    assert average.n_bytes == (run.path / MODEL).stat().st_size
    assert average.rows_per_s > 0
    single = a_run(tmp_path / "single", a_table(), model="single")
    assert single.results.average is None
    assert single.results.evidence.test.value == pytest.approx(average.single.value, abs=1e-6)
    assert single.results.best == run.results.best
    first = only_first(load_packaged(run.path / MODEL)).predictions(a_table())
    np.testing.assert_allclose(load_packaged(single.path / MODEL).predictions(a_table()), first, atol=1e-6)


def test_what_answers_is_told_everywhere(run: ffsearch.Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.results.verdict is not None
    said = [one for one in run.results.verdict.sentences if one.code == "FFS623"]
    assert len(said) == 1
    assert invoke(["show", str(run.path)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "average of 5 networks, 0." in shown
    card = (run.path / "model" / "card.md").read_text()
    assert "sealed test, one network" in card
    assert "- 5 times, each with other seeds" in card
    for told in (shown, card.replace("\\", "")):
        assert "The model answers with the mean of 5 networks of this topology" in told
        assert "FFS623" in told
    for language in LANGUAGES.values():
        assert language.says(said[0]) in build_page(run, lang=language.code)


def test_an_average_is_exported_from_a_run(run: ffsearch.Run, tmp_path: Path) -> None:
    assert export_run(run.path, Format.LITERT, out=tmp_path / "model.tflite").difference < 1e-5


@pytest.mark.slow
def test_the_same_command_with_the_other_model_goes_on_in_the_same_folder(tmp_path: Path) -> None:
    out = tmp_path / "run"
    single = a_run(out, a_table(), model="single").results.evidence.test.value

    def n_lines(kind: str) -> int:
        lines = (out / "log.jsonl").read_text().splitlines()
        return sum(json.loads(line)["kind"] == kind for line in lines)

    n_trials = n_lines("trial")
    average = a_run(out, a_table()).results
    assert average.average.single.value == pytest.approx(single, abs=1e-6)
    assert average.evidence.test.openings == 2
    assert (n_lines("trial"), n_lines("refitted")) == (n_trials, 2)
    a_run(out, a_table())
    assert n_lines("refitted") == 2
    assert a_run(out, a_table(), model="single").results.average is None


@pytest.mark.slow
def test_what_is_broken_off_in_its_refits_goes_on_to_the_same_answer(
    run: ffsearch.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_off(*given: object, **named: object) -> None:
        raise KeyboardInterrupt

    out, whole = tmp_path / "run", run.results.average
    with monkeypatch.context() as patched:
        patched.setattr(refit, "fit_updates", broken_off)
        with pytest.raises(KeyboardInterrupt, match="are safe in"):
            a_run(out, a_table())
    assert not (out / MODEL).exists()
    again = ffsearch.run("tabular", data=a_table(), target="y", overrides=SETTINGS, out=out, workers=2).results.average
    assert again.single.value == pytest.approx(whole.single.value, abs=1e-6)
    assert again.gain.value == pytest.approx(whole.gain.value, abs=1e-6)


@pytest.mark.slow
def test_it_needs_no_evidence_and_no_sealed_rows(tmp_path: Path) -> None:
    plain = a_run(tmp_path / "plain", a_table(), evidence="none")
    assert plain.results.average.gain is not None
    assert plain.results.verdict is None
    assert "[FFS623]" in (plain.path / "model" / "card.md").read_text().replace("\\", "")
    unsealed = a_run(tmp_path / "unsealed", a_table(), **{"data.test": None})
    assert unsealed.results.average.gain is None
    assert "all this is of single ones" in unsealed.results.verdict.text


def noisy_table(n_rows: int = 900) -> pd.DataFrame:
    """Many columns and few rows to learn from, so that networks of one topology answer very differently."""
    rng = np.random.default_rng(8)
    frame = pd.DataFrame(rng.normal(size=(n_rows, 12)))
    frame.columns = [f"c{place}" for place in range(12)]
    return frame.assign(y=frame["c0"] * frame["c1"] + 0.3 * rng.normal(size=n_rows))


OVERFITTING: dict[str, Any] = {
    "data.test": 0.7, "train.max_epochs": 60, "train.patience": 60, "search.trials": 1,
    "space": {"depth": 2, "width": 64, "learning_rate": 0.01, "dropout": 0.0, "batch_norm": False},
    "evidence": {"finalists": 1, "repeats": 5, "effects": 0, "baselines": [], "columns": False, "layers": False},
}  # fmt: skip


def test_how_far_it_may_be_off_is_learnt_from_the_mean_and_holds_on_the_sealed_rows(tmp_path: Path) -> None:
    average, single = (
        a_run(tmp_path / model, noisy_table(), model=model, **OVERFITTING).results.row_intervals
        for model in ("average", "single")
    )
    assert average is not None
    assert single is not None
    for of_mean, alone in zip(average.levels, single.levels, strict=True):
        assert of_mean.level - 0.05 < of_mean.held.value < of_mean.level + 0.12  # the refit learns from more rows
        assert of_mean.widths[0] != pytest.approx(alone.widths[0], rel=1e-4)


@pytest.mark.slow
def test_the_threshold_is_that_of_the_mean(tmp_path: Path) -> None:
    """Four more networks of every repeat have a part in it, so what chooses is not what one network answered."""
    frame, costs = a_table(600), {"data.costs": {"false_negative": 5, "false_positive": 1}}
    run = a_run(tmp_path / "run", frame, **costs)
    found = run.results.threshold
    assert found is not None
    assert found.in_model
    lines = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]
    beside = {line["trial"] for line in lines if line["kind"] == "repeat" and line["trial"] >= FIRST_BESIDE}
    assert len(beside) == 4
    single = a_run(tmp_path / "single", frame, model="single", **costs)
    assert single.results.threshold.at_half != found.at_half
    assert single.results.threshold.n_rows == found.n_rows


@given(st.sampled_from(list(Task)), st.integers(1, 4), st.integers(0, 1000))
def test_the_logits_of_a_mean_are_those_of_the_mean_answer(task: Task, n_networks: int, seed: int) -> None:
    head = HEADS[task]
    several = [np.random.default_rng([seed, one]).normal(0, 30, (5, head.n_outputs)) for one in range(n_networks)]
    mean = mean_logits(head, several)
    if task is Task.REGRESSION:
        np.testing.assert_allclose(mean, np.mean(several, axis=0), rtol=1e-5, atol=1e-5)
        return
    answers = [probabilities(head, logits) for logits in several]
    np.testing.assert_allclose(probabilities(head, mean), np.mean(answers, axis=0), atol=1e-5)


@pytest.mark.slow
def test_numbers_are_averaged_too(tmp_path: Path) -> None:
    frame = a_table().assign(y=lambda rows: rows["a"] + 0.1 * rows["b"], z=lambda rows: 100 * rows["b"])
    run = ffsearch.run("tabular", data=frame, target=["y", "z"], overrides=SETTINGS, out=tmp_path / "run")
    packaged = load_packaged(run.path / MODEL)
    assert packaged.predictions(frame).shape == (300, 2)
    average = run.results.average
    assert average.gain.value == pytest.approx(average.single.value - run.results.evidence.test.value, abs=1e-6)


def test_another_word_is_refused_with_the_legal_ones() -> None:
    with pytest.raises(SpaceError, match=r"model: .*mean.*single.*average"):
        ffsearch.run("tabular", data=a_table(), target="y", overrides={"model": "mean"})
