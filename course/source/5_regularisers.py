"""Regularisers on and off: what they do to the gap, and what early stopping leaves for them to do."""

# %% settings
SEED = 0
EPOCHS = 300

# %% table
TABLE = f"control:sin(3*x1)*x2 + x3 + noise(.5) > 0?rows=1500&useless=5&seed={SEED}"

# %% grid
NETWORK = {"depth": 2, "width": 256, "activation": "relu", "batch_norm": False, "learning_rate": 2e-3}
REST = {
    "search.sampler": "grid",
    "search.pruner": "none",
    "data.test": 0.6,
    "data.valid": {"holdout": 0.5},
    "train.max_epochs": EPOCHS,
    "train.patience": EPOCHS,
    "train.average": False,
}
both = {
    "dropout": {"type": "choice", "values": [0.0, 0.5]},
    "l2": {"type": "choice", "values": [0.0, 1e-2]},
}
run = ffsearch.run(
    TABLE,
    trials=4,
    seed=SEED,
    evidence="none",
    overrides=REST | {"space": NETWORK | both},
    out=f"runs/regularisers-{SEED}",
    lang="«lang»",
)


# %% ends
def at_the_end(run):
    curves = run.curves.merge(run.trials[["trial", "point.dropout", "point.l2"]])
    curves = curves.rename(columns={"point.dropout": "dropout", "point.l2": "L2"}).sort_values("epoch")
    losses = curves.groupby(["dropout", "L2"])[["train_loss", "valid_loss"]]
    lowest = losses.min()["valid_loss"]
    return curves, losses.last().assign(gap=lambda frame: frame["valid_loss"] - frame["train_loss"]), lowest


curves, ends, lowest = at_the_end(run)
ends.round(3)

# %% drawn
import matplotlib.pyplot as plt

figure, panels = plt.subplots(1, 4, figsize=(11, 3), sharey=True)
for panel, ((dropout, l2), curve) in zip(panels, curves.groupby(["dropout", "L2"]), strict=True):
    panel.plot(curve["epoch"], curve["train_loss"], label="«train»")
    panel.plot(curve["epoch"], curve["valid_loss"], label="«valid»")
    panel.set(title=f"dropout {dropout:g}, L2 {l2:g}", xlabel="«epoch»", yscale="log")
panels[0].legend()
figure.tight_layout()
# %% stopped
# BEGIN SOLUTION
ends.assign(lowest=lowest)[["valid_loss", "lowest"]].round(3)
# END SOLUTION

# %% strong
# BEGIN SOLUTION
strong = ffsearch.run(
    TABLE,
    trials=1,
    seed=SEED,
    evidence="none",
    overrides=REST | {"space": NETWORK | {"dropout": 0.0, "l2": 0.3}},
    out=f"runs/strong-{SEED}",
    lang="«lang»",
)
at_the_end(strong)[1].round(3)
# END SOLUTION

# %% verdict
plain = ends.loc[(0.0, 0.0)]
others = ends.drop(index=(0.0, 0.0))
print(ends["valid_loss"].round(2).tolist())
seen = bool((others["gap"] < plain["gap"]).all() and (others["valid_loss"] < plain["valid_loss"]).all())
seen
