"""The labelled projects of ``tests/bench/labelled``, with the features and rules found in them.

Here: joining the two tables. Not here: how they were labelled (their README), any test.
"""

import csv
from pathlib import Path

LABELLED = Path(__file__).parents[3] / "bench" / "labelled"


def labelled_half(half):
    """Rows of ``projects.csv`` with ``features`` and ``rules`` of ``evidence.csv``, in the order of the latter."""
    with (LABELLED / "projects.csv").open(newline="") as stream:
        labels = {row["repository"]: row for row in csv.DictReader(stream) if row["half"] == half}
    with (LABELLED / "evidence.csv").open(newline="") as stream:
        return [
            {**labels[row["repository"]], **row}
            for row in csv.DictReader(stream)
            if row["repository"] in labels
        ]
