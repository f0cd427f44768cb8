"""Terms on disk: what was added is read, whatever a kill left behind."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ffsearch.errors import RunError
from ffsearch.search.evidence.stored import MIN_KEPT_ROWS, TermsFile, kept_rows


def terms(seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n_rows, 2)).astype(np.float32) for n_rows in (3, 5)]


def file(tmp_path: Path) -> TermsFile:
    return TermsFile(path=tmp_path / "terms.bin", n_rows=(3, 5), n_terms=2)


def test_what_was_added_is_read_in_the_order_of_trials(tmp_path: Path) -> None:
    kept = file(tmp_path)
    for trial in (4, 0, 2):
        kept.add(trial, terms(trial))
    trials, folds = kept.read()
    assert trials == [0, 2, 4]
    assert [fold.shape for fold in folds] == [(3, 3, 2), (3, 5, 2)]
    for place, trial in enumerate(trials):
        for fold, expected in zip(folds, terms(trial), strict=True):
            np.testing.assert_array_equal(fold[place], expected)


def test_what_was_added_is_on_the_disk_before_the_trial_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bytes | str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        found = Path(f"/dev/fd/{descriptor}").resolve()
        synced.append(found.read_bytes() if found.is_file() else found.name)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    kept = file(tmp_path)
    for trial in range(2):
        kept.add(trial, terms(trial))
        assert kept.path.read_bytes() in synced
    assert tmp_path.name in synced  # the file's name, which would be lost with it


def test_a_file_that_is_not_there_is_empty(tmp_path: Path) -> None:
    trials, folds = file(tmp_path).read()
    assert trials == []
    assert [fold.shape for fold in folds] == [(0, 3, 2), (0, 5, 2)]


@pytest.mark.parametrize("n_lost", [1, 8, 71, 72, 73, 130, 144, 150])
def test_a_kill_while_writing_loses_that_record_alone(tmp_path: Path, n_lost: int) -> None:
    kept = file(tmp_path)
    for trial in range(2):
        kept.add(trial, terms(trial))
    content = kept.path.read_bytes()
    kept.path.write_bytes(content[:-n_lost])
    n_whole = 2 - -(-n_lost // 72)
    assert len(kept.read()[0]) == max(0, n_whole)
    kept.add(7, terms(7))
    trials, folds = kept.read()
    assert trials == [*range(max(0, n_whole)), 7]
    np.testing.assert_array_equal(folds[1][-1], terms(7)[1])


def test_a_trial_added_again_counts_by_its_later_record(tmp_path: Path) -> None:
    kept = file(tmp_path)
    kept.add(1, terms(0))
    kept.add(1, terms(5))
    trials, folds = kept.read()
    assert trials == [1]
    np.testing.assert_array_equal(folds[0][0], terms(5)[0])


def test_a_file_of_other_rows_is_refused(tmp_path: Path) -> None:
    file(tmp_path).add(0, terms(0))
    other = TermsFile(path=tmp_path / "terms.bin", n_rows=(4, 4), n_terms=2)
    with pytest.raises(RunError, match=r"holds answers of other validation rows than this run has. Remove it"):
        other.read()


def test_a_path_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"terms\.bin"):
        TermsFile(path=tmp_path / "nowhere" / "terms.bin", n_rows=(3, 5), n_terms=2).add(0, terms(0))


@given(n_rows=st.integers(1, 300_000), n_trials=st.integers(1, 100_000))
def test_kept_rows_fit_and_are_enough(n_rows: int, n_trials: int) -> None:
    rows = kept_rows(n_rows, n_trials=n_trials, n_terms=1, rng=np.random.default_rng(0))
    assert len(rows) >= min(n_rows, MIN_KEPT_ROWS)
    assert len(rows) == n_rows or len(rows) * n_trials * 4 <= 64_000_000 or len(rows) == MIN_KEPT_ROWS
    assert (np.diff(rows) > 0).all()
    assert rows[-1] < n_rows
