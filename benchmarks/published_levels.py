"""What whole bare runs reach on tables of which a level is published, and docs/quality.md, which shows both.

    python benchmarks/published_levels.py --data FOLDER [--tables vehicle adult ...] [--budget 10m] [--seeds 10]
                                          [--out levels] [--page docs/quality.md] [--set train.average=false]

FOLDER holds the tables as files (`TABLES` names them). Each is run by the command line as a user would, once a seed,
and every seed has a split of its own: `ffsearch run FILE --target T [--budget B] --seed S`, nothing else. A run's
figures go as a line into OUT/levels.jsonl as soon as it is done; what is in there is not run again, so a benchmark that
was ended goes on where it stood. The page is written anew from all lines after every run; `--page ""` leaves it alone.

Without --budget a run is bare: 30 trials and all evidence. Give seconds a machine with nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ffsearch import __version__
from ffsearch.search.folder.reader import load

NEAR: Final = 0.03
"""Share of the published score that may be missing: the bar of the design."""

TREES_SHARE: Final = 0.5
"""Share of what the network misses that trees of the same rows have to miss too for the rows to be named the cause."""

MODELS: Final = ("mlp", "resnet", "realmlp", "catboost")
"""What is published, in the order of the levels: tuned plain MLP, tuned ResNet, tuned RealMLP, tuned CatBoost."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """A table and what is published of it.

    Args:
        file: The table, below the folder.
        target: Its column that is predicted.
        metric: The score, as `summary.json` calls it.
        published: Score of each of `MODELS`, in `unit`; NaN where none was found.
        unit: What our score is divided by.
        settings: What a user has to say of the table, as `--set` takes it; FOLDER stands for the folder of the tables.
        source: Where the levels come from.
        note: What makes them no levels of these very rows.
    """

    file: str
    target: str
    metric: str
    published: tuple[float, ...]
    unit: float = 1.0
    settings: tuple[str, ...] = ()
    source: str = "TALENT"
    note: str = ""

    @property
    def goal(self) -> float:
        """The level of the tuned plain network."""
        return self.published[0]

    def of(self, model: str) -> float:
        """The level of a model; NaN where none is known."""
        place = MODELS.index(model)
        return self.published[place] if place < len(self.published) else math.nan

    def missing(self, reached: float, *, model: str = "mlp") -> float:
        """Share of a published score that is missing; below 0 where it was surpassed."""
        level = self.of(model)
        return reached / level - 1 if self.metric == "rmse" else 1 - reached / level


def pmlb(name: str, *published: float, metric: str = "accuracy", **more: Any) -> Level:
    """A table of PMLB."""
    return Level(file=f"pmlb/{name}.tsv.gz", target="target", metric=metric, published=published, **more)


SOURCES: Final = {
    "TALENT": "Tables of TALENT (Ye et al. 2024, arXiv 2407.00956; Liu et al. 2024, arXiv 2407.04057): tuned, means of "
    "15 seeds on one random split of 64, 16 and 20 % of the rows, which is not ours.",
    "TabM": "Result files of TabM (Gorishniy et al. 2024, arXiv 2410.24210): tuned, means of 15 seeds; adult on the "
    "official test file, California on one split.",
    "MC dropout": "Energy of splits of 90 and 10 % (Gal and Ghahramani 2016, arXiv 1506.02142, and what followed): one "
    "hidden layer of 50 units trained long .97, with dropout averaged .54, boosted trees .34 (one split).",
}

NAN: Final = math.nan
TABLES: Final[Mapping[str, Level]] = {
    "vehicle": pmlb("vehicle", 0.8235, 0.8494, 0.8231, 0.7529),
    "segmentation": pmlb("segmentation", 0.9199, 0.9186, 0.9133, 0.9202),
    "satimage": pmlb("satimage", 0.8993, 0.9044, 0.9156, 0.9135),
    "phoneme": pmlb("phoneme", 0.8684, 0.8714, 0.8784, 0.8797),
    "yeast": pmlb("yeast", 0.6031, 0.6034, 0.5926, 0.6083),
    "pendigits": pmlb("pendigits", 0.9950, 0.9948, 0.9960, 0.9913),
    "optdigits": pmlb("optdigits", 0.9825, 0.9864, 0.9870, 0.9824),
    "churn": pmlb("churn", 0.9325, 0.9384, 0.9630, 0.9575),
    "magic": pmlb("magic", 0.8724, 0.8761, 0.8786, 0.8787),
    "german": pmlb("german", 0.7330, 0.7577, 0.7443, 0.7767),
    "pima": pmlb("pima", 0.7606, 0.7494, 0.7403, 0.7775),
    "page_blocks": pmlb("page_blocks", 0.9669, 0.9668, 0.9711, 0.9667),
    "twonorm": pmlb("twonorm", 0.9773, 0.9745, 0.9785, 0.9774),
    "splice": pmlb("splice", 0.9341, 0.9412, 0.9578, 0.9529, note="its numbers are codes of letters"),
    "letter": pmlb("letter", 0.9745),
    "shuttle": pmlb("shuttle", 0.9991),
    "texture": pmlb("texture", 0.9964),
    "spambase": pmlb("spambase", 0.939),
    "fried": pmlb("564_fried", 1.022, 1.029, 1.003, 1.010, metric="rmse"),
    "2dplanes": pmlb("215_2dplanes", 1.0078, 1.0078, 1.209, 1.0015, metric="rmse"),
    "pol": pmlb("201_pol", 2.436, 3.091, 2.325, 4.189, metric="rmse", settings=("data.task=regression",)),
    "telco": Level(file="telco_churn/telco_churn.csv", target="Churn", metric="accuracy", published=(0.794,)),
    "adult": Level(
        file="adult/train.csv.gz", target="income", metric="accuracy", published=(0.853, NAN, NAN, 0.873),
        settings=("data.test=FOLDER/adult/test.csv.gz",), source="TabM",
    ),
    "california": Level(
        file="california_housing/housing.csv", target="median_house_value", metric="rmse", unit=1e5,
        published=(0.497, NAN, NAN, 0.430), source="TabM",
        note="its file has missing cells and a column of places that theirs lacks",
    ),
    "energy": Level(
        file="energy_efficiency/energy.csv", target="Heating Load", metric="rmse", published=(0.54, NAN, NAN, 0.34),
        settings=("data.drop=[Cooling Load]",), source="MC dropout",
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A table's runs.

    Args:
        level: What is published.
        rows: Lines of the runs, one a seed.
    """

    level: Level
    rows: Sequence[Mapping[str, Any]] = field(repr=False)

    def mean(self, model: str) -> float:
        """Mean score of `network`, `boosting` or `linear` over the runs, in the published unit; NaN where not known."""
        values = [row["scores"].get(model) for row in self.rows]
        known = [value / self.level.unit for value in values if value is not None]
        return statistics.fmean(known) if known else math.nan

    @property
    def error(self) -> float:
        """Standard error of the network's mean over splits and seeds; NaN of a single run."""
        values = [row["scores"]["network"] / self.level.unit for row in self.rows]
        return statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan

    @property
    def is_level(self) -> bool:
        """Whether the mean is at the tuned plain network's level or better."""
        return self.level.missing(self.mean("network")) <= 0

    @property
    def is_near(self) -> bool:
        """Whether no more than `NEAR` is missing."""
        return self.level.missing(self.mean("network")) <= NEAR

    @property
    def cause(self) -> str:
        """Why the level is missed, as far as the runs themselves tell."""
        missing = self.level.missing(self.mean("network"))
        trees = self.level.missing(self.mean("boosting"), model="catboost")
        if missing <= 0:
            return ""
        if math.isnan(self.error):
            told = "a single run tells no cause"
        elif missing * self.level.goal <= self.error:
            told = "within a standard error of it"
        elif math.isnan(trees):
            told = "not told: no boosted trees to compare with"
        elif trees >= TREES_SHARE * missing:
            told = f"the rows or their reading: boosted trees miss their level by {trees:.1%} too"
        else:
            told = "the networks: boosted trees are at their level"
        return "; ".join(filter(None, (self.level.note, told)))


def main() -> None:
    """Run what is asked for and not done, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES), metavar="TABLE")
    parser.add_argument("--budget", help="10m; left out: bare")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 to N - 1")
    parser.add_argument("--out", type=Path, default=Path("levels"), help="runs and figures")
    parser.add_argument("--page", default="docs/quality.md")
    parser.add_argument("--set", dest="settings", action="append", default=[], help="passed on to every run")
    asked = parser.parse_args()
    absent = [name for name in asked.tables if not (asked.data / TABLES[name].file).is_file()]
    if absent:
        sys.exit(
            f"{asked.data} lacks the files of {', '.join(absent)}. Give another --data, or leave them out of --tables."
        )
    asked.out.mkdir(parents=True, exist_ok=True)
    figures = asked.out / "levels.jsonl"
    for seed in range(asked.seeds):  # all tables once before any a second time: what is ended early says most
        for name in asked.tables:
            if (name, seed) not in {(row["table"], row["seed"]) for row in known(figures, asked)}:
                row = measured(name, seed, asked)
                with figures.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
                write_page(asked, list(known(figures, asked)))
    write_page(asked, list(known(figures, asked)))


def known(figures: Path, asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The lines of runs that were asked for in the same words."""
    if not figures.exists():
        return
    for line in figures.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["budget"] == asked.budget and row["settings"] == asked.settings:
            yield row


def measured(name: str, seed: int, asked: argparse.Namespace) -> dict[str, Any]:
    """One whole run."""
    level = TABLES[name]
    own = [one.replace("FOLDER", str(asked.data)) for one in level.settings]
    words = [word for one in (*own, *asked.settings) for word in ("--set", one)]
    out = asked.out / f"{name}-{seed}{'-' + asked.budget if asked.budget else ''}"
    command = ["ffsearch", "run", str(asked.data / level.file), "--target", level.target, "--seed", str(seed)]
    command += [*(["--budget", asked.budget] if asked.budget else []), "--out", str(out), "--quiet", *words]
    began = time.perf_counter()
    if subprocess.run(command, check=False).returncode:
        sys.exit(f"{name}: {' '.join(command)} failed")
    seconds = time.perf_counter() - began
    summary = load(out).results
    test, best = summary.evidence.test, summary.best
    assert test is not None, "every table has sealed rows"
    assert best is not None, "a run that ended well has a winner"
    scores = {"network": test.metrics[level.metric]} | {
        one.name: one.test.metrics[level.metric] for one in summary.baselines if one.test is not None
    }
    return {
        "table": name, "seed": seed, "budget": asked.budget, "settings": asked.settings, "version": __version__,
        "metric": level.metric, "scores": scores, "n_rows": summary.data.n_rows, "n_trials": summary.search.n_trials,
        "answer": None if summary.verdict is None else summary.verdict.code, "topology": best.topology,
        "wall_s": round(seconds, 1), "day": time.strftime("%Y-%m-%d"),
    }  # fmt: skip


# --- the page --------------------------------------------------------------------------------------------------------

HEAD: Final = """# How good the networks are

Whole runs of `ffsearch run FILE --target T` beside what is published of the same tables. Made by
`python benchmarks/published_levels.py`, {days}, with {how}; a run a seed, and every seed deals the rows anew. The score
is that of the sealed rows, which chose nothing. Published levels are of other splits and of tuned models: a few tenths
of a percent say nothing, and a single run no more than a sign. Seconds are of two cores, with whatever else the machine
had to do.

Of {n} tables the mean of our runs is at the tuned plain MLP's level or better on **{n_level}**, and within {near} of it
on **{n_near}**.

"""

COLUMNS: Final = (
    "table", "score", "runs", "ours", "±", "MLP", "ResNet", "RealMLP", "CatBoost", "our trees", "missing", "seconds",
    "cause, where missed",
)  # fmt: skip

FOOT: Final = """
`ours` is the mean, `±` its standard error over seeds and splits; `our trees` are scikit-learn's boosted trees on the
same rows, beside CatBoost's level; `missing` is the share of the MLP's level that is missing, negative where it is
surpassed. Where our trees miss CatBoost's level by at least {share} of what the network misses, rows are named as the
cause, not networks.

## Where the levels come from
"""


def write_page(asked: argparse.Namespace, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the page of all runs there are, unless none is wanted."""
    found = {name: Reached(level=level, rows=mine) for name, level in TABLES.items() if (mine := of(rows, name))}
    if asked.page and found:
        Path(asked.page).write_text("\n".join(page(found, asked)) + "\n", encoding="utf-8")


def of(rows: Sequence[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """The runs of a table."""
    return [row for row in rows if row["table"] == name]


def page(found: Mapping[str, Reached], asked: argparse.Namespace) -> Iterator[str]:
    """The lines of docs/quality.md."""
    n_level, n_near = (sum(getattr(one, name) for one in found.values()) for name in ("is_level", "is_near"))
    days = sorted({row["day"] for one in found.values() for row in one.rows})
    how = f"`--budget {asked.budget}`" if asked.budget else "nothing else said"
    yield from HEAD.format(
        days=" to ".join(dict.fromkeys((days[0], days[-1]))),
        how=how + "".join(f", `--set {one}`" for one in asked.settings),
        n=len(found), n_level=n_level, n_near=n_near, near=f"{NEAR:.0%}",
    ).splitlines()  # fmt: skip
    yield from (" | ".join(["", *words, ""]).strip() for words in (COLUMNS, ["---"] * len(COLUMNS)))
    for name, one in found.items():
        yield " | ".join(["", *cells(name, one), ""]).strip()
    yield from FOOT.format(share=f"{TREES_SHARE:g}").splitlines()
    for source in dict.fromkeys(one.level.source for one in found.values()):
        names = ", ".join(name for name, one in found.items() if one.level.source == source)
        yield f"- **{source}** ({names}). {SOURCES[source]}"


def cells(name: str, one: Reached) -> list[str]:
    """A table's line."""
    level, ours = one.level, one.mean("network")
    return [
        name, level.metric, str(len(one.rows)), f"**{shown(ours)}**" if one.is_level else shown(ours), shown(one.error),
        *(shown(level.of(model)) for model in MODELS), shown(one.mean("boosting")), f"{level.missing(ours):+.1%}",
        f"{statistics.fmean(row['wall_s'] for row in one.rows):.0f}", one.cause,
    ]  # fmt: skip


def shown(value: float) -> str:
    """Four digits; nothing where nothing is known."""
    return "" if math.isnan(value) else f"{value:.4g}"


if __name__ == "__main__":
    main()
