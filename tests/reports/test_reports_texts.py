from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from ffsearch.errors import FFSearchError
from ffsearch.reports.sections import headline, sections
from ffsearch.reports.texts import ENGLISH, LANGUAGES, language
from ffsearch.search.training.protocol import Ended


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0812345, "0.0812"), (0.96491, "0.9649"), (1.23456, "1.235"), (12.3456, "12.35"), (1234.56, "1,235"),
        (0, "0.0000"), (-0.5, "-0.5000"), (1.2e-6, "1.2e-6"), (3e9, "3e9"), (None, "–"), (float("nan"), "–"),
    ],
)  # fmt: skip
def test_scores_have_four_digits_that_mean_something(value: float | None, text: str) -> None:
    assert ENGLISH.score(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(64, "64"), (0.15, "0.15"), (0.00025, "2.5e-4"), (1e-6, "1e-6"), (0, "0"), (0.001234, "0.00123")],
)
def test_settings_are_as_short_as_people_write_them(value: float, text: str) -> None:
    assert ENGLISH.setting(value) == text


@pytest.mark.parametrize(("seconds", "text"), [(4.21, "4.2 s"), (185, "3 min 5 s"), (7_800, "2 h 10 min")])
def test_durations_have_two_units(seconds: float, text: str) -> None:
    assert ENGLISH.duration(seconds) == text


def test_numbers_follow_the_language() -> None:
    comma = replace(ENGLISH, decimal=",", group=".")
    assert (comma.count(12345), comma.score(1234.56), comma.setting(0.15)) == ("12.345", "1.235", "0,15")
    assert comma.score(0.25) == "0,2500"


def test_counts_agree_with_their_noun_and_lists_end_with_and() -> None:
    assert (ENGLISH.counted("trials", 1), ENGLISH.counted("trials", 1200)) == ("1 trial", "1,200 trials")
    assert ENGLISH.listed(["256", "256", "128"]) == "256, 256 and 128"
    assert ENGLISH.listed(["8"]) == "8"


def test_an_unknown_language_is_refused_with_those_there_are() -> None:
    with pytest.raises(FFSearchError, match="does not speak 'xx'; it speaks: en"):
        language("xx")


def test_every_language_has_every_text_with_the_same_values() -> None:
    def values(words: Mapping[str, str]) -> dict[str, set[str | None]]:
        return {key: {name for _, name, _, _ in string.Formatter().parse(text) if name} for key, text in words.items()}

    for other in LANGUAGES.values():
        assert values(other.words) == values(ENGLISH.words)


class Remembering(Mapping[str, str]):
    """The English words, and which of them were asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __getitem__(self, key: str) -> str:
        self.asked.add(key)
        return ENGLISH.words[key]

    def __iter__(self) -> Iterator[str]:
        return iter(ENGLISH.words)

    def __len__(self) -> int:
        return len(ENGLISH.words)


def test_no_text_is_left_over(make_run: Any) -> None:
    words = Remembering()
    t = replace(ENGLISH, words=words)
    for run in (make_run(30), make_run(2, is_finished=False), make_run(2, only=Ended.DIVERGED)):
        headline(run, t)
        sections(run, t)
    families = ("page.", "metric.", "parameter.", "task.", "sampler.", "pruner.", "n.", "why.", "ended.", "limits.")
    rare = {
        "answer.head.one", "answer.head.equal", "answer.head.varied", "answer.waiting", "answer.lead_no_target",
        "answer.test_no_rows", "answer.higher", "answer.and", "score.corrected", "search.no_pruner", "search.beyond",
        "learning.loss", "learning.loss_regression", "learning.caption_alone", "data.columns_more", "trial.repeat",
        "time.h", "answer.scores_caption_naive",
    }  # fmt: skip
    assert {key for key in words if key not in words.asked and not key.startswith(families)} <= rare
