"""Derivatives from f's values: the weighted sums of a stencil, divided by powers of the steps::

    derivative = sum of weight[k] * f(x + node[k] * h) / (denominator * h**n)

`combine_numbers` is that for an f of one number. Every derivative by differences is computed here, so that these rules
stand once:

a. A sum starts from -0.0, or from f(x) times its weight: adding to -0.0 keeps the sign of every zero, adding to 0.0
   does not.
b. Values are added in the order of the stencil's nodes, and the sum is divided once.
c. What f returns passes through, inf and NaN too, each in its own row alone.
"""

cimport cython
from libc.math cimport isfinite
from libc.string cimport memcmp

from gradfast._kernels.memory cimport data_of, new_array, size_of
from gradfast._kernels.moves cimport EACH, Groups, Moves, Span
from gradfast._kernels.steps_and_bounds cimport Stencil, all_finite, divisor, value

from math import prod

import numpy as np


cdef void combine(
    const char *values, Py_ssize_t width, const char *center, Py_ssize_t point_size, Moves moves,
    Py_ssize_t first, Py_ssize_t last, Division division, Py_ssize_t first_group, char *out,  # OUT: out
) noexcept:
    if moves.is_wide:
        combine_as[cython.longdouble](
            <const long double *>values, width, <const long double *>center, point_size, moves,
            first, last, division, first_group, <long double *>out,
        )
    else:
        combine_as[double](
            <const double *>values, width, <const double *>center, point_size, moves,
            first, last, division, first_group, <double *>out,
        )


cdef void combine_as(
    const value *values, Py_ssize_t width, const value *center, Py_ssize_t point_size, Moves moves,
    Py_ssize_t first, Py_ssize_t last, Division division, Py_ssize_t first_group, value *out,  # OUT: out
) noexcept:
    cdef Stencil stencil = moves.stencil
    cdef Groups groups = moves.groups
    cdef const value *steps = <const value *>moves.steps
    cdef const value *at_x = center
    cdef value *sums = NULL
    cdef Py_ssize_t row, i = 0, size = stencil.size, g = first // size, k = first % size
    cdef bint has_centers = center is not NULL and point_size < groups.coordinates  # of a batch, one a point
    if width == 1 and division == BY_GROUP and groups.kind == EACH and k == 0 and last % size == 0 and not has_centers:
        combine_numbers(values, center, stencil, groups, steps, g, last // size, out)
        return
    cdef Span span
    for row in range(last - first):
        if k == 0 or row == 0:
            span = groups.span(g)
            i = groups.member(span, 0)
            sums = out + place_of(division, g - first_group, i, width)
            if has_centers:
                at_x = center + i // point_size * width
        if division == BY_MEMBER and span.stride != 1:
            add(values + row * width, span.count, at_x, stencil, k, sums, span.stride)
        elif division == BY_MEMBER:
            add(values + row * width, span.count, at_x, stencil, k, sums, 1)  # which C compilers vectorize
        else:
            add(values + row * width, width, at_x, stencil, k, sums, 1)
        k += 1
        if k == size:
            if division == BY_GROUP or division == IN_ROWS:
                divide(sums, width, divisor(stencil, steps[i]))
            elif division == BY_MEMBER:
                divide_members(sums, span, stencil, steps + i)
            elif division == ALONG:
                divide(sums, width, divisor(stencil, <value>moves.along_step))
            k, g = 0, g + 1


cdef inline Py_ssize_t place_of(Division division, Py_ssize_t group, Py_ssize_t coordinate, Py_ssize_t width) noexcept:
    """Return where the results of a group stand."""
    if division == BY_GROUP:
        return coordinate * width
    if division == BY_MEMBER:
        return coordinate
    return group * width


cdef void combine_numbers(
    const value *values, const value *center, Stencil stencil, Groups groups, const value *steps,
    Py_ssize_t first, Py_ssize_t last, value *out,  # OUT: out
) noexcept:
    """Write the derivatives of an f of one number, each coordinate moved alone: the commonest case.

    This is ``sum of weight[k] * f(x + node[k] * h) / (denominator * h**n)``, in registers.
    """
    cdef Py_ssize_t g, i, k, size = stencil.size
    cdef const double *weights = stencil.weight
    cdef value start = -0.0 if stencil.center == 0 else stencil.center * center[0], total
    for g in range(first, last):
        i = g if groups.list is NULL else groups.list[g]
        total = start
        for k in range(size):
            total += weights[k] * values[k]  # f(x + node[k] * h)
        out[i] = total / divisor(stencil, steps[i])  # denominator * h**n
        values += size


cdef inline void add(
    const value *values, Py_ssize_t width, const value *center, Stencil stencil, Py_ssize_t k,
    value *sums, Py_ssize_t stride,  # OUT: sums
) noexcept:
    """Add the values at the k-th node to sums a stride apart; the first begins them."""
    cdef Py_ssize_t j
    cdef value weight = stencil.weight[k], at_x = stencil.center
    if k:
        for j in range(width):
            sums[j * stride] += weight * values[j]
    elif at_x == 0:
        for j in range(width):
            sums[j * stride] = -0.0 + weight * values[j]
    else:
        for j in range(width):
            sums[j * stride] = at_x * center[j] + weight * values[j]


cdef inline void divide(value *sums, Py_ssize_t width, value by) noexcept:  # OUT: sums
    cdef Py_ssize_t j
    for j in range(width):
        sums[j] /= by


cdef void divide_members(value *sums, Span span, Stencil stencil, const value *steps) noexcept:  # OUT: sums
    """Divide the sum of each coordinate of a group by its own step."""
    cdef Py_ssize_t j, i
    cdef value by = stencil.denominator
    if stencil.n == 1 and span.stride == 1:
        for j in range(span.count):
            sums[j] /= by * steps[j]
        return
    i = 0
    for j in range(span.count):
        sums[i] /= by * steps[i] if stencil.n == 1 else divisor(stencil, steps[i])
        i += span.stride


cdef int second_derivatives(char *sums, Moves moves) except -1:  # OUT: sums
    """Turn sums along one coordinate and along two to second derivatives.

    ``H[i, j] = (D(i + j) - (D(i) + D(j))) / 2 / (denominator * h_i * h_j)``: Nocedal and Wright, "Numerical
    Optimization", 2nd ed., Springer (2006), section 8.1.
    """
    alone = new_array(moves.groups.coordinates, -1, moves.is_wide)
    if moves.is_wide:
        second_derivatives_as[cython.longdouble](<long double *>sums, moves, <long double *>data_of(alone))
    else:
        second_derivatives_as[double](<double *>sums, moves, <double *>data_of(alone))
    return 0


cdef void second_derivatives_as(value *sums, Moves moves, value *alone) noexcept:  # OUT: sums, alone
    cdef Groups groups = moves.groups
    cdef const value *steps = <const value *>moves.steps
    cdef Py_ssize_t g, i, j
    cdef Span span
    for g in range(groups.count):
        span = groups.span(g)
        if span.count == 1:
            alone[groups.member(span, 0)] = sums[g]
    for g in range(groups.count):
        span = groups.span(g)
        j, i = groups.member(span, 0), groups.member(span, span.count - 1)
        if span.count == 2:
            sums[g] = (sums[g] - (alone[i] + alone[j])) / 2
        sums[g] /= moves.stencil.denominator * steps[i] * steps[j]


def combined(values, Moves moves not None, center=None, bint divided=True, point_size=None):
    """Return the derivative that each group of moves gives, or its weighted sum, not divided; a row for each group.

    Values are what an evaluator gave for these moves, whole groups of them; center is f's value at x, for stencils that
    need it, or one row of values for each `point_size` coordinates.
    """
    dtype = np.longdouble if moves.is_wide else np.float64
    values = np.asarray(values)
    shape = values.shape[1:]
    flat = np.ascontiguousarray(values, dtype).reshape(moves.last - moves.first, prod(shape))
    sums = np.empty((flat.shape[0] // moves.stencil.size, flat.shape[1]), dtype)
    at_x = None if center is None or moves.stencil.center == 0 else np.ascontiguousarray(center, dtype).reshape(-1)
    cdef const char *from_center = NULL if at_x is None else data_of(at_x)
    cdef Division division = UNDIVIDED if not divided else IN_ROWS if moves.along is None else ALONG
    combine(
        data_of(flat), flat.shape[1], from_center, moves.groups.coordinates if point_size is None else point_size,
        moves, moves.first, moves.last, division, moves.first // moves.stencil.size, data_of(sums),
    )
    return sums.reshape((len(sums), *shape))


cdef bint is_finite(results, Py_ssize_t value_size) noexcept:
    """Return whether no derivative is inf or NaN."""
    cdef Py_ssize_t i, count = size_of(results)
    if value_size == sizeof(double):
        return all_finite(<const double *>data_of(results), count)
    for i in range(count):
        if not isfinite((<const long double *>data_of(results))[i]):
            return False
    return True


cdef bint is_zero(results, Py_ssize_t value_size) noexcept:
    """Return whether all derivatives, and at least one, are 0; the first is seldom."""
    cdef Py_ssize_t i, count = size_of(results)
    for i in range(count):
        if value_size == sizeof(double) and (<const double *>data_of(results))[i] != 0:
            return False
        if value_size != sizeof(double) and (<const long double *>data_of(results))[i] != 0:
            return False
    return count > 0


cdef bint is_same(const char *one, const char *other, Py_ssize_t count, Py_ssize_t value_size) noexcept nogil:
    """Return whether numbers are the same: long doubles, which have bits that belong to no number, by their values."""
    cdef Py_ssize_t i
    if value_size == sizeof(double):
        return memcmp(one, other, count * value_size) == 0
    for i in range(count):
        if (<const long double *>one)[i] != (<const long double *>other)[i]:
            return False
    return True


def second_derivatives_of(sums, Moves moves not None):
    """Return the second derivatives that belong to sums along one coordinate and along two, one of each group."""
    found = np.array(sums, np.longdouble if moves.is_wide else np.float64).reshape(-1)
    if found.size:
        second_derivatives(data_of(found), moves)
    return found


def _scatter(
    const value[:, ::1] sums, const value[:] steps, Stencil stencil not None,
    const Py_ssize_t[::1] columns not None, const Py_ssize_t[::1] starts not None,
    const int[::1] entries not None, const int[::1] rows not None,
    const int[::1] places not None, const int[::1] mirrors not None, value[::1] data,  # OUT: data
):
    """Divide each sum that a color's columns caused, and write it to its place, and its mirror, in the CSR data.

    Row g of the sums belongs to columns[starts[g]:starts[g + 1]]; the entries of column j are those from entries[j] on.
    """
    cdef Py_ssize_t a, c, g, j
    cdef value by, derivative
    for g in range(sums.shape[0]):
        for c in range(starts[g], starts[g + 1]):
            j = columns[c]
            by = divisor(stencil, steps[j])
            for a in range(entries[j], entries[j + 1]):
                derivative = sums[g, rows[a]] / by
                data[places[a]] = derivative
                data[mirrors[a]] = derivative


SCATTER = {"f": _scatter["double"], "d": _scatter["double"], "g": _scatter["long double"]}
