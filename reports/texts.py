"""Every word of the report, in one place, and how numbers are written beside them.

A second language is a second table with the same keys and its own signs for numbers; nothing else changes. A key that
ends in `.one` is the singular of the key without it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ffsearch.errors import FFSearchError

__all__ = ["ENGLISH", "LANGUAGES", "Language", "language"]

SIGNIFICANT_DIGITS: Final = 4
"""Digits of a score. Choice: one more than test parts of a few thousand rows can tell apart."""

_ENGLISH: Final[dict[str, str]] = {
    # The frame of the page
    "page.eyebrow": "ffsearch report",
    "page.contents": "On this page",
    "page.unfinished": (
        "This run has not finished: what follows is its state so far. The command that began it goes on."
    ),
    "page.footer": "Made by ffsearch {version} from the run folder alone. This file loads nothing from anywhere.",
    "page.table": "The figures as a table",
    "page.more_rows": "Printed here: the best {n} of {total}.",
    # The answer
    "answer.title": "The answer",
    "answer.head.one": "One hidden layer of {units} units",
    "answer.head.equal": "{depth} hidden layers of {units} units each",
    "answer.head.varied": "{depth} hidden layers of {units} units",
    "answer.none": "No network reached a finite score",
    "answer.none_text": "{trials} ended, none with a score; the reasons stand under “The search”.",
    "answer.waiting": "No trial has ended yet",
    "answer.lead": "The best network found for {target} ({task}): trial {trial} in a search of {trials}.",
    "answer.lead_no_target": "The best network found ({task}): trial {trial} in a search of {trials}.",
    "answer.test": (
        "On {n_test} rows that took no part in any choice its {metric} is {value} (95 % interval {low} to "
        "{high}; {better})."
    ),
    "answer.test_no_rows": (
        "On rows that took no part in any choice its {metric} is {value} (95 % interval {low} to {high}; {better})."
    ),
    "answer.no_test": (
        "It has not been tested on held-out rows yet: only its validation score is known, and that is flattering."
    ),
    "answer.lower": "lower is better",
    "answer.higher": "higher is better",
    "answer.and": "and",
    "answer.picture": "The network, layer by layer: {topology}.",
    "answer.picture_caption": (
        "The network, from the columns of the prepared table to its answer; the taller a layer, the more units."
    ),
    "answer.inputs": "inputs",
    "answer.outputs": "out",
    "answer.scores_alt": "Scores of the best network: {scores}.",
    "answer.score_item": "{name} {value}",
    "answer.score_interval": "{name} {value}, interval {low} to {high}",
    "answer.scores_caption": (
        "How it did, {better}. The first score chose this network, so it flatters it; the last one is the one to quote."
    ),
    "answer.scores_caption_naive": "How it did, {better}. This score chose the network, so it flatters it.",
    "score.naive": "Validation, as searched",
    "score.corrected": "Validation, corrected",
    "score.test": "Sealed test",
    "fact.test": "{metric}, sealed test",
    "fact.valid": "{metric}, validation",
    "fact.params": "parameters",
    "fact.refit": "updates in the final training",
    "fact.interval": "{low} to {high}",
    "fact.flattering": "flattering: it chose the network",
    "fact.epochs": "about {epochs} epochs",
    "fact.on_test": "on the test rows",
    "fact.size": "weights and biases, all counted",
    # How it learnt
    "learning.title": "How it learnt",
    "learning.text": (
        "The loss on the validation rows after every epoch. Training stops when it no longer falls; the "
        "weights of the best epoch are kept, so epochs after it cost time but do no harm."
    ),
    "learning.caption": (
        "Learning curves of trial {trial} (bold) and of {n_others} other trials (faint). Training loss is the "
        "mean over an epoch, with dropout active, so it can lie above the validation loss."
    ),
    "learning.caption_alone": (
        "Learning curves of trial {trial}. Training loss is the mean over an epoch, with dropout active, so "
        "it can lie above the validation loss."
    ),
    "learning.alt": (
        "Validation loss of trial {trial} falls from {first} to {best} at epoch {epoch} of {n_epochs}; "
        "training loss ends at {train}."
    ),
    "learning.epoch": "epoch",
    "learning.loss": "loss",
    "learning.loss_classes": "loss (nats)",
    "learning.loss_regression": "loss (standardised target)",
    "learning.train": "training",
    "learning.valid": "validation",
    "learning.best": "best epoch {epoch}",
    # The search
    "search.title": "The search",
    "search.text": "{trials}, {epochs}, {wall} in all. The points came from {sampler}; {pruner}.",
    "search.pruned_by": "{pruner} ended the unpromising ones early",
    "search.no_pruner": "none was ended early for lack of promise",
    "sampler.tpe": "a TPE sampler, which looks where earlier trials did well",
    "sampler.random": "random draws",
    "sampler.gp": "a Gaussian process, which looks where earlier trials did well",
    "sampler.cmaes": "CMA-ES, which moves towards where earlier trials did well",
    "sampler.qmc": "a quasi-random sequence, which fills the space evenly",
    "sampler.grid": "a grid",
    "pruner.asha": "successive halving (ASHA)",
    "pruner.median": "the median rule",
    "pruner.one_epoch": "their first epoch",
    "search.history_caption": "Every trial by its validation {metric} ({better}). The line is the best so far.",
    "search.history_alt": (
        "The best validation {metric} goes from {first} at trial {first_trial} to {best} at trial {trial}, "
        "reached after {n_before} of {n_trials} trials."
    ),
    "search.trial": "trial",
    "search.valid": "validation {metric}",
    "search.best_so_far": "best so far",
    "search.best_label": "trial {trial}: {value}",
    "search.shaded": "shaded: {what}",
    "search.beyond": "off the scale",
    "search.unscored": "no score",
    "search.ended_caption": "Why trials ended, and the training time each reason took.",
    "search.ended_alt": "Why trials ended: {reasons}.",
    "search.ended_item": "{n} {reason} ({seconds})",
    "search.time_caption": "Where the time went: {total} in all.",
    "search.time_alt": "Of {total}, {parts}.",
    "search.time_item": "{share} {name}",
    "time.compile": "building and compiling",
    "time.train": "training",
    "time.rest": "everything else",
    "search.all": "All trials, best first",
    "trial.number": "trial",
    "trial.topology": "topology",
    "trial.ended": "ended",
    "trial.params": "parameters",
    "trial.learning_rate": "learning rate",
    "trial.train_s": "seconds",
    "trial.repeat": "another seed of trial {trial}",
    "ended.stopped": "stopped early",
    "ended.completed": "ran to the end",
    "ended.pruned": "pruned",
    "ended.diverged": "diverged",
    "ended.budget": "out of time",
    "ended.failed": "failed",
    "why.stopped": "stopped at {n}, best {best}",
    "why.completed": "completed at {n}, best {best}",
    "why.pruned": "pruned at {n}",
    "why.diverged": "diverged at {n}",
    "why.budget": "out of time at {n}, best {best}",
    "why.failed": "failed",
    # What the parameters show
    "parameters.title": "What the parameters show",
    "parameters.caution": (
        "Read with care: the sampler tries what looks good more often, parameters change together, and each "
        "point was trained once. A cloud that slopes is a hint, not an effect."
    ),
    "parameters.numbers_caption": (
        "Each dot is a trial: its value of one searched parameter against its validation {metric} ({better}). "
        "“off” stands apart, as it is not a small number."
    ),
    "parameters.numbers_alt": "{findings}.",
    "parameters.number_finding": "the best trial has {name} {value}",
    "parameters.choices_caption": (
        "Each dot is a trial; the bar of a row is its median. Rows are sorted by it, the best on top."
    ),
    "parameters.choices_alt": "Best median validation {metric}: {findings}.",
    "parameters.choice_finding": "{name} {value}",
    "parameters.off": "off",
    "parameters.on": "on",
    "parameters.log": "log scale",
    "parameters.group": "values",
    "parameters.parameter": "parameter",
    "parameters.n": "trials",
    "parameters.best": "best",
    "parameters.median": "median",
    "parameter.depth": "depth (hidden layers)",
    "parameter.width": "width (units)",
    "parameter.taper": "taper",
    "parameter.activation": "activation",
    "parameter.dropout": "dropout rate",
    "parameter.batch_norm": "batch normalisation",
    "parameter.l1": "L1 penalty",
    "parameter.l2": "L2 penalty",
    "parameter.learning_rate": "learning rate",
    "parameter.weight_decay": "weight decay",
    # The data
    "data.title": "The data",
    "data.source": "table",
    "data.target": "target",
    "data.rows": "rows",
    "data.split": "{train} to train, {valid} to validate, {test} to test",
    "data.inputs": "inputs of the network",
    "data.classes": "classes",
    "data.hash": "SHA-256 of the table",
    "data.notices": "What was noticed",
    "data.columns": "Columns",
    "data.columns_used": "{used} of {total} columns are used.",
    "data.columns_more": "The first {n} are listed.",
    "data.column": "column",
    "data.kind": "kind",
    "data.missing": "missing",
    "data.levels": "levels",
    "data.why": "why",
    "data.dropped": "not used",
    # How to repeat it
    "repeat.title": "How to repeat it",
    "repeat.text": "Save the space file below as space.yaml, beside the table where that is a file, then:",
    "repeat.seed": (
        "Every random choice comes from seed {seed}. The same space, seed and versions give the same trials."
    ),
    "repeat.space": "The space file, as resolved",
    "repeat.environment": "Versions and machine",
    "repeat.name": "name",
    "repeat.value": "value",
    # What this does not show
    "limits.title": "What this does not show",
    "limits.naive": (
        "How far the validation score is too good. The best of {n} tries on the same validation rows is the "
        "luckiest as well as the best; no correction has been made, so quote the test score."
    ),
    "limits.no_test": "How good the network is on new rows. Nothing held out has been looked at yet.",
    "limits.one_seed": (
        "How much is luck of the seed. Each point was trained from one seed; a small lead over the next trial "
        "means little."
    ),
    "limits.interval": (
        "Every kind of uncertainty. The interval speaks of which rows were held out, not of other seeds or of "
        "data from another time or place."
    ),
    "limits.baselines": (
        "Whether a network is worth it. It was not compared with a linear model or with boosted trees."
    ),
    "limits.causes": "What a parameter does by itself. The clouds above are the search's own path.",
    "limits.capacity": (
        "Whether deeper or wider is better at equal size. That needs a capacity study (kind: capacity)."
    ),
    "limits.openings": (
        "A clean test: the test rows have been opened {n} times, and every look makes the score a little more "
        "flattering."
    ),
    # Tasks, metrics, counted things
    "task.regression": "regression",
    "task.binary": "two classes",
    "task.multiclass": "several classes",
    "metric.log_loss": "log loss",
    "metric.accuracy": "accuracy",
    "metric.balanced_accuracy": "balanced accuracy",
    "metric.roc_auc": "ROC AUC",
    "metric.brier": "Brier score",
    "metric.ece": "calibration error",
    "metric.rmse": "RMSE",
    "metric.mae": "MAE",
    "metric.r2": "R²",
    "n.trials": "{n} trials",
    "n.trials.one": "{n} trial",
    "n.epochs": "{n} epochs",
    "n.epochs.one": "{n} epoch",
    "time.s": "{s} s",
    "time.min": "{min} min {s} s",
    "time.h": "{h} h {min} min",
}


@dataclass(frozen=True, kw_only=True)
class Language:
    """The words of one language and its way of writing numbers.

    Args:
        code: As the page's `lang` attribute wants it, for example `en`.
        words: Text by key; `{name}` stands where a value goes.
        decimal: Sign before decimals.
        group: Sign between groups of three digits.

    Example:
        >>> ENGLISH("answer.picture", topology="3 -> 8 -> 1"), ENGLISH.count(1234)
        ('The network, layer by layer: 3 -> 8 -> 1.', '1,234')
    """

    code: str
    words: Mapping[str, str]
    decimal: str
    group: str

    def __call__(self, key: str, **values: object) -> str:
        """The text under a key, with its values put in.

        Raises:
            KeyError: If the table lacks the key, or the text a value: an error of ours, not of a user.
        """
        return self.words[key].format(**values)

    def named(self, kind: str, name: str) -> str:
        """What a thing known by a programmer's name is called: `named("metric", "log_loss")` is "log loss"."""
        return self.words.get(f"{kind}.{name}", name.replace("_", " "))

    def counted(self, thing: str, count: int) -> str:
        """A count with its noun: "1 trial", "20 trials"."""
        singular = f"n.{thing}.one" if count == 1 else f"n.{thing}"
        return self(singular, n=self.count(count))

    def count(self, count: int) -> str:
        """A whole number with its groups of three: 12,345."""
        return f"{count:,}".replace(",", self.group)

    def score(self, value: float | None) -> str:
        """A number with four significant digits, or a dash where there is none: 0.0812, 12.35, 1.2e-6."""
        if value is None or not math.isfinite(value):
            return "–"
        if value != 0 and not 1e-4 <= abs(value) < 1e6:
            return _short_exponent(f"{value:.2g}").replace(".", self.decimal)
        n_decimals = SIGNIFICANT_DIGITS if value == 0 else SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(abs(value)))
        text = f"{value:,.{max(0, min(n_decimals, SIGNIFICANT_DIGITS))}f}"
        return self._signs(text)

    def setting(self, value: float) -> str:
        """A parameter's value as people write it, at most three digits: 64, 0.15, 2.5e-4."""
        if 0 < abs(value) < 1e-3:
            digits, exponent = f"{value:.2e}".split("e")
            return f"{digits.rstrip('0').rstrip('.')}e{int(exponent)}".replace(".", self.decimal)
        return _short_exponent(f"{value:.3g}").replace(".", self.decimal)

    def share(self, value: float) -> str:
        """A share of one as a whole percentage."""
        return f"{value * 100:.0f} %"

    def duration(self, seconds: float) -> str:
        """A duration in the two units that matter: 4.2 s, 3 min 5 s, 2 h 10 min."""
        if seconds < 60:
            return self("time.s", s=f"{seconds:.1f}".replace(".", self.decimal))
        minutes, rest = divmod(round(seconds), 60)
        if minutes < 60:
            return self("time.min", min=minutes, s=rest)
        return self("time.h", h=self.count(minutes // 60), min=minutes % 60)

    def listed(self, items: Iterable[str]) -> str:
        """Items as a sentence lists them: "256, 256 and 128"."""
        *head, last = list(items)
        return f"{', '.join(head)} {self('answer.and')} {last}" if head else last

    def _signs(self, text: str) -> str:
        """English signs of a number exchanged for this language's."""
        signs = {",": self.group, ".": self.decimal}
        return "".join(signs.get(sign, sign) for sign in text)


def _short_exponent(text: str) -> str:
    """1e-06 as 1e-6."""
    return text.replace("e-0", "e-").replace("e+0", "e")


ENGLISH: Final = Language(code="en", words=_ENGLISH, decimal=".", group=",")
LANGUAGES: Final = {ENGLISH.code: ENGLISH}


def language(code: str) -> Language:
    """The language of a code.

    Raises:
        FFSearchError: If the report does not speak it.
    """
    if code not in LANGUAGES:
        raise FFSearchError(f"The report does not speak {code!r}; it speaks: {', '.join(LANGUAGES)}.")
    return LANGUAGES[code]
