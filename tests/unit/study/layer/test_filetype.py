"""File types by extension and by first bytes, one case in each line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from dockml_dagster.study.layer.filetype import extension, file_type, in_packages, published_class

CASES = tomllib.loads(Path(__file__).with_name("filetype_cases.toml").read_text())


@pytest.mark.parametrize(("name", "expected"), CASES["extension"].items())
def test_extension(name: str, expected: str) -> None:
    assert extension(name) == expected


@pytest.mark.parametrize(("head", "expected"), CASES["magic"].items())
def test_magic(head: str, expected: str) -> None:
    assert file_type(head.encode("latin-1")) == expected


@pytest.mark.parametrize(("path", "expected"), CASES["published"].items())
def test_published_class(path: str, expected: str) -> None:
    name = path.rpartition("/")[2]
    magic = "elf" if name.endswith(".elf") else "text"
    assert published_class(extension(name), magic, packages=in_packages(path)) == expected


def test_a_character_cut_by_the_sample_is_text() -> None:
    assert file_type(b"x" * 263 + "é".encode()[:1]) == "text"
    assert file_type(b"x" * 100 + b"\xe9" + b"y" * 100) == "data"
