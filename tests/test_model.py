"""What a point means: formulas of activations, dropout, penalties, initial weights and optimisers, against NumPy."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from ffsearch.search.network import defaults
from ffsearch.search.network.heads import Head, Loss, Task, mean_loss
from ffsearch.search.network.model import build_network, data_loss, make_optimizer
from ffsearch.search.network.topology import Activation, Convolutions, Point, layer_sizes
from ffsearch.search.network.weights import initial_weights

SEED = np.random.SeedSequence(7)
HEAD = Head(task=Task.REGRESSION, loss=Loss.MSE, n_outputs=2, target_names=("a", "b"))
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772

FORMULAS: dict[Activation, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    Activation.RELU: lambda x: np.maximum(0, x),
    Activation.LEAKY_RELU: lambda x: np.maximum(0.01 * x, x),
    Activation.PRELU: lambda x: np.maximum(0.25 * x, x),
    Activation.ELU: lambda x: np.where(x > 0, x, np.exp(x) - 1),
    Activation.SELU: lambda x: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * (np.exp(x) - 1)),
    Activation.SWISH: lambda x: x / (1 + np.exp(-x)),
    Activation.TANH: np.tanh,
    Activation.SOFTSIGN: lambda x: x / (1 + np.abs(x)),
}


def network(point: Point, *, n_features: int = 5, head: Head = HEAD) -> keras.Model:
    return build_network(point, head=head, n_features=n_features, seed=SEED)


def hidden_output(model: keras.Model, layer: str, x: NDArray[np.float32], *, training: bool) -> NDArray[np.float32]:
    part = keras.Model(model.input, model.get_layer(layer).output)
    return np.asarray(part(x, training=training))


def penalties(model: keras.Model, x: NDArray[np.float32]) -> float:
    model(x, training=True)
    return float(sum(float(loss) for loss in model.losses))


@pytest.mark.parametrize("activation", Activation)
def test_an_activation_is_its_formula(activation: Activation) -> None:
    x = np.concatenate([np.linspace(-8, 8, 401), [-1e-3, 0, 1e-3]]).astype(np.float32)[:, None]
    model = network(Point(depth=1, width=4, activation=activation), n_features=1)
    weights = model.get_weights()
    weights[0] = np.ones_like(weights[0])
    model.set_weights(weights)
    got = hidden_output(model, f"{activation}_0", x, training=False)
    expected = FORMULAS[activation](x.astype(np.float64))
    np.testing.assert_allclose(got, np.repeat(expected, 4, axis=1), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_dropout_scales_what_it_keeps(rate: float) -> None:
    model = network(Point(depth=1, width=2000, dropout=rate))
    x = np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32)
    before = hidden_output(model, "relu_0", x, training=True)
    after = hidden_output(model, "dropout_0", x, training=True)
    kept = after != 0
    np.testing.assert_allclose(after[kept], before[kept] / (1 - rate), rtol=1e-6)
    assert kept[before != 0].mean() == pytest.approx(1 - rate, abs=0.02)
    np.testing.assert_array_equal(hidden_output(model, "dropout_0", x, training=False), before)


def test_selu_has_alpha_dropout_which_keeps_mean_and_variance() -> None:
    model = network(Point(depth=1, width=4000, activation=Activation.SELU, dropout=0.3), n_features=50)
    assert isinstance(model.get_layer("dropout_0"), keras.layers.AlphaDropout)
    x = np.random.default_rng(0).normal(size=(40, 50)).astype(np.float32)
    after = hidden_output(model, "dropout_0", x, training=True)
    assert after.mean() == pytest.approx(0, abs=0.03)
    assert after.std() == pytest.approx(1, abs=0.03)


def test_biases_in_front_of_batch_norm_stay_zero() -> None:
    """The mean takes away what they add; the output layer's bias learns."""
    model = network(Point(depth=2, width=6, batch_norm=True))
    learns = {v.path.split("/")[-2]: v.trainable for v in model.weights if v.name == "bias"}
    assert learns == {"dense_0": False, "dense_1": False, "logits": True}
    assert all(v.trainable for v in network(Point(depth=2, width=6)).weights)


def test_penalties_on_weights_are_their_formulas() -> None:
    point = Point(depth=2, width=6, l1=0.01, l2=0.02, bias_l1=0.03, bias_l2=0.04)
    model = network(point)
    generator = np.random.default_rng(1)
    model.set_weights([generator.uniform(0.1, 1, w.shape).astype(np.float32) for w in model.get_weights()])
    kernels = [v.numpy().astype(float) for v in model.weights if v.name == "kernel"]
    biases = [v.numpy().astype(float) for v in model.weights if v.name == "bias"]
    assert (len(kernels), len(biases)) == (3, 3)
    expected = sum(0.01 * np.abs(w).sum() + 0.02 * (w**2).sum() for w in kernels)
    expected += sum(0.03 * np.abs(b).sum() + 0.04 * (b**2).sum() for b in biases)
    assert penalties(model, np.zeros((4, 5), np.float32)) == pytest.approx(expected, rel=1e-6)


def test_activity_is_summed_over_units_and_averaged_over_rows_before_dropout() -> None:
    point = Point(depth=2, width=6, activation=Activation.TANH, activity_l1=0.5, activity_l2=0.25, dropout=0.5)
    model = network(point)
    x = np.random.default_rng(2).normal(size=(7, 5)).astype(np.float32)
    first = hidden_output(model, "tanh_0", x, training=True).astype(float)
    names = [layer.name for layer in model.layers]
    assert names.index("tanh_0") < names.index("activity_0") < names.index("dropout_0")
    one_layer = network(Point(depth=1, width=6, activation=Activation.TANH, activity_l1=0.5, activity_l2=0.25))
    expected = (0.5 * np.abs(first) + 0.25 * first**2).sum(axis=1).mean()
    assert penalties(one_layer, x) == pytest.approx(expected, rel=1e-6)


def test_nothing_is_penalised_unless_asked_for() -> None:
    assert network(Point(depth=3, width=8, batch_norm=True, dropout=0.1)).losses == []


def test_a_hidden_block_is_in_the_order_of_the_design() -> None:
    names = [layer.name for layer in network(Point(depth=2, width=8, batch_norm=True, dropout=0.1)).layers]
    block = ["dense_{}", "batch_norm_{}", "relu_{}", "dropout_{}"]
    assert names == ["matrix", *(name.format(layer) for layer in range(2) for name in block), "logits"]


@pytest.mark.parametrize("activation", Activation)
def test_initial_kernels_have_the_deviation_of_their_family(activation: Activation) -> None:
    point = Point(depth=2, width=300, activation=activation)
    kernel = initial_weights(point, n_features=40, n_outputs=3, seed=SEED)[0]
    variance = {Activation.SELU: 1 / 40, Activation.TANH: 2 / 340, Activation.SOFTSIGN: 2 / 340}.get(activation, 2 / 40)
    assert kernel.std() == pytest.approx(np.sqrt(variance), rel=0.02)
    keras_says = {
        Activation.SELU: keras.initializers.LecunNormal(seed=1),
        Activation.TANH: keras.initializers.GlorotUniform(seed=1),
        Activation.SOFTSIGN: keras.initializers.GlorotUniform(seed=1),
    }.get(activation, keras.initializers.HeNormal(seed=1))
    assert np.abs(kernel).max() == pytest.approx(float(np.abs(keras_says((40, 300))).max()), rel=0.01)


@pytest.mark.parametrize(("activation", "batch_norm"), list(itertools.product(Activation, [False, True])))
def test_the_model_holds_the_initial_weights_in_keras_order(activation: Activation, batch_norm: bool) -> None:  # noqa: FBT001
    point = Point(depth=2, width=8, taper=0.5, activation=activation, batch_norm=batch_norm)
    expected = initial_weights(point, n_features=5, n_outputs=2, seed=SEED)
    for got, want in zip(network(point).get_weights(), expected, strict=True):
        assert want.dtype == np.float32
        np.testing.assert_array_equal(got, want)


def test_a_residual_layer_adds_to_the_one_below_where_that_is_as_wide() -> None:
    point = Point(depth=4, width=6, widths=(6, 6, 7, 7), residual=True)
    model = network(point)
    x = np.random.default_rng(0).standard_normal((9, 5)).astype(np.float32)
    weights = model.get_weights()
    layers = list(zip(weights[::2], weights[1::2], strict=True))
    out = np.maximum(x @ layers[0][0] + layers[0][1], 0)
    for kernel, bias in layers[1:-1]:
        branch = np.maximum(out @ kernel + bias, 0)
        out = out + branch if kernel.shape[0] == kernel.shape[1] else branch
    np.testing.assert_allclose(model(x), out @ layers[-1][0] + layers[-1][1], rtol=1e-5, atol=1e-5)
    plain = network(replace(point, residual=False)).get_weights()
    for number, scale in enumerate((1.0, 2**-0.5, 1.0, 2**-0.5, 1.0)):
        np.testing.assert_allclose(weights[2 * number], scale * plain[2 * number], rtol=1e-6)


def test_a_convolutional_layer_looks_at_its_neighbours_and_stages_take_the_largest() -> None:
    front = Convolutions(image=(8, 8, 1), channels=(2, 2, 2))
    model = network(Point(depth=1, width=4, convolutions=front), n_features=64)
    x = np.random.default_rng(0).standard_normal((3, 64)).astype(np.float32)
    kernel, bias = model.get_layer("conv_0").get_weights()
    framed = np.pad(x.reshape(3, 8, 8), ((0, 0), (1, 1), (1, 1)))
    looked = sum(
        framed[:, row : row + 8, column : column + 8, None] * kernel[row, column, 0]
        for row, column in itertools.product(range(3), range(3))
    )
    pooled = np.maximum(looked + bias, 0).reshape(3, 4, 2, 4, 2, 2).max(axis=(2, 4))
    first = keras.Model(model.input, model.get_layer("pooling_0").output)
    np.testing.assert_allclose(first(x), pooled, rtol=1e-5, atol=1e-5)
    assert kernel.std() == pytest.approx((2 / 9) ** 0.5, rel=0.5)


def test_initial_weights_depend_on_the_seed_alone() -> None:
    point = Point(depth=2, width=8, dropout=0.1)
    one = initial_weights(point, n_features=5, n_outputs=2, seed=SEED)
    random.seed(99)
    state = random.getstate()
    two = network(point).get_weights()
    assert random.getstate() == state
    other = initial_weights(point, n_features=5, n_outputs=2, seed=np.random.SeedSequence(8))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one[0], other[0])


def test_layers_of_one_network_start_apart() -> None:
    weights = initial_weights(Point(depth=3, width=8), n_features=8, n_outputs=8, seed=SEED)
    kernels = [w for w in weights if w.ndim == 2]
    assert len({w.tobytes() for w in kernels}) == len(kernels) == len(layer_sizes(Point(depth=3, width=8))) + 1


LOSSES = [
    (Head(task=Task.REGRESSION, loss=loss, n_outputs=2, target_names=("a", "b")))
    for loss in (Loss.MSE, Loss.MAE, Loss.HUBER)
] + [
    Head(task=Task.BINARY, loss=Loss.BINARY_CROSSENTROPY, n_outputs=1, target_names=("y",), labels=("n", "y")),
    Head(
        task=Task.MULTICLASS,
        loss=Loss.CATEGORICAL_CROSSENTROPY,
        n_outputs=3,
        target_names=("y",),
        labels=("a", "b", "c"),
    ),
]


@pytest.mark.parametrize("head", LOSSES, ids=lambda head: str(head.loss))
@pytest.mark.parametrize("weighted", [False, True])
def test_keras_loss_is_the_formula_in_numpy(head: Head, weighted: bool) -> None:  # noqa: FBT001
    generator = np.random.default_rng(3)
    logits = generator.normal(0, 2, (30, head.n_outputs)).astype(np.float32)
    y: NDArray[Any]
    if head.task is Task.MULTICLASS:
        y = generator.integers(0, 3, 30).astype(np.int32)
    else:
        y = (generator.normal(size=logits.shape) > 0).astype(np.float32)
    weight = np.linspace(0.5, 1.5, 30).astype(np.float32) if weighted else None
    got = float(data_loss(head)(y, logits, sample_weight=weight))
    assert got == pytest.approx(mean_loss(head, y, logits, weight=weight), rel=1e-5)


def one_update(name: str, gradient: float, start: float, *, rate: float) -> float:
    """Two updates with the same gradient, by the formulas."""
    value, m, v, velocity, mean_square = start, 0.0, 0.0, 0.0, 0.0
    for step in (1, 2):
        match name:
            case "adam" | "adamw":
                m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
                corrected = rate * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
                value -= corrected * m / (np.sqrt(v) + 1e-7)
            case "sgd":
                velocity = 0.8 * velocity - rate * gradient
                value += velocity
            case "rmsprop":
                mean_square = 0.9 * mean_square + 0.1 * gradient**2
                value -= rate * gradient / np.sqrt(mean_square + 1e-7)
    return float(value)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop"])
def test_an_optimizer_is_its_formula(name: str) -> None:
    model = network(Point(depth=1, width=4))
    optimizer = make_optimizer(name, point=Point(depth=1, width=4, learning_rate=0.01), model=model, momentum=0.8)
    starts = [v.numpy() for v in model.trainable_variables]
    for _ in range(2):
        optimizer.apply([np.full(v.shape, 0.3, np.float32) for v in model.trainable_variables])
    for start, variable in zip(starts, model.trainable_variables, strict=True):
        expected = one_update(name, 0.3, 0.0, rate=0.01)
        np.testing.assert_allclose(variable.numpy() - start, expected, rtol=1e-4)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop"])
def test_weight_decay_is_decoupled_and_spares_all_but_kernels(name: str) -> None:
    point = Point(depth=1, width=4, activation=Activation.PRELU, batch_norm=True, learning_rate=0.1, weight_decay=0.5)
    model = network(point)
    model.set_weights([np.ones_like(w) for w in model.get_weights()])
    optimizer = make_optimizer(name, point=point, model=model)
    optimizer.apply([np.zeros(v.shape, np.float32) for v in model.trainable_variables])
    for variable in model.trainable_variables:
        expected = 1 - 0.1 * 0.5 if variable.name == "kernel" else 1.0
        np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-6)


def test_batch_size_grows_with_rows() -> None:
    assert [defaults.batch_size_for(n) for n in (50, 999, 1000, 5000, 49_999, 50_000, 10**6)] == [
        32, 32, 64, 256, 256, 512, 512,
    ]  # fmt: skip
