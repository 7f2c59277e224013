"""Loops of a script, such as ``for package in numpy scipy; do …``.

Here: their headers, from the text between the commands. Not here: what a word with the loop's variable becomes
(``programs``).
"""

from dataclasses import dataclass

from dockml_dagster.study.dockerfile.shell.bash import unquoted
from dockml_dagster.study.dockerfile.shell.model import Operator, Script

_ENDS = frozenset({";", "\n", "do"})


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop at character ``at`` of the script. The variable ``name`` takes each of ``words`` in turn. ``words`` is empty
    if only the shell can determine them (``$(…)``, ``*``).
    """

    at: int
    name: str
    words: tuple[str, ...]


def loops(script: Script) -> list[Loop]:
    """Every ``for NAME in WORDS`` of a script, in order; not those in the words of another command."""
    if "for" not in script.text:
        return []
    pieces = sorted(
        (piece for piece in script.operators if piece.kind == "operator"), key=lambda piece: piece.span
    )
    found = []
    for place, piece in enumerate(pieces):
        if piece.text == "for" and pieces[place + 2 : place + 3] and pieces[place + 2].text == "in":
            found.append(_loop(pieces, place))
    return found


def _loop(pieces: list[Operator], place: int) -> Loop:
    words: list[str] = []
    for piece in pieces[place + 3 :]:
        if piece.text in _ENDS:
            break
        words.append(unquoted(piece.text))
    told = not any(char in word for word in words for char in "*?`") and not any("$(" in w for w in words)
    return Loop(pieces[place].span.start, pieces[place + 1].text, tuple(words) if told else ())
