"""f of one point a call, a Python callable: perturb, call f, restore, with x itself as f's argument.

Design:
a. f's arguments are laid out once as C calls want them, so that `args` cost nothing more at each call.
b. A point of a batch is a view of x, made when a move enters it. The coordinates of all points are one line.
c. Of parameters by name, x is a flat copy, and f gets containers of the same kinds. Coordinate i lies where a table
   says: in the caller's own array, or in the flat copy, of which f then sees a part.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check
from cpython.function cimport PyFunction_Check
from cpython.object cimport PyObject

from gradfast._kernels.evaluator cimport Block, Evaluator, reserve
from gradfast._kernels.memory cimport (
    Memory, PyArray_BYTES, address, close_memory, form_of, give_back_form, holds, is_at_home, open_memory, owner_of,
    read_all, shape_in, strides_in, write_all,
)
from gradfast._kernels.moves cimport Groups, Moves, Span, first_not_moved, is_at_rest, is_moved, move, put_back
from gradfast._kernels.returned_value cimport PY_VECTORCALL_ARGUMENTS_OFFSET, caller_of, let_others_run, read

import numpy as np
from numpy import ndarray

from gradfast._kernels.memory import cannot_be_moved, f_changed, first_change, form_changed, name_of_coordinate


@cython.no_gc
cdef class OnePoint(Evaluator):
    """A Python f, called with one point, which is moved in place."""

    def __init__(self, f, x, args=(), single=False, axis=None, complex_x=None):
        if not self.prepare(f, x, args, single, axis, complex_x):
            raise cannot_be_moved(x)

    cdef bint prepare(self, f, x, tuple args, bint single, axis, complex_x) except -1:
        """Take f and x; with a complex copy of x, f is called with that and its imaginary part is moved."""
        cdef Py_ssize_t i
        cdef size_t more = len(args)
        if not self.open(x, single, axis):
            return False
        self.moving, self.rest, self.argument = &self.memory, self.before, x
        points = self.base
        if complex_x is not None:
            self.argument = self.complex_x = points = complex_x
            if axis is not None:
                points = np.moveaxis(complex_x, axis, -1)
            open_memory(&self.imaginary, points.imag)
            self.zeros = bytes(len(self.kept))
            self.moving, self.rest = &self.imaginary, PyBytes_AS_STRING(self.zeros)
        self.batch_size, self.form_of_argument = 1, form_of(self.argument)
        if axis is not None:
            self.batch, self.row = points, -1
            for extent in points.shape[:points.ndim - 1]:
                self.batch_size *= extent
        self.args = args
        if more > MOST_ARGUMENTS:
            f, more = with_arguments(f, args), 0
        self.f, self.count = f, (1 + more) | PY_VECTORCALL_ARGUMENTS_OFFSET
        self.stack[1] = <PyObject *>self.argument
        for i in range(<Py_ssize_t>more):
            self.stack[2 + i] = <PyObject *>args[i]
        self.call = caller_of(f)
        self.looks_for_signals = not PyFunction_Check(f)  # a C function does not notice Ctrl-C
        return True

    cdef int turn_to(self, Py_ssize_t row) except -1:
        """Let f be called with another point of a batch."""
        if row != self.row:
            if self.row >= 0:
                self.require_form()
            self.row, shape = row, self.batch.shape
            self.argument = self.batch[row if len(shape) == 2 else np.unravel_index(row, shape[:len(shape) - 1])]
            self.stack[1] = <PyObject *>self.argument
            self.form_of_argument = form_of(self.argument)
        return 0

    cdef int require_form(self) except -1:
        """ValueError if f changed the form of x, or of what it is called with: a row of a batch, or a complex copy."""
        Evaluator.require_form(self)
        if self.argument is not self.x and form_of(self.argument) != self.form_of_argument:
            raise form_changed()
        return 0

    cdef int fill(self, Moves moves, Py_ssize_t first, Py_ssize_t last, Block *block) except -1:
        """Perturb, call f, restore: a group of coordinates to each node of the stencil, then the next group.

        `combine.combine_numbers` has the rest of the formula: weights and the division by powers of the steps.
        """
        cdef const double *node = moves.stencil.node
        cdef Py_ssize_t size = moves.stencil.size, g = first // size, k = first % size, row = first, asked = -1
        cdef Span span
        if first >= last:
            return 0
        if self.is_known:
            reserve(block, (last - first) * self.width * self.value_size)
        try:
            for row in range(first, last):
                if k == 0 or row == first:
                    span = moves.groups.span(g)
                    if self.batch is not None:
                        self.turn_to(moves.groups.member(span, 0) // self.point_size)
                    if not is_at_rest(self.moving, self.rest, moves.groups, span):  # f moved it
                        self.raise_change()
                move(self.moving, self.rest, moves, span, node[k])
                asked = row
                found = self.call(<PyObject *>self.f, &self.stack[1], self.count, NULL)
                asked = -1
                if PyFloat_Check(found) and self.single and self.value_size == sizeof(double):  # nearly always
                    (<double *>block.at)[row - first] = PyFloat_AS_DOUBLE(found)
                else:
                    self.take(found, last - first, block, row - first)
                    found = None  # an array need not outlive the next call of f
                if not (self.has_looked and is_at_home(self.moving)
                        and is_moved(self.moving, self.rest, moves, span, node[k])):
                    self.require_untouched(moves, span, node[k])
                k += 1
                if k == size or row == last - 1:
                    put_back(self.moving, self.rest, moves.groups, span)
                    k, g = 0, g + 1
                    if self.looks_for_signals:
                        let_others_run()
        except BaseException as error:
            self.put_back()
            self.failed = self.failed_last = asked
            self.tell(moves, error)
            raise
        finally:
            self.counted += (row + 1 - first) * self.points_a_row
        return 0

    cdef int require_untouched(self, Moves moves, Span span, double node) except -1:
        """ValueError if f changed what was moved, the form of x or, at its first call, anything of x.

        What else it changes later is seen at the turn of that coordinate, or by `close`.
        """
        self.look_at_form()
        if not is_moved(self.moving, self.rest, moves, span, node):
            raise f_changed(self.name(first_not_moved(self.moving, self.rest, moves, span, node)))
        put_back(self.moving, self.rest, moves.groups, span)
        self.look_at_numbers()
        self.require_real_part()
        move(self.moving, self.rest, moves, span, node)
        return 0

    cdef int look_at_form(self) except -1:
        """ValueError if f changed the form of x, or freed its memory."""
        self.require_form()
        if not is_at_home(self.moving):
            raise form_changed()
        return 0

    cdef int look_at_numbers(self) except -1:
        """ValueError if f changed anything of x, where nothing is moved."""
        self.has_looked = self.layout is None  # parameters may be elsewhere after any call
        if not holds(self.moving, self.rest):
            self.raise_change()
        return 0

    cpdef close(self):
        Evaluator.close(self)
        self.require_real_part()

    cdef int require_real_part(self) except -1:
        """ValueError if f changed the real part of the complex copy of x, which does not move."""
        if self.complex_x is not None:
            changed = first_change(np.asarray(self.complex_x).real, np.asarray(self.x))
            if changed >= 0:
                raise f_changed(name_of_coordinate(self.x, changed))
        return 0

    def raise_change(self):
        """Raise the error for an f that changed x, if it did more than write to bits that belong to no number."""
        array = self.base if self.moving is &self.memory else self.complex_x.imag
        before = np.zeros_like(array) if self.moving is not &self.memory else self.steps_from.reshape(array.shape)
        changed = first_change(array, before)
        if changed >= 0:
            raise f_changed(self.name(changed))

    cdef int center(self, Block *block) except -1:
        """Write f's value at x; of a batch, at each point."""
        cdef Py_ssize_t row
        if self.at_x is not None:
            return Evaluator.center(self, block)
        if self.is_known:
            reserve(block, self.batch_size * self.width * self.value_size)
        for row in range(self.batch_size):
            if self.batch is not None:
                self.turn_to(row)
            self.counted += self.points_a_row
            self.take(self.call(<PyObject *>self.f, &self.stack[1], self.count, NULL), self.batch_size, block, row)
            if not (self.has_looked and is_at_home(self.moving)):
                self.look_at_form()
                self.look_at_numbers()
        return 0

    cpdef put_back(self):
        Evaluator.put_back(self)
        if self.complex_x is not None:
            write_all(self.moving, self.rest)

    cdef int take(self, found, Py_ssize_t rows, Block *block, Py_ssize_t row) except -1:
        """Write what f returned to a row of a block; of the first array, room is made for as many rows."""
        if self.single:
            if not self.has_seen:
                self.see(found)
            if self.value_size == sizeof(double):
                return read(found, <double *>block.at + row)
            return read(found, <long double *>block.at + row)
        if PyFloat_Check(found) and self.value_size == sizeof(double):  # also of NumPy's float64
            self.know(())
            reserve(block, rows * sizeof(double))
            (<double *>block.at)[row] = found
            return 0
        if (type(found) is list or type(found) is tuple) and take_floats(self, found, rows, block, row):
            return 0
        return self.take_values(found, False, rows, block, row)


cdef bint take_floats(OnePoint e, found, Py_ssize_t rows, Block *block, Py_ssize_t row) except -1:
    """Write a list of floats to a row of a block; False, and nothing written, if it is no such list of f's width."""
    cdef Py_ssize_t k, width = len(found)
    cdef double *to
    if e.value_size != sizeof(double) or (e.is_known and (e.shape is not None or width != e.width)):
        return False
    for number in found:
        if not PyFloat_Check(number):
            return False
    if not e.is_known:
        e.is_known, e.width = True, width
    reserve(block, rows * width * sizeof(double))
    to = <double *>block.at + row * width
    for k in range(width):
        to[k] = found[k]
    return True


@cython.no_gc
cdef class WholeBatch(OnePoint):
    """A vectorized f of a batch, called with all of x, of which one component of all points is moved at a time."""

    cdef bint prepare(self, f, x, tuple args, bint single, axis, complex_x) except -1:
        if not OnePoint.prepare(self, f, x, args, False, axis, complex_x):
            return False
        self.argument = x if complex_x is None else complex_x
        self.stack[1], self.form_of_argument = <PyObject *>self.argument, form_of(self.argument)
        self.batch, self.points_a_row, self.batch_size = None, self.batch_size, 1
        self.is_known, self.width = True, self.points_a_row
        self.shape = None if self.base.ndim == 2 else self.center_shape()
        return True

    cdef int take(self, found, Py_ssize_t rows, Block *block, Py_ssize_t row) except -1:
        return self.take_values(found, True, rows, block, row)

    cdef str of_other_shape(self, tuple shape):
        wanted = f"an array of shape {self.value_shape()} for points of shape {self.x.shape}"
        return f"f must return {wanted}; it returned one of shape {shape}"


@cython.no_gc
cdef class Named(OnePoint):
    """A Python f of parameters, each moved in place."""

    cdef object parameters              # what f is called with; if they have numbers, new ones at each call
    cdef list values                    # the arrays in it
    cdef bytes table                    # where each coordinate lies
    cdef list places                    # for each parameter the caller's own array, if it is moved in place, else None
    cdef list forms                     # of those arrays: the number, the shape, the strides, and where the memory was
    cdef list contents                  # what the containers and pandas objects held that f is called with

    def __init__(self, f, x, args, single, layout, places=None, complex_x=None):
        self.layout = layout
        flat = x if complex_x is None else complex_x
        places = [None] * len(layout.leaves) if places is None or complex_x is not None else places
        if layout.has_numbers:
            f = renewing(f, layout, places)
        if not self.prepare(f, x, args, single, None, complex_x):
            raise cannot_be_moved(x)
        if not layout.has_numbers:
            self.values = [leaf.of(flat) if place is None else place for leaf, place in zip(layout.leaves, places)]
            self.parameters = layout.over(flat, self.values)
            self.contents = list(layout.contents(self.parameters, self.values, flat))
            self.stack[1] = <PyObject *>self.parameters
        self.places, self.forms = places, [None] * len(places)
        if any([place is not None for place in places]):
            self.table = PyBytes_FromStringAndSize(NULL, self.n * sizeof(void *))
            self.take_places()
            read_all(&self.memory, <char *>self.before)

    cdef int take_places(self) except -1:
        """Let coordinates be moved where they are in the caller's arrays."""
        cdef Memory own
        cdef Py_ssize_t i, k, first
        cdef char **at = <char **>PyBytes_AS_STRING(self.table)
        for k, (leaf, place) in enumerate(zip(self.layout.leaves, self.places)):
            first = leaf.start
            if place is None:
                for i in range(first, leaf.stop):
                    at[i] = self.memory.start + i * self.memory.itemsize
                continue
            if not open_memory(&own, place if type(place) is ndarray else ndarray.view(place, ndarray)):
                raise TypeError(f"{leaf.name} must be a writable array of {self.base.dtype}; got {place!r}")
            if own.count != leaf.stop - first or own.kind != self.kind:
                close_memory(&own)
                wanted = f"{leaf.stop - first} numbers of {self.base.dtype}"
                raise TypeError(f"{leaf.name} must hold {wanted}; got {place!r}")
            for i in range(own.count):
                at[first + i] = address(&own, i)
            self.forms[k] = form_of(place), shape_in(&own), strides_in(&own), <size_t>own.home
            close_memory(&own)  # the array is kept alive by `places`
        self.memory.table, self.memory.is_contiguous = at, False
        return 0

    cdef int require_form(self) except -1:
        for place, form in zip(self.places, self.forms):
            if form is not None and (form_of(place) != form[0] or home_of(place) != form[3]):
                raise form_changed()
        if self.contents is not None:
            self.require_contents()
        return OnePoint.require_form(self)

    cdef int require_contents(self) except -1:
        """ValueError if f put other things into what it was called with. The next call of f might undo that."""
        for name, container, keys, parts in self.contents:
            if type(parts) is ndarray:
                if not is_of(container, keys, parts):
                    raise f_changed(name)
            elif not holds_the_same(container, keys, parts):
                self.layout.require_same(self.parameters, self.values)
        return 0

    cpdef put_back(self):
        cdef Py_ssize_t size = self.memory.itemsize
        cdef bint is_changed = False
        for k, (leaf, place, form) in enumerate(zip(self.layout.leaves, self.places, self.forms)):
            if form is not None and home_of(place) != form[3] and ndarray.base.__get__(place) is not None:
                # f has freed the memory that this array is a part of: nothing can be put back.
                is_changed, self.places[k], self.forms[k] = True, None, None
            elif form is not None and form_of(place) != form[0]:
                is_changed = True
                numbers = self.kept[leaf.start * size : leaf.stop * size]
                give_back_form(place, form[1], form[2], np.dtype(chr(self.kind)), numbers)
        if is_changed:
            self.take_places()
        OnePoint.put_back(self)

    def name(self, Py_ssize_t i):
        return self.layout.name(i)

    cpdef close(self):
        self.read_places()
        OnePoint.close(self)
        if self.parameters is not None:
            self.layout.require_same(self.parameters, self.values)

    def raise_change(self):
        self.read_places()
        OnePoint.raise_change(self)

    cdef int read_places(self) except -1:
        """Bring the flat vector to what the caller's arrays hold."""
        if self.memory.table is not NULL:
            read_all(&self.memory, self.memory.start)
        return 0


cdef bint holds_the_same(container, list keys, list parts) except -1:
    """Return whether a container has the same parts; keys are those of a mapping, else None."""
    cdef Py_ssize_t i
    cdef list now = list(container if keys is None else container.values())
    if len(now) != len(parts) or (keys is not None and list(container) != keys):
        return False
    for i in range(len(parts)):
        if now[i] is not parts[i]:
            return False
    return True


cdef bint is_of(labeled, axes, part) except -1:
    """Return whether a pandas object has these labels, and its numbers in the memory of an array."""
    same = all([own.equals(axis) for own, axis in zip(labeled.axes, axes)])
    return same and np.may_share_memory(labeled.to_numpy(), part)


cdef size_t home_of(array):
    """Return where the memory of an array is, as the array knows that owns it."""
    return <size_t>PyArray_BYTES(owner_of(array))


def renewing(f, layout, places):
    """Return f as a function of the flat vector: numbers are made anew at each call."""
    return lambda flat, *args: f(layout.over(flat, places), *args)


def with_arguments(f, tuple args):
    """Return ``x -> f(x, *args)``."""
    return lambda x: f(x, *args)
