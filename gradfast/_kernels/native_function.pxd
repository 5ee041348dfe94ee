"""A compiled f: its address, and which of ten signatures it has; and how loops over it see that they must stop.

Each call looks at the signature again: that costs less than the call, and a loop for each signature would be ten loops.
"""

cimport cython

from gradfast._kernels.steps_and_bounds cimport Bits


cdef enum Signature:                        # T is int or Py_ssize_t
    POINT_INT                               # double (int, double *)
    POINT_INT_DATA                          # double (int, double *, void *)
    POINT_SIZE                              # double (Py_ssize_t, double *)
    POINT_SIZE_DATA                         # double (Py_ssize_t, double *, void *)
    NUMBER                                  # double (double)
    NUMBER_DATA                             # double (double, void *)
    ARRAY_INT                               # void (int, double *, int, double *)
    ARRAY_INT_DATA                          # void (int, double *, int, double *, void *)
    ARRAY_SIZE                              # void (Py_ssize_t, double *, Py_ssize_t, double *)
    ARRAY_SIZE_DATA                         # void (Py_ssize_t, double *, Py_ssize_t, double *, void *)


cdef struct Function:
    void *address
    void *data
    Signature signature


@cython.final
cdef class NativeFunction:
    cdef Function function
    cdef public object reducer              # tells pickle how to make it again, if that is known
    cdef object owner                       # the objects that keep the code and its data alive
    cdef readonly str signature
    cdef readonly str kind                  # "point": a number at a point; "number"; "array": an array at a point
    cdef readonly Py_ssize_t outputs        # how many values f writes; -1 if unknown


ctypedef double (*point_int)(int, double *) noexcept nogil
ctypedef double (*point_int_data)(int, double *, void *) noexcept nogil
ctypedef double (*point_size)(Py_ssize_t, double *) noexcept nogil
ctypedef double (*point_size_data)(Py_ssize_t, double *, void *) noexcept nogil
ctypedef double (*of_number)(double) noexcept nogil
ctypedef double (*of_number_data)(double, void *) noexcept nogil
ctypedef void (*array_int)(int, double *, int, double *) noexcept nogil
ctypedef void (*array_int_data)(int, double *, int, double *, void *) noexcept nogil
ctypedef void (*array_size)(Py_ssize_t, double *, Py_ssize_t, double *) noexcept nogil
ctypedef void (*array_size_data)(Py_ssize_t, double *, Py_ssize_t, double *, void *) noexcept nogil


# Of any f:
cdef bint is_python(f) noexcept                             # and no object that owns compiled code
cdef bint names_nothing(f) except -1                        # whether a function knows nothing but its arguments


# Not inline: with the code of the error among them the loops were aligned otherwise, and took 7 % longer.
cdef int refuse_signature(Signature found, bint wants_array) except -1 nogil


cdef inline double call(const Function *f, Py_ssize_t n, double *x) noexcept nogil:
    """Call an f of a POINT signature; loops check that once, by require_point, before they call."""
    if f.signature == POINT_INT:
        return (<point_int>f.address)(<int>n, x)
    if f.signature == POINT_SIZE:
        return (<point_size>f.address)(n, x)
    if f.signature == POINT_INT_DATA:
        return (<point_int_data>f.address)(<int>n, x, f.data)
    return (<point_size_data>f.address)(n, x, f.data)


cdef inline double call_at_number(const Function *f, double x) noexcept nogil:
    if f.signature == NUMBER:
        return (<of_number>f.address)(x)
    return (<of_number_data>f.address)(x, f.data)


cdef inline void call_array(const Function *f, Py_ssize_t n, double *x, Py_ssize_t m, double *out) noexcept nogil:
    if f.signature == ARRAY_INT:
        (<array_int>f.address)(<int>n, x, <int>m, out)
    elif f.signature == ARRAY_SIZE:
        (<array_size>f.address)(n, x, m, out)
    elif f.signature == ARRAY_INT_DATA:
        (<array_int_data>f.address)(<int>n, x, <int>m, out, f.data)
    else:
        (<array_size_data>f.address)(n, x, m, out, f.data)


cdef inline int require_point(const Function *f) except -1 nogil:
    return 0 if f.signature <= POINT_SIZE_DATA else refuse_signature(f.signature, False)


cdef inline int require_array(const Function *f) except -1 nogil:
    return 0 if f.signature >= ARRAY_INT else refuse_signature(f.signature, True)


cdef inline bint is_at(double found, double put) noexcept nogil:
    """Return whether f, which is to leave its point alone, left a coordinate where it was put, to the bit."""
    cdef Bits seen, kept
    seen.number, kept.number = found, put
    return seen.pattern == kept.pattern


cdef struct Watch:
    const unsigned char *wake               # a loop without a clock looks up if this byte is not `quiet`: another
                                            # thread sets it, to stop the loop or so that it looks for Ctrl-C
    unsigned char quiet
    bint can_stop                           # whether the byte stops the loop
    Py_ssize_t left                         # calls until it looks at the clock
    Py_ssize_t interval
    double started
    bint caller_raises                      # if f changes its point: the loop returns 2; else it raises, and says x[i]
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
