"""Whether a search of 50 trials reaches what is published of plain networks, a table after another.

    python benchmarks/published_levels.py FOLDER [--out levels] [--trials 50] [--budget 10m] [--only letter ...]

FOLDER holds the tables as files (`TABLES` names them). Each is searched by the command line, as a user would, and its
sealed test score is set beside the published one; what is reached to 3 % counts as reached. The figures go into
`levels.csv` in the folder of the runs, a row as soon as a table is done; tables that are in it are left alone.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from ffsearch.search.folder.reader import load

NEAR = 0.03
"""Share of the published score that may be missing."""


@dataclass(frozen=True)
class Level:
    """A table and what is published of it.

    Args:
        file: The table, below the folder.
        metric: The score, as `summary.json` calls it.
        published: Its value, in the target's unit.
        options: What the command line is told of the table.
    """

    file: str
    metric: str
    published: float
    options: tuple[str, ...]

    def missing(self, reached: float) -> float:
        """Share of the published score that is missing; below 0 where it was surpassed."""
        lower_is_better = self.metric == "rmse"
        return reached / self.published - 1 if lower_is_better else 1 - reached / self.published


def target(name: str, *options: str) -> tuple[str, ...]:
    """Options that name the target, and more."""
    return ("--target", name, *options)


# Source: tuned plain networks of TabM's tables (adult, California; arXiv 2410.24210) and of TALENT (the others); one
# hidden layer of 100 units on all 60,000 images (Fashion-MNIST's list). Only adult's and Fashion's splits are theirs.
TABLES = {
    "texture": Level("pmlb/texture.tsv.gz", "accuracy", 0.9964, target("target")),
    "spambase": Level("pmlb/spambase.tsv.gz", "accuracy", 0.939, target("target")),
    "telco": Level("telco_churn/telco_churn.csv", "accuracy", 0.794, target("Churn")),
    "california": Level("california_housing/housing.csv", "rmse", 49_700, target("median_house_value")),
    "letter": Level("pmlb/letter.tsv.gz", "accuracy", 0.9745, target("target")),
    "adult": Level("adult/train.csv.gz", "accuracy", 0.853, target("income", "--set", "data.test=adult/test.csv.gz")),
    "shuttle": Level("pmlb/shuttle.tsv.gz", "accuracy", 0.9991, target("target")),
    "fashion": Level("fashion_mnist/fashion_mnist.npz", "accuracy", 0.871, ("--set", "data.rows=20000")),
}


def main() -> None:
    """Search every table that is asked for and not done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("levels"))
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--budget", default="10m")
    parser.add_argument("--only", nargs="*", choices=TABLES, default=list(TABLES))
    parser.add_argument("--set", dest="settings", action="append", default=[], help="passed on to ffsearch run")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    table = asked.out / "levels.csv"
    done = {row["table"] for row in csv.DictReader(table.open())} if table.exists() else set()
    for name in asked.only:
        if name not in done:
            append(table, measured(name, asked))


def measured(name: str, asked: argparse.Namespace) -> dict[str, object]:
    """A row of the table of figures."""
    level = TABLES[name]
    source, options = asked.folder / level.file, [o.replace("=adult", f"={asked.folder}/adult") for o in level.options]
    settings = [word for one in asked.settings for word in ("--set", one)]
    command = ["ffsearch", "run", "tabular", "--data", str(source), *options, "--trials", str(asked.trials)]
    command += ["--budget", asked.budget, "--out", str(asked.out / name), "--quiet", *settings]
    began = time.perf_counter()
    if subprocess.run(command, check=False).returncode:
        sys.exit(f"{name}: {' '.join(command)} failed")
    summary = load(asked.out / name).results
    test = summary.evidence.test
    reached = test.metrics[level.metric]
    return {
        "table": name,
        "metric": level.metric,
        "published": level.published,
        "reached": round(reached, 4),
        "missing": round(level.missing(reached), 4),
        "is_reached": level.missing(reached) <= NEAR,
        "balanced_accuracy": round(test.metrics.get("balanced_accuracy", float("nan")), 4),
        "trials": summary.search.n_trials,
        "wall_s": round(time.perf_counter() - began),
        "best": summary.best.topology,
    }


def append(table: Path, row: dict[str, object]) -> None:
    """Add a row and show it."""
    is_new = not table.exists()
    with table.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if is_new:
            writer.writeheader()
        writer.writerow(row)
    print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
