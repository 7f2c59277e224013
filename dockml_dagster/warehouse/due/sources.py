"""A hash of the code that computes a table, independent of comments and docstrings.

Here: the normal form of a module, the modules that it imports, their hash, and a cache that avoids reading them twice.
Not here: what else makes a version (``warehouse.versions``), which tables are computed by which module (``derivations``).

A module's normal form is its syntax tree without comments, docstrings, layout and parts that only a type checker reads. It
is written here because ``ast.dump`` differs between versions of Python; this form is the same on 3.11 to 3.13, from a
checkout and from a wheel. Other packages are represented by the version of their distribution, not by their code.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from dockml_dagster.warehouse.rows import combined_hash

DISTRIBUTIONS: Mapping[str, str] = {
    "dockerfile_parse": "dockerfile-parse",
    "e2b_dockerfile_utils": "e2b-dockerfile-utils",
    "numpy": "numpy",
    "scipy": "scipy",
    "tree_sitter": "tree-sitter",
    "tree_sitter_bash": "tree-sitter-bash",
    "yaml": "PyYAML",
}
"""Import name → distribution, for every third-party package that affects derived tables."""

_MOST_REMEMBERED = 2000
"""Most modules kept in the cache, over all versions of the package."""
_LEFT_OUT = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
"""Fields of a node that follow from its position, or that only type checkers read."""


@dataclass(frozen=True, slots=True)
class Module:
    """One module: the hash of its normal form, and what it imports: ``a.b``, or ``a:b`` for ``from a import b``."""

    form: str
    imports: tuple[str, ...]


def read_module(source: bytes) -> Module:
    """The module of a source text.

    Raises:
        SyntaxError: it is not valid Python.
    """
    reader = _Reader()
    reader.write(ast.parse(source))
    form = hashlib.sha256("".join(reader.parts).encode()).hexdigest()
    return Module(form, tuple(dict.fromkeys(reader.imports)))


class Sources:
    """The source files of a package, and a cache of their modules by the hash of their bytes."""

    def __init__(self, package: Path, memory: Path | None = None) -> None:
        """``package``: its folder. ``memory``: the cache file; if it cannot be written, nothing is cached."""
        self._package, self._memory = package, memory
        self._known: dict[str, Module] = {}
        self._read: dict[str, Module] = {}
        self._used: set[str] = set()
        self._remembered = False

    def code_hash(self, roots: Sequence[str], within: Sequence[str]) -> str:
        """Hash of the roots and of everything they import within parts of the package, and versions of ``DISTRIBUTIONS``.

        Roots and parts are names below the package (``study.readings``, ``study``).
        """
        modules = self.reached(roots, within)
        outside = {re.split("[.:]", name)[0] for module in modules.values() for name in module.imports}
        parts = [part for name, module in sorted(modules.items()) for part in (name, module.form)]
        parts += [
            f"{name} {_installed(DISTRIBUTIONS[name])}" for name in sorted(outside & DISTRIBUTIONS.keys())
        ]
        return combined_hash(parts)

    def reached(
        self, roots: Sequence[str], within: Sequence[str], *, beyond: Sequence[str] = ()
    ) -> dict[str, Module]:
        """Name below the package → module, of the roots and everything they import, directly or indirectly.

        ``beyond``: parts that are not followed although they are ``within``.

        A folder's ``__init__`` counts if a name is imported from it, not if it is only on the path to a module.
        """
        found: dict[str, Module] = {}
        waiting = list(roots)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = self._module(name)
                waiting += self._ours(found[name].imports, within, beyond)
        self._remember()
        return found

    def _ours(self, imports: Iterable[str], within: Sequence[str], beyond: Sequence[str]) -> Iterator[str]:
        for imported in imports:
            package, _, name = imported.partition(".")
            module, _, member = name.partition(":")
            if package != self._package.name:
                continue
            below = f"{module}.{member}"
            found = below if member and below in self._paths else module
            if _is_in(found, within) and not _is_in(found, beyond):
                yield found

    @cached_property
    def _paths(self) -> dict[str, Path]:
        """Name below the package → file, of every module."""
        found = {}
        for folder, _, names in os.walk(self._package):
            above = Path(folder).relative_to(self._package).parts
            for name in names:
                if name.endswith(".py"):
                    parts = above if name == "__init__.py" else (*above, name[:-3])
                    found[".".join(parts)] = Path(folder, name)
        return found

    def _module(self, name: str) -> Module:
        if name not in self._read:
            source = self._paths[name].read_bytes()
            key = hashlib.sha256(source).hexdigest()
            self._recall()
            if key not in self._known:
                self._known[key] = read_module(source)
                self._remembered = False
            self._read[name] = self._known[key]
            self._used.add(key)
        return self._read[name]

    def _recall(self) -> None:
        if self._known or self._memory is None:
            return
        # If the cache file is damaged in any way, the modules are read again.
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            stored = json.loads(self._memory.read_text(encoding="utf-8"))
            if stored["by"] == _own_hash():
                self._known = {
                    key: Module(form, tuple(imports)) for key, (form, imports) in stored["modules"].items()
                }
                self._remembered = True

    def _remember(self) -> None:
        if self._remembered or self._memory is None:
            return
        kept = self._known.keys() if len(self._known) < _MOST_REMEMBERED else self._used
        modules = {key: [self._known[key].form, self._known[key].imports] for key in kept}
        with contextlib.suppress(OSError):
            # Only in an existing home: loading the definitions must not create one.
            self._memory.parent.mkdir(exist_ok=True)
            written = self._memory.with_name(f"{self._memory.name}.{os.getpid()}")
            written.write_text(json.dumps({"by": _own_hash(), "modules": modules}), encoding="utf-8")
            written.replace(self._memory)
        self._remembered = True


def _is_in(module: str, parts: Sequence[str]) -> bool:
    return any(f"{module}.".startswith(f"{part}.") for part in parts)


def _own_hash() -> str:
    """Hash of this module: another normal form would give the same bytes another hash."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


class _Reader:
    """Writes syntax trees as text, and collects their imports."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.imports: list[str] = []

    def write(self, value: Any) -> None:
        """Append a node, a list of nodes or a plain value."""
        if isinstance(value, ast.AST):
            self._node(value)
        elif isinstance(value, list):
            self.parts.append("[")
            for item in value:
                self._item(item)
            self.parts.append("]")
        else:
            # ASCII, because the set of printable characters depends on the Unicode tables of the Python version.
            self.parts.append(f"{type(value).__name__} {value!a};")

    def _node(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            self.imports += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            self.imports += [f"{node.module}:{alias.name}" for alias in node.names]
        self.parts.append(f"{type(node).__name__}(")
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(node, ast.JoinedStr):
                value = _joined(node.values)
            # An empty field may be one that other versions of Python do not have.
            if name in _LEFT_OUT or value == [] or (value is None and not isinstance(node, ast.Constant)):
                continue
            self.parts.append(f"{name}=")
            self.write(value)
        self.parts.append(")")

    def _item(self, item: Any) -> None:
        if isinstance(item, ast.Expr) and _text(item.value) is not None:
            return  # a docstring of anything
        if isinstance(item, ast.If) and isinstance(item.test, ast.Name) and item.test.id == "TYPE_CHECKING":
            for statement in item.orelse:
                self._item(statement)
            return
        self.write(item)


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _joined(values: list[ast.expr]) -> list[ast.AST]:
    """The parts of an f-string with neighbouring texts as one: where Python splits them depends on its version."""
    joined: list[ast.AST] = []
    for value in values:
        text, before = _text(value), _text(joined[-1]) if joined else None
        if text is not None and before is not None:
            joined[-1] = ast.Constant(before + text)
        elif text != "":
            joined.append(value)
    return joined


def _installed(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "absent"
