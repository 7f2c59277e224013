"""Hostile Dockerfiles: mixtures of real fragments and noise, and the properties that hold for all of them.

This is not a test. ``test_properties`` samples it with hypothesis, and as a program it fuzzes for a given
time::

python tests/unit/study/dockerfile/hostile.py --seconds 600 [--seed 1]
"""

import argparse
import json
import random
import time

from dockml_dagster.commands.read_dockerfile.document import to_document
from dockml_dagster.commands.read_dockerfile.read import reading_rules
from dockml_dagster.study.dockerfile.as_published.difference import compare
from dockml_dagster.study.dockerfile.as_published.reading import read_as_published
from dockml_dagster.study.dockerfile.names import classify_file_name
from dockml_dagster.study.dockerfile.practices import PRACTICES, judge_practices
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.dockerfile.run.steps import read_steps
from dockml_dagster.study.dockerfile.shell.scripts import read_runs, unaccounted

BASE_RULES, _ = reading_rules()

# fmt: off
FRAGMENTS = (
    b"FROM ", b"RUN ", b"COPY ", b"ADD ", b"ENV ", b"ARG ", b"LABEL ", b"ONBUILD ", b"HEALTHCHECK ",
    b"SHELL ", b"USER ", b"WORKDIR ", b"EXPOSE ", b"VOLUME ", b"CMD ", b"ENTRYPOINT ", b"STOPSIGNAL ",
    b"MAINTAINER ", b"from ", b"BOGUS ", b"ubuntu:20.04", b" AS build", b"build", b"scratch",
    b"--platform=$BUILDPLATFORM ", b"a@sha256:" + b"0" * 64, b"--from=build ", b"--from=0 ",
    b"--mount=type=cache,target=/x ", b"--chown=1:1 ", b"--", b"--a='", b"<<EOF", b"<<-EOF",
    b"<<'EOF'", b"<< EOF", b"EOF", b"\nEOF\n", b"<<<", b"<<A <<B", b"3<<EOF", b"${A:-b}", b"${A",
    b"$A", b"${A%%.*}", b"${A/b/c}", b"${A:+${B:-$C}}", b"${A#*", b"A=1", b"A=$A$A", b"=",
    b'["a", "b"]', b"[", b'["', b"[1]", b'"', b"'", b"\\", b"`", b"\\\n", b"`\n", b"\\ \n\n",
    b"\n# c\n", b"# escape=`\n", b"# syntax=x\n", b"# check=y\n", b"#", b"\n", b"\r\n", b"\r", b"\0",
    b"\xff", b"\xc2\xa0", "é".encode(), b"\xef\xbb\xbf", b" && ", b" || ", b"; ", b" | ", b" & ",
    b"$(", b")", b"(", b"{ ", b"; }", b"if x; then ", b"fi", b"for i in a; do ", b"; done",
    b"case x in a) ", b";; esac", b"apt-get update", b"apt-get install -y x=1",
    b"pip install -r r.txt", b"curl x | sh", b"bash -c 'a && b'", b"sudo -E x", b"{{ x }}",
    b"{% if %}", b"@X@", b"powershell", b"#!/bin/sh\n", b" ", b"\t", b"\x0b", b"\x1c", b"x", b"/",
    b".", b". ", b"-", b"*", b"[[ a ]]", b"((1))", b"cat <<X\n", b"\nX\n",
)
# fmt: on


def check(data: bytes) -> None:
    """Check every property of one file. Raises ``AssertionError``, or whatever the reading raised."""
    reading = read_dockerfile(data)
    assert 0.0 <= reading.coverage <= 1.0
    assert reading.valid == (reading.reason is None)
    lines = reading.text.lines
    last = 0
    for instruction in reading.instructions:
        assert last < instruction.start_line <= instruction.end_line <= lines
        last = instruction.end_line
        offsets = [start for start, _ in instruction.segments]
        assert offsets == sorted(offsets)
        assert all(instruction.start_line <= line <= instruction.end_line for _, line in instruction.segments)
        for heredoc in instruction.heredocs:
            assert instruction.start_line < heredoc.start_line <= heredoc.end_line + 1 <= instruction.end_line
        for word in instruction.expanded:
            assert (word.text is None) == bool(word.missing or word.error)
    for stage in reading.stages:
        base = stage.base
        assert base.stage is None or base.stage < stage.index
        known = [base.stage is not None, base.scratch, bool(base.missing), base.problem is not None]
        assert sum(known) == (0 if base.repository is not None and not base.missing else 1)
    runs = read_runs(reading)
    for run in runs:
        assert unaccounted(run.script) == ()
        assert all(run.line <= command.line <= lines for command in run.commands)
    steps = read_steps(reading, runs)
    findings = judge_practices(reading, base_rules=BASE_RULES, steps=steps)
    assert [finding.practice for finding in findings] == [practice.id for practice in PRACTICES]
    json.dumps(to_document("x", reading, steps=steps, practices=findings), ensure_ascii=False).encode("utf-8")
    compare(reading, read_as_published(data))
    classify_file_name(data.decode("latin-1"))
    # A complete file has no state: the same bytes give the same answer.
    assert read_dockerfile(data) == reading


def mixture(source: random.Random) -> bytes:
    """A random file."""
    pieces = [source.choice(FRAGMENTS) for _ in range(source.randrange(60))]
    if source.random() < 0.3:
        pieces.insert(source.randrange(len(pieces) + 1), source.randbytes(source.randrange(20)))
    if source.random() < 0.5:
        pieces.insert(0, b"FROM a\nRUN ")
    return b"".join(pieces)


def main() -> None:
    """Fuzz until the time is over or a check fails; then print the file that failed."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.randrange(1 << 32)
    source = random.Random(seed)
    end, count, slowest = time.monotonic() + arguments.seconds, 0, 0.0
    while time.monotonic() < end:
        data = mixture(source)
        start = time.perf_counter()
        try:
            check(data)
        except BaseException:
            print(f"seed {seed}, file {count}: {data!r}")
            raise
        slowest = max(slowest, time.perf_counter() - start)
        count += 1
    print(f"seed {seed}: {count} files, nothing found; the slowest took {slowest:.3f} s")


if __name__ == "__main__":
    main()
