"""Cuts: parts of a target (a project, a text) that a reader skips because they are too long or too many.

Here: recording cuts for the caller that has the target, and two ways to cut. Not here: the limits (each reader has its
own), refusing an input as a whole (``formats.errors``), time (``deadline``). Recorded cuts end in
``findings.passed_over``. Outside ``noted_cuts`` nothing is recorded.
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
    """Collect the cuts made inside the block, in this thread. They are few texts, since none quotes the input."""
    cuts: set[str] = set()
    token = _noted.set(cuts)
    try:
        yield cuts
    finally:
        _noted.reset(token)


def note_cut(what: str) -> None:
    """Record a cut, in words such as ``more than 20 commands of a line``."""
    cuts = _noted.get()
    if cuts is not None:
        cuts.add(what)


def first(items: Iterable[T], most: int, what: str) -> Iterator[T]:
    """The first ``most`` of ``items``; a further one is a cut. At most one item beyond them is taken."""
    for place, item in enumerate(items):
        if place == most:
            note_cut(f"more than {most:,} {what}")
            return
        yield item


def shortened(text: str, most: int, what: str) -> str:
    """The first ``most`` characters of ``text``; a longer text is a cut of ``what``."""
    if len(text) > most:
        note_cut(f"{what} of over {most:,} characters")
        return text[:most]
    return text
