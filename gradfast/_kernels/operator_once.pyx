"""``gradient(f, x)`` in place of ``Gradient(f)(x)``: an operator that is made for one call, and kept for the next."""

cimport cython

from gradfast._kernels.native_function cimport is_python
from gradfast._kernels.operator_run cimport Operator

cdef extern from *:
    """
    #define new(kind, args, keywords) ((PyTypeObject *)(kind))->tp_new((PyTypeObject *)(kind), args, keywords)
    """
    object new(object kind, tuple args, void *keywords)  # an object of a class, not yet initialized


# Defaults of arguments, as one object each.
cdef object ZERO = 0, RAISE = "raise"


@cython.final
cdef class Spare:
    """Keeps an operator of a kind from one call to the next, for Python callables and the usual options.

    To make an operator takes about as long as to differentiate a short f with it. Here f is all that changes.
    """

    def __init__(self, kind):
        self.kind = kind

    cdef Operator take(self, f, method):
        """Return the operator for f, if there is one of this method that nobody uses: a call within f needs another."""
        cdef Operator made
        with cython.critical_section(self):
            made, self.operator = self.operator, None
        if made is None or made.name is not method:
            return None
        made.f = made.objective = f
        return made

    cdef give_back(self, Operator made):
        """Keep an operator for the next call, without its f."""
        made.f = made.objective = None
        with cython.critical_section(self):
            self.operator = made


cpdef once(
    Spare spare, f, x, args, f0, method, axis, bounds, kwargs, argnum, has_aux, vectorized, workers, progress, on_error,
    full_output, int n=0,
):
    """Return ``kind(f, **options)(x, *args)``: an operator that is made for one call, or was for an earlier one."""
    cdef Operator made = None
    cdef bint is_usual = (
        n <= 1 and axis is None and bounds is None and kwargs is None and argnum is ZERO and has_aux is False
        and vectorized is False and workers is None and progress is False and on_error is RAISE and full_output is False
        and is_python(f)
    )
    if is_usual:
        made = spare.take(f, method)
    if made is None:
        made = <Operator>new(spare.kind, (), NULL)
        if n:
            made.n = n
        made.prepare(f, method, axis, bounds, kwargs, argnum, has_aux, vectorized, workers, progress, on_error, full_output)
        made.name = method
    found = made.run(x, args if type(args) is tuple else (args,), None, f0, made.wants_value)
    if is_usual and made.plans is not None:
        spare.give_back(made)
    return found
