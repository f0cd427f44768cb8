"""Is a network worth it? Three tables, three answers."""

# %% settings
SEED = 0
TRIALS = 4

# %% guess
guess = {"linear": "?", "waves": "?", "boxes": "?"}

# %% three
TABLES = {
    "linear": f"control:2*x1 - x2 + 1.5*x3 + x4/2 - x5 + noise(.3)?rows=1500&seed={SEED}",
    "waves": f"control:sin(2*x1 + 2*x2 - 2*x3) + cos(2*x2 + 2*x3 - 2*x4) + noise(.1)?rows=1200&seed={SEED}",
    "boxes": f"control:boxes?rows=2000&seed={SEED}",
}
SPACE = {
    "space": {
        "depth": {"type": "int", "low": 1, "high": 3},
        "width": {"type": "int", "low": 32, "high": 128, "log": True},
        "activation": "relu",
        "batch_norm": False,
        "learning_rate": {"type": "float", "low": 1e-3, "high": 1e-2, "log": True},
    },
    "data.valid": {"holdout": 0.25},
    "train.max_epochs": 100,
}
EVIDENCE = {"finalists": 3, "repeats": 4, "effects": 0, "columns": False, "layers": False}
runs = {
    name: ffsearch.run(
        data,
        trials=TRIALS,
        seed=SEED,
        evidence=EVIDENCE,
        overrides=SPACE,
        out=f"runs/worth-{name}-{SEED}",
        lang="«lang»",
    )
    for name, data in TABLES.items()
}
for name, run in runs.items():
    print(f"{name}: {run.verdict_text}\n")

# %% models
runs["waves"].figures.models()

# %% table
import pandas as pd

scores = {name: run.baselines.query("part == 'test'").set_index("model")["value"] for name, run in runs.items()}
pd.DataFrame(scores).round(3)

# %% real
# BEGIN SOLUTION
real = ffsearch.run(
    "sklearn:diabetes",
    trials=TRIALS,
    seed=SEED,
    evidence=EVIDENCE,
    overrides=SPACE,
    out=f"runs/worth-real-{SEED}",
    lang="«lang»",
)
print(real.verdict_text)
# END SOLUTION

# %% verdict
codes = {name: run.verdict["code"] for name, run in runs.items()}
print(codes)
seen = codes == {"linear": "linear", "waves": "network", "boxes": "boosting"}
seen
