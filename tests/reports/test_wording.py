from __future__ import annotations

import html
import re
import string
from collections.abc import Mapping
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest

from ffsearch.errors import FFSearchError
from ffsearch.reports.html import build_page
from ffsearch.search.data.kinds import Kind
from ffsearch.search.data.prepare import prepare
from ffsearch.search.evidence.baseline_models.baselines import BaselineName
from ffsearch.search.evidence.effects import EffectFinding
from ffsearch.search.network.heads import Task
from ffsearch.search.network.topology import STUDY_ONLY, Balance, Point
from ffsearch.search.training.protocol import Ended
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import found
from ffsearch.search.wording.language import ENGLISH, LANGUAGES, language
from ffsearch.spaces.schema import DataSpec, SearchSpec

PORTUGUESE = LANGUAGES["pt-BR"]

SOURCES = "".join(
    each.read_text(encoding="utf-8")
    for part in ("reports", "search")
    for end in ("py", "html")
    for each in Path(str(files(f"ffsearch.{part}"))).rglob(f"*.{end}")
)

SAME_WORDS = {"data.classes", "parameter.augment_zoom", "time.min", "time.h", "unit.nats"}
"""Texts that are the same in both languages: names and units."""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0812345, "0.08123"), (0.96491, "0.9649"), (1.23456, "1.235"), (12.3456, "12.35"), (1234.56, "1,235"),
        (0, "0.0000"), (-0.5, "−0.5000"), (1.2e-6, "1.2e-6"), (0.00094, "9.4e-4"), (3e9, "3e9"), (None, "–"),
        (float("nan"), "–"),
    ],
)  # fmt: skip
def test_scores_have_four_digits_that_mean_something(value: float | None, text: str) -> None:
    assert ENGLISH.score(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (64, "64"),
        (0.15, "0.15"),
        (0.00025, "2.5e-4"),
        (1e-6, "1e-6"),
        (0, "0"),
        (0.001234, "0.00123"),
        (1024, "1,024"),
        (1271.8, "1,272"),
    ],
)
def test_settings_are_as_short_as_people_write_them(value: float, text: str) -> None:
    assert ENGLISH.setting(value) == text


@pytest.mark.parametrize(("seconds", "text"), [(4.21, "4.2 s"), (185, "3 min 5 s"), (7_800, "2 h 10 min")])
def test_durations_have_two_units(seconds: float, text: str) -> None:
    assert ENGLISH.duration(seconds) == text


def test_a_score_stands_with_its_interval_or_says_that_there_is_none() -> None:
    assert ENGLISH.in_interval(0.1234, 0.1, 0.15) == "0.1234, 95 % between 0.1000 and 0.1500"
    assert PORTUGUESE.in_interval(0.1234, float("nan"), 0.15) == "0,1234, sem intervalo"


def test_numbers_follow_the_language() -> None:
    assert (PORTUGUESE.count(12345), PORTUGUESE.score(1234.56), PORTUGUESE.setting(0.15)) == ("12.345", "1.235", "0,15")
    assert (PORTUGUESE.score(0.25), PORTUGUESE.share(0.5), PORTUGUESE.fixed(1234.56, 1)) == ("0,2500", "50%", "1.234,6")
    assert PORTUGUESE.duration(4.21) == "4,2 s"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0 %"), (2e-4, "< 0.1 %"), (0.0029, "0.3 %"), (0.15, "15 %"), (0.996, "100 %"), (1.0, "100 %")],
)
def test_a_small_share_is_not_none(share: float, text: str) -> None:
    assert ENGLISH.share(share).replace("\u00a0", " ") == text


def test_a_count_below_zero_has_a_minus_and_no_hyphen() -> None:
    assert ENGLISH.count(-4821) == "−4,821"
    assert LANGUAGES["pt-BR"].count(-4821) == "−4.821"


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ((7.0, 7.0), "7"), ((-4821.0, -1.0), "−4,821 to −1"), ((0.5, 2.0), "0.5 to 2"), ("male", "male"), (3.0, "3"),
        (("2024-01-01", "2024-03-09"), "2024-01-01 to 2024-03-09"), ("1 to 2", "1 to 2"), (None, "missing"),
    ],
)  # fmt: skip
def test_rows_of_one_value_are_no_range(rows: Any, text: str) -> None:
    assert ENGLISH.slice_name(rows) == text


def test_a_topology_is_a_notation_with_words_at_its_end() -> None:
    line = "30 -> 64-64 -> 1 relu bn dropout=.15 (5.3k parameters)"
    assert ENGLISH.topology(line) == "30 → 64-64 → 1 relu bn dropout=.15 (5.3k parameters)"
    assert PORTUGUESE.topology(line) == "30 → 64-64 → 1 relu bn dropout=.15 (5,3 mil parâmetros)"
    assert PORTUGUESE.topology("3 -> 8 -> 1 relu (41 parameters)") == "3 → 8 → 1 relu (41 parâmetros)"


def test_counts_agree_with_their_noun_and_lists_end_with_and() -> None:
    assert (ENGLISH.counted("trials", 1), ENGLISH.counted("trials", 1200)) == ("1 trial", "1,200 trials")
    assert ENGLISH.listed(["256", "256", "128"]) == "256, 256 and 128"
    assert ENGLISH.listed(["8"]) == "8"


def test_an_unknown_language_is_refused_with_those_there_are() -> None:
    with pytest.raises(FFSearchError, match="does not speak 'xx'; it speaks: en, pt-BR"):
        language("xx")


@pytest.mark.parametrize("code", ["pt-BR", "pt_br", "PT"])
def test_a_language_is_found_by_any_way_of_writing_its_code(code: str) -> None:
    assert language(code) is PORTUGUESE


def test_every_language_has_every_text_with_the_same_values() -> None:
    def values(words: Mapping[str, str]) -> dict[str, set[str | None]]:
        return {key: {name for _, name, _, _ in string.Formatter().parse(text) if name} for key, text in words.items()}

    for other in LANGUAGES.values():
        assert values(other.words) == values(ENGLISH.words)


def test_no_text_is_left_in_english() -> None:
    said = {key for key, text in ENGLISH.words.items() if re.search(r"[a-z]{3}", re.sub(r"\{[\w:]+\}", "", text))}
    same = {key for key in said if PORTUGUESE.words[key] == ENGLISH.words[key]}
    assert same == SAME_WORDS


def test_a_page_in_portuguese_says_nothing_in_english(make_run: Any) -> None:
    notices = [found(Code.EXTRA_COLUMNS, columns=("a", "b"), n_more=0)]
    page = html.unescape(build_page(make_run(30, notices=notices), lang="pt-BR"))
    sentences = {text for text in ENGLISH.words.values() if text.count(" ") > 1 and "{" not in text}
    assert {text for text in sentences if text in page} == set()
    assert 'lang="pt-BR"' in page
    assert "Colunas que só o arquivo de teste tem ficam de fora: 'a', 'b'." in page


def test_all_that_a_run_can_name_has_a_name() -> None:
    def legal(field: str) -> set[str]:
        return {str(name) for name in get_args(SearchSpec.model_fields[field].annotation)}

    named = {
        "sampler": legal("sampler"), "pruner": legal("pruner") - {"none"}, "metric": legal("objective") - {"auto"},
        "ended": set(Ended), "task": set(Task), "kind": set(Kind), "balance": set(Balance),
        "parameter": {field.name for field in fields(Point)} - {"widths", *STUDY_ONLY}, "finding": set(EffectFinding),
        "model": {"network", *BaselineName},
    }  # fmt: skip
    lacking = {f"{group}.{name}" for group, names in named.items() for name in names} - ENGLISH.words.keys()
    assert lacking == set()


def test_a_report_of_a_difficult_table_is_all_in_portuguese(make_run: Any) -> None:
    n = 60
    frame = pd.DataFrame(
        {
            "number": [f"{place * 0.7:.2f}" for place in range(n)],
            "infinite": ["inf", *(str(place % 7) for place in range(n - 1))],
            "constant": ["3"] * n, "empty": [""] * n, "flag": ["yes", "no"] * (n // 2), "bit": ["0", "1"] * (n // 2),
            "id": [str(place) for place in range(n)], "name": [f"row {place}x" for place in range(n)],
            "prose": [f"some words of row {place}" for place in range(n)], "level": ["a", "b", "c"] * (n // 3),
            "copy": ["a", "b", "c"] * (n // 3), "day": [f"2024-05-{place % 28 + 1:02d}" for place in range(n)],
            "doubt": [f"{1 + place % 12}/{1 + place * 5 % 12}/2024" for place in range(n)],
            "euros": [f"{place}.{place % 9}00,5 €" for place in range(n)],
            "zip": [f"0{place % 9}" for place in range(n)],
            "dropped": ["x"] * n, "y": ["0", "1", "0"] * (n // 3),
        }
    )  # fmt: skip
    spec = DataSpec.model_validate({"source": "t.csv", "target": "y", "drop": ["dropped"], "rows": 50})
    prepared = prepare(spec, frame=frame, seed=0)
    run = make_run(10, columns=prepared.described()["columns"], notices=prepared.notices)
    page = html.unescape(build_page(run, lang="pt-BR"))
    told = [*prepared.notices, *(reason for column in prepared.columns for reason in column.reasons)]
    assert len(told) > 25
    assert [finding for finding in told if ENGLISH.says(finding) in page] == []
    lacking = [finding for finding in told if PORTUGUESE.says(finding) not in page]
    assert {finding.code for finding in lacking} <= {Code.NOT_USED}  # the table of columns says it


def test_no_text_is_left_over() -> None:
    """A key stands in the source whole, or after a prefix that does (`f"errors.{key}"`), or names a thing (`named`)."""
    prefixes = set(re.findall(r'f"([\w.]+)\.\{', SOURCES))
    ways = set(re.findall(r":(\w+)\}", "".join(ENGLISH.words.values())))
    named = {"found", *ways, *re.findall(r"named\(['\"]([\w.]+)['\"]", SOURCES)}

    def is_used(key: str) -> bool:
        whole = key.removesuffix(".one")
        ends = [whole.removeprefix(f"{prefix}.") for prefix in prefixes if whole.startswith(f"{prefix}.")]
        return any(is_quoted(text) for text in (key, whole, *ends))

    assert [
        key for key in ENGLISH.words if not key.startswith(tuple(f"{group}." for group in named)) and not is_used(key)
    ] == []


def test_every_code_is_found_somewhere_in_every_form_that_it_has_words_for() -> None:
    looked_up = tuple(re.findall(r'Code\[f"(\w+)\{', SOURCES))  # Code[f"TRIAL_{ended.name}"]
    names = [code.name for code in Code if f"Code.{code.name}" not in SOURCES]
    assert [name for name in names if not name.startswith(looked_up)] == []
    forms = {key.removesuffix(".one").partition(".")[2] for key in ENGLISH.words if key.startswith("found.")}
    assert [form for key in forms if (form := key.partition(".")[2]) and not is_quoted(form)] == []


def is_quoted(text: str) -> bool:
    return f'"{text}"' in SOURCES or f"'{text}'" in SOURCES
