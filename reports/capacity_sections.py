"""The page of a capacity study, in the order a person asks: answer, depth, size, training, errors, book, how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from matplotlib.figure import Figure

from ffsearch.reports import capacity_plots as plots
from ffsearch.reports import tables
from ffsearch.reports.book_sections import book_pictures, book_section
from ffsearch.reports.capacity_tables import StudyTables, best_cell, study_tables
from ffsearch.reports.listings import Cell, ShownTable
from ffsearch.reports.parts import Block, Fact, Fold, Section
from ffsearch.reports.pictures import Picture, picture
from ffsearch.reports.tables import RunLike
from ffsearch.search.folder.study_results import Protocol
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.language import Language

__all__ = ["capacity_headline", "capacity_sections"]


def capacity_headline(run: RunLike, t: Language) -> str:
    """The verdict in a few words."""
    study = study_tables(run)
    return t.named("capacity.head", "unfinished" if study is None else study.verdict.code)


def capacity_sections(run: RunLike, t: Language) -> list[Section]:
    """All sections."""
    study = study_tables(run)
    if study is None:
        text = t("capacity.unfinished", n=t.count(len(run.trials)))
        return [Section(key="answer", title=t("capacity.answer"), texts=[text])]
    made = [
        _answer(study, t), _depth(study, t), _size(study, t), _rows(study, t), _training(study, t), _errors(study, t),
        book_section(study, t), _protocol(study, run, t),
    ]  # fmt: skip
    return [section for section in made if section is not None]


def _answer(study: StudyTables, t: Language) -> Section:
    first, *more = study.verdict.sentences
    best, found, metric = study.best, study.found, t.named("metric", study.objective.name)
    facts = [
        Fact(
            label=t("capacity.fact.best", metric=metric),
            value=t.score(best.test.value),
            note=t(
                "capacity.fact.best_note", layers=plots.line_name(best.line, t), n=t.count(best.n_params),
                low=t.score(best.test.low), high=t.score(best.test.high),
            ),
        ),
        Fact(
            label=t("capacity.fact.margin"), value=t.setting(found.protocol.margin),
            note=t("capacity.fact.margin_note", metric=metric),
        ),
        Fact(
            label=t("capacity.fact.detectable"),
            value="–" if found.detectable is None else t.setting(found.detectable),
            note=t("capacity.fact.detectable_note"),
        ),
        Fact(
            label=t("capacity.fact.networks"), value=t.count(study.n_networks),
            note=t("capacity.fact.networks_note", time=t.duration(study.wall_s)),
        ),
    ]  # fmt: skip
    return Section(
        key="answer", title=t("capacity.answer"), lead=t.says(first), facts=facts,
        pictures=book_pictures(study, t), blocks=[Block(findings=more)] if more else [],
    )  # fmt: skip


def _depth(study: StudyTables, t: Language) -> Section:
    metric = t.named("metric", study.objective.name)
    lines = [study.of_budget(budget) for budget in study.budgets]
    findings = [
        t(
            "capacity.depth_finding", budget=t.count(cells[0].budget), first=t.score(cells[0].test.value),
            shallow=t.counted("layers", cells[0].depth), last=t.score(cells[-1].test.value),
            deep=t.counted("layers", cells[-1].depth),
            best=best_cell(cells, study.objective).depth,
        )
        for cells in lines
        if cells
    ]  # fmt: skip
    gains = [
        t(
            "capacity.gains_finding" if gain.widened == "layers" else f"capacity.gains_finding.{gain.widened}",
            layers=t.counted("layers", gain.depth), value=t.setting(gain.value),
            low=t.setting(gain.low), high=t.setting(gain.high),
        )
        for gain in study.found.means
    ]  # fmt: skip
    best = study.best
    pictures = [
        _picture(
            lambda width: plots.map_of_scores(study, t=t, width=width), name="scores", t=t, study=study,
            caption="capacity.scores_caption",
            alt=t(
                "capacity.scores_alt", metric=metric, best=t.score(best.test.value),
                layers=plots.line_name(best.line, t), budget=t.count(best.budget), worst=t.score(_worst(study)),
            ),
        ),
        _picture(
            lambda width: plots.score_by_depth(study, t=t, width=width), name="depth", t=t, study=study,
            caption="capacity.depth_caption",
            alt=t("capacity.depth_alt", metric=metric, findings="; ".join(findings)),
        ),
        _picture(
            lambda width: plots.gains(study, t=t, width=width), name="gains", t=t, study=study,
            caption="capacity.gains_caption",
            alt=t("capacity.gains_alt", reference=study.depths[0], findings="; ".join(gains)),
        ),
    ]  # fmt: skip
    slope = []
    if (gain := study.found.slope) is not None:
        value, low, high = t.rounded(gain.value, gain.low, gain.high)
        slope = [t("capacity.slope", value=value, metric=metric, low=low, high=high)]
    return Section(key="depth", title=t("capacity.depth"), texts=[t("capacity.depth_text"), *slope], pictures=pictures)


def _size(study: StudyTables, t: Language) -> Section:
    findings = []
    for line in study.lines:
        first, last = study.of_line(line)[0], study.of_line(line)[-1]
        findings.append(
            t(
                "capacity.size_finding", layers=plots.line_name(line, t), first=t.score(first.test.value),
                small=t.count(first.n_params), last=t.score(last.test.value), large=t.count(last.n_params),
                train_first=t.score(first.train), train_last=t.score(last.train),
            )
        )  # fmt: skip
    overfits = [
        t(
            "capacity.size_overfits", layers=plots.line_name(gain.line, t),
            budget=t.count(gain.beyond), value=t.setting(-gain.value), low=t.setting(-gain.high),
            high=t.setting(-gain.low),
        )
        for gain in study.found.overfits
        if gain.is_shown
    ]  # fmt: skip
    drawn = _picture(
        lambda width: plots.score_by_size(study, t=t, width=width), name="size", t=t, study=study,
        caption="capacity.size_caption",
        alt=t("capacity.size_alt", metric=t.named("metric", study.objective.name), findings="; ".join(findings)),
    )  # fmt: skip
    texts = [t("capacity.size_text"), *(overfits or [t("capacity.size_no_overfit")])]
    return Section(key="size", title=t("capacity.size"), texts=texts, pictures=[drawn])


def _rows(study: StudyTables, t: Language) -> Section | None:
    """How the answer changes with the number of training rows."""
    sizes = [(size, best_cell(size.cells, study.objective)) for size in study.found.train_sizes]
    if len(sizes) < 2:
        return None
    drawn = _picture(
        lambda width: plots.gains_by_rows(study, t=t, width=width), name="rows", t=t, study=study,
        caption="capacity.rows_caption",
        alt=t(
            "capacity.rows_alt",
            findings="; ".join(
                t(
                    "capacity.rows_finding", n=t.count(size.n_train), code=t.named("capacity.head", size.code),
                    best=t.score(best.test.value),
                )
                for size, best in sizes
            ),
        ),
    )  # fmt: skip
    names = ("rows", "verdict", "test", "layers", "params")
    rows = [
        (
            Cell(text=t.count(size.n_train), order=size.n_train),
            Cell(text=t.named("capacity.head", size.code)),
            Cell(text=t.score(best.test.value), order=best.test.value),
            Cell(text=plots.line_name(best.line, t), order=best.depth),
            Cell(text=t.count(best.n_params), order=best.n_params),
        )
        for size, best in sizes
    ]
    table = ShownTable(
        label=t("capacity.rows"), heads=[t(f"capacity.rows_column.{name}") for name in names], rows=rows,
        numbers=frozenset({0, 2, 4}),
    )  # fmt: skip
    return Section(
        key="rows", title=t("capacity.rows"), texts=[t("capacity.rows_text")], pictures=[drawn],
        blocks=[Block(title=t("capacity.rows_table"), table=table)],
    )  # fmt: skip


def _training(study: StudyTables, t: Language) -> Section:
    trained = sorted((cell.train for cell in study.cells), reverse=study.objective.is_lower_better)
    n_bad = sum(bool(cell.n_untrained) for cell in study.cells)
    rates = [cell.learning_rate for cell in study.cells]
    pictures = [
        _picture(
            lambda width: plots.map_of_training(study, t=t, width=width), name="training", t=t, study=study,
            caption="capacity.training_caption",
            alt=t(
                "capacity.training_alt", metric=t.named("metric", study.objective.name), worst=t.score(trained[0]),
                best=t.score(trained[-1]),
                untrained=t("capacity.training_bad", n=n_bad) if n_bad else t("capacity.training_ok"),
            ),
        ),
        _picture(
            lambda width: plots.map_of_rates(study, t=t, width=width), name="rates", t=t, study=study,
            caption="capacity.rates_caption",
            alt=t(
                "capacity.rates_alt", low=t.setting(min(rates)), high=t.setting(max(rates)), n=len(rates),
                n_edge=sum(cell.rate_at_edge for cell in study.cells),
            ),
        ),
    ]  # fmt: skip
    return Section(key="training", title=t("capacity.training"), texts=[t("capacity.training_text")], pictures=pictures)


def _errors(study: StudyTables, t: Language) -> Section | None:
    found = study.found.disagreement
    if not found:
        return None
    last = found[-1]
    show = t.share if last.shares else t.score
    findings = [
        t(
            "capacity.errors_finding", budget=t.count(one.budget), between=show(one.between),
            seeds=show(one.deep_seeds),
        )
        for one in found
    ]  # fmt: skip
    kind = t("capacity.distance_classes" if last.shares else "capacity.distance_numbers")
    texts = [t("capacity.errors_text")]
    if last.shares:
        shares = {name: t("number.share", n=t.fixed(100 * share, 1)) for name, share in last.shares.items()}
        texts.append(t("capacity.shares", budget=t.count(last.budget), wide=last.wide, deep=last.deep, **shares))
    drawn = _picture(
        lambda width: plots.disagreement(study, t=t, width=width), name="errors", t=t, study=study,
        caption="capacity.errors_caption", alt=t("capacity.errors_alt", kind=kind, findings="; ".join(findings)),
    )  # fmt: skip
    return Section(key="errors", title=t("capacity.errors"), texts=texts, pictures=[drawn])


def _protocol(study: StudyTables, run: RunLike, t: Language) -> Section:
    protocol = study.found.protocol
    values: dict[str, Mapping[str, Any]] = {
        "cells": {
            "n": len(study.cells), "depths": t.listed(map(str, protocol.depths)),
            "budgets": t.listed(map(t.count, protocol.budgets)),
        },
        "rates": {
            "rates": t.listed(map(t.setting, protocol.learning_rates)), "more": protocol.more_rates_beyond_an_end,
        },
        "seeds": {"n": protocol.seeds},
        "training": {
            "updates": t.count(protocol.updates), "batch_size": t.count(protocol.batch_size),
            "optimizer": protocol.optimizer, "looks": protocol.passes // protocol.evaluate_every,
        },
        "network": {
            "activation": protocol.activation, "dropout": t.setting(protocol.dropout),
            "l2": t.setting(protocol.l2),
            "batch_norm": t("capacity.protocol.on" if protocol.batch_norm else "capacity.protocol.off"),
        },
        "scores": {"n": t.count(study.n_test), "openings": study.found.openings},
    }  # fmt: skip
    entries = [
        (t(f"capacity.protocol.{name}"), t(f"capacity.protocol_text.{name}", **each)) for name, each in values.items()
    ]
    entries += _special(protocol, t)
    pooled = [one for one in tables.notices(run) if one.code in (Code.SHARDS_MERGED, Code.SHARDS_NOT_CHECKED)]
    blocks = [
        Block(title=t("capacity.cells"), table=_cell_table(study, t), is_sortable=True, fold=Fold.ALL),
        *(
            [Block(title=t("capacity.missing"), findings=[one.finding for one in study.found.missing])]
            if study.found.missing
            else []
        ),
        *([Block(title=t("capacity.pooled"), findings=pooled)] if pooled else []),
        Block(title=t("capacity.repeat"), code=f"ffsearch run space.yaml\n\n{run.space_text}", fold=Fold.ALL),
    ]
    return Section(key="protocol", title=t("capacity.protocol"), entries=entries, blocks=blocks)


def _special(protocol: Protocol, t: Language) -> list[tuple[str, str]]:
    """What only some studies have."""
    found = []
    if protocol.rates_by_depth is not None:
        power = {"power": t.setting(protocol.rates_by_depth), "depth": t.count(min(protocol.depths))}
        found.append((t("capacity.protocol.by_depth"), t("capacity.protocol_text.by_depth", **power)))
    if protocol.convolutions:
        kept = {name: t.count(value) for name, value in protocol.convolutions.items()}
        found.append((t("capacity.protocol.convolutions"), t("capacity.protocol_text.convolutions", **kept)))
    if protocol.residual:
        found.append((t("capacity.protocol.residual"), t("capacity.protocol_text.residual")))
    return found


def _cell_table(study: StudyTables, t: Language) -> ShownTable:
    names = ("depth", "params", "test", "interval", "train", "rate")
    rows = [
        (
            Cell(
                text=plots.line_name(cell.line, t) if study.is_convolutional else t.count(cell.depth), order=cell.depth
            ),
            Cell(text=t.count(cell.n_params), order=cell.n_params),
            Cell(text=t.score(cell.test.value), order=cell.test.value),
            Cell(
                text=t("capacity.interval", low=t.score(cell.test.low), high=t.score(cell.test.high)),
                order=cell.test.low,
            ),
            Cell(text=t.score(cell.train), order=cell.train),
            Cell(text=t.setting(cell.learning_rate) + " *" * cell.rate_at_edge, order=cell.learning_rate),
        )
        for cell in study.cells
    ]
    return ShownTable(
        label=t("capacity.cells"), heads=[t(f"capacity.column.{name}") for name in names], rows=rows,
        numbers=frozenset(range(len(names))),
    )  # fmt: skip


def _worst(study: StudyTables) -> float:
    return (max if study.objective.is_lower_better else min)(cell.test.value for cell in study.cells)


def _picture(
    draw: Callable[[int], Figure], *, name: str, caption: str, alt: str, t: Language, study: StudyTables
) -> Picture:
    """A figure, its caption under a key of the words."""
    text = t(caption, metric=t.named("metric", study.objective.name))
    return picture(draw, name=name, alt=alt, caption=text[:1].upper() + text[1:])
