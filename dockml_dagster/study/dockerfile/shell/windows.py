"""Commands of PowerShell and cmd, split by their own separators and quotes.

Here: enough of the two languages to find where a command begins and which words it has. Not here: their
grammars; blocks (``{ … }``) and variables stay words. Neither is ever read as bash, whose quoting differs.
"""

import re

from dockml_dagster.study.dockerfile.shell.model import Operator, Script, SimpleCommand, Span

# PowerShell escapes with a backquote and doubles quotes; cmd escapes with a caret and knows double quotes
# only.
_TOKENS = {
    "powershell": re.compile(
        r"(?P<join>&&|\|\||[;|\n])|(?P<blank>\s+)"
        r"|(?P<word>(?:`.|'(?:[^']|'')*'|\"(?:[^\"`]|`.|\"\")*\"|[^\s;|'\"`&]|&(?!&)|['\"`])+)",
        re.DOTALL,
    ),
    "cmd": re.compile(
        r"(?P<join>&&|\|\||[&|\n])|(?P<blank>\s+)|(?P<word>(?:\^.|\"[^\"\n]*\"|[^\s&|\"^]|[\"^])+)", re.DOTALL
    ),
}


def read(text: str, interpreter: str) -> Script:
    """Parse a script; ``interpreter`` is ``powershell`` or ``cmd``. Lines are left at 0."""
    commands: list[SimpleCommand] = []
    operators: list[Operator] = []
    words: list[Span] = []
    joined = ""

    def close() -> None:
        nonlocal joined
        if words:
            name, *rest = (_bare(text[span.start : span.end]) for span in words)
            commands.append(SimpleCommand(name, tuple(rest), 0, joined, spans=tuple(words)))
            words.clear()
            joined = ""

    for match in _TOKENS[interpreter].finditer(text):
        span = Span(match.start(), match.end())
        if match.lastgroup == "join":
            close()
            joined = match[0]
            operators.append(Operator(match[0], span))
        elif match.lastgroup == "word":
            words.append(span)
    close()
    return Script(text, interpreter, tuple(commands), tuple(operators))


def _bare(word: str) -> str:
    if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"":
        return word[1:-1]
    return word
