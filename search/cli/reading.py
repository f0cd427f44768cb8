"""Commands that read run folders: what was found, as lines, pages, texts or for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ffsearch.errors import RunError
from ffsearch.search.base.environment import shell_quoted
from ffsearch.search.cli.options import LangOption, RunArgument
from ffsearch.search.console.process import EXIT_USER
from ffsearch.search.exporting.formats import ReportFormat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ffsearch.reports.compare import Pairs
    from ffsearch.search.folder.playground import PlaygroundRows
    from ffsearch.search.wording.language import Language

__all__ = ["compare", "list_", "replay", "report", "show", "verdict"]


def show(
    path: RunArgument = None,
    *,
    n: Annotated[int, typer.Option("-n", help="Trials listed, best first.")] = 20,
    lang: LangOption = None,
) -> None:
    """Print the best topology of a run and its trials, each with why it ended."""
    from ffsearch.search.console.show import show_lines
    from ffsearch.search.folder.reader import latest, load
    from ffsearch.search.wording.language import spoken

    for line in show_lines(load(path or latest()), spoken(lang).plain, n_trials=n):
        typer.echo(line)


def list_(
    root: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="The folder that holds the run folders.")] = Path(
        "runs"
    ),
    *,
    lang: LangOption = None,
) -> None:
    """List the runs under a folder: data, answer, score and time of each, the latest first."""
    from ffsearch.reports.sections import headline
    from ffsearch.search.console.runs import runs_lines
    from ffsearch.search.wording.language import spoken

    t = spoken(lang).plain
    for line in runs_lines(root, t, headline=lambda run: headline(run, t)):
        typer.echo(line)


def compare(
    paths: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="Run folders, two or more.")],
    *,
    out: Annotated[Path | None, typer.Option(help="Where to write the page; by default beside the first run.")] = None,
    lang: LangOption = None,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write one page with runs side by side; the same as ffsearch report --compare."""
    report(paths, compare=True, out=out, lang=lang, open_=open_)


def report(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[RUN]...", help="Run folders; without one the latest under runs/.")
    ] = None,
    *,
    compare: Annotated[bool, typer.Option("--compare", help="One page with the runs side by side.")] = False,
    format_: Annotated[
        ReportFormat, typer.Option("--format", help="html: a page with its figures; md: all of it as compact text.")
    ] = ReportFormat.HTML,
    out: Annotated[
        Path | None,
        typer.Option(help="Where to write it, - for the standard output; by default report.html or .md in the run."),
    ] = None,
    lang: LangOption = None,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    playground: Annotated[
        bool,
        typer.Option(
            "--playground",
            help="A page to train networks in, playground.html: it carries up to 2,000 rows of the table, none sealed.",
        ),
    ] = False,
    data: Annotated[
        str | None, typer.Option(help="Where the run's table lies now, if it was moved; for --playground.")
    ] = None,
    tensorboard: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write the trials for TensorBoard's HParams to a folder, in place of the page."
        ),
    ] = None,
    mlflow: Annotated[
        str | None,
        typer.Option(
            metavar="URI|DIR", help="Log the run and its trials to MLflow, a server or a folder, in place of the page."
        ),
    ] = None,
) -> None:
    """Write a run's report: one HTML file that needs nothing else, or with --format md a text."""
    from ffsearch.reports.writing import report_of, write
    from ffsearch.search.folder.reader import latest
    from ffsearch.search.wording.language import spoken

    t = spoken(lang)
    runs = paths or [latest()]
    is_text, logs = format_ is ReportFormat.MD, tensorboard is not None or mlflow is not None
    if data is not None and not playground:
        raise RunError("--data says where the rows of a playground are, and no playground is asked for: --playground.")
    if playground and (len(runs) > 1 or compare or is_text or logs):
        raise RunError(
            "--playground writes the page of one run: leave --compare, --format, --tensorboard and --mlflow out."
        )
    if logs and (len(runs) > 1 or compare or out is not None or open_ or is_text):
        flag = "--mlflow" if tensorboard is None else "--tensorboard"
        raise RunError(f"{flag} takes one run, and neither --compare, --format, --out nor --open: it writes no page.")
    if open_ and is_text:
        raise RunError("--open opens a page in the browser, and --format md writes a text. Leave one of them out.")
    if len(runs) > 1 and out is not None and not compare:
        raise RunError(f"{len(runs)} reports cannot go to one place, {out}. Name one run, or give --compare.")
    if logs:
        _log(runs[0], tensorboard=tensorboard, mlflow=mlflow, lang=t.code)
        return
    rows = _playground(runs[0], data, t.plain) if playground else None
    pairs = _pairs(runs) if compare else None
    if out is not None and str(out) == "-":
        typer.echo(report_of(runs, format_.value, compare=compare, lang=t.code, rows=rows, pairs=pairs), nl=False)
        return
    for each in [runs] if compare else [[run] for run in runs]:
        page = write(each, format_.value, compare=compare, out=out, lang=t.code, rows=rows, pairs=pairs)
        typer.echo(str(page))
        if open_:
            typer.launch(str(page))


def verdict(
    path: RunArgument = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Code, text and sentences as JSON, for programs.")] = False,
    lang: LangOption = None,
) -> None:
    """Print the answer in words: is a network worth it, which one, by how much, how sure, what would settle it."""
    import json as encoder

    from ffsearch.search.console.show import verdict_lines
    from ffsearch.search.folder.reader import latest, load
    from ffsearch.search.wording.language import spoken

    found = load(path or latest())
    lines = verdict_lines(found, spoken(lang).plain)
    typer.echo(encoder.dumps(found.verdict, indent=2, ensure_ascii=False) if json else "\n".join(lines))


def replay(
    path: Annotated[Path, typer.Argument(help="A run folder.")],
    trial: Annotated[int, typer.Argument(help="Number of the trial.")],
    *,
    data: Annotated[str | None, typer.Option(help="Where the run's table lies now, if it was moved.")] = None,
) -> None:
    """Train one trial of a run again, and tell whether its curve comes out as recorded."""
    from ffsearch.search.base.quiet import load_tensorflow

    load_tensorflow()
    from ffsearch.search.folder.reader import load
    from ffsearch.search.steps.replay import replay as train_again
    from ffsearch.search.steps.replay import replay_lines

    replayed = train_again(path, trial, data=data)
    for line in replay_lines(load(path), replayed):
        typer.echo(line)
    if not replayed.is_same:
        raise typer.Exit(EXIT_USER)


def _pairs(paths: Sequence[Path]) -> Pairs:
    """What networks of several runs gain over each other on the same sealed rows."""
    from ffsearch.search.evidence.pairing import pairs_of
    from ffsearch.search.folder.reader import load

    return pairs_of([load(path) for path in paths])


def _playground(path: Path, data: str | None, t: Language) -> PlaygroundRows:
    from ffsearch.search.steps.playground import playground_rows

    rows = playground_rows(path, data=data)
    typer.echo(t("playground.note", n=t.count(len(rows.x))), err=True)
    return rows


def _log(path: Path, *, tensorboard: Path | None, mlflow: str | None, lang: str) -> None:
    """Give the run to other programs, in place of the page."""
    if tensorboard is not None:
        _tensorboard(path, tensorboard)
    if mlflow is not None:
        _mlflow(path, mlflow, lang=lang)


def _tensorboard(path: Path, out: Path) -> None:
    from ffsearch.search.exporting.tensorboard import write_tensorboard
    from ffsearch.search.folder.reader import load

    written = write_tensorboard(load(path), out)
    typer.echo(f"wrote  {written}\nnext   tensorboard --logdir {shell_quoted(written)}")


def _mlflow(path: Path, to: str, *, lang: str) -> None:
    from ffsearch.reports.html import build_page
    from ffsearch.search.exporting.formats import require_mlflow
    from ffsearch.search.folder.reader import REPORT, load

    require_mlflow()
    from ffsearch.search.exporting.mlflow import log_run

    run = load(path)
    for line in log_run(run, to, texts={REPORT: lambda: build_page(run, lang=lang)}).lines():
        typer.echo(line)
