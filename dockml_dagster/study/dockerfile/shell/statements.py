"""Where a script may be cut without a change of meaning: between statements at the top level.

Here: one pass over the text that knows quotes, substitutions, here-documents and the words that open and close constructs.
Not here: parsing a statement (``bash``). The grammar's parser takes quadratic time on text that it cannot read, so it gets
a long script in parts. In doubt there is no cut, and a part that is too long stays unread.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple


class Statement(NamedTuple):
    """A part of a script, in characters. ``joined``: the operator before it, as in ``SimpleCommand.joined``, at
    ``joined_at``. ``&&`` and ``||`` belong to no part.
    """

    start: int
    end: int
    joined: str
    joined_at: int


_TOKEN = re.compile(
    r"""\\. | ' | " | ` | \$\( | \$\{ | <<<? -? | \# | && | \|\|? | ;;?&? | & | \n
        | (?<![^\s;&|()]) (?: \[\[ | \]\] | [{}] ) (?![^\s;&|()]) | [(){}]
        | (?<![^\s;&|()`]) (?:if|fi|for|while|until|select|do|done|case|esac|then|else|elif|time|!) (?![^\s;&|()`])
        | [^\s\\'"`$<\#&|;(){}]++ | [$<\[\]]""",
    re.VERBOSE | re.DOTALL,
)
_DELIMITER = re.compile(r"""[ \t]*+((?:'[^'\n]*+'|"[^"\n]*+"|\\.|[^\s'"\\;&|<>()])++)""")
_OPENED = {"if": "fi", "for": "done", "while": "done", "until": "done", "select": "done", "case": "esac"}
_GOES_ON = frozenset({"then", "else", "elif", "do", "time", "!"})
_OPENS_WORD = {"'": "'", '"': '"', "`": "`", "$(": ")", "${": "${}"}
_INSIDE_WORDS = {'"': '"', "${}": "}"}
_JOINS = frozenset({"&&", "||", ";", "\n"})
_MOST_OPEN = 200
"""Deepest nesting that is followed. After deeper nesting nothing is cut any more."""


def statements(text: str) -> Iterator[Statement]:
    """The parts of a script, in order. Between them lie only the operators that join them, and blanks.

    A part ends with its semicolon. Text after the last part that is no statement belongs to that part.
    """
    held: Statement | None = None
    start, joined, joined_at = 0, "", 0
    for at, operator in _Scan(text).cuts():
        end = at + 1 if operator == ";" else at
        if text[start:end].strip(" \t\r\n;"):
            if held is not None:
                yield held
            held = Statement(start, end, joined, joined_at) if held else Statement(0, end, "", 0)
            joined, joined_at = operator, at
        elif held is not None and operator != "\n":
            held = held._replace(end=end)
            joined, joined_at = operator, at
        start = at + len(operator)
    if text[start:].strip():
        if held is not None:
            yield held
        held = Statement(start, len(text), joined, joined_at) if held else Statement(0, len(text), "", 0)
    yield held._replace(end=len(text)) if held else Statement(0, len(text), "", 0)


class _EndlessError(Exception):
    """A quote, a here-document or a bracket is not closed, so the rest cannot be cut."""


class _Scan:
    """One pass over a script.

    ``closing``: what closes each open construct. ``waiting``: here-documents whose bodies begin on the next line.
    ``begins``: a word here would be a command's name. ``function``: ``name()`` was read and its body follows.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.closing: list[str] = []
        self.waiting: list[tuple[str, bool]] = []
        self.begins = True
        self.function = False

    def cuts(self) -> Iterator[tuple[int, str]]:
        """(place, operator) of the joining operators at the top level."""
        while (found := _TOKEN.search(self.text, self.at)) and len(self.closing) <= _MOST_OPEN:
            piece, start, self.at = found[0], found.start(), found.end()
            top = self.closing[-1] if self.closing else ""
            try:
                if top in _INSIDE_WORDS:
                    self._inside_word(piece, start, top)
                elif piece == "\n" and self.waiting:
                    self.at = self._after_bodies()
                    if not self.closing:
                        yield self.at - 1, "\n"
                elif piece in _JOINS or piece[0] in "&|;":
                    self.begins = True
                    joins = piece in _JOINS and not self.closing and not self.waiting
                    if joins and not (self.function and piece == "\n"):
                        yield start, piece
                elif piece in _OPENS_WORD:
                    self._open_word(piece, top)
                elif piece == "#":
                    self._number_sign(start)
                elif piece.startswith("<<"):
                    self._here_document(piece)
                elif piece in ("(", ")"):
                    self._round(piece, start, top)
                else:
                    self._word(piece, top)
            except _EndlessError:
                return

    def _inside_word(self, piece: str, start: int, top: str) -> None:
        """Take a piece inside double quotes or ``${}``, where only escapes, substitutions and the end are special."""
        if piece == _INSIDE_WORDS[top]:
            self.closing.pop()
            self.begins = False
        elif piece in _OPENS_WORD and not (piece == "'" or (piece == '"' and top == '"')):
            self._open_word(piece, top)

    def _open_word(self, piece: str, top: str) -> None:
        if piece == "'":
            end = self.text.find("'", self.at)
            if end < 0:
                raise _EndlessError
            self.at, self.begins = end + 1, False
        elif piece == top == "`":
            self.closing.pop()
            self.begins = False
        else:
            self.closing.append(_OPENS_WORD[piece])
            self.begins = piece in ("`", "$(")

    def _number_sign(self, start: int) -> None:
        """A comment if it begins a word; it is looked at to its end only then, since a line may have thousands of others."""
        if start and self.text[start - 1] not in " \t\n;&|()":
            self.begins = False
            return
        end = self.text.find("\n", start)
        self.at = len(self.text) if end < 0 else end

    def _here_document(self, piece: str) -> None:
        self.begins = False
        if piece.startswith("<<<"):
            return
        named = _DELIMITER.match(self.text, self.at)
        if named is None:
            raise _EndlessError
        self.waiting.append((re.sub(r"['\"\\]", "", named[1]), piece.endswith("-")))
        self.at = named.end()

    def _round(self, piece: str, start: int, top: str) -> None:
        if piece == "(":
            # A pattern of `case` may begin with a bracket; the closing bracket of a pattern closes nothing.
            if top != "esac" or not self.begins:
                self.closing.append(")")
                self.function = not self.begins
            self.begins = True
        elif top == ")":
            self.closing.pop()
            self.begins = self.function = self.function and self.text[start - 1] == "("
        elif top == "esac":
            self.begins = True
        else:
            raise _EndlessError

    def _word(self, piece: str, top: str) -> None:
        if piece.isspace():
            return
        if piece == "{":
            self.closing.append("}")
            self.begins, self.function = True, False
        elif piece == top and (self.begins or piece in ("}", "]]")):
            self.closing.pop()
            self.begins = False
        elif piece == "[[" and self.begins:
            self.closing.append("]]")
            self.begins = False
        elif piece in _OPENED and self.begins:
            self.closing.append(_OPENED[piece])
            self.begins = piece not in ("for", "select", "case")
        else:
            # `in` begins the patterns of a `case`; `do` after `for x in y` begins the body of the loop.
            goes_on = piece in _GOES_ON and (self.begins or top in ("fi", "done"))
            self.begins = goes_on or (piece, top) == ("in", "esac")

    def _after_bodies(self) -> int:
        """The place after the bodies of the here-documents that begin here."""
        at = self.at
        for name, tabs in self.waiting:
            line = None
            while line != name:
                if at > len(self.text):
                    raise _EndlessError
                end = self.text.find("\n", at)
                end = len(self.text) if end < 0 else end
                line = self.text[at:end].rstrip("\r")
                line, at = line.lstrip("\t") if tabs else line, end + 1
        self.waiting.clear()
        self.begins = True
        return at
