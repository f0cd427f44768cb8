"""The main jobs from Python, joined as the command line joins them: a search with its figures, a page, an export."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ffsearch.errors import ExportError, SpaceError
from ffsearch.reports.html import write_comparison, write_report
from ffsearch.reports.notebook import Run, load
from ffsearch.search import run as searching
from ffsearch.search.api.speaking import speaking_python
from ffsearch.search.observer import Observer
from ffsearch.search.wording.language import ENGLISH, Language, spoken
from ffsearch.spaces.overrides import Overrides, listed, of_names

if TYPE_CHECKING:
    import pandas as pd

    from ffsearch.search.exporting.export import Exported

__all__ = ["compare", "export", "init", "run"]

Place = str | os.PathLike[str]


@speaking_python()
def run(
    space: Place | pd.DataFrame = "tabular",
    *,
    data: str | pd.DataFrame | None = None,
    target: str | Sequence[str] | None = None,
    trials: int | None = None,
    budget: str | float | None = None,
    seed: int | None = None,
    evidence: str | Mapping[str, Any] | None = None,
    overrides: Overrides = (),
    out: Place | None = None,
    fresh: bool = False,
    finish: bool = False,
    report: bool = True,
    progress: bool | None = None,
    lang: str | None = None,
    observer: Observer | None = None,
    workers: int | None = None,
    ray: str | None = None,
    storage: str | None = None,
) -> Run:
    """Search a space on a table, weigh and refit the winner, open the sealed test once, and write model and report.

    The same call again goes on where an earlier one stopped, and changes nothing when that one came to its end.

    Args:
        space: A space file, or the name of a shipped one; or the table itself, for the shipped space `tabular`.
        data: A file or a pandas frame to use instead of the space's `data.source`.
        target: The target column, or several, instead of the space's.
        trials: So many trials.
        budget: Time for all of it, refit and report included: `"10m"`, or seconds.
        seed: The seed of the run.
        evidence: `"none"`, `"quick"`, `"full"`, or single keys of it.
        overrides: Any other values of the space: `{"space.depth": 2}`. The arguments above win over them.
        out: The run folder; by default `runs/NAME`, after the space and the data.
        fresh: Start anew; an old run folder is moved aside, not deleted.
        finish: No more trials: refit, test and report on what was told so far.
        report: Write `report.html` into the run folder, which takes some seconds.
        progress: Show how far it is; by default in a terminal and in a notebook.
        lang: Language of what is shown, of the run's figures and verdict, of the model's card, and of a report beside
            the English one: `en` or `pt-BR`; by default the system's.
        observer: Told of everything as it happens, in place of what `progress` shows.
        workers: So many processes of this machine train the networks; the results are the same.
        ray: The nodes of a Ray cluster train them: `local`, or the address of its head.
        storage: Address of a database in which several drivers share one study.

    Returns:
        The finished run, with frames, figures and the model.

    Raises:
        SpaceError: If the space cannot be used.
        DataError: If the table cannot be used.
        RunError: If the run folder cannot be used, or the budget is too short for one trial.
        TrainingError: If no network came to a finite score.
        KeyboardInterrupt: After Ctrl-C; what was told is saved, and its text says how to go on.

    Example:
        >>> run = ffsearch.run("sklearn:wine", trials=2, evidence="none", out=folder / "wine")
        >>> run.best["topology"].startswith("13 -> ")
        True
    """
    path, table = _space_and_table(space, data)
    names = {"trials": trials, "budget": budget, "seed": seed, "evidence": evidence}
    t = spoken(lang)
    watched, showing = _shown(observer, progress=progress, t=t)
    with showing:
        done = searching.run(
            path, data=table, target=target if target is None or isinstance(target, str) else list(target),
            overrides=[*listed(overrides), *of_names(names, spelt="{}=")], out=out, fresh=fresh, finish=finish,
            observer=watched, report=partial(_reports, lang=t.code) if report else None, lang=t.code,
            workers=workers, ray=ray, storage=storage,
        )  # fmt: skip
    return Run(done.path, lang=t.code)


def _space_and_table(
    space: Place | pd.DataFrame, data: str | pd.DataFrame | None
) -> tuple[Place, str | pd.DataFrame | None]:
    """The first argument is a space, or a table for the shipped one."""
    from ffsearch.search.console.meant import is_data

    if isinstance(space, str | os.PathLike) and not is_data(os.fspath(space)):
        return space, data
    if data is not None:
        raise SpaceError("Two tables were given, as the first argument and as data. Give the table once.")
    return "tabular", os.fspath(space) if isinstance(space, os.PathLike) else space


def _reports(path: Path, *, lang: str) -> None:
    """The report in English, and beside it the one in the language that is spoken."""
    for code in dict.fromkeys((ENGLISH.code, lang)):
        write_report(path, lang=code)


def _shown(
    observer: Observer | None, *, progress: bool | None, t: Language
) -> tuple[Observer | None, AbstractContextManager[object]]:
    """Who watches, and the context that must be open meanwhile."""
    from ffsearch.search.console.notebook import in_notebook

    is_wanted = progress if progress is not None else sys.stdout.isatty() or in_notebook()
    if observer is not None or not is_wanted:
        return observer, nullcontext()
    from ffsearch.search.console.progress import observing

    return observing(quiet=False, as_json=False, t=t.plain)


@speaking_python()
def compare(runs: Sequence[Place | Run], out: Place | None = None, *, lang: str = "en") -> Path:
    """Write one page with several runs side by side.

    Args:
        runs: Run folders, or runs that are read; two or more.
        out: Where the page goes: a file, or a folder that is there; by default beside the first run folder.
        lang: `en` or `pt-BR`.

    Returns:
        The file.

    Raises:
        RunError: If there are fewer than two runs, or one cannot be read or is no search, or the page not be written.
        FFSearchError: If the report does not speak the language.

    Example:
        >>> ffsearch.compare([folder / "run", folder / "other"], folder / "both.html").name
        'both.html'
    """
    from ffsearch.search.evidence.pairing import pairs_of

    known = [one if isinstance(one, Run) else load(Path(one)) for one in runs]
    return write_comparison(known, None if out is None else Path(out), lang=lang, pairs=pairs_of(known))


@speaking_python()
def export(run: Place | Run, format: str, out: Place | None = None) -> Exported:  # noqa: A002  (the option's name)
    """Write a run's model in another format; its own runtime must give the same predictions, or nothing is written.

    Args:
        run: A run folder, or a run that is read.
        format: `keras`, `saved_model`, `litert` or `onnx`.
        out: The file, or the folder of a saved_model; by default `export/` in the run.

    Returns:
        What was written, and how closely it agrees.

    Raises:
        RunError: If there is no such run.
        ExportError: If the format is not known or its packages are missing, or the written model answers otherwise.

    Example:
        >>> ffsearch.export(folder / "run", "keras", folder / "wine.keras").path.name
        'wine.keras'
    """
    from ffsearch.search.base.quiet import load_tensorflow

    load_tensorflow()
    from ffsearch.search.exporting.export import export_run
    from ffsearch.search.exporting.formats import Format

    if format not in list(Format):
        raise ExportError(f"{format!r} is no format. Legal: {', '.join(Format)}.")
    return export_run(run.path if isinstance(run, Run) else run, Format(format), out=out)


@speaking_python()
def init(
    data: str, *, target: str | Sequence[str] | None = None, out: Place | None = None, force: bool = False
) -> Path:
    """Write a commented space file for a table: its columns, task, what looks suspicious, and fitting bounds.

    Args:
        data: The table: a file, or a name such as `sklearn:wine`.
        target: The column to predict, or several; by default guessed where it is obvious.
        out: The file; by default the table's name with `.yaml`, in the current folder.
        force: Write over a file that is there.

    Returns:
        The file, which `ffsearch.run` takes.

    Raises:
        SpaceError: If the file is there already, or is not called as a space.
        DataError: If the table cannot be used, or its target is not obvious.
        RunError: If the file cannot be written.

    Example:
        >>> ffsearch.init("sklearn:wine", out=folder / "wine.yaml").name
        'wine.yaml'
    """
    from ffsearch.search.api.init import init as write

    return write(data, target=target, out=out, force=force)[0]
