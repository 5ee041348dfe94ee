from libc.math cimport isfinite

from gradfast._kernels.number cimport read
from gradfast._kernels.relative_step cimport real
from gradfast._kernels.stencil cimport Stencil, value


cdef inline value center_term(Stencil stencil, value at_center) noexcept:
    """Return what a stencil's sum starts from; adding to -0.0 keeps the sign of every zero, adding to 0.0 does not."""
    return stencil.center * at_center if stencil.center != 0 else -0.0


cdef inline bint weighted_sum(
    object f, object argument, real *coordinate, value step, const double[::1] nodes, const double[::1] weights,
    value start, value *total,  # OUT: total
) except -1:
    """Add to start f's values at a stencil's nodes along a coordinate; return whether rounding swallowed one of the moves."""
    cdef real saved = coordinate[0]
    cdef bint swallowed = False
    cdef Py_ssize_t k
    cdef value result
    total[0] = start
    try:
        for k in range(nodes.shape[0]):
            coordinate[0] = <real>(saved + nodes[k] * step)
            if coordinate[0] == saved and isfinite(saved):
                swallowed = True
            read(f(argument), &result)
            total[0] += weights[k] * result
    finally:
        coordinate[0] = saved
    return swallowed
