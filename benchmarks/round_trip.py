"""Whether finished runs answer alike in every format, on raw rows of their own tables and on spoilt ones.

    python benchmarks/round_trip.py RUN [RUN ...]

Of each run's table (which must still be where it was) 10,000 rows are drawn, as they stand in the file; and 10,000 more
in which every twentieth cell is missing, of an unseen level, no number, or beyond every range, with the columns in
another order and one too many. The run's own model and every export answer both; the largest difference is told, as
a share of an answer and the spread of its target.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd

from ffsearch.search.data.files.sources import read_source
from ffsearch.search.data.files.text import TextSettings
from ffsearch.search.exporting import runtimes
from ffsearch.search.exporting.export import export_run
from ffsearch.search.exporting.formats import Format
from ffsearch.search.folder.reader import MODEL, load
from ffsearch.search.serving.packaged import PackagedModel, load_packaged
from ffsearch.search.serving.packaging import largest_difference

N_ROWS = 10_000
SHARE = 0.05
CELLS = (None, "", "?", "never seen", "1e300", "-inf", "31.12.1999", " 7 ")
"""What cells are replaced by."""


def drawn(source: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """Rows of the table as they stand in the file."""
    frame = read_source(source, settings=TextSettings(expected=frozenset(columns))).frame
    return frame.sample(N_ROWS, replace=True, random_state=0, ignore_index=True)


def spoilt(frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """The same rows with cells that no training row need have had."""
    generator = np.random.default_rng(1)
    other = frame[list(columns)[::-1]].astype(object)
    for name in columns:
        rows = np.flatnonzero(generator.random(len(other)) < SHARE)
        other.loc[rows, name] = np.array(CELLS, dtype=object)[generator.integers(0, len(CELLS), len(rows))]
    return other.assign(**{"not asked for": "x"})


def images(source: str, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Images as they stand in the file, and with every twentieth pixel beyond its range."""
    frame = read_source(source, settings=TextSettings()).frame
    pixels = frame.select_dtypes("number").iloc[:, : int(np.prod(shape))]
    plain = pixels.sample(N_ROWS, replace=True, random_state=0).to_numpy(np.float32).reshape(-1, *shape)
    generator = np.random.default_rng(1)
    beyond = np.array([-300, 1000], np.float32)[generator.integers(0, 2, plain.shape)]
    return plain, np.where(generator.random(plain.shape) < SHARE, beyond, plain)


def tables_of(run: Path, packaged: PackagedModel) -> tuple[Any, Any]:
    """Rows as they are, and spoilt ones."""
    source, shape = load(run).results.data.source, packaged.facts.get("image")
    if shape:
        return images(source, tuple(shape))
    rows = drawn(source, packaged.columns)
    return rows, spoilt(rows, packaged.columns)


def differences(run: Path) -> dict[Format, tuple[float, float]]:
    """By format the largest difference on rows as they are, and on spoilt ones."""
    packaged: PackagedModel = load_packaged(run / MODEL)
    tables = tables_of(run, packaged)
    expected = [packaged.predictions(table) for table in tables]
    spread = packaged.facts.get("target_spread")
    found = {}
    for kind in Format:
        with tempfile.TemporaryDirectory() as folder:
            done = export_run(run, kind, out=Path(folder) / kind.default_name)
            predictions = [runtimes.predictions_of(packaged, done.path, kind, table) for table in tables]
        plain, awkward = (
            largest_difference(one, other, spread=spread) for one, other in zip(predictions, expected, strict=True)
        )
        found[kind] = (plain, awkward)
    return found


def main() -> None:
    """Go through the runs."""
    for run in map(Path, sys.argv[1:]):
        told = [f"{kind} {plain:.0e} {awkward:.0e}" for kind, (plain, awkward) in differences(run).items()]
        print(f"{run.name:12} {'   '.join(told)}", flush=True)


if __name__ == "__main__":
    main()
