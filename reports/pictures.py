"""Figures as the page shows them: drawn for a wide page and for a phone, with a caption and what they tell in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from markupsafe import Markup
from matplotlib.figure import Figure

from ffsearch.reports import parallel, parameter_plots, plots, tables
from ffsearch.reports.curves import learning_curves
from ffsearch.reports.listings import ShownTable, curve_table, group_table
from ffsearch.reports.style import BETWEEN, NARROW, WIDE
from ffsearch.reports.svg import inline
from ffsearch.reports.tables import Layers, ParameterSlice, RunLike, ShownObjective
from ffsearch.search.wording.language import Language

__all__ = [
    "Picture",
    "better",
    "choice_picture",
    "ending_picture",
    "history_picture",
    "learning_picture",
    "network_picture",
    "number_picture",
    "parallel_picture",
    "picture",
    "score_picture",
    "time_picture",
]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure, drawn when a page asks for it: texts do without.

    Args:
        draw: Draws it at a width.
        name: Unique in the page.
        alt: What it tells, for those who do not see it.
        caption: What it shows.
        table: Its numbers.
        share: Of a wide page's column; a picture of less than all of it stands beside the next one.
    """

    draw: Callable[[int], Figure]
    name: str
    alt: str
    caption: str
    table: ShownTable | None = None
    share: float = 1.0

    @cached_property
    def wide(self) -> Markup:
        """Drawn for a wide page."""
        width = WIDE if self.share == 1 else round(self.share * (WIDE - BETWEEN))
        return inline(self.draw(width), name=f"{self.name}-wide", label=self.alt)

    @cached_property
    def narrow(self) -> Markup:
        """Drawn for a phone."""
        return inline(self.draw(NARROW), name=f"{self.name}-narrow", label=self.alt)


def better(objective: ShownObjective, t: Language) -> str:
    """Which way the objective is better."""
    return t("answer.lower" if objective.is_lower_better else "answer.higher")


def network_picture(layers: Layers, t: Language, *, topology: str, note: str) -> Picture:
    """The winner, drawn; `note` says how its layers are made."""
    return picture(
        lambda width: plots.network(layers, t=t, width=width, note=note), name="network",
        alt=t("answer.picture", topology=topology), caption=t("answer.picture_caption"),
    )  # fmt: skip


def score_picture(run: RunLike, t: Language) -> Picture | None:
    """The line of scores, if there is one to draw."""
    scores, objective = tables.scores(run), tables.objective(run)
    if not scores:
        return None
    items = [
        t("answer.score_item" if score.low is None else "answer.score_interval", name=t.named("score", score.name),
          value=t.score(score.value), low=t.score(score.low), high=t.score(score.high))
        for score in scores
    ]  # fmt: skip
    caption = "answer.scores_caption" if len(scores) > 1 else "answer.scores_caption_naive"
    return picture(
        lambda width: plots.score_line(scores, objective, t=t, width=width), name="scores",
        alt=t("answer.scores_alt", scores="; ".join(items)), caption=t(caption, better=better(objective, t)),
    )  # fmt: skip


def learning_picture(run: RunLike, t: Language) -> Picture | None:
    """How the winner learnt, among the others."""
    curves = learning_curves(run)
    if curves is None or not curves.best["valid_loss"].notna().any():
        return None
    label = t("learning.loss_regression" if run.results.task == "regression" else "learning.loss_classes")
    n_others = len(curves.others)
    key = "caption_finalists" if curves.finalists else "caption" if n_others else "caption_alone"
    if curves.repeat is not None:
        key, n_others = "caption_repeats", n_others + len(curves.finalists)
    caption = t(f"learning.{key}", trial=curves.trial, n_others=n_others, n_repeats=len(curves.repeats))
    at_best = curves.best.loc[curves.best["epoch"] == curves.best_epoch, "valid_loss"]
    alt = t(
        "learning.alt", trial=curves.trial, first=t.score(curves.best["valid_loss"].iloc[0]), n_epochs=len(curves.best),
        best=t.score(at_best.iloc[0] if len(at_best) else None), epoch=curves.best_epoch,
        train=t.score(curves.best["train_loss"].iloc[-1]),
    )  # fmt: skip
    return picture(
        lambda width: plots.learning(curves, t=t, width=width, label=label), name="learning", alt=alt, caption=caption,
        table=curve_table(curves.best, caption, t),
    )  # fmt: skip


def history_picture(run: RunLike, t: Language) -> Picture | None:
    """The search history, if there is one: two trials or more, one of them with a score."""
    history, objective = tables.history(run), tables.objective(run)
    scored = history[history["value"].notna()]
    if scored.empty or len(history) < 2:
        return None
    metric = t.named("metric", objective.name)
    winner = history[history["is_best"]].iloc[0]
    alt = t(
        "search.history_alt", metric=metric, first=t.score(scored["value"].iloc[0]), n_trials=len(history),
        first_trial=scored["trial"].iloc[0], best=t.score(history["best_so_far"].iloc[-1]), trial=winner["trial"],
        value=t.score(winner["value"]),
    )  # fmt: skip
    return picture(
        lambda width: plots.search_history(history, objective, t=t, width=width), name="history", alt=alt,
        caption=t("search.history_caption", metric=metric, better=better(objective, t)),
    )  # fmt: skip


def ending_picture(run: RunLike, t: Language) -> Picture:
    """Why trials ended."""
    endings = tables.endings(run)
    reasons = [
        t("search.ended_item", n=row["n"], reason=t.named("ended", row["ended"]), seconds=t.duration(row["train_s"]))
        for row in endings.to_dict("records")
    ]
    return picture(
        lambda width: plots.ending_reasons(endings, t=t, width=width), name="endings",
        alt=t("search.ended_alt", reasons="; ".join(reasons)), caption=t("search.ended_caption"),
    )  # fmt: skip


def time_picture(run: RunLike, t: Language) -> Picture | None:
    """Where the time went, if it is known."""
    parts = tables.time_parts(run)
    if not parts:
        return None
    total = sum(parts.values())
    shares = [
        t("search.time_item", share=t.share(part / total), name=t.named("time", name)) for name, part in parts.items()
    ]
    return picture(
        lambda width: plots.time_spent(parts, t=t, width=width), name="time",
        alt=t("search.time_alt", total=t.duration(total), parts="; ".join(shares)),
        caption=t("search.time_caption", total=t.duration(total)),
    )  # fmt: skip


def number_picture(slices: Sequence[ParameterSlice], objective: ShownObjective, t: Language) -> Picture:
    """The searched numbers against the score."""
    metric = t.named("metric", objective.name)
    findings = [_number_finding(part, t) for part in slices]
    return picture(
        lambda width: parameter_plots.number_clouds(slices, objective, t=t, width=width), name="numbers",
        alt=t("parameters.numbers_alt", findings="; ".join(findings)),
        caption=t("parameters.numbers_caption", metric=metric, better=better(objective, t)),
        table=group_table(slices, objective, t),
    )  # fmt: skip


def parallel_picture(slices: Sequence[ParameterSlice], objective: ShownObjective, t: Language) -> Picture:
    """All trials as lines through their parameters."""
    n_drawn, n_all = len(parallel.lines_drawn(slices, objective)), max(len(part.frame) for part in slices)
    caption = t("search.parallel_caption", n=parallel.MIN_BEST)
    if n_drawn < n_all:
        caption += " " + t("search.parallel_cut", n=t.count(n_drawn), total=t.count(n_all))
    best = {part.name: part.frame.loc[part.frame["is_best"]] for part in slices}
    values = [
        _number_value(part, t) if part.is_number else parameter_plots.level_name(str(best[part.name]["x"].iloc[0]), t)
        for part in slices
    ]
    named = [f"{t.named('parameter', part.name)} {value}" for part, value in zip(slices, values, strict=True)]
    score = t.score(float(best[slices[0].name]["value"].iloc[0]))
    return picture(
        lambda width: parallel.parallel(slices, objective, t=t, width=width), name="parallel",
        alt=t("search.parallel_alt", values="; ".join(named), score=score), caption=caption,
    )  # fmt: skip


def choice_picture(slices: Sequence[ParameterSlice], objective: ShownObjective, t: Language) -> Picture:
    """The searched choices against the score."""
    findings = [_choice_finding(part, objective, t) for part in slices]
    return picture(
        lambda width: parameter_plots.choice_strips(slices, objective, t=t, width=width), name="choices",
        alt=t("parameters.choices_alt", findings="; ".join(findings), metric=t.named("metric", objective.name)),
        caption=t("parameters.choices_caption"), table=group_table(slices, objective, t),
    )  # fmt: skip


def _number_finding(part: ParameterSlice, t: Language) -> str:
    """What the best trial has, for those who do not see the cloud."""
    return t("parameters.number_finding", name=t.named("parameter", part.name), value=_number_value(part, t))


def _number_value(part: ParameterSlice, t: Language) -> str:
    """What the best trial has of a number."""
    at = float(part.frame.loc[part.frame["is_best"], "x"].iloc[0])
    return t("parameters.off") if part.has_off and at == 0 else t.setting(at)


def _choice_finding(part: ParameterSlice, objective: ShownObjective, t: Language) -> str:
    """The choice with the best median."""
    top = tables.slice_groups(part, objective).iloc[0]
    value = f"{parameter_plots.level_name(str(top['low']), t)} ({t.score(top['median'])})"
    return t("parameters.choice_finding", name=t.named("parameter", part.name), value=value)


def picture(
    draw: Callable[[int], Figure],
    *,
    name: str,
    alt: str,
    caption: str,
    table: ShownTable | None = None,
    share: float = 1.0,
) -> Picture:
    """A figure with what it tells."""
    return Picture(draw=draw, name=name, alt=alt, caption=caption, table=table, share=share)
