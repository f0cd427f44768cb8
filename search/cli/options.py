"""What several commands share: options, names of columns, the display."""

from __future__ import annotations

import csv
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ffsearch.search.console.process import EXIT_INTERRUPTED, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ffsearch.search.observer import Observer
    from ffsearch.search.wording.language import Language

__all__ = ["LangOption", "RunArgument", "names_in", "shown"]

LangOption = Annotated[
    str | None,
    typer.Option("--lang", help="Language of what is said: en or pt-BR; by default the system's (LANG)."),
]
RunArgument = Annotated[Path | None, typer.Argument(help="A run folder; without it the latest one under runs/.")]


def names_in(text: str | None) -> str | list[str] | None:
    """One column, or several separated by commas; one in quotes may hold commas itself."""
    if text is None or "," not in text:
        return text
    names = [name.strip() for name in next(csv.reader([text], skipinitialspace=True))]
    return names if len(names) > 1 else names[0]


@contextmanager
def shown(*, quiet: bool, as_json: bool = False, t: Language) -> Iterator[Observer]:
    """Show what goes on inside; where Ctrl-C ends it, what is safe and how to go on: a text that typer would drop."""
    from ffsearch.search.console.progress import observing

    observer, showing = observing(quiet=quiet, as_json=as_json, t=t)
    try:
        with showing:
            yield observer
    except KeyboardInterrupt as interrupt:
        say(str(interrupt) or "interrupted")
        raise typer.Exit(EXIT_INTERRUPTED) from interrupt
