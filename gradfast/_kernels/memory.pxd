"""The memory that is moved: where each of its coordinates lies, and what it held before."""

from cpython.buffer cimport Py_buffer
from cpython.object cimport PyObject

cdef extern from *:
    """
    /* What NumPy lays down of an array, by its ABI: f can change it through the array, and move the numbers elsewhere. */
    typedef struct {
        PyObject_HEAD
        char *data;
        int ndim;
        Py_ssize_t *shape;
        Py_ssize_t *strides;
        PyObject *base;
        PyObject *dtype;
    } Fields;
    #define fields_of(array) ((const Fields *)(array))
    """
    ctypedef struct Fields:
        char *data
        int ndim
        Py_ssize_t *shape
        Py_ssize_t *strides
        PyObject *base
        void *dtype
    const Fields *fields_of(object array) noexcept nogil


cdef struct Memory:
    char *start
    Py_ssize_t count                    # of coordinates, in C order whatever the strides are
    Py_ssize_t itemsize
    char kind                           # dtype.char: "f", "d" or "g"
    bint is_contiguous
    bint is_open
    char **table                        # where each coordinate lies, if they are in several arrays; else NULL
    const Fields *owner                 # of the array that owns the memory
    const char *home                    # where that array had it
    Py_buffer view


cdef bint open_memory(Memory *memory, array) except -1                            # False if it cannot be moved in place
cdef void close_memory(Memory *memory) noexcept
cdef char *strided_address(const Memory *memory, Py_ssize_t i) noexcept nogil
cdef void read_all(const Memory *memory, char *copy) noexcept nogil               # OUT: copy
cdef void write_all(const Memory *memory, const char *copy) noexcept nogil
cdef bint holds(const Memory *memory, const char *copy) noexcept nogil            # the same bits


cdef const Fields *owner_of(array)
cdef tuple shape_in(const Memory *memory)
cdef tuple strides_in(const Memory *memory)
cdef give_back_form(array, tuple shape, tuple strides, dtype, bytes numbers)      # best effort: an error follows


cdef inline bint is_at_home(const Memory *memory) noexcept nogil:
    """Return whether the memory is still where it was: an f that resizes an array frees it."""
    return memory.owner.data == memory.home


cdef inline size_t form_of(array) noexcept:
    """Return a number that another shape, other strides, another dtype or other memory would change."""
    cdef const Fields *fields = fields_of(array)
    cdef size_t form = <size_t>fields.data ^ <size_t>fields.dtype << 1
    cdef int axis
    for axis in range(fields.ndim):
        form = (form * 1000003 ^ <size_t>fields.shape[axis]) * 1000003 ^ <size_t>fields.strides[axis]
    return form * 1000003 + <size_t>fields.ndim


cdef inline char *address(const Memory *memory, Py_ssize_t i) noexcept nogil:
    if memory.is_contiguous:
        return memory.start + i * memory.itemsize
    return strided_address(memory, i)
