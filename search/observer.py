"""What a run tells whoever watches it: a terminal, a program, a test, nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ffsearch.search.network.topology import Numbers
from ffsearch.search.wording.finding import Finding

if TYPE_CHECKING:
    from ffsearch.search.folder.summary import RunFacts
    from ffsearch.search.folder.trial_record import TrialRecord
    from ffsearch.search.training.protocol import Epoch, Job

from ffsearch.search.folder.summary import Summary

__all__ = ["Began", "Observer", "Phase", "Repeated", "StudyProgress", "Workers", "Workload"]


class Phase(StrEnum):
    """Where a run stands, in the order of a search; a study has some of them."""

    READ = "read"
    SEARCH = "search"
    LOAD = "load"
    FINALISTS = "finalists"
    ROWS = "rows"
    EFFECTS = "effects"
    REFIT = "refit"
    BASELINES = "baselines"
    TEST = "test"
    COLUMNS = "columns"
    LAYERS = "layers"
    FEWER = "fewer"
    SAVE = "save"
    REPORT = "report"


@dataclass(frozen=True, kw_only=True)
class Workload:
    """The work of a run as far as it is known when it begins, for whoever says how long it will take.

    Seconds are those of a core as `training/costs.py` counts them from rows and parameters: right beside each other,
    and by the clock once the machine's speed is known.

    Args:
        n_train: Rows a network learns from.
        batch_size: Rows an update.
        patience: Epochs without improvement after which a network of a search is stopped.
        max_epochs: Epochs after which it ends.
        n_folds: Networks of a trial.
        study_s: The networks of a study that are left, all together.
        repeats: Networks that are trained again, finalists in all their repeats.
        effect_repeats: How often what is like the winner is trained; None: within a little time, 0: not at all.
        n_refits: Networks that are refitted.
        baselines_s: What baselines take.
        n_asked: Predictions that asking for columns takes.
        has_layers: Whether it is asked what each layer does.
    """

    n_train: int
    batch_size: int
    patience: int = 0
    max_epochs: int = 0
    n_folds: int = 1
    study_s: float = 0.0
    repeats: int = 0
    effect_repeats: int | None = 0
    n_refits: int = 0
    baselines_s: float = 0.0
    n_asked: int = 0
    has_layers: bool = False


@dataclass(frozen=True, kw_only=True)
class Began:
    """What is known when a run starts or goes on.

    Args:
        path: The run folder.
        facts: What the folder keeps of that: table, objective, how points are proposed.
        n_outputs: Units of the output layer.
        task_reason: Which task, and why.
        n_trials: Trials the run shall have in the end; None: as many as the budget has time for.
        n_told: Trials it has already, from an earlier start.
        best: The best of those, or None.
        budget_s: Seconds it may take, or None.
        kinds: What the columns are that are used, one after the other.
        notices: What was done to the data, or looks suspicious.
        ignored: Codes of findings that are not to be shown.
        n_cells: Cells of a capacity study; None for a search.
        n_features_of: Columns of the matrix by how points ask numbers to be shown, where they do.
        work: What is to be done, as far as it is known.
        score_of_loss: Factor and power that make the objective of a validation loss; None where no loss tells it.
    """

    path: Path
    facts: RunFacts
    n_outputs: int
    task_reason: Finding
    n_trials: int | None
    n_told: int
    best: TrialRecord | None
    budget_s: float | None
    kinds: tuple[str, ...]
    notices: tuple[Finding, ...]
    ignored: tuple[str, ...] = ()
    n_cells: int | None = None
    n_features_of: Mapping[Numbers, int] = field(default_factory=dict)
    work: Workload | None = None
    score_of_loss: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class StudyProgress:
    """Where a capacity study stands after one more network.

    Args:
        record: The network.
        n_done: Networks trained, by earlier starts too.
        n_trainings: Networks that are known to be needed; more where a learning rate turns out to be at an end.
        n_cells_done: Cells that need nothing more, as far as is known.
        n_cells: All cells.
        gone_s: Seconds since this start.
        left_s: Seconds left, by the work that is left.
    """

    record: TrialRecord
    n_done: int
    n_trainings: int
    n_cells_done: int
    n_cells: int
    gone_s: float
    left_s: float


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """A point that was trained again.

    Args:
        record: What it came to.
        job: Which one it was.
        repeat: Number of the repeat, from 1.
        n_done: Networks of this phase that are trained.
        n_all: Networks the phase has.
    """

    record: TrialRecord
    job: Job
    repeat: int
    n_done: int
    n_all: int


@dataclass(frozen=True, kw_only=True)
class Workers:
    """Who is at work, where an executor was asked for.

    Args:
        kind: Processes of this machine, or nodes of a cluster.
        n: So many of them are at work.
        n_networks: Networks that all of them train at the same time.
        n_lost: Workers lost since the run started.
        n_again: Networks that began again because of that.
    """

    kind: Literal["worker", "node"]
    n: int
    n_networks: int
    n_lost: int = 0
    n_again: int = 0


class Observer:
    """Told of everything as it happens; may be slow, must not raise.

    This one lets it all pass; override what you want to hear of.
    """

    def began(self, began: Began) -> None:
        """The table is read, the folder is open, training is about to start."""

    def phase(self, phase: Phase, *, n_networks: int = 0) -> None:
        """The run goes on to its next part, which trains so many networks as far as is known."""

    def started(self, job: Job, *, repeat: int = 0) -> None:
        """A network is about to be built and trained, in a repeat of that number; 0: in the search."""

    def epoch(self, epoch: Epoch) -> None:
        """A running network has one more epoch behind it."""

    def ended(self, record: TrialRecord, best: TrialRecord | None) -> None:
        """A trial ended and is durable; `best` is the best one so far."""

    def repeated(self, repeated: Repeated) -> None:
        """A finalist, or a network like the winner, was trained again and is durable."""

    def progressed(self, progress: StudyProgress) -> None:
        """A network of a capacity study was trained and is durable."""

    def at_work(self, workers: Workers) -> None:
        """Workers have started, were lost, or have joined; told before the run begins, too."""

    def noted(self, finding: Finding) -> None:
        """Something was found that is worth a sentence."""

    def finished(self, summary: Summary, path: Path) -> None:
        """All is saved."""
