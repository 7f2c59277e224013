"""Distances between a training and a live distribution."""

import numpy as np


def stability_index(trained: list[float], seen: list[float], bins: int = 10) -> float:
    edges = np.quantile(trained, np.linspace(0, 1, bins + 1))
    edges[0], edges[-1] = -np.inf, np.inf
    expected = np.clip(np.histogram(trained, edges)[0] / len(trained), 1e-4, None)
    actual = np.clip(np.histogram(seen, edges)[0] / len(seen), 1e-4, None)
    return float(np.sum((actual - expected) * np.log(actual / expected)))
