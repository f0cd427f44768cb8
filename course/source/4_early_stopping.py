"""Early stopping and algorithm 7.2: by hand in a loop, then as a run does it."""

# %% settings
SEED = 0
EPOCHS = 300
PATIENCE = 30

# %% table
import numpy as np
import pandas as pd

draw = np.random.default_rng(SEED)
columns = draw.uniform(-1, 1, (1_200, 6))
target = np.sin(3 * columns[:, 0]) * columns[:, 1] + columns[:, 2] + draw.normal(0, 0.7, 1_200)
train, valid, test = slice(0, 160), slice(160, 200), slice(200, 1_200)

# %% network
from sklearn.neural_network import MLPRegressor


def new_network():
    return MLPRegressor(
        hidden_layer_sizes=(128, 128), learning_rate_init=2e-3, batch_size=32, alpha=0, random_state=SEED
    )


def one_epoch(network, rows):
    network.partial_fit(columns[rows], target[rows])


def loss(network, rows):
    return float(((network.predict(columns[rows]) - target[rows]) ** 2).mean())


# %% to_the_end
network = new_network()
losses = []
for _ in range(EPOCHS):
    one_epoch(network, train)
    losses.append({"«train»": loss(network, train), "«valid»": loss(network, valid)})
losses = pd.DataFrame(losses, index=range(1, EPOCHS + 1))
axes = losses.plot(logy=True, xlabel="«epoch»", ylabel="«loss»", figsize=(7, 3.5))

# %% stopped
best, best_epoch, epoch = float("inf"), 0, 0
# BEGIN SOLUTION
network = new_network()
while epoch - best_epoch < PATIENCE:
    epoch += 1
    one_epoch(network, train)
    now = loss(network, valid)
    if now < best:
        best, best_epoch = now, epoch
print(f"«stopped» {epoch}, «best_was» {best_epoch}: {best:.3f}")
# END SOLUTION

# %% refit
both = slice(0, 200)  # «both»
best_epoch = int(losses["«valid»"].idxmin())
i_star = best_epoch * 160 // 32  # «updates»


def learnt(rows, n_epochs):
    network = new_network()
    for _ in range(n_epochs):
        one_epoch(network, rows)
    return network


again = learnt(both, round(i_star * 32 / 200))
to_the_end = learnt(both, EPOCHS)
print(f"«algorithm» 7.2: {loss(again, test):.3f}   «to_the_end»: {loss(to_the_end, test):.3f}")

# %% without_more_rows
# BEGIN SOLUTION
print(f"7.1: {loss(learnt(train, best_epoch), test):.3f}")
# END SOLUTION

# %% run
table = pd.DataFrame(columns[both], columns=[f"x{k}" for k in range(1, 7)]).assign(y=target[both])
run = ffsearch.run(
    table,
    target="y",
    trials=1,
    seed=SEED,
    evidence="none",
    overrides={
        "space": {"depth": 2, "width": 128, "activation": "relu", "batch_norm": False, "learning_rate": 2e-3},
        "data.valid": {"holdout": 0.2},
        "data.test": None,
        "train.batch_size": 32,
        "train.max_epochs": EPOCHS,
        "train.patience": PATIENCE,
        "train.average": False,
    },
    out=f"runs/stopping-{SEED}",
    lang="«lang»",
)
run.figures.learning()

# %% updates
# BEGIN SOLUTION
print(run.trials["why"].iloc[0])
print(run.summary["refit"])
# END SOLUTION

# %% verdict
print(f"{losses['«valid»'].min():.3f} → {losses['«valid»'].iloc[-1]:.3f}")
is_overfitted = losses["«valid»"].iloc[-1] > 1.1 * losses["«valid»"].min()
seen = bool(is_overfitted and loss(again, test) < loss(to_the_end, test))
seen
