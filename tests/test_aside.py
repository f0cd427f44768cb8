"""Long work beside the main thread: done in order, its faults raised, and left behind when Ctrl-C comes."""

from __future__ import annotations

import _thread
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest

from ffsearch.search.base.aside import are_left, done_aside


def doubled(number: int) -> int:
    time.sleep(0.01 * (5 - number))
    return 2 * number


@pytest.mark.parametrize("n_threads", [1, 2, 9])
def test_what_jobs_come_to_is_in_their_order(n_threads: int) -> None:
    assert done_aside([partial(doubled, number) for number in range(5)], n_threads=n_threads) == [0, 2, 4, 6, 8]
    assert done_aside([], n_threads=n_threads) == []


def test_a_fault_is_raised_and_nothing_further_begins() -> None:
    begun: list[int] = []

    def job(number: int) -> None:
        begun.append(number)
        if number == 1:
            raise ValueError("number one")

    with pytest.raises(ValueError, match="number one"):
        done_aside([partial(job, number) for number in range(4)])
    assert begun == [0, 1]


@pytest.fixture
def heard() -> Iterator[None]:
    """Ctrl-C is heard, also where a shell has put the tests into the background, whose processes ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
def test_an_interrupt_does_not_wait_for_what_has_begun() -> None:
    release, begun = threading.Event(), []

    def job(number: int) -> None:
        begun.append(number)
        threading.Timer(0.1, _thread.interrupt_main).start()
        release.wait(20)

    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        done_aside([partial(job, number) for number in range(3)])
    assert are_left()
    release.set()
    for _ in range(100):
        if not are_left():
            break
        time.sleep(0.05)
    assert not are_left()
    assert begun == [0]


COMMAND = """
import sys
from ffsearch.search import cli
from ffsearch.search.base.aside import done_aside
import numpy as np

def fit():
    x = np.ones((3000, 3000))
    while True:
        x = x @ x * 1e-9

def invoke(arguments):
    print("begun", flush=True)
    return cli.ended(lambda: done_aside([fit]), arguments)

cli.invoke = invoke
cli.main()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process by SIGTERM at once")
def test_a_command_ends_while_a_fit_goes_on() -> None:
    with subprocess.Popen([sys.executable, "-c", COMMAND], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(0.5)
        process.terminate()
        assert process.wait(30) == 130
