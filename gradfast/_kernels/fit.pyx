"""Fit f's values by powers of the step: the derivative, and how wrong it may be.

For a first derivative the odd half of f, (f(x + h) - f(x - h)) / 2, is fitted by h, h^3, h^5 and so on. One QR
decomposition of these powers gives the terms of the fit one after another, each in units of what f's values are known
to at best. The terms of a smooth f fall, each by about the same factor, until they meet f's noise. Where noise begins
is how far f's values can be trusted, and the last term above it tells what the fit has left out.

The other half, here (f(x + h) + f(x - h)) / 2 - f(x), is a witness. If f is smooth, powers of the step fit it as well,
and it has no term in h, which would be a jump of the derivative at x.
"""

from libc.math cimport INFINITY, NAN, fabs, floor, fmax, fmin, frexp, isfinite, ldexp, log10, pow, rint, sqrt

cdef extern from "<math.h>" nogil:
    long double sqrtl(long double)

# Two-sided 95 % quantiles of Student's distribution, by degrees of freedom.
cdef double[13] STUDENT = [INFINITY, 12.7, 4.3, 3.2, 2.8, 2.6, 2.45, 2.4, 2.3, 2.3, 2.3, 2.2, 2.2]

# A power whose part that lower powers do not explain is below this part of it says nothing: that part is rounding.
cdef double RANK = 1e-13

# Terms up to this many times the scatter are noise, and so is a jump up to this many times its own error.
cdef double WITHIN_NOISE = 3.0

# f changes abruptly if the next look is this many times as far from a fit as noise and one more term explain. Smooth
# functions stay below 10, stairs are above 1e4.
cdef double ABRUPT = 100.0

# f rests if it moves by less than this part of what a fit forecasts.
cdef double RESTS = 0.1

# What is called close by or far off, as a ratio of steps.
cdef double NEIGHBOR = 4.0
cdef double FAR = 8.0
cdef double CLUSTER = 50.0

cdef struct Basis:                      # powers of the steps within a radius, made orthonormal
    int[MOST_TERMS] powers
    int row                             # which of them is that of the derivative
    int columns                         # that say something
    void *q                             # by columns, the longest step first
    void *r                             # the triangle, in rows of MOST_TERMS
    void *weights                       # of each term in the coefficient of the derivative
    double[MOST_TERMS] norms            # of the first weights


cdef void choose_powers(Basis *basis, int n, int side, bint is_other) noexcept nogil:  # OUT: basis
    """Write which powers of the step fit f on one side, or a half of f.

    The other half has no such power as the derivative, if f is smooth. It is put in, to find a jump of the derivative.
    """
    cdef int k, first = 1 if side else 2 - (n + is_other) % 2
    for k in range(MOST_TERMS):
        basis.powers[k] = first + k * (1 if side else 2)
    basis.row = n - 1 if side else n // 2 if is_other else (n - 1) // 2
    if is_other:
        for k in range(MOST_TERMS - 1, basis.row, -1):
            basis.powers[k] = basis.powers[k - 1]
        basis.powers[basis.row] = n


cdef void decompose(Basis *basis, const double *steps, int rows, real *q, real *r, real *weights) noexcept nogil:
    """Write the decomposition of powers of the steps in units of the longest. OUT: basis, q, r, weights."""
    cdef int i, k, p, columns = min(rows, MOST_TERMS)
    cdef real s, power
    for i in range(rows):
        s = <real>steps[rows - 1 - i] / <real>steps[rows - 1]
        power, p = 1, 0
        for k in range(columns):
            while p < basis.powers[k]:
                power *= s
                p += 1
            q[k * rows + i] = power
    basis.columns = orthonormalize(q, r, rows, columns)
    basis.q, basis.r, basis.weights = q, r, weights
    weigh(basis, r, weights)


cdef int orthonormalize(real *q, real *r, int rows, int columns) noexcept nogil:  # OUT: q, r
    """Make columns orthonormal, one after another; return how many are no sum of those before."""
    cdef int i, j, k
    cdef real length, product
    cdef double largest
    for k in range(columns):
        length = 0
        for i in range(rows):
            length += q[k * rows + i] * q[k * rows + i]
        length = sqrt(length) if real is double else sqrtl(length)
        largest = <double>length
        for j in range(k):
            largest = fmax(largest, fabs(<double>r[j * MOST_TERMS + k]))
        if not length > RANK * largest:
            return k
        r[k * MOST_TERMS + k] = length
        for i in range(rows):
            q[k * rows + i] /= length
        for j in range(k + 1, columns):
            product = 0
            for i in range(rows):
                product += q[k * rows + i] * q[j * rows + i]
            r[k * MOST_TERMS + j] = product
            for i in range(rows):
                q[j * rows + i] -= product * q[k * rows + i]
    return columns


cdef void weigh(Basis *basis, const real *r, real *weights) noexcept nogil:  # OUT: basis.norms, weights
    """Write how much each term counts in the derivative."""
    cdef int j, k
    cdef real rest
    cdef double squares = 0
    for k in range(basis.columns):
        rest = 1 if k == basis.row else 0
        for j in range(basis.row, k):
            rest -= r[j * MOST_TERMS + k] * weights[j]
        weights[k] = rest / r[k * MOST_TERMS + k] if k >= basis.row else 0
        squares += <double>(weights[k] * weights[k])
        basis.norms[k] = sqrt(squares)


cdef void project(const Basis *basis, int rows, real *y, real *z, double *tail) noexcept nogil:  # OUT: y, z, tail
    """Write the terms of y, and the root mean square of each and all after it; y is what is left."""
    cdef const real *q = <const real *>basis.q
    cdef real first = y[0] * (<const real *>basis.r)[0]
    cdef int i, k
    cdef double squares = 0
    for i in range(rows):  # nearly all of the first power, so that the rounding of other terms stays small
        y[i] -= first * q[i]
    for k in range(basis.columns):
        z[k] = 0
        for i in range(rows):
            z[k] += q[k * rows + i] * y[i]
        for i in range(rows):
            y[i] -= z[k] * q[k * rows + i]
    if rows > basis.columns:
        for i in range(rows):
            squares += <double>(y[i] * y[i])
    for k in range(basis.columns - 1, -1, -1):
        squares += <double>(z[k] * z[k])
        tail[k] = sqrt(squares / (rows - k))
    z[0] += first


cdef real as_derivative(const Fit *a, int n, real coefficient) noexcept nogil:
    """Return a coefficient, in sigmas and units of the radius, as a derivative; without over- or underflow on the way."""
    cdef int i
    coefficient *= <real>a.sigma
    for i in range(1, n + 1):
        coefficient = coefficient * i / <real>a.radius
    return coefficient


cdef void keep_terms(Fit *a, const Basis *basis, int n, int rows, int most, const real *z, const double *tail) noexcept nogil:
    """Keep as many terms as give the least bar, and write what they tell. OUT: a."""
    cdef const real *weights = <const real *>basis.weights
    cdef int k, p, columns = basis.columns
    cdef double bar
    cdef real value = 0
    a.bar, a.terms, a.settled = INFINITY, 0, 0
    for p in range(basis.row + 2, min(columns, max(most, basis.row + 2)) + 1):
        bar = basis.norms[p - 1] * fmax(2.0, STUDENT[min(rows - p + 1, 12)] * tail[p - 1])
        if bar < a.bar:
            a.bar, a.terms = bar, p
    if not a.terms:
        return
    for k in range(basis.row, a.terms):
        value += weights[k] * z[k]
    a.value, a.bar = as_derivative(a, n, value), as_derivative(a, n, a.bar)
    a.gain = as_derivative(a, n, basis.norms[a.terms - 1]) / a.sigma
    a.misfit, a.first = tail[a.terms - 1], fabs(<double>z[0])
    a.size = fmax(a.first, tail[1] * sqrt(rows - 1.0))
    a.scatter = 1
    if columns - a.terms >= 2:
        a.scatter = fmax(1, a.misfit)
    elif columns > 2 and fabs(<double>z[columns - 1]) > 0.2 * fabs(<double>z[columns - 2]):
        a.scatter = fmax(1, tail[columns - 2])  # the last terms do not fall
    for k in range(columns - 1, 0, -1):
        if fmax(fabs(<double>z[k]), tail[k]) > WITHIN_NOISE * a.scatter:
            break
        a.settled = k


cdef void hear_witness(Fit *a, const Basis *other, int n, int kept, int rows, real *y, double ratio) noexcept nogil:
    """Write what the other half of f tells of a fit: how well it is fitted, and whether the derivative jumps. OUT: a, y.

    Two looks can be fitted whatever they are. Of a smooth f they are near a parabola, for a second derivative a line.
    """
    cdef const real *weights = <const real *>other.weights
    cdef real[MOST_TERMS] z
    cdef double[MOST_TERMS] tail
    cdef double jump
    cdef int i, k = min(kept, other.columns)
    cdef real sum_ = 0
    a.other_size = 0
    for i in range(rows):
        a.other_size = fmax(a.other_size, fabs(<double>y[i]))
    a.change = as_derivative(a, n, fmax(a.size, a.other_size))
    if rows == 2:
        a.other_misfit = fabs(<double>(y[1] - (ratio if other.row else ratio * ratio) * y[0]))
    project(other, rows, y, z, tail)
    if k < other.columns:
        a.other_misfit = tail[k]
    for i in range(other.row, k):
        sum_ += weights[i] * z[i]
    jump = fabs(<double>sum_)
    if k > other.row and jump > WITHIN_NOISE * fmax(a.scatter, tail[k - 1]) * other.norms[k - 1]:
        a.jump = 2 * as_derivative(a, n, jump)
        a.bar = fmax(a.bar, a.jump)


cdef double surprise(const Fit *a, const Basis *basis, const real *z, real found, double s) noexcept nogil:
    """Return how far f at the next look is from the settled terms, in units of what noise and one more term explain.

    What is small beside the fit is no surprise.
    """
    cdef const real *r = <const real *>basis.r
    cdef real[MOST_TERMS] coefficients
    cdef int j, k, p = 0, count = a.settled
    cdef real power = 1
    cdef double more = 1
    for k in range(count - 1, -1, -1):
        coefficients[k] = z[k]
        for j in range(k + 1, count):
            coefficients[k] -= r[k * MOST_TERMS + j] * coefficients[j]
        coefficients[k] /= r[k * MOST_TERMS + k]
    for k in range(count):
        while p < basis.powers[k]:
            power *= <real>s
            p += 1
        found -= coefficients[k] * power
    if fabs(<double>found) < RESTS * a.first:
        return 0
    for k in range(basis.powers[count]):
        more *= s
    return fabs(<double>found) / (a.scatter * (1 + more / <double>r[count * MOST_TERMS + count]))


cdef real half(const Looks *looks, Py_ssize_t c, int look, bint is_odd, const real *_) noexcept nogil:
    """Return the odd or the even half of f at a look; where one side is seen only, how far f is from f(x)."""
    cdef const real *up = <const real *>looks.up
    cdef const real *down = <const real *>looks.down
    cdef real center = (<const real *>looks.center)[c]
    cdef Py_ssize_t at = look * looks.width + c
    if looks.side > 0:
        return up[at] - center
    if looks.side < 0:
        return center - down[at]
    return (up[at] - down[at]) / 2 if is_odd else (up[at] - center) / 2 + (down[at] - center) / 2


cdef double moved(const Looks *looks, Py_ssize_t c, int look, const real *_) noexcept nogil:
    """Return how far f moves at a look."""
    if looks.side:
        return fabs(<double>half(looks, c, look, True, _))
    return fabs(<double>half(looks, c, look, True, _)) + fabs(<double>half(looks, c, look, False, _))


cdef double strangeness(const Looks *looks, Py_ssize_t c, int count, const real *_) noexcept nogil:
    """Return how far f at the one or two closest looks is from a line through f(x)."""
    cdef double bend = 0, ratio = looks.steps[0] / looks.steps[1]
    cdef double near = <double>half(looks, c, 0, True, _)
    cdef int j
    if looks.side and count == 1:
        return fabs(near) / 8  # a line is possible
    for j in range(0 if looks.side else count):
        bend = fmax(bend, fabs(<double>half(looks, c, j, False, _)))
    return bend if count == 1 else fmax(bend, fabs(near - ratio * <double>half(looks, c, 1, True, _)))


cdef double resolution(const Looks *looks, Py_ssize_t c, bint *is_regular, const real *_) noexcept nogil:
    """Return the standard deviation of f's rounding to stairs if f rests at the closest look; else 0.

    Write whether the stairs are regular: f's values lie on a grid, decimal or binary. OUT: is_regular.
    """
    cdef real[2 * MOST_LOOKS + 1] values
    cdef real value
    cdef double largest, gap, least = INFINITY
    cdef int i, j, count = 1
    is_regular[0] = True
    if moved(looks, c, 0, _):
        return 0
    values[0] = (<const real *>looks.center)[c]
    for i in range(2 * looks.count):
        if looks.side and (i % 2 == 0) != (looks.side > 0):
            continue
        value = (<const real *>(looks.down if i % 2 else looks.up))[i // 2 * looks.width + c]
        j = count
        while j and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        values[j] = value
        count += 1
    largest = 8 * looks.eps * fmax(fabs(<double>values[0]), fabs(<double>values[count - 1]))
    for i in range(1, count):
        gap = <double>(values[i] - values[i - 1])
        if gap > largest:
            least = fmin(least, gap)
    if not isfinite(least):
        return 0
    gap = grid(values, count)
    is_regular[0] = gap > 0
    return 0.4 * (gap if is_regular[0] else least)


cdef double grid(const real *values, int count) noexcept nogil:
    """Return the step of the coarsest decimal or binary grid that holds all values; 0 if they have too many digits."""
    cdef double top = 0, scale
    cdef int i, k, first
    for i in range(count):
        top = fmax(top, fabs(<double>values[i]))
    if not 1e-280 < top < 1e280:
        return 0
    first = -<int>floor(log10(top))
    for k in range(first, first + 13):
        scale = pow(10.0, abs(k))
        if step_on(values, count, scale if k >= 0 else 1 / scale, 4e-16) > 0:
            return step_on(values, count, scale if k >= 0 else 1 / scale, 4e-16)
    frexp(top, &first)
    for k in range(1, 45):
        scale = ldexp(1.0, k - first)
        if step_on(values, count, scale, 0) > 0:
            return step_on(values, count, scale, 0)
    return 0


cdef double step_on(const real *values, int count, double scale, double eps) noexcept nogil:
    """Return the greatest common divisor of the gaps between values on a grid; 0 if the grid does not hold them."""
    cdef long long common = 0, one, rest
    cdef double value, last = 0
    cdef int i
    for i in range(count):
        value = <double>values[i] * scale
        if fabs(value - rint(value)) > eps * fabs(value):
            return 0
        one, last = <long long>(rint(value) - last) if i else 0, rint(value)
        while one:
            rest = common % one
            common, one = one, rest
    return common / scale


cdef double known_to(const Looks *looks, Py_ssize_t c, int rows, double stairs, const real *_) noexcept nogil:
    """Return what f's values within a radius are known to at best: their rounding, and stairs or noise."""
    cdef double size = fabs(<double>(<const real *>looks.center)[c])
    cdef int i
    for i in range(rows):
        if looks.side >= 0:
            size = fmax(size, fabs(<double>(<const real *>looks.up)[i * looks.width + c]))
        if looks.side <= 0:
            size = fmax(size, fabs(<double>(<const real *>looks.down)[i * looks.width + c]))
    return looks.eps * size * (1 if looks.n % 2 or looks.side else 2) + fmax(stairs, looks.known[c].noise) + 5e-324


cdef void fit_value(const Looks *looks, Py_ssize_t c, int rows, const Basis *mine, const Basis *other, double stairs,
                    const real *_, Fit *a) noexcept nogil:  # OUT: a
    """Fit one of f's values at the looks within a radius."""
    cdef real[MOST_LOOKS] y
    cdef real[MOST_TERMS] z
    cdef double[MOST_TERMS] tail
    cdef int i, most = MOST_TERMS, is_odd = looks.n % 2
    a.value = NAN
    a.radius, a.looks, a.jump, a.surprise, a.other_misfit, a.change = looks.steps[rows - 1], rows, 0, 0, 0, 0
    a.sigma = known_to(looks, c, rows, stairs, _)
    if isfinite(looks.known[c].unresolved):  # terms that only looks much closer to x determine say nothing
        most = -1
        for i in range(rows):
            most += looks.steps[i] * CLUSTER > a.radius
    for i in range(rows):
        y[i] = half(looks, c, rows - 1 - i, is_odd, _) / <real>a.sigma
    project(mine, rows, y, z, tail)
    keep_terms(a, mine, looks.n, rows, most, z, tail)
    if not a.terms:
        return
    if looks.side:
        a.bar *= sqrt(2.0)  # all looks share the noise of f(x)
    if looks.side < 0 and not is_odd:
        a.value = -a.value
    if a.settled and rows < looks.count:
        a.surprise = surprise(a, mine, z, half(looks, c, rows, is_odd, _) / <real>a.sigma, looks.steps[rows] / a.radius)
    if looks.side == 0:
        for i in range(rows):
            y[i] = half(looks, c, rows - 1 - i, not is_odd, _) / <real>a.sigma
        hear_witness(a, other, looks.n, a.terms + other.row - mine.row, rows, y, looks.steps[0] / a.radius)


cdef int end_of_tread(const Looks *looks, Py_ssize_t c, int few, const real *_, Fit *fits, double *abrupt) noexcept nogil:
    """Return the last of the fits that see a stair's tread only, or -1; write where f changes abruptly. OUT: abrupt.

    A tread is smooth, but its slope is not that of the stairs. A fit is taken for one of a tread if f changes abruptly
    just beyond it, and rests further out.
    """
    cdef int i, k
    abrupt[0] = 0
    for i in range(looks.count - 2, few - 2, -1):
        if not (isfinite(fits[i].bar) and fits[i].settled and fits[i].surprise > ABRUPT):
            continue
        if fits[i + 1].radius > NEIGHBOR * fits[i].radius:
            continue
        abrupt[0] = fits[i].radius
        for k in range(i + 2, looks.count if looks.n == 1 else 0):
            if looks.steps[k] >= FAR * fits[i].radius and (
                    moved(looks, c, k, _) < RESTS * fabs(<double>fits[i].value) * looks.steps[k]):
                while i < looks.count - 1 and fits[i + 1].radius < FAR * abrupt[0]:
                    i += 1
                return i
    return -1


cdef void choose(const Looks *looks, Py_ssize_t c, int few, const real *_, Fit *fits, Fit *best) noexcept nogil:
    """Choose the radius of the least bar; a longer radius must not contradict a shorter one. OUT: fits, best.

    Few looks may hide noise by chance. What a longer radius shows of it counts at the shorter one too.
    """
    cdef int i, j
    cdef double abrupt, bar
    cdef bint is_regular = best.is_regular
    cdef int tread = end_of_tread(looks, c, few, _, fits, &abrupt)
    best.bar, best.looks = INFINITY, 0
    for i in range(few - 1, looks.count):
        if fmax(fits[i].misfit * sqrt(i + 2.0 - fits[i].terms), fits[i].other_misfit) * fits[i].sigma > looks.known[c].unresolved:
            fits[i].bar = INFINITY
        if i <= tread or not is_regular:  # f rests close to x, with a slope of 0
            fits[i].bar = fmax(fits[i].bar, fabs(<double>fits[i].value))
        for j in range(max(few - 1, tread + 1), i):
            bar = fmax(fits[j].bar, 2 * fits[j].gain * fits[i].scatter * fits[i].sigma)
            fits[i].bar = fmax(fits[i].bar, fabs(<double>(fits[i].value - fits[j].value)) - bar)
        if fits[i].bar < best.bar:
            best[0] = fits[i]
    best.is_tread, best.abrupt, best.is_regular = tread >= 0, abrupt, is_regular


cdef int fewest(const Looks *looks, Py_ssize_t c, int row) noexcept nogil:
    """Return how many looks are fitted at least: one more than there are unknowns, if there are as many.

    It is none more if closer looks have shown that f is smooth there.
    """
    return min(row + (2 if isfinite(looks.known[c].unresolved) else 3), max(looks.count, row + 2))


cdef void fit(const Looks *looks, const real *_, Fit *fits, Fit *best) noexcept nogil:
    """Fit the looks within each radius and choose the best, for each value in a row. OUT: fits, best."""
    cdef Basis mine, other
    cdef real[MOST_LOOKS * MOST_TERMS] q, other_q
    cdef real[MOST_TERMS * MOST_TERMS] r, other_r
    cdef real[MOST_TERMS] weights, other_weights
    cdef Py_ssize_t c
    cdef int rows
    choose_powers(&mine, looks.n, looks.side, False)
    choose_powers(&other, looks.n, 0, True)
    for c in range(looks.width):
        best[c].sigma = resolution(looks, c, &best[c].is_regular, _)
    for rows in range(mine.row + 2, looks.count + 1):
        decompose(&mine, looks.steps, rows, q, r, weights)
        if looks.side == 0:
            decompose(&other, looks.steps, rows, other_q, other_r, other_weights)
        for c in range(looks.width):
            if rows >= fewest(looks, c, mine.row):
                fit_value(looks, c, rows, &mine, &other, best[c].sigma, _, &fits[c * MOST_LOOKS + rows - 1])
    for c in range(looks.width):
        choose(looks, c, fewest(looks, c, mine.row), _, &fits[c * MOST_LOOKS], &best[c])
