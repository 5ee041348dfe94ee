"""The textbook's gradient by central differences: perturb a coordinate, call f, restore the coordinate.

Design:
a. *Line* and *argument* are separate. The line is the memory that is perturbed; the argument is the object that f is
   called with. For one point both are the point, for a batch both are the row.
b. A coordinate gets its saved value back; subtracting the step would round.
c. The formula is literally ``(f(x + h) - f(x - h)) / (2 * h)``: for doubles it gives the bits of `gradfast.reference`.
"""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.function cimport PyFunction_Check
from cpython.method cimport PyMethod_Check
from cpython.object cimport PyObject
from libc.math cimport isfinite

from gradfast._kernels.evaluator cimport Evaluator
from gradfast._kernels.memory cimport Memory, address, data_of, form_of, is_at_home, shape_in
from gradfast._kernels.moves cimport Moves
from gradfast._kernels.native_function cimport names_nothing
from gradfast._kernels.returned_value cimport (
    PY_VECTORCALL_ARGUMENTS_OFFSET, caller_of, let_others_run, read, vectorcallfunc,
)
from gradfast._kernels.operator_kinds cimport GradientOperator
from gradfast._kernels.steps_and_bounds cimport Stencil, first_swallowed, real, value

# How a gradient is made of moves, whatever f is.
cdef GradientOperator GRADIENT = GradientOperator.__new__(GradientOperator)

import numpy as np
from numpy import empty, ndarray

from gradfast._kernels.memory import add_note, cannot_be_moved, f_changed, form_changed, name_at

# What became of a coordinate that was moved up and down.
cdef enum Outcome:
    MOVED, SWALLOWED, CHANGED, FREED        # by rounding; by f; its memory, by f


def by_differences(f, argument, x, double h, bint has_rows):
    """Return the derivatives along each coordinate of x, and the index of the first whose step rounding swallowed.

    f is called with the argument, whose memory x shows; if that is a batch, with one row after the other. The index is
    -1 if no step was swallowed, and -2 if all derivatives are 0 besides, of an f that may not see what is moved.
    An x that f changed is put back, with a ValueError; after another exception, x is as it was.
    """
    cdef Evaluator e = Evaluator.__new__(Evaluator)  # which takes x's memory, and sees whether f changed it
    cdef Py_ssize_t swallowed
    if not e.open(x, True, None):
        raise cannot_be_moved(x)
    gradient = empty(x.shape, x.dtype)
    try:
        if e.kind == c"d":
            swallowed = differentiate(f, argument, &e.memory, h, has_rows, <double *>data_of(gradient))
        elif e.kind == c"f":
            swallowed = differentiate(f, argument, &e.memory, h, has_rows, <float *>data_of(gradient))
        else:
            swallowed = differentiate(f, argument, &e.memory, h, has_rows, <long double *>data_of(gradient))
        e.close()
    except BaseException:
        e.put_back()
        raise
    return gradient, swallowed


cdef Py_ssize_t differentiate(
    f, argument, const Memory *memory, double h, bint has_rows, real *out  # OUT: out
) except? -3:
    cdef Py_ssize_t i = 0, swallowed = -1, width = memory.shape[1] if has_rows else memory.count
    cdef bint is_flat = True
    cdef double moved = 0
    cdef Outcome outcome
    cdef vectorcallfunc call = caller_of(f)
    cdef PyObject *stack[2]
    cdef size_t form = 0
    cdef bint looks_for_signals = not (PyFunction_Check(f) or PyMethod_Check(f))  # a C function does not notice Ctrl-C
    batch = argument
    stack[1] = <PyObject *>argument
    try:
        for i in range(memory.count):
            if has_rows and i % width == 0:
                if form and form_of(argument) != form:
                    raise form_changed()
                argument = batch[i // width]
                stack[1] = <PyObject *>argument
                form = form_of(argument) if isinstance(argument, ndarray) else 0
            outcome = central_difference(f, call, stack, memory, <real *>address(memory, i), h, &out[i], &moved)
            if outcome == CHANGED:
                raise f_changed(name_at(np.unravel_index(i, shape_in(memory))))
            if outcome == FREED:
                raise form_changed()
            if outcome == SWALLOWED and swallowed < 0:
                swallowed = i
            is_flat = is_flat and out[i] == 0
            if looks_for_signals:
                let_others_run()
    except Exception as error:
        if moved != 0:  # while f was called
            add_note(error, f"f raised this with {name_at(np.unravel_index(i, shape_in(memory)))} moved by {moved:.3g}")
        raise
    if form and form_of(argument) != form:
        raise form_changed()
    return swallowed if swallowed >= 0 or not is_flat or names_nothing(f) else -2


cdef inline Outcome central_difference(
    f, vectorcallfunc call, PyObject **stack, const Memory *memory, real *coordinate, double h, real *derivative,
    double *moved,
) except? CHANGED:  # OUT: derivative; moved, by how much while f is called, and 0 otherwise
    """Move a coordinate of f's argument up and down; it must be where it was put after each call."""
    cdef real saved = coordinate[0], up = <real>(saved + h), down = <real>(saved - h)
    cdef double above, below
    cdef long double above_of_longs, below_of_longs
    try:
        coordinate[0], moved[0] = up, h
        if real is float or real is double:
            call_and_read(f, call, stack, &above, moved)
        else:
            call_and_read(f, call, stack, &above_of_longs, moved)
        if not is_at_home(memory):
            return FREED
        if coordinate[0] != up and up == up:
            return CHANGED
        coordinate[0], moved[0] = down, -h
        if real is float or real is double:
            call_and_read(f, call, stack, &below, moved)
            derivative[0] = <real>((above - below) / (2 * h))
        else:
            call_and_read(f, call, stack, &below_of_longs, moved)
            derivative[0] = (above_of_longs - below_of_longs) / (2 * h)
        if not is_at_home(memory):
            return FREED
        if coordinate[0] != down and down == down:
            return CHANGED
    finally:
        if is_at_home(memory):
            coordinate[0] = saved
    return SWALLOWED if (up == saved or down == saved) and isfinite(saved) else MOVED


cdef inline int call_and_read(
    f, vectorcallfunc call, PyObject **stack, value *number, double *moved  # OUT: number, moved
) except -1:
    """Call f and read what it returns, nearly always a float."""
    found = call(<PyObject *>f, &stack[1], 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL)
    moved[0] = 0
    return read(found, number)


def by_moves(Evaluator e not None, double h, Stencil stencil not None):
    """Return the derivatives along each coordinate, flat, of f as an evaluator calls it, and a coordinate.

    That is the first whose step rounding swallowed; else -2 if all derivatives are 0, and -1 if not.
    """
    cdef Py_ssize_t swallowed
    cdef bint is_wide = e.kind == c"g"
    cdef long double wide = h
    cdef bytes steps = PyBytes_FromStringAndSize(<char *>&wide if is_wide else <char *>&h, e.value_size) * e.n
    result = GRADIENT.results_of(e, (Moves.of(GRADIENT.groups(e), steps, is_wide, stencil),), NULL, None)
    e.close()
    if is_wide:
        swallowed = first_swallowed[cython.longdouble](<const long double *>e.before, e.n, h)
    elif e.kind == c"f":
        swallowed = first_swallowed[float](<const float *>e.before, e.n, h)
    else:
        swallowed = first_swallowed[double](<const double *>e.before, e.n, h)
    return result, swallowed if swallowed >= 0 or e.value_everywhere is None else -2
