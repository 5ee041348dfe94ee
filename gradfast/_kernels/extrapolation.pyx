"""Extrapolate difference quotients at falling steps to a step of 0, and estimate the error of the result.

A window is a run of neighboring rungs. Neville's recurrence extrapolates every window from two shorter ones, so the
windows form a triangular table: row ``width`` holds the windows of ``width + 1`` rungs, by their first rung. `power` is
that of the step with which quotients converge: 1 for one-sided stencils, 2 for central ones.
"""

from libc.math cimport INFINITY, fmax, fmin, isfinite, pow, sqrt

from gradfast._kernels.stencil cimport value

# The widest windows, by power. Wider ones gain nothing: their rounding grows as fast as their truncation falls.
cdef Py_ssize_t[3] MOST_COLUMNS = [0, 7, 5]

# Windows are ranked by relative error if that is below GARBAGE, and by absolute error after those.
cdef double GARBAGE = 0.1

# f's noise is estimated from a single number, which may well be too small: NOISE_FACTOR times the estimate is used.
# Noise shows in every column of the table, so it is at most CAP times what the last columns changed.
cdef double NOISE_FACTOR = 6.0
cdef double CAP = 6.0

# A window is refuted by the extrapolation of two rungs of shorter steps if the two are further apart than VETO times
# the sum of their errors: f varies within the window's steps.
cdef double VETO = 3.0


ROOM = 2 * (max(MOST_COLUMNS[1], MOST_COLUMNS[2]) + 1) + 2  # rows of work space for the table of one ladder


cdef void extrapolate(
    const double[::1] steps, const value[::1] quotients, const value[::1] roundings, const value[::1] bends, int power, int n,
    value[:, ::1] room, value[::1] found, Window *best,  # OUT: found, best
) noexcept nogil:
    """Extrapolate every window of neighboring rungs to a step of 0, and choose the one with the least relative error.

    A quotient differs from the derivative by a power series in ``step**power``, which Neville's recurrence removes term
    by term. Rounding errors are added up with the weights of the recurrence. If no window's error is small relative to
    its value, the window with the least absolute error is chosen.
    """
    cdef Py_ssize_t j, width, count = steps.shape[0], columns = min(count - 1, MOST_COLUMNS[power])
    cdef value[:, ::1] values = room[:columns + 1], changes = room[columns + 1:2 * columns + 2]
    cdef value[::1] rounding = room[2 * columns + 2], doubts = room[2 * columns + 3]
    cdef value truncation, error, size
    cdef double part, rank, least = INFINITY, noise
    tabulate(steps, quotients, power, values, changes)
    noise = noise_of(steps, quotients, bends, power, n, changes)
    for j in range(count):
        rounding[j] = larger(roundings[j], <value>(noise / raised(steps[j], n)))
    for j in range(count - 1):
        part = share(steps[j], steps[j + 1], power)
        doubts[j] = changes[1, j] + (1 + part) * rounding[j + 1] + part * rounding[j]
    found[VALUE], found[TRUNCATION], found[ROUNDING] = quotients[count - 1], INFINITY, INFINITY
    best.first, best.last = 0, 1
    for width in range(1, columns + 1):
        for j in range(count - width):
            part = share(steps[j], steps[j + width], power)
            rounding[j] = (1 + part) * rounding[j + 1] + part * rounding[j]
            truncation = larger(unresolved(steps, roundings, bends, j + width), truncation_of(
                steps, values, changes, doubts, power, width, j, part, rounding[j]
            ))
            error = truncation + rounding[j]
            size = size_of(values[width, j])
            rank = <double>(error / size if error < GARBAGE * size else 1 + error / (1 + error))
            if rank < least:  # false for NaN, which the rank is if the error is infinite
                least = rank
                found[VALUE], found[TRUNCATION], found[ROUNDING] = values[width, j], truncation, rounding[j]
                best.first, best.last = j, j + width
    if is_line(quotients, roundings, bends):
        found[TRUNCATION], found[ROUNDING] = 0, roundings[0]
    best.size, best.truncation, best.rounding = <double>size_of(found[VALUE]), <double>found[TRUNCATION], <double>found[ROUNDING]
    found[KINK] = kink(steps, roundings, bends)


cdef void tabulate(
    const double[::1] steps, const value[::1] quotients, int power, value[:, ::1] values, value[:, ::1] changes,
) noexcept nogil:
    """Write the extrapolated value of each window, and by how much its two shorter windows differ."""
    cdef Py_ssize_t j, width
    cdef value change
    for j in range(steps.shape[0]):
        values[0, j] = quotients[j]
    for width in range(1, values.shape[0]):
        for j in range(steps.shape[0] - width):
            change = values[width - 1, j + 1] - values[width - 1, j]
            values[width, j] = values[width - 1, j + 1] + share(steps[j], steps[j + width], power) * change
            changes[width, j] = size_of(change)


cdef value truncation_of(
    const double[::1] steps, const value[:, ::1] values, const value[:, ::1] changes, const value[::1] doubts,
    int power, Py_ssize_t width, Py_ssize_t j, double part, value rounding,
) noexcept nogil:
    """Return the truncation error of a window, judged by how the table converges around it.

    It starts as the difference of the window's two shorter windows (Ridders, "Accurate computation of F'(x) and
    F'(x)F''(x)", Adv. Eng. Software 4 (1982) 75-76), reduced if the columns before converged. It is raised to

    - the difference from the next window of the same width, toward shorter steps;
    - for one-sided quotients, which may turn back: the change that one more rung, of a longer step, would make;
    - the difference from two rungs of shorter steps, if that is more than their errors explain (VETO).
    """
    cdef Py_ssize_t k, count = steps.shape[0]
    cdef value apart, truncation = changes[width, j]
    if width > 1 and truncation > 0:
        truncation *= fmin(<double>larger(<value>(8 * part), 4 * changes[width, j] / changes[width - 1, j + 1]), 1)
    if j < count - 1 - width:
        apart = distance(values[width, j], values[width, j + 1]) * (steps[j + width + 1] / steps[j + width])
        truncation = apart if apart > truncation or truncation != truncation else truncation
    if power == 1 and j > 0 and width + 1 < changes.shape[0]:
        apart = share(steps[j - 1], steps[j + width], power) * changes[width + 1, j - 1]
        truncation = apart if apart > truncation else truncation  # NaN at a longer step changes nothing
    for k in range(j + width, count - 1):
        apart = distance(values[width, j], values[1, k])
        if apart > VETO * (doubts[k] + truncation + rounding):
            truncation = apart
    return truncation


cdef value unresolved(
    const double[::1] steps, const value[::1] roundings, const value[::1] bends, Py_ssize_t j
) noexcept nogil:
    """Return the bend at rung j if it did not fall from the rung before as ``f'' h`` does, else 0.

    A bend is the difference of the slopes on both sides of x. If it does not fall with the step, then f varies within
    the steps, is noisy, or has a kink. Rung 0 has no rung before it; for it the result is 0.
    """
    cdef value bend = size_of(bends[j])
    if j > 0 and bend > 8 * roundings[j]:
        if not bend <= size_of(bends[j - 1]) * pow(steps[j] / steps[j - 1], 0.25):
            return bend
    return 0


cdef value kink(const double[::1] steps, const value[::1] roundings, const value[::1] bends) noexcept nogil:
    """Return the bend if it is the same at the three shortest steps, as at a kink of f; else 0."""
    cdef Py_ssize_t last = steps.shape[0] - 1
    cdef value bend, least, most
    if last < 2 or steps[last - 2] < 4 * steps[last]:
        return 0
    bend = size_of(bends[last])
    least = -larger(-bend, larger(-size_of(bends[last - 1]), -size_of(bends[last - 2])))
    most = larger(bend, larger(size_of(bends[last - 1]), size_of(bends[last - 2])))
    return bend if most - least < 0.1 * bend and bend > 64 * roundings[last] else 0


cdef bint is_line(const value[::1] quotients, const value[::1] roundings, const value[::1] bends) noexcept nogil:
    """Return whether f is a line: three or more quotients, all equal to the bit, and no bend beyond rounding."""
    cdef Py_ssize_t j
    for j in range(quotients.shape[0]):
        if quotients[j] != quotients[0] or size_of(bends[j]) > 8 * roundings[j]:
            return False
    return quotients.shape[0] > 2


cdef double noise_of(
    const double[::1] steps, const value[::1] quotients, const value[::1] bends, int power, int n, const value[:, ::1] changes
) noexcept nogil:
    """Return an estimate of f's noise, limited by what the table's last columns changed at the shortest steps.

    Bends exist for first central differences only. For other stencils, noise also needs a second sign: the last column
    changes more at the shortest steps than at the ones before. Without it the noise is 0.
    """
    cdef Py_ssize_t count = steps.shape[0], last = count - 1, columns = changes.shape[0] - 1
    cdef bint has_bends = power == 2 and n == 1
    cdef value change, apart
    cdef double noise
    if columns < 2:
        return 0
    if not has_bends:
        columns = min(columns, count - 3)
        if columns < 2 or not changes[columns, count - 1 - columns] > changes[columns, count - 2 - columns]:
            return 0
    change = changes[columns, count - 1 - columns]
    if columns > 2:
        change = larger(change, changes[columns - 1, count - columns])
    noise = NOISE_FACTOR * (noise_of_bends(steps, bends) if has_bends else noise_of_quotients(steps, quotients, power, n))
    noise = fmin(noise, <double>(CAP * change * raised(steps[last], n)))
    if has_bends:
        apart = larger(size_of(bends[last] * steps[last]), size_of(bends[last - 1] * steps[last - 1]))
        noise = fmin(noise, <double>(CAP * apart))
    return noise


cdef double noise_of_bends(const double[::1] steps, const value[::1] bends) noexcept nogil:
    """Return f's noise from the bends of the three or four shortest steps.

    Without noise, a bend is a series in odd powers of h. A divided difference in ``h**2`` removes the lowest powers and
    leaves noise: each second difference of f has sqrt(6) times the noise of a value. This is one number, so it may well
    be too small.
    """
    cdef Py_ssize_t k, start = max(0, steps.shape[0] - 4)
    cdef value total = 0
    cdef double weight, squares = 0, noise
    for k in range(start, steps.shape[0]):
        weight = weight_in_difference(steps, start, k, 2) / steps[k]
        total += weight * bends[k]
        squares += (weight / steps[k]) * (weight / steps[k])
    noise = <double>size_of(total) / sqrt(6 * squares)
    return noise if isfinite(noise) else 0


cdef double noise_of_quotients(const double[::1] steps, const value[::1] quotients, int power, int n) noexcept nogil:
    """Return f's noise from the quotients, as if each had the noise of a value times ``sqrt(2) / step**n``."""
    cdef Py_ssize_t k, start = max(0, steps.shape[0] - 4)
    cdef value total = 0
    cdef double weight, squares = 0, noise
    for k in range(start, steps.shape[0]):
        weight = weight_in_difference(steps, start, k, power)
        total += weight * quotients[k]
        squares += raised(weight / raised(steps[k], n), 2)
    noise = <double>size_of(total) / sqrt(2 * squares)
    return noise if isfinite(noise) else 0


cdef inline double weight_in_difference(const double[::1] steps, Py_ssize_t start, Py_ssize_t k, int power) noexcept nogil:
    """Return the weight of step k in the divided difference, in ``h**power``, over the steps from `start` on."""
    cdef Py_ssize_t other
    cdef double product = 1
    for other in range(start, steps.shape[0]):
        if other != k:
            product *= steps[k] * steps[k] - steps[other] * steps[other] if power == 2 else steps[k] - steps[other]
    return 1 / product


cdef inline double raised(double base, int n) noexcept nogil:
    cdef double product = 1
    for _ in range(n):
        product *= base
    return product


cdef inline double share(double longer, double shorter, int power) noexcept nogil:
    """Return the weight of a difference in Neville's recurrence: ``1 / (ratio**power - 1)``."""
    cdef double ratio = longer / shorter
    return 1 / ((ratio * ratio if power == 2 else ratio) - 1)


cdef inline value larger(value one, value other) noexcept nogil:
    """Return the larger of two numbers, or NaN if one of them is NaN."""
    return one if one > other or one != one else other
