"""A whole run in Portuguese: what is shown, the verdict, the card and the report say nothing in English."""

from __future__ import annotations

import html
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import ffsearch
from examples import a_record
from ffsearch.search.api.init import draft
from ffsearch.search.cli import invoke
from ffsearch.search.console.display import LiveDisplay
from ffsearch.search.observer import Phase, Workers, Workload
from ffsearch.search.training.protocol import Epoch
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import found
from ffsearch.search.wording.language import ENGLISH, LANGUAGES, spoken
from ffsearch.spaces.loader import parse_space
from test_progress import BEGAN, a_job

PORTUGUESE = LANGUAGES["pt-BR"]
SMALL = {"data.valid": {"holdout": 0.3}, "train.max_epochs": 3, "space.depth": 1, "space.width": 8}
ENGLISH_WORDS = re.compile(r"\b(the|of|and|with|which|that|this|rows?|trials?|about|left|was|were|than)\b", re.I)


class Told(NamedTuple):
    """What a run in Portuguese left."""

    path: Path
    shown: str


def a_table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(160, 2))
    return pd.DataFrame(
        {"altura": x[:, 0], "peso": x[:, 1], "cor": rng.choice(["azul", "verde"], 160),
         "y": np.where(x.sum(axis=1) > 0, "sim", "nao")}
    )  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    path = tmp_path_factory.mktemp("run") / "run"
    shown = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", shown)
        ffsearch.run(
            a_table(), target="y", trials=3, evidence={"finalists": 2, "repeats": 2, "effects": 3},
            overrides=SMALL, out=path, progress=True, lang="pt-BR",
        )  # fmt: skip
    return Told(path, shown.getvalue())


def english_in(text: str) -> set[str]:
    """Pieces of sentences of the catalogue that are in a text in English, and not the same in Portuguese."""
    pieces = set()
    for key, words in ENGLISH.words.items():
        own = PORTUGUESE.words[key]
        pieces |= {
            piece for piece in re.split(r"\{[^}]*\}", words) if piece.strip().count(" ") > 1 and piece not in own
        }
    return {piece for piece in pieces if piece.strip() in text}


def test_what_is_shown_while_it_goes_on_and_the_answer(told: Told) -> None:
    assert "buscando com 3 tentativas" in told.shown
    assert "melhor topologia" in told.shown
    assert english_in(told.shown) == set()
    said = "\n".join(line for line in told.shown.splitlines() if str(told.path) not in line)
    assert [line for line in said.splitlines() if ENGLISH_WORDS.search(line)] == []


def test_the_verdict_and_the_trials(told: Told, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("verdict", "show"):
        assert invoke([command, str(told.path), "--lang", "pt-BR"]) == 0
    assert invoke(["list", str(told.path.parent), "--lang", "pt-BR"]) == 0
    shown = "\n".join(line for line in capsys.readouterr().out.splitlines() if str(told.path) not in line)
    assert "Aqui" in shown or "Não está decidido" in shown
    assert english_in(shown) == set()
    assert [line for line in shown.splitlines() if ENGLISH_WORDS.search(line)] == []


def test_the_card(told: Told) -> None:
    card = (told.path / "model" / "card.md").read_text(encoding="utf-8")
    said = re.sub(r"```.*?```", "", card, flags=re.DOTALL)
    assert "## Quão bom é" in said
    assert english_in(said) == set()
    assert [line for line in said.splitlines() if ENGLISH_WORDS.search(line)] == []


def test_the_report_stands_beside_the_english_one(told: Told) -> None:
    english, own = (
        html.unescape(
            re.sub(r"<script.*?</script>", "", (told.path / name).read_text(encoding="utf-8"), flags=re.DOTALL)
        )
        for name in ("report.html", "report.pt-BR.html")
    )
    assert ('<html lang="en"' in english, '<html lang="pt-BR"' in own) == (True, True)
    assert english_in(own) == set()
    assert len(english_in(english)) > 20


def test_the_display(told: Told) -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    display = LiveDisplay(console, PORTUGUESE.plain)
    console.print(display.draw())
    display.at_work(Workers(kind="node", n=2, n_networks=4, n_lost=1, n_again=3))
    work = Workload(n_train=800, batch_size=32, patience=20, max_epochs=200, repeats=4, n_refits=1, baselines_s=5.0)
    display.began(replace(BEGAN, n_told=0, best=None, work=work))
    console.export_text()  # what BEGAN's space file states was understood by nobody here
    for phase in list(Phase)[1:]:
        display.phase(phase, n_networks=3)
        for number in (4, 5):
            display.started(a_job(number), repeat=2)
        display.epoch(Epoch(job=a_job(4), number=7, train_loss=0.5, valid_loss=0.25, train_s=1.0))
        console.print(display.draw())
        display.ended(a_record(4), a_record(4))
        console.print(display.draw())
    shown = console.export_text()
    assert "tentativa 4" in shown
    assert english_in(shown) == set()
    assert [line for line in shown.splitlines() if ENGLISH_WORDS.search(line)] == []


def test_the_space_file_of_init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    a_table().to_csv("tabela.csv", index=False)
    text, english = (draft("tabela.csv", target="y", t=LANGUAGES[code].plain).text for code in ("pt-BR", "en"))
    assert parse_space(text) == parse_space(english)
    comments = [line.partition("#")[2] for line in text.splitlines()]
    codes = re.compile(r"trials=\d+|average|false|true|refit")
    assert [line for line in comments if ENGLISH_WORDS.search(codes.sub("", line))] == []


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        ({"LANG": "pt_BR.UTF-8"}, "pt-BR"), ({"LANG": "pt"}, "pt-BR"), ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "C"}, "en"), ({}, "en"), ({"LANG": "fr_FR"}, "en"),
        ({"LC_ALL": "C", "LANG": "pt_BR.UTF-8"}, "en"), ({"LC_ALL": "", "LC_MESSAGES": "pt_PT@euro"}, "pt-BR"),
    ],
)  # fmt: skip
def test_a_command_speaks_the_systems_language_where_it_knows_it(environment: dict[str, str], code: str) -> None:
    assert spoken(None, environment).code == code
    assert spoken("en", environment).code == "en"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("trian", "O ffsearch não tem o comando 'trian'. Talvez"),
        ("show --lang pt-BR", "Não há execução em runs/"),
        ("run nada.csv --target y --lang pt-BR", "(seria 't.csv'?). Uma fonte é FILE.csv"),
        ("run t.csv --target Y --lang pt-BR", "t.csv não tem a coluna 'Y'. Seria 'y'? Corrija data.target"),
        ("run t.csv --lang pt-BR", "t.csv não diz qual de suas colunas é o alvo."),
    ],
)
def test_the_errors_that_one_meets_first(
    line: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "pt_BR.UTF-8")
    a_table().to_csv("t.csv", index=False)
    assert invoke(line.split()) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert told in said or ("trian" in line and "Você quis dizer" in said)
    assert english_in(said) == set()


@pytest.mark.parametrize(("change", "said"), [("on", "ligado"), ("off", "desligado")])
def test_what_is_switched_in_the_winner(change: str, said: str) -> None:
    switched = found(Code.CHANGE, "parameter", factor="batch_norm", change=change)
    assert PORTUGUESE.says(switched) == f"Batch Normalization: {said}"
    assert ENGLISH.says(switched) == f"batch normalisation: {change}"
