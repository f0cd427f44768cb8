"""A run as a notebook sees it: what `search.store` reads, with figures, a report, and a card that shows itself."""

from __future__ import annotations

import html
from functools import cached_property
from pathlib import Path

from ffsearch.reports import tables
from ffsearch.reports.capacity_sections import capacity_headline
from ffsearch.reports.evidence_pictures import model_picture
from ffsearch.reports.figures import Figures
from ffsearch.reports.html import write_report
from ffsearch.reports.pictures import score_picture
from ffsearch.reports.sections import headline
from ffsearch.reports.style import COLOURS
from ffsearch.reports.svg import inline
from ffsearch.search.folder.reader import StoredRun
from ffsearch.search.folder.reader import load as load_stored
from ffsearch.search.wording.language import ENGLISH, language

__all__ = ["Run", "load"]


class Run(StoredRun):
    """A run folder, read, with its figures.

    Args:
        path: The folder.
        lang: Language of its figures, its card and its verdict: `en` or `pt-BR`.

    Raises:
        FFSearchError: If there are no texts in that language.

    Example:
        >>> run = ffsearch.load(folder / "run")
        >>> run.figures.history().savefig(folder / "history.pdf")
        >>> run.report(folder / "relatorio.html", lang="pt-BR").name
        'relatorio.html'
    """

    def __init__(self, path: Path, *, lang: str = ENGLISH.code) -> None:
        super().__init__(path)
        self._t = language(lang)

    @cached_property
    def figures(self) -> Figures:
        """The run's figures, each a function that returns a matplotlib Figure."""
        return Figures(self, lang=self._t.code)

    @property
    def verdict_text(self) -> str | None:
        """The verdict in one paragraph, in the run's language; None where there is no verdict."""
        found = self.results.verdict if self.has_begun else None
        return None if found is None else found.said(self._t.plain)

    def report(self, out: str | Path | None = None, *, lang: str = "en") -> Path:
        """Write the run's report.

        Args:
            out: A file, or a folder that is there; by default into the run folder.
            lang: `en` or `pt-BR`.

        Returns:
            The file.

        Raises:
            RunError: If it cannot be written.
        """
        return write_report(self, out, lang=lang)

    def _repr_html_(self) -> str:
        """A card: the answer, the topology, the test, and the models side by side; of a study its figure."""
        if not self.has_begun:
            return super()._repr_html_()
        is_study = self.results.kind == "capacity"
        title, lines, drawing = self._card_of_study() if is_study else self._card_of_search()
        state = self._t("compare.finished" if self.is_finished else "compare.unfinished")
        lines.append(f"{self.name}: {self._t.counted('trials', len(self.trials))}, {state}")
        texts = "".join(f"<div>{html.escape(text)}</div>" for text in lines)
        heading = f'<b style="font-size:1.25em">{html.escape(title)}</b>'
        return f'<div style="{_STYLE}">{heading}{texts}<div>{drawing}</div></div>'

    def _card_of_search(self) -> tuple[str, list[str], str]:
        """Headline, topology and scores, and a figure."""
        t = self._t
        metric = t.named("metric", tables.objective(self).name)
        lines = [t.topology(str(self.best["topology"]))] if self.best else []
        for score in tables.scores(self):
            value = f"{t.named('score', score.name)} {metric} {t.score(score.value)}"
            has_interval = score.low is not None and score.high is not None
            interval = t("fact.interval", low=t.score(score.low), high=t.score(score.high))
            lines.append(f"{value} ({interval})" if has_interval else value)
        picture = model_picture(self, t) or score_picture(self, t)
        return headline(self, t), lines, "" if picture is None else picture.wide

    def _card_of_study(self) -> tuple[str, list[str], str]:
        """Headline and figure 6.7 of a capacity study."""
        title = capacity_headline(self, self._t)
        drawing = inline(self.figures.score_by_size(), name="study", label=title) if self.is_finished else ""
        return title, [], drawing


_STYLE = (
    "max-width:55rem;padding:1rem;line-height:1.5;font-family:system-ui,sans-serif;color:#1a2230;background:#fdfdfc;"
    + "".join(f"{name}:{colour};" for colour, name in COLOURS.items())
)
"""Style of the card: figures name their colours, so the card says what they are, in light wherever it stands."""


def load(path: str | Path, *, lang: str = ENGLISH.code) -> Run:
    """Open a run folder for reading, here or made elsewhere, with or without its data; nothing in it is changed.

    Args:
        path: The folder.
        lang: Language of its figures, its card and its verdict: `en` or `pt-BR`.

    Raises:
        RunError: If there is no run at that path.
        FFSearchError: If there are no texts in that language.

    Example:
        >>> run = ffsearch.load(folder / "run")
        >>> run.is_finished, len(run.trials)
        (True, 2)
    """
    return Run(load_stored(path).path, lang=lang)
