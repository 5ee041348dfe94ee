"""
An extended Kalman filter
=========================

A filter follows a moving body by a radar that measures distance and angle. Its
equations need the Jacobians of the motion and of the measurement at every step.
Prepared operators compute them, so nobody has to derive them by hand.
"""

import matplotlib.pyplot as plt
import numpy as np

from gradfast import Jacobian

step, turn = 0.1, 0.3


def motion(x):
    """Return the state after one step: position, heading and speed."""
    return np.array(
        [
            x[0] + step * x[3] * np.cos(x[2]),
            x[1] + step * x[3] * np.sin(x[2]),
            x[2] + step * turn,
            x[3],
        ]
    )


def radar(x):
    """Return distance and angle as seen from the origin."""
    return np.array([np.hypot(x[0], x[1]), np.arctan2(x[1], x[0])])


# %%
# What happens in truth, and what the radar sees of it:

rng = np.random.default_rng(4)
truth = [np.array([4.0, 1.0, 1.2, 1.0])]
for _ in range(180):
    truth.append(motion(truth[-1]))
truth = np.array(truth)
noise = np.array([0.15, 0.04])
seen = np.array([radar(x) for x in truth]) + noise * rng.normal(size=(181, 2))

# %%
# The filter. ``F(x)`` and ``H(x)`` are the two Jacobians.

F, H = Jacobian(motion), Jacobian(radar)
Q, R = np.diag([1e-4, 1e-4, 1e-5, 1e-5]), np.diag(noise**2)
x, P = np.array([3.5, 1.5, 1.0, 0.7]), np.eye(4)
found = []
for measured in seen[1:]:
    A = F(x)
    x, P = motion(x), A @ P @ A.T + Q
    C = H(x)
    gain = P @ C.T @ np.linalg.inv(C @ P @ C.T + R)
    x, P = x + gain @ (measured - radar(x)), P - gain @ C @ P
    found.append(x)
found = np.array(found)


def distance(path):
    return np.hypot(*(path - truth[1:, :2]).T)[80:].mean()


raw = seen[1:, :1] * np.stack([np.cos(seen[1:, 1]), np.sin(seen[1:, 1])], axis=1)
ours, theirs = distance(found[:, :2]), distance(raw)
print(f"mean distance from the truth: measured {theirs:.2f}, filtered {ours:.2f}")

# %%

figure, ax = plt.subplots(figsize=(6, 4.5), layout="constrained")
ax.plot(*raw.T, ".", color="0.7", label="measured")
ax.plot(*truth[:, :2].T, "k--", lw=1, label="truth")
ax.plot(*found[:, :2].T, label="filter")
ax.set(xlabel="x", ylabel="y", aspect="equal")
ax.legend()
plt.show()
