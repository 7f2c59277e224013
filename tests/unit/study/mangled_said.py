"""Further subjects of ``test_everything_said.py``: the texts of the case tables with small faults.

Here: inputs that no case was written for: a word, a character or a line of a case is left out, repeated or moved. They
reach the limits and the odd branches that the cases, which are clean, do not. Not here: recording and comparing results.
"""

import random
import re

from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.image_links import find_links
from dockml_dagster.study.labels.purpose import parse_purpose_rules, purposes_of
from dockml_dagster.study.project.dependencies import declared_dependencies
from dockml_dagster.study.readings import Reader
from dockml_dagster.study.rebuilds.plan import read_plan
from tests.unit.study.said_texts import SEEDS, Said, facts_of, projects, read_cases, texts

_PIECE = re.compile(r"\n|[^\S\n]+|\w+|[^\w\s]")


def mangled(text: str, draw_of: random.Random) -> str:
    """The text after one small fault."""
    pieces = _PIECE.findall(text)
    if len(pieces) < 2:
        return text * 2
    at = draw_of.randrange(len(pieces) - 1)
    lines = text.splitlines(keepends=True)
    line = draw_of.randrange(len(lines))
    match draw_of.randrange(7):
        case 0:
            return "".join(pieces[:at] + pieces[at + 1 :])
        case 1:
            return "".join([*pieces[:at], pieces[at + 1], pieces[at], *pieces[at + 2 :]])
        case 2:
            return "".join([*pieces[:at], pieces[at] * 2, *pieces[at + 1 :]])
        case 3:
            return "".join([*pieces[:at], draw_of.choice("'\"`$#\\;&|(){}<> \n"), *pieces[at:]])
        case 4:
            return "".join(lines[:line] + lines[line + 1 :])
        case 5:
            other = draw_of.randrange(len(lines))
            lines[line], lines[other] = lines[other], lines[line]
            return "".join(lines)
        case _:
            return "".join(pieces[: at + 1])


def mangled_dockerfiles() -> Said:
    """The rows of the tables about Dockerfiles, and what a rebuild would look at."""
    reader, draw_of = Reader(SEEDS), random.Random(20261201)
    for name, data in texts():
        said = []
        for _ in range(3):
            text = mangled(data.decode("utf-8", "replace"), draw_of).encode()
            said.append([list(reader.rows(text)), read_plan(read_dockerfile(text))])
        yield name, said


def mangled_projects() -> Said:
    """Links to images, facts and purposes of each project, with a fault in one file."""
    rules, draw_of = parse_purpose_rules(SEEDS["purpose_rules"]), random.Random(20261202)
    for name, files in projects():
        said = []
        for path in [path for path in files if files[path]][:6] * 4:
            broken = {**files, path: mangled(files[path], draw_of)}
            facts = facts_of(name, broken)
            packages = declared_dependencies(path, broken[path])
            said.append([find_links(f"owner/{name}", broken), packages, facts, purposes_of(facts, rules)])
        yield name, said


def mangled_links() -> Said:
    """Links to images of each text that names some."""
    draw_of = random.Random(20261203)
    for case in read_cases("image_links/readings.toml")["case"]:
        said = []
        for _ in range(40):
            files = {case["path"]: mangled(case["text"], draw_of), **case.get("also", {})}
            said.append(find_links("tern/tern", files))
        yield case["name"], said


SUBJECTS = (mangled_dockerfiles, mangled_projects, mangled_links)
