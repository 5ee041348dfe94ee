"""The textbook's gradient by central differences: perturb a coordinate, call f, restore the coordinate.

Design:
a. *Line* and *argument* are separate. The line is the memory that is perturbed; the argument is the object that f is
   called with. For one point both are the point, for a batch both are the row.
b. A coordinate gets its saved value back; subtracting the step would round.
c. The formula is literally ``(f(x + h) - f(x - h)) / (2 * h)``: for doubles it gives the bits of `gradfast.reference`.
"""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from cpython.function cimport PyFunction_Check
from cpython.method cimport PyMethod_Check
from libc.math cimport isfinite

from gradfast._kernels.evaluator cimport Evaluator
from gradfast._kernels.memory cimport Fields, form_of, owner_of
from gradfast._kernels.moves cimport Moves
from gradfast._kernels.number cimport read
from gradfast._kernels.operator cimport names_nothing
from gradfast._kernels.operator_kinds cimport GradientOperator
from gradfast._kernels.step_rule cimport first_swallowed, real
from gradfast._kernels.stencil cimport Stencil

# How a gradient is made of moves, whatever f is.
cdef GradientOperator GRADIENT = GradientOperator.__new__(GradientOperator)

from numpy import ndarray

from gradfast._kernels.memory import f_changed, form_changed, name_at

# What became of a coordinate that was moved up and down.
cdef enum Outcome:
    MOVED, SWALLOWED, CHANGED, FREED        # by rounding; by f; its memory, by f


def _point(f, argument, real[:] line, double h, real[:] out):  # OUT: out
    """Write the derivative along each coordinate of a line; return the first whose step rounding swallowed.

    That is -1 if there is none, and -2 if all derivatives are 0 besides, of an f that may not see what is moved.
    """
    cdef Py_ssize_t i, swallowed = -1
    cdef bint is_flat = True
    cdef Outcome outcome
    cdef const Fields *owner = owner_of(argument)
    cdef bint looks_for_signals = not (PyFunction_Check(f) or PyMethod_Check(f))  # a C function does not notice Ctrl-C
    for i in range(line.shape[0]):
        outcome = central_difference(f, argument, owner, &line[i], h, &out[i])
        if outcome >= CHANGED:
            raise f_changed(name_at((i,))) if outcome == CHANGED else form_changed()
        if outcome == SWALLOWED and swallowed < 0:
            swallowed = i
        is_flat = is_flat and out[i] == 0
        if looks_for_signals:
            PyErr_CheckSignals()
    return swallowed if swallowed >= 0 or not is_flat or names_nothing(f) else -2


def _rows(f, batch, real[:, :] rows, double h, real[:, :] out):  # OUT: out
    """Do so for each row of a batch, with ``f(batch[i])``; a swallowed step is counted through the rows."""
    cdef Py_ssize_t i, j, swallowed = -1
    cdef bint is_flat = True
    cdef Outcome outcome
    cdef const Fields *owner = owner_of(batch)
    cdef size_t form
    cdef bint looks_for_signals = not (PyFunction_Check(f) or PyMethod_Check(f))
    for i in range(rows.shape[0]):
        row = batch[i]
        form = form_of(row) if isinstance(row, ndarray) else 0
        for j in range(rows.shape[1]):
            outcome = central_difference(f, row, owner, &rows[i, j], h, &out[i, j])
            if outcome >= CHANGED:
                raise f_changed(name_at((i, j))) if outcome == CHANGED else form_changed()
            if outcome == SWALLOWED and swallowed < 0:
                swallowed = i * rows.shape[1] + j
            is_flat = is_flat and out[i, j] == 0
            if looks_for_signals:
                PyErr_CheckSignals()
        if form and form_of(row) != form:
            raise form_changed()
    return swallowed if swallowed >= 0 or not is_flat or names_nothing(f) else -2


cdef inline Outcome central_difference(
    f, argument, const Fields *owner, real *coordinate, double h, real *derivative
) except? CHANGED:  # OUT: derivative
    """Move a coordinate of f's argument up and down; it must be where it was put after each call."""
    cdef const char *home = owner.data
    cdef real saved = coordinate[0], up = <real>(saved + h), down = <real>(saved - h)
    cdef double above, below
    cdef long double above_of_longs, below_of_longs
    try:
        coordinate[0] = up
        if real is float or real is double:
            read(f(argument), &above)
        else:
            read(f(argument), &above_of_longs)
        if owner.data != home:
            return FREED
        if coordinate[0] != up and up == up:
            return CHANGED
        coordinate[0] = down
        if real is float or real is double:
            read(f(argument), &below)
            derivative[0] = <real>((above - below) / (2 * h))
        else:
            read(f(argument), &below_of_longs)
            derivative[0] = (above_of_longs - below_of_longs) / (2 * h)
        if owner.data != home:
            return FREED
        if coordinate[0] != down and down == down:
            return CHANGED
    finally:
        if owner.data == home:
            coordinate[0] = saved
    return SWALLOWED if (up == saved or down == saved) and isfinite(saved) else MOVED


def by_moves(Evaluator e not None, double h, Stencil stencil not None):
    """Return the derivatives along each coordinate, flat, of f as an evaluator calls it, and which step was swallowed first.

    That is -2 if all derivatives are 0, -1 if none was.
    """
    cdef Py_ssize_t swallowed
    cdef bint is_wide = e.kind == c"g"
    cdef long double wide = h
    cdef bytes steps = PyBytes_FromStringAndSize(<char *>&wide if is_wide else <char *>&h, e.value_size) * e.n
    try:
        result = GRADIENT.combined(e, (Moves.of(GRADIENT.groups(e), steps, is_wide, stencil),), NULL, None)
    except BaseException:
        e.put_back()
        raise
    e.close()
    if is_wide:
        swallowed = first_swallowed[cython.longdouble](<const long double *>e.before, e.n, h)
    elif e.kind == c"f":
        swallowed = first_swallowed[float](<const float *>e.before, e.n, h)
    else:
        swallowed = first_swallowed[double](<const double *>e.before, e.n, h)
    return result, swallowed if swallowed >= 0 or e.unmoved is None else -2


# One entry for each dtype.char of x: a fused function would look for its types at every call.
POINT = {"f": _point["float"], "d": _point["double"], "g": _point["long double"]}
ROWS = {"f": _rows["float"], "d": _rows["double"], "g": _rows["long double"]}
