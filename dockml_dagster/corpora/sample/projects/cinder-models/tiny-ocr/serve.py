"""POST /read: the text of one image."""

import io

import numpy as np
import onnxruntime
from flask import Flask, request
from PIL import Image

ALPHABET = "-0123456789abcdefghijklmnopqrstuvwxyz.,:/ "
app = Flask(__name__)
session = onnxruntime.InferenceSession("tiny-ocr.onnx")


@app.post("/read")
def read():
    image = Image.open(io.BytesIO(request.files["image"].read())).convert("L").resize((256, 32))
    (scores,) = session.run(None, {"image": np.asarray(image, "float32")[None, None] / 255})
    best = scores[0].argmax(axis=1)
    return "".join(ALPHABET[now] for last, now in zip([0, *best], best) if now and now != last)
