"""Reports in a real browser."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from browser import HOSTILE, WIDTHS, Browser, browsing, needs_axe, needs_chromium
from ffsearch.reports.html import write_comparison, write_report
from ffsearch.search.training.protocol import Ended
from ffsearch.search.wording.finding import Finding

pytestmark = needs_chromium

PROBE = """(() => {
  const page = document.documentElement;
  const shown = (e) => e.getClientRects().length > 0;
  const head = document.querySelector("#search table[data-sortable] th button");
  const first = () => document.querySelector("#search table[data-sortable] tbody tr")?.cells[0].textContent;
  const before = first();
  head?.click(); head?.click();
  return {
    overflow: page.scrollWidth - page.clientWidth,
    hacked: window.hacked ?? null,
    figures: [...document.querySelectorAll("figure svg")].filter(shown).length,
    unnamed: [...document.querySelectorAll("svg")].filter((e) => !e.getAttribute("aria-label")).length,
    sorted: before === undefined || first() !== undefined && Number(first()) >= Number(before),
    paper: getComputedStyle(document.body).backgroundColor,
  };
})()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def reports(make_run: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A usual report, one of a run without any score, and one full of hostile strings."""
    folder = tmp_path_factory.mktemp("reports")
    columns = [{"name": HOSTILE, "kind": HOSTILE, "used": True, "reason": HOSTILE, "n_missing": 1, "n_levels": 2}]
    hostile = make_run(
        8,
        evidence=True,
        columns=columns,
        notices=[Finding.from_dict(HOSTILE)],
        environment={HOSTILE: HOSTILE},
        space_text=HOSTILE,
    )
    hostile.summary.update(name=HOSTILE)
    hostile.summary["data"].update(source=HOSTILE, target=[HOSTILE])
    hostile.summary["errors"].update(labels=[HOSTILE, HOSTILE])
    for part in (*hostile.summary["slices"], *hostile.summary["effects"]):
        part.update(column=HOSTILE, rows=HOSTILE, change=HOSTILE if part.get("factor") == "activation" else "deeper")
    hostile.finalists["topology"] = HOSTILE
    runs = {"usual": make_run(40, evidence=True), "unscored": make_run(4, only=Ended.DIVERGED), "hostile": hostile}
    return {name: write_report(run, folder / f"{name}.html") for name, run in runs.items()}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["usual", "unscored", "hostile"])
def test_a_report_opens_in_silence_and_asks_for_nothing(
    browser: Browser, reports: dict[str, Path], name: str, width: int
) -> None:
    browser.open(reports[name], width=width)
    found = browser.evaluate(PROBE)
    assert browser.said == []
    assert [url for url in browser.requested if not url.startswith("data:")] == [reports[name].as_uri()]
    assert found["overflow"] <= 0
    assert found["hacked"] is None
    assert found["unnamed"] == 0
    assert found["sorted"]
    assert found["figures"] == {"usual": 24, "unscored": 2, "hostile": 24}[name]


FOLDING = """(() => {
  const folds = [...document.querySelectorAll("details.fold")], button = document.querySelector(".open-all");
  const state = () => [folds.filter((each) => each.open).length, document.documentElement.scrollHeight];
  const before = state();
  dispatchEvent(new Event("beforeprint"));
  const printed = state();
  dispatchEvent(new Event("afterprint"));
  const after = state();
  button.click();
  const opened = state(), said = button.textContent;
  button.click();
  return { n: folds.length, before, printed, after, opened, said, again: state(),
           contents: document.querySelector("nav details").open };
})()"""


@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_folded_makes_a_page_short_and_opens_at_once_and_on_paper(
    browser: Browser, reports: dict[str, Path], width: int
) -> None:
    browser.open(reports["usual"], width=width)
    found = browser.evaluate(FOLDING)
    assert found["before"] == found["after"] == found["again"]
    assert found["before"][0] == 0
    assert found["printed"] == found["opened"]
    assert found["opened"][0] == found["n"] >= 12
    assert found["before"][1] < 0.6 * found["opened"][1]
    assert found["said"] == "Fold it again"
    assert found["contents"] == (width > 360)


SAVING = """(async () => {
  const saved = [];
  HTMLAnchorElement.prototype.click = function () { saved.push(this.download); };
  const real = URL.createObjectURL;
  URL.createObjectURL = (blob) => { saved.push(blob); return real(blob); };
  document.querySelector("#worth figure .save").click();
  document.querySelector("#worth .fold .save").click();
  const [svg, svgName, csv, csvName] = saved;
  const text = await svg.text(), parsed = new DOMParser().parseFromString(text, "image/svg+xml");
  const root = parsed.documentElement;
  const colours = [...text.matchAll(/var\\((--[\\w-]+)/g)].map((each) => each[1]);
  const bytes = [...new Uint8Array(await csv.arrayBuffer())].slice(0, 3);
  return { svgName, csvName, wrong: parsed.querySelectorAll("parsererror").length, root: root.localName,
           unresolved: colours.filter((name) => !root.style.getPropertyValue(name)).length, n_colours: colours.length,
           bytes, text: await csv.text() };
})()"""


def test_figures_and_tables_are_saved_as_files(browser: Browser, reports: dict[str, Path]) -> None:
    browser.open(reports["usual"], width=1440)
    found = browser.evaluate(SAVING)
    assert (found["svgName"], found["csvName"]) == ("worth-1.svg", "worth-1.csv")
    assert (found["root"], found["wrong"], found["unresolved"]) == ("svg", 0, 0)
    assert found["n_colours"] > 0
    assert browser.said == []
    rows = list(csv.reader(io.StringIO(found["text"])))
    assert found["bytes"] == [0xEF, 0xBB, 0xBF]  # by which spreadsheets know UTF-8
    assert rows[0][0].endswith("model")
    assert {len(row) for row in rows} == {len(rows[0])}
    assert "accuracy" in {row[0] for row in rows}


CUT = """(() => {
  const page = document.documentElement, parts = [...document.querySelectorAll(".scroll")];
  return { page: page.scrollWidth - page.clientWidth, parts: parts.map((each) => each.scrollWidth - each.clientWidth),
           down: parts.map((each) => each.scrollHeight - each.clientHeight) };
})()"""


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_of_a_comparison_is_cut(
    browser: Browser, make_run: Callable[..., Any], tmp_path: Path, width: int
) -> None:
    runs = [
        make_run(12, evidence=True, path=Path(f"runs/{seed}"), space_text=f"search: {{seed: {seed}}}")
        for seed in (0, 1)
    ]
    browser.open(write_comparison(runs, tmp_path / "page.html"), width=width)
    found = browser.evaluate(CUT)
    assert found["page"] <= 0
    assert len(found["parts"]) == 3
    assert max(found["parts"]) <= 0
    assert max(found["down"]) <= 0


WHERE = """(async () => {
  location.hash = "#search";
  const here = () => document.querySelector("nav a[aria-current]")?.hash ?? "";
  for (let waits = 0; waits < 200 && here() !== "#search"; waits++) await new Promise((done) => setTimeout(done, 50));
  return { here: here() };
})()"""


def test_the_contents_tell_where_one_is(browser: Browser, reports: dict[str, Path]) -> None:
    browser.open(reports["usual"], width=1440)
    assert browser.evaluate(WHERE)["here"] == "#search"


FOLLOWING = """(() => {
  const number = document.querySelector("tr[data-row]").dataset.row;
  const figures = () => [...document.querySelectorAll("svg")].filter((svg) => svg.querySelector(".on")).length;
  const bar = document.querySelector(".followed");
  const button = document.querySelector(`tr[data-row="${number}"] button`);
  document.querySelector(`svg [data-trial="${number}"]`).dispatchEvent(new MouseEvent("click", { bubbles: true }));
  const clicked = [figures(), bar.hidden, bar.textContent, button.ariaPressed];
  document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
  const escaped = [figures(), bar.hidden];
  button.click();
  const pressed = [figures(), bar.hidden];
  bar.querySelector("button").click();
  return { number, clicked, escaped, pressed, closed: [figures(), bar.hidden] };
})()"""


def test_a_trial_is_followed_through_all_figures(browser: Browser, reports: dict[str, Path]) -> None:
    browser.open(reports["usual"], width=1440)
    found = browser.evaluate(FOLLOWING)
    n_figures, hidden, told, is_pressed = found["clicked"]
    assert n_figures >= 8  # history, parallel coordinates, clouds and strips, each at two widths
    assert not hidden
    assert told.startswith(f"trial {found['number']}: ")
    assert is_pressed == "true"
    assert found["escaped"] == [0, True]
    assert found["pressed"] == [n_figures, False]
    assert found["closed"] == [0, True]


FILTERING = """(() => {
  const field = document.querySelector("#search .filter input"), told = document.querySelector("#search .told");
  const shown = () => [...document.querySelectorAll("#search .filter + * tr[data-row]")].filter((row) => !row.hidden);
  const type = (text) => { field.value = text; field.dispatchEvent(new Event("input")); return shown().length; };
  const all = shown().length;
  const pruned = type("PRUNED relu");
  const texts = shown().map((row) => row.textContent);
  return { all, pruned, told: told.textContent, fit: texts.every((text) => /pruned/.test(text) && /relu/.test(text)),
           none: type("no such word"), again: type("") };
})()"""


def test_the_table_of_trials_is_searched(browser: Browser, reports: dict[str, Path]) -> None:
    browser.open(reports["usual"], width=1440)
    found = browser.evaluate(FILTERING)
    assert found["all"] == found["again"] == 40
    assert 0 < found["pruned"] < 40
    assert found["told"] == f"{found['pruned']} of 40 shown"
    assert found["fit"]
    assert found["none"] == 0


TIPS = """(() => {
  const tip = document.querySelector(".tip");
  const over = (selector) => {
    document.querySelector(selector).dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    return tip.hidden ? "" : tip.textContent;
  };
  return { epoch: over("#learning [data-tip]"), trial: over("#search .wide [data-trial]"), none: over("h1"),
           titles: document.querySelectorAll("svg title").length };
})()"""


def test_marks_tell_what_they_are(browser: Browser, reports: dict[str, Path]) -> None:
    browser.open(reports["usual"], width=1440)
    found = browser.evaluate(TIPS)
    assert found["epoch"].startswith("epoch 1: validation ")
    assert found["trial"].startswith("trial ")
    assert (found["none"], found["titles"]) == ("", 0)


@needs_axe
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_report_has_no_fault_that_axe_knows(
    browser: Browser, reports: dict[str, Path], theme: str, width: int
) -> None:
    browser.open(reports["usual"], width=width, theme=theme)
    browser.evaluate(
        "(() => { for (const each of document.querySelectorAll('details')) each.open = true; return {} })()"
    )
    assert browser.faults() == []


def test_a_report_follows_the_readers_theme(browser: Browser, reports: dict[str, Path]) -> None:
    papers = []
    for theme in ("light", "dark"):
        browser.open(reports["usual"], width=1440, theme=theme)
        papers.append(browser.evaluate(PROBE)["paper"])
    assert tuple(papers) == ("rgb(253, 253, 252)", "rgb(18, 23, 31)")
