"""Facts of a README: its lead (what the project is), title, headings, badges and lines.

Here: which sentence is the lead, which heading is the title. Not here: removing markup (``readme``), other facts
(``facts``), what they mean (``labels.features``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from dockml_dagster.study.cuts import first, shortened
from dockml_dagster.study.project.facts import MAX_TEXT, Fact, described, without_name
from dockml_dagster.study.project.readme import ReadmeLine, readme_prose

_MAX_README = 64 * 1024
MAX_README_LINES = 600
MAX_README_LINE = 300
"""How much of a README is read: this many lines that are not blank, and this many characters of each."""
_MAX_LEAD = 400
_LEAD_LINES = 80
_LEAD_PARAGRAPHS = 4
_DEFINITION = re.compile(
    r"\W{0,10}(?:[^\s.]{1,40}\s){0,6}?(?:is|are|provides?|offers?) (?:an?|the|our|one)\b", re.IGNORECASE
)
_THINGS = (
    "repo|repository|project|package|library|codebase|toolkit|framework|tool|software|course|book|app|application"
    "|platform"
)
_OF_ITSELF = re.compile(
    rf"\W{{0,10}}(?:the (?:{_THINGS})|(?:this|our)(?: [\w-]{{1,30}}){{0,3}}? "
    rf"(?:{_THINGS}|code|model|module|implementation|work|image)"
    r"|we|it|here|this)\b.{0,80}?\b(?:is|are|provides?|offers?|contains?|includes?|implements?|hosts?|presents?|introduces?"
    r"|releases?|propose)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[^\W\d_]{3}[.!?])\s")
_MENU = re.compile(r"[•·|]|\s[-–—]\s")
_TITLE_LINES = 60
_ABOUT_DOCUMENTS = re.compile(
    r"\b(?:documentation|docs|sphinx|docusaurus|website|mintlify|guide|pages?)\b", re.IGNORECASE
)
"""Sentences about the documentation itself."""
_SECTION = re.compile(
    r"\W{0,10}(?:table of|contents?|introduction|overview|about|quick ?start|install\w*|usage|requirements?|features?"
    r"|background|summary|description|motivation|abstract|demo|examples?|project (?:introduction|overview|description)"
    r"|what (?:is|are)|why|how|welcome)\b",
    re.IGNORECASE,
)
_BADGE = re.compile(
    r"!\[([^\]\n]{0,100})\]\(([^)\s]{1,300})[^)\n]{0,100}\)(?:\]\(([^)\s]{1,300})\))?"
    r"|(?:<a\b[^<>\n]{0,100}href=[\"']([^\"'\s]{1,300})[\"'][^<>\n]{0,100}>\s{0,5})?<img\b[^<>\n]{0,200}?src=[\"']([^\"'\s]{1,300})"
    r"|\.\. image:: (\S{1,300})",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{2,40}")
_NOTICE = re.compile(
    r"(?:\W|\d){0,20}(?:note|notice|warning|important|attention|news|update|deprecat|announc|latest|copyright|licen[sc]ed|"
    r"please|join|follow|star |documentation|if you|to (?:install|get|use|run|build)\b|"
    r"for (?:more|manual|details)|instructions?\b|v?\d+\.\d+|"
    r"in addition|getting started|highlights|build status|"
    r"this (?:repo\w*|project|package|action) (?:is|has been) (?:no longer|deprecated|archived|not |moved)|"
    r"(?:we|the \w+ team)(?:['’]re| are| is) (?:hiring|happy|excited|pleased)|dear|hiring|read this|english|status|archived?"
    r"|this (?:readme|documentation|document|page|guide|file) |you can (?:find|read|adapt)|maintain\w*|breaking"
    r"|upgrad\w+)\b",
    re.IGNORECASE,
)


def readme_facts(path: str, text: str, name: str = "") -> tuple[Fact, ...]:
    """The facts of a README, without the project's name.

    ``readme`` is what the project says it is: the first sentence of its first paragraph of prose (six words or more;
    no heading, badge, notice, bar of links, list or code), and the paragraph's defining sentence. ``readme body`` is every
    other line of prose, list and code, including headings. For ``title``, ``heading`` and ``badge`` see ``facts.Where``.
    """
    text = shortened(text, _MAX_README, "a README")
    lines = _lines(text)
    start = _lead(lines, name)
    facts: list[Fact] = []
    lead = ""
    if start is not None:
        lead = without_name(_defining(_paragraph(lines, start)), name).strip()
        facts += described("readme", lead[:_MAX_LEAD], path, lines[start].number)
    facts += _headings(path, lines, name)
    facts += _badges(path, text, name)
    for line in lines:
        # The lead is one fact only. Text after it on its line belongs to the body.
        body = without_name(line.text, name).strip()
        if start is not None and line.number == lines[start].number:
            body = "" if lead.startswith(body) else body.removeprefix(lead).strip()
        if body:
            facts.append(Fact("readme body", body[:MAX_README_LINE], path, line.number))
    return tuple(facts)


def index_facts(path: str, text: str, name: str = "") -> tuple[Fact, ...]:
    """What the project is, by the first page of its documentation, found like the lead of a README."""
    lines = _lines(shortened(text, _MAX_README, "a README"))
    start = _lead(lines, name)
    if start is None or _ABOUT_DOCUMENTS.search(lines[start].text):
        return ()
    lead = without_name(_defining(_paragraph(lines, start)), name).strip()
    return tuple(described("own description", lead[:_MAX_LEAD], path, lines[start].number))


def _lines(text: str) -> list[ReadmeLine]:
    return list(first(readme_prose(text), MAX_README_LINES, "lines of a README"))


def _headings(path: str, lines: Sequence[ReadmeLine], name: str) -> Iterator[Fact]:
    """The title, if text is left of it and it names a kind of thing; then every other heading."""
    titled = False
    for line in lines:
        if not line.is_heading:
            continue
        text = without_name(line.text, name).strip(" \t:-–—|.,")
        plain = len(_WORD.findall(text)) >= 2 and not _NOTICE.match(text) and not _SECTION.match(text)
        if not titled and plain and line.number <= _TITLE_LINES:
            yield from described("title", text[:_MAX_LEAD], path, line.number)
            titled = True
        elif text:
            yield Fact("heading", text[:200], path, line.number)
        titled = True


def _badges(path: str, text: str, name: str) -> Iterator[Fact]:
    for number, line in enumerate(text.splitlines(), 1):
        if not ("!" in line or "<img" in line or ".. image" in line):
            continue
        for found in _BADGE.finditer(shortened(line, MAX_TEXT, "a line of a README")):
            badge = without_name(" ".join(part for part in found.groups() if part), name)
            yield Fact("badge", badge[:MAX_README_LINE], path, number)


def _paragraph(lines: Sequence[ReadmeLine], start: int) -> str:
    """The consecutive prose lines from ``start`` on."""
    words: list[str] = []
    for i in range(start, min(start + 12, len(lines))):
        line = lines[i]
        if not line.is_prose or line.number != lines[start].number + (i - start):
            break
        words.append(line.text)
    return " ".join(words)


def _defining(paragraph: str) -> str:
    """The paragraph's first sentence, with the next one if that says what the project is."""
    first, *others = _SENTENCE_END.split(paragraph)[:4]
    if not _DEFINITION.match(first):
        first = " ".join((first, *[other for other in others if _DEFINITION.match(other)][:1]))
    return first


def _lead(lines: Sequence[ReadmeLine], name: str) -> int | None:
    """Where the paragraph that says what the project is begins: one whose subject is the project's name; else, among the
    first few, one that defines with "this", "we" or "it"; else the first.
    """
    itself = _about(name)
    first = defining = None
    seen = 0
    for i, line in enumerate(lines[:_LEAD_LINES]):
        begins = line.is_prose and not (
            i and lines[i - 1].is_prose and lines[i - 1].number == line.number - 1
        )
        if not begins:
            continue
        text = _paragraph(lines, i)
        if len(_WORD.findall(text)) < 6 or _NOTICE.match(text) or len(_MENU.findall(text)) >= 3:
            continue
        if itself is not None and itself.match(text):
            return i
        if seen < _LEAD_PARAGRAPHS:
            first = i if first is None else first
            if defining is None and _OF_ITSELF.match(text):
                defining = i
        seen += 1
    return first if defining is None else defining


def _about(name: str) -> re.Pattern[str] | None:
    """The beginning of a sentence that says what the project of this name (``owner/name``) is."""
    words = re.findall(r"[a-z]+|\d+", name.rpartition("/")[2].lower())
    if not words:
        return None
    # "Some Thing", "some-thing" and "SomeThing" are the same project.
    subject = r"[\W_]{0,3}".join(map(re.escape, words[:8]))
    # Without an article only a name may follow: "is self-contained" does not say what the project is.
    return re.compile(
        rf"\W{{0,10}}(?:the\s)?{subject}\W(?:[^\s.,]{{1,40}}\s){{0,4}}?(?:is|are|provides?|offers?) "
        r"(?:(?:an?|the|our|one)\b(?! (?:open[- ]source )?project\b)|(?-i:[A-Z]))",
        re.IGNORECASE,
    )
