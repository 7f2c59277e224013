"""Random search with successive halving over pipelines."""

from __future__ import annotations

import random
import time

import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

CANDIDATES = [
    lambda: make_pipeline(StandardScaler(), HistGradientBoostingRegressor(max_depth=random.choice([3, 6, None]))),
    lambda: make_pipeline(RandomForestRegressor(n_estimators=random.choice([100, 300]))),
]


def fit(frame: pd.DataFrame, target: str, minutes: float = 5) -> Pipeline:
    rows, answer = frame.drop(columns=target), frame[target]
    stop, best, best_score = time.monotonic() + 60 * minutes, None, float("-inf")
    while time.monotonic() < stop or best is None:
        pipeline = random.choice(CANDIDATES)()
        score = cross_val_score(pipeline, rows, answer, cv=3).mean()
        if score > best_score:
            best, best_score = pipeline, score
    return best.fit(rows, answer)
