"""Activations of one formula: a lane of one family alone is spared the arithmetic of the others."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from ffsearch.search.topology import Activation

__all__ = ["FAMILIES", "Family", "family_of"]


class Family(StrEnum):
    """What the activations of a lane have in common."""

    LINEAR = "linear"  # a line on either side of zero
    EXPONENTIAL = "exponential"  # an exponential left of zero
    CURVED = "curved"  # bent on both sides


FAMILIES: Final = {
    Family.LINEAR: (Activation.RELU, Activation.LEAKY_RELU, Activation.PRELU),
    Family.EXPONENTIAL: (Activation.ELU, Activation.SELU),
    Family.CURVED: (Activation.SWISH, Activation.TANH, Activation.SOFTSIGN),
}


def family_of(activation: Activation) -> Family:
    """The family of an activation."""
    return next(family for family, members in FAMILIES.items() if activation in members)
