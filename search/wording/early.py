"""How the first version called the sentences of its verdicts in summary.json, before findings had codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["FORMS", "values_of"]

FORMS: Final[Mapping[str, str]] = {
    **{f"{answer}": f"answer_{answer}" for answer in ("network", "boosting", "linear", "nothing", "not_settled")},
    "over_dummy": "over_nothing.shown",
    "not_over_dummy": "over_nothing.not_shown",
    **{f"{other}.{how}": f"network_over_{other}.{how}" for other in ("linear", "boosting")
       for how in ("ahead", "level", "behind")},
    "boosting.over_linear": "boosting_over_linear",
    "sure": "topology_sure.sure",
    "fairly_sure": "topology_sure.fairly",
    "unsure": "topology_sure.unsure",
    "smaller.loses": "smaller_network.worse",
    "smaller.level": "smaller_network.level",
    "smaller.none": "smaller_network.none",
    **{f"settle.{how}": f"what_settles.{how}" for how in ("rows", "seeds", "far")},
    **{f"meanwhile.{model}": f"until_settled.{model}" for model in ("linear", "boosting", "network")},
    "on_validation": "nothing_sealed",
    **{f"{words}.{answer}": f"depth_{answer}.{kind}" for answer in ("deeper", "wider", "either")
       for words, kind in (("verdict", "dense"), ("conv", "convolutional"))},
    "verdict.saturated": "depth_saturated",
    "verdict.not_settled": "depth_not_settled.found",
    **{f"conv.against.{what}": f"depth_against_wide.{what}" for what in ("channels", "units")},
    "also.loses": "other_depth.worse",
    "also.gains": "other_depth.better",
    "also.equal": "other_depth.equal",
    "also.against": "budget_reverses",
    "also.training": "deep_untrained",
    "also.growth": "more_parameters",
    **{f"also.{what}": f"study_settled_by.{what}" for what in ("seeds", "rows")},
    "also.edge": "rate_at_edge",
}  # fmt: skip
"""Key and form of today by the key of then."""


def values_of(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The values of such a sentence under the names of today: a study's gains are values with two ends, too."""
    values = {"value" if name == "gain" else name: value for name, value in kept.items()}
    ends = {"low": values["value"], "high": values["value"]} if "value" in values else {}
    return ends | values
