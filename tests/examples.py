"""Records and facts of runs that never were, for tests that read and write them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from ffsearch.search.base.objective import Objective
from ffsearch.search.folder.summary import DataFacts, RunFacts, SearchFacts, build_summary
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.folder.writer import RunFolder
from ffsearch.search.network.topology import Point, describe, n_params
from ffsearch.search.training.protocol import Curve, Ended
from ffsearch.search.wording.finding import Finding
from ffsearch.search.wording.language import PLAIN

LOSS = Objective(name="log_loss", direction="minimize")
RMSE = Objective(name="rmse", direction="minimize")
MAE = Objective(name="mae", direction="minimize")
ACCURACY = Objective(name="accuracy", direction="maximize")

FACTS = RunFacts(
    kind="search", name="tabular", task="multiclass", objective=LOSS,
    data=DataFacts(
        source="sklearn:wine", target=("target",), n_rows=178, n_features=13, n_classes=3, sha256="ab" * 32,
        n_train=114, n_valid=28, n_test=36,
    ),
    search=SearchFacts(engine="optuna", sampler="tpe", pruner="asha", trainer="keras", seed=0),
)  # fmt: skip


def said(findings: Iterable[Finding]) -> list[str]:
    """The sentences of findings, as a terminal shows them."""
    return [PLAIN.says(finding) for finding in findings]


def a_curve(n_epochs: int, *, seed: int = 0) -> Curve:
    """Curves of random float32 numbers, which have no short decimal form by chance."""
    rng = np.random.default_rng(seed)
    train, valid, penalty = rng.random((3, n_epochs), dtype=np.float32)
    return Curve(train_loss=train, valid_loss=valid, penalty=penalty)


def a_record(trial: int, *, value: float | None = 0.5, ended: Ended = Ended.STOPPED, **changes: Any) -> TrialRecord:
    """A trial that ended; without a value when it diverged or failed."""
    point = changes.pop("point", Point(depth=2, width=16 + trial, dropout=0.1))
    failed = ended in (Ended.DIVERGED, Ended.FAILED)
    size = {"n_features": 13, "n_outputs": 3}
    given: dict[str, Any] = {
        "trial": trial,
        "point": point,
        "topology": describe(point, **size),
        "n_params": n_params(point, **size),
        "value": None if failed else value,
        "valid_loss": None if failed else value,
        "metrics": {} if failed else {"accuracy": 0.9, "roc_auc": math.nan},
        "ended": ended,
        "best_epoch": 3,
        "n_epochs": 5,
        "n_updates": 42,
        "train_s": 1.5,
        "compile_s": 0.5,
        "seed": (0, 2, trial),
        "curve": a_curve(5, seed=trial),
        "error": "ValueError: no" if ended is Ended.FAILED else None,
    }
    return TrialRecord(**given | changes)


SPACE: Final = "kind: search\n"
IDENTITY: Final = {"space": "a" * 64, "data": "b" * 64}


def opened(path: Path, *, fresh: bool = False, identity: Mapping[str, str] = IDENTITY) -> RunFolder:
    """A run folder open for writing."""
    return RunFolder.open(path, space_yaml=SPACE, identity=identity, fresh=fresh)


def a_finished_run(path: Path) -> Path:
    """A run that came to its end, with a trial of every kind."""
    with opened(path) as folder:
        folder.start(FACTS)
        for trial, ended in enumerate(Ended):
            folder.add(a_record(trial, value=0.5 - 0.1 * trial, ended=ended))
        folder.write_data(columns=[{"name": "age", "kind": "number"}], notices=["One column was dropped."])
        folder.finish(build_summary(FACTS, folder.records, wall_s=3.0))
    return path
