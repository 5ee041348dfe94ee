cdef without_subclass(x)
cdef int require_same(x, bytes before) except -1
cdef Py_ssize_t put_back(x, bytes before) except -2
