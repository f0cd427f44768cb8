"""Tables whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from ffsearch.errors import DataError
from ffsearch.search.data.controls import CONTROLS, TARGET, control_frame
from ffsearch.search.data.sources import read_source
from ffsearch.search.data.text import TextSettings


@pytest.mark.parametrize("name", list(CONTROLS))
def test_a_control_is_the_same_every_time_and_its_draws_differ(name: str) -> None:
    frame = control_frame(name)
    assert frame.equals(control_frame(f"{name}@0"))
    assert not frame.equals(control_frame(f"{name}@1"))
    assert list(frame.columns)[-1] == TARGET
    source = read_source(f"control:{name}", settings=TextSettings())
    assert source.target == (TARGET,)
    assert source.frame.equals(frame)


def test_the_tent_has_eight_straight_pieces() -> None:
    frame = control_frame("tent").sort_values("x1")
    slopes = np.diff(frame["y"]) / np.diff(frame["x1"])
    assert np.isclose(np.abs(slopes), 8, rtol=1e-3).mean() > 0.99
    assert (np.diff(np.sign(slopes)) != 0).sum() == 7


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
