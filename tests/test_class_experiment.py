"""A capacity study in shares: dealt out, trained apart, pooled again, and what a pool refuses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ffsearch
from ffsearch.errors import RunError, SpaceError
from ffsearch.search.capacity import merging
from ffsearch.search.capacity.checking import Checker
from ffsearch.search.capacity.merging import merge_shards
from ffsearch.search.capacity.plan import Plan
from ffsearch.search.capacity.setup import Study, planned, study_of
from ffsearch.search.capacity.shards import Share, parse_share, read_shard, trainings_of, units_of
from ffsearch.search.capacity.sharing import share_study
from ffsearch.search.cli import invoke
from ffsearch.search.folder.reader import StoredRun
from ffsearch.search.observer import Observer
from ffsearch.search.run import run
from ffsearch.search.steps.inputs import requested

TINY: dict[str, Any] = {
    "data.source": "control:linear", "data.rows": 200, "capacity.depths": [1, 2], "capacity.budgets": [60, 200],
    "capacity.seeds": 3, "capacity.updates": 20, "capacity.learning_rates": {"low": 0.001, "high": 0.01, "n": 2},
}  # fmt: skip
N_SHARES = 5
N_UNITS = 2 * 2 * 3
BY_CLOCK = ["train_s", "compile_s", "ended_at"]


def share_of(place: Path, number: int, of: int = N_SHARES, *, fresh: bool = False, **changes: Any) -> Path:
    request = requested("capacity", overrides=TINY | changes)
    return share_study(request, Share(number, of), out=place, observer=Observer(), fresh=fresh)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("class")
        patch.chdir(folder)
        yield folder


@pytest.fixture(scope="module")
def shards(folder: Path) -> list[Path]:
    """All shares, made in another order than that of their numbers."""
    made = {number: share_of(folder, number) for number in (4, 1, 5, 2, 3)}
    return [made[number] for number in sorted(made)]


@pytest.fixture(scope="module")
def whole(folder: Path) -> StoredRun:
    """The same study on one machine."""
    return run("capacity", overrides=TINY, out=folder / "whole")


@pytest.fixture(scope="module")
def merged(folder: Path, shards: list[Path]) -> StoredRun:
    return merge_shards(shards[::-1], out=folder / "merged", seed=0)[0]


@pytest.fixture(scope="module")
def study(folder: Path) -> Study:
    return study_of(*planned(requested("capacity", overrides=TINY)))


# --- dealt out -------------------------------------------------------------------------------------------------------


@given(of=st.integers(1, N_UNITS))
def test_every_unit_is_dealt_once_and_to_shares_of_about_one_size(a_plan: Plan, of: int) -> None:
    dealt = [units_of(a_plan, Share(number, of)) for number in range(1, of + 1)]
    units = [(cell, seed) for cell in range(4) for seed in range(3)]
    assert sorted(unit for each in dealt for unit in each) == units
    assert max(map(len, dealt)) - min(map(len, dealt)) <= 1


@pytest.fixture(scope="module")
def a_plan(study: Study) -> Plan:
    return study.plan


@pytest.mark.parametrize("text", ["7", "0/3", "4/3", "1/0", "a/b", "1/20000", "-1/3", "1/2/3", "", "٣/٤"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(RunError, match="is no share"):
        parse_share(text)


def test_more_shares_than_units_are_refused(a_plan: Plan) -> None:
    with pytest.raises(RunError, match=r"12 units \(4 cells x 3 seeds\) and cannot be dealt out to 13"):
        units_of(a_plan, Share(1, 13))


def test_a_search_has_no_shares(folder: Path) -> None:
    with pytest.raises(SpaceError, match="only a capacity study has parts that need no other"):
        share_study(requested("tabular", overrides={}), Share(1, 3), out=folder, observer=Observer())


def test_a_shard_is_small_and_holds_no_rows(shards: list[Path], a_plan: Plan) -> None:
    with ZipFile(shards[0]) as file:
        names = set(file.namelist())
        numbers = [a_plan.number(one) for one in trainings_of(a_plan, Share(1, N_SHARES))]
        assert names == {"shard.json", "space.yaml", "records.jsonl", *(f"networks/{number}.npz" for number in numbers)}
    assert shards[0].stat().st_size < 60_000
    assert [path.name for path in shards] == [f"capacity-linear-{number}-of-5.zip" for number in range(1, 6)]


def test_a_share_that_was_stopped_goes_on(folder: Path, shards: list[Path]) -> None:
    """The same command finds its networks told, and writes the same file but for nothing."""
    before = shards[1].read_bytes()
    assert share_of(folder, 2).read_bytes() == before


# --- pooled ----------------------------------------------------------------------------------------------------------


def test_shards_in_any_order_are_the_study_of_one_machine(whole: StoredRun, merged: StoredRun) -> None:
    pd.testing.assert_frame_equal(
        merged.capacity.drop(columns="train_s"), whole.capacity.drop(columns="train_s"), check_exact=True
    )
    clock = [name for name in BY_CLOCK if name in whole.trials]
    ours, theirs = (one.trials.drop(columns=clock) for one in (merged, whole))
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    pd.testing.assert_frame_equal(merged.curves, whole.curves, check_exact=True)
    assert merged.summary["verdict"] == whole.summary["verdict"]
    assert merged.summary["capacity"] == whole.summary["capacity"]
    ours, theirs = (np.load(one.path / "answers.npz") for one in (merged, whole))
    assert all((ours[name] == theirs[name]).all() for name in theirs.files)
    kept = [{path.name: path.read_bytes() for path in (one.path / "networks").iterdir()} for one in (merged, whole)]
    assert kept[0] == kept[1]


def test_the_folder_and_the_report_say_what_was_checked_and_what_was_not(
    merged: StoredRun, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = [notice.code for notice in merged.notices]
    assert codes[-2:] == ["FFS851", "FFS852"]
    told = merged.notices[-2]
    assert (told.values["n"], told.values["networks"], told.values["again"]) == (5, 24, 15)
    from ffsearch.reports.html import build_page

    page = build_page(ffsearch.load(merged.path))
    assert "Pooled from 5 shards: 24 networks." in page
    assert "Not checked: of the 9 networks" in page


def test_the_commands_share_and_merge(folder: Path, shards: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    flags = [f"--set={name}={json.dumps(value)}" for name, value in TINY.items()]
    assert invoke(["share", "capacity", "3/5", *flags, "--out", str(folder / "again.zip"), "--quiet"]) == 0
    assert "wrote" in capsys.readouterr().out
    files = [str(folder / "again.zip"), *map(str, shards[:2]), *map(str, shards[3:])]
    assert invoke(["merge", *files, "--out", str(folder / "by_command"), "--again", "1"]) == 0
    said = capsys.readouterr().out
    assert "Pooled from 5 shards" in said
    assert "[FFS852]" in said
    assert (folder / "by_command" / "report.html").exists()
    assert invoke(["share", "capacity", "3 of 5"]) == 2


def test_missing_shares_are_named_and_trained_here_if_asked(folder: Path, shards: list[Path], whole: StoredRun) -> None:
    some = [shards[0], shards[2], shards[4]]
    with pytest.raises(RunError, match=r"2 of 5 shares are missing: 2, 4\. .*--fill"):
        merge_shards(some, out=folder / "lacking")
    filled, _ = merge_shards(some, out=folder / "filled", n_again=0, fill=True)
    pd.testing.assert_frame_equal(
        filled.capacity.drop(columns="train_s"), whole.capacity.drop(columns="train_s"), check_exact=True
    )


# --- refused ---------------------------------------------------------------------------------------------------------


def test_other_tables_spaces_deals_and_doubles_are_refused_by_name(folder: Path, shards: list[Path]) -> None:
    place = folder / "others"
    place.mkdir()
    strange = {
        "table.zip": ({"data.source": "control:tent"}, 5, "is of another table"),
        "space.zip": ({"capacity.updates": 30}, 5, "is of another space"),
        "deal.zip": ({}, 6, "is one of another number of shares"),
        "double.zip": ({}, 5, "Shares came in more than once: 1/5"),
    }
    for name, (changes, of, text) in strange.items():
        other = share_of(place / name, 1, of, fresh=True, **changes)
        with pytest.raises(RunError, match=text) as told:
            merge_shards([*shards, other], out=place / "run")
        assert name in str(told.value)
        assert not (place / "run").exists()


def test_the_table_here_has_to_be_theirs(folder: Path, shards: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunError, match="is not the table of these shards"):
        merge_shards(shards, data="control:noise", out=folder / "nowhere")


def test_what_is_no_shard_is_refused_by_name(folder: Path, shards: list[Path]) -> None:
    (folder / "text.zip").write_text("no zip")
    with ZipFile(folder / "empty.zip", "w"):
        pass
    cut = folder / "cut.zip"
    cut.write_bytes(shards[0].read_bytes()[:-100])
    for name in ("text.zip", "empty.zip", "cut.zip", "nothing.zip"):
        with pytest.raises(RunError, match=name):
            read_shard(folder / name)


def test_a_shard_that_a_disk_has_damaged_is_refused_by_name(folder: Path, shards: list[Path]) -> None:
    """Flipped bits make packed parts that are none, parts that say they are encrypted, sizes beyond the file."""
    rng, whole, n_refused = np.random.default_rng(0), shards[0].read_bytes(), 0
    damaged = folder / "damaged.zip"
    for _ in range(400):
        content = np.frombuffer(whole, np.uint8).copy()
        content[rng.integers(len(content), size=3)] ^= np.uint8(1 << rng.integers(8))
        damaged.write_bytes(content.tobytes())
        try:
            shard = read_shard(damaged)
            for number in shard.records:
                shard.weights(number)
        except RunError as error:
            n_refused += 1
            assert "damaged.zip" in str(error)  # noqa: PT017  (most are refused, and not all for one reason)
    assert n_refused > 300


# --- changed ---------------------------------------------------------------------------------------------------------


def changed(shard: Path, to: Path, change: Callable[[list[dict[str, Any]]], None], *, sealed: bool) -> Path:
    """A shard with other records, its list of parts made anew or not."""
    with ZipFile(shard) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    records = [json.loads(line) for line in parts["records.jsonl"].decode().splitlines()]
    change(records)
    parts["records.jsonl"] = "".join(json.dumps(record) + "\n" for record in records).encode()
    if sealed:
        head = json.loads(parts["shard.json"])
        head["sha256"]["records.jsonl"] = hashlib.sha256(parts["records.jsonl"]).hexdigest()
        parts["shard.json"] = json.dumps(head).encode()
    with ZipFile(to, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return to


def numbers_in(record: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Places of all numbers of a record that say something of the network; seconds do not."""
    own = [(record, key) for key in ("value", "valid_loss", "best_epoch", "n_epochs", "n_updates", "n_params", "trial")]
    metrics = [(record["metrics"], key) for key in record["metrics"]]
    losses = [record["curve"][key] for key in ("train_loss", "valid_loss")]
    curve = [(each, place) for each in losses for place in range(len(each))]
    return [*own, *metrics, *curve, (record["point"], "learning_rate"), (record["seed"], 2)]


def test_a_changed_value_is_found_in_every_draw(folder: Path, shards: list[Path]) -> None:
    """Whatever number of whatever network: the shard's own list says another thing."""
    rng = np.random.default_rng(0)
    for draw in range(100):

        def change(records: list[dict[str, Any]]) -> None:
            places = numbers_in(records[rng.integers(len(records))])
            holder, key = places[rng.integers(len(places))]
            holder[key] = holder[key] * 1.02 + 1

        with pytest.raises(RunError, match=r"^\S+ was changed after it was made: records\.jsonl"):
            read_shard(changed(shards[2], folder / f"changed-{draw}.zip", change, sealed=False))


@pytest.mark.parametrize(
    "key", ["value", "valid_loss", "best_epoch", "n_updates", "n_params", "learning_rate", "seed", "metric", "topology"]
)
def test_a_changed_score_is_found_even_if_the_shard_is_sealed_anew(
    folder: Path, shards: list[Path], study: Study, key: str
) -> None:
    """Without a network being trained again: a score follows from the weights, the rest from plan and curve."""

    def change(records: list[dict[str, Any]]) -> None:
        record = records[-1]
        if key == "learning_rate":
            record["point"][key] *= 1.01
        elif key == "seed":
            record["seed"][-1] += 1
        elif key == "metric":
            record["metrics"]["r2"] = 0.99
        elif key == "topology":
            record[key] = record[key].replace("relu", "tanh")
        else:
            record[key] = record[key] * 0.99 if isinstance(record[key], float) else record[key] + 1

    shard = read_shard(changed(shards[2], folder / f"{key}.zip", change, sealed=True))
    with pytest.raises(RunError, match=rf"{key}\.zip is not as training makes it: network \d+"):
        Checker(study, n_again=0, seed=1).check(shard)


def test_a_changed_curve_of_a_network_that_is_drawn_is_found(folder: Path, shards: list[Path], study: Study) -> None:
    """And one of a network that is not drawn is not: that is what the text says."""

    def change(records: list[dict[str, Any]]) -> None:
        records[0]["curve"]["train_loss"][0] *= 1.01

    shard = read_shard(changed(shards[2], folder / "curve.zip", change, sealed=True))
    n_all = len(shard.records)
    with pytest.raises(RunError, match="trained again it is another one from epoch"):
        Checker(study, n_again=n_all, seed=1).check(shard)
    assert Checker(study, n_again=0, seed=1).check(shard).again == ()


@pytest.mark.parametrize(
    ("by", "told"),
    [(0.05, "give another"), (np.inf, "answer with what are no numbers"), (np.nan, "(?:give another|are no numbers)")],
)
def test_other_weights_are_found(by: float, told: str, folder: Path, shards: list[Path], study: Study) -> None:
    shard = read_shard(shards[2])
    number = min(shard.records)
    weights = shard.weights(number)
    assert weights is not None
    weights[0][0, 0] += by
    other = merging.replace(shard, weights=lambda one: weights if one == number else shard.weights(one))
    with pytest.raises(RunError, match=f"its weights .*{told}"):
        Checker(study, n_again=0, seed=1).check(other)


def test_the_same_number_draws_the_same_networks(shards: list[Path], study: Study) -> None:
    shard = read_shard(shards[0])
    first, again, other = (Checker(study, n_again=3, seed=seed).check(shard) for seed in (5, 5, None))
    assert first.again == again.again
    assert len(other.again) == 3
    assert (first.largest, other.largest) == (0.0, 0.0)
