"""How noisy f is: the size of what its values are wrong by, seen from values close to each other."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradfast.arguments import Array
from gradfast.calling import many_points
from gradfast.complex_step import random_direction
from gradfast.methods import Adaptive
from gradfast.points import leaving_alone
from gradfast.problem import NO_ARGUMENTS, Problem
from gradfast.steps import EPS

# Values of one table, and tables tried: at steps so far apart, the first so far above rounding.
EVALUATIONS = 8
TABLES = 4
FIRST_STEP = 2.0**-30
STEP_FACTOR = 2.0**8


def noise(f: Callable[..., Any], x: Any, *, args: Any = NO_ARGUMENTS, vectorized: bool = False) -> float:
    """Return the noise of f at x: the standard deviation of what its values are wrong by.

    Parameters
    ----------
    f, x, args, vectorized
        As for :func:`gradfast.gradient`; f returns one number a point. A vectorized f is called
        once a table.

    Returns
    -------
    float
        The noise, in f's units; 0 if f is constant near x, NaN if none of the tables shows it.

    Raises
    ------
    TypeError, ValueError
        As for :func:`gradfast.gradient`.

    Notes
    -----
    The difference table of Moré and Wild [1]_: at equal steps along one direction the k-th differences of a
    smooth f vanish, those of noise grow as ``sqrt((2 k)!) / k!``. 8 evaluations; another table of 8 at a longer or
    shorter step, 4 in all, where f changes too little or too much over the first.

    Thread-safety: as for :func:`gradfast.gradient`.

    References
    ----------
    .. [1] Moré and Wild, "Estimating computational noise", SIAM J. Sci. Comput. 33 (2011) 1292-1314.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import noise
    >>> rough = lambda x: np.sum(x) + 1e-6 * np.sin(1e9 * np.sum(x))
    >>> bool(2e-7 < noise(rough, [1.0, 2.0]) < 2e-6)
    True
    """
    problem = Problem(f, x, Adaptive(), None, args, vectorized)
    result: float = problem.keeping(_search, problem)
    return result


def _search(problem: Problem) -> float:
    """Return the noise that the first table shows at a step where neither f's slope nor its constancy hides it."""
    direction, step = random_direction(problem.x), FIRST_STEP * max(1.0, EPS[problem.x.dtype.char] / EPS["d"])
    least = math.nan
    for _ in range(TABLES):
        values = _values(problem, direction, step)
        if not np.isfinite(values).all():
            step /= STEP_FACTOR
            continue
        if np.count_nonzero(np.diff(values) == 0) >= EVALUATIONS // 2:  # too short for the noise to show
            least = 0.0 if np.ptp(values) == 0 else math.nan
            step *= STEP_FACTOR
            continue
        found = from_values(values)
        if not math.isnan(found):
            return found
        step /= STEP_FACTOR
    return least


def _values(problem: Problem, direction: Array, step: float) -> Array:
    p, before = problem, problem.x.copy()
    places = np.arange(EVALUATIONS) - EVALUATIONS // 2
    points = np.stack([(before + place * step * direction).astype(before.dtype) for place in places])
    if p.is_native:
        return np.array([p.family.value(p.f, point, point) for point in points])
    f = leaving_alone(p.f, p.x)
    if p.family is many_points:
        return many_points.values_at(f, points, (EVALUATIONS,)).astype(float)
    values = np.empty(EVALUATIONS)
    try:
        for i, point in enumerate(points):
            p.x[...] = point
            values[i] = p.family.value(f, p.x, p.x)
    finally:
        p.x[...] = before
    return values


def from_values(values: Array) -> float:
    """Return the noise of values at equal steps; NaN if no three levels of differences agree on it.

    Differences of the k-th level have the variance ``(2 k)! / (k!)**2`` times that of noise. A level
    counts if the next two agree within a factor of 4 and its differences change sign.
    """
    levels, changes = [], []
    differences = values
    for k in range(1, len(values) - 1):
        differences = np.diff(differences)
        levels.append(math.sqrt(np.mean(differences**2) / math.comb(2 * k, k)))
        changes.append(bool((differences[1:] * differences[:-1] < 0).any()))
    for k in range(len(levels) - 2):
        three = levels[k : k + 3]
        if changes[k] and 0 < max(three) <= 4 * min(three):
            return float(levels[k])
    return math.nan
