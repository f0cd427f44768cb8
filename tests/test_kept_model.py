"""Models that a stranger gives, or a disk has damaged: one answers, or is refused by a sentence."""

from __future__ import annotations

import json
import os
import random
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from damages import VALUES, places_in, put_in, said_by
from ffsearch.errors import ExportError
from ffsearch.search.network.heads import Task
from ffsearch.search.network.row_intervals import Reaches, RowIntervals
from ffsearch.search.serving.packaged import MEMBER, load_packaged
from model_examples import a_model, mixed_table
from systems import needs_posix

N_DRAWN = int(os.environ.get("FFSEARCH_DAMAGES", "40"))
REACHES = Reaches(errors=np.array([0.1, 0.5]), n_below=np.array([3.0, 9.0]), edges=np.empty(0), usual=np.ones(1))
INTERVALS = {
    Task.BINARY: RowIntervals(n_units=9, of_targets=(REACHES,)),
    Task.REGRESSION: RowIntervals(n_units=9, of_targets=(REACHES, REACHES)),
}
CUT = {Task.BINARY: {"positive": "yes", "value": 0.25, "by": "costs"}, Task.REGRESSION: None}


@pytest.fixture(scope="module", params=INTERVALS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    task = request.param
    a_model(folder / "model.keras", task, row_intervals=INTERVALS[task], cut=CUT[task])
    mixed_table(30, seed=2).to_csv(folder / "rows.csv", index=False)
    return folder / "model.keras"


def facts_of(model: Path) -> dict[str, Any]:
    with zipfile.ZipFile(model) as archive:
        found: dict[str, Any] = json.loads(archive.read(MEMBER))
    return found


def with_facts(model: Path, facts: Any, to: Path) -> None:
    """The same file, which says something else of itself."""
    with zipfile.ZipFile(model) as archive, zipfile.ZipFile(to, "w") as other:
        for name in archive.namelist():
            told = json.dumps(facts).encode("utf-8", "surrogatepass")
            other.writestr(name, told if name == MEMBER else archive.read(name))


def refused(model: Path, folder: Path) -> list[str]:
    """What goes wrong where rows are answered by a file, with intervals too."""
    answered = ("predict", str(model), str(folder / "rows.csv"), "--out", str(model.with_suffix(".csv")))
    ends = [said_by([*answered, *more]) for more in ((), ("--interval", "0.6"), ("--lenient",))]
    return [said for code, said in ends if code not in (0, 2) or "Traceback" in said]


def drawn(facts: Mapping[str, Any], *, n: int) -> list[tuple[tuple[Any, ...], Any]]:
    """So many fields, each with something else in it."""
    pairs = [(at, value) for at in places_in(facts) for value in VALUES]
    return random.Random(0).sample(pairs, n)


@needs_posix("endless commands are ended by an alarm")
@pytest.mark.parametrize("n", [4, pytest.param(N_DRAWN, marks=pytest.mark.slow)])
def test_a_model_that_says_something_else_answers_or_is_refused(n: int, model: Path, tmp_path: Path) -> None:
    assert refused(model, model.parent) == []
    facts, faults = facts_of(model), dict[str, list[str]]()
    for at, value in drawn(facts, n=n):
        with_facts(model, put_in(facts, at, value), tmp_path / "model.keras")
        if found := refused(tmp_path / "model.keras", model.parent):
            faults[f"{'.'.join(map(str, at))}: {value!r}"[:200]] = found
    assert faults == {}


def _number(facts: dict[str, Any], **changes: Any) -> None:
    facts["preprocessor"]["numbers"][0].update(changes)


def _category(facts: dict[str, Any], name: str, change: Callable[[list[Any]], Any]) -> None:
    category = next(one for one in facts["preprocessor"]["categories"] if one["encodings"])
    category[name] = change(category[name])


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "label twice": (lambda facts: facts.update(labels=["no", "no"]), "a label comes twice|0 names for|2 names for"),
    "half a sign": (lambda facts: facts.update(target_names=["\ud83d"]), "its target_names are|not fit together"),
    "more names": (
        lambda facts: facts.update(labels=list("abc"), target_names=list("abc")),
        "3 names for 2 pred|not fit together",
    ),
    "input of nobody": (lambda facts: facts["inputs"].pop(), "its columns are not"),
    "column of nobody": (lambda facts: facts["inputs"][0].update(column="other"), "its columns are not"),
    "median": (lambda facts: _number(facts, median="1"), r"numbers\.median is '1'"),
    "bins": (lambda facts: _number(facts, n_bins=2**40), "1099511627776 bins with"),
    "edges": (lambda facts: _number(facts, n_bins=0), "0 bins with"),
    "knots": (lambda facts: _number(facts, knots=[1.0]), "1 knots with 0 heights"),
    "no day": (lambda facts: _number(facts, reading={"day_first": True, "origin": "then"}), "Invalid isoformat"),
    "decimals": (lambda facts: _number(facts, reading={"decimal": "", "thousands": ""}), "its decimal sign is ''"),
    "thousands": (lambda facts: _number(facts, reading={"thousands": "k"}), "'k' stands between its thousands"),
    "level twice": (lambda facts: _category(facts, "levels", lambda levels: levels[:1] * 4), "a level comes twice"),
    "known": (lambda facts: _category(facts, "known", lambda known: known[1:]), "4 levels, of which 3 are known"),
    "encodings": (lambda facts: _category(facts, "encodings", lambda rows: rows[1:]), "encodings of"),
    "codec": (lambda facts: facts["preprocessor"]["table"].update(encoding="x"), "unknown encoding"),
    "reaches": (lambda facts: facts["row_intervals"]["of_targets"].pop(), "does not fit together"),
    "units": (lambda facts: facts["row_intervals"].update(n_units=True), "does not fit together"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_does_not_fit_together_is_named(name: str, model: Path, tmp_path: Path) -> None:
    change, told = BROKEN[name]
    facts = facts_of(model)
    change(facts)
    with_facts(model, facts, tmp_path / "model.keras")
    with pytest.raises(ExportError, match=rf"is not a model ffsearch saved, or it is damaged \(.*(?:{told})"):
        load_packaged(tmp_path / "model.keras")


def test_a_threshold_is_one_of_its_labels(model: Path, tmp_path: Path) -> None:
    facts = facts_of(model) | {"threshold": {"positive": "maybe", "value": 0.5}}
    with_facts(model, facts, tmp_path / "model.keras")
    with pytest.raises(ExportError, match="its threshold is none of its labels"):
        load_packaged(tmp_path / "model.keras")
