"""A history entry as the text of its instruction: one line, without secrets.

Here: the forms that the classic builder, BuildKit and buildah write, and masking. A history entry may hold build arguments,
tokens in addresses and passwords on command lines; their values become `***`. Not here: which layer an entry belongs to
(``config``), the keyword alone (``layer.history``).
"""

from __future__ import annotations

import re
from typing import Final

_MOST: Final = 16_384
"""Most characters of an entry that are read."""
_MASK: Final = "***"
_ARGUMENTS: Final = re.compile(r"^(?:RUN )?\|\d+ ")
_SHELL: Final = re.compile(r"/bin/(?:ba|da|a)?sh (?:-[a-z]+ (?:pipefail )?)*-\w*c ")
_NO_OPERATION: Final = re.compile(r"^/bin/(?:ba|da|a)?sh -c #\(nop\)\s+")
_HIDDEN_NAME: Final = (
    r"[\w-]{0,40}(?:api_?key|access_?key|auth|credential|passwd|password|pword|private_?key|secret|token)"
    r"[\w-]{0,40}"
)
_MASKED: Final = (
    (
        re.compile(rf"(?i)(--{_HIDDEN_NAME}[= ]|\b{_HIDDEN_NAME}=(?!=))(\"[^\"]*\"|'[^']*'|[^\s;&|]+)"),
        rf"\1{_MASK}",
    ),
    (re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://)[^\s/@]{1,500}@"), rf"\1{_MASK}@"),
    (
        re.compile(r"(?i)(\b(?:authorization|x-[a-z-]*(?:key|token)): ?(?:basic |bearer |token )?)[^\s\"']+"),
        rf"\1{_MASK}",
    ),
    # Tokens recognised by their form: GitHub, GitLab, Hugging Face, AWS, Slack, PyPI, npm.
    (re.compile(r"\b(?:gh[opsu]_|github_pat_|glpat-|hf_|AKIA|ASIA|xox[abps]-|pypi-|npm_)[\w-]{12,}"), _MASK),
)


def instruction_text(created_by: str) -> str:
    """The instruction as a Dockerfile would write it, on one line, with secrets masked: `RUN pip install torch`."""
    text = " ".join(created_by[:_MOST].split()).removesuffix(" # buildkit")
    text = _NO_OPERATION.sub("", text)
    if _ARGUMENTS.match(text):
        # The values of build arguments come before the shell and may hold anything.
        shell = _SHELL.search(text)
        text = "RUN " + text[shell.end() :] if shell else "RUN"
    else:
        shell = _SHELL.match(text.removeprefix("RUN "))
        if shell is not None:
            text = "RUN " + text.removeprefix("RUN ")[shell.end() :]
    return masked(text)


def masked(text: str) -> str:
    """The text with `***` in place of what looks like a secret."""
    for pattern, mask in _MASKED:
        text = pattern.sub(mask, text)
    return text
