"""Whether the capacity study finds what is known: tables where depth must win, and tables where nothing can.

    python benchmarks/capacity_controls.py [N_DRAWS] [CONTROL ...]

Every control is drawn N_DRAWS times (10), and each draw is studied as a user would. Printed are the verdicts, and how
long a study took. The tent map must be called `deeper`; linear plus noise and pure noise neither `deeper` nor `wider`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from ffsearch.search.run import run

SETTINGS = {
    "capacity.depths": [1, 2, 4],
    "capacity.budgets": [300, 1000],
    "capacity.seeds": 5,
    "capacity.learning_rates": {"low": 1e-3, "high": 1e-2, "n": 3},
    "capacity.updates": 2000,
}
WANTED = {"tent": "deeper", "radial": "deeper"}
UNWANTED = {"deeper", "wider"}


def verdict(control: str, draw: int, folder: Path) -> tuple[str, str, float]:
    """The code and the text of one study, and its seconds."""
    began = time.perf_counter()
    done = run("capacity", data=f"control:{control}@{draw}", overrides=SETTINGS, out=folder / f"{control}-{draw}")
    found = done.summary["verdict"]
    return found["code"], found["text"], time.perf_counter() - began


def main() -> None:
    """A line a study, then a line a control."""
    n_draws = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    controls = sys.argv[2:] or ["tent", "linear", "noise"]
    totals = []
    with tempfile.TemporaryDirectory() as folder:
        for control in controls:
            codes: Counter[str] = Counter()
            for draw in range(n_draws):
                code, text, seconds = verdict(control, draw, Path(folder))
                codes[code] += 1
                print(f"{control:<7} {draw:>2}  {code:<12} {seconds:5.1f} s  {text}", flush=True)
            right = codes[WANTED[control]] if control in WANTED else n_draws - sum(codes[code] for code in UNWANTED)
            totals.append(f"{control:<7} right in {right} of {n_draws}: {dict(codes)}")
    print("\n".join(totals))


if __name__ == "__main__":
    main()
