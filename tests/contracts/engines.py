"""What every engine must keep to. A new engine, or another sampler, is a fixture away:

class TestMine(EngineContract):
    @pytest.fixture
    def make(self) -> MakeEngine:
        return lambda parameters, **given: MyEngine(parameters, **given)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import pytest

from examples import ACCURACY, LOSS
from ffsearch.search.base.objective import Objective
from ffsearch.search.engines.protocol import Engine, Proposal
from ffsearch.search.folder.trial_record import Told
from ffsearch.search.network.points import contains, default_point
from ffsearch.search.network.topology import Point
from ffsearch.search.training.protocol import Ended
from ffsearch.spaces.parameters import ChoiceParameter, Fixed, FloatParameter, IntParameter, Parameter

SPACE: Mapping[str, Parameter] = {
    "depth": IntParameter(low=1, high=6),
    "width": IntParameter(low=16, high=512, log=True),
    "taper": Fixed(value=1.0),
    "activation": ChoiceParameter(values=("relu", "elu", "tanh")),
    "dropout": FloatParameter(low=0.05, high=0.5, zero=0.4),
    "batch_norm": ChoiceParameter(values=(True, False)),
    "l2": FloatParameter(low=1e-7, high=1e-2, log=True, zero=0.4),
    "learning_rate": FloatParameter(low=1e-4, high=1e-2, log=True),
}

N_TOLD = 13
"""Enough trials for every sampler to have left its start-up behind."""


class MakeEngine(Protocol):
    """Makes the engine under test."""

    def __call__(
        self, parameters: Mapping[str, Parameter], *, seed: int = 0, objective: Objective = LOSS, pruner: str = "asha"
    ) -> Engine: ...


def smooth(point: Point) -> float:
    """A smooth objective with its minimum inside the space."""
    return (math.log10(point.learning_rate) + 3) ** 2 + 0.1 * abs(point.depth - 3) + point.dropout


def told(proposal: Proposal, *, value: float | None = None, ended: Ended = Ended.STOPPED, n_epochs: int = 4) -> Told:
    """A result with a falling curve."""
    chosen = smooth(proposal.point) if value is None else value
    losses = tuple(chosen + 1 / epoch for epoch in range(1, n_epochs + 1))
    return Told(trial=proposal.trial, point=proposal.point, value=chosen, ended=ended, valid_loss=losses)


def ask(engine: Engine) -> Proposal:
    """Ask an engine that must have an answer."""
    proposal = engine.ask()
    assert proposal is not None
    return proposal


def drive(engine: Engine, *, n_trials: int, result: Callable[[Proposal], Told] = told) -> list[Told]:
    """Ask and tell one by one."""
    history = []
    for _ in range(n_trials):
        history.append(result(ask(engine)))
        engine.tell(history[-1])
    return history


def mixed(proposal: Proposal) -> Told:
    """Results of every kind: most are pruned, some diverge, some fail."""
    ends = (Ended.STOPPED, Ended.PRUNED, Ended.PRUNED, Ended.COMPLETED, Ended.DIVERGED, Ended.FAILED)
    ended = ends[proposal.trial % len(ends)]
    if ended in (Ended.DIVERGED, Ended.FAILED):
        return told(proposal, value=9.0, ended=ended, n_epochs=proposal.trial % 2)
    return told(proposal, ended=ended, n_epochs=3 + proposal.trial % 7)


class EngineContract:
    """Inherit and give `make`; see the module's head."""

    n_on_cliff = 40
    """Trials of the test with a cliff; fewer for samplers that take long."""

    avoids = True
    """Whether the sampler learns from what it is told."""

    most_over = 1 / 3
    """Share of the late trials that may lie over the cliff, where the best ones lie at its edge."""

    @pytest.fixture
    def make(self) -> MakeEngine:
        raise NotImplementedError

    @pytest.mark.parametrize("seed", [0, 7])
    def test_trial_0_is_the_default_point_whatever_the_seed(self, make: MakeEngine, seed: int) -> None:
        assert ask(make(SPACE, seed=seed)) == Proposal(trial=0, point=default_point(SPACE))

    def test_points_lie_inside_the_space_and_numbers_have_no_gaps(self, make: MakeEngine) -> None:
        history = drive(make(SPACE), n_trials=20, result=mixed)
        assert [each.trial for each in history] == list(range(20))
        assert all(contains(SPACE, each.point) for each in history)

    def test_the_same_seed_gives_the_same_points_and_0_is_a_seed(self, make: MakeEngine) -> None:
        once, again, other = (
            [each.point for each in drive(make(SPACE, seed=seed), n_trials=N_TOLD)] for seed in (0, 0, 1)
        )
        assert once == again
        assert once != other

    @pytest.mark.parametrize("objective", [LOSS, ACCURACY])
    @pytest.mark.parametrize("n_told", [0, 1, N_TOLD])
    def test_restored_it_goes_on_as_if_nothing_had_happened(
        self, make: MakeEngine, n_told: int, objective: Objective
    ) -> None:
        engine, restored = make(SPACE, objective=objective), make(SPACE, objective=objective)
        restored.restore(drive(engine, n_trials=n_told, result=mixed))
        for _ in range(2):
            proposal = ask(engine)
            assert ask(restored) == proposal
            for epoch in range(1, 10):
                here, there = (
                    each.should_prune(proposal.trial, epoch=epoch, valid_loss=2 / epoch) for each in (engine, restored)
                )
                assert here == there
            engine.tell(mixed(proposal))
            restored.tell(mixed(proposal))

    def test_trials_lost_in_an_interruption_are_asked_for_again(self, make: MakeEngine) -> None:
        engine, restored = make(SPACE), make(SPACE)
        history = drive(engine, n_trials=3)
        running = [ask(engine) for _ in range(4)]
        engine.tell(told(running[2]))
        restored.restore([*history, told(running[2])])
        asked = [ask(restored) for _ in range(3)]
        assert [each.trial for each in asked] == [3, 4, 6]
        assert len({each.point.identity for each in [*asked, running[2]]}) == 4
        for each in asked:
            restored.tell(told(each))

    def test_many_may_run_at_once_and_end_in_any_order(self, make: MakeEngine) -> None:
        engine = make(SPACE)
        for _ in range(2):
            running = [ask(engine) for _ in range(8)]
            assert len({each.point.identity for each in running}) == 8
            for each in reversed(running):
                engine.tell(told(each))

    def test_a_small_space_never_runs_one_point_twice_at_once_while_another_is_free(self, make: MakeEngine) -> None:
        space: dict[str, Parameter] = {"depth": IntParameter(low=1, high=6), "width": Fixed(value=32)}
        engine = make(space)
        running = [ask(engine) for _ in range(6)]
        assert sorted(each.point.depth for each in running) == [1, 2, 3, 4, 5, 6]

    def test_a_finished_space_is_repeated_or_said_to_be_finished(self, make: MakeEngine) -> None:
        engine = make({"depth": ChoiceParameter(values=(1, 2)), "width": Fixed(value=32)})
        proposals = []
        for _ in range(6):
            proposal = engine.ask()
            if proposal is None:
                break
            proposals.append(proposal.point.depth)
            engine.tell(told(proposal))
        assert set(proposals) == {1, 2} or len(proposals) == 6

    def test_what_diverges_does_not_attract(self, make: MakeEngine) -> None:
        """The objective falls towards high learning rates until training diverges: a third of the range is a cliff."""
        high = 10 ** (-4 + 2 * 2 / 3)

        def fall(proposal: Proposal) -> Told:
            rate = proposal.point.learning_rate
            if rate > high:
                return told(proposal, value=5.0, ended=Ended.DIVERGED, n_epochs=0)
            return told(proposal, value=-math.log10(rate))

        late = drive(make(SPACE), n_trials=self.n_on_cliff, result=fall)[self.n_on_cliff // 2 :]
        over = sum(each.ended is Ended.DIVERGED for each in late) / len(late)
        assert over <= (self.most_over if self.avoids else 2 / 3)

    @pytest.mark.parametrize(
        ("wrong", "match"),
        [({"trial": 5}, "not running"), ({"value": math.nan}, "not finite"), ({"value": math.inf}, "not finite")],
    )
    def test_what_cannot_be_told_is_refused(self, make: MakeEngine, wrong: Mapping[str, Any], match: str) -> None:
        engine = make(SPACE)
        proposal = ask(engine)
        given = {"trial": proposal.trial, "value": 1.0, **wrong}
        with pytest.raises(ValueError, match=match):
            engine.tell(Told(point=proposal.point, ended=Ended.STOPPED, valid_loss=(), **given))

    def test_a_trial_is_told_once(self, make: MakeEngine) -> None:
        engine = make(SPACE)
        result = told(ask(engine))
        engine.tell(result)
        with pytest.raises(ValueError, match="told before"):
            engine.tell(result)

    def test_restore_comes_first(self, make: MakeEngine) -> None:
        engine = make(SPACE)
        ask(engine)
        with pytest.raises(ValueError, match="before the first ask"):
            engine.restore([])
