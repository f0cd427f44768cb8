"""Rows for the playground of a report: which they are, how they are packed, and that none is sealed."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ffsearch
from ffsearch.reports.documents import Report
from ffsearch.reports.html import set_page
from ffsearch.reports.playground import playground_of
from ffsearch.search.cli import invoke
from ffsearch.search.folder.playground import MatrixPart, PlaygroundRows
from ffsearch.search.steps.inputs import Inputs, read_inputs, requested
from ffsearch.search.steps.playground import MAX_ROWS, carried_rows, playground_rows
from ffsearch.search.wording.language import ENGLISH, LANGUAGES
from ffsearch.spaces.schema import SearchSpace

SMALL = {
    "search.trials": 2, "search.sampler": "random", "search.pruner": "none", "train.max_epochs": 4,
    "space": {"depth": 1, "width": 8, "learning_rate": 0.01},
    "evidence": {"finalists": 2, "repeats": 2, "effects": 0},
}  # fmt: skip


def a_table(n_rows: int = 300, n_columns: int = 2) -> pd.DataFrame:
    """Numbers, a gap, a category, and a class."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(n_rows, n_columns))
    frame = pd.DataFrame(numbers, columns=[f"n{place}" for place in range(n_columns)])
    frame.loc[::7, "n1"] = np.nan
    return frame.assign(kind=rng.choice(["u", "v", "w"], n_rows), y=np.where(numbers[:, 0] > 0, "yes", "no"))


def inputs_of(frame: pd.DataFrame, **overrides: Any) -> Inputs[SearchSpace]:
    return read_inputs(requested("tabular", data=frame, target="y", overrides=overrides))


def page_of(rows: PlaygroundRows, lang: str = "en") -> str:
    t = LANGUAGES[lang]
    report = Report(name="r", headline="h", sections=[], is_finished=True, version="1")
    return set_page(report, t, play=playground_of(rows, n_sealed=60, t=t))


def data_in(page: str) -> dict[str, Any]:
    text = page.partition('id="play-data">')[2].partition("</script>")[0]
    data: dict[str, Any] = json.loads(text)
    return data


def unpacked(packed: dict[str, Any], n_rows: int) -> np.ndarray[Any, Any]:
    values = np.frombuffer(base64.b64decode(packed["values"]), "<f4")
    if not packed["bits"]:
        return values
    codes = np.frombuffer(base64.b64decode(packed["codes"]), np.uint8)
    bits = np.unpackbits(codes, bitorder="little").reshape(-1, packed["bits"])[:n_rows]
    return values[(bits << np.arange(packed["bits"])).sum(axis=1)]


def test_rows_are_those_of_training_and_validation_and_come_out_as_they_went_in() -> None:
    inputs = inputs_of(a_table())
    rows = carried_rows(inputs, kept=None)
    prepared = inputs.prepared
    assert rows.n_train + rows.n_valid == len(prepared.development_rows) < prepared.table.n_rows
    data = data_in(page_of(rows))
    found = np.stack([unpacked(column, len(rows.x)) for column in data["x"]], axis=1)
    np.testing.assert_array_equal(found, rows.x)
    np.testing.assert_array_equal(unpacked(data["y"][0], len(rows.x)), rows.y[:, 0])
    assert data["names"] == [
        "n0", "n1", "n1 missing", "kind = u", "kind = v", "kind = w", "kind: another level",
    ]  # fmt: skip


def test_ticks_are_numbers_of_the_table() -> None:
    frame = a_table()
    rows = carried_rows(inputs_of(frame.assign(n0=1e6 + 50 * frame["n0"])), kept=None)
    ticks = rows.columns[0].ticks
    assert rows.columns[0].part is MatrixPart.NUMBER
    assert [place for place, _ in ticks] == sorted(place for place, _ in ticks)
    assert all(999_800 < value < 1_000_200 for _, value in ticks)
    assert len(ticks) == 3


@pytest.mark.parametrize("lang", ["en", "pt-BR"])
def test_nothing_of_a_sealed_row_is_in_the_page(lang: str) -> None:
    """Whatever stands in sealed rows, the page is the same; a marker in a row that is not sealed is in it."""
    frame = a_table()
    before = inputs_of(frame)
    sealed, seen = before.prepared.splits.test, before.prepared.development_rows
    assert len(sealed)

    def marked(rows: Any) -> str:
        changed = frame.copy()
        changed.loc[rows, "kind"] = "MARKER_7f3a"
        changed.loc[rows, "n0"] = 123456.789 + np.arange(len(rows))  # apart: copies would be dealt out together
        return page_of(carried_rows(inputs_of(changed), kept=None), lang)

    page = page_of(carried_rows(before, kept=None), lang)
    assert marked(sealed) == page
    assert "MARKER_7f3a" in marked(seen[:40])


def test_a_page_carries_two_thousand_rows_and_is_below_two_megabytes_more() -> None:
    rng = np.random.default_rng(1)
    frame = a_table(3_000, 50)
    frame["many"] = rng.choice([f"level {place}" for place in range(60)], len(frame))
    rows = carried_rows(inputs_of(frame, **{"data.valid": {"holdout": 0.3}}), kept=None)
    assert len(rows.x) == MAX_ROWS
    plain = set_page(Report(name="r", headline="h", sections=[], is_finished=True, version="1"), ENGLISH)
    page = page_of(rows)
    assert data_in(page)["n_rows"] == MAX_ROWS
    assert len(page.encode()) - len(plain.encode()) < 2_000_000
    assert "1,400 of " in page
    assert "None of the 60 sealed rows" in page


def test_a_matrix_too_wide_for_a_page_carries_fewer_rows() -> None:
    rows = carried_rows(inputs_of(a_table(2_500, 400)), kept=None)
    page = page_of(rows)
    assert 500 < data_in(page)["n_rows"] < MAX_ROWS
    assert len(page) < 2_000_000


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ffsearch.Run:
    folder = tmp_path_factory.mktemp("played")
    a_table().to_csv(folder / "table.csv", index=False)
    return ffsearch.run(
        "tabular", data=folder / "table.csv", target="y", overrides=SMALL, out=folder / "run", report=False
    )


def test_the_found_network_is_judged_on_the_rows_that_are_carried(run: ffsearch.Run) -> None:
    rows = playground_rows(run.path)
    assert rows.found is not None
    assert rows.found.losses.shape == (rows.n_valid,)
    best = run.finalists[(run.finalists["is_winner"]) & (run.finalists["repeat"] == 1)]
    assert rows.found.losses.mean() == pytest.approx(float(best["value"].iloc[0]), rel=1e-5)
    assert set(np.unique(rows.found.seconds)) <= {0, 1}


def test_the_command_writes_a_page_of_its_own_and_leaves_the_report(
    run: ffsearch.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["report", str(run.path)]) == 0
    plain = (run.path / "report.html").read_bytes()
    assert b"play-data" not in plain
    assert b"ffsearch report RUN --playground" in plain
    assert invoke(["report", str(run.path), "--playground", "--lang", "pt-BR"]) == 0
    assert (run.path / "report.html").read_bytes() == plain
    page = (run.path / "playground.pt-BR.html").read_text(encoding="utf-8")
    assert "Nenhuma das 60 linhas lacradas" in page
    assert "quem a tem as tem" in capsys.readouterr().err


def test_what_has_no_playground_is_refused(
    run: ffsearch.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = {
        ("--playground", "--format", "md"): "--playground writes the page of one run",
        ("--data", "t.csv"): "no playground is asked for: --playground",
    }
    for flags, text in refused.items():
        assert invoke(["report", str(run.path), *flags]) == 2
        assert text in capsys.readouterr().err
    a_table(301).to_csv(tmp_path / "other.csv", index=False)
    assert invoke(["report", str(run.path), "--playground", "--data", str(tmp_path / "other.csv")]) == 2
    assert "is not the table" in capsys.readouterr().err
