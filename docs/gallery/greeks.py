"""
Greeks with error bars
======================

The sensitivities of an option's price. The adaptive method finds a step for each of
them, and says how far off each result may be.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import ndtr

from gradfast import derivative, gradient, hessian

# %%
# A European call by the formula of Black and Scholes, with the exact Greeks to compare.

names = ["delta", "rho", "vega", "theta"]


def price(x, strike=100.0):
    spot, rate, volatility, years = x
    width = volatility * np.sqrt(years)
    d1 = (np.log(spot / strike) + (rate + volatility**2 / 2) * years) / width
    return spot * ndtr(d1) - strike * np.exp(-rate * years) * ndtr(d1 - width)


x = np.array([100.0, 0.03, 0.2, 0.5])
greeks, info = gradient(price, x, method="adaptive", full_output=True)

spot, rate, volatility, years = x
width = volatility * np.sqrt(years)
d1 = (rate + volatility**2 / 2) * years / width
d2, density = d1 - width, np.exp(-(d1**2) / 2) / np.sqrt(2 * np.pi)
discounted = 100.0 * np.exp(-rate * years)
exact = np.array(
    [
        ndtr(d1),
        discounted * years * ndtr(d2),
        spot * density * np.sqrt(years),
        spot * density * volatility / (2 * np.sqrt(years)),
    ]
)
exact[3] += rate * discounted * ndtr(d2)
for row in zip(names, greeks, info.error, np.abs(greeks - exact), strict=True):
    print("{:>6}: {:9.5f} +- {:.0e}, error: {:.0e}".format(*row))

gammas, info = hessian(price, x, method="adaptive", full_output=True)
error = abs(gammas[0, 0] - density / (spot * width))
print(f" gamma: {gammas[0, 0]:9.5f} +- {info.error[0, 0]:.0e}, error: {error:.0e}")

# %%
# Gamma at many spots, by second derivatives of the price. A bar is an estimate, so now
# and then an error is a little above it.

spots = np.linspace(80.0, 120.0, 81)
found, info = derivative(
    lambda spot: price((spot, *x[1:])), spots, n=2, method="adaptive", full_output=True
)
d1 = (np.log(spots / 100.0) + (rate + volatility**2 / 2) * years) / width
errors = np.abs(found - np.exp(-(d1**2) / 2) / np.sqrt(2 * np.pi) / (spots * width))
print(f"errors above their bar: {np.sum(errors > info.error)} of {spots.size}")
print(f"largest error in units of its bar: {np.max(errors / info.error):.1f}")

figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
ax.plot(spots, found, color="k", label="gamma")
ax.plot(spots, info.error, label="its error bar")
ax.plot(spots, np.maximum(errors, 1e-17), ".", label="its error")
ax.set(xlabel="spot", yscale="log", ylim=(1e-17, 1))
ax.legend(loc="center right")
plt.show()
