"""Exercise 2.3: the gradient of the squared loss, by hand and by difference."""

import numpy as np


def loss(slope: float, x: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean((slope * x - y) ** 2))


def gradient(slope: float, x: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean(2 * x * (slope * x - y)))


x, y, h = np.arange(5.0), 2 * np.arange(5.0), 1e-6
print(gradient(1.0, x, y), (loss(1 + h, x, y) - loss(1 - h, x, y)) / (2 * h))
