"""Fit f's values by powers of the step: the derivative, and how wrong it may be.

For a first derivative the odd half of f, (f(x + h) - f(x - h)) / 2, is fitted by h, h^3, h^5 and so on. One QR
decomposition of these powers gives the terms of the fit one after another, each in units of what f's values are known
to at best. The terms of a smooth f fall, each by about the same factor, until they meet f's noise. Where noise begins
is how far f's values can be trusted, and the last term above it tells what the fit has left out.
"""

from libc.math cimport INFINITY, fabs, fmax, fmin, isfinite, sqrt

cdef extern from "<math.h>" nogil:
    long double sqrtl(long double)

# Two-sided 95 % quantiles of Student's distribution, by degrees of freedom.
cdef double[13] STUDENT = [INFINITY, 12.7, 4.3, 3.2, 2.8, 2.6, 2.45, 2.4, 2.3, 2.3, 2.3, 2.2, 2.2]

cdef double RANK = 1e-13         # a power whose part beyond the lower ones is smaller than this is no information
cdef double WITHIN_NOISE = 3.0   # terms below so many times the scatter are noise
cdef double ABRUPT = 100.0
cdef double RESTS = 0.1


cdef int factor(real *a, int rows, int columns, real *r) noexcept nogil:  # OUT: a, r
    """Decompose a (by columns) into orthonormal columns and a triangle; return how many columns say something."""
    cdef int i, j, k
    cdef real length, product
    cdef double largest
    for k in range(columns):
        length = 0
        for i in range(rows):
            length += a[k * rows + i] * a[k * rows + i]
        if real is double:
            length = sqrt(length)
        else:
            length = sqrtl(length)
        largest = <double>length
        for j in range(k):
            largest = fmax(largest, fabs(<double>r[j * MOST_TERMS + k]))
        if not length > RANK * largest:
            return k
        r[k * MOST_TERMS + k] = length
        for i in range(rows):
            a[k * rows + i] /= length
        for j in range(k + 1, columns):
            product = 0
            for i in range(rows):
                product += a[k * rows + i] * a[j * rows + i]
            r[k * MOST_TERMS + j] = product
            for i in range(rows):
                a[j * rows + i] -= product * a[k * rows + i]
    return columns


cdef void weigh(const real *r, int columns, int row, real *weights, double *norms) noexcept nogil:
    """Write how much each term counts in the coefficient of power `row`, and the norms of the first weights."""
    cdef int j, k
    cdef real rest
    cdef double squares = 0
    for k in range(columns):
        rest = 1 if k == row else 0
        for j in range(row, k):
            rest -= r[j * MOST_TERMS + k] * weights[j]
        weights[k] = rest / r[k * MOST_TERMS + k] if k >= row else 0
        squares += <double>(weights[k] * weights[k])
        norms[k] = sqrt(squares)


cdef int choose_powers(int n, int side, bint other, int *powers) noexcept nogil:  # OUT: powers
    """Write the powers of the step that a half of f is fitted by; return which of them is the derivative's.

    The other half has no such power if f is smooth. Its coefficient there is a jump of the derivative.
    """
    cdef int k, start = 2 - (n + other) % 2
    for k in range(MOST_TERMS):
        powers[k] = k + 1 if side else start + 2 * k
    if side:
        return n - 1
    if not other:
        return (n - 1) // 2
    for k in range(MOST_TERMS - 1, n // 2, -1):
        powers[k] = powers[k - 1]
    powers[n // 2] = n
    return n // 2


cdef int prepare(const double *steps, int rows, const int *powers, int row, real *q, real *r, real *weights,
                 double *norms) noexcept nogil:  # OUT: q, r, weights, norms
    """Decompose the powers of the steps, in units of the longest, from the longest to the shortest."""
    cdef int i, k, p, columns = min(rows, MOST_TERMS)
    cdef real s, power
    for i in range(rows):
        s = <real>steps[rows - 1 - i] / <real>steps[rows - 1]
        power, p = 1, 0
        for k in range(columns):
            while p < powers[k]:
                power *= s
                p += 1
            q[k * rows + i] = power
    columns = factor(q, rows, columns, r)
    weigh(r, columns, row, weights, norms)
    return columns


cdef double resolution(const Looks *looks, const real *up, const real *down, real center, Py_ssize_t c) noexcept nogil:
    """Return the smallest gap between f's values if f rests at the closest look; else 0."""
    cdef real[2 * MOST_LOOKS + 1] values
    cdef real value
    cdef double largest = 0, gap, least = INFINITY
    cdef int i, j, count = 1
    if (looks.side >= 0 and up[c] != center) or (looks.side <= 0 and down[c] != center):
        return 0
    values[0] = center
    for i in range(2 * looks.count):
        if looks.side and (i % 2 == 0) != (looks.side > 0):
            continue
        value = up[(i // 2) * looks.width + c] if i % 2 == 0 else down[(i // 2) * looks.width + c]
        j = count
        while j and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        values[j] = value
        count += 1
    largest = fmax(fabs(<double>values[0]), fabs(<double>values[count - 1]))
    for i in range(1, count):
        gap = <double>(values[i] - values[i - 1])
        if gap > 8 * looks.eps * largest:
            least = fmin(least, gap)
    return least / sqrt(12.0) if isfinite(least) else 0


cdef void terms_of(const real *q, const real *r, int rows, int columns, real *y, real *z, double *tail) noexcept nogil:
    """Write the terms of a fit, and the root mean square of each and all below it. OUT: y, z, tail."""
    cdef int i, k
    cdef real first = y[0]
    cdef double squares = 0
    for i in range(rows):  # the first power is taken out before, so that the terms' rounding stays small
        y[i] -= first * q[i] * r[0]
    for k in range(columns):
        z[k] = 0
        for i in range(rows):
            z[k] += q[k * rows + i] * y[i]
        for i in range(rows):
            y[i] -= z[k] * q[k * rows + i]
    if rows > columns:
        for i in range(rows):
            squares += <double>(y[i] * y[i])
    for k in range(columns - 1, -1, -1):
        squares += <double>(z[k] * z[k])
        tail[k] = sqrt(squares / (rows - k))
    z[0] += first * r[0]


cdef void judge(Fit *a, const real *z, const double *tail, int rows, int columns, int row, const real *weights,
                const double *norms, double unit) noexcept nogil:  # OUT: a
    """Choose how many terms to keep: those with the least bar."""
    cdef int k, p
    cdef double last, bar
    cdef real value
    a.bar, a.terms = INFINITY, 0
    for p in range(row + 2, columns + 1):
        last = tail[p - 1]
        bar = norms[p - 1] * fmax(2.0, STUDENT[min(rows - p + 1, 12)] * last)
        if bar < a.bar:
            a.bar, a.terms = bar, p
    if not a.terms:
        return
    p = a.terms
    value = 0
    for k in range(row, p):
        value += weights[k] * z[k]
    a.value, a.bar = value * <real>unit, a.bar * unit
    a.misfit, a.first, a.size = tail[p - 1], fabs(<double>z[0]), fmax(fabs(<double>z[0]), tail[1] * sqrt(rows - 1.0))
    a.scatter = 1
    if columns - p >= 2:
        a.scatter = fmax(1, tail[p - 1])
    elif columns > 2 and fabs(<double>z[columns - 1]) > 0.2 * fabs(<double>z[columns - 2]):
        a.scatter = fmax(1, tail[columns - 2])
    a.settled = 0
    for k in range(columns - 1, 0, -1):
        if fmax(fabs(<double>z[k]), tail[k]) > WITHIN_NOISE * a.scatter:
            break
        a.settled = k


cdef real half(const Looks *looks, const real *up, const real *down, real center, Py_ssize_t at,
               bint is_odd) noexcept nogil:
    """Return the odd or the even half of f at a look; where one side is seen only, what f changes by."""
    if looks.side > 0:
        return up[at] - center
    if looks.side < 0:
        return center - down[at]
    if is_odd:
        return (up[at] - down[at]) / 2
    return (up[at] - center) / 2 + (down[at] - center) / 2


cdef double surprise(const real *r, const real *z, const int *powers, const Fit *a, real found, double s) noexcept nogil:
    """Return how far f at the next look is from the settled terms, in units of what noise and one more term explain."""
    cdef real[MOST_TERMS] coefficients
    cdef int j, k, p = 0
    cdef real power = 1
    cdef double more = 1
    for k in range(a.settled - 1, -1, -1):
        coefficients[k] = z[k]
        for j in range(k + 1, a.settled):
            coefficients[k] -= r[k * MOST_TERMS + j] * coefficients[j]
        coefficients[k] /= r[k * MOST_TERMS + k]
    for k in range(a.settled):
        while p < powers[k]:
            power *= <real>s
            p += 1
        found -= coefficients[k] * power
    for k in range(powers[a.settled]):
        more *= s
    return fabs(<double>found) / (a.scatter * (1 + more / <double>r[a.settled * MOST_TERMS + a.settled]))


cdef void fit(const Looks *looks, real *_, Fit *fits, Fit *best) noexcept nogil:
    """Fit the looks within each radius and choose the best, for each value in a row."""
    cdef int[MOST_TERMS] powers, others
    cdef real[MOST_LOOKS * MOST_TERMS] q, q_other
    cdef real[MOST_TERMS * MOST_TERMS] r, r_other
    cdef real[MOST_TERMS] weights, weights_other, z
    cdef real[MOST_LOOKS] y
    cdef double[MOST_TERMS] norms, norms_other, tail
    cdef const real *up = <const real *>looks.up
    cdef const real *down = <const real *>looks.down
    cdef const real *center = <const real *>looks.center
    cdef Py_ssize_t c, w = looks.width
    cdef int row, row_other, few, rows, i, k, columns, columns_other
    cdef double size, stairs, sigma, jump, power, power_, factorial = 1
    cdef real a, b
    cdef Fit *one
    for k in range(2, looks.n + 1):
        factorial *= k
    row = choose_powers(looks.n, looks.side, False, powers)
    row_other = choose_powers(looks.n, 0, True, others)
    few = min(row + (2 if isfinite(looks.unresolved) else 3), looks.count) if looks.count > row + 1 else row + 2
    for c in range(w):
        for i in range(looks.count):
            fits[c * MOST_LOOKS + i].bar = INFINITY
    for rows in range(few, looks.count + 1):
        columns = prepare(looks.steps, rows, powers, row, q, r, weights, norms)
        columns_other = 0
        if not looks.side:
            columns_other = prepare(looks.steps, rows, others, row_other, q_other, r_other, weights_other, norms_other)
        for c in range(w):
            one = &fits[c * MOST_LOOKS + rows - 1]
            one.radius, one.looks, one.jump, one.surprise, one.other, one.change = looks.steps[rows - 1], rows, 0, 0, 0, 0
            size = fabs(<double>center[c])
            for i in range(rows):
                if looks.side >= 0:
                    size = fmax(size, fabs(<double>up[i * w + c]))
                if looks.side <= 0:
                    size = fmax(size, fabs(<double>down[i * w + c]))
            stairs = resolution(looks, up, down, center[c], c)
            sigma = looks.eps * size * (1 if looks.n % 2 or looks.side else 2) + fmax(stairs, looks.noise) + 1e-300
            one.sigma = sigma
            for i in range(rows):
                y[i] = half(looks, up, down, center[c], (rows - 1 - i) * w + c, looks.n % 2) / <real>sigma
            power = 1
            for k in range(looks.n):
                power *= one.radius
            if looks.side < 0 and looks.n % 2 == 0:
                power = -power
            terms_of(q, r, rows, columns, y, z, tail)
            judge(one, z, tail, rows, columns, row, weights, norms, factorial * sigma / fabs(power))
            if power < 0:
                one.value = -one.value
            if one.terms and one.settled and rows < looks.count and one.settled < columns:
                a = half(looks, up, down, center[c], rows * w + c, looks.n % 2) / <real>sigma
                one.surprise = surprise(r, z, powers, one, a, looks.steps[rows] / one.radius)
            if looks.side or not isfinite(one.bar):
                continue
            for i in range(rows):
                y[i] = half(looks, up, down, center[c], (rows - 1 - i) * w + c, not looks.n % 2) / <real>sigma
            one.other_size = 0
            for i in range(rows):
                one.other_size = fmax(one.other_size, fabs(<double>y[i]))
            if rows == 2:  # of a smooth f nearly a parabola
                power_ = looks.steps[0] / looks.steps[1]
                one.other = fabs(<double>(y[1] - power_ * power_ * y[0])) if looks.n % 2 else 0
            one.change = fmax(one.size, one.other_size) * factorial * sigma / fabs(power)
            terms_of(q_other, r_other, rows, columns_other, y, z, tail)
            k = min(one.terms + 1 - looks.n % 2, columns_other)
            if k < columns_other:
                one.other = tail[k]
            a = 0
            k = min(one.terms + 1 - looks.n % 2, columns_other)
            for i in range(row_other, k):
                a += weights_other[i] * z[i]
            jump = fabs(<double>a)
            if k > row_other and jump > WITHIN_NOISE * fmax(one.scatter, tail[k - 1]) * norms_other[k - 1]:
                one.jump = 2 * jump * factorial * sigma / fabs(power)
                one.bar = fmax(one.bar, one.jump)
    for c in range(w):
        choose(looks, up, down, center[c], c, few, &fits[c * MOST_LOOKS], &best[c])


cdef double moved(const Looks *looks, const real *up, const real *down, real center, Py_ssize_t c,
                  int look) noexcept nogil:
    """Return how far f moves at a look."""
    cdef double above = 0, below = 0
    if looks.side >= 0:
        above = fabs(<double>(up[look * looks.width + c] - center))
    if looks.side <= 0:
        below = fabs(<double>(down[look * looks.width + c] - center))
    return fmax(above, below)


cdef void choose(const Looks *looks, const real *up, const real *down, real center, Py_ssize_t c, int few, Fit *fits,
                 Fit *best) noexcept nogil:
    """Choose the radius of the least bar. A longer radius must not contradict a shorter one.

    A stair's tread is smooth, and f's derivative there is not that of the stairs. A fit is taken for one of a tread if
    it ends abruptly, and f further out moves far less than the fit says.
    """
    cdef int i, j, k, tread = few - 2
    cdef double abrupt = 0
    for i in range(looks.count - 2, few - 2, -1):
        if not (isfinite(fits[i].bar) and fits[i].settled):
            continue
        if fits[i].surprise < ABRUPT or fits[i + 1].radius > 4 * fits[i].radius:
            continue
        abrupt = fits[i].radius
        for k in range(i + 2, looks.count):
            if looks.steps[k] >= 8 * fits[i].radius and looks.n == 1 and (
                    moved(looks, up, down, center, c, k) < RESTS * fabs(<double>fits[i].value) * looks.steps[k]):
                tread = i
                break
        if tread >= few - 1:
            break
    while few - 1 <= tread < looks.count - 1 and fits[tread + 1].radius < 8 * fits[i].radius:
        tread += 1
    best.bar, best.looks, best.tread, best.abrupt = INFINITY, 0, tread >= few - 1, abrupt
    for i in range(few - 1, looks.count):
        if fmax(fits[i].misfit, fits[i].other) * fits[i].sigma > looks.unresolved:
            fits[i].bar = INFINITY
        if i <= tread:
            fits[i].bar = fmax(fits[i].bar, fabs(<double>fits[i].value))
        for j in range(max(few - 1, tread + 1), i):
            fits[i].bar = fmax(fits[i].bar, fabs(<double>(fits[i].value - fits[j].value)) - fits[j].bar)
        if fits[i].bar < best.bar:
            k = best.tread
            best[0] = fits[i]
            best.tread, best.abrupt = k, abrupt
