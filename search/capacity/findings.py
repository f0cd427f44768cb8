"""The verdict of a study in findings: which are due, and the numbers that stand in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ffsearch.search.capacity.plan import Widened
from ffsearch.search.capacity.verdict import Comparison, StudyCode, StudyFindings
from ffsearch.search.folder.study_results import LongerTraining, StudyLine
from ffsearch.search.folder.verdict import Verdict
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, Value, found

__all__ = ["study_verdict"]


def study_verdict(
    compared: StudyFindings,
    *,
    metric: str,
    train_gains: Mapping[int, float],
    n_at_edge: int,
    n_cells: int,
    longer: LongerTraining | None = None,
) -> Verdict:
    """What is to be said.

    Args:
        compared: What was compared, and what was decided.
        metric: The objective.
        train_gains: How much better each deeper depth scores on training rows than the shallowest, at equal parameters.
        n_at_edge: Cells whose best learning rate is the last one tried at an end.
        n_cells: All cells.
        longer: What training for longer would change, where it was tried.
    """
    main = _main(compared, metric)
    said = [main]
    if _is_convolutional(compared):
        said += [_found(Code.DEPTH_AGAINST_WIDE, str(one.wide.widened), one) for one in compared.means]
    else:
        said += _other_depths(compared, metric, said_of=main.values.get("depth"))
    if compared.code is StudyCode.WIDER and all(gain < -compared.margin for gain in train_gains.values()):
        said.append(found(Code.DEEP_UNTRAINED))
    if compared.growth is not None:
        low, high = compared.growth.interval()
        said.append(found(Code.MORE_PARAMETERS, value=compared.growth.value, low=low, high=high, metric=metric))
    if compared.code is StudyCode.NOT_SETTLED:
        said.append(_what_settles(compared, metric))
    if longer is not None:
        said += _length_of_training(longer, metric)
    if n_at_edge:
        said.append(found(Code.RATE_AT_EDGE, n=n_at_edge, n_cells=n_cells))
    return Verdict.of_findings(compared.code, said)


def _length_of_training(longer: LongerTraining, metric: str) -> Iterator[Finding]:
    """Whether the best deep and the best wide network stand in one order however long they are trained."""
    yield found(
        Code.TRAINED_LONGER, str(longer.later), depth=longer.depth, reference=longer.reference, budget=longer.budget,
        times=longer.times, whole=longer.whole.value, value=longer.longer.value, low=longer.longer.low,
        high=longer.longer.high, metric=metric,
    )  # fmt: skip
    if longer.half is not None and longer.at_half is not None:
        half = longer.half
        yield found(Code.AT_HALF, str(longer.at_half), value=half.value, low=half.low, high=half.high, metric=metric)


def _is_convolutional(compared: StudyFindings) -> bool:
    return any(one.wide.widened != Widened.LAYERS for one in compared.means)


def _main(compared: StudyFindings, metric: str) -> Finding:
    code, margin = Code[f"DEPTH_{compared.code.name}"], compared.margin
    by_gain = sorted(compared.means, key=lambda one: one.gain.value)
    form = "convolutional" if _is_convolutional(compared) else "dense"
    match compared.code:
        case StudyCode.DEEPER:
            return _found(code, form, _best_of_all(compared), metric=metric)
        case StudyCode.WIDER:
            worst = next(one for one in by_gain if one.is_loss)
            return _found(code, form, worst, is_loss=True, metric=metric, margin=margin)
        case StudyCode.EITHER:
            equal = next(one for one in compared.means if one.gain.is_within(margin))
            return found(code, form, metric=metric, margin=margin, reference=equal.reference, depth=equal.depth)
        case StudyCode.SATURATED:
            return found(code, metric=metric, margin=margin)
        case StudyCode.NOT_SETTLED if compared.detectable is None:
            return found(code, "nothing_compared")
        case StudyCode.NOT_SETTLED:
            return found(code, "found", metric=metric, margin=margin, detectable=compared.detectable)


def _best_of_all(compared: StudyFindings) -> Comparison:
    """The comparison of the depth that gains most, of those shown to, over whatever it gains least over."""
    by_line: dict[StudyLine, list[Comparison]] = {}
    for one in compared.means:
        by_line.setdefault(one.line, []).append(one)
    least = [min(of_line, key=_value) for of_line in by_line.values() if all(one.is_gain for one in of_line)]
    return max(least, key=_value)


def _value(one: Comparison) -> float:
    return one.gain.value


def _what_settles(compared: StudyFindings, metric: str) -> Finding:
    needed = compared.seeds_needed
    if compared.is_near_the_margin:
        return found(Code.STUDY_SETTLED_BY, "nothing", margin=compared.margin, metric=metric)
    return found(Code.STUDY_SETTLED_BY, "seeds", n=needed) if needed else found(Code.STUDY_SETTLED_BY, "rows")


def _other_depths(compared: StudyFindings, metric: str, *, said_of: object) -> Iterator[Finding]:
    """Depths the first sentence does not speak of, and budgets that say something else than the mean over all."""
    margin = compared.margin
    for one in compared.means:
        if one.depth == said_of:
            continue
        if one.is_loss:
            yield _found(Code.OTHER_DEPTH, "worse", one, is_loss=True, metric=metric)
        elif one.is_gain:
            yield _found(Code.OTHER_DEPTH, "better", one, metric=metric)
        elif one.gain.is_within(margin):
            yield found(Code.OTHER_DEPTH, "equal", depth=one.depth, reference=one.reference, margin=margin)
    for one in compared.singles:
        if (one.is_gain or one.is_loss) and not _is_told(compared, one):
            form = "better" if one.is_gain else "worse"
            yield _found(Code.BUDGET_REVERSES, form, one, is_loss=one.is_loss, budget=one.budget or 0, metric=metric)
    for one in compared.crossings:
        if one.is_shown:
            yield _found(Code.GAIN_CHANGES, "", one, metric=metric)


def _is_told(compared: StudyFindings, single: Comparison) -> bool:
    """Whether the mean over budgets says of a depth what a single budget says."""
    mean = next((one for one in compared.means if (one.line, one.wide) == (single.line, single.wide)), None)
    return mean is not None and (mean.is_gain, mean.is_loss) == (single.is_gain, single.is_loss)


def _found(code: Code, form: str, one: Comparison, *, is_loss: bool = False, **values: Value) -> Finding:
    """A finding about a comparison, which is said with its interval; of a loss without its sign."""
    (low, high), value = one.gain.interval(), one.gain.value
    ends = {"value": -value, "low": -high, "high": -low} if is_loss else {"value": value, "low": low, "high": high}
    return found(code, form, depth=one.depth, reference=one.reference, **ends, **values)
