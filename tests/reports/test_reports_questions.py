"""What a person asks who has not seen the project, and that the report alone answers it (docs/report.md)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ffsearch.reports.parts import Section
from ffsearch.reports.sections import headline, sections
from ffsearch.search.wording.language import ENGLISH

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "report.md"

ANSWERS = {
    "Which topology fits?": r"hidden layer",
    "How good is it?": r"log loss, sealed test 0\.09130 0\.06140 to 0\.1272",
    "How sure is that?": r"worse by 0\.021.* wins 83",
    "Is a network better than a linear model?": r"beats the linear model by 0\.041",
    "And than boosted trees?": r"No difference to boosted trees is shown: 0\.010",
    "Deeper or wider?": r"At equal size, wider is better than deeper by 0\.030",
    "Which parameters mattered?": r"Beyond chance: learning rate.*activation: tanh \(better\)",
    "Did it learn well, or overfit?": r"Learning curves of trial",
    "Where does it go wrong?": r"wrong on 5 of 114 rows.*One part of the table is shown",
    "From which probability on?": r"answered from a probability of 0\.21 on",
    "What should be tried next?": r"Scale the probabilities.*Gather more rows where column 1 is 3\.2 to 7\.5",
}


@pytest.mark.needs_checkout
def test_every_question_has_its_answer_where_the_document_says(make_run: Any) -> None:
    run = make_run(30, evidence=True)
    rows = re.findall(r"^\| ([^|]+\?) \| ([^|]+) \| ", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert [question for question, _ in rows] == list(ANSWERS)
    by_title = {section.title: section for section in sections(run, ENGLISH)}
    for question, title in rows:
        said = f"{headline(run, ENGLISH)} {words(by_title[title])}"
        assert re.search(ANSWERS[question], said), question


def words(section: Section) -> str:
    """All that a section says outside its tables."""
    facts = [f"{fact.label} {fact.value} {fact.note}" for fact in (*section.facts, *section.minor_facts)]
    blocks = [
        part for block in section.blocks for part in (block.text, *block.points, *map(ENGLISH.says, block.findings))
    ]
    pictures = [*section.pictures, *(picture for block in section.blocks for picture in block.pictures)]
    captions = [picture.caption for picture in pictures]
    return " ".join([section.lead, *section.texts, *facts, *captions, *blocks])
