"""Difference methods: on which nodes, how far apart. Each is a value that one can print and compare."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gradfast import stencils
from gradfast._kernels.relative_step import RelativeStep
from gradfast._kernels.stencil import Stencil
from gradfast.arguments import Array, is_integer, is_real
from gradfast.bounds import checked_bounds, plan_within
from gradfast.steps import (
    EPS,
    Plan,
    absolute_steps,
    broadcast_steps,
    checked_steps,
    least_scale,
    relative_step,
    steps_at,
)


def as_tuple(steps: Any) -> Any:
    return tuple(map(as_tuple, steps)) if isinstance(steps, list) else steps


@dataclass(frozen=True)
class Difference:
    """What the three difference methods share: see :class:`Central`."""

    accuracy: int
    step: Any = None
    rel_step: Any = None
    noise: float | None = None
    variation: float = 1.0
    # Of the instance, and no fields: whether one plan serves every x of a dtype, and those made so far.
    _has_rule: ClassVar[bool]
    plans: ClassVar[dict[tuple[int, str], Plan]]
    # The stencils to choose from, the preferred one first, and the direction each looks in.
    directions: ClassVar[tuple[tuple[str, int], ...]]

    def __post_init__(self) -> None:
        two_sided = self.directions[0][0] == "central"
        wanted = "a positive even integer" if two_sided else "a positive integer"
        if not is_integer(self.accuracy) or self.accuracy < 1 or (two_sided and self.accuracy % 2):
            raise ValueError(f"accuracy must be {wanted}; got {self.accuracy!r}")
        object.__setattr__(self, "accuracy", int(self.accuracy))
        if self.step is not None and self.rel_step is not None:
            raise ValueError(f"step and rel_step must not both be given; got {self.step!r} and {self.rel_step!r}")
        self._check_noise()
        for name in ("step", "rel_step"):
            if getattr(self, name) is not None:
                # As tuples, steps compare, and cannot change behind the method's back.
                object.__setattr__(self, name, as_tuple(checked_steps(name, getattr(self, name)).tolist()))
        object.__setattr__(self, "_has_rule", self.step is None and np.ndim(self.rel_step) == 0)
        object.__setattr__(self, "plans", {})

    def _check_noise(self) -> None:
        noise, variation = self.noise, self.variation
        if not is_real(variation) or not 0 < variation < np.inf:
            raise ValueError(f"variation must be finite and positive; got {variation!r}")
        if noise is None:
            if variation != 1:
                raise ValueError(f"variation must not be given without noise; got {variation!r}")
            return
        if is_real(noise) and noise != noise:
            raise ValueError(f"noise must be known; got {noise!r}, what gradfast.noise could not tell")
        if not is_real(noise) or not 0 <= noise < np.inf:
            raise ValueError(f"noise must be a finite number from 0 up; got {noise!r}")
        if self.step is not None or self.rel_step is not None:
            raise ValueError(f"noise must not be given with step or rel_step; got {noise!r}")

    def __str__(self) -> str:
        """Return what it is called, what it was given, and the formula of a first derivative."""
        given = [f"accuracy {self.accuracy}"]
        given += [
            f"{name} {value}" for name in ("step", "rel_step", "noise") if (value := getattr(self, name)) is not None
        ]
        given += [f"variation {self.variation}"] if self.variation != 1 else []
        return f"{self._name()}, {', '.join(given)}: {stencils.formula(*self.options(1)[0])}"

    def _name(self) -> str:
        return type(self).__name__

    def stencil(self, n: int = 1) -> Stencil:
        """Return the nodes and weights of the n-th derivative, where no bounds are near; of backward ones, mirrored."""
        return self.options(stencils.checked_order(n))[0][0]

    def one_sided(self) -> "Forward":
        """Return a forward difference of the same accuracy and steps."""
        return Forward(self.accuracy, self.step, self.rel_step, self.noise, self.variation)

    def options(self, n: int) -> tuple[tuple[Stencil, int], ...]:
        """Return the stencils of the n-th derivative, the preferred one first, each with its direction."""
        return tuple((getattr(stencils, kind)(n, self.accuracy), sign) for kind, sign in self.directions)

    def plan(self, x: Array, n: int = 1, bounds: Any = None) -> Plan:
        """Return the steps and stencils for the n-th derivative along each coordinate of x."""
        if self._has_rule:
            key = n, x.dtype.char
            plan = self.plans.get(key) or self.plans.setdefault(key, self._plan_by_rule(*key))
            if bounds is None:
                return plan
            asked = np.abs(steps_at(plan.steps, x))
        elif self.step is not None:
            asked = absolute_steps(x, broadcast_steps("step", self.step, x))
        else:
            relative = broadcast_steps("rel_step", self.rel_step, x)
            asked = absolute_steps(x, relative * np.maximum(np.abs(x), least_scale(n)))
        options = self.options(n)
        if bounds is not None:
            return plan_within(x, asked, options, checked_bounds(x, bounds))
        stencil, sign = options[0]
        return Plan(sign * asked, ((stencil, None),))

    def _plan_by_rule(self, n: int, char: str) -> Plan:
        """Return the plan for any x of a dtype: the same stencil for all coordinates, steps by the default rule."""
        (stencil, sign), *_ = self.options(n)
        # More noise than variation is as much: the longest step of the rule, about the scale of x.
        noise = max(EPS[char], min(1.0, float(self.noise or 0) / float(self.variation)))
        relative, scale = self.rel_step, least_scale(n)
        if relative is None:
            relative, scale = relative_step(stencil, noise), least_scale(n, self.accuracy)
        if not EPS[char] <= relative < 1 / EPS[char]:
            limits = f"from {EPS[char]:.3g} to {1 / EPS[char]:.3g}"
            raise ValueError(f"rel_step must be {limits} for x of dtype {np.dtype(char)}; got {relative!r}")
        return Plan(RelativeStep(sign * relative, scale), ((stencil, None),))


@dataclass(frozen=True)
class Central(Difference):
    """Differences with nodes on both sides of x: ``(f(x + h) - f(x - h)) / (2 h)`` and its kin.

    Parameters
    ----------
    accuracy : int
        Order of the truncation error in the step, even. A first derivative costs ``accuracy``
        evaluations a coordinate.
    step : float or array_like, optional
        The step, in x's units, of all coordinates or of each.
    rel_step : float or array_like, optional
        The step relative to ``max(abs(x), 0.1 ** (1 / n))``, one number rounded to a power of two; n is 1 but for
        higher derivatives. The default balances truncation against rounding for an f whose scale is
        that of x, or somewhat shorter; from accuracy 6 up it is relative to 0.2 where this has 0.1. No fixed step
        knows f's scale.
    noise : float, optional
        How much f's values are wrong by, in f's units: :func:`gradfast.noise` measures it. The step
        then balances truncation against that. Best with ``accuracy=4``.
    variation : float
        How much f varies over the scale of x, in f's units: what the noise is large or small
        against. Not the size of f(x), which may be any constant; no value at one point tells it.

    Raises
    ------
    ValueError
        If accuracy is no positive even integer, steps are not finite and positive or both given, noise is
        negative, not finite or given with a step; when it is used, if ``rel_step`` is below eps of x's dtype.

    Notes
    -----
    Weights are exact, by Fornberg's recurrence [1]_; ``stencil(n)`` shows them. The default step is the one at
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
    Central(accuracy=4, step=None, rel_step=None, noise=None, variation=1.0)
    >>> print(Central(accuracy=4))
    Central, accuracy 4: (-f(x + 2 h) + 8 f(x + h) - 8 f(x - h) + f(x - 2 h)) / (12 h)
    """

    accuracy: int = 2
    directions = (("central", 1), ("forward", 1), ("forward", -1))


@dataclass(frozen=True)
class Forward(Difference):
    """Differences with nodes at x and above: ``(f(x + h) - f(x)) / h`` and its kin.

    A first derivative costs ``accuracy`` evaluations a coordinate and one at x.

    Parameters
    ----------
    accuracy, step, rel_step, noise, variation
        As for :class:`Central`; accuracy may be odd.

    Raises
    ------
    ValueError
        As for :class:`Central`, but that accuracy may be odd.

    Notes
    -----
    Weights are exact [1]_. The truncation error is of the order of ``h**accuracy``, at accuracy 1 of h [2]_.

    References
    ----------
    .. [1] Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids", Math. Comp. 51 (1988)
       699-706.
    .. [2] Nocedal and Wright, "Numerical Optimization", 2nd ed., Springer (2006), section 8.1.

    Examples
    --------
    >>> from gradfast import Forward
    >>> Forward(step=1e-6)
    Forward(accuracy=1, step=1e-06, rel_step=None, noise=None, variation=1.0)
    """

    accuracy: int = 1
    directions = (("forward", 1), ("forward", -1))


@dataclass(frozen=True)
class Backward(Difference):
    """Differences with nodes at x and below: ``(f(x) - f(x - h)) / h`` and its kin.

    A first derivative costs ``accuracy`` evaluations a coordinate and one at x.

    Parameters
    ----------
    accuracy, step, rel_step, noise, variation
        As for :class:`Central`; accuracy may be odd.

    Raises
    ------
    ValueError
        As for :class:`Central`, but that accuracy may be odd.

    Notes
    -----
    Weights are exact [1]_. The truncation error is of the order of ``h**accuracy``, at accuracy 1 of h [2]_.

    References
    ----------
    .. [1] Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids", Math. Comp. 51 (1988)
       699-706.
    .. [2] Nocedal and Wright, "Numerical Optimization", 2nd ed., Springer (2006), section 8.1.

    Examples
    --------
    >>> from gradfast import Backward
    >>> Backward()
    Backward(accuracy=1, step=None, rel_step=None, noise=None, variation=1.0)
    """

    accuracy: int = 1
    directions = (("forward", -1), ("forward", 1))


@dataclass(frozen=True, init=False, repr=False)
class Nodes(Difference):
    """Differences with nodes of your own, as ``f(x - h)``, f(x), ``f(x + h)`` and ``f(x + 2 h)`` from ``(-1, 1, 2)``.

    The weights are the exact ones for polynomials through these nodes and x [1]_. Where bounds leave no
    room for them, they are mirrored, or one-sided ones of the same accuracy take their place.

    Parameters
    ----------
    nodes : sequence of int
        The nodes in units of the step, each once; x itself, 0, is always one and left out.
    step, rel_step, noise, variation
        As for :class:`Central`.

    Raises
    ------
    ValueError
        If the nodes are no distinct integers other than 0, or too far apart for weights of 53 bits; when it is
        used, if they are fewer than the order of the derivative.

    References
    ----------
    .. [1] Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids", Math. Comp. 51 (1988)
       699-706.

    Examples
    --------
    >>> from gradfast import Nodes
    >>> Nodes((-1, 1, 2))
    Nodes((-1, 1, 2))
    >>> Nodes((-1, 1, 2)).stencil()
    Stencil(nodes=(-1, 1, 2), weights=(-2, 6, -1), denominator=6, n=1, center=-3)
    """

    accuracy: int = 1
    nodes: tuple[int, ...] = ()
    directions = (("forward", 1),)

    def __init__(
        self, nodes: Any, *, step: Any = None, rel_step: Any = None, noise: float | None = None, variation: float = 1.0
    ) -> None:
        taken = tuple(nodes) if isinstance(nodes, Iterable) else (nodes,)
        if not taken or not all(map(is_integer, taken)) or 0 in taken or len(set(taken)) < len(taken):
            raise ValueError(f"nodes must be distinct integers other than 0; got {nodes!r}")
        given = {"nodes": tuple(map(int, taken)), "step": step, "rel_step": rel_step, "noise": noise}
        for name, value in {**given, "variation": variation}.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "accuracy", stencils.accuracy_of(stencils.on_nodes(given["nodes"], 1)))
        self.__post_init__()

    def _name(self) -> str:
        return f"Nodes {self.nodes}"

    def __repr__(self) -> str:
        given = {"step": self.step, "rel_step": self.rel_step, "noise": self.noise}
        options = "".join(f", {name}={value!r}" for name, value in given.items() if value is not None)
        variation = f", variation={self.variation!r}" if self.variation != 1 else ""
        return f"Nodes({self.nodes}{options}{variation})"

    def options(self, n: int) -> tuple[tuple[Stencil, int], ...]:
        """Return the stencils of the n-th derivative, the preferred one first, each with its direction."""
        if len(self.nodes) < n:
            raise ValueError(f"nodes must be at least {n} for a derivative of order {n}; got {self.nodes}")
        own, accuracy = stencils.on_nodes(self.nodes, n), max(1, len(self.nodes) + 1 - n)
        one_sided = stencils.forward(n, accuracy)
        return (own, 1), (own, -1), (one_sided, 1), (one_sided, -1)
