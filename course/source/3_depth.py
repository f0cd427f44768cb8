"""Depth where it must win, and where it cannot: two tables whose answer is known."""

# %% settings
SEED = 0
STUDY = {
    "capacity.depths": [1, 2, 4],
    "capacity.budgets": [300, 1000],
    "capacity.seeds": 5,
    "capacity.updates": 2000,
    "capacity.learning_rates": {"low": 1e-3, "high": 1e-2, "n": 3},
}

# %% folds
import matplotlib.pyplot as plt
import numpy as np


def tent(x):
    return 1 - 2 * abs(x - 0.5)


x = np.linspace(0, 1, 2001)
figure, axes = plt.subplots(1, 3, figsize=(9, 2.5), sharey=True)
y = x
for panel in axes:
    y = tent(y)
    panel.plot(x, y)
    panel.set_title(f"{int((np.diff(np.sign(np.diff(y).round(9))) != 0).sum()) + 1} «pieces»")
figure.tight_layout()

# %% guess
guess = {"tent": "?", "linear": "?"}  # «choices»

# %% tent
deep = ffsearch.run(
    "capacity", data=f"control:tent@{SEED}", seed=SEED, overrides=STUDY, out=f"runs/tent-{SEED}", lang="«lang»"
)
print(deep.verdict_text)

# %% tent_gains
deep.figures.depth_gains()

# %% tent_depth
deep.figures.score_by_depth()

# %% linear
flat = ffsearch.run(
    "capacity", data=f"control:linear@{SEED}", seed=SEED, overrides=STUDY, out=f"runs/linear-{SEED}", lang="«lang»"
)
print(flat.verdict_text)

# %% linear_size
flat.figures.score_by_size()

# %% training
# BEGIN SOLUTION
flat.capacity.groupby("depth")[["train", "test"]].mean().round(3)
# END SOLUTION

# %% ridges
# BEGIN SOLUTION
wide = ffsearch.run(
    "capacity", data=f"control:ridges@{SEED}", seed=SEED, overrides=STUDY, out=f"runs/ridges-{SEED}", lang="«lang»"
)
print(wide.verdict_text)
# END SOLUTION

# %% verdict
codes = deep.verdict["code"], flat.verdict["code"]
print(*codes)
seen = codes == ("deeper", "saturated")
seen
