"""Whether a reader comes to its end with a file: tried in a process of its own, which dies in place of this one.

Some readers of other people's making end the process where a file is damaged or wants more memory than there is,
without an error that Python could take.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

from ffsearch.search.base.memory import machine_memory

__all__ = ["LARGEST_SHARE", "comes_to_its_end"]

LARGEST_SHARE: Final = 0.5
"""Of the machine's memory, as `decode.refuse_too_large` allows a table."""

_LONGEST_S: Final = 600

_NOT_TRIED: Final = 3

_PROGRAM: Final = """
import io, sys
try:
    {imports}
except ImportError:
    sys.exit({not_tried})
content = io.BytesIO(sys.stdin.buffer.read())
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), resource.getrlimit(resource.RLIMIT_AS)[1]))
except (ImportError, OSError, ValueError):
    pass
try:
    {reads}
except Exception:
    pass
"""
"""Errors of Python are no matter here: they come again where the file is read, and are told there."""


def comes_to_its_end(payload: bytes, *, imports: str, reads: str) -> bool:
    """Read a file in a process of its own, which may take what a table may.

    Args:
        payload: The file.
        imports: What the reader is imported by; where it is not installed, nothing is tried.
        reads: A Python expression that reads `content`, a binary stream.

    Returns:
        Whether that process came to its end, with an error or without. True where none can be started.
    """
    program = _PROGRAM.format(imports=imports, reads=reads, not_tried=_NOT_TRIED)
    own = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"}
    try:
        code = subprocess.run(
            [sys.executable, "-S", "-c", program, str(int(LARGEST_SHARE * machine_memory()))],
            input=payload, env={**os.environ, **own}, capture_output=True, timeout=_LONGEST_S, check=False,
        ).returncode  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    except (OSError, ValueError):  # no such interpreter, as in a program that was frozen
        return True
    return code in (0, _NOT_TRIED)
