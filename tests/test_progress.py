"""What is shown while finalists are trained again, and the answer in the end."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from examples import a_record
from ffsearch.search.observer import Began, Observer, Phase, Repeated
from ffsearch.search.progress import JsonLines, LiveDisplay, PlainLines, closing_lines
from ffsearch.search.seeds import Purpose, child
from ffsearch.search.topology import Point
from ffsearch.search.training.protocol import Epoch, Job

BEGAN = Began(
    path=Path("runs/wine"), source="sklearn:wine", n_rows=178, n_features=13, n_outputs=3, task_reason="multiclass",
    objective="log_loss", direction="minimize", n_trials=8, n_told=8, best=a_record(3), budget_s=None, columns=(),
    notices=(),
)  # fmt: skip
SUMMARY = {
    "kind": "search",
    "best": {"topology": "13 -> 8 -> 3 relu", "trial": 2, "valid": 0.07},
    "objective": {"name": "log_loss", "direction": "minimize"},
    "refit": {"updates": 90, "n_rows": 142},
    "evidence": {
        "naive": {"value": 0.06, "trial": 5},
        "corrected": {"value": 0.09, "low": 0.05, "high": 0.12},
        "test": {"value": 0.1, "low": 0.02, "high": 0.2, "metrics": {"accuracy": 0.97}, "openings": 2},
    },
    "baselines": [{"name": "linear", "valid": 0.3, "test": {"value": 0.2}}, {"name": "boosting", "valid": 0.25}],
    "verdict": {"text": "A network is worth it here. " * 6},
}


def a_job(number: int) -> Job:
    return Job(trial=number, point=Point(depth=1, width=8), seed=child(0, Purpose.FINALIST, number, 0))


def watched(observer: Observer) -> None:
    """Two finalists under way, one of which has ended."""
    observer.began(BEGAN)
    observer.phase(Phase.FINALISTS)
    for number in (3, 4):
        observer.started(a_job(number))
    observer.epoch(Epoch(job=a_job(4), number=7, train_loss=0.5, valid_loss=0.25))
    observer.repeated(Repeated(record=a_record(3), job=a_job(3), repeat=2, n_done=5, n_all=12))


def test_the_live_display_shows_how_far_the_repeats_are() -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    display = LiveDisplay(console)
    watched(display)
    console.print(display.live.get_renderable())
    shown = console.export_text()
    assert "training the finalists again" in shown
    assert "5 of 12" in shown
    assert "trial 4  13 -> 8 -> 3 relu" in shown
    assert "epoch 7, validation loss 0.25" in shown
    assert "trial 3  13 -> 8" not in shown.split("5 of 12")[1]


def test_plain_and_json_lines_tell_each_repeat(capsys: pytest.CaptureFixture[str]) -> None:
    watched(PlainLines())
    assert capsys.readouterr().out.splitlines()[-1].startswith("repeat 2       0.5  13 -> 19-19 -> 3 relu")
    watched(JsonLines())
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["event"], told["trial"], told["repeat"], told["n_done"], told["n_all"]) == ("repeat", 3, 2, 5, 12)


def test_the_answer_says_whose_score_is_whose() -> None:
    lines = closing_lines(SUMMARY, Path("runs/wine"))
    assert "validation     log loss 0.06  (trial 5's, the best of all: optimistic)" in lines
    assert "corrected      log loss 0.09, 95 % between 0.05 and 0.12  (without the luck of being chosen)" in lines
    assert "sealed test    log loss 0.1, 95 % between 0.02 and 0.2  (opened 2 times)" in lines
    assert "beside it      linear 0.2, boosting 0.25" in lines
    assert all(len(line) <= 100 for line in lines)
