"""What a reader of a format raises. Here: the one error. Not here: when."""

from __future__ import annotations


class RefusedTextError(ValueError):
    """A text that is not what its name says, or is beyond what is read. One line, without anything of the text in it.

    ``kind``: the same without line and number, for counting.
    """

    def __init__(self, message: str, kind: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind or message
