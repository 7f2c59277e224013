"""Properties of every file: those of ``hostile.check``, agreement with BuildKit's parser, linear time."""

import random
import time
from collections.abc import Callable

import pytest
from e2b_dockerfile_utils import DockerfileSyntaxError, parse_dockerfile_ast
from hypothesis import given, settings
from hypothesis import strategies as st

from dockml_dagster.study.dockerfile.as_published.reading import read_as_published
from dockml_dagster.study.dockerfile.checks import run_checks
from dockml_dagster.study.dockerfile.practices import judge_practices
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.dockerfile.reading.scopes import History
from dockml_dagster.study.dockerfile.reading.variables import expand
from dockml_dagster.study.dockerfile.run.steps import read_steps
from dockml_dagster.study.dockerfile.shell.scripts import read_runs
from tests.unit.study.dockerfile.hostile import BASE_RULES, FRAGMENTS, check

# The wheel is BuildKit's parser of 2023. The comparison leaves out what BuildKit changed since (`# check=`,
# blanks after `<<`, `${A%x}`, `${A#x}` and `${A/x/y}`, text after a JSON array), and what C strings cannot hold.
_CHANGED_SINCE = (b"%%", b"/b/", b"#*", b"<< ", b"check", b"[", b"\0", b"\xff", b"\xc2\xa0", b"\xef\xbb\xbf")
SHARED = tuple(piece for piece in FRAGMENTS if not any(mark in piece for mark in _CHANGED_SINCE))


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_arbitrary_bytes(data: bytes) -> None:
    check(data)


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=40).map(b"".join))
@settings(max_examples=300, deadline=None)
def test_mixtures_of_fragments(data: bytes) -> None:
    check(data)


@given(st.lists(st.sampled_from(SHARED), max_size=40).map(b"".join))
@settings(max_examples=500, deadline=None)
def test_mixtures_agree_with_buildkit(data: bytes) -> None:
    dockerfile = pytest.importorskip("dockerfile")
    reading = read_dockerfile(data)
    fatal = [problem for problem in reading.problems if problem.kind == "syntax"]
    try:
        expected = dockerfile.parse_string(data.decode())
    except dockerfile.GoParseError:
        assert fatal or not reading.instructions
        return
    except TypeError:  # a lone continuation makes an instruction without a name, on which the wheel breaks
        return
    assert not fatal
    ours = [
        (item.keyword, item.start_line, item.end_line, item.arguments)
        for item in reading.instructions
        if item.known and item.keyword != "ONBUILD"
    ]
    known = {keyword for keyword, *_ in ours}
    theirs = [
        (item.cmd.upper(), item.start_line, item.end_line, tuple(item.value))
        for item in expected
        if (item.cmd or "").upper() in known
    ]
    assert ours == theirs


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=30).map(b"".join))
@settings(max_examples=300, deadline=None)
def test_mixtures_agree_with_the_second_port(data: bytes) -> None:
    """e2b's whole-file parser stops at the first fault. Without a fault, the logical lines are the same."""
    # Python strips U+001C to U+001F as white space, Go does not. The wheel shows that this port is wrong there.
    text = data.replace(b"\x1c", b"").decode("utf-8", "replace")
    try:
        ast = parse_dockerfile_ast(text)
    except (DockerfileSyntaxError, RecursionError):
        return
    ours = read_dockerfile(text.encode())
    assert [(item.keyword, item.start_line, item.end_line) for item in ours.instructions] == [
        (item.name, item.start_line, item.end_line) for item in ast.instructions
    ]
    assert [[heredoc.body for heredoc in item.heredocs] for item in ours.instructions] == [
        [heredoc.content for heredoc in item.heredocs] for item in ast.instructions
    ]


@given(st.text(max_size=60), st.sampled_from(["global", "image", "scratch"]), st.sampled_from(["\\", "`"]))
@settings(max_examples=300, deadline=None)
def test_expansion_says_something(word: str, kind: str, escape: str) -> None:
    history = History(kind)
    history.bind("A", "one")
    result = expand(word, history.now(), escape)
    assert (result.text is None) == bool(result.missing or result.error)
    if not set(word) & set("$\\`'\""):
        assert result.text == word


def test_values_stop_growing() -> None:
    reading = read_dockerfile(b"FROM a\nENV A=xxxxxxxxxxxxxxxx\n" + b"ENV A=$A$A\n" * 400)
    assert reading.valid
    assert all(len(word.text or "") <= 65_536 for item in reading.instructions for word in item.expanded)
    assert [missing.cause for missing in reading.instructions[-1].expanded[1].missing] == ["too long"]


def _seconds(data: bytes) -> float:
    start = time.process_time()
    reading = read_dockerfile(data)
    judge_practices(reading, base_rules=BASE_RULES, steps=read_steps(reading, read_runs(reading)))
    run_checks(reading)
    read_as_published(data)
    return time.process_time() - start


_DEAR: dict[str, Callable[[int], bytes]] = {
    "one long line": lambda size: b"FROM a\nRUN " + b"x" * size,
    "directive with blanks": lambda size: b"# syntax=" + b" " * size + b"x\nFROM a",
    "escapes": lambda size: b"FROM a\nRUN " + b"\\" * size,
    "continuations": lambda size: b"FROM a\nRUN x" + b" \\\n" * (size // 3),
    "doubling": lambda size: b"FROM a\nENV A=aa\n" + b"ENV A=$A$A\n" * (size // 11),
    "open heredocs": lambda size: b"FROM a\n" + b"RUN <<A\n" * (size // 8),
    "stages upon stages": lambda size: (
        b"FROM a AS s0\n" + b"".join(b"FROM s%d AS s%d\n" % (at, at + 1) for at in range(size // 16))
    ),
    "arguments of many stages": lambda size: b"ARG a=b\n" * (size // 16) + b"FROM $a\n" * (size // 16),
    "copies out of stages upon stages": lambda size: (
        b"FROM a AS s0\n"
        + b"".join(b"FROM s%d AS s%d\n" % (at, at + 1) for at in range(size // 15))
        + b"".join(b"COPY --from=s%d a b\n" % at for at in range(size // 15))
    ),
    "onbuild chain": lambda size: b"FROM a\n" + b"ONBUILD " * (size // 8) + b"RUN x",
    "nested json": lambda size: b"FROM a\nRUN " + b"[" * size,
    "quotes": lambda size: b"FROM a\nENV A=" + b'"' * size,
    "nested defaults": lambda size: b"FROM a\nENV A=" + b"${A:-" * (size // 5),
    "subshells": lambda size: b"FROM a\nRUN " + b"(" * min(size, 60_000),
    "substitutions": lambda size: b"FROM a\nRUN " + b"$(" * min(size // 2, 30_000),
    "patterns": lambda size: b"FROM a\nENV A=" + b"a" * 5000 + b"\n" + b"ENV B=${A##*a*a*b}\n" * (size // 19),
    "flags": lambda size: b"FROM a\nRUN " + b"--mount=type=cache,target=/x " * (size // 28) + b"x",
    "unknown words": lambda size: b"x\n" * (size // 2),
    "script": lambda size: b"FROM a\nRUN <<EOF\n" + b"a && b $(c)\n" * (size // 12) + b"EOF\n",
}


@pytest.mark.parametrize("name", _DEAR)
def test_time_is_linear(name: str) -> None:
    small, large = _seconds(_DEAR[name](20_000)), _seconds(_DEAR[name](80_000))
    # Four times the text: linear is 4, quadratic 16. The constant allows for a busy machine.
    assert large < 9 * small + 1.0


def test_ten_megabytes_in_one_line() -> None:
    data = b"FROM a\nRUN echo " + b"x y " * 2_500_000
    start = time.process_time()
    reading = read_dockerfile(data)
    runs = read_runs(reading)
    assert time.process_time() - start < 5
    assert reading.reason == "line 2: dockerfile line greater than max allowed size of 65535"
    assert runs[0].script.censored


def test_fragments_can_be_told_apart() -> None:
    """The mixtures are useful: they reach every instruction and every kind of problem."""
    source = random.Random(5)
    kinds, keywords = set(), set()
    for _ in range(400):
        reading = read_dockerfile(b"".join(source.choice(FRAGMENTS) for _ in range(30)))
        kinds |= {problem.kind for problem in reading.problems}
        keywords |= {item.keyword for item in reading.instructions if item.known}
    assert {"syntax", "instruction", "warning"} <= kinds
    assert len(keywords) > 8
