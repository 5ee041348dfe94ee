"""How an x is differentiated: stencils, rules of steps, plans of a method, which stencils fit within bounds."""

cimport cython
from libc.math cimport fabs, isfinite
from libc.stdint cimport uint64_t

cdef double SMALLEST_SCALE                  # LEAST_SCALE

ctypedef fused real:                        # what x may hold
    float
    double
    long double


ctypedef fused value:                       # what f's results are read as and computed with
    double
    long double


cdef union Bits:
    double number
    uint64_t pattern


@cython.final
cdef class Stencil:
    cdef readonly tuple nodes               # in units of the step, 0 left out
    cdef readonly tuple weights             # whole numbers: exact in every precision
    cdef readonly double denominator
    cdef readonly int n                     # derivative order
    cdef readonly double center             # the weight of f(x), whose node is 0
    cdef readonly Py_ssize_t size           # how many nodes there are
    cdef bint is_pair                       # f(x + h) - f(x - h)
    cdef const double *node                 # the same nodes and weights as C arrays
    cdef const double *weight
    cdef object _arrays                     # which own that memory


cdef inline value divisor(Stencil stencil, value step) noexcept nogil:
    """Return what a weighted sum of f's values is divided by: the denominator times step**n."""
    cdef int _
    cdef value product = stencil.denominator
    for _ in range(stencil.n):
        product *= step
    return product


@cython.final
cdef class Rule:
    cdef readonly double relative           # 0 if the step is absolute
    cdef double least_scale
    cdef double absolute

    # Write the step of each of n coordinates at x, times the sign. Return the first that rounding swallows; if there is
    # none, -1, or -2 if some coordinate is inf or NaN.
    cdef Py_ssize_t write(self, char kind, const void *x, Py_ssize_t n, double sign, void *steps) noexcept nogil


cdef inline bint all_finite(const double *numbers, Py_ssize_t count) noexcept nogil:
    """Return whether none is inf or NaN, whose exponents are all ones; in a form that C compilers vectorize."""
    cdef const uint64_t *patterns = <const uint64_t *>numbers
    cdef uint64_t overflow = 0
    cdef Py_ssize_t i
    for i in range(count):
        overflow |= (patterns[i] & 0x7FF0000000000000ULL) + 0x0010000000000000ULL
    return not overflow >> 63


cdef inline Py_ssize_t first_swallowed(const real *x, Py_ssize_t n, double h) noexcept nogil:
    """Return the first finite coordinate that rounding leaves where it is when h is added, or -1."""
    cdef Py_ssize_t i
    for i in range(n):
        if <real>(x[i] + h) == x[i] and isfinite(x[i]):
            return i
    return -1


cdef inline double power_of_two(double x) noexcept nogil:
    """Return the power of two nearest to a positive normal number, by ratio.

    The bits of a double are its exponent above those of its fraction: what lacks sqrt(2) to 2
    carries into the exponent, and the fraction is cut off. (frexp and ldexp take as long as f.)
    """
    cdef Bits bits
    bits.number = x
    bits.pattern = (bits.pattern + 0x00095F619980C433ULL) & 0x7FF0000000000000ULL
    return bits.number


cdef inline real relative_step(double relative, double least_scale, real x) noexcept nogil:
    """Return a power of two near relative * max(abs(x), least_scale), as x can be moved by exactly."""
    cdef real size = -x if x < 0 else x
    cdef real scale = size if size > least_scale and isfinite(size) else least_scale
    if scale > 1e300:
        return exact_step(size, <real>step_beyond_doubles(relative, scale))
    return exact_step(size, <real>power_of_two(relative * <double>scale))


cdef long double step_beyond_doubles(double relative, long double scale) noexcept nogil  # or near the largest of them


cdef inline real exact_step(real size, real step) noexcept nogil:
    """Return how far a coordinate of that size really moves; away from 0, for towards it the grid is no coarser."""
    cdef real away = size + step
    return away - size if isfinite(away) else step


@cython.final
cdef class Plan:                        # of a method, for one order of derivative and one precision of x
    cdef readonly Rule rule             # None if the method has a step for each coordinate
    cdef readonly tuple candidates         # (stencil, sign of the steps) to choose from, the preferred one first
    cdef readonly Stencil stencil       # the preferred one
    cdef double sign
    cdef bint by_precision              # whether the steps are made for a precision, and not as the caller asked


@cython.final
cdef class Box:                         # bounds
    cdef object lower, upper            # floats, or arrays of doubles with one axis
    cdef double lowest, highest         # the floats
    cdef const double *low
    cdef const double *high
    cdef Py_ssize_t low_stride, high_stride     # 0: one number for all coordinates
    cdef Py_ssize_t count               # of coordinates that it is for; -1: any

    cdef const double *numbers_of(self, side) except NULL
    cdef dict choose(self, tuple candidates, const double *x, Py_ssize_t n, double *steps)  # OUT: steps
    cdef bint is_far(self, char kind, const void *x, Py_ssize_t n, const void *steps, Stencil stencil) noexcept nogil


cdef inline int index_of(int n, char kind) noexcept nogil:
    """Return where a method keeps the plan of an order of derivative and a dtype.char."""
    return 4 * n + (0 if kind == c"d" else 1 if kind == c"f" else 2 if kind == c"g" else 3)
