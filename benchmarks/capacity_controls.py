"""Whether the capacity study finds what is known: tables where depth must win, and tables where nothing can.

    python benchmarks/capacity_controls.py [N_DRAWS] [CONTROL ...] [--full] [--out FILE]

Every control is drawn N_DRAWS times (10), and each draw is studied as a user would. Printed are the verdicts, and how
long a study took. The tent map must be called `deeper`, the sum of
ridges `wider`; linear plus noise and pure noise neither `deeper` nor `wider`.
`--full` studies with the preset of that name, else with fewer depths, seeds and rates. `--out` adds every study to a
file as it ends; studies that are in it are not done again, so that a run that was stopped goes on.

Images are studied with the preset `quick`: `folds` must be called `deeper`, and digits one at a time,
`house_numbers?digits=1`, where nothing is composed, must not.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from ffsearch.search.data.files.controls import CONTROLS, Truth
from ffsearch.search.run import run

FULL: dict[str, Any] = {"preset": "full", "capacity.budgets": [300, 1000, 3000]}
SMALL: dict[str, Any] = {
    "capacity.depths": [1, 2, 4],
    "capacity.budgets": [300, 1000],
    "capacity.seeds": 5,
    "capacity.learning_rates": {"low": 1e-3, "high": 1e-2, "n": 3},
    "capacity.updates": 2000,
}
IMAGES: dict[str, Any] = {"preset": "quick"}
WANTED = {name: str(one.truth) for name, one in CONTROLS.items() if one.truth in (Truth.DEEPER, Truth.WIDER)}


def unwanted(control: str) -> set[str]:
    """What a control that has no answer of its own must not be called."""
    return {"deeper"} if "digits" in control else {"deeper", "wider"}


def studied(control: str, draw: int, settings: dict[str, Any]) -> dict[str, Any]:
    """One study: its code, its text, its seconds of wall and processor time."""
    wall, processor = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        name, _, options = control.partition("?")
        study = "capacity" if "useless" in CONTROLS[name].options else "capacity-convolutional"
        asked = f"control:{name}@{draw}" + f"?{options}" * bool(options)
        used = settings if study == "capacity" else IMAGES
        done = run(study, data=asked, overrides=used, out=f"{folder}/run")
        found = done.results.verdict
        n_networks = len(done.capacity)
    return {
        "control": control,
        "draw": draw,
        "code": found.code,
        "text": found.text,
        "n_networks": n_networks,
        "wall_s": time.perf_counter() - wall,
        "processor_s": time.process_time() - processor,
    }


def known(path: Path | None) -> dict[tuple[str, int], dict[str, Any]]:
    """The studies that are in a file."""
    if path is None or not path.exists():
        return {}
    found = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {(one["control"], one["draw"]): one for one in found}


def main() -> None:
    """A line a study, then a line a control."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("n_draws", nargs="?", type=int, default=10)
    parser.add_argument("controls", nargs="*", default=["tent", "ridges", "linear", "noise"])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    done = known(given.out)
    for draw in range(given.n_draws):
        for control in given.controls:
            if (control, draw) not in done:
                done[control, draw] = studied(control, draw, FULL if given.full else SMALL)
                if given.out is not None:
                    with given.out.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(done[control, draw]) + "\n")
            one = done[control, draw]
            times = f"{one['wall_s']:5.0f} s wall {one['processor_s']:5.0f} s processor"
            print(f"{control:<22} {draw:>2}  {one['code']:<12} {times}  {one['text']}", flush=True)
    for control in given.controls:
        codes = Counter(done[control, draw]["code"] for draw in range(given.n_draws))
        n_wrong = sum(codes[code] for code in unwanted(control))
        right = codes[WANTED[control]] if control in WANTED else given.n_draws - n_wrong
        print(f"{control:<22} right in {right} of {given.n_draws}: {dict(codes)}")


if __name__ == "__main__":
    main()
