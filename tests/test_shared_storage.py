"""Several drivers on one study: nothing told twice, nothing left behind, no password anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

import ffsearch
import mariadb
from contracts.engines import SPACE, smooth
from examples import LOSS, a_record
from ffsearch.errors import RunError, SpaceError
from ffsearch.search.base.files import sqlite_url
from ffsearch.search.base.secrets import without_passwords
from ffsearch.search.cli import invoke
from ffsearch.search.engines.protocol import Proposal
from ffsearch.search.engines.shared import SharedEngine
from ffsearch.search.engines.shared_study import SharedStudy
from ffsearch.search.network.points import contains, default_point
from ffsearch.search.training.protocol import Ended
from mariadb import MariaDB
from postgres import PASSWORD, QUOTED, Server, binaries, running

N_TRIALS = 60


def opened(url: str, **given: int) -> SharedStudy:
    return SharedStudy(url, name="test", objective=LOSS, **given)


@contextmanager
def looked_at(url: str, name: str | None = None) -> Iterator[optuna.Study]:
    """The study as Optuna's own users open it; the connection is given back."""
    storage = optuna.storages.RDBStorage(url)
    try:
        yield optuna.load_study(study_name=name, storage=storage)
    finally:
        storage.remove_session()
        storage.engine.dispose()


def study_names(url: str) -> list[str]:
    """The studies of a database."""
    storage = optuna.storages.RDBStorage(url)
    try:
        return optuna.get_all_study_names(storage)
    finally:
        storage.remove_session()
        storage.engine.dispose()


def engine(study: SharedStudy, *, n_trials: int = 100, sampler: str = "tpe") -> SharedEngine:
    return SharedEngine(
        SPACE, study=study, n_trials=n_trials, sampler=sampler, pruner="none", seed=0, objective=LOSS,
        given=[default_point(SPACE)], allows=lambda point: point.width < 400,
    )  # fmt: skip


def told(engine: SharedEngine, proposal: Proposal, *, ended: Ended = Ended.STOPPED) -> bool:
    record = a_record(proposal.trial, point=proposal.point, value=smooth(proposal.point), ended=ended)
    return engine.commit(record, record.told(otherwise=9.0))


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A file, which is a database too."""
    return sqlite_url(tmp_path / "shared.db")


# --- one study, several drivers --------------------------------------------------------------------------------------


def test_drivers_share_numbers_points_and_results(url: str) -> None:
    with opened(url) as one, opened(url) as two:
        engines = engine(one, n_trials=12), engine(two, n_trials=12)
        asked: list[Proposal] = []
        for turn in range(12):
            proposal = engines[turn % 2].ask()
            assert proposal is not None
            asked.append(proposal)
            if turn >= 2:
                assert told(engines[turn % 2], asked[turn - 2], ended=Ended.PRUNED if turn % 3 else Ended.STOPPED)
        assert [proposal.trial for proposal in asked] == list(range(12))
        assert asked[0].point == default_point(SPACE)
        assert all(contains(SPACE, proposal.point) for proposal in asked)
        assert all(proposal.point.width < 400 for proposal in asked[1:])
        assert [driver.ask() for driver in engines] == [None, None]
        for turn in (10, 11):
            assert told(engines[turn % 2], asked[turn])
        for study in (one, two):
            assert not study.wait(n_trials=12, is_over=lambda: False)
            records = study.told()
            assert [record.trial for record in records] == list(range(12))
            assert [record.point for record in records] == [proposal.point for proposal in asked]
            assert study.told(but=range(11))[0].trial == 11
    assert np.array_equal(records[3].curve.valid_loss, a_record(3).curve.valid_loss)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_point_depends_on_its_number_and_what_was_told_alone(tmp_path: Path, sampler: str) -> None:
    found = []
    for name in ("one", "two"):
        with opened(sqlite_url(tmp_path / name)) as study:
            driver, points = engine(study, sampler=sampler), []
            for _ in range(14):
                proposal = driver.ask()
                assert proposal is not None
                points.append(proposal.point)
                told(driver, proposal)
            found.append(points)
    assert found[0] == found[1]
    assert len({point.identity for point in found[0]}) > 10


def test_a_record_of_any_length_comes_back(url: str) -> None:
    from examples import a_curve

    with opened(url) as study:
        driver = engine(study)
        proposal = driver.ask()
        assert proposal is not None
        record = a_record(0, point=proposal.point, curve=a_curve(5000), n_epochs=5000)
        assert study.commit(record, value=0.5)
        (again,) = study.told()
    assert again.as_dict() == record.as_dict()


def test_a_silent_driver_s_trials_are_tried_again_and_what_it_says_later_does_not_count(url: str) -> None:
    with opened(url, heartbeat_s=600, grace_s=1) as silent, opened(url, heartbeat_s=1, grace_s=1) as alive:
        late, quick = engine(silent, n_trials=1), engine(alive, n_trials=1)
        lost = late.ask()
        assert lost is not None
        assert quick.ask() is None  # it is running, as far as anybody knows
        assert alive.wait(n_trials=1, is_over=lambda: False, poll_s=0.2)
        again = quick.ask()
        assert again is not None
        assert again.point == lost.point
        assert again.trial > lost.trial
        assert not told(late, lost)
        assert told(quick, again)
        assert [record.trial for record in silent.told()] == [again.trial]


def test_a_driver_that_was_given_up_while_it_was_asking_asks_for_another_trial(url: str) -> None:
    with opened(url) as slow:
        driver = engine(slow)
        draws = driver._sampler.sample_relative

        def asleep(study: optuna.Study, trial: FrozenTrial, search_space: dict[str, Any]) -> dict[str, Any]:
            if trial.number == 0:  # as another driver does that hears nothing of this one
                study._storage.set_trial_state_values(trial._trial_id, state=TrialState.FAIL)
            return draws(study, trial, search_space)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(driver._sampler, "sample_relative", asleep)
            proposal = driver.ask()
        assert proposal is not None
        assert proposal.trial == 1
        assert told(driver, proposal)


def test_what_a_driver_gives_up_as_it_ends_is_tried_again_at_once(url: str) -> None:
    with opened(url) as one:
        given_up = engine(one).ask()
        assert given_up is not None
    with opened(url) as two:
        again = engine(two).ask()
    assert again is not None
    assert again.point == given_up.point


def test_no_more_trials_than_wanted_also_when_a_lost_one_was_replaced_meanwhile(url: str) -> None:
    with opened(url) as study:
        driver = engine(study, n_trials=2)
        first, second = driver.ask(), driver.ask()
        assert first is not None
        assert second is not None
        study.give_up(first.trial)  # failed, its retry not yet there: another driver takes its place
        third = driver.ask()
        assert third is not None
        with looked_at(url) as late:
            late.enqueue_trial(late.trials[first.trial].params)  # the retry comes late
        assert driver.ask() is None
        assert told(driver, second)
        assert told(driver, third)
        assert not study.wait(n_trials=2, is_over=lambda: False)
        with looked_at(url) as late:
            states = Counter(trial.state for trial in late.get_trials())
    assert states == {TrialState.COMPLETE: 2, TrialState.FAIL: 2}


# --- whole runs, on a file -------------------------------------------------------------------------------------------

SMALL = {"search.trials": 6, "train.max_epochs": 6, "space.width.high": 32, "evidence": "none"}


@pytest.mark.slow
def test_a_second_driver_learns_all_and_comes_to_the_same(tmp_path: Path, url: str) -> None:
    one = ffsearch.run("tabular", overrides=SMALL, out=tmp_path / "one", storage=url)
    two = ffsearch.run("tabular", overrides=SMALL, out=tmp_path / "two", storage=url)
    assert sorted(record.trial for record in one.records) == list(range(6))
    by_trial = [{record.trial: record.as_dict() for record in of.records} for of in (one, two)]
    assert by_trial[0] == by_trial[1]  # the second took them in the order of their numbers
    assert two.summary["best"] == one.summary["best"]
    other = ffsearch.run("tabular", overrides=SMALL | {"search.seed": 1}, out=tmp_path / "three", storage=url)
    assert other.records[0].curve.valid_loss[0] != one.records[0].curve.valid_loss[0]  # another space, another study


def test_what_cannot_be_shared_is_refused(tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    with pytest.raises(SpaceError, match=r"search\.sampler: qmc .* Legal with storage=: tpe, random, gp of optuna"):
        ffsearch.run("tabular", overrides={"search.sampler": "qmc"}, out=out, storage=url)
    with pytest.raises(RunError, match=r"storage= shares the study of a search; a capacity study .* workers=N"):
        ffsearch.run("capacity", out=out, storage=url)
    assert invoke(["run", "capacity", "--out", str(out), "--storage", url]) == 2
    assert "Leave it out" in capsys.readouterr().err
    wrong = f"postgresql+psycopg://searcher:{QUOTED}@127.0.0.1:1/none"
    assert invoke(["run", "tabular", "--out", str(out), "--storage", wrong]) == 2
    said = capsys.readouterr().err
    assert "--storage postgresql+psycopg://searcher:***@127.0.0.1:1/none: the database cannot be used" in said
    assert PASSWORD not in said
    assert QUOTED not in said
    assert invoke(["run", "tabular", "--out", str(out), "--storage", "no address"]) == 2
    assert "It takes postgresql+psycopg://" in capsys.readouterr().err
    assert not out.exists()


def test_the_environment_speaks_to_searches_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FFSEARCH_STORAGE", "no address")
    assert invoke(["run", "tabular", "--out", str(tmp_path / "run")]) == 2
    assert "It takes postgresql+psycopg://" in capsys.readouterr().err
    assert invoke(["run", "capacity", "--data", "sklearn:nothing", "--out", str(tmp_path / "run")]) == 2
    assert "no table 'nothing'" in capsys.readouterr().err  # it went on to its table


def test_a_driver_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(RunError, match=r"is not installed. Use pip install 'ffsearch\[postgres\]'"):
        opened("postgresql+psycopg://a:b@127.0.0.1/c")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql+psycopg://me:p%2Fw@host:5432/db", "postgresql+psycopg://me:***@host:5432/db"),
        ("mysql://me:p@ss@host/db", "mysql://me:***@host/db"),
        ("mysql://host/db?user=me&password=pw&ssl=1", "mysql://host/db?user=me&password=***&ssl=1"),
        ("sqlite:///runs/a.db", "sqlite:///runs/a.db"),
        ("['run', '--storage', 'mysql://a:b@c/d']", "['run', '--storage', 'mysql://a:***@c/d']"),
    ],
)
def test_addresses_are_shown_without_their_passwords(text: str, shown: str) -> None:
    assert without_passwords(text) == shown


def test_a_fault_of_ours_leaves_no_password_in_its_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    address = f"mysql+pymysql://me:{QUOTED}@host/db"

    def fails(*given: object, **named: object) -> None:
        raise ValueError(f"it was {address}")

    monkeypatch.setattr("ffsearch.search.run.run", fails)
    assert invoke(["run", "tabular", "--storage", address]) == 1
    said = capsys.readouterr().err
    file = Path(said.partition("The traceback is in ")[2].partition(";")[0])
    text = file.read_text()
    file.unlink()
    assert QUOTED not in said + text
    assert "mysql+pymysql://me:***@host/db" in text


# --- a real server ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if binaries() is None:
        pytest.skip("no PostgreSQL server is installed: apt-get install postgresql")
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'ffsearch[postgres]'")
    with running(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="module", params=["postgresql", "mysql"])
def any_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server | MariaDB]:
    """Each kind of server in turn."""
    if request.param == "postgresql":
        yield request.getfixturevalue("server")
        return
    if not mariadb.is_installed():
        pytest.skip("no MariaDB server is installed: apt-get install mariadb-server")
    pytest.importorskip("pymysql", reason="PyMySQL is not installed: pip install 'ffsearch[mysql]'")
    with mariadb.running(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


LIGHT = """
import sys, time
from test_shared_storage import engine, told, LOSS, N_TRIALS, SharedStudy
with SharedStudy(sys.argv[1], name="light", objective=LOSS, heartbeat_s=1, grace_s=10) as study:
    driver, running = engine(study, n_trials=N_TRIALS), []
    while True:
        while len(running) < 4 and (proposal := driver.ask()) is not None:
            running.append(proposal)
        if running:
            time.sleep(0.1)
            print("told", told(driver, running.pop(0)), flush=True)
        elif not study.wait(n_trials=N_TRIALS, is_over=lambda: False, poll_s=0.2):
            break
"""
"""A driver that trains nothing: each trial takes a moment."""


@pytest.mark.slow
def test_four_drivers_that_train_nothing_two_of_them_killed(any_server: Server | MariaDB) -> None:
    """Sixty trials on a real server: all told, none twice, none left running or waiting, one default point."""
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    drivers = [
        subprocess.Popen(
            [sys.executable, "-c", LIGHT, any_server.url()], stdout=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONPATH": path},
        )
        for _ in range(4)
    ]  # fmt: skip
    try:
        for place, n_told in ((0, 3), (1, 8)):
            output = drivers[place].stdout
            assert output is not None
            assert [output.readline() for _ in range(n_told)] == ["told True\n"] * n_told
            drivers[place].kill()
        # Not communicate(): it reads past the stream, and loses the lines that readline() already took from the pipe.
        said = [process.stdout.read() for process in drivers if process.stdout is not None]
    finally:
        for process in drivers:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
    assert [process.returncode for process in drivers[2:]] == [0, 0]
    with looked_at(any_server.url(), "light") as study:
        trials = study.get_trials()
    states = Counter(trial.state for trial in trials)
    assert states[TrialState.COMPLETE] == N_TRIALS
    assert states[TrialState.RUNNING] == states[TrialState.WAITING] == 0
    assert 2 <= states[TrialState.FAIL] <= 12  # at most four were running with each
    assert 3 + 8 + "".join(said).count("told True") >= N_TRIALS - 2  # a kill may hide the last word
    with SharedStudy(any_server.url(), name="light", objective=LOSS) as shared:
        records = shared.told()
    assert len({record.trial for record in records}) == len(records) == N_TRIALS
    assert sum(record.point == default_point(SPACE) for record in records) == 1


DRIVER = (
    "import ffsearch.search.engines.shared_study as study\n"
    "study.HEARTBEAT_S, study.GRACE_S = 1, 15\n"
    "from ffsearch.search.cli import main\n"
    "main()\n"
)


def driver(folder: Path, name: str, url: str) -> subprocess.Popen[str]:
    with (folder / f"{name}.log").open("w") as log:
        return subprocess.Popen(
            [
                sys.executable, "-c", DRIVER, "run", "tabular", "--out", name, "--trials", str(N_TRIALS),
                "--storage", url,
                "--set", "train.max_epochs=40", "--set", "space.width.high=64", "--set", "evidence=none",
            ],
            cwd=folder, stdout=log, stderr=log, text=True,
        )  # fmt: skip


def n_told(folder: Path, name: str) -> int:
    log = folder / name / "log.jsonl"
    return log.read_bytes().count(b'"kind":"trial"') if log.exists() else 0


@pytest.mark.slow
def test_four_drivers_two_of_them_killed(server: Server, tmp_path: Path) -> None:
    """Sixty trials on a real server: all told, none twice, none left running, and the password is nowhere."""
    url = server.url()
    drivers = {name: driver(tmp_path, name, url) for name in ("one", "two", "three", "four")}
    try:
        for name, after in (("one", 5), ("two", 15)):
            deadline = time.monotonic() + 240
            while n_told(tmp_path, name) < after and time.monotonic() < deadline:
                time.sleep(0.05)
            assert drivers[name].poll() is None, (tmp_path / f"{name}.log").read_text()
            drivers[name].kill()
        for name in ("three", "four"):
            assert drivers[name].wait(timeout=400) == 0, (tmp_path / f"{name}.log").read_text()
    finally:
        for process in drivers.values():
            process.kill()
            process.wait()

    (name,) = (name for name in study_names(url) if name.startswith("tabular"))
    with looked_at(url, name) as study:
        trials = study.get_trials()
    states = Counter(trial.state for trial in trials)
    assert states[TrialState.COMPLETE] + states[TrialState.PRUNED] == N_TRIALS
    assert states[TrialState.RUNNING] == states[TrialState.WAITING] == 0
    assert states[TrialState.FAIL] > 0  # those that were lost
    numbers = [trial.number for trial in trials if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    for name in ("three", "four"):
        lines = [json.loads(line) for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]
        assert sorted(line["trial"] for line in lines if line["kind"] == "trial") == numbers
    bests = [json.loads((tmp_path / name / "summary.json").read_text())["best"] for name in ("three", "four")]
    assert bests[0] == bests[1]
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(kept) > 20
    for path in kept:
        content = path.read_bytes()
        assert PASSWORD.encode() not in content, path
        assert QUOTED.encode() not in content, path


@pytest.mark.slow
def test_a_server_that_stops_ends_the_run_with_a_reason(tmp_path: Path) -> None:
    if binaries() is None:
        pytest.skip("no PostgreSQL server is installed: apt-get install postgresql")
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'ffsearch[postgres]'")
    with running(tmp_path) as server, opened(server.url()) as study:
        driver = engine(study)
        assert driver.ask() is not None
    with pytest.raises(RunError, match=r"searcher:\*\*\*@.*the database cannot be used.*What was told there is safe"):
        driver.ask()
