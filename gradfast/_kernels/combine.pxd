"""Derivatives from f's values: the weighted sums of a stencil, divided by powers of the steps."""

from gradfast._kernels.moves cimport Moves


cdef enum Division:                     # by which step a sum is divided, and where the result is written
    BY_GROUP                            # one derivative a group and value, divided by the step of its coordinate
    BY_MEMBER                           # value k of a group is that of its k-th coordinate, and is divided by its step
    IN_ROWS                             # as BY_GROUP, in the order of the groups
    ALONG                               # of a direction: divided by the step of t
    UNDIVIDED                           # the weighted sum alone


# Add rows first to last - 1 of values (a row has `width`) to the results of their groups; the last of a group divides
# it. Of a stencil that needs f at x, `center` holds a row: of a batch one for every `point_size` coordinates. Results
# go to out[i * width + j] for coordinate i, BY_MEMBER to out[i], otherwise to out[(group - first_group) * width + j].
# Values and results are doubles, or long doubles if steps are.
cdef void combine(
    const char *values, Py_ssize_t width, const char *center, Py_ssize_t point_size, Moves moves,
    Py_ssize_t first, Py_ssize_t last, Division division, Py_ssize_t first_group, char *out,  # OUT: out
) noexcept

# Turn sums of groups of one and two coordinates, by a stencil of second derivatives, to second derivatives in place.
cdef int second_derivatives(char *sums, Moves moves) except -1  # OUT: sums

# Of the derivatives in an array, and of values that are compared.
cdef bint is_finite(results, Py_ssize_t value_size) noexcept
cdef bint is_zero(results, Py_ssize_t value_size) noexcept
cdef bint is_same(const char *one, const char *other, Py_ssize_t count, Py_ssize_t value_size) noexcept nogil
