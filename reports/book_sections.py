"""What the page of a capacity study shows of the book: its two figures on this table, and both beside each other."""

from __future__ import annotations

from ffsearch.reports import book_plots
from ffsearch.reports.capacity_tables import StudyTables, everyday
from ffsearch.reports.listings import Cell, ShownTable
from ffsearch.reports.parts import Block, Section
from ffsearch.reports.pictures import Picture, picture
from ffsearch.search.folder.study_results import CellResults, DepthScore, StudyLine
from ffsearch.search.wording.language import Language

__all__ = ["book_pictures", "book_section"]


def book_pictures(study: StudyTables, t: Language) -> list[Picture]:
    """Figures 6.6 and 6.7, beside each other on a wide page; none of a run of an early version, which kept no score."""
    found = study.found
    if not found.by_depth:
        return []
    titles = _depth_title(study, t), _size_title(study, t)
    return [
        picture(
            lambda width: book_plots.by_depth(study, title=titles[0], t=t, width=width), name="book_depth",
            alt=f"{titles[0]}. {'; '.join(_point(point, t) for point in found.by_depth)}",
            caption=t("capacity.book.depth_caption"), share=0.4,
        ),
        picture(
            lambda width: book_plots.by_size(study, title=titles[1], t=t, width=width), name="book_size",
            alt=f"{titles[1]}. {'; '.join(_grown(study, line, t) for line in study.lines)}",
            caption=t("capacity.book.size_caption"), share=0.6,
        ),
    ]  # fmt: skip


def book_section(study: StudyTables, t: Language) -> Section:
    """What the book showed, what is done here, and what may be concluded."""
    differs = "differs_convolutional" if study.is_convolutional else "differs"
    texts = [t(f"capacity.book.{name}") for name in ("showed", differs, "conclude")]
    blocks = [Block(title=t("capacity.book.beside"), table=_beside(study, t))] if study.found.by_depth else []
    return Section(key="book", title=t("capacity.book"), texts=texts, blocks=blocks)


def _percent(value: float, t: Language) -> str:
    """A score in per cent to a tenth."""
    return t("number.share", n=t.fixed(100 * value, 1))


def _depth_title(study: StudyTables, t: Language) -> str:
    first, *more = study.found.by_depth
    if not more:
        return t("capacity.book.one_depth", layers=t.counted("layers", first.depth), first=_percent(first.value, t))
    return t(
        f"capacity.book.depth_title.{study.found.everyday}", first=_percent(first.value, t),
        shallow=t.counted("layers", first.depth), last=_percent(more[-1].value, t),
        deep=t.counted("layers", more[-1].depth),
    )  # fmt: skip


def _size_title(study: StudyTables, t: Language) -> str:
    """The best network, and what the kind at the other end of depth comes to."""
    tops = [max(study.of_line(line), key=_score) for line in study.lines]
    best = max(tops, key=_score)
    other = tops[0] if best.line != tops[0].line else tops[-1]
    words = {
        "best": _percent(_score(best), t), "kind": book_plots.kind_name(best.line, study, t),
        "n": t.count(best.n_params),
    }  # fmt: skip
    if other is best:
        return t(f"capacity.book.size_title_alone.{study.found.everyday}", **words)
    more = {"other": book_plots.kind_name(other.line, study, t), "reaches": _percent(_score(other), t)}
    return t(f"capacity.book.size_title.{study.found.everyday}", **words, **more)


def _score(cell: CellResults) -> float:
    return everyday(cell).value


def _beside(study: StudyTables, t: Language) -> ShownTable:
    """The book's findings and this study's, a line each."""
    first, last = study.found.by_depth[0], study.found.by_depth[-1]
    here = {
        "shallow": _point(first, t),
        "deep": _point(last, t),
        "gain": _gain(first, last, t),
        "grown": _grown(study, study.lines[0], t),
    }
    rows = [
        tuple(Cell(text=text) for text in (t(f"capacity.book.row.{name}"), t(f"capacity.book.of_book.{name}"), said))
        for name, said in here.items()
    ]
    heads = [t(f"capacity.book.{name}") for name in ("what", "in_book", "here")]
    return ShownTable(label=t("capacity.book.beside"), heads=heads, rows=rows, numbers=frozenset())


def _point(point: DepthScore, t: Language) -> str:
    layers, score = t.counted("layers", point.depth), _percent(point.value, t)
    return t("capacity.book.here_point", layers=layers, score=score, n=t.count(point.n_params))


def _gain(first: DepthScore, last: DepthScore, t: Language) -> str:
    """In percentage points, with its interval."""
    value, low, high = t.rounded(*(100 * (end - first.value) for end in (last.value, last.low, last.high)))
    return t("capacity.book.here_gain", value=t.plus(value), low=low, high=high)


def _grown(study: StudyTables, line: StudyLine, t: Language) -> str:
    """What a kind comes to with its smallest and its largest size."""
    cells = study.of_line(line)
    return t(
        "capacity.book.here_grown", kind=book_plots.kind_name(line, study, t), small=_percent(_score(cells[0]), t),
        few=t.count(cells[0].n_params), large=_percent(_score(cells[-1]), t), many=t.count(cells[-1].n_params),
    )  # fmt: skip
