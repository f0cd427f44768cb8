"""What stands beside an exported model, so that somebody without ffsearch can ask it.

    model.onnx
    model.onnx.json           its inputs: columns, kinds, levels; `host.encode` reads it
    model.onnx.serve/
        serve.py              loads the model and answers rows; to be run, or to be imported by a web service
        encode.py             `exporting/host.py`: from cells to what the model takes, and from its outputs to answers
        written.py, moments.py    what encode.py reads texts with
        example_request.json  two rows that are made up: no row of the table is given away with a model

The Keras file needs ffsearch, or Keras, and reads cells itself: beside it stand serve.py and example_request.json.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

import numpy as np

from ffsearch.search.data.parsing import moments, written
from ffsearch.search.exporting import host
from ffsearch.search.exporting.formats import Format
from ffsearch.search.serving.packaged import PackagedModel

__all__ = ["SERVE", "kit_path", "write_kit"]

SERVE: Final = "serve.py"
_EXAMPLE: Final = "example_request.json"

_HEAD: Final = '''"""Answers rows with {name}. Needs {needs}.

    python serve.py example_request.json      a list of rows, each an object from column to cell
    python serve.py < example_request.json    the same from the standard input

In a web service: `from serve import answer`.
"""

import json
import sys
from pathlib import Path
'''

_TAIL: Final = """

if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text(encoding="utf-8") if len(sys.argv) > 1 else sys.stdin.read()
    print(json.dumps(answer(json.loads(text)), indent=1, ensure_ascii=False))
"""

_BY_INPUTS: Final = '''
import {runtime}
from encode import decode, encode

MODEL = Path(__file__).resolve().parent.parent / {name!r}
INPUTS = json.loads(Path(f"{{MODEL}}.json").read_text(encoding="utf-8"))
{load}


def answer(rows):
    """An answer a row: a label with its probabilities, or a value a target. ValueError: a row cannot be read."""
    return decode({ask}, INPUTS)
'''

_BY_FFSEARCH: Final = '''
import pandas as pd
from ffsearch import load_model

MODEL = load_model(Path(__file__).resolve().parent.parent / {name!r})


def answer(rows):
    """An answer a row: a label with its probabilities, or a value a target. DataError: a row cannot be read."""
    frame = pd.DataFrame(rows, dtype=object)
    if not MODEL.classes:
        return pd.DataFrame(MODEL.predict(frame)).to_dict("records")
    labels, shares = MODEL.predict(frame), MODEL.predict_proba(frame)
    each = [dict(zip(map(str, MODEL.classes), row)) for row in shares.to_numpy().tolist()]
    return [{{"label": str(label), "probabilities": one}} for label, one in zip(labels, each)]
'''

_RUNTIMES: Final[dict[Format, dict[str, str]]] = {
    Format.SAVED_MODEL: {
        "needs": "tensorflow",
        "runtime": "tensorflow as tf",
        "load": 'ENDPOINT = tf.saved_model.load(str(MODEL)).signatures["serving_default"]',
        "ask": "next(iter(ENDPOINT(**{k: tf.constant(v) for k, v in encode(rows, INPUTS).items()}).values())).numpy()",
    },
    Format.LITERT: {
        "needs": "numpy and ai-edge-litert",
        "runtime": "ai_edge_litert.interpreter as litert",
        "load": 'RUNNER = litert.Interpreter(model_path=str(MODEL)).get_signature_runner("serving_default")',
        "ask": "next(iter(RUNNER(**encode(rows, INPUTS)).values()))",
    },
    Format.ONNX: {
        "needs": "numpy and onnxruntime",
        "runtime": "onnxruntime",
        "load": "SESSION = onnxruntime.InferenceSession(str(MODEL))",
        "ask": "SESSION.run(None, encode(rows, INPUTS))[0]",
    },
}


def kit_path(target: Path) -> Path:
    """The folder beside an exported model."""
    return target.with_name(f"{target.name}.serve")


def write_kit(packaged: PackagedModel, target: Path, kind: Format) -> None:
    """Write the folder beside an exported model, which is not there yet.

    Raises:
        OSError: If it cannot be written.
    """
    folder = kit_path(target)
    folder.mkdir()
    (folder / SERVE).write_text(_program(target.name, kind), encoding="utf-8")
    example = json.dumps(example_rows(packaged), indent=1, ensure_ascii=False)
    (folder / _EXAMPLE).write_text(example + "\n", encoding="utf-8")
    if kind is not Format.KERAS:
        shutil.copyfile(str(host.__file__), folder / "encode.py")
        for module in (written, moments):
            shutil.copy(str(module.__file__), folder)


def _program(name: str, kind: Format) -> str:
    """The text of serve.py."""
    if kind is Format.KERAS:
        return _HEAD.format(name=name, needs="ffsearch") + _BY_FFSEARCH.format(name=name) + _TAIL
    runtime = _RUNTIMES[kind]
    return _HEAD.format(name=name, needs=runtime["needs"]) + _BY_INPUTS.format(name=name, **runtime) + _TAIL


def example_rows(packaged: PackagedModel) -> list[dict[str, Any]]:
    """Two rows that no table holds: one of middling cells, and one of the last level of each category."""
    numbers = {one["name"]: one["median"] for one in packaged.facts.get("preprocessor", {}).get("numbers", ())}
    levels = {one["name"]: one["levels"] for one in packaged.facts.get("preprocessor", {}).get("categories", ())}

    def cell(one: dict[str, Any], place: int) -> Any:
        match one["kind"]:
            case "image":
                return np.zeros(packaged.facts["image"]["shape"]).tolist()
            case "category":
                return next(iter(levels.get(one["column"], ())[place:][:1]), None)
            case "date":
                return one["reading"]["origin"]
            case "time":
                return "12:00"
            case _:
                return numbers.get(one["column"], 0.0) + one.get("reading", {}).get("offset", 0.0)

    return [{one["column"]: cell(one, place) for one in packaged.facts["inputs"]} for place in (0, -1)]
