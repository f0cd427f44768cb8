"""The capacity that one's own formula needs: guess which shape wins, then measure it."""

# %% settings
SEED = 0
FORMULA = "cos(6*(x1**2 + x2**2 + x3**2))"
STUDY = {
    "capacity.depths": [1, 2, 4],
    "capacity.budgets": [300, 1000],
    "capacity.seeds": 5,
    "capacity.updates": 2000,
    "capacity.learning_rates": {"low": 1e-3, "high": 1e-2, "n": 3},
}

# %% picture
import matplotlib.pyplot as plt
import numpy as np

x1, x2 = np.meshgrid(np.linspace(-1, 1, 201), np.linspace(-1, 1, 201))
figure, axes = plt.subplots(figsize=(4, 3.4))
axes.set(xlabel="x1", ylabel="x2", title="x3 = 0")
figure.colorbar(axes.pcolormesh(x1, x2, np.cos(6 * (x1**2 + x2**2))))
figure.tight_layout()

# %% study
study = ffsearch.run(
    "capacity",
    data=f"control:{FORMULA} + noise(.1)?rows=4000&seed={SEED}",
    seed=SEED,
    overrides=STUDY,
    out=f"runs/formula-{SEED}",
    lang="«lang»",
)
print(study.verdict_text)

# %% gains
study.figures.depth_gains()

# %% map
study.figures.map_of_scores()

# %% yours
own = "x1 + x2 + x3"  # «yours»
# BEGIN SOLUTION
own = "sin(3*x1) + sin(3*x2) + sin(3*x3)"
mine = ffsearch.run(
    "capacity",
    data=f"control:{own} + noise(.1)?rows=4000&seed={SEED}",
    seed=SEED,
    overrides=STUDY,
    out=f"runs/own-{SEED}",
    lang="«lang»",
)
print(mine.verdict_text)
# END SOLUTION

# %% noisy
# BEGIN SOLUTION
noisy = ffsearch.run(
    "capacity",
    data=f"control:{FORMULA} + noise(1)?rows=4000&seed={SEED}",
    seed=SEED,
    overrides=STUDY,
    out=f"runs/noisy-{SEED}",
    lang="«lang»",
)
print(noisy.verdict_text)
# END SOLUTION

# %% verdict
print(study.verdict["code"])
seen = study.verdict["code"] == "deeper"
seen
