"""Differentiate functions that nobody gave a derivative for.

======================= ======================================= ==========================
function                what it differentiates                  shape of the result
======================= ======================================= ==========================
derivative              f of one number, elementwise            x.shape
gradient                f of a point, to a number               x.shape
value_and_gradient      f of a point, to a number               a number and x.shape
jacobian                f of a point, to an array               f(x).shape + x.shape
hessian                 f of a point, to a number, twice        x.shape + x.shape
directional_derivative  f of a point, to anything, along v      f(x).shape
numerical_diff          as derivative, the textbook's way       f(x).shape
tangent_line            as derivative, the textbook's way       a function of one number
numerical_gradient      as gradient, each row of a 2-D x        x.shape
check_gradient          f and a gradient to be checked          a GradientCheck
check_jacobian          f and a Jacobian to be checked          a GradientCheck
propagate               f of a point, and the covariance of x   f(x) and its covariance
noise                   f of a point, to a number               how wrong its values are
======================= ======================================= ==========================

`Derivative`, `Gradient`, `ValueAndGradient`, `Jacobian`, `Hessian` and `DirectionalDerivative` are the operators
prepared: ``Gradient(f, **options)(x, *args)``. With ``full_output=True`` an `Info` says what was done.

The operators share their options, but for those that have no use. `derivative` and `directional_derivative` have no
``workers`` and no ``progress``: they call f a few times in all, however large x is. They have no ``axis``: x is no
batch of points. `derivative` has no ``vectorized``: its f always gets all elements of x at once. `derivative` and
`value_and_gradient` have no ``f0``.

`Coloring` and `detect_sparsity` say where a large Jacobian differs from zero, for ``sparsity=``.
Methods are `Central`, `Forward`, `Backward`, `Nodes`, `Complex` and `Adaptive`. `compiled` makes of f what
runs without Python. :mod:`gradfast.plotting` draws functions, tangents, surfaces and gradient fields.
"""

from typing import TYPE_CHECKING

from gradfast.operators.derivatives import Derivative, derivative
from gradfast.operators.directional import DirectionalDerivative, directional_derivative
from gradfast.operators.gradients import Gradient, ValueAndGradient, gradient, value_and_gradient
from gradfast.operators.hessians import Hessian, hessian
from gradfast.operators.jacobians import Jacobian, jacobian
from gradfast.operators.textbook_functions import numerical_diff, tangent_line
from gradfast.operators.textbook_gradient import numerical_gradient
from gradfast.steps.difference_methods import Backward, Central, Forward, Nodes
from gradfast.steps.methods import Adaptive, Complex
from gradfast.values.callables import compiled
from gradfast.values.info import Info

if TYPE_CHECKING:
    from gradfast import plotting
    from gradfast.algorithms.noise_estimate import noise
    from gradfast.algorithms.sparse import detect_sparsity
    from gradfast.coloring import Coloring
    from gradfast.operators.propagation import propagate
    from gradfast.reports.check_report import GradientCheck
    from gradfast.reports.checking import check_gradient, check_jacobian

__all__ = [
    "Adaptive", "Backward", "Central", "Coloring", "Complex", "Derivative", "DirectionalDerivative", "Forward",
    "Gradient", "GradientCheck", "Hessian", "Info", "Jacobian", "Nodes", "ValueAndGradient", "check_gradient",
    "check_jacobian", "compiled", "derivative", "detect_sparsity", "directional_derivative", "gradient", "hessian",
    "jacobian", "noise", "numerical_diff", "numerical_gradient", "plotting", "propagate", "tangent_line",
    "value_and_gradient",
]  # fmt: skip

__version__ = "0.2.0"

# What few programs use is imported when it is asked for, with all that it needs.
ON_DEMAND = {
    "Coloring": "coloring",
    "GradientCheck": "reports.check_report",
    "check_gradient": "reports.checking",
    "check_jacobian": "reports.checking",
    "detect_sparsity": "algorithms.sparse",
    "noise": "algorithms.noise_estimate",
    "propagate": "operators.propagation",
}
MODULES = ("coloring", "plotting")

if not TYPE_CHECKING:  # to a type checker, a __getattr__ would make every name exist

    def __getattr__(name):
        """Return a public name that is not imported yet."""
        from importlib import import_module

        if name in MODULES:
            return import_module(f"gradfast.{name}")
        if name not in ON_DEMAND:
            raise AttributeError(f"module 'gradfast' has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(f"gradfast.{ON_DEMAND[name]}"), name)
        return found

    def __dir__():
        """Return the public names, for those who look by completion."""
        return sorted([*__all__, "__version__", "coloring", "parameters"])
