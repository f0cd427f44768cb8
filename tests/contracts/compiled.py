"""Parts of a lane's programs, as tests call them."""

from __future__ import annotations

from typing import Any

import numba

__all__ = ["callable_part"]


def callable_part(part: Any) -> Any:
    """A function that Python can call and that does what a part of a program does."""

    @numba.njit(error_model="numpy")  # type: ignore[untyped-decorator]
    def call(*arguments: Any) -> Any:
        return part(*arguments)

    return call
