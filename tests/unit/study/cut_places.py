"""Every place that cuts its input: an input of a given size, the largest that is read whole, the cut noted beyond it.

Here: the list, and making the inputs. Not here: the test (``test_cuts_noted``).
"""

from collections.abc import Callable
from unittest.mock import patch

from dockml_dagster.clients.git_history import ChangedPath
from dockml_dagster.corpora import history
from dockml_dagster.study.advice import project as advice
from dockml_dagster.study.dockerfile.ignore_patterns import ignore_patterns
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.dockerfile.run import tasks
from dockml_dagster.study.dockerfile.run.steps import read_steps
from dockml_dagster.study.dockerfile.shell.programs import Program
from dockml_dagster.study.formats import json, toml, yaml
from dockml_dagster.study.image_links import find_links, grading, links_of_reference, shell
from dockml_dagster.study.image_links.commands import as_commands, joined_lines, uses
from dockml_dagster.study.image_links.variables import assignments, expanded, in_loops, one_file, put
from dockml_dagster.study.labels.evidence_rules import by_place, evidence_rule, rule_set
from dockml_dagster.study.project import dependencies, facts, own_words, readme, readme_facts
from dockml_dagster.study.project.facts import Fact, ProjectMetadata
from dockml_dagster.study.project.own_words import Words
from dockml_dagster.study.rebuilds import history as rebuilds
from dockml_dagster.study.rebuilds import plan
from dockml_dagster.study.rebuilds.contexts import by_sources
from dockml_dagster.study.rebuilds.tree import Tree
from dockml_dagster.warehouse.models import seed_texts
from tests.unit.study.rebuilds.repository import Repository


def _find(path: str, text: str) -> object:
    return find_links("own/project", {path: text})


def _dockerfile(text: str) -> object:
    return facts.dockerfile_facts("Dockerfile", read_dockerfile(text.encode()))


def _rule_of_places(places: int) -> object:
    rule = evidence_rule("seed", "rule", "file", "a")
    return rule_set((rule,)).found(by_place(Fact("file", f"a{n}", f"a{n}") for n in range(places)))


def _task(characters: int) -> object:
    rules = tasks.parse_task_rules(*seed_texts(("run_task_commands", "run_tasks")).values())
    return tasks.classify_program(Program("make", "make", ("a" * characters,)), rules)


def _loop(words: int) -> object:
    script = f"for a in {' '.join(f'w{n}' for n in range(words))}; do apt-get install $a; done"
    return read_steps(read_dockerfile(f"FROM a\nRUN {script}\n".encode()))


def _folders(folders: int) -> object:
    read = plan.read_plan(read_dockerfile(b"FROM a\nCOPY b c\n"))
    assert read is not None
    return by_sources("d/" * folders + "Dockerfile", read, Tree())


def _inside(variables: int) -> object:
    with one_file():
        return [expanded("$a", {"a": ("$b",), "b": ("c",)}) for _ in range(variables)]


def _mentions(images: int) -> object:
    with patch.object(grading, "MAX_MENTIONS", 10):
        return _find("build.sh", "docker push a/b\n" * images)


def _steps(characters: int) -> object:
    with patch.object(plan, "MOST_CHARACTERS", 100):
        return plan.read_plan(read_dockerfile(f"FROM a\nENV a={'b' * characters}\n".encode()))


def _told(files: int) -> object:
    return history._told(
        lambda _: b"", [ChangedPath(f"{n}/compose.yml", "100644", "a") for n in range(files)]
    )


def _workflow(name: str, inputs: int) -> object:
    given = "".join(f"          a{n}: b\n" for n in range(inputs))
    return find_links(
        "own/project",
        {
            ".github/workflows/a.yml": f"jobs:\n  a:\n    steps:\n      - {name}:\n{given}"
            if name == "env"
            else f"jobs:\n  a:\n    uses: ./.github/workflows/b.yml\n    with:\n{given}",
        },
    )


def _files(instructions: int) -> object:
    texts = {
        "Dockerfile": "FROM a\n" + "RUN b\n" * 3,
        "b/Dockerfile": "FROM b\n" + "RUN c\n" * (instructions - 5),
    }
    with patch.object(rebuilds, "MOST_STEPS", 10):
        return Repository().commit(texts)


def _pushes(begin: int, images: int) -> str:
    return "".join(f"docker push own/a{n}\n" for n in range(begin, images, 2))


def _put(variables: int) -> None:
    values: dict[str, tuple[str, ...]] = {}
    for n in range(variables):
        put(values, f"a{n}", "b", {}, adds=False, more=False)


PLACES: dict[tuple[str, str], list[tuple[Callable[[int], object], int, str]]] = {
    ("corpora/history.py", "_told"): [(_told, 400, "more than 400 files that tell contexts")],
    ("study/advice/project.py", "_workflow"): [
        (
            lambda n: advice.file_facts(".github/workflows/a.yml", "a" * n),
            2000,
            "a line of a workflow of over 2,000 characters",
        ),
    ],
    ("study/dockerfile/ignore_patterns.py", "ignore_patterns"): [
        (lambda n: ignore_patterns("a\n" * n), 2001, "more than 2,000 patterns of an ignore file"),
    ],
    ("study/dockerfile/run/tasks.py", "_match"): [
        (_task, 8192, "the arguments of a command of over 8,192 characters"),
    ],
    ("study/dockerfile/shell/programs.py", "programs"): [(_loop, 64, "more than 64 words of a loop")],
    ("study/formats/yaml.py", "load_or_none"): [
        (lambda n: yaml.load_or_none("#" * n), 262144, "YAML that is refused: longer than 262144 characters"),
        (lambda n: yaml.load_or_none("a: [" + "]" * n), 1, "YAML that is refused: malformed"),
        (
            lambda n: yaml.load_or_none("[" * n + "]" * n),
            60,
            "YAML that is refused: nested deeper than 60 levels",
        ),
    ],
    ("study/formats/json.py", "load_or_none"): [
        (lambda n: json.load_or_none("1" * n, 10), 10, "JSON that is refused: more than 10 bytes"),
        (lambda n: json.load_or_none("[" + "]" * n, 10), 1, "JSON that is refused: malformed"),
    ],
    ("study/formats/toml.py", "load_or_none"): [
        (lambda n: toml.load_or_none("#" * n), 262144, "TOML that is refused: longer than 262144 characters"),
        (lambda n: toml.load_or_none("a = [" + "]" * n), 1, "TOML that is refused: malformed"),
    ],
    ("study/image_links/commands.py", "as_commands"): [
        (lambda n: as_commands("a" * n), 4000, "a line of over 4,000 characters"),
    ],
    ("study/image_links/commands.py", "_as_command"): [
        (
            lambda n: as_commands(f"['docker', {', '.join(['a'] * (n - 1))}]"),
            60,
            "more than 60 words of a command",
        ),
    ],
    ("study/image_links/commands.py", "joined_lines"): [
        (lambda n: list(joined_lines("a" * n)), 4000, "a line of over 4,000 characters"),
        (
            lambda n: list(joined_lines("a" * 3000 + " \\\n" + "a" * (n - 3002))),
            4000,
            "a line of over 4,000 characters",
        ),
    ],
    ("study/image_links/commands.py", "uses"): [
        (lambda n: list(uses("docker pull a; " * n)), 20, "more than 20 commands of a line"),
    ],
    ("study/image_links/commands.py", "uses_of_words"): [
        (lambda n: list(uses("docker " + "a " * (n - 1))), 100, "more than 100 words of a command"),
    ],
    ("study/image_links/declarations.py", "_bake"): [
        (
            lambda n: _find("docker-bake.hcl", 'tags = ["a/b"]\n' * n),
            300,
            "more than 300 lists of tags of a file",
        ),
        (
            lambda n: _find("docker-bake.hcl", f"tags = [{'a' * (n - 1)}]\n"),
            4000,
            "a list of tags of over 4,000 characters",
        ),
    ],
    ("study/image_links/grading.py", "find_links"): [
        (
            lambda n: find_links("own/project", {f"{at}.sh": _pushes(at, n) for at in (0, 1)}),
            2000,
            "more than 2,000 links",
        ),
        (_mentions, 10, "more than 10 mentions of images"),
    ],
    ("study/image_links/grading.py", "_names_project"): [
        (
            lambda n: links_of_reference("own/project", "a/b", description="a" * n),
            100_000,
            "a description of over 100,000 characters",
        ),
    ],
    ("study/image_links/other_ci.py", "_shells"): [
        (lambda n: _find("Jenkinsfile", "sh 'a'\n" * n), 300, "more than 300 scripts of a Jenkinsfile"),
        (
            lambda n: _find("Jenkinsfile", f"sh '''{(('a' * 99 + chr(10)) * n)[:n]}'''\n"),
            7997,
            "a script of a Jenkinsfile of over 8,000 characters",
        ),
    ],
    ("study/image_links/scripts.py", "_hand_to_make"): [
        (
            lambda n: _find("build.sh", f"make push {' '.join(f'a{one}=b' for one in range(n))}\n"),
            50,
            "more than 50 variables that make is called with",
        ),
    ],
    ("study/image_links/shell.py", "_block"): [
        (lambda n: list(shell.commands("a\n" * n, {})), 2000, "more than 2,000 steps of a script"),
    ],
    ("study/image_links/variables.py", "put"): [(_put, 1001, "more than 2,000 variables of a file")],
    ("study/image_links/variables.py", "_expanded"): [
        (lambda n: expanded("$a" * n, {}), 40, "more than 40 variables of a text"),
    ],
    ("study/image_links/variables.py", "_inner"): [
        (_inside, 4000, "more variables inside of values than are replaced")
    ],
    ("study/image_links/variables.py", "_most"): [
        (
            lambda n: _find(
                "build.sh", "".join(f"if b; then a={one}; fi\n" for one in range(n)) + "docker push own/$a\n"
            ),
            24,
            "more than 24 values of a variable",
        ),
        (
            lambda n: _find(
                "build.sh", f"for a in {' '.join(map(str, range(n)))}; do\ndocker push own/$a\ndone\n"
            ),
            24,
            "more than 24 values of a variable",
        ),
        (
            lambda n: _find(
                "build.sh", f"b='{' '.join(map(str, range(n)))}'\nfor a in $b; do\ndocker push own/$a\ndone\n"
            ),
            24,
            "more than 24 values of a variable",
        ),
        (
            lambda n: _find(
                "build.sh",
                f"docker push own/{{{','.join(map(str, range(24)))}}}" + ("{a,b}" if n > 24 else "") + "\n",
            ),
            24,
            "more than 24 values of a variable",
        ),
    ],
    ("study/image_links/variables.py", "assign"): [
        (lambda n: assignments(["a" * n], {}), 4000, "a line of over 4,000 characters"),
        (
            lambda n: assignments([f"a{one}=b" for one in range(n)], {}),
            1001,
            "more than 2,000 variables of a file",
        ),
    ],
    ("study/image_links/variables.py", "in_loops"): [
        (lambda n: list(in_loops(["a" * n], {})), 4000, "a line of over 4,000 characters"),
        (lambda n: list(in_loops([";".join("a" * n)], {})), 50, "more than 50 statements of a line"),
    ],
    ("study/image_links/workflows.py", "local_inputs"): [
        (lambda n: _workflow("with", n), 100, "more than 100 inputs of a workflow"),
    ],
    ("study/image_links/workflows.py", "_with_environment"): [
        (lambda n: _workflow("env", n), 300, "more than 300 variables of a workflow"),
    ],
    ("study/labels/evidence_rules.py", "_capped"): [
        (_rule_of_places, 1000, "more than 1,000 places that a rule holds at")
    ],
    ("study/rebuilds/history.py", "_has_room"): [
        (_files, 10, "more than 100,000 instructions of the Dockerfiles of a commit")
    ],
    ("study/project/dependencies.py", "declared_dependencies"): [
        (
            lambda n: dependencies.declared_dependencies("go.mod", " " * n),
            1 << 20,
            "a list of dependencies of over 1 MiB",
        ),
        (
            lambda n: dependencies.declared_dependencies("requirements.txt", "a\n" * n),
            5000,
            "more than 5,000 dependencies of a file",
        ),
    ],
    ("study/project/facts.py", "metadata_facts"): [
        (
            lambda n: facts.metadata_facts(ProjectMetadata("a/b", None, ("t",) * n)),
            100,
            "more than 100 topics",
        ),
    ],
    ("study/project/facts.py", "_text"): [
        (
            lambda n: facts.metadata_facts(ProjectMetadata("a/b", "d" * n)),
            2000,
            "a text of over 2,000 characters",
        ),
        (
            lambda n: facts.metadata_facts(ProjectMetadata("a/b", None, ("t" * n,))),
            100,
            "a text of over 100 characters",
        ),
        (
            lambda n: facts.metadata_facts(ProjectMetadata("a/b", language="l" * n)),
            100,
            "a text of over 100 characters",
        ),
        (lambda n: facts.without_name("t" * n, "a/b"), 65536, "a text of over 65,536 characters"),
        (lambda n: facts.file_facts(["p" * n]), 2000, "a text of over 2,000 characters"),
        (lambda n: facts.own_facts("p", [Words("k" * n, True, 1)]), 200, "a text of over 200 characters"),
        (lambda n: facts.dependency_facts([("d" * n, "f", 1)]), 200, "a text of over 200 characters"),
        (lambda n: facts.workflow_facts("p", "l" * n), 2000, "a text of over 2,000 characters"),
        (lambda n: facts.workflow_facts("p", "#" * n), 262144, "a text of over 262,144 characters"),
        (lambda n: _dockerfile(f"FROM a\nRUN a {'b' * (n - 2)}\n"), 2000, "a text of over 2,000 characters"),
        (lambda n: _dockerfile(f"FROM a\n# {'b' * n}\n"), 2000, "a text of over 2,000 characters"),
        (lambda n: _dockerfile(f"FROM a\nCMD {'b' * n}\n"), 2000, "a text of over 2,000 characters"),
        (lambda n: _dockerfile(f"FROM a\nUSER {'b' * n}\n"), 2000, "a text of over 2,000 characters"),
        (lambda n: _dockerfile(f"FROM a\nENV {'b' * n}=c\n"), 200, "a text of over 200 characters"),
        (
            lambda n: _dockerfile(f"FROM a\nLABEL description={'b' * n}\n"),
            2000,
            "a text of over 2,000 characters",
        ),
    ],
    ("study/project/facts.py", "file_facts"): [
        (lambda n: facts.file_facts(["p"] * n), 20_000, "more than 20,000 files of a project"),
    ],
    ("study/project/facts.py", "dependency_facts"): [
        (
            lambda n: facts.dependency_facts([("d", "f", 1)] * n),
            20_000,
            "more than 20,000 dependencies of a project",
        ),
    ],
    ("study/project/facts.py", "workflow_facts"): [
        (lambda n: facts.workflow_facts("p", "a\n" * n), 20_000, "more than 20,000 lines of a workflow"),
    ],
    ("study/project/facts.py", "dockerfile_facts"): [
        # The path, the comment, the base and FROM itself are four.
        (
            lambda n: _dockerfile("# a\nFROM a\n" + "EXPOSE 1\n" * (n - 10_002)),
            20_000,
            "more than 20,000 facts of a Dockerfile",
        ),
    ],
    ("study/project/facts.py", "_instruction_facts"): [
        (lambda n: _dockerfile(f"FROM a\nEXPOSE {'1 ' * n}\n"), 200, "more than 200 words of an instruction"),
        (
            lambda n: _dockerfile(f"FROM a\nRUN {'--mount=type=tmpfs,target=/a ' * n} a\n"),
            50,
            "more than 50 flags of an instruction",
        ),
        (
            lambda n: _dockerfile(f"FROM a\nENV {' '.join(f'a{one}=b' for one in range(n))}\n"),
            500,
            "more than 500 assignments of an instruction",
        ),
    ],
    ("study/project/own_words.py", "own_words"): [
        (lambda n: own_words.own_words("setup.py", " " * n), 262144, "a manifest of over 256 KiB"),
        (
            lambda n: own_words.own_words(
                "package.json", f'{{"keywords": [{",".join(["1", *[chr(34) + "a" + chr(34)] * n])}]}}'
            ),
            300,
            "more than 300 descriptions and keywords of a file",
        ),
        (
            lambda n: own_words.own_words("package.json", f'{{"description": "{"a" * n}"}}'),
            1000,
            "a description of over 1,000 characters",
        ),
    ],
    ("study/project/readme.py", "readme_prose"): [
        (lambda n: list(readme.readme_prose("a" * n)), 2000, "a line of a README of over 2,000 characters"),
    ],
    ("study/project/readme_facts.py", "readme_facts"): [
        (
            lambda n: readme_facts.readme_facts("README.md", "\n" * n),
            65536,
            "a README of over 65,536 characters",
        ),
    ],
    ("study/project/readme_facts.py", "index_facts"): [
        (
            lambda n: readme_facts.index_facts("index.md", "\n" * n),
            65536,
            "a README of over 65,536 characters",
        ),
    ],
    ("study/project/readme_facts.py", "_lines"): [
        (
            lambda n: readme_facts.readme_facts("README.md", "- a\n" * n),
            600,
            "more than 600 lines of a README",
        ),
    ],
    ("study/project/readme_facts.py", "_badges"): [
        (
            lambda n: readme_facts.readme_facts("README.md", "<!--" + "!" * (n - 7) + "-->"),
            2000,
            "a line of a README of over 2,000 characters",
        ),
    ],
    ("study/rebuilds/contexts.py", "by_sources"): [(_folders, 31, "more than 32 folders above a Dockerfile")],
    ("study/rebuilds/plan.py", "read_plan"): [
        (_steps, 100, "a Dockerfile whose steps know more than 16 MiB"),
    ],
}
"""(module, function) → (work of a size, the most that is read whole, what is noted of one more)."""
