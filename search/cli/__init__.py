"""The command line. It knows all parts and holds no logic of theirs.

What is heavy is loaded by the command that needs it: `--help` stays fast.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from typing import Annotated, Final, NoReturn

import typer

from ffsearch import __version__
from ffsearch.search.base.aside import are_left
from ffsearch.search.base.environment import wait_asleep
from ffsearch.search.cli import models, reading, telling, training
from ffsearch.search.console.process import ended, hold_streams, last_words, take_signals

__all__ = ["COMMANDS", "app", "invoke", "main"]

COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "run": training.run,
    "share": training.share,
    "merge": training.merge,
    "init": training.init,
    "show": reading.show,
    "list": reading.list_,
    "compare": reading.compare,
    "report": reading.report,
    "verdict": reading.verdict,
    "replay": reading.replay,
    "export": models.export,
    "predict": models.predict,
    "import-kt": training.import_kt,
    "explain": telling.explain,
    "controls": telling.controls,
    "schema": telling.schema,
}
"""In the order in which `--help` lists them."""

app = typer.Typer(
    name="ffsearch",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    help="ffsearch tells which feed-forward topology fits a table of data.\n\n"
    "Start with: ffsearch run tabular, or: ffsearch run tabular --data my.csv --target y",
)
for _name, _command in COMMANDS.items():
    app.command(_name)(_command)


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", "-V", help="Print the version and end.")] = False,
) -> None:
    if version:
        typer.echo(f"ffsearch {__version__}")
        raise typer.Exit


def main() -> NoReturn:
    """Entry point of the `ffsearch` command."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's notes on its own build are not the user's concern
    wait_asleep()
    take_signals()
    hold_streams()
    code = last_words(invoke(sys.argv[1:]))
    if are_left():  # a fit that Ctrl-C has left behind would hold the interpreter's end up, or trip over it
        sys.stderr.flush()
        os._exit(code)
    gc.freeze()  # what TensorFlow and Numba left ends with the process; to look through it first takes a second
    sys.exit(code)


def invoke(arguments: list[str]) -> int:
    """Run one command line, and turn how it ended into a text and an exit code.

    Returns:
        0; 2 for what the user can mend; 130 after Ctrl-C, with everything told kept; 1 for a fault of ours.
    """
    return ended(lambda: app(_understood(arguments), prog_name="ffsearch", standalone_mode=False), arguments)


def _understood(arguments: list[str]) -> list[str]:
    """The arguments, `help COMMAND` as what asks for it.

    Raises:
        RunError: If the first word is no command; the text names the one that may be meant.
    """
    first, rest = arguments[:1], arguments[1:]
    if first == ["help"]:
        first, arguments = rest[:1], [*rest[:1], "--help"]
    if first and not first[0].startswith("-") and first[0] not in COMMANDS:
        from ffsearch.search.console.meant import meant

        raise meant(first[0], list(COMMANDS))
    return arguments
