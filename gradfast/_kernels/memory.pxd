"""The memory that is moved: where each of its coordinates lies, and what it held before."""

from cpython.buffer cimport Py_buffer


cdef struct Memory:
    char *start
    Py_ssize_t count                    # of coordinates, in C order whatever the strides are
    Py_ssize_t itemsize
    char kind                           # dtype.char: "f", "d" or "g"
    bint is_contiguous
    bint is_open
    char **table                        # where each coordinate lies, if they are in several arrays; else NULL
    Py_buffer view


cdef bint open_memory(Memory *memory, array) except -1                            # False if it cannot be moved in place
cdef void close_memory(Memory *memory) noexcept
cdef char *strided_address(const Memory *memory, Py_ssize_t i) noexcept nogil
cdef void read_all(const Memory *memory, char *copy) noexcept nogil               # OUT: copy
cdef void write_all(const Memory *memory, const char *copy) noexcept nogil
cdef bint holds(const Memory *memory, const char *copy) noexcept nogil            # the same bits


cdef inline char *address(const Memory *memory, Py_ssize_t i) noexcept nogil:
    if memory.is_contiguous:
        return memory.start + i * memory.itemsize
    return strided_address(memory, i)
