"""Nodes and weights for any derivative order and accuracy."""

from fractions import Fraction
from functools import lru_cache
from math import factorial, lcm, prod
from typing import Any

from gradfast._kernels.stencil import Stencil
from gradfast.arguments import is_integer

HIGHEST_DERIVATIVE = 6

MOST = 2**53  # every whole number up to here is exact in float64


def checked_order(n: Any) -> int:
    """Return the order of a derivative; ValueError unless it is one that there are stencils for."""
    if not is_integer(n) or not 1 <= n <= HIGHEST_DERIVATIVE:
        raise ValueError(f"n must be an integer from 1 to {HIGHEST_DERIVATIVE}; got {n!r}")
    return int(n)


def central(n: int, accuracy: int) -> Stencil:
    """Return the stencil of the n-th derivative on nodes on both sides, with an error of h**accuracy (even)."""
    m = (n - 1) // 2 + accuracy // 2
    return _stencil(tuple(node for k in range(1, m + 1) for node in (k, -k)), n)


def forward(n: int, accuracy: int) -> Stencil:
    """Return the stencil of the n-th derivative on nodes from 0 up; with a negative step it looks backward."""
    return _stencil(tuple(range(1, n + accuracy)), n)


def on_nodes(nodes: tuple[int, ...], n: int) -> Stencil:
    """Return the stencil of the n-th derivative on distinct nodes and 0, which is not named."""
    return _stencil(nodes, n, "nodes must be so few and near")


def formula(stencil: Stencil, sign: int = 1) -> str:
    """Return the difference quotient as one writes it, nodes falling; with the sign -1 that of a negative step.

    >>> formula(central(2, 2))
    '(f(x + h) - 2 f(x) + f(x - h)) / h**2'
    """
    weights = dict(zip((sign * int(node) for node in stencil.nodes), stencil.weights, strict=True))
    weights[0] = stencil.center
    terms = []
    for node in sorted(weights, reverse=True):
        if weight := int(weights[node]) * sign**stencil.n:
            size = f"{abs(weight)} " if abs(weight) != 1 else ""
            terms += ["-" if weight < 0 else "+", f"{size}f({_point(node)})"]
    numerator = " ".join(terms).removeprefix("+ ")
    numerator = f"-{numerator[2:]}" if numerator.startswith("- ") else numerator
    power = "h" if stencil.n == 1 else f"h**{stencil.n}"
    return f"({numerator}) / " + (power if stencil.denominator == 1 else f"({int(stencil.denominator)} {power})")


def _point(node: int) -> str:
    if not node:
        return "x"
    return f"x {'+' if node > 0 else '-'} {f'{abs(node)} ' if abs(node) > 1 else ''}h"


def value_weights(stencil: Stencil) -> list[float]:
    """Return the weights with which f's values at the nodes interpolate that at 0, to the order of the stencil."""
    nodes = [int(node) for node in stencil.nodes]
    return [float(prod((Fraction(-b, a - b) for b in nodes if b != a), start=Fraction(1))) for a in nodes]


def accuracy_of(stencil: Stencil) -> int:
    """Return the order of the stencil's truncation error."""
    return truncation(stencil)[0]


def truncation(stencil: Stencil) -> tuple[int, float]:
    """Return the order of the error in the step, and its factor."""
    power = stencil.n + 1
    while not (moment := sum(w * node**power for w, node in zip(stencil.weights, stencil.nodes, strict=True))):
        power += 1
    return power - stencil.n, abs(moment) / stencil.denominator / factorial(power)


def _stencil_on(nodes: tuple[int, ...], n: int, wanted: str = "accuracy must be so low") -> Stencil:
    """Return a stencil; ValueError that says what was wanted if no double holds its weights."""
    exact = fornberg_weights([0, *nodes], n)
    denominator = lcm(*(weight.denominator for weight in exact))
    center, *weights = (int(weight * denominator) for weight in exact)
    largest = max(denominator, abs(center), *map(abs, weights))
    if largest > MOST:
        bits = largest.bit_length()
        raise ValueError(f"{wanted} that weights fit in 53 bits; got {bits} bits on {len(nodes)} nodes")
    return Stencil(nodes, weights, denominator, n, center)


_stencil = lru_cache(_stencil_on)


def fornberg_weights(nodes: list[int], n: int) -> list[Fraction]:
    """Return the exact weights of the n-th derivative at 0.

    Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids", Math.
    Comp. 51 (1988) 699-706: the weights of each derivative up to the n-th, one node more a turn.
    """
    weights = [[Fraction(0)] * (n + 1) for _ in nodes]
    weights[0][0] = Fraction(1)
    previous_product = Fraction(1)
    for i in range(1, len(nodes)):
        product = Fraction(1)
        last = weights[i - 1].copy()
        for j in range(i):
            distance = nodes[i] - nodes[j]
            product *= distance
            for k in range(n, -1, -1):
                lower = k * weights[j][k - 1] if k else Fraction(0)
                weights[j][k] = (nodes[i] * weights[j][k] - lower) / distance
        for k in range(n, -1, -1):
            lower = k * last[k - 1] if k else Fraction(0)
            weights[i][k] = previous_product / product * (lower - nodes[i - 1] * last[k])
        previous_product = product
    return [row[n] for row in weights]
