"""A rare class: what accuracy hides, and a threshold that follows from what errors cost."""

# %% settings
SEED = 0
TRIALS = 6

# %% table
import numpy as np
import pandas as pd

draw = np.random.default_rng(SEED)
table = pd.DataFrame(draw.uniform(-1, 1, (4_000, 4)), columns=["x1", "x2", "x3", "x4"])
signal = table["x1"] + table["x2"] + table["x3"] * table["x4"] + draw.normal(0, 0.4, 4_000)
table["rare"] = np.where(signal > 1.45, "yes", "no")
table.head()

# %% share
# BEGIN SOLUTION
table["rare"].value_counts(normalize=True).round(3)
# END SOLUTION

# %% search
run = ffsearch.run(
    table,
    target="rare",
    trials=TRIALS,
    seed=SEED,
    evidence={
        "finalists": 2,
        "repeats": 3,
        "effects": 0,
        "baselines": ["dummy", "linear"],
        "columns": False,
        "layers": False,
    },
    overrides={"data.positive": "yes", "data.costs": {"false_negative": 10, "false_positive": 1}},
    out=f"runs/rare-{SEED}",
    lang="«lang»",
)

# %% accuracy
test = run.baselines.query("part == 'test'").set_index("model")
test[["metric.accuracy", "metric.roc_auc"]].round(3)

# %% threshold
run.figures.threshold()

# %% thresholds
run.thresholds[::10].round(3)

# %% compare
cut = run.summary["threshold"]
print(f"{cut['value']:.3f}")
# BEGIN SOLUTION
network = cut["sealed"][0]
pd.DataFrame({"1/2": network["measures_at_half"], f"{cut['value']:.3f}": network["measures"]}).round(3)
# END SOLUTION

# %% verdict
half, chosen = (cut["sealed"][0][name] for name in ("measures_at_half", "measures"))
print(f"{half['recall']:.2f} → {chosen['recall']:.2f}, {half['cost']:.3f} → {chosen['cost']:.3f}")
accuracy, auc = (test[f"metric.{name}"] for name in ("accuracy", "roc_auc"))
hides = accuracy["network"] - accuracy["dummy"] < 0.05 and auc["network"] > 0.85
seen = bool(hides and chosen["recall"] > half["recall"] + 0.2 and chosen["cost"] < half["cost"])
seen
