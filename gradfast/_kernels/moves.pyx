"""Which coordinates are moved together, and how far: what f's values are asked for at.

Design:
a. A group is a span of coordinates: one, a pair, all, every n-th; or a span of a list of coordinates, for colors
   of a sparse pattern and for the coordinates that bounds leave room for. Only lists are stored.
b. Groups know no x, so that they can be kept. Moves are groups, a step for each coordinate at this x, and the
   stencil whose nodes multiply the steps.
c. Moves are counted in rows: one for each group and node, and so are f's values. A part of the rows is Moves, too.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING
from libc.math cimport sqrt
from libc.string cimport memcmp, memcpy

import numpy as np

from gradfast._kernels.memory cimport data_of
from gradfast._kernels.steps_and_bounds cimport Rule, real


@cython.no_gc
cdef class Groups:
    """Which coordinates of an x are moved together; made by :meth:`each`, :meth:`together` and the like.

    An optional list of coordinates, `chosen`, takes the place of all.
    """

    @staticmethod
    def each(Py_ssize_t coordinates, chosen=None):
        """Every coordinate is a group."""
        return make(EACH, coordinates, chosen, None, coordinates)

    @staticmethod
    def together(Py_ssize_t coordinates, chosen=None):
        """All coordinates are one group."""
        return make(TOGETHER, coordinates, chosen, None, 1)

    @staticmethod
    def strided(Py_ssize_t coordinates, Py_ssize_t groups):
        """Every n-th coordinate is a group, n being the number of groups: the columns of a matrix in C order."""
        if groups < 0 or coordinates and (not groups or coordinates % groups):
            raise ValueError(f"groups must be a divisor of {coordinates} coordinates; got {groups}")
        return make(STRIDED, coordinates, None, None, groups)

    @staticmethod
    def pairs(Py_ssize_t coordinates, chosen=None):
        """All pairs (i, j) with j <= i, row by row of a lower triangle; a coordinate with itself is moved once."""
        cdef Groups groups = make(PAIRS, coordinates, chosen, None, 0)
        groups.count = groups.places * (groups.places + 1) // 2
        return groups

    @staticmethod
    def listed(Py_ssize_t coordinates, starts, chosen):
        """Group g is ``chosen[starts[g]:starts[g + 1]]``."""
        return make(LISTED, coordinates, chosen, starts, len(starts) - 1)

    cdef Span other_span(self, Py_ssize_t group) noexcept nogil:
        cdef Span span
        cdef Py_ssize_t i
        span.start, span.stride, span.count = group, 1, 1
        if self.kind == TOGETHER:
            span.start, span.count = 0, self.places
        elif self.kind == STRIDED:
            span.stride, span.count = self.count, self.places // self.count
        elif self.kind == PAIRS:
            i = <Py_ssize_t>((sqrt(8.0 * group + 1) - 1) / 2)
            if i * (i + 1) // 2 > group:  # the root was rounded up; down it is never rounded below a whole number
                i -= 1
            span.start = group - i * (i + 1) // 2
            span.stride = i - span.start
            span.count = 2 if span.stride else 1
        elif self.kind == LISTED:
            span.start, span.count = self.first[group], self.first[group + 1] - self.first[group]
        return span

    @property
    def members(self):
        """The coordinates that are in groups, as an array."""
        return np.arange(self.coordinates) if self.chosen is None else self.chosen

    def __len__(self):
        return self.count

    def __getitem__(self, Py_ssize_t group):
        """Return the coordinates of a group."""
        if not 0 <= group < self.count:
            raise IndexError(f"group must be from 0 to {self.count - 1}; got {group}")
        cdef Span span = self.span(group)
        return [self.member(span, k) for k in range(span.count)]

    def __reduce__(self):
        return make, (self.kind, self.coordinates, self.chosen, self.starts, self.count)


cpdef Groups make(Kind kind, Py_ssize_t coordinates, chosen, starts, Py_ssize_t count):
    cdef Groups groups = Groups.__new__(Groups)
    cdef const Py_ssize_t[::1] listed
    if coordinates < 0:
        raise ValueError(f"coordinates must be a number from 0 up; got {coordinates}")
    groups.kind, groups.coordinates, groups.count, groups.places = kind, coordinates, count, coordinates
    if chosen is not None:
        groups.chosen = np.array(chosen, np.intp)  # a copy, which nobody else changes
        listed = groups.chosen
        groups.places = listed.shape[0]
        if groups.places and not (0 <= groups.chosen.min() and groups.chosen.max() < coordinates):
            raise ValueError(f"chosen must be coordinates from 0 to {coordinates - 1}; got {chosen!r}")
        groups.list = &listed[0] if groups.places else NULL
        if kind == EACH:
            groups.count = groups.places
    if starts is not None:
        groups.starts = np.array(starts, np.intp)
        listed = groups.starts
        if count < 0 or listed[0] < 0 or listed[count] > groups.places or (np.diff(groups.starts) < 0).any():
            raise ValueError(f"starts must rise from 0 to {groups.places}; got {starts!r}")
        groups.first = &listed[0]
    return groups


@cython.no_gc
cdef class Moves:
    """Groups of coordinates, each moved to every node of a stencil times its own step.

    Parameters
    ----------
    groups : Groups
    steps : ndarray of float64 or longdouble
        One for each coordinate of x, signed.
    stencil : Stencil
    along : float, optional
        Of a direction v, whose steps are ``along * v``: the step of t in ``x + t v``.
    """

    def __init__(self, Groups groups not None, steps, Stencil stencil not None, along=None, first=0, last=None):
        array = np.ascontiguousarray(steps)
        if array.dtype.char != "g":
            array = array.astype(np.float64, copy=False)
        if array.size != groups.coordinates:
            raise ValueError(f"steps must be one for each of {groups.coordinates} coordinates; got {array.size}")
        set_up(self, groups, array.tobytes(), array.dtype.char == "g", stencil)
        if along is not None:
            step = np.array(along, np.longdouble)
            self.along, self.along_step = along, (<const long double *>data_of(step))[0]
        if not 0 <= first <= (self.last if last is None else last) <= self.last:
            raise ValueError(f"rows must be from 0 to {self.last}; got {first} to {last}")
        self.first, self.last = first, self.last if last is None else last

    @staticmethod
    cdef Moves of(Groups groups, bytes steps, bint is_wide, Stencil stencil):
        cdef Moves moves = Moves.__new__(Moves)
        set_up(moves, groups, steps, is_wide, stencil)
        return moves

    @staticmethod
    cdef Moves by_rule(Groups groups, Rule rule, double sign, Stencil stencil):
        """Return moves whose steps are written where and when they are used, for millions of points of compiled f."""
        cdef Moves moves = Moves.__new__(Moves)
        moves.groups, moves.rule, moves.sign, moves.stencil = groups, rule, sign, stencil
        moves.first, moves.last = 0, groups.count * stencil.size
        return moves

    def part(self, Py_ssize_t first, Py_ssize_t last):
        """Return rows first to last - 1 of these as Moves."""
        if not 0 <= first <= last <= len(self):
            raise ValueError(f"rows must be from 0 to {len(self)}; got {first} to {last}")
        cdef Moves moves = Moves.of(self.groups, self._steps, self.is_wide, self.stencil)
        moves.along, moves.along_step = self.along, self.along_step
        moves.first, moves.last = self.first + first, self.first + last
        return moves

    def in_precision(self, bint is_wide):
        """Return the same moves, their steps as long doubles or as doubles."""
        if is_wide == self.is_wide:
            return self
        steps = self.step_of_each.astype(np.longdouble if is_wide else np.float64)
        return Moves(self.groups, steps, self.stencil, self.along, self.first, self.last)

    @property
    def step_of_each(self):
        """The steps as an array, one for each coordinate of x."""
        return np.frombuffer(self._steps, np.longdouble if self.is_wide else np.float64)

    def __len__(self):
        return self.last - self.first

    def __iter__(self):
        """Yield for each row which coordinates are moved, and how far."""
        steps = self.step_of_each
        for row in range(self.first, self.last):
            node = self.stencil.nodes[row % self.stencil.size]
            yield [(i, node * steps[i]) for i in self.groups[row // self.stencil.size]]

    def __reduce__(self):
        return Moves, (self.groups, self.step_of_each, self.stencil, self.along, self.first, self.last)


cdef inline void set_up(Moves moves, Groups groups, bytes steps, bint is_wide, Stencil stencil):
    moves.groups, moves._steps, moves.is_wide, moves.stencil = groups, steps, is_wide, stencil
    moves.steps = <const void *>PyBytes_AS_STRING(steps)
    moves.first, moves.last = 0, groups.count * stencil.size


cdef inline void move_as(const Memory *memory, const real *before, Moves moves, Span span, double node) noexcept:
    cdef Groups groups = moves.groups
    cdef const void *steps = moves.steps
    cdef real *line = <real *>memory.start
    cdef Py_ssize_t i, k
    if memory.is_contiguous and groups.list is NULL and span.stride == 1:
        for i in range(span.start, span.start + span.count):  # which C compilers vectorize
            line[i] = moved[real](before, steps, i, node)
        return
    if memory.is_contiguous and groups.list is NULL:
        i = span.start
        for k in range(span.count):
            line[i] = moved[real](before, steps, i, node)
            i += span.stride
        return
    for k in range(span.count):
        i = groups.member(span, k)
        (<real *>address(memory, i))[0] = moved[real](before, steps, i, node)


cdef inline real moved(const real *before, const void *steps, Py_ssize_t i, double node) noexcept nogil:
    """Return where the i-th coordinate is to be; of a float it is computed in double precision."""
    if real is float or real is double:
        return <real>(before[i] + node * (<const double *>steps)[i])
    else:
        return before[i] + node * (<const long double *>steps)[i]


cdef void move_any(const Memory *memory, const char *before, Moves moves, Span span, double node) noexcept:
    if memory.kind == c"d":
        move_as[double](memory, <const double *>before, moves, span, node)
    elif memory.kind == c"f":
        move_as[float](memory, <const float *>before, moves, span, node)
    else:
        move_as[cython.longdouble](memory, <const long double *>before, moves, span, node)


cdef void put_back_any(const Memory *memory, const char *before, Groups groups, Span span) noexcept:
    cdef Py_ssize_t i, k, size = memory.itemsize
    if memory.is_contiguous and groups.list is NULL and span.stride == 1:
        memcpy(memory.start + span.start * size, before + span.start * size, span.count * size)
        return
    if memory.is_contiguous and groups.list is NULL and size == sizeof(uint64_t):  # no call for each
        i = span.start
        for k in range(span.count):
            (<uint64_t *>memory.start)[i] = (<const uint64_t *>before)[i]
            i += span.stride
        return
    for k in range(span.count):
        i = groups.member(span, k)
        memcpy(address(memory, i), before + i * size, size)


cdef bint is_at_rest_any(const Memory *memory, const char *before, Groups groups, Span span) noexcept:
    cdef Py_ssize_t i, k, size = memory.itemsize
    if memory.is_contiguous and groups.list is NULL and span.stride == 1:
        return memcmp(memory.start + span.start * size, before + span.start * size, span.count * size) == 0
    for k in range(span.count):
        i = groups.member(span, k)
        if memcmp(address(memory, i), before + i * size, size):
            return False
    return True


cdef bint is_moved_any(const Memory *memory, const char *before, Moves moves, Span span, double node) noexcept:
    if memory.kind == c"d":
        return is_moved_as[double](memory, <const double *>before, moves, span, node)
    if memory.kind == c"f":
        return is_moved_as[float](memory, <const float *>before, moves, span, node)
    return is_moved_as[cython.longdouble](memory, <const long double *>before, moves, span, node)


cdef bint is_moved_as(const Memory *memory, const real *before, Moves moves, Span span, double node) noexcept:
    cdef Py_ssize_t i, k
    cdef real found, put
    for k in range(span.count):
        i = moves.groups.member(span, k)
        found, put = (<real *>address(memory, i))[0], moved[real](before, moves.steps, i, node)
        if found != put and not (found != found and put != put):
            return False
    return True


cdef Py_ssize_t first_not_moved(const Memory *memory, const char *before, Moves moves, Span span, double node) noexcept:
    """Return the first coordinate of a group that is not where `move` put it."""
    cdef Py_ssize_t k
    cdef Span one
    for k in range(span.count):
        one.start, one.stride, one.count = span.start + k * span.stride, 1, 1
        if not is_moved(memory, before, moves, one, node):
            break
    return moves.groups.member(one, 0)
