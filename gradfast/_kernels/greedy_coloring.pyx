"""Color the columns of a sparse matrix, so that the columns of one color can be perturbed together.

A pattern is given twice: by rows (`row_starts`, `columns`, as in CSR) and by columns (`column_starts`, `rows`, as in
CSC). Indices are C ints, as in SciPy. All colorings are greedy: columns are visited in a given order, and each takes a
color that no column in conflict with it has. They differ in the order, in which color is taken, and in what conflicts.
The time is linear in the pairs of columns that meet in a row: the sum of the squares of the rows' numbers of entries.
Kernels look for Ctrl-C after this many steps; a look takes far less time than they do.
"""

from gradfast._kernels.returned_value cimport let_others_run

import numpy as np

cdef enum:
    STEPS_A_LOOK = 1 << 16  # below a millisecond, or some in a random pattern larger than the caches


cdef inline Py_ssize_t look(Py_ssize_t steps) except -1:
    """Return the steps since the last look for Ctrl-C, after one if there were many."""
    if steps < STEPS_A_LOOK:
        return steps
    let_others_run()
    return 0


def transpose(
    const int[::1] row_starts not None, const int[::1] columns not None,
    int[::1] column_starts not None, int[::1] rows not None, int[::1] places not None,  # OUT: the last three
):
    """Write the entries in the order of columns: the row of each, and its index in the order of rows."""
    cdef int i, a, at, n = <int>column_starts.shape[0] - 1
    cdef Py_ssize_t steps = 0
    cdef int[::1] next_of = np.zeros(n + 1, np.intc)
    for a in range(<int>columns.shape[0]):
        next_of[columns[a] + 1] += 1
        steps = look(steps + 1)
    column_starts[0] = 0
    for i in range(n):
        next_of[i + 1] += next_of[i]
        column_starts[i + 1] = next_of[i + 1]
    for i in range(<int>row_starts.shape[0] - 1):
        steps = look(steps + 1 + row_starts[i + 1] - row_starts[i])
        for a in range(row_starts[i], row_starts[i + 1]):
            at = next_of[columns[a]]
            next_of[columns[a]] += 1
            rows[at] = i
            places[at] = a


def greedy(
    const int[::1] row_starts not None, const int[::1] columns not None,
    const int[::1] column_starts not None, const int[::1] rows not None,
    const int[::1] order not None, int[::1] colors not None, int limit=0,  # OUT: colors
):
    """Give each column the lowest color that no column it meets in a row has; return the number of colors.

    Curtis, Powell and Reid, "On the estimation of sparse Jacobian matrices", J. Inst. Math. Appl.
    13 (1974) 117-119.

    With a limit, colors are taken in turn: each column takes the first free color after that of the column before, and
    0 is returned if so few do not suffice. On grids in their natural order this finds the periodic colorings that the
    lowest free color misses: 5 colors for the five-point Laplacian instead of 7.
    """
    cdef int a, b, color, j, p, most = limit if limit else <int>order.shape[0] + 1, start = 0, count = 0
    cdef Py_ssize_t steps = 0
    cdef int[::1] taken = np.full(most, -1, np.intc)  # the last column that each color was taken for
    for j in range(<int>order.shape[0]):
        colors[j] = -1
    for p in range(<int>order.shape[0]):
        j = order[p]
        for a in range(column_starts[j], column_starts[j + 1]):
            steps = look(steps + row_starts[rows[a] + 1] - row_starts[rows[a]])
            for b in range(row_starts[rows[a]], row_starts[rows[a] + 1]):
                color = colors[columns[b]]
                if color >= 0:
                    taken[color] = j
        color = start
        while taken[color] == j:
            color = color + 1 if color + 1 < most else 0
            if color == start:
                return 0
        steps = look(steps + 1 + abs(color - start))
        colors[j] = color
        count = max(count, color + 1)
        if limit:
            start = color + 1 if color + 1 < most else 0
    return limit if limit else count


def star(
    const int[::1] row_starts not None, const int[::1] columns not None, const int[::1] order not None,
    int[::1] colors not None,  # OUT: colors
):
    """Color a symmetric pattern so that one of each two mirrored entries can be read; return the number of colors.

    Columns i and j are neighbors if entry (i, j) is not zero. Neighbors get different colors, and two neighbors of a
    column may share a color only if it is higher than the column's own. So of two neighbors, the one of the lower color
    is the only column of that color in the row of the other: the entry is read in that row. Powell and Toint,
    "On the estimation of sparse Hessian matrices", SIAM J. Numer. Anal. 16 (1979) 1060-1074;
    Gebremedhin, Manne and Pothen, "What color is your Jacobian?", SIAM Review 47 (2005), section 4.3.
    """
    cdef int a, b, color, farther, j, p, count = 0
    cdef Py_ssize_t steps = 0
    cdef int[::1] taken = np.full(order.shape[0] + 1, -1, np.intc)
    for j in range(<int>order.shape[0]):
        colors[j] = -1
    for p in range(<int>order.shape[0]):
        j = order[p]
        for a in range(row_starts[j], row_starts[j + 1]):
            color = colors[columns[a]]
            if color >= 0:
                taken[color] = j
            steps = look(steps + 1)
            if color == 0:  # its neighbors may share any color, as none is lower: this skips the pairs of a full row
                continue
            steps = look(steps + row_starts[columns[a] + 1] - row_starts[columns[a]])
            for b in range(row_starts[columns[a]], row_starts[columns[a] + 1]):
                farther = colors[columns[b]]
                if farther >= 0 and (color < 0 or farther < color):
                    taken[farther] = j
        color = 0
        while taken[color] == j:
            color += 1
        steps = look(steps + 1 + color)
        colors[j] = color
        count = max(count, color + 1)
    return count


def degrees(
    const int[::1] row_starts not None, const int[::1] column_starts not None, const int[::1] rows not None,
    long long[::1] out not None,  # OUT: out
):
    """Write the degree of each column: how often it meets another one in a row."""
    cdef int a, j
    cdef Py_ssize_t steps = 0
    for j in range(<int>out.shape[0]):
        out[j] = 0
        steps = look(steps + 1 + column_starts[j + 1] - column_starts[j])
        for a in range(column_starts[j], column_starts[j + 1]):
            out[j] += row_starts[rows[a] + 1] - row_starts[rows[a]] - 1


def smallest_last(
    const int[::1] row_starts not None, const int[::1] columns not None,
    const int[::1] column_starts not None, const int[::1] rows not None,
    long long[::1] meetings not None, int[::1] order not None,  # OUT: order; meetings are degrees, and used up
):
    """Write the smallest-last order: each column, among those up to it, meets the fewest of the others.

    Matula and Beck, "Smallest-last ordering and clustering and graph coloring algorithms", J. ACM 30 (1983) 417-427.
    Columns of equal degree form a doubly linked list; all degrees above n share one list.
    """
    cdef int a, b, j, k, p, low = 0, n = <int>order.shape[0]
    cdef Py_ssize_t steps = 0
    cdef int[::1] heads = np.full(n + 1, -1, np.intc)
    cdef int[::1] after = np.empty(n, np.intc), before = np.empty(n, np.intc)
    cdef unsigned char[::1] done = np.zeros(n, np.uint8)
    for j in range(n - 1, -1, -1):
        link(heads, after, before, j, <int>min(meetings[j], n))
    for p in range(n - 1, -1, -1):
        while heads[low] < 0:
            low += 1
        j = heads[low]
        unlink(heads, after, before, j, low)
        done[j] = 1
        order[p] = j
        steps = look(steps + 1)
        for a in range(column_starts[j], column_starts[j + 1]):
            steps = look(steps + 4 * (row_starts[rows[a] + 1] - row_starts[rows[a]]))
            for b in range(row_starts[rows[a]], row_starts[rows[a] + 1]):
                k = columns[b]
                if done[k]:
                    continue
                meetings[k] -= 1
                if meetings[k] < n:
                    unlink(heads, after, before, k, <int>meetings[k] + 1)
                    link(heads, after, before, k, <int>meetings[k])
                    low = min(low, <int>meetings[k])


cdef inline void link(int[::1] heads, int[::1] after, int[::1] before, int j, int degree) noexcept:
    """Put column j at the head of the list of its degree."""
    after[j] = heads[degree]
    before[j] = -1
    if heads[degree] >= 0:
        before[heads[degree]] = j
    heads[degree] = j


cdef inline void unlink(int[::1] heads, int[::1] after, int[::1] before, int j, int degree) noexcept:
    """Take column j out of the list of its degree."""
    if before[j] >= 0:
        after[before[j]] = after[j]
    else:
        heads[degree] = after[j]
    if after[j] >= 0:
        before[after[j]] = before[j]
