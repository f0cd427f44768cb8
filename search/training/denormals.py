"""Numbers so near zero that the processor computes them a hundred times more slowly are taken for zero.

A network that fits its rows has gradients that shrink without end, and a unit that no row turns on leaves Adam an average
that only halves; below 1e-38 both are denormal. TensorFlow flushes them, too. The state belongs to the thread, so who
sets it puts back what was there.

Source: Intel, Software Developer's Manual, volume 1, section 10.2.3 (MXCSR); Arm, Architecture Reference Manual, FPCR.
"""

from __future__ import annotations

import platform
from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["flush", "restore"]

_WORD, _LONG = ir.IntType(32), ir.IntType(64)
_POINTER: Final = ir.IntType(8).as_pointer()

_MXCSR_ZEROS: Final = 0x8040
"""Flush to zero, and denormals are zeros."""

_FPCR_ZEROS: Final = 1 << 24
"""Flush to zero."""

_MACHINE: Final = platform.machine().lower()
_IS_X86, _IS_ARM = _MACHINE in ("x86_64", "amd64", "i386", "i686"), _MACHINE in ("aarch64", "arm64")


@intrinsic  # type: ignore[untyped-decorator]
def flush(typing_context: Any) -> Any:  # noqa: ARG001  (Numba's form)
    """Take denormal numbers for zero in this thread from here on.

    Returns:
        What was set before, for `restore`. On other processors than x86 and Arm nothing is set.
    """

    def codegen(_context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        before = _state(builder)
        _set_state(builder, builder.or_(before, _LONG(_MXCSR_ZEROS if _IS_X86 else _FPCR_ZEROS)))
        return before

    return types.int64(), codegen


@intrinsic  # type: ignore[untyped-decorator]
def restore(typing_context: Any, state: Any) -> Any:  # noqa: ARG001
    """Put back what `flush` found."""

    def codegen(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        _set_state(builder, arguments[0])
        return context.get_dummy_value()

    return types.none(types.int64), codegen


def _state(builder: Any) -> Any:
    """The register, as 64 bits."""
    if _IS_X86:
        place = builder.alloca(_WORD)
        builder.call(_function(builder, "llvm.x86.sse.stmxcsr", ir.VoidType(), _POINTER), [builder.bitcast(place, _POINTER)])
        return builder.zext(builder.load(place), _LONG)
    if _IS_ARM:
        return builder.call(_function(builder, "llvm.aarch64.get.fpcr", _LONG), [])
    return _LONG(0)


def _set_state(builder: Any, state: Any) -> None:
    if _IS_X86:
        place = builder.alloca(_WORD)
        builder.store(builder.trunc(state, _WORD), place)
        builder.call(_function(builder, "llvm.x86.sse.ldmxcsr", ir.VoidType(), _POINTER), [builder.bitcast(place, _POINTER)])
    elif _IS_ARM:
        builder.call(_function(builder, "llvm.aarch64.set.fpcr", ir.VoidType(), _LONG), [state])


def _function(builder: Any, name: str, returns: Any, *takes: Any) -> Any:
    """One of LLVM's own, declared once a module."""
    known = builder.module.globals.get(name)
    return known or ir.Function(builder.module, ir.FunctionType(returns, takes), name)
