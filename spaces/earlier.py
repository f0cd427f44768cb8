"""What a space meant to the release before, for runs that began with it: they go on as they began."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ffsearch.spaces.document import read_document
from ffsearch.spaces.schema import HOLDOUT, SearchSpace, ValidSpec

__all__ = ["as_it_began"]

_EPOCHS: Final = {"max_epochs": 200, "patience": 16}
"""What release 0.1 had in the place of auto, when every epoch was evaluated."""


def as_it_began(space: SearchSpace, kept: str) -> SearchSpace:
    """A space with the defaults of the release that a run began with.

    Args:
        space: As it is read now.
        kept: The text of the run's `space.yaml`, in which its release wrote down all the keys it had.
    """
    train = _section(read_document(kept, origin="space.yaml").values, "train")
    if not train or "average" in train:
        return space
    epochs = {name: n for name, n in _EPOCHS.items() if getattr(space.train, name) == "auto"}
    valid = ValidSpec(holdout=HOLDOUT) if space.data.valid.is_auto else space.data.valid
    return space.model_copy(
        update={
            "train": space.train.model_copy(update={"average": False, **epochs}),
            "data": space.data.model_copy(update={"valid": valid}),
        }
    )


def _section(values: Any, name: str) -> Mapping[str, Any]:
    found = values.get(name) if isinstance(values, Mapping) else None
    return found if isinstance(found, Mapping) else {}
