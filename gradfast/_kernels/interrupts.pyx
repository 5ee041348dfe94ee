"""When a compiled loop, which holds no GIL, looks for signals or is told to stop.

Design:
a. Only the main thread of Python sees signals, and only with the GIL. To take the GIL for each call of a cheap f would cost more
   than f.
b. A loop that has run for a hundredth of a second starts a *ticker*: a thread that changes a byte fifty times a second. The loop
   compares that byte after each call, which costs nothing, and asks for signals when it has changed. So it does not matter
   how the cost of f changes along the loop: Ctrl-C is seen within one call and one tick. A ticker that no loop heeds ends. If f
   took that long, the loop then starts another.
c. Until then the loop looks at the clock, after at most `MOST_CALLS` calls. Loops on other threads have a byte of their own, which
   the main thread sets.
"""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from cpython.time cimport PyTime_PerfCounterRaw

import os

# A loop that takes longer than this many seconds is worth a ticker.
cdef double SECONDS_WORTH_A_TICKER = 0.01
SECONDS_A_TICK = 0.02

# Of a cheap f this many calls take a few microseconds, a hundred times as long as a look at the clock.
cdef Py_ssize_t MOST_CALLS = 512

# A ticker ends after this many ticks at which no loop has looked.
cdef int TICKS_UNSEEN = 5

cdef unsigned char tick = 0
cdef int ticks_left = 0
cdef bint is_ticking = False
cdef object ticker = None                   # the thread, and the event that ends it
cdef cython.pymutex guard                   # of the ticker, where no GIL guards it


cdef double seconds() noexcept nogil:
    return 1e-9 * <double>PyTime_PerfCounterRaw()


cdef void start_watch(Watch *watch, const unsigned char *stop) noexcept nogil:
    watch.can_stop = stop != NULL
    watch.wake = stop if watch.can_stop else &tick
    watch.quiet = watch.wake[0]
    watch.left = watch.interval = 1
    watch.started, watch.changed, watch.names_changes = 0, -1, False


cdef int look_around(Watch *watch) except -1 nogil:
    if watch.can_stop:
        watch.left = MOST_CALLS
        return watch.wake[0] != 0
    if watch.wake[0] != watch.quiet:
        watch.quiet = watch.wake[0]
        with gil:
            see_signals()
            if not is_ticking:  # the ticker has ended: f took that long
                start_ticker()
    if watch.left <= 0:
        if watch.started == 0:
            watch.started = seconds()
        elif not is_ticking and seconds() - watch.started > SECONDS_WORTH_A_TICKER:
            with gil:
                see_signals()
                start_ticker()
            watch.started = seconds()
        watch.interval = min(2 * watch.interval, MOST_CALLS)
        watch.left = watch.interval
    return 0


cdef int see_signals() except -1:
    global ticks_left
    ticks_left = TICKS_UNSEEN
    PyErr_CheckSignals()
    return 0


cdef int start_ticker() except -1:
    """Start a ticker, unless this is not the main thread, which alone sees signals, or no thread can be had."""
    global is_ticking, ticker
    from threading import Event, Thread, current_thread, main_thread

    if current_thread() is not main_thread():
        return 0
    end = Event()
    thread = Thread(target=keep_ticking, args=(end,), name="gradfast's ticker", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # the loop goes on to look at the clock
        return 0
    is_ticking = True
    with guard:
        ticker = thread, end
    return 0


def keep_ticking(end):
    """Change the byte that loops look at, until they have ended."""
    global tick, ticks_left, is_ticking
    while ticks_left > 0 and not end.wait(SECONDS_A_TICK):
        tick += 1
        ticks_left -= 1
    is_ticking = False


cdef int end_watch(Watch *watch) except -1:
    global ticker
    if watch.can_stop or watch.started == 0 or not is_ticking:
        return 0
    with guard:
        found, ticker = ticker, None
    if found is None:
        return 0
    thread, end = found
    end.set()
    thread.join()
    return 0


def forget_ticker():
    """Know in a process that was forked from a loop that its ticker stayed in the other."""
    global is_ticking, ticker
    is_ticking, ticker = False, None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget_ticker)
