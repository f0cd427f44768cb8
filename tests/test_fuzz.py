"""Readers and files made by mutation: see fuzz.py. Where atheris is installed, `--slow` lets it look for new ones.

FFSEARCH_FUZZ_S is how long, in seconds a target: 20 unless it says more; a release is fuzzed for 600.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz import LONGEST_S, TARGETS, files_for, is_read_or_refused
from model_examples import skip_of_newer_keras

PROGRAM = Path(__file__).with_name("fuzz.py")
SECONDS = int(os.environ.get("FFSEARCH_FUZZ_S", "20"))
SEED = int(os.environ.get("FFSEARCH_FUZZ_SEED", "1"))

needs_atheris = pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="pip install ffsearch[fuzz]")


@pytest.mark.parametrize("name", TARGETS)
def test_what_once_broke_a_reader_is_read_or_refused(name: str) -> None:
    if name == "xlsx":
        pytest.importorskip("python_calamine")
    for content in files_for(name).values():
        is_read_or_refused(name, content)


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_files_that_are_read(name: str, tmp_path: Path) -> None:
    """Mutations of a file that is refused at its first byte would reach nothing."""
    if name == "xlsx":
        pytest.importorskip("python_calamine")
    target = TARGETS[name]
    path = tmp_path / target.name
    path.write_bytes(target.seeds()[0])
    if name == "keras":
        skip_of_newer_keras(path)
    target.read(path)


@pytest.mark.slow
@needs_atheris
@pytest.mark.parametrize("name", TARGETS)
def test_no_mutation_breaks_a_reader(name: str, tmp_path: Path) -> None:
    command = [sys.executable, str(PROGRAM), name, str(SECONDS), str(SEED), str(tmp_path)]
    limit = SECONDS + 10 * LONGEST_S
    tried = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False, errors="replace")
    assert tried.returncode == 0, tried.stdout[-3000:] + tried.stderr[-3000:]
