"""Finite-difference stencils: nodes and exact weights for any derivative order and accuracy."""

from collections.abc import Sequence
from functools import lru_cache
from math import factorial, gcd, lcm

from gradfast._kernels.steps_and_bounds import Stencil
from gradfast.values.arguments import is_integer

HIGHEST_DERIVATIVE = 6

# f's value alone, at coordinates that are moved by their steps.
ONE_NODE = Stencil(nodes=(1,), weights=(1,), denominator=1)

LARGEST_WEIGHT = 2**53  # float64 holds every whole number up to here


def checked_order(n: object) -> int:
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


def truncation(stencil: Stencil) -> tuple[int, float]:
    """Return order and factor of the truncation error: factor * h**order * (the (n + order)-th derivative of f)."""
    power = stencil.n + 1
    while not (moment := sum(w * node**power for w, node in zip(stencil.weights, stencil.nodes, strict=True))):
        power += 1
    return power - stencil.n, abs(moment) / stencil.denominator / factorial(power)


@lru_cache
def _stencil(nodes: tuple[int, ...], n: int, wanted: str = "accuracy must be low enough") -> Stencil:
    """Return a stencil; raise ValueError, which says what was wanted, if its weights do not fit in float64."""
    (center, *weights), denominator = exact_weights([0, *nodes], n)
    largest = max(denominator, abs(center), *map(abs, weights))
    if largest > LARGEST_WEIGHT:
        bits = largest.bit_length()
        raise ValueError(f"{wanted} that weights fit in 53 bits; got {bits} bits on {len(nodes)} nodes")
    return Stencil(nodes, weights, denominator, n, center)


def exact_weights(nodes: Sequence[int], n: int) -> tuple[list[int], int]:
    """Return the exact weights of the n-th derivative at 0, as whole numbers over a denominator, in lowest terms.

    The weight of a node is that derivative of Lagrange's polynomial, which is 1 at this node and 0 at the others.
    Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids", Math. Comp. 51 (1988) 699-706.
    """
    derivatives, products = [], []
    for node in nodes:
        coefficients, product = [1] + [0] * n, 1  # up to z**n of all (z - other), and all (node - other), multiplied
        for other in nodes:
            if other != node:
                lower = [0, *coefficients[:-1]]
                coefficients = [below - other * own for below, own in zip(lower, coefficients, strict=True)]
                product *= node - other
        derivatives.append(factorial(n) * coefficients[n])
        products.append(product)
    denominator = lcm(*products)
    weights = [derivative * (denominator // product) for derivative, product in zip(derivatives, products, strict=True)]
    shared = gcd(denominator, *weights)
    return [weight // shared for weight in weights], denominator // shared
