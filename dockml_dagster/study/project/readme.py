"""The prose of a README, line by line, without its markup.

Here: removing Markdown, reStructuredText, AsciiDoc and HTML markup, roughly and in linear time. Not here: what the words
mean (``labels.features``), which sentence is the lead (``readme_facts``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dockml_dagster.study.cuts import shortened

_MAX_LINE = 2000
_IMAGE = re.compile(r"!\[[^\]\n]{0,300}\]\s?(?:\([^)\n]{0,600}\)|\[[^\]\n]{0,100}\])")
_LINK = re.compile(r"\[([^\[\]\n]{0,300})\]\s?(?:\([^)\n]{0,600}\)|\[[^\]\n]{0,100}\])")
_RST_LINK = re.compile(r"`([^`<\n]{1,200})<[^>\n]{1,600}>`__?")
_ANCHOR = re.compile(r"<a\b[^<>\n]{0,600}>([^<>\n]{0,300})</a>", re.IGNORECASE)
_TAG = re.compile(r"<[!/a-zA-Z][^<>]{0,600}>")
_ADDRESS = re.compile(r"(?:https?|ftp)://[^\s)>\]]{1,600}|image:\S{1,600}|link:\S{1,600}")
_MARKS = re.compile(r"[*_`|~]{1,3}|:[a-z0-9_+-]{2,30}:|&[a-z]{2,8};|\|")
_HEADING = re.compile(r"#{1,6}\s+|={1,6}\s+")
_LIST = re.compile(r"(?:[-*+•]|\d{1,3}[.)])\s+")
_NO_PROSE = re.compile(
    r"\.\. |:[a-zA-Z_-]{1,40}:|\|[^|]|[-=~^\"#+*_]{3,}\s*\Z|\[[^\]]{1,100}\]:|ifdef::|toc::|endif::|@\w"
)
_ADMONITION = re.compile(r"\A(?:>\s?){1,3}")
_ALERT = re.compile(r">\s?\[!\w{1,20}\]|\.\. ")
_HTML_HEADING = re.compile(r"<h[1-6]\b", re.IGNORECASE)
_HTML_HEADING_ENDS = re.compile(r"</h[1-6]>", re.IGNORECASE)
_MOST_OUTSIDE_OF_LINKS = 0.3
"""A line of three links or more is a bar of links if at most this share of its letters is outside the links."""


@dataclass(frozen=True, slots=True)
class ReadmeLine:
    """A line without markup. ``is_prose``: neither heading, list, bar of links nor code. ``number`` counts from 1."""

    number: int
    text: str
    is_prose: bool
    is_heading: bool = False


def readme_prose(text: str) -> Iterator[ReadmeLine]:
    """Every line that still has text. Comments and addresses are dropped; links keep their text."""
    fence = ""
    alert = False
    in_heading = False
    previous: tuple[int, str] | None = None
    for number, raw in enumerate(_without_comments(text).splitlines(), 1):
        line = shortened(raw.strip(), _MAX_LINE, "a line of a README")
        if line.startswith(("```", "~~~")) or (line in ("----", "====") and fence == line):
            fence = "" if fence and line.startswith(fence) else fence or line[:3]
            continue
        underline = previous is not None and _is_underline(line)
        if previous is not None:
            # A line that the next line underlines is a heading.
            yield ReadmeLine(previous[0], previous[1], not underline, underline)
            previous = None
        if fence:
            if line:
                yield ReadmeLine(number, line, is_prose=False)
            continue
        # A notice or directive continues while its lines are quoted or indented.
        boxed = alert and (line.startswith(">") or (bool(line) and raw[:2].isspace()) or not line)
        alert = boxed or _ALERT.match(line) is not None
        opens = _HTML_HEADING.search(line) is not None
        heading = in_heading or opens
        if heading:
            in_heading = _HTML_HEADING_ENDS.search(line) is None
        if not line or underline or _NO_PROSE.match(line):
            continue
        plain = " ".join(_plain(_ADMONITION.sub("", line, count=1)).split())
        if not plain:
            continue
        marked = _HEADING.match(line)
        if marked or heading:
            text_of_it = _LIST.sub("", _HEADING.sub("", plain, count=1), count=1)
            yield ReadmeLine(number, text_of_it, is_prose=False, is_heading=True)
        elif _LIST.match(line) or raw.startswith(("    ", "\t", "$ ")) or alert or _is_bar_of_links(line):
            yield ReadmeLine(number, _LIST.sub("", plain, count=1), is_prose=False)
        else:
            previous = (number, plain)
    if previous is not None:
        yield ReadmeLine(*previous, is_prose=True)


def _is_bar_of_links(line: str) -> bool:
    links = _LINK.findall(line) or _ANCHOR.findall(line)
    if len(links) < 3:
        return False
    letters = sum(map(str.isalpha, _plain(line)))
    return letters - sum(map(str.isalpha, "".join(links))) <= _MOST_OUTSIDE_OF_LINKS * letters


def _plain(line: str) -> str:
    line = _IMAGE.sub(" ", line)
    line = _LINK.sub(r"\1", line)
    line = _RST_LINK.sub(r"\1", line)
    line = _TAG.sub(" ", line)
    line = _ADDRESS.sub(" ", line)
    return _MARKS.sub("", line).strip(" []()<>!#")


def _is_underline(line: str) -> bool:
    return len(line) >= 3 and len(set(line)) == 1 and line[0] in '=-~^"#*+'


def _without_comments(text: str) -> str:
    """The text without HTML comments, with line numbers kept. Each character is read once."""
    parts: list[str] = []
    position = 0
    while (start := text.find("<!--", position)) >= 0:
        end = text.find("-->", start)
        if end < 0:
            break
        parts += [text[position:start], "\n" * text.count("\n", start, end)]
        position = end + 3
    return "".join((*parts, text[position:]))
