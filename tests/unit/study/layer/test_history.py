"""Histories as builders write them, paired with layers."""

from __future__ import annotations

import pytest

from dockml_dagster.study.layer.history import HistoryEntry, instruction, split_base, tie_layers


@pytest.mark.parametrize(
    ("created_by", "keyword"),
    [
        ('/bin/sh -c #(nop)  CMD ["bash"]', "CMD"),
        ("/bin/sh -c #(nop) ADD file:abc in / ", "ADD"),
        ("/bin/sh -c apt-get update", "RUN"),
        ("|1 VERSION=3 /bin/sh -c pip install x", "RUN"),
        ("|1 A=b /bin/sh -c #(nop) WORKDIR /app", "WORKDIR"),
        ("/bin/bash -o pipefail -c #(nop) ENV A=b", "ENV"),
        ("RUN /bin/sh -c pip install x # buildkit", "RUN"),
        ("COPY . /app # buildkit", "COPY"),
        ('ENTRYPOINT ["python"]', "ENTRYPOINT"),
        ("COPYING all over", None),
        ("bazel build ...", None),
        ("", None),
    ],
)
def test_instruction(created_by: str, keyword: str | None) -> None:
    assert instruction(created_by) == keyword


BASE = [
    HistoryEntry("/bin/sh -c #(nop) ADD file:1 in /", False),
    HistoryEntry('/bin/sh -c #(nop)  CMD ["bash"]', True),
    HistoryEntry("ENV A=b", True),
    HistoryEntry("RUN /bin/sh -c make # buildkit", False),
    HistoryEntry('CMD ["python3"]', True),
]
OWN = [
    HistoryEntry("COPY . /app # buildkit", False),
    HistoryEntry("RUN /bin/sh -c pip install -r x # buildkit", False),
    HistoryEntry('ENTRYPOINT ["app"]', True),
]
DIFF_IDS = ["sha256:1", "sha256:2", "sha256:3", "sha256:4"]


def test_layers_are_tied_where_the_counts_agree() -> None:
    assert tie_layers(BASE + OWN, 4) == (0, 3, 5, 6)
    assert tie_layers(BASE + OWN, 3) == (None, None, None)
    assert tie_layers([], 2) == (None, None)


def test_the_base_by_known_images() -> None:
    known = [["sha256:1"], ["sha256:1", "sha256:2", "sha256:3"], ["sha256:9"], DIFF_IDS, []]
    split = split_base([], DIFF_IDS, known)
    assert split is not None
    assert (split.layers, split.method, split.certain) == (3, "known", True)


def test_the_base_by_its_last_command() -> None:
    split = split_base(BASE + OWN, DIFF_IDS)
    assert split is not None
    assert (split.layers, split.method, split.certain) == (2, "instructions", False)


def test_what_cannot_be_told() -> None:
    assert split_base(OWN, DIFF_IDS[:2]) is None
    assert split_base(BASE + OWN, DIFF_IDS[:3]) is None
    assert split_base([], []) is None
