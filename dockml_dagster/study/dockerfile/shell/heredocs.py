"""Here-documents of a RUN, which BuildKit finds, and a command's input.

Here: hiding them from the grammar, which misreads several on one line, and attaching them to their commands; the
here-document on a command's standard input. Not here: finding them in a Dockerfile (``reading.logical_lines``).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from dockml_dagster.study.dockerfile.model import Heredoc
from dockml_dagster.study.dockerfile.shell.bash import unquoted
from dockml_dagster.study.dockerfile.shell.model import Operator, Script, SimpleCommand, Span

# A character for each here-document, which stands in for its operator. They are for private use in Unicode.
_FIRST = 0xE000
_MOST = 1000
_MASK = re.compile(r"<([\ue000-\uf8ff])\1+")


def read_with_heredocs(
    text: str, head: int, heredocs: Sequence[Heredoc], read: Callable[[str], Script]
) -> Script | None:
    """Parse a RUN as a shell reads it: its first ``head`` characters are the command line, its here-documents follow.
    ``None`` where the command line does not show them all.

    ``<<EOF`` is read as if it were ``<file``, which may stand anywhere in a command.
    """
    places = _places(text[:head], heredocs)
    if places is None:
        return None
    masked, at = [], 0
    for number, place in enumerate(places):
        masked += [text[at : place.start], "<", chr(_FIRST + number) * (place.end - place.start - 1)]
        at = place.end
    script = read("".join((*masked, text[at:head])))
    bodies: list[tuple[Span, Span]] = []
    at = head
    for heredoc in heredocs:
        body = Span(at + 1, at + 1 + len(heredoc.body))
        at = body.end + len(heredoc.name)
        bodies.append((body, Span(body.end, at)))

    def shown(word: str) -> str:
        return _MASK.sub(lambda found: text[slice(*places[ord(found[1]) - _FIRST])], word)

    held: set[int] = set()
    commands = []
    for command in script.commands:
        found = _attached(command, text, places, bodies, shown)
        commands.append(found)
        if found is not command and not command.nested:
            held.update(_numbers(command.redirections))
    operators = [replace(each, text=shown(each.text)) for each in script.operators]
    for number, (body, end) in enumerate(bodies):
        if number not in held:
            whole = Span(body.start, end.end)
            operators.append(Operator(text[slice(*whole)], whole, "here-document"))
    return replace(script, text=text, commands=tuple(commands), operators=tuple(operators))


def _places(line: str, heredocs: Sequence[Heredoc]) -> list[Span] | None:
    """Where the operators of the here-documents stand, each with its word and without its descriptor."""
    if len(heredocs) > _MOST or re.search(r"[\ue000-\uf8ff]", line):
        return None
    places: list[Span] = []
    at = 0
    for heredoc in heredocs:
        operator = re.compile(rf"(?<!\S)\d*(<<-?[ \t]*(['\"]?)\\?{re.escape(heredoc.name)}\2)(?!\S)")
        found = operator.search(line, at)
        if found is None:
            return None
        places.append(Span(*found.span(1)))
        at = found.end()
    return places


_PIECE = re.compile(r"(\d*)<([\ue000-\uf8ff])\2+\Z")


def _numbers(redirections: Sequence[str]) -> list[int]:
    """The here-documents among the redirections of a masked command."""
    return [ord(found[2]) - _FIRST for piece in redirections if (found := _PIECE.match(piece))]


def _attached(
    command: SimpleCommand,
    text: str,
    places: Sequence[Span],
    bodies: Sequence[tuple[Span, Span]],
    shown: Callable[[str], str],
) -> SimpleCommand:
    """The command with its here-documents among its redirections, as the grammar gives them: the descriptor if there is
    one, the operator, the word, the body, the end.
    """
    if not any(
        _MASK.search(piece) for piece in (*command.words, *command.assignments, *command.redirections)
    ):
        return command
    pieces: list[str] = []
    spans = list(command.spans)
    tail: list[Span] = []
    for piece in command.redirections:
        found = _PIECE.match(piece)
        if found is None:
            pieces.append(shown(piece))
            continue
        number = ord(found[2]) - _FIRST
        place, (body, end) = places[number], bodies[number]
        word = place.start + (3 if text.startswith("<<-", place.start) else 2)
        descriptor = Span(place.start - len(found[1]), place.start)
        spans.remove(Span(descriptor.start, place.end))
        tail += ([descriptor] if found[1] else []) + [
            Span(place.start, word), Span(word, place.end), body, end,
        ]  # fmt: skip
    pieces += (text[slice(*span)] for span in tail)
    return replace(
        command,
        name=shown(command.name),
        arguments=tuple(map(shown, command.arguments)),
        assignments=tuple(map(shown, command.assignments)),
        redirections=tuple(pieces),
        spans=(*spans, *tail),
    )


def here_document(command: SimpleCommand) -> tuple[str, int | None] | None:
    """The here-document or here-string on a command's standard input, and its offset in the script (``None`` for a
    here-string). Of several the last counts.
    """
    pieces = command.redirections
    read: tuple[str, int | None] | None = None
    for at, piece in enumerate(pieces):
        if piece in ("<<", "<<-"):
            if at and pieces[at - 1].isdecimal() and int(pieces[at - 1]) != 0:
                continue
            name = unquoted(pieces[at + 1].strip()) if at + 1 < len(pieces) else ""
            end = next((place for place in range(at + 3, len(pieces)) if pieces[place].strip() == name), None)
            if end is None:
                continue
            body = pieces[end - 1]
            if piece == "<<-":
                body = "".join(line.lstrip("\t") for line in body.splitlines(keepends=True))
            from_end = len(pieces) - (end - 1)
            read = body, command.spans[-from_end].start if len(command.spans) >= from_end else None
        elif piece.startswith("<<<"):
            read = unquoted(piece[3:].strip()), None
    return read
