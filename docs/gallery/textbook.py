"""
The textbook's chapter
======================

A tangent line, a surface, and the field of its negative gradient: the three figures of
every course that begins with numerical differentiation.
"""

import matplotlib.pyplot as plt
import numpy as np

from gradfast import numerical_diff, numerical_gradient
from gradfast.plotting import (
    plot_function,
    plot_gradient_field,
    plot_surface,
    plot_tangent,
)

# %%
# The derivative of a function of one number is the slope of its tangent. The formula is
# ``(f(x + h) - f(x - h)) / (2 h)`` with h = 1e-4.


def curve(x):
    return 0.01 * x**2 + 0.1 * x


print(f"slope at 5: {numerical_diff(curve, 5.0):.6f}; exact: 0.2")

# %%
# A gradient has one slope for each coordinate. Of the sum of squares it is twice the
# point.


def bowl(x):
    return x[0] ** 2 + x[1] ** 2


for point in [3.0, 4.0], [0.0, 2.0], [3.0, 0.0]:
    print(point, "->", numerical_gradient(bowl, np.array(point)).round(6))

# %%
# The negative gradient points downhill, straight to the lowest place of the bowl.

figure = plt.figure(figsize=(12, 3.8), layout="constrained")
x = np.arange(0.0, 20.0, 0.1)
ax = plot_function(curve, x, ax=figure.add_subplot(1, 3, 1), label="f")
plot_tangent(curve, x, at=5, ax=ax, label="tangent at 5")
ticks = np.arange(-2.0, 2.5, 0.25)
plot_surface(bowl, ticks, ticks, ax=figure.add_subplot(1, 3, 2, projection="3d"))
plot_gradient_field(bowl, ticks, ticks, ax=figure.add_subplot(1, 3, 3))
plt.show()
