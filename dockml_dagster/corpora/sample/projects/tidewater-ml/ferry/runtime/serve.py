"""Serves one scikit-learn model over HTTP."""

import skops.io
from fastapi import FastAPI

app = FastAPI()
model = skops.io.load("/runtime/model.skops", trusted=[])


@app.post("/predict")
def predict(rows: list[list[float]]) -> dict[str, list[float]]:
    return {"predictions": model.predict(rows).tolist()}
