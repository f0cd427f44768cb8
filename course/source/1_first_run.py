"""A first run: a real table, a short search, and what its answer is made of."""

# %% settings
SEED = 0
TRIALS = 12

# %% table
from sklearn.datasets import load_breast_cancer

table = load_breast_cancer(as_frame=True)["frame"]
table["target"] = table["target"].map({0: "malignant", 1: "benign"})
table.sample(5, random_state=SEED).T.tail(8)

# %% search
run = ffsearch.run(
    table, target="target", trials=TRIALS, seed=SEED, evidence="quick", out=f"runs/first-{SEED}", lang="«lang»"
)
run

# %% trials
run.trials.sort_values("value")[["trial", "value", "topology", "why"]].head(6)

# %% learning
run.figures.learning()

# %% endings
# BEGIN SOLUTION
run.trials["ended"].value_counts()
# END SOLUTION

# %% scores
run.figures.scores()

# %% quoted
# BEGIN SOLUTION
test = run.summary["evidence"]["test"]
print(f"{test['value']:.3f} ({test['low']:.3f} … {test['high']:.3f})")
# END SOLUTION

# %% models
run.figures.models()

# %% answer
print(run.verdict_text)

# %% predict
# BEGIN SOLUTION
model = ffsearch.load_model(run.path)
rows = table.drop(columns="target").sample(5, random_state=SEED)
rows[["mean radius"]].assign(prediction=model.predict(rows), truth=table.loc[rows.index, "target"])
# END SOLUTION

# %% verdict
scores = run.baselines.query("part == 'test'").set_index("model")["value"]
print(scores.round(3).to_dict())
seen = bool(scores["network"] < scores["dummy"] / 2) and run.verdict["code"] != "network"
seen
