"""What a reader of a format raises. Here: the one error. Not here: when."""


class RefusedTextError(ValueError):
    """A text that is not what its name says, or is beyond what is read. One line, without anything of the text in it."""
