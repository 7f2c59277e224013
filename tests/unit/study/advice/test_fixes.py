"""What fixes change and what they leave unchanged. The cases are in ``fix_cases.toml``."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from dockml_dagster.study.advice.fixes import fix_dockerfile

CASES = tomllib.loads(Path(__file__).with_name("fix_cases.toml").read_text(encoding="utf-8"))["case"]

DIGESTS = {
    ("docker.io", "library/a", "1"): "sha256:" + "a" * 64,
    ("ghcr.io", "x/y", "latest"): "sha256:" + "b" * 64,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    wanted = {case["rule"]: {case["line"]}}
    fixed = fix_dockerfile(case["before"].encode(), wanted, DIGESTS)
    assert fixed.data.decode() == case.get("after", case["before"])
    assert fixed.applied == (((case["rule"], case["line"]),) if "after" in case else ())
    assert fix_dockerfile(fixed.data, wanted, DIGESTS).data == fixed.data


def test_bytes_that_are_no_text_are_left() -> None:
    data = b"FROM a:1\nRUN pip install \xff\n"
    assert fix_dockerfile(data, {"pip-cache": {2}}).data is data
