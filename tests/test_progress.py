"""What is shown while finalists are trained again, and the answer in the end."""

from __future__ import annotations

import io
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from examples import FACTS, a_record
from ffsearch.search.base.seeds import Purpose, child
from ffsearch.search.console.display import LiveDisplay
from ffsearch.search.console.lines import closing_lines
from ffsearch.search.console.notebook import NotebookDisplay
from ffsearch.search.console.progress import JsonLines, PlainLines
from ffsearch.search.folder.results import ComparedModel, Corrected, Evidence, NaiveScore, SealedScores, SealedTest
from ffsearch.search.folder.summary import BestPoint, RefitFacts, build_summary
from ffsearch.search.folder.verdict import Verdict
from ffsearch.search.network.topology import Point
from ffsearch.search.observer import Began, Observer, Phase, Repeated, Workers, Workload
from ffsearch.search.training.protocol import Epoch, Job
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found
from ffsearch.search.wording.language import LANGUAGES, PLAIN

BEGAN = Began(
    path=Path("runs/wine"), facts=FACTS, n_outputs=3, task_reason=found(Code.TASK_STATED, task="multiclass"),
    n_trials=8, n_told=8, best=a_record(3), budget_s=None, kinds=(),
    notices=(),
)  # fmt: skip
SUMMARY = replace(
    build_summary(FACTS, [a_record(2), a_record(5)], wall_s=3.0),
    best=BestPoint(trial=2, point={}, topology="13 -> 8 -> 3 relu", n_params=139, valid=0.07, n_seeds=1),
    refit=RefitFacts(updates=90, epochs=3.0, n_rows=142),
    evidence=Evidence(
        naive=NaiveScore(value=0.06, trial=5),
        corrected=Corrected(value=0.09, low=0.05, high=0.12, method="repeats", chosen_again=0.5, seed_sd=None),
        test=SealedTest(value=0.1, low=0.02, high=0.2, metrics={"accuracy": 0.97, "roc_auc": math.nan}, openings=2),
    ),
    baselines=(
        ComparedModel(
            name="linear", settings={}, valid=0.3, test=SealedScores(value=0.2, low=0.1, high=0.3, metrics={})
        ),
        ComparedModel(name="boosting", settings={}, valid=0.25),
    ),
    verdict=Verdict.of_findings("network", [found(Code.UNTIL_SETTLED, "linear")] * 6),
)


def a_job(number: int) -> Job:
    return Job(trial=number, point=Point(depth=1, width=8), seed=child(0, Purpose.FINALIST, number, 0))


def watched(observer: Observer) -> None:
    """Two finalists under way, one of which has ended."""
    observer.began(BEGAN)
    observer.phase(Phase.FINALISTS)
    for number in (3, 4):
        observer.started(a_job(number), repeat=2)
    observer.epoch(Epoch(job=a_job(4), number=7, train_loss=0.5, valid_loss=0.25))
    observer.repeated(Repeated(record=a_record(3), job=a_job(3), repeat=2, n_done=5, n_all=12))


def test_the_live_display_shows_how_far_the_repeats_are() -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    display = LiveDisplay(console, PLAIN)
    watched(display)
    console.print(display.draw())
    shown = console.export_text()
    assert "training the finalists again" in shown
    assert "5 of 12" in shown
    assert re.search(r"running +trial 4 repeat 2 +epoch 7, loss 0.2500 +13 -> 8 -> 3 relu", shown)
    assert "trial 3 repeat" not in shown


def test_plain_and_json_lines_tell_each_repeat(capsys: pytest.CaptureFixture[str]) -> None:
    watched(PlainLines())
    assert capsys.readouterr().out.splitlines()[-1].startswith("repeat 2    0.5000  13 -> 19-19 -> 3 relu")
    watched(JsonLines())
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["event"], told["trial"], told["repeat"], told["n_done"], told["n_all"]) == ("repeat", 3, 2, 5, 12)


def test_the_answer_says_whose_score_is_whose() -> None:
    lines = closing_lines(SUMMARY, Path("runs/wine"))
    assert "validation     log loss 0.06000  (trial 5's, the best of all: optimistic)" in lines
    told = " ".join(" ".join(lines).split())  # lines are as long as the terminal is wide
    assert "corrected log loss 0.09000, 95 % between 0.05000 and 0.1200 (without the luck" in told
    assert "sealed test    log loss 0.1000, 95 % between 0.02000 and 0.2000  (opened 2 times)" in lines
    assert "beside it      linear model 0.2000, boosted trees 0.2500" in lines
    assert all(len(line) <= 100 for line in lines)
    assert "Until then the linear model" in told
    assert not any("Until then" in line for line in closing_lines(SUMMARY, Path("runs/wine"), ignored=["FFS632"]))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_numbers_and_scores_are_whole_however_narrow_the_terminal_is(width: int) -> None:
    console = Console(width=width, record=True, file=io.StringIO())
    display = LiveDisplay(console, PLAIN)
    point = Point(depth=6, width=203, dropout=0.25, l1=2.4e-5, l2=3.9e-6, batch_norm=True)
    long = "13 -> " + "203-" * 20 + "203 -> 3 relu"
    display.began(replace(BEGAN, best=replace(a_record(3), topology=long), score_of_loss=(1.0, 1.0)))
    console.export_text()
    display.phase(Phase.SEARCH)
    display.started(replace(a_job(14), point=point))
    display.epoch(Epoch(job=replace(a_job(14), point=point), number=117, train_loss=0.5, valid_loss=0.2512))
    display.ended(replace(a_record(13), topology=long), replace(a_record(3), topology=long))
    console.print(display.draw())
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= width
    shown = {line.split()[0]: line for line in lines if line.split()[0] in ("best", "running", "ended")}
    assert re.match(r"best +trial 3 +0\.5000  log loss", shown["best"])
    assert re.match(r"running +trial 14 +0\.2512  epoch 117", shown["running"])
    assert re.match(r"ended +trial 13 +0\.5000  ", shown["ended"])
    assert len({re.search(r"0\.\d{4}", line).end() for line in shown.values()}) == 1  # type: ignore[union-attr]


def test_running_and_best_are_in_one_unit() -> None:
    console = Console(width=100, record=True, file=io.StringIO())
    display = LiveDisplay(console, PLAIN)
    display.began(replace(BEGAN, score_of_loss=(116_000.0, 0.5)))
    display.started(a_job(4))
    display.epoch(Epoch(job=a_job(4), number=3, train_loss=0.5, valid_loss=0.25))
    console.print(display.draw())
    assert re.search(r"running +trial 4 +58,000 +epoch 3 ", console.export_text())


def test_a_fold_that_begins_takes_the_place_of_the_one_before() -> None:
    console = Console(width=100, record=True, file=io.StringIO())
    display = LiveDisplay(console, PLAIN)
    display.began(BEGAN)
    display.phase(Phase.SEARCH)
    for fold in range(2):
        job = replace(a_job(4), fold=fold)
        display.started(job)
        display.epoch(Epoch(job=job, number=3, train_loss=0.5, valid_loss=0.25))
    console.print(display.draw())
    shown = [line for line in console.export_text().splitlines() if "trial 4" in line]
    assert len(shown) == 1
    assert "trial 4 fold 2" in shown[0]


@pytest.mark.parametrize("lang", ["en", "pt-BR"])
def test_the_bar_is_over_all_and_never_goes_back(lang: str) -> None:
    at = [0.0]
    display = LiveDisplay(Console(width=80, file=io.StringIO()), LANGUAGES[lang].plain, clock=lambda: at[0])
    work = Workload(n_train=800, batch_size=32, patience=20, max_epochs=200, repeats=4, n_refits=1, baselines_s=5.0)
    display.began(replace(BEGAN, n_told=0, work=work))
    shares = []

    def look() -> None:
        console = Console(width=80, file=io.StringIO(), record=True)
        console.print(display.draw())
        found = re.search(r"(\d+) ?%", console.export_text())
        shares.append(int(found[1]) if found else 0)

    display.phase(Phase.SEARCH)
    for number in range(8):
        display.started(a_job(number))
        for epoch in range(1, 30):
            at[0] += 0.1
            display.epoch(
                Epoch(job=a_job(number), number=epoch, train_loss=1.0, valid_loss=1 / epoch, train_s=0.1 * epoch)
            )
            look()
        display.ended(a_record(number), None)
    for phase in list(Phase)[2:]:
        display.phase(phase, n_networks=4 if phase is Phase.FINALISTS else 0)
        at[0] += 4.0
        look()
    assert shares == sorted(shares)
    assert shares[-1] > 90


AT_WORK = Workers(kind="node", n=2, n_networks=4, n_lost=1, n_again=3)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("phase", [Phase.SEARCH, Phase.FINALISTS])
def test_the_live_display_shows_who_is_at_work_and_what_was_lost(width: int, phase: Phase) -> None:
    console = Console(width=width, record=True, file=io.StringIO())
    display = LiveDisplay(console, PLAIN)
    display.at_work(Workers(kind="node", n=1, n_networks=2))
    display.began(BEGAN)
    display.phase(phase)
    display.at_work(AT_WORK)
    console.print(display.draw())
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    assert any(line.startswith("at work  2 nodes, room for 4 networks; 1 lost so far, 3 networks") for line in lines)


def test_the_live_display_of_a_study_shows_who_is_at_work() -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    display = LiveDisplay(console, PLAIN)
    display.at_work(Workers(kind="worker", n=1, n_networks=1))
    display.began(replace(BEGAN, n_cells=4))
    display.phase(Phase.SEARCH)
    console.print(display.draw())
    assert "at work  1 worker, room for 1 network\n" in re.sub(" +\n", "\n", console.export_text())


def test_without_workers_and_where_they_have_nothing_to_do_nothing_is_said_of_them() -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    display = LiveDisplay(console, PLAIN)
    display.began(BEGAN)
    console.print(display.draw())
    display.at_work(AT_WORK)
    display.phase(Phase.BASELINES)
    console.print(display.draw())
    assert "at work" not in console.export_text()


def test_plain_and_json_lines_tell_who_is_at_work(capsys: pytest.CaptureFixture[str]) -> None:
    PlainLines().at_work(Workers(kind="worker", n=2, n_networks=2))
    PlainLines().at_work(AT_WORK)
    assert capsys.readouterr().out.splitlines() == [
        "at work: 2 workers, room for 2 networks",
        "at work: 2 nodes, room for 4 networks; 1 lost so far, 3 networks began again",
    ]
    JsonLines().at_work(AT_WORK)
    told = json.loads(capsys.readouterr().out)
    assert told == {"event": "at_work", "kind": "node", "n": 2, "n_networks": 4, "n_lost": 1, "n_again": 3}


NOTICES = (found(Code.LABEL_ZERO), found(Code.NUMBER_BINS, n=8))


def test_silenced_findings_are_not_said_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    for ignored in ((), ("FFS107", "FFS121")):
        plain = PlainLines()
        plain.began(replace(BEGAN, notices=NOTICES, ignored=ignored))
        plain.noted(NOTICES[0])
        said = capsys.readouterr().out
        assert said.count("is called 0. [FFS107]") == (0 if ignored else 2)
        assert ("[FFS121]" in said) is not bool(ignored)
        assert "up to 8 bins each" in said
    console = Console(width=120, record=True, file=io.StringIO())
    display = LiveDisplay(console, PLAIN)
    display.began(replace(BEGAN, ignored=("FFS107",)))
    for notice in NOTICES:
        display.noted(notice)
    assert "FFS107" not in (said := console.export_text())
    assert "[FFS110]" in said


def test_json_lines_tell_findings_by_code_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    JsonLines().began(replace(BEGAN, notices=NOTICES, ignored=("FFS107",)))
    JsonLines().noted(NOTICES[1])
    began, noted = map(json.loads, capsys.readouterr().out.splitlines())
    assert began["task"]["code"] == "FFS121"
    assert [Finding.from_dict(one) for one in began["notices"]] == list(NOTICES)
    assert (noted["event"], noted["code"], noted["values"]) == ("notice", "FFS110", {"n": 8})
    assert noted["text"].startswith("Numbers are spread over up to 8 bins each")


def test_a_notebook_has_one_output_that_is_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    module = pytest.importorskip("IPython.display")
    shown: list[str] = []

    class Handle:
        def update(self, page: Any) -> None:
            shown.append(page.data)

    def display(page: Any, *, display_id: bool) -> Handle:
        assert display_id
        shown.append(page.data)
        return Handle()

    monkeypatch.setattr(module, "display", display)
    at = [0.0]
    drawn = NotebookDisplay(PLAIN, clock=lambda: at[0])
    watched(drawn)
    n_drawn = len(shown)
    for number in range(1, 20):
        at[0] += 0.1
        drawn.epoch(Epoch(job=a_job(4), number=number, train_loss=0.5, valid_loss=0.25))
    assert n_drawn < len(shown) < n_drawn + 6  # not at every epoch
    assert shown[0].startswith("<pre")
    assert "trial 4 repeat 2" in shown[-1]
    drawn.finished(SUMMARY, Path("runs/wine"))
    assert "best topology" in shown[-1]
    assert "running" not in shown[-1]
