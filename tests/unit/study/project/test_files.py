"""Which files of a repository are read, and what is left out and why."""

import time
import tomllib
from pathlib import Path

import pytest

from dockml_dagster.study.project.files import (
    MAX_BYTES,
    MAX_FILES,
    Choice,
    choose,
    content_left_out,
    is_taken_as_dockerfile,
    main_readme,
    read_as,
)

ROLES = tomllib.loads(Path(__file__).with_name("files.toml").read_text(encoding="utf-8"))["roles"]


@pytest.mark.parametrize(("path", "role"), ROLES.items(), ids=str)
def test_the_role_of_a_path(path, role):
    assert read_as(path) == (role or None)


@pytest.mark.parametrize(
    ("paths", "main"),
    [
        (["README_zh-CN.md", "README.md", "docs/README.md"], "README.md"),
        (["README.md", "README_EN.md", "README.ja.md"], "README_EN.md"),
        (["README.en-US.md", "README.md"], "README.en-US.md"),
        (["README.third_party.md", "README.rst"], "README.rst"),
        (["docs/README.md", "Makefile"], None),
    ],
    ids=str,
)
def test_one_readme_speaks_for_the_project(paths, main):
    assert main_readme(paths) == main_readme(reversed(paths)) == main


def test_a_file_that_is_too_large_is_left_out_and_says_so():
    small, large, unknown = choose(
        [("Makefile", MAX_BYTES), ("README.md", MAX_BYTES + 1), ("compose.yaml", None)]
    )
    assert small.kept
    assert large == Choice("README.md", "readme", f"larger than {MAX_BYTES} bytes")
    assert unknown.kept
    assert choose([("data.bin", 10**9)])[0] == Choice("data.bin")


def test_a_manual_does_not_crowd_out_the_rest():
    pages = [(f"docs/chapter/{number:04}.md", 10) for number in range(1000)]
    chosen = choose([*pages, ("docs/docker.md", 10), ("docs/chapter/install.md", 10), ("a/b/Makefile", 10)])
    kept = {choice.path for choice in chosen if choice.kept}
    assert len(kept) == 101
    assert {"docs/docker.md", "docs/chapter/install.md", "a/b/Makefile"} <= kept
    assert {choice.left_out for choice in chosen} == {None, "more than 100 files of this kind"}
    assert [choice.path for choice in chosen][:1000] == [path for path, _ in pages], (
        "the order is the caller's"
    )


def test_no_project_has_more_than_the_most():
    many = [
        (name.format(number), 1)
        for number in range(300)
        for name in ("compose.{}.yml", ".github/workflows/{}.yml", "{}.sh", "docs/{}.md", "{}.mk", "k8s/{}.yml",
                     "requirements{}.txt")
    ]  # fmt: skip
    chosen = choose(many)
    assert sum(choice.kept for choice in chosen) == MAX_FILES
    assert f"more than {MAX_FILES} files" in {choice.left_out for choice in chosen}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"text\n", None),
        (b"", None),
        ("ü".encode("latin-1"), None),
        ("text".encode("utf-16"), None),
        (b"\x7fELF\x00\x00", "not text"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n", "a Git LFS pointer"),
        (b"x" * (MAX_BYTES + 1), f"larger than {MAX_BYTES} bytes"),
    ],
)
def test_what_a_content_is_left_out_for(content, why):
    assert content_left_out(content) == why


def test_taken_as_a_dockerfile():
    assert is_taken_as_dockerfile("a/gpu.Dockerfile")
    assert is_taken_as_dockerfile("Containerfile")
    assert is_taken_as_dockerfile("src/dockerfile.py"), "as the study took them"
    assert not is_taken_as_dockerfile("docker-compose.yml")


def test_hostile_paths_cost_little():
    paths = [
        "a/" * 20000,
        "readme" + "-" * 50000,
        "docs/" * 10000 + ".md",
        "\udcff/Makefile",
        "k8s/" * 5000 + "x.yml",
    ]
    begun = time.process_time()
    assert len(choose([(path, 1) for path in paths])) == len(paths)
    assert time.process_time() - begun < 1
