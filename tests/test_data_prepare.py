"""The whole way from a space file's data section to matrices, and that sealed rows stay sealed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from examples import said
from ffsearch.errors import DataError
from ffsearch.search.data.notices import N_NAMED
from ffsearch.search.data.prepare import Prepared, prepare
from ffsearch.search.network.heads import Task
from ffsearch.search.network.topology import Numbers, Point
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding
from ffsearch.spaces.schema import DataSpec

N = 120


def table(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    number = rng.normal(size=N).round(3)
    return pd.DataFrame(
        {
            "number": number.astype(str),
            "gaps": [f"{i * 7 % 50}.5" if i % 6 else " " for i in range(N)],
            "level": [f"c{i}" for i in rng.integers(0, 4, N)],
            "key": [f"k{i}" for i in range(N)],
            "who": [f"w{i // 6}" for i in range(N)],
            "when": [str(day)[:10] for day in pd.date_range("2024-01-01", periods=N)],
            "y": np.where(number > 0.3, "yes", "no"),
            "amount": number * 100 + 5,
        }
    )


def prepared(frame: pd.DataFrame | None = None, *, ways: tuple[Numbers, ...] | None = None, **spec: Any) -> Prepared:
    settings = {"source": "frame", "target": "y", "drop": ["amount"]} | spec
    return prepare(DataSpec(**settings), frame=table() if frame is None else frame, seed=0, ways=ways)


def test_every_column_is_told() -> None:
    ready = prepared(groups="who")
    kinds = {column.name: (str(column.kind), column.used) for column in ready.columns}
    assert kinds == {
        "number": ("number", True),
        "gaps": ("number", True),
        "level": ("category", True),
        "key": ("id", False),
        "when": ("date", True),
        "amount": ("dropped", False),
        "who": ("groups", False),
    }
    assert said(ready.notices)[0] == "'key' is not used (identifier: 96 different texts in 96 cells: it names rows)."
    assert said([ready.task_reason]) == ["binary, because 'y' has 2 values: no, yes"]
    assert ready.splits.method == "by group"


def test_the_problem_of_a_holdout() -> None:
    ready = prepared(drop=["amount", "who", "when"], valid={"holdout": 0.2})
    problem = ready.problem()
    (split,) = problem.splits
    assert problem.n_features == ready.n_features == 8
    assert (split.x_train.shape, split.x_valid.shape) == ((77, 8), (19, 8))
    assert split.y_train.dtype == np.dtype(np.float32)
    assert split.y_train.shape == (77, 1)
    assert split.target_scale is None
    assert len(ready.development_rows) == 96
    assert (ready.splits.development == ready.development_rows).all()


@pytest.mark.parametrize(
    ("roles", "n_splits"),
    [({}, 5), ({"groups": "who"}, 5), ({"groups": "level"}, 1), ({"time": "when"}, 1), ({"valid": {"folds": 3}}, 3)],
)
def test_few_rows_choose_by_folds_unless_groups_are_fewer_or_time_decides(roles: dict[str, Any], n_splits: int) -> None:
    assert len(prepared(**roles).problem().splits) == n_splits


def test_many_rows_choose_by_a_holdout() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=4_000), "y": rng.normal(size=4_000)})
    assert len(prepared(frame, drop=[]).problem().splits) == 1
    assert len(prepared(frame[:3_700], drop=[]).problem().splits) == 5


def test_regression_is_standardised_in_every_fold() -> None:
    ready = prepared(target="amount", drop=["y"], valid={"folds": 3})
    assert ready.head.task is Task.REGRESSION
    for split, (train, _) in zip(ready.problem().splits, ready.splits.folds, strict=True):
        assert split.target_scale is not None
        assert split.y_train.mean() == pytest.approx(0, abs=1e-6)
        assert split.y_train.std() == pytest.approx(1, abs=1e-6)
        raw = table()["amount"].to_numpy()[train]
        assert split.y_train[:, 0] * split.target_scale.scale + split.target_scale.mean == pytest.approx(raw, rel=1e-4)


def test_the_refit_uses_all_rows_outside_the_test_part() -> None:
    ready = prepared(target="amount", drop=["y"])
    preprocessor, x, y, scale, _ = ready.fit_all()
    assert x.shape == (96, ready.n_features)
    assert y.shape == (96, 1)
    assert scale is not None
    assert scale.mean == pytest.approx(table()["amount"].to_numpy()[ready.development_rows].mean())
    assert (preprocessor.transform(ready.table.features.take(ready.development_rows)) == x).all()


def test_the_sealed_rows_when_they_are_opened() -> None:
    ready = prepared()
    sealed = ready.test_rows()
    assert sealed.features["key"].tolist() == [f"k{row}" for row in ready.splits.test]
    assert sealed.y.tolist() == (table()["y"].to_numpy()[ready.splits.test] == "yes").astype(int).tolist()


def test_raw_cells_of_most_rows_are_given_up_and_nothing_else_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ffsearch.search.data.prepare.N_SHOWN", 10)
    ready = prepared()
    thin = ready.thinned()
    first = ready.development_rows[:10]
    assert len(thin.table.features) == 10 + len(ready.splits.test)
    assert thin.table.n_rows == ready.table.n_rows
    pd.testing.assert_frame_equal(thin.cells_of(first[::-1]), ready.cells_of(first[::-1]))
    pd.testing.assert_frame_equal(thin.test_rows().features, ready.test_rows().features)
    np.testing.assert_array_equal(thin.fit_all().x, ready.fit_all().x)
    np.testing.assert_array_equal(thin.repeats([1]).splits[0].x_valid, ready.repeats([1]).splits[0].x_valid)
    with pytest.raises(AssertionError, match="given up"):
        thin.cells_of(ready.development_rows[10:12])
    monkeypatch.setattr("ffsearch.search.data.prepare.N_SHOWN", 1000)
    assert ready.thinned() is ready


def test_matrices_that_are_given_up_leave_their_shapes() -> None:
    problem = prepared(ways=tuple(Numbers), number_bins=4).problem()
    matrices = [split.x_train for one in (problem, *problem.others.values()) for split in one.splits]
    shapes, y = [matrix.shape for matrix in matrices], problem.splits[0].y_valid
    problem.give_matrices_up()
    given = [split.x_train for one in (problem, *problem.others.values()) for split in one.splits]
    assert len(given) > 1
    assert [matrix.shape for matrix in given] == shapes
    assert all(np.isnan(matrix).all() and not any(matrix.strides) for matrix in given)
    assert problem.splits[0].y_valid is y


@pytest.mark.parametrize("number_bins", [0, 8])
def test_sealed_rows_change_nothing_before_they_are_opened(number_bins: int) -> None:
    asked: dict[str, Any] = {"target": "amount", "drop": ["y"], "valid": {"folds": 3}, "number_bins": number_bins}
    before = prepared(ways=tuple(Numbers), **asked)
    changed = table()
    for name, marker in (("number", "words"), ("gaps", "1e9"), ("level", "marker"), ("key", "k0")):
        changed.loc[before.splits.test, name] = marker
    changed.loc[before.splits.test, "amount"] = 1e6 + 0.5
    after = prepared(changed, ways=tuple(Numbers), **asked)
    assert (after.splits.test == before.splits.test).all()
    assert (after.columns, after.layout, after.notices, after.head) == (
        before.columns, before.layout, before.notices, before.head,
    )  # fmt: skip
    assert after.other_layouts == before.other_layouts
    for way in Numbers:
        assert after.fit_all(way).preprocessor == before.fit_all(way).preprocessor
        points = Point(depth=1, width=1, numbers=way)
        seen, known = (ready.problem().seen_by(points).splits for ready in (after, before))
        for one, other in zip(seen, known, strict=True):
            assert (one.x_train == other.x_train).all()
            assert (one.x_valid == other.x_valid).all()
            assert (one.y_valid == other.y_valid).all()


def test_validation_rows_change_nothing_in_the_training_matrix() -> None:
    holdout = {"holdout": 0.2}
    before = prepared(target="amount", drop=["y"], valid=holdout, ways=tuple(Numbers))
    ((_, valid),) = before.splits.folds
    changed = table()
    changed.loc[valid, "number"] = "1e6"
    changed.loc[valid, "gaps"] = "1e6"
    changed.loc[valid, "level"] = "c0"
    changed.loc[valid, "amount"] = 1e6
    after = prepared(changed, target="amount", drop=["y"], valid=holdout, ways=tuple(Numbers))
    for way in (Numbers.ROBUST, Numbers.QUANTILE):  # how many bins there are is the layout's, which all rows make
        point = Point(depth=1, width=1, numbers=way)
        (one,), (other,) = (ready.problem().seen_by(point).splits for ready in (after, before))
        assert (one.x_train == other.x_train).all()
    assert (one.y_train == other.y_train).all()
    assert one.target_scale is not None
    assert other.target_scale is not None
    assert one.target_scale.mean == other.target_scale.mean


def test_points_are_shown_numbers_as_they_ask_and_baselines_the_plain_matrix() -> None:
    plain, ready = prepared(), prepared(ways=tuple(Numbers), number_bins=8)
    assert ready.n_features == plain.n_features
    assert said(ready.notices) == said(plain.notices)  # the space says it itself
    assert ready.n_features_of == {
        Numbers.ROBUST: plain.n_features,
        Numbers.QUANTILE: plain.n_features,
        Numbers.BINS: plain.n_features + 3 * 8,
    }
    problem = ready.problem()
    for way, n_features in ready.n_features_of.items():
        seen = problem.seen_by(Point(depth=1, width=1, numbers=way))
        assert (seen.n_features, len(seen.matrix_columns.cell)) == (n_features, n_features)
        assert (seen.splits[0].y_train == problem.splits[0].y_train).all()
        assert ready.fit_all(way).x.shape[1] == n_features
    is_number = problem.matrix_columns.is_number
    quantiles = problem.others[Numbers.QUANTILE].splits[0].x_train
    assert (quantiles[:, ~is_number] == problem.splits[0].x_train[:, ~is_number]).all()
    assert not np.allclose(quantiles[:, is_number], problem.splits[0].x_train[:, is_number])


def test_only_the_matrices_that_are_asked_for_are_made(tmp_path: Path) -> None:
    ready = prepared(ways=(Numbers.ROBUST, Numbers.QUANTILE))
    assert list(ready.problem().others) == [Numbers.QUANTILE]
    assert list(ready.repeats([1, 2]).others) == []
    assert list(ready.repeats([1, 2], ways={Numbers.QUANTILE}).others) == [Numbers.QUANTILE]
    assert prepared(ways=(Numbers.BINS,)).layout == prepared().layout
    np.savez(tmp_path / "images.npz", x=np.zeros((40, 6, 6), np.uint8), y=np.arange(40) % 2)
    with pytest.raises(DataError, match=r"space\.numbers: quantile says how the numbers of a table .* holds images"):
        prepare(DataSpec(source=str(tmp_path / "images.npz")), seed=0, ways=(Numbers.QUANTILE,))


def test_numbers_over_bins_are_no_longer_plain_and_that_is_said(tmp_path: Path) -> None:
    plain, ready = prepared(), prepared(number_bins=8)
    assert said(notice for notice in ready.notices if notice not in plain.notices) == [
        "Numbers are spread over up to 8 bins each, as data.number_bins says: networks are no longer plain, and the "
        "linear model may bend at every edge."
    ]
    assert ready.n_features == plain.n_features + 3 * 8  # number, gaps, when
    problem = prepared(number_bins=8, valid={"folds": 3}).problem()
    assert {split.x_train.shape[1] for split in problem.splits} == {ready.n_features}
    np.savez(tmp_path / "images.npz", x=np.zeros((40, 6, 6), np.uint8), y=np.arange(40) % 2)
    with pytest.raises(DataError, match=r"data\.number_bins: 8 spreads the numbers of a table .* holds images"):
        prepare(DataSpec(source=str(tmp_path / "images.npz"), number_bins=8), seed=0)


def write(folder: Path, frame: pd.DataFrame, name: str) -> str:
    frame.to_csv(folder / name, index=False)
    return str(folder / name)


def test_a_test_file_of_its_own(tmp_path: Path) -> None:
    main = write(tmp_path, table(), "train.csv")
    other = table(1).assign(more=1)[["more", *reversed(table().columns)]]
    ready = prepare(DataSpec(source=main, target="y", test=write(tmp_path, other, "test.csv")), seed=0)
    assert ready.splits.test.tolist() == list(range(N, 2 * N))
    assert ready.table.n_test_rows == N
    assert ready.test_rows().features["number"].astype(float).tolist() == table(1)["number"].astype(float).tolist()
    assert said(ready.notices)[0] == "Columns that only the test file has are left out: 'more'."
    assert ready.table.sha256 != prepare(DataSpec(source=main, target="y"), seed=0).table.sha256


def test_a_test_file_without_a_dropped_column(tmp_path: Path) -> None:
    main = write(tmp_path, table(), "train.csv")
    test = write(tmp_path, table(1).drop(columns="amount"), "test.csv")
    assert prepare(DataSpec(source=main, target="y", drop=("amount",), test=test), seed=0).table.n_rows == 2 * N
    with pytest.raises(DataError, match=r"lacks columns of .*train\.csv: amount\. Both files need the same columns"):
        prepare(DataSpec(source=main, target="y", test=test), seed=0)


def test_a_class_that_only_the_sealed_rows_have(tmp_path: Path) -> None:
    main = write(tmp_path, table(), "train.csv")
    test = write(tmp_path, table(1).assign(y=["maybe", "yes"] * (N // 2)), "test.csv")
    ready = prepare(DataSpec(source=main, target="y", test=test), seed=0)
    assert ready.head.labels == ("no", "yes")
    sealed = ready.test_rows()
    assert sealed.y[:2].tolist() == [-1, 1]
    assert said(sealed.notices) == [
        "60 test rows are of a class that no other row has; whatever is answered there is wrong."
    ]


def test_groups_that_both_files_have_are_told(tmp_path: Path) -> None:
    main, test = write(tmp_path, table(), "train.csv"), write(tmp_path, table(1), "test.csv")
    ready = prepare(DataSpec(source=main, target="y", groups="who", test=test), seed=0)
    assert "120 rows of the test file are of groups that the main file has too." in said(ready.notices)


def test_by_time_with_folds() -> None:
    ready = prepared(time="when", valid={"folds": 3})
    assert ready.splits.method == "by time"
    assert ready.splits.test.tolist() == list(range(96, N))
    assert [len(train) for train, _ in ready.splits.folds] == [24, 48, 72]


def test_dates_in_doubt_are_told() -> None:
    frame = table().assign(when=[f"{1 + i % 12}/{1 + (i * 5) % 12}/2024" for i in range(N)])
    doubts = [notice for notice in prepared(frame, time="when").notices if notice.code is Code.DATES_IN_DOUBT]
    assert said(doubts) == [
        "The dates of 'when', by which rows are split, could be day first or month first; they are read as month first."
    ]


def test_classes_of_too_few_rows_are_told() -> None:
    frame = table()
    frame.loc[:2, "y"] = "rare"
    told = [notice for notice in prepared(frame, valid={"folds": 5}).notices if notice.code is Code.CLASS_ABSENT]
    assert said(told)[0].startswith("No validation row in fold ")
    assert "is of class 'rare': too few rows" in said(told)[0]


def test_a_rare_class_is_told() -> None:
    def told(n_rare: int) -> list[Finding]:
        frame = pd.DataFrame({"a": np.arange(100.0) % 37, "y": ["rare"] * n_rare + ["usual"] * (100 - n_rare)})
        return [notice for notice in prepared(frame, drop=[]).notices if notice.code is Code.RARE_CLASS]

    (sentence,) = said(told(4))
    assert sentence.startswith("The class 'rare' has 3 of the 80 rows: accuracy hides whether it is found.")
    assert not told(12)


def test_of_many_even_classes_none_is_rare() -> None:
    frame = pd.DataFrame({"a": np.arange(400.0) % 37, "y": [f"c{i % 20}" for i in range(400)]})
    assert not [notice for notice in prepared(frame, drop=[]).notices if notice.code is Code.RARE_CLASS]


def test_copies_are_told() -> None:
    frame = pd.concat([table().drop(columns=["key", "when", "who"])] * 2, ignore_index=True)
    ready = prepared(frame)
    assert said(notice for notice in ready.notices if notice.code is Code.COPIES) == [
        "120 of 240 rows repeat another row in every column. All rows that are alike stay on one side of every split."
    ]


def test_one_target_after_another_task() -> None:
    ready = prepare(DataSpec(source="sklearn:linnerud"), seed=0)
    assert ready.head.n_outputs == 3
    assert [len(split.y_train) for split in ready.problem().splits] == [12, 13, 13, 13, 13]
    assert prepare(DataSpec(source="sklearn:wine"), seed=0).problem().splits[0].y_train.dtype == np.int32


def without(frame: pd.DataFrame, rows: int) -> pd.DataFrame:
    return frame.assign(y=[None] * rows + frame["y"].tolist()[rows:])


@pytest.mark.parametrize(
    ("frame", "spec", "text"),
    [
        (
            table(),
            {"target": None},
            r"^frame does not say which .* --target .*columns: number, gaps, level, key, who, when",
        ),
        (
            table(),
            {"target": "Y "},
            r"^data\.target: frame has no column 'Y '\. Is it 'y'\? Correct data\.target \(--tar",
        ),
        (table(), {"target": "nothing"}, r"^data\.target: frame has no column 'nothing'\. Correct data\.target"),
        (
            table(),
            {"drop": ["levels"]},
            r"^data\.drop: frame has no column 'levels'\. Is it 'level'\? Correct data\.drop\.",
        ),
        (table(), {"groups": "whom"}, r"^data\.groups: frame has no column 'whom'\. Is it 'who' or 'when'\?"),
        (table(), {"time": "whe"}, r"^data\.time: frame has no column 'whe'"),
        (
            table(),
            {"groups": "who", "time": "when"},
            r"^data\.groups and data\.time are both named, and a split cannot",
        ),
        (table().iloc[:9], {}, r"^frame has 9 rows; at least 10 are needed\."),
        (
            without(table(), 3),
            {},
            r"^The target 'y' has 3 missing or infinite cells in 120 rows; the first is row 1 of",
        ),
        (
            table().assign(amount=[np.inf] + [1.5] * (N - 1)),
            {"target": "amount", "drop": []},
            r"^The target 'amount' has 1 missing or infinite cell in 120 rows",
        ),
        (table().assign(y="no"), {}, r"^The target 'y' is 'no' in every row outside the test part"),
        (table().assign(who=""), {"groups": "who"}, r"^The groups column 'who' has 120 missing cells, but every row"),
        (table().assign(who="w"), {"groups": "who"}, r"^data\.test: 1 group cannot be split"),
        (
            table()[["key", "y", "amount"]],
            {},
            r"^frame has no column that can be learnt from: 'key' is id \(96 different",
        ),
        (table()[["y", "amount"]], {}, r"^frame has no column that can be learnt from\. Add columns"),
        (
            table().assign(number="", gaps="3", level="x", who="z", when="soon"),
            {},
            r"no column that can .*'number' is empty \(no cell",
        ),
        (table(), {"test": 0.001}, r"^data\.test: 0\.001 of 120 rows leaves one side without rows"),
        (table(), {"test": "nowhere.csv"}, r"^There is no file 'nowhere\.csv'"),
    ],
)
def test_tables_and_requests_that_do_not_fit(frame: pd.DataFrame, spec: dict[str, Any], text: str) -> None:
    with pytest.raises(DataError, match=text):
        prepared(frame, **spec)


def test_a_long_list_of_columns_is_cut() -> None:
    wide = pd.DataFrame({f"c{i}": range(12) for i in range(50)})
    with pytest.raises(DataError, match=r"c18, c19 and 30 more\.$"):
        prepared(wide, target="y", drop=[])


def test_random_holes_never_break_a_table() -> None:
    rng = np.random.default_rng(3)
    frame = table()
    for name in ("number", "gaps", "level", "key"):
        frame.loc[rng.random(N) < 0.4, name] = rng.choice(["", "?", "NA", "inf", "\u2603", "-", "1e400"])
    ready = prepared(frame, valid={"folds": 4})
    assert all(
        np.isfinite(split.x_train).all() and np.isfinite(split.x_valid).all() for split in ready.problem().splits
    )


def test_many_unused_columns_are_cut_short() -> None:
    frame = table().assign(**{f"constant{i}": "x" for i in range(30)})
    told = said(notice for notice in prepared(frame).notices if notice.code is Code.NOT_USED)
    assert len(told) == N_NAMED + 1
    assert told[-1] == "21 more columns are not used."
