"""The error that the readers of formats raise.

Here: its type. Not here: what each reader refuses (``json``, ``toml``, ``yaml``).
"""

from __future__ import annotations


class RefusedTextError(ValueError):
    """A text that is malformed or exceeds a cap. The message is one line and quotes nothing of the text.

    ``kind``: the reason without line and numbers, for counting.
    """

    def __init__(self, message: str, kind: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind or message
