"""Spaces written out: YAML that reads back, identities, and the JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from ffsearch.spaces.capacity import CapacitySpec, RateSpec
from ffsearch.spaces.document import read_document
from ffsearch.spaces.earlier import as_it_began
from ffsearch.spaces.loader import load, load_space, parse, parse_space, shipped_spaces
from ffsearch.spaces.schema import DataSpec, ParameterSpec, SearchSpace, SearchSpec, TrainSpec, ValidSpec
from ffsearch.spaces.writer import json_schema, space_identity, space_to_yaml, value_to_yaml

ACTIVATIONS = ["relu", "leaky_relu", "prelu", "elu", "selu", "swish", "tanh", "softsign"]
PENALTIES = ["l1", "l2", "bias_l1", "bias_l2", "activity_l1", "activity_l2", "weight_decay"]

columns = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@st.composite
def whole_ranges(draw: st.DrawFn, most: int) -> dict[str, Any]:
    low, high = sorted(draw(st.lists(st.integers(1, most), min_size=2, max_size=2, unique=True)))
    return {
        "type": "int", "low": low, "high": high, "log": draw(st.booleans()), "n": draw(st.integers(1, 9)),
        "default": draw(st.none() | st.integers(low, high)),
    }  # fmt: skip


@st.composite
def real_ranges(draw: st.DrawFn, least: float, most: float, *, zero: bool = True) -> dict[str, Any]:
    low, high = sorted(draw(st.lists(st.floats(least, most), min_size=2, max_size=2, unique=True)))
    off = draw(st.floats(0, 0.99)) if zero else 0.0
    return {"type": "float", "low": low, "high": high, "log": draw(st.booleans()), "zero": off}


def choices(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.lists(values, min_size=1, max_size=4, unique=True).map(lambda v: {"type": "choice", "values": v})


shapes = st.fixed_dictionaries({}, optional={
    "depth": st.integers(1, 64) | whole_ranges(64) | choices(st.integers(1, 64)),
    "width": st.integers(1, 512) | whole_ranges(65_536),
    "taper": st.floats(0.1, 4) | real_ranges(0.1, 4, zero=False),
}) | st.fixed_dictionaries({"widths": st.lists(st.integers(1, 512), min_size=1, max_size=8)})  # fmt: skip

others = st.fixed_dictionaries({}, optional={
    "activation": st.sampled_from(ACTIVATIONS) | choices(st.sampled_from(ACTIVATIONS)),
    "dropout": st.floats(0, 0.99) | real_ranges(1e-3, 0.9) | choices(st.floats(0, 0.9)),
    "batch_norm": st.booleans() | choices(st.booleans()),
    "learning_rate": st.floats(1e-9, 10) | real_ranges(1e-9, 10, zero=False),
    **{name: st.floats(0, 1) | real_ranges(1e-12, 1) for name in PENALTIES},
})  # fmt: skip

sources = columns.filter(lambda source: not source.startswith("~/"))
"""Loading puts a home folder in its place."""

tables = st.fixed_dictionaries({"source": sources}, optional={
    "target": st.none() | columns,
    "task": st.sampled_from(["auto", "regression", "binary", "multiclass"]),
    "test": st.floats(0.01, 0.9) | sources,
    "valid": st.sampled_from([{"holdout": 0.2}, {"holdout": 1 / 3}, {"folds": 5}]),
    "delimiter": st.none() | st.sampled_from([",", ";", "\t", "|", " "]),
    "decimal": st.none() | st.just("."),
    "sheet": st.none() | st.text(min_size=1) | st.integers(1, 9),
    "thousands": st.none() | st.sampled_from([",", "'", " "]),
    "header": st.sampled_from(["auto", True, False]),
    "encoding": st.sampled_from([None, "utf-8", "latin-1", "cp1252"]),
})  # fmt: skip

searches = st.fixed_dictionaries({}, optional={
    "sampler": st.sampled_from(["tpe", "random", "gp", "cmaes", "qmc", "grid"]),
    "budget": st.none() | st.floats(1e-3, 1e9) | st.integers(1, 10**9),
    "seed": st.integers(0, 2**63 - 1),
    "trials": st.integers(1, 10**6),
})  # fmt: skip

spaces = st.builds(
    lambda data, shape, other, search: SearchSpace.model_validate(
        {"data": data, "space": {**shape, **other}, "search": search}
    ),
    tables, shapes, others, searches,
)  # fmt: skip


@settings(max_examples=50, deadline=None)  # other work on the machine must not fail it
@given(spaces)
def test_a_space_reads_back_equal(space: SearchSpace) -> None:
    text = space_to_yaml(space)
    assert parse_space(text) == space
    assert space_to_yaml(parse_space(text)) == text
    assert space_identity(parse_space(text)) == space_identity(space)


@pytest.mark.parametrize("name", list(shipped_spaces()))
def test_shipped_spaces_read_back_equal(name: str) -> None:
    assert parse(space_to_yaml(load(name).space)).space == load(name).space


@pytest.mark.parametrize("source", ["~", "~nobody_of_this_name/t.csv"])
def test_a_source_that_only_looks_like_a_home_folder_stays_as_it_is(source: str) -> None:
    assert parse_space(f'data: {{source: "{source}", target: y}}').data.source == source


def test_what_is_written_is_plain_to_read() -> None:
    text = space_to_yaml(load_space("tabular", ["search.budget=90m", "space.taper=null"]))
    assert "  width: {type: int, low: 16, high: 512, log: true, n: 5}\n" in text
    assert "  budget: 1h30m\n" in text
    assert "  target: null\n" in text
    assert "taper" not in text


def identity(*overrides: str) -> str:
    return space_identity(load_space("tabular", overrides))


@pytest.mark.parametrize(
    "override",
    [
        "search.trials=7",
        "search.budget=10m",
        "space.depth.log=false",
        "data.drop=[]",
        "ignore=[FFS301]",
        "model=average",
    ],
)
def test_how_long_a_search_goes_on_and_what_is_default_anyway_leave_it_the_same(override: str) -> None:
    assert identity(override) == identity()


@pytest.mark.parametrize(
    "override",
    ["search.seed=1", "search.sampler=random", "train.patience=3", "space.depth.high=5", "space.l1=null",
     "data.target=y", "data.valid={folds: 5}", "data.source=sklearn:wine"],
)  # fmt: skip
def test_whatever_else_changes_makes_another_search(override: str) -> None:
    assert identity(override) != identity()


def test_the_folder_of_a_table_is_no_part_of_the_search() -> None:
    assert identity("data.source=a/rows.csv") == identity("data.source=/b/rows.csv")
    assert identity("data.source=a/rows.csv") != identity("data.source=a/other.csv")


def test_identities_stay_the_same_between_releases() -> None:
    text = "data: {source: sklearn:iris}\nspace: {depth: 2, l1: {type: float, low: 1e-6, high: 1, log: true}}\n"
    space = parse_space(text)
    assert space_identity(space) == IDENTITY
    assert space_identity(as_it_began(space, space_to_yaml(space))) == IDENTITY
    assert space_identity(as_it_began(space, "train: {max_epochs: 200, patience: 16}\n")) == OF_RELEASE_0_1


IDENTITY = "6897892d019fdc4fe14bec32fb236eb5dc1b7371bb881234222f6fda3db1bbab"
OF_RELEASE_0_1 = "0c727f6501034b2a2f3e8e476ce5830bfbc987db762d4293fd3ea457278ce543"


def keyed(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every key a schema knows, by its path."""
    for name, value in schema.get("properties", {}).items():
        yield f"{path}{name}", value
        yield from keyed(value, f"{path}{name}.")
    for form in schema.get("anyOf", []):
        yield from keyed(form, path)
    for name, value in schema.get("$defs", {}).items():
        yield from keyed(value, f"{name}.")


def fits(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    """Whether a value fits a schema, as far as this one goes: the words pydantic uses."""
    if "$ref" in schema:
        return fits(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return any(fits(value, form, root) for form in schema["anyOf"])
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return set(schema.get("required", [])) <= set(value) <= set(known) and all(
            fits(item, known[key], root) for key, item in value.items()
        )
    if isinstance(value, list):
        return "items" not in schema or all(fits(item, schema["items"], root) for item in value)
    return _is_of_type(value, schema) and _is_within(value, schema)


def _is_of_type(value: Any, schema: Mapping[str, Any]) -> bool:
    names = {type(None): {"null"}, bool: {"boolean"}, int: {"integer", "number"}, float: {"number"}, str: {"string"}}
    allowed = schema.get("type", [])
    return not allowed or bool(names[type(value)] & set([allowed] if isinstance(allowed, str) else allowed))


def _is_within(value: Any, schema: Mapping[str, Any]) -> bool:
    if "const" in schema or "enum" in schema:
        return any(value == legal for legal in schema.get("enum", [schema.get("const")]))
    if not isinstance(value, int | float):
        return True
    return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))


def test_the_schema_is_json_and_names_its_draft() -> None:
    schema = json.loads(json.dumps(json_schema()))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert all(schema["$defs"][name]["additionalProperties"] is False for name in ("SearchSpace", "CapacitySpace"))


def test_the_schema_covers_every_key_and_tells_what_it_is_for() -> None:
    found = dict(keyed(json_schema()))
    for name in ("SearchSpec.sampler", "DataSpec.source", "ParameterSpec.widths", "ParameterSpec.width.log"):
        assert name in found
    for model in (CapacitySpec, DataSpec, ParameterSpec, RateSpec, SearchSpec, TrainSpec, ValidSpec):
        assert {f"{model.__name__}.{name}" for name in model.model_fields} <= set(found)
    assert [path for path, value in found.items() if not value.get("description")] == []


def test_limits_of_a_name_reach_its_range() -> None:
    found = dict(keyed(json_schema()))
    assert found["ParameterSpec.dropout.high"]["exclusiveMaximum"] == 1
    assert found["ParameterSpec.learning_rate.low"]["exclusiveMinimum"] == 0


@pytest.mark.parametrize("name", list(shipped_spaces()))
def test_shipped_spaces_fit_the_schema(name: str) -> None:
    text = files("ffsearch.spaces").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    schema = json_schema()
    assert fits(read_document(text, origin=name).values, schema, schema)


@settings(max_examples=50, deadline=None)  # other work on the machine must not fail it
@given(spaces)
def test_what_is_written_fits_the_schema(space: SearchSpace) -> None:
    assert fits(read_document(space_to_yaml(space), origin="x").values, json_schema_once, json_schema_once)


json_schema_once = json_schema()


@pytest.mark.parametrize(
    "text",
    ["dta: {}", "space: {depth: 0}", "space: {activation: gelu}", "space: {depth: {type: float, low: 1, high: 2}}",
     "search: {sampler: bayes}", "space: {depth: {type: int, low: 1, high: 99}}"],
)  # fmt: skip
def test_what_the_loader_refuses_does_not_fit_the_schema(text: str) -> None:
    values = read_document(f"data: {{source: a.csv}}\n{text}\n", origin="x").values
    assert not fits(values, json_schema_once, json_schema_once)


@given(st.lists(columns, max_size=3) | columns)
@example(["0\x850 id"])
@example(["0\u20280"])
def test_a_value_on_one_line_reads_as_it_was(value: str | list[str]) -> None:
    text = value_to_yaml(value)
    assert "\n" not in text
    assert YAML(typ="safe", pure=True).load(f"key: {text}\n") == {"key": value}
