"""What is left away of a target (a project, a text) because it is too long or too many, told to whoever has the target.

Here: noting it, and the two ways of leaving away. Not here: how much is enough (each reader says it), refusing an input
as a whole (``formats.errors``), time (``deadline``). What is noted ends in ``findings.passed_over``; where nobody asks,
nothing is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")

_noted: ContextVar[set[str] | None] = ContextVar("cuts", default=None)


@contextmanager
def noted_cuts() -> Iterator[set[str]]:
    """Gives what is cut inside, in this thread: few texts, whatever the input, for none quotes it."""
    cuts: set[str] = set()
    token = _noted.set(cuts)
    try:
        yield cuts
    finally:
        _noted.reset(token)


def note_cut(what: str) -> None:
    """Note that there was more: ``more than 20 commands of a line``."""
    cuts = _noted.get()
    if cuts is not None:
        cuts.add(what)


def first(items: Iterable[T], most: int, what: str) -> Iterator[T]:
    """The first ``most`` of ``items``; no more than one further is asked for."""
    for place, item in enumerate(items):
        if place == most:
            note_cut(f"more than {most:,} {what}")
            return
        yield item


def shortened(text: str, most: int, what: str) -> str:
    """The first ``most`` characters of ``text``, which is ``what``."""
    if len(text) > most:
        note_cut(f"{what} of over {most:,} characters")
        return text[:most]
    return text
