"""Removes stationary noise (wind, sea) from every clip of a folder."""

import argparse
from pathlib import Path

import noisereduce
import soundfile

parser = argparse.ArgumentParser()
parser.add_argument("--in", dest="source", type=Path)
parser.add_argument("--out", dest="target", type=Path)
arguments = parser.parse_args()
arguments.target.mkdir(exist_ok=True)
for clip in sorted(arguments.source.glob("*.wav")):
    signal, rate = soundfile.read(clip)
    soundfile.write(arguments.target / clip.name, noisereduce.reduce_noise(y=signal, sr=rate, stationary=True), rate)
