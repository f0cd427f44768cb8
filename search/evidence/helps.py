"""Rows, columns or topology: what would help most, of all that this run can tell.

Each way has a gain in the objective's unit with an interval, or is not known and says how to ask. They rest on
different rows: twice the rows on the learning curve of the repeats, other topologies on repeats, boosted trees on the
sealed rows. So an order between two whose intervals overlap is no finding.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final

from ffsearch.search.evidence.learning import gain_of_more_rows
from ffsearch.search.folder.results import Effect, Estimate, Help, Way
from ffsearch.search.folder.summary import Summary

__all__ = ["what_would_help"]

MORE_ROWS: Final = 2.0
"""How many times the rows. Choice: what people can imagine to gather."""

_SHAPE: Final = ("depth", "width")


def what_would_help(summary: Summary, *, may_have_bins: bool, dropped: Sequence[str] = ()) -> tuple[Help, ...]:
    """All ways, the largest gain first, and those that are not known last.

    Args:
        summary: What the run found.
        may_have_bins: Whether networks of this run could have numbers over bins.
        dropped: Columns that were left out by request.
    """
    found = [*_rows(summary), *_fewer(summary, dropped), *_boosting(summary), *_topologies(summary)]
    found += _average(summary)
    if not may_have_bins:
        found.append(Help(way=Way.BINS, setting="space.numbers=bins"))
    known = sorted(
        (one for one in found if one.gain is not None), key=lambda one: -one.gain.value if one.gain is not None else 0.0
    )
    return (*known, *(one for one in found if one.gain is None))


def _rows(summary: Summary) -> Iterator[Help]:
    corrected = summary.evidence.corrected
    if corrected is None or corrected.rows is None:
        return
    yield Help(way=Way.ROWS, gain=gain_of_more_rows(corrected.rows, MORE_ROWS))


def _fewer(summary: Summary, dropped: Sequence[str]) -> Iterator[Help]:
    columns = summary.columns
    if columns is not None and columns.least:
        drop = json.dumps([*dropped, *columns.least], ensure_ascii=False)
        yield Help(way=Way.FEWER, gain=columns.without_least, setting=f"data.drop={drop}")


def _boosting(summary: Summary) -> Iterator[Help]:
    gain = next((one.network_gain for one in summary.baselines if one.name == "boosting"), None)
    if gain is not None and gain.is_known:
        yield Help(way=Way.BOOSTING, gain=Estimate(value=-gain.value, low=-gain.high, high=-gain.low))


def _topologies(summary: Summary) -> Iterator[Help]:
    """Deeper and wider as they are, and of all other changes the best."""
    known = [one for one in summary.effects if one.is_known and one.against == "winner"]
    for one in known:
        if one.factor in _SHAPE and one.change in (Way.DEEPER, Way.WIDER):
            yield Help(way=Way(one.change), gain=_estimate(one), change=one)
    others = [one for one in known if one.factor not in _SHAPE]
    if others:
        best = max(others, key=lambda one: one.value)
        yield Help(way=Way.OTHER, gain=_estimate(best), change=best)


def _average(summary: Summary) -> Iterator[Help]:
    if summary.average is None:
        yield Help(way=Way.AVERAGE, setting="model=average")


def _estimate(effect: Effect) -> Estimate:
    return Estimate(value=effect.value, low=effect.low, high=effect.high)
