"""What trials answered on their validation rows, kept until the choice is weighed: one small record a trial.

Kept are the terms of the objective (`terms.py`), not the predictions: nearly always one float32 a row instead of one a
row and class, and all that resampling the choice needs. The file is a header and records of one length; a process
killed while writing leaves part of a record, which reading leaves out and the next record takes the place of.

    | magic, n_folds, n_rows of each fold, n_terms | trial, terms of all folds | trial, terms of all folds | ...
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.errors import RunError
from ffsearch.search.base.files import disk_error, sync_folder

__all__ = ["TermsFile", "kept_rows"]

MAX_BYTES: Final = 64_000_000
"""Largest file. Choice: 160,000 rows of 100 trials; what fewer rows cost in precision is far below what seeds cost."""

MIN_KEPT_ROWS: Final = 500
"""Rows that are kept in any case, where there are as many. Choice: fewer rows know no difference between trials."""

_MAGIC: Final = 0x46465445524D5331  # "FFTERMS1"


def kept_rows(n_rows: int, *, n_trials: int, n_terms: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The validation rows of a fold whose terms are kept, ascending: all, or a random part that fits `MAX_BYTES`.

    Args:
        n_rows: Validation rows there are.
        n_trials: Trials times folds to expect.
        n_terms: Terms a row.
        rng: Draws the part; the same rows are kept of every trial.
    """
    most = max(MIN_KEPT_ROWS, MAX_BYTES // (4 * n_terms * max(1, n_trials)))
    return np.arange(n_rows) if n_rows <= most else np.sort(rng.permutation(n_rows)[:most])


@dataclass(frozen=True, kw_only=True)
class TermsFile:
    """The file of one run.

    Args:
        path: Where it is; made when the first record is added.
        n_rows: Rows of every record, one for each fold in the order of folds.
        n_terms: Terms a row.
    """

    path: Path
    n_rows: Sequence[int]
    n_terms: int

    def add(self, trial: int, terms: Sequence[NDArray[np.float32]]) -> None:
        """Add what a trial answered in every fold; when this returns it survives a kill and a power cut.

        A trial that is there already is replaced by the later record.

        Args:
            trial: Its number.
            terms: One a fold, shape (n_rows, n_terms).

        Raises:
            RunError: If the disk is full or the file cannot be written.
        """
        record = [np.array([trial], "<i8").tobytes(), *(np.ascontiguousarray(one, "<f4").tobytes() for one in terms)]
        assert [one.shape for one in terms] == [(n_rows, self.n_terms) for n_rows in self.n_rows]
        try:
            whole = self._whole_bytes()
            with self.path.open("r+b" if whole else "wb") as file:
                if not whole:
                    file.write(self._header)
                else:
                    file.truncate(whole)
                    file.seek(whole)
                file.write(b"".join(record))
                file.flush()
                os.fsync(file.fileno())
            if not whole:
                sync_folder(self.path.parent)
        except OSError as error:
            raise disk_error(error, self.path) from error

    def read(self) -> tuple[list[int], list[NDArray[np.float32]]]:
        """All whole records.

        Returns:
            The trials in ascending order, and a fold's terms of all of them, each of shape (n_trials, n_rows, n_terms).

        Raises:
            RunError: If the file is of another run, or cannot be read.
        """
        try:
            content = self.path.read_bytes() if self.path.exists() else b""
        except OSError as error:
            raise disk_error(error, self.path) from error
        content = content[: self._whole(len(content))]
        if content and not content.startswith(self._header):
            raise RunError(
                f"{self.path} holds answers of other validation rows than this run has. Remove it: the trials it lacks "
                "are left out of the corrected estimate."
            )
        body = content[len(self._header) :]
        by_trial = {}
        for start in range(0, len(body), self._record_bytes):
            record = body[start : start + self._record_bytes]
            by_trial[int(np.frombuffer(record, "<i8", count=1)[0])] = np.frombuffer(record, "<f4", offset=8)
        trials = sorted(by_trial)
        cuts = np.cumsum(self.n_rows)[:-1] * self.n_terms
        folds = [np.split(by_trial[trial], cuts) for trial in trials]
        return trials, [
            np.stack([of_trial[fold] for of_trial in folds]).reshape(len(trials), n_rows, self.n_terms)
            if folds
            else np.empty((0, n_rows, self.n_terms), np.float32)
            for fold, n_rows in enumerate(self.n_rows)
        ]

    @property
    def _header(self) -> bytes:
        return np.array([_MAGIC, len(self.n_rows), *self.n_rows, self.n_terms], "<i8").tobytes()

    @property
    def _record_bytes(self) -> int:
        return 8 + 4 * self.n_terms * int(sum(self.n_rows))

    def _whole(self, n_bytes: int) -> int:
        """How much of so many bytes is header and whole records; 0 without a whole header."""
        rest = n_bytes - len(self._header)
        return 0 if rest < 0 else len(self._header) + rest // self._record_bytes * self._record_bytes

    def _whole_bytes(self) -> int:
        return self._whole(self.path.stat().st_size) if self.path.exists() else 0
