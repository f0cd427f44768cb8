"""Commands that tell about ffsearch itself: its codes, its controls, its formats."""

from __future__ import annotations

from typing import Annotated

import typer

from ffsearch.search.cli.options import LangOption

__all__ = ["controls", "explain", "schema"]


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


def controls(*, lang: LangOption = None) -> None:
    """List tables whose answer is known, control:NAME, with why; and how to write one of your own."""
    from ffsearch.search.console.controls import controls_lines
    from ffsearch.search.wording.language import spoken

    typer.echo("\n".join(controls_lines(spoken(lang).plain)))


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
