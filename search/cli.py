"""The command line. It knows all parts and holds no logic of theirs.

What is heavy is loaded by the command that needs it: `--help` stays fast.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from ffsearch import __version__
from ffsearch.errors import FFSearchError

if TYPE_CHECKING:
    from ffsearch.spaces.overrides import Override

__all__ = ["app", "invoke", "main"]

EXIT_OURS: Final = 1
EXIT_USER: Final = 2
EXIT_INTERRUPTED: Final = 130

DATA_SUFFIXES: Final = (".csv", ".tsv", ".txt", ".parquet", ".gz")
DATA_SCHEMES: Final = ("sklearn:", "openml:")

app = typer.Typer(
    name="ffsearch",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="ffsearch tells which feed-forward topology fits a table of data.\n\n"
    "Start with: ffsearch run tabular, or: ffsearch run tabular --data my.csv --target y",
)

RunArgument = Annotated[Path | None, typer.Argument(help="A run folder; without it the latest one under runs/.")]


def main() -> NoReturn:
    """Entry point of the `ffsearch` command."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's notes on its own build are not the user's concern
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(invoke(sys.argv[1:]))


def invoke(arguments: list[str]) -> int:
    """Run one command line, and turn how it ended into a text and an exit code.

    Returns:
        0; 2 for what the user can mend; 130 after Ctrl-C, with everything told kept; 1 for a fault of ours.
    """
    try:
        ended = app(arguments, prog_name="ffsearch", standalone_mode=False)
        return ended if isinstance(ended, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED
    except FFSearchError as error:
        _say(f"error: {error}")
        return EXIT_USER
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (lives until the interpreter ends)
        return 0
    except Exception as error:  # the last boundary: a usage error of typer, or a fault of ours
        return _unexpected(error, arguments)


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    if version:
        typer.echo(f"ffsearch {__version__}")
        raise typer.Exit


@app.command()
def run(
    space: Annotated[str, typer.Argument(help="A space file, the name of a shipped one (tabular), or data.")],
    *,
    data: Annotated[str | None, typer.Option(help="Data to use instead of the file's data.source.")] = None,
    target: Annotated[str | None, typer.Option(help="Target column; several separated by commas.")] = None,
    trials: Annotated[int | None, typer.Option(help="Number of trials.")] = None,
    budget: Annotated[
        str | None, typer.Option(help="Time for all of it, refit and report included: 90s, 10m, 2h.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the run; 0 is a seed.")] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder; by default runs/NAME.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Override any value: search.sampler=random.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew; an old run folder is moved aside.")] = False,
    finish: Annotated[
        bool, typer.Option("--finish", help="No more trials: refit, test and report on what was told so far.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; errors only.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Events and the summary as JSON lines, for programs.")] = False,
) -> None:
    """Search a space, refit the winner, test it once, and write a report.

    The same command again goes on where an earlier one stopped.
    """
    from ffsearch.search import run as running
    from ffsearch.search.progress import observing

    if space.lower().endswith(DATA_SUFFIXES) or space.startswith(DATA_SCHEMES):
        space, data = "tabular", data or space
    flags = {"data": data, "target": _names(target), "trials": trials, "budget": budget, "seed": seed}
    overrides: list[str | Override] = [*(set_ or []), *_overrides(flags)]
    observer, showing = observing(quiet=quiet, as_json=json)
    try:
        with showing:
            done = running.run(
                space, overrides=overrides, out=out, fresh=fresh, finish=finish, observer=observer, report=_report
            )
    except KeyboardInterrupt as interrupt:  # typer would drop its text, which says what is safe and how to go on
        _say(str(interrupt) or "interrupted")
        raise typer.Exit(EXIT_INTERRUPTED) from interrupt
    if not quiet and not json:
        typer.echo(f"report         {done.path / 'report.html'}")


@app.command()
def show(
    path: RunArgument = None,
    *,
    n: Annotated[int, typer.Option("-n", help="Trials listed, best first.")] = 20,
) -> None:
    """Print the best topology of a run and its trials, each with why it ended."""
    from ffsearch.search.show import show_lines
    from ffsearch.search.store import latest, load

    for line in show_lines(load(path or latest()), n_trials=n):
        typer.echo(line)


@app.command()
def report(
    path: RunArgument = None,
    *,
    out: Annotated[
        Path | None, typer.Option(help="Where to write the page; by default report.html in the run folder.")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write a run's report: one HTML file that needs nothing else."""
    from ffsearch.reports.html import write_report
    from ffsearch.search.store import latest

    written = write_report(path or latest(), out)
    typer.echo(str(written))
    if open_:
        typer.launch(str(written))


@app.command()
def schema() -> None:
    """Print the JSON Schema of space files, for editors."""
    import json as encoder

    from ffsearch.spaces.writer import json_schema

    typer.echo(encoder.dumps(json_schema(), indent=2))


_FLAG_PATHS: Final = {
    "data": "data.source",
    "target": "data.target",
    "trials": "search.trials",
    "budget": "search.budget",
    "seed": "search.seed",
}


def _overrides(flags: Mapping[str, object]) -> list[Override]:
    """The flags that were given, as what they override in the space file; they win over `--set`."""
    from ffsearch.spaces.overrides import Override

    given = {flag: value for flag, value in flags.items() if value is not None}
    return [Override(_FLAG_PATHS[flag], value, f"--{flag}") for flag, value in given.items()]


def _names(text: str | None) -> str | list[str] | None:
    """One column, or several separated by commas."""
    return [name.strip() for name in text.split(",")] if text is not None and "," in text else text


def _report(path: Path) -> None:
    from ffsearch.reports.html import write_report

    write_report(path)


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001  (the signature of a handler)
    """A polite kill ends a run as Ctrl-C does: what was told is saved."""
    raise KeyboardInterrupt


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _unexpected(error: Exception, arguments: list[str]) -> int:
    """A usage error of typer's, in its own words; anything else is a bug of ours and leaves its traceback in a file."""
    show = getattr(error, "show", None)
    if callable(show):
        show()
        return EXIT_USER
    text = "".join(traceback.format_exception(error))
    with tempfile.NamedTemporaryFile("w", prefix="ffsearch-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.write(f"ffsearch {__version__}, Python {sys.version}\n{arguments}\n{text}")
    _say(
        f"ffsearch failed, and the fault is its own: {type(error).__name__}: {error}\n"
        f"The traceback is in {file.name}; please send it along when you report this."
    )
    return EXIT_OURS
