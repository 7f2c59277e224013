"""The WWW-Authenticate header: real ones, odd ones, and any text at all."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockml_dagster.clients.registry.challenge import Challenge, parse_challenges

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
    ],
)
def test_reads(header: str | None, expected: list) -> None:
    assert [(found.scheme, found.parameters) for found in parse_challenges(header)] == expected


_token = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)
_value = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20)


def _written(challenge: Challenge) -> str:
    def quoted(value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    parameters = ",".join(f"{name}={quoted(value)}" for name, value in challenge.parameters.items())
    return f"{challenge.scheme} {parameters}"


@given(
    st.lists(
        st.builds(Challenge, _token, st.dictionaries(_token, _value, min_size=1, max_size=4)), max_size=4
    )
)
def test_writing_and_reading_are_inverse(challenges: list[Challenge]) -> None:
    header = ", ".join(map(_written, challenges))
    assert [(found.scheme, found.parameters) for found in parse_challenges(header)] == [
        (challenge.scheme, challenge.parameters) for challenge in challenges
    ]


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
