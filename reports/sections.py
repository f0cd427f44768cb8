"""The page of a search, in the order a person asks: what, how sure, worth it, why, how, where it errs, what next.

A section whose data do not exist is None and does not appear; a later kind of evidence is another function here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ffsearch.reports import evidence, tables
from ffsearch.reports.columns_sections import columns
from ffsearch.reports.evidence_pictures import model_picture
from ffsearch.reports.evidence_sections import deeper, errors, mattered, sure, worth
from ffsearch.reports.help_sections import helps
from ffsearch.reports.layers_sections import layers
from ffsearch.reports.next_steps import next_steps
from ffsearch.reports.parts import Block, Fact, Fold, Section, known
from ffsearch.reports.pictures import better, network_picture
from ffsearch.reports.search_sections import data, learning, limits, repeat, search
from ffsearch.reports.tables import RunLike
from ffsearch.reports.thresholds import threshold
from ffsearch.search.folder.of_model import model_findings
from ffsearch.search.folder.results import SealedScores
from ffsearch.search.wording.language import Language, shortened

__all__ = ["headline", "sections"]

_SETTINGS: Final = (
    "dropout", "l1", "l2", "bias_l1", "bias_l2", "activity_l1", "activity_l2", "weight_decay", "learning_rate",
)  # fmt: skip


_PLAIN: Final = "robust"
"""How numbers are shown to a network where nothing else is said."""


def sections(run: RunLike, t: Language) -> list[Section]:
    """All sections that this run has something to say in."""
    makers: list[Callable[[RunLike, Language], Section | None]] = [
        _answer, _network, sure, worth, deeper, mattered, columns, layers, learning, search, errors, threshold, data,
        helps, next_steps, repeat, limits,
    ]  # fmt: skip
    made = [make(run, t) for make in makers]
    return [section for section in made if section is not None]


def headline(run: RunLike, t: Language) -> str:
    """The answer in a few words: the verdict if there is one, else the layers of the winner, or why there is none."""
    found = tables.layers(tables.best_row(run).get("topology"))
    if found is None:
        return t("answer.none") if len(run.trials) else t("answer.waiting")
    code = evidence.verdict(run).code
    layers = _layers(found, t)
    is_known = f"answer.verdict.{code}" in t.words  # there may be none, or one that a newer version gave
    return t(f"answer.verdict.{code}", layers=layers[0].lower() + layers[1:]) if is_known else layers


def _answer(run: RunLike, t: Language) -> Section:
    """What was found, how good it is, in words, one picture and a few numbers."""
    title = t("answer.title")
    best = tables.best_row(run)
    if not best:
        texts = [t("answer.none_text", trials=t.counted("trials", len(run.trials)))] if len(run.trials) else []
        return Section(key="answer", title=title, texts=texts)
    said = tables.shown(run, evidence.verdict(run).sentences[1:])  # the headline says the first
    return Section(
        key="answer", title=title, lead=_lead(run, best, t), topology=t.topology(best["topology"]),
        texts=[*_everyday(run, t), *([] if said else [_test_sentence(run, t)])], facts=_facts(run, best, t),
        pictures=known([model_picture(run, t)]), blocks=[Block(findings=said)] if said else [],
    )  # fmt: skip


def _network(run: RunLike, t: Language) -> Section | None:
    """The winner's layers, drawn, and how they are made and trained."""
    best = tables.best_row(run)
    found = tables.layers(best.get("topology"))
    if found is None:
        return None
    topology = t.topology(best["topology"])
    refit = run.results.refit
    texts = [] if refit is None else [t("network.text", rows=t.count(refit.n_rows))]
    said = tables.shown(run, model_findings(run.results))
    made = Block(title=t("network.made"), entries=_entries(run, best, t), fold=Fold.ALL)
    return Section(
        key="network", title=t("network.title"), texts=texts,
        pictures=[network_picture(found, t, topology=topology, note=_note(best, t))],
        blocks=[Block(findings=said), made] if said else [made],
    )  # fmt: skip


def _layers(found: tables.Layers, t: Language) -> str:
    """The hidden layers in a few words."""
    if len(found.hidden) == 1:
        return t("answer.head.one", units=t.count(found.hidden[0]))
    is_equal = len(set(found.hidden)) == 1
    units = t.count(found.hidden[0]) if is_equal else t.listed(map(t.count, found.hidden))
    return t("answer.head.equal" if is_equal else "answer.head.varied", depth=len(found.hidden), units=units)


def _lead(run: RunLike, best: Mapping[str, Any], t: Language) -> str:
    """What was found for what; the headline stands before it."""
    return t(
        "answer.lead", target=shortened(tables.target(run)), task=t.named("task", run.results.task),
        trial=best["trial"], trials=t.counted("trials", len(run.trials)),
    )  # fmt: skip


def _everyday(run: RunLike, t: Language) -> list[str]:
    """How often it is right, or how far off, beside the other models; nothing without a test or of several targets."""
    name = "mae" if run.results.task == "regression" else "accuracy"
    test, is_one_unit = run.results.evidence.test, name == "accuracy" or tables.n_targets(run) == 1
    own = None if test is None or not is_one_unit else _measured_as(name, test, run)
    if own is None:
        return []

    def told(value: float) -> str:
        return t("number.share", n=t.fixed(100 * value, 1)) if name == "accuracy" else t.score(value)

    others = [(one.name, _measured_as(name, one.test, run)) for one in evidence.models(run)[1:]]
    beside = [f"{t.named('model', model)} {told(value)}" for model, value in reversed(others) if value is not None]
    text = t(f"answer.everyday.{name}", value=told(own))
    return [t("answer.everyday.beside", said=text, others=", ".join(beside)) if beside else f"{text}."]


def _measured_as(name: str, scores: SealedScores | None, run: RunLike) -> float | None:
    """A model's score by a measure that need not be the one searched for."""
    if scores is None:
        return None
    return scores.value if name == run.results.objective.name else scores.metrics.get(name)


def _test_sentence(run: RunLike, t: Language) -> str:
    """What the sealed test said, in words."""
    test, n_test = run.results.evidence.test, run.results.data.n_test
    if test is None:
        return t("answer.no_test")
    metric = t.named("metric", tables.objective(run).name)
    numbers = {"value": t.score(test.value), "low": t.score(test.low), "high": t.score(test.high)}
    words = {"metric": metric, "better": better(tables.objective(run), t), **numbers}
    return t("answer.test", n_test=t.count(n_test), **words)


def _facts(run: RunLike, best: Mapping[str, Any], t: Language) -> list[Fact]:
    """The numbers to remember, the one to quote first."""
    metric = t.named("metric", tables.objective(run).name)
    found = {score.name: score for score in tables.scores(run)}
    facts = []
    for name in ("test", "corrected"):
        if name in found:
            score = found[name]
            facts.append(
                Fact(label=t(f"fact.{name}", metric=metric), value=t.score(score.value), note=_interval(score, t))
            )
    if "corrected" not in found:
        facts.append(
            Fact(label=t("fact.valid", metric=metric), value=t.score(best["value"]), note=t("fact.flattering"))
        )
    facts.append(Fact(label=t("fact.params"), value=t.count(int(best["n_params"])), note=t("fact.size")))
    gains = [(one.name, one.gain) for one in evidence.models(run) if one.gain is not None and one.name != "dummy"]
    if gains:
        name, gain = min(gains, key=lambda one: one[1].value)
        value, low, high = t.rounded(gain.value, gain.low, gain.high)
        label = t("worth.against", model=t.named("model", name))
        facts.append(
            Fact(
                label=f"{t('worth.gain_head')}, {label}",
                value=t.plus(value),
                note=t("fact.interval", low=low, high=high),
            )
        )
    elif (refit := run.results.refit) is not None:
        note = t("fact.epochs", epochs=t.setting(refit.epochs))
        facts.append(Fact(label=t("fact.refit"), value=t.count(refit.updates), note=note))
    return facts


def _interval(score: tables.NamedScore, t: Language) -> str:
    return "" if score.low is None else t("fact.interval", low=t.score(score.low), high=t.score(score.high))


def _entries(run: RunLike, best: Mapping[str, Any], t: Language) -> list[tuple[str, str]]:
    """How the layers are made and trained, name by name; what is off in one line."""
    entries = [(t("parameter.activation"), str(best.get("point.activation", "")))]
    if (numbers := best.get("point.numbers", _PLAIN)) != _PLAIN:
        entries.append((t("parameter.numbers"), str(numbers)))
    if "point.batch_norm" in best:
        entries.append(
            (t("parameter.batch_norm"), t("parameters.on" if best["point.batch_norm"] else "parameters.off"))
        )
    if best.get("point.residual"):
        entries.append((t("parameter.residual"), t("parameters.on")))
    values = {name: float(best.get(f"point.{name}") or 0) for name in _SETTINGS if f"point.{name}" in best}
    entries += [(t.named("parameter", name), t.setting(value)) for name, value in values.items() if value > 0]
    if (refit := run.results.refit) is not None:
        value = t("network.refit_value", updates=t.count(refit.updates), epochs=t.setting(refit.epochs))
        entries.append((t("network.refit"), value))
    if (average := run.results.average) is not None:
        value = t(
            "network.average_value", n=average.n_networks, params=t.count(average.n_params),
            size=t.setting(average.n_bytes / 1e6), rows=t.count(round(average.rows_per_s)),
            rows_single=t.count(round(average.rows_per_s_single)),
        )  # fmt: skip
        entries.append((t("network.average"), value))
    off = [t.named("parameter", name) for name, value in values.items() if value == 0 and name in _SETTINGS[:3]]
    return [*entries, (t("network.regularisers"), t.listed(off))] if off else entries


def _note(best: Mapping[str, Any], t: Language) -> str:
    """How the winner's hidden layers are made, in a line under its drawing."""
    words = [str(best.get("point.activation", ""))]
    if (numbers := best.get("point.numbers", _PLAIN)) != _PLAIN:
        words.append(f"{t('parameter.numbers')} {numbers}")
    words += [t.named("parameter", name) for name in ("batch_norm", "residual") if best.get(f"point.{name}")]
    for name in _SETTINGS:
        value = best.get(f"point.{name}") or 0
        if value > 0:
            words.append(f"{t.named('parameter', name)} {t.setting(value)}")
    return " · ".join(word for word in words if word)
