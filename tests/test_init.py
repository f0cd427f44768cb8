"""`ffsearch init` writes a space that loads, runs as it is, and says what was seen; names cannot break it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ffsearch
from ffsearch.errors import DataError, SpaceError
from ffsearch.search.api.init import SIZES, draft, init
from ffsearch.search.cli import invoke
from ffsearch.search.network.defaults import DEFAULT_POINT, batch_size_for
from ffsearch.search.network.points import default_point
from ffsearch.spaces.loader import MAX_BYTES, load_space, parse_space

N_ROWS = 400


def a_table(**more: Any) -> pd.DataFrame:
    """What people export: an id, a constant, two units of one thing, gaps, whose row it is, and a target."""
    rng = np.random.default_rng(3)
    celsius, load = rng.normal(20, 5, N_ROWS).round(2), rng.normal(size=N_ROWS)
    frame = pd.DataFrame(
        {
            "record_id": [f"R-{place:05d}" for place in range(N_ROWS)],
            "patient": rng.integers(0, 40, N_ROWS),
            "celsius": celsius,
            "fahrenheit": celsius * 1.8 + 32,
            "unit": "kg",
            "flag": [*["rare"] * 2, *["usual"] * (N_ROWS - 2)],
            "load": np.where(load > 1.5, np.nan, load),
            "day": pd.date_range("2024-01-01", periods=N_ROWS).strftime("%Y-%m-%d"),
            "outcome": np.where(celsius + load > 20, "ill", "well"),
        }
    )
    return frame.assign(**more)


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(frame: pd.DataFrame, name: str = "table.csv") -> str:
    frame.to_csv(name, index=False)
    return name


def test_what_was_seen_stands_in_the_file(in_folder: Path) -> None:
    path, made = init(written(a_table()))
    assert path == Path("table.yaml")
    text = " ".join(path.read_text().replace("#", " ").split())
    space = load_space(path)
    assert space.data.target == "outcome"
    assert space.data.task == "binary"
    assert "guessed by its name" in text
    assert "binary, because 'outcome' has 2 values: ill, well" in text
    assert space.data.drop == ("record_id",)
    assert "- record_id identifier 320 different texts in 320 cells: it names rows" in text
    assert "- unit constant every cell is 'kg'" in text
    assert "'flag' is 'usual' in" in text
    assert "'fahrenheit' says the same as 'celsius' in another unit" in text
    assert "load number" in text
    assert "cells missing (" in text
    assert "'patient' may tell whose a row is" in text
    assert "say groups: patient" in text
    assert "say time: day" in text
    assert "rows of each class: " in text
    assert "Everything said here was seen in 320 rows; the other 80 are the sealed test part" in text
    assert any("'fahrenheit'" in note for note in made.notes)


def test_the_template_is_kept_where_nothing_was_seen(in_folder: Path) -> None:
    path, _ = init("sklearn:wine")
    ours, shipped = load_space(path), load_space("tabular")
    assert ours.search == shipped.search
    assert ours.data.valid == shipped.data.valid
    changed = {"depth", "width"}
    assert {name: ours.parameters[name] for name in ours.parameters if name not in changed} == {
        name: shipped.parameters[name] for name in shipped.parameters if name not in changed
    }
    lines = path.read_text().splitlines()
    assert sum("hidden layers" in line for line in lines) == 1
    assert all(line == line.rstrip() for line in lines)


def test_a_leak_comes_first_with_its_score_and_copies_are_counted(in_folder: Path) -> None:
    frame = a_table()
    frame["billed"] = np.where(frame["outcome"] == "ill", 1, 0)
    rows = frame.drop(columns=["record_id", "day"])
    _, made = init(written(pd.concat([rows, rows.head(4)])))
    assert made.notes[0].startswith("'billed' alone predicts 'outcome' with accuracy 1.000 (the most frequent")
    assert made.notes[0].endswith("If it is not known when the network will be asked, drop it (data.drop). [FFS301]")
    assert any("repeat an" in note for note in made.notes)


def test_a_rare_class_is_told(in_folder: Path) -> None:
    target = np.where(np.arange(N_ROWS) % 40 == 0, "fraud", "fair")
    _, made = init(written(a_table(outcome=target)))
    assert any("The class 'fraud' has 8 of the 320 rows" in note for note in made.notes)


def test_bounds_and_batch_fit_the_table_and_hold_the_default_point(in_folder: Path) -> None:
    rng = np.random.default_rng(0)
    widths = []
    for n_rows in (300, 3_000, 40_000):
        frame = pd.DataFrame({"a": rng.normal(size=n_rows), "y": rng.normal(size=n_rows)})
        space = parse_space(draft(written(frame), target="y").text)
        assert space.train.batch_size == batch_size_for(round(n_rows * 0.64))
        assert default_point(space.parameters).width == DEFAULT_POINT.width
        assert default_point(space.parameters).depth == DEFAULT_POINT.depth
        widths.append(space.parameters["width"].high)  # type: ignore[union-attr]  # it is a range here
    assert widths == [SIZES[0][2], SIZES[1][2], 1024]


def test_what_it_wrote_runs_as_it_is_from_any_folder(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (in_folder / "spaces").mkdir()
    path, _ = init(written(a_table()), out="spaces/mine.yaml")
    assert load_space(path).data.source == "spaces/../table.csv"
    monkeypatch.chdir(in_folder.parent)
    run = ffsearch.run(
        in_folder / path,
        overrides={"search.trials": 1, "train.max_epochs": 2, "evidence": "none"},
        out=in_folder / "run",
    )
    assert run.summary["data"]["n_rows"] == N_ROWS
    assert run.summary["data"]["n_test"] == 80


def test_nothing_is_written_over_without_force(in_folder: Path) -> None:
    source = written(a_table())
    Path("table.yaml").write_text("mine")
    with pytest.raises(SpaceError, match=r"table.yaml is there already, and nothing was changed. Give --force"):
        init(source)
    assert Path("table.yaml").read_text() == "mine"
    init(source, force=True)
    assert load_space("table.yaml").data.source == source


def test_a_table_is_never_written_over(in_folder: Path) -> None:
    source = written(a_table())
    before = Path(source).read_bytes()
    with pytest.raises(SpaceError, match=r"table.csv is not called as a space file. Let its name end with .yaml"):
        init(source, out=source, force=True)
    Path("there.yaml").mkdir()
    with pytest.raises(SpaceError, match=r"is a folder. Give the name of a file in it"):
        init(source, out="there.yaml", force=True)
    assert Path(source).read_bytes() == before


@pytest.mark.parametrize(
    ("names", "values", "target"),
    [
        (["a", "Target", "b"], [range(20), range(20), range(20)], "Target"),
        (["a", "b", "left"], [range(20), range(20), [0, 1] * 10], "left"),
    ],
)
def test_an_obvious_target_is_guessed_and_said(
    in_folder: Path, names: list[str], values: list[Any], target: str
) -> None:
    made = draft(written(pd.DataFrame(dict(zip(names, values, strict=True))) * 1.5))
    assert made.target.startswith(f"'{target}' (guessed")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["a", "b", "c"], "No column is called as targets are"),
        (["class", "label", "c"], "Several columns are called as targets are"),
    ],
)
def test_a_target_that_is_not_obvious_is_asked_for(in_folder: Path, names: list[str], told: str) -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 3)), columns=names)
    with pytest.raises(DataError, match=rf"{told}.*is not obvious. Name it: --target COLUMN.*{names[0]!r} \(30 values"):
        draft(written(frame))


NAMES = st.text(min_size=1, max_size=30).filter(lambda name: name.strip() == name and name not in {"x", "who"})
HOSTILE = [
    "true", "null", "~", "5", "1e5", "0x1f", "- a", "?", "? a", ":", ": a", "-", "a: b", "a # b", "# a", "'", '"',
    "{a}", "[a]", "&a", "*a", "!a",
    "|", ">", "%a", "@a", "`a`", "a\nkind: capacity", "a\r\nb", "\x85", "a\u2028b", "\u202ea", "a\ufeffb", "年", "😀",
    "=cmd()", "<<", "x" * 3000, "data.target", "--target", "\x00", "\x1b[31m",
]  # fmt: skip


def hostile_space(name: str, folder: Path) -> None:
    rng = np.random.default_rng(0)
    n_rows = 40
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=n_rows),
            "who": [name, f"{name}!"] * (n_rows // 2),
            f"{name} id": [f"{name}{place}" for place in range(n_rows)],
            name: rng.normal(size=n_rows),
        }
    )
    path = folder / "hostile.parquet"
    frame.to_parquet(path)
    space = parse_space(draft(str(path), target=name).text)
    assert space.data.target == name
    assert space.data.source == str(path)
    assert space.data.drop in ((f"{name} id",), ())  # a name of thousands of signs is left to the run to find


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_come_out_as_safe_yaml(name: str, tmp_path: Path) -> None:
    hostile_space(name, tmp_path)


@given(name=NAMES)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_comes_out_as_safe_yaml(name: str, tmp_path: Path) -> None:
    hostile_space(name, tmp_path)


def test_a_wide_table_still_fits_into_a_space_file(in_folder: Path) -> None:
    rng = np.random.default_rng(0)
    wide = {f"a rather long name of a column, number {place}": rng.normal(size=40) for place in range(250)}
    ids = {f"key {place} id": [f"{place}-{row}" for row in range(40)] for place in range(50)}
    frame = pd.DataFrame(wide | ids | {"y": rng.normal(size=40)})
    frame.to_parquet("wide.parquet")
    path, made = init("wide.parquet")
    assert path.stat().st_size < MAX_BYTES
    assert "and 200 more" in made.text


def test_the_command_says_what_it_did_and_what_to_do_next(in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["init", written(a_table(), "my table.csv"), "--target", "outcome"]) == 0
    said = capsys.readouterr().out
    assert "wrote   my_table.yaml\nnext    ffsearch run my_table.yaml\n" in said
    assert invoke(["init", "my table.csv", "--target", "outcom"]) == 2
    assert "my_table.yaml is there already" in capsys.readouterr().err
    assert invoke(["init", "my table.csv", "--target", "outcom", "--force"]) == 2
    assert "Is it 'outcome'?" in capsys.readouterr().err


def test_run_takes_a_table_whatever_its_ending(in_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    pd.DataFrame(rng.normal(size=(30, 3))).to_csv("rows.train", index=False, header=False)
    assert invoke(["run", "rows.train", "--target", "7"]) == 2
    assert "rows.train has no column '7'" in capsys.readouterr().err
    Path("mine.yaml").write_text("kind: serch")
    assert invoke(["run", "mine.yaml"]) == 2
    assert "mine.yaml" in capsys.readouterr().err
