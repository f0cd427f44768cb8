"""Reports in a real browser: Chromium, headless, spoken to over its DevTools pipe."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ffsearch.reports.html import write_report
from ffsearch.search.training.protocol import Ended
from ffsearch.search.wording.finding import Finding

fcntl = pytest.importorskip("fcntl", reason="a browser is spoken to over descriptors handed to it, as POSIX has them")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)

AXE = Path(__file__).parent.parent.parent / "node_modules" / "axe-core" / "axe.min.js"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium or chrome on PATH")

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
)  # fmt: skip

TIMEOUT_S = 60.0

HOSTILE = (
    "</style></bdi><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>\u202e🦊" + "x" * 10_000
)

WIDTHS = (360, 768, 1440)

PROBE = """(() => {
  const page = document.documentElement;
  const shown = (e) => e.getClientRects().length > 0;
  const head = document.querySelector("table[data-sortable] th button");
  const first = () => document.querySelector("table[data-sortable] tbody tr")?.cells[0].textContent;
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


# The browser reads commands from descriptor 3 and writes answers to 4: this puts the pipes there and becomes it.
LAUNCH = (
    "import os, sys; [os.dup2(int(fd), number) for number, fd in zip((3, 4), sys.argv[1:])]; "
    "os.execv(sys.argv[3], sys.argv[3:])"
)


class Browser:
    """A headless browser with one page; what the page asked for and said is kept in `events`.

    Args:
        answers: Descriptor that answers and events are read from.
        commands: Descriptor that commands are written to.
    """

    def __init__(self, answers: int, commands: int) -> None:
        self._in, self._out = answers, commands
        self._number = 0
        self._rest = b""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable", page=True)

    def call(self, method: str, *, page: bool = False, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer, keeping the events that come before it."""
        self._number += 1
        session = {"sessionId": self._session} if page else {}
        message = {"id": self._number, "method": method, "params": params, **session}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, path: Path, *, width: int, theme: str = "light") -> dict[str, Any]:
        """Load a file at a width and say what `PROBE` found."""
        self.events.clear()
        self.call(
            "Emulation.setDeviceMetricsOverride", page=True, width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        self.call("Emulation.setEmulatedMedia", page=True, features=[{"name": "prefers-color-scheme", "value": theme}])
        self.call("Page.navigate", page=True, url=path.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._read())
        return self.evaluate(PROBE)

    def evaluate(self, expression: str) -> dict[str, Any]:
        """What a script of ours finds in the page."""
        found = self.call("Runtime.evaluate", page=True, expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return dict(found["result"]["value"])

    @property
    def said(self) -> list[dict[str, Any]]:
        """Console messages, exceptions and the browser's own complaints."""
        methods = {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"}
        return [event["params"] for event in self.events if event["method"] in methods]

    @property
    def requested(self) -> list[str]:
        """Addresses the page asked for."""
        return [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]

    def _read(self) -> dict[str, Any]:
        deadline = time.monotonic() + TIMEOUT_S
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], deadline - time.monotonic())
            assert ready, "the browser does not answer"
            arrived = os.read(self._in, 1 << 16)
            assert arrived, "the browser has gone"
            self._rest += arrived
        message, _, self._rest = self._rest.partition(b"\0")
        read: dict[str, Any] = json.loads(message)
        return read


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    answers, theirs_out = os.pipe()
    theirs_in, commands = os.pipe()
    theirs = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (theirs_in, theirs_out)]  # 10: clear of 3 and 4
    profile = f"--user-data-dir={tmp_path_factory.mktemp('profile')}"
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCH, *map(str, theirs), str(CHROMIUM), *FLAGS, profile],
        pass_fds=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for fd in (theirs_in, theirs_out, *theirs):
            os.close(fd)
        yield Browser(answers, commands)
    finally:
        process.terminate()
        process.wait(timeout=TIMEOUT_S)
        os.close(answers)
        os.close(commands)


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
    found = browser.open(reports[name], width=width)
    assert browser.said == []
    assert [url for url in browser.requested if not url.startswith("data:")] == [reports[name].as_uri()]
    assert found["overflow"] <= 0
    assert found["hacked"] is None
    assert found["unnamed"] == 0
    assert found["sorted"]
    assert found["figures"] == {"usual": 20, "unscored": 2, "hostile": 20}[name]


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
  const field = document.querySelector(".filter input"), told = document.querySelector(".told");
  const shown = () => [...document.querySelectorAll(".filter + * tr[data-row]")].filter((row) => !row.hidden);
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


@pytest.mark.skipif(not AXE.exists(), reason="no axe-core: npm install --no-save axe-core")
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_report_has_no_fault_that_axe_knows(
    browser: Browser, reports: dict[str, Path], theme: str, width: int
) -> None:
    browser.open(reports["usual"], width=width, theme=theme)
    browser.evaluate(
        "(() => { for (const each of document.querySelectorAll('details')) each.open = true; return {} })()"
    )
    browser.evaluate(f"(() => {{ {AXE.read_text(encoding='utf-8')}; return {{}} }})()")
    found = browser.evaluate(
        "axe.run().then(({violations}) => ({ ids: violations.map(({id, impact}) => [id, impact]) }))"
    )
    assert found["ids"] == []


def test_a_report_follows_the_readers_theme(browser: Browser, reports: dict[str, Path]) -> None:
    light, dark = (browser.open(reports["usual"], width=1440, theme=theme)["paper"] for theme in ("light", "dark"))
    assert (light, dark) == ("rgb(253, 253, 252)", "rgb(18, 23, 31)")
