"""Finite-difference stencils: nodes and exact weights for any derivative order and accuracy."""

from fractions import Fraction
from functools import lru_cache
from math import factorial, lcm
from typing import Any

from gradfast._kernels.stencil import Stencil
from gradfast.arguments import is_integer

HIGHEST_DERIVATIVE = 6

# f's value alone, at coordinates that are moved by their steps.
ONE_NODE = Stencil(nodes=(1,), weights=(1,), denominator=1)

LARGEST_WEIGHT = 2**53  # float64 holds every whole number up to here


def checked_order(n: Any) -> int:
    """Return n as an int; raise ValueError unless it is the order of a derivative that has stencils."""
    if not is_integer(n) or not 1 <= n <= HIGHEST_DERIVATIVE:
        raise ValueError(f"n must be an integer from 1 to {HIGHEST_DERIVATIVE}; got {n!r}")
    return int(n)


def central(n: int, accuracy: int) -> Stencil:
    """Return the stencil of the n-th derivative on both sides of x. Its error is of order h**accuracy (even)."""
    m = (n - 1) // 2 + accuracy // 2
    return _stencil(tuple(node for k in range(1, m + 1) for node in (k, -k)), n)


def forward(n: int, accuracy: int) -> Stencil:
    """Return the stencil of the n-th derivative on nodes from 0 up. With a negative step it is the backward one."""
    return _stencil(tuple(range(1, n + accuracy)), n)


def on_nodes(nodes: tuple[int, ...], n: int) -> Stencil:
    """Return the stencil of the n-th derivative on these distinct nodes and 0, which is not among them."""
    return _stencil(nodes, n, "nodes must be few and near enough")


def formula(stencil: Stencil, sign: int = 1) -> str:
    """Return the difference quotient as text, by falling nodes; with sign -1, that of a negative step.

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


def accuracy_of(stencil: Stencil) -> int:
    """Return the order in h of the stencil's truncation error."""
    return truncation(stencil)[0]


def truncation(stencil: Stencil) -> tuple[int, float]:
    """Return order and factor of the truncation error: factor * h**order * (the (n + order)-th derivative of f)."""
    power = stencil.n + 1
    while not (moment := sum(w * node**power for w, node in zip(stencil.weights, stencil.nodes, strict=True))):
        power += 1
    return power - stencil.n, abs(moment) / stencil.denominator / factorial(power)


@lru_cache
def _stencil(nodes: tuple[int, ...], n: int, wanted: str = "accuracy must be low enough") -> Stencil:
    """Return a stencil; raise ValueError, which says what was wanted, if its weights do not fit in float64."""
    exact = fornberg_weights([0, *nodes], n)
    denominator = lcm(*(weight.denominator for weight in exact))
    center, *weights = (int(weight * denominator) for weight in exact)
    largest = max(denominator, abs(center), *map(abs, weights))
    if largest > LARGEST_WEIGHT:
        bits = largest.bit_length()
        raise ValueError(f"{wanted} that weights fit in 53 bits; got {bits} bits on {len(nodes)} nodes")
    return Stencil(nodes, weights, denominator, n, center)


def fornberg_weights(nodes: list[int], n: int) -> list[Fraction]:
    """Return the exact weights of the n-th derivative at 0.

    Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids", Math. Comp. 51 (1988) 699-706.
    Each turn adds a node; ``weights[j][k]`` is the weight of node j for the k-th derivative.
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
