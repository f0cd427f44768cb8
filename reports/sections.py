"""The sections of the page in the order a person asks, each as words, figures and tables ready to be set.

A section whose data do not exist is None and does not appear; a later kind of evidence is another function here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ffsearch.reports import tables
from ffsearch.reports.listings import MAX_COLUMN_ROWS, Table, column_table, pair_table, trial_table
from ffsearch.reports.pictures import (
    Picture,
    better,
    choice_picture,
    ending_picture,
    history_picture,
    learning_picture,
    network_picture,
    number_picture,
    score_picture,
    time_picture,
)
from ffsearch.reports.tables import RunLike
from ffsearch.reports.texts import Language

__all__ = ["Block", "Fact", "Section", "headline", "sections"]

PRINTED_TRIALS: Final = 20
"""Trials that are printed: one page of A4."""

REPEAT_COMMAND: Final = "ffsearch run space.yaml"

_SETTINGS: Final = ("dropout", "l1", "l2", "weight_decay", "learning_rate")


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A number that stands alone: what it is, its value, a remark."""

    label: str
    value: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Block:
    """What stands below a section's figures under a heading of its own: text, a list, code or a table.

    Args:
        title: The heading; none if empty.
        text: A paragraph.
        points: Of a list.
        code: Text set as it is.
        table: A table.
        is_sortable: Whether the table's headings sort it.
        n_printed: Rows of the table that go on paper; None for all.
        is_folded: Whether it opens only when asked.
    """

    title: str = ""
    text: str = ""
    points: Sequence[str] = ()
    code: str = ""
    table: Table | None = None
    is_sortable: bool = False
    n_printed: int | None = None
    is_folded: bool = False


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section, its parts in the order they stand in.

    Args:
        key: Its name in links.
        title: Its heading.
        lead: A first sentence, set large.
        texts: Paragraphs.
        facts: Numbers that stand alone.
        minor_facts: More of them, set smaller.
        topology: The winner's topology line.
        pictures: Figures.
        entries: Names and values, a line each.
        blocks: All the rest.
    """

    key: str
    title: str
    lead: str = ""
    texts: Sequence[str] = ()
    facts: Sequence[Fact] = ()
    minor_facts: Sequence[Fact] = ()
    topology: str = ""
    pictures: Sequence[Picture] = ()
    entries: Sequence[tuple[str, str]] = ()
    blocks: Sequence[Block] = ()


def sections(run: RunLike, t: Language) -> list[Section]:
    """All sections that this run has something to say in."""
    makers: list[Callable[[RunLike, Language], Section | None]] = [
        _answer, _learning, _search, _parameters, _data, _repeat, _limits,
    ]  # fmt: skip
    made = [make(run, t) for make in makers]
    return [section for section in made if section is not None]


def headline(run: RunLike, t: Language) -> str:
    """The answer in a few words: the layers of the winner, or why there is none."""
    found = tables.layers(_best_row(run).get("topology"))
    if found is None:
        return t("answer.none") if len(run.trials) else t("answer.waiting")
    if len(found.hidden) == 1:
        return t("answer.head.one", units=t.count(found.hidden[0]))
    is_equal = len(set(found.hidden)) == 1
    units = t.count(found.hidden[0]) if is_equal else t.listed(map(t.count, found.hidden))
    return t("answer.head.equal" if is_equal else "answer.head.varied", depth=len(found.hidden), units=units)


def _answer(run: RunLike, t: Language) -> Section:
    """What was found, how good it is, in words, one drawing and one line of scores."""
    title = t("answer.title")
    best = _best_row(run)
    found = tables.layers(best.get("topology"))
    if found is None:
        texts = [t("answer.none_text", trials=t.counted("trials", len(run.trials)))] if len(run.trials) else []
        return Section(key="answer", title=title, texts=texts)
    topology = t.topology(best["topology"])
    drawing = network_picture(found, t, topology=topology, note=_settings(best, t))
    pictures = _known([drawing, score_picture(run, t)])
    return Section(
        key="answer", title=title, texts=[_test_sentence(run, t)], pictures=pictures, facts=_facts(run, best, t),
        minor_facts=_minor_facts(run, t),
        lead=_lead(run, best, t), topology=topology,
    )  # fmt: skip


def _learning(run: RunLike, t: Language) -> Section | None:
    """How the winner learnt."""
    picture = learning_picture(run, t)
    if picture is None:
        return None
    return Section(key="learning", title=t("learning.title"), texts=[t("learning.text")], pictures=[picture])


def _search(run: RunLike, t: Language) -> Section | None:
    """How the search went: history, why trials ended, time, and every trial."""
    if run.trials.empty:
        return None
    pictures = [history_picture(run, t), ending_picture(run, t), time_picture(run, t)]
    trials = Block(title=t("search.all"), table=trial_table(run, t), is_sortable=True, n_printed=PRINTED_TRIALS)
    return Section(
        key="search", title=t("search.title"), texts=_search_text(run, t), pictures=_known(pictures), blocks=[trials]
    )


def _parameters(run: RunLike, t: Language) -> Section | None:
    """The parameter pictures, with the caution they need."""
    slices, objective = tables.slices(run), tables.objective(run)
    numbers = [part for part in slices if part.is_number]
    choices = [part for part in slices if not part.is_number]
    pictures = [
        number_picture(numbers, objective, t) if numbers else None,
        choice_picture(choices, objective, t) if choices else None,
    ]
    if not slices:
        return None
    text = t("parameters.caution")
    return Section(key="parameters", title=t("parameters.title"), texts=[text], pictures=_known(pictures))


def _data(run: RunLike, t: Language) -> Section | None:
    """What was learnt from."""
    data = run.summary.get("data") or {}
    columns = getattr(run, "columns", None) or []
    notices = [t.phrase(notice) for notice in getattr(run, "notices", None) or [] if not _is_in(columns, notice)]
    if not data and not columns:
        return None
    entries = [(t(f"data.{key}"), text) for key, text in _data_entries(data, tables.target(run), t).items() if text]
    blocks = [Block(title=t("data.notices"), points=notices)] if notices else []
    if columns:
        used = sum(bool(column.get("used")) for column in columns)
        text = t("data.columns_used", used=used, total=len(columns))
        if len(columns) > MAX_COLUMN_ROWS:
            text = f"{text} {t('data.columns_more', n=MAX_COLUMN_ROWS)}"
        blocks.append(Block(title=t("data.columns"), text=text, table=column_table(columns, t)))
    return Section(key="data", title=t("data.title"), entries=entries, blocks=blocks)


def _is_in(columns: Sequence[Mapping[str, Any]], notice: str) -> bool:
    """Whether the table of columns says it too, and why."""
    return bool(columns) and notice.startswith("Not used: ")


def _repeat(run: RunLike, t: Language) -> Section:
    """What is needed to run it again."""
    seed = (run.summary.get("search") or {}).get("seed")
    environment = _flat(run.environment)
    blocks = [
        Block(code=REPEAT_COMMAND, text="" if seed is None else t("repeat.seed", seed=seed)),
        Block(title=t("repeat.space"), code=run.space_text),
    ]
    if environment:
        title = t("repeat.environment")
        blocks.append(Block(title=title, table=pair_table(environment, label=title, t=t), is_folded=True))
    return Section(key="repeat", title=t("repeat.title"), texts=[t("repeat.text")], blocks=blocks)


def _limits(run: RunLike, t: Language) -> Section:
    """What must not be read out of this report; each item goes when what it misses is there."""
    evidence = run.summary.get("evidence") or {}
    openings = (evidence.get("test") or {}).get("openings", 0)
    n_scored = int(tables.history(run)["value"].notna().sum())
    missing = {
        "naive": "corrected" not in evidence and n_scored > 1,
        "no_test": not evidence.get("test"),
        "openings": openings > 1,
        "one_seed": "corrected" not in evidence,
        "interval": (evidence.get("test") or {}).get("low") is not None,
        "baselines": not run.summary.get("baselines"),
        "causes": n_scored > 1,
        "capacity": not run.summary.get("capacity"),
    }
    points = [
        t(f"limits.{key}", n=openings if key == "openings" else n_scored) for key, holds in missing.items() if holds
    ]
    return Section(key="limits", title=t("limits.title"), blocks=[Block(points=points)])


def _best_row(run: RunLike) -> dict[str, Any]:
    """The winner's row of the trials, with plain values; empty when there is none."""
    trial = tables.best_trial(run)
    if trial is None:
        return {}
    rows = run.trials[run.trials["trial"] == trial].to_dict("records")
    return {str(name): value for name, value in rows[0].items()} if rows else {}


def _lead(run: RunLike, best: Mapping[str, Any], t: Language) -> str:
    """What was found for what; the headline stands before it."""
    target = tables.target(run)
    task = t.named("task", str(run.summary.get("task", "")))
    words = {"task": task, "trial": best["trial"], "trials": t.counted("trials", len(run.trials))}
    return t("answer.lead", target=target, **words) if target else t("answer.lead_no_target", **words)


def _test_sentence(run: RunLike, t: Language) -> str:
    """What the sealed test said, in words."""
    test = (run.summary.get("evidence") or {}).get("test")
    if not test:
        return t("answer.no_test")
    n_test = (run.summary.get("data") or {}).get("n_test")
    metric = t.named("metric", tables.objective(run).name)
    numbers = {key: t.score(test.get(key)) for key in ("value", "low", "high")}
    words = {"metric": metric, "better": better(tables.objective(run), t), **numbers}
    return t("answer.test", n_test=t.count(n_test), **words) if n_test else t("answer.test_no_rows", **words)


def _facts(run: RunLike, best: Mapping[str, Any], t: Language) -> list[Fact]:
    """The numbers to remember, the one to quote first."""
    metric = t.named("metric", tables.objective(run).name)
    test = (run.summary.get("evidence") or {}).get("test") or {}
    refit = run.summary.get("refit") or {}
    facts = []
    if test:
        interval = t("fact.interval", low=t.score(test.get("low")), high=t.score(test.get("high")))
        facts.append(Fact(label=t("fact.test", metric=metric), value=t.score(test["value"]), note=interval))
    facts.append(Fact(label=t("fact.valid", metric=metric), value=t.score(best["value"]), note=t("fact.flattering")))
    facts.append(Fact(label=t("fact.params"), value=t.count(int(best["n_params"])), note=t("fact.size")))
    if refit:
        note = t("fact.epochs", epochs=t.setting(refit["epochs"]))
        facts.append(Fact(label=t("fact.refit"), value=t.count(refit["updates"]), note=note))
    return facts


def _minor_facts(run: RunLike, t: Language) -> list[Fact]:
    """The other scores on the test rows."""
    metrics = ((run.summary.get("evidence") or {}).get("test") or {}).get("metrics") or {}
    return [
        Fact(label=t.named("metric", name), value=t.score(value), note=t("fact.on_test"))
        for name, value in metrics.items()
        if name != tables.objective(run).name and value is not None
    ]


def _settings(best: Mapping[str, Any], t: Language) -> str:
    """How the winner's hidden layers are made and trained, in a line under its drawing."""
    words = [str(best.get("point.activation", ""))]
    if best.get("point.batch_norm"):
        words.append(t.named("parameter", "batch_norm"))
    for name in _SETTINGS:
        value = best.get(f"point.{name}") or 0
        if value > 0:
            words.append(f"{t.named('parameter', name)} {t.setting(value)}")
    return " · ".join(word for word in words if word)


def _search_text(run: RunLike, t: Language) -> list[str]:
    """How many, how long, by whom."""
    search = run.summary.get("search") or {}
    if not search:
        return []
    pruner = str(search.get("pruner", "none"))
    return [t(
        "search.text", trials=t.counted("trials", len(run.trials)),
        epochs=t.counted("epochs", int(search.get("n_epochs", 0))), wall=t.duration(float(search.get("wall_s") or 0)),
        sampler=t.named("sampler", str(search.get("sampler", ""))),
        pruner=t("search.no_pruner") if pruner == "none" else t("search.pruned_by", pruner=t.named("pruner", pruner)),
    )]  # fmt: skip


def _data_entries(data: Mapping[str, Any], target: str, t: Language) -> dict[str, str]:
    """The facts of the table by their key; empty where not known."""
    counts = {key: data.get(f"n_{key}") for key in ("rows", "train", "valid", "test", "features", "classes")}
    known = {key: t.count(int(count)) for key, count in counts.items() if count is not None}
    split = t("data.split", **known) if {"train", "valid", "test"} <= known.keys() else ""
    return {
        "source": str(data.get("source", "")),
        "target": target,
        "rows": ": ".join(text for text in (known.get("rows", ""), split) if text),
        "inputs": known.get("features", ""),
        "classes": known.get("classes", ""),
        "hash": str(data.get("sha256") or ""),
    }


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested names and values in one list: `packages.keras`."""
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", "–" if value is None else str(value)))
    return found


def _known(pictures: Sequence[Picture | None]) -> list[Picture]:
    """Those that there was something to draw for."""
    return [picture for picture in pictures if picture is not None]
