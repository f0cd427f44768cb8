"""The first words people type: each is a command, or is answered with the command that was meant."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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
