"""Links from files and from images, and the cost of hostile files."""

import time
import tomllib
from pathlib import Path

import pytest

from dockml_dagster.study.image_links import find_links, links_of_reference
from dockml_dagster.study.image_links.commands import uses
from dockml_dagster.study.image_links.grading import strongest

CASES = tomllib.loads(Path(__file__).with_name("cases.toml").read_text(encoding="utf-8"))["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_links_of_files(case):
    links = find_links(case["project"], case["files"])
    shown = {f"{link.grade} {link.kind} {link.reference} {link.path}:{link.line}" for link in links}
    assert shown == set(case["links"])


@pytest.mark.parametrize(
    ("command", "does", "image"),
    [
        ("docker run -it --rm --name x -p 80:80 a/b:1 serve", "run", "a/b:1"),
        ("docker run --gpus=all -v$PWD:/x a/b", "run", "a/b"),
        ("sudo docker -H tcp://x:1 image push --all-tags a/b", "push", "a/b"),
        ("docker buildx build --platform linux/amd64 -t a/b --push .", "push", "a/b"),
        ("docker build --tag=a/b .", "build", "a/b"),
        ("docker tag local a/b:2", "build", "a/b:2"),
        ("docker buildx imagetools create -t a/b:2 x y", "push", "a/b:2"),
        ("skopeo copy oci:x docker://quay.io/a/b:2", "push", "quay.io/a/b:2"),
        ("nvidia-docker run -ti a/b", "run", "a/b"),
        ('sh "docker push a/b"', "push", "a/b"),
        ("cd x && docker pull a/b; echo done", "run", "a/b"),
        ("docker compose -f x.yml push", "push all of compose", ""),
    ],
)
def test_commands(command, does, image):
    assert [(use.does, use.image) for use in uses(command)] == [(does, image)]


@pytest.mark.parametrize(
    "command", ["mydocker push a/b", "docker ps", "docker", "docker-compose up", "see docker.io/a/b"]
)
def test_what_is_no_use_of_an_image(command):
    assert list(uses(command)) == []


@pytest.mark.parametrize(
    ("reference", "labels", "description", "kinds"),
    [
        ("birds/egret:1", None, None, ["likely same namespace and name"]),
        ("birds/heron", None, None, ["possible same namespace"]),
        ("nest/egret-gpu", None, None, ["possible same name"]),
        ("redis:7", None, None, []),
        ("library/egret", None, None, []),
        ("x/y", {"org.opencontainers.image.source": "https://github.com/Birds/Egret"}, None, ["confirmed image label"]),
        ("x/y", {"org.opencontainers.image.source": "https://github.com/birds/egret-fork"}, None, []),
        ("x/y", {"org.label-schema.vcs-url": "git@github.com:birds/egret.git"}, None, ["confirmed image label"]),
        ("x/y", {"maintainer": "https://github.com/birds/egret"}, None, []),
        ("x/y", None, "See https://github.com/birds/egret for more.", ["likely hub description"]),
        ("x/y", None, "Sources: [here](https://github.com/birds/egret).", ["likely hub description"]),
        ("x/y", None, "From github.com/Birds/Egret. Enjoy", ["likely hub description"]),
        ("x/y", None, "Built of https://github.com/birds/egret/tree/main/docker", ["likely hub description"]),
        ("x/y", None, "git clone https://github.com/birds/egret.git", ["likely hub description"]),
        ("x/y", None, "See https://github.com/birds/egret.github.io", []),
        ("x/y", None, "See https://github.com/birds/egret-data and https://github.com/birds/egrets", []),
        ("x/y", None, "See https://egret.example.com/birds/egret", []),
        ("no reference!", None, None, []),
        ("oci:birds-egret:1", None, None, []),
    ],
)  # fmt: skip
def test_links_of_a_reference(reference, labels, description, kinds):
    links = links_of_reference("birds/egret", reference, labels=labels, description=description)
    assert [f"{link.grade} {link.kind}" for link in links] == kinds


def test_the_strongest_grade_of_an_image_counts():
    links = find_links(
        "a/egret", {"README.md": "docker run birds/egret\n", "p.sh": "docker push birds/egret\n"}
    )
    assert strongest(links) == {"docker.io/birds/egret": "confirmed"}


@pytest.mark.parametrize(
    ("image", "own", "linked"),
    [
        ("localhost:5000/birds/egret:1", (), False),
        ("localhost:5000/birds/egret:1", ("localhost:5000",), True),
        ("localhost:5001/birds/egret:1", ("localhost:5000",), False),
        ("registry.team.internal/birds/egret", ("registry.team.internal",), True),
        ("registry.example.com/birds/egret", ("registry.example.com",), True),
        ("localhost:5000/your-name/egret", ("localhost:5000",), False),
        ("egret", ("localhost:5000",), False),
    ],
)
def test_a_registry_that_is_named_as_one_is_real(image, own, linked):
    links = find_links("birds/egret", {"p.sh": f"docker push {image}\n"}, own)
    assert [link.grade for link in links] == (["confirmed"] if linked else [])


HOSTILE = {
    "variables": "A=$A$A$A$A\n" * 3000 + "docker push $A$A$A$A$A$A$A$A\n" * 500,
    "dollars": "$" * 200_000,
    "braces": "${{" * 60_000,
    "commands": "docker run " * 20_000,
    "options": "docker run " + "-v " * 60_000,
    "continued": "docker push \\\n" * 15_000,
    "quotes": "docker push " + '"' * 100_000,
    "assignments": "\n".join(f"V{number}=x" for number in range(20_000)),
    "loops": "for a in " + "b " * 50_000,
    "links": "https://hub.docker.com/r/" * 8_000,
    "aliases": "a: &b0 [x]\n" + "".join(f"b{n}: &b{n} [*b{n - 1},*b{n - 1}]\n" for n in range(1, 40)),
    "alias of itself": "jobs: &j\n  a: *j\nservices: *j\n",
    "grows by itself": "T=t\n" + "".join(f'T="${{T:+${{T}},}}t{n}"\n' for n in range(40)) + "docker push $T\n",
    "names itself in each line": "a: " + "a=$a\n" * 5_000,
    "blanks": (" " * 3_999 + "\n") * 60,
    "one line of blanks": "a: " + " " * 200_000,
    "commas": "jobs: {a: {steps: [{uses: docker/build-push-action@v2, with: {push: true, tags: '" + "," * 100_000 + "'}}]}}",
    "tags": "tags = [" * 20_000,
    "names": "tags = [\n" + '"a/b",\n' * 500 + "]\n" * 10,
    "echoes": "echo a=" * 10_000 + "GITHUB_ENV" + " " * 2_000,
    "steps": "jobs:\n a:\n  steps:\n" + "".join(f"  - {{env: {{V{n}: a}}, run: B{n}=c}}\n" for n in range(4_000)),
    "jobs": "jobs:\n" + "".join(f" j{n}: {{steps: [{{run: 'echo o{n}=x >> $GITHUB_OUTPUT'}}]}}\n" for n in range(3_000)),
    "calls of itself": "f() {\n" + "f $1 docker\n" * 2_000 + "}\nf a\ndocker push $1\n",
    "calls of calls": "".join(f"f{n}() {{ f{n + 1} $1; f{n + 1} $1; docker push a/$1; }}\n" for n in range(500)) + "f0 x\n",
    "no shell": "docker push a/b\n" + "if then fi )(\ndocker push a/b$x\n" * 1_500,
    "lines read": "while read x; do docker push $x; done <<EOF\n" + "a/b\n" * 20_000 + "EOF\n",
    "makes": "push:\n" + "\t$(MAKE) push IMAGE=a/b$(X)\n" * 3_000,
    "nul": "\x00docker push \x00/\x00\n" * 5_000,
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "Makefile",
        "push.sh",
        ".github/workflows/x.yml",
        ".gitlab-ci.yml",
        "Jenkinsfile",
        "compose.yml",
        "docker-bake.hcl",
    ],
)
def test_hostile_files_cost_little(path, text):
    begun = time.process_time()
    find_links("a/b", {path: text})
    assert time.process_time() - begun < 3
