"""What `ffsearch controls` prints: every control with its known answer and why, and how to write one of your own."""

from __future__ import annotations

from textwrap import wrap

from ffsearch.search.data.files.controls import CONTROLS, OPTIONS
from ffsearch.search.data.files.expressions import COMPARISONS, FUNCTIONS, MAX_INPUTS
from ffsearch.search.wording.explain import WIDTH
from ffsearch.search.wording.language import Language

__all__ = ["controls_lines"]


def controls_lines(t: Language) -> list[str]:
    """A line a control, then what an expression and the options may be.

    Args:
        t: The language of the words.
    """
    answers = {name: t(f"control.truth.{control.truth}") for name, control in CONTROLS.items()}
    name_width, width = max(map(len, CONTROLS)), max(map(len, answers.values()))
    lines = [
        f"control:{name:<{name_width}}  {answer:<{width}}  {t(f'control.why.{name}')}"
        for name, answer in answers.items()
    ]
    options = [
        t("control.option", option=name, text=t(f"control.option.{name}"), low=t.count(option.low),
          high=t.count(option.high), default=t.count(option.default))
        for name, option in OPTIONS.items()
    ]  # fmt: skip
    return [
        *lines,
        "",
        t("control.try"),
        "  ffsearch run capacity --data control:tent",
        "  ffsearch run control:boxes",
        "",
        t("control.own"),
        '  ffsearch run capacity --data "control:sin(3*x1)*x2 + noise(.1)?useless=5"',
        '  ffsearch run "control:x1*x2 + noise(.2) > 0"',
        *wrap(
            t("control.legal", n=MAX_INPUTS, comparisons=" ".join(COMPARISONS), functions=", ".join(FUNCTIONS)), WIDTH
        ),
        "",
        *wrap(t("control.options"), WIDTH),
        *(f"  {option}" for option in options),
    ]
