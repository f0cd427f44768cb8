"""What a system has: signals by name, and how its shell wants an argument."""

from __future__ import annotations

import os
import shlex
import signal
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ffsearch.search.base.environment import shell_quoted, signals
from systems import needs_posix


def test_signals_of_another_system_are_left_out() -> None:
    assert signal.SIGINT in signals("SIGINT", "SIGNONE")
    assert len(signals("SIGINT", "SIGNONE", "SIGBREAK")) == 1 + hasattr(signal, "SIGBREAK")


@given(text=st.text(min_size=1))
@needs_posix("it has other rules")
def test_a_shell_reads_back_what_was_quoted(text: str) -> None:
    assert shlex.split(shell_quoted(text)) == [text]


def test_a_plain_path_needs_no_quotes() -> None:
    assert shell_quoted(PurePosixPath("runs/one.yaml")) == "runs/one.yaml"


def test_windows_knows_double_quotes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        quoted = shell_quoted(r"C:\my tables\it's.yaml"), shell_quoted(r"C:\tables\one.yaml")
    assert quoted == (r'"C:\my tables\it' + "'" + r's.yaml"', r"C:\tables\one.yaml")
