"""A derivative and its error bar, from f's values at some steps."""

cdef enum:
    MOST_LOOKS = 20                     # steps at one coordinate
    MOST_TERMS = 7                      # powers of the step that are fitted
    LONE = 64                           # so many times closer is no neighbor of a look

ctypedef fused real:
    double
    (long double)

cdef struct Fit:                        # of all looks within a radius
    long double value                   # the derivative
    double bar                          # its error is likely below that
    double radius                       # the longest step
    double sigma                        # what f's values within the radius are known to at best
    double scatter                      # the noise that the fit shows, in sigmas; 1 if it shows none
    double misfit                       # the last term kept and all terms dropped, in sigmas
    double other                        # what a fit of the other half has left out, in sigmas
    double other_size                   # of that half, in sigmas
    double size                         # of all terms, in sigmas
    double first                        # the first term, in sigmas
    double jump                         # of the derivative at x, if one is seen; else 0
    double surprise                     # how far the next look is from the fit; large where f changes abruptly
    int looks                           # within the radius
    double abrupt                       # a radius beyond which f changes abruptly; else 0
    int tread                           # whether shorter radii see a stair's tread only
    double change                       # of f within the radius, as a derivative
    int terms                           # kept
    int settled                         # the first term from which on all terms are noise; 0 if there is none

cdef struct Looks:                      # at one coordinate, by rising step
    int count
    const double *steps
    const void *up                      # f(x + h), a row of values for each look
    const void *down                    # f(x - h)
    const void *center                  # f(x)
    Py_ssize_t width                    # values in a row
    int n                               # the order of the derivative that is wanted
    int side                            # 0: both sides of x; 1 or -1: one of them
    double eps                          # of f's values
    double unresolved                   # a misfit of that is no noise: closer to x it shrinks
    double noise                        # of f's values, if it is known; else 0

cdef void fit(const Looks *looks, real *_, Fit *fits, Fit *best) noexcept nogil     # OUT: fits, best
