"""When a compiled loop, which holds no GIL, looks for signals or is told to stop."""


cdef struct Watch:
    const unsigned char *wake               # the loop looks when this byte is not `quiet`: it is told to stop, or time has passed
    unsigned char quiet
    bint can_stop                           # whether the byte stops the loop
    Py_ssize_t left                         # calls until it looks at the clock
    Py_ssize_t interval
    double started
    bint names_changes                      # whether who runs the loop raises the error for an f that changed its point
    Py_ssize_t changed                      # the coordinate that f changed, of the point that it was called with, or -1


cdef double seconds() noexcept nogil        # of a monotonic clock
cdef void start_watch(Watch *watch, const unsigned char *stop) noexcept nogil
cdef int end_watch(Watch *watch) except -1  # optional: without it the ticker ends by itself a little later
cdef int look_around(Watch *watch) except -1 nogil

cdef inline int look(Watch *watch) except -1 nogil:
    """Return 1 if the loop must stop; called once a coordinate, or once for each call of f."""
    watch.left -= 1
    if watch.left and watch.wake[0] == watch.quiet:
        return 0
    return look_around(watch)
