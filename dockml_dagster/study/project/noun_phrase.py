"""The noun phrase that says what kind of thing a project is, such as "a fast tensor library" in a longer sentence.

Here: extracting that phrase from a sentence, roughly and in linear time. Not here: which sentence defines the project
(``readme_facts``), what its head noun means for a category (``labels.features``).

"A library for building chat bots" is a library, not a bot. A word means something else as the head of the phrase than
after it, so rules treat the two separately.
"""

from __future__ import annotations

import re

_MAX_SENTENCE = 600
_VERB = re.compile(
    r"\A\W{0,10}(?:[^\s.]{1,40}\s+){0,6}?(?:is|are|provides?|offers?|contains?|includes?)\s+", re.IGNORECASE
)
# "This repository contains examples" defines the project without an article.
_HOLDS = re.compile(
    r"\A(?:this|the)?\s?(?:repository|repo|project)\s+(?:contains|holds|hosts|provides|includes)\s+",
    re.IGNORECASE,
)
_OPENING = re.compile(r"(?:an?|the|our|one|your|this|your own)\s+", re.IGNORECASE)
# In "a collection of widgets" the head noun is widgets.
_GROUP = re.compile(
    r"\A(?:\S{1,40}\s+){0,3}?(?:collection|set|series|family|number|kind|type|part|list|group|pool|variety|bunch)s?\s+of\s+",
    re.IGNORECASE,
)
_END = re.compile(
    r"[.!?:;(]|\s[-–—|]\s|,\s(?:which|that|with|written|built|based|designed|for|and|to)\b|\s(?:that|which|for|to|of|in|on|with"
    r"|from|by|as|where|when|who|whose|using|used|written|built|based|designed|made|developed|aimed|intended|powered"
    r"|capable|able|providing|supporting|enabling|allowing|implemented|running|via|including|around|across|at|is|are|it"
    r"|inside|over|under|between|against|without|like|through|within)\b",
    re.IGNORECASE,
)


def kind_of_thing(sentence: str) -> str | None:
    """The phrase; ``None`` if the sentence has none. The project's name must already be removed from the sentence."""
    rest = sentence[:_MAX_SENTENCE].lstrip(" \t\n-–—:,;|.")
    verb = _HOLDS.match(rest) or _VERB.match(rest)
    if verb is not None and (verb.re is _HOLDS or _OPENING.match(rest, verb.end())):
        rest = rest[verb.end() :]
    opening = _OPENING.match(rest)
    if opening is not None:
        rest = rest[opening.end() :]
    group = _GROUP.match(rest)
    if group is not None:
        rest = rest[group.end() :]
    phrase = _END.split(rest, maxsplit=1)[0].strip(" ,\"'")
    return phrase or None
