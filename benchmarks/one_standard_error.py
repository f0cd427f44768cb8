"""What choosing the smallest network within one standard error costs, and saves, on finished runs.

    python benchmarks/one_standard_error.py RUN [RUN ...]

The trial of each run's best validation score, which a search without evidence would hand over, is refitted for its own
i* steps on the rows the run's winner had, and both answer the sealed rows. Told are the parameters of both, their test
scores with the 95 % interval of the naive choice, and the median share of parameters over all runs.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from ffsearch.search.base.seeds import Purpose, child
from ffsearch.search.evidence.intervals import score_intervals
from ffsearch.search.evidence.metrics import metric_values
from ffsearch.search.evidence.terms import row_terms
from ffsearch.search.folder.reader import MODEL, load
from ffsearch.search.serving.packaged import load_packaged
from ffsearch.search.serving.packaging import save_model
from ffsearch.search.steps.replay import same_inputs
from ffsearch.search.steps.weighing import i_star
from ffsearch.search.training.refit import Hold, refits
from ffsearch.search.training.stopping import stopping_for


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A run's winner beside the trial of the best validation score, on the sealed rows."""

    name: str
    metric: str
    n_params: tuple[int, int]
    scores: tuple[float, float]
    interval: tuple[float, float]
    is_lower_better: bool

    @property
    def is_no_worse(self) -> bool:
        """Whether the winner's score is not beyond the worse end of the naive choice's interval."""
        return self.scores[0] <= self.interval[1] if self.is_lower_better else self.scores[0] >= self.interval[0]


def compared(path: Path) -> Compared:
    """Refit the naive choice of a run, and score it beside the winner."""
    run = load(path)
    inputs, seed = same_inputs(run, None), run.results.search.seed
    prepared, objective, train = inputs.prepared, inputs.objective, inputs.space.train
    problem, rows = prepared.problem(), prepared.fit_all()
    head, batch_size = problem.head, stopping_for(inputs.space.train, len(problem.splits[0].x_train)).batch_size
    naive = next(one for one in run.records if one.trial == run.results.evidence.naive.trial)
    (refitted,) = refits(
        naive.point, head=head, x=rows.x, y=rows.y,
        n_updates=i_star([naive]).n_updates(Hold(train.refit), n_rows=len(rows.x), batch_size=batch_size),
        batch_size=batch_size, seeds=[child(seed, Purpose.REFIT)], optimizer=train.optimizer, momentum=train.momentum,
        columns=problem.matrix_columns,
    )  # fmt: skip
    sealed = prepared.test_rows()
    with tempfile.TemporaryDirectory() as folder:
        model = save_model(
            Path(folder) / "model.keras", point=naive.point, networks=[refitted.weights], head=head,
            preprocessor=rows.preprocessor, target_scale=rows.target_scale, sample=sealed.features.head(100),
        )  # fmt: skip
        predictions = [load_packaged(path / MODEL).predictions(sealed.features), model.predictions(sealed.features)]
    terms = [row_terms(head.task, objective.name, truth=sealed.y, predictions=of_model) for of_model in predictions]
    (interval,) = score_intervals(objective.name, truth=sealed.y, terms=np.stack(terms[1:]))
    best = run.results.best
    return Compared(
        name=path.name,
        metric=objective.name,
        n_params=(best.n_params, naive.n_params),
        scores=tuple(metric_values(head.task, sealed.y, of_model)[objective.name] for of_model in predictions),
        interval=interval,
        is_lower_better=objective.is_lower_better,
    )


def main() -> None:
    """Every run a line, then the median."""
    found = []
    for path in map(Path, sys.argv[1:]):
        found.append(one := compared(path))
        (ours, theirs), (low, high) = one.n_params, one.interval
        print(
            f"{one.name:12} {ours:9,} of {theirs:9,} parameters ({ours / theirs:.2f}) {one.metric} {one.scores[0]:.4f} "
            f"against {one.scores[1]:.4f} ({low:.4f} to {high:.4f})   {'no worse' if one.is_no_worse else 'WORSE'}",
            flush=True,
        )
    share, n_held = median(one.n_params[0] / one.n_params[1] for one in found), sum(one.is_no_worse for one in found)
    print(f"median share of parameters {share:.2f}; no worse in {n_held} of {len(found)}")


if __name__ == "__main__":
    main()
