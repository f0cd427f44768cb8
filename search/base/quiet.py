"""Loading TensorFlow without its notes on how it was built, and Optuna without one on widgets."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ffsearch.errors import RunError
from ffsearch.search.base.memory import address_space

__all__ = ["have_keras_on_tensorflow", "load_bars", "load_tensorflow", "native_stderr_held_back"]

_BACKEND: Final = "KERAS_BACKEND"

LEAST_ADDRESSES: Final = 5 * 10**9
"""Bytes of addresses that a run takes. Source: our measurement of README's command, which ends in errors of libraries
below."""


@contextmanager
def native_stderr_held_back() -> Iterator[None]:
    """Hold back what native code writes to the error stream; show it after all if an error comes out.

    TensorFlow 2.18 and later log a few lines before its own log level counts, so no variable silences them. File
    descriptor 2 is redirected for the whole process: use it around an import and nothing longer.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except BaseException:
            held_back.seek(0)
            os.write(kept, held_back.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)


def load_bars() -> None:
    """Load the progress bars that Optuna brings, before it, without their warning that a notebook lacks widgets.

    None of these bars is ever shown: a run has its own.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")
        import tqdm.auto  # noqa: F401


def load_tensorflow() -> None:
    """Load TensorFlow with its notes on its build held back; before a module that imports it, which takes seconds.

    Raises:
        RunError: If Keras runs on another backend already.
    """
    have_keras_on_tensorflow()
    with native_stderr_held_back():
        import tensorflow  # noqa: F401


def have_keras_on_tensorflow() -> None:
    """Have Keras work on TensorFlow when it is loaded, whatever the environment says: saved models are TensorFlow's.

    Raises:
        RunError: If Keras was loaded before, on another backend, which it cannot leave; or if TensorFlow cannot be
            loaded for want of addresses.
    """
    limit = address_space()
    if limit is not None and limit < LEAST_ADDRESSES and "tensorflow" not in sys.modules:
        raise RunError(
            f"This process may address {limit / 1e9:.1f} GB (ulimit -v), and TensorFlow with its libraries and threads "
            f"wants {LEAST_ADDRESSES / 1e9:g} GB of addresses before it computes anything, though not of memory. Lift "
            "the limit (ulimit -v unlimited); what limits memory itself is a container or a control group."
        )
    os.environ[_BACKEND] = "tensorflow"
    keras = sys.modules.get("keras")
    backend = "tensorflow" if keras is None else keras.config.backend()
    if backend != "tensorflow":
        raise RunError(
            f"Keras runs on {backend} in this process, and ffsearch needs it on TensorFlow. Use ffsearch in a process "
            f"of its own, or set {_BACKEND}=tensorflow before Keras is imported."
        )
