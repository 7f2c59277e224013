"""Single-line changes of a SQL statement that its tests should notice.

Here: which places of a statement are changed, and how. Not here: running anything on them (``sql_models.py``,
``draw.py``). Comments, texts and the layout of the statement are never changed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"(?P<comment>--[^\n]*)|(?P<text>'(?:[^']|'')*')|(?P<name>\"[^\"]*\"|[A-Za-z_]\w*)"
    r"|(?P<number>\d+(?:\.\d+)?)|(?P<sign><>|<=|>=|\|\||::|[^\s\w])"
)
_COMPARED = {"=": "<>", "<>": "=", "<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_SWAPPED = {
    "AND": "OR", "OR": "AND", "true": "false", "false": "true", "min": "max", "max": "min",
    "arg_max": "arg_min", "arg_min": "arg_max", "rank": "row_number", "row_number": "rank",
    "bool_or": "bool_and", "bool_and": "bool_or", "median": "avg",
}  # fmt: skip
_CALCULATED = {"+": "-", "-": "+", "*": "/", "/": "*"}
_DROPPED = {"NOT", "DISTINCT", "DESC"}
_CONDITION = {"WHERE", "ON", "HAVING", "QUALIFY", "WHEN", "AND", "OR"}
_ENDS_CONDITION = {
    "AND", "OR", "THEN", "GROUP", "ORDER", "QUALIFY", "HAVING", "WHERE", "UNION", "JOIN", "LEFT", "CROSS", "LIMIT", "ON",
    "INTO", "AS",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """``replacement`` in place of the characters ``start`` to ``end``; ``kind`` says which sort of change it is."""

    kind: str
    start: int
    end: int
    replacement: str

    def apply(self, sql: str) -> str:
        """The statement with the change."""
        return sql[: self.start] + self.replacement + sql[self.end :]

    def line(self, sql: str) -> int:
        """The line changed, counted from 1."""
        return sql.count("\n", 0, self.start) + 1


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


def mutants(sql: str) -> Iterator[Mutant]:
    """Every change of ``sql``, in the order of the text. All of them are one token or one condition on one line."""
    tokens = [
        _Token(match.lastgroup or "", match.group(), match.start(), match.end())
        for match in _TOKEN.finditer(sql)
        if match.lastgroup != "comment"
    ]
    for index in range(len(tokens)):
        for mutant in _at(tokens, index):
            before = sql[mutant.start : mutant.end]
            if "\n" not in before and before != mutant.replacement:
                yield mutant


def _at(tokens: Sequence[_Token], index: int) -> Iterator[Mutant]:
    token = tokens[index]
    before = tokens[index - 1].text if index else ""
    after = tokens[index + 1].text if index + 1 < len(tokens) else ""
    if token.kind == "sign":
        if token.text in _COMPARED:
            yield Mutant("comparison", token.start, token.end, _COMPARED[token.text])
        if token.text in _CALCULATED and not _is_star(before, after):
            yield Mutant("arithmetic", token.start, token.end, _CALCULATED[token.text])
    elif token.kind == "number" and before != "SELECT":
        changed = (
            str(int(token.text) + 1) if token.text.isdigit() else str(round(float(token.text) - 0.05, 12))
        )
        yield Mutant("constant", token.start, token.end, changed)
    elif token.kind == "name":
        yield from _at_name(tokens, index, before, after)
    if token.kind == "text" and (before == "," or after == ",") and _in_list(tokens, index):
        last = before == ","
        yield Mutant(
            "list item",
            tokens[index - 1].start if last else token.start,
            token.end if last else tokens[index + 1].end,
            "",
        )


def _at_name(tokens: Sequence[_Token], index: int, before: str, after: str) -> Iterator[Mutant]:
    token = tokens[index]
    between = token.text == "AND" and any(
        item.text == "BETWEEN" for item in tokens[max(index - 4, 0) : index]
    )
    if before == ".":
        return
    if token.text in _SWAPPED and not between and (after == "(" or not token.text.islower() or before != "("):
        kind = "boolean" if token.text in {"AND", "OR", "true", "false"} else "function"
        yield Mutant(kind, token.start, token.end, _SWAPPED[token.text])
    if token.text in _DROPPED and after != "FROM":
        yield Mutant("dropped " + token.text, token.start, token.end, "")
    if token.text == "LEFT" and after == "JOIN":
        yield Mutant("join", token.start, token.end, "")
    if token.text in _CONDITION and not between:
        end = _end_of_condition(tokens, index + 1)
        if end > index + 1:
            yield Mutant("predicate", tokens[index + 1].start, tokens[end - 1].end, "true")
    if token.text in {"coalesce", "nullif"} and after == "(":
        comma, close = _arguments(tokens, index + 2)
        if comma:
            yield Mutant(
                "dropped " + token.text,
                tokens[index].start,
                tokens[close].end,
                _text(tokens, index + 2, comma),
            )


def _is_star(before: str, after: str) -> bool:
    return before in {"(", ",", ".", "SELECT", "", "DISTINCT"} or after in {")", "EXCLUDE", "FROM"}


def _in_list(tokens: Sequence[_Token], index: int) -> bool:
    """Whether the text stands in ``IN (…)`` or ``[…]``."""
    while index >= 0 and (tokens[index].kind == "text" or tokens[index].text == ","):
        index -= 1
    return tokens[index].text == "[" or (tokens[index].text == "(" and tokens[index - 1].text == "IN")


def _end_of_condition(tokens: Sequence[_Token], index: int) -> int:
    depth = cases = 0
    while index < len(tokens):
        text = tokens[index].text
        if text in {"(", "["}:
            depth += 1
        elif text in {")", "]"}:
            if not depth:
                break
            depth -= 1
        elif text == "CASE":
            cases += 1
        elif text == "END":
            if not cases:
                break
            cases -= 1
        elif text == "BETWEEN" and not depth:
            index += 2  # the AND of BETWEEN belongs to it
            while index < len(tokens) and tokens[index].text != "AND":
                index += 1
        elif not depth and not cases and (text in _ENDS_CONDITION or text == ","):
            break
        index += 1
    return index


def _arguments(tokens: Sequence[_Token], index: int) -> tuple[int, int]:
    """Where the first comma and the closing parenthesis of a call stand; 0 for no comma."""
    depth = comma = 0
    while tokens[index].text != ")" or depth:
        depth += {"(": 1, ")": -1}.get(tokens[index].text, 0)
        if tokens[index].text == "," and not depth and not comma:
            comma = index
        index += 1
    return comma, index


def _text(tokens: Sequence[_Token], start: int, end: int) -> str:
    joined = ""
    for position in range(start, end):
        gap = tokens[position].start > tokens[position - 1].end if position > start else False
        joined += (" " if gap else "") + tokens[position].text
    return joined
