"""Whether what a run says of its layers is true, on controls where the answer is known or can be seen by retraining.

    python benchmarks/layers_known.py [--controls tent linear EXPRESSION] [--seeds 20] [--retrained 2] [--out FILE]

A network of three layers of 64 units learns from 2,000 rows of each draw of a control. On `tent` what a linear model
reads off has to rise from layer to layer; on `linear` no layer may be shown to add anything behind the first. Layers
behind the last one that is shown to add something are claimed to be of no use: the same network is trained again
without them, at least one layer left, and both are asked about 20,000 rows that none of them saw. The claim holds
where the share of the target's variance that is explained falls by no more than a hundredth, which is what the report
calls nothing; it is the mean over `--retrained` seeds each. What the file holds already is not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd

import ffsearch
from ffsearch.search.data.files.controls import control_table
from ffsearch.search.evidence.layer_probes import WORTH

N_SEEN: Final = 2_000
N_HIDDEN: Final = 20_000
DEPTH: Final = 3
BENT: Final = "x1*x2 + abs(x3) + noise(.2)"
"""Numbers of which one layer is enough."""
NETWORK: Final[dict[str, Any]] = {
    "space.width": 64, "space.activation": "relu", "space.batch_norm": False, "space.dropout": 0.0, "space.l1": 0.0,
    "space.l2": 0.0, "space.learning_rate": 0.003, "train.max_epochs": 150,
}  # fmt: skip


def trained(seen: pd.DataFrame, hidden: pd.DataFrame, target: str, *, depth: int, seed: int) -> tuple[Any, float]:
    """What a run of one network says, and the share of the hidden rows' variance that its model explains."""
    with tempfile.TemporaryDirectory() as folder:
        run = ffsearch.run(
            "tabular", data=seen, target=target, trials=1, seed=seed, out=Path(folder, "run"), report=False,
            evidence={"finalists": 0, "effects": 0, "baselines": [], "columns": False, "layers": depth == DEPTH},
            overrides=NETWORK | {"space.depth": depth},
        )  # fmt: skip
        answered = ffsearch.load_model(run.path).predict(hidden.drop(columns=target))
        predicted = np.asarray(answered, np.float64).reshape(-1)
        truth = hidden[target].to_numpy(np.float64)
        return run.results.layers, float(1 - np.mean(np.square(truth - predicted)) / truth.var())


def studied(control: str, seed: int, *, n_retrained: int) -> dict[str, Any]:
    """One draw: the probes, which layers are shown, and what is explained with and without the others."""
    began = time.process_time()
    table = control_table(f"{control}@{seed}?rows={N_SEEN + N_HIDDEN}")
    seen, hidden = table.frame[:N_SEEN], table.frame[N_SEEN:]
    told, explained = trained(seen, hidden, table.target, depth=DEPTH, seed=seed)
    shown = [one.is_shown for one in told]
    kept: dict[str, Any] = {
        "control": control, "seed": seed, "before": told[0].before, "probes": [one.probe.value for one in told],
        "gains": [[one.gain.low, one.gain.value, one.gain.high] for one in told], "shown": shown,
    }  # fmt: skip
    depth = claimed_depth(shown)
    if depth < DEPTH and n_retrained:
        seeds = [seed + 1000 * more for more in range(n_retrained)]  # the first network with all layers is there
        again = [(DEPTH, one) for one in seeds[1:]] + [(depth, one) for one in seeds]
        found = [trained(seen, hidden, table.target, depth=layers, seed=one)[1] for layers, one in again]
        n_more = n_retrained - 1
        kept |= {"depth": depth, "with": [explained, *found[:n_more]], "without": found[n_more:]}
    return kept | {"processor_s": round(time.process_time() - began, 1)}


def claimed_depth(shown: Sequence[bool]) -> int:
    """Layers that are left without those behind the last one that is shown to add something."""
    return max((place for place, is_shown in enumerate(shown, 1) if is_shown), default=1)


def rises(one: dict[str, Any]) -> bool:
    """Whether the probes rise from layer to layer."""
    return bool((np.diff([one["before"], *one["probes"]]) > 0).all())


def is_flat(one: dict[str, Any]) -> bool:
    """Whether no layer behind the first is shown to add anything."""
    return not any(one["shown"][1:])


def fall(one: dict[str, Any]) -> float:
    """What is explained less without the layers that are claimed to be of no use."""
    return float(np.mean(one["with"]) - np.mean(one["without"]))


def summed_up(known: list[dict[str, Any]]) -> None:
    """Print every control, then the claims of all."""
    for control in dict.fromkeys(one["control"] for one in known):
        of_it = [one for one in known if one["control"] == control]
        probes = np.mean([[one["before"], *one["probes"]] for one in of_it], axis=0).round(3)
        print(
            f"{control}: rises in {sum(map(rises, of_it))}, flat behind the first in {sum(map(is_flat, of_it))} of "
            f"{len(of_it)}; explained before and behind each layer {probes.tolist()}"
        )
    claims = [one for one in known if "with" in one and one["depth"] == claimed_depth(one["shown"])]
    if claims:
        falls = np.sort([fall(one) for one in claims])
        print(f"claims of no use that hold: {(falls <= WORTH).sum()} of {len(claims)}; falls {falls.round(3).tolist()}")


def main() -> None:
    """A line a draw, then what came of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--controls", nargs="+", default=["tent", "linear", BENT])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--retrained", type=int, default=2, help="networks with and without; 0: claims are not tried")
    parser.add_argument("--out", type=Path, default=Path("layers_known.jsonl"))
    asked = parser.parse_args()
    known = [json.loads(line) for line in asked.out.read_text("utf-8").splitlines()] if asked.out.exists() else []
    done = {(one["control"], one["seed"]) for one in known}
    for seed in range(asked.seeds):
        for control in asked.controls:
            if (control, seed) in done:
                continue
            known.append(studied(control, seed, n_retrained=asked.retrained))
            print(known[-1], flush=True)
            with asked.out.open("a", encoding="utf-8") as kept:
                kept.write(json.dumps(known[-1]) + "\n")
    summed_up(known)


if __name__ == "__main__":
    main()
