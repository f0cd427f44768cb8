"""The languages: every word by its key, from one file a language, and how numbers are written beside them.

`words/en.toml` and `words/pt-BR.toml` hold the words; a further language is a further file with the same keys. A key
that ends in `.one` is the singular of the key without it.
"""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from string import Formatter
from typing import Any, Final, cast

from ffsearch.errors import FFSearchError
from ffsearch.search.base import numbers
from ffsearch.search.wording.finding import Finding, Value

__all__ = ["ENGLISH", "LANGUAGES", "PLAIN", "Language", "kept", "language", "plain_english", "shortened", "spoken"]

_PARTS: Final = "; "
"""What stands between findings in a sentence."""

_PARAMETERS: Final = re.compile(r"\((?P<count>[\d.]+)(?P<unit>[kM]?) parameters\)$")
_CELL_SIGNS: Final = 30
"""Signs of a cell that are shown where several stand in a sentence."""

_MOST_DIGITS: Final = 1e12
"""Whole numbers of a table below this are written out."""

_EXPONENT: Final = re.compile(r"(?<=\d)e-0?(?=\d)")
"""The part of 1e-06 that no line should end in, replaced by one with a hyphen that does not break."""

_PLAIN_SIGNS: Final = {"number.minus": "-", "number.none": "-", "number.arrow": "->", "number.hyphen": "-"}

_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")


@dataclass(frozen=True, kw_only=True)
class Language:
    """The words of one language and its way of writing numbers, which are words too (`number.decimal`).

    Args:
        code: As the page's `lang` attribute wants it, for example `en`.
        words: Text by key; `{name}` stands where a value goes.

    Example:
        >>> ENGLISH("answer.picture", topology="3 -> 8 -> 1"), ENGLISH.count(1234)
        ('The network, layer by layer: 3 -> 8 -> 1.', '1,234')
    """

    code: str
    words: Mapping[str, str]

    @property
    def decimal(self) -> str:
        """Sign before decimals."""
        return self.words["number.decimal"]

    @property
    def group(self) -> str:
        """Sign between groups of three digits."""
        return self.words["number.group"]

    @property
    def plain(self) -> Language:
        """This language with signs that every terminal can show."""
        breaking = {key: text.replace("\N{NO-BREAK SPACE}", " ") for key, text in self.words.items()}
        return replace(self, words=breaking | _PLAIN_SIGNS)

    def __call__(self, key: str, /, **values: object) -> str:
        """The text under a key, with its values put in.

        Raises:
            KeyError: If the table lacks the key, or the text a value: an error of ours, not of a user.
        """
        return self.words[key].format(**values)

    def says(self, finding: Finding) -> str:
        """The sentence of a finding.

        A value is written as the text under the finding's key wants it: `{share:share}` by the method of that name,
        `{model:model}` as a thing of that kind is `named`, `{n}` by its type; `{value:together}`, `{low:together}` and
        `{high:together}` are a value and the ends of its interval, rounded to one place. Where `n` is 1 and there is a
        singular, the singular is said.

        Raises:
            KeyError: If the language lacks the words, or the finding a value: an error of ours, not of a user.
        """
        singular = f"{finding.key}.one"
        is_one = finding.values.get("n") == 1 and singular in self.words
        pieces = []
        for text, name, way, _ in Formatter().parse(self.words[singular if is_one else finding.key]):
            pieces += [text, self._said(finding.values, name, way or "") if name else ""]
        said = "".join(pieces)
        return self("data.about", column=self.quoted(finding.about), said=said) if finding.about else said

    def tagged(self, finding: Finding) -> str:
        """The sentence of a finding and its code, as a terminal and a card show it."""
        return f"{self.says(finding)} [{finding.code}]"

    def named(self, kind: str, name: str) -> str:
        """What a thing known by a programmer's name is called: `named("metric", "log_loss")` is "log loss"."""
        return self.words.get(f"{kind}.{name}", name.replace("_", " "))

    def counted(self, thing: str, count: int) -> str:
        """A count with its noun: "1 trial", "20 trials"."""
        return self.counted_as(f"n.{thing}", count)

    def counted_as(self, key: str, count: int) -> str:
        """A sentence with a count in it, in the singular where the count is one."""
        return self(f"{key}.one" if count == 1 else key, n=self.count(count))

    def count(self, count: int) -> str:
        """A whole number with its groups of three: 12,345."""
        return self._signs(str(count))

    def score(self, value: float | None) -> str:
        """A number with four significant digits, or a dash where there is none: 0.9649, 12.35, 1.2e-6."""
        return self._signs(numbers.NONE if value is None else numbers.significant(value))

    def fixed(self, value: float, n_decimals: int) -> str:
        """A number with so many decimals."""
        return self._signs(numbers.placed(value, n_decimals))

    def setting(self, value: float) -> str:
        """A parameter's value as people write it, three digits without zeros at their end: 64, 0.15, 2.5e-4, 1,024."""
        return self._signs(numbers.significant(value, 3, trimmed=True))

    def short_count(self, count: int) -> str:
        """A count in thousands or millions, three digits without zeros at their end: 3k, 1.5M."""
        return self._signs(numbers.short_count(count, 3, trimmed=True))

    def plus(self, number: str) -> str:
        """A difference that was written already, with its sign: +0.012, −0.0031."""
        return number if number.startswith(self.words["number.minus"]) else f"+{number}"

    def p_value(self, value: float) -> str:
        """A probability of chance: 0.03, < 0.001, or a dash."""
        if not math.isfinite(value):
            return self.score(value)
        return f"< {self.fixed(0.001, 3)}" if value < 0.001 else self.fixed(value, 3 if value < 0.1 else 2)

    def rounded(self, value: float, low: float, high: float) -> tuple[str, str, str]:
        """A value and the ends of its interval, to the place of two digits of its half width."""
        value_text, low_text, high_text = map(self._signs, numbers.together(value, low, high))
        return value_text, low_text, high_text

    def in_interval(self, value: float, low: float, high: float) -> str:
        """A score with the ends of its 95 % interval, or the score alone where one of them is not known."""
        if any(map(math.isnan, (value, low, high))):
            return self("fact.without_interval", value=self.score(value))
        return self("fact.in_interval", value=self.score(value), low=self.score(low), high=self.score(high))

    def written(self, text: str) -> str:
        """A value that stands as text, with this language's signs if it is a number."""
        return self.setting(float(text)) if _NUMBER.fullmatch(text) else text

    def slice_name(self, rows: str | float | tuple[str | float, ...] | None) -> str:
        """What the rows of a slice share: a cell, nothing where it is missing, or the ends of a range."""
        if rows is None:
            return self("errors.missing")
        if isinstance(rows, str):
            return shortened(rows)
        if not isinstance(rows, tuple):
            return self.setting(rows)
        low, high = map(self.slice_name, rows)
        return low if low == high else self("fact.interval", low=low, high=high)

    def line(self, line: tuple[int, str]) -> str:
        """Networks of so many layers: `3 layers`; of convolutional ones `3 layers, more channels`."""
        layers, widened = self.counted("layers", line[0]), line[1]
        return layers if widened == "layers" else self(f"capacity.line.{widened}", layers=layers)

    def share(self, value: float) -> str:
        """A share of one as a whole percentage; what is not none, but would round to it, to a tenth of one."""
        percent = value * 100
        if 0 < percent < 0.05:
            return f"< {self.share(0.001)}"
        return self("number.share", n=self.fixed(percent, 1 if 0 < percent < 1 else 0))

    def quoted(self, value: str | float) -> str:
        """A name or a cell as a sentence quotes it: a text in quotes, cut where it is long; a number as it is."""
        if isinstance(value, str):
            return repr(shortened(value))
        is_whole = value % 1 == 0 and abs(value) < _MOST_DIGITS
        return (f"{value:.0f}" if is_whole else f"{value:g}").replace(".", self.decimal)

    def more(self, count: int) -> str:
        """What stands behind a list that names not all: " and 3 more"; nothing where it does."""
        return self("number.more", n=self.count(count)) if count else ""

    def duration(self, seconds: float) -> str:
        """A duration in the two units that matter: 4.2 s, 42 s, 3 min 5 s, 2 h 10 min."""
        minutes, rest = divmod(round(seconds), 60)
        if not minutes:
            return self("time.s", s=self.fixed(seconds, 1 if seconds < 10 else 0))
        if minutes < 60:
            return self("time.min", min=minutes, s=rest)
        return self("time.h", h=self.count(minutes // 60), min=minutes % 60)

    def listed(self, items: Iterable[str]) -> str:
        """Items as a sentence lists them: "256, 256 and 128"."""
        *head, last = list(items)
        return f"{', '.join(head)} {self('answer.and')} {last}" if head else last

    def topology(self, line: str) -> str:
        """A topology line of the search: its numbers and names are a notation, its last words are not."""
        unbroken = _EXPONENT.sub(f"e{self.words['number.hyphen']}", _PARAMETERS.sub(self._parameters, line))
        return unbroken.replace("->", self.words["number.arrow"])

    def _parameters(self, found: re.Match[str]) -> str:
        unit = self.named("number", found["unit"]) if found["unit"] else ""
        return f"({self._signs(found['count'])}{unit} {self('fact.params')})"

    def _said(self, values: Mapping[str, Value], name: str, way: str) -> str:
        if way == "together":
            value, low, high = (cast("float", values[end]) for end in _ENDS)
            return self.rounded(value, low, high)[_ENDS.index(name)]
        return _WHOLE[way](self, values[name]) if way in _WHOLE else self._value(values[name], way)

    def _value(self, value: Value, way: str) -> str:
        """A value of a finding, as its words want it written."""
        if isinstance(value, Finding):
            return self.says(value)
        if isinstance(value, tuple):
            between = _PARTS if any(isinstance(item, Finding) for item in value) else ", "
            return between.join(self._value(item, way) for item in value)
        if way:
            return _WAYS[way](self, value) if way in _WAYS else self.named(way, str(value))
        if isinstance(value, str):
            return value
        return self.setting(value) if isinstance(value, float) else self.count(value)

    def _signs(self, digits: str) -> str:
        """A number of `base.numbers` with this language's signs: groups of three, decimals, a minus before it."""
        if digits == numbers.NONE:
            return self.words["number.none"]
        whole, point, rest = digits.removeprefix("-").partition(".")
        grouped = f"{int(whole):,}".replace(",", self.group) if whole.isdigit() else whole
        minus = self.words["number.minus"] if digits.startswith("-") else ""
        return minus + grouped + (self.decimal if point else "") + rest


def _language(code: str) -> Language:
    """A language from its file."""
    text = files("ffsearch.search.wording").joinpath(f"words/{code}.toml").read_text(encoding="utf-8")
    groups = tomllib.loads(text)
    return Language(
        code=code, words={f"{group}.{key}": text for group, texts in groups.items() for key, text in texts.items()}
    )


_ENDS: Final = ("value", "low", "high")
"""What a value and the ends of its interval are called."""

_WAYS: Final[Mapping[str, Callable[[Language, Any], str]]] = {
    "cut": lambda _, text: shortened(text, _CELL_SIGNS),
    "more": Language.more,
    "name": lambda _, text: shortened(text),
    "quoted": Language.quoted,
    "score": Language.score,
    "share": Language.share,
    "topology": Language.topology,
    "trials": lambda t, count: t.counted("trials", count),
}
"""How the words of a finding may want a value written, `{share:share}`; any other way is a kind of thing (`named`)."""

_WHOLE: Final[Mapping[str, Callable[[Language, Any], str]]] = {"line": Language.line, "slice": Language.slice_name}
"""Ways of writing what is a list as one thing, and not item by item."""


ENGLISH: Final = _language("en")
PLAIN: Final = ENGLISH.plain
"""What terminals and texts for programs are written in."""

LANGUAGES: Final = {code: _language(code) for code in ("en", "pt-BR")}


def language(code: str) -> Language:
    """The language of a code; case and the sign between its parts do not matter, and `pt` is enough.

    Raises:
        FFSearchError: If it is none of them.
    """
    wanted = code.replace("_", "-").lower()
    for known, found in LANGUAGES.items():
        if wanted in (known.lower(), known.lower().partition("-")[0]):
            return found
    raise FFSearchError(f"ffsearch does not speak {code!r}; it speaks: {', '.join(LANGUAGES)}.")


def spoken(code: str | None, environment: Mapping[str, str] = os.environ) -> Language:
    """The language a command speaks: the one that is asked for, else the system's where it is one of these.

    Args:
        code: As it was asked for; None: it was not.
        environment: Names the system's, as POSIX has it: the first of LC_ALL, LC_MESSAGES and LANG that is not empty.

    Raises:
        FFSearchError: If it was asked for and is none of these.
    """
    if code is not None:
        return language(code)
    named = next((text for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (text := environment.get(name))), "")
    wanted = re.split(r"[.@]", named)[0].replace("_", "-").partition("-")[0].lower()
    return next((found for known, found in LANGUAGES.items() if known.lower().partition("-")[0] == wanted), ENGLISH)


def kept(finding: Finding) -> dict[str, Any]:
    """A finding as files keep it: its code and values, and its English sentence for people who read the file."""
    return {**finding.as_dict(), "text": PLAIN.says(finding)}


def plain_english(findings: Iterable[Finding]) -> str:
    """Findings in one line, for files and errors."""
    return _PARTS.join(map(PLAIN.says, findings))


def shortened(text: str, most: int = 60) -> str:
    """A name of the user's, cut where it is so long that a sentence or a figure cannot hold it."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
