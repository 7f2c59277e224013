"""Drawing figures: what is said where the packages that draw are not installed."""

import importlib.util
from pathlib import Path

import pytest

from dockml_dagster.errors import BadInputError
from dockml_dagster.report import drawing
from dockml_dagster.report.building import build_report


@pytest.mark.parametrize("missing", ["altair", "vl_convert"])
def test_a_report_without_the_packages_that_draw_is_refused_in_one_line(
    missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Before anything is asked of the file."""
    found = importlib.util.find_spec
    monkeypatch.setattr(drawing, "find_spec", lambda name: None if name == missing else found(name))
    with pytest.raises(BadInputError, match=r"pip install 'dockml\[report\]'"):
        build_report(tmp_path / "none.duckdb", None, {})
