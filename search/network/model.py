"""From a point to a Keras network: what docs/semantics.md says, in Keras' words.

matrix -> [ Dense -> BatchNormalization? -> activation -> Dropout? ] x depth -> Dense -> logits
       -> [ Conv2D -> BatchNormalization? -> activation -> pooling at a stage's end ] x n ->        in front, in a study
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import keras
import numpy as np

from ffsearch.search.base.seeds import Stream, stream
from ffsearch.search.network import defaults
from ffsearch.search.network.heads import Head, Loss
from ffsearch.search.network.topology import KERNEL_SIDE, Activation, Convolutions, Point, layer_sizes
from ffsearch.search.network.weights import initial_weights

__all__ = ["build_network", "data_loss", "make_optimizer"]

# --- the network -----------------------------------------------------------------------------------------------------


def build_network(
    point: Point, *, head: Head, n_features: int, seed: np.random.SeedSequence, name: str = "network"
) -> keras.Model:
    """The network of a point, from matrix to logits, holding its initial weights; not compiled.

    Args:
        point: The point.
        head: The end of the network.
        n_features: Columns of the matrix.
        seed: The job's seed: initial weights, and one dropout seed a layer.
        name: What Keras calls it; networks of one model have different names.

    Returns:
        A functional model, (n_rows, n_features) float32 to (n_rows, n_outputs) float32. Penalties are among its
        `losses`.
    """
    weights = initial_weights(point, n_features=n_features, n_outputs=head.n_outputs, seed=seed)
    inputs = keras.Input((n_features,), name="matrix")
    tensor = inputs if point.convolutions is None else _convolved(inputs, point, point.convolutions)
    for layer, units in enumerate(layer_sizes(point)):
        below = tensor
        for step in _hidden_block(point, units, layer=layer, seed=seed):
            tensor = step(tensor)
        if point.residual and layer and below.shape[-1] == units:
            tensor = keras.layers.Add(name=f"residual_{layer}")([below, tensor])
    model = keras.Model(inputs, _dense(point, head.n_outputs, name="logits")(tensor), name=name)
    model.set_weights(weights)
    if point.batch_norm:
        _hold_idle_biases(model)
    return model


def _convolved(inputs: Any, point: Point, front: Convolutions) -> Any:
    """What the dense part reads: the images after all stages, flat."""
    tensor = keras.layers.Reshape(front.image, name="image")(inputs)
    for layer, channels in enumerate(front.channels):
        for step in _convolution_block(point, channels, layer=layer):
            tensor = step(tensor)
        if layer in front.ends and min(tensor.shape[1:3]) > 1:
            tensor = keras.layers.MaxPooling2D(2, name=f"pooling_{layer}")(tensor)
    return keras.layers.Flatten(name="flat")(tensor)


def _convolution_block(point: Point, channels: int, *, layer: int) -> Iterator[Callable[[Any], Any]]:
    """The layers of one convolutional block. Dropout is for the dense part alone."""
    yield keras.layers.Conv2D(
        channels,
        KERNEL_SIDE,
        padding="same",
        kernel_initializer="zeros",
        kernel_regularizer=_penalty(point.l1, point.l2),
        bias_regularizer=_penalty(point.bias_l1, point.bias_l2),
        name=f"conv_{layer}",
    )
    if point.batch_norm:
        yield _batch_norm(name=f"conv_batch_norm_{layer}")
    yield _activation(point.activation, name=f"conv_{point.activation}_{layer}", shared_axes=[1, 2])


def _hold_idle_biases(model: keras.Model) -> None:
    """Leave biases in front of batch normalisation at zero: the mean takes away whatever they add.

    Their gradient is rounding alone, which Adam divides by its own size: they would wander, and the moving means with
    them, by some 1e-3 of the validation loss and differently on every machine.
    """
    for layer in model.layers:
        if layer.name.startswith(("dense_", "conv_")) and hasattr(layer, "bias"):
            layer.bias.trainable = False


def _hidden_block(
    point: Point, units: int, *, layer: int, seed: np.random.SeedSequence
) -> Iterator[Callable[[Any], Any]]:
    """The layers of one hidden block, in their order. Activity is penalised before dropout thins it."""
    yield _dense(point, units, name=f"dense_{layer}")
    if point.batch_norm:
        yield _batch_norm(name=f"batch_norm_{layer}")
    yield _activation(point.activation, name=f"{point.activation}_{layer}")
    if point.activity_l1 or point.activity_l2:
        yield _activity_penalty(point, name=f"activity_{layer}")
    if point.dropout > 0:
        yield _dropout(point, layer=layer, seed=seed)


def _batch_norm(*, name: str) -> keras.layers.BatchNormalization:
    return keras.layers.BatchNormalization(
        momentum=defaults.BATCH_NORM_MOMENTUM, epsilon=defaults.BATCH_NORM_EPSILON, name=name
    )


def _dense(point: Point, units: int, *, name: str) -> keras.layers.Dense:
    """A dense layer with the point's penalties. Zeros, because the initial weights are set from outside."""
    return keras.layers.Dense(
        units,
        kernel_initializer="zeros",
        kernel_regularizer=_penalty(point.l1, point.l2),
        bias_regularizer=_penalty(point.bias_l1, point.bias_l2),
        name=name,
    )


def _penalty(l1: float, l2: float) -> keras.regularizers.Regularizer | None:
    """`l1 * sum |w| + l2 * sum w^2`, or None, which costs nothing."""
    return keras.regularizers.L1L2(l1=l1, l2=l2) if l1 or l2 else None


def _activity_penalty(point: Point, *, name: str) -> keras.layers.Layer:
    """`l1 * sum |a| + l2 * sum a^2` over the units, mean over the rows of a batch."""
    layer = keras.layers.ActivityRegularization(l1=point.activity_l1, l2=point.activity_l2, name=name)
    if tuple(map(int, keras.__version__.split(".")[:2])) < (3, 14):  # which summed over the rows too
        total = layer.activity_regularizer
        layer.activity_regularizer = lambda output: (
            total(output) / keras.ops.cast(keras.ops.shape(output)[0], output.dtype)
        )
    return layer


def _activation(activation: Activation, *, name: str, shared_axes: list[int] | None = None) -> Any:
    """The layer (or layers in one function) of an activation; constants of `defaults` where Keras' own differ."""
    match activation:
        case Activation.LEAKY_RELU:
            return keras.layers.LeakyReLU(negative_slope=defaults.LEAKY_RELU_SLOPE, name=name)
        case Activation.PRELU:
            return keras.layers.PReLU(alpha_initializer="zeros", shared_axes=shared_axes, name=name)
        case Activation.ELU:
            return keras.layers.ELU(alpha=defaults.ELU_ALPHA, name=name)
        case Activation.SWISH:
            return _swish(name=name)
        case _:
            return keras.layers.Activation(str(activation), name=name)


def _swish(*, name: str) -> Callable[[Any], Any]:
    """`x * sigmoid(x)` of two layers.

    Keras' own swish is TensorFlow's `silu`, whose gradient is registered anew for every traced network and holds its
    graph for good: 5 MB a trial.
    """
    gate, product = keras.layers.Activation("sigmoid", name=f"{name}_gate"), keras.layers.Multiply(name=name)
    return lambda tensor: product([tensor, gate(tensor)])


def _dropout(point: Point, *, layer: int, seed: np.random.SeedSequence) -> keras.layers.Layer:
    """Dropout scaled by 1/(1-rate); for selu the kind that keeps mean and variance."""
    kind = keras.layers.AlphaDropout if point.activation is Activation.SELU else keras.layers.Dropout
    words = stream(seed, Stream.DROPOUT, layer).generate_state(1)
    return kind(point.dropout, seed=int(words[0] & 0x7FFFFFFF), name=f"dropout_{layer}")


# --- what trains it --------------------------------------------------------------------------------------------------


def data_loss(head: Head) -> keras.losses.Loss:
    """The head's loss on logits: mean over outputs and rows, without penalties."""
    match head.loss:
        case Loss.MSE:
            return keras.losses.MeanSquaredError()
        case Loss.MAE:
            return keras.losses.MeanAbsoluteError()
        case Loss.HUBER:
            return keras.losses.Huber(delta=defaults.HUBER_DELTA)
        case Loss.BINARY_CROSSENTROPY:
            return keras.losses.BinaryCrossentropy(from_logits=True)
        case Loss.CATEGORICAL_CROSSENTROPY:
            return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def make_optimizer(
    name: str, *, point: Point, model: keras.Model, momentum: float = defaults.SGD_MOMENTUM
) -> keras.optimizers.Optimizer:
    """The optimiser of a point. Weight decay is decoupled and touches kernels only.

    Args:
        name: `adam`, `adamw` (the same here: the decay is the point's), `sgd` or `rmsprop`.
        point: Its learning rate and weight decay.
        model: Whose biases, scales, shifts and slopes are spared the decay.
        momentum: Of `sgd`.

    Raises:
        KeyError: If there is no optimiser of that name; the space's schema knows the legal ones.
    """
    optimizer = _OPTIMIZERS[name](point.learning_rate, momentum)
    optimizer.weight_decay = point.weight_decay or None
    optimizer.exclude_from_weight_decay([v for v in model.trainable_variables if v.name != "kernel"])
    # Before tracing: else the creation of every slot variable becomes a branch of the graph, half its tracing time.
    optimizer.build(model.trainable_variables)
    # There is one replica, so nothing is summed. Keras' sum is a custom gradient, which TensorFlow registers for good
    # at every tracing, and the whole graph of the trial with it: 12 MB a trial (tensorflow issue 36465).
    optimizer._all_reduce_sum_gradients = list
    return optimizer


_OPTIMIZERS: Final[dict[str, Callable[[float, float], Any]]] = {
    "adam": lambda rate, _: keras.optimizers.Adam(rate, **_adam()),
    "adamw": lambda rate, _: keras.optimizers.AdamW(rate, **_adam()),
    "sgd": lambda rate, momentum: keras.optimizers.SGD(rate, momentum=momentum),
    "rmsprop": lambda rate, _: keras.optimizers.RMSprop(
        rate, rho=defaults.RMSPROP_RHO, epsilon=defaults.OPTIMIZER_EPSILON
    ),
}


def _adam() -> dict[str, float]:
    return {
        "beta_1": defaults.ADAM_BETA_1,
        "beta_2": defaults.ADAM_BETA_2,
        "epsilon": defaults.OPTIMIZER_EPSILON,
    }
