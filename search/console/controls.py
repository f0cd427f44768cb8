"""What `ffsearch controls` prints: every control with its known answer and why, and how to write one of your own."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap

from ffsearch.search.console.wrapping import hung, text_width
from ffsearch.search.data.files.controls import CONTROLS, IMAGE_OPTIONS, OPTIONS, Option
from ffsearch.search.data.files.expressions import COMPARISONS, FUNCTIONS, MAX_INPUTS
from ffsearch.search.wording.language import Language

__all__ = ["controls_lines"]


def controls_lines(t: Language) -> list[str]:
    """A line a control, then what an expression and the options may be.

    Args:
        t: The language of the words.
    """
    why = {name: t(f"control.why.{name}") for name in CONTROLS}
    answers = {name: t(f"control.truth.{control.truth}") for name, control in CONTROLS.items()}
    name_width, width = max(map(len, CONTROLS)), max(map(len, answers.values()))
    lines = []
    for name, answer in answers.items():
        first = f"control:{name:<{name_width}}  {answer:<{width}}  "
        lines += hung(why[name], " " * 4, first=first)
    return [
        *lines,
        "",
        t("control.try"),
        "  ffsearch run capacity --data control:tent",
        "  ffsearch run control:boxes",
        "  ffsearch run capacity-convolutional --data control:folds --set preset=quick",
        "",
        t("control.own"),
        '  ffsearch run capacity --data "control:sin(3*x1)*x2 + noise(.1)?useless=5"',
        '  ffsearch run "control:x1*x2 + noise(.2) > 0"',
        *wrap(
            t("control.legal", n=MAX_INPUTS, comparisons=" ".join(COMPARISONS), functions=", ".join(FUNCTIONS)),
            text_width(),
        ),
        "",
        *wrap(t("control.options"), text_width()),
        *_option_lines(OPTIONS, t),
        t("control.image_options"),
        *_option_lines(IMAGE_OPTIONS, t),
    ]


def _option_lines(options: Mapping[str, Option], t: Language) -> list[str]:
    """A line an option, longer ones wrapped below their beginning."""
    lines = []
    for name, option in options.items():
        low, high, default = map(t.count, (option.low, option.high, option.default))
        text = t(f"control.option.{name}")
        said = t("control.option", option=name, text=text, low=low, high=high, default=default)
        lines += wrap(said, text_width(), initial_indent="  ", subsequent_indent=" " * 11)
    return lines
