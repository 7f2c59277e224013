"""An order for versions of packages.

Here: a text key that nearly always sorts like the versions of any ecosystem: numbers by value, a pre-release before its
release, the epoch first. Not here: the exact rules of one ecosystem. Equal keys do not mean equal versions.
"""

from __future__ import annotations

import re
from typing import Final

_EPOCH: Final = re.compile(r"(\d+)[:!]")
_PARTS: Final = re.compile(r"\d+|[a-z]+|~")
_BEFORE_RELEASE: Final = frozenset(
    {"a", "alpha", "b", "beta", "c", "dev", "pre", "preview", "rc", "nightly", "snapshot"}
)
_DIGITS: Final = 20
_MOST_PARTS: Final = 40
_TILDE, _PRE_RELEASE, _END, _WORD, _NUMBER = "01345"


def version_key(version: str) -> str:
    """A text that sorts like the version."""
    epoch = _EPOCH.match(version)
    rest = version[epoch.end() :] if epoch else version
    parts = [f"{_NUMBER}{(epoch[1] if epoch else '0')[-_DIGITS:]:0>{_DIGITS}}"]
    for part in _PARTS.findall(rest.lower())[:_MOST_PARTS]:
        if part == "~":
            parts.append(_TILDE)
        elif part.isdigit():
            parts.append(f"{_NUMBER}{part[-_DIGITS:]:0>{_DIGITS}}")
        else:
            parts.append(f"{_PRE_RELEASE if part in _BEFORE_RELEASE else _WORD}{part}")
    return ".".join([*parts, _END])
