"""What counts as a change of code, what a module leads to, and that the hash is one on every Python."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dockml_dagster
from dockml_dagster.warehouse.due import sources
from dockml_dagster.warehouse.due.sources import Sources, read_module

PACKAGE = Path(dockml_dagster.__file__).parent

BEFORE = """
from a.b import c

def f(x: int) -> str:
    if x > 1:
        return f"{x:>{3}} times"
    return "once"
"""


@pytest.mark.parametrize(
    "after",
    [
        BEFORE.replace("def f", "# why\n\n\ndef f"),
        BEFORE.replace("if x > 1:", "if (x > 1):  # more than once"),
        BEFORE.replace("    if x", '    """What it does."""\n    if x'),
        '"""What belongs here."""\n' + BEFORE,
        BEFORE + '\n"""What f is."""\n',
        BEFORE.replace('"once"', "'once'"),
        BEFORE.replace("(x: int)", "(\n    x: int,\n)"),
    ],
)
def test_comments_docstrings_and_layout_are_no_change(after: str) -> None:
    assert read_module(after.encode()) == read_module(BEFORE.encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x > 1", "x >= 1"),
        ("x > 1", "x > 2"),
        ('"once"', '"one"'),
        (" times", " time"),
        ("{x:>{3}}", "{x:>{4}}"),
        ("{x:>{3}}", "{x!r:>{3}}"),
        ("a.b", "a.d"),
        ("def f(x", "def f(y"),
        ("return f", "f"),
        ('"once"', 'b"once"'),
        ('"once"', "None"),
        ("> 1", "> 1.0"),
        ("> 1", "> True"),
    ],
)
def test_anything_else_is_one(old: str, new: str) -> None:
    assert old in BEFORE
    assert read_module(BEFORE.replace(old, new).encode()).form != read_module(BEFORE.encode()).form


def test_what_only_type_checkers_read_is_left_out() -> None:
    plain = "import a\n"
    guarded = "import a\nif TYPE_CHECKING:\n    from b import c\nelse:\n    d = 1\n"
    assert read_module(guarded.encode()) == read_module((plain + "d = 1\n").encode())


EVERY_SYNTAX = """
import os.path as p
from . import q
@dec(1, *a, k=2, **b)
async def f(a, /, b: int = 1, *c, d=None, **e) -> None:
    global g
    async with x as y, z: await w
    async for i in j: yield i
class C(B, metaclass=M):
    x: int = 0; y: "str"
    z = lambda *a: (yield)
try: raise E from None
except* (A, B) as e: del e, f[0], g.h
else: assert x, "no"
finally: pass
while x := y[1:2, ..., ::3]: continue
for a, *b in c: break
match v:
    case {"k": [1, *_, -2.5j] as s, **r} if s: pass
    case C(1, k="x" | None) | _: nonlocal_ = 1
s = f"a{{{x!r:>{w}.{p}}}}{y=}" f"" "b" f'{"c"}' + rb"\\x00" + "\\ud800é\\u2028" + "" f""
n = 1_000 + 0x1f + 1e309 + .1 + 3j if not a < b <= c is not d not in e else -~+x ** y @ z // 2
l = [a async for a in b if c if d], {**a, 1: 2}, {*a}, (x for x in y)
"""
FORM = "951f9d2ea40f593a4b703abe44a41a2bcada72edfb83bf1da5b4438b8c4e21b1"


def test_one_form_on_every_python() -> None:
    """The constant was made on 3.11; whichever Python runs the tests has to come to the same."""
    assert read_module(EVERY_SYNTAX.encode()).form == FORM


def _others() -> list[str]:
    """One of each other version that is installed, on PATH or by pyenv."""
    here = sys.version_info.minor
    of_pyenv = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python"))
    found = [
        next(
            (str(path) for path in of_pyenv if f"/3.{minor}." in str(path)), shutil.which(f"python3.{minor}")
        )
        for minor in (11, 12, 13)
        if minor != here
    ]
    return [path for path in found if path is not None]


ALL_FORMS = """
import sys
from pathlib import Path
from dockml_dagster.warehouse.due.sources import read_module
print(sorted((path.name, read_module(path.read_bytes()).form) for path in Path(sys.argv[1]).rglob("*.py")))
"""


@pytest.mark.parametrize("python", _others() or [pytest.param("", marks=pytest.mark.skip("no other Python"))])
def test_every_module_has_one_form_on_other_pythons(python: str) -> None:
    answers = [
        subprocess.run(
            [program, "-B", "-c", ALL_FORMS, str(PACKAGE / "study")],
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(PACKAGE.parent)},
            capture_output=True,
            text=True,
            check=False,
        )
        for program in (sys.executable, python)
    ]
    if answers[1].returncode and "SyntaxError" not in answers[1].stderr:
        pytest.skip(f"{python} does not run: {answers[1].stderr.strip().splitlines()[-1]}")
    assert answers[0].stdout == answers[1].stdout


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A small package: ``study.rows`` reads ``study.deep.one`` through a folder, and ``clients.net`` stands outside."""
    files = {
        "study/__init__.py": "",
        "study/rows.py": "from pack.study.deep import one\nfrom pack.clients.net import get\nimport yaml, pack.studying\n",
        "study/deep/__init__.py": "from pack.study.deep.two import two\n",
        "study/deep/one.py": "def one():\n    from pack.study.late import late\n    return late\n",
        "study/deep/two.py": "two = 2\n",
        "study/late.py": "late = 1\n",
        "study/by_folder.py": "from pack.study.deep import two_of_folder\n",
        "study/only_types.py": "if TYPE_CHECKING:\n    from pack.study.late import late\n",
        "clients/net.py": "def get(): ...\n",
        "studying.py": "X = 1\n",
    }
    for name, text in files.items():
        path = tmp_path / "pack" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "pack"


@pytest.mark.parametrize(
    ("root", "reached"),
    [
        ("study.rows", ["study.deep.one", "study.late", "study.rows"]),
        ("study.by_folder", ["study.by_folder", "study.deep", "study.deep.two"]),
        ("study.only_types", ["study.only_types"]),
    ],
)
def test_what_a_module_leads_to(package: Path, root: str, reached: list[str]) -> None:
    assert sorted(Sources(package).reached([root], ["study"])) == reached


def test_what_lies_beyond_is_not_followed(package: Path) -> None:
    reached = Sources(package).reached(["study.rows"], ["study"], beyond=["study.deep"])
    assert sorted(reached) == ["study.rows"]


def test_what_another_form_remembers_is_not_taken(package: Path, tmp_path: Path) -> None:
    memory = tmp_path / "hashes.json"
    expected = Sources(package, memory).code_hash(["study.rows"], ["study"])
    stored = json.loads(memory.read_text())
    stored["by"] = "another"
    stored["modules"] = {key: ["wrong", imports] for key, (_, imports) in stored["modules"].items()}
    memory.write_text(json.dumps(stored))
    assert Sources(package, memory).code_hash(["study.rows"], ["study"]) == expected


def test_a_change_at_any_remove_changes_the_hash_and_one_elsewhere_does_not(package: Path) -> None:
    def now() -> str:
        return Sources(package).code_hash(["study.rows"], ["study"])

    before = now()
    (package / "study/deep/two.py").write_text("two = 3\n")
    (package / "clients/net.py").write_text("def get(): return 1\n")
    assert now() == before
    (package / "study/late.py").write_text("late = 2\n")
    assert now() != before


def test_the_version_of_a_parser_is_part_of_it(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(sources, "_installed", lambda name: asked.append(name) or "1")
    before = Sources(package).code_hash(["study.rows"], ["study"])
    monkeypatch.setattr(sources, "_installed", lambda _: "2")
    assert Sources(package).code_hash(["study.rows"], ["study"]) != before
    assert asked == ["PyYAML"]


def test_what_was_read_once_is_remembered(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = tmp_path / "cache" / "hashes.json"
    before = Sources(package, memory).code_hash(["study.rows"], ["study"])
    asked: list[bytes] = []

    def read(source: bytes) -> sources.Module:
        asked.append(source)
        return read_module(source)

    monkeypatch.setattr(sources, "read_module", read)
    assert Sources(package, memory).code_hash(["study.rows"], ["study"]) == before
    assert asked == []
    (package / "study/late.py").write_text("late = 2\n")
    Sources(package, memory).code_hash(["study.rows"], ["study"])
    Sources(package, memory).code_hash(["study.rows"], ["study"])
    assert asked == [b"late = 2\n"]


def test_no_home_is_made_to_remember_in(package: Path, tmp_path: Path) -> None:
    Sources(package, tmp_path / "home" / "cache" / "hashes.json").code_hash(["study.rows"], ["study"])
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("broken", ["", "[]", '{"by": 1}', '{"by": "another", "modules": {}}', "\x00"])
def test_a_memory_that_cannot_be_read_is_made_anew(package: Path, tmp_path: Path, broken: str) -> None:
    memory = tmp_path / "hashes.json"
    memory.write_text(broken)
    expected = Sources(package).code_hash(["study.rows"], ["study"])
    assert Sources(package, memory).code_hash(["study.rows"], ["study"]) == expected
    assert memory.read_text() != broken


def test_a_memory_that_cannot_be_written_is_done_without(package: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    memory = tmp_path / "file" / "hashes.json"
    assert Sources(package, memory).code_hash(["study.rows"], ["study"])


def test_a_module_that_is_not_there_is_an_error(package: Path) -> None:
    with pytest.raises(KeyError, match=r"study\.nowhere"):
        Sources(package).code_hash(["study.nowhere"], ["study"])
