"""Whether a search that may balance classes finds rare ones at least as often as one that may not.

    python benchmarks/imbalance.py FOLDER [--trials 20] [--seeds 0 1] [--rows 20000] [--epochs 30] [--out imbalance]

FOLDER holds the tables. Two are searched for balanced accuracy, each twice from the same seed: shuttle (seven classes,
the rarest with 10 rows of 58,000), and adult with so many of its positives taken away that 2 % are left. What is told
is the balanced accuracy on the sealed test rows, and of the log loss as the objective too (`--objectives`).
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

import pandas as pd

from ffsearch.search.folder.reader import load

POSITIVE_SHARE = 0.02
BALANCES = "{type: choice, values: [none, class_weight, oversample, undersample, smote]}"
ARMS = {"without": "none", "searched": BALANCES}


def adult_thinned(folder: Path, out: Path) -> Path:
    """Adult with 2 % of the rows positive, drawn with a fixed seed."""
    rows = pd.read_csv(folder / "adult/train.csv.gz", dtype="str", keep_default_na=False)
    is_positive = rows["income"].str.contains(">")
    n_kept = round(POSITIVE_SHARE / (1 - POSITIVE_SHARE) * int((~is_positive).sum()))
    kept = rows[is_positive].sample(n_kept, random_state=0)
    path = out / "adult_2_percent.csv"
    pd.concat([rows[~is_positive], kept]).sort_index().to_csv(path, index=False)
    return path


def searched(source: Path, target: str, *, arm: str, seed: int, objective: str, asked: argparse.Namespace) -> str:
    """One run by the command line; what it reached as a line."""
    out = asked.out / f"{source.name.split('.')[0]}-{arm}-{objective}-{seed}"
    settings = [f"data.augment.balance={ARMS[arm]}", f"search.objective={objective}", "evidence=none"]
    command = ["ffsearch", "run", str(source), "--target", target, "--trials", str(asked.trials), "--seed", str(seed)]
    command += ["--out", str(out), "--quiet"]
    settings += [f"data.rows={asked.rows}", f"train.max_epochs={asked.epochs}"]
    subprocess.run([*command, *(word for one in settings for word in ("--set", one))], check=True)
    summary = load(out).results
    found = summary.evidence.test.metrics
    balance = summary.best.point["augment_balance"]
    scores = "  ".join(f"{name} {found[name]:.4f}" for name in ("balanced_accuracy", "accuracy", "log_loss"))
    n_trials = summary.search.n_trials
    return (
        f"{source.name}  by {objective}  balancing {arm}  seed {seed}  {scores}  {n_trials} trials  chosen: {balance}"
    )


def main() -> None:
    """Search both tables in both ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--objectives", nargs="*", default=["balanced_accuracy"])
    parser.add_argument("--out", type=Path, default=Path("imbalance"))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    tables = {adult_thinned(asked.folder, asked.out): "income", asked.folder / "pmlb/shuttle.tsv.gz": "target"}
    for objective in asked.objectives:
        for seed in asked.seeds:
            for source, target in tables.items():
                for arm in ARMS:
                    told = searched(source, target, arm=arm, seed=seed, objective=objective, asked=asked)
                    print(told, flush=True)


if __name__ == "__main__":
    main()
