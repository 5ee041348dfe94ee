"""What all operators do: what a call asks of an operator, in the order in which it asks."""

from gradfast._kernels.combine cimport Division
from gradfast._kernels.evaluator cimport Block, Evaluator
from gradfast._kernels.moves cimport Groups, Moves
from gradfast._kernels.steps_and_bounds cimport Box, Plan


cdef class Operator:
    cdef readonly object f              # as it was given
    cdef readonly object method         # a method object
    cdef readonly object bounds         # as given, arrays copied
    cdef public Box box                 # the same, looked at; None without bounds
    cdef readonly object axis, workers, progress
    cdef readonly bint vectorized, full_output
    cdef readonly int argnum            # which positional argument of f is x
    cdef readonly object kwargs         # f's keyword arguments, or None
    cdef readonly bint has_aux          # whether f returns its value and something else
    cdef bint is_arranged               # whether f's arguments are not simply x and then the others
    cdef readonly object objective      # f as it is called; of compiled code, a NativeFunction
    cdef readonly int n                 # order of the derivative
    cdef readonly bint single           # whether f's value is to be one number
    cdef readonly bint is_native
    cdef readonly bint wants_value      # whether a call returns f's value, too
    cdef public bint is_sparse          # whether only the entries of a sparsity are wanted
    cdef list plans                     # of a difference method, by order and dtype.char; None of other methods
    cdef public bint is_plain           # whether f is called with one point, by this thread: nothing else is asked for
    cdef object name                    # of the method, as it was given for one call

    cdef prepare(
        self, f, method, axis, bounds, kwargs, argnum, has_aux, vectorized, workers, progress, on_error, full_output
    )
    cdef run(self, x, tuple args, v, f0, bint wants_value)
    cdef Evaluator open_plain(self, x, tuple args)
    cdef differentiate_more(self, Evaluator e, v, f0, bint wants_value)
    cdef differentiate(self, Evaluator e, v, f0, bint wants_value)
    cdef tuple parts_of(self, Evaluator e, v)
    cdef Plan plan_for(self, Evaluator e)
    cdef tuple moves_within(self, Evaluator e, Plan plan)
    cdef bint needs_center(self, Evaluator e, tuple parts) except -1
    cdef tuple with_center(self, Evaluator e, v, tuple parts, Block *center)
    cdef results_of(self, Evaluator e, tuple parts, const Block *center, given)
    # What operators differ in:
    cdef Groups groups(self, Evaluator e)
    cdef Division division(self, Evaluator e) noexcept
    cdef Moves plain_moves(self, Evaluator e, Plan plan, v)     # None if bounds are near
    cdef new_result(self, Evaluator e, tuple parts)
    cdef finish(self, Evaluator e, tuple parts, result)


cdef Groups each_of(Py_ssize_t n)                           # n coordinates, each moved alone
