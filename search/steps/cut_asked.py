"""What a space asks of thresholds: refused before anything is trained where it does not fit the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ffsearch.errors import DataError, SpaceError
from ffsearch.search.data.parsing.cells import number_of
from ffsearch.search.evidence.thresholds import Costs, Rule
from ffsearch.search.folder.cut_results import Threshold
from ffsearch.search.network.heads import Head, Task
from ffsearch.search.wording.language import plain_english
from ffsearch.spaces.schema import SearchSpace
from ffsearch.spaces.values import RECALL_AT

if TYPE_CHECKING:
    from ffsearch.search.data.prepare import Prepared

__all__ = ["Asked", "answered_class", "asked_of"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a space wants of thresholds, of a table with two classes.

    Args:
        label: The class that is looked for.
        place: Its place among the labels, 0 or 1.
        wanted: What the threshold is chosen by, as the space says it; `half`: by nothing.
        costs: What errors cost.
        costs_given: Whether the space says so.
        seed: The run's seed.
    """

    label: str
    place: int
    wanted: str
    costs: Costs
    costs_given: bool
    seed: int

    @property
    def rule(self) -> Rule | None:
        """What is to be best; None where the likelier class is answered."""
        return None if self.wanted == "half" else self.rule_of(self.wanted)

    def rule_of(self, wanted: str) -> Rule:
        """What is to be best, by the word for it."""
        name, _, floor = wanted.partition("=")
        if name == RECALL_AT:
            return Rule(measure="recall", costs=self.costs, precision=float(floor))
        return Rule(measure=name, costs=self.costs)

    @property
    def others(self) -> list[str]:
        """What else a threshold might be chosen by: it is told what that would bring."""
        names = ["f1", "balanced_accuracy", *(["cost"] if self.costs_given else [])]
        return ([] if self.wanted in ("half", *names) else [self.wanted]) + names


def asked_of(space: SearchSpace, prepared: Prepared) -> Asked | None:
    """What a space wants of thresholds; None where there are not two classes, and nothing is wanted.

    Raises:
        SpaceError: If something is wanted, and there are not two classes.
        DataError: If no class is called as the positive one.
    """
    costs, wanted, head = space.data.costs, space.evidence.threshold, prepared.head
    if head.task is not Task.BINARY:
        asked = {"data.costs": costs, "data.positive": space.data.positive}
        asked["evidence.threshold"] = None if wanted in ("auto", "half") else wanted
        for key, value in asked.items():
            if value is not None:
                raise SpaceError(
                    f"{key}: a threshold is for two classes, and {', '.join(map(repr, head.target_names))} is a "
                    f"{head.task} target ({plain_english([prepared.task_reason])}). Leave {key} out."
                )
        return None
    if wanted == "auto":
        wanted = "half" if costs is None else "cost"
    place = _place(space.data.positive, head, prepared)
    given = Costs() if costs is None else Costs(**costs.model_dump())
    return Asked(
        label=head.labels[place], place=place, wanted=wanted, costs=given, costs_given=costs is not None,
        seed=space.search.seed,
    )  # fmt: skip


def _place(positive: str | None, head: Head, prepared: Prepared) -> int:
    """Place of the positive class: the one named, else the rarer of the development rows; of two as rare the second.

    Raises:
        DataError: If no class is called so.
    """
    if positive is None:
        weight = prepared.weight_of(prepared.development_rows)
        return int(np.bincount(prepared.truth, weights=weight, minlength=2)[::-1].argmin() == 0)
    places = [place for place, label in enumerate(head.labels) if _is_same(label, positive)]
    if not places:
        raise DataError(
            f"data.positive: {positive!r} is no class of {head.target_names[0]!r}. Its classes: "
            f"{', '.join(map(repr, head.labels))}."
        )
    return places[0]


def _is_same(label: str, positive: str) -> bool:
    number = number_of(label)
    return label == positive or (not np.isnan(number) and number == number_of(positive))


def answered_class(asked: Asked | None, threshold: Threshold | None, predictions: NDArray[Any]) -> NDArray[np.intp]:
    """Number of the class that every row is answered with, shape (n_rows,)."""
    if asked is None or threshold is None or not threshold.in_model:
        return np.asarray(predictions.argmax(axis=1))
    taken = predictions[:, asked.place] >= threshold.value
    return np.where(taken, asked.place, 1 - asked.place)
