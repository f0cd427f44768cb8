"""The command line. It knows all parts and holds no logic of theirs.

What is heavy is loaded by the command that needs it: `--help` stays fast.
"""

from __future__ import annotations

import csv
import gc
import os
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from ffsearch import __version__
from ffsearch.errors import RunError
from ffsearch.search.base.aside import are_left
from ffsearch.search.base.environment import shell_quoted, wait_asleep
from ffsearch.search.console.process import (
    EXIT_INTERRUPTED,
    EXIT_USER,
    ended,
    hold_streams,
    last_words,
    say,
    take_signals,
)
from ffsearch.search.exporting.formats import Format, ReportFormat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ffsearch.search.folder.playground import PlaygroundRows
    from ffsearch.search.observer import Observer
    from ffsearch.search.wording.language import Language
    from ffsearch.spaces.overrides import Override

__all__ = ["app", "invoke", "main"]

STORAGE: Final = "FFSEARCH_STORAGE"
"""Keeps the password of a database out of the command line; for every search, so that a capacity study goes without."""

app = typer.Typer(
    name="ffsearch",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    help="ffsearch tells which feed-forward topology fits a table of data.\n\n"
    "Start with: ffsearch run tabular, or: ffsearch run tabular --data my.csv --target y",
)

LangOption = Annotated[
    str | None,
    typer.Option("--lang", help="Language of what is said: en or pt-BR; by default the system's (LANG)."),
]
RunArgument = Annotated[Path | None, typer.Argument(help="A run folder; without it the latest one under runs/.")]


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
    commands = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    if first == ["help"]:
        first, arguments = rest[:1], [*rest[:1], "--help"]
    if first and not first[0].startswith("-") and first[0] not in commands:
        from ffsearch.search.console.meant import meant

        raise meant(first[0], commands)
    return arguments


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", "-V", help="Print the version and end.")] = False,
) -> None:
    if version:
        typer.echo(f"ffsearch {__version__}")
        raise typer.Exit


@app.command()
def run(
    space: Annotated[str, typer.Argument(help="A space file, the name of a shipped one (tabular, capacity), or data.")],
    *,
    data: Annotated[str | None, typer.Option(help="Data to use instead of the file's data.source.")] = None,
    target: Annotated[
        str | None, typer.Option("--target", "-t", help="Target column; several separated by commas.")
    ] = None,
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
    workers: Annotated[
        int | None, typer.Option(help="Train in so many processes of this machine; the results are the same.")
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(metavar="local|ADDRESS", help="Train on a Ray cluster: one started here, or HOST:PORT of a head."),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="A database in which several drivers share one study: postgresql+psycopg://USER:PASSWORD@HOST/DB. "
            f"Or {STORAGE} in the environment.",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; errors only.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Events and the summary as JSON lines, for programs.")] = False,
    lang: LangOption = None,
) -> None:
    """Search a space, weigh and refit the winner, test it once, and write a report with a verdict.

    A space of kind capacity answers "deeper or wider?" instead: ffsearch run capacity.

    The same command again goes on where an earlier one stopped.
    """
    from ffsearch.search import run as running
    from ffsearch.search.console.lines import last_lines
    from ffsearch.search.console.meant import is_data
    from ffsearch.search.wording.language import spoken
    from ffsearch.spaces.overrides import of_names

    if is_data(space):
        if data is not None:
            raise RunError(
                f"Two tables are named: {space!r} and --data {data!r}. Leave one of them out, or put a space file, or "
                "the name of a shipped one, in the first place: ffsearch run tabular --data FILE."
            )
        space, data = "tabular", space
    flags = {"data": data, "target": _names(target), "trials": trials, "budget": budget, "seed": seed}
    overrides: list[str | Override] = [*(set_ or []), *of_names(flags, spelt="--{}")]
    t = spoken(lang)
    with _shown(quiet=quiet, as_json=json, t=t.plain) as observer:
        done = running.run(
            space, overrides=overrides, out=out, fresh=fresh, finish=finish, observer=observer,
            report=partial(_report, lang=t.code), lang=t.code,
            workers=workers, ray=ray, storage=storage, storage_of_searches=os.environ.get(STORAGE) or None,
        )  # fmt: skip
    if not quiet and not json:
        for line in last_lines(done, t.plain):
            typer.echo(line)


@app.command()
def share(
    space: Annotated[str, typer.Argument(help="A space of kind capacity: a file, or the shipped one, capacity.")],
    part: Annotated[str, typer.Argument(metavar="K/N", help="Which share of how many: 7/30.")],
    *,
    data: Annotated[str | None, typer.Option(help="Data to use instead of the file's data.source.")] = None,
    target: Annotated[
        str | None, typer.Option("--target", "-t", help="Target column; several separated by commas.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Override any value; the same in all shares."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file to hand in; by default NAME-K-of-N.zip here.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Train it anew; what was trained is kept aside.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; errors only.")] = False,
    lang: LangOption = None,
) -> None:
    """Train one share of a capacity study, and write the file to hand in; ffsearch merge pools the shares of a class.

    Everybody gives the same space and table and a number of their own. No share needs another, and none holds rows.
    """
    from ffsearch.search.capacity.shards import parse_share
    from ffsearch.search.capacity.sharing import share_study
    from ffsearch.search.steps.inputs import requested
    from ffsearch.search.wording.language import spoken

    wanted, t = parse_share(part), spoken(lang).plain
    with _shown(quiet=quiet, t=t) as observer:
        request = requested(space, data=data, target=_names(target), overrides=set_ or [])
        path = share_study(request, wanted, out=out, observer=observer, fresh=fresh)
    typer.echo(f"{t('init.wrote')}  {path} ({t.setting(path.stat().st_size / 1e6)} MB)")


@app.command()
def merge(
    shards: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Files that ffsearch share wrote, all of them.")
    ],
    *,
    data: Annotated[str | None, typer.Option(help="Where the table lies here, if not where the shards say.")] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder; by default runs/NAME-merged.")] = None,
    again: Annotated[int, typer.Option(min=0, help="Networks of every shard that are trained again, at random.")] = 3,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Draws them; by default nobody can know before which they are.")
    ] = None,
    fill: Annotated[bool, typer.Option("--fill", help="Train missing shares here.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; errors only.")] = False,
    lang: LangOption = None,
) -> None:
    """Pool the shares of a capacity study, check them, and write the one report.

    All scores are computed again from the weights that were sent, and some networks of every share are trained again.
    What is of another table or space, doubled, missing or not what training makes is refused by name.
    """
    from ffsearch.search.base.quiet import load_tensorflow

    load_tensorflow()
    from ffsearch.search.capacity.merging import merge_shards
    from ffsearch.search.console.lines import last_lines
    from ffsearch.search.wording.language import spoken

    t = spoken(lang)
    with _shown(quiet=quiet, t=t.plain) as observer:
        done, told = merge_shards(
            shards, data=data, out=out, n_again=again, seed=seed, fill=fill, observer=observer,
            report=partial(_report, lang=t.code),
        )  # fmt: skip
    for line in [] if quiet else [*map(t.plain.tagged, told), *last_lines(done, t.plain)]:
        typer.echo(line)


@app.command()
def init(
    data: Annotated[str, typer.Argument(help="The table: FILE.csv, .tsv, .parquet (.gz too), or sklearn:NAME.")],
    *,
    target: Annotated[
        str | None,
        typer.Option("--target", "-t", help="Target column; several separated by commas. Guessed where it is obvious."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file; by default the table's name with .yaml.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    lang: LangOption = None,
) -> None:
    """Write a commented space file for a table: its columns, task, what looks suspicious, and fitting bounds."""
    from ffsearch.search.api.init import init as write
    from ffsearch.search.console.wrapping import labelled
    from ffsearch.search.wording.language import spoken

    t = spoken(lang).plain
    path, draft = write(data, target=_names(target), out=out, force=force, lang=t.code)
    notes = [(t("init.note"), note) for note in draft.notes]
    rows = [(t("init.target"), draft.target), *notes, (t("init.wrote"), str(path))]
    typer.echo("\n".join(labelled([*rows, (t("init.next"), f"ffsearch run {shell_quoted(path)}")])))


@app.command()
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


@app.command("list")
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


@app.command()
def compare(
    paths: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="Run folders, two or more.")],
    *,
    out: Annotated[Path | None, typer.Option(help="Where to write the page; by default beside the first run.")] = None,
    lang: LangOption = None,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write one page with runs side by side; the same as ffsearch report --compare."""
    report(paths, compare=True, out=out, lang=lang, open_=open_)


@app.command()
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
    if data is not None and not playground:
        raise RunError("--data says where the rows of a playground are, and no playground is asked for: --playground.")
    if playground and (len(runs) > 1 or compare or format_ is not ReportFormat.HTML or tensorboard or mlflow):
        raise RunError(
            "--playground writes the page of one run: leave --compare, --format, --tensorboard and --mlflow out."
        )
    if tensorboard is not None or mlflow is not None:
        if len(runs) > 1 or compare or out is not None or open_ or format_ is not ReportFormat.HTML:
            flag = "--mlflow" if tensorboard is None else "--tensorboard"
            raise RunError(
                f"{flag} takes one run, and neither --compare, --format, --out nor --open: it writes no page."
            )
        if tensorboard is not None:
            _tensorboard(runs[0], tensorboard)
        if mlflow is not None:
            _mlflow(runs[0], mlflow, lang=t.code)
        return
    if open_ and format_ is ReportFormat.MD:
        raise RunError("--open opens a page in the browser, and --format md writes a text. Leave one of them out.")
    if len(runs) > 1 and out is not None and not compare:
        raise RunError(f"{len(runs)} reports cannot go to one place, {out}. Name one run, or give --compare.")
    rows = _playground(runs[0], data, t.plain) if playground else None
    if out is not None and str(out) == "-":
        typer.echo(report_of(runs, format_.value, compare=compare, lang=t.code, rows=rows), nl=False)
        return
    for each in [runs] if compare else [[run] for run in runs]:
        page = write(each, format_.value, compare=compare, out=out, lang=t.code, rows=rows)
        typer.echo(str(page))
        if open_:
            typer.launch(str(page))


@app.command()
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


@app.command()
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


@app.command()
def export(
    path: RunArgument = None,
    *,
    format_: Annotated[
        Format, typer.Option("--format", help="What to write: for Keras, TensorFlow Serving, LiteRT or onnxruntime.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="File to write, or folder of a saved_model; by default export/ in the run.")
    ] = None,
) -> None:
    """Write a run's model in another format; its own runtime must give the same predictions, or nothing is written."""
    from ffsearch.search.base.quiet import load_tensorflow
    from ffsearch.search.folder.reader import latest

    folder = path or latest()
    load_tensorflow()
    from ffsearch.search.exporting.export import export_run

    for line in export_run(folder, format_, out=out).lines():
        typer.echo(line)


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="A .keras file that a run wrote, or a run folder.")],
    data: Annotated[
        str,
        typer.Argument(help="Raw rows: FILE.csv, .parquet, .xlsx, ... as a run reads them; - is the standard input."),
    ],
    *,
    out: Annotated[
        Path | None, typer.Option(help="A .csv, .tsv or .parquet file; without it CSV goes to the standard output.")
    ] = None,
    id_: Annotated[
        str | None, typer.Option("--id", help="Column that names the rows; without it rows are numbered from 1.")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of a workbook: its name, or its number from 1.")] = None,
    interval: Annotated[
        float | None,
        typer.Option(help="Say how far each answer may be off as well: 0.9 holds nine of ten rows to come."),
    ] = None,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Answer rows that cannot be read as well, such cells as missing.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No count of rows; errors only.")] = False,
    lang: LangOption = None,
) -> None:
    """Answer every row of a file: labels and probabilities, or values in the target's unit.

    Rows are read as the table was that the model learnt from, or as they show that they are meant; what cannot be read
    is refused.
    """
    from ffsearch.search.base.quiet import load_tensorflow
    from ffsearch.search.console.progress import counting

    load_tensorflow()
    from ffsearch.search.console.wrapping import labelled
    from ffsearch.search.serving.predict import predict_file
    from ffsearch.search.wording.language import spoken

    t = spoken(lang).plain
    with counting("rows", quiet=quiet, t=t) as on_rows:
        done = predict_file(
            model, data, out=out, id_column=id_, on_rows=on_rows, lenient=lenient, sheet=sheet, level=interval
        )
    for finding in done.findings:
        typer.echo("\n".join(labelled([(t("init.note"), t.tagged(finding))])), err=True)


@app.command("import-kt")
def import_kt(
    path: Annotated[Path, typer.Argument(help="A project folder of KerasTuner's: directory/project_name.")],
    *,
    out: Annotated[Path | None, typer.Option(help="Run folder; by default runs/NAME, after the project.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Import again; an old run folder is moved aside.")] = False,
) -> None:
    """Make a run folder of what a tuner of KerasTuner found in `ffsearch.hypermodel(space)`, and write its report."""
    from ffsearch.reports.html import write_report
    from ffsearch.search.api.importing import import_kt as imported
    from ffsearch.search.console.show import show_lines

    done = imported(path, out=out, fresh=fresh)
    for line in show_lines(done, n_trials=10):
        typer.echo(line)
    typer.echo(f"report  {write_report(done.path)}")


@app.command()
def explain(
    code: Annotated[str | None, typer.Argument(help="A code such as FFS301; without it all codes are listed.")] = None,
    *,
    markdown: Annotated[bool, typer.Option("--markdown", help="All pages as one Markdown document.")] = False,
) -> None:
    """Tell what a code beside a sentence means, how it was found and what to do; or list all codes."""
    from ffsearch.search.console.wrapping import text_width
    from ffsearch.search.wording.explain import list_lines, page_lines
    from ffsearch.search.wording.explain import markdown as document

    if markdown:
        typer.echo(document(), nl=False)
    else:
        width = text_width()
        typer.echo("\n".join(page_lines(code, width) if code else list_lines(width)))


@app.command()
def controls(*, lang: LangOption = None) -> None:
    """List tables whose answer is known, control:NAME, with why; and how to write one of your own."""
    from ffsearch.search.console.controls import controls_lines
    from ffsearch.search.wording.language import spoken

    typer.echo("\n".join(controls_lines(spoken(lang).plain)))


@app.command()
def schema(
    *, summary: Annotated[bool, typer.Option("--summary", help="That of summary.json, for programs.")] = False
) -> None:
    """Print the JSON Schema of space files, for editors."""
    import json as encoder

    if summary:
        from ffsearch.search.folder.summary import Summary

        printed = Summary.json_schema()
    else:
        from ffsearch.spaces.writer import json_schema

        printed = json_schema()
    typer.echo(encoder.dumps(printed, indent=2))


def _names(text: str | None) -> str | list[str] | None:
    """One column, or several separated by commas; one in quotes may hold commas itself."""
    if text is None or "," not in text:
        return text
    names = [name.strip() for name in next(csv.reader([text], skipinitialspace=True))]
    return names if len(names) > 1 else names[0]


@contextmanager
def _shown(*, quiet: bool, as_json: bool = False, t: Language) -> Iterator[Observer]:
    """Show what goes on inside; where Ctrl-C ends it, what is safe and how to go on: a text that typer would drop."""
    from ffsearch.search.console.progress import observing

    observer, showing = observing(quiet=quiet, as_json=as_json, t=t)
    try:
        with showing:
            yield observer
    except KeyboardInterrupt as interrupt:
        say(str(interrupt) or "interrupted")
        raise typer.Exit(EXIT_INTERRUPTED) from interrupt


def _report(path: Path, *, lang: str) -> None:
    """The report in English, and beside it the one in the language that is spoken."""
    from ffsearch.reports.html import write_report
    from ffsearch.search.wording.language import ENGLISH

    for code in dict.fromkeys((ENGLISH.code, lang)):
        write_report(path, lang=code)


def _playground(path: Path, data: str | None, t: Language) -> PlaygroundRows:
    from ffsearch.search.steps.playground import playground_rows

    rows = playground_rows(path, data=data)
    typer.echo(t("playground.note", n=t.count(len(rows.x))), err=True)
    return rows


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
