"""A project's own words in its manifests, the language of its code, and which manifests count."""

import tomllib
from pathlib import Path

import pytest

from dockml_dagster.study.project.evidence import facts_of_project
from dockml_dagster.study.project.facts import ProjectMetadata
from dockml_dagster.study.project.files import documentation_index, manifests, read_as
from dockml_dagster.study.project.languages import main_language
from dockml_dagster.study.project.own_words import MAX_BYTES, own_words

CASES = tomllib.loads((Path(__file__).parent / "own_words.toml").read_text())["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['path']} {len(case['text'])}")
def test_what_a_manifest_says(case):
    said = [
        [word.text, word.line] if word.line else [word.text] for word in own_words(case["path"], case["text"])
    ]
    assert said == case["says"]
    assert read_as(case["path"]) in ("dependencies", "about")


def test_keywords_are_told_from_sentences():
    words = own_words("pyproject.toml", '[project]\ndescription = "A"\nkeywords = ["b"]\n')
    assert [(word.text, word.is_keyword) for word in words] == [("A", False), ("b", True)]


def test_what_is_too_long_says_nothing():
    assert own_words("setup.py", "setup(description='x')" + " " * MAX_BYTES) == ()


@pytest.mark.parametrize(
    ("sizes", "language"),
    [
        ({"a.py": 10, "b.go": 9}, "Python"),
        ({"a.py": 10, "docs/b.js": 900, "third_party/c.cc": 900, "x.min.js": 900}, "Python"),
        ({"examples/a.ipynb": 10, "README.md": 900}, "Jupyter Notebook"),
        ({"a.cu": 5, "a.cuh": 5, "b.cpp": 9}, "Cuda"),
        ({"a.py": None, "b.go": 0}, None),
        ({"Makefile": 9, "py": 9}, None),
        ({"b.go": 7, "a.c": 7}, "C"),
    ],
)
def test_the_language_of_most_bytes_of_its_own_code(sizes, language):
    assert main_language(sizes.items()) == language


def test_the_manifests_nearest_to_the_root_speak():
    assert manifests(["python/setup.py", "python/x/setup.py", "examples/setup.py"]) == {"python/setup.py"}
    assert manifests(["setup.py", "package.json", "web/package.json"]) == {"setup.py", "package.json"}
    assert manifests(["README.md"]) == frozenset()
    assert documentation_index(["docs/source/index.rst", "docs/install.md"]) == "docs/source/index.rst"
    assert documentation_index(["docs/api/index.md"]) is None


def test_what_the_host_says_goes_before_what_sizes_say():
    def languages(metadata):
        facts = facts_of_project(metadata, {}, sizes={"a.py": 3})
        return [fact.text for fact in facts if fact.where == "language"]

    assert languages(ProjectMetadata("a/b")) == ["Python"]
    assert languages(ProjectMetadata("a/b", language="Go")) == ["Go"]


def test_what_stands_aside_is_told_from_the_projects_own():
    facts = facts_of_project(
        ProjectMetadata("a/b"), {}, sizes={"model.onnx": 3, "examples/x.onnx": 3, "docs/y.md": 1}
    )
    assert {fact.file: fact.where for fact in facts if fact.file} == {
        "model.onnx": "file", "examples/x.onnx": "side file", "docs/y.md": "side file",
    }  # fmt: skip
    assert [fact.text for fact in facts if fact.where == "file count"] == ["3"]


def test_words_of_manifests_labels_and_the_index_of_the_documentation():
    from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile

    facts = facts_of_project(
        ProjectMetadata("harbour/ferry"),
        {
            "Dockerfile": read_dockerfile(
                b'FROM a\nLABEL org.opencontainers.image.description="A ferry server"\n'
            )
        },
        texts={
            "pyproject.toml": '[project]\ndescription = "A ferry timetable library"\nkeywords = ["tides"]\n',
            "docs/index.md": "# Ferry\n\nFerry is a toolkit that counts boats on the way.\n",
            "docs/more.md": "Ferry is an app that nobody asked for at all.\n",
        },
    )
    said = {fact.text for fact in facts if fact.where == "own description"}
    assert said == {"A  server", "A  timetable library", "is a toolkit that counts boats on the way."}
    assert {"timetable library", "toolkit"} <= {fact.text for fact in facts if fact.where == "kind"}
    assert [fact.text for fact in facts if fact.where == "keyword"] == ["tides"]
