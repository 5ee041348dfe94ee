"""
Is this backward pass right?
============================

A small network in single precision, with a backward pass written by hand. One line
tells whether the pass is right, and which weights are wrong if it is not.
"""

import matplotlib.pyplot as plt
import numpy as np

from gradfast import check_gradient

rng = np.random.default_rng(0)
images = rng.normal(size=(20, 6)).astype("f")
labels = rng.integers(0, 3, size=20)
weights = {
    "W1": rng.normal(size=(6, 8)).astype("f") / 2,
    "b1": rng.normal(size=8).astype("f") / 4,
    "W2": rng.normal(size=(8, 3)).astype("f") / 2,
}


def forward(w):
    before = images @ w["W1"] + w["b1"]
    hidden = np.maximum(before, 0)  # ReLU
    scores = hidden @ w["W2"]
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return before, hidden, scores / scores.sum(axis=1, keepdims=True)


def loss(w):
    *_, chances = forward(w)
    return -np.mean(np.log(chances[np.arange(20), labels]))


def backward(w, *, mask=True):
    before, hidden, chances = forward(w)
    slope = chances.copy()
    slope[np.arange(20), labels] -= 1
    slope /= 20
    below = slope @ w["W2"].T
    if mask:
        below = below * (before > 0)  # ReLU passes nothing back where it is 0
    return {"W1": images.T @ below, "b1": below.sum(axis=0), "W2": hidden.T @ slope}


# %%
# The right pass. In single precision a few entries cannot be told, which does not make
# the check fail. In a test, this is one line: ``assert check``. Larger networks should
# be converted first, since their kinks hide more of them:
# ``{name: W.astype(float) for name, W in weights.items()}``.

check = check_gradient(loss, backward, weights)
print(str(check).splitlines()[0])

# %%
# The same pass without the mask of the ReLU, a common mistake. The second layer is
# still right. Lines say which arrays have wrong entries. The table begins with the
# worst.

check = check_gradient(loss, lambda w: backward(w, mask=False), weights)
print("\n".join(str(check).splitlines()[:8]))

# %%
# The check can be drawn. In gray is how far an entry may be from the slope of the loss.

figure, ax = plt.subplots(figsize=(9, 4), layout="constrained")
check.plot(ax=ax)
plt.show()
