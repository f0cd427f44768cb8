"""What a space file of kind capacity may say: the study "deeper or wider?" on one table.

CapacitySpace
├── preset                    fills what is left out under `capacity`
├── data      DataSpec        as in a search; the test part is what scores come from, so there must be one
└── capacity  CapacitySpec    depths, parameter budgets, learning rates, seeds, and how every network is trained
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt

from ffsearch.spaces.faults import Fault, Section, shown
from ffsearch.spaces.schema import MAX_DEPTH, MAX_SEED, DataSpec
from ffsearch.spaces.values import BatchSize

__all__ = ["PRESETS", "CapacitySpace", "CapacitySpec", "RateSpec"]

MAX_BUDGET: Final = 100_000_000
"""Most parameters of a cell. Choice: Adam's averages of one such network already take 1.2 GB."""

MAX_SEEDS: Final = 1_000
"""Most seeds. Choice: more is a slip of the finger."""

_Depth = Annotated[StrictInt, Field(ge=1, le=MAX_DEPTH)]
_Budget = Annotated[StrictInt, Field(ge=1, le=MAX_BUDGET)]
_Rate = Annotated[StrictFloat, Field(gt=0, allow_inf_nan=False)]


class RateSpec(Section):
    """The learning rates tried in every cell: so many from low to high, evenly spaced as factors."""

    low: _Rate = Field(default=1e-4, description="The smallest, above 0.")
    high: _Rate = Field(default=1e-2, description="The largest.")
    n: StrictInt | None = Field(
        default=None, ge=2, le=100, description="How many. A cell whose best one is the first or last is given more."
    )

    @classmethod
    def contradictions(cls, raw: Mapping[str, Any]) -> Iterator[Fault]:
        """Ends in the wrong order."""
        low, high = raw.get("low", 1e-4), raw.get("high", 1e-2)
        if all(isinstance(end, int | float) for end in (low, high)) and low >= high:
            yield Fault(path=(), text=f"low ({shown(low)}) must be below high ({shown(high)}).")


class CapacitySpec(Section):
    """What is compared, and how every network is trained. What is left out is filled by the preset."""

    depths: Annotated[tuple[_Depth, ...], Field(min_length=2)] | None = Field(
        default=None, description="Hidden layers, at least two numbers of them: [1, 2, 4, 8]."
    )
    budgets: Annotated[tuple[_Budget, ...], Field(min_length=1)] | None = Field(
        default=None, description="Parameters, all counted; the width of every cell follows: [3000, 10000, 30000]."
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
    seed: StrictInt = Field(default=0, ge=0, le=MAX_SEED, description="Where all chance of the study comes from.")

    @classmethod
    def contradictions(cls, raw: Mapping[str, Any]) -> Iterator[Fault]:
        """Depths or budgets named twice, which would weigh twice."""
        for key in ("depths", "budgets"):
            given = raw.get(key)
            if isinstance(given, list | tuple) and len(set(map(str, given))) < len(given):
                yield Fault(path=(key,), text=f"{shown(list(given))} names one of them twice.")


_BUDGETS: Final = (3_000, 10_000, 30_000, 100_000)

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "quick": {"depths": (1, 2, 4), "budgets": (3_000, 10_000), "seeds": 3, "n": 3, "updates": 500},
    "teaching": {"depths": (1, 2, 4, 8), "budgets": _BUDGETS, "seeds": 5, "n": 5, "updates": 1_000},
    "full": {"depths": (1, 2, 3, 4, 6, 8), "budgets": _BUDGETS, "seeds": 10, "n": 5, "updates": 2_000},
}  # fmt: skip
"""What a preset fills in. Choice: a first look; the book's picture in some minutes; a final answer."""


class CapacitySpace(Section):
    """A whole space file of kind capacity."""

    kind: Literal["capacity"] = Field(default="capacity", description="What the file asks for.")
    preset: Literal["quick", "teaching", "full"] = Field(
        default="teaching", description="Fills what is left out under capacity."
    )
    data: DataSpec = Field(description="Where the table is, what is predicted, which rows are kept apart.")
    capacity: CapacitySpec = Field(
        default=CapacitySpec(), description="What is compared, and how networks are trained."
    )

    def settled(self) -> CapacitySpace:
        """The same with everything filled in that the preset fills, depths and budgets in ascending order."""
        preset, spec = PRESETS[self.preset], self.capacity
        rates = spec.learning_rates
        filled = {
            "depths": tuple(sorted(spec.depths or preset["depths"])),
            "budgets": tuple(sorted(spec.budgets or preset["budgets"])),
            "seeds": spec.seeds or preset["seeds"],
            "updates": spec.updates or preset["updates"],
            "learning_rates": rates.model_copy(update={"n": rates.n or preset["n"]}),
        }
        return self.model_copy(update={"capacity": spec.model_copy(update=filled)})

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
        if isinstance(data.get("augment"), Mapping) and any(data["augment"].values()):
            yield Fault(path=("data", "augment"), text="a capacity study augments no rows. Leave it out.", at_key=True)
