"""``make fuzz-readers``: every parser of strangers' bytes, fed with what repeats and with what is damaged, for some minutes
of processor time.

Here: what is fed, and three questions: does it end in an error that is no reader's own, does it take too long or too much
memory, and does eight times the text take much more than eight times as long. Not here: the parsers (``parsers``), exact
figures (``exponents``); the machine's noise is in these. A quadratic pattern or a parser's recovery from errors shows as a
factor near 64.

    python tests/fuzz/pump.py MINUTES [PART OF A NAME …]
"""

from __future__ import annotations

import faulthandler
import gc
import random
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from parsers import PARSERS, Parser, call

FOUND = Path(__file__).with_name("found.txt")
"""Tokens of past finds, which are tried first. A line is a find as Python writes it: a token that repeats, or some, each of
which repeats after the one before.
"""
SMALL, TIMES = 17_000, 8
"""Bytes of the shorter input, where the parser's limit allows: more than what is cached of Dockerfiles and scripts."""
MOST_SECONDS, MOST_FACTOR, SHORT = 2.0, 32.0, 0.2

TOKENS = [
    *" \t\n\\`'\"#,;:/.-_=+*?!@$&|<>()[]{}%^~a0A",
    "\n  - ", "a: b\n", "a: &a ", "*a ", "<<: *a\n", "[[", '{"a":', "a.", "[a]\n",
    "$a", "${a:-", "${{ a }}", "$(a)", "a=$a\n", "for a in ", "if ", "case a in ", "<<A\n", "> b ", "| sh ", "&& a ", "\\\n",
    "docker push $a\n", "docker run ", "tags=[", "image: ", "FROM a\n", "FROM a AS b\n", "RUN a\n", "ENV a=$a\n",
    "COPY --from=a b c\n",
    "ONBUILD ", "RUN <<A\n", "--mount=", "pip install ", "bash -c '", "<!--", "](", "```\n", "\r", "\x00", "é", "\u202e",
]  # fmt: skip

LINES = [
    *(token for token in TOKENS if token.endswith("\n") and len(token) > 1),
    "ARG a=b\n", "ARG a\n", "FROM $a\n", "FROM b\n", "ENV a=$a\n", "COPY --from=b c d\n", "ONBUILD RUN a\n",
    "LABEL a=b\n", "CMD a\n", "RUN --mount=from=b,target=/a b\n", "RUN pip install $a\n",
    "RUN apt-get update && apt-get install -y a\n", "# a\n", "USER $a\n", "a: $b\n", "- run: docker push $a\n", "  - a\n",
    "export a=$b\n", "docker push $a\n", "docker build -t $a .\n", "a() { b; }\n", "a = b\n", "{%a%}\n", "# A\n",
    "import a\n", "a==1\n", "[a](b)\n", "Package: a\n", "Status: install ok installed\n",
]  # fmt: skip
"""Lines that are put after each other: all of one, then all of another."""


def _seconds(parser: Parser, data: bytes) -> float:
    """Processor time of a call, without the garbage collector: it goes through all that is cached, at some size of a text.
    What hangs ends the process, and says where.
    """
    faulthandler.dump_traceback_later(60 * MOST_SECONDS, exit=True)
    gc.disable()
    try:
        started = time.process_time()
        call(parser, data)
        return time.process_time() - started
    finally:
        gc.enable()
        faulthandler.cancel_dump_traceback_later()


def found() -> list[tuple[str, ...]]:
    """The tokens of past finds."""
    lines = [
        eval(line, {"__builtins__": {}}) for line in FOUND.read_text(encoding="utf-8").splitlines() if line
    ]
    return [(one,) if isinstance(one, str) else one for one in lines]


def _texts(chance: random.Random) -> Iterator[tuple[str, ...]]:
    """What comes before, and what repeats, each as often, one after the other: past finds, each token, then some together.

    Two that repeat after each other meet what goes through all of one kind for each of another (each ARG for each FROM).
    """
    yield from (("", *tokens) for tokens in found())
    yield from (("", token) for token in TOKENS)
    while True:
        some = chance.choices(TOKENS, k=chance.randint(1, 4))
        yield "".join(some[:-1]), "".join(chance.choices(some, k=chance.randint(1, 3)))
        yield "", *chance.sample(LINES, k=2)


def _damaged(chance: random.Random, data: bytes) -> bytes:
    """Bytes changed, taken away, doubled and moved, as often as not where numbers stand."""
    made = bytearray(data[: 1 << 18])
    for _ in range(chance.choice((1, 2, 4, 16))):
        at, length = chance.randrange(len(made) + 1), chance.choice((1, 4, 12, 64, 512))
        how = chance.randrange(4)
        if how == 0:
            made[at : at + length] = chance.randbytes(min(length, 12))
        elif how == 1:
            del made[at : at + length]
        elif how == 2:
            made[at:at] = made[at : at + length] * chance.choice((1, 2, 9))
        else:
            made[at : at + length] = chance.choice((b"\0", b"\xff", b"7", b" ", b"/")) * length
    return bytes(made)


def _tries(
    parser: Parser, chance: random.Random, text: tuple[str, ...]
) -> Iterator[tuple[str, bytes, bytes | None]]:
    """(what it is, input, one eight times as long) for one round."""
    if parser.text:
        before, *tokens = text
        size = min(SMALL, parser.most // TIMES) // len("".join(tokens).encode("utf-8", "surrogatepass"))
        made = [
            (before + "".join(token * (size * times) for token in tokens)).encode("utf-8", "surrogatepass")
            for times in (1, TIMES)
        ]
        yield f"{before!r} + {' * n + '.join(map(repr, tokens))} * n", made[0], made[1]
    shape, make = chance.choice(list(parser.shapes.items()))
    data = _damaged(chance, make(chance.choice((2_000, 20_000, 100_000))))
    yield f"{shape}, damaged: {data[:2000]!r}", data, None


def main(minutes: float, wanted: Sequence[str] = ()) -> int:
    """Try until so much processor time is used, whatever else the machine does; the number of finds."""
    ends = time.process_time() + 60 * minutes
    seed = int(time.time())
    chance = random.Random(seed)
    finds = tried = 0
    slowest, chosen = 0.0, {
        name: parser for name, parser in PARSERS.items() if not wanted or any(part in name for part in wanted)
    }  # fmt: skip
    for text in _texts(chance):
        for name, parser in chosen.items():
            if time.process_time() > ends:
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
                print(f"seed {seed}: {tried} inputs, {finds} finds, slowest {slowest:.2f} s, peak {peak} MB")
                return finds
            for what, data, larger in _tries(parser, chance, text):
                tried += 1
                small = large = 0.0
                try:
                    small = _seconds(parser, data)
                    large = small if larger is None else _seconds(parser, larger)
                except Exception as error:
                    finds += 1
                    print(f"{name}: {what}: {type(error).__name__}: {error}", flush=True)
                slowest = max(slowest, large)
                grows = larger is not None and large > SHORT and large > MOST_FACTOR * small
                if large > MOST_SECONDS or grows:
                    finds += 1
                    print(
                        f"{name}: {what}: {small:.3f} s, {large:.3f} s for {TIMES} times as much", flush=True
                    )
    return finds


if __name__ == "__main__":
    sys.exit(1 if main(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0, sys.argv[2:]) else 0)
