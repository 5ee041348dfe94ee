"""Fit f's values by powers of the step: the derivative, and how wrong it may be.

For a first derivative the odd half of f, (f(x + h) - f(x - h)) / 2, is fitted by h, h^3, h^5 and so on. One QR
decomposition of these powers gives the terms of the fit one after another, each in units of what f's values are known
to at best. The terms of a smooth f fall, each by about the same factor, until they meet f's noise. Where noise begins
is how far f's values can be trusted, and the last term above it tells what the fit has left out.

The other half, here (f(x + h) + f(x - h)) / 2 - f(x), is a witness. If f is smooth, powers of the step fit it as well,
and it has no term in h, which would be a jump of the derivative at x.

The constants here and in the modules beside were set by experiments. Each was changed alone, and its comment tells what
became worse among results whose right value is known: 10,700 in all, of smooth, noisy and rounded functions, of kinks
and of single precision, or some classes of them. A *lie* is a result that is said to have converged although it is off
by more than 1e-6 of the value.
"""

from libc.math cimport INFINITY, NAN, fabs, fmax, fmin, isfinite, pow, remainder, rint, sqrt

# Two-sided 95 % quantiles of Student's distribution, by degrees of freedom.
cdef double[13] STUDENT = [INFINITY, 12.7, 4.3, 3.2, 2.8, 2.6, 2.45, 2.4, 2.3, 2.3, 2.3, 2.2, 2.2]

# A power whose part that lower powers do not explain is below this part of it says nothing: that part is rounding. With
# 1e-15, 9 more of 9000 bars do not cover the error; with 1e-10, 261 results are 10 times worse and 92 better.
cdef double RANK = 1e-13

# Terms up to this many times the scatter are noise, and so is a jump up to this many times its own error. With 2, 16
# more of 9000 results are off by a tenth; with 4, 9 more bars do not cover the error, and 2 more results are lies.
cdef double WITHIN_NOISE = 3.0

# A term that falls from the one before it by less than this factor is noise, if no more terms are left to tell. Without
# the rule 13 more of 2400 bars at and beside kinks do not cover the error.
cdef double FALLS = 0.5

# If no term is dropped, the bar is this many times what the last terms' fall and the witness let expect. With 3, twice
# as many bars of smooth functions are too narrow, 7 of 640; with 12, one more look is taken at 1 in 10.
cdef double FORECAST = 6.0

# f changes abruptly only if the next look is off by this part of what the fit forecasts, too. f rests if it moves by
# less than that. With 0.25, 7 more of 9000 bars do not cover the error.
cdef double RESTS = 0.1

# How much longer or shorter a step is if nothing tells how much. If it is not used further out, 200 more of 2400
# results at and beside kinks are off by a tenth.
JUMP = 51.8

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

# f is on no tread where it moves by more than this many of its stairs. Without the rule, 25 of 150 bars of fast waves
# rounded to 5 decimals do not cover the error, otherwise none.
cdef double FEW_STAIRS = 4.0

cdef struct Terms:                      # of a half of f, in sigmas
    double[MOST_TERMS] z
    double[MOST_TERMS] tail             # the root mean square of each and all after it
    double[MOST_LOOKS] left             # what all terms leave out, the longest step first
    double size                         # the largest value of that half
    long double first                   # the part of the first power that is in no term, as a value of f
    double first_term                   # that part as a term


cdef void decompose(Basis *a, const double *steps, int rows) noexcept nogil:
    """Write the QR decomposition of powers of the steps, and how much each term counts in the derivative. OUT: a."""
    cdef int i, j, k, most = min(rows, MOST_TERMS)
    cdef double s, power, length, largest, rest, squares = 0
    for i in range(rows):
        s = steps[rows - 1 - i] / steps[rows - 1]
        power = s if a.power == 1 else s * s
        for k in range(most):
            a.q[k][i] = power
            power *= s if a.every == 1 else s * s
    for k in range(most):
        a.columns = k
        length = sqrt(dot(a.q[k], a.q[k], rows))
        largest, rest = length, k == a.row
        for j in range(k):
            largest = fmax(largest, fabs(a.r[j][k]))
        if not length > RANK * largest:
            return
        a.r[k][k] = length
        for i in range(rows):
            a.q[k][i] /= length
        for j in range(k + 1, most):
            a.r[k][j] = take_out(a.q[k], a.q[j], rows)
        for j in range(a.row, k):
            rest -= a.r[j][k] * a.weights[j]
        a.weights[k] = rest / length if k >= a.row else 0
        squares += a.weights[k] * a.weights[k]
        a.norms[k] = sqrt(squares)
    a.columns = most


cdef double dot(const double *a, const double *b, int count) noexcept nogil:
    cdef double sum_ = 0
    cdef int i
    for i in range(count):
        sum_ += a[i] * b[i]
    return sum_


cdef double take_out(const double *unit, double *y, int count) noexcept nogil:  # OUT: y
    """Take the part along a unit vector out of y; return how long it is."""
    cdef double part = dot(unit, y, count)
    cdef int i
    for i in range(count):
        y[i] -= part * unit[i]
    return part


cdef long double half(const Looks *looks, int look, bint is_odd) noexcept nogil:
    """Return the odd or the even half of f at a look; where one side is seen only, how far f is from f(x)."""
    cdef long double up = looks.above[look] - looks.center, down = looks.below[look] - looks.center
    if looks.side:
        return up if looks.side > 0 else -down
    return up / 2 - down / 2 if is_odd else up / 2 + down / 2


cdef long double value_at(const Looks *looks, int j) noexcept nogil:
    return looks.below[j // 2] if j % 2 else looks.above[j // 2]


cdef double moved(const Looks *looks, int look) noexcept nogil:
    """Return how far f moves at a look."""
    cdef double odd = fabs(<double>half(looks, look, True))
    return odd if looks.side else odd + fabs(<double>half(looks, look, False))


cdef long double beyond_first(const Looks *looks, int rows, int look, bint is_odd, int power) noexcept nogil:
    """Return what of a half of f at a look is beyond the first power, as the longest look has it."""
    cdef long double s = <long double>looks.steps[look] / looks.steps[rows - 1]
    return half(looks, look, is_odd) - half(looks, rows - 1, is_odd) * (s if power == 1 else s * s)


cdef void project(Terms *a, const Basis *basis, const Looks *looks, int rows, bint is_odd, double sigma) noexcept nogil:
    """Write the terms of a half of f, of which the first power is taken out before, in f's own precision. OUT: a."""
    cdef double squares
    cdef int i, k
    a.first, a.size = half(looks, rows - 1, is_odd), 0
    for i in range(rows):
        a.size = fmax(a.size, fabs(<double>(half(looks, rows - 1 - i, is_odd) / sigma)))
        a.left[i] = <double>(beyond_first(looks, rows, rows - 1 - i, is_odd, basis.power) / sigma)
    a.first_term = <double>(a.first / sigma) * basis.r[0][0]
    for k in range(MOST_TERMS):
        a.z[k] = take_out(basis.q[k], a.left, rows) if k < basis.columns else INFINITY
    squares = dot(a.left, a.left, rows) if rows > basis.columns else 0
    for k in range(basis.columns - 1, -1, -1):
        squares += a.z[k] * a.z[k]
        a.tail[k] = sqrt(squares / (rows - k))


cdef long double as_derivative(const Fit *a, int n, long double coefficient) noexcept nogil:
    """Return a coefficient, in units of the radius, as a derivative; without over- or underflow on the way."""
    cdef int i
    for i in range(1, n + 1):
        coefficient = coefficient * i / a.radius
    return coefficient


cdef void keep_terms(Fit *a, const Basis *basis, const Terms *terms, const Terms *witness, int n, int rows,
                     int most) noexcept nogil:
    """Keep as many terms as give the least bar, and write what they tell. OUT: a.

    If no term is dropped, nothing is left to tell noise by. The witness has a term one power higher than the last one
    kept, as noisy as that. It and the fall of the last terms bound the first term left out.
    """
    cdef const double *z = terms.z
    cdef int k, p, columns = basis.columns
    cdef double bar, spread, fall, sum_ = 0
    a.bar, a.terms, a.settled, a.scatter = INFINITY, 0, 0, 1
    for p in range(basis.row + 2, min(columns, max(most, basis.row + 2)) + 1):
        spread = STUDENT[min(rows - p + 1, 12)] * terms.tail[p - 1]
        if witness != NULL and p == rows and p > basis.row + 2:
            fall = fmax(fabs(z[p - 1] / z[p - 2]), fabs(z[p - 2] / z[p - 3]))
            spread = FORECAST * fmax(1, fmax(fall * fabs(z[p - 1]), fabs(witness.z[p - 1])))
        bar = basis.norms[p - 1] * fmax(2.0, spread)
        if bar < a.bar:
            a.bar, a.terms = bar, p
    if not a.terms:
        return
    for k in range(basis.row, a.terms):
        sum_ += basis.weights[k] * z[k]
    a.value = as_derivative(a, n, (0 if basis.row else terms.first) + sum_ * <long double>a.sigma)
    a.bar = <double>as_derivative(a, n, a.bar * <long double>a.sigma)
    a.misfit, a.size = terms.tail[a.terms - 1], terms.size
    if columns - a.terms >= 2:
        a.scatter = fmax(1, a.misfit)
    elif columns > 2 and fabs(z[columns - 1]) > FALLS * fabs(z[columns - 2]):
        a.scatter = fmax(1, terms.tail[columns - 2])
    for k in range(columns - 1, 0, -1):
        if fmax(fabs(z[k]), terms.tail[k]) > WITHIN_NOISE * a.scatter:
            break
        a.settled = k


cdef void hear_witness(Fit *a, const Basis *basis, const Terms *witness, int n, const double *steps,
                       int rows) noexcept nogil:
    """Write what the other half of f tells of a fit: how well it is fitted, and whether the derivative jumps. OUT: a.

    A jump shows as a term in the derivative's own power, which the other half of a smooth f does not have. That power
    is added to those that the witness keeps: `product / square` is its coefficient, `sqrt(square)` the length of what
    only it explains. The term must stand out of the noise, and of what is left if it replaces the last power kept.
    """
    cdef double[MOST_LOOKS] own
    cdef double[MOST_TERMS] along
    cdef double product, square, last, rest, least
    cdef int i, k, kept = min(a.terms - n % 2, basis.columns - 1)
    a.other_misfit, a.other_size = witness.tail[kept], witness.size
    if kept < 1:  # no index may be below 0
        return
    for i in range(rows):
        own[i] = pow(steps[rows - 1 - i] / a.radius, n)
    for k in range(basis.columns):
        along[k] = take_out(basis.q[k], own, rows)
    for k in range(kept, basis.columns):  # a polynomial's last term may be one more than the fit keeps
        product, square = dot(own, witness.left, rows), dot(own, own, rows)
        for i in range(basis.columns - 1, k - 1, -1):
            product, square = product + along[i] * witness.z[i], square + along[i] * along[i]
        last = witness.z[k - 1] if k > 1 else witness.z[0] + witness.first_term
        rest = (product + along[k - 1] * last) ** 2 / (square + along[k - 1] * along[k - 1])
        rest = sqrt(fmax(0, last * last + witness.tail[k] ** 2 * (rows - k) - rest) / (rows - k))
        least = WITHIN_NOISE * fmax(a.scatter, rest) * sqrt(square)
        if fabs(product) > least:
            a.jump = 2 * fabs(<double>as_derivative(a, n, product / square * <long double>a.sigma))
            return
        a.unseen = fmin(a.unseen, 2 * <double>as_derivative(a, n, least / square * <long double>a.sigma))


cdef double miss_of_next_look(const Fit *shorter, const Fit *longer, const Basis *basis, const double *z,
                              int rows) noexcept nogil:
    """Return how far the longest look of a fit is from what the others predict by the settled terms of a shorter fit.

    That is in units of noise plus one more term; 0 if it is little beside the prediction. A prediction by all other
    looks is wrong by what a fit of all leaves out there, divided by 1 - leverage.
    """
    cdef int k, settled = shorter.settled
    cdef double error = 0, rest = 1, one_more
    if not 0 < settled < basis.columns:
        return 0
    for k in range(settled):
        error += basis.q[k][0] * z[k]
        rest -= basis.q[k][0] ** 2
    if fabs(error) * longer.sigma < RESTS * rest * fabs(<double>shorter.value) * longer.radius:
        return 0
    one_more = fabs(basis.q[settled][0]) * pow(longer.radius / shorter.radius, basis.power + settled * basis.every)
    return fabs(error) * longer.sigma / (shorter.scatter * shorter.sigma * (rest + one_more))


cdef void fit_within(const Looks *looks, const Value *known, int rows, const Basis *mine, const Basis *other,
                     Fit *a) noexcept nogil:  # OUT: a
    """Fit f at the looks within a radius."""
    cdef Terms terms, witness
    cdef int i, most = MOST_TERMS
    cdef bint is_odd = looks.n % 2
    cdef double size = fabs(<double>looks.center), beyond = 0
    a.value, a.radius, a.looks = NAN, looks.steps[rows - 1], rows
    a.jump, a.next_misses, a.other_misfit, a.other_size, a.unseen = 0, 0, 0, 0, INFINITY
    for i in range(rows):
        size = fmax(size, fmax(fabs(<double>looks.above[i]), fabs(<double>looks.below[i])))
        beyond = fmax(beyond, fabs(<double>beyond_first(looks, rows, i, is_odd, mine.power)))
    a.sigma = fmax(looks.eps * size, 2.0**-54 * beyond) + 5e-324  # terms are doubles, also of finer values
    a.sigma += fmax(known.noise, 0.4 * known.stairs * (known.rests or known.state == SMOOTH_CLOSE_BY))
    if isfinite(known.shape_above):
        most = -1
        for i in range(rows):
            most += looks.steps[i] * JUMP > a.radius
    project(&terms, mine, looks, rows, is_odd, a.sigma)
    if looks.side == 0:
        project(&witness, other, looks, rows, not is_odd, a.sigma)
    keep_terms(a, mine, &terms, &witness if is_odd and not looks.side else NULL, looks.n, rows, most)
    if not a.terms:
        return
    if rows > mine.row + 2:  # fits stand by rising radius: before this one is that of all looks but the longest
        (a - 1).next_misses = miss_of_next_look(a - 1, a, mine, terms.z, rows)
    if looks.side:
        a.bar *= sqrt(2.0)  # all looks share the noise of f(x)
    else:
        hear_witness(a, other, &witness, looks.n, looks.steps, rows)
        if looks.n == 1 and a.other_misfit > RESTS * fmax(300, a.other_size):  # far from a smooth curve: a cusp at x?
            a.bar = fmax(a.bar, fabs(<double>half(looks, rows - 1, False)) / a.radius)
    if looks.side < 0 and not is_odd:
        a.value = -a.value


cdef double height_of_stairs(const Looks *looks) noexcept nogil:
    """Return the height of stairs on which f moves, if it is far more than rounding of doubles; else 0.

    It is the greatest number of which all changes of f are multiples (Euclid's algorithm), or else the unit of the last
    decimal that f's values have.
    """
    cdef double height = 0, known_to = 0, largest = 0, scale = 1, rest, error, value
    cdef double rounding = 2.0**-52 * (fabs(<double>looks.center) + moved(looks, looks.count - 1))
    cdef int j
    for j in range(2 * looks.count):
        rest = fabs(<double>(value_at(looks, j) - looks.center))
        error, largest = rounding, fmax(largest, rest)
        while rest > error:
            known_to, error = error, known_to + rint(height / rest) * error
            height, rest = rest, fabs(remainder(height, rest))
    if REGULAR * known_to <= height <= largest / 2:
        return height
    while REGULAR * rounding * scale < 1 and largest:
        for j in range(2 * looks.count):
            value = scale * <double>value_at(looks, j)
            if fabs(value - rint(value)) > 4e-16 * fabs(value):
                break
        else:
            return 1 / scale
        scale *= 10
    return 0


cdef int end_of_tread(const Looks *looks, Value *known, int needed, const Fit *fits) noexcept nogil:  # OUT: known
    """Return the last of the fits that see a stair's tread only, or -1; write whether f changes abruptly.

    A tread is smooth, but its slope is not that of the stairs. A fit is one of a tread if f changes abruptly just
    beyond it, and further out rests, or has another slope; unless f is rounded and climbs many stairs within it. The
    other slope differs by a quarter: if none were another, 17 more of 9000 results would be lies. It is the same at two
    looks, and on both sides of x, as beyond a kink it is not.
    """
    cdef int i, k
    cdef double step, value, slope, last, other, bend
    for i in range(looks.count - 2 if looks.n == 1 else -1, needed - 2, -1):
        if not fits[i].next_misses > ABRUPT or 0 < FEW_STAIRS * known.stairs < moved(looks, i):
            continue
        known.is_abrupt, value, last = True, <double>fits[i].value, INFINITY
        for k in range(i + 2, looks.count):
            step = looks.steps[k]
            if step < FAR * fits[i].radius:
                continue
            slope = <double>half(looks, k, True) / step
            bend = INFINITY if looks.side else fabs(<double>half(looks, k, False) / step)
            other = fmax(0.25 * fabs(value), fmax(fabs(slope - last), bend) / RESTS)
            if moved(looks, k) < RESTS * steepest(looks, &fits[i], i) * step or fabs(slope - value) > other:
                return i
            last = slope
    return -1


cdef void choose(const Looks *looks, Value *known, int needed, Fit *fits) noexcept nogil:
    """Choose the radius of the least bar, of noise the longest. OUT: known, fits."""
    cdef Fit *best = &known.best
    cdef double moves, jump = 0
    cdef int i, tread, count = looks.count if known.has_moved else min(looks.count, needed)  # if not, only the closest
    known.is_abrupt = False
    tread = end_of_tread(looks, known, needed, fits)
    known.is_tread = tread >= 0
    best.bar, best.looks = INFINITY, 0
    for i in range(count - 1, needed - 2, -1):
        # A jump at x is one within any radius, unless a fit would have seen half of it: of one beside x, it sees less.
        # If a fit must have seen all of it, 79 of 424 bars within 1e-7 of a kink do not cover the error, now none.
        jump = fmax(fits[i].jump, jump if 2 * fits[i].unseen >= jump else 0)
        fits[i].bar = fmax(fits[i].bar, jump)
        if fmax(fits[i].misfit, fits[i].other_misfit) * fits[i].sigma > known.shape_above:
            continue
        # f rests, with a slope of 0, if it should have moved at the closest look.
        moves = fabs(<double>fits[i].value) * pow(looks.steps[0], looks.n)
        if i <= tread or known.rests and not known.stairs and moves > 2 * looks.eps * fabs(<double>looks.center):
            fits[i].bar = fmax(fits[i].bar, steepest(looks, &fits[i], tread))
        if fits[i].bar < best.bar or fits[i].bar == best.bar < INFINITY and known.state != IS_NOISE:
            best[0] = fits[i]


cdef double steepest(const Looks *looks, const Fit *a, int tread) noexcept nogil:
    """Return a fit's slope; if f rests within it, on a tread, the slope from there to the next look."""
    return fabs(<double>a.value) if a.value or tread < 0 else moved(looks, tread + 1) / looks.steps[tread + 1]


cdef void fit(const Looks *looks, Value *known, Fit *fits) noexcept nogil:
    """Fit f within each radius, and choose one. OUT: known, fits.

    A radius can be chosen if it holds one look more than the shortest fit has terms, which tells the error. While there
    are no more looks, or once closer looks have shown that f is smooth, as many are enough.
    """
    cdef Basis mine, other
    cdef int rows, needed, shortest
    mine.power, mine.every = 1 if looks.side or looks.n % 2 else 2, 1 if looks.side else 2
    mine.row, shortest = (looks.n - 1) // mine.every, (looks.n - 1) // mine.every + 2
    other.power, other.every, other.row = 3 - mine.power, 2, MOST_TERMS
    known.stairs, known.rests = height_of_stairs(looks), not moved(looks, 0)
    for rows in range(looks.count):
        known.has_moved |= moved(looks, rows) != 0
        if 0 < moved(looks, rows) < known.stairs / 2:
            known.stairs = 0
    for rows in range(shortest, looks.count + 1):
        decompose(&mine, looks.steps, rows)
        if looks.side == 0:
            decompose(&other, looks.steps, rows)
        fit_within(looks, known, rows, &mine, &other, &fits[rows - 1])
    needed = shortest if isfinite(known.shape_above) else min(shortest + 1, max(looks.count, shortest))
    choose(looks, known, needed, fits)
