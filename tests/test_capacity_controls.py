"""Tables whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.neural_network import MLPRegressor

from ffsearch.errors import DataError
from ffsearch.search.cli import invoke
from ffsearch.search.data.files.controls import CONTROLS, TARGET, Truth, control_table
from ffsearch.search.data.files.sources import read_source
from ffsearch.search.data.files.text import TextSettings
from ffsearch.search.wording.language import language

TABLES = [name for name, control in CONTROLS.items() if "useless" in control.options]


@pytest.mark.parametrize("name", TABLES)
def test_a_control_is_the_same_every_time_and_its_draws_differ(name: str) -> None:
    frame = control_table(name).frame
    assert frame.equals(control_table(f"{name}@0").frame)
    assert not frame.equals(control_table(f"{name}@1").frame)
    assert list(frame.columns)[-1] == TARGET
    source = read_source(f"control:{name}", settings=TextSettings())
    assert source.target == (TARGET,)
    assert source.frame.equals(frame)


def test_the_tent_is_folded_once_and_then_twice_with_every_further_input() -> None:
    frame = control_table("tent").frame

    def folded(u: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(u < 0.5, 2 * u, 2 - 2 * u)

    x1, x2, x3 = (frame[name].to_numpy() for name in ("x1", "x2", "x3"))
    once = folded(x1)
    then = folded(folded((once + x2) / 2))
    assert np.allclose(frame["y"], folded(folded((then + x3) / 2)))
    assert 0 <= frame["y"].min() < 0.01
    assert 0.99 < frame["y"].max() <= 1


def test_half_of_the_linear_control_is_noise_and_all_of_noise_is() -> None:
    for name, share in (("linear", 0.5), ("noise", 0.0)):
        frame = control_table(name).frame
        x = frame.drop(columns=TARGET).to_numpy()
        residual = np.linalg.lstsq(x, frame[TARGET].to_numpy(), rcond=None)[1]
        assert 1 - float(residual[0]) / (len(x) * frame[TARGET].var()) == pytest.approx(share, abs=0.05)


def test_each_of_the_four_truths_has_a_control() -> None:
    assert {control.truth for control in CONTROLS.values()} == set(Truth)
    assert len(Truth) == 5  # and one of which nothing is known


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # so many epochs for both
def test_one_hidden_layer_holds_ridges_and_three_narrow_ones_do_not() -> None:
    """With as many parameters, 611 and 612."""
    frame = control_table("ridges").frame
    x, y = frame.drop(columns=TARGET).to_numpy(), frame[TARGET].to_numpy()
    errors = {}
    for name, layers in (("wide", (61,)), ("deep", (17, 17, 8))):
        network = MLPRegressor(hidden_layer_sizes=layers, learning_rate_init=1e-2, max_iter=80, tol=0, random_state=0)
        errors[name] = 1 - network.fit(x[:3000], y[:3000]).score(x[3000:], y[3000:])
    assert errors["wide"] < 0.8 * errors["deep"]


def test_trees_hold_boxes_and_networks_do_not() -> None:
    frame = control_table("boxes").frame
    x, y = frame.drop(columns=TARGET).to_numpy(), frame[TARGET].to_numpy()
    trees = HistGradientBoostingRegressor(max_iter=300, max_leaf_nodes=8).fit(x[:3000], y[:3000])
    network = MLPRegressor(hidden_layer_sizes=(128, 128), early_stopping=True, random_state=0).fit(x[:3000], y[:3000])
    assert trees.score(x[3000:], y[3000:]) > network.score(x[3000:], y[3000:]) + 0.15


@pytest.mark.parametrize("lang", ["en", "pt-BR"])
def test_all_controls_are_listed_a_line_each_with_the_answer(
    lang: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert invoke(["controls", "--lang", lang]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, control in CONTROLS.items():
        (line,) = (line for line in lines if line.startswith(f"control:{name} "))
        assert language(lang)(f"control.truth.{control.truth}") in line
    assert all(len(line) <= 80 for line in lines)


def test_every_control_takes_the_options() -> None:
    for name in TABLES:
        frame = control_table(f"{name}?rows=50&useless=2&seed=3").frame
        plain = control_table(f"{name}@3?rows=50").frame
        assert frame.shape == (50, plain.shape[1] + 2)
        assert frame[TARGET].equals(plain[TARGET])


@pytest.mark.parametrize("name", ["tnt", "tent@", "tent@x", "tent@-1", ""])
def test_what_is_no_control_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(DataError, match=r"is no control.*There are: tent, radial, ridges, linear, noise, boxes"):
        control_table(name)
