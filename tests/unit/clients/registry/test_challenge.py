"""The WWW-Authenticate header: real ones, odd ones, and any text at all."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockml_dagster.clients.registry.challenge import MAX_HEADER, parse_challenges

HUB = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull"'


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, []),
        ("", []),
        ("Basic", [("basic", {})]),
        ('Basic realm="testbed"', [("basic", {"realm": "testbed"})]),
        (
            HUB,
            [
                (
                    "bearer",
                    {
                        "realm": "https://auth.docker.io/token",
                        "service": "registry.docker.io",
                        "scope": "repository:a/b:pull",
                    },
                )
            ],
        ),
        ('BEARER Realm="x" , SERVICE=y', [("bearer", {"realm": "x", "service": "y"})]),
        (
            'Bearer realm="a,b",scope="r:a:pull,push"',
            [("bearer", {"realm": "a,b", "scope": "r:a:pull,push"})],
        ),
        (r'Bearer realm="a\"b\\c"', [("bearer", {"realm": 'a"b\\c'})]),
        ('Bearer realm="", service=""', [("bearer", {"realm": "", "service": ""})]),
        (
            'Basic realm="x", Bearer realm="y",service="z"',
            [("basic", {"realm": "x"}), ("bearer", {"realm": "y", "service": "z"})],
        ),
        ('Negotiate, Basic realm="x"', [("negotiate", {}), ("basic", {"realm": "x"})]),
        ('Negotiate dG9rZW4=, Basic realm="x"', [("negotiate", {}), ("basic", {"realm": "x"})]),
        ('Bearer realm="first",realm="second"', [("bearer", {"realm": "first"})]),
        ('Bearer realm = "x"', [("bearer", {"realm": "x"})]),
        (',, Bearer realm="x",,service="y",', [("bearer", {"realm": "x", "service": "y"})]),
        ('Bearer realm="never closed', [("bearer", {})]),
        ('"nonsense"', []),
        ('Bearer realm="x", "nonsense", service="y"', [("bearer", {"realm": "x"})]),
        ('Bearer realm=, Basic realm="y"', [("bearer", {}), ("basic", {"realm": "y"})]),
        ('Bearer realm="a\nb\\\nc"', [("bearer", {"realm": "a\nb\nc"})]),
        ('Bearer\trealm\t=\t"x"\t,\tservice=y', [("bearer", {"realm": "x", "service": "y"})]),
        ("Negotiate dG9rZW4=", [("negotiate", {})]),
        ("Negotiate dG9rZW4== , NTLM", [("negotiate", {}), ("ntlm", {})]),
        # Not the one lonely token of its scheme: something follows it.
        ("Bearer a b=c", [("bearer", {}), ("a", {"b": "c"})]),
        ('Bearer realm="x"service=y', [("bearer", {"realm": "x", "service": "y"})]),
    ],
)
def test_reads(header: str | None, expected: list) -> None:
    assert [(found.scheme, found.parameters) for found in parse_challenges(header)] == expected


_token = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)
_value = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20)


_space = st.sampled_from(["", " ", "\t", " \t "])
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@st.composite
def _headers(draw: st.DrawFn) -> tuple[list[tuple[str, dict[str, str]]], str]:
    """Challenges, and a header that says them in one of the ways there are."""

    def value(text: str) -> str:
        if _TOKEN.fullmatch(text) and draw(st.booleans()):
            return text
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    challenges = draw(
        st.lists(st.tuples(_token, st.dictionaries(_token, _token | _value, max_size=4)), max_size=4)
    )
    parts = []
    for scheme, parameters in challenges:
        said = [f"{name}{draw(_space)}={draw(_space)}{value(text)}" for name, text in parameters.items()]
        cased = draw(st.sampled_from([str.lower, str.upper, str.title]))(scheme)
        parts.append(f"{cased} {f'{draw(_space)},{draw(_space)}'.join(said)}")
    return challenges, f"{draw(_space)},{draw(_space)}".join(parts)


@given(_headers())
def test_what_a_header_says_is_read(said: tuple[list[tuple[str, dict[str, str]]], str]) -> None:
    challenges, header = said
    assert [(found.scheme, found.parameters) for found in parse_challenges(header)] == challenges


def test_eight_kilobytes_are_read_and_no_more() -> None:
    filler = f'Bearer a="{"x" * (MAX_HEADER - len("Bearer a=,b=c") - 2)}"'
    assert parse_challenges(f"{filler},b=c")[0].get("b") == "c"
    assert parse_challenges(f"{filler},b=cd")[0].get("b") == "c"
    assert parse_challenges(f"{filler} ,b=c")[0].get("b") is None
    assert len(parse_challenges(f"{filler}     , Basic realm=x")) == 1


@given(st.text(max_size=200) | st.text('Bearer ="\\,;x\t', max_size=100))
def test_any_text_is_read(header: str) -> None:
    parse_challenges(header)


@pytest.mark.parametrize(
    "header", ['a="' * 100_000, "a," * 100_000, "a " * 100_000, 'B x="' + "\\" * 100_000, "a=" * 100_000]
)
def test_no_header_takes_long(header: str) -> None:
    started = time.perf_counter()
    parse_challenges(header)
    assert time.perf_counter() - started < 5  # a quadratic parser needs minutes
