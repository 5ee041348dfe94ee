"""The difference methods, values that one can print and compare: on which nodes f is evaluated, and how far apart."""

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from gradfast import stencils
from gradfast._kernels.steps_and_bounds import Plan, Rule, Stencil, plan_index
from gradfast.steps.steps_and_bounds import (
    Candidates,
    absolute_steps,
    best_relative_step,
    broadcast_steps,
    checked_steps,
    least_scale,
    nearest_power_of_two,
    scale_of,
)
from gradfast.values.arguments import EPS, OURS, Array, Words, alike, is_integer, is_real

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

# What says how long steps are.
GIVEN = ("step", "rel_step", "noise", "scale")

# Plans of a method: one for each order of derivative (that of 0 is unused) and each dtype.char of EPS.
PLANS = len(EPS) * (stencils.HIGHEST_DERIVATIVE + 1)


def as_tuple(steps: object) -> object:
    return tuple(map(as_tuple, steps)) if isinstance(steps, list) else steps


@lru_cache
def candidates_of(directions: tuple[tuple[str, int], ...], n: int, accuracy: int) -> Candidates:
    return tuple((getattr(stencils, kind)(n, accuracy), sign) for kind, sign in directions)


class Method:
    """What all methods share. A keyword that another package has is answered with ours."""

    is_complex: ClassVar[bool] = False  # whether f is called with complex numbers
    is_adaptive: ClassVar[bool] = False  # whether steps follow from f's values
    plans: ClassVar[list[Plan | None] | None] = None  # of difference methods

    def candidates(self, n: int) -> Candidates:
        """Return the stencils of the n-th derivative to choose from; here, of a method that has none."""
        return ()

    def require_use(self, n: int, is_native: bool) -> None:
        """ValueError unless the method serves for the n-th derivative of f, which may be compiled code."""

    if not TYPE_CHECKING:

        def __new__(cls, *_, **given):
            for name, value in given.items():
                fields = cls.__dataclass_fields__
                if name not in fields:
                    ours = OURS.get(name, "").partition("(")[2].partition("=")[0]
                    found = [ours] if ours in fields else alike(name, fields)
                    advice = f"; write {found[0]}={value!r}" if found else ""
                    raise TypeError(f"{cls.__name__}() got an unexpected keyword argument {name!r}{advice}")
            return super().__new__(cls)


@dataclass(frozen=True)
class Difference(Method):
    """What the difference methods share: see :class:`Central`."""

    accuracy: int = 1
    step: "ArrayLike | None" = None
    rel_step: "ArrayLike | None" = None
    noise: float | None = None
    scale: "ArrayLike | None" = None
    # The stencils to choose from, the preferred one first, and the direction each looks in.
    directions: ClassVar[tuple[tuple[str, int], ...]]
    plans: ClassVar[list[Plan | None]]  # of an instance, and no field: made when they are needed

    def __post_init__(self) -> None:
        given = vars(self)  # which a frozen dataclass lets be written to
        two_sided = self.directions[0][0] == "central"
        if not is_integer(self.accuracy) or self.accuracy < 1 or (two_sided and self.accuracy % 2):
            wanted = "a positive even integer" if two_sided else "a positive integer"
            raise ValueError(f"accuracy must be {wanted}; got {self.accuracy!r}")
        given["accuracy"] = int(self.accuracy)
        if self.step is not None and self.rel_step is not None:
            raise ValueError(f"step and rel_step must not both be given; got {self.step!r} and {self.rel_step!r}")
        if self.noise is not None:
            self._check_noise(self.noise)
        if self.step is not None and self.scale is not None:
            raise ValueError(f"step and scale must not both be given; got {self.step!r} and {self.scale!r}")
        for name in ("step", "rel_step", "scale"):
            value = given[name]
            if value is not None and not (type(value) is float and 0 < value < inf):
                # As tuples, steps compare, and cannot change behind the method's back.
                given[name] = as_tuple(checked_steps(name, value, may_be_zero=name == "scale").tolist())
        given["plans"] = [None] * PLANS

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name != "plans"}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state, plans=[None] * PLANS)

    def _check_noise(self, noise: object) -> None:
        if is_real(noise) and noise != noise:
            raise ValueError(f"noise must be known; got {noise!r}, what gradfast.noise could not tell")
        if not is_real(noise) or not 0 <= noise < inf:
            raise ValueError(f"noise must be a finite number from 0 up; got {noise!r}")
        if self.step is not None or self.rel_step is not None:
            raise ValueError(f"noise must not be given with step or rel_step; got {noise!r}")

    def __str__(self) -> str:
        """Return what it is called, what it was given, and the formula of a first derivative."""
        given = [f"{name} {value}" for name in ("accuracy", *GIVEN) if (value := getattr(self, name)) is not None]
        return f"{self._name()}, {', '.join(given)}: {stencils.formula(*self.candidates(1)[0])}"

    def _name(self) -> str:
        return type(self).__name__

    def stencil(self, n: int = 1) -> Stencil:
        """Return the nodes and weights of the n-th derivative, where no bounds are near; of backward ones, mirrored."""
        return self.candidates(stencils.checked_order(n))[0][0]

    def schemes(self, stencil: Stencil, steps: Array) -> Words:
        """Return what signed steps of a stencil do: "central", "forward" or "backward"."""
        if min(stencil.nodes) < 0:
            return np.full(np.shape(steps), "central")
        return np.where(steps > 0, "forward", "backward")

    def with_steps(self, **given: object) -> Self:
        """Return the same differences with other steps, which are taken as they are."""
        other = copy(self)
        vars(other).update(given)
        return other

    def one_sided(self) -> "Forward":
        """Return a forward difference of the same accuracy and steps."""
        return Forward(self.accuracy, self.step, self.rel_step, self.noise, self.scale)

    def candidates(self, n: int) -> Candidates:
        """Return the stencils of the n-th derivative, the preferred one first, each with its direction."""
        return candidates_of(self.directions, n, self.accuracy)

    def plan(self, n: int, char: str) -> Plan:
        """Return the stencils of the n-th derivative, and the rule of its steps in the precision of a dtype.char."""
        index = plan_index(n, char)
        found = self.plans[index]
        if found is None:
            by_precision = self.step is None and self.rel_step is None
            found = self.plans[index] = Plan(self._rule(n, char), self.candidates(n), by_precision)
        return found

    def _rule(self, n: int, char: str) -> Rule | None:
        """Return the rule of the steps; None if the caller gave steps that no rule of doubles can hold."""
        if self.step is not None:
            return Rule(absolute=self.step) if isinstance(self.step, (int, float)) else None
        relative = self._relative(n, char)
        if np.ndim(relative) or not (self.scale is None or isinstance(self.scale, (int, float))):
            return None
        if not EPS[char] <= relative < 1 / EPS[char]:
            limits = f"from {EPS[char]:.3g} to {1 / EPS[char]:.3g}"
            raise ValueError(f"rel_step must be {limits} for x of dtype {np.dtype(char)}; got {relative!r}")
        if self.scale is not None:
            at_zero = Rule(relative=relative, least_scale=least_scale(n)).at(np.zeros(1))
            return Rule(relative=relative, least_scale=self.scale, absolute=float(at_zero[0]))
        return Rule(relative=relative, least_scale=least_scale(n, self.accuracy if self.rel_step is None else 1))

    def _relative(self, n: int, char: str) -> Any:
        """Return what times the scale of x is the step, in the precision of a dtype.char."""
        if self.rel_step is not None:
            return self.rel_step
        noise = max(EPS[char], min(1.0, float(self.noise or 0)))  # more is as much: the rule's longest step
        return best_relative_step(self.candidates(n)[0][0], noise)

    def steps_at(self, x: Array, n: int, precision: str | None = None) -> Array:
        """Return the step of each coordinate of x, flat; RuntimeWarning if rounding swallows one that was asked for.

        A precision is a dtype.char, of f's values if they are coarser than x.
        """
        rule = self.plan(n, precision or x.dtype.char).rule
        if rule is not None and rule.relative:
            return rule.at(x)
        if self.step is not None:
            return absolute_steps(x, broadcast_steps("step", self.step, x))
        relative, size = self._relative(n, precision or x.dtype.char), scale_of(x, self.scale, least_scale(n))
        if np.ndim(relative):
            return absolute_steps(x, nearest_power_of_two(broadcast_steps("rel_step", relative, x) * size))
        return absolute_steps(x, Rule(relative=relative, absolute=relative).at(size).reshape(x.shape))


@dataclass(frozen=True)
class Central(Difference):
    """Differences with nodes on both sides of x: ``(f(x + h) - f(x - h)) / (2 h)`` and its kin.

    Parameters
    ----------
    accuracy : int
        Order of the truncation error in the step, even. A first derivative costs ``accuracy`` evaluations a coordinate.
    step : float or array_like, optional
        The step, in x's units, of all coordinates or of each.
    rel_step : float or array_like, optional
        The step relative to ``max(abs(x), 0.1 ** (1 / n))``, rounded to a power of two; n is 1 but for higher
        derivatives. The default balances truncation against rounding for an f whose scale is that of x, or somewhat
        shorter; from accuracy 6 up it is relative to 0.2 where this has 0.1. No fixed step knows f's scale.
    noise : float, optional
        How much f's values are wrong by, in f's units: :func:`gradfast.noise` measures it. The step
        then balances truncation against that, for an f that varies by about 1 over the scale of x: where it
        varies by V, give noise / V. Best with ``accuracy=4``.
    scale : float or array_like, optional
        The typical size of x, in x's units, of all coordinates or of each: steps are relative to
        ``max(abs(x), scale)``, also for higher derivatives. With 0 they are relative to abs(x) alone; where x is
        0 as well, they are as if no scale was given.

    Raises
    ------
    ValueError
        If accuracy is no positive even integer, steps are not finite and positive or both given, noise is
        negative, not finite or given with a step, scale is negative, not finite or given with ``step``; when it
        is used, if ``rel_step`` is below eps of x's dtype.

    Notes
    -----
    Weights are exact [1]_; ``stencil(n)`` shows them. The default step is the one at
    which the bounds of truncation and of rounding, or noise, have the least sum [2]_, [3]_.

    References
    ----------
    .. [1] Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids", Math. Comp. 51 (1988)
       699-706.
    .. [2] Nocedal and Wright, "Numerical Optimization", 2nd ed., Springer (2006), section 8.1.
    .. [3] Gill, Murray and Wright, "Practical Optimization", Academic Press (1981), section 8.6.

    Examples
    --------
    >>> from gradfast import Central
    >>> Central(accuracy=4)
    Central(accuracy=4, step=None, rel_step=None, noise=None, scale=None)
    >>> print(Central(accuracy=4))
    Central, accuracy 4: (-f(x + 2 h) + 8 f(x + h) - 8 f(x - h) + f(x - 2 h)) / (12 h)
    """

    accuracy: int = 2
    directions = (("central", 1), ("forward", 1), ("forward", -1))


class Forward(Difference):
    """Differences with nodes at x and above: ``(f(x + h) - f(x)) / h`` and its kin.

    A first derivative costs ``accuracy`` evaluations a coordinate and one at x.

    Parameters
    ----------
    accuracy, step, rel_step, noise, scale
        As for :class:`Central`; errors and sources are the same. accuracy may be odd.

    Notes
    -----
    Weights are exact. The truncation error is of the order of ``h**accuracy``, at accuracy 1 of h.

    Examples
    --------
    >>> from gradfast import Forward
    >>> Forward(step=1e-6)
    Forward(accuracy=1, step=1e-06, rel_step=None, noise=None, scale=None)
    """

    directions = (("forward", 1), ("forward", -1))


class Backward(Difference):
    """Differences with nodes at x and below: ``(f(x) - f(x - h)) / h`` and its kin.

    Parameters
    ----------
    accuracy, step, rel_step, noise, scale
        As for :class:`Forward`; costs, errors and sources are the same.

    Examples
    --------
    >>> from gradfast import Backward
    >>> Backward()
    Backward(accuracy=1, step=None, rel_step=None, noise=None, scale=None)
    """

    directions = (("forward", -1), ("forward", 1))


@dataclass(frozen=True, init=False, repr=False)
class Nodes(Difference):
    """Differences with nodes of your own, as ``f(x - h)``, f(x), ``f(x + h)`` and ``f(x + 2 h)`` from ``(-1, 1, 2)``.

    The weights are the exact ones for polynomials through these nodes and x. Where bounds leave no
    room for them, they are mirrored, or one-sided ones of the same accuracy take their place.

    Parameters
    ----------
    nodes : sequence of int
        The nodes in units of the step, each once; x itself, 0, is always one and left out.
    step, rel_step, noise, scale
        As for :class:`Central`.

    Raises
    ------
    ValueError
        If the nodes are no distinct integers other than 0, or too far apart for weights of 53 bits; when it is
        used, if they are fewer than the order of the derivative.

    References
    ----------
    As for :class:`Central`.

    Examples
    --------
    >>> from gradfast import Nodes
    >>> Nodes((-1, 1, 2))
    Nodes((-1, 1, 2))
    >>> Nodes((-1, 1, 2)).stencil()
    Stencil(nodes=(-1, 1, 2), weights=(-2, 6, -1), denominator=6, n=1, center=-3)
    """

    accuracy: int = field(default=1, init=False)  # which follows from the nodes
    nodes: tuple[int, ...] = ()
    directions = (("forward", 1),)

    def __init__(
        self, nodes: object, *, step: "ArrayLike | None" = None, rel_step: "ArrayLike | None" = None,
        noise: float | None = None, scale: "ArrayLike | None" = None,
    ) -> None:  # fmt: skip
        taken = tuple(nodes) if isinstance(nodes, Iterable) else (nodes,)
        if not taken or not all(map(is_integer, taken)) or 0 in taken or len(set(taken)) < len(taken):
            raise ValueError(f"nodes must be distinct integers other than 0; got {nodes!r}")
        own = tuple(map(int, taken))
        vars(self).update(nodes=own, step=step, rel_step=rel_step, noise=noise, scale=scale)
        vars(self)["accuracy"] = stencils.truncation(stencils.on_nodes(own, 1))[0]
        self.__post_init__()

    def _name(self) -> str:
        return f"Nodes {self.nodes}"

    def __repr__(self) -> str:
        options = "".join(f", {name}={value!r}" for name in GIVEN if (value := getattr(self, name)) is not None)
        return f"Nodes({self.nodes}{options})"

    def candidates(self, n: int) -> Candidates:
        """Return the stencils of the n-th derivative, the preferred one first, each with its direction."""
        if len(self.nodes) < n:
            raise ValueError(f"nodes must be at least {n} for a derivative of order {n}; got {self.nodes}")
        own, accuracy = stencils.on_nodes(self.nodes, n), max(1, len(self.nodes) + 1 - n)
        one_sided = stencils.forward(n, accuracy)
        return (own, 1), (own, -1), (one_sided, 1), (one_sided, -1)
