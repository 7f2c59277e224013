"""Intersection over union on the held-out basins, with and without debris."""

import json
import sys

import numpy as np

truth, guess = (np.load(path) for path in sys.argv[1:3])
scores = {}
for name, value in {"debris_free": 1, "debris_covered": 2}.items():
    wanted = truth == value
    scores[name] = float((wanted & (guess > 0)).sum() / (wanted | ((guess > 0) & (truth == 0))).sum())
print(json.dumps(scores))
