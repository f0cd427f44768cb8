"""Every constant of training once, and where it comes from. What a space file leaves out is filled from here.

A value of a paper says `Source:`; a value of ours says `choice:` and the reason.
"""

from __future__ import annotations

from typing import Final

from ffsearch.search.network.topology import Activation, Point

__all__ = [
    "ADAM_BETA_1",
    "ADAM_BETA_2",
    "BATCH_NORM_EPSILON",
    "BATCH_NORM_MOMENTUM",
    "BATCH_SIZES",
    "DEFAULT_POINT",
    "ELU_ALPHA",
    "HUBER_DELTA",
    "LATER_WEIGHTS",
    "LEAKY_RELU_SLOPE",
    "MAX_EPOCHS",
    "MAX_UPDATES",
    "OPTIMIZER",
    "OPTIMIZER_EPSILON",
    "PATIENCE",
    "PATIENCE_UPDATES",
    "PRELU_START",
    "RMSPROP_RHO",
    "SELU_ALPHA",
    "SELU_SCALE",
    "SGD_MOMENTUM",
    "TRUNCATED_NORMAL_STD",
    "UPDATES_BETWEEN",
    "batch_size_for",
]

# --- the default point: trial 0 of every search, and always a finalist -----------------------------------------------

DEFAULT_POINT: Final = Point(
    depth=3,
    width=256,
    activation=Activation.RELU,
    dropout=0.1,
    batch_norm=True,
    learning_rate=1e-3,
)
"""Trial 0.

Source: plain networks tuned over 86 splits (TabM's published configurations, Gorishniy et al. 2024, arXiv 2410.24210)
have a median depth of 4, most widths between 144 and 912, and a median dropout of 0.12 where it is on.
choice: one layer fewer and a smaller width than those medians, because the default must also suit a few hundred rows;
batch normalisation on, because at this learning rate it was better on every table tried. Best validation loss with and
without it: breast cancer .070 and .088, digits .025 and .040 (means of three splits), California housing .192 and .201
(of the target's variance), letter .062 and .069. One layer more or half the width gained nothing beyond the noise.
"""

# --- how many rows an update reads ---------------------------------------------------------------------------------

BATCH_SIZES: Final = ((1_000, 32), (5_000, 64), (50_000, 256))
"""Pairs of (rows below which it applies, batch size); from the last bound on `_LARGEST_BATCH`.

Source: the steps 32, 64, 256, 512 of tuned tabular networks (TabM's published configurations, arXiv 2410.24210).
choice: the bounds, so that an epoch has at least some 10 and mostly 50 to 200 updates.
"""

_LARGEST_BATCH: Final = 512


def batch_size_for(n_rows: int) -> int:
    """Rows an update reads when the space says `batch_size: auto`.

    Args:
        n_rows: Rows of the training part.
    """
    return next((size for bound, size in BATCH_SIZES if n_rows < bound), _LARGEST_BATCH)


# --- how long a network is trained, and how often it is judged -------------------------------------------------------

UPDATES_BETWEEN: Final = 50
"""Updates between two evaluations at least; an epoch where that is longer."""

PATIENCE: Final = 16
"""Evaluations without improvement before a network is stopped, at least.

Source: Gorishniy et al. 2021, arXiv 2106.11959, section 4.3, where an evaluation is an epoch.
"""

PATIENCE_UPDATES: Final = 2_000
"""Updates without improvement before a network is stopped, at least."""

MAX_UPDATES: Final = 20_000
"""Updates that every network may make."""

MAX_EPOCHS: Final = 200
"""Epochs that every network may make."""

# --- optimisers ------------------------------------------------------------------------------------------------------

OPTIMIZER: Final = "adam"
"""choice: with `weight_decay` 0 it is AdamW too; needs no tuning of momentum beside the learning rate."""

ADAM_BETA_1: Final = 0.9
"""Adam and AdamW. Source: Kingma and Ba 2015, arXiv 1412.6980, algorithm 1."""

ADAM_BETA_2: Final = 0.999
"""Adam and AdamW. Source: Kingma and Ba 2015, arXiv 1412.6980, algorithm 1."""

RMSPROP_RHO: Final = 0.9
"""Source: Tieleman and Hinton 2012, lecture 6.5 of Neural Networks for Machine Learning."""

SGD_MOMENTUM: Final = 0.9
"""Source: Goodfellow, Bengio, Courville 2016, section 8.3.2 (common values .5, .9, .99). Plain, not Nesterov's."""

OPTIMIZER_EPSILON: Final = 1e-7
"""Adam, AdamW, RMSprop. Keras' value, stated here so that both trainers hold the same one.

DIFFERS: 1e-8 in Kingma and Ba; below float32's resolution beside the usual gradients, so it changes nothing we measure.
"""

# --- which weights answer -------------------------------------------------------------------------------------------

LATER_WEIGHTS: Final = 6
"""How much more later weights count in the running mean of a network's weights, `c`: after t updates the mean is
`m_t = m_(t-1) + (c + 1) / (c + t) * (w_t - m_(t-1))`, so that the weights of update s count about as `(s / t) ** c`.

Source: Shamir and Zhang 2013, *Stochastic gradient descent for non-smooth optimization*, arXiv 1212.1824, section 4
(polynomial-decay averaging). The part of training that counts is a share of it, half of it the last tenth, however long
it is: so the mean after t updates is the same whether or not training goes on, which a schedule would spoil.
"""

# --- normalisation, activations, losses ------------------------------------------------------------------------------

BATCH_NORM_MOMENTUM: Final = 0.9
"""Share of the old moving statistics kept at each update.

choice: after the first rung of a pruner, some 200 updates, 0.99 still holds 13 % of the starting statistics (mean 0,
variance 1) and the validation loss says more about them than about the network; 0.9 has forgotten them after 50.
DIFFERS: 0.99 in Keras.
"""

BATCH_NORM_EPSILON: Final = 1e-3
"""Added to the variance. Keras' value; Ioffe and Szegedy 2015 name none."""

LEAKY_RELU_SLOPE: Final = 0.01
"""Source: Maas, Hannun, Ng 2013, section 2. DIFFERS: 0.3 in Keras."""

PRELU_START: Final = 0.25
"""Slope before training. Source: He et al. 2015, arXiv 1502.01852, section 2.1. DIFFERS: 0 in Keras."""

ELU_ALPHA: Final = 1.0
"""Source: Clevert, Unterthiner, Hochreiter 2016, arXiv 1511.07289, section 5."""

SELU_ALPHA: Final = 1.6732632423543772
"""Source: Klambauer et al. 2017, arXiv 1706.02515, equation 2 and its supplement A1."""

SELU_SCALE: Final = 1.0507009873554805
"""Source: Klambauer et al. 2017, arXiv 1706.02515, equation 2 and its supplement A1."""

TRUNCATED_NORMAL_STD: Final = 0.87962566103423978
"""Standard deviation of a standard normal cut at two; He and LeCun kernels are divided by it, as in Keras.

Without it the cut would shrink the variance that He et al. 2015 and LeCun et al. 1998 derive.
"""

HUBER_DELTA: Final = 1.0
"""Where the squared error turns linear. choice: one standard deviation of the target, which is standardised."""
