"""Findings: the registry, the words, the pages, the JSON form; `explain`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ffsearch.search import cli
from ffsearch.search.wording.codes import Code, Severity
from ffsearch.search.wording.early import FORMS
from ffsearch.search.wording.explain import WIDTH, list_lines, markdown, page_lines
from ffsearch.search.wording.finding import Finding, found, unsilenced
from ffsearch.search.wording.language import ENGLISH, LANGUAGES, kept

PORTUGUESE = LANGUAGES["pt-BR"]
LEAK = found(Code.LEAK, "classes", column="it's", target="y", score=0.98, otherwise=0.5)


def test_a_finding_is_said_in_every_language_with_its_signs() -> None:
    assert ENGLISH.says(LEAK).startswith(
        "\"it's\" alone predicts 'y' with accuracy 0.9800 (the most frequent class alone: 0.5000). If it is not known"
    )
    assert PORTUGUESE.says(LEAK).startswith("\"it's\" sozinha prevê 'y' com acurácia 0,9800 (a classe mais frequente")
    assert ENGLISH.tagged(LEAK).endswith("drop it (data.drop). [FFS301]")


def test_a_finding_comes_back_from_json_and_its_sentence_stands_beside_it() -> None:
    within = found(Code.AS_WRITTEN, text=LEAK, list=(1, 2.5, "three", LEAK), flag=True)
    for finding in (LEAK, within):
        written = json.loads(json.dumps(kept(finding), allow_nan=False))
        assert Finding.from_dict(written) == finding
        assert written["text"] == ENGLISH.says(finding)
        assert written["code"] == finding.code


def test_what_another_version_kept_is_shown_as_it_stands() -> None:
    later = {"code": "FFS999", "values": {"n": 3}, "text": "Three of a kind."}
    assert [ENGLISH.says(Finding.from_dict(one)) for one in ("As it was.", later)] == ["As it was.", "Three of a kind."]


@pytest.mark.parametrize("key", FORMS)
def test_what_the_first_version_kept_by_a_key_is_found_under_its_code(key: str) -> None:
    names = "metric topology smaller n_rows n_needed share times depth reference margin detectable budget n n_cells"
    numbers = {"gain": 0.25, "value": 0.25} if key.startswith(("verdict", "conv", "also")) else {"value": 0.25}
    finding = Finding.from_dict({"key": key, "values": {**dict.fromkeys(names.split(), 3), **numbers, "metric": "rmse",
                                                        "topology": "4 -> 1", "smaller": "4 -> 1"}})  # fmt: skip
    assert finding.code is not Code.AS_WRITTEN
    assert all(t.says(finding) for t in LANGUAGES.values())


def test_a_range_is_said_as_one_thing_and_a_value_with_its_interval() -> None:
    rows = found(Code.MORE_ROWS_OF_SLICE, "known", column="age", rows=(0.5, 1200.0))
    assert "where age is 0.5 to 1,200:" in ENGLISH.says(Finding.from_dict(json.loads(json.dumps(rows.as_dict()))))
    gain = found(Code.NETWORK_OVER_LINEAR, "level", metric="rmse", value=150.0, low=-31.5, high=331.5)
    assert PORTUGUESE.says(gain) == "Não se mostrou diferença para o modelo linear: 150 em RMSE (−30 a 330)."


def test_silenced_codes_are_not_among_what_is_shown() -> None:
    findings = [LEAK, found(Code.AS_WRITTEN, text="a")]
    assert unsilenced(findings, ["FFS301"]) == findings[1:]
    assert unsilenced(findings, ()) == findings


@pytest.mark.parametrize("code", Code)
def test_every_code_has_words_and_a_page_that_fits_a_terminal(code: Code) -> None:
    words = [key for key in ENGLISH.words if key == f"found.{code.key}" or key.startswith(f"found.{code.key}.")]
    assert words
    assert re.fullmatch(r"FFS[1-8]\d\d", code)
    assert code.severity in Severity
    lines = page_lines(code.lower())
    assert lines[0].startswith(code)
    assert max(map(len, lines)) <= WIDTH


def test_no_words_and_no_page_are_without_a_code() -> None:
    keys = {code.key for code in Code}
    assert {key.split(".")[1] for key in ENGLISH.words if key.startswith("found.")} == keys
    assert set(re.findall(r"^### (\w+) ", markdown(), flags=re.MULTILINE)) == set(Code)


def test_all_codes_are_listed_with_severity_and_title() -> None:
    lines = list_lines()
    assert "  FFS301  warning  A column alone predicts the target" in lines
    assert max(map(len, lines)) <= WIDTH


def test_the_documentation_is_made_of_the_pages() -> None:
    """`ffsearch explain --markdown > docs/findings.md` writes it."""
    path = Path(__file__).parent.parent / "docs/findings.md"
    assert path.read_text(encoding="utf-8") == markdown()


def test_explain_prints_pages_and_refuses_an_unknown_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert [cli.invoke(["explain", *given]) for given in ([], ["ffs301"], ["--markdown"])] == [0, 0, 0]
    said = capsys.readouterr().out
    assert said.count("A column alone predicts the target") == 3
    assert cli.invoke(["explain", "FFS-301"]) == 2
    assert "'FFS-301' is no code. Did you mean FFS301? `ffsearch explain` lists all codes." in capsys.readouterr().err
