"""How the time of every parser grows with its input: the exponent at 1, 2, 4 and 8 times, up to the most that it reads.

Here: which shapes are worst, and the table of them. Not here: the parsers and their shapes (``parsers``). Processor time,
the least of three, so that others on the machine matter little; what takes less than ``SHORT`` at its cap is not fitted.

    python tests/fuzz/exponents.py [PART OF A NAME …]
"""

from __future__ import annotations

import gc
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from parsers import PARSERS, Parser, call
from pump import TOKENS, found
from shapes import repeated

from dockml_dagster.study.dockerfile.reading import reading

MOST = 1.2
SHORT = 0.1
"""Seconds of processor time at the cap that are not worth a figure."""
_WORST = 3
_TIMES = (8, 4, 2, 1)


def seconds(parser: Parser, data: bytes, tries: int = 1) -> float:
    """The least processor time of some tries, without the garbage collector: it begins at some size, which is a step."""
    least = math.inf
    for _ in range(tries):
        reading._remembered.cache_clear()  # a text that was read before must cost what a new one does
        gc.collect()
        gc.disable()
        started = time.process_time()
        call(parser, data)
        least = min(least, time.process_time() - started)
        gc.enable()
    return least


def shapes(parser: Parser) -> Iterator[tuple[str, Callable[[int], bytes]]]:
    """Those that are known of the parser, past finds, and of texts every token."""
    yield from parser.shapes.items()
    if parser.text:
        for tokens in dict.fromkeys([*found(), *((token,) for token in TOKENS)]):
            makers = [repeated(token) for token in tokens]
            yield (
                " * n + ".join(map(repr, tokens)),
                lambda size, makers=makers: b"".join(make(size // len(makers)) for make in makers),
            )


def costliest(parser: Parser, make: Callable[[int], bytes]) -> tuple[float, int]:
    """The most seconds that a shape costs, and of how many bytes: of the cap, or of what is not refused below it."""
    sizes = (parser.most // part for part in _TIMES)
    return max((seconds(parser, make(size)), size) for size in sizes)


def fitted(times: Sequence[float]) -> float:
    """The slope of log time over log size, sizes doubling."""
    logs = [math.log2(max(value, 1e-6)) for value in times]
    middle = (len(logs) - 1) / 2
    spread = sum((at - middle) ** 2 for at in range(len(logs)))
    return sum((at - middle) * value for at, value in enumerate(logs)) / spread


def main(wanted: Sequence[str]) -> int:
    """The table; the number of parsers over the limit."""
    over = 0
    print(f"{'parser':36} {'bytes':>9} {'seconds':>8} {'exponent':>8}  worst shape")
    for name, parser in PARSERS.items():
        if wanted and not any(part in name for part in wanted):
            continue
        # An eighth of the cap tells which shapes cost most. What is refused costs little, so that the cap is not the worst.
        first = sorted(
            ((seconds(parser, make(parser.most // 8)), shape, make) for shape, make in shapes(parser)),
            key=lambda one: one[:2],
        )
        grown = sorted(
            ((*costliest(parser, make), shape, make) for _, shape, make in first[-12:]),
            key=lambda one: one[:3],
        )
        worst = (0.0, 0.0, "", parser.most)
        for cost, most, shape, make in grown[-_WORST:]:
            if cost < SHORT:
                worst = max(worst, (0.0, cost, shape, most))
                continue
            times = [seconds(parser, make(most // part), 3) for part in _TIMES]
            worst = max(worst, (fitted(times), times[-1], shape, most))
        exponent, cost, shape, most = worst
        over += exponent > MOST
        mark = "  <- over" if exponent > MOST else ""
        told = f"{exponent:8.2f}" if exponent else "       -"
        print(f"{name:36} {most:9} {cost:8.3f} {told}  {shape[:60]}{mark}", flush=True)
    print(f"{over} over {MOST}; - : less than {SHORT} s at the cap")
    return over


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
