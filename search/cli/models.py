"""Commands about the model of a run: write it in another format, answer rows with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ffsearch.search.cli.options import LangOption, RunArgument
from ffsearch.search.exporting.formats import Format

__all__ = ["export", "predict"]


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
