"""A derivative and its error bar, from f's values at some steps."""

cdef enum:
    MOST_LOOKS = 20                     # steps on one line
    MOST_TERMS = 7                      # powers of the step that are fitted

ctypedef fused real:
    double
    (long double)

cdef struct Known:                      # of one of f's values on a line, besides its looks; a fit uses the first two
    double noise                        # where it is seen; else 0
    double unresolved                   # a misfit so large is no noise, since closer to x it shrinks; else infinite
    int state
    int dives                           # looks much closer to x
    double level                        # the misfit that made it look rough
    int more                            # looks at noise that are left
    bint has_looked_out                 # for what lies beyond an abrupt change
    double last_bar                     # before the last look further out

cdef struct Looks:                      # at f on one line through x, by rising step
    int count
    const double *steps
    const void *up                      # f(x + h), a row of values for each look
    const void *down                    # f(x - h)
    const void *center                  # f(x)
    Py_ssize_t width                    # values in a row
    int n                               # the order of the derivative that is wanted
    int side                            # 0: both sides of x; 1 or -1: one of them
    double eps                          # of f's values
    const Known *known                  # by value

# What is in sigmas is in units of what f's values within the radius are known to at best.
cdef struct Fit:                        # of all looks within a radius
    long double value                   # the derivative
    double bar                          # its error is likely below that
    double radius                       # the longest step
    double sigma
    double gain                         # how much noise of 1 in f's values changes the derivative
    double scatter                      # the noise that the fit shows, in sigmas; 1 if it shows none
    double misfit                       # the last term kept and all terms dropped, in sigmas
    double first                        # the first term, in sigmas
    double size                         # the largest term, in sigmas
    double other_misfit                 # what a fit of the other half of f has left out, in sigmas
    double other_size                   # of that half, in sigmas
    double change                       # of f within the radius, in units of the derivative
    double jump                         # of the derivative at x, if one is seen; else 0
    double surprise                     # how far the next look is from the fit; large where f changes abruptly
    int looks                           # within the radius
    int terms                           # kept
    int settled                         # the first term from which on all terms are noise; 0 if there is none
    bint is_tread                       # whether a stair's tread only is seen closer to x
    bint is_regular                     # False if f rests at the closest look though it has no regular stairs
    double abrupt                       # a radius beyond which f changes abruptly; else 0

cdef void fit(const Looks *looks, const real *_, Fit *fits, Fit *best) noexcept nogil     # OUT: fits, best
cdef double moved(const Looks *looks, Py_ssize_t c, int look, const real *_) noexcept nogil
cdef double strangeness(const Looks *looks, Py_ssize_t c, int count, const real *_) noexcept nogil
