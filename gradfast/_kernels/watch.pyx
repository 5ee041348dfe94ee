"""Who may stop a loop over compiled f.

A loop looks at the clock now and then, ever more seldom the faster f is, and when it has run for a
twentieth of a second asks for signals: Ctrl-C stops it soon, and a fast f pays nothing.
"""

from cpython.exc cimport PyErr_CheckSignals


cdef extern from "<time.h>" nogil:
    cdef struct timespec:
        long long tv_sec
        long tv_nsec
    int timespec_get(timespec *, int)
    int TIME_UTC


cdef double seconds() noexcept nogil:
    cdef timespec now
    timespec_get(&now, TIME_UTC)
    return now.tv_sec + 1e-9 * now.tv_nsec


cdef void start_watch(Watch *watch, const unsigned char *stop) noexcept nogil:
    watch.stop = stop
    watch.left = watch.interval = 1
    watch.looked = 0


cdef int look_at_clock(Watch *watch) except -1 nogil:
    cdef double now = seconds()
    if watch.stop != NULL and watch.stop[0]:
        return 1
    if watch.looked == 0:
        watch.looked = now
    elif now - watch.looked > 0.05:
        watch.looked = now
        watch.interval = max(1, watch.interval // 4)
        with gil:
            PyErr_CheckSignals()
    elif now - watch.looked < 0.01:
        watch.interval *= 2
    watch.left = watch.interval
    return 0
