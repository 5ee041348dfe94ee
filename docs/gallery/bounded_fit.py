"""
A bounded fit
=============

SciPy's optimizers take finite differences themselves if you give no derivative. A
prepared operator takes less time around the calls of f, never leaves the bounds, and
takes central differences, which are more accurate. If parameters are far smaller than
0.1 in their units, see the program ``physical_units.py``.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import least_squares, minimize

from gradfast import Jacobian, ValueAndGradient

# %%
# Two exponentials in noise. All four parameters must be positive.

rng = np.random.default_rng(2)
t = np.linspace(0.0, 6.0, 80)
true = np.array([3.0, 1.5, 1.0, 0.2])


def model(p):
    return p[0] * np.exp(-p[1] * t) + p[2] * np.exp(-p[3] * t)


data = model(true) + 0.05 * rng.normal(size=t.size)


def residuals(p):
    return model(p) - data


bounds = ([0.0] * 4, [np.inf] * 4)
start = [1.0, 1.0, 1.0, 0.0]  # the last one begins on its bound
jac = Jacobian(residuals, bounds=bounds)
fit = least_squares(residuals, start, jac=jac, bounds=bounds)
print("least squares:", fit.x.round(2), fit.message)

# %%
# The same fit by L-BFGS-B. One call returns the value and its gradient.


def cost(p):
    return np.sum(residuals(p) ** 2) / 2


pairs = [(0.0, None)] * 4
both = ValueAndGradient(cost, bounds=pairs)
again = minimize(both, start, jac=True, bounds=pairs)
print("L-BFGS-B:     ", again.x.round(2), again.message)
print(f"the two fits differ by {np.abs(fit.x - again.x).max():.0e}")

# %%

figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
ax.plot(t, data, ".", color="0.6", label="data")
ax.plot(t, model(fit.x), label="fit")
ax.plot(t, model(start), "--", label="start")
ax.set(xlabel="t", ylabel="signal")
ax.legend()
plt.show()
