"""What a space file may say: every key, its type, its limits, its default, and what contradicts what.

    SearchSpace
    ├── data    DataSpec          where the table is, what is predicted, how rows are split and augmented
    ├── space   ParameterSpec     what is searched, and between which bounds
    ├── train   TrainSpec         how every candidate is trained
    ├── search  SearchSpec        how candidates are proposed, and how many
    ├── model   a word            what is saved: the winner refitted, or the mean of several refits
    └── evidence EvidenceSpec     what the answer is weighed by: points trained again, baselines

A default stands here once; defaults of parameters that a file leaves out stand in `search/network/defaults.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from ffsearch.spaces.faults import Fault, SpaceSection, nearest, refusal, shown
from ffsearch.spaces.pairing import data_faults, pairing_faults
from ffsearch.spaces.parameters import ChoiceParameter, Fixed, FloatParameter, IntParameter, Legal, Parameter
from ffsearch.spaces.sampling import CONCURRENCY, fold_faults, sampling_faults
from ffsearch.spaces.values import (
    MAX_REPEATS,
    BatchSize,
    Column,
    Columns,
    Effects,
    Encoding,
    Epochs,
    Header,
    Ignored,
    Label,
    MissingWords,
    Orders,
    Seconds,
    ShareOrFile,
    Threshold,
    as_column,
)

__all__ = [
    "MAX_TRIALS",
    "AugmentSpec",
    "ChoiceParameter",
    "CostSpec",
    "DataSpec",
    "EvidenceSpec",
    "Fixed",
    "FloatParameter",
    "IntParameter",
    "Parameter",
    "ParameterSpec",
    "SearchSpace",
    "SearchSpec",
    "TrainSpec",
    "ValidSpec",
]

MAX_DEPTH: Final = 64
"""Most hidden layers. Choice: plain networks stop training long before; a larger number is a typing error."""

MAX_WIDTH: Final = 65_536
"""Most units of a layer. Choice: one kernel between two such layers already takes 16 GiB."""

MAX_TAPER: Final = 4.0
"""Largest factor from one layer to the next. Choice: six layers of it grow a thousandfold."""

TRIALS: Final = 100
"""Trials where neither their number nor a budget is said. choice: the most that the samplers' measurements cover."""

MAX_TRIALS: Final = 1_000_000
"""Most trials. Choice: more is a typing error."""

MAX_CONCURRENCY: Final = 10_000
"""Most networks in training at a time. Choice: more is a typing error."""

MIN_ROWS: Final = 10
"""Fewest rows that can be asked for. Choice: with fewer, one row decides a score."""

MAX_BINS: Final = 256
"""Most bins of a number. Choice: each is a column of the matrix; more are noise long before."""

MAX_FINALISTS: Final = 100
"""Most finalists. Choice: the repeats would take longer than the search; more is a typing error."""

HOLDOUT: Final = 0.2
"""Share of rows that choose where a holdout is not said."""

MAX_SEED: Final = 2**63 - 1
"""Largest seed. Choice: what every reader of JSON and Parquet takes as a whole number."""


class ValidSpec(SpaceSection):
    """How rows that choose between candidates are held out from the training rows: one of two ways."""

    holdout: StrictFloat | None = Field(default=None, gt=0, lt=1, description="A share of rows, held out once: 0.2.")
    folds: StrictInt | None = Field(
        default=None, ge=2, le=100, description="A number of folds, each held out in turn: 5."
    )

    @classmethod
    def contradictions(cls, raw: Mapping[str, Any]) -> Iterator[Fault]:
        """Both ways, or none; auto is a section with nothing in both places."""
        n_ways = sum(raw.get(key) is not None for key in ("holdout", "folds"))
        if n_ways != 1 and (n_ways or len(raw) < len(cls.model_fields)):
            yield Fault(path=(), text="takes auto, or one of {holdout: 0.2} and {folds: 5}.")

    @property
    def is_auto(self) -> bool:
        """Whether the rows decide between the two."""
        return self.holdout is None and self.folds is None


AUTO_VALID: Final = ValidSpec.model_construct(holdout=None, folds=None)
"""The rows decide: many have a holdout, few have folds."""

Valid = Annotated[
    ValidSpec,
    BeforeValidator(
        lambda raw: AUTO_VALID if raw == "auto" else raw, json_schema_input_type=ValidSpec | Literal["auto"]
    ),
]
"""How rows that choose are held out, in a word or by number."""


_Share = Annotated[StrictFloat, Field(ge=0, lt=1, allow_inf_nan=False)]
_Chance = Annotated[StrictFloat, Field(ge=0, le=1, allow_inf_nan=False)]
_Factor = Annotated[StrictFloat, Field(ge=0, allow_inf_nan=False)]
_Angle = Annotated[StrictFloat, Field(ge=0, le=180, allow_inf_nan=False)]
_Balance = Literal["none", "class_weight", "oversample", "undersample", "smote"]


class AugmentSpec(SpaceSection):
    """What is done to training rows while a candidate is trained, and to no other row; each searched or fixed.

    What is left out is off. `shift`, `rotate`, `flip`, `zoom`, `brightness` and `cutmix` are for images alone.
    """

    balance: Annotated[Parameter | None, Legal(_Balance, "choice")] = Field(
        default=None,
        description="How classes of unequal size are made to count alike: none, class_weight, oversample, undersample "
        "or smote.",
    )
    noise: Annotated[Parameter | None, Legal(_Factor, "float", "choice")] = Field(
        default=None, description="Standard deviation of the noise on scaled number columns; 0 is off."
    )
    swap: Annotated[Parameter | None, Legal(_Chance, "float", "choice")] = Field(
        default=None, description="Chance of a cell to be taken from another row of the batch; 0 is off."
    )
    mixup: Annotated[Parameter | None, Legal(_Factor, "float", "choice")] = Field(
        default=None, description="a of the Beta(a, a) by which two rows of a batch are mixed; 0 is off."
    )
    shift: Annotated[Parameter | None, Legal(_Share, "float", "choice")] = Field(
        default=None, description="Largest shift of an image, as a share of its size; 0 is off."
    )
    rotate: Annotated[Parameter | None, Legal(_Angle, "float", "choice")] = Field(
        default=None, description="Largest angle an image is turned by, in degrees; 0 is off."
    )
    flip: Annotated[Parameter | None, Legal(_Chance, "float", "choice")] = Field(
        default=None, description="Chance of an image to be mirrored left to right; 0 is off."
    )
    zoom: Annotated[Parameter | None, Legal(_Factor, "float", "choice")] = Field(
        default=None, description="An image is scaled by a factor between 1/(1 + zoom) and 1 + zoom; 0 is off."
    )
    brightness: Annotated[Parameter | None, Legal(_Factor, "float", "choice")] = Field(
        default=None,
        description="Largest change of an image's brightness, in standard deviations of its pixels; 0 is off.",
    )
    cutmix: Annotated[Parameter | None, Legal(_Factor, "float", "choice")] = Field(
        default=None, description="a of the Beta(a, a) by which a box of another image is put into one; 0 is off."
    )

    @property
    def parameters(self) -> dict[str, Parameter]:
        """What is given, under the names it has in a point: `augment_noise`."""
        return {f"augment_{name}": value for name, value in self if value is not None}


_Cost = Annotated[StrictFloat, Field(gt=0, allow_inf_nan=False)]


class CostSpec(SpaceSection):
    """What errors cost where there are two classes, in any unit: only their ratio decides."""

    false_negative: _Cost = Field(default=1.0, description="A row of the positive class taken for the other one.")
    false_positive: _Cost = Field(default=1.0, description="A row of the other class taken for the positive one.")


class DataSpec(SpaceSection):
    """Where the table is, what is predicted from it, and which rows are kept apart."""

    source: StrictStr = Field(
        min_length=1,
        description="The table: FILE.csv, .tsv or .parquet (.gz too), .xlsx, .ods, .feather, .arrow, .arff, .json or "
        ".jsonl, images (FILE.npz, *-images-idx3-ubyte[.gz], *_32x32.mat), sqlite:///FILE.db?table=NAME and other "
        "databases, sklearn:NAME, openml:NAME-or-ID, or control:NAME. "
        "A file is looked for in the current folder, then beside the space file.",
    )
    target: Columns = Field(
        default=None,
        description="The column to predict, or a list of columns. null: the table's own, where it has one.",
    )
    task: Literal["auto", "regression", "binary", "multiclass"] = Field(
        default="auto",
        description="What is predicted: a number, one of two classes, one of several. auto: inferred, and said why.",
    )
    drop: tuple[Column, ...] = Field(default=(), description="Columns that must not be used.")
    categories: tuple[Column, ...] = Field(
        default=(), description="Columns of numbers that are names of something: codes, months, districts."
    )
    numbers: tuple[Column, ...] = Field(
        default=(), description="Columns that are numbers whatever they look like: years, counts that never repeat."
    )
    keep: tuple[Column, ...] = Field(
        default=(), description="Columns that are used whatever speaks against them: identifiers, counters, texts."
    )
    merge: tuple[Column, ...] = Field(
        default=(),
        description="Columns whose texts that differ by case or blanks alone are one; the target may be one.",
    )
    ordinal: Orders = Field(
        default={}, description="Columns whose levels have an order, and these from low to high: {size: [S, M, L]}."
    )
    number_bins: StrictInt = Field(
        default=0,
        ge=0,
        le=MAX_BINS,
        description="Bins that every number is spread over beside itself, a feature each (piecewise linear encoding): "
        "the networks are then no longer plain. 16 is a good number; 0: none. Where space.numbers is given, it says "
        "which networks have bins, and 0 is 16.",
    )
    groups: Column | None = Field(
        default=None, description="A column: rows of one group stay on one side of every split."
    )
    time: Column | None = Field(default=None, description="A column: later rows are held out.")
    gap: Annotated[StrictFloat | StrictInt, Field(ge=0, allow_inf_nan=False)] = Field(
        default=0,
        description="By time, how long before the first held-out row nothing is learnt from, for labels that look "
        "ahead (sales of the next week): in the unit of the time column, for dates in days.",
    )
    weights: Column | None = Field(
        default=None,
        description="A column of positive numbers: a row of weight w counts as w rows, in training, scores, intervals "
        "and for the models to beat. It is no feature, and `predict` needs none.",
    )
    positive: Label | None = Field(
        default=None,
        description="Of two classes, the one that is looked for: thresholds, recall and precision are about it. null: "
        "the rarer one.",
    )
    costs: CostSpec | None = Field(
        default=None,
        description="What errors cost, of two classes: {false_negative: 5, false_positive: 1}. Then "
        "evidence.threshold: auto chooses the threshold that costs least. null: all errors cost alike.",
    )
    test: ShareOrFile = Field(
        default=0.2,
        description="The sealed test part: a share of rows, or a file of its own. null: none is set apart.",
    )
    augment: AugmentSpec = Field(
        default=AugmentSpec(), description="What is done to training rows while a candidate is trained."
    )
    rows: StrictInt | None = Field(
        default=None,
        ge=MIN_ROWS,
        description="Use so many rows at most, drawn with every class in its share; a test part of its own stays "
        "whole. null: all.",
    )
    valid: Valid = Field(
        default=AUTO_VALID,
        description="How validation rows are chosen: {holdout: SHARE} or {folds: NUMBER}. auto: 5 folds where fewer "
        "than 3,000 rows are left beside the test part, else, and by time, a holdout of 0.2.",
    )
    sheet: StrictStr | StrictInt | None = Field(
        default=None, description="The sheet of a workbook, by its name or its number from 1. null: the first."
    )
    delimiter: StrictStr | None = Field(
        default=None, min_length=1, max_length=1, description='The sign between cells: ";", "\\t". null: found out.'
    )
    decimal: Literal[".", ","] | None = Field(
        default=None, description='The decimal sign of numbers: "." or ",". null: found out from the whole table.'
    )
    thousands: Literal[".", ",", "'", " "] | None = Field(
        default=None, description='The sign between thousands: ",", ".", "\'" or " ". null: found out.'
    )
    missing: MissingWords = Field(
        default=(),
        description='Words and numbers that stand for a missing cell: ["-999", "on request"], or by column: '
        '{depth: ["-999"]}.',
    )
    header: Header = Field(default="auto", description="Whether the first line names the columns. auto: found out.")
    encoding: Encoding = Field(default=None, description="How the file writes letters: utf-8, cp1252. null: found out.")

    @classmethod
    def contradictions(cls, raw: Mapping[str, Any]) -> Iterator[Fault]:
        """A target that is also something else, a column in two roles, a single bin, and one sign for two things."""
        if raw.get("decimal") is not None and raw.get("decimal") == raw.get("thousands"):
            yield Fault(
                path=("thousands",), text=f"{shown(raw['thousands'])} is the decimal sign too; say one of them."
            )
        if raw.get("number_bins") == 1:
            yield Fault(path=("number_bins",), text="1 bin says what the number says; take 2 or more, or 0 for none.")
        target = raw.get("target")
        targets = [as_column(name) for name in (target if isinstance(target, list | tuple) else [target])]
        ordinal = raw.get("ordinal")
        ordered = list(map(as_column, ordinal)) if isinstance(ordinal, Mapping) else []
        categories = raw.get("categories")
        named = list(map(as_column, categories)) if isinstance(categories, list | tuple) else []
        for key, others in (
            ("drop", targets), ("categories", [*targets, *ordered]), ("numbers", [*targets, *ordered, *named]),
            ("keep", targets),
        ):  # fmt: skip
            names = raw.get(key)
            for index, name in enumerate(names if isinstance(names, list | tuple) else []):
                if name is not None and as_column(name) in others:
                    also = (
                        "the target"
                        if as_column(name) in targets
                        else "in data.ordinal"
                        if as_column(name) in ordered
                        else "in data.categories"
                    )
                    yield Fault(path=(key, index), text=f"{shown(name)} is also {also}; it is in one of the two.")
        for name in ordered:
            if name in targets:
                yield Fault(path=("ordinal", name), text=f"{shown(name)} is also the target; it is in one of the two.")
        for key in ("groups", "time", "weights"):
            if raw.get(key) is not None and as_column(raw[key]) in targets:
                yield Fault(path=(key,), text=f"{shown(raw[key])} is also the target; it is in one of the two.")
        if raw.get("weights") is not None:
            yield from _other_roles(raw, as_column(raw["weights"]))


def _other_roles(raw: Mapping[str, Any], weights: Any) -> Iterator[Fault]:
    """Other keys that name the column of weights, which is nothing beside."""
    for key in ("groups", "time", "drop", "categories", "numbers", "keep", "merge", "ordinal"):
        value = raw.get(key)
        names = list(value) if isinstance(value, list | tuple | Mapping) else [] if value is None else [value]
        if weights in list(map(as_column, names)):
            yield Fault(path=("weights",), text=f"{shown(weights)} is also in data.{key}; it is in one of the two.")


_Depth = Annotated[StrictInt, Field(ge=1, le=MAX_DEPTH)]
_Width = Annotated[StrictInt, Field(ge=1, le=MAX_WIDTH)]
_Widths = Annotated[tuple[_Width, ...], Field(min_length=1, max_length=MAX_DEPTH)]
_Taper = Annotated[StrictFloat, Field(gt=0, le=MAX_TAPER, allow_inf_nan=False)]
_Activation = Literal["relu", "leaky_relu", "prelu", "elu", "selu", "swish", "tanh", "softsign"]
_Numbers = Literal["robust", "quantile", "bins"]
_Rate = Annotated[StrictFloat, Field(gt=0, allow_inf_nan=False)]

_Penalty = Annotated[Parameter | None, Legal(_Factor, "float", "choice")]


class ParameterSpec(SpaceSection):
    """What is searched: a range, a choice, or a plain value that fixes it. What is left out keeps its default."""

    depth: Annotated[Parameter | None, Legal(_Depth, "int", "choice")] = Field(
        default=None, description=f"Hidden layers, 1 to {MAX_DEPTH}."
    )
    width: Annotated[Parameter | None, Legal(_Width, "int", "choice")] = Field(
        default=None, description=f"Units of the first hidden layer, 1 to {MAX_WIDTH}."
    )
    taper: Annotated[Parameter | None, Legal(_Taper, "float", "choice")] = Field(
        default=None, description=f"Factor from one layer's width to the next one's, above 0, at most {MAX_TAPER:g}."
    )
    widths: Annotated[Parameter | None, Legal(_Widths)] = Field(
        default=None,
        description="Units of every hidden layer, as a list, in place of depth, width and taper: [256, 128, 64].",
    )
    activation: Annotated[Parameter | None, Legal(_Activation, "choice")] = Field(
        default=None, description="Activation of the hidden layers."
    )
    dropout: Annotated[Parameter | None, Legal(_Share, "float", "choice")] = Field(
        default=None,
        description="Share of hidden activations dropped while training, at least 0 and below 1; 0 is off.",
    )
    batch_norm: Annotated[Parameter | None, Legal(StrictBool, "choice")] = Field(
        default=None, description="Whether each hidden layer is normalised before its activation."
    )
    residual: Annotated[Parameter | None, Legal(StrictBool, "choice")] = Field(
        default=None, description="Whether each hidden layer as wide as the one before adds to that one's outputs."
    )
    l1: _Penalty = Field(default=None, description="Factor of sum |w| over all kernels; 0 is off.")
    l2: _Penalty = Field(default=None, description="Factor of sum w^2 over all kernels; 0 is off.")
    bias_l1: _Penalty = Field(default=None, description="Factor of sum |b| over all biases; 0 is off.")
    bias_l2: _Penalty = Field(default=None, description="Factor of sum b^2 over all biases; 0 is off.")
    activity_l1: _Penalty = Field(default=None, description="Factor of sum |h| over hidden activations; 0 is off.")
    activity_l2: _Penalty = Field(default=None, description="Factor of sum h^2 over hidden activations; 0 is off.")
    weight_decay: _Penalty = Field(default=None, description="Decoupled decay of the kernels; 0 is off.")
    learning_rate: Annotated[Parameter | None, Legal(_Rate, "float", "choice")] = Field(
        default=None, description="The optimiser's learning rate, above 0."
    )
    numbers: Annotated[Parameter | None, Legal(_Numbers, "choice")] = Field(
        default=None,
        description="How a network is shown the numbers of the table: robust (scaled by quartiles, as without this "
        "key), quantile (normal scores of their place among the training rows, for skewed columns) or bins (robust, "
        "and spread over data.number_bins bins, no longer plain). Linear model and boosting read robust numbers.",
    )

    @classmethod
    def contradictions(cls, raw: Mapping[str, Any]) -> Iterator[Fault]:
        """Two ways to say how wide layers are."""
        if raw.get("widths") is None:
            return
        for key in ("depth", "width", "taper"):
            if raw.get(key) is not None:
                yield Fault(
                    path=(key,),
                    text="widths already says how many layers and how wide; keep one of the two.",
                    at_key=True,
                )


class TrainSpec(SpaceSection):
    """How every candidate is trained."""

    trainer: Literal["auto", "population", "keras"] = Field(
        default="auto",
        description="population trains several candidates at a time in one compiled program, and by Keras what no "
        "lane holds; keras trains all one at a time; auto is population.",
    )
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = Field(default="adam", description="The optimiser.")
    momentum: StrictFloat = Field(
        default=0.9, ge=0, lt=1, description="Momentum of sgd; the other optimisers have their own."
    )
    batch_size: BatchSize = Field(default="auto", description="Rows an update. auto: by the number of training rows.")
    max_epochs: Epochs = Field(
        default="auto",
        description="Most epochs of a candidate. auto: 200, and on small tables as many as make 20,000 updates.",
    )
    patience: Epochs = Field(
        default="auto",
        description="Epochs without improvement until a candidate is stopped, which is then judged after every epoch. "
        "auto: 2,000 updates and 16 evaluations, which are 50 updates or an epoch apart.",
    )
    average: StrictBool = Field(
        default=True,
        description="Whether a network has the running mean of its weights over the updates, later ones counting more; "
        "else the last of them.",
    )
    min_delta: StrictFloat = Field(
        default=0.0, ge=0, description="How much the validation loss must fall to count as an improvement."
    )
    refit: Literal["updates", "epochs"] = Field(
        default="updates",
        description="What the refit on all training rows repeats of the winner: its updates, or its epochs.",
    )
    loss: Literal["auto", "mse", "mae", "huber", "binary_crossentropy", "categorical_crossentropy"] = Field(
        default="auto", description="What is minimised. auto: what the task asks for."
    )
    output: Literal["auto", "linear", "sigmoid", "softmax"] = Field(
        default="auto", description="The output layer's function. auto: what the task asks for."
    )


class SearchSpec(SpaceSection):
    """How candidates are proposed, how many, and what makes one better."""

    engine: Literal["optuna", "keras-tuner"] = Field(default="optuna", description="What proposes candidates.")
    sampler: Literal["tpe", "random", "gp", "cmaes", "qmc", "grid", "nsga2", "bayesian", "hyperband"] = Field(
        default="tpe",
        description="How the engine proposes them: tpe, random, gp, cmaes, qmc, grid or nsga2 (good networks of every "
        "size) of optuna; bayesian, hyperband, random or grid of keras-tuner.",
    )
    pruner: Literal["asha", "hyperband", "median", "one_epoch", "wilcoxon", "none"] = Field(
        default="asha",
        description="What ends candidates without promise early; wilcoxon needs data.valid: {folds: 5} or more.",
    )
    trials: StrictInt | None = Field(
        default=None,
        ge=1,
        le=MAX_TRIALS,
        description="Candidates to try. null: as many as the budget has time for; without a budget 100.",
    )
    budget: Seconds = Field(
        default=None,
        description="Time for everything, refit and report included: 90s, 10m, 1h30m; a plain number is seconds. "
        "null: no limit.",
    )
    concurrency: StrictInt = Field(
        default=CONCURRENCY,
        ge=1,
        le=MAX_CONCURRENCY,
        description="Networks in training at a time, wherever they are trained: with more, more workers have work, and "
        "the sampler knows less when it proposes.",
    )
    max_params: StrictInt | None = Field(
        default=None,
        ge=1,
        description="Most parameters of a network, all counted; larger ones are not tried. null: any.",
    )
    max_seconds_per_trial: Seconds = Field(
        default=None,
        description="Training time of a trial, all folds together: 30s, 5m; one that takes longer ends there, with the "
        "best epoch it came to. It reads the clock, so that another machine may end other trials. null: any.",
    )
    warm_start: StrictStr | None = Field(
        default=None,
        min_length=1,
        description="An earlier run's folder, runs/NAME: its best points that lie in this space are tried first.",
    )
    seed: StrictInt = Field(default=0, ge=0, le=MAX_SEED, description="Where all chance of the run comes from.")
    objective: Literal["auto", "rmse", "mae", "log_loss", "accuracy", "balanced_accuracy", "roc_auc"] = Field(
        default="auto", description="What decides between candidates. auto: RMSE for numbers, log loss for classes."
    )

    @property
    def n_trials(self) -> int | None:
        """Candidates to try at most; None: as many as there is time for."""
        return TRIALS if self.trials is None and self.budget is None else self.trials

    @classmethod
    def contradictions(cls, raw: Mapping[str, Any]) -> Iterator[Fault]:
        """A sampler of another engine, a pruner beside a sampler with rounds of its own."""
        yield from sampling_faults(raw, {name: field.default for name, field in cls.model_fields.items()})


class EvidenceSpec(SpaceSection):
    """What the answer is weighed by; 0 or an empty list leaves a part of it out."""

    finalists: StrictInt = Field(
        default=5,
        ge=0,
        le=MAX_FINALISTS,
        description="Best trials that are trained again, beside the default; 0: the best score of the search wins.",
    )
    repeats: StrictInt = Field(
        default=5,
        ge=1,
        le=MAX_REPEATS,
        description="How often each is trained again, with another seed, row order and split every time.",
    )
    effects: Effects = Field(
        default="auto",
        description="Further repeats, in which the winner meets networks that differ from it in one thing: deeper, "
        "wider, another activation, a regulariser on or off. auto: 3, with as many such networks as take little time "
        "beside the search; at least 3: with all of them; 0: not asked.",
    )
    baselines: tuple[Literal["dummy", "linear", "boosting"], ...] = Field(
        default=("dummy", "linear", "boosting"),
        description="What a network has to beat, on the same splits and the sealed test.",
    )
    threshold: Threshold = Field(
        default="auto",
        description="Of two classes, from which probability on the positive one is answered: half (the likelier), or "
        "the threshold with the best f1, balanced_accuracy or cost, or recall_at_precision=0.9, on rows that repeats "
        "did not learn from. auto: cost where data.costs is given, else half. Probabilities stay what they are.",
    )
    margin: Annotated[StrictFloat, Field(gt=0, lt=1, allow_inf_nan=False)] = Field(
        default=0.05,
        description="Smallest difference worth having, as a share of what the best model gains over knowing nothing on "
        "development rows: a network that gains less over a linear model is not worth it.",
    )
    columns: StrictBool = Field(
        default=True,
        description="Ask which columns carry the answer: the sealed rows are answered again with each column shuffled.",
    )
    layers: StrictBool = Field(
        default=True,
        description="Ask what every hidden layer does: how much of the target a linear model reads off after it.",
    )


EVIDENCE: Final[Mapping[str, Mapping[str, Any]]] = {
    "none": {"finalists": 0, "repeats": 1, "effects": 0, "baselines": (), "columns": False, "layers": False},
    "quick": {"finalists": 3, "repeats": 3, "effects": 0},
    "full": {},
}
"""Evidence in a word, and what it stands for.

choice: quick is a third of the finalists' work of full; three repeats are the fewest with a spread worth the name.
"""


def _evidence(raw: Any) -> Any:
    if not isinstance(raw, str):
        return raw
    if raw not in EVIDENCE:
        keys = ", ".join(EvidenceSpec.model_fields)
        text = f"{shown(raw)} is not known.{nearest(raw, EVIDENCE)} Legal: {', '.join(EVIDENCE)}, or the keys {keys}."
        raise refusal([Fault(path=(), text=text)])
    return dict(EVIDENCE[raw])


Evidence = Annotated[
    EvidenceSpec,
    BeforeValidator(_evidence, json_schema_input_type=EvidenceSpec | Literal["none", "quick", "full"]),
]
"""What evidence is wanted, in a word or key by key."""


class SearchSpace(SpaceSection):
    """A whole space file of kind search."""

    kind: Literal["search"] = Field(default="search", description="What the file asks for.")
    data: DataSpec = Field(description="Where the table is, what is predicted, which rows are kept apart.")
    space: ParameterSpec = Field(default=ParameterSpec(), description="What is searched, and between which bounds.")
    train: TrainSpec = Field(default=TrainSpec(), description="How every candidate is trained, and for how long.")
    search: SearchSpec = Field(default=SearchSpec(), description="How candidates are proposed, and how many.")
    model: Literal["single", "average"] = Field(
        default="single",
        description="What is saved: single is the winner, refitted once; average refits it five times, with other "
        "seeds, and answers with their mean. It is mostly better, and takes five times the refit and the answering.",
    )
    evidence: Evidence = Field(
        default=EvidenceSpec(), description="What the answer is weighed by: none, quick, full, or key by key."
    )
    ignore: Ignored = ()

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The names given under `space:` and, as `augment_NAME`, under `data.augment`, and what stands for them.

        They come in the order of the schema, not of the file: two files that differ in the order of their lines are
        the same search, with the same draws.
        """
        return {name: value for name, value in self.space if value is not None} | self.data.augment.parameters

    @classmethod
    def contradictions(cls, raw: Mapping[str, Any]) -> Iterator[Fault]:
        """Losses, outputs and objectives that do not go with the task, or with each other; folds, balance, bins."""
        yield from pairing_faults(raw)
        yield from fold_faults(raw, SearchSpec.model_fields["pruner"].default)
        yield from data_faults(raw)
