"""The naive score flatters: the winner's luck, by hand and in a search."""

# %% settings
SEED = 0
TRIALS = 30

# %% coins
import numpy as np

draw = np.random.default_rng(SEED)
truth = draw.integers(0, 2, 50)  # «fifty_rows»
guesses = draw.integers(0, 2, (100, 50))  # «hundred_students»
right = (guesses == truth).mean(axis=1)
print(f"«mean»: {right.mean():.2f}   «best»: {right.max():.2f}")

# %% again
winner = right.argmax()
new_truth = draw.integers(0, 2, 10_000)
new_guesses = draw.integers(0, 2, 10_000)
print(f"«winner» {winner}: {right[winner]:.2f} → {(new_guesses == new_truth).mean():.2f}")

# %% expected
# BEGIN SOLUTION
import matplotlib.pyplot as plt

many = (draw.integers(0, 2, (2_000, 100, 50)) == truth).mean(axis=2)
sizes = [1, 2, 3, 5, 10, 20, 30, 50, 100]
luck = [many[:, :size].max(axis=1).mean() for size in sizes]
figure, axes = plt.subplots(figsize=(6, 3.5))
axes.plot(sizes, luck, marker="o")
axes.axhline(0.5, color="grey", linestyle="dashed")
axes.set(xscale="log", xlabel="«n_tried»", ylabel="«accuracy_of_best»")
figure.tight_layout()
# END SOLUTION

# %% search
run = ffsearch.run(
    f"control:0*x1 + 0*x2 + noise(1) > 0?rows=1000&seed={SEED}",
    trials=TRIALS,
    seed=SEED,
    evidence={"finalists": 3, "repeats": 5, "effects": 0, "baselines": ["dummy"], "columns": False, "layers": False},
    overrides={
        "data.test": 0.5,
        "data.valid": {"holdout": 0.1},
        "search.objective": "accuracy",
        "train.max_epochs": 30,
        "space.width": {"type": "int", "low": 8, "high": 64},
        "space.depth": {"type": "int", "low": 1, "high": 3},
    },
    out=f"runs/luck-{SEED}",
    lang="«lang»",
)
run.figures.history()

# %% scores
run.figures.scores()

# %% answer
print(run.verdict_text)

# %% more
# BEGIN SOLUTION
best_so_far = run.trials["value"].cummax()
best_so_far.iloc[[0, 1, 2, 4, len(run.trials) // 2, -1]]
# END SOLUTION

# %% verdict
naive = run.summary["evidence"]["naive"]["value"]
test = run.summary["evidence"]["test"]["value"]
print(f"{naive:.3f} → {test:.3f}")
seen = bool(naive - test >= 0.05)
seen
