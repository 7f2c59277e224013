"""What a file is by its path alone: a Dockerfile, or a file that merely has the word in its name.

Here: the name. Not here: the content (``reading`` says whether a file of any name reads as a Dockerfile).
Name and content are separate facts because the study took every file whose name contains "dockerfile" (2,493
files), and at least 124 of those are JavaScript, Python, Markdown and the like.
"""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "dockerfile", "template", "dockerignore", "compose", "markdown", "documentation", "source code", "script",
    "data", "other",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileKind:
    """The kind by name, and the rule that decided it. ``mentions_dockerfile``: the study's own criterion."""

    kind: Kind
    reason: str
    mentions_dockerfile: bool


# Suffixes that decide what a file is, whatever precedes them. `.in` is only a habit of build systems: such
# files are templates by name, although most of them read as plain Dockerfiles.
_SUFFIXES: dict[Kind, str] = {
    "markdown": "md mdx markdown",
    "documentation": "rst adoc asciidoc txt html htm pdf ipynb tex",
    "template": "j2 jinja jinja2 tmpl tpl template erb mustache hbs handlebars m4 in gotmpl ejs",
    "script": "sh bash zsh ps1 bat cmd",
    "data": "json yaml yml toml ini cfg conf xml csv lock log diff patch svg png gif snap sum properties",
    "source code": (
        "py pyi js ts jsx tsx mjs cjs go java kt scala rb rs c cc cpp cxx h hpp cs php pl lua swift groovy "
        "r jl vue css less scss tmlanguage tm_snippets snippets vim el sql ex exs dart gradle bzl nix "
        "hs lhs ml clj"
    ),
}
_BY_SUFFIX: dict[str, Kind] = {suffix: kind for kind, text in _SUFFIXES.items() for suffix in text.split()}

# `Dockerfile.py` may be a variant of a Dockerfile (for Python) or a module. Modules have a lower-case word
# before the dot; BuildKit's documentation and every corpus seen write variants with a capital D.
_AMBIGUOUS = frozenset({"r", "c", "go", "el", "m4", "in", "conf", "sql", "lock"})
_COMPOSE = re.compile(r"(?:docker-)?compose(?:[._-].*)?\.ya?ml\Z")
_NAMED = re.compile(r"(?:docker|container)file\Z")
_VARIANT = re.compile(r"(?:(?:docker|container)file[._-].+|.+[._-](?:docker|container)file)\Z")


def classify_file_name(path: str) -> FileKind:
    """Classify a path in a repository (``/`` between folders). Never fails; an unknown name is ``other``."""
    name = path.replace("\\", "/").rstrip("/").rpartition("/")[2]
    lower = name.lower()
    mentions = "dockerfile" in lower
    stem, dot, suffix = lower.rpartition(".")
    if lower.endswith("dockerignore"):
        return FileKind("dockerignore", "a list of paths to keep out of the build context", mentions)
    if _COMPOSE.match(lower):
        return FileKind("compose", "named as a Compose file", mentions)
    if _NAMED.match(lower.lstrip(".")):
        return FileKind("dockerfile", "named Dockerfile or Containerfile", mentions)
    kind = _BY_SUFFIX.get(suffix) if dot else None
    if kind is not None and _is_variant_word(name, suffix):
        kind = None
    if kind is not None and stem:
        return FileKind(kind, f"ends in .{suffix}", mentions)
    if _VARIANT.match(lower):
        return FileKind("dockerfile", "Dockerfile with a variant in its name", mentions)
    if mentions:
        return FileKind("dockerfile", "contains 'dockerfile' and no suffix of another kind", True)
    return FileKind("other", "no rule for this name", False)


def _is_variant_word(name: str, suffix: str) -> bool:
    """Whether an ambiguous suffix (``Dockerfile.r``) names a variant of a Dockerfile."""
    return suffix in _AMBIGUOUS - {"in", "m4"} and name.startswith(("Dockerfile.", "Containerfile."))
