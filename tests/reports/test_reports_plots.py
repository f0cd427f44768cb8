from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import matplotlib
import pytest
from matplotlib.figure import Figure

from ffsearch.reports import fronts, parameter_plots, plots, tables
from ffsearch.reports.curves import learning_curves
from ffsearch.reports.style import COLOURS, NARROW, WIDE
from ffsearch.reports.svg import inline

Draw = Callable[[Any, int], Figure]


def _learning(run: Any, width: int) -> Figure:
    curves = learning_curves(run)
    assert curves is not None
    return plots.learning(curves, width=width)


def _network(run: Any, width: int) -> Figure:
    layers = tables.layers(run.summary["best"]["topology"])
    assert layers is not None
    return plots.network(layers, width=width, note="relu · dropout rate 0.2")


def _slices(run: Any, *, numbers: bool) -> list[tables.Slice]:
    return [part for part in tables.slices(run) if part.is_number is numbers]


FIGURES: dict[str, Draw] = {
    "network": _network,
    "scores": lambda run, width: plots.score_line(tables.scores(run), tables.objective(run), width=width),
    "learning": _learning,
    "history": lambda run, width: plots.search_history(tables.history(run), tables.objective(run), width=width),
    "front": lambda run, width: fronts.score_by_size(
        fronts.sizes(run), fronts.front(run), tables.objective(run), width=width
    ),
    "endings": lambda run, width: plots.ending_reasons(tables.endings(run), width=width),
    "time": lambda run, width: plots.time_spent(tables.time_parts(run), width=width),
    "numbers": lambda run, width: parameter_plots.number_clouds(
        _slices(run, numbers=True), tables.objective(run), width=width
    ),
    "choices": lambda run, width: parameter_plots.choice_strips(
        _slices(run, numbers=False), tables.objective(run), width=width
    ),
}


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_one_inline_svg_with_no_colour_of_its_own(make_run: Any, name: str, width: int) -> None:
    before = dict(matplotlib.rcParams)
    figure = FIGURES[name](make_run(40), width)
    markup = inline(figure, name=name, label='says "<what>" it shows')
    root = ElementTree.fromstring(markup)
    assert root.attrib["aria-label"] == 'says "<what>" it shows'
    assert float(root.attrib["viewBox"].split()[2]) == pytest.approx(width)
    assert not re.search(r"#[0-9a-f]{6}", re.sub(r"#[\w-]+-m[0-9a-f]+", "", markup)), "a colour the page cannot change"
    assert all(id_.startswith(f"{name}-") for id_ in re.findall(r'\bid="([^"]+)"', markup))
    assert "<script" not in markup
    assert "<style" not in markup
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_drawn_again_is_the_same_text(make_run: Any, name: str) -> None:
    first, second = (inline(FIGURES[name](make_run(6), WIDE), name=name, label="") for _ in range(2))
    assert first == second


def test_figures_leave_no_trace_in_pyplot(make_run: Any) -> None:
    import matplotlib.pyplot as plt

    open_before = plt.get_fignums()
    _learning(make_run(10), WIDE)
    assert plt.get_fignums() == open_before


def test_every_reason_of_an_end_has_its_own_shape() -> None:
    from ffsearch.reports.style import MARKS
    from ffsearch.search.training.protocol import Ended

    assert set(MARKS) == {str(reason) for reason in Ended}
    assert len({mark.shape for mark in MARKS.values()}) == len(MARKS)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _page_colours() -> tuple[dict[str, str], dict[str, str]]:
    from importlib.resources import files

    css = files("ffsearch.reports").joinpath("page.css").read_text(encoding="utf-8")
    light, dark = css.split("prefers-color-scheme: dark", maxsplit=1)
    found = [dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6});", part)) for part in (light, dark)]
    return found[0], found[0] | found[1]


def test_page_and_figures_name_the_same_colours() -> None:
    light, dark = _page_colours()
    assert {name: light[name] for name in COLOURS.values()} == {name: colour for colour, name in COLOURS.items()}
    assert set(COLOURS.values()) <= dark.keys()


@pytest.mark.parametrize("theme", [0, 1])
@pytest.mark.parametrize("name", ["--ink", "--muted", "--best", "--train", "--bad"])
@pytest.mark.parametrize("ground", ["--paper", "--raised"])
def test_text_can_be_read_on_its_ground(theme: int, name: str, ground: str) -> None:
    colours = _page_colours()[theme]
    assert _contrast(colours[name], colours[ground]) >= 4.5  # Source: WCAG 2.2, 1.4.3 (AA)
