"""A derivative and its error bar, from f's values at some steps."""

cdef double JUMP

cdef enum:
    MOST_LOOKS = 20                     # steps on one line
    MOST_TERMS = 7                      # powers of the step that are fitted

cdef struct Looks:                      # what one of f's values is at some steps, rising, on one line through x
    int count
    double[MOST_LOOKS] steps
    long double[MOST_LOOKS] above       # f(x + h)
    long double[MOST_LOOKS] below       # f(x - h); where f is not looked at, f(x)
    long double center                  # f(x)
    int n                               # the order of the derivative that is wanted
    int side                            # 0: both sides of x; 1 or -1: one; HELD: none
    double eps                          # of f's values

# What is in sigmas is in units of what f's values within the radius are known to at best.
cdef struct Fit:                        # of all looks within a radius
    long double value                   # the derivative
    double bar                          # its error is likely below that
    double radius                       # the longest step
    double sigma
    double scatter                      # the noise that the fit shows, in sigmas; 1 if it shows none
    double misfit                       # the last term kept and all terms dropped, in sigmas
    double size                         # of the half of f that is fitted, in sigmas
    double other_misfit                 # what a fit of the other half of f leaves out, in sigmas
    double other_size                   # of that half, in sigmas
    double jump                         # of the derivative at x, if one is seen; else 0
    double unseen                       # a jump up to this size would not be seen
    double next_misses                  # how far the next look is from the fit; large where f changes abruptly
    int looks                           # within the radius
    int terms                           # kept
    int settled                         # the first term from which on all terms are noise; 0 if there is none

cdef enum State:                        # in this order, of one of f's values on a line
    NOT_ROUGH = 0
    DEEP_LOOK = 1                       # f was looked at much closer to x,
    DEEPER_LOOK = 2                     # and closer still
    CONFIRMING_LOOK = 3                 # the misfit shrank there: one more look beside it is to confirm that
    SMOOTH_CLOSE_BY = 4                 # it did
    IS_NOISE = 5                        # the misfit does not shrink with the step

cdef struct Value:                      # of f on a line: what is known of it besides its looks
    Fit best
    bint is_tread                       # whether closer to x only a stair's tread is seen
    bint is_abrupt                      # whether f changes abruptly beyond some radius
    double noise                        # where it is seen; else 0
    bint rests                          # whether it is f(x) at the closest look
    double stairs                       # the height of its stairs; else 0
    double shape_above                  # a misfit above this is f's shape, not noise, since it shrinks closer to x:
                                        # such fits are not chosen; infinite as long as nothing is known
    State state
    double rough_by                     # the misfit that made it look rough
    int treads                          # deep looks that were too close: f rested there, on a stair's tread
    int more                            # looks at noise that are left
    bint has_moved                      # whether it is not f(x) at any look that counts for it
    bint ever_moved                     # or where another of f's values is not finite
    bint has_looked_out                 # for what lies beyond an abrupt change
    double wish                         # the step of the look that it waits for, or 0
    unsigned int counted                # the looks that count for it, a bit for each number

cdef struct Basis:                      # powers of the steps within a radius, in units of it, made orthonormal
    int power                           # the first
    int every                           # from one power to the next
    int row                             # which of them is that of the derivative
    int columns                         # that say something
    double[MOST_TERMS][MOST_LOOKS] q    # by columns, the longest step first
    double[MOST_TERMS][MOST_TERMS] r    # the triangle
    double[MOST_TERMS] weights          # of each term in the coefficient of the derivative
    double[MOST_TERMS] norms            # of the first weights

cdef void fit(const Looks *looks, Value *known, Fit *fits) noexcept nogil       # OUT: known, fits
cdef long double half(const Looks *looks, int look, bint is_odd) noexcept nogil
cdef double moved(const Looks *looks, int look) noexcept nogil
cdef double height_of_stairs(const Looks *looks) noexcept nogil
cdef long double as_derivative(const Fit *a, int n, long double coefficient) noexcept nogil
