"""What a space file of kind capacity may say: the study "deeper or wider?" on one table.

CapacitySpace
├── preset                    fills what is left out under `capacity`
├── data      DataSpec        as in a search; the test part is what scores come from, so there must be one
└── capacity  CapacitySpec    depths, parameter budgets, learning rates, seeds, and how every network is trained
    └── convolutions  ConvolutionSpec     where it is given, the networks are convolutional
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt

from ffsearch.spaces.faults import Fault, SpaceSection, shown
from ffsearch.spaces.schema import HOLDOUT, MAX_DEPTH, MAX_SEED, MAX_WIDTH, DataSpec, ValidSpec
from ffsearch.spaces.values import BatchSize, Ignored

__all__ = ["CONVOLUTION_PRESETS", "PRESETS", "CapacitySpace", "CapacitySpec", "ConvolutionSpec", "RateSpec"]

MAX_BUDGET: Final = 100_000_000
"""Most parameters of a cell. Choice: Adam's averages of one such network already take 1.2 GB."""

MAX_SEEDS: Final = 1_000
"""Most seeds. Choice: more is a typing error."""

MIN_CONVOLUTIONS: Final = 3
"""Fewest convolutional layers: one a stage."""

_Depth = Annotated[StrictInt, Field(ge=1, le=MAX_DEPTH)]
_Budget = Annotated[StrictInt, Field(ge=1, le=MAX_BUDGET)]
_Width = Annotated[StrictInt, Field(ge=4, le=MAX_WIDTH)]
_Share = Annotated[StrictFloat, Field(gt=0, le=1, allow_inf_nan=False)]
_Rate = Annotated[StrictFloat, Field(gt=0, allow_inf_nan=False)]


class RateSpec(SpaceSection):
    """The learning rates tried in every cell: so many from low to high, evenly spaced as factors."""

    low: _Rate = Field(default=1e-4, description="The smallest, above 0.")
    high: _Rate = Field(default=1e-2, description="The largest.")
    n: StrictInt | None = Field(
        default=None, ge=2, le=100, description="How many. A cell whose best one is the first or last is given more."
    )
    by_depth: StrictFloat = Field(
        default=0.0,
        ge=0,
        le=3,
        description="Rates of a deeper network are these times (shallowest depth / its depth) to this power. 0: all "
        "depths have the same; 1.5 is derived for plain relu layers, 0.5 for residual ones.",
    )

    @classmethod
    def contradictions(cls, raw: Mapping[str, Any]) -> Iterator[Fault]:
        """Ends in the wrong order."""
        low, high = raw.get("low", 1e-4), raw.get("high", 1e-2)
        if all(isinstance(end, int | float) for end in (low, high)) and low >= high:
            yield Fault(path=(), text=f"low ({shown(low)}) must be below high ({shown(high)}).")


class ConvolutionSpec(SpaceSection):
    """What stays as it is while channels grow (`units`), or while units of the dense layer grow (`channels`)."""

    channels: StrictInt = Field(
        default=8, ge=1, le=4096, description="Channels of every convolutional layer where the dense layer grows."
    )
    units: StrictInt = Field(
        default=32, ge=4, le=MAX_WIDTH, description="Units of the dense layer where the convolutional layers grow."
    )


class CapacitySpec(SpaceSection):
    """What is compared, and how every network is trained. What is left out is filled by the preset."""

    depths: Annotated[tuple[_Depth, ...], Field(min_length=2)] | None = Field(
        default=None,
        description="Hidden layers, at least two numbers of them: [1, 2, 4, 8]. With convolutions: those.",
    )
    budgets: Annotated[tuple[_Budget, ...], Field(min_length=1)] | None = Field(
        default=None, description="Parameters, all counted; the width of every cell follows: [3000, 10000, 30000]."
    )
    widths: Annotated[tuple[_Width, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="In place of budgets, units of a layer of the shallowest network, whose parameters are the "
        "budgets: [16, 64, 256].",
    )
    train_sizes: Annotated[tuple[_Share, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="Shares of the training rows that everything is trained on in turn: [0.1, 0.3, 1.0]. The verdict "
        "is that of the largest. null: all rows.",
    )
    seeds: StrictInt | None = Field(
        default=None,
        ge=2,
        le=MAX_SEEDS,
        description="Networks a cell, each with weights, row order and validation rows of its own, alike in all cells.",
    )
    learning_rates: RateSpec = Field(default=RateSpec(), description="The learning rates tried in every cell.")
    updates: StrictInt | None = Field(
        default=None, ge=1, description="Updates of every network: the same in all cells."
    )
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = Field(default="adam", description="The optimiser.")
    batch_size: BatchSize = Field(default="auto", description="Rows an update. auto: by the number of training rows.")
    activation: Literal["relu", "leaky_relu", "prelu", "elu", "selu", "swish", "tanh", "softsign"] = Field(
        default="relu", description="Activation of the hidden layers."
    )
    batch_norm: StrictBool = Field(
        default=False, description="Whether each hidden layer is normalised before its activation."
    )
    residual: StrictBool = Field(
        default=False,
        description="Whether a hidden layer as wide as the one below adds to what that one gives.",
    )
    convolutions: ConvolutionSpec | None = Field(
        default=None,
        description="Convolutional networks, on images; null: dense ones.",
    )
    dropout: StrictFloat = Field(default=0.0, ge=0, lt=1, description="Share of hidden activations dropped.")
    l2: StrictFloat = Field(default=0.0, ge=0, description="Factor of sum w^2 over all kernels; 0 is off.")
    margin: StrictFloat = Field(
        default=0.02,
        gt=0,
        lt=1,
        description="Differences below it count as none: for losses a share of what knowing nothing scores, for shares "
        "such as accuracy a difference.",
    )
    objective: Literal["auto", "rmse", "mae", "log_loss", "accuracy", "balanced_accuracy", "roc_auc"] = Field(
        default="auto", description="What is compared. auto: RMSE for numbers, log loss for classes."
    )
    longer: StrictInt = Field(
        default=2,
        ge=1,
        le=10,
        description="How many times the updates the best deep and the best shallow network of one budget are trained "
        "in the end, each anew with every seed, to see whether longer training would change their order. 1: neither.",
    )
    seed: StrictInt = Field(default=0, ge=0, le=MAX_SEED, description="Where all chance of the study comes from.")

    @classmethod
    def contradictions(cls, raw: Mapping[str, Any]) -> Iterator[Fault]:
        """Depths, budgets or sizes named twice, which would weigh twice; keys that exclude each other."""
        for key in ("depths", "budgets", "widths", "train_sizes"):
            given = raw.get(key)
            if isinstance(given, list | tuple) and len(set(map(str, given))) < len(given):
                yield Fault(path=(key,), text=f"{shown(list(given))} names one of them twice.")
        if raw.get("widths") is not None and raw.get("budgets") is not None:
            text = "widths of the shallowest network are budgets, too. Give one of widths and budgets."
            yield Fault(path=("widths",), text=text)
        if raw.get("convolutions") is not None:
            yield from _faults_of_convolutions(raw)


def _faults_of_convolutions(raw: Mapping[str, Any]) -> Iterator[Fault]:
    """What dense networks have and convolutional ones have no place for."""
    depths = raw.get("depths")
    if isinstance(depths, list | tuple) and any(isinstance(n, int) and n < MIN_CONVOLUTIONS for n in depths):
        text = f"{shown(list(depths))}: of convolutional layers there are {MIN_CONVOLUTIONS} at least, one a stage."
        yield Fault(path=("depths",), text=text)
    if raw.get("widths") is not None:
        yield Fault(path=("widths",), text="convolutional networks have channels, not one width. Give budgets.")
    if raw.get("residual"):
        text = "residual connections are those of dense layers; convolutional networks have none here. Leave it out."
        yield Fault(path=("residual",), text=text)


_BUDGETS: Final = (3_000, 10_000, 30_000, 100_000)

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "quick": {"depths": (1, 2, 4), "budgets": (3_000, 10_000), "seeds": 3, "n": 3, "updates": 500},
    "teaching": {"depths": (1, 2, 4, 8), "budgets": _BUDGETS, "seeds": 5, "n": 5, "updates": 2_000},
    "full": {"depths": (1, 2, 3, 4, 6, 8), "budgets": _BUDGETS, "seeds": 10, "n": 5, "updates": 2_000},
}  # fmt: skip
"""What a preset fills in. Choice: a first look; the book's picture in some minutes; a final answer."""

_DEPTHS: Final = (3, 5, 7, 9, 11)

CONVOLUTION_PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "quick": {"depths": (3, 7), "budgets": (10_000, 30_000), "seeds": 3, "n": 2, "updates": 4_000},
    "teaching": {"depths": _DEPTHS, "budgets": (12_000, 25_000, 50_000), "seeds": 3, "n": 2, "updates": 8_000},
    "full": {"depths": _DEPTHS, "budgets": (5_000, 16_000, 50_000, 160_000, 500_000), "seeds": 5, "n": 2,
             "updates": 6_000},
}  # fmt: skip
"""The same of convolutional networks. Choice: ten minutes, an hour and a night on two cores, the last two decades; for
teaching, sizes from which on eleven layers fit their training rows as three do, to a point."""


class CapacitySpace(SpaceSection):
    """A whole space file of kind capacity."""

    kind: Literal["capacity"] = Field(default="capacity", description="What the file asks for.")
    preset: Literal["quick", "teaching", "full"] = Field(
        default="teaching", description="Fills what is left out under capacity."
    )
    data: DataSpec = Field(description="Where the table is, what is predicted, which rows are kept apart.")
    capacity: CapacitySpec = Field(
        default=CapacitySpec(), description="What is compared, and how networks are trained."
    )
    ignore: Ignored = ()

    def settled(self) -> CapacitySpace:
        """The same with everything filled in that the preset fills, depths and budgets in ascending order."""
        spec = self.capacity
        preset = (PRESETS if spec.convolutions is None else CONVOLUTION_PRESETS)[self.preset]
        rates = spec.learning_rates
        filled = {
            "depths": tuple(sorted(spec.depths or preset["depths"])),
            "budgets": None if spec.widths else tuple(sorted(spec.budgets or preset["budgets"])),
            "widths": None if spec.widths is None else tuple(sorted(spec.widths)),
            "train_sizes": tuple(sorted(spec.train_sizes or (1.0,))),
            "seeds": spec.seeds or preset["seeds"],
            "updates": spec.updates or preset["updates"],
            "learning_rates": rates.model_copy(update={"n": rates.n or preset["n"]}),
        }
        valid = ValidSpec(holdout=HOLDOUT) if self.data.valid.is_auto else self.data.valid
        data = self.data.model_copy(update={"valid": valid})
        return self.model_copy(update={"capacity": spec.model_copy(update=filled), "data": data})

    @classmethod
    def contradictions(cls, raw: Mapping[str, Any]) -> Iterator[Fault]:
        """What a search has and a study has no place for."""
        data = raw.get("data")
        if not isinstance(data, Mapping):
            return
        if "test" in data and data["test"] is None:
            text = "null leaves no rows that chose nothing, and scores come from those. Give a share or a file."
            yield Fault(path=("data", "test"), text=text)
        valid = data.get("valid")
        if isinstance(valid, Mapping) and valid.get("folds") is not None:
            text = "every seed has validation rows of its own, drawn afresh; write {holdout: SHARE}."
            yield Fault(path=("data", "valid", "folds"), text=text)
        for key in ("costs", "positive"):
            if data.get(key) is not None:
                text = "a capacity study saves no model whose labels could follow a threshold. Leave it out."
                yield Fault(path=("data", key), text=text, at_key=True)
        if isinstance(data.get("augment"), Mapping) and any(data["augment"].values()):
            yield Fault(path=("data", "augment"), text="a capacity study augments no rows. Leave it out.", at_key=True)
