"""What part of a run's wall time no network is trained or compiled in.

    python benchmarks/outside_training.py adult.csv --target income [--trials 100] [--evidence none]

A whole run in this process, TensorFlow imported before it begins. Seconds in which at least one lane trains, evaluates
or compiles are counted once, however many do; the rest of the search is asking, telling and writing, the rest of the
run is reading the table, the refit's model, the test and the summary.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: F401  (its import is not part of the run)

import ffsearch
from ffsearch.search.training import refit
from ffsearch.search.training.lanes import Lane

Span = tuple[float, float]


class Busy:
    """Spans of time in which something that is watched was at work."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self._lock = threading.Lock()

    def watching(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, noting when it works."""

        def watched(*args: Any, **given: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*args, **given)
            finally:
                with self._lock:
                    self.spans.append((began, time.perf_counter()))

        return watched

    def seconds(self, until: float = float("inf")) -> float:
        """Seconds in which at least one was at work."""
        total, end = 0.0, 0.0
        for begins, ends in sorted(span for span in self.spans if span[0] < until):
            total += max(0.0, ends - max(begins, end))
            end = max(end, ends)
        return total


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--target", required=True)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--evidence", default="none", choices=["none", "quick", "full"])
    given = parser.parse_args()
    epochs, last = Busy(), Busy()
    Lane.train_epoch = epochs.watching(Lane.train_epoch)  # type: ignore[method-assign]
    refit.fit_updates = last.watching(refit.fit_updates)  # type: ignore[attr-defined]
    overrides = {"search.trials": given.trials, "evidence": given.evidence}
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        ffsearch.run("tabular", data=given.data, target=given.target, overrides=overrides, out=Path(folder, "run"))
        ended = time.perf_counter()
    first, until = min(epochs.spans)[0], max(ends for _, ends in epochs.spans)
    searched, busy = until - first, epochs.seconds()
    whole, all_busy = ended - began, busy + last.seconds()
    print(f"{first - began:.1f} s until the first epoch; {searched:.1f} s of training networks, "
          f"{searched - busy:.2f} s of them ({(searched - busy) / searched:.1%}) outside lanes; "
          f"{ended - until:.1f} s after the last epoch, {last.seconds():.1f} s of them the refit's training; "
          f"whole run {whole:.1f} s, {1 - all_busy / whole:.1%} outside training and compiling")  # fmt: skip


if __name__ == "__main__":
    main()
