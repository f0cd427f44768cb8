"""Commands that begin something: a search, a study, a share of one, a space file."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ffsearch.errors import RunError
from ffsearch.search.base.environment import shell_quoted
from ffsearch.search.cli.options import LangOption, names_in, shown

if TYPE_CHECKING:
    from ffsearch.spaces.overrides import Override

__all__ = ["import_kt", "init", "merge", "run", "share"]

STORAGE: Final = "FFSEARCH_STORAGE"
"""Keeps the password of a database out of the command line; for every search, so that a capacity study goes without."""


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
    flags = {"data": data, "target": names_in(target), "trials": trials, "budget": budget, "seed": seed}
    overrides: list[str | Override] = [*(set_ or []), *of_names(flags, spelt="--{}")]
    t = spoken(lang)
    with shown(quiet=quiet, as_json=json, t=t.plain) as observer:
        done = running.run(
            space, overrides=overrides, out=out, fresh=fresh, finish=finish, observer=observer,
            report=partial(_report, lang=t.code), lang=t.code,
            workers=workers, ray=ray, storage=storage, storage_of_searches=os.environ.get(STORAGE) or None,
        )  # fmt: skip
    if not quiet and not json:
        for line in last_lines(done, t.plain):
            typer.echo(line)


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
    with shown(quiet=quiet, t=t) as observer:
        request = requested(space, data=data, target=names_in(target), overrides=set_ or [])
        path = share_study(request, wanted, out=out, observer=observer, fresh=fresh)
    typer.echo(f"{t('init.wrote')}  {path} ({t.setting(path.stat().st_size / 1e6)} MB)")


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
    with shown(quiet=quiet, t=t.plain) as observer:
        done, told = merge_shards(
            shards, data=data, out=out, n_again=again, seed=seed, fill=fill, observer=observer,
            report=partial(_report, lang=t.code),
        )  # fmt: skip
    for line in [] if quiet else [*map(t.plain.tagged, told), *last_lines(done, t.plain)]:
        typer.echo(line)


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
    path, draft = write(data, target=names_in(target), out=out, force=force, lang=t.code)
    notes = [(t("init.note"), note) for note in draft.notes]
    rows = [(t("init.target"), draft.target), *notes, (t("init.wrote"), str(path))]
    typer.echo("\n".join(labelled([*rows, (t("init.next"), f"ffsearch run {shell_quoted(path)}")])))


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


def _report(path: Path, *, lang: str) -> None:
    """The report in English, and beside it the one in the language that is spoken."""
    from ffsearch.reports.html import write_report
    from ffsearch.search.wording.language import ENGLISH

    for code in dict.fromkeys((ENGLISH.code, lang)):
        write_report(path, lang=code)
