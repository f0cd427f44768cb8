"""The playground of a report: rows of the table packed into the page, and the words and choices around them.

`PlaygroundRows` -> `Playground`, which `playground.html` sets and `playground.js` plays with.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from ffsearch.reports.documents import printable
from ffsearch.search.folder.playground import MatrixColumn, MatrixPart, PlaygroundRows
from ffsearch.search.wording.language import Language, shortened

__all__ = ["Playground", "playground_of"]

MAX_BYTES: Final = 1_200_000
"""Bytes of packed rows; beyond them fewer rows are carried. choice: as base64 they are 1.6 MB, which a phone opens."""

ACTIVATIONS: Final = ("relu", "leaky_relu", "prelu", "elu", "selu", "swish", "tanh", "softsign")
RATES: Final = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
BATCHES: Final = (8, 16, 32, 64, 128, 256, 512)
DROPOUTS: Final = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7)
PENALTIES: Final = (0.0, 0.00001, 0.0001, 0.001, 0.01, 0.1)

_BITS: Final = (1, 2, 4, 8)
"""Of a code for one of few distinct values."""

_SAID: Final = (
    "idle", "run", "pause", "status", "status_covered", "stopped", "completed", "diverged", "epochs", "train_loss",
    "valid_loss", "yours", "found", "knowing_nothing", "score", "curves", "true", "predicted", "lower", "same",
    "higher", "compared_lower", "compared_same", "compared_higher", "the_found", "the_nothing", "dead", "dead_layer",
    "dead_none", "guess_first", "guess_right", "guess_wrong",
)  # fmt: skip
"""Words that the script says."""


@dataclass(frozen=True, kw_only=True)
class Playground:
    """What a page needs to play.

    Args:
        lead: What it is.
        carried: Which rows the page carries.
        caution: What must not be read out of it.
        question: What is asked of those who guess first.
        map: What the second drawing shows.
        n_valid: Validation rows, as people read them.
        activations, rates, batches, dropouts, penalties, columns: Pairs of a value and its name, to choose from.
        batch: The batch size that lanes would have.
        surface: The two columns that are drawn first.
        data: All else, as JSON that no markup can end.
    """

    lead: str
    carried: str
    caution: str
    question: str
    map: str
    n_valid: str
    activations: Sequence[tuple[str, str]]
    rates: Sequence[tuple[float, str]]
    batches: Sequence[tuple[int, str]]
    dropouts: Sequence[tuple[float, str]]
    penalties: Sequence[tuple[float, str]]
    columns: Sequence[tuple[int, str]]
    batch: int
    surface: tuple[int, int]
    data: Markup


def playground_of(rows: PlaygroundRows, *, n_sealed: int, t: Language) -> Playground:
    """A playground with as many of the rows as a page can hold.

    Args:
        rows: Those that may be carried.
        n_sealed: Sealed rows of the run, of which none is among them; the page says so.
        t: Its language.
    """
    rows = _fitting(rows)
    names = [_name(column, t) for column in rows.columns]
    is_regression = not rows.labels
    against = t("playground.the_nothing" if rows.found is None else "playground.the_found")
    lead = [t("playground.lead", target=_target(rows))]
    if rows.found is not None:
        lead.append(t("playground.found_was", topology=t.topology(rows.found.topology), n=t.count(rows.found.n_train)))
    return Playground(
        lead=" ".join(lead), carried=_carried(rows, n_sealed=n_sealed, t=t), caution=_caution(rows, t),
        question=t("playground.question", against=against), n_valid=t.count(rows.n_valid),
        map=t("playground.truth" if is_regression else "playground.surface"),
        activations=[(name, name) for name in ACTIVATIONS], rates=_choices(RATES, t),
        batches=[(size, t.count(size)) for size in sorted({*BATCHES, rows.batch_size})],
        dropouts=_choices(DROPOUTS, t), penalties=_choices(PENALTIES, t), columns=list(enumerate(names)),
        batch=rows.batch_size, surface=_telling(rows), data=_as_markup(_payload(rows, names, t)),
    )  # fmt: skip


def _choices(values: Sequence[float], t: Language) -> list[tuple[float, str]]:
    return [(value, t.setting(value) if value else t("parameters.off")) for value in values]


def _target(rows: PlaygroundRows) -> str:
    return shortened(", ".join(rows.target))


def _carried(rows: PlaygroundRows, *, n_sealed: int, t: Language) -> str:
    """Which rows the page carries."""
    return t(
        "playground.carried", total=t.count(len(rows.x)), train=t.count(rows.n_train), valid=t.count(rows.n_valid),
        of_train=t.count(rows.n_of_train), of_valid=t.count(rows.n_of_valid), columns=t.count(len(rows.columns)),
        target=_target(rows), sealed=t.count(n_sealed),
    )  # fmt: skip


def _caution(rows: PlaygroundRows, t: Language) -> str:
    """How far a playground's scores may be trusted."""
    texts = [t("playground.caution")]
    if rows.found is not None and rows.found.n_train > rows.n_train:
        texts.append(t("playground.fewer", mine=t.count(rows.n_train), theirs=t.count(rows.found.n_train)))
    return " ".join(texts)


def _name(column: MatrixColumn, t: Language) -> str:
    """What a column of the matrix is called."""
    name, detail = shortened(column.column), shortened(column.detail)
    return t(f"matrix.{column.part}", column=name, detail=detail)


def _telling(rows: PlaygroundRows) -> tuple[int, int]:
    """The two columns that are drawn first: that which goes most with the target, and that which adds most to it.

    By squared correlation with any part of the target, numbers before all else; the second one less what the first says
    already.
    """
    x, y = rows.x[: rows.n_train].astype(np.float64), rows.y[: rows.n_train]
    truth = np.eye(rows.n_outputs)[y] if y.ndim == 1 else y.astype(np.float64).reshape(len(y), -1)
    x, truth = x - x.mean(axis=0), truth - truth.mean(axis=0)
    sizes = np.outer((x**2).sum(axis=0), (truth**2).sum(axis=0))
    shares = np.divide((x.T @ truth) ** 2, sizes, out=np.zeros_like(sizes), where=sizes > 0).max(axis=1)
    is_number = np.array([column.part is MatrixPart.NUMBER for column in rows.columns])
    first = int(np.lexsort((-shares, ~is_number))[0])
    squares = (x**2).sum(axis=0)
    told = (x.T @ x[:, first]) ** 2
    shared = np.divide(told, squares * squares[first], out=np.zeros_like(told), where=squares * squares[first] > 0)
    left = shares * (1 - np.minimum(1, shared))
    left[first] = -1
    second = int(np.lexsort((-left, ~is_number))[0])
    return first, second if len(left) > 1 else first


# --- rows as text ----------------------------------------------------------------------------------------------------


def _fitting(rows: PlaygroundRows) -> PlaygroundRows:
    """The rows that a page can hold: all, or the first of both parts in their proportion."""
    n_bytes = sum(_packed_bytes(column) for column in rows.x.T)
    if n_bytes <= MAX_BYTES:
        return rows
    share = MAX_BYTES / n_bytes
    n_train, n_valid = max(1, int(share * rows.n_train)), max(1, int(share * rows.n_valid))
    kept = np.r_[0:n_train, rows.n_train : rows.n_train + n_valid]
    found = rows.found
    if found is not None:
        found = replace(found, losses=found.losses[:n_valid], seconds=found.seconds[:n_valid])
    weight = None if rows.weight is None else rows.weight[kept]
    return replace(rows, x=rows.x[kept], y=rows.y[kept], weight=weight, n_train=n_train, found=found)


def _bits(n_values: int) -> int:
    """Bits of a code for so many distinct values; 0 where each number stands for itself."""
    return next((bits for bits in _BITS if n_values <= 2**bits), 0)


def _packed_bytes(column: NDArray[Any]) -> int:
    n_values = len(np.unique(column))
    bits = _bits(n_values)
    return 4 * n_values + len(column) * bits // 8 if bits else 4 * len(column)


def _packed(column: NDArray[Any]) -> dict[str, Any]:
    """A column as base64: its values and a code of few bits a row, or float32 after float32, lowest byte first."""
    values, codes = np.unique(np.asarray(column, "<f4"), return_inverse=True)
    bits = _bits(len(values))
    if not bits:
        return {"values": _base64(np.asarray(column, "<f4")), "bits": 0}
    each = 8 // bits
    places = np.zeros((-(-len(codes) // each), each), np.uint8)
    places.reshape(-1)[: len(codes)] = codes
    packed = (places << (bits * np.arange(each, dtype=np.uint8))).sum(axis=1, dtype=np.uint8)
    return {"values": _base64(values), "codes": _base64(packed), "bits": bits}


def _base64(array: NDArray[Any]) -> str:
    return base64.b64encode(array.tobytes()).decode("ascii")


def _payload(rows: PlaygroundRows, names: Sequence[str], t: Language) -> dict[str, Any]:
    """What the script reads."""
    y = rows.y.reshape(len(rows.y), -1)
    found = rows.found
    return {
        "n_rows": len(rows.x), "n_train": rows.n_train, "n_outputs": rows.n_outputs, "loss": rows.loss,
        "target": _target(rows), "labels": [shortened(label) for label in rows.labels], "scale": rows.scale,
        "names": list(names), "ticks": [column.ticks for column in rows.columns],
        "x": [_packed(column) for column in rows.x.T], "y": [_packed(column) for column in y.T],
        "weight": None if rows.weight is None else _packed(rows.weight),
        "found": None if found is None else {"losses": _packed(found.losses), "seconds": _packed(found.seconds)},
        "constants": dict(rows.constants), "patience": rows.patience, "most": rows.most,
        "signs": {name: t(f"number.{name}") for name in ("decimal", "group", "minus")}, "words": _words(rows, t),
    }  # fmt: skip


def _words(rows: PlaygroundRows, t: Language) -> dict[str, str]:
    """Words that the script says, their values still to be put in."""
    words = {name: t.words[f"playground.{name}"] for name in _SAID}
    mine, both = ("mine_right", "both_right") if rows.labels else ("mine_error", "both_error")
    return words | {
        "percent": t.words["number.share"],
        "second": t.words[f"playground.{mine}"],
        "second_both": t.words[f"playground.{both}"],
    }


def _as_markup(payload: dict[str, Any]) -> Markup:
    """JSON in which nothing ends a script or begins a comment, whatever names and words hold."""
    text = printable(json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
