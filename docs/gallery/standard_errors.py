"""
Standard errors of a fit
========================

The inverse of the Hessian of minus the log-likelihood is the covariance of the fitted
parameters, and its diagonal holds the squares of their standard errors.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

from gradfast import ValueAndGradient, hessian, propagate

# %%
# A logistic regression: did a student pass, given the hours of study?

rng = np.random.default_rng(3)
hours = rng.uniform(0.0, 6.0, 200)
passed = rng.uniform(size=200) < 1 / (1 + np.exp(3.0 - 1.2 * hours))


def minus_log_likelihood(p):
    scores = p[0] + p[1] * hours
    return np.sum(np.logaddexp(0.0, scores)) - np.sum(scores[passed])


fit = minimize(ValueAndGradient(minus_log_likelihood), [0.0, 0.0], jac=True)
H, info = hessian(minus_log_likelihood, fit.x, method="adaptive", full_output=True)
covariance = np.linalg.inv(H)
for name, value, variance in zip(
    ["intercept", "slope"], fit.x, covariance.diagonal(), strict=True
):
    print(f"{name:>9} = {value:.2f} +- {variance**0.5:.2f}")

# %%
# This Hessian is known exactly, and so is the error of ours. The adaptive method says
# itself how large it may be.

chance = 1 / (1 + np.exp(-(fit.x[0] + fit.x[1] * hours)))
design = np.stack([np.ones_like(hours), hours])
exact = design * (chance * (1 - chance)) @ design.T
print(f"error of the Hessian: {np.abs(H / exact - 1).max():.0e}")
print(f"by its own estimate:  {(info.error / exact).max():.0e}")

# %%
# ``propagate`` gives the uncertainty of anything that follows from the parameters, such
# as the chance to pass after each number of hours.

ticks = np.linspace(0.0, 6.0, 61)


def to_pass(p):
    return 1 / (1 + np.exp(-p[0] - p[1] * ticks))


curve, spread = propagate(to_pass, fit.x, covariance)
sigma = spread.diagonal() ** 0.5

figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
ax.plot(hours, passed, "|", color="0.5", label="students")
ax.plot(ticks, curve, label="chance to pass")
low, high = curve - 2 * sigma, curve + 2 * sigma
ax.fill_between(ticks, low, high, alpha=0.25, label="2 standard errors")
ax.set(xlabel="hours of study", ylabel="passed")
ax.legend(loc="center right")
plt.show()
