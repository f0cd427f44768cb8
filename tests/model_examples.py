"""A mixed table and models for it that were never trained, for tests of what is done with a finished model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from examples import a_finished_run
from ffsearch.search.data.features.columns import Reading
from ffsearch.search.data.features.preprocess import Preprocessor, learn_layout, raw_numbers, raw_texts
from ffsearch.search.data.parsing.cells import Cells
from ffsearch.search.data.parsing.dates import DateReading
from ffsearch.search.data.parsing.spelling import PLAIN, Spelling
from ffsearch.search.exporting.checks import HeldOut, write_held_out
from ffsearch.search.folder.keras_file import newer_writer
from ffsearch.search.folder.reader import CHECK, MODEL
from ffsearch.search.network.heads import Head, TargetScale, Task, default_loss
from ffsearch.search.network.topology import Activation, Point
from ffsearch.search.network.weights import initial_weights
from ffsearch.search.serving.packaged import PackagedModel
from ffsearch.search.serving.packaging import save_model

NUMBERS: dict[str, Reading] = {
    "age": PLAIN,
    "income / year": PLAIN,
    "rent": Spelling(decimal=",", thousands=".", before="€"),
    "since": DateReading(day_first=True, origin="2019-11-05"),
}
CATEGORIES = ["city", "Größe", "grade", "shop"]
GRADES = ("low", "mid", "high")
POINT = Point(depth=2, width=24, batch_norm=True, activation=Activation.SWISH)
HEADS = {
    Task.BINARY: Head(
        task=Task.BINARY, loss=default_loss(Task.BINARY), n_outputs=1, target_names=("churn",), labels=("no", "yes")
    ),
    Task.MULTICLASS: Head(
        task=Task.MULTICLASS,
        loss=default_loss(Task.MULTICLASS),
        n_outputs=3,
        target_names=("kind",),
        labels=("x", "=y", "z"),
    ),
    Task.REGRESSION: Head(
        task=Task.REGRESSION,
        loss=default_loss(Task.REGRESSION),
        n_outputs=2,
        target_names=("price", "row"),
    ),
}
SCALE = TargetScale(mean=np.array([2000.0, -3.0]), scale=np.array([40.0, 0.01]))


def mixed_table(n_rows: int = 300, *, seed: int = 0) -> pd.DataFrame:
    """Numbers of different sizes and spellings, dates, texts, codes, steps; every column with gaps."""
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "id": [f"={row}" for row in range(n_rows)],
            "age": generator.normal(40, 15, n_rows).round(2),
            "city": generator.choice(["Bern", "New York, NY", "東京", 'the "Hague"'], n_rows),
            "income / year": generator.normal(0, 1, n_rows) * 10.0 ** generator.integers(-6, 9, n_rows),
            "Größe": generator.choice(["1", "2", "07"], n_rows),
            "rent": [f"€ {thousands}.{rest:03},5" for thousands, rest in generator.integers(1, 1000, (n_rows, 2))],
            "since": [
                f"{day % 28 + 1}/{day % 12 + 1}/{2020 + day % 5} {day % 24}:{day % 60:02}"
                for day in generator.integers(0, 10_000, n_rows)
            ],
            "grade": generator.choice(GRADES, n_rows),
            "shop": [f"shop {number}" for number in generator.integers(0, 9, n_rows)],
        }
    )
    for place, name in enumerate([*NUMBERS, *CATEGORIES]):
        frame.loc[place :: 7 + place, name] = None
    return frame


def spoilt(frame: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """The same rows with missing cells, unseen levels and numbers beyond every range, in another order of columns."""
    generator = np.random.default_rng(seed)
    spoilt = frame.astype(object)
    for name in [*NUMBERS, *CATEGORIES]:
        for cell in (None, "never seen", "?", 1e300, -1e300, "inf", " 3 "):
            spoilt.loc[generator.random(len(frame)) < 0.05, name] = cell
    return spoilt[spoilt.columns[::-1]].assign(extra="not asked for")


def raw_inputs(
    frame: pd.DataFrame, *, numbers: Mapping[str, Reading] | Sequence[str], categories: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Columns as the saved model takes them: numbers in their readings, or plain ones, then texts."""
    readings = numbers if isinstance(numbers, Mapping) else dict.fromkeys(numbers, PLAIN)
    raw: dict[str, NDArray[Any]] = {name: raw_numbers(Cells(frame[name]), one) for name, one in readings.items()}
    return raw | {name: raw_texts(Cells(frame[name])) for name in categories}


def preprocessor_of(frame: pd.DataFrame, *, quantiles: bool = False) -> Preprocessor:
    """What such a table teaches, with bins; four of the shops have slots, the others have their encodings alone."""
    raw = raw_inputs(frame, numbers=NUMBERS, categories=CATEGORIES)
    layout = learn_layout(raw, readings=NUMBERS, orders={"grade": GRADES}, number_bins=6, quantiles=quantiles)
    categories = tuple(
        replace(one, levels=one.levels[:4], rest=one.levels[4:], n_encodings=2) if one.name == "shop" else one
        for one in layout.categories
    )
    targets = np.random.default_rng(5).normal(size=(len(frame), 2))
    return Preprocessor.fit(replace(layout, categories=categories), raw, targets=targets)


def a_model(path: Path, task: Task, *, point: Point = POINT, **changes: Any) -> PackagedModel:
    """A saved model with random weights."""
    frame, head = mixed_table(), HEADS[task]
    preprocessor = changes.get("preprocessor") or preprocessor_of(frame)
    seed = np.random.SeedSequence(3)
    given = {
        "point": point,
        "networks": [initial_weights(point, n_features=preprocessor.n_features, n_outputs=head.n_outputs, seed=seed)],
        "head": head,
        "preprocessor": preprocessor,
        "target_scale": SCALE if task is Task.REGRESSION else None,
        "sample": frame.head(20),
    }
    return save_model(path, **{**given, **changes})


def a_run(path: Path, task: Task, *, point: Point = POINT, quantiles: bool = False, **changes: Any) -> PackagedModel:
    """A finished run folder with such a model and held-out rows."""
    a_finished_run(path)
    (path / "model").mkdir()
    preprocessor = preprocessor_of(mixed_table(), quantiles=quantiles)
    model = a_model(path / MODEL, task, point=point, preprocessor=preprocessor, **changes)
    held_out = mixed_table(80, seed=7)
    write_held_out(path / CHECK, model, HeldOut(frame=held_out, predictions=model.predictions(held_out)))
    return model


def skip_of_newer_keras(path: Path) -> None:
    """Skip a test of a stored model where the Keras that wrote it is newer than ours, which need not read it."""
    writer = newer_writer(path)
    if writer is not None:
        pytest.skip(f"Keras {writer} wrote {path.name}, and ours is older")
