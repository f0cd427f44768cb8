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
    assert re.fullmatch(r"FFS[1-9]\d\d", code)
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


# --- where each is made to appear -------------------------------------------------------------------------------------

ENDS = "test_records.py::test_a_record_says_why_it_ended"
VERDICTS = "test_evidence_verdict.py::test_every_wording_is_reachable"
STUDIES = "test_capacity_contrasts.py::test_large_effects_are_found_and_told"
PAGES = "reports/test_reports_page.py::test_every_shape_of_run_makes_a_sound_page"

SHOWN_BY: dict[str, list[Code]] = {
    "test_asked.py::test_what_is_worth_saying_of_rows_is_said": [code for code in Code if code[3] == "9"],
    "test_class_experiment.py::test_the_folder_and_the_report_say_what_was_checked_and_what_was_not": [
        Code.SHARDS_MERGED, Code.SHARDS_NOT_CHECKED,
    ],
    ENDS: [code for code in Code if code.name.startswith("TRIAL_") and code is not Code.TRIAL_LOST],
    "test_executors.py::test_what_is_lost_too_often_fails_alone_and_says_why": [Code.NETWORK_LOST],
    "test_run.py::test_a_finished_run_is_left_alone_and_more_trials_go_on_with_it": [Code.RUN_FINISHED],
    "test_executors.py::test_workers_that_have_nothing_to_do_are_named": [Code.IDLE_WORKERS],
    "test_executors.py::test_a_killed_worker_costs_its_networks_a_retry_and_nothing_else": [Code.WORKER_GONE],
    "test_cluster.py::test_a_node_that_goes_costs_its_networks_a_retry_and_nothing_else": [Code.NODE_JOINED],
    "test_compiling.py::test_a_damaged_file_is_never_read_and_compiled_anew": [Code.PROGRAMS_DAMAGED],
    "test_compiling.py::test_a_folder_that_cannot_be_made_keeps_nothing_and_stops_nothing": [Code.PROGRAMS_NOT_KEPT],
    "test_temperature.py::test_a_temperature_that_is_shown_to_help_is_in_the_model_and_told": [
        Code.TEMPERATURE_IN_MODEL
    ],
    "test_row_intervals.py::test_a_run_says_how_far_answers_may_be_off_in_the_targets_units": [Code.ROW_INTERVALS],
    "test_thresholds.py::test_what_was_chosen_is_told_everywhere": [Code.THRESHOLD_IN_MODEL],
    "test_thresholds.py::test_where_nothing_is_asked_the_panel_says_how_to_ask": [Code.THRESHOLD_NOT_ASKED],
    "test_thresholds.py::test_without_repeats_a_threshold_is_not_chosen_and_that_is_told": [Code.THRESHOLD_UNLEARNT],
    "test_run_evidence.py::test_when_time_is_short_the_search_decides_and_says_so": [Code.FINALISTS_UNTRAINED],
    "test_run_evidence.py::test_baselines_that_the_budget_has_no_time_for_are_left_out_and_it_is_said": [
        Code.BASELINE_LEFT_OUT
    ],
    "test_evidence_baselines.py::test_too_many_rows_are_drawn_from_and_it_is_said": [Code.BASELINE_ROWS],
    "test_evidence_baselines.py::test_many_classes_or_cells_leave_few_iterations_and_it_is_said": [
        Code.BASELINE_IMPROVING
    ],
    "test_evidence_baselines.py::test_splits_that_time_is_too_short_for_are_left_out_and_it_is_said": [
        Code.BASELINE_SPLITS
    ],
    "test_run_evidence.py::test_steps_that_take_minutes_say_so_as_they_begin": [Code.STEP_LONG],
    "test_damages.py::test_a_report_goes_on_without_a_damaged_table_and_says_so": [Code.TABLE_DAMAGED],
    VERDICTS: [code for code in Code if code[3] == "6"],
    "reports/test_reports_page.py::test_where_no_network_is_the_answer_the_first_step_says_what_is": [
        Code.USE_BOOSTING, Code.USE_LINEAR, Code.LOOK_ELSEWHERE,
    ],
    "reports/test_reports_page.py::test_bins_are_advised_where_trees_win_on_numbers": [Code.TRY_BINS],
    "reports/test_reports_page.py::test_many_diverged_trials_and_unequal_classes_give_steps": [
        Code.MANY_DIVERGED, Code.UNEQUAL_CLASSES,
    ],
    "reports/test_reports_page.py::test_hostile_strings_are_text": [Code.SEARCH_LONGER],
    "reports/test_reports_page.py::test_five_hundred_trials_are_quick_and_small": [Code.NO_MORE_TRIALS],
    PAGES: [
        Code.TRY_SMALLER, Code.RUN_EVIDENCE, Code.AT_THE_EDGE, Code.MORE_TRIALS, Code.SCALE_PROBABILITIES,
        Code.MORE_ROWS_OF_SLICE,
    ],
    STUDIES: [
        Code.DEPTH_DEEPER, Code.DEPTH_WIDER, Code.DEPTH_SATURATED, Code.DEPTH_EITHER, Code.OTHER_DEPTH,
        Code.MORE_PARAMETERS, Code.RATE_AT_EDGE,
    ],
    "test_capacity_contrasts.py::test_what_noise_hides_is_not_settled_and_it_is_said_what_would_settle_it": [
        Code.DEPTH_NOT_SETTLED, Code.STUDY_SETTLED_BY,
    ],
    "test_capacity_contrasts.py::test_more_convolutional_layers_must_beat_both_ways_of_being_wide": [
        Code.DEPTH_AGAINST_WIDE
    ],
    "reports/test_capacity_report.py::test_a_page_says_the_verdict_first_and_every_figure_tells_what_it_shows": [
        Code.BUDGET_REVERSES
    ],
    "test_capacity_contrasts.py::test_training_that_fails_is_told_apart_from_too_many_layers": [Code.DEEP_UNTRAINED],
    "test_capacity_verdict.py::test_lines_that_grow_and_shrink_are_no_saturation_and_not_alike": [Code.GAIN_CHANGES],
    "test_capacity_longer.py::test_two_cells_of_one_budget_are_trained_longer_and_it_is_told": [
        Code.TRAINED_LONGER, Code.AT_HALF,
    ],
    "test_capacity_cells.py::test_cells_that_cannot_be_are_left_out_and_told": [Code.CELL_MISSING],
    "test_findings_in_data.py::test_no_finding_in_data_is_forgotten": [code for code in Code if code[3] in "123"],
}  # fmt: skip
"""Codes by a test in which they appear."""

TOO_DEAR: dict[str, Finding] = {
    "two drivers of one database, of which one is silent for minutes": found(Code.TRIAL_LOST, trial=7),
    "a budget that ends between two repeats of the finalists": found(Code.REPEATS_CUT, n=3, total=5),
    "a budget that ends while the winner learns from fewer rows": found(Code.ROWS_UNLEARNT, rows=1640),
    "a budget that ends between two repeats of changes": found(Code.CHANGES_UNLEARNT),
    "a search so large that not all changes are tried in its time": found(
        Code.CHANGES_LEFT_OUT,
        changes=(
            found(Code.CHANGE, "size", factor="depth", change="deeper"),
            found(Code.CHANGE, "parameter", factor="dropout", change="off"),
        ),
    ),
}
"""Findings that only a long run has, by what it would take; they are said here as they would be there."""


def test_every_code_appears_in_a_test() -> None:
    shown = [code for codes in SHOWN_BY.values() for code in codes]
    dear = [finding.code for finding in TOO_DEAR.values()]
    assert sorted({*shown, *dear, Code.CHANGE}) == sorted(Code)
    tests = Path(__file__).parent
    for place in SHOWN_BY:
        file, _, name = place.partition("::")
        assert f"def {name}(" in (tests / file).read_text(encoding="utf-8"), place


@pytest.mark.parametrize("why", TOO_DEAR)
def test_what_only_a_long_run_finds_is_said_in_every_language(why: str) -> None:
    said = [t.says(TOO_DEAR[why]) for t in LANGUAGES.values()]
    assert len(set(said)) == len(LANGUAGES)
    assert not any("{" in sentence for sentence in said)
