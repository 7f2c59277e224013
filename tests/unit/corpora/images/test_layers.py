"""Which scans of a layer are kept for good."""

import io
from dataclasses import replace
from typing import Any

import pytest

from dockml_dagster.corpora.images.layers import _may_be_kept
from dockml_dagster.study.layer.scan import scan_layer


@pytest.mark.parametrize(
    ("scan", "kept"),
    [
        ({"status": "complete", "digest_holds": True}, True),
        ({"status": "complete", "digest_holds": None}, True),
        ({"status": "complete", "digest_holds": False}, False),
        ({"status": "mismatch", "digest_holds": True}, False),
        ({"status": "mismatch", "digest_holds": False}, False),
        # What the digest promises is damaged: it always will be. Unverified, another fetch may help.
        ({"status": "corrupt", "digest_holds": True}, True),
        ({"status": "corrupt", "digest_holds": None}, False),
        ({"status": "corrupt", "digest_holds": False}, False),
        ({"status": "censored", "digest_holds": None, "censored": ("entries",)}, True),
        # A slower day is no property of the layer.
        ({"status": "censored", "digest_holds": None, "censored": ("seconds",)}, False),
        ({"status": "censored", "digest_holds": None, "censored": ("path_bytes", "seconds")}, False),
    ],
)
def test_what_would_be_the_same_again_is_kept(scan: dict[str, Any], kept: bool) -> None:
    assert _may_be_kept(replace(scan_layer(io.BytesIO(b"")), **{"censored": (), **scan})) is kept


def test_nothing_is_not_kept() -> None:
    assert not _may_be_kept(None)
