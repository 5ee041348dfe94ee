"""Which coordinates are moved together, and how far: what f's values are asked for at."""

cimport cython

from libc.stdint cimport uint64_t

from gradfast._kernels.memory cimport Memory, address
from gradfast._kernels.steps_and_bounds cimport Rule, Stencil


cdef struct Span:                       # of coordinates, or of places in a list of them
    Py_ssize_t start
    Py_ssize_t stride
    Py_ssize_t count


cdef enum Kind:
    EACH, TOGETHER, STRIDED, PAIRS, LISTED


@cython.final
cdef class Groups:
    cdef readonly Py_ssize_t coordinates    # of x
    cdef readonly Py_ssize_t count          # of groups
    cdef Kind kind
    cdef Py_ssize_t places                  # how many coordinates there are to choose from: all, or those of the list
    cdef readonly object chosen, starts     # arrays, or None
    cdef const Py_ssize_t *list             # the coordinates, if they are listed
    cdef const Py_ssize_t *first            # where in the list each group starts

    cdef Span other_span(self, Py_ssize_t group) noexcept nogil

    cdef inline Span span(self, Py_ssize_t group) noexcept nogil:
        cdef Span span
        if self.kind != EACH:
            return self.other_span(group)
        span.start, span.stride, span.count = group, 1, 1
        return span

    cdef inline Py_ssize_t member(self, Span span, Py_ssize_t k) noexcept nogil:
        cdef Py_ssize_t place = span.start + k * span.stride
        return place if self.list is NULL else self.list[place]


@cython.final
cdef class Moves:
    cdef readonly Groups groups
    cdef readonly Stencil stencil
    cdef readonly Py_ssize_t first, last    # the rows of these moves: row g * stencil.size + k moves group g to node k
    cdef readonly object along              # of a direction, the step of t in x + t v; None for other moves
    cdef long double along_step
    cdef bint is_wide                       # whether steps are long doubles
    cdef bytes _steps
    cdef const void *steps                  # one for each coordinate of x; NULL while a rule is to write them
    cdef Rule rule                          # None of moves that have their steps
    cdef double sign

    @staticmethod
    cdef Moves of(Groups groups, bytes steps, bint is_wide, Stencil stencil)
    @staticmethod
    cdef Moves by_rule(Groups groups, Rule rule, double sign, Stencil stencil)


# Write where a group's coordinates are to be, from where they were (`before`, contiguous), rounded to x's type.
cdef void move_any(const Memory *memory, const char *before, Moves moves, Span span, double node) noexcept
# Give a group's coordinates the bits that they had: to subtract the steps would round.
cdef void put_back_any(const Memory *memory, const char *before, Groups groups, Span span) noexcept
cdef bint is_moved_any(const Memory *memory, const char *before, Moves moves, Span span, double node) noexcept
cdef bint is_at_rest_any(const Memory *memory, const char *before, Groups groups, Span span) noexcept


cdef Py_ssize_t first_not_moved(const Memory *memory, const char *before, Moves moves, Span span, double node) noexcept


# One coordinate of doubles, the commonest case, takes no call.
cdef inline void move(const Memory *memory, const char *before, Moves moves, Span span, double node) noexcept:
    cdef Py_ssize_t i
    if span.count == 1 and memory.kind == c"d":
        i = moves.groups.member(span, 0)
        (<double *>address(memory, i))[0] = (<const double *>before)[i] + node * (<const double *>moves.steps)[i]
    else:
        move_any(memory, before, moves, span, node)


cdef inline void put_back(const Memory *memory, const char *before, Groups groups, Span span) noexcept:
    cdef Py_ssize_t i
    if span.count == 1 and memory.kind == c"d":
        i = groups.member(span, 0)
        (<uint64_t *>address(memory, i))[0] = (<const uint64_t *>before)[i]
    else:
        put_back_any(memory, before, groups, span)


# Whether a group is still where `move` put it.
cdef inline bint is_moved(const Memory *memory, const char *before, Moves moves, Span span, double node) noexcept:
    cdef Py_ssize_t i
    cdef double found, put
    if span.count == 1 and memory.kind == c"d":
        i = moves.groups.member(span, 0)
        found = (<double *>address(memory, i))[0]
        put = (<const double *>before)[i] + node * (<const double *>moves.steps)[i]
        return found == put or (found != found and put != put)
    return is_moved_any(memory, before, moves, span, node)


# Whether a group has the bits that it had before it was moved.
cdef inline bint is_at_rest(const Memory *memory, const char *before, Groups groups, Span span) noexcept:
    cdef Py_ssize_t i
    if span.count == 1 and memory.kind == c"d":
        i = groups.member(span, 0)
        return (<uint64_t *>address(memory, i))[0] == (<const uint64_t *>before)[i]
    return is_at_rest_any(memory, before, groups, span)
