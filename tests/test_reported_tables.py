"""Targets, whole files, estimators and images, as public reports show other tools to fail at them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import ffsearch
from ffsearch.errors import DataError
from ffsearch.search.data.files.sources import read_source
from ffsearch.search.data.files.text import TextSettings
from ffsearch.search.data.kinds import Kind
from ffsearch.search.data.prepare import prepare
from ffsearch.search.network.heads import Task
from ffsearch.search.wording.codes import Code
from reported import (
    AMOUNTS,
    BESIDE,
    GENERATOR,
    TARGET,
    Door,
    N,
    both_doors,
    column,
    numbers,
    row,
    spec,
    table,
    told,
)
from test_reported_columns import german, lakh

ROUND = np.round(AMOUNTS / 100) * 100 + 300
"""Whole amounts of which many come again, as rents and asking prices do."""


@pytest.fixture
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Door:
    return Door(request.param, tmp_path)


SPELT: list[tuple[int, str, Any, Any]] = [
    (7, "points between thousands", np.round(AMOUNTS * 1000), lambda v: german(v, 0)),
    (9, "lakh", ROUND * 1000, lakh),
    (10, "dollars", ROUND, lambda v: f"${v:,.0f}"),
    (10, "years", np.arange(N) * 7 % 61, lambda v: f"{v:.0f} yrs"),
    (14, "U+2212", np.round(TARGET - 20, 2), lambda v: f"{v:.2f}".replace("-", "\N{MINUS SIGN}")),
    (63, "accounting negatives", np.round(TARGET - 20, 2), lambda v: f"({-v:.2f})" if v < 0 else f"{v:.2f}"),
    (62, "euros", np.round(AMOUNTS * 1000), lambda v: f"{german(v)} \N{EURO SIGN}"),
]


@row(7, 9, 10, 14, 62, 63)
@both_doors
@pytest.mark.parametrize("case", SPELT, ids=[f"{number} {name}" for number, name, *_ in SPELT])
def test_targets_in_any_spelling_are_predicted_as_numbers(case: tuple[Any, ...], door: Door) -> None:
    number, _, values, spelt = case
    comma = [german(v) for v in AMOUNTS] if number == 7 else AMOUNTS
    ready = door(table(x=comma, y=[spelt(value) for value in values]), sep=";" if number == 7 else ",")
    assert ready.head.task is Task.REGRESSION
    np.testing.assert_allclose(ready.truth.ravel(), values)
    assert told(ready, Code.TARGET_SPELT)


@row(8)
@both_doors
def test_8_one_word_among_prices_leaves_out_its_row_and_names_it(door: Door) -> None:
    cells = [f"{v:.0f}" for v in ROUND]
    cells[77] = "on request"
    ready = door(table(x=AMOUNTS, y=cells))
    assert (ready.head.task, len(ready.truth)) == (Task.REGRESSION, N - 1)
    (left_out,) = told(ready, Code.TARGETS_LEFT_OUT)
    assert (left_out.values["cells"], left_out.values["rows"]) == (("on request",), (78,))


@row(11)
@both_doors
def test_11_a_sensor_that_is_off_is_told_and_explains_nothing_once_it_is_named(door: Door) -> None:
    """Noise alone; a linear model of what networks read is the cheapest that would find the number."""
    generator = np.random.default_rng(3)
    noise = pd.DataFrame(generator.normal(15, 5, size=(800, 3)).round(1), columns=["temp", "hum", "y"])
    noise.loc[::25] = -200.0
    ready = door(noise)
    assert {finding.about for finding in told(ready, Code.SENTINEL)} == {"temp", "hum", "y"}
    named = door(noise, missing=["-200"])
    assert not told(named, Code.SENTINEL)
    assert told(named, Code.TARGETS_LEFT_OUT)[0].values["n"] == 32
    refit = named.fit_all()
    assert LinearRegression().fit(refit.x, refit.y).score(refit.x, refit.y) <= 0.1


@row(40)
@both_doors
@pytest.mark.parametrize("words", [("no", "yes"), ("false", "true")])
def test_40_labels_in_several_cases_are_told_and_merged_on_request(words: tuple[str, str], door: Door) -> None:
    labels = [[str.lower, str.upper, str.title][place % 3](words[place % 2]) for place in range(N)]
    ready = door(table(x=AMOUNTS, y=labels))
    assert [finding.about for finding in told(ready, Code.VARIANTS)] == ["y"]
    assert door(table(x=AMOUNTS, y=labels), merge=["y"]).head.task is Task.BINARY


@row(41, 62)
@both_doors
def test_41_62_labels_of_few_kinds(door: Door) -> None:
    blanks = [["no", "no ", "yes", " yes"][place % 4] for place in range(N)]
    assert door(table(x=AMOUNTS, y=blanks)).head.labels == ("no", "yes")
    signs = door(table(x=AMOUNTS, y=[(-1, 1)[place % 2] for place in range(N)]))
    assert (signs.head.task, signs.head.labels) == (Task.BINARY, ("-1", "1"))
    for labels in (["1", "1+", "1-", "2"], ["a", "a;b", "b"]):
        ready = door(table(x=AMOUNTS, y=[labels[place % len(labels)] for place in range(N)]))
        assert (ready.head.task, sorted(ready.head.labels)) == (Task.MULTICLASS, sorted(labels))
    assert door(table(x=AMOUNTS, y=np.exp(TARGET))).head.task is Task.REGRESSION


@row(43, 44)
@both_doors
def test_43_44_a_total_at_the_end(door: Door) -> None:
    frame = table(name=[f"shop {place % 8}" for place in range(N)], x=AMOUNTS)
    total = {"name": "Total", "x": AMOUNTS.sum(), "b": BESIDE.sum(), "c": "red", "y": TARGET.sum()}
    ready = door(pd.concat([frame, pd.DataFrame([total])], ignore_index=True))
    assert told(ready, Code.TOTAL_ROW)[0].values["row"] == N + 1
    with pytest.raises(
        DataError, match=rf"'y' has 1 missing or infinite cell in {N + 1} rows; the first is row {N + 1}"
    ):
        door(pd.DataFrame([*frame.to_dict("records"), {**total, "y": None}]))


@row(45, 46)
@both_doors
@pytest.mark.parametrize("of", ["numbers", "classes"])
def test_45_46_a_row_of_units_is_refused_by_its_line(of: str, door: Door) -> None:
    """DIFFERS for classes: told was good enough there; a refusal names the same cells, and none is trained on."""
    frame = table(x=AMOUNTS).drop(columns="c").astype(object)
    frame = frame if of == "numbers" else frame.assign(y=["no", "yes"] * (N // 2))
    units = pd.DataFrame([{"x": "kg", "b": "m/s", "y": "degC" if of == "numbers" else "class"}])
    with pytest.raises(DataError, match=r"row 1 below the header holds no numbers.*'kg' in 'x', 'm/s' in 'b'"):
        door(pd.concat([units, frame], ignore_index=True))


@row(47)
@both_doors
@pytest.mark.parametrize("offset", [1e9, -3e12])
def test_47_targets_far_from_zero_keep_what_differs(offset: float, door: Door) -> None:
    """Networks learn from them as from targets around zero; answers are float64 (tests/test_data_reading.py)."""
    far = door(table(x=AMOUNTS, y=TARGET + offset)).fit_all()
    near = door(table(x=AMOUNTS, y=TARGET)).fit_all()
    np.testing.assert_allclose(far.y, near.y, atol=1e-4 if offset > 0 else 1e-2)


FILES: list[tuple[int, str, str, str]] = [
    (54, "comments", "# exported by tool 1.2\n# May 31\nx,b,y\n", r"'# exported.* is a comment.*first 2 lines"),
    (54, "git", "<<<<<<< HEAD\nx,b,y\n", r"line 1: '<<<<<<< HEAD' is what git leaves of a merge conflict"),
    (75, "a delimiter at the end of rows", "x,b,y\n", r"line 2: 4 fields where the first line has 3"),
    (79, "a web page", "<!DOCTYPE html>\n<html><head><title>cars</title></head>\n", r"web page"),
]  # fmt: skip


@row(54, 75, 79)
@pytest.mark.parametrize("case", FILES, ids=[f"{number} {name}" for number, name, *_ in FILES])
def test_files_that_are_no_plain_tables_are_refused_by_what_they_are(case: tuple[Any, ...], tmp_path: Path) -> None:
    number, _, head, match = case
    end = "," if number == 75 else ""
    body = "".join(f"{x},{b},{y}{end}\n" for x, b, y in zip(AMOUNTS, BESIDE, TARGET, strict=True))
    (tmp_path / "t.csv").write_text(head + body, encoding="utf-8")
    with pytest.raises(DataError, match=match):
        prepare(spec(tmp_path / "t.csv"), seed=0)


@row(53)
@pytest.mark.parametrize("sep", ["\t", " ", ","])
def test_53_what_write_table_of_r_writes_is_read_with_names_of_rows(sep: str, tmp_path: Path) -> None:
    lines = [sep.join(['"x"', '"b"', '"y"'])]
    lines += [
        sep.join([f'"{n}"', *map(str, cells)]) for n, cells in enumerate(zip(AMOUNTS, BESIDE, TARGET, strict=True))
    ]
    (tmp_path / "t.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    ready = prepare(spec(tmp_path / "t.txt", **({"delimiter": " "} if sep == " " else {})), seed=0)
    assert [one.name for one in ready.columns if one.used] == ["x", "b"]
    np.testing.assert_allclose(numbers(ready), AMOUNTS, rtol=1e-6)


@row(55)
@both_doors
def test_55_a_target_of_dates_is_called_so(door: Door) -> None:
    days = (pd.Timestamp("2021-01-01") + pd.to_timedelta(np.arange(N) * 5, unit="D")).strftime("%Y-%m-%d")
    with pytest.raises(DataError, match=r"The target 'y' holds dates, such as '2021-01-01', and a date is no number"):
        door(table(x=AMOUNTS, y=days))


@row(57, 76)
def test_57_76_arrays_are_read_or_refused_in_words_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    images = GENERATOR.integers(0, 255, (60, 8, 8), dtype=np.uint8)
    np.savez(path, x_train=images, y_train=np.arange(60) % 3)
    assert prepare(spec(path, target=None), seed=0).head.task is Task.MULTICLASS
    for spoilt in (b"hello\n", b""):
        path.write_bytes(spoilt)
        with pytest.raises(DataError, match=r"t\.npz") as refused:
            read_source(str(path), settings=TextSettings())
        assert "pickle" not in str(refused.value)
    with pytest.raises(DataError, match=r"has 1 missing or infinite cell in"):
        prepare(spec(), frame=table(x=AMOUNTS).assign(y=[np.nan, *TARGET[1:]]), seed=0)


@row(60, 61)
@both_doors
def test_60_61_classes_of_one_row_and_whole_numbers_that_may_be_amounts(door: Door) -> None:
    rare = ["rarest", *["hi", "lo"] * (N // 2)][:N]
    assert told(door(table(x=AMOUNTS, y=rare)), Code.RARE_CLASS)
    stars = door(table(x=AMOUNTS, y=[1 + place * 3 % 5 for place in range(N)]))
    assert stars.head.task is Task.MULTICLASS
    assert stars.task_reason.code is Code.TASK_FEW_NUMBERS


@row(63, 80)
@both_doors
def test_63_80_refusals_that_were_clear_stay_so(door: Door) -> None:
    with pytest.raises(
        DataError, match=r"The target 'y' has 8 missing or infinite cells in 240 rows; the first is row 5"
    ):
        door(table(x=AMOUNTS, y=[np.nan if place % 30 == 4 else v for place, v in enumerate(TARGET)]))
    with pytest.raises(DataError, match=r"The time column 'when' has 3 missing cells"):
        door(table(x=AMOUNTS, when=[None, None, None, *range(N - 3)]), time="when")
    with pytest.raises(DataError, match=r"The time column 'when' holds 'soon'"):
        door(table(x=AMOUNTS, when=["soon", *[f"2024-01-{1 + n % 28:02}" for n in range(N - 1)]]), time="when")
    with pytest.raises(DataError, match=r"data\.ordinal: 'size' holds 's'"):
        door(table(x=AMOUNTS, size=["s", *["S", "M", "L"] * (N // 3)][:N]), ordinal={"size": ["S", "M", "L"]})


@row(79)
@both_doors
def test_79_units_of_cars_are_numbers(door: Door) -> None:
    ready = door(table(engine=[f"{v:.0f} CC" for v in AMOUNTS], power=[f"{v / 50:.2f} bhp" for v in AMOUNTS]))
    assert {column(ready, name).kind for name in ("engine", "power")} == {Kind.NUMBER}


@row(68)
def test_68_targets_of_any_type_of_pandas() -> None:
    labels = np.arange(N) % 2
    kinds: list[Any] = ["Int64", "boolean", "float64", "Float64", "category", "int64[pyarrow]", "bool[pyarrow]"]
    for dtype in kinds:
        cells = pd.Series(labels == 1 if "bool" in dtype else labels, dtype=dtype)
        ready = prepare(spec(), frame=table(x=AMOUNTS).assign(y=cells), seed=0)
        assert ready.head.task is Task.BINARY
        np.testing.assert_array_equal(ready.truth.ravel(), labels)


@pytest.mark.slow
@row(70, 71)
def test_70_71_the_estimators_are_those_of_scikit_learn() -> None:
    rows, y = table(x=AMOUNTS).drop(columns="y"), np.array(["no", "yes"])[(np.median(TARGET) < TARGET).astype(int)]
    quick = {"trials": 1, "overrides": {"train.max_epochs": 2}, "random_state": 0}
    estimator = ffsearch.FFSearchClassifier(**quick)  # type: ignore[arg-type]
    scores = cross_val_score(estimator, rows, y, cv=2, scoring="roc_auc")
    assert ((scores >= 0) & (scores <= 1)).all()
    grid = GridSearchCV(make_pipeline(StandardScaler(), estimator), {"ffsearchclassifier__trials": [1]}, cv=2)
    fitted = grid.fit(rows[["x", "b"]], y)
    assert 0 <= fitted.score(rows[["x", "b"]], y) <= 1
    weighed = fitted.best_estimator_[-1].score(
        StandardScaler().fit_transform(rows[["x", "b"]]), y, sample_weight=np.ones(N)
    )
    assert 0 <= weighed <= 1
    assert estimator.fit(rows, y, sample_weight=np.ones(N)).score(rows, y) >= 0
