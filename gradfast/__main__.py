"""The tour, ``python -m gradfast``: the textbook's numbers, its figures, and the speed on this machine."""

import argparse
import platform
import sys
import timeit
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gradfast import reference
from gradfast.plotting import import_matplotlib, plot_function, plot_gradient_field, plot_surface, plot_tangent
from gradfast.textbook import numerical_diff, numerical_gradient

X = np.arange(0.0, 20.0, 0.1)
TICKS = np.arange(-2.0, 2.5, 0.25)
SURFACE_TICKS = np.arange(-3.0, 3.01, 0.25)
ROUNDS, SECONDS_A_ROUND = 7, 0.02


def parabola(x: Any) -> Any:
    return 0.01 * x**2 + 0.1 * x


def sum_of_squares(x: Any) -> Any:
    return np.sum(x**2)


def sum_of_squares_of_rows(x: Any) -> Any:
    return np.sum(x**2, axis=1)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    _print_numbers()
    if not options.no_plots:
        try:
            _print_figures(options.out)
        except ImportError as error:
            print(f"\nNo figures: {error}.")
        except OSError as error:
            print(f"--out must be a folder that can be written; got {options.out} ({error.strerror})", file=sys.stderr)
            return 2
    _print_speed()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gradfast",
        description="A tour of gradfast: the textbook's slopes and gradients, its four figures, "
        "and the time that gradients take on this machine. It lasts a few seconds.",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("gradfast-tour"), metavar="DIR", help="folder for the figures (%(default)s)"
    )
    parser.add_argument("--no-plots", action="store_true", help="draw no figures")
    return parser


def _print_numbers() -> None:
    print("f(x) = 0.01 x^2 + 0.1 x")
    for x, exact in ((5.0, 0.2), (10.0, 0.3)):
        _print_number(f"slope at {x:g}", numerical_diff(parabola, x), exact)
    print("\nf(x0, x1) = x0^2 + x1^2")
    for point in ((3.0, 4.0), (0.0, 2.0), (3.0, 0.0)):
        gradient = numerical_gradient(sum_of_squares, np.array(point))
        _print_number(f"gradient at {_text(point)}", gradient, 2 * np.array(point))


def _print_number(what: str, value: Any, exact: Any) -> None:
    print(f"  {what:<20}  {_text(value):<8}  error {np.abs(value - exact).max():.0e}")


def _text(value: Any) -> str:
    """Return a number, or a point in parentheses, to ten digits; the digits after those are rounding errors."""
    numbers = [f"{number:.10g}" for number in np.ravel(value)]
    return f"({', '.join(numbers)})" if np.ndim(value) else numbers[0]


def _print_figures(directory: Path) -> None:
    figures = list(_figures())
    directory.mkdir(parents=True, exist_ok=True)
    print("\nFigures")
    for name, figure in figures:
        figure.savefig(directory / name, dpi=120)
        print(f"  {directory / name}")


def _figures() -> Iterator[tuple[str, Any]]:
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


def _print_speed() -> None:
    print(f"\nSpeed (Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()})")
    print(f"Microseconds for a gradient of the sum of squares, best of {ROUNDS} rounds. Beside it, the speed-up")
    print("over the plain loop. 'f alone' is what f's own calls take: only vectorizing saves them.\n")
    print(f"  {'':<17}{'f alone':>9}{'plain loop':>12}{'gradfast':>10}{'':>9}{'vectorized':>12}")
    random = np.random.default_rng(0)
    for what, shape in (("n = 2", (2,)), ("n = 100", (100,)), ("n = 1000", (1000,)), ("324 points, n = 2", (324, 2))):
        alone, plain, ours, vectorized = (1e6 * seconds for seconds in _seconds_a_gradient(random.normal(size=shape)))
        print(f"  {what:<17}{alone:>9.1f}{plain:>12.1f}", end="")
        print(f"{ours:>10.1f}{plain / ours:>7.2f} x{vectorized:>12.1f}{plain / vectorized:>7.1f} x")


def _seconds_a_gradient(x: Any) -> list[float]:
    """Time f's 2 n calls alone, the plain loop, gradfast, and gradfast vectorized.

    They take turns, so that a slow moment of the machine hits all of them.
    """
    calls: list[Callable[[], Any]] = [
        lambda: [sum_of_squares(point) for point in np.atleast_2d(x) for _ in range(2 * point.size)],
        lambda: reference.numerical_gradient(sum_of_squares, x),
        lambda: numerical_gradient(sum_of_squares, x),
        lambda: numerical_gradient(sum_of_squares_of_rows, x, vectorized=True),
    ]
    plain, ours, vectorized = (call() for call in calls[1:])
    assert np.array_equal(ours, plain)
    assert np.allclose(vectorized, plain, rtol=0, atol=1e-6)  # np.sum adds the terms in another order
    repeats = [max(1, round(SECONDS_A_ROUND / timeit.timeit(call, number=1))) for call in calls]
    best = [np.inf] * len(calls)
    for _ in range(ROUNDS):
        for i, call in enumerate(calls):
            best[i] = min(best[i], timeit.timeit(call, number=repeats[i]) / repeats[i])
    return best


if __name__ == "__main__":
    sys.exit(main())
