"""f of parameters by name, a Python callable: the arrays of a dictionary are moved in place, as one flat vector is.

x is a flat copy of the parameters. f gets containers of the same kinds. Coordinate i lies where the table says: in the
caller's own array, or in the flat copy, of which f then sees a part.
"""

cimport cython
from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.object cimport PyObject

from gradfast._kernels.memory cimport Memory, PyArray_BYTES, address, close_memory, form_of, give_back_form, open_memory, owner_of, read_all, shape_in, strides_in
from gradfast._kernels.evaluator_in_place cimport OnePoint

from numpy import dtype, may_share_memory, ndarray

from gradfast._kernels.memory import cannot_be_moved, f_changed, form_changed


@cython.no_gc
cdef class Named(OnePoint):
    """A Python f of parameters, each moved in place."""

    cdef object parameters              # what f is called with; of numbers, which cannot be moved, new ones at each call
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
                raise TypeError(f"{leaf.name} must hold {leaf.stop - first} numbers of {self.base.dtype}; got {place!r}")
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
                give_back_form(place, form[1], form[2], dtype(chr(self.kind)), numbers)
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
    return all([own.equals(axis) for own, axis in zip(labeled.axes, axes)]) and may_share_memory(labeled.to_numpy(), part)


cdef size_t home_of(array):
    """Return where the memory of an array is, as the array knows that owns it."""
    return <size_t>PyArray_BYTES(owner_of(array))


def renewing(f, layout, places):
    """Return f as a function of the flat vector: numbers are made anew at each call."""
    return lambda flat, *args: f(layout.over(flat, places), *args)
