"""A point of the space, the topology it means, its size and its line of print. Pure functions: no Keras here.

13 -> 256-256-128 -> 3 relu bn dropout=.15 (104k parameters)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from math import prod
from typing import Any, Final

from ffsearch.search.base.numbers import compact, short_count

__all__ = [
    "AUGMENTATIONS",
    "KERNEL_SIDE",
    "MIN_WIDTH",
    "STUDY_ONLY",
    "Activation",
    "Balance",
    "Convolutions",
    "Numbers",
    "Point",
    "describe",
    "layer_sizes",
    "n_params",
]

MIN_WIDTH: Final = 4
"""No hidden layer is narrower, whatever the taper. Choice: below it a layer is a bottleneck."""


KERNEL_SIDE: Final = 3
"""Pixels a side that a convolutional layer looks at. Choice: the smallest that sees all neighbours."""


class Activation(StrEnum):
    """The activation families of the course: the relu family, then the tanh family."""

    RELU = "relu"
    LEAKY_RELU = "leaky_relu"
    PRELU = "prelu"
    ELU = "elu"
    SELU = "selu"
    SWISH = "swish"
    TANH = "tanh"
    SOFTSIGN = "softsign"


class Balance(StrEnum):
    """How classes of unequal size are made to count alike while training."""

    NONE = "none"  # they are not
    CLASS_WEIGHT = "class_weight"  # rows of small classes weigh more in the loss
    OVERSAMPLE = "oversample"  # rows of small classes are read more often
    UNDERSAMPLE = "undersample"  # of every class as many rows are read as the smallest has
    SMOTE = "smote"  # small classes get synthetic rows, between two of their own


class Numbers(StrEnum):
    """How a network is shown the numbers of a table."""

    ROBUST = "robust"  # scaled by the middle of the training rows, clipped smoothly; bins where the data says so
    QUANTILE = "quantile"  # as normal scores of their place among the training rows
    BINS = "bins"  # scaled as ever, and spread over bins too


@dataclass(frozen=True, kw_only=True)
class Convolutions:
    """Convolutional layers in front of the dense ones: 3 x 3 pixels, zeros around the image, in three stages.

    Every stage ends by taking the largest of 2 x 2 pixels, so that the dense part sees the same number of places
    whatever the depth. The first stage has one layer, because a layer there costs four times one of the second; the
    others share the rest, the last one having one more where the number is odd.

    Args:
        image: Height, width and channels of what is read.
        channels: Channels of every layer, three layers at least.
    """

    image: tuple[int, int, int]
    channels: tuple[int, ...]

    @property
    def ends(self) -> tuple[int, int, int]:
        """Numbers of the layers that end a stage, counted from 0."""
        n_layers = len(self.channels)
        return 0, (n_layers - 1) // 2, n_layers - 1

    @property
    def layers(self) -> list[tuple[int, int, int]]:
        """Of every layer the channels it reads, the channels it has, and the places of the image it looks at."""
        height, width, read = self.image
        found = []
        for number, channels in enumerate(self.channels):
            n_halved = sum(end < number for end in self.ends)
            found.append((read, channels, prod(max(1, side >> n_halved) for side in (height, width))))
            read = channels
        return found

    @property
    def n_features(self) -> int:
        """What the first dense layer reads."""
        height, width, _ = self.image
        return prod(max(1, side >> len(self.ends)) for side in (height, width)) * self.channels[-1]


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point of a space: a topology and how it is regularised and trained.

    Args:
        depth: Number of hidden layers, at least 1. With `widths` it must equal their number.
        width: Units of the first hidden layer. With `widths` it must equal the first of them.
        taper: Factor from one hidden layer's width to the next one's.
        widths: Units of every hidden layer, where they are given one by one; else None.
        activation: Activation of the hidden layers.
        dropout: Share of hidden activations dropped while training, in [0, 1); 0 is off.
        batch_norm: Whether each hidden layer is normalised before its activation.
        residual: Whether a hidden layer as wide as the one before it adds to that one's outputs.
        l1: Factor of `sum |w|` over all kernels.
        l2: Factor of `sum w^2` over all kernels.
        bias_l1: Factor of `sum |b|` over all biases.
        bias_l2: Factor of `sum b^2` over all biases.
        activity_l1: Factor of `sum |h|` over hidden activations, mean over the batch.
        activity_l2: Factor of `sum h^2` over hidden activations, mean over the batch.
        weight_decay: Decoupled decay of the kernels, per update and unit of learning rate.
        learning_rate: The optimiser's learning rate.
        numbers: How the numbers of the table are shown to the network.
        augment_balance: How classes of unequal size are made to count alike.
        augment_noise: Standard deviation of the noise on number columns, after scaling; 0 is off, as below.
        augment_swap: Chance of a cell to be taken from another row of the batch.
        augment_mixup: Parameter of the Beta(a, a) distribution by which two rows are mixed.
        augment_shift: Largest shift of an image, as a share of its height and width.
        augment_rotate: Largest angle an image is turned by, in degrees.
        augment_flip: Chance of an image to be mirrored left to right.
        augment_zoom: Largest zoom: an image is scaled by a factor between 1/(1 + zoom) and 1 + zoom.
        augment_brightness: Largest change of an image's brightness, in standard deviations of its pixels.
        augment_cutmix: Parameter of the Beta(a, a) distribution by which a box of another image is put into one.
        convolutions: Convolutional layers in front of the hidden ones, or None; only capacity studies have them.
    """

    depth: int
    width: int
    taper: float = 1.0
    widths: tuple[int, ...] | None = None
    activation: Activation = Activation.RELU
    dropout: float = 0.0
    batch_norm: bool = False
    residual: bool = False
    l1: float = 0.0
    l2: float = 0.0
    bias_l1: float = 0.0
    bias_l2: float = 0.0
    activity_l1: float = 0.0
    activity_l2: float = 0.0
    weight_decay: float = 0.0
    learning_rate: float = 1e-3
    numbers: Numbers = Numbers.ROBUST
    augment_balance: Balance = Balance.NONE
    augment_noise: float = 0.0
    augment_swap: float = 0.0
    augment_mixup: float = 0.0
    augment_shift: float = 0.0
    augment_rotate: float = 0.0
    augment_flip: float = 0.0
    augment_zoom: float = 0.0
    augment_brightness: float = 0.0
    augment_cutmix: float = 0.0
    convolutions: Convolutions | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values under their names, fit for JSON. What few points have is left out where it is off."""
        values = {name: value for name, value in asdict(self).items() if value or name not in _SELDOM}
        values["activation"] = str(self.activation)
        values["numbers"] = str(self.numbers)
        values["augment_balance"] = str(self.augment_balance)
        values["widths"] = None if self.widths is None else list(self.widths)
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Point:
        """The point that `as_dict` wrote; unknown names are an error of the caller.

        Raises:
            TypeError: If a name is not one of a point's.
            ValueError: If the activation, the balance or the way of numbers is none there is.
        """
        known = dict(values)
        if "activation" in known:
            known["activation"] = Activation(known["activation"])
        if "numbers" in known:
            known["numbers"] = Numbers(known["numbers"])
        if "augment_balance" in known:
            known["augment_balance"] = Balance(known["augment_balance"])
        if known.get("widths") is not None:
            known["widths"] = tuple(int(width) for width in known["widths"])
        if known.get("convolutions") is not None:
            known["convolutions"] = Convolutions(**{name: tuple(each) for name, each in known["convolutions"].items()})
        return cls(**known)

    @cached_property
    def identity(self) -> tuple[Any, ...]:
        """What two points share when they mean the same network trained in the same way.

        Depth, width and taper enter as the layer sizes they lead to: a taper says nothing of a single layer.
        """
        shape = {"depth", "width", "taper", "widths"}
        return (layer_sizes(self), *(getattr(self, f.name) for f in fields(self) if f.name not in shape))


STUDY_ONLY: Final = ("convolutions",)
"""Fields of a point that no search has."""

_SELDOM: Final = ("residual", *STUDY_ONLY)
"""Fields that early versions had not, or that few points have."""


def layer_sizes(point: Point) -> tuple[int, ...]:
    """Units of every hidden layer: layer l has `max(4, round(width * taper**l))`, or what `widths` says."""
    if point.widths is not None:
        return point.widths
    return tuple(max(MIN_WIDTH, round(point.width * point.taper**layer)) for layer in range(point.depth))


def n_params(point: Point, *, n_features: int, n_outputs: int) -> int:
    """All parameters of the network, as Keras' `count_params` counts them.

    Kernels and biases of every layer; with batch normalisation four numbers a hidden unit (scale, shift, moving mean
    and variance, of which the last two are not trained); with prelu one slope a hidden unit. A channel counts
    as a unit.

    Args:
        point: The point.
        n_features: Columns of the matrix the network reads.
        n_outputs: Units of the output layer.
    """
    hidden, front = layer_sizes(point), point.convolutions
    channels = () if front is None else front.channels
    sizes = (n_features if front is None else front.n_features, *hidden, n_outputs)
    dense = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(sizes))
    read = () if front is None else (front.image[2], *channels)
    convolved = sum((KERNEL_SIDE**2 * fan_in + 1) * fan_out for fan_in, fan_out in pairwise(read))
    per_unit = 4 * point.batch_norm + (point.activation is Activation.PRELU)
    return dense + convolved + per_unit * (sum(hidden) + sum(channels))


def describe(point: Point, *, n_features: int, n_outputs: int) -> str:
    """The topology in one line, as every table, log and report prints it.

    Example:
        >>> describe(Point(depth=2, width=64, dropout=0.15), n_features=13, n_outputs=3)
        '13 -> 64-64 -> 3 relu dropout=.15 (5.3k parameters)'
    """
    front = point.convolutions
    read = f"{n_features}" if front is None else f"{'x'.join(map(str, front.image))} -> conv {_listed(front.channels)}"
    words = [
        f"{read} -> {_listed(layer_sizes(point))} -> {n_outputs}",
        str(point.activation),
        *(["bn"] if point.batch_norm else []),
        *(["residual"] if point.residual else []),
        *(f"{name}={_short(getattr(point, name))}" for name in _REGULARISERS if getattr(point, name) > 0),
        *([f"numbers={point.numbers}"] if point.numbers is not Numbers.ROBUST else []),
        *([str(point.augment_balance)] if point.augment_balance is not Balance.NONE else []),
        *(f"{name}={_short(value)}" for name in AUGMENTATIONS if (value := getattr(point, f"augment_{name}")) > 0),
        f"({short_count(n_params(point, n_features=n_features, n_outputs=n_outputs))} parameters)",
    ]
    return " ".join(words)


_REGULARISERS: Final = (
    "dropout", "l1", "l2", "bias_l1", "bias_l2", "activity_l1", "activity_l2", "weight_decay",
)  # fmt: skip


AUGMENTATIONS: Final = (
    "noise", "swap", "mixup", "shift", "rotate", "flip", "zoom", "brightness", "cutmix",
)  # fmt: skip
"""What is done to rows while training; a point's fields are `augment_NAME`, and 0 is off."""


def _listed(sizes: tuple[int, ...]) -> str:
    return "-".join(map(str, sizes))


def _short(value: float) -> str:
    """Without a leading zero: .15, 3e-05."""
    return compact(value).removeprefix("0")
