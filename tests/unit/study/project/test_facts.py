"""The facts of files, with their lines; and the cost of hostile files."""

import re
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.labels.evidence_rules import MAX_EVIDENCE_OF_FILE, by_place, evidence_rule, rule_set
from dockml_dagster.study.project.compose import compose_facts, is_compose
from dockml_dagster.study.project.dependencies import declared_dependencies, declares_dependencies
from dockml_dagster.study.project.facts import (
    MAX_TEXT,
    Fact,
    dockerfile_facts,
    is_workflow,
    without_name,
    workflow_facts,
)
from dockml_dagster.study.project.noun_phrase import kind_of_thing
from dockml_dagster.study.project.readme_facts import readme_facts

DEPENDENCIES = tomllib.loads((Path(__file__).parent / "dependencies.toml").read_text())["case"]

KINDS = tomllib.loads((Path(__file__).parent / "noun_phrases.toml").read_text())["case"]

DOCKERFILE = b"""# run it: docker run -it -v $PWD:/data thing
FROM python:3.12 AS build
ENV MODEL_DIR=/models
RUN pip install . && \\
    pytest
EXPOSE 80
VOLUME /data
USER app
HEALTHCHECK CMD curl localhost
LABEL a=b
COPY . /src
ENTRYPOINT ["python", "-m", "thing"]
"""


def _lines(facts, where):
    return [(fact.text, fact.line) for fact in facts if fact.where == where]


def test_a_dockerfile_by_line():
    facts = dockerfile_facts("docker/thing.Dockerfile", read_dockerfile(DOCKERFILE), "owner/thing")
    assert _lines(facts, "dockerfile path") == [("docker/.Dockerfile", None)]
    assert _lines(facts, "stage") == [("build", 2)]
    assert _lines(facts, "base image") == [("python", 2)]
    assert _lines(facts, "command") == [("pip install .", 4), ("pytest", 5)]
    assert _lines(facts, "variable") == [("MODEL_DIR", 3)]
    assert _lines(facts, "port") == [("80", 6)]
    assert _lines(facts, "volume") == [("/data", 7)]
    assert _lines(facts, "user") == [("app", 8)]
    assert _lines(facts, "label") == [("a", 10)]
    assert _lines(facts, "start command") == [("python -m thing", 12)]
    assert _lines(facts, "comment") == [("run it: docker run -it -v $PWD:/data ", 1)]
    assert len(_lines(facts, "healthcheck")) == 1
    assert ("COPY", 11) in _lines(facts, "instruction")


def test_the_name_is_struck_out_as_a_word_only():
    assert without_name("Keras for kerasville, by keras-team", "keras-team/keras") == " for kerasville, by "
    assert without_name("cat catalogue", "a/cat") == " catalogue"


@pytest.mark.parametrize(("others", "line"), [(0, 1), (3, 7), (4, 1)])
def test_a_sentence_about_itself_leads_among_the_first_four(others: int, line: int) -> None:
    paragraphs = [f"Nets number {number} of mine catch fish each day." for number in range(others)]
    text = "\n\n".join([*paragraphs, "This library provides a way to catch fish."])
    (lead,) = [fact for fact in readme_facts("README.md", text) if fact.where == "readme"]
    assert lead.line == line


@given(st.text("aab1-._", min_size=1, max_size=4), st.text("aAbB1-._ é", max_size=14))
def test_names_are_whole_words(part: str, text: str) -> None:
    expected = re.sub(rf"(?<![a-z0-9]){re.escape(part)}(?![a-z0-9])", "", text, flags=re.IGNORECASE)
    assert without_name(text, part) == expected


def test_compose_services_with_lines():
    facts = compose_facts(
        "docker-compose.yml", "services:\n  a:\n    image: redis:7\n    ports: ['1:1']\n  b: {build: .}\n"
    )
    assert _lines(facts, "compose service") == [("a", 2), ("b", 5)]
    assert _lines(facts, "compose image") == [("redis:7", 3)]
    assert ("ports", 4) in _lines(facts, "compose key")
    first_version = compose_facts("compose.yaml", "db:\n  image: mysql\nvolumes:\n  x: {}\n")
    assert _lines(first_version, "compose service") == [("db", 1)]


def test_compose_services_have_what_they_merge():
    facts = compose_facts(
        "compose.yaml",
        "x-app: &app\n  image: app:1\n  ports: ['1:1']\nx-log: &log {image: log:1, user: '1'}\nservices:\n"
        "  a:\n    <<: [*app, *log]\n    ports: ['2:2']\n  b:\n    <<: *log\n",
    )
    assert _lines(facts, "compose service") == [("a", 6), ("b", 9)]
    assert _lines(facts, "compose image") == [("app:1", 2), ("log:1", 4)]
    assert _lines(facts, "compose key") == [
        ("ports", 8),
        ("image", 2),
        ("user", 4),
        ("image", 4),
        ("user", 4),
    ]


def test_merges_do_not_multiply():
    many = ", ".join(f"k{number}: 1" for number in range(1000))
    text = f"x: &x {{{many}}}\nservices:\n  a: {{<<: [{', '.join(['*x'] * 5000)}], image: a}}\n"
    begun = time.process_time()
    assert len(compose_facts("compose.yaml", text)) == 1005
    assert time.process_time() - begun < 2


HOSTILE = (
    "[" * 200_000,
    "- " * 100_000,
    "a: &a [*a, *a]",
    "\n".join(" " * i + "a:" for i in range(400)),
    "{" * 55 + "a",
    '"' * 200_000,
    "? " * 100_000,
    "\x00\x01",
    "a" * 300_000,
    "services: [",
    "services: 5",
    "",
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_compose_files_cost_little(text):
    begun = time.process_time()
    facts = compose_facts("docker-compose.yml", text)
    assert [fact.where for fact in facts] == ["compose path"]
    assert time.process_time() - begun < 2


def test_names_of_files():
    assert is_compose("deploy/docker-compose.dev.yml")
    assert is_compose("compose.yaml")
    assert not is_compose("composer.json")
    assert is_workflow(".github/workflows/image.yml")
    assert not is_workflow("docs/.github/workflows/image.yml")
    assert [fact.line for fact in workflow_facts(".gitlab-ci.yml", "# c\n\na:\n  script: x\n")] == [3, 4]


@pytest.mark.parametrize("case", KINDS, ids=lambda case: case["sentence"])
def test_the_kind_of_thing_is_the_phrase_that_names_it(case):
    assert kind_of_thing(case["sentence"]) == case.get("kind")


def test_of_a_line_of_a_readme_300_characters_are_a_fact():
    address = "http://x/" + "y" * 280
    words = "It has parts for many kinds of users. " * 12
    text = f"# a\n\n![badge]({address}) ![{'b' * 20}]({address})\n\nWhat serves models.\n\n{words}\n"
    longest: dict[str, int] = {}
    for fact in readme_facts("README.md", text):
        longest[fact.where] = max(longest.get(fact.where, 0), len(fact.text))
    assert (longest["badge"], longest["readme body"]) == (300, 300)


def test_the_readme_s_first_prose():
    text = (
        "# thing\n\n![badge](http://x/y.svg) [![b](u)](v)\n\n```\ncode that is no prose at all\n```\n\n"
        "Thing serves models to people\nwho [need](http://x) them.\n\nMore.\n"
    )
    lead, *body = readme_facts("README.md", text, "owner/thing")
    assert lead == Fact("readme", "serves models to people who need them.", "README.md", 9)
    assert {fact.where for fact in body} == {"kind", "badge", "readme body"}
    assert [(fact.text, fact.line) for fact in body] == [
        ("serves models", 9),
        ("badge http://x/y.svg", 3),
        ("b u v", 3),
        ("code that is no prose at all", 6),
        ("who need them.", 10),
        ("More.", 12),
    ]
    short = readme_facts("README.md", "# only\n\nshort words\n")
    assert [fact.where for fact in short] == ["heading", "readme body", "readme body"]


README_LEADS = tomllib.loads((Path(__file__).parent / "readme_leads.toml").read_text())["case"]


@pytest.mark.parametrize("case", README_LEADS, ids=lambda case: case["name"])
def test_what_the_readme_says_the_project_is(case):
    leads = [
        fact for fact in readme_facts("README.md", case["text"], "owner/thing") if fact.where == "readme"
    ]
    assert [fact.text for fact in leads] == ([case["lead"]] if "lead" in case else [])


@pytest.mark.parametrize(
    "piece", ["<!--", "[", "![", "<a ", "```\n", "`a<", "* ", "> ", "=" * 3 + "\n", "is a "]
)
def test_hostile_readmes_take_linear_time(piece):
    start = time.process_time()
    readme_facts("README.md", piece * (64 * 1024 // len(piece)), "owner/thing")
    assert time.process_time() - start < 5


@pytest.mark.parametrize("case", DEPENDENCIES, ids=lambda case: case["path"])
def test_declared_dependencies(case):
    found = declared_dependencies(case["path"], case["text"])
    assert [[name, line or 0] for name, _, line in found] == case["names"]
    assert {file for _, file, _ in found} <= {case["path"]}
    assert declares_dependencies(case["path"]) or not found


@pytest.mark.parametrize(
    "path", ["package.json", "pyproject.toml", "environment.yml", "requirements.txt", "go.mod"]
)
def test_hostile_declarations_cost_little(path):
    for text in (
        "[" * 100_000,
        "a" * 900_000,
        "- " * 400_000,
        "{" * 100_000,
        "x=" * 300_000,
        "[a]\n" * 100_000,
    ):
        begun = time.process_time()
        assert len(declared_dependencies(path, text)) <= 1
        assert time.process_time() - begun < 2


def test_evidence_is_capped_by_file():
    rule = evidence_rule("test", "r", "port", r"\d")
    facts = [Fact("port", str(i), "a", i) for i in range(10)] + [Fact("port", "1", "b", 1)]
    (hits,) = rule_set((rule,)).found(by_place(facts))
    assert sum(hit.file == "a" for hit in hits) == MAX_EVIDENCE_OF_FILE
    assert sum(hit.file == "b" for hit in hits) == 1


def test_texts_are_cut():
    (fact, *_rest) = [
        fact
        for fact in dockerfile_facts("Dockerfile", read_dockerfile(b"FROM a\nRUN echo " + b"x" * 5000))
        if fact.where == "command"
    ]
    assert len(fact.text) == MAX_TEXT
