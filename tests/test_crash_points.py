"""Wherever a command is ended or its disk fails, the same command comes to what an undisturbed one comes to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from systems import needs_posix

pytestmark = [pytest.mark.slow, needs_posix("children are made by fork, and ended by SIGKILL")]

PROGRAM = Path(__file__).with_name("crash_points.py")


@pytest.mark.parametrize(
    ("which", "how", "step"),
    [("search", "kill", 9), ("search", "ENOSPC", 12), ("study", "kill", 15)],
)
def test_the_same_command_comes_to_the_same_folder(which: str, how: str, step: int, tmp_path: Path) -> None:
    """A sample of all points, in a process of its own that no other test has computed in: its children are forks.

    `python tests/crash_points.py FOLDER 1 kill search` tries every point.
    """
    tried = subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path), str(step), how, which],
        capture_output=True, text=True, timeout=1200, check=False,
    )  # fmt: skip
    assert tried.returncode == 0, tried.stderr[-3000:]
    assert tried.stdout == ""
