"""Whether each exercise of the course shows what its text says one should see, whatever seed a student takes.

    python benchmarks/course_verdicts.py [N_SEEDS] [EXERCISE ...] [--out FILE]

Every exercise is run with N_SEEDS seeds (10), 0 and up, by the very code of its notebook, which ends by asking
whether its verdict was seen. Printed are the answers, the last line it printed, and processor seconds.
`--out` adds every run to a file as it ends; runs that are in it are not done again, so that a benchmark that was
stopped goes on.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("MPLBACKEND", "agg")

sys.path.insert(0, str(Path(__file__).parent.parent / "course"))

import build


def seen(exercise: str, seed: int) -> dict[str, Any]:
    """One exercise with one seed: whether its verdict was seen, the last line it printed, and its seconds."""
    import matplotlib.pyplot as plt

    wall, processor = time.perf_counter(), time.process_time()
    code, names, said = build.code_of(exercise, SEED=seed), {}, io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.redirect_stdout(said):
        exec(compile(f"import ffsearch\n{code}", exercise, "exec"), names)
        plt.close("all")
    return {
        "exercise": exercise,
        "seed": seed,
        "seen": bool(names["seen"]),
        "said": said.getvalue().strip().splitlines()[-1:],
        "wall_s": time.perf_counter() - wall,
        "processor_s": time.process_time() - processor,
    }


def known(path: Path | None) -> dict[tuple[str, int], dict[str, Any]]:
    """The runs that are in a file."""
    if path is None or not path.exists():
        return {}
    found = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {(one["exercise"], one["seed"]): one for one in found}


def main() -> None:
    """A line a run, then a line an exercise."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("n_seeds", nargs="?", type=int, default=10)
    parser.add_argument("exercises", nargs="*", default=build.names())
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    done = known(given.out)
    for seed in range(given.n_seeds):
        for exercise in given.exercises:
            if (exercise, seed) not in done:
                done[exercise, seed] = seen(exercise, seed)
                if given.out is not None:
                    with given.out.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(done[exercise, seed]) + "\n")
            one = done[exercise, seed]
            times = f"{one['wall_s']:4.0f} s wall {one['processor_s']:4.0f} s processor"
            print(f"{exercise:<18} {seed:>2}  {'seen' if one['seen'] else 'NOT':<4} {times}  {one['said']}", flush=True)
    for exercise in given.exercises:
        runs = [done[exercise, seed] for seed in range(given.n_seeds)]
        seconds = sum(one["processor_s"] for one in runs) / len(runs)
        print(
            f"{exercise:<18} seen in {sum(one['seen'] for one in runs)} of {len(runs)}, {seconds:.0f} s processor each"
        )


if __name__ == "__main__":
    main()
