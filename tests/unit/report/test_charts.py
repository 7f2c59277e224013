"""Axes of the report's figures: their ticks are round in the unit that is written beside them."""

from typing import Any

import pytest

from dockml_dagster.report.charts import savings


def _ticks(chart: dict[str, Any]) -> list[float]:
    return next(
        layer["encoding"]["x"]["axis"]["values"]
        for layer in chart["layer"]
        if "axis" in layer["encoding"]["x"]
    )


@pytest.mark.parametrize(
    ("most", "width", "expected"),
    [
        (315_000_000, 720, [0, 100e6, 200e6, 300e6]),
        (315_000_000, 340, [0, 200e6]),
        (4_000, 720, [0, 1e3, 2e3, 3e3, 4e3]),
        (16_700_000, 720, [0, 5e6, 10e6, 15e6]),
        (3, 720, [0, 1, 2, 3]),
        (0, 720, [0]),
    ],
)
def test_ticks_of_savings_are_decimal(most: int, width: int, expected: list[float]) -> None:
    rows = [{"label": "a", "bytes": most}, {"label": "b", "bytes": 0}]
    assert _ticks(savings(rows, width=width, x_title="saved").to_dict()) == expected
