"""The main language of a project's own code, by bytes, from paths and sizes alone.

Here: file suffixes and their languages, as GitHub names them; which folders do not hold the project's own code.
Not here: contents, the language that a host states (``facts.ProjectMetadata``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_LANGUAGES = {
    "C": "c",
    "C#": "cs",
    "C++": "cc cpp cxx c++ hpp hxx hh inl ipp tpp",
    "CSS": "css scss sass less",
    "Clojure": "clj cljs cljc",
    "Cuda": "cu cuh",
    "Dart": "dart",
    "Elixir": "ex exs",
    "Fortran": "f f90 f95 for",
    "Go": "go",
    "HCL": "tf hcl",
    "HTML": "html htm",
    "Haskell": "hs",
    "Java": "java",
    "JavaScript": "js jsx mjs cjs",
    "Jsonnet": "jsonnet libsonnet",
    "Julia": "jl",
    "Jupyter Notebook": "ipynb",
    "Kotlin": "kt kts",
    "Lua": "lua",
    "MATLAB": "m",
    "Nim": "nim",
    "OCaml": "ml mli",
    "Objective-C": "mm",
    "PHP": "php",
    "Perl": "pl pm",
    "Python": "py pyx pxd pyi",
    "R": "r rmd",
    "Ruby": "rb",
    "Rust": "rs",
    "Scala": "scala",
    "Shell": "sh bash zsh",
    "Svelte": "svelte",
    "Swift": "swift",
    "TypeScript": "ts tsx",
    "Vue": "vue",
    "Zig": "zig",
}
_BY_ENDING = {ending: language for language, endings in _LANGUAGES.items() for ending in endings.split()}
_ASIDE = re.compile(
    r"(?:^|/)(?:examples?|samples?|demos?|docs?|documentation|website|tests?|testing|test[-_]data|benchmarks?"
    r"|tutorials?|notebooks?|third[-_]?party|3rd[-_]?party|vendor(?:ed)?|externals?|extern|deps|submodules"
    r"|node_modules|site-packages|contrib)/",
    re.IGNORECASE,
)
_GENERATED = re.compile(
    r"(?:\.min\.(?:js|css)|_pb2(?:_grpc)?\.pyi?|\.pb\.(?:go|cc|h)|-lock\.\w+)\Z", re.IGNORECASE
)


def is_aside(path: str) -> bool:
    """Whether a path is not the project's own code but an example, documentation, a test or a copy of others' code."""
    return _ASIDE.search(path) is not None


def main_language(sizes: Iterable[tuple[str, int | None]]) -> str | None:
    """The language with most bytes among files (path, size); of equal ones the first by name.

    Examples, tests and the like count only if there is no other code. None if no file has a known suffix and size.
    """
    own: Counter[str] = Counter()
    aside: Counter[str] = Counter()
    for path, size in sizes:
        name = path.rpartition("/")[2]
        language = _BY_ENDING.get(name.rpartition(".")[2].lower()) if "." in name else None
        if language is None or not size or _GENERATED.search(name):
            continue
        (aside if is_aside(path) else own)[language] += size
    counted = own or aside
    return min(counted, key=lambda language: (-counted[language], language), default=None)
