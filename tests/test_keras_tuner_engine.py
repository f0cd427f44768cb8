"""The KerasTuner engine: its contract with every sampler, rounds of hyperband, and the traps of its oracles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import keras_tuner
import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

from contracts.engines import SPACE, EngineContract, MakeEngine, ask, drive, mixed, told
from examples import LOSS
from ffsearch.errors import SpaceError
from ffsearch.search.base.objective import Objective
from ffsearch.search.engines import keras_tuner_engine
from ffsearch.search.engines.keras_tuner_engine import KerasTunerEngine, Walk
from ffsearch.search.engines.keras_tuner_space import KerasTunerSpace
from ffsearch.search.engines.protocol import Engine, Proposal
from ffsearch.search.engines.surrogate import Surrogate
from ffsearch.search.network.points import contains
from ffsearch.search.network.topology import Point
from ffsearch.spaces.loader import load_space
from ffsearch.spaces.parameters import ChoiceParameter, Fixed, FloatParameter, IntParameter, Parameter


class KerasTunerContract(EngineContract):
    sampler = "random"
    avoids = False

    @pytest.fixture
    def make(self) -> MakeEngine:
        def made(
            parameters: Mapping[str, Parameter], *, seed: int = 0, objective: Objective = LOSS, pruner: str = "asha"
        ) -> Engine:
            return KerasTunerEngine(
                parameters, sampler=self.sampler, pruner=pruner, seed=seed, objective=objective, max_epochs=27
            )

        return made


class TestRandom(KerasTunerContract):
    sampler = "random"


class TestGrid(KerasTunerContract):
    sampler = "grid"


class TestHyperband(KerasTunerContract):
    sampler = "hyperband"


@pytest.mark.slow
class TestBayesian(KerasTunerContract):
    """A second of processor time a proposal, most of it in KerasTuner's search for the model's best point."""

    sampler = "bayesian"
    n_on_cliff = 30
    avoids = True


def engine(sampler: str, parameters: Mapping[str, Parameter] = SPACE, *, max_epochs: int = 27) -> KerasTunerEngine:
    return KerasTunerEngine(parameters, sampler=sampler, pruner="none", seed=0, objective=LOSS, max_epochs=max_epochs)


# --- bayesian ----------------------------------------------------------------------------------------------------


def test_it_goes_on_where_it_stopped() -> None:
    """The quick part of its contract: one proposal of the model, twice."""
    bayesian, restored = engine("bayesian"), engine("bayesian")
    restored.restore(drive(bayesian, n_trials=10))
    proposal = ask(bayesian)
    assert ask(restored) == proposal
    assert contains(SPACE, proposal.point)


def test_what_is_in_training_does_not_attract() -> None:
    """KerasTuner's own guess of a trial in training is 1 until its model was used once: beside 50,000 it attracts."""
    bayesian = engine("bayesian", {"learning_rate": FloatParameter(low=1e-4, high=1e-2, log=True)})
    for _ in range(10):
        asked = ask(bayesian)
        bayesian.tell(told(asked, value=50_000 * (1 + asked.point.learning_rate)))
    rates = [ask(bayesian).point.learning_rate for _ in range(4)]
    assert min(np.diff(np.sort(np.log10(rates)))) > 1e-3


def test_the_model_answers_as_scikit_learns_does() -> None:
    rng = np.random.default_rng(0)
    x, y, new = rng.random((20, 4)), 50_000 + 300 * rng.random(20), rng.random((7, 4))
    theirs = GaussianProcessRegressor(
        kernel=Matern(nu=2.5), n_restarts_optimizer=20, normalize_y=True, alpha=1e-4, random_state=3
    ).fit(x, y)
    ours = Surrogate(alpha=1e-4, seed=3)
    ours.fit(x, y)
    for here, there in zip(ours.predict(new, return_std=True), theirs.predict(new, return_std=True), strict=True):
        np.testing.assert_allclose(here, there, rtol=1e-6)


def test_values_that_are_all_alike_are_no_trouble() -> None:
    history = drive(engine("bayesian"), n_trials=11, result=lambda proposal: told(proposal, value=3.0))
    assert all(contains(SPACE, each.point) for each in history)


# --- hyperband ---------------------------------------------------------------------------------------------------


def run_rounds(hyperband: KerasTunerEngine, n_trials: int) -> list[tuple[Proposal, int]]:
    """Train trials one by one; the lower the learning rate the better, and each says how many epochs it was given."""
    trained = []
    for _ in range(n_trials):
        asked = ask(hyperband)
        epoch = 1
        while not hyperband.should_prune(asked.trial, epoch=epoch, valid_loss=1.0) and epoch < 27:
            epoch += 1
        trained.append((asked, epoch))
        hyperband.tell(told(asked, value=asked.point.learning_rate, n_epochs=epoch))
    return trained


def test_the_best_of_a_round_go_on_for_longer() -> None:
    (default, *bracket) = run_rounds(engine("hyperband"), 19)
    assert default[1] == 27
    rounds = {n: [asked.point for asked, n_epochs in bracket if n_epochs == n] for n in (3, 9, 27)}
    assert [len(points) for points in rounds.values()] == [12, 4, 2]
    assert sum(n_epochs for _, n_epochs in bracket) == 12 * 3 + 4 * 9 + 2 * 27

    def rate(point: Point) -> float:
        return point.learning_rate

    # A place is given as soon as it is safe: of twelve, the first to go on is the best of the nine that are back.
    assert set(map(rate, rounds[9])) == set(sorted(map(rate, rounds[3]))[:4])
    assert set(map(rate, rounds[27])) == set(sorted(map(rate, rounds[9]))[:2])


def test_rounds_go_on_after_an_interruption_wherever_it_was() -> None:
    whole = run_rounds(engine("hyperband"), 30)
    for n_told in (5, 13, 15, 18, 22):
        restored = engine("hyperband")
        restored.restore([told(asked, value=asked.point.learning_rate) for asked, _ in whole[:n_told]])
        assert run_rounds(restored, 30 - n_told) == whole[n_told:]


def test_too_few_trials_for_hyperband_are_refused_with_how_many_it_takes() -> None:
    hyperband = engine("hyperband")
    hyperband.check_trials(19)
    with pytest.raises(
        SpaceError, match=r"18 are too few .* 12 of 3 evaluations, then 4 of 9 evaluations, .* --trials 19"
    ):
        hyperband.check_trials(18)
    engine("random").check_trials(1)


# --- grid --------------------------------------------------------------------------------------------------------


def test_a_grid_changes_its_last_parameter_first_and_ends() -> None:
    space: dict[str, Parameter] = {
        "depth": IntParameter(low=1, high=3, n=3),
        "width": Fixed(value=32),
        "dropout": FloatParameter(low=0.1, high=0.5, zero=0.5, n=2),
    }
    history = []
    grid = engine("grid", space)
    while (proposal := grid.ask()) is not None:
        history.append(proposal.point)
        grid.tell(told(proposal))
    assert len(history) == len({point.identity for point in history}) == 9
    first = history[1:3]  # beside the default, whose three are walked without it
    assert len({point.depth for point in first}) == 1 or len({point.depth for point in history[1:4]}) == 1


def test_a_grid_is_walked_in_the_order_of_keras_tuners_own_oracle() -> None:
    space: dict[str, Parameter] = {
        "depth": IntParameter(low=1, high=3, n=3),
        "width": Fixed(value=32),
        "activation": ChoiceParameter(values=("relu", "tanh", "selu")),
        "dropout": FloatParameter(low=0.1, high=0.5, zero=0.5, n=2),
    }
    walk = Walk(space, seed=3)
    walked = []
    while (point := walk.next()) is not None:
        walked.append({name: getattr(point, name) for name in space})
    hyperparameters = keras_tuner.HyperParameters()
    for name in space:
        hyperparameters.Choice(name, list(dict.fromkeys(values[name] for values in walked)), ordered=False)
    oracle = keras_tuner.oracles.GridSearchOracle(objective="loss", hyperparameters=hyperparameters)
    theirs = [{hp.name: hp.default for hp in hyperparameters.space}]
    while (values := oracle._get_next_combination(theirs[-1])) is not None:
        theirs.append(values)
    assert len(walked) == 27
    assert walked == theirs


# --- the space ---------------------------------------------------------------------------------------------------


def test_values_survive_the_way_to_keras_tuner_and_back() -> None:
    space = KerasTunerSpace({**SPACE, "taper": ChoiceParameter(values=(1, 0.5))})
    for l2, dropout, taper in ((0.0, 0.0, 1), (1e-7, 0.05, 0.5), (3e-5, 0.5, 1)):
        point = Point(depth=2, width=64, l2=l2, dropout=dropout, batch_norm=True, taper=taper)
        assert space.point(space.params(point)) == point


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_ends_of_every_range_are_inside_the_space(share: float) -> None:
    """KerasTuner's logarithmic whole numbers reach one beyond the highest at a share of exactly 1."""
    space = KerasTunerSpace(SPACE)
    values = {hp.name: hp.prob_to_value(share) for hp in space.hyperparameters.space}
    assert contains({**SPACE}, space.point(values))


def test_off_is_drawn_as_often_as_the_space_says() -> None:
    space: dict[str, Parameter] = {"l2": FloatParameter(low=1e-6, high=1e-2, log=True, zero=0.4)}
    values = np.array([each.point.l2 for each in drive(engine("random", space), n_trials=401)[1:]])
    assert abs((values == 0).mean() - 0.4) < 4 * np.sqrt(0.4 * 0.6 / 400)


@pytest.mark.parametrize("sampler", ["random", "hyperband", "bayesian", "grid"])
def test_fixed_spaces_have_one_point(sampler: str) -> None:
    fixed = engine(sampler, {"depth": Fixed(value=2), "width": Fixed(value=32)})
    points = {proposal.point for _ in range(12) if (proposal := fixed.ask()) is not None}
    assert points == {Point(depth=2, width=32)}


def test_no_files_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    drive(engine("hyperband"), n_trials=4, result=mixed)
    assert not list(tmp_path.iterdir())


# --- what is legal -----------------------------------------------------------------------------------------------


def test_a_sampler_of_the_other_engine_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"'tpe' is not a sampler\. Legal: bayesian, hyperband, random, grid"):
        engine("tpe")


def test_the_space_file_says_which_sampler_belongs_to_which_engine_all_faults_at_once() -> None:
    with pytest.raises(SpaceError, match="2 faults") as caught:
        load_space("tabular", overrides={"search.engine": "keras-tuner", "search.pruner": "best"})
    assert "tpe is a sampler of engine optuna, not of keras-tuner. Legal with keras-tuner: bayesian" in str(
        caught.value
    )
    with pytest.raises(SpaceError, match=r"bayesian is a sampler of engine keras-tuner, not of optuna"):
        load_space("tabular", overrides={"search.sampler": "bayesian"})
    rounds = {"search.engine": "keras-tuner", "search.sampler": "hyperband"}
    with pytest.raises(SpaceError, match=r"asha does not go with sampler hyperband, .* Write pruner: none"):
        load_space("tabular", overrides=rounds)
    assert load_space("tabular", overrides={**rounds, "search.pruner": "none"}).search.sampler == "hyperband"


def test_seed_0_is_a_seed_for_every_oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras_tuner_engine, "integer", lambda *key: 0)
    once, again = (drive(engine("random"), n_trials=5) for _ in range(2))
    assert once == again
