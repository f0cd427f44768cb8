"""A Gaussian process that scikit-learn fits and that answers one row at a time without scikit-learn's checks.

KerasTuner's Bayesian oracle looks for the next point by 50 descents with numerical gradients, some 10,000 questions of
one row each. Source: our measurement, 7 parameters, 12 to 100 trials: 7 to 9 s of processor time a proposal, of which
scikit-learn's checks of its input are nine tenths.
"""

from __future__ import annotations

import warnings
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.spatial.distance import cdist
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

__all__ = ["Surrogate"]

N_RESTARTS: Final = 20
"""Source: KerasTuner 1.4.8, `BayesianOptimizationOracle._make_gpr`; the kernel too."""

Floats = NDArray[np.float64]


class Surrogate:
    """Stands in for the `gpr` of KerasTuner's oracle: the same kernel, fit and answers.

    Args:
        alpha: Variance of the noise, in standardised units.
        seed: Where the fit's restarts come from.
    """

    def __init__(self, *, alpha: float, seed: int) -> None:
        self._process = GaussianProcessRegressor(
            kernel=Matern(nu=2.5), n_restarts_optimizer=N_RESTARTS, alpha=alpha, random_state=seed
        )
        self._middle, self._spread = 0.0, 1.0

    def fit(self, x: Floats, y: Floats) -> None:
        """Learn from rows x, shape (n, n_parameters) in [0, 1], and values y, shape (n,)."""
        self._middle, self._spread = float(np.mean(y)), float(np.std(y)) or 1.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a length scale at its bound is an answer too
            self._process.fit(x, (y - self._middle) / self._spread)
        self._rows = x / self._process.kernel_.length_scale
        self._whiten = solve_triangular(self._process.L_, np.eye(len(x)), lower=True)

    def predict(self, x: Floats, *, return_std: bool) -> Any:
        """Means and standard deviations at rows x, each of shape (n,), in the units of what was learnt."""
        near = _matern(cdist(x / self._process.kernel_.length_scale, self._rows))
        mean = self._middle + self._spread * (near @ self._process.alpha_)
        if not return_std:
            return mean
        explained = np.einsum("ij,ij->j", *[self._whiten @ near.T] * 2)
        return mean, self._spread * np.sqrt(np.maximum(1 - explained, 0))


def _matern(distance: Floats) -> Floats:
    """The Matern kernel of nu 2.5."""
    scaled = np.sqrt(5) * distance
    kernel: Floats = (1 + scaled + scaled**2 / 3) * np.exp(-scaled)
    return kernel
