"""Where f is looked at next on a line, from what was seen of it there."""

from gradfast._kernels.adaptive_fit cimport MOST_LOOKS, Fit, Looks, Value

cdef double GOLDEN
cdef double SILVER

cdef struct Line:
    int side                            # 0: both sides of x; 1 or -1: one; HELD: none
    int count                           # of looks
    double[MOST_LOOKS] steps            # in the order of the looks
    double x                            # how large x is
    double unit                         # in the last place of x
    double scale                        # what the first step is relative to
    double reach                        # no look is further from x
    double beside                       # a step that suits the distance of a bound nearby, or 0
    double wall                         # the shortest step at which f is not finite
    double into                         # how far the next look goes in if f is not finite there either
    double asked                        # the step that f's values are asked for
    double next                         # the step that comes then, or 0
    double tolerance                    # of bars relative to values
    double enough                       # a result has converged if its bar is at most this part of it
    int left                            # evaluations
    int free                            # the only side on which f was finite, or 0
    bint has_moved                      # whether any of f's values differs from f(x) at a look

cdef double next_look(const Line *a, const Looks *looks, Value *v) noexcept nogil   # OUT: v
cdef bint has_not_moved(const Fit *b) noexcept nogil
