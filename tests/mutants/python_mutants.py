"""Single-line changes of a Python module that its tests should notice.

Here: which places are changed, and how: comparisons, booleans, arithmetic, numbers, returned values, dropped calls. Not
here: running anything on them (``draw.py``). Texts, annotations, docstrings, logs and messages are never changed.
"""

import ast
import re
from collections.abc import Iterator

from tests.mutants.sql_mutants import Mutant

_COMPARED: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"), ast.Is: ("is", "is not"), ast.IsNot: (r"is\s+not", "is"), ast.In: ("in", "not in"),
    ast.NotIn: (r"not\s+in", "in"),
}  # fmt: skip
_CALCULATED: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: (r"\+", "-"), ast.Sub: ("-", "+"), ast.Mult: (r"\*", "/"), ast.Div: ("/", "*"), ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"), ast.Pow: (r"\*\*", "*"), ast.LShift: ("<<", ">>"), ast.RShift: (">>", "<<"), ast.BitAnd: ("&", "|"),
    ast.BitOr: (r"\|", "&"), ast.BitXor: (r"\^", "|"),
}  # fmt: skip
_SAID = re.compile(r"\b(log|logger|logging|warnings|print|echo|advance|say|progress)\b")
"""Calls that only tell somebody something."""


def mutants(source: str) -> Iterator[Mutant]:
    """Every change of ``source``, in the order of the text."""
    yield from sorted(_Finder(source).found, key=lambda mutant: (mutant.start, mutant.kind))


class _Finder(ast.NodeVisitor):
    def __init__(self, source: str) -> None:
        self._source = source
        self._bytes = [line.encode() for line in source.splitlines(keepends=True)]
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self.found: list[Mutant] = []
        self.visit(ast.parse(source))

    def _at(self, line: int, column: int) -> int:
        return self._starts[line - 1] + len(self._bytes[line - 1][:column].decode())

    def _start(self, node: ast.expr | ast.stmt) -> int:
        return self._at(node.lineno, node.col_offset)

    def _end(self, node: ast.expr | ast.stmt) -> int:
        return self._at(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)

    def _add(self, kind: str, start: int, end: int, replacement: str) -> None:
        if "\n" not in self._source[start:end]:
            self.found.append(Mutant(kind, start, end, replacement))

    def _between(self, kind: str, left: ast.expr, right: ast.expr, sign: str, replacement: str) -> None:
        start, end = self._end(left), self._start(right)
        if match := re.search(rf"(?:(?<=[\s)\]])|^){sign}(?=[\s(\[]|$)", self._source[start:end]):
            self._add(kind, start + match.start(), start + match.end(), replacement)

    def visit_Compare(self, node: ast.Compare) -> None:
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            self._between("comparison", left, right, *_COMPARED[type(operator)])
            left = right
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        sign, replacement = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._between("boolean", left, right, sign, replacement)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._add("boolean", self._start(node), self._start(node) + len("not"), "")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if not any(_is_text(side) for side in (node.left, node.right)) and type(node.op) in _CALCULATED:
            self._between("arithmetic", node.left, node.right, *_CALCULATED[type(node.op)])
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        start, end, value = self._start(node), self._end(node), node.value
        if isinstance(value, bool):
            self._add("boolean", start, end, str(not value))
        elif isinstance(value, int):
            self._add("constant", start, end, str(value + 1))
            self._add("constant", start, end, str(value - 1) if value else "(-1)")
        elif isinstance(value, float):
            step = 1 if abs(value) > 1 else 0.05
            self._add("constant", start, end, f"({round(value + step, 12)})")
            self._add("constant", start, end, f"({round(value - step, 12)})")

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            self._add("return value", self._start(node.value), self._end(node.value), "None")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):
            return  # a docstring
        if isinstance(node.value, ast.Call):
            if _SAID.search(ast.unparse(node.value.func)):
                return
            self._add("dropped call", self._start(node), self._end(node), "pass")
        self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """A text."""

    def visit_Raise(self, node: ast.Raise) -> None:
        """What is raised is a message."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.visit(default)
        for statement in node.body:
            self.visit(statement)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - ast's own names

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for statement in node.body:
            self.visit(statement)

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" not in ast.unparse(node.test):
            self.generic_visit(node)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
