"""The saved model with whole numbers in place of texts, for runtimes that have no table of strings.

category column -> StringLookup -> code -> network        as saved
code ------------------------------------> network        here; the lookup's vocabulary goes into the JSON beside it
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch._version import __version__
from ffsearch.errors import ExportError
from ffsearch.search.data.other_levels import other_spellings
from ffsearch.search.data.parsing.cells import MISSING
from ffsearch.search.data.parsing.reading import TableReading
from ffsearch.search.serving.packaged import PackagedModel

__all__ = ["CodedModel", "coded_model"]

_SCHEMA: Final = 1


@dataclass(frozen=True, kw_only=True)
class CodedModel:
    """A Keras model that takes numbers alone.

    Args:
        model: One (n_rows, 1) input a column: float32, or int32 codes for categories.
        levels: By the name of each category's input its levels; the code of `levels[i]` is i + 1, of all else 0.
    """

    model: keras.Model
    levels: Mapping[str, tuple[str, ...]]

    def feed(self, raw: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """What the model is fed, from what `PackagedModel.raw` gives: arrays of shape (n_rows, 1), or images."""
        coded = {name: self._codes(name, cells) if name in self.levels else cells for name, cells in raw.items()}
        return {name: cells[:, None] if cells.ndim == 1 else cells for name, cells in coded.items()}

    def description(self, packaged: PackagedModel, *, texts: bool = False) -> dict[str, Any]:
        """What the JSON file beside the model holds: `host.encode` reads it.

        Args:
            packaged: The run's model.
            texts: Whether the written model takes the texts of categories themselves.
        """
        code = "string" if texts else "int32"
        table = TableReading.from_dict(packaged.facts.get("preprocessor", {}).get("table", {}))
        inputs = [
            {
                "input": one["input"],
                "column": one["column"],
                "kind": one["kind"],
                "dtype": code if one["input"] in self.levels else "float32",
                **({"reading": one["reading"]} if "reading" in one else {}),
                **({"levels": list(self.levels[one["input"]])} if one["input"] in self.levels else {}),
                **({"missing": list(words)} if (words := table.words(one["column"])) else {}),
                **({"same": same} if (same := self._same(one, table)) else {}),
            }
            for one in packaged.facts["inputs"]
        ]
        return {
            "schema": _SCHEMA,
            "ffsearch": __version__,
            "task": str(packaged.task),
            "target_names": list(packaged.target_names),
            "labels": list(packaged.labels),
            **({} if packaged.threshold is None else {"threshold": packaged.facts["threshold"]}),
            "output": packaged.facts["output"],
            "inputs": inputs,
            "missing": sorted(MISSING),
        }

    def _same(self, one: Mapping[str, Any], table: TableReading) -> dict[str, str]:
        """Texts that are other spellings of levels: those that training found, and truth in other words."""
        found = dict(table.same.get(one["column"], {}))
        if one["input"] in self.levels:
            found = other_spellings(self.levels[one["input"]]) | found
        return found

    def _codes(self, name: str, texts: NDArray[np.object_]) -> NDArray[np.int32]:
        places = pd.Index(list(self.levels[name]), dtype=object).get_indexer(pd.Index(texts, dtype=object))
        return (places + 1).astype(np.int32)  # an unseen text has place -1


def coded_model(packaged: PackagedModel) -> CodedModel:
    """The same layers with the same weights behind inputs that are numbers.

    Raises:
        ExportError: If the texts of a column go another way than through one table.
    """
    model = packaged.model
    texts = [name for name, tensor in model.input.items() if tensor.dtype == "string"]
    lookups = {name: _lookup_of(model, name) for name in texts}
    inputs = {
        name: keras.Input(tensor.shape[1:], name=name, dtype="int32" if name in lookups else tensor.dtype)
        for name, tensor in model.input.items()
    }

    def call(layer: Any, *given: Any, **options: Any) -> Any:
        return given[0] if isinstance(layer, keras.layers.StringLookup) else layer(*given, **options)

    numeric = keras.models.clone_model(model, input_tensors=inputs, call_function=call, clone_function=lambda one: one)
    # Keras' exporter to ONNX refuses a model that was never called.
    numeric({name: np.zeros((1, *tensor.shape[1:]), tensor.dtype) for name, tensor in inputs.items()})
    # The first word of a lookup's vocabulary stands for all texts it does not know.
    return CodedModel(
        model=numeric,
        levels={name: tuple(map(str, lookup.get_vocabulary()[1:])) for name, lookup in lookups.items()},
    )


def _lookup_of(model: keras.Model, name: str) -> Any:
    lookups = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.StringLookup) and layer.input is model.input[name]
    ]
    if len(lookups) != 1:
        raise ExportError(
            f"The texts of input {name!r} pass through {len(lookups)} tables where one is expected, so they cannot go "
            "in as codes. Export to keras or saved_model, which take texts."
        )
    return lookups[0]
