"""
A fit in physical units
=======================

Times in seconds, rates in counts: parameters may differ by a factor of 1e12 and more.
Default steps suit parameters of 0.1 to any size. For smaller ones they are too long, so
tell both SciPy and gradfast how large each parameter typically is.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import least_squares

from gradfast import Central, Jacobian, jacobian

# %%
# A fluorescence decays within nanoseconds, above a background. Counts have errors of
# about their square root.

t = np.linspace(0.0, 2e-8, 200)


def model(p):
    brightness, lifetime, background = p
    return brightness * np.exp(-t / lifetime) + background


true = np.array([4000.0, 3e-9, 50.0])
counts = np.random.default_rng(5).poisson(model(true))


def residuals(p):
    return (model(p) - counts) / np.sqrt(counts + 1.0)


# %%
# ``scale=`` takes the same array as SciPy's ``x_scale=``. (``scale=0`` takes the size
# of each parameter itself, which does not help where that is 0.)

typical = np.array([1000.0, 1e-9, 10.0])
bounds = (np.zeros(3), np.full(3, np.inf))
start = np.array([1000.0, 8e-9, 0.0])


def fit_by(method):
    jac = Jacobian(residuals, method=method, bounds=bounds)
    return least_squares(residuals, start, jac=jac, bounds=bounds, x_scale=typical)


fit, careless = fit_by(Central(scale=typical)), fit_by("central")
for name, found in ("scale=typical", fit), ("default steps", careless):
    print(
        f"{name}: chi-square {2 * found.cost:.0f}, lifetime {found.x[1] * 1e9:.2f} ns"
    )

# %%
# The covariance of the parameters follows from the Jacobian at the best fit. Their
# units may differ: each row and column has its own.

J = jacobian(residuals, fit.x, method=Central(scale=typical))
errors = np.sqrt(np.diagonal(np.linalg.inv(J.T @ J)))
print(f"lifetime = ({fit.x[1] * 1e9:.2f} +- {errors[1] * 1e9:.2f}) ns; true: 3 ns")

figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
ax.plot(t * 1e9, counts, ".", color="0.6", label="counts")
ax.plot(t * 1e9, model(fit.x), label="fit, scale=typical")
ax.plot(t * 1e9, model(careless.x), "--", label="fit, default steps")
ax.set(xlabel="time in ns", ylabel="counts")
ax.legend()
plt.show()
