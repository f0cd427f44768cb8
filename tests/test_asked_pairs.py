"""Every way to write numbers, dates and truth against every other: rows to answer are read right, or refused."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pandas as pd
import pytest

from ffsearch.errors import DataError
from ffsearch.search.data.features.preprocess import Preprocessor
from reported import AMOUNTS, GENERATOR, N, asked, learnt, table
from test_cells_of_the_world import NARROW, grouped
from test_reported_columns import lakh

AMOUNT = np.round(AMOUNTS, 2)
WHOLE = np.round(AMOUNTS * 100)

AMOUNTS_AS: dict[str, Callable[[float], object]] = {
    "number": lambda v: v,
    "plain": lambda v: f"{v:.2f}",
    "short": lambda v: f"{v:g}" if v % 1 == 0 else f"{v}",
    "comma": lambda v: grouped(v, "", ","),
    "american": lambda v: grouped(v, ",", "."),
    "german": lambda v: grouped(v, ".", ","),
    "french": lambda v: grouped(v, NARROW, ","),
    "swiss": lambda v: grouped(v, "\N{RIGHT SINGLE QUOTATION MARK}", "."),
    "dollars": lambda v: f"${grouped(v, ',', '.')}",
    "euros": lambda v: f"{grouped(v, '.', ',')} \N{EURO SIGN}",
    "three places": lambda v: f"{v:.3f}",
    "exponent": lambda v: f"{v:.8e}",
}
WHOLE_AS: dict[str, Callable[[float], object]] = {
    "number": int,
    "float": float,
    "plain": lambda v: f"{v:.0f}",
    "with a point": lambda v: f"{v:.1f}",
    "american": lambda v: grouped(v, ",", ".", 0),
    "german": lambda v: grouped(v, ".", ",", 0),
    "spaces": lambda v: grouped(v, " ", ",", 0),
    "indian": lakh,
    "yen": lambda v: f"\N{YEN SIGN}{v:,.0f}",
}
DAYS = pd.Timestamp("2021-01-02") + pd.to_timedelta(GENERATOR.integers(0, 1195, N), unit="D")
DAYS_AS: dict[str, Callable[[pd.Timestamp], object]] = {
    "moment": lambda t: t,
    "day": lambda t: t.date(),
    **{
        layout: lambda t, layout=layout: t.strftime(layout)  # type: ignore[misc]
        for layout in (
            "%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d/%m/%y", "%m/%d/%y", "%y-%m-%d",
            "%d %b %Y", "%B %d, %Y", "%Y%m%d", "%Y-%m-%dT00:00:00Z", "%Y-%m-%d 00:00:00+00", "%d-%b-%y",
        )
    },
}  # fmt: skip
TRUTH = np.arange(N) % 3 == 0
TRUTH_AS: dict[str, tuple[object, object]] = {
    "bool": (True, False), "number": (1, 0), "float": (1.0, 0.0), "TRUE": ("TRUE", "FALSE"), "yes": ("yes", "no"),
    "Y": ("Y", "N"), "t": ("t", "f"), "on": ("on", "off"), "sim": ("Sim", "Não"), "wahr": ("WAHR", "FALSCH"),
    "paid": ("paid", "open"), "checked": ("X", None),
}  # fmt: skip

WAYS: dict[str, dict[str, list[object]]] = {
    "amounts": {name: [spelt(value) for value in AMOUNT.tolist()] for name, spelt in AMOUNTS_AS.items()},
    "whole numbers": {name: [spelt(value) for value in WHOLE.tolist()] for name, spelt in WHOLE_AS.items()},
    "days": {name: [spelt(day) for day in DAYS] for name, spelt in DAYS_AS.items()},
    "truth": {name: [words[0] if true else words[1] for true in TRUTH] for name, words in TRUTH_AS.items()},
}
MAY_BE_REFUSED = {
    ("truth", "paid"), ("truth", "checked"),  # words of nobody else
}  # fmt: skip


@pytest.fixture(scope="module")
def known() -> dict[tuple[str, str], Preprocessor]:
    return {(kind, name): learnt(table(x=cells)) for kind, ways in WAYS.items() for name, cells in ways.items()}


@pytest.mark.parametrize("kind", WAYS)
def test_right_or_refused(kind: str, known: dict[tuple[str, str], Preprocessor]) -> None:
    wrong, refused = [], []
    for trained, given in product(WAYS[kind], WAYS[kind]):
        preprocessor = known[kind, trained]
        expected = preprocessor.transform(table(x=WAYS[kind][trained]))
        try:
            matrix = asked(preprocessor, table(x=WAYS[kind][given]))
        except DataError:
            refused.append((trained, given))
            continue
        if not np.allclose(matrix, expected, atol=1e-5):
            wrong.append((trained, given))
    assert wrong == ([("paid", "checked")] if kind == "truth" else [])  # a single new word is told, as a new shop is
    assert [pair for pair in refused if not {(kind, name) for name in pair} & MAY_BE_REFUSED] == (
        [("dollars", "euros"), ("euros", "dollars")] if kind == "amounts" else []
    )
