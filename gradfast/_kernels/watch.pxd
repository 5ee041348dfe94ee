cdef struct Watch:                          # who may stop a loop, and when it looks
    const unsigned char *stop
    Py_ssize_t left
    Py_ssize_t interval
    double looked


cdef void start_watch(Watch *watch, const unsigned char *stop) noexcept nogil
cdef int look_at_clock(Watch *watch) except -1 nogil


cdef inline int look(Watch *watch) except -1 nogil:
    """Return 1 if the loop must stop; called once a coordinate."""
    watch.left -= 1
    return 0 if watch.left else look_at_clock(watch)
