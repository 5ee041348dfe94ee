"""The memory that is moved: where each of its coordinates lies, and what it held before."""

from cpython.object cimport PyObject

cdef extern from "numpy/arrayobject.h":
    ctypedef struct Fields "PyArrayObject":
        pass
    char *PyArray_BYTES(const Fields *array) noexcept nogil
    int PyArray_NDIM(const Fields *array) noexcept nogil
    Py_ssize_t *PyArray_DIMS(const Fields *array) noexcept nogil
    Py_ssize_t *PyArray_STRIDES(const Fields *array) noexcept nogil
    PyObject *PyArray_BASE(const Fields *array) noexcept nogil
    void *PyArray_DESCR(const Fields *array) noexcept nogil
    int PyArray_TYPE(const Fields *array) noexcept nogil
    bint PyArray_ISBEHAVED(const Fields *array) noexcept nogil          # aligned, writable, native byte order
    bint PyArray_ISCARRAY_RO(const Fields *array) noexcept nogil        # aligned, in C order, native byte order
    bint PyArray_IS_C_CONTIGUOUS(const Fields *array) noexcept nogil
    enum:
        NPY_FLOAT, NPY_DOUBLE, NPY_LONGDOUBLE


cdef struct Memory:
    char *start
    Py_ssize_t count                    # of coordinates, in C order whatever the strides are
    Py_ssize_t itemsize
    char kind                           # dtype.char: "f", "d" or "g"
    bint is_contiguous
    bint is_open
    char **table                        # where each coordinate lies, if they are in several arrays; else NULL
    const Fields *owner                 # the array that owns the memory
    const char *home                    # where that array had it
    PyObject *array                     # whose memory it is, kept alive
    int axes
    Py_ssize_t *shape                   # as they were when the memory was opened: of more than one axis, on the heap
    Py_ssize_t *strides
    Py_ssize_t own[2]


cdef bint open_memory(Memory *memory, array) except -1                            # False if it cannot be moved in place
cdef void close_memory(Memory *memory) noexcept
cdef char *strided_address(const Memory *memory, Py_ssize_t i) noexcept nogil
cdef void read_all(const Memory *memory, char *copy) noexcept nogil               # OUT: copy
cdef void write_all(const Memory *memory, const char *copy) noexcept nogil
cdef bint holds(const Memory *memory, const char *copy) noexcept nogil            # the same bits


cdef object new_array(Py_ssize_t rows, Py_ssize_t columns, bint is_wide)         # matrices by columns; if < 0, a vector
cdef const Fields *owner_of(array) noexcept
cdef tuple shape_in(const Memory *memory)
cdef tuple strides_in(const Memory *memory)
cdef bint is_among(x, others) except -1
cdef give_back_form(array, tuple shape, tuple strides, dtype, bytes numbers)      # best effort: an error follows


cdef inline bint is_at_home(const Memory *memory) noexcept nogil:
    """Return whether the memory is still where it was: an f that resizes an array frees it."""
    return PyArray_BYTES(memory.owner) == memory.home


cdef inline const Fields *fields_of(array) noexcept:
    return <const Fields *><void *>array


cdef inline char *data_of(array) noexcept:
    """Return where the numbers of an array are."""
    return PyArray_BYTES(fields_of(array))


cdef inline Py_ssize_t size_of(array) noexcept:
    """Return how many numbers an array holds."""
    cdef Py_ssize_t size = 1
    cdef int axis
    for axis in range(PyArray_NDIM(fields_of(array))):
        size *= PyArray_DIMS(fields_of(array))[axis]
    return size


cdef inline size_t form_of(array) noexcept:
    """Return a number that another shape, other strides, another dtype or other memory would change."""
    cdef const Fields *fields = fields_of(array)
    cdef const Py_ssize_t *shape = PyArray_DIMS(fields)
    cdef const Py_ssize_t *strides = PyArray_STRIDES(fields)
    cdef int axis, axes = PyArray_NDIM(fields)
    cdef size_t form = <size_t>PyArray_BYTES(fields) ^ <size_t>PyArray_DESCR(fields) << 1
    for axis in range(axes):
        form = (form * 1000003 ^ <size_t>shape[axis]) * 1000003 ^ <size_t>strides[axis]
    return form * 1000003 + <size_t>axes


cdef inline char *address(const Memory *memory, Py_ssize_t i) noexcept nogil:
    if memory.is_contiguous:
        return memory.start + i * memory.itemsize
    return strided_address(memory, i)
