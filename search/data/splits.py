"""Which rows are learnt from, which choose, and which are sealed: by class, by group or by time.

Rows are numbers from 0 in the order of the table. One function takes the sealed part away, another cuts what is left;
both draw from the run's seed alone, so that the same table and seed give the same splits.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from hashlib import sha256
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from tokenize import TokenError
from typing import Final
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ffsearch.errors import DataError, RunError
from ffsearch.search.base.files import write_atomically
from ffsearch.search.base.seeds import Purpose, generator

__all__ = ["FEW_GROUPS", "Guide", "Splits", "limit_rows", "part_of", "split_test", "split_valid", "without_gap"]

Rows = NDArray[np.int64]
Fold = tuple[Rows, Rows]

FEW_GROUPS: Final = 8
"""Groups below which little is known of other groups. choice: Student's t is then wider by a sixth or more."""

_DEALS: Final = 20
"""Orders of the groups that are tried, where few groups are sealed. choice: more hardly find more."""

_CLOSE: Final = 0.1
"""How far the sealed share may be from the one wanted so that more groups are sealed, as a part of it. choice."""

_FIRST_ORIGIN: Final = 0.4
"""Share of the rows that the earliest repeat by time still has. choice: less is another problem than the whole."""

_TEST: Final = 0
_VALID: Final = 1
_LIMIT: Final = 2
_PART: Final = 3


@dataclass(frozen=True, kw_only=True)
class Guide:
    """What the splits go by, each of shape (n_rows,) or None; groups come before classes, time excludes groups.

    Args:
        classes: Number of each row's class: its share is the same in all parts.
        groups: Number of each row's group: all its rows are on one side.
        moments: Each row's place in time: what is held out is later than what is learnt from.
        copies: Number of the first row that each is like: where neither groups nor time decide, rows that are alike are
            on one side.
        gap: How long before the first held-out row nothing is learnt from, in the unit of the moments.
    """

    classes: NDArray[np.int64] | None = None
    groups: NDArray[np.int64] | None = None
    moments: NDArray[np.float64] | None = None
    copies: NDArray[np.int64] | None = None
    gap: float = 0.0

    @property
    def method(self) -> str:
        """The way of splitting in a word or two."""
        if self.moments is not None:
            return "by time"
        if self.groups is not None:
            return "by group"
        return "at random" if self.classes is None else "at random within each class"


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The rows of every part, ascending int64 numbers of rows of the table.

    Args:
        test: The sealed rows.
        folds: Training and validation rows of each fold; a holdout is one fold. With folds by time, earlier folds leave
            later rows out; else every row outside the test part is in each fold.
        method: The way of splitting in a word or two.
    """

    test: Rows
    folds: tuple[Fold, ...]
    method: str

    @property
    def development(self) -> Rows:
        """All rows outside the test part that take part in some fold, ascending."""
        return np.unique(np.concatenate([rows for fold in self.folds for rows in fold]))

    @property
    def sha256(self) -> str:
        """Digest of the sealed rows' numbers, stored before the first trial."""
        return sha256(self.test.astype("<i8").tobytes()).hexdigest()

    def save(self, path: Path) -> None:
        """Write all row numbers as plain arrays into a compressed .npz file."""
        arrays = {"test": self.test, "method": np.array(self.method), "n_folds": np.array(len(self.folds))}
        for place, (train, valid) in enumerate(self.folds):
            arrays |= {f"train_{place}": train, f"valid_{place}": valid}
        content = BytesIO()
        np.savez_compressed(content, allow_pickle=False, **arrays)
        write_atomically(path, content.getvalue())

    @classmethod
    def load(cls, path: Path) -> Splits:
        """The splits that `save` wrote.

        Raises:
            RunError: If the file is missing or damaged.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                places = range(int(arrays["n_folds"]))
                return cls(
                    test=arrays["test"],
                    folds=tuple((arrays[f"train_{place}"], arrays[f"valid_{place}"]) for place in places),
                    method=str(arrays["method"]),
                )
        except (OSError, EOFError, ValueError, KeyError, SyntaxError, BadZipFile, TokenError, zlib.error) as error:
            raise RunError(
                f"{path} holds no splits that can be read ({error}). Restore it, or start the run again with --fresh."
            ) from None


def limit_rows(rows: Rows, n_rows: int, *, guide: Guide, seed: int) -> Rows:
    """As many rows as are wanted, ascending, every class in its share and none lost; groups and time do not matter.

    Args:
        rows: The rows to choose from.
        n_rows: How many to keep, at least 1 and at most all.
        guide: Its classes are looked at.
        seed: The run's seed.
    """
    rng = generator(seed, Purpose.SPLIT, _LIMIT)
    n_left_out = len(rows) - n_rows
    if guide.classes is None:
        return np.sort(rng.permutation(rows)[:n_rows])
    return np.setdiff1d(rows, _stratified(rows, n_left_out, classes=guide.classes, rng=rng))


def split_test(rows: Rows, share: float, *, guide: Guide, seed: int) -> Rows:
    """The rows to seal.

    Args:
        rows: All rows that may be sealed.
        share: Share of them to seal, in (0, 1).
        guide: What the split goes by.
        seed: The run's seed.

    Returns:
        Their numbers, ascending.

    Raises:
        DataError: If there are too few rows, groups or moments for it.
    """
    rng = generator(seed, Purpose.SPLIT, _TEST)
    sealed = _held_out(rows, share, guide=guide, rng=rng, what="data.test")
    groups = guide.groups
    if groups is None or len(np.unique(groups[sealed])) >= FEW_GROUPS:
        return sealed
    drawn = [sealed, *(_held_out(rows, share, guide=guide, rng=rng, what="data.test") for _ in range(_DEALS - 1))]
    wanted = share * len(rows)
    farthest = max(abs(len(sealed) - wanted), _CLOSE * wanted)
    near = [one for one in drawn if abs(len(one) - wanted) <= farthest]
    return max(near, key=lambda one: len(np.unique(groups[one])))  # of equals the first


def without_gap(rows: Rows, held_out: Rows, *, guide: Guide) -> Rows:
    """The rows that may be learnt from: by time those that are no less than the gap before the first one held out.

    Labels may look ahead (sales of the next week), and rows just before a held-out one then know a part of its answer.

    Args:
        rows: Those that are not held out.
        held_out: Rows that judge.
        guide: Its moments and gap are looked at.

    Raises:
        DataError: If no row is left.
    """
    if guide.moments is None or not guide.gap or not len(held_out):
        return rows
    begin = guide.moments[held_out].min()
    at = guide.moments[rows]
    kept: Rows = rows[(at < begin - guide.gap) | (at >= begin)]
    if not len(kept):
        raise DataError("data.gap: no row is so long before those that judge. Say a shorter gap.")
    return kept


def split_valid(
    rows: Rows, *, holdout: float | None, folds: int | None, guide: Guide, seed: int, repeat: int = 0
) -> tuple[Fold, ...]:
    """Training and validation rows.

    Args:
        rows: The rows outside the test part.
        holdout: Share of them to validate on, or None.
        folds: Number of folds, or None; one of the two is given.
        guide: What the split goes by.
        seed: The run's seed.
        repeat: 0 for the search; another number gives another split. By time its rows end earlier (rolling origins).

    Returns:
        One pair for a holdout; one pair a fold else.

    Raises:
        DataError: If there are too few rows, groups or moments for it.
    """
    rng = generator(seed, Purpose.SPLIT, _VALID, repeat)
    share = (0.2 if holdout is None else holdout) if folds is None else 1 / (folds + 1)
    if guide.moments is not None and repeat:
        rows = _until(rows, _origin(repeat, share), moments=guide.moments)
    if folds is None:
        valid = _held_out(rows, share, guide=guide, rng=rng, what="data.valid.holdout")
        return ((without_gap(np.setdiff1d(rows, valid), valid, guide=guide), valid),)
    if guide.moments is not None:
        return tuple(
            (without_gap(train, valid, guide=guide), valid)
            for train, valid in _expanding(rows, folds, moments=guide.moments)
        )
    parts = _parts(rows, folds, guide=guide, rng=rng)
    return tuple((np.setdiff1d(rows, part), part) for part in parts)


def part_of(rows: Rows, share: float, *, guide: Guide, seed: int, repeat: int) -> Rows:
    """A part of training rows, drawn as validation rows are, no class lost; by time the latest.

    Args:
        rows: Training rows.
        share: Share of them to keep, in (0, 1).
        guide: What splits go by.
        seed: The run's seed.
        repeat: Number of the repeat whose rows they are.

    Raises:
        DataError: If there are too few rows, groups or moments for it.
    """
    rng = generator(seed, Purpose.SPLIT, _PART, repeat)
    if guide.moments is not None:
        return _held_out(rows, share, guide=guide, rng=rng, what="the later rows")
    return np.setdiff1d(rows, _held_out(rows, 1 - share, guide=guide, rng=rng, what="the rows left out"))


def _held_out(rows: Rows, share: float, *, guide: Guide, rng: np.random.Generator, what: str) -> Rows:
    n_held_out = round(len(rows) * share)
    if not 0 < n_held_out < len(rows):
        raise DataError(
            f"{what}: {share:g} of {len(rows)} rows leaves one side without rows. Give more rows or another share."
        )
    if guide.moments is not None:
        return _latest(rows, n_held_out, moments=guide.moments, what=what)
    if guide.groups is not None:
        return _whole_groups(rows, n_held_out, groups=guide.groups, rng=rng, what=what)
    if guide.copies is not None:
        distinct = _distinct(rows, guide.copies)
        held_out = _held_out(distinct, share, guide=replace(guide, copies=None), rng=rng, what=what)
        return _with_copies(held_out, rows, guide.copies)
    if guide.classes is not None:
        return _stratified(rows, n_held_out, classes=guide.classes, rng=rng)
    return np.sort(rng.permutation(rows)[:n_held_out])


def _distinct(rows: Rows, copies: NDArray[np.int64]) -> Rows:
    """The first of all rows that are alike."""
    return np.sort(rows[np.unique(copies[rows], return_index=True)[1]])


def _with_copies(chosen: Rows, rows: Rows, copies: NDArray[np.int64]) -> Rows:
    """The rows that are like a chosen one."""
    alike: Rows = rows[np.isin(copies[rows], copies[chosen])]
    return alike


def _stratified(rows: Rows, n_held_out: int, *, classes: NDArray[np.int64], rng: np.random.Generator) -> Rows:
    """Of every class its share, up or down to a whole row; never the only row of a class."""
    members = [rows[classes[rows] == label] for label in np.unique(classes[rows])]
    sizes = np.array([len(member) for member in members])
    exact = sizes * (n_held_out / len(rows))
    counts = np.floor(exact).astype(np.int64)
    most = np.minimum(np.ceil(exact).astype(np.int64), sizes - 1)
    counts = np.minimum(counts, most)
    # The rows that flooring left over go to the classes that lost most; which of equals is drawn.
    order = np.lexsort((rng.random(len(members)), counts - exact))
    for place in order:
        if counts.sum() < n_held_out and counts[place] < most[place]:
            counts[place] += 1
    chosen = [rng.permutation(member)[:count] for member, count in zip(members, counts, strict=True)]
    return np.sort(np.concatenate(chosen))


def _whole_groups(
    rows: Rows, n_held_out: int, *, groups: NDArray[np.int64], rng: np.random.Generator, what: str
) -> Rows:
    """Groups in a random order, each taken if that brings the number of rows closer to what is wanted."""
    distinct, sizes = np.unique(groups[rows], return_counts=True)
    if len(distinct) < 2:
        raise DataError(f"{what}: {_groups(len(distinct))} cannot be split; data.groups needs a column of more groups.")
    taken: list[int] = []
    n_rows = 0
    for place in rng.permutation(len(distinct)):
        closer = abs(n_rows + sizes[place] - n_held_out) < abs(n_rows - n_held_out)
        if closer and len(taken) < len(distinct) - 1:
            taken.append(int(place))
            n_rows += int(sizes[place])
    if not taken:  # every group is larger than twice the part
        taken = [int(np.argmin(sizes))]
    return rows[np.isin(groups[rows], distinct[taken])]


def _latest(rows: Rows, n_held_out: int, *, moments: NDArray[np.float64], what: str) -> Rows:
    """The latest rows; those of one moment stay together, so that there may be a few more or fewer."""
    ordered = np.sort(moments[rows])
    cut = _edge(ordered, len(rows) - n_held_out)
    if cut is None:
        raise DataError(f"{what}: all rows have the same moment, so none is later. Check the column data.time names.")
    latest: Rows = rows[moments[rows] >= ordered[cut]]
    return latest


def _origin(repeat: int, share: float) -> float:
    """Share of the rows, in the order of time, that a repeat ends with: half a validation part earlier every time.

    Args:
        repeat: Its number, from 1; the search itself ends with all rows.
        share: Of the rows that are validated on.
    """
    step = share / 2
    n_origins = max(1, int((1 - _FIRST_ORIGIN) / step))
    return 1 - step * ((repeat - 1) % n_origins + 1)


def _until(rows: Rows, share: float, *, moments: NDArray[np.float64]) -> Rows:
    """The earliest rows, so large a share of them; rows of one moment stay together, all where there is but one."""
    ordered = np.sort(moments[rows])
    cut = _edge(ordered, round(len(rows) * share))
    earliest: Rows = rows if cut is None else rows[moments[rows] < ordered[cut]]
    return earliest


def _expanding(rows: Rows, n_folds: int, *, moments: NDArray[np.float64]) -> tuple[Fold, ...]:
    """Fold i learns from the first i + 1 of n_folds + 1 stretches of time and validates on the next."""
    ordered = np.sort(moments[rows])
    edges = [_edge(ordered, len(rows) * place // (n_folds + 1)) for place in range(1, n_folds + 1)]
    starts = sorted({int(edge) for edge in edges if edge is not None})
    if len(starts) < n_folds:
        raise DataError(
            f"data.valid.folds: {n_folds} folds by time need {n_folds + 1} stretches, and these {len(rows)} rows give "
            f"{len(starts) + 1}. Say fewer folds, or a holdout."
        )
    limits = [*(ordered[start] for start in starts), np.inf]
    at = moments[rows]
    return tuple(
        (rows[at < begin], rows[(at >= begin) & ((at < end) | np.isinf(end))]) for begin, end in pairwise(limits)
    )


def _edge(ordered: NDArray[np.float64], wanted: int) -> int | None:
    """The place nearest to the wanted one where a new moment begins; None if there is but one moment."""
    begins = np.flatnonzero(np.diff(ordered) > 0) + 1
    return int(begins[np.argmin(np.abs(begins - wanted))]) if len(begins) else None


def _parts(rows: Rows, n_folds: int, *, guide: Guide, rng: np.random.Generator) -> list[Rows]:
    """The rows dealt into folds: whole groups, or the rows of one class after another."""
    if guide.groups is not None:
        return _parts_of_groups(rows, n_folds, groups=guide.groups, rng=rng)
    if guide.copies is not None:
        distinct = _parts(_distinct(rows, guide.copies), n_folds, guide=replace(guide, copies=None), rng=rng)
        return [_with_copies(part, rows, guide.copies) for part in distinct]
    if n_folds > len(rows):
        raise DataError(f"data.valid.folds: {n_folds} folds need as many rows, and there are {len(rows)}.")
    dealt = rng.permutation(rows)
    if guide.classes is not None:
        dealt = dealt[np.argsort(guide.classes[dealt], kind="stable")]
    return [np.sort(dealt[place::n_folds]) for place in range(n_folds)]


def _parts_of_groups(rows: Rows, n_folds: int, *, groups: NDArray[np.int64], rng: np.random.Generator) -> list[Rows]:
    """Groups, largest first, each to the fold that has fewest rows."""
    distinct, sizes = np.unique(groups[rows], return_counts=True)
    if len(distinct) < n_folds:
        raise DataError(
            f"data.valid.folds: {n_folds} folds need as many groups, and there are {_groups(len(distinct))} outside "
            "the test part. Say fewer folds."
        )
    loads = np.zeros(n_folds, dtype=np.int64)
    fold_of = np.zeros(len(distinct), dtype=np.int64)
    for place in np.lexsort((rng.random(len(distinct)), -sizes)):
        fold_of[place] = int(np.argmin(loads))
        loads[fold_of[place]] += sizes[place]
    fold_of_row = fold_of[np.searchsorted(distinct, groups[rows])]
    return [rows[fold_of_row == fold] for fold in range(n_folds)]


def _groups(count: int) -> str:
    return "1 group" if count == 1 else f"{count} groups"
