"""How much of the signal came back: scale-invariant signal-to-distortion ratio, in decibels."""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

parser = argparse.ArgumentParser()
for name in ("--reference", "--estimate", "--report"):
    parser.add_argument(name, type=Path)
arguments = parser.parse_args()
rows = []
for clip in sorted(arguments.reference.glob("*.wav")):
    reference, _ = soundfile.read(clip)
    estimate, _ = soundfile.read(arguments.estimate / clip.name)
    target = np.dot(estimate, reference) / np.dot(reference, reference) * reference
    rows.append((clip.name, 10 * np.log10(np.sum(target**2) / np.sum((estimate - target) ** 2))))
pd.DataFrame(rows, columns=["clip", "si_sdr_db"]).to_csv(arguments.report, index=False)
