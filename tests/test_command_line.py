"""The first words people type: each is a command, or is answered with the command that was meant."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from ffsearch.search.cli import invoke
from ffsearch.search.console.wrapping import LEAST_WIDTH, MOST_WIDTH, wrapped
from systems import needs_posix

Capture = pytest.CaptureFixture[str]

MEANT = {
    "my.csv": "ffsearch run my.csv --target COLUMN",
    "my data.parquet": "ffsearch init 'my data.parquet' --target COLUMN",
    "sklearn:wine": "ffsearch run sklearn:wine\n",
    "spaces/tabular.yaml": "ffsearch run spaces/tabular.yaml",
    "tabular": "ffsearch run tabular",
    "model.keras": "ffsearch predict model.keras ROWS.csv",
    "train": "ffsearch run SPACE",
    "fit": "ffsearch run SPACE",
    "search": "ffsearch run SPACE",
    "resume": "ffsearch run SPACE",
    "results": "ffsearch show",
    "leaderboard": "ffsearch show",
    "evaluate": "ffsearch show",
    "ls": "ffsearch list",
    "diff": "ffsearch compare RUN RUN",
    "plot": "ffsearch report --open",
    "deploy": "ffsearch export --format onnx",
    "onnx": "ffsearch export --format onnx",
    "infer": "ffsearch predict RUN ROWS.csv",
    "profile": "ffsearch init FILE.csv",
    "verdct": "ffsearch verdict",
    "REPORT": "ffsearch report",
}


@pytest.mark.skipif(os.name == "nt", reason="quoted as a shell of POSIX wants it")
@pytest.mark.parametrize(("given", "command"), MEANT.items())
def test_a_first_word_that_is_no_command_is_answered_with_the_one_meant(
    given: str, command: str, capsys: Capture
) -> None:
    assert invoke([given]) == 2
    said = capsys.readouterr().err
    assert f"ffsearch has no command {given!r}." in said
    assert command in said


def test_a_word_that_means_nothing_gets_all_commands(capsys: Capture) -> None:
    assert invoke(["xyzzy"]) == 2
    said = capsys.readouterr().err
    assert all(command in said for command in ("run", "init", "list", "compare", "predict", "explain"))


@pytest.mark.parametrize(
    "arguments", [["-h"], ["--help"], ["help"], ["help", "run"], ["run", "-h"], ["-V"], ["run", "--help"]]
)
def test_help_and_version_are_found_where_one_looks_for_them(arguments: list[str], capsys: Capture) -> None:
    assert invoke(arguments) == 0
    assert "ffsearch" in capsys.readouterr().out


def test_python_m_ffsearch_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "ffsearch", "-V"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("ffsearch ")


def test_a_key_that_stands_deeper_is_found(capsys: Capture) -> None:
    assert invoke(["run", "tabular", "--set", "depth=2"]) == 2
    assert "Did you mean space.depth?" in capsys.readouterr().err
    assert invoke(["run", "tabular", "--max-epochs", "3"]) == 2
    assert "--set train.max_epochs=VALUE" in capsys.readouterr().err
    assert invoke(["show", "--max-epochs", "3"]) == 2
    assert "--set" not in capsys.readouterr().err  # only a run has a space


FIRST = {
    "help run": "",
    "help train": "ffsearch run SPACE",
    "version": "ffsearch --version",
    "completion": "ffsearch --install-completion",
    "run": "For example: ffsearch run FILE.csv --target COLUMN",
    "run my.csv": "Name it (data.target, or --target on the command line). Its columns: a, y.",
    "run my.csv -t z": "has no column 'z'",
    "run nosuch.csv -t y": "There is no file 'nosuch.csv'. A source is FILE.csv",
    "run my.pkl -t y": "write the table as Parquet or CSV",
    "run tabular --depth 2": "--set space.depth=VALUE",
    "run tabular --set depth=2": "Did you mean space.depth?",
    "run tabular --budget 1s": "is too short for one trial",
    "init": "For example: ffsearch init FILE.csv",
    "init my.csv -t y --out csv.yaml": "",
    "init my.json -t y --out json.yaml": "",
    "init my.feather -t y --out feather.yaml": "",
    "show": "Start one with `ffsearch run tabular`",
    "list": "Start one with `ffsearch run tabular`",
    "compare": "For example: ffsearch compare RUN RUN",
    "predict my.csv": "For example: ffsearch predict RUN ROWS.csv",
    "export": "For example: ffsearch export RUN --format onnx",
    "report --lang fr": "it speaks: en, pt-BR",
    "explain FFS99": "Did you mean FFS",
}
"""Commands that people type first, and what they are told; nothing: it works."""


@pytest.mark.parametrize(("line", "told"), FIRST.items())
def test_a_first_command_works_or_names_the_one_that_does(
    line: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame({"a": range(60), "y": ["u", "v"] * 30})
    table.to_csv("my.csv", index=False)
    table.to_json("my.json", orient="records")
    table.to_feather("my.feather")
    table.to_pickle("my.pkl")
    assert invoke(line.split()) == (2 if told else 0)
    captured = capsys.readouterr()
    assert told in " ".join((captured.err if told else captured.out).split())


def test_a_shell_completes_commands_and_options() -> None:
    environment = {**os.environ, "_FFSEARCH_COMPLETE": "complete_bash"}
    for words, wanted in (("ffsearch re", "report\nreplay"), ("ffsearch run --tr", "--trials")):
        asked = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        done = subprocess.run(
            [sys.executable, "-m", "ffsearch"], capture_output=True, text=True, env=environment | asked, check=True
        )
        assert wanted in done.stdout


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
def test_prose_ends_its_lines_between_words_at_any_width(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    sentence = "The network is better than knowing nothing, and a_word_that_is_longer_than_any_line " * 4
    lines = wrapped([sentence])
    assert " ".join(lines).split() == sentence.split()
    assert max(map(len, lines)) <= min(columns, MOST_WIDTH)
    monkeypatch.setenv("COLUMNS", "10")
    assert (
        max(map(len, wrapped(["short words only, and many of them, so that there is more than a line"]))) <= LEAST_WIDTH
    )


LONG = "x" * 300


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", f"{LONG}.csv"], ["run", f"{LONG}.yaml"], ["run", "tabular", "--out", LONG], ["show", LONG],
        ["init", f"{LONG}.csv"], ["predict", f"{LONG}.keras", "rows.csv"], ["report", LONG], ["list", LONG],
        ["run", "\udcff.csv"], ["show", "\udcff"], ["init", "\udcff.csv"], ["run", "tabular", "--data", f"{LONG}.csv"],
    ],
    ids=lambda arguments: " ".join(arguments).replace(LONG, "LONG").encode("ascii", "backslashreplace").decode(),
)  # fmt: skip
def test_a_name_that_no_system_takes_is_refused_in_a_sentence(arguments: list[str], capsys: Capture) -> None:
    assert invoke(arguments) == 2
    said = capsys.readouterr().err
    assert "error: " in said
    assert "the fault is its own" not in said


STREAMS = {
    ">&-": 0, ">/dev/full": 2, "| head -1": 0, "2>&-": 0, ">&- 2>&-": 0, "| PYTHONIOENCODING=ascii cat": 0,
}  # fmt: skip


@needs_posix("streams are closed by a shell of POSIX")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(("stream", "code"), STREAMS.items())
def test_streams_that_are_closed_full_or_gone_end_in_no_traceback(stream: str, code: int) -> None:
    command = f"set -o pipefail; {sys.executable} -m ffsearch explain {stream}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
    assert "the fault is its own" not in done.stderr


@needs_posix("streams are closed by a shell of POSIX")
@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full"])
def test_an_error_that_nobody_can_read_still_has_its_exit_code(stream: str) -> None:
    command = f"{sys.executable} -m ffsearch nope {stream}"
    assert subprocess.run(["bash", "-c", command], capture_output=True).returncode == 2


def test_no_run_is_listed_where_there_is_none(tmp_path: Path, capsys: Capture) -> None:
    assert invoke(["list", str(tmp_path)]) == 2
    assert "There is no run under" in capsys.readouterr().err
