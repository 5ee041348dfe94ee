"""Fit each of f's values within each radius around x, and choose the radius whose fit has the least bar.

A fit is not believed if it sees no more than the tread of a stair, and its bar is made wider where f rests at x.
"""

from libc.math cimport INFINITY, fabs, fmax, isfinite, pow, remainder, rint

from gradfast._kernels.adaptive_fit cimport MOST_LOOKS, MOST_TERMS, RESTS, Basis, Fit, Looks, Value, decompose, fit_value, half, moved

# f changes abruptly if the next look is this many times as far from a fit as noise and one more term explain. Treads of
# naive formulas are above 1e5. 100 takes 1 in 100 fast waves for treads.
cdef double ABRUPT = 1000.0

# f rests if it moves by less than the part RESTS of what the fit forecasts, FAR times further out or more. If treads
# are not looked for, 168 of 2400 results at and beside kinks are lies, all with converged true. With 52,
# (1 - cos(x)) / x lies.
cdef double FAR = 8.0

# A stair's height is that many times what is lost in finding it, or there are no stairs. If none are looked for, 60
# more of 2400 results for kinks, some of them of rounded f, are off by more than 1e-6.
cdef double REGULAR = 1e4


cdef double height_of_stairs(const Looks *looks, Py_ssize_t c) noexcept nogil:
    """Return the greatest number of which all changes of f are multiples, by Euclid's algorithm; infinite if unclear."""
    cdef double height = 0, known_to = 0, largest = 0, rest, error
    cdef double size = fabs(<double>looks.center[c]) + moved(looks, c, looks.count - 1)
    cdef int j
    for j in range(2 * looks.count):
        rest = fabs(<double>(looks.values[j * looks.width + c] - looks.center[c]))
        error, largest = 2.0**-52 * size, fmax(largest, rest)
        while rest > error:
            known_to, error = error, known_to + rint(height / rest) * error
            height, rest = rest, fabs(remainder(height, rest))
    if largest == 0:
        return 0
    return height if REGULAR * known_to <= height <= largest / 2 else decimal_unit(looks, c)


cdef double decimal_unit(const Looks *looks, Py_ssize_t c) noexcept nogil:
    """Return the unit of the last of up to 12 decimals that all values of f have; infinite if they have more."""
    cdef double scale = 1, value
    cdef int j, k
    for k in range(13):
        for j in range(2 * looks.count):
            value = scale * <double>looks.values[j * looks.width + c]
            if fabs(value - rint(value)) > 4e-16 * fabs(value):
                break
        else:
            return 1 / scale
        scale *= 10
    return INFINITY


cdef int end_of_tread(const Looks *looks, Py_ssize_t c, int needed, const Fit *fits,
                      double *abrupt) noexcept nogil:  # OUT: abrupt
    """Return the last of the fits that see a stair's tread only, or -1; write where f changes abruptly.

    A tread is smooth, but its slope is not that of the stairs. A fit is one of a tread if f changes abruptly just
    beyond it, and further out rests, or has another slope. That differs by a quarter: if no slope were another, 17 more
    of 9000 results would be lies. It is the same at two looks, and on both sides of x, as beyond a kink it is not.
    """
    cdef int i, k
    cdef double end, slope, bend, last, value, other
    cdef bint is_other
    for i in range(looks.count - 2 if looks.n == 1 else -1, needed - 2, -1):
        end, value, last = FAR * fits[i].radius, <double>fits[i].value, INFINITY
        if not fits[i].next_misses > ABRUPT or fits[i + 1].radius > end:
            continue
        abrupt[0] = fits[i].radius
        for k in range(i + 2, looks.count):
            if looks.steps[k] < end:
                continue
            slope = <double>half(looks, c, k, True) / looks.steps[k]
            bend = INFINITY if looks.side else <double>half(looks, c, k, False) / looks.steps[k]
            other = fabs(slope - value)
            is_other = other > 0.25 * fabs(value) and RESTS * other > fmax(fabs(slope - last), fabs(bend))
            if is_other or moved(looks, c, k) < RESTS * fabs(value) * looks.steps[k]:
                while i < looks.count - 1 and fits[i + 1].radius < end:
                    i += 1
                return i
            last = slope
    return -1


cdef void choose(const Looks *looks, Value *known, Py_ssize_t c, int needed, Fit *fits) noexcept nogil:
    """Choose the radius of the least bar. OUT: known, fits."""
    cdef Fit *best = &known.best
    cdef double moves, jump = 0
    cdef int i, tread
    known.abrupt = 0
    tread = end_of_tread(looks, c, needed, fits, &known.abrupt)
    known.is_tread = tread >= 0
    best.bar, best.looks = INFINITY, 0
    for i in range(looks.count - 1, needed - 2, -1):
        # A jump at x is one within any radius, unless a fit would have seen it.
        jump = fmax(fits[i].jump, jump if fits[i].unseen >= jump else 0)
        fits[i].bar = fmax(fits[i].bar, jump)
        if fmax(fits[i].misfit, fits[i].other_misfit) * fits[i].sigma > known.shape_above:
            continue
        # f rests, with a slope of 0, if it should have moved at the closest look.
        moves = fabs(<double>fits[i].value) * pow(looks.steps[0], looks.n)
        if i <= tread or not isfinite(known.stairs) and moves > 2 * looks.eps * fabs(<double>looks.center[c]):
            fits[i].bar = fmax(fits[i].bar, fabs(<double>fits[i].value))
        if isfinite(fits[i].bar) and fits[i].bar <= best.bar:
            best[0] = fits[i]


cdef void see(Looks *own, long double *values, const Looks *looks, unsigned int counted,
              Py_ssize_t c) noexcept nogil:  # OUT: own, values
    """Write the looks that count for one of f's values, in rows of that value alone."""
    cdef const long double *seen = looks.values + c
    cdef int j
    if looks.width == 1:
        own[0] = looks[0]  # all of them count
        return
    own.count, own.values, own.center, own.width = 0, values, looks.center + c, 1
    own.n, own.side, own.eps = looks.n, looks.side, looks.eps
    for j in range(looks.count):
        if counted >> looks.numbers[j] & 1:
            own.steps[own.count], own.numbers[own.count] = looks.steps[j], looks.numbers[j]
            values[2 * own.count], values[2 * own.count + 1] = seen[0], seen[looks.width]
            own.count += 1
        seen += 2 * looks.width


cdef void fit(const Looks *looks, Value *values, Fit *fits) noexcept nogil:
    """Fit each value in a row that is not done, at the looks that count for it. OUT: values, fits."""
    cdef Py_ssize_t c
    for c in range(looks.width):
        values[c].is_fitted = values[c].is_done
    for c in range(looks.width):
        if not values[c].is_fitted:
            fit_alike(looks, values, c, fits)


cdef void fit_alike(const Looks *looks, Value *values, Py_ssize_t first, Fit *fits) noexcept nogil:
    """Fit the first and all other values for which the same looks count: within each radius. OUT: values, fits.

    A radius can be chosen if it holds one look more than the shortest fit has terms, so that something is left to tell
    the error by. While there are no more looks, or once closer looks have shown that f is smooth, as many are enough.
    """
    cdef Basis mine, other
    cdef Looks own
    cdef long double[2 * MOST_LOOKS] memory
    cdef unsigned int counted = values[first].counted
    cdef Py_ssize_t c, seen = first
    cdef int rows, needed, shortest
    see(&own, memory, looks, counted, first)
    mine.power, mine.every = 1 if own.side or own.n % 2 else 2, 1 if own.side else 2
    mine.row, shortest = (own.n - 1) // mine.every, (own.n - 1) // mine.every + 2
    other.power, other.every, other.row = 3 - mine.power, 2, MOST_TERMS
    for rows in range(shortest, own.count + 2):
        if rows <= own.count:
            decompose(&mine, own.steps, rows)
            if own.side == 0:
                decompose(&other, own.steps, rows)
        for c in range(first, looks.width):
            if values[c].counted != counted or values[c].is_fitted:
                continue
            if seen != c:
                see(&own, memory, looks, counted, c)
                seen = c
            if rows == shortest:
                values[c].stairs = 0 if moved(&own, 0, 0) else height_of_stairs(&own, 0)
            if rows <= own.count:
                fit_value(&own, &values[c], 0, rows, &mine, &other, &fits[c * MOST_LOOKS + rows - 1])
            else:
                needed = shortest if isfinite(values[c].shape_above) else min(shortest + 1, max(own.count, shortest))
                choose(&own, &values[c], 0, needed, &fits[c * MOST_LOOKS])
                values[c].is_fitted = True
