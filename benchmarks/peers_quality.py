"""The bare run beside two networks of another library, on the same rows: how good, and in how many seconds.

    python -m venv peers
    peers/bin/pip install torch --index-url https://download.pytorch.org/whl/cpu    # or any torch of 2.x
    peers/bin/pip install pytabkit skorch pyarrow
    python benchmarks/peers_quality.py --peer peers/bin/python --data FOLDER [--tables vehicle adult ...] [--seeds 3]
                                       [--out peers_quality]

For every table of `published_levels.TABLES` and every seed: a whole bare run, `ffsearch run FILE --target T --seed S`,
then pytabkit's `MLP_RTDL_D` (a plain network with that library's defaults) and `RealMLP_TD` (a tuned default) on the
very same rows, each a single network, with a fifth of those rows to stop by. All learn from the rows outside the run's
sealed part, and are judged by the root mean square or the accuracy and log loss on the sealed part. Peers take no
missing numbers, and get the median and a column that says so. PyTorch lives in an environment of its own: the rows go
there as Parquet files, and this very file, run by that Python, needs no ffsearch.

Figures go into OUT/peers.jsonl as they come; what is there is not done again. Seconds are the wall's, on all cores.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

PEERS: Final = ("MLP_RTDL_D", "RealMLP_TD")
TASK: Final = "task.json"
TRAIN, TEST, ANSWERS = "train.parquet", "test.parquet", "answers-{}.json"
VALID_SHARE: Final = 0.2
"""Share of the rows that a peer stops by; that of a run's holdout."""

NEAR: Final = 0.03
"""How much of an error more still counts as near."""


def main() -> None:
    """Run what is asked for and not done, and show both side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", help="the Python that has pytabkit")
    parser.add_argument("--data", type=Path, help="folder of the tables")
    parser.add_argument("--tables", nargs="+", metavar="TABLE")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("peers_quality"))
    parser.add_argument("--set", dest="settings", action="append", default=[], help="passed on to every run of ours")
    parser.add_argument("--answer", nargs=2, metavar=("FOLDER", "MODEL"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.answer:
        answer(Path(asked.answer[0]), asked.answer[1])
        return
    if not asked.peer:
        parser.error("--peer is missing: the Python of an environment with pytabkit; see --help for how to make one")
    if not asked.data:
        parser.error("--data is missing: the folder that has the tables' files")
    compare(asked)


# --- in the environment of the peers ---------------------------------------------------------------------------------


def answer(folder: Path, name: str) -> None:
    """Train a peer on the rows of a folder and leave what it answers; ffsearch is not needed here."""
    import pandas as pd
    import pytabkit

    task = json.loads((folder / TASK).read_text(encoding="utf-8"))
    train, test = (pd.read_parquet(folder / one) for one in (TRAIN, TEST))
    for column in task["texts"]:
        levels = pd.CategoricalDtype(sorted({*train[column].dropna(), *test[column].dropna()}))
        train[column], test[column] = train[column].astype(levels), test[column].astype(levels)
    y = train.pop(task["target"])
    for column in [one for one in train if one not in task["texts"]]:
        if train[column].isna().any() or test[column].isna().any():
            median = train[column].median()
            for part in (train, test):
                part[f"{column} (missing)"] = part[column].isna().astype("float32")
                part[column] = part[column].fillna(median)
    is_regression = task["task"] == "regression"
    kind = getattr(pytabkit, f"{name}_{'Regressor' if is_regression else 'Classifier'}")
    began = time.perf_counter()
    model = kind(device="cpu", random_state=task["seed"], n_cv=1, n_refit=0, val_fraction=VALID_SHARE, verbosity=0)
    model.fit(train, y.to_numpy(), cat_col_names=task["texts"])
    predictions = model.predict(test) if is_regression else model.predict_proba(test)
    seconds = time.perf_counter() - began
    labels = [] if is_regression else [str(label) for label in model.classes_]
    left = {"answers": predictions.tolist(), "labels": labels, "seconds": round(seconds, 1)}
    (folder / ANSWERS.format(name)).write_text(json.dumps(left), encoding="utf-8")


# --- here ------------------------------------------------------------------------------------------------------------


def compare(asked: argparse.Namespace) -> None:
    """All tables once, then once more with the next seed."""
    from published_levels import TABLES

    asked.out.mkdir(parents=True, exist_ok=True)
    figures = asked.out / "peers.jsonl"
    for seed in range(asked.seeds):
        for name in asked.tables or TABLES:
            done = {(row["table"], row["seed"], row["model"]) for row in lines(figures)}
            for model in ("ffsearch", *PEERS):
                if (name, seed, model) not in done:
                    row = {"table": name, "seed": seed, "model": model}
                    row |= ours(name, seed, asked) if model == "ffsearch" else theirs(name, seed, model, asked)
                    with figures.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(row) + "\n")
                    print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    show(lines(figures))


def lines(figures: Path) -> list[dict[str, Any]]:
    """What is known so far."""
    return [json.loads(line) for line in figures.read_text().splitlines()] if figures.exists() else []


def ours(name: str, seed: int, asked: argparse.Namespace) -> dict[str, Any]:
    """A whole bare run, and its figures."""
    from ffsearch.search.folder.reader import load

    began = time.perf_counter()
    command = ["ffsearch", "run", *words(name, asked), "--seed", str(seed), "--out", str(place(name, seed, asked))]
    if subprocess.run([*command, "--quiet"], check=False).returncode:
        sys.exit(f"{name}: {' '.join(command)} failed")
    seconds = time.perf_counter() - began
    test = load(place(name, seed, asked)).results.evidence.test
    assert test is not None, "every table has sealed rows"
    return {"seconds": round(seconds, 1)} | {
        metric: test.metrics[metric] for metric in ("rmse", "accuracy", "log_loss") if metric in test.metrics
    }


def theirs(name: str, seed: int, model: str, asked: argparse.Namespace) -> dict[str, Any]:
    """A peer on the rows of that run, and its figures."""
    import numpy as np

    from ffsearch.search.evidence.metrics import metric_values
    from ffsearch.search.network.heads import Task

    folder = place(name, seed, asked) / "peers"
    head, truth = handed_over(name, seed, asked, folder)
    command = [str(Path(asked.peer).absolute()), str(Path(__file__).absolute()), "--answer", ".", model]
    # It leaves files where it stands, and tells every epoch.
    if subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=False).returncode:
        sys.exit(f"{name}: {model} failed in {folder}")
    left = json.loads((folder / ANSWERS.format(model)).read_text(encoding="utf-8"))
    predictions = np.asarray(left["answers"], np.float64).reshape(len(truth), -1)
    if head.task is not Task.REGRESSION:  # their order of the classes, and classes that a split of theirs left out
        ordered = np.full((len(truth), len(head.labels)), 1e-7)
        ordered[:, [head.labels.index(label) for label in left["labels"]]] = predictions
        predictions = ordered / ordered.sum(axis=1, keepdims=True)
    metrics = metric_values(head.task, truth, predictions)
    return {"seconds": left["seconds"]} | {
        metric: metrics[metric] for metric in ("rmse", "accuracy", "log_loss") if metric in metrics
    }


def handed_over(name: str, seed: int, asked: argparse.Namespace, folder: Path) -> tuple[Any, Any]:
    """Leave a run's rows for the peers, numbers as numbers and all else as texts; returns the head and the truth."""
    import numpy as np
    import pandas as pd
    from published_levels import TABLES

    from ffsearch.search.network.heads import Task
    from ffsearch.search.steps.inputs import read_inputs, requested

    level = TABLES[name]
    settings = [one.replace("FOLDER", str(asked.data)) for one in level.settings]
    asking = requested(
        "tabular", data=str(asked.data / level.file), target=level.target, overrides=[*settings, f"search.seed={seed}"]
    )
    prepared = read_inputs(asking).prepared
    head, sealed = prepared.head, prepared.test_rows()
    preprocessor = prepared.fit_all().preprocessor
    seen = prepared.table.features.take(prepared.development_rows)
    parts = [pd.DataFrame(preprocessor.raw_inputs(rows)) for rows in (seen, sealed.features)]
    texts = [column for column in parts[0] if parts[0][column].dtype == object]
    labels = np.array(head.labels, dtype=object)
    folder.mkdir(parents=True, exist_ok=True)
    for part, y, file in zip(parts, (prepared.truth, sealed.y), (TRAIN, TEST), strict=True):
        if file == TRAIN:
            part["the target"] = np.ravel(y) if head.task is Task.REGRESSION else labels[y].astype(str)
        part.to_parquet(folder / file)
    task = {"task": str(head.task), "target": "the target", "texts": texts, "seed": seed}
    (folder / TASK).write_text(json.dumps(task), encoding="utf-8")
    return head, sealed.y


def place(name: str, seed: int, asked: argparse.Namespace) -> Path:
    """Where a run lies."""
    path: Path = asked.out / f"{name}-{seed}"
    return path


def words(name: str, asked: argparse.Namespace) -> list[str]:
    """What the command line is told of a table."""
    from published_levels import TABLES

    level = TABLES[name]
    settings = [one.replace("FOLDER", str(asked.data)) for one in level.settings] + asked.settings
    return [str(asked.data / level.file), "--target", level.target, *(w for one in settings for w in ("--set", one))]


def show(rows: Sequence[Mapping[str, Any]]) -> None:
    """A line a table: means of the error (RMSE, or the share that is wrong) and of seconds, ours and theirs."""
    models = ("ffsearch", *PEERS)
    beaten, near = dict.fromkeys(PEERS, 0), dict.fromkeys(PEERS, 0)
    print("\n| table | " + " | ".join(f"{one}: error, seconds" for one in models) + " |\n|" + "---|" * 4)
    tables = dict.fromkeys(row["table"] for row in rows)
    for name in tables:
        means = {}
        for model in models:
            mine = [row for row in rows if row["table"] == name and row["model"] == model]
            errors = [row["rmse"] if "rmse" in row else 1 - row["accuracy"] for row in mine]
            means[model] = (
                (statistics.fmean(errors), statistics.fmean(row["seconds"] for row in mine)) if mine else None
            )
        cells = ["" if one is None else f"{one[0]:.4g}, {one[1]:.0f}" for one in means.values()]
        print(f"| {name} | " + " | ".join(cells) + " |")
        own = means["ffsearch"]
        for peer in PEERS:
            other = means[peer]
            if own is not None and other is not None:
                beaten[peer] += own[0] < other[0]
                near[peer] += own[0] <= (1 + NEAR) * other[0] or math.isclose(own[0], other[0])
    for peer in PEERS:
        print(f"better than {peer} on {beaten[peer]} of {len(tables)}, within {NEAR:.0%} of its error on {near[peer]}")


if __name__ == "__main__":
    main()
