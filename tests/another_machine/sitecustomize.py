"""A machine that is not POSIX, as far as one can be had on one that is. Python loads this file before all, by its name.

With this folder on `PYTHONPATH` a process and its children have none of what POSIX alone has; files are text unless
they are opened as binary, folders cannot be opened, what is open can be neither moved nor replaced, no descriptors go
to a child, and who leaves out an encoding is told. Two libraries of others need such things when they are loaded on the
system that they were built for, and are loaded first: filelock (fcntl) and psutil (resource). What libraries do later
is let through, but for what is gone altogether.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import filelock  # noqa: F401
import psutil

MODULES = ("fcntl", "grp", "pty", "pwd", "resource", "termios")
OF_OS = (
    "O_CLOEXEC", "O_DIRECTORY", "chown", "fork", "forkpty", "getegid", "geteuid", "getgid", "getloadavg", "getpgid",
    "getuid", "killpg", "nice", "posix_spawn", "pread", "pwrite", "sched_getaffinity", "setsid", "statvfs", "sysconf",
)  # fmt: skip
OF_SIGNAL = ("SIGALRM", "SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2", "alarm", "pthread_kill", "setitimer")

O_BINARY = 1 << 30
"""No flag of this system."""


def is_ours() -> bool:
    """Whether the product asks for what the caller of this does, itself or by Python's own `Path` and `shutil`."""
    frame = sys._getframe(2)
    while (name := frame.f_globals["__name__"].partition(".")[0]) in ("pathlib", "shutil") and frame.f_back:
        frame = frame.f_back
    return bool(name == "ffsearch")


def note(text: str) -> None:
    """Tell the test."""
    with open(os.environ["ANOTHER_MACHINE"], "a", encoding="utf-8") as notes:
        notes.write(f"{text}\n")


def take_away() -> None:
    """Remove names; `subprocess` keeps the signals by which it ends processes here."""
    subprocess.signal = types.ModuleType("signal")  # type: ignore[attr-defined]
    subprocess.signal.__dict__.update(signal.__dict__)  # type: ignore[attr-defined]
    for owner, names in ((os, OF_OS), (signal, OF_SIGNAL), (socket, ("socketpair",))):
        for name in names:
            delattr(owner, name)
    sys.modules.update(dict.fromkeys(MODULES))  # type: ignore[arg-type]  # None: cannot be imported


def opens(real: Callable[..., int]) -> Callable[..., int]:
    """`os.open` that tells binary files and folders apart."""

    def opened(path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
        if is_ours():
            assert flags & O_BINARY, f"{path} would be opened as text"
            if Path(path).is_dir():
                raise PermissionError(13, "Permission denied", str(path))
            note(f"opened {Path(path).name}")
        return real(path, flags & ~O_BINARY, mode, **more)

    return opened


def moves(real: Callable[..., object]) -> Callable[..., object]:
    """A move that fails where something that is open in this process lies in its way."""

    def moved(source: Any, target: Any, **more: Any) -> object:
        for place in map(Path, (source, target)):
            for one in psutil.Process().open_files() if is_ours() else ():
                if Path(one.path).is_relative_to(place.absolute()):
                    note(f"refused {place.name}")
                    raise PermissionError(13, f"{one.path} is open", str(source))
        return real(source, target, **more)

    return moved


class Process(subprocess.Popen[Any]):
    """A process that descriptors cannot be handed to."""

    def __init__(self, *given: Any, **named: Any) -> None:
        refused = {"pass_fds", "preexec_fn", "start_new_session"} & named.keys()
        assert not (refused and is_ours()), refused
        super().__init__(*given, **named)


os.O_BINARY = O_BINARY  # type: ignore[attr-defined]
os.open = opens(os.open)
shutil._use_fd_functions = False  # type: ignore[attr-defined]  # it was loaded by filelock or psutil, or is loaded later
os.rename, os.replace = moves(os.rename), moves(os.replace)  # type: ignore[assignment]
subprocess.Popen = Process  # type: ignore[misc]
take_away()
warnings.filterwarnings("ignore", category=EncodingWarning)
warnings.filterwarnings("error", category=EncodingWarning, module=r"ffsearch\b")
