"""The commands of ``dockml``, a folder or module each (``show`` and ``sql`` together): options, one call, output, exit code.

Here: what a command accepts and what it prints. Not here: the work itself. Modules that do the work are imported late on
purpose: ``--help``, ``show``, ``sql`` and the commands that need no study must not wait for Dagster.
"""
