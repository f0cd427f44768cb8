"""The process of a command: its signals, its streams, and how it ends: a sentence and an exit code."""

from __future__ import annotations

import _thread
import io
import os
import shutil
import signal
import sys
import tempfile
import textwrap
import threading
import traceback
from collections.abc import Callable, Sequence
from itertools import pairwise
from types import FrameType
from typing import TYPE_CHECKING, Final, NoReturn

import typer

from ffsearch._version import __version__
from ffsearch.errors import FFSearchError
from ffsearch.search.base.environment import signals
from ffsearch.search.base.secrets import without_passwords

if TYPE_CHECKING:
    from ffsearch.search.wording.language import Language

__all__ = ["EXIT_INTERRUPTED", "EXIT_OURS", "EXIT_USER", "ended", "hold_streams", "last_words", "say", "take_signals"]

EXIT_OURS: Final = 1
EXIT_USER: Final = 2
EXIT_INTERRUPTED: Final = 130

_ERROR: Final = ("error:", "erro:")
"""What an error begins with; red where a terminal shows it and NO_COLOR is not set (https://no-color.org)."""


def take_signals() -> None:
    """Have a polite kill end a run as Ctrl-C does: what was told is saved."""
    for number in signals("SIGTERM", "SIGBREAK"):
        signal.signal(number, _interrupt)
    sys.unraisablehook = _unraisable


def hold_streams() -> None:
    """Have closed standard streams take what comes, and others write signs they do not have as escapes."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            _write_no_more(name)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what an old code page cannot write, a label say, must not end a run
            stream.reconfigure(errors="backslashreplace")


def ended(command: Callable[[], object], arguments: Sequence[str]) -> int:
    """Run a command, say why if it fails, and give its exit code.

    Args:
        command: What typer makes of the arguments.
        arguments: As they were typed.
    """
    try:
        code = command()
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED
    except FFSearchError as error:
        from ffsearch.search.wording.refusal import refused

        t = _language(arguments)
        say(f"{t('refused.error')} {refused(error, t)}")
        return EXIT_USER
    except (BrokenPipeError, SystemExit):  # the reader of our output went away, as `| head` does; click then exits
        _write_no_more("stdout")
        return 0
    except OSError as error:  # a name, a full disk, a folder that is gone: what the system refuses is no fault of ours
        return _refused(error)
    except Exception as error:  # the last boundary: a usage error of typer, or a fault of ours
        return _unexpected(error, arguments)


def _language(arguments: Sequence[str]) -> Language:
    """The language of a command line: that of its `--lang` where it is one, else the system's."""
    from ffsearch.search.wording.language import spoken

    asked = next((after for option, after in pairwise(arguments) if option == "--lang"), None)
    try:
        return spoken(asked).plain
    except FFSearchError:  # which is what will be said
        return spoken(None).plain


def last_words(code: int) -> int:
    """The exit code of a command whose last output must still be written."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _write_no_more("stdout")
    except OSError as error:
        return _refused(error)
    return code


def _unraisable(told: sys.UnraisableHookArgs) -> None:
    """Send an interrupt again that came while Python was throwing an object away, where no error gets out."""
    if issubclass(told.exc_type, KeyboardInterrupt):
        again = threading.Timer(0.05, _interrupt_main_thread)
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(told)


def _interrupt_main_thread() -> None:
    """A polite kill, also where it waits for the system: a shell has what it put into the background ignore Ctrl-C."""
    main_thread = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main_thread is not None:
        signal.pthread_kill(main_thread, signal.SIGTERM)
    else:  # Windows
        _thread.interrupt_main(signal.SIGTERM)


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001  (the signature of a handler)
    """A polite kill ends a run as Ctrl-C does: what was told is saved."""
    raise KeyboardInterrupt


def _write_no_more(stream: str) -> None:
    """Have a standard stream that is closed, full or gone take what still comes, up to the end of the interpreter."""
    setattr(sys, stream, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  (lives as long as the interpreter)


def _refused(error: OSError) -> int:
    """What the system refused, in a sentence."""
    from ffsearch.search.wording.language import shortened

    if error.filename is None:
        _write_no_more("stdout")
    where = "The output" if error.filename is None else shortened(os.fsdecode(error.filename), 80)
    say(
        f"error: {where}: the system refused it ({error.strerror or error}). Every trial told before is safe; when "
        "the cause is mended, the same command goes on."
    )
    return EXIT_USER


def say(text: str) -> None:
    """To the error stream, in lines that end between words where a terminal shows them, and without passwords."""
    try:
        _write_error(without_passwords(text))
    except OSError:
        _write_no_more("stderr")


def _write_error(text: str) -> None:
    if sys.stderr.isatty():
        columns = max(40, shutil.get_terminal_size().columns)
        text = "\n".join(_within(line, columns) for line in text.split("\n"))
        first, blank, rest = text.partition(" ")
        if first in _ERROR and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb":
            text = typer.style(first, fg=typer.colors.RED, bold=True) + blank + rest
    printed = text.encode("utf-8", "backslashreplace").decode()  # names of files need not be text
    sys.stderr.write(printed + "\n")


def _within(line: str, columns: int) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(line, columns, subsequent_indent=indent + "  ", break_long_words=False, break_on_hyphens=False)


def _unexpected(error: Exception, arguments: Sequence[str]) -> int:
    """A usage error of typer's, in its own words; anything else is a bug of ours and leaves its traceback in a file."""
    show = getattr(error, "show", None)
    if callable(show):
        error.message = without_passwords(str(getattr(error, "message", "")))  # type: ignore[attr-defined]  # click's
        show()
        from ffsearch.search.console.meant import EXAMPLES, said_by_set

        option = getattr(error, "option_name", None)
        if isinstance(option, str) and arguments[:1] == ["run"]:
            if (text := said_by_set(option)) is not None:
                say(text)
        elif arguments[:1] and (example := EXAMPLES.get(arguments[0])) is not None:
            say(f"For example: {example}")
        return EXIT_USER
    text = "".join(traceback.format_exception(error))
    with tempfile.NamedTemporaryFile("w", prefix="ffsearch-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.write(without_passwords(f"ffsearch {__version__}, Python {sys.version}\n{list(arguments)}\n{text}"))
    say(
        f"ffsearch failed, and the fault is its own: {type(error).__name__}: {error}\n"
        f"The traceback is in {file.name}; please send it along when you report this."
    )
    return EXIT_OURS
