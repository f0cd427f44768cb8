"""The display in a notebook: the same lines, redrawn in place as one output of the cell."""

from __future__ import annotations

import html
import io
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from ffsearch.search.console.display import LiveDisplay
from ffsearch.search.folder.summary import Summary
from ffsearch.search.observer import Began, Phase
from ffsearch.search.training.protocol import Epoch
from ffsearch.search.wording.language import Language

__all__ = ["NotebookDisplay", "in_notebook"]

WIDTH: Final = 100
"""Letters of a line. Choice: what a cell of a common notebook holds."""

EVERY_S: Final = 0.5
"""Seconds between two drawings at least: each is a message to the browser."""


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, whose outputs can be replaced."""
    if "ipykernel" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


class NotebookDisplay(LiveDisplay):
    """Draws by itself whenever it is told of something, for a cell that runs has no thread that may.

    Args:
        t: The language it speaks.
        clock: Seconds from any fixed moment.
    """

    def __init__(self, t: Language, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = io.StringIO()
        super().__init__(Console(file=self._out, width=WIDTH, highlight=False, color_system=None), t, clock=clock)
        self._handle: Any = None
        self._drawn_at = float("-inf")
        self._redraw(now=True)

    def began(self, began: Began) -> None:
        """Print what is searched above the display."""
        super().began(began)
        self._redraw(now=True)

    def phase(self, phase: Phase, *, n_networks: int = 0) -> None:
        """Show what the run does now."""
        super().phase(phase, n_networks=n_networks)
        self._redraw(now=True)

    def epoch(self, epoch: Epoch) -> None:
        """Show where a running network stands."""
        super().epoch(epoch)
        self._redraw()

    def finished(self, summary: Summary, path: Path) -> None:
        """Take the display away and leave the answer."""
        super().finished(summary, path)
        self._show(self._out.getvalue())

    def _redraw(self, *, now: bool = False) -> None:
        if not now and self.clock() - self._drawn_at < EVERY_S:
            return
        self._drawn_at = self.clock()
        with self._console.capture() as capture:
            self._console.print(self.draw())
        self._show(self._out.getvalue() + capture.get())

    def _show(self, text: str) -> None:
        from IPython import display

        notebook: Any = display  # without types
        shown = notebook.HTML(f'<pre style="white-space: pre; line-height: 1.3">{html.escape(text)}</pre>')
        if self._handle is None:
            self._handle = notebook.display(shown, display_id=True)
        else:
            self._handle.update(shown)
