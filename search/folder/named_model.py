"""A run's Keras model with inputs that are called as the table's columns are."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, Final

from ffsearch.search.folder.bounded import parsed
from ffsearch.search.folder.keras_file import load_keras, no_model

__all__ = ["load_named"]

MEMBER: Final = "ffsearch.json"
"""Member of the file that says which column each input is (`serving/packaging.py` writes it)."""


def load_named(path: Path) -> Any:
    """Load a saved model and name its inputs after columns.

    In the file they are called `number_0`, `category_3`, for exports do not take every sign in a name. A slash, which
    Keras does not take either, is an underscore here; a second column that is then called alike gets a number.

    Args:
        path: The `.keras` file.

    Raises:
        ExportError: If it is no model of ours, or damaged.
    """
    import keras

    model = load_keras(path)
    try:
        with zipfile.ZipFile(path) as archive:
            facts = parsed(archive.read(MEMBER)) if MEMBER in archive.namelist() else {}
        columns = {one["input"]: one["column"] for one in facts.get("inputs", ())}
    except (zipfile.BadZipFile, LookupError, TypeError, ValueError, AttributeError, OSError) as error:
        raise no_model(path, error) from error
    named: dict[str, Any] = {}
    within: dict[str, Any] = {}
    for one in model.inputs:
        column = str(columns.get(one.name, one.name)).replace("/", "_")
        name, n = column, 1
        while name in named:
            n += 1
            name = f"{column}_{n}"
        named[name] = within[one.name] = keras.Input(one.shape[1:], name=name, dtype=one.dtype)
    return keras.Model(named, model(within), name=model.name)
