"""The Optuna engine: its contract with every sampler, shares of what is off, pruners, and the copy in SQLite."""

from __future__ import annotations

import importlib.util
import math
import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from contracts.engines import SPACE, EngineContract, MakeEngine, ask, drive, told
from examples import ACCURACY, LOSS
from ffsearch.errors import RunError, SpaceError
from ffsearch.search.base.objective import Objective
from ffsearch.search.engines import optuna_copy
from ffsearch.search.engines.optuna_copy import OptunaCopy
from ffsearch.search.engines.optuna_engine import OptunaEngine
from ffsearch.search.engines.optuna_space import OptunaSpace
from ffsearch.search.engines.protocol import Engine, Proposal
from ffsearch.search.engines.pruners import PRUNERS, CurveBook
from ffsearch.search.folder.reader import StoredRun
from ffsearch.search.folder.trial_record import Told, TrialRecord
from ffsearch.search.network.points import contains
from ffsearch.search.network.topology import Point, describe, n_params
from ffsearch.search.training.protocol import Curve, Ended
from ffsearch.spaces.parameters import ChoiceParameter, Fixed, FloatParameter, IntParameter, Parameter

LOG_FLOAT = FloatParameter(low=1e-6, high=1e-2, log=True, zero=0.7)


class OptunaContract(EngineContract):
    sampler = "tpe"

    @pytest.fixture
    def make(self) -> MakeEngine:
        def made(
            parameters: Mapping[str, Parameter], *, seed: int = 0, objective: Objective = LOSS, pruner: str = "asha"
        ) -> Engine:
            return OptunaEngine(
                parameters, sampler=self.sampler, pruner=pruner, seed=seed, objective=objective, size=size
            )

        return made


def size(point: Point) -> int:
    return n_params(point, n_features=13, n_outputs=3)


class TestTpe(OptunaContract):
    sampler = "tpe"
    most_over = (
        1 / 2
    )  # it draws around the best points: .38 over six seeds (from .25 to .50), of either model alone .36, .40


class TestRandom(OptunaContract):
    sampler = "random"
    avoids = False


class TestCmaEs(OptunaContract):
    sampler = "cmaes"
    n_on_cliff = 80


class TestQmc(OptunaContract):
    sampler = "qmc"
    avoids = False


class TestGrid(OptunaContract):
    sampler = "grid"
    avoids = False


class TestNsga2(OptunaContract):
    sampler = "nsga2"
    n_on_cliff = 80


needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="the gp sampler needs PyTorch")


@pytest.mark.slow
@needs_torch
class TestGp(OptunaContract):
    sampler = "gp"
    n_on_cliff = 24


@needs_torch
def test_gp_goes_on_where_it_stopped() -> None:
    """The quick part of its contract: one draw of the model, twice."""
    engine, restored = (OptunaEngine(SPACE, sampler="gp", seed=0, objective=LOSS) for _ in range(2))
    restored.restore(drive(engine, n_trials=11))
    proposal = ask(engine)
    assert ask(restored) == proposal
    assert contains(SPACE, proposal.point)


# --- off ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", ["random", "qmc"])
@pytest.mark.parametrize("zero", [0.1, 0.4, 0.7])
@pytest.mark.parametrize("log", [True, False])
def test_off_is_drawn_as_often_as_the_space_says(sampler: str, *, zero: float, log: bool) -> None:
    space: dict[str, Parameter] = {"l2": FloatParameter(low=1e-6, high=1e-2, log=log, zero=zero)}
    engine = OptunaEngine(space, sampler=sampler, pruner="none", seed=0, objective=LOSS)
    values = np.array([each.point.l2 for each in drive(engine, n_trials=401)[1:]])
    deviation = math.sqrt(zero * (1 - zero) / len(values))
    assert abs((values == 0).mean() - zero) < 4 * deviation
    on = values[values > 0]
    scale = np.log if log else np.asarray
    middle = (scale(on) - scale(1e-6)).mean() / (scale(1e-2) - scale(1e-6))
    assert abs(middle - 0.5) < 4 * math.sqrt(1 / 12 / len(on))


def test_off_and_on_survive_the_way_to_optuna_and_back() -> None:
    space = OptunaSpace({**SPACE, "l1": LOG_FLOAT})
    for l1, l2, dropout in ((0.0, 0.0, 0.0), (1e-6, 1e-7, 0.05), (1e-2, 3e-5, 0.5)):
        point = Point(depth=2, width=64, l1=l1, l2=l2, dropout=dropout, batch_norm=True)
        assert space.point(space.params(point)) == point


def test_a_stretch_beyond_the_floating_point_numbers_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"space\.l1\.zero: 0\.99 is too near 1"):
        OptunaSpace({"l1": FloatParameter(low=1e-7, high=1e-2, log=True, zero=0.99)})


# --- what is legal -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "legal"), [("sampler", "tpe, random"), ("pruner", "asha, hyperband, median")])
def test_unknown_names_are_refused_with_the_legal_ones(key: str, legal: str) -> None:
    with pytest.raises(SpaceError, match=f"search.{key}: 'best' is not a {key}. Legal: {legal}"):
        OptunaEngine(SPACE, seed=0, objective=LOSS, **{key: "best"})  # type: ignore[arg-type]


@pytest.mark.parametrize(("sampler", "command"), [("gp", r"ffsearch\[gp\]"), ("cmaes", "pip install cmaes")])
def test_a_missing_library_is_named_with_its_remedy(
    sampler: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SpaceError, match=f"{sampler} needs .* not installed. Install it with .*{command}.*tpe, random"):
        OptunaEngine(SPACE, sampler=sampler, seed=0, objective=LOSS)


def test_a_users_own_verbosity_of_optuna_comes_back() -> None:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.DEBUG)
    try:
        OptunaEngine(SPACE, seed=0, objective=LOSS)
        assert optuna.logging.get_verbosity() == optuna.logging.DEBUG
    finally:
        optuna.logging.set_verbosity(before)


# --- samplers ----------------------------------------------------------------------------------------------------


def test_a_grid_tries_every_network_once_and_off_as_one_value() -> None:
    space: dict[str, Parameter] = {
        "depth": IntParameter(low=1, high=3, n=3),
        "width": IntParameter(low=8, high=32, log=True, n=3),
        "taper": ChoiceParameter(values=(1.0, 0.5)),  # means nothing at depth 1
        "dropout": FloatParameter(low=0.1, high=0.5, zero=0.5, n=2, default=0.1),
    }
    engine = OptunaEngine(space, sampler="grid", pruner="none", seed=0, objective=LOSS)
    tried = []
    while (proposal := engine.ask()) is not None:
        tried.append(proposal.point)
        engine.tell(told(proposal))
    assert len({point.identity for point in tried}) == len(tried)
    on_grid = [point for point in tried if point.width in (8, 16, 32)]
    assert len(on_grid) == (3 + 2 * 3 * 2) * 3
    assert {point.dropout for point in tried} == {0.0, 0.1, 0.5}
    assert engine.ask() is None


def test_a_grid_of_more_points_than_memory_holds_is_walked_at_once() -> None:
    names = ("l1", "l2", "bias_l1", "bias_l2", "activity_l1", "activity_l2", "weight_decay")
    space = {name: FloatParameter(low=1e-6, high=1e-2, log=True, n=1000) for name in names}
    engine = OptunaEngine(space, sampler="grid", seed=0, objective=LOSS)
    assert len({ask(engine).point.identity for _ in range(20)}) == 20


@pytest.mark.parametrize("sampler", ["tpe", "cmaes"])
@pytest.mark.parametrize("objective", [LOSS, ACCURACY])
def test_model_based_samplers_find_what_is_good(sampler: str, objective: Objective) -> None:
    sign = objective.sign

    def result(proposal: Proposal) -> Told:
        return told(proposal, value=sign * (math.log10(proposal.point.learning_rate) + 3) ** 2)

    engine = OptunaEngine(SPACE, sampler=sampler, pruner="none", seed=0, objective=objective)
    late = [sign * each.value for each in drive(engine, n_trials=70, result=result)[50:]]
    assert np.mean(late) < 0.5 * (2 / 3) ** 2  # uniform draws over both decades have a mean of 1/3


def test_two_objectives_find_a_better_front_than_chance() -> None:
    """Values ask for width, so that every size has a best value of its own."""

    def result(proposal: Proposal) -> Told:
        point = proposal.point
        distance = (math.log10(point.learning_rate) + 3) ** 2 + point.dropout
        return told(proposal, value=distance + 0.1 * math.log2(512 / point.width))

    def area_above_front(sampler: str, seed: int) -> float:
        engine = OptunaEngine(SPACE, sampler=sampler, pruner="none", seed=seed, objective=LOSS, size=size)
        history = drive(engine, n_trials=100, result=result)
        area, best = 0.0, 2.0
        for n, value in sorted((size(each.point), each.value) for each in history):
            area += max(0.0, best - value) * math.log(3e6 / n)
            best = min(best, value)
        return area

    ours, chance = (np.mean([area_above_front(name, seed) for seed in range(4)]) for name in ("nsga2", "random"))
    assert ours > chance


def test_what_was_told_alone_decides_whatever_the_order_it_was_told_in() -> None:
    engine, restored = (OptunaEngine(SPACE, sampler="nsga2", seed=0, objective=LOSS, size=size) for _ in range(2))
    running = [ask(engine) for _ in range(30)]
    for each in reversed(running):
        engine.tell(told(each))
    restored.restore([told(each) for each in running])
    assert [ask(engine) for _ in range(5)] == [ask(restored) for _ in range(5)]


def test_two_objectives_must_be_told_how_large_networks_are() -> None:
    with pytest.raises(ValueError, match="nsga2 wants few parameters: say with size"):
        OptunaEngine(SPACE, sampler="nsga2", seed=0, objective=LOSS)


# --- pruners -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("asha", optuna.pruners.SuccessiveHalvingPruner(min_resource=3, reduction_factor=3)),
        ("median", optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=3)),
    ],
)
def test_rules_decide_as_optunas_own_do(name: str, theirs: optuna.pruners.BasePruner) -> None:
    """One by one, on the same random curves; Optuna's halving is told the best so far, its median finds it itself."""
    rng = np.random.default_rng(0)
    rule = PRUNERS[name]
    assert rule is not None
    book = CurveBook()
    study = optuna.create_study(pruner=theirs)
    n_pruned = 0
    for trial in range(60):
        asked = study.ask()
        losses = rng.uniform(0.5, 2) / np.arange(1, 31) + rng.normal(0, 0.05, 30)
        for epoch, loss in enumerate(losses, 1):
            book.losses.setdefault(trial, []).append(float(loss))
            asked.report(float(losses[:epoch].min() if name == "asha" else loss), epoch)
            pruned = rule(book, trial)
            assert pruned == asked.should_prune(), (trial, epoch)
            if pruned:
                n_pruned += 1
                study.tell(asked, state=TrialState.PRUNED)
                break
        else:
            book.complete.add(trial)
            study.tell(asked, float(losses.min()))
    assert n_pruned > 15


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_folds_are_compared_as_optunas_own_rule_does() -> None:
    rng = np.random.default_rng(0)
    engine = OptunaEngine(SPACE, sampler="random", pruner="wilcoxon", seed=0, objective=LOSS)
    study = optuna.create_study(pruner=optuna.pruners.WilcoxonPruner())
    ends = []
    for trial in range(40):
        proposal, asked, losses = ask(engine), study.ask(), {}
        for fold, loss in enumerate(rng.normal(1, 0.1) + rng.normal(0, 0.05, 8)):
            losses[fold] = float(loss)
            asked.report(float(loss), fold)
            pruned = engine.should_prune_folds(trial, losses)
            assert pruned == (trial > 0 and asked.should_prune()), (trial, fold)
            if pruned:
                break
        ended = Ended.PRUNED if pruned else Ended.STOPPED
        value, whole = float(np.mean(list(losses.values()))), () if pruned else tuple(losses.values())
        engine.tell(Told(trial=trial, point=proposal.point, value=value, ended=ended, valid_loss=(), fold_losses=whole))
        study.tell(asked, None if pruned else value, state=TrialState.PRUNED if pruned else TrialState.COMPLETE)
        ends.append(len(losses))
    assert min(ends) == 4  # fewer cannot be sure
    assert sum(end < 8 for end in ends) > 10


@pytest.mark.parametrize("name", ["asha", "hyperband"])
def test_a_network_that_overfits_before_the_rung_is_judged_by_the_epoch_it_keeps(name: str) -> None:
    rule = PRUNERS[name]
    assert rule is not None
    book = CurveBook(max_epochs=9)
    for trial in range(8):
        book.losses[trial] = [1.0, 0.9, 0.8]
    book.losses[8] = [0.5, 0.7, 2.0]
    assert not rule(book, 8)
    book.losses[9] = [1.0, 0.9, 0.85]
    assert rule(book, 9)


def test_one_epoch_keeps_each_new_best_alone() -> None:
    engine = OptunaEngine(SPACE, pruner="one_epoch", seed=0, objective=LOSS)
    verdicts = []
    for loss in (0.9, 1.0, 0.8, 0.85, 0.7):
        trial = ask(engine).trial
        verdicts.append(engine.should_prune(trial, epoch=1, valid_loss=loss))
        assert not engine.should_prune(trial, epoch=2, valid_loss=9.0)
    assert verdicts == [False, True, False, True, False]


@pytest.mark.parametrize("pruner", PRUNERS)
def test_the_default_trial_is_never_pruned(pruner: str) -> None:
    engine = OptunaEngine(SPACE, pruner=pruner, seed=0, objective=LOSS)
    first, *others = [ask(engine).trial for _ in range(9)]
    for epoch in range(1, 30):
        for trial in others:
            engine.should_prune(trial, epoch=epoch, valid_loss=1 / epoch)
    assert not any(engine.should_prune(first, epoch=epoch, valid_loss=5.0) for epoch in range(1, 30))


def test_hyperband_judges_a_trial_among_those_of_its_bracket() -> None:
    """With 27 epochs there are three brackets, whose first rungs are at 3, 9 and 27; most trials are in the first."""
    engine = OptunaEngine(SPACE, sampler="random", pruner="hyperband", seed=0, objective=LOSS, max_epochs=82)
    ends = []
    for _ in range(60):
        trial = ask(engine).trial
        losses = ((epoch, trial + 1 / epoch) for epoch in range(1, 82))  # each trial is worse than all before it
        ends.append(
            next((epoch for epoch, loss in losses if engine.should_prune(trial, epoch=epoch, valid_loss=loss)), 0)
        )
    assert set(ends) == {0, 3, 9, 27, 81}
    assert ends.count(3) > ends.count(9) > ends.count(27)
    assert ends.count(0) <= 4  # the default, and the first of every bracket, which has nobody to be worse than


def test_no_pruner_ends_nothing() -> None:
    engine = OptunaEngine(SPACE, pruner="none", seed=0, objective=LOSS)
    for loss in (0.1, 9.0):
        trial = ask(engine).trial
        assert not any(engine.should_prune(trial, epoch=epoch, valid_loss=loss) for epoch in range(1, 30))


@pytest.mark.parametrize(("epoch", "loss"), [(2, 1.0), (1, math.nan)])
def test_a_curve_comes_in_order_and_finite(epoch: int, loss: float) -> None:
    engine = OptunaEngine(SPACE, seed=0, objective=LOSS)
    with pytest.raises(ValueError, match=f"epoch {epoch} with loss {loss} cannot follow epoch 0"):
        engine.should_prune(ask(engine).trial, epoch=epoch, valid_loss=loss)


# --- study.db ----------------------------------------------------------------------------------------------------


def record(told: Told, *, value: float | None) -> TrialRecord:
    losses = np.linspace(1, 0.5, 40, dtype=np.float32)
    return TrialRecord(
        trial=told.trial,
        point=told.point,
        topology=describe(told.point, n_features=13, n_outputs=3),
        n_params=n_params(told.point, n_features=13, n_outputs=3),
        value=value,
        valid_loss=value,
        metrics={},
        ended=told.ended,
        best_epoch=30,
        n_epochs=40,
        n_updates=300,
        train_s=2.5,
        compile_s=1.0,
        seed=(0, 2, told.trial),
        curve=Curve(train_loss=losses, valid_loss=losses, penalty=0 * losses),
    )


@pytest.fixture
def records() -> list[TrialRecord]:
    ends = (Ended.STOPPED, Ended.PRUNED, Ended.DIVERGED)
    engine = OptunaEngine(SPACE, sampler="random", seed=0, objective=LOSS)
    history = drive(engine, n_trials=6, result=lambda p: told(p, ended=ends[p.trial % 3]))
    return [record(each, value=None if each.ended is Ended.DIVERGED else each.value) for each in history]


def opened(path: Path, records: list[TrialRecord] | None = None) -> OptunaCopy:
    return OptunaCopy(
        path, name="tabular", objective=LOSS, parameters=SPACE, records=records or []
    )  # fmt: skip


def test_the_copy_shows_trials_in_optunas_own_words(tmp_path: Path, records: list[TrialRecord]) -> None:
    with opened(tmp_path / "study.db") as copy:
        for each in records:
            copy.add(each)
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{tmp_path / 'study.db'}")
    states = [trial.state for trial in study.trials]
    assert states == 2 * [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]
    first = study.trials[0]
    assert first.value == records[0].value
    assert first.user_attrs == {
        "trial": 0,
        "topology": records[0].topology,
        "ended": "stopped at 40, best 30",
        "n_params": records[0].n_params,
    }
    assert first.params.keys() == SPACE.keys() - {"taper"}
    assert list(first.intermediate_values) == [1, 3, 9, 27, 40]
    assert first.duration is not None
    assert first.duration.total_seconds() == pytest.approx(2.5)
    assert study.metric_names == ["log_loss"]
    assert study.user_attrs["off"] == "dropout below 0.05 means off, l2 below 1e-07 means off"


def test_the_copy_shows_the_epochs_that_the_runs_own_pruner_reads(tmp_path: Path, records: list[TrialRecord]) -> None:
    with OptunaCopy(tmp_path / "study.db", name="tabular", objective=LOSS, parameters=SPACE, first_rung=10) as copy:
        copy.add(records[0])
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{tmp_path / 'study.db'}")
    assert list(study.trials[0].intermediate_values) == [1, 10, 30, 40]


@pytest.mark.parametrize("name", ["we?rd", "#1", "%20x", "sp ace"])
def test_a_path_with_signs_of_urls_is_a_path(tmp_path: Path, name: str, records: list[TrialRecord]) -> None:
    (tmp_path / name).mkdir()
    opened(tmp_path / name / "study.db", records[:1]).close()
    assert [each.name for each in (tmp_path / name).iterdir()] == ["study.db"]
    assert len(StoredRun(tmp_path / name).study.trials) == 1


def test_the_copy_takes_up_what_it_lacks_and_nothing_twice(tmp_path: Path, records: list[TrialRecord]) -> None:
    path = tmp_path / "study.db"
    with opened(path, records[:2]) as copy:
        copy.add(records[0])
    with opened(path, records) as copy:
        copy.add(records[5])
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{path}")
    assert [trial.user_attrs["trial"] for trial in study.trials] == [0, 1, 2, 3, 4, 5]


def test_a_file_that_is_no_study_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    path.write_bytes(b"this is not a database" * 100)
    with pytest.raises(RunError, match=r"study\.db: the copy of the trials .* safe in the log.*move study\.db away"):
        opened(path)
    assert path.read_bytes().startswith(b"this is not")


def test_a_copy_that_cannot_be_written_says_what_is_safe(
    tmp_path: Path, records: list[TrialRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object) -> None:
        raise optuna.exceptions.StorageInternalError("database or disk is full\n[SQL: ...]")

    copy = opened(tmp_path / "study.db")
    monkeypatch.setattr(optuna.Study, "add_trial", full)

    def told() -> None:
        copy.add(records[0])
        copy.close()

    with pytest.raises(RunError, match=r"\(database or disk is full\)\. Every trial told is safe in the log"):
        told()
    copy.close()


def test_whoever_tells_does_not_wait_for_the_copy_but_never_gets_far_ahead(
    tmp_path: Path, records: list[TrialRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, written = threading.Event(), []
    real = optuna.Study.add_trial

    def slow(study: optuna.Study, trial: FrozenTrial) -> None:
        assert gate.wait(timeout=60)
        real(study, trial)
        written.append(trial)

    monkeypatch.setattr(optuna.Study, "add_trial", slow)
    monkeypatch.setattr(optuna_copy, "MOST_BEHIND", 3)
    with opened(tmp_path / "study.db") as copy:
        for each in records[:3]:
            copy.add(each)
        assert not written
        threading.Timer(0.2, gate.set).start()
        copy.add(records[3])
        assert written
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{tmp_path / 'study.db'}")
    assert [trial.user_attrs["trial"] for trial in study.trials] == [0, 1, 2, 3]


def test_a_copied_trial_is_valid_for_optuna(records: list[TrialRecord]) -> None:
    space = OptunaSpace(SPACE)
    for each in records:
        create_trial(value=1.0, params=space.params(each.point), distributions=space.distributions)


def test_fixed_spaces_have_one_point() -> None:
    space: dict[str, Parameter] = {"depth": Fixed(value=2), "width": Fixed(value=32)}
    engine = OptunaEngine(space, seed=0, objective=LOSS)
    assert {ask(engine).point for _ in range(3)} == {Point(depth=2, width=32)}
