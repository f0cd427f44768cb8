"""Loading a space that is right: what it holds, where it is found, and what overrides do."""

from __future__ import annotations

import pickle
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ffsearch.errors import SpaceError
from ffsearch.search.network.heads import Loss, Task
from ffsearch.search.network.topology import STUDY_ONLY, Activation, Point
from ffsearch.spaces.capacity import CapacitySpace
from ffsearch.spaces.durations import format_duration, parse_duration
from ffsearch.spaces.loader import load, load_space, parse_space, shipped_spaces, space_name
from ffsearch.spaces.overrides import Override
from ffsearch.spaces.schema import (
    AugmentSpec,
    ChoiceParameter,
    DataSpec,
    Fixed,
    FloatParameter,
    IntParameter,
    ParameterSpec,
    SearchSpace,
    SearchSpec,
    TrainSpec,
    ValidSpec,
)
from ffsearch.spaces.writer import space_to_yaml

MINIMAL = "data: {source: sklearn:iris}\n"


def parameter(text: str) -> object:
    (value,) = parse_space(f"{MINIMAL}space: {{{text}}}\n").parameters.values()
    return value


def test_a_file_that_names_its_table_alone_has_all_defaults() -> None:
    assert parse_space(MINIMAL) == SearchSpace(data=DataSpec(source="sklearn:iris"))
    assert parse_space(MINIMAL).search == SearchSpec(trials=None, seed=0, sampler="tpe", pruner="asha", budget=None)
    assert parse_space(MINIMAL).search.n_trials == 100
    assert parse_space(MINIMAL).data.valid.is_auto


def test_sections_whose_lines_are_all_commented_out_are_empty() -> None:
    assert parse_space(f"{MINIMAL}space:\ntrain:\nsearch:\n") == parse_space(MINIMAL)


def test_names_under_space_and_augment_are_those_of_a_point() -> None:
    augment = [f"augment_{name}" for name in AugmentSpec.model_fields]
    assert [*ParameterSpec.model_fields, *augment, *STUDY_ONLY] == [field.name for field in fields(Point)]


def test_names_stated_twice_agree_with_the_search() -> None:
    legal = parse_space(f"{MINIMAL}space: {{activation: {{type: choice, values: {[a.value for a in Activation]}}}}}")
    assert legal.parameters["activation"] == ChoiceParameter(values=tuple(a.value for a in Activation))
    for task in Task:
        assert parse_space(MINIMAL, overrides={"data.task": task.value}).data.task == task
    for loss in Loss:
        assert parse_space(MINIMAL, overrides={"train.loss": loss.value}).train.loss == loss


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("depth: {type: int, low: 1, high: 6}", IntParameter(low=1, high=6)),
        ("width: {type: int, low: 16, high: 512, log: true, n: 3}", IntParameter(low=16, high=512, log=True, n=3)),
        ("width: {type: choice, values: [64, 256], default: 64}", ChoiceParameter(values=(64, 256), default=64)),
        ("dropout: {type: float, low: 0.05, high: 0.5, zero: 0.4}", FloatParameter(low=0.05, high=0.5, zero=0.4)),
        ("dropout: {type: float, low: 0.1, high: 0.5, zero: 0.4, default: 0}",
         FloatParameter(low=0.1, high=0.5, zero=0.4, default=0.0)),
        ("l2: {type: float, low: 1e-7, high: 1E-2, log: true}", FloatParameter(low=1e-7, high=1e-2, log=True)),
        ("l1: {type: choice, values: [0, 1e-4]}", ChoiceParameter(values=(0.0, 1e-4))),
        ("batch_norm: {type: choice, values: [true, false]}", ChoiceParameter(values=(True, False))),
        ("batch_norm: true", Fixed(value=True)),
        ("taper: 1", Fixed(value=1.0)),
        ("activation: selu", Fixed(value="selu")),
        ("widths: [256, 128, 64]", Fixed(value=(256, 128, 64))),
    ],
)  # fmt: skip
def test_a_parameter_is_a_range_a_choice_or_a_plain_value(text: str, expected: object) -> None:
    assert parameter(text) == expected


def test_whole_numbers_become_real_where_the_name_is_real() -> None:
    value = parameter("taper: 1")
    assert isinstance(value, Fixed)
    assert isinstance(value.value, float)


def test_parameters_come_in_one_order_whatever_the_files() -> None:
    forward = parse_space(f"{MINIMAL}space: {{depth: 2, width: 8, l1: 0.1}}")
    backward = parse_space(f"{MINIMAL}space: {{l1: 0.1, width: 8, depth: 2}}")
    assert list(forward.parameters) == list(backward.parameters) == ["depth", "width", "l1"]


def test_a_parameter_that_is_null_is_left_out() -> None:
    assert parse_space(f"{MINIMAL}space: {{depth: 2, taper: null}}").parameters == {"depth": Fixed(value=2)}


@pytest.mark.parametrize(
    ("file", "overrides", "n_trials"),
    [
        ("{}", {}, 100),
        ("{trials: 30}", {}, 30),
        ("{budget: 10m}", {}, None),
        ("{trials: 30, budget: 10m}", {}, 30),
        ("{trials: 30}", {"search.budget": "10m"}, None),
        ("{trials: 30, budget: 5m}", {"search.budget": "10m"}, None),
        ("{trials: 30}", {"search.budget": "10m", "search.trials": 50}, 50),
        ("{trials: 30, budget: 5m}", {"search.budget": None}, 30),
    ],
)
def test_a_budget_alone_is_for_as_many_trials_as_fit(
    file: str, overrides: dict[str, object], n_trials: int | None
) -> None:
    space = parse_space(f"{MINIMAL}search: {file}\n", overrides=overrides)
    assert space.search.n_trials == n_trials
    assert parse_space(space_to_yaml(space)).search.n_trials == n_trials


def test_yaml_1_2_decides_what_is_text() -> None:
    data = parse_space("data: {source: a.csv, target: on, drop: [yes, 12:30, 2024-01-01, 5, no], time: off}\n").data
    assert (data.target, data.time) == ("on", "off")
    assert data.drop == ("yes", "12:30", "2024-01-01", "5", "no")


def test_columns_may_be_called_by_numbers() -> None:
    assert parse_space("data: {source: a.csv, target: 5}").data.target == "5"
    assert parse_space("data: {source: a.csv, target: [1, 2]}").data.target == ("1", "2")


def test_aliases_stand_for_what_they_name() -> None:
    space = parse_space(f"{MINIMAL}space:\n  l1: &p {{type: float, low: 0.1, high: 1}}\n  l2: *p\n")
    assert space.parameters["l1"] == space.parameters["l2"] == FloatParameter(low=0.1, high=1.0)


def test_a_space_does_not_change_and_travels() -> None:
    space = load_space("tabular")
    with pytest.raises(ValidationError, match="frozen"):
        space.kind = "search"
    assert pickle.loads(pickle.dumps(space)) == space


def test_models_built_in_python_are_held_to_the_same_rules() -> None:
    assert ParameterSpec(depth=IntParameter(low=1, high=3)).depth == IntParameter(low=1, high=3)
    with pytest.raises(ValidationError, match="99 is too large: it must be at most 64"):
        ParameterSpec(depth=IntParameter(low=1, high=99))
    with pytest.raises(ValidationError, match=r"mse is for regression targets, and data.task is binary"):
        SearchSpace(data=DataSpec(source="a.csv", task="binary"), train=TrainSpec(loss="mse"))


def test_every_shipped_space_loads_and_says_what_it_is_for() -> None:
    assert {"tabular", "capacity", "capacity-images"} <= set(shipped_spaces())
    for name, purpose in shipped_spaces().items():
        assert load(name).space.kind == ("capacity" if name.startswith("capacity") else "search")
        assert len(purpose) > 20


def test_a_study_is_no_search() -> None:
    with pytest.raises(SpaceError, match="capacity is of kind capacity, and a search is wanted here"):
        load_space("capacity")


def test_the_shipped_space_needs_nothing_else() -> None:
    space = load_space("tabular")
    assert space.data.source == "sklearn:breast_cancer"
    assert {"depth", "width", "activation", "dropout", "batch_norm", "l1", "l2"} <= set(space.parameters)


@pytest.mark.parametrize("given", ["tabular", "tabular.yaml", "spaces/tabular.yaml", Path("spaces/tabular.yaml")])
def test_shipped_spaces_are_found_from_any_folder(
    given: str | Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_space(given).data.source == "sklearn:breast_cancer"
    assert space_name(given) == "tabular"


def test_a_file_comes_before_a_shipped_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tabular.yaml").write_text(MINIMAL, encoding="utf-8-sig")
    monkeypatch.chdir(tmp_path)
    assert load_space("tabular.yaml").data.source == "sklearn:iris"
    assert load_space("tabular").data.source == "sklearn:breast_cancer"


def test_a_folder_of_that_name_does_not_hide_a_shipped_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tabular").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_space("tabular").data.source == "sklearn:breast_cancer"


def test_tables_are_looked_for_here_then_beside_the_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/my.yaml").write_text("data: {source: rows.csv, test: held.csv}")
    for name in ("sub/rows.csv", "sub/held.csv", "held.csv"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    data = load_space("sub/my.yaml").data
    assert Path(data.source) == Path("sub/rows.csv")
    assert data.test == "held.csv"
    assert load_space("sub/my.yaml", {"data.source": "nowhere.csv"}).data.source == "nowhere.csv"
    assert load_space("sub/my.yaml", {"data.source": "openml:rows.csv"}).data.source == "openml:rows.csv"


def test_tables_are_found_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse_space("data: {source: ~/rows.csv}").data.source == str(tmp_path / "rows.csv")


@pytest.mark.parametrize(
    "overrides",
    [
        ["search.sampler=random", "space.depth.high=4", "data.target=price", "search.budget=1h30m"],
        {"search.sampler": "random", "space.depth.high": 4, "data.target": "price", "search.budget": 5400},
        ["search.sampler=grid", Override("search.sampler", "random", "--sampler"), "space.depth.high=4",
         " data.target = price", "search.budget=5400s"],
    ],
)  # fmt: skip
def test_overrides_come_in_place_of_the_file(overrides: list[str | Override] | dict[str, object]) -> None:
    space = load_space("tabular", overrides)
    assert space.search.sampler == "random"
    assert space.parameters["depth"] == IntParameter(low=1, high=4)
    assert space.data.target == "price"
    assert space.search.budget == 5400.0


def test_overrides_are_yaml_and_may_replace_whole_sections() -> None:
    overrides = ["data.valid={folds: 5}", "space={widths: [64, 32]}", "data.drop=[a, b]", "data.target="]
    space = load_space("tabular", overrides)
    assert space.data.valid == ValidSpec(folds=5)
    assert space.parameters == {"widths": Fixed(value=(64, 32))}
    assert (space.data.drop, space.data.target) == (("a", "b"), None)


def test_values_by_path_are_taken_as_they_are() -> None:
    assert load_space("tabular", {"data.target": "null"}).data.target == "null"


@pytest.mark.parametrize(("name", "section"), [("tabular", "search"), ("capacity", "capacity")])
def test_an_override_may_be_of_whatever_kind_the_space_is(name: str, section: str) -> None:
    space = load(name, [Override("{kind}.seed", 7, "--seed")]).space
    assert getattr(space, section).seed == 7


def test_what_the_file_itself_says_of_its_table_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sub").mkdir()
    Path("sub/rows.csv").touch()
    Path("sub/my.yaml").write_text("data: {source: rows.csv}\n")
    Path("sub/none.yaml").write_text("kind: search\n")
    other = {"data.source": "other.csv"}
    assert load("sub/my.yaml").own_source == load("sub/my.yaml").space.data.source == "sub/rows.csv"
    assert (load("sub/my.yaml", other).own_source, load("sub/my.yaml", other).space.data.source) == (
        "sub/rows.csv",
        "other.csv",
    )
    assert load("sub/none.yaml", other).own_source is None


def test_a_mapping_given_as_an_override_stays_as_it_was() -> None:
    rates = {"low": 1e-3, "high": 1e-2, "n": 2}
    given: dict[str, object] = {"capacity.learning_rates": rates, "capacity.learning_rates.n": 3}
    loaded = load("capacity", given).space
    assert isinstance(loaded, CapacitySpace)
    assert loaded.capacity.learning_rates.n == 3
    assert rates == {"low": 1e-3, "high": 1e-2, "n": 2}


def test_overrides_may_be_all_a_space_consists_of() -> None:
    assert parse_space("kind: search", overrides=["data.source=a.csv", "space.depth=2"]).parameters == {
        "depth": Fixed(value=2)
    }


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("2d", 172_800),
        (" 1h 5s ", 3605),
        ("90", 90),
        ("0.5", 0.5),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "1e3", "-90", "0s", "m10", "10m1h", "-5s", "1e3s", f"{'9' * 400}h"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a duration\. Write it with units: 90s, 10m, 1h30m."):
        parse_duration(text)


@given(st.floats(min_value=1e-12, max_value=1e12))
def test_durations_are_read_as_written(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


def test_errors_are_value_errors_too() -> None:
    with pytest.raises(ValueError, match="cannot be used: 1 fault"):
        parse_space("kind: search")
    with pytest.raises(SpaceError, match="cannot be used: 1 fault"):
        parse_space("kind: search")
