"""`ffsearch predict` from end to end: a model a layout, asked by files of every layout; right predictions, or 2."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ffsearch.search.cli import invoke
from test_asked import LAYOUTS, VALUES, Layout, write

QUICK = ("--trials", "1", "--set", "train.max_epochs=3", "--set", "evidence=none", "--quiet")
FRESH = VALUES.sample(60, random_state=1).reset_index(drop=True)
ODD = {
    "days of both kinds": Layout(date="%d/%m/%Y"),
    "a two-digit year": Layout(date="%y-%m-%d"),
    "truth of nobody": Layout(truth=("agreed", "open")),
    "arabic thousands": Layout(".", "\N{ARABIC THOUSANDS SEPARATOR}"),
}
"""What models were not trained on: understood, or refused."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small model of every layout, trained by the command."""
    folder = tmp_path_factory.mktemp("models")
    made = {}
    for name, layout in LAYOUTS.items():
        path = write(VALUES, layout, folder / f"{name}.csv")
        out = folder / f"run {name}"
        encoding = ("--set", f"data.encoding={layout.encoding}")
        command = ["run", "tabular", "--data", str(path), "--target", "y", "--out", str(out), *encoding, *QUICK]
        assert invoke(command) == 0
        made[name] = out
    return made


def predictions(model: Path, rows: Path) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    """What the command answers; None where it refuses, and has written nothing."""
    out = rows.with_suffix(".answers.csv")
    code = invoke(["predict", str(model), str(rows), "--out", str(out), "--quiet"])
    if code:
        assert code == 2
        assert not out.exists()
        return None
    return np.asarray(pd.read_csv(out)["y"], dtype=np.float64)


@pytest.mark.slow
def test_rows_of_every_layout_get_right_predictions_or_none(models: dict[str, Path], tmp_path: Path) -> None:
    n_right, n_refused = 0, 0
    for trained, asked in product(LAYOUTS, LAYOUTS | ODD):
        layout = (LAYOUTS | ODD)[asked]
        expected = predictions(models[trained], write(FRESH, LAYOUTS[trained], tmp_path / "own.csv"))
        assert expected is not None
        assert np.ptp(expected) > 0
        given = predictions(models[trained], write(FRESH, layout, tmp_path / "rows.csv"))
        (tmp_path / "rows.answers.csv").unlink(missing_ok=True)
        if given is None:
            n_refused += 1
            assert asked in ODD, (trained, asked)
        else:
            n_right += 1
            np.testing.assert_allclose(given, expected, rtol=1e-4, atol=1e-5, err_msg=f"{trained} asked by {asked}")
    assert n_right >= len(LAYOUTS) ** 2
    assert n_refused >= len(LAYOUTS)  # truth values that no model has seen
