"""Tables whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ffsearch.errors import DataError
from ffsearch.search.data.files.controls import CONTROLS, TARGET, control_frame
from ffsearch.search.data.files.sources import read_source
from ffsearch.search.data.files.text import TextSettings


@pytest.mark.parametrize("name", list(CONTROLS))
def test_a_control_is_the_same_every_time_and_its_draws_differ(name: str) -> None:
    frame = control_frame(name)
    assert frame.equals(control_frame(f"{name}@0"))
    assert not frame.equals(control_frame(f"{name}@1"))
    assert list(frame.columns)[-1] == TARGET
    source = read_source(f"control:{name}", settings=TextSettings())
    assert source.target == (TARGET,)
    assert source.frame.equals(frame)


def test_the_tent_is_folded_once_and_then_twice_with_every_further_input() -> None:
    frame = control_frame("tent")

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
        frame = control_frame(name)
        x = frame.drop(columns=TARGET).to_numpy()
        residual = np.linalg.lstsq(x, frame[TARGET].to_numpy(), rcond=None)[1]
        assert 1 - float(residual[0]) / (len(x) * frame[TARGET].var()) == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("name", ["tnt", "tent@", "tent@x", "tent@-1", ""])
def test_what_is_no_control_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(DataError, match=r"is no control.*There are: tent, radial, linear, noise"):
        control_frame(name)
