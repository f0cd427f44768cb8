"""The innermost loops of a convolution: sums that stay in registers from their first term to their last.

    tile_of(n)(...)         n rows of output for `TILE` numbers, over all places that are looked at
    products_of(n)(...)     n rows of output with `N_PLACES` places of input, summed over a strip of numbers

Numba's loops become vector code of one loop only, and keep sums in memory. Here several loops share what they load:
`MOST_ROWS` rows times a few vectors of sums fill the processor's registers, so that a number that is loaded takes part
in several products. Vectors are as long as the processor's own.

Source: Zhang, Franchetti, Low 2018, arXiv 1809.10170 (direct convolution without patches); Goto and van de Geijn 2008,
Anatomy of high-performance matrix multiplication, section 4 (what registers are for).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["MOST_ROWS", "N_PLACES", "TILE", "VECTOR", "products_of", "tile_of"]


def _vector() -> tuple[int, int]:
    """Numbers of a vector of this processor, and vectors a tile has: those that its registers hold `MOST_ROWS` of."""
    try:
        has = llvm.get_host_cpu_features()
    except RuntimeError:  # a processor that LLVM does not know
        return 4, 2
    if has.get("avx512f"):
        return 16, 4
    if has.get("avx"):
        return 8, 2
    return (4, 4) if has.get("neon") else (4, 2)


VECTOR, _N_VECTORS = _vector()

TILE: Final = VECTOR * _N_VECTORS
"""Numbers of a row of output that are computed at once."""

MOST_ROWS: Final = 6
"""Rows of output that are computed at once, at most. choice: 6 x 4 sums of 32 registers, 6 x 2 of 16."""

N_PLACES: Final = _N_VECTORS
"""Rows of input that meet rows of output at once in `products_of`."""

_FLOAT, _LONG = ir.FloatType(), ir.IntType(64)
_VECTOR_TYPE = ir.VectorType(_FLOAT, VECTOR)
_FUSED: Final = ("contract",)


def tile_of(n_rows: int) -> Callable[..., None]:
    """A function that computes `n_rows` rows of output, `TILE` numbers of each.

    It is `tile(out, out_at, out_step, kernel, kernel_at, kernel_step, fed, fed_at, places, n_places)`, with flat arrays
    and where in them to begin: row r of the output is the sum, over places p, of the weight at `kernel_at + p *
    kernel_step + r` times the numbers of `fed` from `fed_at + places[p]` on.

    Args:
        n_rows: Rows, from 1 to `MOST_ROWS`.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def tile(
        _typing: Any, out: Any, out_at: Any, out_step: Any, kernel: Any, kernel_at: Any, kernel_step: Any,
        fed: Any, fed_at: Any, places: Any, n_places: Any,
    ) -> Any:  # fmt: skip
        del out_at, out_step, kernel_at, kernel_step, fed_at, n_places

        def codegen(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            arrays = {n: _data(context, builder, signature.args[n], given[n]) for n in (0, 3, 6, 8)}
            out_p, kernel_p, fed_p = (builder.gep(arrays[n], [given[n + 1]]) for n in (0, 3, 6))
            zeros = [ir.Constant(_VECTOR_TYPE, [0.0] * VECTOR)] * (n_rows * _N_VECTORS)
            with _loop(builder, given[9], ir.Constant(_LONG, 1), zeros) as (place, sums):
                offset = builder.load(builder.gep(arrays[8], [place]))
                read = [_load(builder, builder.gep(fed_p, [offset]), v * VECTOR) for v in range(_N_VECTORS)]
                weights = builder.gep(kernel_p, [builder.mul(place, given[5])])
                for row in range(n_rows):
                    weight = _spread(builder, builder.load(builder.gep(weights, [ir.Constant(_LONG, row)])))
                    for v in range(_N_VECTORS):
                        at = row * _N_VECTORS + v
                        sums[at] = _fma(builder, weight, read[v], sums[at])
            for row in range(n_rows):
                row_p = builder.gep(out_p, [builder.mul(given[2], ir.Constant(_LONG, row))])
                for v in range(_N_VECTORS):
                    _store(builder, sums[row * _N_VECTORS + v], row_p, v * VECTOR)
            return context.get_dummy_value()

        whole = types.int64
        return types.none(out, whole, whole, kernel, whole, whole, fed, whole, places, whole), codegen

    made: Callable[..., None] = tile
    return made


def products_of(n_rows: int) -> Callable[..., None]:
    """A function that sums products of `n_rows` rows of gradients with `N_PLACES` rows of input over a strip.

    It is `products(sums, sums_at, sums_step, d, d_at, d_step, d_line, fed, fed_at, fed_line, places, places_at,
    n_lines, length)`. A strip is `n_lines` lines of `length` numbers, a multiple of `VECTOR`, which begin `d_line` and
    `fed_line` after each other. To the vector at `sums_at + p * sums_step + r * VECTOR` come the products of row r of
    the gradient, which begins at `d_at + r * d_step`, with the input that begins at `fed_at + places[places_at + p]`.

    Args:
        n_rows: Rows, from 1 to `MOST_ROWS`.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def products(
        _typing: Any, sums: Any, sums_at: Any, sums_step: Any, d: Any, d_at: Any, d_step: Any, d_line: Any,
        fed: Any, fed_at: Any, fed_line: Any, places: Any, places_at: Any, n_lines: Any, length: Any,
    ) -> Any:  # fmt: skip
        del sums_at, sums_step, d_at, d_step, d_line, fed_at, fed_line, places_at, n_lines, length

        def codegen(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            arrays = {n: _data(context, builder, signature.args[n], given[n]) for n in (0, 3, 7, 10)}
            sums_p, d_p, fed_p = (builder.gep(arrays[n], [given[n + 1]]) for n in (0, 3, 7))
            places_p = builder.gep(arrays[10], [given[11]])
            found = [
                builder.gep(fed_p, [builder.load(builder.gep(places_p, [ir.Constant(_LONG, p)]))])
                for p in range(N_PLACES)
            ]
            rows = [builder.gep(d_p, [builder.mul(given[5], ir.Constant(_LONG, row))]) for row in range(n_rows)]
            at = [builder.gep(sums_p, [builder.mul(given[2], ir.Constant(_LONG, p))]) for p in range(N_PLACES)]
            start = [_load(builder, at[p], row * VECTOR) for row in range(n_rows) for p in range(N_PLACES)]
            one, step = ir.Constant(_LONG, 1), ir.Constant(_LONG, VECTOR)
            with _loop(builder, given[12], one, start) as (line, lines_totals):
                d_offset, fed_offset = builder.mul(line, given[6]), builder.mul(line, given[9])
                with _loop(builder, given[13], step, lines_totals) as (number, totals):
                    fed_place, d_place = builder.add(fed_offset, number), builder.add(d_offset, number)
                    read = [_load(builder, builder.gep(each, [fed_place]), 0) for each in found]
                    for row in range(n_rows):
                        slope = _load(builder, builder.gep(rows[row], [d_place]), 0)
                        for p in range(N_PLACES):
                            totals[row * N_PLACES + p] = _fma(builder, slope, read[p], totals[row * N_PLACES + p])
                lines_totals[:] = totals
            for row in range(n_rows):
                for p in range(N_PLACES):
                    _store(builder, lines_totals[row * N_PLACES + p], at[p], row * VECTOR)
            return context.get_dummy_value()

        whole = types.int64
        arguments = (
            sums, whole, whole, d, whole, whole, whole, fed, whole, whole, places, whole, whole, whole,
        )  # fmt: skip
        return types.none(*arguments), codegen

    made: Callable[..., None] = products
    return made


# --- how they are written for LLVM -----------------------------------------------------------------------------------


@contextmanager
def _loop(builder: Any, stop: Any, step: Any, carried: list[Any]) -> Iterator[tuple[Any, list[Any]]]:
    """A loop from 0 to `stop`, which runs once at least, with values that every round hands to the next.

    Yields:
        The number of the round, and the values; put the new ones in their place. After the loop they are the last.
    """
    before, body = builder.block, builder.append_basic_block("tile.body")
    after = builder.append_basic_block("tile.after")
    builder.branch(body)
    builder.position_at_end(body)
    number = builder.phi(_LONG)
    number.add_incoming(ir.Constant(_LONG, 0), before)
    phis = []
    for value in carried:
        phi = builder.phi(value.type)
        phi.add_incoming(value, before)
        phis.append(phi)
    values = list(phis)
    yield number, values
    following = builder.add(number, step)
    builder.cbranch(builder.icmp_signed("<", following, stop), body, after)
    number.add_incoming(following, builder.block)
    for phi, value in zip(phis, values, strict=True):
        phi.add_incoming(value, builder.block)
    builder.position_at_end(after)


def _data(context: Any, builder: Any, array: Any, value: Any) -> Any:
    """Where the numbers of an array begin."""
    return context.make_array(array)(context, builder, value).data


def _load(builder: Any, pointer: Any, offset: int) -> Any:
    """A vector, wherever it begins."""
    place = builder.gep(pointer, [ir.Constant(_LONG, offset)])
    return builder.load(builder.bitcast(place, _VECTOR_TYPE.as_pointer()), align=4)


def _store(builder: Any, value: Any, pointer: Any, offset: int) -> None:
    place = builder.gep(pointer, [ir.Constant(_LONG, offset)])
    builder.store(value, builder.bitcast(place, _VECTOR_TYPE.as_pointer()), align=4)


def _spread(builder: Any, number: Any) -> Any:
    """A vector of one number."""
    nothing = ir.Constant(_VECTOR_TYPE, ir.Undefined)
    first = builder.insert_element(nothing, number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(ir.IntType(32), VECTOR), [0] * VECTOR))


def _fma(builder: Any, one: Any, two: Any, total: Any) -> Any:
    """Product and sum, one instruction where the processor has it."""
    return builder.fadd(builder.fmul(one, two, flags=_FUSED), total, flags=_FUSED)
