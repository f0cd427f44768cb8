"""A run killed at any moment goes on by the same command: nothing told is lost, nothing is told twice."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from systems import needs_posix

POLITE = needs_posix("Windows ends a process without asking it")

N_TRIALS = 15
COMMAND = [
    sys.executable, "-c", "from ffsearch.search.cli import main; main()",
    "run", "tabular", "--out", "run", "--trials", str(N_TRIALS), "--quiet",
    "--set", "train.max_epochs=6", "--set", "space.width.high=32", "--set", "evidence=none",
    "--set", "data.valid={holdout: 0.2}",  # folds would be trained one by one, five times as long
]  # fmt: skip


def told(folder: Path) -> list[int]:
    """Numbers of the trials whose lines are whole, in the order of the log."""
    log = folder / "run" / "log.jsonl"
    if not log.exists():
        return []
    lines = [json.loads(line) for line in log.read_bytes().split(b"\n")[:-1]]
    return [line["trial"] for line in lines if line["kind"] == "trial"]


def points(folder: Path) -> dict[int, tuple[str, float]]:
    lines = [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text().splitlines()]
    return {line["trial"]: (line["topology"], line["value"]) for line in lines if line["kind"] == "trial"}


def kill_at_random(command: list[str], folder: Path, *, n_kills: int, longest_s: float) -> None:
    """Start a run and kill it, again and again; after each kill all that was told before must still be there."""
    moments = random.Random(0)
    before: list[int] = []
    for _ in range(n_kills):
        process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)
        time.sleep(moments.uniform(1.0, longest_s))
        process.kill()
        process.wait()
        after = told(folder)
        assert after[: len(before)] == before
        assert sorted(set(after)) == sorted(after)
        before = after


@pytest.mark.slow
def test_ten_kills_lose_nothing(tmp_path: Path) -> None:
    command = [*COMMAND, "--set", "evidence=quick"]
    kill_at_random(command, tmp_path, n_kills=10, longest_s=14.0)
    subprocess.run(command, cwd=tmp_path, check=True)
    assert sorted(told(tmp_path)) == list(range(N_TRIALS))
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    repeats = [(line["trial"], line["repeat"]) for line in lines if line["kind"] == "repeat"]
    assert len(repeats) == len(set(repeats)) > 0
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["search"]["n_trials"] == N_TRIALS
    n_opened = sum(line["kind"] == "test opened" for line in lines)  # once more after a kill behind the opening
    assert summary["evidence"]["test"]["openings"] == n_opened >= 1


@pytest.mark.slow
def test_one_at_a_time_a_killed_run_ends_as_if_undisturbed(tmp_path: Path) -> None:
    killed, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    killed.mkdir()
    undisturbed.mkdir()
    command = [*COMMAND, "--set", "train.trainer=keras"]
    kill_at_random(command, killed, n_kills=4, longest_s=16.0)
    subprocess.run(command, cwd=killed, check=True)
    subprocess.run(command, cwd=undisturbed, check=True)
    assert points(killed) == points(undisturbed)
    summaries = [json.loads((folder / "run/summary.json").read_text()) for folder in (killed, undisturbed)]
    assert summaries[0]["best"] == summaries[1]["best"]
    assert summaries[0]["evidence"]["naive"] == summaries[1]["evidence"]["naive"]


@POLITE
@pytest.mark.slow
def test_a_polite_kill_saves_and_says_how_to_go_on(tmp_path: Path) -> None:
    command = ["train.max_epochs=2000" if word == "train.max_epochs=6" else word for word in COMMAND]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while len(told(tmp_path)) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    # A record is on disk a moment before the driver counts it, so the second one may not be counted yet.
    assert re.search(r"interrupted: \d+ trials? (is|are) safe in run\.", said), said
    assert "--finish" in said
    assert "Traceback" not in said
    assert (tmp_path / "run" / "trials.parquet").exists()
    subprocess.run([*command, "--finish"], cwd=tmp_path, check=True)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert 2 <= summary["search"]["n_trials"] < N_TRIALS
    assert summary["evidence"]["test"]["openings"] == 1


SWALLOWED = """
import signal, sys, time
from ffsearch.search import cli

signal.signal(signal.SIGINT, getattr(signal, sys.argv.pop()))

class Dropped:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)

def command(*arguments, **options):
    Dropped()
    time.sleep(30)

command.registered_commands = cli.app.registered_commands
cli.app = command
cli.main()
"""


@POLITE
@pytest.mark.parametrize("ctrl_c", ["default_int_handler", "SIG_IGN"])
def test_a_polite_kill_that_python_swallows_comes_again(ctrl_c: str) -> None:
    """No error gets out of what runs while an object is thrown away, and a run is full of such moments.

    A shell that runs a script starts what goes into the background with Ctrl-C ignored.
    """
    command = [sys.executable, "-c", SWALLOWED, ctrl_c]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=25, check=False)
    assert ended.returncode == 130, ended.stderr
    assert not ended.stderr
