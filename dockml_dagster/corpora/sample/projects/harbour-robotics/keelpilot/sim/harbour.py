"""The simulated harbour: wind, current, and other ships that keep out of nobody's way."""

import argparse
import math
import random

parser = argparse.ArgumentParser()
parser.add_argument("--ships", type=int, default=6)
parser.add_argument("--wind", type=float, default=5.0, help="metres per second")
arguments = parser.parse_args()

ships = [(random.uniform(-500, 500), random.uniform(-500, 500), random.uniform(0, 2 * math.pi)) for _ in range(arguments.ships)]
drift = 0.03 * arguments.wind
while True:
    ships = [(x + 2 * math.cos(h) + drift, y + 2 * math.sin(h), h) for x, y, h in ships]
