"""The tour, ``python -m gradfast``: what gradfast saves on this machine, the textbook's numbers, and its figures."""

import argparse
import platform
import sys
import timeit
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gradfast import reference
from gradfast.operators.gradients import ValueAndGradient, gradient
from gradfast.operators.textbook_functions import numerical_diff
from gradfast.operators.textbook_gradient import numerical_gradient
from gradfast.plotting import plot_function, plot_gradient_field, plot_surface, plot_tangent
from gradfast.reports.mesh_plots import import_matplotlib
from gradfast.values.arguments import Array
from gradfast.values.callables import compiled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

X = np.arange(0.0, 20.0, 0.1)
TICKS = np.arange(-2.0, 2.5, 0.25)
SURFACE_TICKS = np.arange(-3.0, 3.01, 0.25)
ROUNDS, SECONDS_A_ROUND = 7, 0.02
START = np.array([1.3, 0.7, 0.8, 1.9, 1.2] * 2)  # that of SciPy's tutorial, twice
LONG = np.linspace(-1.0, 1.0, 1000)


def parabola(x: Array) -> object:
    return 0.01 * x**2 + 0.1 * x


def sum_of_squares(x: Array) -> object:
    return np.sum(x**2)


def sum_of_squares_of_rows(x: Array) -> object:
    return np.sum(x**2, axis=1)


def sum_of_exponentials(x: Array) -> object:
    return np.sum(np.exp(x))


def squares_one_by_one(x: Array) -> object:
    total = 0.0
    for i in range(x.size):
        total += x[i] ** 2
    return total


def rosenbrock(x: Array) -> object:
    return sum(100.0 * (b - a * a) ** 2 + (1.0 - a) ** 2 for a, b in pairwise(x.tolist()))


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    _print_gains()
    _print_numbers()
    if not options.no_plots:
        try:
            _print_figures(options.out)
        except ImportError as error:
            print(f"\nNo figures: {error}.")
        except OSError as error:
            print(f"--out must be a folder that can be written; got {options.out} ({error.strerror})", file=sys.stderr)
            return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gradfast",
        description="A tour of gradfast: what it saves on this machine, the textbook's slopes and gradients, "
        "and its four figures. It lasts a few seconds.",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("gradfast-tour"), metavar="DIR", help="folder for the figures (%(default)s)"
    )
    parser.add_argument("--no-plots", action="store_true", help="draw no figures")
    return parser


def _print_numbers() -> None:
    print("\nf(x) = 0.01 x^2 + 0.1 x")
    for x, exact in ((5.0, 0.2), (10.0, 0.3)):
        _print_number(f"slope at {x:g}", numerical_diff(parabola, x), exact)
    print("\nf(x0, x1) = x0^2 + x1^2")
    for point in ((3.0, 4.0), (0.0, 2.0), (3.0, 0.0)):
        gradient = numerical_gradient(sum_of_squares, np.array(point))
        _print_number(f"gradient at {_text(point)}", gradient, 2 * np.array(point))


def _print_number(what: str, value: object, exact: object) -> None:
    print(f"  {what:<20}  {_text(value):<8}  {_error(value, exact)}")


def _text(value: object) -> str:
    """Return a number, or a point in parentheses, to ten digits; the digits after those are rounding errors."""
    numbers = [f"{number:.10g}" for number in np.asarray(value).flat]
    return f"({', '.join(numbers)})" if np.asarray(value).ndim else numbers[0]


def _print_figures(directory: Path) -> None:
    figures = list(_figures())
    directory.mkdir(parents=True, exist_ok=True)
    print("\nFigures")
    for name, figure in figures:
        figure.savefig(directory / name, dpi=120)
        print(f"  {directory / name}")


def _figures() -> Iterator[tuple[str, "Figure"]]:
    # Not by pyplot: a Figure alone needs no display and does not touch the caller's backend.
    new_figure = import_matplotlib("matplotlib.figure").Figure

    figure = new_figure(figsize=(6.4, 4.4), layout="constrained")
    plot_function(parabola, X, ax=figure.add_subplot(title="f(x) = 0.01 x² + 0.1 x"))
    yield "function.png", figure

    figure = new_figure(figsize=(6.4, 4.4), layout="constrained")
    ax = figure.add_subplot(title="Tangent lines of f(x) = 0.01 x² + 0.1 x")
    plot_function(parabola, X, ax=ax, label="f")
    for at in (5, 10):
        plot_tangent(parabola, X, at, ax=ax, linewidth=1.2, label=f"tangent at {at}")
    yield "tangent-lines.png", figure

    figure = new_figure(figsize=(6.4, 5.4), layout="constrained")
    ax = figure.add_subplot(projection="3d")
    ax.set_title("f(x0, x1) = x0² + x1²", y=0.99)  # 3-D Axes leave room above their box
    plot_surface(sum_of_squares, SURFACE_TICKS, SURFACE_TICKS, ax=ax)
    yield "surface.png", figure

    figure = new_figure(figsize=(6.4, 6.2), layout="constrained")
    ax = figure.add_subplot(title="Negative gradient of f(x0, x1) = x0² + x1²")
    plot_gradient_field(sum_of_squares, TICKS, TICKS, sign=-1, ax=ax)
    yield "negative-gradient.png", figure


# --- what gradfast saves ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gain:
    """A line of the table: the same work, done without gradfast and with it."""

    work: str
    rival: str
    theirs: Callable[[], Array]
    ours: Callable[[], Array]
    tolerance: float
    share: float = 1.0  # the part of the work that the rival is timed on
    calls_alone: tuple[Callable[[], object], ...] = ()  # of f, which no loop can save


def _print_gains() -> None:
    print(
        f"What gradfast saves here (Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()})"
    )
    print(f"Milliseconds, best of {ROUNDS} rounds. Both compute the same numbers.\n")
    print(f"  {'':<42}{'otherwise by':<22}{'its time':>9}{'gradfast':>10}")
    for gain in (*_fits(), *_batches(), _slow_f()):
        theirs, ours, *alone = _milliseconds(gain)
        print(f"  {gain.work:<42}{gain.rival:<22}{theirs:>9.3f}{ours:>10.3f}{theirs / ours:>8.1f} x")
    print(
        f"\n  The last line gains little, since f's own {2 * LONG.size} calls take {alone[0]:.3f} ms. What saves those:"
    )
    print('  fewer calls (vectorized=True, sparsity=, method="forward"), or a faster f (gradfast.compiled).')
    if missing := [name for name in ("scipy", "numba") if find_spec(name) is None]:
        print(f"  More lines with {' and '.join(missing)} installed.")
    _print_errors()


def _fits() -> Iterator[Gain]:
    """Yield the fit of an f in plain Python, if SciPy is installed.

    By BFGS, which needs NumPy alone: methods that call LAPACK wait for its threads where other programs are busy.
    """
    if find_spec("scipy") is None:
        return
    minimize = import_module("scipy.optimize").minimize
    both = ValueAndGradient(rosenbrock, method="forward")
    # At SciPy's own tolerance it is a matter of luck when a line search ends; at this one all evaluate as often.
    yield Gain(
        "BFGS fit, n = 10",
        "SciPy's differences",
        lambda: minimize(rosenbrock, START, tol=1e-4).x,
        lambda: minimize(both, START, jac=True, tol=1e-4).x,
        tolerance=1e-3,
    )


def _batches() -> Iterator[Gain]:
    """Yield the gradients at many points: by few calls of f, and of compiled f, if numba is installed."""
    rows = np.random.default_rng(0).normal(size=(20_000, 2))
    few = rows[:324]
    yield Gain(
        "gradients at 324 points, vectorized=True",
        "a Python loop",
        lambda: reference.numerical_gradient(sum_of_squares, few),
        lambda: numerical_gradient(sum_of_squares_of_rows, few, vectorized=True),
        tolerance=1e-6,  # np.sum adds the terms in another order
    )
    if find_spec("numba"):
        squares = compiled(squares_one_by_one)
        yield Gain(
            "gradients at 20,000 points, compiled f",
            "a Python loop",
            lambda: reference.numerical_gradient(sum_of_squares, few),
            lambda: numerical_gradient(squares, rows),
            tolerance=1e-6,
            share=len(few) / len(rows),
        )


def _slow_f() -> Gain:
    return Gain(
        "gradient of np.sum(x**2), n = 1000",
        "a Python loop",
        lambda: reference.numerical_gradient(sum_of_squares, LONG),
        lambda: numerical_gradient(sum_of_squares, LONG),
        tolerance=0.0,
        calls_alone=(lambda: [sum_of_squares(LONG) for _ in range(2 * LONG.size)],),
    )


def _print_errors() -> None:
    x = np.array([0.5, 1.0, 1.5])
    fixed = gradient(sum_of_exponentials, x)
    adapted, info = gradient(sum_of_exponentials, x, method="adaptive", full_output=True)
    print("\nErrors of the gradient of exp(x0) + exp(x1) + exp(x2)")
    print(f"  by default               {_error(fixed, np.exp(x))}")
    print(
        f'  by method="adaptive"     {_error(adapted, np.exp(x))}, and its own bar says at most {info.error.max():.0e}'
    )


def _error(value: object, exact: object) -> str:
    return f"error {np.abs(np.asarray(value) - np.asarray(exact)).max():.0e}"


def _milliseconds(gain: Gain) -> list[float]:
    """Time the rival, for the whole work, gradfast and the calls alone, after a look at the results."""
    theirs, ours = gain.theirs(), gain.ours()
    assert np.allclose(ours[: len(theirs)], theirs, rtol=0, atol=gain.tolerance)
    rival, *others = _best([gain.theirs, gain.ours, *gain.calls_alone])
    return [1e3 * seconds for seconds in (rival / gain.share, *others)]


def _best(calls: Sequence[Callable[[], object]]) -> list[float]:
    """Return the seconds of each call. They take turns, so that a slow moment of the machine hits all of them."""
    repeats = [max(1, round(SECONDS_A_ROUND / timeit.timeit(call, number=1))) for call in calls]
    best = [np.inf] * len(calls)
    for _ in range(ROUNDS):
        for i, call in enumerate(calls):
            best[i] = min(best[i], timeit.timeit(call, number=repeats[i]) / repeats[i])
    return best


if __name__ == "__main__":
    sys.exit(main())
