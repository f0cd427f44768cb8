"""`model/card.md`: what a model is, what it learnt from, how good it is, what it cannot do, and how it was made.

Written from the run folder alone. Names and texts that come from the data are escaped, so that no column name is read
as Markdown or HTML.

Source: Mitchell et al. 2019, *Model cards for model reporting*, arXiv 1810.03993, whose sections these are as far as
ffsearch knows them; what a model is meant for is its maker's to add.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ffsearch.search.base.confidence import CORRECTED_HELD, CORRECTED_RUNS
from ffsearch.search.base.files import write_atomically
from ffsearch.search.folder.of_model import model_findings
from ffsearch.search.folder.reader import CARD, StoredRun, load
from ffsearch.search.folder.summary import BestPoint, RefitFacts, Summary
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import reasons_in, unsilenced
from ffsearch.search.wording.language import PLAIN, plain_english

__all__ = ["card_text", "write_card"]

MAX_COLUMNS: Final = 100
"""Columns listed. Choice: more are not read; `data.json` of the run has them all."""

_MEANINGS: Final = {
    "log_loss": "mean of minus the logarithm of the probability given to the true class; lower is better",
    "accuracy": "share of rows whose likeliest class is the true one; higher is better",
    "balanced_accuracy": "the same share in every class, averaged over classes; higher is better",
    "roc_auc": "chance that a row of a class gets a higher probability for it than a row of another; higher is better",
    "brier": "mean squared distance of probabilities from what was true; lower is better",
    "ece": "how far stated confidence is from the share of right answers; lower is better",
    "rmse": "root of the mean squared error; lower is better",
    "mae": "mean absolute error; lower is better",
    "r2": "share of the target's variance explained; higher is better",
}
_USE: Final = """\
```python
import ffsearch, pandas
model = ffsearch.load_model("model.keras")  # this file is all it needs
print(model.predict(pandas.read_csv("rows.csv")))
```
```sh
ffsearch predict model.keras rows.csv --out answers.csv
```
"""
_SPECIAL: Final = re.compile(r"([\\`*_\[\]<|~&$])")
"""Signs with a meaning inside a line; no text from the data begins a line."""


def write_card(path: Path) -> Path:
    """Write the card of a finished run.

    Args:
        path: The run folder.

    Raises:
        RunError: If it cannot be written.
    """
    target = path / CARD
    write_atomically(target, card_text(load(path)).encode())
    return target


def card_text(run: StoredRun) -> str:
    """The card of a finished run, in Markdown."""
    summary = run.results
    sections = {
        "What it is": _what(summary),
        "What it learnt from": _data(run),
        "How good it is": _evidence(run),
        "Limits": _limits(summary),
        "How it was made": _recipe(summary, run.environment, run.space_text),
        "How to use it": [_USE],
    }
    parts = [f"# {_plain(summary.name)}"]
    parts += ["\n".join([f"## {title}", *lines]).rstrip() for title, lines in sections.items()]
    return "\n\n".join(parts) + "\n"


def _refitted(summary: Summary) -> tuple[BestPoint, RefitFacts]:
    """The model that the card is of; only a run that was refitted has one."""
    assert summary.best is not None
    assert summary.refit is not None
    return summary.best, summary.refit


def _what(summary: Summary) -> list[str]:
    best, _ = _refitted(summary)
    data = summary.data
    predictions = (
        f"It answers with probabilities of {data.n_classes} classes."
        if data.n_classes
        else "It answers with values in the target's own unit."
    )
    return [
        f"A feed-forward network that predicts {', '.join(map(_plain, data.target))} ({summary.task}): "
        f"{_plain(best.topology)}. {predictions} It "
        "takes raw columns by name; scaling, missing cells and categories are layers of the model.",
    ]


def _data(run: StoredRun) -> list[str]:
    data, (_, refit), columns = run.results.data, _refitted(run.results), run.columns or []
    used = [column for column in columns if column["used"]]
    left_out = [_plain(column["name"]) for column in columns if not column["used"]]
    lines = [
        f"- source: {_plain(data.source)}, {data.n_rows:,} rows; SHA-256 {data.sha256}",
        f"- {refit.n_rows:,} rows were learnt from; {data.n_test:,} were sealed until the end",
    ]
    if left_out:
        more = f", and {len(left_out) - MAX_COLUMNS} more" if len(left_out) > MAX_COLUMNS else ""
        lines.append(f"- columns not used: {', '.join(left_out[:MAX_COLUMNS])}{more}")
    # Which columns are not used stands above.
    notices = [notice for notice in run.notices if notice.code is not Code.NOT_USED]
    lines += [f"- noticed: {_plain(PLAIN.tagged(notice))}" for notice in unsilenced(notices, run.ignored)]
    lines += ["", "| column | kind | missing cells | as it was understood |", "|---|---|---|---|"]
    lines += [
        f"| {_plain(column['name'])} | {column['kind']} | {column['n_missing']:,} | {_plain(_why(column, run))} |"
        for column in used[:MAX_COLUMNS]
    ]
    return lines + ([f"\nand {len(used) - MAX_COLUMNS} more"] if len(used) > MAX_COLUMNS else [])


def _why(column: Mapping[str, Any], run: StoredRun) -> str:
    return plain_english(unsilenced(reasons_in(column), run.ignored))


def _evidence(run: StoredRun) -> list[str]:
    summary = run.results
    objective, evidence = summary.objective.name, summary.evidence
    test, corrected, naive = evidence.test, evidence.corrected, evidence.naive
    lines = ["| score | value | what it means |", "|---|---|---|"]
    if test is not None:
        value = PLAIN.in_interval(test.value, test.low, test.high)
        lines.append(
            f"| {_name(objective)}, sealed test | {value} | on {summary.data.n_test:,} rows that chose nothing: the "
            "one to quote |"
        )
    if corrected is not None:
        value = PLAIN.in_interval(corrected.value, corrected.low, corrected.high)
        measured = ""
        if corrected.method == "repeats":
            measured = f"; in {CORRECTED_RUNS} runs whose truth is known {CORRECTED_HELD} such intervals held it"
        lines.append(
            f"| {_name(objective)}, corrected | {value} | validation without the luck of being chosen{measured} |"
        )
    if naive is not None:
        lines.append(
            f"| {_name(objective)}, validation | {PLAIN.score(naive.value)} | the best score among "
            f"{summary.search.n_trials:,}: it flatters |"
        )
    lines += [
        f"| {_name(objective)}, sealed test, {PLAIN.named('model', one.name)} | {PLAIN.score(one.test.value)} | on "
        "the same rows |"
        for one in summary.baselines
        if one.test is not None
    ]
    average = summary.average
    if average is not None and average.single is not None:
        value = PLAIN.in_interval(average.single.value, average.single.low, average.single.high)
        meaning = f"the first of the {average.n_networks} that are averaged"
        lines.append(f"| {_name(objective)}, sealed test, one network | {value} | {meaning} |")
    others = {} if test is None else test.others(objective)
    lines += [
        f"| {_name(name)}, sealed test | {PLAIN.score(value)} | {_MEANINGS.get(name, '')} |"
        for name, value in others.items()
    ]
    lines += ["", f"{_name(objective)[:1].upper()}{_name(objective)[1:]}: {_MEANINGS[objective]}."]
    verdict = summary.verdict
    lines += [] if verdict is None else ["", _plain(" ".join(verdict.tagged(PLAIN, ignored=run.ignored)))]
    for finding in unsilenced(model_findings(summary), run.ignored):
        lines += ["", _plain(PLAIN.tagged(finding))]
    if test is None:
        return [*lines, "No rows were sealed, so nothing here says how it does on rows that chose nothing."]
    if test.openings > 1:
        lines.append(
            f"The sealed rows were opened {test.openings} times, since the search was continued after they had been "
            "seen: the test flatters a little too."
        )
    return lines


def _limits(summary: Summary) -> list[str]:
    unknown = (
        "- It cannot name a class that it was not trained on."
        if summary.data.n_classes
        else "- Far outside the range of its training rows it does not follow a trend: numbers are clipped smoothly."
    )
    return [
        "- The scores hold for rows like those it was made from. On other places, times or people they do not.",
        "- It answers every row: a missing cell as missing, a level that no training row had as other, a number beyond "
        "every range as an extreme one. An answer is no sign that the row made sense. A missing column is an error.",
        unknown,
        "- It has learnt what goes together in its table, and not what causes what.",
        "- It was not examined for fairness between groups of people.",
    ]


def _recipe(summary: Summary, environment: Mapping[str, Any], space_text: str) -> list[str]:
    search, (best, refit) = summary.search, _refitted(summary)
    packages = environment.get("packages", {})
    versions = ", ".join(f"{name} {version}" for name, version in packages.items() if version)
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", space_text)), default=0))
    return [
        f"- {search.n_trials:,} trials by {search.engine} ({search.sampler}, pruner {search.pruner}), "
        f"trainer {search.trainer}, seed {search.seed}, in {PLAIN.duration(search.wall_s)}",
        f"- the winner, trial {best.trial}, was trained afresh for {refit.updates:,} updates "
        f"({PLAIN.setting(refit.epochs)} epochs)",
        *_average(summary),
        f"- ffsearch {summary.ffsearch}, Python {environment.get('python')}, {versions}",
        "- again, with the space below as space.yaml: `ffsearch run space.yaml --out again`",
        "",
        f"{fence}yaml",
        space_text.rstrip(),
        fence,
    ]


def _average(summary: Summary) -> list[str]:
    average = summary.average
    if average is None:
        return []
    rows, rows_single = (PLAIN.count(round(n)) for n in (average.rows_per_s, average.rows_per_s_single))
    return [
        f"- {average.n_networks} times, each with other seeds: {average.n_params:,} parameters, "
        f"{PLAIN.setting(average.n_bytes / 1e6)} MB; it answered {rows} rows a second, one network {rows_single}"
    ]


def _name(metric: str) -> str:
    return PLAIN.named("metric", metric)


def _plain(text: object) -> str:
    """A text that Markdown shows as it is: on one line, without invisible signs, its special signs escaped."""
    invisible = ("Cc", "Cf", "Cs", "Zl", "Zp")
    shown = "".join(" " if unicodedata.category(sign) in invisible else sign for sign in str(text))
    escaped = _SPECIAL.sub(r"\\\1", shown)
    return re.sub(r"(?i)(?<=www)\.|//", lambda found: "\\" + found[0], escaped)  # or some readers make links of them
