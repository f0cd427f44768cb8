"""Several runs side by side: their predictions, their scores on one axis where they share a metric, what differs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from matplotlib.figure import Figure

from ffsearch.reports import evidence, tables
from ffsearch.reports.evidence_pictures import with_interval
from ffsearch.reports.listings import Cell, ShownTable
from ffsearch.reports.parts import Block, Fold, Section, known
from ffsearch.reports.pictures import Picture, better, picture
from ffsearch.reports.plots import whole_x
from ffsearch.reports.rows import dot, row_axes
from ffsearch.reports.sections import headline
from ffsearch.reports.style import BEST, INK, LABEL, MUTED, NARROW, add_axes, canvas, measure, score_axis
from ffsearch.reports.tables import NamedScore, RunLike, ShownObjective
from ffsearch.search.folder.results import Estimate
from ffsearch.search.wording.language import Language

__all__ = ["Pairs", "comparison", "comparison_headline", "names_of"]

Pairs = Mapping[tuple[int, int], Estimate]
"""What a run's network gains over another's on the same sealed rows, by their places; positive: the first is better."""

MAX_DIFFERENCES: Final = 60
"""Settings listed that differ. Choice: runs that differ in more have little in common."""

MAX_PAIRS: Final = 6
"""Pairs that are told, the largest gains first. Choice: all pairs of four runs."""

DASHES: Final = ("solid", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
"""Line styles of the runs in turn, so that colour is not needed to tell them apart."""


def names_of(runs: Sequence[RunLike]) -> list[str]:
    """A name for each run: its own, or its folder where several are called alike."""
    names = [run.results.name for run in runs]
    folders = [run.path.name for run in runs]
    paths = [str(run.path) for run in runs]
    for candidate in (names, folders, paths):
        if len(set(candidate)) == len(runs):
            return candidate
    return [f"{path} ({number})" for number, path in enumerate(paths, start=1)]


def comparison_headline(runs: Sequence[RunLike], t: Language, pairs: Pairs) -> str:
    """Which run is shown to be better, where they share table and metric; else how many stand side by side."""
    groups = _alike(runs, names_of(runs))
    tests = _tests(groups[0])
    if len(groups) > 1 or len(tests) < len(runs):
        return t("compare.head", n=len(runs))
    if len(runs) == 2 and pairs:
        [(first, last, gain)] = _turned(groups[0], runs, pairs)
        is_shown = gain.low > 0
    else:
        first, last, is_shown = tests[0][0], tests[-1][0], _are_apart(tests)
    return t("compare.head_apart", first=first, last=last) if is_shown else t("compare.head_overlap")


def comparison(runs: Sequence[RunLike], t: Language, pairs: Pairs) -> list[Section]:
    """The sections of the page.

    Args:
        runs: Two or more.
        t: The language.
        pairs: Gains on the same sealed rows, where they are known.
    """
    names = names_of(runs)
    predictions = Block(table=_predictions(runs, names, t))
    sections = [Section(key="answer", title=t("compare.title"), lead=t("compare.lead"), blocks=[predictions])]
    for number, group in enumerate(_alike(runs, names)):
        sections.append(_scores(group, number, _turned(group, runs, pairs), t))
    differences = _differences(runs, names, t)
    if differences is not None:
        block = Block(table=differences)
        sections.append(Section(key="differences", title=t("compare.differences"), blocks=[block]))
    small = "compare.limit_seeds" if pairs else "compare.limit_intervals"
    limits = Block(points=[t(small), t("compare.limit_choice")])
    return [*sections, Section(key="limits", title=t("limits.title"), blocks=[limits])]


Turned = list[tuple[str, str, Estimate]]
"""Pairs of runs, the better network first, with what it gains."""


def _turned(group: Group, runs: Sequence[RunLike], pairs: Pairs) -> Turned:
    """The pairs of a group, the largest gain first."""
    names, of_group = names_of(runs), {name for name, _ in group}
    found = []
    for (one, other), gain in pairs.items():
        first, last = names[one], names[other]
        if {first, last} <= of_group:
            back = Estimate(value=-gain.value, low=-gain.high, high=-gain.low)
            found.append((first, last, gain) if gain.value >= 0 else (last, first, back))
    return sorted(found, key=lambda one: -one[2].value)


Group = list[tuple[str, RunLike]]


def _alike(runs: Sequence[RunLike], names: Sequence[str]) -> list[Group]:
    """Runs by what their scores are in: one metric, on one table."""
    groups: dict[tuple[ShownObjective, str], Group] = {}
    for name, run in zip(names, runs, strict=True):
        groups.setdefault((tables.objective(run), run.results.data.sha256), []).append((name, run))
    return list(groups.values())


def _predictions(runs: Sequence[RunLike], names: Sequence[str], t: Language) -> ShownTable:
    """What each run found, a row a run."""
    heads = [t(f"compare.{key}") for key in ("run", "answer", "topology", "data")]
    rows = [_answer_row(run, name, t) for run, name in zip(runs, names, strict=True)]
    return ShownTable(label=t("compare.title"), heads=heads, rows=rows, stacks=True)


def _answer_row(run: RunLike, name: str, t: Language) -> list[Cell]:
    data = run.results.data
    state = "" if run.is_finished else f" ({t('compare.unfinished')})"
    return [
        Cell(text=name),
        Cell(text=headline(run, t) + state),
        Cell(text=t.topology(str(tables.best_row(run).get("topology", "–")))),
        Cell(text=f"{data.source}, {t.counted('rows', data.n_rows)}"),
    ]


def _scores(group: Group, number: int, turned: Turned, t: Language) -> Section:
    """The scores of runs that share a metric and a table, and how each search came there."""
    objective = tables.objective(group[0][1])
    source = group[0][1].results.data.source
    metric = t.named("metric", objective.name)
    blocks = [Block(table=_score_table(group, metric, t))]
    if (history := _history_picture(group, number, t)) is not None:
        blocks.append(Block(title=t("compare.history"), pictures=[history], fold=Fold.ALL))
    return Section(
        key=f"scores-{number}", title=t("compare.scores", metric=metric, source=source),
        texts=list(_found(group, turned, t)), pictures=known([_test_picture(group, number, t)]), blocks=blocks,
    )  # fmt: skip


def _score_table(group: Group, metric: str, t: Language) -> ShownTable:
    """All scores, a row a run."""
    keys = ("run", "trials", "searched", "corrected", "test", "linear", "boosting")
    rows = [_score_row(run, name, t) for name, run in group]
    return ShownTable(
        label=metric, heads=[t(f"compare.{key}") for key in keys], rows=rows, numbers=frozenset(range(1, len(keys))),
        stacks=True,
    )  # fmt: skip


def _score_row(run: RunLike, name: str, t: Language) -> list[Cell]:
    scores = {score.name: score for score in tables.scores(run)}
    gains = {one.name: one.gain for one in evidence.models(run)}
    return [
        Cell(text=name),
        Cell(text=t.count(len(run.trials))),
        *(Cell(text=_told(scores.get(key), t)) for key in ("naive", "corrected", "test")),
        *(Cell(text=with_interval(gains.get(key), t, signed=True)) for key in ("linear", "boosting")),
    ]


def _told(score: NamedScore | None, t: Language) -> str:
    if score is None:
        return "–"
    return with_interval(score.estimate, t) if isinstance(score.estimate, Estimate) else t.score(score.value)


def _tests(group: Group) -> list[tuple[str, Estimate]]:
    """Sealed tests with intervals, the best first."""
    found = [
        (name, score.estimate)
        for name, run in group
        for score in tables.scores(run)
        if score.name == "test" and isinstance(score.estimate, Estimate)
    ]
    sign = tables.objective(group[0][1]).sign
    return sorted(found, key=lambda one: sign * one[1].value)


def _found(group: Group, turned: Turned, t: Language) -> Iterator[str]:
    """What the sealed tests say of one another: row by row where the rows are the same, else from intervals alone."""
    metric = t.named("metric", tables.objective(group[0][1]).name)
    n_rows = t.count(group[0][1].results.data.n_test)
    for first, last, gain in turned[:MAX_PAIRS]:
        value, low, high = t.rounded(gain.value, gain.low, gain.high)
        words = {"first": first, "last": last, "value": value, "low": low, "high": high, "metric": metric}
        yield t("compare.pair_better" if gain.low > 0 else "compare.pair_level", n=n_rows, **words)
    tests = _tests(group)
    if not turned and len(tests) > 1:
        yield t("compare.apart" if _are_apart(tests) else "compare.overlap", first=tests[0][0], last=tests[-1][0])


def _are_apart(tests: Sequence[tuple[str, Estimate]]) -> bool:
    """Whether the intervals of the best and the worst do not overlap."""
    best, worst = tests[0][1], tests[-1][1]
    return best.high < worst.low or worst.high < best.low


def _test_picture(group: Group, number: int, t: Language) -> Picture | None:
    """All sealed tests on one axis."""
    tests, objective = _tests(group), tables.objective(group[0][1])
    if not tests:
        return None

    def draw(width: int) -> Figure:
        names = [f"{name}  {t.score(test.value)}" for name, test in tests]
        figure, axes = row_axes(names, width=width, label_width=230, bottom=44)
        for row, (_, test) in enumerate(tests):
            dot(axes, row, test, colour=BEST)
        axes.margins(x=0.06)
        score_axis(axes, t, label=t("sure.on_test", metric=measure(objective, t)), which="x")
        return figure

    items = [
        t("answer.score_interval", name=name, value=t.score(test.value), low=t.score(test.low), high=t.score(test.high))
        for name, test in tests
    ]
    return picture(
        draw, name=f"tests-{number}", alt=t("compare.tests_alt", scores="; ".join(items)),
        caption=t("compare.tests_caption", better=better(objective, t)),
    )  # fmt: skip


def _history_picture(group: Group, number: int, t: Language) -> Picture | None:
    """The best so far of every search, trial by trial."""
    objective = tables.objective(group[0][1])
    histories = [(name, tables.history(run)) for name, run in group]
    histories = [(name, history) for name, history in histories if history["best_so_far"].notna().any()]
    if not histories:
        return None

    def draw(width: int) -> Figure:
        figure = canvas(width, 320)
        axes = add_axes(
            figure, left=56, right=16, top=44 + 16 * -(-len(histories) // (1 if width <= NARROW else 3)), bottom=42
        )
        for place, (name, history) in enumerate(histories):
            axes.step(
                history["trial"] + 1, history["best_so_far"], where="post", linewidth=1.8, label=name,
                color=(BEST, INK, MUTED)[place % 3], linestyle=DASHES[place % len(DASHES)],
            )  # fmt: skip
        whole_x(axes, t("search.trial"))
        score_axis(axes, t, label=t("search.valid", metric=measure(objective, t)))
        legend = figure.legend(
            loc="upper left", ncols=1 if width <= NARROW else 3, frameon=False, fontsize=LABEL, labelcolor=INK,
            borderaxespad=0.2,
        )  # fmt: skip
        for text in legend.get_texts():
            text.set_parse_math(False)
        return figure

    items = [f"{name} {t.score(float(history['best_so_far'].iloc[-1]))}" for name, history in histories]
    return picture(
        draw, name=f"histories-{number}", alt=t("compare.history_alt", scores="; ".join(items)),
        caption=t("compare.history_caption", better=better(objective, t)),
    )  # fmt: skip


def _differences(runs: Sequence[RunLike], names: Sequence[str], t: Language) -> ShownTable | None:
    """The settings that are not the same in all runs; None where they are."""
    spaces = [dict(_flat(tables.space(run))) for run in runs]
    keys = list(dict.fromkeys(key for space in spaces for key in space))
    differing = [key for key in keys if len({space.get(key, "–") for space in spaces}) > 1]
    if not differing:
        return None
    rows = [
        [Cell(text=key), *(Cell(text=space.get(key, "–")) for space in spaces)] for key in differing[:MAX_DIFFERENCES]
    ]
    return ShownTable(label=t("compare.differences"), heads=[t("compare.setting"), *names], rows=rows, stacks=True)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """A space file as names and texts; the ranges of a parameter stay in one text."""
    for name, value in values.items():
        if isinstance(value, Mapping) and prefix != "space.":
            yield from _flat(value, f"{prefix}{name}.")
        else:
            plain = dict(value) if isinstance(value, Mapping) else value
            yield f"{prefix}{name}", plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
