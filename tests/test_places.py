"""Where commands are started, what they write to and what things are called: an answer or a sentence, exit 0 or 2."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ffsearch
from crash_points import SEARCH, fresh
from ffsearch.search.cli import invoke
from ffsearch.search.console.process import ended
from ffsearch.search.data.files.pieces import open_pieces
from ffsearch.search.observer import Observer, Phase
from systems import needs_posix

pytestmark = needs_posix("shells, devices and names are those of POSIX")

STORED = Path(__file__).parent / "data" / "run.zip"
OUR_FAULT = ("Traceback", "fault is its own", "Exception ignored", "Error in sys")


def some(every: dict[str, Any], step: int) -> dict[str, Any]:
    """All of them with FFSEARCH_PLACES=all, which takes twenty minutes; else one in so many."""
    kept = list(every)[:: 1 if os.environ.get("FFSEARCH_PLACES") == "all" else step]
    return {name: every[name] for name in kept}


def unpack(folder: Path) -> None:
    with zipfile.ZipFile(STORED) as stored:
        stored.extractall(folder)


def said_by(*command: str) -> tuple[int, str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = invoke(list(command))
    said = out.getvalue()
    assert not [each for each in OUR_FAULT if each in said], said
    return code, said


# --- names -----------------------------------------------------------------------------------------------------------

NAMES = {
    "newline": "a\nb", "tab": "a\tb", "quotes": "a'b\"c`d", "leading dash": "-run", "two dashes": "--out",
    "emoji": "\N{DOG FACE}\N{ZERO WIDTH JOINER}\N{BONE}", "right to left": "\u202eabc", "255 bytes": "x" * 255,
    "254 bytes of two": "é" * 127, "blank": " ", "ends with a blank": "a ", "ends with a dot": "a.",
    "percent": "%s%d{0}",
    "of a shell": "$(touch x);&|<>", "markup": "[red]<b>&amp;", "query": "a?b#c=d&e", "star": "a*[b]",
    "tilde": "~nobody",
    "of Windows": "con", "backslash": "a\\b", "not UTF-8": "a\udcffb", "control": "a\x1b[2Jb\x07", "hidden": ".run",
}  # fmt: skip


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stored") / "run"
    unpack(folder)
    return folder


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_run_folder_may_be_called_anything(
    name: str, stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(stored, tmp_path / name)
    for command in ("show", "verdict"):
        code, said = said_by(command, "--", name)
        assert code == 0, said
    code, said = said_by("list", ".")
    assert code == 0, said
    assert "cannot be read" not in said


@pytest.mark.parametrize("name", [name for name in NAMES.values() if len(os.fsencode(name)) < 250])
def test_a_table_may_be_called_anything(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"{name}.csv").write_bytes((fresh(tmp_path / "made") / "table.csv").read_bytes())
    code, said = said_by("init", "--target", "y", "--out", "space.yaml", "--", f"{name}.csv")
    assert code in (0, 2), said
    if code == 0:  # the space that was written is one, and finds its table again
        assert ffsearch.load_space("space.yaml").data.target == "y"
        assert said_by("init", "--out", "other.yaml", "--", f"./{name}.csv")[0] in (0, 2)
    else:
        assert "error: " in said


@pytest.mark.parametrize("name", [name for name in NAMES.values() if len(os.fsencode(name)) < 240])
def test_rows_may_be_called_anything(name: str, tmp_path: Path) -> None:
    rows = pd.DataFrame({"a": [0.5, 1.5], "b": ["x", "y"]})
    for ending, content in ((".csv", rows.to_csv(index=False).encode()), (".parquet", rows.to_parquet())):
        path = tmp_path / f"{name}{ending}"
        path.write_bytes(content)
        pieces = open_pieces(path, needed=["a", "b"], id_column=None, encoding="")
        (piece,) = pieces.rows
        assert piece.frame["a"].astype(float).tolist() == [0.5, 1.5], ending


@pytest.mark.parametrize(
    "command",
    [("run",), ("run", "tabular", "--data"), ("init",)],
    ids=["a space", "a table", "a table to look at"],
)
def test_a_stream_is_told_from_a_file(command: tuple[str, ...]) -> None:
    """What it gives would be gone at the second reading, and may have no end."""
    code, said = said_by(*command, os.devnull)
    assert code == 2
    assert f"{os.devnull} is a stream, not a file" in said
    assert "Save what it gives as a file" in said


def test_rows_are_not_read_from_a_stream() -> None:
    with pytest.raises(ffsearch.DataError, match="is a stream, not a file"):
        open_pieces(Path(os.devnull), needed=["a"], id_column=None, encoding="")


@pytest.mark.slow
@pytest.mark.parametrize("name", some(NAMES, 5).values(), ids=some(NAMES, 5))
def test_a_run_goes_to_a_folder_of_any_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(fresh(tmp_path / "here"))
    command = [f"--out={name}" if word == "run" and place else word for place, word in enumerate(SEARCH)]
    command.remove("--out")
    code, said = said_by(*command)
    if "\udcff" in name:
        assert code == 2, said
        assert "has a name that is not UTF-8" in " ".join(said.split())
        return
    assert code == 0, said
    assert (tmp_path / "here" / name / "report.html").is_file()
    code, said = said_by("predict", "--out", "answers.csv", "--", name, "table.csv")
    assert code == 0, said
    assert len((tmp_path / "here" / "answers.csv").read_text().splitlines()) == 61


# --- folders that go away --------------------------------------------------------------------------------------------


class Vanishing(Observer):
    """Takes the run folder away at the beginning of a step.

    Args:
        folder: The run folder.
        at: The step.
        how: What becomes of it.
    """

    def __init__(self, folder: Path, at: Phase, how: Callable[[Path], object]) -> None:
        self.folder, self.at, self.how = folder, at, how
        self.is_gone = False

    def phase(self, phase: Phase, **facts: object) -> None:
        if phase is self.at and not self.is_gone:
            self.is_gone = True
            self.how(self.folder)


def delete(folder: Path) -> None:
    """Delete a folder in which a thread makes and deletes files, any of which may go while it is being deleted."""
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


GOES: dict[str, Callable[[Path], object]] = {
    "deleted": delete,
    "moved": lambda folder: folder.rename(folder.with_name("elsewhere")),
    "replaced by a file": lambda folder: (delete(folder), folder.write_text("x")),
}


@pytest.mark.slow
@pytest.mark.parametrize("how", GOES.values(), ids=GOES)
@pytest.mark.parametrize("at", some({phase.name: phase for phase in Phase if phase.name != "COMPILE"}, 4).values())
def test_a_run_whose_folder_goes_away_says_so(
    at: Phase, how: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(fresh(tmp_path / "here"))
    settings = [SEARCH[place + 1] for place, word in enumerate(SEARCH) if word == "--set"]
    watching = Vanishing(Path("run"), at, how)
    out = io.StringIO()
    with contextlib.redirect_stderr(out):
        code = ended(
            lambda: ffsearch.run(
                "tabular", data="table.csv", target="y", out="run", observer=watching,
                overrides=[*settings, "search.trials=3"],
            ),
            [],
        )  # fmt: skip
    said = out.getvalue()
    assert not [each for each in OUR_FAULT if each in said], said
    if watching.is_gone:
        assert code == 2, said
        assert "run" in said
        assert said_by(*SEARCH)[0] in (0, 2)


# --- streams and the environment -------------------------------------------------------------------------------------

AROUND = {
    "stdin closed": ("{} <&-", 0), "stdout closed": ("{} >&-", 0), "stderr closed": ("{} 2>&-", 0),
    "all closed": ("{} <&- >&- 2>&-", 0), "stdout full": ("{} >/dev/full", 2), "stderr full": ("{} 2>/dev/full", 0),
    "a pipe that ends": ("{} | head -1", 0), "a pipe that ends at once": ("{} | true", 0),
    "a narrow terminal": ("COLUMNS=1 {}", 0), "no width": ("COLUMNS=0 {}", 0),
    "a width that is none": ("COLUMNS=x {}", 0), "ASCII": ("PYTHONIOENCODING=ascii LC_ALL=C {}", 0),
    "ASCII without modes": ("PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 LC_ALL=C {}", 0),
    "UTF-16": ("PYTHONIOENCODING=utf-16 {}", 0), "strict": ("PYTHONIOENCODING=ascii:strict {}", 0),
    "a language that is none": ("LANG=xx_YY.UTF-8 LC_ALL= {}", 0), "no HOME": ("env -u HOME {}", 0),
    "a HOME that cannot be written": ("HOME=/proc {}", 0), "a HOME that is no folder": ("HOME=/dev/null {}", 0),
    "a TMPDIR that is none": ("TMPDIR=/not/there {}", 0), "a TMPDIR that cannot be written": ("TMPDIR=/proc {}", 0),
    "another Keras": ("KERAS_BACKEND=torch {}", 0), "no Keras": ("KERAS_BACKEND=nonsense {}", 0),
    "TERM=dumb": ("TERM=dumb {}", 0),
    "optimised": ("PYTHONOPTIMIZE=2 {}", 0), "warnings are errors": ("PYTHONWARNINGS=error {}", 0),
    "nothing but PATH": ("env -i PATH=$PATH PYTHONPATH=$PYTHONPATH {}", 0),
}  # fmt: skip


def in_shell(template: str, command: str, folder: Path) -> tuple[int, str]:
    """A command as a shell starts it, and all that it said."""
    whole = template.format(f"{sys.executable} -m ffsearch {command}")
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {whole}"], cwd=folder, capture_output=True, timeout=300, check=False
    )
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert not [each for each in OUR_FAULT if each in said], said
    return done.returncode, said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "around"),
    [(command, name) for command in ("show run", "report run", "list .") for name in some(AROUND, 3)],
)
def test_what_reads_runs_works_wherever_it_is_started(command: str, around: str, tmp_path: Path) -> None:
    unpack(tmp_path / "run")
    summary = tmp_path / "run" / "log.jsonl"
    summary.write_text(summary.read_text().replace('"iris.csv"', '"käfer-\N{DOG FACE}.csv"'))
    template, code = AROUND[around]
    found, said = in_shell(template, command, tmp_path)
    assert found == code, said


@pytest.mark.slow
@pytest.mark.parametrize("around", some(AROUND, 5))
def test_a_run_works_wherever_it_is_started(around: str, tmp_path: Path) -> None:
    """Of a table whose header is not ASCII; what it could not say, its folder says."""
    here = fresh(tmp_path / "here")
    table = here / "table.csv"
    table.write_text(table.read_text().replace("one,", "größe-\N{DOG FACE},", 1))
    template, code = AROUND[around]
    words = " ".join(f"'{word}'" for word in SEARCH if word != "--quiet")
    found, said = in_shell(template, words, here)
    assert found == code, said
    if "pipe" in around or code:  # the same command goes on, and says what it says
        assert in_shell("{}", words, here)[0] == 0
    assert (here / "run" / "report.html").is_file()


@pytest.mark.parametrize("place", ["/proc/run", "/dev/null/run", "table.csv/run", "table.csv"])
def test_a_place_that_takes_no_folder_is_named(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(fresh(tmp_path / "here"))
    code, said = said_by(*[place if word == "run" and at else word for at, word in enumerate(SEARCH)])
    assert code == 2, said
    assert place.split("/")[1 if place.startswith("/") else 0] in said
