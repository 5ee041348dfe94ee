"""How noisy f is: the size of what its values are wrong by, seen from values close to each other."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.moves import Groups, Moves
from gradfast._kernels.stencil import Stencil
from gradfast.arguments import EPS, Array, as_point
from gradfast.callables import as_objective
from gradfast.complex_step import random_direction
from gradfast.evaluators import Call, opened
from gradfast.operators import NO_ARGUMENTS, as_arguments, x_of

# Values of one table; tables tried; the first step, relative to x, and the ratio of one table's step to the last one's.
EVALUATIONS = 8
TABLES = 4
FIRST_STEP = 2.0**-30
STEP_FACTOR = 2.0**8

# Equal steps to both sides of x; only values are asked for, so that weights mean nothing.
TABLE = Stencil(nodes=range(-EVALUATIONS // 2, EVALUATIONS // 2), weights=[1] * EVALUATIONS, denominator=1)


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
    call = Call(as_objective(f), as_arguments(args), single=True, vectorized=vectorized)
    with opened(call.at(as_point(x))) as e:
        return _search(e)


def _search(e: Evaluator) -> float:
    """Return the noise that the first table shows at a step where neither f's slope nor its constancy hides it."""
    direction, step = random_direction(x_of(e)).reshape(-1), FIRST_STEP * max(1.0, EPS[e.x.dtype.char] / EPS["d"])
    least = math.nan
    for _ in range(TABLES):
        values = e.values(Moves(Groups.together(e.n), step * direction, TABLE)).astype(float)
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
