"""Loading TensorFlow without its notes on how it was built."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["load_tensorflow", "native_stderr_held_back"]


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


def load_tensorflow() -> None:
    """Load TensorFlow with its notes on its build held back; before a module that imports it, which takes seconds."""
    with native_stderr_held_back():
        import tensorflow  # noqa: F401
