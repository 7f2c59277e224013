"""Which folder is the build context: by the project's files, and by where the sources are."""

import pytest

from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.rebuilds.contexts import Context, by_sources, tells_contexts, told_contexts
from dockml_dagster.study.rebuilds.model import Entry
from dockml_dagster.study.rebuilds.plan import read_plan
from dockml_dagster.study.rebuilds.tree import Tree

COMPOSE = "services:\n  a:\n    build:\n      context: ..\n      dockerfile: docker/Dockerfile\n  b:\n    build: ./web\n"
WORKFLOW = (
    "jobs:\n  j:\n    steps:\n      - uses: docker/build-push-action@v5\n"
    "        with:\n          context: .\n          file: ./docker/Dockerfile\n"
)


@pytest.mark.parametrize(
    ("path", "text", "told"),
    [
        ("deploy/docker-compose.yml", COMPOSE, {"docker/Dockerfile": "", "deploy/web/Dockerfile": "deploy/web"}),
        (".github/workflows/x.yml", WORKFLOW, {"docker/Dockerfile": ""}),
        ("build.sh", "docker build -t x:1 --build-arg A=1 -f docker/Dockerfile . && echo\n", {"docker/Dockerfile": ""}),
        ("Makefile", "x:\n\tdocker buildx build \\\n\t  --file=d/Dockerfile d\n", {"d/Dockerfile": "d"}),
        ("build.sh", "docker build sub/\n", {"sub/Dockerfile": "sub"}),
        ("build.sh", "docker build $DIR\n", {}),
        ("build.sh", "docker build -t x 'unclosed\n", {}),
        ("build.sh", "docker build ../outside\n", {}),
        ("docker-compose.yml", "services: [1, {build: 3}]\n", {}),
    ],
)  # fmt: skip
def test_a_file_says_it(path: str, text: str, told: dict[str, str]) -> None:
    assert tells_contexts(path)
    assert told_contexts([(path, text)]) == {name: Context(folder, "told") for name, folder in told.items()}


def test_most_of_them_decide() -> None:
    said = [
        "docker build -f d/Dockerfile d",
        "docker build -f d/Dockerfile .",
        "docker build -f d/Dockerfile d",
    ]
    files = [(f"{at}.sh", text) for at, text in enumerate(said)]
    assert told_contexts(files)["d/Dockerfile"].folder == "d"


@pytest.mark.parametrize(
    ("text", "tree", "context"),
    [
        ("COPY src /s\nCOPY run.sh /r\n", ["src/a", "run.sh", "docker/x"], Context("", "sources")),
        ("COPY run.sh /r\n", ["docker/run.sh"], Context("docker", "sources")),
        ("COPY run.sh /r\n", ["docker/run.sh", "run.sh"], Context("docker", "tie")),
        ("COPY *.sh /r\n", ["run.sh", "docker/x"], Context("", "sources")),
        ("COPY s*/a /r\n", ["src/a/b", "docker/x"], Context("", "sources")),
        ("COPY src /r\n", ["src/a/b", "docker/x"], Context("", "sources")),
        ("COPY . /r\n", ["run.sh"], Context("docker", "only dot")),
        ("RUN one\n", ["run.sh"], Context("docker", "none")),
        ("COPY nowhere /r\n", ["run.sh"], Context("docker", "tie")),
    ],
)
def test_it_is_where_the_sources_are(text: str, tree: list[str], context: Context) -> None:
    plan = read_plan(read_dockerfile(f"FROM b\n{text}".encode()))
    assert plan is not None
    files = Tree()
    for path in tree:
        files.put(path, Entry("100644", "0"))
    assert by_sources("docker/Dockerfile", plan, files) == context
