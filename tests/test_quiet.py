"""Keras works on TensorFlow, or says that it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from ffsearch.errors import RunError
from ffsearch.search.base.quiet import have_keras_on_tensorflow


def test_another_backend_in_the_environment_does_not_count() -> None:
    program = "from ffsearch.search.base.quiet import *; load_tensorflow(); import keras; print(keras.config.backend())"
    said = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"KERAS_BACKEND": "torch"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == ["tensorflow"]


def test_keras_on_another_backend_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = SimpleNamespace(config=SimpleNamespace(backend=lambda: "jax"))
    monkeypatch.setitem(sys.modules, "keras", loaded)  # type: ignore[arg-type]
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(RunError, match="Keras runs on jax in this process, and ffsearch needs it on TensorFlow"):
        have_keras_on_tensorflow()
