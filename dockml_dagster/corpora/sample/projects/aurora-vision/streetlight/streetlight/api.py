"""The HTTP API: a frame goes in, lamps with their state come out."""

from __future__ import annotations

import io
import os

from fastapi import FastAPI, UploadFile
from PIL import Image

from streetlight.detector import Detector

app = FastAPI(title="Streetlight")
detector = Detector(os.environ.get("STREETLIGHT_WEIGHTS", "/srv/weights/lamps.onnx"))


@app.get("/healthz")
def healthz() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/frames")
async def frames(file: UploadFile) -> list[dict[str, object]]:
    image = Image.open(io.BytesIO(await file.read())).convert("RGB")
    return [lamp.as_dict() for lamp in detector.predict(image)]
