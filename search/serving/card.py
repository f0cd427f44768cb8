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
from ffsearch.search.wording.language import PLAIN, Language, language

__all__ = ["card_text", "write_card"]

MAX_COLUMNS: Final = 100
"""Columns listed. Choice: more are not read; `data.json` of the run has them all."""

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


def write_card(path: Path, *, lang: str = "en") -> Path:
    """Write the card of a finished run.

    Args:
        path: The run folder.
        lang: The language it is in.

    Raises:
        RunError: If it cannot be written.
    """
    target = path / CARD
    write_atomically(target, card_text(load(path), language(lang).plain).encode())
    return target


def card_text(run: StoredRun, t: Language = PLAIN) -> str:
    """The card of a finished run, in Markdown."""
    summary = run.results
    sections = {
        "what": _what(summary, t),
        "data": _data(run, t),
        "good": _evidence(run, t),
        "limits": _limits(summary, t),
        "made": _recipe(summary, run.environment, run.space_text, t),
        "use": [_USE],
    }
    parts = [f"# {_plain(summary.name)}"]
    heads = [t(f"card.head.{key}") for key in sections]
    parts += ["\n".join([f"## {head}", *lines]).rstrip() for head, lines in zip(heads, sections.values(), strict=True)]
    return "\n\n".join(parts) + "\n"


def _refitted(summary: Summary) -> tuple[BestPoint, RefitFacts]:
    """The model that the card is of; only a run that was refitted has one."""
    assert summary.best is not None
    assert summary.refit is not None
    return summary.best, summary.refit


def _what(summary: Summary, t: Language) -> list[str]:
    best, _ = _refitted(summary)
    data = summary.data
    answers = t("card.classes", n=data.n_classes) if data.n_classes else t("card.values")
    target, topology = ", ".join(map(_plain, data.target)), _plain(t.topology(best.topology))
    task = t.named("task", summary.task)
    return [t("card.what", target=target, task=task, topology=topology, answers=answers)]


def _data(run: StoredRun, t: Language) -> list[str]:
    data, (_, refit), columns = run.results.data, _refitted(run.results), run.columns or []
    used = [column for column in columns if column["used"]]
    left_out = [_plain(column["name"]) for column in columns if not column["used"]]
    learnt, sealed = t.counted("rows", refit.n_rows), t.count(data.n_test)
    lines = [
        "- " + t("card.source", source=_plain(data.source), rows=t.counted("rows", data.n_rows), sha256=data.sha256),
        "- " + t("card.learnt", rows=learnt, sealed=sealed),
    ]
    if left_out:
        more = t.more(max(0, len(left_out) - MAX_COLUMNS))
        lines.append("- " + t("card.not_used", columns=", ".join(left_out[:MAX_COLUMNS]) + more))
    # Which columns are not used stands above.
    notices = [notice for notice in run.notices if notice.code is not Code.NOT_USED]
    lines += ["- " + t("card.noticed", what=_plain(t.tagged(one))) for one in unsilenced(notices, run.ignored)]
    heads = [t(f"card.{key}") for key in ("column", "kind", "missing", "why")]
    lines += ["", f"| {' | '.join(heads)} |", "|---|---|---|---|"]
    lines += [
        f"| {_plain(column['name'])} | {t.named('kind', column['kind'])} | {t.count(column['n_missing'])} "
        f"| {_plain(_why(column, run, t))} |"
        for column in used[:MAX_COLUMNS]
    ]
    return lines + ([f"\n{t.more(len(used) - MAX_COLUMNS).strip()}"] if len(used) > MAX_COLUMNS else [])


def _why(column: Mapping[str, Any], run: StoredRun, t: Language) -> str:
    return "; ".join(map(t.says, unsilenced(reasons_in(column), run.ignored)))


def _evidence(run: StoredRun, t: Language) -> list[str]:
    summary = run.results
    objective, test = summary.objective.name, summary.evidence.test
    name = t.named("metric", objective)
    heads = [t(f"card.{key}") for key in ("score", "value", "meaning")]
    rows = [*_own_scores(summary, t), *_other_scores(summary, t)]
    lines = [f"| {' | '.join(heads)} |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    lines += ["", f"{name[:1].upper()}{name[1:]}: {_meaning(objective, t)}."]
    verdict = summary.verdict
    lines += [] if verdict is None else ["", _plain(" ".join(verdict.tagged(t, ignored=run.ignored)))]
    for finding in unsilenced(model_findings(summary), run.ignored):
        lines += ["", _plain(t.tagged(finding))]
    if test is None:
        return [*lines, t("card.nothing_sealed")]
    return [*lines, *([t("card.openings", n=test.openings)] if test.openings > 1 else [])]


def _own_scores(summary: Summary, t: Language) -> list[tuple[str, str, str]]:
    """The objective of the model: on the sealed rows, corrected, and as the search saw it."""
    evidence, name = summary.evidence, t.named("metric", summary.objective.name)
    test, corrected, naive = evidence.test, evidence.corrected, evidence.naive
    rows = []
    if test is not None:
        value = t.in_interval(test.value, test.low, test.high)
        rows.append(
            (t("card.of_test", metric=name), value, t("card.quote", rows=t.counted("rows", summary.data.n_test)))
        )
    if corrected is not None:
        value = t.in_interval(corrected.value, corrected.low, corrected.high)
        of_repeats = corrected.method == "repeats"
        meaning = t("card.held", runs=CORRECTED_RUNS, held=CORRECTED_HELD) if of_repeats else t("card.without_luck")
        rows.append((t("card.of_corrected", metric=name), value, meaning))
    if naive is not None:
        meaning = t("card.flatters", n=t.count(summary.search.n_trials))
        rows.append((t("card.of_validation", metric=name), t.score(naive.value), meaning))
    return rows


def _other_scores(summary: Summary, t: Language) -> list[tuple[str, str, str]]:
    """What stands beside it on the same rows: baselines, one network of several, other metrics."""
    objective, test, average = summary.objective.name, summary.evidence.test, summary.average
    name = t.named("metric", objective)
    rows = [
        (
            t("card.of_model", metric=name, model=t.named("model", one.name)),
            t.score(one.test.value),
            t("card.same_rows"),
        )
        for one in summary.baselines
        if one.test is not None
    ]
    if average is not None and average.single is not None:
        value = t.in_interval(average.single.value, average.single.low, average.single.high)
        rows.append((t("card.of_single", metric=name), value, t("card.first_of", n=average.n_networks)))
    others = {} if test is None else test.others(objective)
    return rows + [
        (t("card.of_test", metric=t.named("metric", other)), t.score(value), _meaning(other, t))
        for other, value in others.items()
    ]


def _meaning(metric: str, t: Language) -> str:
    return t.words.get(f"card.means.{metric}", "")


def _limits(summary: Summary, t: Language) -> list[str]:
    unknown = "new_class" if summary.data.n_classes else "far_outside"
    limits = [t(f"card.limit.{key}") for key in ("rows_like", "every_row", unknown, "no_cause", "fairness")]
    return [f"- {limit}" for limit in limits]


def _recipe(summary: Summary, environment: Mapping[str, Any], space_text: str, t: Language) -> list[str]:
    search, (best, refit) = summary.search, _refitted(summary)
    packages = environment.get("packages", {})
    versions = ", ".join(f"{name} {version}" for name, version in packages.items() if version)
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", space_text)), default=0))
    searched = t(
        "card.searched", trials=t.counted("trials", search.n_trials), engine=search.engine, sampler=search.sampler,
        pruner=search.pruner, trainer=search.trainer, seed=search.seed, time=t.duration(search.wall_s),
    )  # fmt: skip
    refitted = t("card.refitted", trial=best.trial, updates=t.count(refit.updates), epochs=t.setting(refit.epochs))
    return [
        f"- {searched}",
        f"- {refitted}",
        *_average(summary, t),
        f"- ffsearch {summary.ffsearch}, Python {environment.get('python')}, {versions}",
        f"- {t('card.again')}",
        "",
        f"{fence}yaml",
        space_text.rstrip(),
        fence,
    ]


def _average(summary: Summary, t: Language) -> list[str]:
    average = summary.average
    if average is None:
        return []
    rows, rows_single = (t.count(round(n)) for n in (average.rows_per_s, average.rows_per_s_single))
    text = t(
        "card.averaged", n=average.n_networks, params=t.count(average.n_params), rows=rows, rows_single=rows_single,
        megabytes=t.setting(average.n_bytes / 1e6),
    )  # fmt: skip
    return [f"- {text}"]


def _plain(text: object) -> str:
    """A text that Markdown shows as it is: on one line, without invisible signs, its special signs escaped."""
    invisible = ("Cc", "Cf", "Cs", "Zl", "Zp")
    shown = "".join(" " if unicodedata.category(sign) in invisible else sign for sign in str(text))
    escaped = _SPECIAL.sub(r"\\\1", shown)
    return re.sub(r"(?i)(?<=www)\.|//", lambda found: "\\" + found[0], escaped)  # or some readers make links of them
