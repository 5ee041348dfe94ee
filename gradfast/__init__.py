"""Differentiate functions that nobody gave a derivative for.

==================== ======================================== ===============
function             what it differentiates                   shape of result
==================== ======================================== ===============
numerical_diff       f of one number, or elementwise          f(x).shape
tangent_line         f of one number, or elementwise          a function
numerical_gradient   f of a point (each row of 2-D x)         x.shape
==================== ======================================== ===============

:mod:`gradfast.plotting` draws functions, tangents, surfaces and gradient fields.
"""

from gradfast import plotting
from gradfast.classic import numerical_diff, numerical_gradient, tangent_line

__all__ = ["numerical_diff", "numerical_gradient", "plotting", "tangent_line"]
