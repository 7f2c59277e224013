"""Rows for the files of one project."""

import pytest

from dockml_dagster.corpora.base import Outcome
from dockml_dagster.corpora.files import FoundFile, file_rows
from dockml_dagster.study.project.files import MAX_DOCKERFILE_BYTES

CONTENTS = {
    "Dockerfile": b"FROM scratch\n",
    "gpu.Dockerfile": b"version https://git-lfs.github.com/spec/v1\n",
    "README.md": b"# one\n",
    "Makefile": b"\x00",
    "model.bin": b"weights",
}


def test_only_what_is_worth_reading_is_read_and_kept():
    asked = []

    def read(path):
        asked.append(path)
        return CONTENTS.get(path)

    found = file_rows(
        [
            *(FoundFile(path, len(data)) for path, data in CONTENTS.items()),
            FoundFile("huge/Dockerfile", 90 * 1024 * 1024),
            FoundFile("gone.sh", 3),
        ],
        read,
    )
    assert "model.bin" not in asked
    assert "huge/Dockerfile" not in asked
    rows = {row["path"]: (row["read_as"], row["left_out"], row["content"]) for row in found.repository_files}
    assert rows == {
        "Dockerfile": (None, None, None),
        "gpu.Dockerfile": (None, None, None),
        "README.md": ("readme", None, b"# one\n"),
        "Makefile": ("makefile", "not text", None),
        "model.bin": (None, None, None),
        "huge/Dockerfile": (None, None, None),
        "gone.sh": ("script", "could not be read", None),
    }
    assert [(row["path"], row["content"]) for row in found.dockerfiles] == [("Dockerfile", b"FROM scratch\n")]
    assert found.outcomes == [
        Outcome(
            "dockerfiles", "gpu.Dockerfile", "unreadable", "a Git LFS pointer: the file itself is kept elsewhere"
        ),
        Outcome(
            "dockerfiles", "huge/Dockerfile", "unreadable",
            f"larger than {MAX_DOCKERFILE_BYTES} bytes: not taken as a Dockerfile",
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "status", "reason"),
    [
        ({"a/Dockerfile": b"FROM a\n", "Dockerfile": b"\x00"}, "collected", None),
        ({"README.md": b"# a\n"}, "not_available", "the project has no Dockerfile"),
        (
            {"Dockerfile": b"version https://git-lfs.github.com/spec/v1\n"},
            "not_available",
            "no Dockerfile: none of those named like one is taken as one (1)",
        ),
        (
            {"Dockerfile": None, "gpu.Dockerfile": b"version https://git-lfs.github.com/spec/v1\n"},
            "not_available",
            "no Dockerfile: none of those named like one is taken as one (2)",
        ),
    ],
)
def test_what_cannot_be_read_is_not_what_is_not_there(files, status, reason):
    found = file_rows([FoundFile(path) for path in files], files.get)
    assert found.whole == Outcome("dockerfiles", "", status, reason)
