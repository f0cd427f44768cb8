"""What takes time or memory, or might differ when done again, is done once a run: load, read, infer, make an engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ffsearch.search.cli import invoke
from ffsearch.search.data import prepare
from ffsearch.search.data.parsing.cells import Cells
from ffsearch.search.engines import choose
from ffsearch.search.folder.reader import load
from ffsearch.spaces import loader

N_ROWS = 1500
N_SEALED = 300
N_DEVELOPMENT = N_ROWS - N_SEALED

SEARCH = (
    "search.trials=2", "train.max_epochs=3", "space.width={type: int, low: 4, high: 8}", "space.depth=1",
    "evidence={finalists: 1, repeats: 2}",
)  # fmt: skip
STUDY = (
    "capacity.depths=[1, 2]", "capacity.budgets=[1000, 3000]", "capacity.seeds=2", "capacity.updates=20",
    "capacity.learning_rates={low: 0.001, high: 0.01, n: 2}",
)  # fmt: skip


class Counted:
    """How often each thing was done; columns by their name and the number of cells that were read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.n: Counter[str] = Counter()
        self.cells: Counter[tuple[str, int]] = Counter()
        for module, name in (
            (loader, "read_document"),
            (choose, "make_engine"),
            (prepare, "read_table"),
            (prepare, "infer_head"),
        ):
            monkeypatch.setattr(module, name, self._counting(name, getattr(module, name)))
        init = Cells.__init__

        def read(cells: Cells, column: pd.Series[Any], **how: Any) -> None:
            if type(cells) is Cells:  # some of the cells of a column take what was read of all
                self.cells[str(column.name), len(column)] += 1
            init(cells, column, **how)

        monkeypatch.setattr(Cells, "__init__", read)

    def _counting(self, name: str, done: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.n[name] += 1
            return done(*args, **kwargs)

        return counted


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Numbers, a category, dates and prices; classes that the first column tells."""
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, N_ROWS), unit="D")
    number = rng.normal(size=N_ROWS)
    frame = pd.DataFrame(
        {
            "number": number,
            "kind": rng.choice(["a", "b", "c"], N_ROWS),
            "when": days.strftime("%d.%m.%Y"),
            "price": [f"${1000 + 10 * one:,}" for one in rng.integers(0, 200, N_ROWS)],
            "y": np.where(number > 0, "yes", "no"),
        }
    )
    frame.to_csv(tmp_path / "table.csv", index=False)
    return tmp_path / "table.csv"


@pytest.mark.parametrize(
    ("space", "settings", "n_engines"),
    [pytest.param("tabular", SEARCH, 1, marks=pytest.mark.slow), ("capacity", STUDY, 0)],
)
def test_a_whole_run_does_each_of_them_once(
    space: str, settings: tuple[str, ...], n_engines: int, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(monkeypatch)
    asked = ["run", space, "--data", str(table), "--target", "y", "--seed", "5", "--out", str(tmp_path / "run"), "-q"]
    assert invoke([*asked, *(part for value in settings for part in ("--set", value))]) == 0
    run = load(tmp_path / "run")
    assert (run.is_finished, run.summary["search"]["seed"]) == (True, 5)
    assert counted.n == Counter(read_document=1, read_table=1, infer_head=1, make_engine=n_engines)
    for column in ("number", "kind", "when", "price"):
        assert counted.cells[column, N_DEVELOPMENT] == 1
        assert counted.cells[column, N_SEALED] <= 2  # by the model, as its users do, and for what is beside it
    assert counted.cells["y", N_ROWS] == 1
    assert counted.cells["y", N_DEVELOPMENT] == counted.cells["y", N_SEALED] == 0


def test_a_space_that_names_no_table_takes_the_one_it_is_given(table: Path, tmp_path: Path) -> None:
    space = tmp_path / "mine.yaml"
    space.write_text("evidence: none\ntrain: {max_epochs: 2}\nsearch: {trials: 1}\nspace: {depth: 1, width: 8}\n")
    assert invoke(["run", str(space), "--data", str(table), "--target", "y", "--out", str(tmp_path / "run"), "-q"]) == 0
    assert load(tmp_path / "run").name == "mine-table"


def test_what_the_engine_refuses_is_refused_before_anything_is_written(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["run", "tabular", "--data", str(table), "--target", "y", "--out", str(tmp_path / "run"), "-q"]
    shared = ["--storage", f"sqlite:///{tmp_path / 'shared.db'}"]
    for others in ([], shared):
        assert invoke([*asked, *others, "--set", "search.max_params=3"]) == 2
        assert "no network of the space has 3 parameters" in capsys.readouterr().err
    assert invoke([*asked, *shared, "--set", "search.sampler=grid"]) == 2
    assert "Legal with --storage" in capsys.readouterr().err
    assert [entry.name for entry in tmp_path.iterdir()] == ["table.csv"]
