"""The root of dockml's own errors: what a user sees as one line, never as a traceback.

Here: the base class and the errors that no single package owns. Not here: errors of the network
(``clients.http.errors``). ``study`` raises ``ValueError`` and its own subclasses of it.
"""

from typing import ClassVar


class DockmlError(Exception):
    """Something a user can act on. Its text is one line: what was wrong, and what to do.

    ``exit_code`` is what the ``dockml`` command ends with (the table is in ``docs/commands.md``). ``retryable`` says
    whether the same call can succeed later.
    """

    exit_code = 1
    retryable: ClassVar[bool] = False


class BadInputError(DockmlError):
    """An argument, file or setting that cannot be used. A retry with the same input cannot help."""

    exit_code = 2


class UnreachableError(DockmlError):
    """A service does not answer now: the warehouse's catalog, its object store, or the workers' broker."""

    exit_code = 5
    retryable = True
