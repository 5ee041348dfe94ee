"""How noisy f is: the size of what its values are wrong by, seen from values close to each other."""

import math

import numpy as np

from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.moves import Groups, Moves
from gradfast._kernels.returned_value import ArrayValueError
from gradfast._kernels.steps_and_bounds import LEAST_SCALE, Stencil
from gradfast.calls.evaluators import Call, opened, x_of
from gradfast.values.arguments import EPS, VALUE_DTYPE, Array, Flags, Function, apart, as_arguments, as_point
from gradfast.values.callables import as_objective

# Values of one table, at equal steps to both sides of x; only values are asked for, so that weights mean nothing.
EVALUATIONS = 8
TABLE = Stencil(nodes=range(-EVALUATIONS // 2, EVALUATIONS // 2), weights=[1] * EVALUATIONS, denominator=1)

# Tables tried; as powers of two: the first step, relative to x, how much longer or shorter the next one is, and the
# longest one. If f is constant up to that one, each coordinate is then moved as if it were LEAST_SCALE at least.
TABLES = 5
FIRST_STEP = -30
CHANGE = 9
LONGEST_STEP = -3

# The first step is at least eps of x's dtype times this power of two, so that the points of a table differ from x.
ROOM = 7

# Decimal digits that values are looked at with: 1000 times coarser than doubles, which then rarely seem rounded.
DIGITS = 12

# The first step where each of f's values is looked at, as FIRST_STEP: so long that the rounding of single precision
# shows in the first table, and that of half precision in the second, which is the last.
FIRST_STEP_OF_EACH = -21
TABLES_OF_EACH = 2

# The standard deviation of normal numbers, in units of their median size.
NORMAL = 1.4826

# A quantum that is a larger part of f's values than this is not the rounding of doubles.
COARSE = 2.0**-45


def noise(f: Function, x: object, *, args: object = (), vectorized: bool = False) -> float:
    """Return the noise of f at x: the standard deviation of what its values are wrong by.

    Parameters
    ----------
    f : callable
        Function of a point that returns one number, as for :func:`gradfast.gradient`.
    x : array_like
        One point of any shape. It is perturbed in place and put back, as by :func:`gradfast.gradient`.
    args : tuple
        More arguments for f.
    vectorized : bool
        Whether f takes many points in one call. It is then called once a table: see the notes.

    Returns
    -------
    float
        The noise, in f's units. 0 if f is constant at every step tried; NaN if it is nowhere finite.

    Raises
    ------
    TypeError, ValueError
        As for :func:`gradfast.gradient`.

    Notes
    -----
    The difference table of Moré and Wild [1]_: at equal steps along one direction the k-th differences of a
    smooth f vanish, those of noise grow as ``sqrt((2 k)!) / k!``. A table takes 8 evaluations. If f changes too little
    or too much over the first table, others follow at longer or shorter steps, up to 5 in all.

    The noise is at least that of rounding to f's *quantum* q, ``q / sqrt(12)``. The values that were seen differ by
    whole multiples of q: a unit in the last place, in single precision if f computes in it, or 1e-6 if f rounds to
    6 decimals.

    Thread-safety: as for :func:`gradfast.gradient`.

    References
    ----------
    .. [1] Moré and Wild, "Estimating computational noise", SIAM J. Sci. Comput. 33 (2011) 1292-1314.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import noise
    >>> rough = lambda x: np.sum(x) + 1e-6 * np.sin(1e9 * np.sum(x))
    >>> print(f"{noise(rough, [1.0, 2.0]):.0e}")
    8e-07
    """
    call = Call(as_objective(f), as_arguments(args), single=True, vectorized=vectorized)
    try:
        with opened(call.at(apart(as_point(x), call.args))) as e:
            e.copied_from = x
            return _search(e)
    except ArrayValueError as error:
        advice = "measure each value, as noise(lambda x: f(x)[0], x)"
        raise ValueError(str(error).replace("for arrays use jacobian", advice)) from None


def _search(e: Evaluator) -> float:
    """Return the noise that a table shows whose step is neither too short nor too long.

    If there is none: the noise of rounding, or what the differences of a table show at most.
    """
    x = x_of(e).reshape(-1)
    power = max(FIRST_STEP, ROOM + int(math.log2(EPS[x.dtype.char])))
    too_short, too_long, least, most = -math.inf, math.inf, math.nan, math.inf
    steps: Array | None = None
    for _ in range(TABLES):
        last, steps = steps, _steps(x, min(power, LONGEST_STEP), is_constant=least == 0 and power > LONGEST_STEP)
        if last is not None and np.array_equal(last, steps):
            break
        values = _table(e, steps)
        if not np.isfinite(values).all():
            too_long = power
        else:
            rounding = float(_noise_of_rounding(values)[0])
            least = min(least, rounding) if min(least, rounding) > 0 else np.fmax(least, rounding)
            if _rests(values)[0]:
                too_short = power
            else:
                with np.errstate(all="ignore"):
                    bends = np.diff(values[:, 0] / 4, 2)  # at a kink one or two are large, and of one sign
                found = min(float(from_values(values)[0]), max(0.0, 4 * float(min(bends.max(), -bends.min()))))
                if not math.isnan(found):
                    return max(found, rounding)
                if rounding > COARSE * float(np.abs(values).max()):
                    return rounding
                too_long, most = power, min(most, float(np.min(_levels(values)[0])))
        if math.isinf(too_short) or math.isinf(too_long):
            power += CHANGE if math.isinf(too_long) else -CHANGE
        else:
            power = int(too_short + too_long) // 2
    return least if math.isinf(most) else max(least, most)


def of_each_value(e: Evaluator, room: Array) -> tuple[Array, Array, Array]:
    """Return the noise of each of f's values, how large a value is or moves on a way of x's size, and all values seen.

    By one table, or two if a value rests in the first; NaN if it does in both. No coordinate moves further than the
    room that it has.
    """
    x = x_of(e).reshape(-1)
    power = max(FIRST_STEP_OF_EACH, ROOM + int(math.log2(EPS[x.dtype.char]))) - CHANGE
    tables: list[Array] = []
    noise = size = np.zeros(0)
    for count in range(TABLES_OF_EACH):
        power += CHANGE
        steps = _steps(x, min(power, LONGEST_STEP), is_constant=False)
        values = _table(e, np.where(np.abs(steps) * EVALUATIONS <= 2 * room, steps, 0))
        tables.append(values)
        found = np.where(_rests(values) | ~np.isfinite(values).all(axis=0), math.nan, _noise_of_few(values))
        with np.errstate(all="ignore"):
            reach = np.fmax(np.abs(values).max(axis=0), np.ptp(values, axis=0) / (2.0**power * EVALUATIONS))
        noise, size = (np.where(np.isnan(noise), found, noise), np.fmax(size, reach)) if count else (found, reach)
        if not np.isnan(noise).any():
            break
    return noise, size, np.concatenate(tables)


def _noise_of_few(values: Array) -> Array:
    """Return the noise of each column, be it by fewer than three levels. A kink bends one or two differences only."""
    with np.errstate(all="ignore"):
        noise = from_values(values)
        bends = NORMAL * np.median(np.abs(np.diff(values, 2, axis=0)), axis=0) / math.sqrt(math.comb(4, 2))
        noise = np.where(np.isnan(noise), np.min(_levels(values)[0], axis=0), noise)
        return np.asarray(np.fmax(np.fmin(noise, 2 * bends), _noise_of_rounding(values)))


def _table(e: Evaluator, steps: Array) -> Array:
    """Return f's values at equal steps: a row for each point, a column for each value."""
    values: Array = e.values(Moves(Groups.together(e.n), steps, TABLE)).astype(float).reshape(EVALUATIONS, -1)
    return values


def _rests(values: Array) -> Flags:
    return np.asarray(np.count_nonzero(values[1:] == values[:-1], axis=0) >= EVALUATIONS // 2)


def _steps(x: Array, power: int, is_constant: bool) -> Array:
    """Return how far each coordinate of a flat x moves from one value of a table to the next, 2**power relative to it.

    Coordinates move by random shares of that, away from 0, and by whole units in the last place: a point that is
    rounded would change f by as much as f's own rounding does.
    """
    size = np.where(np.isfinite(x), np.abs(x), 0).astype(VALUE_DTYPE[x.dtype.char])
    least = LEAST_SCALE if is_constant else size[size > 0].min(initial=LEAST_SCALE)
    share = np.random.default_rng(x.size).uniform(0.5, 1.0, x.shape)
    with np.errstate(all="ignore"):
        steps = 2.0**power * share * np.maximum(size, least)
        unit = 2 * np.spacing((size + steps).astype(x.dtype)).astype(steps.dtype)
        whole: Array = np.copysign(np.ceil(steps / unit) * unit, x)
    return whole


@np.errstate(all="ignore")
def _noise_of_rounding(values: Array) -> Array:
    """Return the noise of rounding to each column's quantum; 0 where all values are equal."""
    bends = np.diff(values, 2, axis=0)
    # Else it may be a line, or a kink, which bends it by a multiple of the step.
    is_rough = (bends.min(axis=0) < 0) & (bends.max(axis=0) > 0)
    quantum = np.where(is_rough, quantum_of(values, level=2), 0)
    quantum = np.where(quantum > 0, quantum, quantum_of(values, level=0))
    return np.where(np.ptp(values, axis=0) > 0, np.fmax(quantum / math.sqrt(12), math.ulp(0.0)), 0)


def quantum_of(values: Array, level: int = 1) -> Array:
    """Return the quantum of each column of values: the largest number of which their differences are whole multiples.

    Differences of that level: second ones of values at equal steps, since first ones may all be a line's slope. At
    level 0 it is a unit that holds the values themselves, a power of two or ten. Values are counted in units in the
    last place of the largest; or in decimal units, if all are decimal numbers of few digits. 0 if all differences are.
    """
    largest = np.abs(values).max(axis=0)
    with np.errstate(all="ignore"):
        unit = np.spacing(np.where(np.isfinite(largest), largest, 1).astype(float))
        quantum = unit * _common_divisor(values / unit, level, 2)
        decimals = DIGITS - np.ceil(np.log10(largest))
        tens = 10.0 ** np.where(np.abs(decimals) <= 22, decimals, 0)  # exact, up to 1e22
        counts = np.rint(values * tens)
        is_decimal = (np.abs(decimals) <= 22) & (np.abs(counts / tens - values) <= unit).all(axis=0)
        decimal = _common_divisor(counts, level, 10) / tens
        found: Array = np.where(is_decimal, decimal if level else np.maximum(decimal, quantum), quantum)
    return found


def _common_divisor(counts: Array, level: int, base: int) -> Array:
    """Return the greatest common divisor of the differences of each column of whole numbers below 2**53."""
    whole = np.where(np.isfinite(counts), np.rint(counts), 0).astype(np.int64)
    divisor: Array = np.gcd.reduce(np.diff(whole, level, axis=0), axis=0)
    if level == 0:  # values of a line may all be multiples of more than their unit
        powers = base ** np.arange(1, int(53 / math.log2(base)), dtype=np.int64).reshape(-1, *(1,) * divisor.ndim)
        divisor = base ** np.count_nonzero(divisor % powers == 0, axis=0)
    return divisor


@np.errstate(all="ignore")
def from_values(values: Array) -> Array:
    """Return the noise of values at equal steps, by column; NaN if no three levels of differences agree on it.

    Differences of the k-th level have the variance ``(2 k)! / (k!)**2`` times that of noise. A level
    counts if the next two agree within a factor of 4 and its differences change sign.
    """
    levels, changes = _levels(values)
    noise = np.full(values.shape[1:], math.nan)
    for k in reversed(range(len(levels) - 2)):
        most, least = np.max(levels[k : k + 3], axis=0), np.min(levels[k : k + 3], axis=0)
        noise = np.where(changes[k] & (most > 0) & (most <= 4 * least), levels[k], noise)
    return noise


def _levels(values: Array) -> tuple[list[Array], list[Flags]]:
    """Return the noise that each level of differences shows, and whether its differences change sign; by column."""
    largest = np.abs(values).max(axis=0)
    with np.errstate(all="ignore"):
        scale = 2.0 ** np.floor(np.log2(np.where(largest > 0, largest, 1)))  # squares overflow, or vanish
        differences = values / scale
        levels, changes = [], []
        for k in range(1, len(values) - 1):
            differences = np.diff(differences, axis=0)
            levels.append(scale * np.sqrt(np.mean(differences**2, axis=0) / math.comb(2 * k, k)))
            changes.append(np.asarray((differences[1:] * differences[:-1] < 0).any(axis=0)))
    return levels, changes
