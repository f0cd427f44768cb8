"""What each hidden layer of the saved network does, and what one layer as large would do in their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.seeds import Purpose, child, generator
from ffsearch.search.evidence.columns import looked_at
from ffsearch.search.evidence.effects import of_size
from ffsearch.search.evidence.errors_seen import row_losses
from ffsearch.search.evidence.layer_probes import ProbedRows, layer_facts, targets_of, twin_facts
from ffsearch.search.evidence.metrics import RowWeight
from ffsearch.search.evidence.scoring import Setting, predictions_from_logits, truth_of
from ffsearch.search.evidence.units import Units
from ffsearch.search.executors.trainers import Trainers
from ffsearch.search.folder.results import LayerFacts, ShallowTwin
from ffsearch.search.network.heads import Head, Task
from ffsearch.search.network.topology import MIN_WIDTH, Activation, Numbers, Point, n_params
from ffsearch.search.steps.refitting import Answer

if TYPE_CHECKING:
    import keras

    from ffsearch.search.data.prepare import Prepared, Refit

__all__ = ["layers_of"]

N_RESETS: Final = 3
"""How often a layer's weights are drawn anew. Choice: one draw may be lucky."""

_ROWS, _RESETS, _TWIN = 15, 16, 17
"""Keys of generators."""

_BOUNDED: Final = (Activation.TANH, Activation.SOFTSIGN)


def layers_of(
    answer: Answer,
    setting: Setting,
    point: Point,
    *,
    prepared: Prepared,
    trainers: Trainers,
    cells: Mapping[str, NDArray[Any]],
    y: NDArray[Any],
    units: Units,
    weight: RowWeight = None,
    has_time: bool = True,
) -> tuple[tuple[LayerFacts, ...], ShallowTwin | None]:
    """What every layer adds, of several networks those of the first; and what one layer as large does, if trained.

    Args:
        answer: The saved model.
        setting: What is predicted, and the run's seed.
        point: The winner's.
        prepared: The table.
        trainers: How the search trained.
        cells: Columns of the sealed rows as the model takes them.
        y: Their targets, in the user's units, or class numbers.
        units: What is independent among them.
        weight: What each weighs; None: all alike.
        has_time: Whether there is time to train one more network.
    """
    if units.n_units < 2:
        return (), None
    rows = answer.rows if point.numbers is Numbers.ROBUST else prepared.fit_all(point.numbers)
    rng = generator(setting.seed, Purpose.EVIDENCE, _ROWS)
    known, asked = looked_at(len(rows.x), rng=rng), looked_at(len(y), rng=rng)
    sealed = rows.preprocessor.matrix({name: values[asked] for name, values in cells.items()}, n_rows=len(asked))
    network, head = answer.model.network, setting.head
    some = Units.of_labels(units.kind, units.numbers[asked])
    truth = _standardised(head, rows, y[asked])
    outputs = _hidden_outputs(network, point)
    on_known, on_sealed = ([x, *_asked(outputs, x)] for x in (rows.x[known], sealed))
    n_classes = len(head.labels)
    probed = ProbedRows(
        y=targets_of(head.task, truth_of(head, rows.y[known], scale=None), n_classes=n_classes),
        y_sealed=targets_of(head.task, truth, n_classes=n_classes),
        units=some,
        weight=None if rows.weight is None else rows.weight[known],
        weight_sealed=None if weight is None else weight[asked],
    )
    resets = _lost_by_resets(network, point, setting, sealed, truth)
    facts = layer_facts(on_known, on_sealed, probed, resets=resets, is_bounded=point.activation in _BOUNDED)
    size = {"n_features": sealed.shape[1], "n_outputs": head.n_outputs}
    twin = _shallow(point, size) if has_time else None
    if twin is None:
        return facts, None
    shallow = _trained(twin, setting, rows, n_updates=answer.facts.updates, trainers=trainers)
    units_of_it = (_asked(_hidden_outputs(shallow, twin), x)[0] for x in (rows.x[known], sealed))
    return facts, twin_facts(
        (on_known[-1], on_sealed[-1]), (next(units_of_it), next(units_of_it)), probed, n_params=n_params(twin, **size)
    )


def _shallow(point: Point, size: dict[str, int]) -> Point | None:
    """The same point with one hidden layer of about as many parameters; None where it has one, or none comes near."""
    if point.depth == 1:
        return None
    one_layer = replace(point, depth=1, width=MIN_WIDTH, widths=None, taper=1.0)
    return of_size(one_layer, n_params(point, **size), size)


def _trained(point: Point, setting: Setting, rows: Refit, *, n_updates: int, trainers: Trainers) -> keras.Model:
    """The network of a point, trained as the saved one was and as long."""
    from ffsearch.search.network.model import build_network
    from ffsearch.search.training.refit import refits

    seed = child(setting.seed, Purpose.EVIDENCE, _TWIN)
    (refitted,) = refits(
        point, head=setting.head, x=rows.x, y=rows.y, weight=rows.weight,
        columns=setting.problem.seen_by(point).matrix_columns, n_updates=n_updates,
        batch_size=trainers.stopping.batch_size, seeds=[seed], optimizer=trainers.optimizer,
        momentum=trainers.momentum, trainer=trainers.kind, averaged=trainers.stopping.averaged,
    )  # fmt: skip
    network = build_network(point, head=setting.head, n_features=rows.x.shape[1], seed=seed)
    network.set_weights(refitted.weights)
    return network


def _standardised(head: Head, rows: Refit, y: NDArray[Any]) -> NDArray[Any]:
    """Targets as the network has them: class numbers, or numbers of mean zero and spread one."""
    if head.task is not Task.REGRESSION or rows.target_scale is None:
        return y
    return np.asarray((y - rows.target_scale.mean) / rows.target_scale.scale)


def _hidden_outputs(network: keras.Model, point: Point) -> keras.Model:
    """The network's hidden layers in place of its logits, each behind its activation."""
    import keras

    names = {layer.name for layer in network.layers}
    ends = [
        f"residual_{layer}" if f"residual_{layer}" in names else f"{point.activation}_{layer}"
        for layer in range(point.depth)
    ]
    return keras.Model(network.inputs[0], [network.get_layer(name).output for name in ends])


def _asked(outputs: keras.Model, x: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    found = outputs(x, training=False)
    return [np.asarray(one) for one in (found if isinstance(found, list | tuple) else [found])]


def _lost_by_resets(
    network: keras.Model, point: Point, setting: Setting, x: NDArray[np.float32], truth: NDArray[Any]
) -> list[NDArray[np.float64]]:
    """What every sealed row loses when a layer's weights are drawn anew, mean over draws, layer by layer."""
    import keras

    from ffsearch.search.network.model import build_network
    from ffsearch.search.network.weights import initial_weights

    def losses(asked: keras.Model) -> NDArray[np.float64]:
        # A network that was loaded wants a list of one matrix under older versions of Keras, and this never does.
        by_matrix = keras.Model(asked.inputs[0], asked.outputs[0])
        logits = np.asarray(by_matrix(x, training=False), np.float64)
        if setting.head.task is Task.REGRESSION:
            return row_losses(setting.head.task, truth, logits)
        return row_losses(setting.head.task, truth, predictions_from_logits(setting.head, logits, scale=None))

    changed = build_network(point, head=setting.head, n_features=x.shape[1], seed=child(setting.seed, Purpose.EVIDENCE))
    own = network.get_weights()
    base, found = losses(network), []
    for layer in range(point.depth):
        changed.set_weights(own)
        dense = changed.get_layer(f"dense_{layer}")
        places = [place for place, weight in enumerate(changed.weights) if any(weight is one for one in dense.weights)]
        lost = np.zeros(len(x))
        for draw in range(N_RESETS):
            seed = child(setting.seed, Purpose.EVIDENCE, _RESETS, layer, draw)
            drawn = initial_weights(point, n_features=x.shape[1], n_outputs=setting.head.n_outputs, seed=seed)
            dense.set_weights([drawn[place] for place in places])
            lost += (losses(changed) - base) / N_RESETS
        found.append(lost)
    return found
