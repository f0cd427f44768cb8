"""What TensorFlow keeps in a process, of models that are gone."""

from __future__ import annotations

import sys

__all__ = ["forget_kernels"]


def forget_kernels() -> None:
    """Let go of the kernels TensorFlow keeps: one for every name that a variable or a table of any model ever had.

    A kernel takes 36 kB and would stay until the process ends, long after its model. Those that are wanted again are
    made again. Keras does the same in `clear_session`, which besides forgets the names of layers: those are the user's.
    """
    if "tensorflow" in sys.modules:
        from tensorflow.python.eager import context

        context.context().clear_kernel_cache()
