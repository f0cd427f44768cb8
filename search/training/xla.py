"""How XLA is told to compile lanes. It reads its settings once, with TensorFlow's first operation.

    --xla_cpu_multi_thread_eigen=false     a product runs in the thread of its lane
    --xla_cpu_prefer_vector_width=512      on processors that have such vectors; XLA takes half by itself

Several lanes train at a time, so cores are busy without splitting one lane's small products among them, and what the
splitting costs is saved. Source: our measurement, four lanes in two threads, processor time of an epoch of one network:
4.1 to 4.5 ms, not 4.8, at 1 x 32; 20 to 21, not 23 to 27, at 3 x 64; 149 to 166, not 179 to 185 at 3 x 256.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import Final

from ffsearch.search.training import compile_cache

__all__ = ["set_up"]

_VARIABLE: Final = "XLA_FLAGS"

_KNOWN_TO: Final = ("2.21.",)
"""TensorFlow ends the process on a setting it does not know, so only versions that were tried are given any."""


def set_up() -> None:
    """Give XLA its settings and a cache on disk; before TensorFlow's first operation. The user's settings win."""
    if version("tensorflow").startswith(_KNOWN_TO):
        given = os.environ.get(_VARIABLE, "")
        wanted = ["--xla_cpu_multi_thread_eigen=false"]
        if _has_wide_vectors():
            wanted.append("--xla_cpu_prefer_vector_width=512")
        missing = [flag for flag in wanted if flag.partition("=")[0] not in given]
        os.environ[_VARIABLE] = " ".join([*([given] if given else []), *missing])
    compile_cache.enable()  # last: a compiled program depends on the settings


def _has_wide_vectors() -> bool:
    """Whether the processor computes on 512 bits at a time; no where the system does not say."""
    try:
        return " avx512f " in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
