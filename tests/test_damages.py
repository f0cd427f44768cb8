"""Run folders that a disk, an editor or another program has damaged: an answer or a sentence, never a traceback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ffsearch
from damages import drawn, faults_of, listed
from ffsearch.errors import RunError
from ffsearch.reports.writing import report_of
from ffsearch.search.folder.bounded import MOST_NESTED, parsed
from ffsearch.search.folder.reader import FINALISTS
from ffsearch.search.wording.codes import Code
from systems import needs_posix

pytestmark = needs_posix("endless commands are ended by an alarm")

PROGRAM = Path(__file__).with_name("damages.py")
STORED = Path(__file__).parent / "data" / "run.zip"
N_FAST = 4
N_DRAWN = int(os.environ.get("FFSEARCH_DAMAGES", "40"))
"""Drawn damages of the slow test; 500, and all that are listed, take an hour."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    with zipfile.ZipFile(STORED) as stored:
        stored.extractall(folder / "run")
    return folder


def test_a_sample_of_damages_ends_in_sentences(made: Path, tmp_path: Path) -> None:
    whole = list(listed(made / "run"))
    sample = [*whole[:: len(whole) // N_FAST + 1], *(drawn(made / "run", seed) for seed in range(N_FAST))]
    found = [fault for damage in sample for fault in faults_of(damage, made, tmp_path / "work")]
    assert found == []


@pytest.mark.parametrize("lang", ["en", "pt-BR"])
def test_a_report_goes_on_without_a_damaged_table_and_says_so(made: Path, tmp_path: Path, lang: str) -> None:
    shutil.copytree(made / "run", tmp_path / "run")
    (tmp_path / "run" / FINALISTS).write_bytes(b"PAR1")
    run = ffsearch.load(tmp_path / "run")
    (told,) = run.damaged
    assert told.code is Code.TABLE_DAMAGED
    text = report_of([run.path], "md", compare=False, lang=lang, rows=None)
    assert Code.TABLE_DAMAGED in text
    assert FINALISTS in text
    with pytest.raises(RunError, match=r"finalists\.parquet cannot be read .*Remove it"):
        assert run.finalists.empty


@pytest.mark.slow
@pytest.mark.parametrize("which", ["search", "study"])
def test_damages_end_in_sentences_and_the_same_command_too(which: str, tmp_path: Path) -> None:
    """The command that made the run is given again, too: it goes on, or says what keeps it from that."""
    tried = subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path), str(N_DRAWN // 2), "0", which, "" if N_DRAWN >= 500 else "drawn"],
        capture_output=True, text=True, timeout=3600, check=False,
    )  # fmt: skip
    assert tried.returncode == 0, tried.stderr[-3000:]
    assert tried.stdout == ""


# --- JSON within bounds ----------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**127), 2**127) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)  # fmt: skip


@given(VALUES)
def test_what_python_writes_is_read_as_it_was(value: Any) -> None:
    assert parsed(json.dumps(value)) == value
    assert parsed(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * (MOST_NESTED + 1) + "]" * (MOST_NESTED + 1), "nests deeper"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nests deeper"),
        ("[" * 100_000, "nests deeper"),
        ("NaN", "NaN is no number of JSON"),
        ("[-Infinity]", "-Infinity is no number"),
        ("1e999", "1e999 is larger than any number"),
        ("9" * 1_000_000, "1000000 digits"),
        (str(2**129), "39 digits"),
        ("", "Expecting value"),
        ("\0", "Expecting value"),
    ],
    ids=lambda text: text[:12],
)
def test_what_no_file_of_ours_holds_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parsed(text)
