"""summary.json and its model: read, written, refused where it is damaged, described."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from examples import FACTS, a_record
from ffsearch.errors import RunError
from ffsearch.search.cli import invoke
from ffsearch.search.folder.plain import json_bytes
from ffsearch.search.folder.summary import Summary, build_summary

DATA = Path(__file__).parent / "data"
SCHEMA = Path(__file__).parent.parent / "docs" / "summary.schema.json"
STORED = ("run.zip", "release-0.1/search.zip", "release-0.1/capacity.zip")


def stored(name: str) -> dict[str, Any]:
    with zipfile.ZipFile(DATA / name) as run:
        [summary] = [member for member in run.namelist() if member.endswith("summary.json")]
        values: dict[str, Any] = json.loads(run.read(summary))
    return values


def read(values: object) -> Summary:
    return Summary.read(json.dumps(values), path=Path("runs/x/summary.json"))


def without_words(values: Any) -> Any:
    """The first version kept a verdict's sentences by keys of its own; what is kept in their place says the same."""
    return {name: value for name, value in values.items() if name != "verdict"}


@pytest.mark.parametrize("name", STORED)
def test_what_earlier_versions_wrote_is_read_and_written_again(name: str) -> None:
    values = stored(name)
    summary = read(values)
    assert without_words(summary.as_dict()) == without_words(values)
    assert summary.verdict is not None
    assert summary.verdict.code == values["verdict"]["code"]
    assert len(summary.verdict.sentences) == len(values["verdict"]["sentences"])
    assert read(summary.as_dict()) == summary


def test_what_is_not_known_is_none_and_leaves_no_key() -> None:
    summary = read(build_summary(FACTS, [], wall_s=1.0).as_dict())
    assert (summary.best, summary.refit, summary.verdict, summary.calibration, summary.errors) == (None,) * 5
    assert (summary.evidence.naive, summary.evidence.test, summary.evidence.corrected) == (None,) * 3
    assert (summary.baselines, summary.effects, summary.slices) == ((),) * 3
    kept = summary.as_dict()
    assert kept["best"] is None
    assert kept["evidence"] == {}
    assert kept.keys() == {
        "schema",
        "ffsearch",
        "kind",
        "name",
        "task",
        "data",
        "objective",
        "search",
        "best",
        "evidence",
    }


def test_keys_that_a_newer_version_added_are_passed_over() -> None:
    values = stored("release-0.1/search.zip")
    values["colour"], values["data"]["colour"] = "green", "green"
    assert read(values) == read(stored("release-0.1/search.zip"))


@pytest.mark.parametrize(
    ("path", "value", "match"),
    [
        ("search.n_trials", "many", r"search\.n_trials: .*integer.* \(given: \"many\"\)\. .*Remove it"),
        ("objective.direction", "up", r"objective\.direction: .*'minimize' or 'maximize'"),
        ("data.target", "y", r"data\.target: .*array"),
        ("evidence.test.low", [1], r"evidence\.test\.low: .*number"),
        ("verdict.sentences.0", {"key": "sure"}, r"verdict\.sentences\.0: .*it is no finding"),
        ("baselines.0.name", None, r"baselines\.0\.name: .*string"),
        ("best.topology", ..., r"best\.topology: Field required"),
        ("search", ..., r"runs/x/summary\.json, search: Field required"),
    ],
)
def test_a_damaged_file_is_named_with_its_field(path: str, value: object, match: str) -> None:
    values = stored("release-0.1/search.zip")
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = values
    for step in way:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    with pytest.raises(RunError, match=match):
        read(values)


def test_numbers_that_json_has_no_word_for_are_null_and_come_back() -> None:
    summary = build_summary(FACTS, [a_record(0, value=float("inf"))], wall_s=1.0)
    again = Summary.read(json_bytes(summary), path=Path("summary.json"))
    assert again.best is not None
    assert again.best.valid != again.best.valid
    assert json.loads(json_bytes(again)) == json.loads(json_bytes(summary))


def described(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Every key of a schema by its part, with what is said of it; the signs of pydantic's own versions left out."""
    for part, held in {"": schema, **schema["$defs"]}.items():
        yield part, "", held["description"]
        for key, entry in held.get("properties", {}).items():
            yield part, key, entry["description"]


def test_the_schema_in_the_docs_is_that_of_the_model(capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(["schema", "--summary"]) == 0
    printed = json.loads(capfd.readouterr().out)
    kept = json.loads(SCHEMA.read_text(encoding="utf-8"), parse_constant=pytest.fail)  # NaN is no JSON
    assert list(described(kept)) == list(described(printed)), "ffsearch schema --summary > docs/summary.schema.json"
    assert all(text for *_, text in described(printed))
    assert [part["required"] for part in kept["$defs"].values() if "required" in part] == [
        part["required"] for part in printed["$defs"].values() if "required" in part
    ]
