"""What a lane asks of the compiler that Python has no word for.

    found = flush()         denormal numbers are zeros in this thread from here on
    restore(found)          ... and no longer
    unowned(array)          the same memory, to which no references are counted

Numbers below 1e-38 are computed a hundred times more slowly than others. A network that fits its rows has gradients
that shrink without end, and what Adam remembers of a unit that no row turns on only fades; TensorFlow takes both for
zero, too. The state is a thread's own, so who sets it puts back what was there.

Source: Intel, Software Developer's Manual, volume 1, section 10.2.3 (MXCSR); Arm, Architecture Reference Manual, FPCR.
"""

from __future__ import annotations

import platform
from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["flush", "restore", "unowned"]

_WORD, _LONG, _POINTER = ir.IntType(32), ir.IntType(64), ir.IntType(8).as_pointer()

_MACHINE: Final = platform.machine().lower()
_IS_X86, _IS_ARM = _MACHINE in ("x86_64", "amd64"), _MACHINE in ("aarch64", "arm64")

_ZEROS: Final = 0x8040 if _IS_X86 else 1 << 24
"""Results that are denormal are zeros; on x86 what is read, too, which is one switch on Arm."""


@intrinsic  # type: ignore[untyped-decorator]
def flush(typing_context: Any) -> Any:  # noqa: ARG001  (Numba's form)
    """Take denormal numbers for zero in this thread from here on.

    Returns:
        What was set before, for `restore`. On other processors than x86 and Arm nothing is set.
    """

    def codegen(_context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        before = _state(builder)
        _set_state(builder, builder.or_(before, _LONG(_ZEROS)))
        return before

    return types.int64(), codegen


@intrinsic  # type: ignore[untyped-decorator]
def restore(typing_context: Any, state: Any) -> Any:  # noqa: ARG001
    """Put back what `flush` found."""

    def codegen(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        _set_state(builder, arguments[0])
        return context.get_dummy_value()

    return types.none(types.int64), codegen


@intrinsic  # type: ignore[untyped-decorator]
def unowned(typing_context: Any, array: Any) -> Any:  # noqa: ARG001
    """The same memory, to which Numba counts no references; whoever called keeps it alive.

    Every view of a layer is counted up and down by instructions that wait for the other cores: a fifth of the time of
    a narrow network.
    """

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        view.meminfo = cgutils.get_null_value(view.meminfo.type)
        return view._getvalue()

    return array(array), codegen


def _state(builder: Any) -> Any:
    """What the processor does with numbers, as 64 bits."""
    if _IS_X86:
        place = builder.alloca(_WORD)
        _call(builder, "llvm.x86.sse.stmxcsr", ir.VoidType(), builder.bitcast(place, _POINTER))
        return builder.zext(builder.load(place), _LONG)
    return _call(builder, "llvm.aarch64.get.fpcr", _LONG) if _IS_ARM else _LONG(0)


def _set_state(builder: Any, state: Any) -> None:
    if _IS_X86:
        place = builder.alloca(_WORD)
        builder.store(builder.trunc(state, _WORD), place)
        _call(builder, "llvm.x86.sse.ldmxcsr", ir.VoidType(), builder.bitcast(place, _POINTER))
    elif _IS_ARM:
        _call(builder, "llvm.aarch64.set.fpcr", ir.VoidType(), state)


def _call(builder: Any, name: str, returns: Any, *arguments: Any) -> Any:
    """A function of LLVM's own, declared once a module."""
    takes = [argument.type for argument in arguments]
    known = builder.module.globals.get(name)
    return builder.call(known or ir.Function(builder.module, ir.FunctionType(returns, takes), name), arguments)
