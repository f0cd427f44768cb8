"""Expressions as controls: what is refused and how, and that what is understood comes to what it says."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ffsearch.errors import DataError
from ffsearch.search.cli import invoke
from ffsearch.search.data.files.controls import MAX_CLASSES, TARGET, control_table
from ffsearch.search.data.files.expressions import FUNCTIONS, MAX_DEPTH, MAX_LENGTH, parsed
from hostile_expressions import HOSTILE

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_what_is_no_expression_is_refused_with_a_text(number: int) -> None:
    with pytest.raises(DataError, match=r"(?s)^control:.{20,}|^A control of .{20,}") as caught:
        control_table(HOSTILE[number])
    assert len(str(caught.value)) < 700
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u200b\u2028\u202e\ufeff]", str(caught.value))


def test_there_are_enough_of_them() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 200


@pytest.mark.parametrize("text", ["x1.__class__", "(" * 10_000, "log(x1)", "\0", "х1", "x1?row=3"])
def test_the_command_line_ends_with_two(text: str, capsys: Capture) -> None:
    assert invoke(["run", f"control:{text}"]) == 2
    assert capsys.readouterr().err.startswith("error: control:")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sin(3x1)", "at sign 6: an operator is missing here, such as the * of 3*x1.\n  sin(3x1)\n       ^^\n"),
        (
            "x1 + foor(x2)",
            "at sign 6: 'foor' is no function and no input. Is it floor?\n  x1 + foor(x2)\n       ^^^^\n",
        ),
        ("(x1", "at the end: a ')' is missing.\n  (x1\n     ^\n"),
        ("x1)", "at sign 3: nothing is open that this ')' could belong to.\n  x1)\n    ^\n"),
        ("x1 − x2", "at sign 4: '\\u2212' (MINUS SIGN) is no sign of an expression.\n  x1 ? x2\n     ^\n"),
        ("x1^2", "at sign 3: '^' is not known. A power is written **.\n"),
        ("0 < x1 < 1", "at sign 8: two comparisons follow each other. Multiply them: (0 < x1)*(x1 < 1).\n"),
        ("x1 + class(x2)", "at sign 6: class(...) stands around the whole, and nowhere else.\n"),
        ("2*X1", "at sign 3: 'X1' is no function and no input. Is it x1?\n"),
        ("+".join(["x1"] * 60) + "+", "at the end: something is missing.\n  ... x1+x1+"),
    ],
)
def test_a_fault_shows_its_place_and_what_is_legal(text: str, told: str) -> None:
    with pytest.raises(DataError, match=re.escape(told)) as caught:
        parsed(text)
    assert all(name in str(caught.value) for name in FUNCTIONS)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x2 + log(x1 - .5)*2", r"control: log\(x1 - .5\) is not a number where x1 = [-.\d]+ \(in row \d+ and in .* m"),
        ("1 + exp(800*x1)", r"exp\(800\*x1\) is infinite where x1 = 0[.\d]+ .*\n  1 \+ exp\(800\*x1\)\n      \^{11}\n"),
        ("x1 + x2 + 1/(x1 - x1) + x2", r"control: 1/\(x1 - x1\) is infinite where x1 = [-.\d]+ \(in row 1 "),
        ("where(x1 > 0, log(x1), log(x2))", r"control: log\(x2\) is not a number where x2 = -"),
    ],
)  # fmt: skip
def test_what_is_no_number_is_named_with_its_inputs(text: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        control_table(text)


@settings(max_examples=300)
@given(
    st.one_of(
        st.text(), st.text(alphabet="x123.e+-*/<=>!(),sincolgmdvw @?&rows"), st.text(alphabet="x1(-+*/)2.<", max_size=9)
    )
)
@example("1" * 5_000)
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        frame = control_table(text).frame
    except DataError as error:
        assert str(error)  # noqa: PT017  (most texts are refused, and some are expressions)
    else:
        assert frame[TARGET].notna().all()


# --- what is understood ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """A tree as a text, and computed by Python's own numbers, row by row."""

    text: str
    level: int
    value: Callable[[list[float]], float]


def _power(a: float, b: float) -> float:
    result = a**b
    if isinstance(result, complex):
        raise ValueError
    return float(result)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise OverflowError
    return value


UNARY: dict[str, Callable[[float], float]] = {
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "tanh": math.tanh, "exp": math.exp, "log": math.log,
    "sqrt": math.sqrt, "abs": abs, "floor": math.floor, "sign": lambda a: (a > 0) - (a < 0), "step": lambda a: a >= 0,
}  # fmt: skip
BINARY: dict[str, tuple[int, Callable[[float, float], float]]] = {
    "+": (2, operator.add), "-": (2, operator.sub), "*": (3, operator.mul), "/": (3, operator.truediv),
    "**": (5, _power), "<": (1, operator.lt), "<=": (1, operator.le), ">": (1, operator.gt), ">=": (1, operator.ge),
    "==": (1, operator.eq), "!=": (1, operator.ne),
}  # fmt: skip


def _wrapped(inner: Written, level: int, *, also: bool) -> str:
    return f"({inner.text})" if inner.level < level or also else inner.text


@st.composite
def _combined(draw: st.DrawFn, children: st.SearchStrategy[Written]) -> Written:
    a, b, c = draw(children), draw(children), draw(children)
    kind = draw(st.sampled_from(["unary", "binary", "minus", "min", "max", "where"]))
    also, blank = draw(st.booleans()), draw(st.sampled_from(["", " "]))
    if kind == "unary":
        name = draw(st.sampled_from(sorted(UNARY)))
        return Written(f"{name}({blank}{a.text})", 6, lambda x: _finite(float(UNARY[name](a.value(x)))))
    if kind == "minus":
        return Written(f"-{blank}{_wrapped(a, 4, also=also)}", 4, lambda x: -a.value(x))
    if kind in ("min", "max"):
        chosen = min if kind == "min" else max
        return Written(
            f"{kind}({a.text},{blank}{b.text}, {c.text})", 6, lambda x: chosen(a.value(x), b.value(x), c.value(x))
        )
    if kind == "where":
        text = f"where({a.text}, {b.text}{blank},{c.text})"
        return Written(text, 6, lambda x: b.value(x) if a.value(x) else c.value(x))
    sign = draw(st.sampled_from(sorted(BINARY)))
    level, function = BINARY[sign]
    left = _wrapped(a, level + (sign == "**" or level == 1), also=also)
    right = _wrapped(
        b, 4 if sign == "**" else level + 1, also=False
    )  # a power's own right side may be a minus or a power
    return Written(
        f"{left}{blank}{sign}{blank}{right}", level, lambda x: _finite(float(function(a.value(x), b.value(x))))
    )


WRITTEN = st.recursive(
    st.one_of(
        st.integers(1, 3).map(lambda n: Written(f"x{n}", 6, lambda x: x[n - 1])),
        st.sampled_from(["0", "1", "2", ".5", "3.25", "1e-3", "12."]).map(
            lambda text: Written(text, 6, lambda _: float(text))
        ),
        st.just(Written("pi", 6, lambda _: math.pi)),
    ),
    lambda children: _combined(children),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(WRITTEN)
def test_a_tree_comes_to_what_python_computes_of_it(tree: Written) -> None:
    x = control_table("x1 + x2 + x3?rows=20").frame[["x1", "x2", "x3"]].to_numpy()
    text = f"({tree.text}) + 0*(x1 + x2 + x3)"
    try:
        wanted = [_finite(tree.value(list(map(float, row)))) for row in x]
    except (ValueError, ZeroDivisionError, OverflowError):
        with pytest.raises(DataError, match=r"is (not a number|infinite)"):
            control_table(f"{text}?rows=20")
        return
    if max(map(abs, wanted)) > 1e30:
        return
    y = control_table(f"{text}?rows=20").frame[TARGET].to_numpy()
    assert np.allclose(y, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("text", "value"),
    [("-2**2", -4), ("2**-1", 0.5), ("2**3**2", 512), ("8/4/2", 1), ("1 - 2 - 3", -4), ("2 + 3*4", 14),
     ("(2 + 3)*4", 20), ("- -2", 2), ("mod(-1, 3)", 2), ("2*3 > 5", 1), ("1 + (2 > 3)", 1), ("step(0)", 1),
     ("sign(-3)", -1), ("\n2\t+ 1 ", 3)],
)  # fmt: skip
def test_signs_bind_as_in_mathematics(text: str, value: float) -> None:
    assert control_table(f"({text}) + 0*x1?rows=10").frame[TARGET].tolist() == [value] * 10


def test_a_part_is_asked_only_of_its_own_rows() -> None:
    frame = control_table("where(x1 > 0, log(x1), where(x1 < -.5, 1/(x1 + .5), 0))").frame
    x = frame["x1"].to_numpy()
    middle = np.where(x < -0.5, 1 / (x + 0.5), 0)
    assert np.allclose(frame[TARGET], np.where(x > 0, np.log(np.abs(x)), middle))


def test_neither_more_rows_nor_columns_nor_noise_change_an_input() -> None:
    frame = control_table("x1*x2").frame
    for other in ("x1*x2?rows=5000&useless=4", "x1 + x2 + noise(1)", "x2 - x1 > 0", "x1*x2?rows=100"):
        rows = control_table(other).frame
        n = min(len(rows), len(frame))
        assert rows.loc[: n - 1, ["x1", "x2"]].equals(frame.loc[: n - 1, ["x1", "x2"]])
    assert not control_table("x1*x2@1").frame["x1"].equals(frame["x1"])
    assert control_table("x1*x2@1").frame.equals(control_table("x1*x2?seed=1").frame)
    noisy, more = control_table("x1 + noise(1)").frame, control_table("x1 + noise(1)?rows=6000").frame
    assert more.iloc[: len(noisy)].equals(noisy)


def test_noise_has_the_spread_it_says_and_no_two_are_alike() -> None:
    frame = control_table("noise(.1) + 0*x1").frame
    assert frame[TARGET].std() == pytest.approx(0.1, rel=0.05)
    assert control_table("noise(1) - noise(1) + 0*x1").frame[TARGET].std() == pytest.approx(math.sqrt(2), rel=0.05)
    wide = control_table("noise(x1)").frame
    assert np.corrcoef(np.abs(wide[TARGET]), np.abs(wide["x1"]))[0, 1] > 0.4


def test_useless_columns_say_nothing_and_are_called_as_the_others() -> None:
    frame = control_table("x1 + noise(.5)?useless=3&rows=3000").frame
    assert list(frame.columns) == ["x1", "x2", "x3", "x4", TARGET]
    assert len(frame) == 3000
    assert frame.drop(columns="x1").corr().loc[["x2", "x3", "x4"], TARGET].abs().max() < 0.07


@pytest.mark.parametrize(
    ("text", "classes"),
    [("x1 > 0", {"yes", "no"}), ("class(x1 > 0)", {"yes", "no"}), ("(x1*x2 <= 0)", {"yes", "no"}),
     ("class(floor(3*x1))", {f"c{n}" for n in range(-3, 3)}), ("class(sign(x1)*0*x1 + step(x2))", {"c0", "c1"})],
)  # fmt: skip
def test_classes_are_texts(text: str, classes: set[str]) -> None:
    assert set(control_table(text).frame[TARGET]) == classes


def test_values_that_are_no_classes_are_refused() -> None:
    with pytest.raises(DataError, match=r"has 4,000 different values, .* among them. Classes are at most 100 whole"):
        control_table("class(x1)")
    with pytest.raises(DataError, match=rf"different values, whole numbers. Classes are at most {MAX_CLASSES} "):
        control_table("class(floor(1000*x1))")


def test_the_bounds_are_where_they_are_said_to_be() -> None:
    assert parsed("x1" + " " * (MAX_LENGTH - 2)).n_inputs == 1
    with pytest.raises(DataError, match=r"is 2,001 signs long; at most 2,000 are legal"):
        parsed("x1" + " " * (MAX_LENGTH - 1))
    deepest = "(" * (MAX_DEPTH - 1) + "x1" + ")" * (MAX_DEPTH - 1)
    assert parsed(deepest).n_inputs == 1
    with pytest.raises(DataError, match=f"stand within each other more than {MAX_DEPTH} deep"):
        parsed(f"({deepest})")
    long = "+".join(["x1"] * 600)
    assert np.allclose(control_table(long).frame[TARGET], 600 * control_table(long).frame["x1"])


def test_a_lecturers_own_truth_is_run_under_a_name_of_its_own(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from ffsearch.search.steps.inputs import requested

    monkeypatch.chdir(tmp_path)
    sources = ["control:x1+x2", "control:x1*x2", "control:x1/x2", "control:x1/x2?rows=300", "control:tent?rows=300"]
    names = [requested("capacity", data=source).name for source in sources]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"capacity-[\w.-]+", name) for name in names)
    assert requested("capacity", data="control:tent@3").name == "capacity-tent_3"
