"""Sections of a search: how the winner learnt, how the search went, the data, how to repeat it, what is not shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ffsearch.reports import evidence, tables
from ffsearch.reports.fronts import front_picture
from ffsearch.reports.listings import MAX_COLUMN_ROWS, column_table, pair_table, trial_table
from ffsearch.reports.next_steps import steps
from ffsearch.reports.parts import Block, Fold, Section, known
from ffsearch.reports.pictures import (
    choice_picture,
    ending_picture,
    history_picture,
    learning_picture,
    number_picture,
    parallel_picture,
    time_picture,
)
from ffsearch.reports.tables import RunLike
from ffsearch.search.folder.summary import DataFacts
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.language import Language, shortened

__all__ = ["data", "learning", "limits", "repeat", "search"]

PRINTED_TRIALS: Final = 20
"""Trials that are printed: one page of A4."""

MAX_CLASSES_TOLD: Final = 12
"""Classes whose shares are told."""

N_OPEN: Final = 3
"""Facts of the table that are not folded: the table, the target, the rows."""

REPEAT_COMMAND: Final = "ffsearch run space.yaml"
PLAYGROUND_COMMAND: Final = "ffsearch report RUN --playground"


def learning(run: RunLike, t: Language) -> Section | None:
    """How the winner learnt."""
    picture = learning_picture(run, t)
    if picture is None:
        return None
    block = Block(title=t("learning.curves"), pictures=[picture], fold=Fold.ALL)
    return Section(key="learning", title=t("learning.title"), texts=[t("learning.text")], blocks=[block])


def search(run: RunLike, t: Language) -> Section | None:
    """How the search went: history, what the best have in common, parameters, sizes, why trials ended, every trial."""
    if run.trials.empty:
        return None
    slices, objective = tables.slices(run), tables.objective(run)
    numbers = [part for part in slices if part.is_number]
    choices = [part for part in slices if not part.is_number]
    clouds = [
        number_picture(numbers, objective, t) if numbers else None,
        choice_picture(choices, objective, t) if choices else None,
    ]
    ends = known([ending_picture(run, t), time_picture(run, t)])
    blocks = [Block(title=t("search.history"), pictures=known([history_picture(run, t)]), fold=Fold.ALL)]
    if slices:
        parallel = [parallel_picture(slices, objective, t)]
        blocks += [
            Block(title=t("search.parallel"), pictures=parallel, fold=Fold.ALL),
            Block(
                title=t("parameters.title"), text=t("parameters.caution"), is_caution=True, pictures=known(clouds),
                fold=Fold.ALL,
            ),
        ]  # fmt: skip
    if len(tables.history(run)["value"].dropna()) > 1:
        front = known([front_picture(run, t)])
        blocks.append(Block(title=t("front.title"), text=t("front.text"), pictures=front, fold=Fold.ALL))
    table = trial_table(run, t)
    blocks += [
        Block(title=t("search.ends"), pictures=ends, fold=Fold.ALL),
        Block(title=t("search.all"), table=table, is_sortable=True, n_printed=PRINTED_TRIALS, fold=Fold.ALL),
    ]
    return Section(key="search", title=t("search.title"), texts=_search_text(run, t), blocks=blocks)


def data(run: RunLike, t: Language) -> Section:
    """What was learnt from."""
    columns = getattr(run, "columns", None) or []
    entries = [(t(f"data.{key}"), text) for key, text in _data_entries(run.results.data, t).items() if text]
    # What is not used, and why, the table of columns says too.
    notices = [one for one in tables.shown(run, tables.notices(run)) if not columns or one.code is not Code.NOT_USED]
    told = tables.findings(run)
    told += [step for step in steps(run) if step not in told]
    n_silenced = len(told) - len(tables.shown(run, told))
    silenced = t.counted_as("data.silenced", n_silenced) if n_silenced else ""
    blocks = [Block(title=t("data.notices"), text=silenced, findings=notices)] if notices or silenced else []
    if columns:
        used = sum(bool(column.get("used")) for column in columns)
        text = t("data.columns_used", used=used, total=len(columns))
        if len(columns) > MAX_COLUMN_ROWS:
            text = f"{text} {t('data.columns_more', n=MAX_COLUMN_ROWS)}"
        table = column_table(columns, t, ignored=tables.ignored(run))
        blocks.append(Block(title=t("data.columns"), text=text, table=table, fold=Fold.ALL))
    more = [*entries[N_OPEN:], *_columns_in_short(columns, t), *_balance(run, t), *_augmentation(run, t)]
    blocks.append(Block(title=t("data.more"), entries=more, fold=Fold.ALL))
    blocks.append(Block(title=t("data.prepared"), text=t("data.prepared_how"), fold=Fold.ALL))
    return Section(key="data", title=t("data.title"), entries=entries[:N_OPEN], blocks=blocks)


def _columns_in_short(columns: Sequence[Mapping[str, Any]], t: Language) -> list[tuple[str, str]]:
    """How many columns of each kind are used, and how many of them lack cells."""
    used = [column for column in columns if column.get("used")]
    if not used:
        return []
    kinds = Counter(t.named("kind", str(column.get("kind", ""))) for column in used)
    lacking = sum(bool(column.get("n_missing")) for column in used)
    missing = t("data.lacking", n=t.count(lacking), total=t.count(len(used))) if lacking else t("data.complete")
    told = ", ".join(f"{t.count(n)} × {kind}" for kind, n in kinds.most_common())
    return [(t("data.kinds"), told), (t("data.missing_cells"), missing)]


def _balance(run: RunLike, t: Language) -> list[tuple[str, str]]:
    """The share of each class among the sealed rows, the largest first."""
    part = evidence.confusion(run)
    if part is None or not part.counts.sum():
        return []
    shares = part.counts.sum(axis=1) / part.counts.sum()
    ranked = sorted(zip(part.labels, shares.tolist(), strict=True), key=lambda one: -one[1])
    told = ", ".join(f"{shortened(label)}: {t.share(share)}" for label, share in ranked[:MAX_CLASSES_TOLD])
    return [(t("data.balance"), told + (", …" if len(ranked) > MAX_CLASSES_TOLD else ""))]


def _augmentation(run: RunLike, t: Language) -> list[tuple[str, str]]:
    """What was done to rows while the winner was trained."""
    best = tables.best_row(run)
    if not best:
        return []
    balance = str(best.get("point.augment_balance", "none"))
    done = [] if balance == "none" else [t.named("balance", balance)]
    for name, value in best.items():
        if name.startswith("point.augment_") and isinstance(value, float) and value > 0:
            done.append(f"{t.named('parameter', name.removeprefix('point.'))} {t.setting(value)}")
    augmented = t.listed(done) if done else t("balance.none")
    return [(t("data.augmented"), augmented)]


def repeat(run: RunLike, t: Language) -> Section:
    """What is needed to run it again."""
    environment = _flat(run.environment)
    blocks = [
        Block(code=REPEAT_COMMAND),
        Block(text=t("repeat.seed", seed=run.results.search.seed)),
        Block(title=t("repeat.space"), code=run.space_text, fold=Fold.ALL),
    ]
    if environment:
        title = t("repeat.environment")
        blocks.append(Block(title=title, table=pair_table(environment, label=title, t=t), fold=Fold.ALL))
    own = Block(title=t("repeat.own"), code=PLAYGROUND_COMMAND, text=t("repeat.playground"), fold=Fold.ALL)
    blocks.append(own)
    return Section(key="repeat", title=t("repeat.title"), texts=[t("repeat.text")], blocks=blocks)


def limits(run: RunLike, t: Language) -> Section:
    """What must not be read out of this report; each item goes when what it misses is there."""
    found = run.results.evidence
    test, is_corrected = found.test, found.corrected is not None
    n_openings = 0 if test is None else test.openings
    n_scored = int(tables.history(run)["value"].notna().sum())
    baselines = [t.named("model", one.name) for one in evidence.models(run) if one.name not in ("network", "dummy")]
    missing = {
        "naive": not is_corrected and n_scored > 1,
        "no_test": test is None,
        "openings": n_openings > 1,
        "one_seed": not is_corrected,
        "interval": not is_corrected and test is not None and test.is_known,
        "splits": is_corrected,
        "baselines": not baselines,
        "kinds": bool(baselines),
        "causes": n_scored > 1,
        "effects": bool(evidence.effects(run)),
        "slices": bool(run.results.slices),
        "capacity": run.results.capacity is None,
    }
    values = {"n": n_openings if n_openings > 1 else n_scored, "models": ""}
    values["models"] = t.listed(baselines) if baselines else ""
    points = [t(f"limits.{key}", **values) for key, holds in missing.items() if holds]
    block = Block(points=points, findings=tables.shown(run, tables.gaps(run)))
    return Section(key="limits", title=t("limits.title"), blocks=[block])


def _search_text(run: RunLike, t: Language) -> list[str]:
    """How many, how long, by whom."""
    search = run.results.search
    pruner = t("search.pruned_by", pruner=t.named("pruner", search.pruner))
    return [t(
        "search.text", trials=t.counted("trials", len(run.trials)), epochs=t.counted("epochs", search.n_epochs),
        wall=t.duration(search.wall_s), sampler=t.named("sampler", search.sampler),
        pruner=t("search.no_pruner") if search.pruner == "none" else pruner,
    )]  # fmt: skip


def _data_entries(data: DataFacts, t: Language) -> dict[str, str]:
    """The facts of the table by their key; empty where there are none."""
    split = t("data.split", train=t.count(data.n_train), valid=t.count(data.n_valid), test=t.count(data.n_test))
    return {
        "source": data.source,
        "target": ", ".join(data.target),
        "rows": f"{t.count(data.n_rows)}: {split}",
        "inputs": t.count(data.n_features),
        "classes": "" if data.n_classes is None else t.count(data.n_classes),
        "hash": data.sha256,
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
