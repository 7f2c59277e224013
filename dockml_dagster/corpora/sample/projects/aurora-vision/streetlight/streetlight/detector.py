"""Runs the exported detector with ONNX Runtime."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import onnxruntime as ort
from PIL import Image

STATES = ("lit", "dim", "dark")


@dataclass(frozen=True)
class Lamp:
    left: float
    top: float
    right: float
    bottom: float
    state: str
    score: float

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


class Detector:
    def __init__(self, weights: str, threshold: float = 0.4) -> None:
        self.session = ort.InferenceSession(weights, providers=ort.get_available_providers())
        self.threshold = threshold

    def predict(self, image: Image.Image) -> list[Lamp]:
        pixels = np.asarray(image.resize((640, 640)), dtype=np.float32)[None].transpose(0, 3, 1, 2) / 255
        (rows,) = self.session.run(None, {"images": pixels})
        return [
            Lamp(*map(float, row[:4]), state=STATES[int(row[5])], score=float(row[4]))
            for row in rows[0]
            if row[4] >= self.threshold
        ]
