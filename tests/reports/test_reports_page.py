from __future__ import annotations

import functools
import html
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from examples import RMSE
from ffsearch.errors import FFSearchError, RunError
from ffsearch.reports.evidence import Confusion
from ffsearch.reports.evidence_pictures import MAX_PAIRS_LISTED, confusion_picture
from ffsearch.reports.html import build_page, write_report
from ffsearch.reports.next_steps import steps
from ffsearch.reports.parts import Fold
from ffsearch.reports.sections import sections
from ffsearch.search.folder.reader import load
from ffsearch.search.training.protocol import Ended
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found
from ffsearch.search.wording.language import ENGLISH
from report_shapes import HOSTILE, SHAPES

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Checker(HTMLParser):
    """Notes tags that are not closed, ids, and whatever the page would fetch."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.anchors: list[str] = []
        self.fetched: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        for name in ("src", "href", "data", "srcset", "action"):
            value = values.get(name) or ""
            (self.anchors if value.startswith("#") else self.fetched).append(value)
        self.wrong += [f"{tag} {name}" for name, _ in attrs if name.startswith("on")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def checked(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.wrong == []
    assert checker.open == []
    assert len(checker.ids) == len(set(checker.ids))
    assert {anchor[1:] for anchor in checker.anchors} <= set(checker.ids)
    assert {fetched for fetched in checker.fetched if fetched} == {"data:,"}
    return checker


@pytest.fixture(scope="module")
def page_of(make_run: Any) -> Callable[[str], str]:
    """The page of each shape of run, built once."""
    return functools.cache(lambda shape: build_page(make_run(**SHAPES[shape])))


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_run_makes_a_sound_page(page_of: Callable[[str], str], shape: str) -> None:
    page = page_of(shape)
    checked(page)
    assert "http" not in re.sub(r'xmlns(:xlink)?="[^"]*"|http-equiv', "", page)
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", "".join(checked(re.sub(r'data-order="nan"', "", page)).text))


@pytest.mark.parametrize(
    ("shape", "said", "unsaid"),
    [
        (
            "forty",
            ["What the parameters show", "What a larger network brings", "Sealed test", "264"],
            ["has not finished"],
        ),
        ("evidence", ["A network is worth it: ", "Deeper or wider?", "At equal size, wider is better", "too sure"], []),
        ("evidence of numbers", ["Residuals of malignant", "RMSE (unit of malignant)"], ["Which classes it confuses"]),
        ("none yet", ["No trial has ended yet", "has not finished"], ["How it learnt"]),
        (
            "one",
            ["1 trial, ", "Learning curves of trial 0."],
            ["What the parameters show", "What a larger network brings"],
        ),
        ("all failed", ["No network reached a finite score", "out of memory"], ["How it learnt"]),
        ("unfinished", ["has not finished", "has not been tested on held-out rows yet"], ["Sealed test"]),
        ("maximised", ["higher is better"], ["lower is better"]),
        ("regression", ["RMSE", "loss (standardised target)"], ["nats"]),
    ],
)
def test_the_page_says_what_is_known_and_nothing_else(
    page_of: Callable[[str], str], shape: str, said: list[str], unsaid: list[str]
) -> None:
    page = html.unescape(page_of(shape))
    assert [words for words in said if words not in page] == []
    assert [words for words in unsaid if words in page] == []


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_folded_says_what_it_is(make_run: Any, shape: str) -> None:
    blocks = [block for section in sections(make_run(**SHAPES[shape]), ENGLISH) for block in section.blocks]
    assert [block for block in blocks if block.fold is not Fold.NOTHING and not block.title] == []
    assert [block for block in blocks if block.fold is Fold.SHOWN and not block.text] == []


def test_the_first_lines_say_how_often_it_is_right_or_how_far_it_is_off(make_run: Any) -> None:
    run = make_run(20, evidence=True)
    run.summary["evidence"]["test"] |= {"metrics": {"accuracy": 0.9647}}
    for one in run.summary["baselines"]:
        right = {"dummy": 0.6316, "linear": 0.974, "boosting": 0.9561}[one["name"]]
        one["test"] = one["test"] | {"metrics": {"accuracy": right}}
    (right,) = sections(run, ENGLISH)[0].texts
    assert right.replace("\N{NO-BREAK SPACE}", " ") == (
        "Right on 96.5 % of the sealed rows; on the same rows boosted trees 95.6 %, linear model 97.4 %, "
        "ignoring all columns 63.2 %."
    )
    run = make_run(20, evidence=True, objective=RMSE)
    run.summary["evidence"]["test"] |= {"metrics": {"mae": 33_012.0}}
    assert sections(run, ENGLISH)[0].texts == ["On average 33,012 off on the sealed rows."]
    for one in run.summary["baselines"]:  # until now nobody knew it of the others
        off_by = {"dummy": 60_000, "linear": 41_000, "boosting": 30_100}[one["name"]]
        one["test"] = one["test"] | {"metrics": {"mae": off_by}}
    (off,) = sections(run, ENGLISH)[0].texts
    assert off.startswith(
        "On average 33,012 off on the sealed rows; on the same rows boosted trees 30,100, linear model 41"
    )


def test_a_page_is_honest_about_what_it_lacks(make_run: Any) -> None:
    run = make_run(2, only=Ended.STOPPED)
    run.summary["evidence"]["test"]["openings"] = 3
    page = build_page(run)
    assert "no correction has been made" in page
    assert "opened 3 times" in page


def test_the_same_run_makes_the_same_bytes(make_run: Any) -> None:
    assert build_page(make_run(8)) == build_page(make_run(8))


def test_another_process_makes_the_same_bytes_without_tensorflow_or_pyplot(tmp_path: Path, run_folder: Path) -> None:
    program = (
        "import sys; from ffsearch.reports.html import write_report; write_report(*sys.argv[1:]); "
        "heavy = {'tensorflow', 'keras', 'optuna', 'matplotlib.pyplot'} & set(sys.modules); assert not heavy, heavy"
    )
    there, here = tmp_path / "there.html", tmp_path / "here.html"
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    subprocess.run([sys.executable, "-c", program, str(run_folder), str(there)], check=True, env=environment)
    write_report(run_folder, here)
    assert here.read_bytes() == there.read_bytes()


def test_hostile_strings_are_text(make_run: Any) -> None:
    columns = [
        {"name": text, "kind": text, "used": True, "reason": text, "n_missing": 0, "n_levels": 1} for text in HOSTILE
    ]
    run = make_run(
        3,
        columns=columns,
        notices=list(map(Finding.from_dict, HOSTILE)),
        environment={"host": HOSTILE[0]},
        space_text=f"# {HOSTILE[1]}",
    )
    run.summary.update(name=HOSTILE[0])
    run.summary["data"].update(source=HOSTILE[2], target=[HOSTILE[6]])
    page = build_page(run)
    page.encode("utf-8")
    shown = "".join(checked(page).text)
    assert page.count("<script") == 1
    for text in HOSTILE[:8]:
        assert text in shown
    assert "\x00" not in page


def test_blank_lines_of_the_space_file_are_kept(make_run: Any) -> None:
    run = make_run(1)
    assert run.space_text in html.unescape(build_page(run))


def test_many_columns_are_cut_short_and_it_says_so(make_run: Any) -> None:
    page = build_page(make_run(1, columns=[{"name": f"c{n}", "kind": "number", "used": True} for n in range(5_000)]))
    assert "5000 of 5000 columns are used. The first 300 are listed." in page
    assert "c299" in page
    assert "c300" not in page


def test_five_hundred_trials_are_quick_and_small(make_run: Any, tmp_path: Path) -> None:
    run = make_run(500)
    start = time.process_time()
    path = write_report(run, tmp_path / "big.html")
    assert time.process_time() - start < 10
    assert path.stat().st_size < 3_000_000


def test_a_report_goes_into_its_run_folder(run_folder: Path) -> None:
    path = write_report(str(run_folder))
    assert path == run_folder / "report.html"
    page = path.read_text(encoding="utf-8")
    checked(page)
    assert ENGLISH.topology(load(run_folder).summary["best"]["topology"]) in html.unescape(page)


def test_a_report_goes_where_it_is_told_and_replaces_what_is_there(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "old.html").write_text("old")
    assert write_report(run_folder, tmp_path / "old.html") == tmp_path / "old.html"
    assert write_report(load(run_folder), tmp_path) == tmp_path / "report.html"
    assert write_report(run_folder, tmp_path / "new/deep/page.html").exists()
    assert (tmp_path / "old.html").read_bytes() == (tmp_path / "report.html").read_bytes()
    assert not list(tmp_path.rglob("*.part*"))


def test_a_report_that_cannot_be_written_leaves_the_old_one(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(RunError, match=r"cannot be written to .*page\.html: .*Choose another place with --out"):
        write_report(run_folder, tmp_path / "file/page.html")
    assert (tmp_path / "file").read_text() == "not a folder"


def test_a_report_in_an_unknown_language_is_refused(run_folder: Path) -> None:
    with pytest.raises(FFSearchError, match="does not speak 'tlh'"):
        write_report(run_folder, lang="tlh")
    assert not (run_folder / "report.html").exists()


def test_no_run_no_report(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not a run folder"):
        write_report(tmp_path)


@pytest.mark.parametrize(("values", "is_said"), [([0.1] * 20 + [0.5] * 80, True), ([0.1] + [0.5] * 99, False)])
def test_more_trials_are_said_to_hardly_help_where_half_of_them_would_do(
    make_run: Any, *, values: list[float], is_said: bool
) -> None:
    """Once where a fifth of all trials come near the best one, and where one of a hundred does, by luck the first."""
    run = make_run(100)
    trials = run.trials.assign(value=values, ended="completed")
    run = replace(run, trials=trials, summary={**run.summary, "best": {**run.summary["best"], "trial": 0}})
    assert (Code.NO_MORE_TRIALS in {step.code for step in steps(run)}) is is_said


@pytest.mark.parametrize(
    ("code", "bins", "kind", "is_said"),
    [
        ("boosting", 0, "number", True),
        ("boosting", 16, "number", False),
        ("boosting", 0, "category", False),
        ("network", 0, "number", False),
    ],
)
def test_bins_are_advised_where_trees_win_on_numbers(
    make_run: Any, *, code: str, bins: int, kind: str, is_said: bool
) -> None:
    run = make_run(30, evidence=True)
    run.summary["verdict"] = {**run.summary["verdict"], "code": code}
    text = run.space_text.replace("target: malignant", f"target: malignant, number_bins: {bins}")
    columns = [{**column, "kind": kind} for column in run.columns]
    said = steps(replace(run, space_text=text, columns=columns))
    assert (Code.TRY_BINS in {step.code for step in said}) is is_said


@pytest.mark.parametrize(
    ("answer", "step"), [("boosting", Code.USE_BOOSTING), ("linear", Code.USE_LINEAR), ("nothing", Code.LOOK_ELSEWHERE)]
)
def test_where_no_network_is_the_answer_the_first_step_says_what_is(make_run: Any, answer: str, step: Code) -> None:
    run = make_run(30, evidence=True)
    run.summary["verdict"] = {**run.summary["verdict"], "code": answer}
    assert steps(run)[0] == found(step)


def test_many_diverged_trials_and_unequal_classes_give_steps(make_run: Any) -> None:
    run = make_run(30, evidence=True)
    assert not {Code.MANY_DIVERGED, Code.UNEQUAL_CLASSES} & {step.code for step in steps(run)}
    run.summary["errors"] = {**run.summary["errors"], "confusion": [[105, 2], [3, 4]]}
    trials = run.trials.assign(ended=["diverged"] * 6 + list(run.trials["ended"][6:]))
    said = {step.code: step for step in steps(replace(run, trials=trials))}
    assert said[Code.MANY_DIVERGED].values["share"] >= 6 / 30
    assert said[Code.UNEQUAL_CLASSES] == found(Code.UNEQUAL_CLASSES, share=7 / 114)


def test_of_hundreds_of_classes_the_commonest_confusions_are_listed() -> None:
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.01, (500, 500)) + np.diag(rng.integers(5, 20, 500))
    counts[3, 7], counts[450, 2] = 40, 30
    labels = tuple(f"class {number}" for number in range(500))
    shown = confusion_picture(Confusion(labels=labels, counts=counts), ENGLISH, findings="")
    assert shown.table is not None
    listed = [[cell.text for cell in row] for row in shown.table.rows]
    assert listed[:2] == [["class 3", "class 7", "40"], ["class 450", "class 2", "30"]]
    assert len(listed) == MAX_PAIRS_LISTED
    assert all(true != answered for true, answered, _ in listed)
    few = confusion_picture(Confusion(labels=labels[:30], counts=counts[:30, :30]), ENGLISH, findings="")
    assert few.table is not None
    assert len(few.table.rows) == 30


def test_silenced_findings_are_counted_and_not_shown(make_run: Any) -> None:
    columns = [{"name": "a", "used": True, "kind": "number", "reasons": [found(Code.NUMBERS, n=30).as_dict()]}]
    run = make_run(3, columns=columns, notices=[found(Code.LABEL_ZERO), found(Code.NUMBER_BINS, n=8)])
    page = build_page(run)
    assert "Label 10 is the digit 0" in page
    assert "30 different numbers" in page
    assert "silenced" not in page
    silent = build_page(replace(run, ignored=("FFS107", "FFS201")))
    assert "Label 10 is the digit 0" not in silent
    assert "30 different numbers" not in silent
    assert "2 findings silenced by ignore: in the space file." in silent
    assert "Numbers are spread over up to 8 bins each" in silent


def test_silenced_sentences_of_the_answer_are_left_out_and_counted(make_run: Any) -> None:
    run = make_run(30, evidence=True)
    said, silent = (build_page(replace(run, ignored=codes)) for codes in ((), ("FFS613", "FFS722")))
    for sentence in ("No difference to boosted trees is shown", "Scale the probabilities"):
        assert sentence in said
        assert sentence not in silent
    assert "2 findings silenced by ignore" in silent
