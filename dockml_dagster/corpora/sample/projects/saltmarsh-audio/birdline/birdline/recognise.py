"""A 3-second window slides over the recording; a small CNN names the species in each."""

from functools import lru_cache
from pathlib import Path

import librosa
import numpy as np
import tflite_runtime.interpreter as tflite


@lru_cache(maxsize=1)
def model():
    interpreter = tflite.Interpreter(str(Path(__file__).parent / "species.tflite"))
    interpreter.allocate_tensors()
    return interpreter


def recognise(path, window=3.0, threshold=0.6):
    signal, rate = librosa.load(path, sr=48_000)
    step = int(window * rate)
    calls = []
    for start in range(0, len(signal) - step, step):
        mel = librosa.feature.melspectrogram(y=signal[start : start + step], sr=rate, n_mels=96)
        interpreter = model()
        interpreter.set_tensor(0, np.log1p(mel)[None].astype("float32"))
        interpreter.invoke()
        scores = interpreter.get_tensor(1)[0]
        calls += [{"at": start / rate, "species": int(i), "score": float(scores[i])} for i in np.where(scores > threshold)[0]]
    return calls
