import pandas as pd

import autobough


def test_fit_gives_a_pipeline():
    frame = pd.DataFrame({"x": range(60), "y": [2 * x for x in range(60)]})
    assert autobough.fit(frame, target="y", minutes=0.01).predict(frame[["x"]]).shape == (60,)
