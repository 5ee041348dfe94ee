cdef without_subclass(x)
cdef int require_same(x, bytes before) except -1            # 0, or ValueError with x put back
cdef Py_ssize_t put_back(x, bytes before) except -2         # where x was changed first, counted flat; -1: nowhere
