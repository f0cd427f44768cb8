"""Several runs side by side: their predictions, their scores on one axis where they share a metric, what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from matplotlib.figure import Figure

from ffsearch.reports import evidence, tables
from ffsearch.reports.evidence_pictures import with_interval
from ffsearch.reports.listings import Cell, ShownTable
from ffsearch.reports.parts import Block, Section
from ffsearch.reports.pictures import Picture, better, picture
from ffsearch.reports.plots import whole_x
from ffsearch.reports.rows import dot, row_axes
from ffsearch.reports.sections import headline
from ffsearch.reports.style import BEST, INK, LABEL, MUTED, NARROW, add_axes, canvas, measure, score_axis
from ffsearch.reports.tables import NamedScore, RunLike, ShownObjective
from ffsearch.search.folder.results import Estimate
from ffsearch.search.wording.language import Language

__all__ = ["comparison", "comparison_headline", "names_of"]

MAX_DIFFERENCES: Final = 60
"""Settings listed that differ. Choice: runs that differ in more have little in common."""

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


def comparison_headline(runs: Sequence[RunLike], t: Language) -> str:
    """How many runs stand side by side."""
    return t("compare.head", n=len(runs))


def comparison(runs: Sequence[RunLike], t: Language) -> list[Section]:
    """The sections of the page.

    Args:
        runs: Two or more.
        t: The language.
    """
    names = names_of(runs)
    predictions = Block(table=_predictions(runs, names, t))
    sections = [Section(key="answer", title=t("compare.title"), lead=t("compare.lead"), blocks=[predictions])]
    sections += [_scores(group, number, t) for number, group in enumerate(_alike(runs, names))]
    differences = _differences(runs, names, t)
    if differences is not None:
        block = Block(table=differences)
        sections.append(Section(key="differences", title=t("compare.differences"), blocks=[block]))
    limits = Block(points=[t("compare.limit_intervals"), t("compare.limit_choice")])
    return [*sections, Section(key="limits", title=t("limits.title"), blocks=[limits])]


Group = list[tuple[str, RunLike]]


def _alike(runs: Sequence[RunLike], names: Sequence[str]) -> list[Group]:
    """Runs by what their scores are in: one metric, on one table."""
    groups: dict[tuple[ShownObjective, str], Group] = {}
    for name, run in zip(names, runs, strict=True):
        groups.setdefault((tables.objective(run), run.results.data.sha256), []).append((name, run))
    return list(groups.values())


def _predictions(runs: Sequence[RunLike], names: Sequence[str], t: Language) -> ShownTable:
    """One row a run."""
    heads = [
        t(f"compare.{key}")
        for key in (
            "run",
            "answer",
            "topology",
            "trials",
            "searched",
            "corrected",
            "test",
            "linear",
            "boosting",
            "data",
        )
    ]
    rows = [_answer_row(run, name, t) for run, name in zip(runs, names, strict=True)]
    return ShownTable(label=t("compare.title"), heads=heads, rows=rows, numbers=frozenset({3, 4, 5, 6, 7, 8}))


def _answer_row(run: RunLike, name: str, t: Language) -> list[Cell]:
    scores = {score.name: score for score in tables.scores(run)}
    gains = {one.name: one.gain for one in evidence.models(run)}
    metric = t.named("metric", tables.objective(run).name)
    data = run.results.data
    state = "" if run.is_finished else f" ({t('compare.unfinished')})"
    return [
        Cell(text=name),
        Cell(text=headline(run, t) + state, is_wide=True),
        Cell(text=t.topology(str(tables.best_row(run).get("topology", "–"))), is_wide=True),
        Cell(text=t.count(len(run.trials))),
        *(Cell(text=_told(scores.get(key), metric, t)) for key in ("naive", "corrected", "test")),
        *(Cell(text=with_interval(gains.get(key), t, signed=True)) for key in ("linear", "boosting")),
        Cell(text=f"{data.source}, {t.counted('rows', data.n_rows)}"),
    ]


def _told(score: NamedScore | None, metric: str, t: Language) -> str:
    if score is None:
        return "–"
    told = with_interval(score.estimate, t) if isinstance(score.estimate, Estimate) else t.score(score.value)
    return f"{metric} {told}"


def _scores(group: Group, number: int, t: Language) -> Section:
    """The scores of runs that share a metric and a table, and how each search came there."""
    objective = tables.objective(group[0][1])
    source = group[0][1].results.data.source
    metric = t.named("metric", objective.name)
    pictures = [each for each in (_test_picture(group, number, t), _history_picture(group, number, t)) if each]
    return Section(
        key=f"scores-{number}", title=t("compare.scores", metric=metric, source=source), texts=list(_found(group, t)),
        pictures=pictures,
    )  # fmt: skip


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


def _found(group: Group, t: Language) -> Iterator[str]:
    """What the sealed tests say of one another, from intervals alone."""
    tests = _tests(group)
    if len(tests) < 2:
        return
    (first, best), (last, worst) = tests[0], tests[-1]
    apart = best.high < worst.low or worst.high < best.low
    yield t("compare.apart" if apart else "compare.overlap", first=first, last=last)


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
    return ShownTable(label=t("compare.differences"), heads=[t("compare.setting"), *names], rows=rows)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """A space file as names and texts; the ranges of a parameter stay in one text."""
    for name, value in values.items():
        if isinstance(value, Mapping) and prefix != "space.":
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(dict(value) if isinstance(value, Mapping) else value)
