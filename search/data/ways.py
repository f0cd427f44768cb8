"""The ways in which networks may be shown the numbers of a table, and what the matrix of each looks like.

robust      scaled by the middle of the training rows and clipped smoothly: what baselines read, too
quantile    normal scores of their place among the training rows, in the same columns
bins        as robust, and further columns that say how far a number has come through each part of its range
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from ffsearch.errors import DataError
from ffsearch.search.data.features.encoding import n_encodings
from ffsearch.search.data.features.images import ImageLayout
from ffsearch.search.data.features.preprocess import Layout, Raw, learn_layout
from ffsearch.search.data.kinds import Column
from ffsearch.search.data.table import Table
from ffsearch.search.network.heads import Head
from ffsearch.search.network.topology import Numbers

if TYPE_CHECKING:
    from ffsearch.spaces.schema import DataSpec

__all__ = ["layouts"]

NUMBER_BINS: Final = 16
"""Bins of a number where points ask for bins and the data does not say how many. Source: docs/decisions.md, "Bins for
numbers": better than 8 on California housing, as good on adult."""


def layouts(
    table: Table,
    raw: Raw,
    columns: Sequence[Column],
    *,
    spec: DataSpec,
    head: Head,
    ways: Collection[Numbers] | None,
) -> tuple[Layout | ImageLayout, dict[Numbers, Layout]]:
    """The layout of the matrix that all read, and those of the other ways that points may ask for.

    Args:
        table: The table.
        raw: Columns of the development rows.
        columns: What they are.
        spec: The `data:` section of a space.
        head: What is predicted.
        ways: How points may ask numbers to be shown; None: they do not say, and `data.number_bins` holds for all.

    Raises:
        DataError: If something is asked of the numbers of a table, and the columns are pixels.
    """
    bins = spec.number_bins
    if table.image:
        if bins or ways:
            told = (
                f"data.number_bins: {bins} spreads the numbers of a table over bins"
                if bins
                else f"space.numbers: {', '.join(ways or ())} says how the numbers of a table are shown"
            )
            raise DataError(f"{told}, and {table.source} holds images. Leave it out.")
        return ImageLayout(shape=table.image), {}
    learn = partial(
        learn_layout,
        raw,
        readings={column.name: column.reading for column in columns if column.reading is not None},
        orders={column.name: column.order for column in columns if column.order},
        n_encodings=n_encodings(head),
        table=table.reading,
    )
    if ways is None:
        return learn(number_bins=bins), {}
    asked = {
        Numbers.QUANTILE: partial(learn, quantiles=True),
        Numbers.BINS: partial(learn, number_bins=bins or NUMBER_BINS),
    }
    return learn(), {way: make() for way, make in asked.items() if way in ways}
