"""What evidence a finished run leaves, made up: the keys of summary.json and the tables, without training anything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

N_REPEATS = 5
N_FINALISTS = 4
LABELS = ("benign", "malignant")

SENTENCES = [
    ("network", {}),
    ("over_dummy", {"value": 0.56, "low": 0.5, "high": 0.61}),
    ("linear.ahead", {"value": 0.0412, "low": 0.0123, "high": 0.0701}),
    ("boosting.level", {"value": 0.0102, "low": -0.0201, "high": 0.0409}),
    ("sure", {"share": 0.83}),
    (
        "smaller.level",
        {"value": 0.0012, "low": -0.0004, "high": 0.0031, "smaller": "30 -> 64 -> 1 relu (2.0k parameters)"},
    ),
]

EFFECTS = [
    ("depth", "deeper", "winner", -0.004, 0.004, "not_shown"),
    ("depth", "shallower", "winner", -0.02, 0.006, "worse"),
    ("width", "wider", "winner", 0.001, 0.004, "not_shown"),
    ("depth", "deeper", "wider", -0.03, 0.01, "worse"),
    ("activation", "tanh", "winner", 0.015, 0.006, "better"),
    ("batch_norm", "off", "winner", None, None, "diverged"),
    ("dropout", "0.28", "winner", -0.002, 0.02, "not_shown"),
]

MODELS = {"network": 0.0913, "dummy": 0.6561, "linear": 0.1325, "boosting": 0.1015}


def summary_parts(run: Any) -> dict[str, Any]:
    """What stands in summary.json beside what a run without evidence has."""
    best = run.summary["best"]
    topology = {"metric": run.summary["objective"]["name"], "topology": best["topology"], "n_rows": 114}
    sentences = [{"key": key, "values": topology | values} for key, values in SENTENCES]
    test = dict(run.summary["evidence"]["test"])
    evidence = {
        **run.summary["evidence"],
        "corrected": {
            "value": 0.0801, "low": 0.0612, "high": 0.1004, "method": "repeats", "chosen_again": 0.83, "seed_sd": 0.004,
        },
        "optimism": 0.0211, "test": test,
        "repeats": {"n_finalists": N_FINALISTS, "n_repeats": N_REPEATS, "test_to_train": 0.25},
    }  # fmt: skip
    common = {
        "evidence": evidence,
        "baselines": [_baseline(name, value, test) for name, value in MODELS.items() if name != "network"],
        "effects": [_effect(*one) for one in EFFECTS],
        "importance": [
            {"parameter": "learning_rate", "is_shown": True, "value": 0.61, "low": 0.4, "high": 0.8},
            {"parameter": "depth", "is_shown": False, "value": 0.2, "low": 0.05, "high": 0.4},
        ],
        "slices": [
            {"column": "column 1", "rows": "3.2 to 7.5", "n_rows": 24, "excess": 0.2, "p_value": 0.004,
             "is_worse": True, "value": 0.25, "low": 0.1, "high": 0.4},
            {"column": "column 2", "rows": "missing", "n_rows": 21, "excess": 0.05, "p_value": 0.4, "is_worse": False,
             "value": 0.13, "low": 0.02, "high": 0.24},
        ],
        "verdict": {"code": "network", "text": "A network is worth it here.", "sentences": sentences},
        "columns": _columns(is_regression=run.summary["task"] == "regression"),
        "layers": [
            {"layer": 1, "n_units": 64, "before": 0.2, "probe": _ends(0.5, 0.1), "gain": _ends(0.3, 0.1),
             "is_shown": True, "idle": 0.1, "reset": _ends(0.4, 0.1)},
            {"layer": 2, "n_units": 64, "before": 0.5, "probe": _ends(0.51, 0.1), "gain": _ends(0.01, 0.05),
             "is_shown": False, "idle": 0.0, "reset": _ends(0.2, 0.1)},
        ],
        "row_intervals": {
            "n_units": 400, "unit": "rows",
            "levels": [{"level": at, "held": _ends(at + 0.01, 0.04), "widths": [3 * at]} for at in (0.5, 0.8, 0.9)],
        },
        "helps": [
            {"way": "rows", "gain": _ends(0.02, 0.01), "setting": ""},
            {"way": "fewer", "gain": _ends(0.001, 0.01), "setting": 'data.drop=["column 3"]'},
            {"way": "average", "setting": "model=average"},
        ],
    }  # fmt: skip
    return common | (_of_numbers() if run.summary["task"] == "regression" else _of_classes())


def frames(run: Any) -> dict[str, pd.DataFrame]:
    """The tables beside summary.json, by the run's attribute."""
    rng = np.random.default_rng(1)
    scored = run.trials[run.trials["value"].notna()].sort_values("value")
    best = run.summary["best"]["trial"]
    numbers = list(dict.fromkeys([best, *scored["trial"]]))[:N_FINALISTS]
    finalists = [
        {"trial": trial, "repeat": repeat, "is_winner": trial == best, "value": 0.08 + float(rng.exponential(0.01)),
         "topology": scored.loc[scored["trial"] == trial, "topology"].iloc[0], "n_params": 1000 + trial}
        for trial in numbers
        for repeat in range(1, N_REPEATS + 1)
    ]  # fmt: skip
    partners = [{"factor": "", "change": "", "trial": best, "repeat": repeat} for repeat in range(6, 9)]
    baselines = [
        {"model": name, "part": "valid", "repeat": repeat, "value": value + 0.001 * repeat}
        for name, value in MODELS.items()
        for repeat in range(1, N_REPEATS + 1)
    ]
    predicted = rng.normal(20, 5, 200)
    residuals = {"target": "malignant", "predicted": predicted, "residual": rng.normal(0, 2, 200)}
    is_regression = run.summary["task"] == "regression"
    return {
        "finalists": pd.DataFrame(finalists),
        "partners": pd.DataFrame(partners),
        "baselines": pd.DataFrame(baselines),
        "residuals": pd.DataFrame(residuals) if is_regression else pd.DataFrame(),
    }


def _baseline(name: str, value: float, test: dict[str, Any]) -> dict[str, Any]:
    gain = value - MODELS["network"]
    return {
        "name": name,
        "settings": {"strength": 0.01, "n_rows": 455} if name == "linear" else {},
        "valid": value,
        "test": {"value": value, "low": value * 0.8, "high": value * 1.2, "metrics": test["metrics"]},
        "network_gain": {"value": gain, "low": gain - 0.03, "high": gain + 0.03},
    }


def _effect(
    factor: str, change: str, against: str, value: float | None, reach: float | None, finding: str
) -> dict[str, Any]:
    ends = dict.fromkeys(("value", "low", "high", "p_value"))
    if value is not None and reach is not None:
        ends = {"value": value, "low": value - reach, "high": value + reach, "p_value": 0.02}
    return {"factor": factor, "change": change, "against": against, "finding": finding, **ends}


def _columns(*, is_regression: bool) -> dict[str, Any]:
    """One column that carries the answer, with its curve, two that go together, and one that may go."""
    worth = {("column 1",): 0.3, ("column 2", "column 4"): 0.1, ("column 2",): 0.03, ("column 3",): 0.0}
    return {
        "loss": "squared_error" if is_regression else "log_loss", "network": 0.1, "naive": 0.7, "n_rows": 114,
        "importances": [
            {"columns": list(columns), "network": _ends(value, 0.02), "chance": 0.01, "is_useful": value > 0.02,
             "others": {"boosting": _ends(0.9 * value, 0.02)}}
            for columns, value in worth.items()
        ],
        "curves": [{"column": "column 1", "at": [0.0, 1.0, 2.0], "value": [-0.2, 0.0, 0.2], "low": [-0.3, 0.0, 0.1],
                    "high": [-0.1, 0.0, 0.3]}],
        "output": "malignant", "least": ["column 3"], "without_least": _ends(0.001, 0.01),
    }  # fmt: skip


def _of_classes() -> dict[str, Any]:
    bins = [(0.04, 60, 0.02, 0.0, 0.09), (0.5, 10, 0.6, 0.3, 0.85), (0.97, 44, 0.98, 0.9, 1.0)]
    return {
        "calibration": {
            "bins": [
                {"confidence": at, "n_rows": n, "value": share, "low": low, "high": high}
                for at, n, share, low, high in bins
            ],
            "temperature": {"value": 1.4, "loss_before": 0.1, "loss_after": 0.09},
        },
        "errors": {"labels": list(LABELS), "confusion": [[70, 2], [3, 39]]},
        "threshold": _threshold(),
    }


def _threshold() -> dict[str, Any]:
    """A threshold that costs chose, beside that of the linear model."""
    curve = [{"threshold": at / 100, **_measures(at / 100)} for at in range(101)]
    chosen = {"value": 0.21, "low": 0.14, "high": 0.3}
    sealed = [
        {"name": name, "threshold": 0.21, "value": _ends(0.11, 0.03), "at_half": _ends(0.15, 0.04),
         "gain": _ends(0.04, 0.02), "measures": _measures(0.21), "measures_at_half": _measures(0.5),
         **({"network_gain": _ends(0.02, 0.03)} if name != "network" else {})}
        for name in ("network", "linear")
    ]  # fmt: skip
    return {
        "positive": LABELS[1], "share": 0.36, "wanted": "cost", "value": 0.21, "in_model": True, "measure": "cost",
        "false_negative": 5.0, "false_positive": 1.0, "costs_given": True, "n_rows": 410, "curve": curve,
        "at_half": _measures(0.5), "sealed": sealed,
        "rules": [
            {"name": "f1", "threshold": _ends(0.44, 0.1), "measures": _measures(0.44), "gain": _ends(0.01, 0.02)},
            {"name": "cost", "threshold": chosen, "measures": _measures(0.21), "gain": _ends(0.05, 0.02)},
        ],
    }  # fmt: skip


def _ends(value: float, reach: float) -> dict[str, float]:
    return {"value": value, "low": value - reach, "high": value + reach}


def _measures(at: float) -> dict[str, float | None]:
    """Of a threshold; where no row is taken there is no precision."""
    recall = 1 - at**2
    precision = None if at == 1 else 0.4 + 0.6 * at
    return {
        "recall": recall, "precision": precision, "f1": None if precision is None else recall * 0.9,
        "balanced_accuracy": 0.5 + at * (1 - at), "cost": 0.3 * (at - 0.2) ** 2 + 0.1,
    }  # fmt: skip


def _of_numbers() -> dict[str, Any]:
    bands = [[at, -4.0, -1.5, 0.1, 1.4, 4.2] for at in np.linspace(10, 30, 10)]
    return {"errors": {"residuals": [{"target": "malignant", "bands": bands}]}}
