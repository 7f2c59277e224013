"""A linked scatter plot: select points, see the examples, give them a label."""

from __future__ import annotations

from dataclasses import dataclass, field

import ipywidgets as widgets
import numpy as np
import plotly.graph_objects as go


@dataclass
class Scatter:
    points: np.ndarray
    images: list[str]
    labels: dict[int, str] = field(default_factory=dict)

    def label(self, names: list[str]) -> widgets.Widget:
        figure = go.FigureWidget(go.Scattergl(x=self.points[:, 0], y=self.points[:, 1], mode="markers"))
        choice = widgets.ToggleButtons(options=names)
        strip = widgets.HBox()

        def selected(trace, points, _selector):
            strip.children = [widgets.Image(value=open(self.images[i], "rb").read()) for i in points.point_inds[:20]]
            self.labels.update(dict.fromkeys(points.point_inds, choice.value))

        figure.data[0].on_selection(selected)
        return widgets.VBox([choice, figure, strip])


def scatter(points: np.ndarray, images: list[str]) -> Scatter:
    return Scatter(points, images)
