"""How long a run will take: from the work that is to be done and the speed of what was done so far in this run.

    rows x parameters x updates -> seconds of a core, as costs.py counts -> by the machine's speed -> by the clock

Nothing here knows of a terminal or asks what time it is: whoever tells of an event says when it was, so that a recorded
run gives the same forecast again. It may be asked by the thread that draws while another one tells, so what runs is
copied before it is walked through.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from ffsearch.search.observer import Phase, Workload

__all__ = ["Forecast", "Key", "Steady"]

Key = tuple[int, int]
"""A network in training: its trial and fold."""

TRAINING: Final = (Phase.SEARCH, Phase.FINALISTS, Phase.ROWS, Phase.EFFECTS, Phase.FEWER)
"""Phases whose networks tell of every epoch."""

USUAL_S: Final = {
    Phase.LOAD: 4.0,
    Phase.REFIT: 2.0,
    Phase.TEST: 1.5,
    Phase.LAYERS: 3.0,
    Phase.SAVE: 0.5,
    Phase.REPORT: 3.0,
}
"""Seconds of what trains nothing. choice: as recorded on two cores (tests/data/progress)."""

USUAL_CORES: Final = 1.3
"""Cores that train at a time before that is known. choice: of two, one waits for the last of every round."""

SURE_S: Final = 3.0
"""Seconds after which what is measured counts as much as what was thought. choice: the first second or two compile."""

AGAIN: Final = 0.4
"""What a finalist's repeat takes of a trial that comes to its own end: its patience is shorter, and two of five
finalists are small networks. Source: the same recordings, 0.35 (adult) to 0.45 (California)."""

ROWS_REPEATS: Final = 3
"""Networks that learn from fewer rows (`evidence.learning.LEARNING_REPEATS`, a room this one does not know)."""

FEWER_REPEATS: Final = 3
"""Networks that are not shown all columns (`steps.changes.EFFECT_REPEATS`, likewise)."""

SHARE: Final = 0.3
"""What the mean trial takes of one that is trained to its end, where nothing is known: others are pruned."""

RISKY: Final = 0.25
"""Patiences after which a network is as likely to be trained to its end as to be pruned. choice: pruners judge at 3, 9
and 27 epochs."""

THOUGHT: Final = 2.5
"""Patiences that a network is trained. choice: between tables where it is 1.5 and 10; a first guess."""

STALLS: Final = 0.5
"""Share of its patience without improvement after which a network is no longer thought to train as long as others."""

STILL_BETTER: Final = 2.0
"""How much later the best epoch is in the end than it is seen to be on the way. choice: it is still moving."""

ASKED_S, ASKED_LIKE_FITTED = 1e-5, 300_000
"""Seconds of a row that a saved network is asked about, and rows that trees are asked about in the time that fitting
all baselines takes. Source: recorded on two cores, adult; California's trees take four times that."""

OVERRUN: Final = 0.15
"""What is left of a part that takes longer than was thought, of what it took already."""

FIRST: Final = 0.08
"""Share of the run after which its time left is shown. choice: before that nobody knows, and who looks, waits."""

WORKED: Final = 0.02
"""Share of the run that networks must have been trained before anything is said."""

LATE, LATE_S, LATE_SHARE = 1.9, 5.0, 0.03
"""What is shown stands still while the forecast is more, and is raised when that is so many times as much, and by some
seconds and a share of the time gone."""

FOLLOW_S, FOLLOW_SHARE, FOLLOW_LEFT = 2.0, 0.3, 0.25
"""Seconds in which what is shown falls two thirds of the way to a forecast of less: these at least, and so much of the
time gone, but no more of the time left."""

EFFECTS_S, EFFECTS_SHARE, EFFECTS_LEAST, EFFECTS_MOST = 20.0, 0.06, 6, 40
"""What effects may take by the count, at least and of the search (`steps.effort`); their networks, three of them the
winner's, at least and at most."""


@dataclass
class _Network:
    """A network in training.

    Args:
        epoch_s: Seconds of an epoch by the count of costs.py.
        core_s: Seconds of a core that it took so far, in truth.
        n_epochs: Epochs so far.
        best: The epoch with the lowest validation loss so far.
        loss: That loss.
    """

    epoch_s: float
    core_s: float = 0.0
    n_epochs: int = 0
    best: int = 0
    loss: float = math.inf

    def all_epochs(self, work: Workload) -> float:
        """Epochs it has in the end if nothing but its own early stopping ends it."""
        n_all = STILL_BETTER * self.best + work.patience
        if self.n_epochs - self.best < STALLS * work.patience:
            n_all = max(n_all, THOUGHT * work.patience)
        return max(self.n_epochs, min(work.max_epochs, n_all))

    def survives(self, work: Workload) -> float:
        """The chance that nothing else ends it: most are pruned after their first few epochs."""
        return self.n_epochs / (self.n_epochs + RISKY * work.patience) if self.n_epochs else 0.0


@dataclass
class _Sum:
    """Networks, or trials, and what they took together: epochs, or seconds."""

    n: float = 0
    total: float = 0.0

    def add(self, amount: float, *, weight: float = 1.0) -> None:
        """One more, or part of one."""
        self.n += weight
        self.total += weight * amount

    def mean(self, thought: float, *, weight: float = 1.0) -> float:
        """What one takes, and so many times what was thought before."""
        return (self.total + weight * thought) / (self.n + weight)


@dataclass
class Forecast:
    """Counts what is done of a run, and says how long the rest will take.

    Args:
        now: When the run was started, in seconds from any fixed moment, as in all that follows.
    """

    now: float
    work: Workload | None = None
    _n_left: int | None = 0
    _budget_s: float | None = None
    _phase: Phase = Phase.READ
    _n_networks: int = 0
    _running: dict[Key, _Network] = field(default_factory=dict)
    _sizes: _Sum = field(default_factory=_Sum)  # epochs of networks that were started, as counted
    _ended: _Sum = field(default_factory=_Sum)  # epochs of trials that ended
    _whole: _Sum = field(default_factory=_Sum)  # epochs of those that came to their own end
    _again_sizes: _Sum = field(default_factory=_Sum)  # epochs of networks that were begun again, as counted
    _again_epochs: _Sum = field(default_factory=_Sum)  # epochs of networks that were trained again
    _worked_at: float | None = None  # the first moment networks of this phase had done something
    _n_here: int = 0  # networks of this phase that are done
    _trained_s: float = 0.0  # of cores, all networks that ended
    _counted_s: float = 0.0  # what they took by the count
    _searched_s: float = 0.0  # the search's part of that
    _clock_s: float = 0.0  # of phases before that trained
    _baselines_s: float | None = None  # what they took, once they are fitted
    _study_left_s: float | None = None

    def __post_init__(self) -> None:
        self.started_at = self._since = self.now

    # --- what is told ------------------------------------------------------------------------------------------------

    def began(self, work: Workload, *, n_left: int | None, budget_s: float | None) -> None:
        """The table is read.

        Args:
            work: What is to be done.
            n_left: Trials that are left to a search; None: as many as there is time for.
            budget_s: Seconds the run may take.
        """
        self.work, self._n_left, self._budget_s = work, n_left, budget_s

    def phase(self, phase: Phase, *, now: float, n_networks: int = 0) -> None:
        """The run goes on to its next part, which trains so many networks as far as is known."""
        if self._worked_at is not None:
            self._clock_s += now - self._worked_at
        if self._phase is Phase.BASELINES:
            self._baselines_s = now - self._since
        if self._phase is Phase.SEARCH:
            self._searched_s = self._counted_s
        self._phase, self._since, self._n_networks, self._n_here = phase, now, n_networks, 0
        self._worked_at = None
        self._running.clear()

    def started(self, key: Key, *, epoch_s: float) -> None:
        """A network is about to be trained, an epoch of which counts so many seconds."""
        self._running[key] = _Network(epoch_s)
        (self._sizes if self._phase is Phase.SEARCH else self._again_sizes).add(epoch_s)

    def epoch(self, key: Key, *, now: float, n_epochs: int, core_s: float, loss: float) -> None:
        """A network has so many epochs behind it, which took so long without compiling."""
        if self._worked_at is None:
            self._worked_at = now
        network = self._running.get(key)
        if network is not None:
            network.n_epochs, network.core_s = n_epochs, core_s
            if loss < network.loss:
                network.best, network.loss = n_epochs, loss

    def trial(self, trial: int, *, core_s: float, n_epochs: int, is_whole: bool) -> None:
        """A trial ended, by itself or not; it took so long without compiling, for the epochs of its first fold."""
        folds = [self._end(key) for key in [key for key in list(self._running) if key[0] == trial]]
        n_epochs = max(n_epochs, sum(folds))
        self._trained_s += core_s
        self._ended.add(n_epochs)
        if is_whole:
            self._whole.add(n_epochs / (1 if self.work is None else self.work.n_folds))

    def repeated(self, key: Key, *, core_s: float, n_epochs: int, n_done: int) -> None:
        """A network ended that was trained again; so many of the phase are done, those kept from before among them."""
        self._end(key)
        self._trained_s += core_s
        self._again_epochs.add(n_epochs)
        self._n_here = n_done

    def _end(self, key: Key) -> int:
        """A network is no longer in training; its epochs, as far as they were told."""
        network = self._running.pop(key, None)
        if network is None:
            return 0
        self._counted_s += network.epoch_s * network.n_epochs
        return network.n_epochs

    def study(self, *, left_s: float) -> None:
        """The networks of a study that are left will take so long."""
        self._study_left_s = left_s

    # --- what is said ------------------------------------------------------------------------------------------------

    def gone_s(self, now: float) -> float:
        """Seconds since the run was started."""
        return now - self.started_at

    def left_s(self, now: float) -> float | None:
        """Seconds the run is thought to take from now on, never negative; None as long as nothing tells."""
        if self.work is None:
            return None
        gone_s = self.gone_s(now)
        within = math.inf if self._budget_s is None else max(0.0, self._budget_s - gone_s)
        if self._phase is Phase.SEARCH and self._n_left is None:
            return within
        later = list(Phase)[list(Phase).index(self._phase) + 1 :]
        left_s = min(self._here_left_s(now) + sum(self._whole_s(phase, now) for phase in later), within)
        if (
            self._phase is Phase.SEARCH and self._study_left_s is None
        ):  # networks are compiled before they tell anything
            worked_s = 0.0 if self._worked_at is None else now - self._worked_at
            return left_s if worked_s > WORKED * (gone_s + left_s) else None
        return left_s

    def _here_left_s(self, now: float) -> float:
        """What the phase has left that the run is in."""
        if self._phase not in TRAINING:
            whole = self._whole_s(self._phase, now)
            here_s = now - self._since
            return max(whole - here_s, OVERRUN * here_s, 0.1 * whole)
        if self._phase is Phase.SEARCH:
            if self._study_left_s is not None:
                return self._study_left_s
            return self._search_s(now)
        n_all = self._n_networks or self._n_again(self._phase)
        n_left = max(0, n_all - self._n_here)
        return max(0.0, n_left * self._again_s() - self._running_s()) / self._cores(now)

    def _whole_s(self, phase: Phase, now: float) -> float:
        """What a phase takes that the run is not in yet, or trains nothing."""
        assert self.work is not None
        match phase:
            case Phase.FINALISTS | Phase.ROWS | Phase.EFFECTS | Phase.FEWER:
                return self._n_again(phase) * self._again_s() / self._cores(now)
            case Phase.REFIT if not self.work.n_refits:
                return 0.0
            case Phase.REFIT:
                return USUAL_S[phase] + self.work.n_refits * self._again_s()
            case Phase.BASELINES:
                return self.work.baselines_s
            case Phase.LAYERS if not self.work.has_layers:
                return 0.0
            case Phase.COLUMNS:
                of_trees = self.work.baselines_s if self._baselines_s is None else self._baselines_s
                return self.work.n_asked * (ASKED_S + of_trees / ASKED_LIKE_FITTED)
            case _:
                return USUAL_S.get(phase, 0.0) * self._slow()

    def _search_s(self, now: float) -> float:
        """What the trials take that are left: the rest of those that run, and those that are not begun."""
        assert self.work is not None
        if self.work.study_s:
            return self.work.study_s * self._speed() / self._cores(now)
        assert self._n_left is not None
        rest, rest_s, trials = 0.0, 0.0, {trial for trial, _ in list(self._running)}
        n_folds_left = len(trials) * self.work.n_folds - len(self._running)
        for one in list(self._running.values()):
            n_left = one.survives(self.work) * (one.all_epochs(self.work) - one.n_epochs)
            rest += n_left
            rest_s += n_left * one.epoch_s * self._speed()
        rest += SHARE * n_folds_left * self._thought()
        rest_s += SHARE * n_folds_left * self._thought() * self._size_s()
        n_begun = self._ended.n + len(trials)
        done = self._ended.total + sum(one.n_epochs for one in list(self._running.values()))
        mean = _Sum(n_begun, done + rest).mean(SHARE * self.work.n_folds * self._thought())
        return (rest_s + max(0.0, self._n_left - n_begun) * mean * self._size_s()) / self._cores(now)

    def _n_again(self, phase: Phase) -> int:
        """Networks a phase trains, before it says so itself."""
        assert self.work is not None
        if not self.work.repeats or phase is Phase.FINALISTS:
            return self.work.repeats
        if phase is Phase.FEWER:
            return FEWER_REPEATS if self.work.n_asked and self.work.effect_repeats != 0 else 0
        if phase is Phase.ROWS:
            return ROWS_REPEATS
        if self.work.effect_repeats is not None:
            return self.work.effect_repeats * 11
        counted_s = self._searched_s if self._phase is not Phase.SEARCH else self._counted_s
        allowed = max(EFFECTS_S, EFFECTS_SHARE * counted_s) * self._speed() / max(1e-9, self._again_s())
        return min(EFFECTS_MOST, round(allowed)) if allowed > EFFECTS_LEAST else 0

    def _again_s(self) -> float:
        """Seconds of a core that a network takes which is trained again: as a trial nothing ends but early stopping.

        Once some have begun, their sizes are known, and of those that ended their epochs.
        """
        thought_s = AGAIN * self._complete_s()
        if not self._again_epochs.n:
            return thought_s
        n_epochs = self._again_epochs.mean(AGAIN * self._whole.mean(self._thought()))
        size_s = self._again_sizes.total / max(1, self._again_sizes.n)
        return _Sum(self._again_sizes.n, self._again_sizes.n * size_s * n_epochs * self._speed()).mean(thought_s)

    def _complete_s(self) -> float:
        """Seconds of a core of a trial that nothing ends but early stopping."""
        assert self.work is not None
        seen = _Sum(self._whole.n, self._whole.total)
        for one in list(self._running.values()) if self._phase is Phase.SEARCH else ():
            seen.add(one.all_epochs(self.work), weight=one.survives(self.work))
        return seen.mean(self._thought()) * self._size_s()

    def _thought(self) -> float:
        """Epochs of such a trial, before any was seen."""
        assert self.work is not None
        return min(self.work.max_epochs, THOUGHT * self.work.patience)

    def _size_s(self) -> float:
        """Seconds of a core of an epoch, by the sizes of all networks that were begun."""
        return self._sizes.total / max(1, self._sizes.n) * self._speed()

    def _running_s(self) -> float:
        return sum(network.core_s for network in list(self._running.values()))

    def _speed(self) -> float:
        """Seconds of a core for a second of the count."""
        counted_s = self._counted_s + sum(one.epoch_s * one.n_epochs for one in list(self._running.values()))
        trained_s = self._trained_s + self._running_s()
        return (trained_s + SURE_S) / (counted_s + SURE_S)

    def _cores(self, now: float) -> float:
        """Seconds of cores in a second of the clock, while networks are trained."""
        here_s = 0.0 if self._worked_at is None else now - self._worked_at
        trained_s = self._trained_s + self._running_s()
        return (trained_s + USUAL_CORES * SURE_S) / (self._clock_s + here_s + SURE_S)

    def _slow(self) -> float:
        """How much longer than usual what is no network takes: the machine may be slower, or busy."""
        return min(3.0, max(0.7, self._speed()))


@dataclass
class Steady:
    """The time left as people are shown it.

    It counts down, and follows a forecast of less slowly. While the forecast is more, it stands still; when that is
    much more, it is raised: to be put off once is better than to see the end move away all the time.
    """

    left_s: float | None = None
    _at_s: float = 0.0

    def follow(self, left_s: float | None, *, gone_s: float) -> float | None:
        """What is shown now.

        Args:
            left_s: The forecast; None: nothing tells yet.
            gone_s: Seconds since the run was started.
        """
        passed_s, self._at_s = max(0.0, gone_s - self._at_s), gone_s
        if left_s is None or (self.left_s is None and gone_s < FIRST * (gone_s + left_s)):
            return self.left_s
        if self.left_s is None or left_s > max(LATE * self.left_s, self.left_s + LATE_S + LATE_SHARE * gone_s):
            self.left_s = left_s
        else:
            down_s = max(0.0, self.left_s - passed_s)
            slow_s = max(FOLLOW_S, min(FOLLOW_SHARE * gone_s, FOLLOW_LEFT * left_s))
            share = 1 - math.exp(-passed_s / slow_s)
            self.left_s = min(self.left_s, left_s) if left_s > down_s else down_s + share * (left_s - down_s)
        return self.left_s
