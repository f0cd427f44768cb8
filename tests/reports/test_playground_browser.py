"""The playground in a real browser: its trainer against a lane, and what people do with it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browser import HOSTILE, WIDTHS, Browser, browsing, needs_axe, needs_chromium
from ffsearch.reports.documents import Report
from ffsearch.reports.html import set_page
from ffsearch.reports.playground import playground_of
from ffsearch.search.data.features.problem import Problem, Split
from ffsearch.search.folder.playground import FoundRows, MatrixColumn, MatrixPart, PlaygroundRows
from ffsearch.search.network.heads import Head, Loss, Task
from ffsearch.search.network.topology import Activation, Point
from ffsearch.search.network.weights import initial_weights
from ffsearch.search.steps.playground import constants_of_training
from ffsearch.search.training.augment import augment_words
from ffsearch.search.training.batches import cut_batches, epoch_order
from ffsearch.search.training.lanes import Lane, Settings, Tables, flat
from ffsearch.search.training.protocol import Job, Stopping
from ffsearch.search.wording.language import LANGUAGES

pytestmark = needs_chromium

N_TRAIN, N_VALID, N_COLUMNS = 330, 90, 5

HEADS = {
    Task.BINARY: Head(
        task=Task.BINARY, loss=Loss.BINARY_CROSSENTROPY, n_outputs=1, target_names=("y",), labels=("no", "yes")
    ),
    Task.MULTICLASS: Head(
        task=Task.MULTICLASS, loss=Loss.CATEGORICAL_CROSSENTROPY, n_outputs=3, target_names=("y",),
        labels=("a", "b", "c"),
    ),
    Task.REGRESSION: Head(task=Task.REGRESSION, loss=Loss.MSE, n_outputs=2, target_names=("y", "z")),
}  # fmt: skip


def a_split(task: Task) -> Split:
    """Rows whose target depends on two columns, and weights."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(N_TRAIN + N_VALID, N_COLUMNS)).astype(np.float32)
    score = x[:, 0] * x[:, 1] + 0.3 * rng.normal(size=len(x))
    y: Any = np.digitize(score, [-0.5, 0.5]).astype(np.int32)
    if task is Task.BINARY:
        y = (score > 0).astype(np.float32)[:, None]
    elif task is Task.REGRESSION:
        y = np.stack([score, x[:, 2]], axis=1).astype(np.float32)
    weight = rng.uniform(0.2, 1.8, len(x)).astype(np.float32)
    parts = [slice(0, N_TRAIN), slice(N_TRAIN, None)]
    (x_train, x_valid), (y_train, y_valid) = ([whole[part] for part in parts] for whole in (x, y))
    of_train, of_valid = (weight[part] / weight[part].mean() for part in parts)
    return Split(
        x_train=x_train, y_train=y_train, x_valid=x_valid, y_valid=y_valid, train_weight=of_train, valid_weight=of_valid
    )


def rows_of(task: Task, **changes: Any) -> PlaygroundRows:
    """The same rows as a page carries them, beside a network that was found."""
    split, head = a_split(task), HEADS[task]
    rng = np.random.default_rng(1)
    found = FoundRows(
        topology="5 -> 8 -> 1 relu (57 parameters)", n_train=900,
        losses=rng.uniform(0, 0.6, N_VALID).astype(np.float32), seconds=np.ones(N_VALID, np.float32),
    )  # fmt: skip
    known = {
        "task": str(task), "loss": str(head.loss), "target": head.target_names, "labels": head.labels,
        "n_outputs": head.n_outputs, "x": np.concatenate([split.x_train, split.x_valid]),
        "y": np.concatenate([split.y_train, split.y_valid]), "weight": None, "n_train": N_TRAIN, "n_of_train": 900,
        "n_of_valid": N_VALID, "scale": None, "constants": constants_of_training(), "batch_size": 32, "patience": 300,
        "most": 3_000, "found": found,
        "columns": tuple(MatrixColumn(column=f"c{n}", part=MatrixPart.NUMBER) for n in range(N_COLUMNS)),
    }  # fmt: skip
    return PlaygroundRows(**known | changes)


def written(rows: PlaygroundRows, path: Path, lang: str = "en") -> Path:
    t = LANGUAGES[lang]
    report = Report(name="run", headline="One hidden layer", sections=[], is_finished=True, version="1")
    path.write_text(set_page(report, t, play=playground_of(rows, n_sealed=60, t=t)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    column = MatrixColumn(column=HOSTILE, part=MatrixPart.LEVEL, detail=HOSTILE)
    plain = [MatrixColumn(column=f"c{n}", part=MatrixPart.NUMBER, ticks=((-1.0, 3.5),)) for n in range(1, N_COLUMNS)]
    hostile = rows_of(
        Task.MULTICLASS, target=(HOSTILE,), labels=(HOSTILE, "</script><!--", "c"), columns=(column, *plain)
    )
    return {
        **{str(task): written(rows_of(task), folder / f"{task}.html") for task in HEADS},
        "portuguese": written(rows_of(Task.BINARY), folder / "pt.html", "pt-BR"),
        "alone": written(rows_of(Task.BINARY, found=None), folder / "alone.html"),
        "hostile": written(hostile, folder / "hostile.html"),
    }


# --- its trainer -----------------------------------------------------------------------------------------------------

N_EPOCHS, BATCH = 11, 32
"""Ten updates an epoch: 110."""

TRAINING = """(({ options, weights, orders, size, train, valid }) => {
  const network = new (makeTrainer().Network)(options, weights);
  const rows = (part) => Object.fromEntries(Object.entries(part).map(([name, of]) => [name, Float32Array.from(of)]));
  const [learnt, judged] = [rows(train), rows(valid)];
  return { losses: orders.map((order) => {
    const { loss, penalty } = network.train(learnt, Int32Array.from(order), size);
    return [loss, network.evaluate(judged).loss, penalty];
  }), nParams: network.nParams };
})"""


def of_lane(problem: Problem, job: Job) -> np.ndarray[Any, Any]:
    """Training loss, validation loss and penalty of every epoch."""
    stopping = Stopping(max_epochs=N_EPOCHS, patience=N_EPOCHS, min_delta=0, batch_size=BATCH)
    lane, losses = Lane(job, Tables(problem), Settings(stopping=stopping)), []
    for _ in range(N_EPOCHS):
        lane.train_epoch()
        losses.append(lane.losses)
    return np.array(losses)


def of_browser(browser: Browser, problem: Problem, job: Job) -> np.ndarray[Any, Any]:
    """The same from the same weights and batches in the page's trainer."""
    point, split, head = job.point, problem.splits[0], problem.head
    weights = initial_weights(point, n_features=N_COLUMNS, n_outputs=head.n_outputs, seed=job.seed)
    kernels, vectors, moving = flat(point, weights)
    orders = [
        cut_batches(epoch_order(job.seed, epoch, n_rows=N_TRAIN), batch_size=BATCH).ravel().tolist()
        for epoch in range(1, N_EPOCHS + 1)
    ]
    given = {
        "options": {
            "sizes": [N_COLUMNS, *[point.width] * point.depth, head.n_outputs], "activation": str(point.activation),
            "batchNorm": point.batch_norm, "dropout": point.dropout, "l1": point.l1, "l2": point.l2,
            "learningRate": point.learning_rate, "loss": str(head.loss), "averaged": True,
            "seed": augment_words(job.seed).tolist(), "constants": constants_of_training(),
        },
        "weights": {"kernels": kernels.tolist(), "vectors": vectors.tolist(), "moving": moving.tolist()},
        "orders": orders, "size": BATCH,
        "train": {"x": split.x_train.ravel().tolist(), "y": split.y_train.ravel().tolist(),
                  "weight": np.asarray(split.train_weight).tolist()},
        "valid": {"x": split.x_valid.ravel().tolist(), "y": split.y_valid.ravel().tolist(),
                  "weight": np.asarray(split.valid_weight).tolist()},
    }  # fmt: skip
    return np.array(browser.evaluate(f"{TRAINING}({json.dumps(given)})")["losses"])


POINTS = [
    *(Point(depth=2, width=13, activation=one, learning_rate=0.01) for one in Activation),
    *(
        Point(depth=3, width=12, activation=one, batch_norm=True, dropout=0.3, l1=1e-4, l2=1e-3, learning_rate=0.005)
        for one in Activation
    ),
]


@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point.activation}-{point.depth}")
def test_its_losses_are_those_of_a_lane_over_a_hundred_updates(
    browser: Browser, pages: dict[str, Path], point: Point
) -> None:
    """Each activation plain, and with everything else that can be set; one task each."""
    browser.open(pages["binary"], width=768)
    task = list(HEADS)[POINTS.index(point) % len(HEADS)]
    problem = Problem(head=HEADS[task], splits=(a_split(task),))
    job = Job(trial=0, point=point, seed=np.random.SeedSequence(5))
    ours, theirs = of_browser(browser, problem, job), of_lane(problem, job)
    assert theirs[-1, 0] < theirs[0, 0]
    np.testing.assert_allclose(ours, theirs, atol=1e-3, rtol=0)


# --- what people see and do ------------------------------------------------------------------------------------------

READY = "({ n: columns.length, hacked: window.hacked ?? null, wide: document.documentElement.scrollWidth })"

STATE = """({
  ended: state.look?.ended ?? "", running: state.isRunning, epoch: state.look?.epoch ?? 0, covered: state.isCovered,
  status: byId("play-status").textContent, compared: byId("play-compared").textContent,
  dead: byId("play-dead").textContent, hidden: [...document.querySelectorAll("[data-answer]")].every((e) => e.hidden),
})"""


def click(browser: Browser, selector: str) -> None:
    browser.evaluate(f"(() => {{ document.querySelector({json.dumps(selector)}).click(); return {{}} }})()")


def until_ended(browser: Browser, *, n_tries: int = 300) -> dict[str, Any]:
    for _ in range(n_tries):
        found = browser.evaluate(STATE)
        if found["ended"] or not found["running"]:
            return found
        time.sleep(0.1)
    raise AssertionError(f"training does not end: {found}")


def requests_of(browser: Browser) -> list[str]:
    return [url for url in browser.requested if not url.startswith(("data:", "blob:"))]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["binary", "multiclass", "regression", "portuguese", "hostile", "alone"])
def test_a_page_opens_trains_and_asks_for_nothing(
    browser: Browser, pages: dict[str, Path], name: str, width: int
) -> None:
    browser.open(pages[name], width=width)
    opened = browser.evaluate(READY)
    assert opened["n"] == N_COLUMNS
    assert [url for url in browser.requested if not url.startswith("data:")] == [pages[name].as_uri()]
    click(browser, "#play-run")
    ended = until_ended(browser)
    assert ended["ended"] in ("stopped", "completed")
    assert ended["compared"]
    assert ended["dead"]
    assert browser.said == []
    assert requests_of(browser) == [pages[name].as_uri()]
    found = browser.evaluate(READY)
    assert found["hacked"] is None
    assert found["wide"] <= width


def test_rows_are_what_was_packed(browser: Browser, pages: dict[str, Path]) -> None:
    rows = rows_of(Task.MULTICLASS)
    browser.open(pages["multiclass"], width=768)
    found = browser.evaluate("({ x: columns.map((column) => [...column]), y: [...targets[0]] })")
    np.testing.assert_array_equal(np.array(found["x"], np.float32).T, rows.x)
    np.testing.assert_array_equal(found["y"], rows.y)


def test_who_guesses_first_sees_nothing_before_the_end(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["binary"], width=768)
    click(browser, "input[name=guessing]")
    click(browser, "#play-run")
    asked = browser.evaluate(STATE)
    assert (asked["epoch"], asked["status"]) == (0, "Choose your guess first; then Train.")
    click(browser, "input[value=higher]")
    click(browser, "#play-step")
    time.sleep(0.5)
    waiting = browser.evaluate(STATE)
    assert (waiting["covered"], waiting["hidden"], waiting["epoch"]) == (True, True, 1)
    assert "loss" not in waiting["status"]
    click(browser, "#play-run")
    ended = until_ended(browser)
    assert not ended["covered"]
    assert not ended["hidden"]
    assert ended["compared"].startswith("You guessed: higher.")
    assert "1 guesses" in ended["compared"]


def test_a_change_of_what_is_set_begins_anew_and_another_view_does_not(
    browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages["binary"], width=768)
    click(browser, "#play-step")
    time.sleep(0.5)
    change = """((name, value) => {{
      const field = document.querySelector(`[name=${{name}}]`);
      field.value = value;
      field.dispatchEvent(new Event("change", {{ bubbles: true }}));
      return {{ epoch: state.look?.epoch ?? 0 }};
    }})({}, {})"""
    assert browser.evaluate(change.format('"first"', '"3"'))["epoch"] == 1
    assert browser.evaluate(change.format('"depth"', '"4"'))["epoch"] == 0
    assert browser.evaluate(change.format('"width"', '"0"'))["epoch"] == 0
    click(browser, "#play-run")
    assert not browser.evaluate(STATE)["running"]  # the browser says what is wrong with 0


def test_a_unit_without_a_way_in_is_dead(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["binary"], width=768)
    found = browser.evaluate("""(() => {
      const { options } = settings();
      const network = new (makeTrainer().Network)({ ...options, sizes: [5, 4, 3, 1] });
      for (let row = 0; row < 5; row++) network.kernels[4 * row + 2] = network.means[0][4 * row + 2] = 0;
      return { dead: network.deadUnits(parts.valid.x)[0] };
    })()""")
    assert found["dead"] == [False, False, True, False]


@needs_axe
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_playground_has_no_fault_that_axe_knows(
    browser: Browser, pages: dict[str, Path], theme: str, width: int
) -> None:
    browser.open(pages["multiclass"], width=width, theme=theme)
    click(browser, "input[name=guessing]")
    assert browser.faults() == []
    click(browser, "input[value=same]")
    click(browser, "#play-run")
    until_ended(browser)
    assert browser.faults() == []


def test_a_page_without_workers_trains_by_itself(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["binary"], width=768)
    browser.evaluate("(() => { globalThis.Worker = undefined; return {} })()")
    click(browser, "#play-run")
    assert until_ended(browser)["ended"] in ("stopped", "completed")
    assert browser.said == []


def test_a_network_that_diverges_says_so(browser: Browser, tmp_path: Path) -> None:
    rows = rows_of(Task.REGRESSION)
    page = written(replace(rows, y=rows.y * np.float32(1e25)), tmp_path / "far.html")
    browser.open(page, width=768)
    click(browser, "#play-run")
    assert until_ended(browser)["ended"] == "diverged"
    assert "no longer a number" in browser.evaluate(STATE)["status"]
    assert browser.said == []
