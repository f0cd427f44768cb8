"""Writing a model in a format, and asking the written file by its own runtime.

Converters and runtimes are other people's code: what they raise is told as an `ExportError` with their words, and what
they print is held back.
"""

from __future__ import annotations

import json
import logging
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from ffsearch.errors import ExportError
from ffsearch.search.base.quiet import native_stderr_held_back
from ffsearch.search.base.texts import first_line
from ffsearch.search.exporting.coded import CodedModel, coded_model
from ffsearch.search.exporting.formats import Format
from ffsearch.search.serving.packaged import MEMBER, PackagedModel, as_tensor, load_packaged

__all__ = ["description_path", "predictions_of", "write"]

Rows = pd.DataFrame | NDArray[Any]
"""Raw rows of a table, or images, shape (n_rows, height, width) or with channels."""

_EXTRA: Final = "assets.extra"
"""The folder of a SavedModel that TensorFlow leaves to its users."""

_ENDPOINT: Final = "serving_default"
"""Name of the signature that Keras writes and servers call."""

_LOUD: Final = ("tensorflow", "tf2onnx", "absl")


def write(packaged: PackagedModel, source: Path, target: Path, kind: Format) -> None:
    """Write the model to a file or folder that is not there yet.

    Args:
        packaged: The run's model.
        source: Its file.
        target: Where to; with the format's suffix.
        kind: The format.

    Raises:
        ExportError: If it cannot be converted.
        OSError: If it cannot be written.
    """
    with _told(f"The model cannot be written as {kind}"), _hushed():
        _WRITERS[kind](packaged, source, target)


def predictions_of(packaged: PackagedModel, target: Path, kind: Format, frame: Rows) -> NDArray[np.float32]:
    """What the written file answers to raw rows, by its own runtime; shape (n_rows, n_outputs).

    Raises:
        ExportError: If it does not load or run.
    """
    with _told(f"What was written as {kind} does not run"), _hushed():
        predictions: NDArray[np.float32] = np.asarray(_RUNTIMES[kind](packaged, target, frame))
    return predictions


def description_path(target: Path) -> Path:
    """The JSON file beside a model that does not read cells itself."""
    return target.with_name(f"{target.name}.json")


# --- writing ---------------------------------------------------------------------------------------------------------


def _write_keras(packaged: PackagedModel, source: Path, target: Path) -> None:  # noqa: ARG001  (one signature for all)
    shutil.copyfile(source, target)


def _write_saved_model(packaged: PackagedModel, source: Path, target: Path) -> None:  # noqa: ARG001
    packaged.model.export(str(target), format="tf_saved_model", verbose=False)
    extra = target / _EXTRA
    extra.mkdir()
    (extra / MEMBER).write_text(json.dumps(packaged.facts, indent=1), encoding="utf-8")
    _write_description(coded_model(packaged).description(packaged, texts=True), target)


def _refuse_64_bits(packaged: PackagedModel) -> None:
    """Refuse a model whose predictions need more digits than LiteRT computes with.

    Raises:
        ExportError: With the formats that have them.
    """
    output = packaged.model.outputs[0]
    if output.dtype == "float64":
        raise ExportError(
            f"{', '.join(map(repr, packaged.target_names))} lies so far from zero, for how little it varies, that its "
            "digits need 64-bit numbers, and LiteRT computes with 32. Export onnx or saved_model; or train on the "
            "target less a fixed number, and add that where the model runs."
        )


def _write_litert(packaged: PackagedModel, source: Path, target: Path) -> None:  # noqa: ARG001
    _refuse_64_bits(packaged)
    coded = coded_model(packaged)
    with TemporaryDirectory() as saved:
        coded.model.export(saved, format="tf_saved_model", verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(saved)
        # LiteRT's own operations alone: Keras' `litert` would allow TensorFlow's too, which ai-edge-litert lacks.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.experimental_enable_resource_variables = True
        target.write_bytes(converter.convert())
    _write_description(coded.description(packaged), target)


def _write_onnx(packaged: PackagedModel, source: Path, target: Path) -> None:  # noqa: ARG001
    coded = coded_model(packaged)
    coded.model.export(str(target), format="onnx", verbose=False)
    _write_description(coded.description(packaged), target)


def _write_description(description: Mapping[str, Any], target: Path) -> None:
    text = json.dumps(description, indent=1, ensure_ascii=False)
    description_path(target).write_text(text, encoding="utf-8")


# --- asking ----------------------------------------------------------------------------------------------------------


def _ask_keras(packaged: PackagedModel, target: Path, frame: Rows) -> NDArray[Any]:  # noqa: ARG001
    return load_packaged(target).predictions(frame)


def _ask_saved_model(packaged: PackagedModel, target: Path, frame: Rows) -> NDArray[Any]:
    endpoint = tf.saved_model.load(str(target)).signatures[_ENDPOINT]
    outputs = endpoint(**{name: as_tensor(cells) for name, cells in packaged.raw(frame).items()})
    return np.asarray(_only(outputs))


def _ask_litert(packaged: PackagedModel, target: Path, frame: Rows) -> NDArray[Any]:
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_path=str(target)).get_signature_runner(_ENDPOINT)
    return np.asarray(_only(runner(**_codes(packaged, target, frame))))


def _ask_onnx(packaged: PackagedModel, target: Path, frame: Rows) -> NDArray[Any]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    (predictions,) = session.run(None, _codes(packaged, target, frame))
    return np.asarray(predictions)


def _codes(packaged: PackagedModel, target: Path, frame: Rows) -> dict[str, NDArray[Any]]:
    """Inputs by the vocabulary that was written beside the model: what is checked is what a user has."""
    description = json.loads(description_path(target).read_text(encoding="utf-8"))
    levels = {one["input"]: tuple(one["levels"]) for one in description["inputs"] if one["kind"] == "category"}
    return CodedModel(model=None, levels=levels).feed(packaged.raw(frame))


def _only(outputs: Mapping[str, Any]) -> Any:
    (output,) = outputs.values()
    return output


_WRITERS: Final[dict[Format, Callable[[PackagedModel, Path, Path], None]]] = {
    Format.KERAS: _write_keras,
    Format.SAVED_MODEL: _write_saved_model,
    Format.LITERT: _write_litert,
    Format.ONNX: _write_onnx,
}
_RUNTIMES: Final[dict[Format, Callable[[PackagedModel, Path, Rows], NDArray[Any]]]] = {
    Format.KERAS: _ask_keras,
    Format.SAVED_MODEL: _ask_saved_model,
    Format.LITERT: _ask_litert,
    Format.ONNX: _ask_onnx,
}


# --- other people's code ---------------------------------------------------------------------------------------------


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Any fault of a converter or runtime as an `ExportError`; a full disk stays an OSError."""
    try:
        yield
    except (ExportError, OSError):
        raise
    except Exception as error:  # they raise whatever they like
        told = first_line(error)
        raise ExportError(
            f"{what}: {type(error).__name__}: {told} Nothing was written. Try another format, and please report "
            "this with `ffsearch --version`."
        ) from error


@contextmanager
def _hushed() -> Iterator[None]:
    """Hold back warnings and notes about the converters' own innards, which no user can act on."""
    loggers = [logging.getLogger(name) for name in _LOUD]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings(), native_stderr_held_back():
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
