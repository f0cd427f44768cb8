"""The formats a model is written in, what each one needs, and what stands beside the file."""

from __future__ import annotations

from enum import StrEnum
from importlib.util import find_spec
from typing import Final

from ffsearch.errors import ExportError

__all__ = ["Format", "ReportFormat", "require_mlflow", "require_packages"]


class ReportFormat(StrEnum):
    """What a report can be written as."""

    HTML = "html"
    MD = "md"


class Format(StrEnum):
    """What a model can be written as.

    | format | raw texts in | file | read by |
    |---|---|---|---|
    | keras | yes | model.keras | Keras, `ffsearch predict`, `ffsearch.load_model` |
    | saved_model | yes | a folder, saved_model.json | TensorFlow, TensorFlow Serving |
    | litert | as codes | model.tflite, model.tflite.json | ai-edge-litert on phones and boards |
    | onnx | as codes | model.onnx, model.onnx.json | onnxruntime |

    The last two take categories as whole numbers, with their levels in the JSON file: neither runtime has TensorFlow's
    table of strings. tf2onnx writes a file that does not load, and LiteRT would need the delegate of TensorFlow's own
    operations, which ai-edge-litert does not carry.
    """

    KERAS = "keras"
    SAVED_MODEL = "saved_model"
    LITERT = "litert"
    ONNX = "onnx"

    @property
    def suffix(self) -> str:
        """How its file's name ends; empty for a folder."""
        return {Format.KERAS: ".keras", Format.SAVED_MODEL: "", Format.LITERT: ".tflite", Format.ONNX: ".onnx"}[self]

    @property
    def default_name(self) -> str:
        """What its file or folder is called where nothing was said."""
        return f"model{self.suffix}" if self.suffix else str(self)


PACKAGES: Final[dict[Format, dict[str, str]]] = {
    Format.KERAS: {},
    Format.SAVED_MODEL: {},
    Format.LITERT: {"ai_edge_litert": "ai-edge-litert"},
    Format.ONNX: {"onnx": "onnx", "tf2onnx": "tf2onnx", "onnxruntime": "onnxruntime"},
}
"""What writing a format and reading it back needs beyond the base install: module and package."""


def require_packages(kind: Format) -> None:
    """Refuse a format whose packages are not installed.

    Raises:
        ExportError: With the command that installs them.
    """
    missing = [package for module, package in PACKAGES[kind].items() if find_spec(module) is None]
    if missing:
        raise ExportError(
            f"Writing and checking {kind} needs {' and '.join(missing)}, which is not installed. "
            f'Install it with: python -m pip install "ffsearch[{kind}]"'
        )


def require_mlflow() -> None:
    """Refuse to log to MLflow where it is not installed.

    Raises:
        ExportError: With the command that installs it.
    """
    if find_spec("mlflow") is None:
        raise ExportError(
            "Logging to MLflow needs mlflow-skinny or mlflow, which is not installed. "
            'Install it with: python -m pip install "ffsearch[mlflow]"'
        )
