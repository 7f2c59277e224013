"""hadolint as a program: its answer is read, its faults are outcomes of a text, and nothing of the user's changes it."""

import os
import stat
import sys
import textwrap
from pathlib import Path

import pytest

from dockml_dagster.clients import hadolint
from dockml_dagster.clients.hadolint import LINTED, REFUSED, Remark

# A stand-in that does what the first line of each file says, and notes every call in a file beside itself.
STAND_IN = """
    import json, os, pathlib, sys, time
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        print("Haskell Dockerfile Linter 9.8.7")
        sys.exit(0)
    names = [name for name in arguments if name.endswith(".Dockerfile")]
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "calls"), "a") as calls:
        calls.write(json.dumps([len(names), arguments, dict(os.environ)]) + "\\n")
    found = []
    for name in names:
        text = pathlib.Path(name).read_text(encoding="utf-8", errors="replace")
        if "CRASH" in text:
            sys.exit(3)
        if "HANG" in text:
            time.sleep(60)
        if "NOISE" in text:
            print("not json")
            sys.exit(0)
        if "BROKEN" in text:
            found.append({"code": "DL1000", "file": name, "level": "error", "line": 2, "message": "unexpected s3cret"})
        if "latest" in text:
            one = {"code": "DL3007", "file": name, "level": "warning", "line": 1, "column": 1, "message": "s3cret"}
            found += [one, {**one, "column": 9}]
        if "ODD" in text:
            found.append({"code": "s3cret words", "file": name, "level": "loud", "line": "x"})
    print(json.dumps(found))
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "stand-in" / "hadolint"
    path.parent.mkdir()
    path.write_text(f"#!{sys.executable}\n{textwrap.dedent(STAND_IN)}", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def calls(program: Path) -> list[list[object]]:
    import json

    return [json.loads(line) for line in (program.parent / "calls").read_text(encoding="utf-8").splitlines()]


def lint(program: Path, *texts: str, **options: float) -> dict[str, tuple[Remark, ...]]:
    keyed = {text: text.encode() for text in texts}
    return dict(hadolint.lint(program, keyed, **options))  # type: ignore[arg-type]


def test_version(program: Path) -> None:
    assert hadolint.version(program) == "9.8.7"


def test_a_program_that_does_not_start_says_so(tmp_path: Path) -> None:
    with pytest.raises(hadolint.HadolintError, match="does not start"):
        hadolint.version(tmp_path / "absent")


def test_every_text_gets_exactly_one_remark_as_a_whole(program: Path) -> None:
    found = lint(program, "FROM a:latest", "FROM a:1", "BROKEN")
    assert found == {
        # The same rule twice on a line is one finding.
        "FROM a:latest": (Remark(LINTED), Remark("DL3007", "warning", 1)),
        "FROM a:1": (Remark(LINTED),),
        "BROKEN": (Remark(REFUSED, None, 2, "its parser refuses the file"),),
    }


def test_words_of_the_file_are_never_kept(program: Path) -> None:
    assert "s3cret" not in repr(lint(program, "BROKEN", "latest", "ODD"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [("CRASH", "ended with code 3"), ("NOISE", "its answer is not"), ("HANG", "no answer")],
)
def test_a_text_that_breaks_the_program_is_refused_and_the_others_are_linted(
    program: Path, text: str, reason: str
) -> None:
    # Every call with a text that hangs costs the timeout; the other two show that a batch is taken apart.
    found = lint(
        program, "FROM a:latest", text, "FROM a:1", "FROM b", timeout=3, batch=1 if text == "HANG" else 20
    )
    assert [remark.rule for remark in found[text]] == [REFUSED]
    assert (found[text][0].reason or "").startswith(reason)
    assert found["FROM a:latest"][1].rule == "DL3007"
    assert found["FROM a:1"] == found["FROM b"] == (Remark(LINTED),)


def test_too_long_a_text_is_not_given_to_it(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hadolint, "MAX_BYTES", 10)
    found = lint(program, "FROM a", "FROM a:latest-and-long")
    assert found["FROM a"] == (Remark(LINTED),)
    assert [remark.rule for remark in found["FROM a:latest-and-long"]] == [REFUSED]
    assert [count for count, *_ in calls(program)] == [1]


def test_texts_go_in_batches(program: Path) -> None:
    found = lint(program, *(f"FROM a:{number}" for number in range(45)))
    assert len(found) == 45
    assert sorted(count for count, *_ in calls(program)) == [5, 20, 20]


def test_nothing_of_the_user_changes_the_answer(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HADOLINT_IGNORE", "DL3007")
    lint(program, "FROM a")
    ((_, arguments, environment),) = calls(program)
    assert "--disable-ignore-pragma" in arguments  # type: ignore[operator]
    assert isinstance(environment, dict)
    assert not [name for name in environment if name.startswith("HADOLINT")]
    assert environment["HOME"] == environment["XDG_CONFIG_HOME"] != os.environ.get("HOME")


def test_no_texts_no_call(program: Path) -> None:
    assert lint(program) == {}


def test_found_in_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = tmp_path / "of_hadolint-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: of-hadolint\nVersion: 1\n")
    (about / "RECORD").write_text("of_hadolint/readme,,\nof_hadolint/hadolint,,\n")
    program = tmp_path / "of_hadolint" / "hadolint"
    program.parent.mkdir()
    program.touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(hadolint, "PACKAGE", "of-hadolint")
    assert hadolint.find() == program


def test_found_on_path_where_the_package_is_absent(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hadolint, "PACKAGE", "no-such-distribution-of-hadolint")
    monkeypatch.setenv("PATH", str(program.parent))
    assert hadolint.find() == program
    monkeypatch.setenv("PATH", str(program.parent / "empty"))
    assert hadolint.find() is None


def test_the_real_program() -> None:
    program = hadolint.find()
    if program is None:
        pytest.skip("hadolint is not installed (extra `lint`)")
    assert hadolint.version(program)[0].isdigit()
    found = lint(
        program,
        "FROM debian:latest\nRUN cd /x && sudo ls\n",
        "# hadolint ignore=DL3006\nFROM debian\n",
        "FROM scratch\n",
        "FRUM x\n",
        'FROM a:1\nLABEL who="J\u00fcrgen"\n',
    )
    rules = [{remark.rule for remark in remarks} for remarks in found.values()]
    assert {LINTED, "DL3007", "DL3003", "DL3004"} <= rules[0]
    assert "DL3006" in rules[1]
    assert rules[2] == {LINTED}
    assert rules[3] == {REFUSED}
    assert LINTED in rules[4]
