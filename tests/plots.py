"""Every plot, drawn alike: what tests of figures share."""

import numpy as np

from gradfast.plotting import plot_contour, plot_function, plot_gradient_field, plot_surface, plot_tangent

X = np.linspace(0.0, 20.0, 21)
X0 = np.linspace(-2.0, 1.0, 7)
X1 = np.linspace(-1.0, 2.5, 5)


def parabola(x):
    return 0.01 * x**2 + 0.1 * x


def saddle(x):
    return x[0] ** 2 - 3 * x[0] * x[1]


def saddles(points):
    return points[:, 0] ** 2 - 3 * points[:, 0] * points[:, 1]


PLOTS = {
    "function": lambda **kwargs: plot_function(parabola, X, **kwargs),
    "tangent": lambda **kwargs: plot_tangent(parabola, X, 5, **kwargs),
    "surface": lambda **kwargs: plot_surface(saddle, X0, X1, **kwargs),
    "gradient field": lambda **kwargs: plot_gradient_field(saddle, X0, X1, **kwargs),
}
MESH_PLOTS = {"surface": plot_surface, "gradient field": plot_gradient_field, "contour": plot_contour}
